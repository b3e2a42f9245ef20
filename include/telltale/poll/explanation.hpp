// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_EXPLANATION_HPP
#define TELLTALE_POLL_EXPLANATION_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/core/time.hpp>
#include <telltale/core/watch_health.hpp>
#include <telltale/poll/poll_reason.hpp>
#include <telltale/poll/poll_wait.hpp>
#include <telltale/poll/stuck.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// Why a watched job is not done, or how it ended: all that its poller knows, as plain values.
struct explanation {
    using nanoseconds = std::chrono::nanoseconds;

    job_id id{};
    std::string name{};   ///< of the job, for people; may be empty
    std::string source{}; ///< what its API is called, for people; may be empty

    // The job, by the last good answer:
    std::optional<job_state> state{}; ///< absent: there was none yet, or none with a word that is known
    std::string word{};               ///< the API's own for the state; may be empty
    std::string reason{};             ///< the API's own for why it is in this state; may be empty
    bool never_runs = false;          ///< by that reason it never will
    std::optional<timestamp> since{}; ///< it is in this state: as the API says, or else when it was first seen in it
    std::uint32_t attempt = 1;
    std::optional<telltale::progress> progress{};
    std::optional<std::uint32_t> queue_position{}; ///< 1 is next
    std::optional<job_error> error{};
    std::string unknown_word{}; ///< what the answer said, if nobody knows what that means; `state` is then an older one
    std::optional<timestamp> unknown_since{};
    stuck_verdict stuck{};
    std::optional<timestamp> cancel_requested{}; ///< it was asked for, and is not so yet
    std::optional<timestamp> retry_at{};         ///< it has failed, and is started again then

    // The watch:
    std::optional<timestamp> watched_since{};
    std::optional<timestamp> last_answer{}; ///< the last good one
    watch_health health{};
    std::uint32_t failures = 0;             ///< polls that failed in a row
    std::uint64_t polls = 0;                ///< of this job that have ended
    bool polling = false;                   ///< one is under way
    std::optional<timestamp> next_poll{};   ///< when it is due; absent: one is under way, or there is none
    std::optional<poll_reason> why_then{};  ///< why it is due just then
    std::optional<nanoseconds> interval{};  ///< from the end of the last poll until then
    poll_wait waits = poll_wait::nothing;   ///< what the poll that is due waits for
    std::optional<timestamp> waits_until{}; ///< absent: nobody knows
    std::optional<timestamp> deadline{};    ///< of the watch
    bool over = false;                      ///< the watch
    error_code end{}; ///< of a watch that is over: none, the job is over; deadline_exceeded: only the time for it is
};

/// One to three sentences that somebody on call understands, in English and UTC:
///
///     job 42 is queued (PENDING) since 14:02 UTC (3 min); Slurm says DependencyNeverSatisfied: it will never run.
///     Last answer 12 s ago; next poll in 3 s (interval 15 s).
///
/// One line, whatever the texts of the API hold; these are cut after 200 bytes each.
inline std::string to_sentence(const explanation& e, timestamp now);

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/poll/detail/explanation_text.hpp>

#endif // TELLTALE_POLL_EXPLANATION_HPP
