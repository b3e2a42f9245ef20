// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_JSON_DETAIL_RFC3339_HPP
#define TELLTALE_JSON_DETAIL_RFC3339_HPP

#include <telltale/core/time.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI::detail {

/// Reads a date-time from its first character on.
class date_time_reader {
public:
    /// `lenient`: seconds and zone may be missing, a comma may stand before the fraction, an offset may be hours only.
    date_time_reader(std::string_view text, bool lenient) noexcept : text_(text), lenient_(lenient) {}

    std::optional<timestamp> read() noexcept {
        using namespace std::chrono;
        const int y = number(4, 9999);
        good_ = take('-');
        const int m = number(2, 12);
        good_ = take('-');
        const int d = number(2, 31);
        good_ = take('T') || take('t') || take(' ');
        const int h = number(2, 23);
        good_ = take(':');
        const int min = number(2, 59);
        int s = 0;
        nanoseconds fraction{0};
        if (take(':')) {
            s = number(2, 60);
            fraction = read_fraction();
        } else if (!lenient_) {
            return std::nullopt;
        }
        const minutes offset = read_offset();
        const year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
        if (!good_ || !text_.empty() || !date.ok()) return std::nullopt;
        // Nanoseconds since the epoch fit in 64 bits for these years only.
        if (y < 1678 || y > 2261) return std::nullopt;
        return time_point_cast<timestamp::duration>(sys_days{date} + hours{h} + minutes{min} + seconds{s} - offset +
                                                    fraction);
    }

private:
    bool take(char wanted) noexcept {
        if (!good_ || text_.empty() || text_.front() != wanted) return false;
        text_.remove_prefix(1);
        return true;
    }

    bool digit() const noexcept { return !text_.empty() && text_.front() >= '0' && text_.front() <= '9'; }

    int number(std::size_t digits, int most) noexcept {
        int value = 0;
        if (text_.size() < digits) good_ = false;
        for (std::size_t i = 0; good_ && i < digits; ++i) {
            if (text_[i] < '0' || text_[i] > '9') good_ = false;
            value = value * 10 + (text_[i] - '0');
        }
        if (good_) text_.remove_prefix(digits);
        if (value > most) good_ = false;
        return good_ ? value : 0;
    }

    std::chrono::nanoseconds read_fraction() noexcept {
        std::chrono::nanoseconds fraction{0};
        if (!take('.') && !(lenient_ && take(','))) return fraction;
        std::chrono::nanoseconds place{100'000'000};
        if (!digit()) good_ = false;
        for (; digit(); text_.remove_prefix(1), place /= 10) fraction += place * (text_.front() - '0');
        return fraction;
    }

    std::chrono::minutes read_offset() noexcept {
        std::chrono::minutes offset{0};
        if (take('Z') || take('z') || (lenient_ && text_.empty())) return offset;
        const bool west = take('-');
        if (!west) good_ = take('+');
        offset = std::chrono::hours{number(2, 23)};
        if (lenient_ && text_.empty()) return west ? -offset : offset;
        take(':');
        offset += std::chrono::minutes{number(2, 59)};
        return west ? -offset : offset;
    }

    std::string_view text_;
    bool lenient_;
    bool good_ = true;
};

/// A date-time of RFC 3339. A blank may stand for the T, the colon of the offset may be missing, and digits below a
/// nanosecond are ignored.
inline std::optional<timestamp> parse_rfc3339(std::string_view text) noexcept {
    return date_time_reader(text, false).read();
}

/// The same; seconds may be missing, and without a zone it is UTC.
inline std::optional<timestamp> parse_iso8601(std::string_view text) noexcept {
    return date_time_reader(text, true).read();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_RFC3339_HPP
