// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_POLLER_HEALTH_HPP
#define TELLTALE_POLL_POLLER_HEALTH_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/time.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// When a poller counts as unwell.
struct poller_health_options {
    std::chrono::nanoseconds max_age =
        std::chrono::minutes{5}; ///< of the last poll while something is watched: unhealthy
    std::chrono::nanoseconds max_lag = std::chrono::seconds{30}; ///< of a poll's start behind its time: degraded
    double degraded_errors = 0.1;                                ///< the part of the polls that failed: degraded above
    double unhealthy_errors = 0.5;                               ///< unhealthy above
    std::size_t window = 128;                                    ///< so many polls count, the latest; 1 to 4096
};

enum class poller_verdict : std::uint8_t { healthy, degraded, unhealthy };

namespace detail {
inline constexpr std::array<std::string_view, 3> poller_verdict_names{"healthy", "degraded", "unhealthy"};
} // namespace detail

constexpr std::string_view to_string(poller_verdict v) noexcept {
    return detail::poller_verdict_names[static_cast<std::size_t>(v)];
}

/// How well a source can be reached.
struct source_health {
    std::string name{};
    bool reachable = true; ///< the last poll was answered, or there was none yet
    std::optional<timestamp> last_answer{};
    std::optional<timestamp> last_failure{};
    error_class last_error = error_class::unknown; ///< of the last failure
    std::string error{};                           ///< what it said
    std::uint32_t failures = 0;                    ///< in a row
    std::optional<timestamp> blocked_until{}; ///< the breaker lets nobody through, or the API said when to come again
};

/// How a poller itself does, apart from the jobs that it watches.
struct poller_health {
    poller_verdict verdict = poller_verdict::healthy;
    std::string reason{}; ///< of a verdict that is not healthy
    std::size_t watching = 0;
    std::size_t polling = 0;              ///< polls under way
    std::uint64_t polls = 0;              ///< ended, in all
    std::uint64_t failed = 0;             ///< of these
    std::optional<timestamp> last_poll{}; ///< when the last one ended
    std::chrono::nanoseconds age{};       ///< since then; before the first: since something is watched; 0: nothing is
    // Over the latest polls, at most poller_health_options::window:
    std::size_t window = 0;
    double error_rate = 0;                          ///< 0 to 1
    std::array<std::uint32_t, 8> errors_by_class{}; ///< by error_class
    std::chrono::nanoseconds mean_lag{};            ///< of starts behind their time
    std::chrono::nanoseconds max_lag{};
    std::vector<source_health> sources{};
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_POLLER_HEALTH_HPP
