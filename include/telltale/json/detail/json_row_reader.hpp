// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_JSON_ROW_READER_HPP
#define TELLTALE_JSON_DETAIL_JSON_ROW_READER_HPP

#include <telltale/error.hpp>
#include <telltale/json/detail/json_fault.hpp>
#include <telltale/json/json_row.hpp>

#include <simdjson.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// Collects the text of a row, parses it, and tells of it.
class json_row_reader {
public:
    json_row_reader(on_json_row told, json_row_options options) : told_(std::move(told)), max_row_(options.max_row) {}

    std::uint64_t rows() const noexcept { return rows_; }
    bool empty() const noexcept { return text_.empty(); }

    /// Throws body_too_large. `place(offset)`: names a byte of the row.
    template <class Place>
    void append(std::string_view piece, Place place) {
        if (piece.size() > max_row_ - text_.size())
            throw system_error(make_error_code(errc::body_too_large), place(0) + ": a row over the limit");
        text_ += piece;
    }

    /// The row is whole, or `cut`: it is what the text had. Returns what the function said.
    template <class Place>
    bool end(std::uint64_t offset, Place place, bool cut) {
        text_.erase(text_.find_last_not_of(" \t\r\n") + 1);
        text_.reserve(text_.size() + simdjson::SIMDJSON_PADDING);
        simdjson::dom::element value;
        if (parser_.parse(text_.data(), text_.size(), false).get(value) != simdjson::SUCCESS) {
            const auto fault = find_fault(text_);
            const bool truncated = cut && fault.what == json_fault::kind::truncated;
            // What only the fast parser refuses (UTF-8, a number out of range) has no place but the row's.
            const std::size_t at = fault.what == json_fault::kind::none ? 0 : fault.offset;
            throw system_error(make_error_code(truncated ? errc::truncated_json : errc::malformed_json), place(at));
        }
        const json_row row{text_, ++rows_, offset, value};
        const bool go_on = told_(row);
        text_.clear();
        return go_on;
    }

private:
    on_json_row told_;
    std::size_t max_row_;
    std::string text_;
    simdjson::dom::parser parser_;
    std::uint64_t rows_ = 0;
};

/// Finds the end of a JSON value that comes in pieces, by its brackets and strings.
class json_value_end {
public:
    /// Begins with the first byte of a value, which is not taken. False: no value begins so.
    bool begin(char first) {
        in_string_ = escaped_ = over_ = false;
        open_.clear();
        const bool structured = first == '"' || first == '{' || first == '[';
        scalar_ = !structured;
        return structured || first == '-' || (first >= '0' && first <= '9') || first == 't' || first == 'f' ||
               first == 'n';
    }

    bool over() const noexcept { return over_; }
    bool ends_with_text() const noexcept { return scalar_; }

    /// How many bytes at the beginning of the text are the value's; the rest is not looked at once it is over.
    /// Throws malformed_json for brackets that do not fit, or are over 1024 deep.
    std::size_t take(std::string_view text) {
        for (std::size_t i = 0; i < text.size(); ++i) {
            const char c = text[i];
            if (in_string_) {
                if (escaped_)
                    escaped_ = false;
                else if (c == '\\')
                    escaped_ = true;
                else if (c == '"')
                    in_string_ = false;
                if (in_string_ || !open_.empty()) continue;
            } else if (scalar_) {
                if (std::string_view(",]} \t\r\n").find(c) == std::string_view::npos) continue;
                over_ = true;
                return i;
            } else if (c == '"') {
                in_string_ = true;
                continue;
            } else if (c == '{' || c == '[') {
                if (open_.size() == max_depth) throw system_error(make_error_code(errc::malformed_json));
                open_ += c;
                continue;
            } else if (c == '}' || c == ']') {
                if (open_.back() != (c == '}' ? '{' : '[')) throw system_error(make_error_code(errc::malformed_json));
                open_.pop_back();
                if (!open_.empty()) continue;
            } else {
                continue;
            }
            over_ = true;
            return i + 1;
        }
        return text.size();
    }

private:
    static constexpr std::size_t max_depth = 1024;

    std::string open_;
    bool in_string_ = false;
    bool escaped_ = false;
    bool scalar_ = false;
    bool over_ = false;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_JSON_ROW_READER_HPP
