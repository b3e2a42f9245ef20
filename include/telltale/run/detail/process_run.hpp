// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_DETAIL_PROCESS_RUN_HPP
#define TELLTALE_RUN_DETAIL_PROCESS_RUN_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/run/process_options.hpp>

#if !defined(_WIN32)

#include <memory>
#include <type_traits>
#include <utility>

// The operation that waits for a process. What it does meanwhile is in process_run.ipp.

namespace telltale::inline TELLTALE_ABI::detail {

/// How the end of a process is noticed.
enum class exit_watch : bool {
    poll, ///< asks again and again, where the system has no pidfd
    handle
};

class process_run;

TELLTALE_DECL std::shared_ptr<process_run> make_process_run(const net::any_io_executor& executor,
                                                            process_options options, exit_watch watch);

/// Owns `operation` from here on.
TELLTALE_DECL void start_process_run(process_run& run, waiter<process_result>& operation);

/// What the operation leaves in its cancellation slot. It does not keep the process, whose descriptors must not outlive
/// their context.
struct process_cancel {
    explicit process_cancel(std::weak_ptr<process_run> r) noexcept : run(std::move(r)) {}

    TELLTALE_DECL void operator()(net::cancellation_type type) const;

    std::weak_ptr<process_run> run;
};

template <class Handler, class Executor>
void start_process(Handler&& handler, const Executor& executor, process_options options, exit_watch watch) {
    auto& operation =
        waiter_of<std::decay_t<Handler>, Executor, process_result>::create(std::forward<Handler>(handler), executor);
    const auto run = make_process_run(net::any_io_executor(executor), std::move(options), watch);
    if (auto slot = operation.cancellation_slot(); slot.is_connected())
        slot.template emplace<process_cancel>(std::weak_ptr(run));
    start_process_run(*run, operation);
}

template <class Executor, class Token>
auto async_run_process_by(exit_watch watch, const Executor& executor, process_options options, Token&& token) {
    return async_start<void(error_code, process_result)>(
        executor,
        [options = std::move(options), watch](auto&& handler, const Executor& ex) mutable {
            start_process(std::forward<decltype(handler)>(handler), ex, std::move(options), watch);
        },
        std::forward<Token>(token));
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // !_WIN32

#endif // TELLTALE_RUN_DETAIL_PROCESS_RUN_HPP
