// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_POLLER_OPTIONS_HPP
#define TELLTALE_POLL_POLLER_OPTIONS_HPP

#include <telltale/core/backoff.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/retry_policy.hpp>
#include <telltale/poll/circuit_breaker.hpp>
#include <telltale/poll/flight_entry.hpp>
#include <telltale/poll/poll_budget.hpp>
#include <telltale/poll/poller_health.hpp>
#include <telltale/poll/schedule.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// How a status_poller polls.
struct poller_options {
    std::size_t max_concurrent = 10;                              ///< polls under way at once; at least 1
    std::chrono::nanoseconds interval = std::chrono::seconds{15}; ///< from an answer to the next poll of the same job
    double jitter = 0.1; ///< 0 to 1: each interval is uniform between (1 - jitter) and (1 + jitter) times as long
    telltale::backoff backoff{}; ///< the delays after failed polls
    /// For one poll, cancelled then. Absent: never, and one that is not answered keeps its place among max_concurrent.
    std::optional<std::chrono::nanoseconds> poll_timeout = std::chrono::minutes{2};
    std::uint32_t unreachable_after = 3; ///< failed polls in a row that make a watch unreachable; fewer: degraded
    std::uint32_t lost_after = 3; ///< times "not found", with no other answer between, that make a job lost; 0: never
    std::chrono::nanoseconds lost_grace{}; ///< and it must have been so for this long
    std::size_t keep_finished = 1000;      ///< watches that ended and are remembered for whoever waits late
    std::optional<std::uint64_t> seed{};   ///< of jitter and phases; absent: a random one
    /// Told, once per change, of a word that the source could not map to a state. Called where the sink is.
    std::function<void(const job_id&, const std::string& word)> on_unknown_word{};
    /// A job that has said the same unknown word for so long is told of again, and then every time that this has passed;
    /// its watch is degraded meanwhile, for nobody sees how the job is. 0: never.
    std::chrono::nanoseconds unknown_word_alarm = std::chrono::minutes{10};
    /// Told then, with how long it has been so. Called where the sink is.
    std::function<void(const job_id&, const std::string& word, std::chrono::nanoseconds)> on_unknown_word_alarm{};

    /// Of a source that is asked for many jobs at once: those are asked for, too, that are due within this part of the
    /// interval. 0 to 1; 0: only those that are due.
    double batch_window = 0.25;
    /// How the time of the next poll is found. adaptive: by the job's progress, or by how long jobs of its kind have
    /// taken, which the poller learns from those that it sees end; between min_interval and max_interval.
    poll_pace pace = poll_pace::interval;
    std::chrono::nanoseconds min_interval = std::chrono::seconds{2};
    std::chrono::nanoseconds max_interval = std::chrono::minutes{2};
    std::size_t learn_kinds = 100; ///< so many kinds of jobs; 5 KB each

    /// What this poller shares with others of the same credential; null: a budget of its own, which obeys the API's hints.
    std::shared_ptr<poll_budget> budget{};
    std::optional<breaker_options> breaker{}; ///< when a source that fails is left alone; absent: never
    /// A job that has failed is started again, as another attempt of the same job, if the source can do that. Absent:
    /// never. The wait for the job goes on. Only where a job that was started twice does no harm.
    std::optional<retry_policy> retry{};
    std::uint32_t fail_after_errors = 0; ///< failed polls in a row after which a job is reported as failed; 0: never.
                                         ///< A poll that fails says nothing of the job: it may go on and succeed
    bool offer_control = false; ///< jobs that are watched without a control get control(id), if the source can cancel
    poller_health_options health{};
    std::optional<std::string> source_name{}; ///< what the API is called, for people, in explain() and health()

    /// Told of all that the poller sees, decides and does, in its order: see flight_recorder. Called where the sink is.
    std::function<void(const flight_entry&)> recorder{};
};

/// What happens to the remote job when nobody watches it any more.
enum class remote_job : std::uint8_t {
    leave, ///< it goes on
    cancel ///< it is cancelled, if the source can do that
};

/// What is known of a job when it is watched.
struct watch_options {
    std::optional<std::chrono::nanoseconds> deadline{}; ///< of the watch, from now; absent: until the job is over
    std::string name{};                            ///< reported with the first answer, unless the source says otherwise
    std::string kind{};                            ///< likewise
    label_map labels{};                            ///< likewise
    std::shared_ptr<job_control> control{};        ///< passed on in the first report, so that the job can be cancelled
    remote_job when_unwatched = remote_job::leave; ///< by unwatch(), stop() or the destructor, before it is over
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_POLLER_OPTIONS_HPP
