// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_LATCH_HPP
#define TELLTALE_SYNC_LATCH_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

class latch_state final : public wait_state {
public:
    latch_state(net::execution_context& context, std::size_t count) : wait_state(context), count_(count) {}

    error_code count_down(std::size_t n) {
        wait_list ready;
        error_code ec;
        {
            const std::lock_guard lock(mutex());
            ec = count_down(n, ready);
        }
        ready.ready_all();
        return ec;
    }

    std::size_t count() const {
        const std::lock_guard lock(mutex());
        return count_;
    }

    // With the mutex held.
    error_code count_down(std::size_t n, wait_list& ready) noexcept {
        if (n > count_) return errc::invalid_argument;
        count_ -= n;
        if (count_ == 0) ready.take(waiters_);
        return {};
    }
    wait_list* attempt() noexcept { return count_ == 0 ? nullptr : &waiters_; }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    wait_list waiters_;
    std::size_t count_;
};

} // namespace detail

/// Opens when so many things have happened, and stays open. For once: the count cannot be raised (task_group counts
/// children that come and go).
///
///     net::awaitable<void> start(telltale::latch& ready) { // of three
///         co_await connect();
///         co_await ready.arrive_and_wait(); // goes on when all three are connected
///     }
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_latch {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_latch<Other>;
    };

    /// `count`: how many things have to happen; 0: it is open from the beginning.
    basic_latch(const Executor& executor, std::size_t count)
        : executor_(executor), state_(std::make_shared<detail::latch_state>(detail::context_of(executor), count)) {}

    basic_latch(const basic_latch&) = delete;
    basic_latch& operator=(const basic_latch&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~basic_latch() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// How many things have still to happen.
    std::size_t count() const { return state_->count(); }

    /// `n` things have happened; the last one wakes all who wait, in the order in which they came.
    ///
    /// @throws system_error `errc::invalid_argument`: `n` is more than is left; nothing was counted.
    void count_down(std::size_t n = 1) {
        if (const auto ec = state_->count_down(n)) throw system_error(ec, "telltale::latch: counted below zero");
    }

    /// True if the latch is open. Never suspends.
    [[nodiscard]] bool try_wait() const { return state_->count() == 0; }

    /// Completes when the latch is open.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the latch was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the latch's).
    template <class Token = default_token_t<Executor>>
    auto async_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&state](std::tuple<error_code>&) { return state->attempt(); });
            },
            std::forward<Token>(token));
    }

    /// As async_wait, but does not suspend when the latch is open. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> wait() {
        if (!try_wait()) co_await async_wait(net::use_awaitable_t<Executor>{});
    }

    /// Counts one down, when the operation is started, and waits. As async_wait, and: `errc::invalid_argument` where
    /// the latch is open already. Cancelling does not take back what was counted.
    template <class Token = default_token_t<Executor>>
    auto async_arrive_and_wait(Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::wait_list ready;
                detail::start_wait<>(state, std::forward<decltype(handler)>(handler), executor,
                                     [&](std::tuple<error_code>& result) {
                                         auto& ec = std::get<0>(result);
                                         ec = state->count_down(1, ready);
                                         return ec ? nullptr : state->attempt();
                                     });
                ready.ready_all();
            },
            std::forward<Token>(token));
    }

    /// As async_arrive_and_wait, but whoever comes last does not suspend. Throws system_error.
    [[nodiscard]] net::awaitable<void, Executor> arrive_and_wait() {
        count_down();
        if (!try_wait()) co_await async_wait(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::latch_state> state_;
};

using latch = basic_latch<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_LATCH_HPP
