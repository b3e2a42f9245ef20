// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_HTTP_DATE_HPP
#define TELLTALE_CORE_HTTP_DATE_HPP

#include <telltale/core/time.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

inline constexpr std::array<std::string_view, 7> http_days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
inline constexpr std::array<std::string_view, 7> http_long_days{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                                "Thursday", "Friday", "Saturday"};
inline constexpr std::array<std::string_view, 12> http_months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Reads a date of HTTP from the left. Once something is not as it should be, it has failed.
class http_date_reader {
public:
    explicit http_date_reader(std::string_view text) : rest_(text) {}

    bool good() const noexcept { return good_; }
    bool at_end() const noexcept { return good_ && rest_.empty(); }
    bool next_is(char c) const noexcept { return !rest_.empty() && rest_.front() == c; }

    void expect(std::string_view text) noexcept {
        if (rest_.starts_with(text))
            rest_.remove_prefix(text.size());
        else
            good_ = false;
    }

    /// The index of the name that stands here.
    template <std::size_t N>
    unsigned name(const std::array<std::string_view, N>& names) noexcept {
        for (std::size_t i = 0; i < N; ++i) {
            if (!rest_.starts_with(names[i])) continue;
            rest_.remove_prefix(names[i].size());
            return static_cast<unsigned>(i);
        }
        good_ = false;
        return 0;
    }

    /// A number of just so many digits.
    unsigned number(std::size_t digits) noexcept {
        unsigned n = 0;
        for (; digits > 0; --digits) {
            if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') {
                good_ = false;
                return 0;
            }
            n = n * 10 + static_cast<unsigned>(rest_.front() - '0');
            rest_.remove_prefix(1);
        }
        return n;
    }

    std::chrono::seconds time_of_day() noexcept {
        const unsigned hours = number(2);
        expect(":");
        const unsigned minutes = number(2);
        expect(":");
        const unsigned seconds = number(2);
        if (hours > 23 || minutes > 59 || seconds > 60) good_ = false;
        return std::chrono::hours(hours) + std::chrono::minutes(minutes) + std::chrono::seconds(seconds);
    }

private:
    std::string_view rest_;
    bool good_ = true;
};

/// A year of two digits: not more than 50 years ahead (RFC 9110, section 5.6.7).
inline unsigned http_full_year(unsigned two_digits, timestamp now) {
    using namespace std::chrono;
    const int this_year = static_cast<int>(year_month_day(floor<days>(now)).year());
    int year = this_year - this_year % 100 + static_cast<int>(two_digits);
    if (year > this_year + 50) year -= 100;
    if (year <= this_year - 50) year += 100;
    return static_cast<unsigned>(std::clamp(year, 0, 9999));
}

} // namespace detail

/// Reads a date of HTTP (RFC 9110, section 5.6.7), in each of its three forms:
///
///     Sun, 06 Nov 1994 08:49:37 GMT     Sunday, 06-Nov-94 08:49:37 GMT     Sun Nov  6 08:49:37 1994
///
/// Years 1678 to 2261, which is what a timestamp holds. `now` says which century a year of two digits is in. Which day of
/// the week it was is not checked.
inline std::optional<timestamp> parse_http_date(std::string_view text, timestamp now) {
    using namespace std::chrono;
    detail::http_date_reader in(text);
    unsigned year = 0;
    unsigned month = 0;
    unsigned day = 0;
    seconds time{};
    const auto comma = text.find(',');
    if (comma == 3) {
        in.name(detail::http_days);
        in.expect(", ");
        day = in.number(2);
        in.expect(" ");
        month = in.name(detail::http_months);
        in.expect(" ");
        year = in.number(4);
        in.expect(" ");
        time = in.time_of_day();
        in.expect(" GMT");
    } else if (comma != std::string_view::npos) {
        in.name(detail::http_long_days);
        in.expect(", ");
        day = in.number(2);
        in.expect("-");
        month = in.name(detail::http_months);
        in.expect("-");
        year = detail::http_full_year(in.number(2), now);
        in.expect(" ");
        time = in.time_of_day();
        in.expect(" GMT");
    } else {
        in.name(detail::http_days);
        in.expect(" ");
        month = in.name(detail::http_months);
        in.expect(" ");
        if (in.next_is(' ')) {
            in.expect(" ");
            day = in.number(1);
        } else {
            day = in.number(2);
        }
        in.expect(" ");
        time = in.time_of_day();
        in.expect(" ");
        year = in.number(4);
    }
    if (!in.at_end() || year < 1678 || year > 2261) return std::nullopt;
    const year_month_day date{std::chrono::year(static_cast<int>(year)), std::chrono::month(month + 1),
                              std::chrono::day(day)};
    if (!date.ok()) return std::nullopt;
    return timestamp(duration_cast<timestamp::duration>(sys_days(date).time_since_epoch() + time));
}

/// "Sun, 06 Nov 1994 08:49:37 GMT". Years 0000 to 9999; parts of a second are cut off.
inline std::string to_http_date(timestamp t) {
    using namespace std::chrono;
    const auto day = floor<days>(t);
    const year_month_day date{day};
    const hh_mm_ss time{floor<seconds>(t - day)};
    const auto name = [](std::string_view n) { return n.data(); };
    char text[64];
    const int n = std::snprintf(text, sizeof text, "%.3s, %02u %.3s %04d %02d:%02d:%02d GMT",
                                name(detail::http_days[weekday(day).c_encoding()]), static_cast<unsigned>(date.day()),
                                name(detail::http_months[static_cast<unsigned>(date.month()) - 1]),
                                static_cast<int>(date.year()), static_cast<int>(time.hours().count()),
                                static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
    return {text, static_cast<std::size_t>(n)};
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_HTTP_DATE_HPP
