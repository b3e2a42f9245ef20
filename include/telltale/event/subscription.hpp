// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_SUBSCRIPTION_HPP
#define TELLTALE_EVENT_SUBSCRIPTION_HPP

#include <telltale/asio.hpp>
#include <telltale/core/cursor.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/event/delivery.hpp>
#include <telltale/event/detail/receive_some.hpp>
#include <telltale/event/detail/stream.hpp>
#include <telltale/event/subscription_options.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// The reading end of an emitter: events in order, each once, bounded. Ended by being destroyed.
///
/// Where events have a conflation_key (the progress of a job), an unread event is replaced by a newer one of the same
/// key; no other event is ever lost without a gap that says so.
///
///     auto events = board.subscribe();
///     const auto told = co_await events.receive();
///     if (told.is_gap()) look_at_everything(board.jobs()); // so many are missing: told.lost
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe, but for statistics(); the emitter may be used from any thread all the
/// same.
template <class Event, class Executor = net::any_io_executor>
class subscription {
public:
    using executor_type = Executor;
    using delivery_type = delivery<Event>;
    using batch_type = std::vector<delivery_type>;

    static constexpr std::size_t all = std::numeric_limits<std::size_t>::max(); ///< for `max`: no limit

    /// For emitter::subscribe().
    subscription(const Executor& executor, std::shared_ptr<detail::event_stream<Event>> stream,
                 subscription_options<Event> options)
        : executor_(executor),
          stream_(std::move(stream)),
          state_(stream_->add(detail::context_of(executor), std::move(options))) {}

    subscription(subscription&&) noexcept = default;
    subscription& operator=(subscription&&) = delete;

    /// Whoever still waits gets operation_aborted. What is unread is gone; another subscription can have it, from
    /// position() on.
    ~subscription() {
        if (state_) stream_->remove(*state_);
    }

    executor_type get_executor() const noexcept { return executor_; }

    /// Where the reader is: the place of what was received last, or where the subscription began. Give it as `from` to
    /// go on from there later.
    cursor position() const {
        const std::lock_guard lock(state_->mutex());
        return state_->position();
    }

    /// How the reader fares. Any thread, while the subscription exists.
    subscription_statistics statistics() const {
        const std::lock_guard lock(state_->mutex());
        return state_->statistics(stream_->newest());
    }

    /// What is unread, or nothing. Never suspends.
    [[nodiscard]] std::optional<delivery_type> try_receive() {
        std::optional<delivery_type> result;
        if (!state_->has_something()) return result;
        const std::lock_guard lock(state_->mutex());
        if (!state_->take(result.emplace())) result.reset();
        return result;
    }

    /// Replaces what is in `batch` by what is unread, at most `max`. How many there were. Never suspends.
    std::size_t try_receive_some(batch_type& batch, std::size_t max = all) {
        batch.clear();
        if (!state_->has_something()) return 0;
        const std::lock_guard lock(state_->mutex());
        state_->take_some(batch, max);
        return batch.size();
    }

    /// Waits for the next event or gap.
    ///
    /// @par Completion signature
    /// `void(error_code, delivery<Event>)`
    /// @par Error codes
    /// `errc::closed`: the emitter is gone and all was read; `errc::fell_behind`: with overflow_policy::end;
    /// `operation_aborted`: cancelled, or the subscription was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting. No event is lost: one that was given stays given.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the subscription's).
    template <class Token = default_token_t<Executor>>
    auto async_receive(Token&& token = {}) {
        return detail::async_start<void(error_code, delivery_type)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<delivery_type>(state, std::forward<decltype(handler)>(handler), executor,
                                                  [&state](std::tuple<error_code, delivery_type>& result) {
                                                      return state->attempt(std::get<0>(result), std::get<1>(result));
                                                  });
            },
            std::forward<Token>(token));
    }

    /// As async_receive, but does not suspend when something is unread. Throws system_error.
    [[nodiscard]] net::awaitable<delivery_type, Executor> receive() {
        // Where it will have to wait, without a coroutine more.
        if (!state_->has_something()) return async_receive(net::use_awaitable_t<Executor>{});
        return receive_unread();
    }

    /// Waits until something is unread, and takes all of it, at most `max` and at least 1. What was emitted until the
    /// handler ran belongs to it. A batch that was received before can be given as `reuse`, for its memory.
    ///
    /// @par Completion signature
    /// `void(error_code, std::vector<delivery<Event>>)`, never empty without an error
    /// @par Error codes, cancellation, executor
    /// as async_receive; an operation that ends with an error has taken nothing.
    template <class Token = default_token_t<Executor>>
        requires(!std::same_as<std::remove_cvref_t<Token>, batch_type>)
    auto async_receive_some(std::size_t max, Token&& token = {}) {
        return async_receive_some(batch_type{}, max, std::forward<Token>(token));
    }
    template <class Token = default_token_t<Executor>>
    auto async_receive_some(batch_type reuse, std::size_t max, Token&& token = {}) {
        reuse.clear();
        return detail::async_start<void(error_code, batch_type)>(
            executor_,
            [state = state_, batch = std::move(reuse),
             max = std::max<std::size_t>(max, 1)](auto&& handler, const Executor& executor) mutable {
                using operation = detail::receive_some_operation<Event, std::decay_t<decltype(handler)>, Executor>;
                operation::start(
                    operation(state, executor, std::forward<decltype(handler)>(handler), max, std::move(batch)));
            },
            std::forward<Token>(token));
    }

    /// As async_receive_some, but does not suspend when something is unread. Throws system_error.
    [[nodiscard]] net::awaitable<batch_type, Executor> receive_some(std::size_t max = all, batch_type reuse = {}) {
        if (try_receive_some(reuse, std::max<std::size_t>(max, 1)) > 0) co_return std::move(reuse);
        co_return co_await async_receive_some(std::move(reuse), max, net::use_awaitable_t<Executor>{});
    }

private:
    net::awaitable<delivery_type, Executor> receive_unread() {
        if (auto d = try_receive()) co_return std::move(*d);
        co_return co_await async_receive(net::use_awaitable_t<Executor>{});
    }

    Executor executor_;
    std::shared_ptr<detail::event_stream<Event>> stream_;
    std::shared_ptr<detail::subscriber<Event>> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_SUBSCRIPTION_HPP
