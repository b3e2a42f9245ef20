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

/// A date-time of RFC 3339. A blank may stand for the T, the colon of the offset may be missing, and digits below a
/// nanosecond are ignored.
inline std::optional<timestamp> parse_rfc3339(std::string_view text) noexcept {
    using namespace std::chrono;
    bool good = true;
    const auto take = [&](char wanted) {
        if (!good || text.empty() || text.front() != wanted) return false;
        text.remove_prefix(1);
        return true;
    };
    const auto number = [&](std::size_t digits, int most) {
        int value = 0;
        if (text.size() < digits) good = false;
        for (std::size_t i = 0; good && i < digits; ++i) {
            if (text[i] < '0' || text[i] > '9') good = false;
            value = value * 10 + (text[i] - '0');
        }
        if (good) text.remove_prefix(digits);
        if (value > most) good = false;
        return good ? value : 0;
    };
    const int y = number(4, 9999);
    good = take('-');
    const int m = number(2, 12);
    good = take('-');
    const int d = number(2, 31);
    good = take('T') || take('t') || take(' ');
    const int h = number(2, 23);
    good = take(':');
    const int min = number(2, 59);
    good = take(':');
    const int s = number(2, 60);
    nanoseconds fraction{0};
    if (take('.')) {
        nanoseconds place{100'000'000};
        if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
        while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
            fraction += place * (text.front() - '0');
            place /= 10;
            text.remove_prefix(1);
        }
    }
    minutes offset{0};
    if (!take('Z') && !take('z')) {
        const bool west = take('-');
        good = west || take('+');
        offset = hours{number(2, 23)};
        take(':');
        offset += minutes{number(2, 59)};
        if (west) offset = -offset;
    }
    const year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
    if (!good || !text.empty() || !date.ok()) return std::nullopt;
    // Nanoseconds since the epoch fit in 64 bits for these years only.
    if (y < 1678 || y > 2261) return std::nullopt;
    return time_point_cast<timestamp::duration>(sys_days{date} + hours{h} + minutes{min} + seconds{s} - offset +
                                                fraction);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_JSON_DETAIL_RFC3339_HPP
