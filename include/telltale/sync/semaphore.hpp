// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_SEMAPHORE_HPP
#define TELLTALE_SYNC_SEMAPHORE_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {
class semaphore_state;
}

/// Some of a semaphore's permits, given back when this is destroyed. Move-only; may outlive its semaphore.
///
/// @par Thread safety
/// Distinct permits: safe. May be released on any thread.
class permit {
public:
    permit() noexcept = default; ///< holds none
    permit(permit&& other) noexcept
        : state_(std::exchange(other.state_, nullptr)), count_(std::exchange(other.count_, 0)) {}
    permit& operator=(permit&& other) noexcept {
        permit taken(std::move(other));
        std::swap(state_, taken.state_);
        std::swap(count_, taken.count_);
        return *this;
    }
    ~permit() {
        if (state_) release();
    }

    explicit operator bool() const noexcept { return state_ != nullptr; }

    /// How many of the semaphore's permits this holds.
    std::size_t count() const noexcept { return state_ ? count_ : 0; }

    /// Gives them back now: to those who have waited longest. Does nothing without a permit.
    inline void release() noexcept;

private:
    friend class detail::semaphore_state;
    permit(detail::semaphore_state* state, std::size_t count) noexcept : state_(state), count_(count) {}

    detail::semaphore_state* state_ = nullptr; // which lives until its last permit is back
    std::size_t count_ = 0;
};

namespace detail {

/// The free permits are one atomic number, so taking and giving back is one step each while nobody waits. Its lowest bit
/// says that everybody must come to the mutex: somebody waits, or the semaphore is gone. While that bit is set, the number
/// changes with the mutex held only.
class semaphore_state final : public wait_state {
public:
    static constexpr std::size_t max_limit = std::size_t{1} << 61U;

    semaphore_state(net::execution_context& context, std::size_t limit)
        : wait_state(context), limit_(std::min(limit, max_limit)), word_(to_word(limit_)) {}

    permit try_take(std::size_t count) noexcept {
        permit taken;
        std::int64_t word = word_.load(std::memory_order_relaxed);
        while (can_take(word, count))
            if (word_.compare_exchange_weak(word, word - to_word(count), std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
                taken = permit(this, count);
                break;
            }
        return taken;
    }

    void give_back(std::size_t count) noexcept {
        std::int64_t word = word_.load(std::memory_order_relaxed);
        while ((word & must_lock) == 0)
            if (word_.compare_exchange_weak(word, word + to_word(count), std::memory_order_release,
                                            std::memory_order_relaxed))
                return; // from here on this may be gone
        give_back_locked(count);
    }

    /// What it looked like a moment ago, at the price of a load.
    bool must_wait(std::size_t count) const noexcept { return !can_take(word_.load(std::memory_order_relaxed), count); }

    // With the mutex held.
    wait_list* attempt(error_code& ec, permit& result, std::size_t count) noexcept {
        if (count == 0) {
            ec = errc::invalid_argument;
            return nullptr;
        }
        std::int64_t word = word_.load(std::memory_order_relaxed);
        for (;;) {
            const bool take = can_take(word, count);
            if (!word_.compare_exchange_weak(word, take ? word - to_word(count) : word | must_lock,
                                             std::memory_order_acq_rel, std::memory_order_relaxed))
                continue;
            result = permit(take ? this : nullptr, count); // for a waiter: how many it waits for
            return take ? nullptr : &waiters_;
        }
    }

    void set_limit(std::size_t limit) {
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            limit = std::min(limit, max_limit);
            word_.fetch_add(to_word(limit) - to_word(limit_), std::memory_order_acq_rel);
            limit_ = limit;
            hand_out(ready);
        }
        ready.ready_all();
    }

    std::size_t limit() const {
        const std::lock_guard lock(mutex());
        return limit_;
    }

    std::size_t available() const noexcept {
        return static_cast<std::size_t>(std::max<std::int64_t>(free(word_.load(std::memory_order_relaxed)), 0));
    }

    /// The semaphore is gone; this goes when the last permit is back.
    void abandon() {
        {
            const std::lock_guard lock(mutex());
            const std::int64_t word = word_.fetch_or(must_lock, std::memory_order_acq_rel);
            abandoned_ = true;
            if (!all_back(word)) self_ = shared_from_this();
        }
        finish_all(net::error::operation_aborted);
    }

    void take_all(wait_list& all) noexcept override {
        all.take(waiters_);
        hand_out(all); // there is nobody left: opens the short way again
    }

    void after_cancel(wait_list& ready) noexcept override { hand_out(ready); }

private:
    using waiter_type = waiter<permit>;
    static constexpr std::int64_t must_lock = 1;

    static std::int64_t to_word(std::size_t count) noexcept { return static_cast<std::int64_t>(count) * 2; }
    static std::int64_t free(std::int64_t word) noexcept { return word >> 1; } // below 0: the limit was lowered
    static bool fits(std::int64_t word, std::size_t count) noexcept {
        return free(word) > 0 && count <= static_cast<std::size_t>(free(word));
    }
    // Whoever waits already comes first.
    static bool can_take(std::int64_t word, std::size_t count) noexcept {
        return (word & must_lock) == 0 && count > 0 && fits(word, count);
    }
    bool all_back(std::int64_t word) const noexcept { return free(word) == static_cast<std::int64_t>(limit_); }

    void give_back_locked(std::size_t count) noexcept {
        std::shared_ptr<wait_state> last;
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            const std::int64_t before = word_.fetch_add(to_word(count), std::memory_order_acq_rel);
            hand_out(ready);
            if (abandoned_ && all_back(before + to_word(count))) last = std::move(self_);
        }
        ready.ready_all();
    }

    // With the mutex held. While somebody waits must_lock is set, and nobody else changes the number.
    void hand_out(wait_list& ready) noexcept {
        std::int64_t word = word_.load(std::memory_order_acquire);
        if ((word & must_lock) == 0) return;
        while (wait_node* const first = waiters_.front()) {
            permit& wanted = std::get<permit>(static_cast<waiter_type*>(first)->result());
            if (!fits(word, wanted.count_)) break;
            word -= to_word(wanted.count_);
            wanted.state_ = this;
            ready.push_back(*waiters_.pop_front());
        }
        if (waiters_.empty() && !abandoned_) word &= ~must_lock;
        word_.store(word, std::memory_order_release);
    }

    wait_list waiters_;
    std::size_t limit_;
    bool abandoned_ = false;
    std::shared_ptr<wait_state> self_; // while abandoned with permits out
    std::atomic<std::int64_t> word_;
};

} // namespace detail

inline void permit::release() noexcept {
    const std::size_t count = std::exchange(count_, 0);
    if (auto* const state = std::exchange(state_, nullptr)) state->give_back(count);
}

/// Bounds how many may do something at once: a counting semaphore whose permits are handed out first come, first served.
///
///     telltale::semaphore polls(executor, 10);
///     telltale::permit p = co_await polls.acquire(); // given back at the end of the scope
///
/// An operation may ask for several permits at once, and gets all of them or waits: for memory that is counted in
/// megabytes, for a request that counts for three. Who wants many is not overtaken by those who want few.
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

    /// The highest limit. Higher ones are taken as this.
    static constexpr std::size_t max_limit = detail::semaphore_state::max_limit;

    /// `limit`: how many permits can be out at once; 0 lets everybody wait.
    basic_semaphore(const Executor& executor, std::size_t limit)
        : executor_(executor), state_(std::make_shared<detail::semaphore_state>(detail::context_of(executor), limit)) {}

    basic_semaphore(const basic_semaphore&) = delete;
    basic_semaphore& operator=(const basic_semaphore&) = delete;

    /// Whoever still waits gets operation_aborted. Permits that are out stay valid.
    ~basic_semaphore() { state_->abandon(); }

    executor_type get_executor() const noexcept { return executor_; }

    std::size_t limit() const { return state_->limit(); }

    /// Changes how many permits can be out at once. More: those who wait get them. Fewer: nobody loses a permit, but
    /// none is given out until enough have come back.
    void set_limit(std::size_t limit) { state_->set_limit(limit); }

    /// How many permits are free at this moment.
    std::size_t available() const noexcept { return state_->available(); }

    /// A permit for `count` if so many are free and nobody waits, else an empty one; also where `count` is 0. Never
    /// suspends.
    [[nodiscard]] permit try_acquire(std::size_t count = 1) noexcept { return state_->try_take(count); }

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
        requires(!std::convertible_to<Token, std::size_t>)
    auto async_acquire(Token&& token = {}) { return async_acquire(1, std::forward<Token>(token)); }

    /// Waits for `count` permits, all at once. As async_acquire(token), and: `errc::invalid_argument` where `count` is 0. More
    /// than limit(): waits until the limit is raised.
    template <class Token = default_token_t<Executor>>
    auto async_acquire(std::size_t count, Token&& token = {}) {
        return detail::async_start<void(error_code, permit)>(
            executor_,
            [state = state_, count](auto&& handler, const Executor& executor) {
                detail::start_wait<permit>(state, std::forward<decltype(handler)>(handler), executor,
                                           [&](std::tuple<error_code, permit>& result) {
                                               return state->attempt(std::get<0>(result), std::get<1>(result), count);
                                           });
            },
            std::forward<Token>(token));
    }

    /// As async_acquire, but does not suspend when the permits are free. Throws system_error.
    [[nodiscard]] net::awaitable<permit, Executor> acquire(std::size_t count = 1) {
        // Decided here already: to await the operation in another coroutine would cost that one's frame.
        if (state_->must_wait(count)) return async_acquire(count, net::use_awaitable_t<Executor>{});
        return take_or_wait(count);
    }

private:
    net::awaitable<permit, Executor> take_or_wait(std::size_t count) {
        if (permit p = try_acquire(count)) co_return p;
        co_return co_await async_acquire(count, net::use_awaitable_t<Executor>{});
    }

    Executor executor_;
    std::shared_ptr<detail::semaphore_state> state_;
};

using semaphore = basic_semaphore<net::any_io_executor>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_SYNC_SEMAPHORE_HPP
