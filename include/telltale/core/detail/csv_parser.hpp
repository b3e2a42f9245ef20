// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_DETAIL_CSV_PARSER_HPP
#define TELLTALE_CORE_DETAIL_CSV_PARSER_HPP

#include <telltale/core/csv_parser.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

inline constexpr std::string_view utf8_mark = "\xEF\xBB\xBF";
inline constexpr std::string_view utf16_marks[] = {"\xFF\xFE", "\xFE\xFF"};

inline bool may_become_mark(std::string_view head) noexcept {
    const auto begins = [head](std::string_view mark) { return head.size() < mark.size() && mark.starts_with(head); };
    return begins(utf8_mark) || begins(utf16_marks[0]) || begins(utf16_marks[1]);
}

} // namespace detail

inline std::string_view to_string(csv_fault f) noexcept {
    switch (f) {
    case csv_fault::none: return "nothing is wrong";
    case csv_fault::stray_quote: return "a quote in a field that does not begin with one";
    case csv_fault::text_after_quote: return "text after the quote that closes a field";
    case csv_fault::unterminated_quote: return "a quoted field that does not end";
    case csv_fault::ragged_row: return "a row that has not as many fields as the first one";
    case csv_fault::field_too_large: return "a field over the limit";
    case csv_fault::row_too_large: return "a row over the limit";
    case csv_fault::not_utf8: return "UTF-16, not UTF-8";
    case csv_fault::stopped: return "stopped by whoever reads the rows";
    }
    return "unknown";
}

inline std::string to_string(const csv_error& e) {
    return "line " + std::to_string(e.line) + ", column " + std::to_string(e.column) + ": " +
           std::string(to_string(e.fault));
}

inline csv_parser::csv_parser(on_row told, csv_options options) : told_(std::move(told)), options_(options) {
    const auto mark = [this](char c, unsigned where) {
        stops_[static_cast<unsigned char>(c)] |= static_cast<std::uint8_t>(where);
    };
    mark(options_.delimiter, stops_plain);
    for (const char c : {options_.quote, '\r', '\n'}) mark(c, stops_plain | stops_quoted);
}

inline bool csv_parser::push(std::string_view piece) {
    if (error_) return false;
    if (!begun_) {
        while (!piece.empty() && detail::may_become_mark(head_)) {
            head_ += piece.front();
            piece.remove_prefix(1);
        }
        if (detail::may_become_mark(head_)) return true;
        if (!begin()) return false;
    }
    return take(piece);
}

inline bool csv_parser::finish() {
    if (error_ || (!begun_ && !begin())) return false;
    switch (state_) {
    case state::row_start: return true;
    case state::quoted: return fail(csv_fault::unterminated_quote, quote_line_, quote_column_);
    default: return end_field() && end_row();
    }
}

inline bool csv_parser::begin() {
    begun_ = true;
    const std::string head = std::exchange(head_, {});
    if (head == detail::utf8_mark) return true;
    if (std::find(std::begin(detail::utf16_marks), std::end(detail::utf16_marks), head) !=
        std::end(detail::utf16_marks))
        return fail_here(csv_fault::not_utf8);
    return take(head);
}

inline bool csv_parser::take(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
        if (state_ == state::plain || state_ == state::quoted) {
            const unsigned stop = state_ == state::plain ? stops_plain : stops_quoted;
            std::size_t end = i;
            while (end < text.size() && (stops_[static_cast<unsigned char>(text[end])] & stop) == 0) ++end;
            if (end > i) {
                if (!append(text.substr(i, end - i))) return false;
                after_cr_ = false;
                offset_ += end - i;
                i = end;
                continue;
            }
        }
        if (!step(text[i])) return false;
        ++i;
        ++offset_;
    }
    return true;
}

inline bool csv_parser::step(char c) {
    const bool rest_of_crlf = std::exchange(after_cr_, false) && c == '\n';
    const bool breaks_line = c == '\n' || c == '\r';
    const auto close = [&](state next) { // a delimiter or the end of the line, after a field
        if (!end_field()) return false;
        state_ = next;
        if (next == state::field_start) return true;
        if (!end_row()) return false;
        end_line(c);
        return true;
    };
    switch (state_) {
    case state::row_start:
        if (rest_of_crlf) {
            line_start_ = offset_ + 1;
            return true;
        }
        if (breaks_line && options_.skip_empty_lines) {
            end_line(c);
            return true;
        }
        row_line_ = line_;
        [[fallthrough]];
    case state::field_start:
        if (c == options_.quote) {
            state_ = state::quoted;
            quote_line_ = line_;
            quote_column_ = column();
            return true;
        }
        [[fallthrough]];
    case state::plain:
        if (breaks_line) return close(state::row_start);
        if (c == options_.delimiter) return close(state::field_start);
        if (c == options_.quote && !options_.lenient_quotes) return fail_here(csv_fault::stray_quote);
        state_ = state::plain;
        return append({&c, 1});
    case state::quoted:
        if (c == options_.quote) {
            state_ = state::quote_seen;
            return true;
        }
        if (!append({&c, 1})) return false;
        if (rest_of_crlf)
            line_start_ = offset_ + 1;
        else if (breaks_line)
            end_line(c);
        return true;
    case state::quote_seen:
        if (breaks_line) return close(state::row_start);
        if (c == options_.delimiter) return close(state::field_start);
        if (c == options_.quote) {
            state_ = state::quoted;
            return append({&c, 1});
        }
        if (!options_.lenient_quotes) return fail_here(csv_fault::text_after_quote);
        state_ = state::plain;
        return append({&options_.quote, 1}) && append({&c, 1});
    }
    return false;
}

inline void csv_parser::end_line(char c) noexcept {
    ++line_;
    line_start_ = offset_ + 1;
    after_cr_ = c == '\r';
}

inline bool csv_parser::append(std::string_view text) {
    const std::size_t field = text_.size() - (ends_.empty() ? 0 : ends_.back());
    const std::size_t left_of_field = options_.max_field - field;
    const std::size_t left_of_row = options_.max_row - text_.size();
    if (text.size() > left_of_field || text.size() > left_of_row)
        return fail(left_of_field < left_of_row ? csv_fault::field_too_large : csv_fault::row_too_large, line_,
                    column() + std::min(left_of_field, left_of_row));
    text_ += text;
    return true;
}

inline bool csv_parser::end_field() {
    if (ends_.size() == options_.max_fields) return fail_here(csv_fault::row_too_large);
    ends_.push_back(text_.size());
    return true;
}

inline bool csv_parser::end_row() {
    fields_.clear();
    std::size_t from = 0;
    for (const std::size_t end : ends_) {
        fields_.push_back(std::string_view(text_).substr(from, end - from));
        from = end;
    }
    const bool first = columns_ == 0;
    if (first) columns_ = fields_.size();
    const bool ragged = fields_.size() != columns_;
    if (ragged && options_.refuse_ragged) return fail_here(csv_fault::ragged_row);
    if (ragged) ++ragged_;
    const bool header = first && options_.header;
    if (!header) ++rows_;
    const csv_row row{fields_, header ? 0 : rows_, row_line_, ragged};
    fail(csv_fault::stopped, row_line_, 1); // unless it returns, and wants more
    if (!told_(row)) return false;
    error_ = {};
    text_.clear();
    ends_.clear();
    return true;
}

inline bool csv_parser::fail(csv_fault fault, std::uint64_t line, std::uint64_t column) noexcept {
    error_ = {fault, line, column};
    return false;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_DETAIL_CSV_PARSER_HPP
