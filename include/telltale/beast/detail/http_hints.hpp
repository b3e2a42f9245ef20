// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_HTTP_HINTS_HPP
#define TELLTALE_BEAST_DETAIL_HTTP_HINTS_HPP

#include <telltale/beast/http_hints.hpp>
#include <telltale/core/http_date.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

inline std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

/// A number that is not negative: "12", "1.5". Nothing for anything else, infinity and its like included.
inline std::optional<double> plain_number(std::string_view text) noexcept {
    if (text.empty() || text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    if (error == std::errc::result_out_of_range) return std::numeric_limits<double>::max();
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// Seconds as a hint: from 0 to the longest.
inline std::chrono::nanoseconds hint_of_seconds(double seconds) noexcept {
    constexpr double most = std::chrono::duration<double>(longest_hint).count();
    return std::chrono::nanoseconds(static_cast<std::int64_t>(std::clamp(seconds, 0.0, most) * 1e9));
}

inline std::chrono::nanoseconds hint_until(timestamp then, timestamp now) noexcept {
    return hint_of_seconds(std::chrono::duration<double>(then - now).count());
}

/// "1h2m3.5s", "20ms", as Go writes durations.
inline std::optional<std::chrono::nanoseconds> hint_of_go(std::string_view text) noexcept {
    double seconds = 0;
    if (text.empty()) return std::nullopt;
    while (!text.empty()) {
        const auto digits = std::min(text.find_first_not_of("0123456789."), text.size());
        const auto value = plain_number(text.substr(0, digits));
        text.remove_prefix(digits);
        const auto letters = std::min(text.find_first_of("0123456789."), text.size());
        const auto unit = text.substr(0, letters);
        text.remove_prefix(letters);
        if (!value) return std::nullopt;
        if (unit == "h")
            seconds += *value * 3600;
        else if (unit == "m")
            seconds += *value * 60;
        else if (unit == "s")
            seconds += *value;
        else if (unit == "ms")
            seconds += *value / 1000;
        else
            return std::nullopt;
    }
    return hint_of_seconds(seconds);
}

/// Collects hints from headers: the better known name wins, whatever the order.
class hint_reader {
public:
    explicit hint_reader(timestamp now) : now_(now) {}

    void read(const http_fields& headers) {
        if (const auto* const date = find_field(headers, "Date"))
            if (const auto t = parse_http_date(trimmed(*date), now_)) now_ = *t;
        for (const auto& [name, value] : headers) {
            // Nearly all headers of nearly all answers begin otherwise.
            const char first = name.empty() ? '\0' : ascii_lower(name.front());
            if (first == 'r' || first == 'x') take(name, trimmed(value));
        }
    }

    poll_hint hint{};

private:
    void take(std::string_view name, std::string_view value) {
        constexpr std::array remaining{"RateLimit-Remaining", "X-RateLimit-Remaining", "X-Rate-Limit-Remaining",
                                       "x-ratelimit-remaining-requests"};
        constexpr std::array reset{"RateLimit-Reset", "X-RateLimit-Reset", "X-Rate-Limit-Reset",
                                   "x-ratelimit-reset-requests"};
        if (iequals(name, "Retry-After")) {
            if (!hint.retry_after) hint.retry_after = delay(value);
        } else if (iequals(name, "X-Poll-Interval")) {
            if (const auto n = plain_number(value); n && !hint.interval) hint.interval = hint_of_seconds(*n);
        } else if (iequals(name, "RateLimit")) {
            policies(value);
        } else {
            for (std::size_t i = 0; i < remaining.size(); ++i) {
                if (iequals(name, remaining[i])) return take_left(i, plain_number(value));
                if (iequals(name, reset[i])) return take_window(i, window(value));
            }
        }
    }

    void take_left(std::size_t rank, std::optional<double> n) {
        if (!n || rank >= left_rank_) return;
        left_rank_ = rank;
        constexpr double most = 1e15;
        hint.left = static_cast<std::uint64_t>(std::min(*n, most));
    }

    void take_window(std::size_t rank, std::optional<std::chrono::nanoseconds> w) {
        if (!w || rank >= window_rank_) return;
        window_rank_ = rank;
        hint.window = w;
    }

    std::optional<std::chrono::nanoseconds> delay(std::string_view value) const {
        if (const auto n = plain_number(value)) return hint_of_seconds(*n);
        if (const auto t = parse_http_date(value, now_)) return hint_until(*t, now_);
        return std::nullopt;
    }

    std::optional<std::chrono::nanoseconds> window(std::string_view value) const {
        const auto n = plain_number(value);
        if (!n) {
            const auto d = delay(value);
            return d ? d : hint_of_go(value);
        }
        if (*n < 1e9) return hint_of_seconds(*n);
        const double now = std::chrono::duration<double>(now_.time_since_epoch()).count();
        return hint_of_seconds((*n < 1e12 ? *n : *n / 1000) - now);
    }

    // Members are separated by commas, parameters of a member by semicolons; the older form has commas only.
    void policies(std::string_view value) {
        std::optional<double> r;
        std::optional<std::chrono::nanoseconds> t;
        while (!value.empty()) {
            const auto end = std::min(value.find_first_of(",;"), value.size());
            const bool next_policy = end < value.size() && value[end] == ',';
            const auto part = trimmed(value.substr(0, end));
            value.remove_prefix(std::min(end + 1, value.size()));
            const auto equals = std::min(part.find('='), part.size());
            const auto key = part.substr(0, equals);
            const auto text = part.substr(std::min(equals + 1, part.size()));
            if (iequals(key, "remaining") || iequals(key, "r")) r = plain_number(text);
            if (iequals(key, "reset") || iequals(key, "t")) t = window(text);
            if (key.starts_with('"')) policy_named_ = true;
            if ((next_policy && policy_named_) || value.empty()) {
                policy(r, t);
                r.reset();
                t.reset();
            }
        }
    }

    // The plain headers say the same more plainly, and so win.
    void policy(std::optional<double> r, std::optional<std::chrono::nanoseconds> t) {
        if (left_rank_ < policy_rank || !r) return;
        if (left_rank_ == policy_rank && *r >= static_cast<double>(*hint.left)) return;
        left_rank_ = none;
        take_left(policy_rank, r);
        if (window_rank_ < policy_rank) return;
        window_rank_ = policy_rank;
        hint.window = t;
    }

    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
    static constexpr std::size_t policy_rank = 100;
    timestamp now_;
    std::size_t left_rank_ = none;
    std::size_t window_rank_ = none;
    bool policy_named_ = false;
};

} // namespace detail

inline poll_hint hints_of(const http_fields& headers, timestamp now) {
    detail::hint_reader reader(now);
    reader.read(headers);
    return reader.hint;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BEAST_DETAIL_HTTP_HINTS_HPP
