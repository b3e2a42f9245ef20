// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_WITH_TIMEOUT_HPP
#define TELLTALE_SYNC_WITH_TIMEOUT_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/sync/detail/timed_operation.hpp>

#include <chrono>
#include <exception>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Runs an operation that is cancelled when it takes longer than `limit`.
///
/// Nothing is swallowed or lost, unlike with `operation || timer`: the result is the operation's own, whether value or
/// error, also when it came at the last moment, after the time was up. Only where the operation ended as cancelled,
/// because its time was up, the error is errc::deadline_exceeded. The operation has always ended when this completes.
///
/// `operation` is any function object that starts an operation with the completion handler that it is given, and
/// `Signature` the signature of that: `async_with_timeout<void(error_code, permit)>(executor,
/// [&](auto handler) { semaphore.async_acquire(std::move(handler)); }, 5s)`. The first argument of the signature is an
/// error_code or an exception_ptr. `limit`: 0 or less cancels the operation as soon as it has been started, which
/// still lets it complete with what is there without waiting.
///
/// @par Completion signature
/// `Signature`
/// @par Error codes
/// those of the operation; `errc::deadline_exceeded` (as system_error where the signature has an exception_ptr).
/// @par Per-operation cancellation
/// passed on to the operation.
/// @par Thread safety
/// The operation's own intermediate handlers run on a strand of `executor`; the final handler on its associated one.
template <class Signature, class Executor, class Operation, class Token = default_token_t<Executor>>
auto async_with_timeout(const Executor& executor, Operation operation, std::chrono::steady_clock::duration limit,
                        Token&& token = {}) {
    return detail::async_start<Signature>(
        executor,
        [operation = std::move(operation), limit](auto&& handler, const Executor& ex) mutable {
            detail::start_timed<Signature>(ex, std::move(operation), limit, std::forward<decltype(handler)>(handler));
        },
        std::forward<Token>(token));
}

/// As async_with_timeout, with the time when it is over instead of how long it may take. `deadline`: on the clock of the
/// executor's context, `steady_now(executor)`. If it is past, the operation is started all the same, and cancelled at
/// once: what it completes with without waiting is not lost.
template <class Signature, class Executor, class Operation, class Token = default_token_t<Executor>>
auto async_with_deadline(const Executor& executor, Operation operation, std::chrono::steady_clock::time_point deadline,
                         Token&& token = {}) {
    return detail::async_start<Signature>(
        executor,
        [operation = std::move(operation), deadline](auto&& handler, const Executor& ex) mutable {
            detail::start_timed<Signature>(ex, std::move(operation), deadline,
                                           std::forward<decltype(handler)>(handler));
        },
        std::forward<Token>(token));
}

/// As async_with_timeout, for a coroutine:
///
///     const int answer = co_await telltale::with_timeout(ask(), 5s);
///
/// The coroutine runs on a strand of the executor of whoever awaits. Throws what it throws, or
/// system_error(errc::deadline_exceeded). A cancellation of whoever awaits is passed on to it.
template <class T, class Executor>
[[nodiscard]] net::awaitable<T, Executor> with_timeout(net::awaitable<T, Executor> operation,
                                                       std::chrono::steady_clock::duration limit) {
    const Executor executor = co_await net::this_coro::executor;
    // Named: GCC 12 destroys an aggregate temporary inside a co_await expression twice.
    detail::spawn_operation<T, Executor> spawn{std::move(operation)};
    co_return co_await async_with_timeout<detail::spawn_signature<T>>(executor, std::move(spawn), limit,
                                                                      net::use_awaitable_t<Executor>{});
}

/// As with_timeout, with the time when it is over: `co_await with_deadline(ask(), steady_now(executor) + 5s);`. One
/// deadline serves for several steps. See async_with_deadline.
template <class T, class Executor>
[[nodiscard]] net::awaitable<T, Executor> with_deadline(net::awaitable<T, Executor> operation,
                                                        std::chrono::steady_clock::time_point deadline) {
    const Executor executor = co_await net::this_coro::executor;
    detail::spawn_operation<T, Executor> spawn{std::move(operation)}; // named: as above
    co_return co_await async_with_deadline<detail::spawn_signature<T>>(executor, std::move(spawn), deadline,
                                                                       net::use_awaitable_t<Executor>{});
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_WITH_TIMEOUT_HPP
