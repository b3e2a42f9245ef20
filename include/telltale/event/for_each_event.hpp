// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_FOR_EACH_EVENT_HPP
#define TELLTALE_EVENT_FOR_EACH_EVENT_HPP

#include <telltale/asio.hpp>
#include <telltale/core/cursor.hpp>
#include <telltale/detail/is_aborted.hpp>
#include <telltale/error.hpp>
#include <telltale/event/delivery.hpp>
#include <telltale/event/subscription.hpp>
#include <telltale/sync/with_timeout.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// What has become of the events that a handler was given. May be read from any thread while it is counted.
struct handled_events {
    std::atomic<std::uint64_t> handled{0};   ///< without a failure
    std::atomic<std::uint64_t> failed{0};    ///< the handler threw, or had no time left
    std::atomic<std::uint64_t> timed_out{0}; ///< those of `failed` that had no time left
};

/// An event with which its handler did not get done.
struct event_handler_failure {
    cursor at{};                ///< of the event
    std::exception_ptr error{}; ///< errc::deadline_exceeded: its time was over
};

struct event_handler_options {
    /// For each event; positive, or 0: no limit. The handler is cancelled when it is over, and waited for.
    std::chrono::steady_clock::duration time_limit{0};
    /// Told of the first failure; those after it are counted only. Must not throw.
    std::function<void(const event_handler_failure&)> on_failure{};
    /// Where to count; null: nowhere.
    std::shared_ptr<handled_events> counts{};
};

namespace detail {

inline bool is_deadline_exceeded(const std::exception_ptr& e) noexcept {
    try {
        std::rethrow_exception(e);
    } catch (const system_error& error) {
        return error.code() == errc::deadline_exceeded;
    } catch (...) {
        return false;
    }
}

template <class Handler, class Event, class Executor>
net::awaitable<void, Executor> handle_event(Handler& handle, delivery<Event> d,
                                            std::chrono::steady_clock::duration limit) {
    if constexpr (std::is_void_v<std::invoke_result_t<Handler&, delivery<Event>>>) {
        handle(std::move(d));
        co_return;
    } else if (limit > limit.zero()) {
        co_await with_timeout(handle(std::move(d)), limit);
    } else {
        co_await handle(std::move(d));
    }
}

} // namespace detail

/// Calls `handle` for each event and each gap, one after the other, until the emitter is gone: an awaitable to spawn on the
/// executor on which the handler is to run.
///
///     net::co_spawn(executor, telltale::for_each_event(board.subscribe(), tell_chat, {.time_limit = 5s}), net::detached);
///
/// `handle` takes a delivery<Event> and returns an awaitable<void>, or nothing. What it throws is counted, reported once,
/// and ends nothing: the next event is handled all the same. A handler that is slow holds up nobody else: its events wait
/// in the subscription, whose capacity and overflow policy count.
/// (In a co_await expression, name the options and a handler with captures before it: GCC 12 destroys temporaries of their
/// kind in there twice.)
///
/// @par Errors
/// Returns when the emitter is gone and everything was handled. Throws system_error: `errc::fell_behind` with
/// overflow_policy::end; `operation_aborted`: cancelled.
/// @par Cancellation
/// terminal: ends; a handler that runs is cancelled, too.
template <class Event, class Executor, class Handler>
[[nodiscard]] net::awaitable<void, Executor> for_each_event(subscription<Event, Executor> events, Handler handle,
                                                            event_handler_options options = {}) {
    auto counts = options.counts ? std::move(options.counts) : std::make_shared<handled_events>();
    for (;;) {
        auto [ec, next] = co_await events.async_receive(as_tuple(net::use_awaitable_t<Executor>{}));
        if (ec == errc::closed) co_return;
        if (ec) throw system_error(ec);
        std::exception_ptr error;
        const cursor at = next.at;
        try {
            co_await detail::handle_event<Handler, Event, Executor>(handle, std::move(next), options.time_limit);
        } catch (...) {
            error = std::current_exception();
        }
        if (!error) {
            counts->handled.fetch_add(1, std::memory_order_relaxed);
            continue;
        }
        const auto asked = co_await net::this_coro::cancellation_state;
        if (asked.cancelled() != net::cancellation_type::none && detail::is_aborted(error))
            std::rethrow_exception(error);
        if (detail::is_deadline_exceeded(error)) counts->timed_out.fetch_add(1, std::memory_order_relaxed);
        if (counts->failed.fetch_add(1, std::memory_order_relaxed) == 0 && options.on_failure)
            options.on_failure({at, std::move(error)});
    }
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_FOR_EACH_EVENT_HPP
