// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_TIMER_HPP
#define TELLTALE_SYNC_TIMER_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/detail/waiter.hpp>

#include <chrono>
#include <memory>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// The steady time of an executor's context: real, or what a test's virtual_clock shows.
template <class Executor>
std::chrono::steady_clock::time_point steady_now(const Executor& executor) {
    return detail::time_source_of(executor).now();
}

/// The time on the calendar of an executor's context: real, or what a test's virtual_clock shows.
template <class Executor>
std::chrono::system_clock::time_point system_now(const Executor& executor) {
    return detail::time_source_of(executor).system_now();
}

/// A steady_timer that follows the clock of its execution context, so that code which waits with it can be tested in
/// virtual time. Costs nothing over a steady_timer otherwise.
///
///     telltale::timer pause(executor);
///     pause.expires_after(5s);
///     co_await pause.async_wait();
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
template <class Executor>
class basic_timer {
public:
    using executor_type = Executor;
    using clock_type = std::chrono::steady_clock;
    using duration = clock_type::duration;
    using time_point = clock_type::time_point;

    template <class Other>
    struct rebind_executor {
        using other = basic_timer<Other>;
    };

    explicit basic_timer(const Executor& executor)
        : real_(executor),
          source_(&detail::time_source_of(executor)),
          virtual_(source_->is_virtual() ? std::make_shared<detail::virtual_timer_state>(detail::context_of(executor))
                                         : nullptr) {}

    basic_timer(basic_timer&&) = default;
    basic_timer& operator=(basic_timer&&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_timer() {
        if (virtual_) virtual_->finish_all(net::error::operation_aborted);
    }

    executor_type get_executor() noexcept { return real_.get_executor(); }

    /// The time on this timer's clock.
    time_point now() const { return source_->now(); }

    time_point expiry() const { return real_.expiry(); }

    /// Sets when the timer expires; whoever waits for the former time gets operation_aborted.
    void expires_at(time_point expiry) {
        cancel();
        real_.expires_at(expiry);
    }

    /// As expires_at, counted from now. 0 or less: it has expired. Not after the end of time, however long.
    void expires_after(duration d) {
        const time_point start = now();
        expires_at(d > time_point::max() - start ? time_point::max() : start + d);
    }

    /// Whoever waits gets operation_aborted.
    void cancel() {
        if (virtual_)
            virtual_->finish_all(net::error::operation_aborted);
        else
            real_.cancel();
    }

    /// Completes when the timer expires.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, a new expiry was set, or the timer was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the timer's).
    template <class Token = default_token_t<Executor>>
    auto async_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            get_executor(),
            [this](auto&& handler, const Executor& executor) {
                if (!virtual_) return real_.async_wait(std::forward<decltype(handler)>(handler));
                // Copies: when it waits, another thread may let time pass, and the timer may be gone.
                const auto state = virtual_;
                auto& source = *source_;
                const time_point due = real_.expiry();
                const bool later = due > source.now();
                detail::start_wait<>(
                    state, std::forward<decltype(handler)>(handler), executor,
                    [&](std::tuple<error_code>&) { return later ? &state->waiters_until(due) : nullptr; });
                if (later) source.add(due, state);
            },
            std::forward<Token>(token));
    }

private:
    net::basic_waitable_timer<clock_type, net::wait_traits<clock_type>, Executor> real_;
    detail::time_source* source_;
    std::shared_ptr<detail::virtual_timer_state> virtual_;
};

using timer = basic_timer<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_TIMER_HPP
