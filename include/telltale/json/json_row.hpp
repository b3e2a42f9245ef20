// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_JSON_ROW_HPP
#define TELLTALE_JSON_JSON_ROW_HPP

#include <telltale/version.hpp>

#include <simdjson.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// One value of many: a line of NDJSON, an element of an array. Text and value refer to memory of the parser: only
/// during the call.
struct json_row {
    std::string_view text{};        ///< valid JSON, without blanks around it; followed by SIMDJSON_PADDING bytes
    std::uint64_t number = 0;       ///< counts from 1
    std::uint64_t offset = 0;       ///< of the text, in bytes from the beginning of all
    simdjson::dom::element value{}; ///< the text, parsed
};

/// Given a row. False: no more rows are wanted.
using on_json_row = std::function<bool(const json_row&)>;

struct json_row_options {
    std::size_t max_row = 16U << 20U; ///< in bytes; at least 1
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_JSON_ROW_HPP
