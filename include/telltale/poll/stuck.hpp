// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_STUCK_HPP
#define TELLTALE_POLL_STUCK_HPP

#include <telltale/core/job_state.hpp>
#include <telltale/core/time.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// When a job counts as stuck.
struct stuck_options {
    std::chrono::nanoseconds pending = std::chrono::hours{1}; ///< pending or queued for longer; 0: never
    std::chrono::nanoseconds running = std::chrono::hours{2}; ///< running for longer; 0: never
    /// Where it is known how long such jobs take, running counts as stuck after so many times that, and not after
    /// `running`; not below 1; 0: what is known is not regarded.
    double times_expected = 3;
};

/// Why a job counts as stuck.
enum class stuck_reason : std::uint8_t {
    none,                 ///< it does not
    pending_too_long,     ///< has waited to begin for longer than stuck_options::pending
    running_too_long,     ///< runs for longer than stuck_options::running
    longer_than_expected, ///< runs for longer than jobs of its kind do
    never_runs            ///< its API says so
};

namespace detail {
inline constexpr std::array<std::string_view, 5> stuck_reason_names{"none", "pending_too_long", "running_too_long",
                                                                    "longer_than_expected", "never_runs"};
} // namespace detail

constexpr std::string_view to_string(stuck_reason r) noexcept {
    return detail::stuck_reason_names[static_cast<std::size_t>(r)];
}

/// Whether a job is stuck, and by what limit.
struct stuck_verdict {
    stuck_reason why = stuck_reason::none;
    std::chrono::nanoseconds limit{}; ///< that was exceeded; 0: none was, or it never runs

    explicit operator bool() const noexcept { return why != stuck_reason::none; }
    friend bool operator==(const stuck_verdict&, const stuck_verdict&) = default;
};

/// Whether a job that is in this state since `since` is stuck at `now`. A paused job is not: somebody holds it.
///
/// `expected`: how long jobs of this kind run, where it is known (duration_history); `never_runs`: its API says that it
/// will not begin.
inline stuck_verdict find_stuck(job_state state, timestamp since, timestamp now, const stuck_options& options = {},
                                std::optional<std::chrono::nanoseconds> expected = {}, bool never_runs = false) {
    using std::chrono::nanoseconds;
    if (is_terminal(state) || state == job_state::paused) return {};
    const auto exceeds = [&](nanoseconds limit) { return limit > nanoseconds::zero() && now - since > limit; };
    if (state == job_state::running) {
        if (expected && *expected > nanoseconds::zero() && options.times_expected > 0) {
            constexpr double most = 9.0e18; // fits
            const double ns = static_cast<double>(expected->count()) * std::max(options.times_expected, 1.0);
            const nanoseconds limit{static_cast<nanoseconds::rep>(std::min(ns, most))};
            if (exceeds(limit)) return {stuck_reason::longer_than_expected, limit};
        } else if (exceeds(options.running)) {
            return {stuck_reason::running_too_long, options.running};
        }
        return {};
    }
    if (never_runs) return {stuck_reason::never_runs, {}};
    if (exceeds(options.pending)) return {stuck_reason::pending_too_long, options.pending};
    return {};
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_STUCK_HPP
