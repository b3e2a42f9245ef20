// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_POLL_HINT_HPP
#define TELLTALE_POLL_POLL_HINT_HPP

#include <telltale/version.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

/// What an API said about when to come again. Durations count from the answer.
struct poll_hint {
    using nanoseconds = std::chrono::nanoseconds;

    std::optional<nanoseconds> retry_after{}; ///< nobody with this credential before (Retry-After)
    std::optional<nanoseconds> interval{};    ///< at least so long between two polls of a job (X-Poll-Interval)
    std::optional<std::uint64_t> left{};      ///< requests that this credential has left (X-RateLimit-Remaining)
    std::optional<nanoseconds> window{};      ///< until it has all of them again (X-RateLimit-Reset)

    friend bool operator==(const poll_hint&, const poll_hint&) = default;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_POLL_HINT_HPP
