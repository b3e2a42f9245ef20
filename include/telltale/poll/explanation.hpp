// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_EXPLANATION_HPP
#define TELLTALE_POLL_EXPLANATION_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/time.hpp>
#include <telltale/core/watch_health.hpp>
#include <telltale/poll/poll_wait.hpp>
#include <telltale/poll/schedule.hpp>
#include <telltale/poll/stuck.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace telltale::inline TELLTALE_ABI {

enum class poll_reason : std::uint8_t; // schedule.hpp

/// Why a watched job is not done, or how it ended: all that its poller knows, as plain values.
struct explanation {
    using nanoseconds = std::chrono::nanoseconds;

    job_id id{};
    std::string name{};               ///< as of the job
    std::optional<job_state> state{}; ///< absent: there was no answer yet, or none with a state that is known
    std::string word{};               ///< the API's own word for it
    std::string reason{};             ///< the API's own reason for it
    bool never_runs = false;          ///< by that reason
    std::optional<timestamp> since{}; ///< in this state: by the API's own times, or since it was first seen in it
    std::uint32_t attempt = 1;        ///< of the job
    std::optional<telltale::progress> progress{};
    std::optional<std::uint32_t> queue_position{};
    std::optional<job_error> error{}; ///< of a job that has failed

    std::string unknown_word{}; ///< the latest answer said this, and nobody knows what it means; empty: it is known
    std::optional<timestamp> unknown_since{};

    std::optional<timestamp> watched_since{};
    std::optional<timestamp> last_answer{}; ///< the last good one
    watch_health health{};
    std::uint32_t failures = 0; ///< failed polls in a row
    std::uint64_t polls = 0;    ///< of this job so far

    bool polling = false;                   ///< a poll is under way
    std::optional<timestamp> next_poll{};   ///< when it is due; absent: under way, or there is none
    std::optional<poll_reason> why_then{};  ///< why it is due just then
    std::optional<nanoseconds> interval{};  ///< from the last poll's end until then
    std::optional<timestamp> deadline{};    ///< of the watch
    poll_wait waits = poll_wait::nothing;   ///< what a poll that is due waits for
    std::optional<timestamp> waits_until{}; ///< absent: not known

    stuck_verdict stuck{};
    bool over = false; ///< the watch is
    error_code end{};  ///< with `over`: none: the job is over; deadline_exceeded: the watch's time
    std::optional<timestamp> cancel_requested{}; ///< somebody asked for it, and it has not happened yet
    std::optional<timestamp> retry_at{};         ///< it has failed, and is started again then
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_EXPLANATION_HPP
