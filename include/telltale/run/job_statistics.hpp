// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_JOB_STATISTICS_HPP
#define TELLTALE_RUN_JOB_STATISTICS_HPP

#include <telltale/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace telltale::inline TELLTALE_ABI {

/// How many jobs a manager has in which state. Those that ended are counted for good, also when they are no longer
/// remembered.
struct job_counts {
    std::size_t queued = 0; ///< also those that wait for their next attempt
    std::size_t paused = 0; ///< also those that wait for an approval
    std::size_t running = 0;
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
    std::uint64_t cancelled = 0;
    std::uint64_t timed_out = 0;

    friend bool operator==(const job_counts&, const job_counts&) = default;
};

/// Several durations, as far as they are of interest.
struct duration_summary {
    using duration = std::chrono::steady_clock::duration;

    std::uint64_t count = 0;
    duration total{};
    duration longest{};

    void add(duration d) noexcept {
        ++count;
        total += d;
        longest = std::max(longest, d);
    }

    /// 0 if there are none.
    duration mean() const noexcept { return count == 0 ? duration{} : total / static_cast<duration::rep>(count); }

    friend bool operator==(const duration_summary&, const duration_summary&) = default;
};

/// What a manager's jobs have done and used so far.
struct job_statistics {
    job_counts counts{};
    std::uint64_t retries = 0;      ///< attempts that were not their job's first
    duration_summary waited{};      ///< in the queue, of every attempt that has begun
    duration_summary ran{};         ///< of every attempt that began and ended; without the time in which it was paused
    std::chrono::nanoseconds cpu{}; ///< of what was measured: functions on a pool, and job_context::measure_cpu

    friend bool operator==(const job_statistics&, const job_statistics&) = default;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_STATISTICS_HPP
