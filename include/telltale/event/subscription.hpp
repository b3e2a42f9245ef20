// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_SUBSCRIPTION_HPP
#define TELLTALE_EVENT_SUBSCRIPTION_HPP

#include <telltale/asio.hpp>
#include <telltale/core/cursor.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/event/delivery.hpp>
#include <telltale/event/detail/stream.hpp>

#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// The reading end of an emitter: events in order, each once, bounded. Ended by being destroyed.
///
/// Where events have a conflation_key (the progress of a job), an unread event is replaced by a newer one of the same
/// key; no other event is ever lost without a gap that says so.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe; the emitter may be used from any thread all the same.
template <class Event, class Executor = net::any_io_executor>
class subscription {
public:
    using executor_type = Executor;
    using delivery_type = delivery<Event>;

    subscription(const Executor& executor, std::shared_ptr<detail::event_stream<Event>> stream,
                 subscription_options<Event> options)
        : executor_(executor), stream_(std::move(stream)) {
        auto from = options.from;
        state_ = std::make_shared<detail::subscriber<Event>>(detail::context_of(executor), std::move(options));
        stream_->add(state_, from);
    }

    subscription(subscription&&) noexcept = default;
    subscription& operator=(subscription&&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~subscription() {
        if (!state_) return;
        stream_->remove(state_);
        state_->finish_all(net::error::operation_aborted);
    }

    executor_type get_executor() const noexcept { return executor_; }

    /// Where the reader is: the place of what was received last, or where the subscription began. Give it as `from` to
    /// go on from there later.
    cursor position() const { return state_->position(); }

    /// What is unread, or nothing. Never suspends.
    [[nodiscard]] std::optional<delivery_type> try_receive() {
        std::optional<delivery_type> result(std::in_place);
        error_code ec;
        const std::lock_guard lock(state_->mutex());
        if (state_->attempt(ec, *result) || ec) result.reset();
        return result;
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
        if (auto d = try_receive()) co_return std::move(*d);
        co_return co_await async_receive(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::event_stream<Event>> stream_;
    std::shared_ptr<detail::subscriber<Event>> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_SUBSCRIPTION_HPP
