// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_STATUS_POLLER_HPP
#define TELLTALE_POLL_STATUS_POLLER_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/poll/detail/poller_state.hpp>
#include <telltale/poll/explanation.hpp>
#include <telltale/poll/poller_health.hpp>
#include <telltale/poll/poller_options.hpp>
#include <telltale/poll/status_source.hpp>
#include <telltale/poll/stuck.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

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
/// A watched job costs about 280 bytes at rest, with an id of 36 letters, and no coroutine or timer. Jobs are polled in the order in which they are
/// due; those whose watches begin together are spread over the interval. A batch_status_source is asked for many at once.
/// What the API says about when to come again is obeyed (poll_hint). The same seed, calls, answers and times give the same
/// polls. docs/guide/polling.md tells it all.
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
          state_(detail::poller_state::create(executor_,
                                              std::make_unique<detail::erased_source_of<Source>>(std::move(source)),
                                              std::move(sink), std::move(options))) {}

    status_poller(const status_poller&) = delete;
    status_poller& operator=(const status_poller&) = delete;

    /// As stop().
    ~status_poller() { state_->stop(); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Begins to watch a job: the first poll is at once. False if it is watched already (the options are ignored), or
    /// after stop(). A watch of this job that has ended is forgotten. An empty id is errc::invalid_argument, thrown.
    bool watch(job_id id, watch_options options = {}) { return state_->watch(std::move(id), std::move(options)); }

    /// Stops watching and forgets: a poll in flight is cancelled, whoever waits gets operation_aborted. Nothing is
    /// reported. The job goes on, unless watch_options::when_unwatched says otherwise. False if the id is not known.
    bool unwatch(const job_id& id) { return state_->unwatch(id); }

    /// Stops watching all jobs, for good. Whoever waits gets operation_aborted.
    void stop() { state_->stop(); }

    /// Polls a job as soon as a poll may be made. False if it is not being watched.
    bool poll_now(const job_id& id) { return state_->poll_now(id); }

    /// A door to this job for the board and all who knock there: it takes job_command::cancel if the source can cancel.
    /// `poller.watch(id, {.control = poller.control(id)});`. Keeps nothing alive: once the poller is gone, it refuses.
    std::shared_ptr<job_control> control(const job_id& id) const { return state_->control(id); }

    /// Why a job is not done, and when it is polled next, and why then; to_sentence() says it to people.
    std::optional<explanation> explain(const job_id& id) const { return state_->explain(id); }

    /// All watched jobs that are stuck, the longest first.
    std::vector<explanation> stuck(const stuck_options& limits = {}) const { return state_->stuck(limits); }

    /// How the poller itself does.
    poller_health health() const { return state_->health(); }

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

    /// Asks the source to cancel a job, polls it soon, and waits until it is over, however that comes about: the job tells.
    /// Any number may ask; who asks while somebody's request is under way shares it.
    ///
    ///     telltale::job last = co_await poller.async_cancel("42");
    ///     if (last.state == telltale::job_state::succeeded) ...; // it was faster
    ///
    /// @par Completion signature
    /// `void(error_code, job)`; the job as it was last seen, unless it is unknown or the wait was cancelled.
    /// @par Error codes
    /// `errc::unsupported_command`: the source cannot cancel, or not this job; `errc::command_refused`: it would not, and the
    /// job is not over; the error with which the request failed; those of async_wait.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the request is not taken back, and the watch goes on.
    /// @par Resumes
    /// as async_wait does.
    template <class Token = default_token_t<executor_type>>
    auto async_cancel(job_id id, Token&& token = {}) {
        return detail::async_start<void(error_code, job)>(
            executor_,
            [state = state_, id = std::move(id)](auto&& handler, const executor_type& executor) {
                bool waits = false;
                detail::start_wait<job>(state, std::forward<decltype(handler)>(handler), executor,
                                        [&](std::tuple<error_code, job>& result) {
                                            auto* const list =
                                                state->attempt_cancel(id, std::get<0>(result), std::get<1>(result));
                                            waits = list != nullptr;
                                            return list;
                                        });
                if (waits) state->request_cancel(id);
            },
            std::forward<Token>(token));
    }

private:
    executor_type executor_;
    std::shared_ptr<detail::poller_state> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_STATUS_POLLER_HPP
