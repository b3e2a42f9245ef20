// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Whatever a job API answers: a status, a list, or one of the errors that status_parser names.

#include <telltale/json/status_parser.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

template <class Parse>
void must_be_named(Parse parse) {
    using telltale::errc;
    try {
        parse();
    } catch (const telltale::system_error& e) {
        const auto ec = e.code();
        if (ec != errc::malformed_json && ec != errc::truncated_json && ec != errc::missing_field &&
            ec != errc::wrong_type)
            std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static telltale::status_parser parser(telltale::telltale_profile());
    const std::string body(reinterpret_cast<const char*>(data), size);
    must_be_named([&] { static_cast<void>(parser.parse(body)); });
    must_be_named([&] { static_cast<void>(parser.parse_list(body)); });
    return 0;
}
