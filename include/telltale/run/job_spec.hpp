// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_JOB_SPEC_HPP
#define TELLTALE_RUN_JOB_SPEC_HPP

#include <telltale/core/backoff.hpp>
#include <telltale/core/job.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// When a job that failed or timed out is tried again. Each try is an attempt of the same job, with its number.
struct job_retry {
    /// Attempts that are made without anybody asking for them, the first included. 0 is 1.
    std::uint32_t max_attempts = 1;
    /// The time between an attempt and the next, in which the job holds no slot: it is queued.
    backoff delay{};
    /// Which errors are worth another attempt; empty: all. Called from the job's strand. A time limit that was exceeded
    /// is error_class::timeout.
    std::function<bool(const job_error&)> when{};
    /// Whether a job that has failed, was cancelled or timed out takes job_command::retry, however many attempts there
    /// were, as long as it is remembered. Its function is kept until then.
    bool on_command = false;
};

/// What somebody wants to have run. With more than one attempt the function is called once for each, and has to leave
/// itself as it was: it must not move what it has captured out of itself.
struct job_spec {
    job_id id{};        ///< empty: a number that is free
    std::string name{}; ///< for people; may be empty
    std::string kind{}; ///< jobs of one kind take similar times; may be empty
    label_map labels{};
    /// How long an attempt may run, not counting the time in which it is queued or paused; then it is cancelled, and has
    /// timed_out. Absent: for ever.
    std::optional<std::chrono::steady_clock::duration> time_limit{};
    int priority = 0; ///< higher ones start first; equal ones first in, first out
    job_retry retry{};
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_SPEC_HPP
