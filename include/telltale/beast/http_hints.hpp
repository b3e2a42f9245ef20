// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_HTTP_HINTS_HPP
#define TELLTALE_BEAST_HTTP_HINTS_HPP

#include <telltale/beast/http_message.hpp>
#include <telltale/core/time.hpp>
#include <telltale/poll/status_source.hpp>

#include <chrono>

namespace telltale::inline TELLTALE_ABI {

/// No hint is longer: what an API says beyond that is taken for this.
inline constexpr std::chrono::hours longest_hint{24};

/// What the headers of an answer say about when to come again. What is not understood is not said.
///
/// | header | is |
/// | --- | --- |
/// | Retry-After | `retry_after`: seconds, or a date of HTTP |
/// | X-Poll-Interval | `interval`: seconds |
/// | RateLimit-Remaining, X-RateLimit-Remaining, X-Rate-Limit-Remaining, x-ratelimit-remaining-requests | `left` |
/// | RateLimit-Reset, X-RateLimit-Reset, X-Rate-Limit-Reset, x-ratelimit-reset-requests | `window` |
/// | RateLimit: `limit=10, remaining=7, reset=30` or `"policy";r=7;t=30` | both; of several policies the one with the least left |
///
/// A reset of 10^9 or more is a moment, in seconds since 1970 (10^12 or more: milliseconds); a smaller one is a number of
/// seconds from now, as no API's window is thirty years long. It may also be a date of HTTP, or "1m30s". Moments are
/// compared with the Date of the answer where there is one, so that it does not matter how wrong our clock is, else with
/// `now`. What is over already is 0; what is longer than longest_hint is that long. Where a header is there twice, the first that
/// is understood counts, and the names are tried in the order of the table.
inline poll_hint hints_of(const http_fields& headers, timestamp now);

inline poll_hint hints_of(const http_response& answer, timestamp now) { return hints_of(answer.headers, now); }

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/beast/detail/http_hints.hpp>

#endif // TELLTALE_BEAST_HTTP_HINTS_HPP
