// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_NDJSON_PARSER_HPP
#define TELLTALE_JSON_NDJSON_PARSER_HPP

#include <telltale/json/detail/json_row_reader.hpp>
#include <telltale/json/json_row.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Reads lines of JSON (NDJSON, JSON Lines) from pieces of any size, in bounded memory: each line is given as it ends.
///
///     telltale::ndjson_parser lines([](const telltale::json_row& row) { return use(row.value); });
///     while (const auto piece = read_some()) if (!lines.push(*piece)) break;
///     lines.finish();
///
/// Empty lines, and a byte order mark, are skipped; the last line need not end with a line break.
///
/// Errors are thrown as system_error whose text names line and column ("line 3, column 17: malformed JSON"):
/// `errc::malformed_json`, `errc::truncated_json` (also when the last line ends too early: such a file was cut off),
/// `errc::body_too_large`: a line over max_row. After one, or after an exception of the function, use it no more.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class ndjson_parser {
public:
    explicit ndjson_parser(on_json_row told, json_row_options options = {}) : reader_(std::move(told), options) {}

    /// Takes the next piece. False: no more is wanted, and what is left of the piece was not looked at.
    bool push(std::string_view piece) {
        while (!piece.empty() && !stopped_) {
            const std::size_t end = piece.find('\n');
            add(piece.substr(0, end));
            if (end == std::string_view::npos) break;
            piece.remove_prefix(end + 1);
            if (!end_line()) stopped_ = true;
        }
        return !stopped_;
    }

    /// The text is over: gives the last line. False: no more was wanted.
    bool finish() { return !stopped_ && end_line(); }

    /// Rows so far.
    std::uint64_t rows() const noexcept { return reader_.rows(); }

private:
    /// Blanks at the beginning of a line are not kept.
    void add(std::string_view text) {
        const auto where = [this](std::size_t at) { return place(at); };
        if (reader_.empty()) {
            while (mark_ < mark.size() && !text.empty() && text.front() == mark[mark_]) {
                ++mark_;
                skip(text, 1);
            }
            begin_ = offset_;
            if (text.empty()) return;
            if (mark_ != mark.size()) reader_.append(mark.substr(0, std::exchange(mark_, mark.size())), where);
            if (reader_.empty()) skip(text, std::min(text.find_first_not_of(" \t\r"), text.size()));
            begin_ = offset_;
        }
        reader_.append(text, where);
        offset_ += text.size();
    }

    void skip(std::string_view& text, std::size_t n) {
        text.remove_prefix(n);
        offset_ += n;
    }

    bool end_line() {
        bool go_on = true;
        mark_ = mark.size();
        if (!reader_.empty())
            go_on = reader_.end(
                begin_, [this](std::size_t at) { return place(at); }, true);
        ++line_;
        ++offset_;
        line_start_ = offset_;
        return go_on;
    }

    /// Names a byte of the row.
    std::string place(std::size_t at) const {
        return "line " + std::to_string(line_) + ", column " + std::to_string(begin_ - line_start_ + at + 1);
    }

    static constexpr std::string_view mark = "\xEF\xBB\xBF";

    detail::json_row_reader reader_;
    std::uint64_t offset_ = 0;
    std::uint64_t line_ = 1;
    std::uint64_t line_start_ = 0;
    std::uint64_t begin_ = 0; // of the row
    std::size_t mark_ = 0;    // bytes of the byte order mark so far
    bool stopped_ = false;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_JSON_NDJSON_PARSER_HPP
