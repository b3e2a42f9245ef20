// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_JOB_MANAGER_OPTIONS_HPP
#define TELLTALE_RUN_JOB_MANAGER_OPTIONS_HPP

#include <telltale/version.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

struct job_manager_options {
    std::size_t max_running = 10; ///< jobs that run at once; the others are queued. 0: none starts
    /// Progress and places in the queue are reported no more often than this.
    std::chrono::steady_clock::duration publish_interval = std::chrono::milliseconds{100};
    /// The first so many in the queue are told their place when it changes; those behind are not.
    std::size_t told_positions = 100;
    /// How many ended jobs are remembered, for async_wait and so that their ids are not used again. The oldest go
    /// first.
    std::size_t keep_ended = 10'000;
    /// For how long an ended job is remembered at most. Absent: however long.
    std::optional<std::chrono::steady_clock::duration> keep_ended_for{};
    std::optional<std::uint64_t> seed{}; ///< of what is random in the delays of retries; for tests
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_MANAGER_OPTIONS_HPP
