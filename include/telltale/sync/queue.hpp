// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_QUEUE_HPP
#define TELLTALE_SYNC_QUEUE_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/adapted_handler.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/sync/detail/queue_state.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// A bounded queue: who pushes waits while it is full, who pops waits while it is empty, each side first come, first
/// served.
///
///     net::awaitable<void> produce(telltale::queue<block>& blocks) {
///         while (auto b = read_block()) co_await blocks.push(std::move(*b)); // waits for those who consume
///         blocks.close();
///     }
///     net::awaitable<void> consume(telltale::queue<block>& blocks) {
///         for (;;) {
///             const auto [ec, b] = co_await blocks.async_pop(telltale::as_result);
///             if (ec) co_return; // closed, and all is consumed
///             handle(b);
///         }
///     }
///
/// A value belongs to the queue from the moment at which its push succeeds, and to a pop as soon as that is given it:
/// nothing is lost to a cancellation or a time limit. So a pop with a time limit is `with_timeout(q.pop(), 1s)`; the
/// value that comes at the last moment is its result.
///
/// `T` is movable, without exceptions, and default-constructible (what a pop that fails gives).
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <std::movable T, class Executor = net::any_io_executor>
    requires std::default_initializable<T>
class queue {
public:
    using executor_type = Executor;
    using value_type = T;

    template <class Other>
    struct rebind_executor {
        using other = queue<T, Other>;
    };

    static constexpr std::size_t all = std::numeric_limits<std::size_t>::max(); ///< of pop_some: no limit

    /// `capacity`: how many values can wait to be popped; their room is allocated now. 0: a push completes only when a
    /// pop takes its value. Throws what `std::allocator` throws.
    queue(const Executor& executor, std::size_t capacity)
        : executor_(executor), state_(std::make_shared<state_type>(detail::context_of(executor), capacity)) {}

    queue(const queue&) = delete;
    queue& operator=(const queue&) = delete;

    /// Whoever still waits gets operation_aborted. Values that nobody has popped are destroyed.
    ~queue() { state_->abandon(); }

    executor_type get_executor() const noexcept { return executor_; }

    std::size_t capacity() const noexcept { return state_->capacity(); }

    /// How many values are in the queue at this moment; not those of pushes that wait.
    std::size_t size() const { return state_->size(); }

    bool is_closed() const { return state_->is_closed(); }

    /// Ends the queue. Whoever waits gets errc::closed, on both sides, and so does every push from now on: its value
    /// was not sent. What is in the queue can still be popped; then pops get errc::closed too.
    void close() { state_->close(); }

    /// Pushes if that needs no waiting. False: the queue is full or closed, and `value` was not moved from. Never
    /// suspends.
    [[nodiscard]] bool try_push(T&& value) {
        error_code ec;
        return state_->push(value, ec) && !ec;
    }

    [[nodiscard]] bool try_push(const T& value) requires std::copy_constructible<T> { return try_push(T(value)); }

    /// Completes when the value is in the queue, or was given to a pop.
    ///
    /// @par Completion signature
    /// `void(error_code)`
    /// @par Error codes
    /// `errc::closed`; `operation_aborted`: cancelled, or the queue was destroyed. With an error, the value was not
    /// sent and is gone with the operation.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting. A value that was accepted before stays so.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the queue's).
    template <class Token = default_token_t<Executor>>
    auto async_push(T value, Token&& token = {}) {
        return detail::async_start<void(error_code)>(
            executor_,
            [state = state_, value = std::move(value)](auto&& handler, const Executor& executor) mutable {
                state_type::start_push(state, std::forward<decltype(handler)>(handler), executor, std::move(value));
            },
            std::forward<Token>(token));
    }

    /// As async_push, but does not suspend when there is room. Throws system_error.
    ///
    /// (Name a value of aggregate type before the co_await, and move it: GCC 12 destroys an aggregate that is made within
    /// a co_await expression twice.)
    [[nodiscard]] net::awaitable<void, Executor> push(T value) {
        // Decided here already: to await the operation in another coroutine would cost that one's frame.
        if (state_->must_wait_to_push()) return async_push(std::move(value), net::use_awaitable_t<Executor>{});
        return push_or_wait(std::move(value));
    }

    /// The next value, or nothing: the queue is empty. Never suspends.
    [[nodiscard]] std::optional<T> try_pop() {
        std::optional<T> value;
        error_code ec;
        state_->pop(value, ec);
        return value;
    }

    /// The next values, at most `max`, in order; none where the queue is empty. Never suspends.
    [[nodiscard]] std::vector<T> try_pop_some(std::size_t max = all) {
        std::vector<T> values;
        state_->pop_some(values, max);
        return values;
    }

    /// Waits for a value.
    ///
    /// @par Completion signature
    /// `void(error_code, T)`
    /// @par Error codes
    /// `errc::closed`: closed and empty; `operation_aborted`: cancelled, or the queue was destroyed.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation stops waiting. No value is lost: one that was given stays given.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the queue's).
    template <class Token = default_token_t<Executor>>
    auto async_pop(Token&& token = {}) {
        return detail::async_start<void(error_code, T)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                state_type::start_pop(state, std::forward<decltype(handler)>(handler), executor);
            },
            std::forward<Token>(token));
    }

    /// As async_pop, but does not suspend when a value is there. Throws system_error.
    [[nodiscard]] net::awaitable<T, Executor> pop() {
        if (state_->must_wait_to_pop()) return async_pop(net::use_awaitable_t<Executor>{});
        return pop_or_wait();
    }

    /// Waits for a value, and takes with it those that are there when the operation completes: at least one, at most
    /// `max` (0 is taken as 1), in order. As async_pop, with the completion signature `void(error_code,
    /// std::vector<T>)`.
    template <class Token = default_token_t<Executor>>
    auto async_pop_some(std::size_t max, Token&& token = {}) {
        return detail::async_start<void(error_code, std::vector<T>)>(
            executor_,
            [state = state_, max = std::max<std::size_t>(max, 1)](auto&& handler, const Executor& executor) {
                state_type::start_pop_some(state, std::forward<decltype(handler)>(handler), executor, max);
            },
            std::forward<Token>(token));
    }

    /// As async_pop_some, but does not suspend when a value is there. Throws system_error.
    [[nodiscard]] net::awaitable<std::vector<T>, Executor> pop_some(std::size_t max = all) {
        auto values = try_pop_some(std::max<std::size_t>(max, 1));
        if (values.empty()) values = co_await async_pop_some(max, net::use_awaitable_t<Executor>{});
        co_return values;
    }

private:
    using state_type = detail::queue_state<T>;

    net::awaitable<void, Executor> push_or_wait(T value) {
        error_code ec;
        if (!state_->push(value, ec)) co_await async_push(std::move(value), net::use_awaitable_t<Executor>{});
        if (ec) throw system_error(ec);
    }

    net::awaitable<T, Executor> pop_or_wait() {
        std::optional<T> value;
        error_code ec;
        if (!state_->pop(value, ec)) co_return co_await async_pop(net::use_awaitable_t<Executor>{});
        if (ec) throw system_error(ec);
        co_return std::move(*value);
    }

    Executor executor_;
    std::shared_ptr<state_type> state_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_QUEUE_HPP
