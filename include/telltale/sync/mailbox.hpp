// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_MAILBOX_HPP
#define TELLTALE_SYNC_MAILBOX_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>

#include <concepts>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

template <class T>
class mailbox_state final : public wait_state {
public:
    using wait_state::wait_state;

    bool put(T value) {
        waiter<T>* next = nullptr;
        {
            const std::lock_guard lock(mutex());
            if (closed_) return false;
            next = static_cast<waiter<T>*>(waiters_.pop_front());
            if (!next) {
                const bool replaced = value_.has_value();
                value_ = std::move(value);
                return replaced;
            }
        }
        next->complete({}, std::move(value));
        return false;
    }

    std::optional<T> try_take() {
        const std::lock_guard lock(mutex());
        return std::exchange(value_, std::nullopt);
    }

    // With the mutex held.
    wait_list* attempt(error_code& ec, T& value) {
        if (value_) {
            value = std::move(*value_);
            value_.reset();
            return nullptr;
        }
        if (!closed_) return &waiters_;
        ec = errc::closed;
        return nullptr;
    }

    void close() {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            closed_ = true;
            all.take(waiters_);
        }
        all.finish_all(errc::closed);
    }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    wait_list waiters_;
    std::optional<T> value_;
    bool closed_ = false;
};

} // namespace detail

/// Room for one value, in which the latest wins: who takes gets the newest, however many were put since.
///
///     telltale::mailbox<int> degrees(executor);
///     degrees.put(19); // any thread, as often as it likes; never waits
///     degrees.put(20);
///     const int newest = co_await degrees.take();
///
/// `T` is movable and default-constructible.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <std::movable T, class Executor = net::any_io_executor>
    requires std::default_initializable<T>
class mailbox {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = mailbox<T, Other>;
    };

    explicit mailbox(const Executor& executor)
        : executor_(executor), state_(std::make_shared<detail::mailbox_state<T>>(detail::context_of(executor))) {}

    mailbox(const mailbox&) = delete;
    mailbox& operator=(const mailbox&) = delete;

    /// Whoever still waits gets operation_aborted.
    ~mailbox() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Leaves a value for the next taker. True if it replaced one that nobody had taken. Ignored after close().
    bool put(T value) { return state_->put(std::move(value)); }

    /// No more values will come: a value that is there can still be taken, then takers get errc::closed.
    void close() { state_->close(); }

    /// The value that is there, or nothing. Never suspends.
    [[nodiscard]] std::optional<T> try_take() { return state_->try_take(); }

    /// Waits for a value. Several takers are served in the order in which they came.
    ///
    /// @par Completion signature
    /// `void(error_code, T)`
    /// @par Error codes
    /// `errc::closed`: closed and empty; `operation_aborted`: cancelled, or the mailbox was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting. No value is lost: one that was given stays given.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the mailbox's).
    template <class Token = default_token_t<Executor>>
    auto async_take(Token&& token = {}) {
        return detail::async_start<void(error_code, T)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<T>(state, std::forward<decltype(handler)>(handler), executor,
                                      [&state](std::tuple<error_code, T>& result) {
                                          return state->attempt(std::get<0>(result), std::get<1>(result));
                                      });
            },
            std::forward<Token>(token));
    }

    /// As async_take, but does not suspend when a value is there. Throws system_error.
    [[nodiscard]] net::awaitable<T, Executor> take() {
        if (auto value = try_take()) co_return std::move(*value);
        co_return co_await async_take(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::mailbox_state<T>> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_MAILBOX_HPP
