// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_JOB_HANDLE_HPP
#define TELLTALE_RUN_JOB_HANDLE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job.hpp>
#include <telltale/core/job_control.hpp>
#include <telltale/error.hpp>
#include <telltale/run/detail/job_share.hpp>
#include <telltale/sync/outcome.hpp>

#include <memory>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// A job that was submitted to a job_manager, and the right to its result. Need not be kept: a job goes on without.
///
///     auto sum = manager.submit({.name = "sum"}, add_up); // an awaitable<int>
///     const int total = co_await sum.result();
///
/// The result of a job lives until it is taken, or the handle and all operations that wait for it are gone; what the
/// manager remembers of a job besides is no concern of the handle.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for moving from and into it.
template <class T>
class job_handle {
public:
    using executor_type = net::any_io_executor;
    using value_type = T;

    /// Of no job: nothing else may be called.
    job_handle() = default;

    explicit job_handle(detail::job_share<T> share) : share_(std::move(share)) {}

    explicit operator bool() const noexcept { return static_cast<bool>(share_); }

    const job_id& id() const noexcept { return share_.job().id; }
    operator const job_id&() const noexcept { return id(); }

    executor_type get_executor() const noexcept { return share_.manager().executor(); }

    /// The state of the job now, also when the manager remembers it no longer.
    job_state state() const { return share_.manager().state_of(share_.job()); }

    /// As job_manager::cancel.
    command_result cancel() { return share_.manager().request(id(), job_command::cancel); }

    /// Waits for the end of the job, and takes its result.
    ///
    /// @par Completion signature
    /// `void(error_code, outcome<T>)`: the value; or the job's exception, as system_error `errc::job_cancelled` (then
    /// `cancelled` is set) or `errc::job_timed_out` for a job that ended so.
    /// @par Error codes
    /// `errc::closed`: the value was taken already; `operation_aborted`: the wait was cancelled, or the manager
    /// was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting; the job goes on, and its result is not lost.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the manager's).
    template <class Token = default_token_t<executor_type>>
    auto async_result(Token&& token = {}) {
        return detail::async_take(share_.share(), std::forward<Token>(token));
    }

    /// The value of the job, when it has ended. Throws what the job has thrown, and the errors of async_result as
    /// system_error. The handle may be destroyed meanwhile.
    [[nodiscard]] net::awaitable<T> result() { return detail::result_of(share_.share()); }

private:
    detail::job_share<T> share_;
};

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/run/detail/manager_impl.ipp>
#endif

#endif // TELLTALE_RUN_JOB_HANDLE_HPP
