// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_TIME_HPP
#define TELLTALE_CORE_TIME_HPP

#include <telltale/version.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// A moment on the calendar, as it is shown and stored. Waiting is done on the steady clock, never on this one.
using timestamp = std::chrono::system_clock::time_point;

/// RFC 3339 in UTC with milliseconds: "2026-11-21T23:20:00.123Z". Years 0000 to 9999. `digits`: of the fraction, 3 to 9.
inline std::string to_rfc3339(timestamp t, int digits = 3) {
    using namespace std::chrono;
    const auto day = floor<days>(t);
    const year_month_day date{day};
    const hh_mm_ss time{floor<nanoseconds>(t - day)};
    char text[64];
    const int n =
        std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%09lld", static_cast<int>(date.year()),
                      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                      static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                      static_cast<int>(time.seconds().count()), static_cast<long long>(time.subseconds().count()));
    std::string result(text, static_cast<std::size_t>(n - 9 + digits));
    result += 'Z';
    return result;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_TIME_HPP
