// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Checkpoints from outside, as they are and with a length and a checksum that fit.

#include <telltale/progress/checkpoint.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void parse(std::string_view bytes) {
    using namespace telltale;
    error_code ec;
    const auto tracker = parse_tracker_checkpoint(bytes, ec);
    if (ec && tracker.done != 0) std::abort();
    const auto tree = parse_stage_checkpoint(bytes, ec);
    if (ec && !tree.root.name.empty()) std::abort();
    stage_tree_snapshot again;
    again.root = tree.root;
    if (ec) return;
    parse_stage_checkpoint(to_checkpoint(again), ec);
    if (ec) std::abort();
    static net::io_context context;
    if (stage_tree(context.get_executor(), tree).snapshot().root.name != tree.root.name) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string bytes(reinterpret_cast<const char*>(data), size);
    parse(bytes);
    if (size < 22) return 0;
    for (std::size_t i = 0; i < 8; ++i) bytes[6 + i] = static_cast<char>(std::uint64_t{size} >> 8 * i);
    const auto hash = telltale::detail::fnv1a(std::string_view(bytes).substr(0, size - 8));
    for (std::size_t i = 0; i < 8; ++i) bytes[size - 8 + i] = static_cast<char>(hash >> 8 * i);
    parse(bytes);
    return 0;
}
