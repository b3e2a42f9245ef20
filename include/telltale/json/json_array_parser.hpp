// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_JSON_ARRAY_PARSER_HPP
#define TELLTALE_JSON_JSON_ARRAY_PARSER_HPP

#include <telltale/json/detail/array_walk.hpp>
#include <telltale/json/json_row.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Reads the elements of an array in a JSON text from pieces of any size, in bounded memory: each element is given as it
/// ends, whatever the size of the whole.
///
///     telltale::json_array_parser rows("/result/rows", [](const telltale::json_row& row) { return use(row.value); });
///     while (const auto piece = read_some()) if (!rows.push(*piece)) break;
///     rows.finish();
///
/// Elements are checked in full; what stands beside the array, by its brackets and strings alone. With the pointer "" a
/// text that is not an array is itself the one row.
///
/// Errors are thrown as system_error whose text names the byte ("at byte 17: malformed JSON"; "row 3, ..." for an element):
/// `errc::malformed_json`, `errc::truncated_json`, `errc::missing_field` (no value at the pointer), `errc::wrong_type` (it
/// is no array, or what leads to it cannot), `errc::body_too_large`: an element over max_row. After one, or after an
/// exception of the function, use it no more.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class json_array_parser {
public:
    /// `pointer`: to the array (RFC 6901). `errc::invalid_argument`, thrown: it is none.
    json_array_parser(std::string pointer, on_json_row told, json_row_options options = {})
        : walk_(std::move(pointer), std::move(told), options) {}

    /// Takes the next piece. False: no more is wanted, and what is left of the piece was not looked at.
    bool push(std::string_view piece) { return walk_.push(piece); }

    /// The text is over. False: no more was wanted.
    bool finish() { return walk_.finish(); }

    /// Rows so far.
    std::uint64_t rows() const noexcept { return walk_.rows(); }

private:
    detail::array_walk walk_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_JSON_ARRAY_PARSER_HPP
