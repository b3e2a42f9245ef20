// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_BACKOFF_HPP
#define TELLTALE_CORE_BACKOFF_HPP

#include <telltale/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace telltale::inline TELLTALE_ABI {

/// Exponential backoff with full jitter, by the formula of the Smithy waiters
/// (https://smithy.io/2.0/additional-specs/waiters.html): before attempt n the delay is uniform between `min` and
/// min(max, min * 2^(n-1)).
struct backoff {
    std::chrono::nanoseconds min = std::chrono::seconds{2};   ///< at least 1 ns
    std::chrono::nanoseconds max = std::chrono::seconds{120}; ///< not below min

    /// The longest delay before this attempt. `attempt` counts from 1.
    constexpr std::chrono::nanoseconds ceiling(std::uint32_t attempt) const noexcept {
        auto delay = std::max(min, std::chrono::nanoseconds{1});
        for (std::uint32_t n = 1; n < attempt && delay < max; ++n) delay = delay > max / 2 ? max : delay * 2;
        return std::max(min, std::min(delay, max));
    }

    /// The delay before this attempt. `random` is uniform in [0, 1).
    constexpr std::chrono::nanoseconds delay(std::uint32_t attempt, double random) const noexcept {
        const auto span = static_cast<double>((ceiling(attempt) - min).count());
        return min + std::chrono::nanoseconds{static_cast<std::chrono::nanoseconds::rep>(span * random)};
    }
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_BACKOFF_HPP
