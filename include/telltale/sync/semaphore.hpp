// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_SEMAPHORE_HPP
#define TELLTALE_SYNC_SEMAPHORE_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {
class semaphore_state;
}

/// One of a semaphore's permits, given back when this is destroyed. Move-only; may outlive its semaphore.
///
/// @par Thread safety
/// Distinct permits: safe. May be released on any thread.
class permit {
public:
    permit() noexcept = default; ///< holds none
    permit(permit&& other) noexcept = default;
    permit& operator=(permit&& other) noexcept {
        permit taken(std::move(other));
        state_.swap(taken.state_);
        return *this;
    }
    ~permit() { release(); }

    explicit operator bool() const noexcept { return state_ != nullptr; }

    /// Gives the permit back now. The longest waiter gets it. Does nothing without a permit.
    inline void release() noexcept;

private:
    friend class detail::semaphore_state;
    explicit permit(std::shared_ptr<detail::semaphore_state> state) noexcept : state_(std::move(state)) {}

    std::shared_ptr<detail::semaphore_state> state_;
};

namespace detail {

class semaphore_state final : public wait_state {
public:
    using waiter_type = waiter<permit>;

    semaphore_state(net::execution_context& context, std::size_t permits)
        : wait_state(context), available_(permits), limit_(permits) {}

    permit try_take() {
        const std::lock_guard lock(mutex());
        return take();
    }

    // With the mutex held. Whoever waits already comes first.
    permit take() {
        if (available_ == 0 || !waiters_.empty()) return {};
        --available_;
        return permit(self());
    }

    void give_back() noexcept {
        wait_node* next = nullptr;
        {
            const std::lock_guard lock(mutex());
            next = waiters_.pop_front();
            if (!next) ++available_;
        }
        if (next) static_cast<waiter_type*>(next)->complete({}, permit(self()));
    }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

    wait_list& waiters() noexcept { return waiters_; }
    std::size_t limit() const noexcept { return limit_; }
    std::size_t available() const {
        const std::lock_guard lock(mutex());
        return available_;
    }

private:
    std::shared_ptr<semaphore_state> self() noexcept {
        return std::static_pointer_cast<semaphore_state>(shared_from_this());
    }

    wait_list waiters_;
    std::size_t available_;
    const std::size_t limit_;
};

} // namespace detail

inline void permit::release() noexcept {
    if (const auto state = std::move(state_)) state->give_back();
}

/// Bounds how many may do something at once: a counting semaphore whose permits are handed out first come, first served.
///
///     telltale::semaphore polls(executor, 10);
///     telltale::permit p = co_await polls.acquire(); // given back at the end of the scope
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Executor>
class basic_semaphore {
public:
    using executor_type = Executor;

    template <class Other>
    struct rebind_executor {
        using other = basic_semaphore<Other>;
    };

    /// `permits`: how many can be held at once; 0 lets everybody wait.
    basic_semaphore(const Executor& executor, std::size_t permits)
        : executor_(executor),
          state_(std::make_shared<detail::semaphore_state>(detail::context_of(executor), permits)) {}

    basic_semaphore(const basic_semaphore&) = delete;
    basic_semaphore& operator=(const basic_semaphore&) = delete;

    /// Whoever still waits gets operation_aborted. Permits that are out stay valid.
    ~basic_semaphore() { state_->finish_all(net::error::operation_aborted); }

    executor_type get_executor() const noexcept { return executor_; }

    std::size_t limit() const noexcept { return state_->limit(); }

    /// How many permits are free at this moment.
    std::size_t available() const { return state_->available(); }

    /// A permit if one is free and nobody waits for it, else an empty one. Never suspends.
    [[nodiscard]] permit try_acquire() { return state_->try_take(); }

    /// Waits for a permit.
    ///
    /// @par Completion signature
    /// `void(error_code, permit)`
    /// @par Error codes
    /// `operation_aborted`: cancelled, or the semaphore was destroyed; no permit is lost.
    /// @par Per-operation cancellation
    /// terminal, partial and total: the operation leaves the queue. A permit that was given before stays given.
    /// @par Resumes
    /// by post, on the handler's associated executor (default: the semaphore's).
    template <class Token = default_token_t<Executor>>
    auto async_acquire(Token&& token = {}) {
        return detail::async_start<void(error_code, permit)>(
            executor_,
            [state = state_](auto&& handler, const Executor& executor) {
                detail::start_wait<permit>(state, std::forward<decltype(handler)>(handler), executor,
                                           [&state](std::tuple<error_code, permit>& result) {
                                               auto& [ec, given] = result;
                                               given = state->take();
                                               return given ? nullptr : &state->waiters();
                                           });
            },
            std::forward<Token>(token));
    }

    /// As async_acquire, but does not suspend when a permit is free. Throws system_error.
    [[nodiscard]] net::awaitable<permit, Executor> acquire() {
        if (permit p = try_acquire()) co_return p;
        co_return co_await async_acquire(net::use_awaitable_t<Executor>{});
    }

private:
    Executor executor_;
    std::shared_ptr<detail::semaphore_state> state_;
};

using semaphore = basic_semaphore<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_SEMAPHORE_HPP
