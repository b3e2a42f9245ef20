// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_JOB_MANAGER_HPP
#define TELLTALE_RUN_JOB_MANAGER_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/core/job_report.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/run/detail/job_functions.hpp>
#include <telltale/run/detail/manager_state.hpp>
#include <telltale/run/job_context.hpp>
#include <telltale/run/job_handle.hpp>
#include <telltale/run/job_manager_options.hpp>
#include <telltale/run/job_spec.hpp>
#include <telltale/run/job_statistics.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Runs jobs, at most so many at once; the others wait in a queue, by priority, then first in, first out.
///
///     telltale::job_manager manager(executor, board.sink(), {.max_running = 2});
///     auto sum = manager.submit({.name = "asio"}, [folder](telltale::job_context job) { return hash(folder, job); });
///     const std::uint32_t hash = co_await sum.result();
///
/// A job is queued, running, and then succeeded; failed when its function throws (job_failure says with which class);
/// cancelled when it was asked to end and did so with operation_aborted; or timed_out, the same for its time limit. A
/// job that ends with its own result or error although it was asked to end has that result or error. Where it comes to a
/// checkpoint, or asks for an approval, it can be paused; then it holds no slot. A job that is tried again
/// (job_spec::retry) is queued again, with the number of its attempt.
///
/// Each job runs on a strand of its own, so on a thread pool jobs run in parallel and can still be cancelled.
///
/// What happens is reported to the sink, in order and never by two threads at once; when a function returns, what it
/// did has been reported. The sink may call the manager.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
class job_manager {
public:
    using executor_type = net::any_io_executor;

    /// `sink` may be empty.
    job_manager(executor_type executor, job_sink sink, job_manager_options options = {})
        : state_(detail::manager_state::create(std::move(executor), std::move(sink), options)) {}

    job_manager(const job_manager&) = delete;
    job_manager& operator=(const job_manager&) = delete;

    /// Cancels all jobs and does not wait for them: what they refer to must outlive them. What was queued is reported
    /// as cancelled, what runs as lost; then the sink is called no more. Whoever waits gets operation_aborted. For an
    /// orderly end: async_shutdown.
    ~job_manager() { state_->close(); }

    executor_type get_executor() const noexcept { return state_->executor(); }

    /// Takes a job in, and starts it when fewer than max_running run. `fn(job_context)` returns a net::awaitable<T>; it is
    /// called on the job's strand, and kept until its coroutine has ended: so here it may be a coroutine lambda with
    /// captures. Throws system_error: `errc::duplicate_job`: the id is in use; `errc::closed`: after stop().
    template <job_function Fn>
    auto submit(job_spec spec, Fn fn) {
        return detail::or_throw([&](error_code& ec) { return submit(std::move(spec), std::move(fn), ec); });
    }

    /// The same, with the error as a value; the handle is empty then.
    template <job_function Fn>
    auto submit(job_spec spec, Fn fn, error_code& ec) {
        return add<detail::job_result_t<Fn>>(std::move(spec), std::move(fn), true, ec);
    }

    /// Takes in a job that is a plain function: `fn(job_context)` or `fn()` is called on a thread of `pool`, any executor,
    /// and what it returns is the job's result. It is asked to end by job_context::stop_requested only, and answers by
    /// throw_if_stopped; it cannot be paused while it runs. The CPU time that it used is in the statistics. Errors as
    /// above.
    template <class Pool, pool_function Fn>
    auto submit(job_spec spec, Pool pool, Fn fn) {
        return detail::or_throw(
            [&](error_code& ec) { return submit(std::move(spec), std::move(pool), std::move(fn), ec); });
    }

    /// The same, with the error as a value; the handle is empty then.
    template <class Pool, pool_function Fn>
    auto submit(job_spec spec, Pool pool, Fn fn, error_code& ec) {
        using on_pool = detail::on_pool<Pool, Fn>;
        return add<detail::pool_result_t<Fn>>(std::move(spec), on_pool{std::move(pool), std::move(fn)}, false, ec);
    }

    /// Ends a job that is queued, or paused and has not begun, now; asks a running one to end
    /// (cancellation_type::terminal). Asking again is accepted and does nothing. `refused`: it has ended already.
    command_result cancel(const job_id& id) { return state_->request(id, job_command::cancel); }

    /// Takes a queued job out of the queue, and holds a running one when it comes to its next checkpoint. `refused`: it has
    /// ended, or was asked to; `unsupported`: it runs and has no checkpoints, as a function on a pool.
    command_result pause(const job_id& id) { return state_->request(id, job_command::pause); }

    /// Lets a paused job go on; one that has not begun is queued again, behind the others. `refused`: it is not to pause.
    command_result resume(const job_id& id) { return state_->request(id, job_command::resume); }

    /// Begins another attempt of a job that has failed, was cancelled or has timed out: it is queued. `unsupported`: its
    /// job_retry::on_command is not set; `refused`: it has not ended, or has succeeded.
    command_result retry(const job_id& id) { return state_->request(id, job_command::retry); }

    /// Answers a job that waits for an approval. `refused`: it does not.
    command_result approve(const job_id& id, std::string comment = {}) {
        return state_->request(id, job_command::approve, std::move(comment));
    }
    command_result reject(const job_id& id, std::string comment = {}) {
        return state_->request(id, job_command::reject, std::move(comment));
    }

    /// Holds the queue: what runs goes on, nothing else begins or goes on until resume().
    void pause() { state_->hold_queue(true); }
    void resume() { state_->hold_queue(false); }

    /// Changes the limit. What runs beyond a lower one goes on.
    void set_max_running(std::size_t n) { state_->set_max_running(n); }
    std::size_t max_running() const { return state_->max_running(); }

    /// Takes no more jobs, and cancels all there are.
    void stop() { state_->stop(); }

    job_counts counts() const { return state_->counts(); }
    job_statistics statistics() const { return state_->statistics(); }

    /// The state of a job that is queued, running, or still remembered.
    std::optional<job_state> state(const job_id& id) const { return state_->state_of(id); }

    /// The CPU time that was measured of a job so far, of all its attempts: of a function on a pool when it has returned,
    /// and of the rest what job_context::measure_cpu has measured. Nothing: nothing was, or the job is not known.
    std::optional<std::chrono::nanoseconds> cpu_time(const job_id& id) const { return state_->cpu_time_of(id); }

    /// Waits until the job has ended.
    ///
    /// @par Completion signature
    /// `void(error_code, job_state)`
    /// @par Error codes
    /// `errc::unknown_job`: there is no such job, or it was forgotten (`keep_ended`); `operation_aborted`: cancelled,
    /// or the manager was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the job goes on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_wait(job_id id, Token&& token = {}) {
        return detail::async_start<void(error_code, job_state)>(
            get_executor(),
            [state = state_, id = std::move(id)](auto&& handler, const executor_type& executor) {
                state->start_wait_end(std::forward<decltype(handler)>(handler), executor, id);
            },
            std::forward<Token>(token));
    }

    /// Waits until all jobs have ended.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the manager was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the jobs go on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_drain(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            get_executor(),
            [state = state_](auto&& handler, const executor_type& executor) {
                state->start_drain(std::forward<decltype(handler)>(handler), executor);
            },
            std::forward<Token>(token));
    }

    /// Takes no more jobs, and waits until all have ended; those that have not after `drain` (0: at once) are cancelled. If
    /// it is called several times, the earliest end counts.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: the wait was cancelled, or the manager was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the shutdown goes on.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_shutdown(std::chrono::steady_clock::duration drain, Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            get_executor(),
            [state = state_, drain](auto&& handler, const executor_type& executor) {
                state->shut_down(drain);
                state->start_drain(std::forward<decltype(handler)>(handler), executor);
            },
            std::forward<Token>(token));
    }

private:
    template <class T, class Fn>
    job_handle<T> add(job_spec spec, Fn fn, bool pausable, error_code& ec) {
        auto job = std::make_shared<detail::job_of<Fn, T>>(std::move(fn), pausable);
        job->handles = 1;
        if (!state_->submit(job, spec, ec)) return {};
        return job_handle<T>(detail::job_share<T>(state_, std::move(job)));
    }

    std::shared_ptr<detail::manager_state> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_MANAGER_HPP
