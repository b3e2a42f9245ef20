// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_STATUS_POLLER_HPP
#define TELLTALE_POLL_STATUS_POLLER_HPP

#include <telltale/asio.hpp>
#include <telltale/core/backoff.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/poll/status_source.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// How a status_poller polls.
struct poller_options {
    std::size_t max_concurrent = 10;                              ///< polls under way at once; at least 1
    std::chrono::nanoseconds interval = std::chrono::seconds{15}; ///< from an answer to the next poll of the same job
    double jitter = 0.1; ///< 0 to 1: each interval is uniform between (1 - jitter) and (1 + jitter) times as long
    telltale::backoff backoff{}; ///< the delays after failed polls
    /// For one poll. Absent: the source sees to it, as http_status_source does; set it for one that may never answer,
    /// for such a poll would keep its place among max_concurrent. Costs a coroutine and a timer for each poll.
    std::optional<std::chrono::nanoseconds> poll_timeout{};
    std::uint32_t unreachable_after = 3; ///< failed polls in a row that make a watch unreachable; fewer: degraded
    std::uint32_t lost_after = 3; ///< times "not found", with no other answer between, that make a job lost; 0: never
    std::size_t keep_finished = 1000;    ///< watches that ended and are remembered for whoever waits late
    std::optional<std::uint64_t> seed{}; ///< of the jitter; absent: a random one
    /// Told, once per change, of a word that the source could not map to a state. Called where the sink is.
    std::function<void(const job_id&, const std::string& word)> on_unknown_word{};
};

/// What is known of a job when it is watched.
struct watch_options {
    std::optional<std::chrono::nanoseconds> deadline{}; ///< of the watch, from now; absent: until the job is over
    std::string name{};                     ///< reported with the first answer, unless the source says otherwise
    std::string kind{};                     ///< likewise
    label_map labels{};                     ///< likewise
    std::shared_ptr<job_control> control{}; ///< passed on in the first report, so that the job can be cancelled
};

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/poll/detail/poller_state.hpp>

namespace telltale::inline TELLTALE_ABI {

/// Watches many jobs by polling a source, a bounded number at a time, and reports to a sink what it sees.
///
///     telltale::status_poller poller(executor, my_source(), board.sink(), {.interval = 5s});
///     poller.watch("42");
///     telltale::job last = co_await poller.async_wait("42");
///
/// A watch ends when its job is in a terminal state, or at its deadline after one last poll, or by unwatch(). A failed
/// poll (an exception of the source) says nothing about the job: it changes the health of the watch, degraded at
/// first, unreachable after several in a row, ok again with the next answer; the next poll comes after a backoff. "Not
/// found" is an answer: several in a row make the job lost. An unknown word is reported raw, and is never the end.
///
/// The source is moved in, and lives until the last poll has ended. It, the sink and the hooks are called on one strand
/// of the executor, so they need no locks among themselves. The sink is not called any more once stop() or the
/// destructor has returned; both wait for a call that is under way on another thread.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
class status_poller {
public:
    using executor_type = net::any_io_executor;

    template <status_source Source>
    status_poller(executor_type executor, Source source, job_sink sink, poller_options options = {})
        : status_poller(std::move(executor), std::make_shared<Source>(std::move(source)), std::move(sink),
                        std::move(options)) {}

    /// With a source that others use too.
    template <status_source Source>
    status_poller(executor_type executor, std::shared_ptr<Source> source, job_sink sink, poller_options options = {})
        : executor_(std::move(executor)),
          state_(std::make_shared<detail::poller_state>(
              executor_, std::make_unique<detail::erased_source_of<Source>>(std::move(source)), std::move(sink),
              std::move(options))) {}

    status_poller(const status_poller&) = delete;
    status_poller& operator=(const status_poller&) = delete;

    /// As stop().
    ~status_poller() { state_->stop(); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Begins to watch a job: the first poll is at once. False if it is watched already (the options are ignored), or
    /// after stop(). A watch of this job that has ended is forgotten. An empty id is errc::invalid_argument, thrown.
    bool watch(job_id id, watch_options options = {}) { return state_->watch(std::move(id), std::move(options)); }

    /// Stops watching and forgets: a poll in flight is cancelled, whoever waits gets operation_aborted. The job is not
    /// touched, and nothing is reported. False if the id is not known.
    bool unwatch(const job_id& id) { return state_->unwatch(id); }

    /// Stops watching all jobs, for good. Whoever waits gets operation_aborted.
    void stop() { state_->stop(); }

    /// The job as it was last seen, also after its watch has ended, as long as that is remembered.
    std::optional<job> find(const job_id& id) const { return state_->find(id); }

    /// How many jobs are being watched; those whose watch has ended do not count.
    std::size_t watching() const { return state_->watching(); }

    /// How many polls are under way at this moment.
    std::size_t polling() const { return state_->polling(); }

    /// Waits for the end of a job's watch. Any number may wait for one job; they share its polls.
    ///
    /// @par Completion signature
    /// `void(error_code, job)`; with success or `errc::deadline_exceeded` the job as it was last seen.
    /// @par Error codes
    /// `errc::deadline_exceeded`: the deadline of the watch is over, and the job is not; `errc::unknown_job`: it is not
    /// watched, or no longer remembered; `operation_aborted`: cancelled, unwatched or stopped.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the watch goes on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the poller's), after the sink was told.
    template <class Token = default_token_t<executor_type>>
    auto async_wait(job_id id, Token&& token = {}) {
        return detail::async_start<void(error_code, job)>(
            executor_,
            [state = state_, id = std::move(id)](auto&& handler, const executor_type& executor) {
                detail::start_wait<job>(state, std::forward<decltype(handler)>(handler), executor,
                                        [&](std::tuple<error_code, job>& result) {
                                            return state->attempt(id, std::get<0>(result), std::get<1>(result));
                                        });
            },
            std::forward<Token>(token));
    }

private:
    executor_type executor_;
    std::shared_ptr<detail::poller_state> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_STATUS_POLLER_HPP
