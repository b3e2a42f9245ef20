// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_MANAGER_WAITS_HPP
#define TELLTALE_RUN_DETAIL_MANAGER_WAITS_HPP

#include <telltale/detail/adapted_handler.hpp>
#include <telltale/detail/is_aborted.hpp>
#include <telltale/run/detail/manager_state.hpp>
#include <telltale/sync/outcome.hpp>

#include <exception>
#include <memory>
#include <mutex>
#include <tuple>
#include <type_traits>
#include <utility>

// How the operations of a manager, its handles and its jobs wait.

namespace telltale::inline TELLTALE_ABI::detail {

template <class Handler>
void manager_state::start_wait_end(Handler&& handler, const net::any_io_executor& executor, const job_id& id) {
    few<job_ptr> gone;
    start_wait<job_state>(self(), std::forward<Handler>(handler), executor,
                          [&](std::tuple<error_code, job_state>& result) -> wait_list* {
                              forget_old(source_.now(), gone);
                              managed_job* const job = index_.find(id);
                              if (!job) {
                                  std::get<0>(result) = errc::unknown_job;
                                  return nullptr;
                              }
                              std::get<1>(result) = job->state;
                              return is_terminal(job->state) ? nullptr : &job->waiters;
                          });
}

template <class Handler>
void manager_state::start_wait_end(Handler&& handler, const net::any_io_executor& executor, const job_ptr& job) {
    start_wait<job_state>(self(), std::forward<Handler>(handler), executor,
                          [&](std::tuple<error_code, job_state>& result) -> wait_list* {
                              std::get<1>(result) = job->state;
                              if (job->state == job_state::lost) std::get<0>(result) = net::error::operation_aborted;
                              return is_terminal(job->state) ? nullptr : &job->waiters;
                          });
}

template <class Handler>
void manager_state::start_drain(Handler&& handler, const net::any_io_executor& executor) {
    start_wait<>(self(), std::forward<Handler>(handler), executor,
                 [this](std::tuple<error_code>&) { return live_ == 0 ? nullptr : &drainers_; });
}

/// Tells the manager when a job does not wait any longer for what would let it go on.
struct after_hold {
    template <class Handler, class... Values>
    void operator()(Handler&& handler, error_code ec, Values&&... values) {
        if (is_aborted(ec)) manager->left_hold(job);
        manager.reset();
        job.reset();
        std::forward<Handler>(handler)(ec, std::forward<Values>(values)...);
    }

    std::shared_ptr<manager_state> manager;
    job_ptr job;
};

template <class Handler>
void manager_state::start_checkpoint(Handler&& handler, const net::any_io_executor& executor, const job_ptr& job) {
    using adapted = adapted_handler<std::decay_t<Handler>, after_hold>;
    effects todo;
    start_wait<>(self(), adapted{std::forward<Handler>(handler), after_hold{self(), job}}, executor,
                 [&](std::tuple<error_code>& result) -> wait_list* {
                     if (!job->begun || closed_ || job->asked != managed_job::reason::none) {
                         std::get<0>(result) = net::error::operation_aborted;
                         return nullptr;
                     }
                     if (job->state == job_state::running) {
                         if (!job->pause_requested.load(std::memory_order_relaxed)) return nullptr;
                         const auto now = source_.now();
                         hold(*job, now);
                         tell_state(*job);
                         pump(todo, now);
                     }
                     return &job->held;
                 });
    carry_out(todo);
}

template <class Handler>
void manager_state::start_approval(Handler&& handler, const net::any_io_executor& executor, const job_ptr& job,
                                   std::string what, std::optional<clock::duration> timeout) {
    using adapted = adapted_handler<std::decay_t<Handler>, after_hold>;
    effects todo;
    start_wait<approval>(self(), adapted{std::forward<Handler>(handler), after_hold{self(), job}}, executor,
                         [&](std::tuple<error_code, approval>& result) -> wait_list* {
                             if (!job->begun || closed_ || job->asked != managed_job::reason::none) {
                                 std::get<0>(result) = net::error::operation_aborted;
                                 return nullptr;
                             }
                             if (job->rare().asks) {
                                 std::get<0>(result) = errc::invalid_argument;
                                 return nullptr;
                             }
                             ask(*job, std::move(what), timeout, todo);
                             return &job->rarity->approval_waiters;
                         });
    carry_out(todo);
}

/// How a job that did not succeed is told to whoever wants its result.
inline std::exception_ptr error_of(const managed_job& job, job_state how) {
    if (how == job_state::failed && job.error) return job.error;
    const errc e = how == job_state::timed_out ? errc::job_timed_out : errc::job_cancelled;
    return std::make_exception_ptr(system_error(make_error_code(e)));
}

template <class T>
error_code manager_state::take(job_with_result<T>& job, job_state how, outcome<T>& result) {
    const std::lock_guard lock(mutex());
    if (how != job_state::succeeded) {
        result.error = error_of(job, how);
        result.cancelled = how == job_state::cancelled;
        return {};
    }
    if constexpr (std::is_void_v<T>) {
        result.value.emplace();
    } else {
        if (!job.value) return errc::closed;
        result.value = std::move(job.value);
        job.value.reset();
    }
    return {};
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_RUN_DETAIL_MANAGER_WAITS_HPP
