// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_POLL_UNTIL_HPP
#define TELLTALE_POLL_POLL_UNTIL_HPP

#include <telltale/asio.hpp>
#include <telltale/core/backoff.hpp>
#include <telltale/poll/detail/poll_loop.hpp>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// How poll_until polls.
struct poll_options {
    std::chrono::nanoseconds interval =
        std::chrono::seconds{15}; ///< from one answer to the next poll; greater than zero
    double jitter = 0.1; ///< 0 to 1: each interval is uniform between (1 - jitter) and (1 + jitter) times as long
    telltale::backoff backoff{};                            ///< the delays after errors
    std::optional<std::chrono::nanoseconds> deadline{};     ///< for the whole wait; absent: as long as it takes
    std::optional<std::chrono::nanoseconds> poll_timeout{}; ///< for one poll; absent: as long as it takes
    std::uint32_t max_consecutive_errors = 5; ///< so many system_errors in a row end the wait; 0: none ever does
    std::optional<std::uint64_t> seed{};      ///< of the jitter; absent: a random one
};

namespace detail {
template <class Fn>
using polled_awaitable = std::invoke_result_t<std::decay_t<Fn>&>;
template <class Fn>
using polled_value = typename awaitable_traits<polled_awaitable<Fn>>::value_type;
template <class Fn>
using polled_executor = typename awaitable_traits<polled_awaitable<Fn>>::executor_type;
template <class Done, class Fn>
concept predicate_on = requires(std::decay_t<Done>& done, const polled_value<Fn>& value) {
    { std::invoke(done, value) } -> std::convertible_to<bool>;
};
} // namespace detail

/// Calls `fn` again and again until `done` says that its answer is the one to wait for, and returns that answer. The
/// first poll is at once.
///
///     auto page = co_await telltale::poll_until(look, is_ready, {.interval = 5s, .deadline = 10min});
///
/// `fn()` returns a net::awaitable of a value; `done(value)` a bool. Both are copied, and live as long as the wait.
/// (Give a lambda with captures a name before the co_await: GCC 12 destroys temporaries of its kind in there twice.)
///
/// A system_error thrown by `fn` is taken for passing trouble: the next poll comes after a backoff, unless it is the
/// `max_consecutive_errors`-th in a row. At the deadline there is one last poll; one that is in flight then is let
/// finish. So the wait ends at the latest at `deadline` and `poll_timeout` together.
///
/// @par Errors
/// `errc::deadline_exceeded`: the last poll was not the one to wait for; the last system_error of too many in a row;
/// every other exception of `fn` or `done`, at once; `operation_aborted`: cancelled, or thrown by `fn`.
/// @par Cancellation
/// terminal: stops the wait at once; a poll in flight is cancelled.
template <class Fn, detail::predicate_on<Fn> Done>
[[nodiscard]] auto poll_until(Fn&& fn, Done&& done, poll_options options = {})
    -> net::awaitable<detail::polled_value<Fn>, detail::polled_executor<Fn>> {
    using value = detail::polled_value<Fn>;
    using executor = detail::polled_executor<Fn>;
    return detail::poll_loop<value, executor, std::decay_t<Fn>, std::decay_t<Done>>(std::forward<Fn>(fn),
                                                                                    std::forward<Done>(done), options);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_POLL_UNTIL_HPP
