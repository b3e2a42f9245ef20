// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_RATE_LIMITER_HPP
#define TELLTALE_SYNC_RATE_LIMITER_HPP

#include <telltale/asio.hpp>
#include <telltale/core/token_bucket.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/sync/detail/rate_limiter_state.hpp>

#include <concepts>
#include <cstddef>
#include <memory>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Bounds how often something is done: a token bucket, out of which tokens are handed first come, first served. (A
/// semaphore bounds how many do it at once.)
///
///     telltale::rate_limiter requests(executor, {.per_second = 5000.0 / 3600, .burst = 20});
///     co_await requests.acquire(); // at most 5000 per hour, after a pause 20 at once
///     co_await ask_api();
///
/// Follows the clock of the execution context, virtual time included.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_rate_limiter {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_rate_limiter<Other>;
    };

    /// The bucket is full at first.
    ///
    /// @throws system_error `errc::invalid_argument`: `limit` is out of its range.
    basic_rate_limiter(const Executor& executor, rate_limit limit)
        : executor_(executor), state_(std::make_shared<state_type>(executor, checked(limit))) {}

    basic_rate_limiter(const basic_rate_limiter&) = delete;
    basic_rate_limiter& operator=(const basic_rate_limiter&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_rate_limiter() { state_->abandon(); }

    executor_type get_executor() const noexcept { return executor_; }

    rate_limit limit() const { return state_->limit(); }

    /// Changes rate and burst from now on, for those who wait already too. A waiter that wants more than the new burst
    /// gets errc::invalid_argument. Tokens that are there stay, as far as the new burst has room.
    ///
    /// @throws system_error `errc::invalid_argument`: `limit` is out of its range; nothing is changed.
    void set_limit(rate_limit limit) { state_->set_limit(checked(limit)); }

    /// How many tokens there are at this moment: 0 to burst.
    double available() const { return state_->available(); }

    /// Takes `n` tokens if they are there and nobody waits. Never suspends.
    ///
    /// @throws system_error `errc::invalid_argument`: `n` is more than the burst, so it can never be.
    [[nodiscard]] bool try_acquire(std::size_t n = 1) {
        error_code ec;
        const bool ended = state_->acquire(n, ec);
        if (ec) throw_too_many(ec);
        return ended;
    }

    /// Waits for a token.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the limiter was destroyed; no token is lost.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation leaves the queue. Tokens that were given before are used up.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the limiter's).
    template <class Token = default_token_t<Executor>>
        requires(!std::convertible_to<Token, std::size_t>)
    auto async_acquire(Token&& token = {}) { return async_acquire(1, std::forward<Token>(token)); }

    /// Waits for `n` tokens, all at once; who wants many is not overtaken by those who want few. As
    /// async_acquire(token), and: `errc::invalid_argument` at once where `n` is more than the burst.
    template <class Token = default_token_t<Executor>>
    auto async_acquire(std::size_t n, Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_, n](auto&& handler, const Executor& executor) {
                state_type::start_acquire(state, std::forward<decltype(handler)>(handler), executor, n);
            },
            std::forward<Token>(token));
    }

    /// As async_acquire, but does not suspend when the tokens are there. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> acquire(std::size_t n = 1) {
        if (!try_acquire(n)) co_await async_acquire(n, net::use_awaitable_t<Executor>{});
    }

private:
    using state_type = detail::rate_limiter_state<Executor>;

    static rate_limit checked(rate_limit limit) {
        if (!limit.valid())
            throw system_error(make_error_code(errc::invalid_argument),
                               "telltale::rate_limiter: per_second or burst is out of its range");
        return limit;
    }

    [[noreturn]] static void throw_too_many(error_code ec) {
        throw system_error(ec, "telltale::rate_limiter: more tokens than the burst");
    }

    Executor executor_;
    std::shared_ptr<state_type> state_;
};

using rate_limiter = basic_rate_limiter<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_RATE_LIMITER_HPP
