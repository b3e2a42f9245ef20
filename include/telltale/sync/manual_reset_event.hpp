// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_MANUAL_RESET_EVENT_HPP
#define TELLTALE_SYNC_MANUAL_RESET_EVENT_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/sync/detail/event_state.hpp>

#include <memory>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Something that has happened or not: set once, seen by everybody who waits now or later, until it is reset.
///
///     telltale::manual_reset_event connected(executor);
///     connected.set();           // by whoever has connected, on any thread
///     co_await connected.wait(); // and everybody else who waits, or comes later
///
/// (The things that a board tells of are `event`, in core; this is the synchronisation primitive.)
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_manual_reset_event {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_manual_reset_event<Other>;
    };

    /// Not set.
    explicit basic_manual_reset_event(const Executor& executor)
        : executor_(executor), state_(std::make_shared<detail::event_state>(detail::context_of(executor))) {}

    basic_manual_reset_event(const basic_manual_reset_event&) = delete;
    basic_manual_reset_event& operator=(const basic_manual_reset_event&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_manual_reset_event() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Wakes all who wait, in the order in which they came. Does nothing when it is set already.
    void set() { state_->set_for_all(); }

    /// Whoever waits from now on waits for the next set().
    void reset() { state_->reset(); }

    /// Whether it is set at this moment. Never suspends.
    bool is_set() const { return state_->is_set(); }

    /// Completes when the event is set.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the event was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the event's).
    template <class Token = default_token_t<Executor>>
    auto async_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&state](std::tuple<error_code>&) { return state->unless_set(); });
            },
            std::forward<Token>(token));
    }

    /// As async_wait, but does not suspend when the event is set. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> wait() {
        if (!is_set()) co_await async_wait(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::event_state> state_;
};

using manual_reset_event = basic_manual_reset_event<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_MANUAL_RESET_EVENT_HPP
