// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Whatever a job API serves as CSV: the same rows and the same fault, whole or byte by byte, within the limits.

#include <telltale/core/csv_parser.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

constexpr telltale::csv_options limits{.max_field = 64, .max_row = 128, .max_fields = 8};

struct reading {
    std::string seen{};
    telltale::csv_error error{};

    explicit reading(std::string_view text, std::size_t piece) {
        telltale::csv_parser parser(
            [this](const telltale::csv_row& row) {
                if (row.fields.empty() || row.fields.size() > limits.max_fields) std::abort();
                std::size_t size = 0;
                for (const auto field : row.fields) {
                    if (field.size() > limits.max_field) std::abort();
                    size += field.size();
                    seen.append(field).append(1, '\0');
                }
                if (size > limits.max_row) std::abort();
                seen.append(std::to_string(row.line)).append(1, '\n');
                return true;
            },
            limits);
        bool good = true;
        for (; good && !text.empty(); text.remove_prefix(std::min(piece, text.size())))
            good = parser.push(text.substr(0, piece));
        if (good) good = parser.finish();
        if (good == static_cast<bool>(parser.error())) std::abort();
        error = parser.error();
    }
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const reading whole(text, size + 1);
    const reading bytes(text, 1);
    if (whole.seen != bytes.seen || whole.error != bytes.error) std::abort();
    return 0;
}
