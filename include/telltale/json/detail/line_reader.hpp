// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_LINE_READER_HPP
#define TELLTALE_JSON_DETAIL_LINE_READER_HPP

#include <telltale/error.hpp>

#include <cstddef>
#include <istream>
#include <string>

namespace telltale::inline TELLTALE_ABI::detail {

/// The lines of a log, numbered, each with all it has of at most `max` bytes.
class line_reader {
public:
    line_reader(std::istream& in, std::size_t max) noexcept : in_(in), max_(max) {}

    /// Reads the next line that is not blank. False: there is none. Throws errc::body_too_large.
    bool next() {
        while (read())
            if (text_.find_first_not_of(" \t\r") != std::string::npos) return true;
        return false;
    }

    const std::string& text() const noexcept { return text_; }
    std::size_t number() const noexcept { return number_; }

    /// Whether the line ended in a line break: the last one of a writer that died may not.
    bool whole() const noexcept { return whole_; }

    [[noreturn]] void fail(errc why, const std::string& where) const {
        throw system_error(make_error_code(why), "line " + std::to_string(number_) + where);
    }

private:
    bool read() {
        using traits = std::istream::traits_type;
        text_.clear();
        whole_ = false;
        bool too_long = false;
        auto* const from = in_.rdbuf();
        auto c = traits::eof();
        bool any = false;
        while (!whole_ && !traits::eq_int_type(c = from->sbumpc(), traits::eof())) {
            any = true;
            whole_ = traits::to_char_type(c) == '\n';
            if (whole_) break;
            too_long = too_long || text_.size() == max_;
            if (!too_long) text_ += traits::to_char_type(c);
        }
        if (!any) return false;
        ++number_;
        if (too_long) fail(errc::body_too_large, {});
        return true;
    }

    std::istream& in_;
    std::size_t max_;
    std::string text_{};
    std::size_t number_ = 0;
    bool whole_ = false;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_LINE_READER_HPP
