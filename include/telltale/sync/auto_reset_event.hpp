// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_AUTO_RESET_EVENT_HPP
#define TELLTALE_SYNC_AUTO_RESET_EVENT_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/sync/detail/event_state.hpp>

#include <memory>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// A signal that wakes one: each set() lets one waiter through, and waits for one to come if nobody is there. Several
/// set() that nobody has waited for count as one: to say that there is something to do, not how much (that is a queue
/// or a semaphore).
///
///     net::awaitable<void> write_what_is_dirty(telltale::auto_reset_event& dirty) {
///         for (;;) {
///             co_await dirty.wait(); // set() by whoever changes something, on any thread
///             write_all();
///         }
///     }
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_auto_reset_event {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_auto_reset_event<Other>;
    };

    /// Not set.
    explicit basic_auto_reset_event(const Executor& executor)
        : executor_(executor), state_(std::make_shared<detail::event_state>(detail::context_of(executor))) {}

    basic_auto_reset_event(const basic_auto_reset_event&) = delete;
    basic_auto_reset_event& operator=(const basic_auto_reset_event&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_auto_reset_event() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Lets the one through who has waited longest, or else the next who comes. Does nothing when it is set already.
    void set() { state_->set_for_one(); }

    /// Takes back a set() that nobody has used.
    void reset() { state_->reset(); }

    /// True if the event was set; it is not any more. Never suspends.
    [[nodiscard]] bool try_wait() { return state_->reset(); }

    /// Completes when a set() is there for this operation, and uses it up. Several are served in the order in which
    /// they came.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the event was destroyed; no set() is used up.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting. One that was let through before stays so.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the event's).
    template <class Token = default_token_t<Executor>>
    auto async_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&state](std::tuple<error_code>&) { return state->unless_taken(); });
            },
            std::forward<Token>(token));
    }

    /// As async_wait, but does not suspend when the event is set. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> wait() {
        if (!try_wait()) co_await async_wait(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::event_state> state_;
};

using auto_reset_event = basic_auto_reset_event<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_AUTO_RESET_EVENT_HPP
