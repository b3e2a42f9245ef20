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
#include <telltale/run/detail/manager_impl.hpp>
#include <telltale/run/detail/manager_state.hpp>
#include <telltale/run/job_context.hpp>

#include <concepts>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// A function that is the work of a job.
template <class Fn>
concept job_function = std::move_constructible<Fn> && requires(Fn fn, job_context context) {
    { fn(std::move(context)) } -> std::same_as<net::awaitable<void>>;
};

/// Runs coroutines as jobs, at most so many at once; the others wait in a queue, first in, first out.
///
///     telltale::job_manager manager(executor, board.sink(), {.max_running = 2});
///     manager.submit({.name = "asio"}, [folder](telltale::job_context job) { return hash(folder, job); });
///     co_await manager.async_drain();
///
/// A job is queued, running, and then succeeded; failed when its coroutine throws (job_failure says with which class);
/// cancelled when it was asked to end and did so with operation_aborted; or timed_out, the same for its time limit. A
/// job that ends with its own result or error although it was asked to end has that result or error.
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
        : executor_(std::move(executor)),
          state_(std::make_shared<detail::manager_state>(executor_, std::move(sink), options)) {}

    job_manager(const job_manager&) = delete;
    job_manager& operator=(const job_manager&) = delete;

    /// Cancels all jobs and does not wait for them: what they refer to must outlive them. What was queued is reported
    /// as cancelled, what runs as lost; then the sink is called no more. Whoever waits gets operation_aborted. For an
    /// orderly end: stop(), then async_drain.
    ~job_manager() { state_->close(); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Takes a job in, and starts it when fewer than max_running run. `fn(job_context)` is called on the job's strand,
    /// and kept until its coroutine has ended: so here it may be a coroutine lambda with captures. Returns the id.
    /// Throws system_error: `errc::duplicate_job`: the id is in use; `errc::closed`: after stop().
    template <job_function Fn>
    job_id submit(job_spec spec, Fn fn) {
        error_code ec;
        auto id = submit(std::move(spec), std::move(fn), ec);
        if (ec) throw system_error(ec);
        return id;
    }

    /// The same, with the error as a value; the id is empty then.
    template <job_function Fn>
    job_id submit(job_spec spec, Fn fn, error_code& ec) {
        struct work final : detail::job_work {
            explicit work(Fn f) : function(std::move(f)) {}
            net::awaitable<void> begin(job_context context) override { return function(std::move(context)); }
            Fn function;
        };
        ec = {};
        return state_->submit(std::move(spec), std::make_unique<work>(std::move(fn)), ec);
    }

    /// Ends a queued job now, and asks a running one to end (cancellation_type::terminal). Asking again is accepted and
    /// does nothing. `refused`: it has ended already.
    command_result cancel(const job_id& id) { return state_->cancel(id); }

    /// Takes no more jobs, and cancels all there are.
    void stop() { state_->stop(); }

    job_counts counts() const { return state_->counts(); }

    /// The state of a job that is queued, running, or still remembered.
    std::optional<job_state> state(const job_id& id) const { return state_->state_of(id); }

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
            executor_,
            [state = state_, id = std::move(id)](auto&& handler, const executor_type& executor) {
                detail::start_wait<job_state>(state, std::forward<decltype(handler)>(handler), executor,
                                              [&](std::tuple<error_code, job_state>& result) {
                                                  return state->attempt(id, std::get<0>(result), std::get<1>(result));
                                              });
            },
            std::forward<Token>(token));
    }

    /// Waits until no job is queued or running.
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
            executor_,
            [state = state_](auto&& handler, const executor_type& executor) {
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&state](std::tuple<error_code>&) { return state->attempt_drain(); });
            },
            std::forward<Token>(token));
    }

private:
    executor_type executor_;
    std::shared_ptr<detail::manager_state> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_JOB_MANAGER_HPP
