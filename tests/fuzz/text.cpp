// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Small texts from outside that core reads and writes: cursors, names, and strings in JSON.

#include <telltale/core/cursor.hpp>
#include <telltale/core/event.hpp>
#include <telltale/core/json_writer.hpp>

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace telltale;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto c = parse_cursor(text); c && parse_cursor(to_string(*c)) != c) std::abort();
    if (const auto k = parse_event_kind(text); k && to_string(*k) != text) std::abort();
    if (const auto s = parse_job_state(text); s && to_string(*s) != text) std::abort();

    std::string json;
    json_writer(json).begin_array().value(text).end_array();
    static simdjson::dom::parser parser;
    simdjson::dom::array array;
    if (parser.parse(json).get(array) != simdjson::SUCCESS || array.size() != 1) std::abort();
    return 0;
}
