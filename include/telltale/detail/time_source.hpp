// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DETAIL_TIME_SOURCE_HPP
#define TELLTALE_DETAIL_TIME_SOURCE_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/waiter.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// One timer in virtual time.
class virtual_timer_state final : public wait_state {
public:
    using time_point = std::chrono::steady_clock::time_point;
    using wait_state::wait_state;

    // All with the mutex held.
    wait_list& waiters_until(time_point due) noexcept {
        due_ = due;
        return waiters_;
    }
    /// Somebody waits for just that time, and not for a later one that was set since.
    bool is_due(time_point at) const noexcept { return due_ == at && !waiters_.empty(); }
    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    wait_list waiters_;
    time_point due_{};
};

/// What the clock of an execution context shows: the real one, or a test's virtual one. Every wait of the library and
/// every time that it records goes through here.
class time_source final : public net::execution_context::service {
public:
    using key_type = time_source;
    using clock = std::chrono::steady_clock;
    static inline net::execution_context::id id;

    explicit time_source(net::execution_context& context) : service(context) {}

    bool is_virtual() const noexcept { return virtual_.load(std::memory_order_acquire); }

    clock::time_point now() const {
        if (!is_virtual()) return clock::now();
        const std::lock_guard lock(mutex_);
        return now_;
    }

    std::chrono::system_clock::time_point system_now() const {
        if (!is_virtual()) return std::chrono::system_clock::now();
        const std::lock_guard lock(mutex_);
        return calendar_ + std::chrono::duration_cast<std::chrono::system_clock::duration>(now_.time_since_epoch());
    }

    /// From now on time stands still at `now` until advance(); the calendar shows `calendar`.
    void make_virtual(clock::time_point now, std::chrono::system_clock::time_point calendar) {
        const std::lock_guard lock(mutex_);
        now_ = now;
        calendar_ = calendar - std::chrono::duration_cast<std::chrono::system_clock::duration>(now.time_since_epoch());
        virtual_.store(true, std::memory_order_release);
    }

    void add(clock::time_point expiry, std::weak_ptr<virtual_timer_state> timer) {
        const std::lock_guard lock(mutex_);
        timers_.emplace(expiry, std::move(timer));
    }

    /// When the next timer with a waiter is due.
    std::optional<clock::time_point> next_expiry() {
        const std::lock_guard lock(mutex_);
        while (!timers_.empty()) {
            if (const auto timer = timers_.begin()->second.lock()) {
                const std::lock_guard timer_lock(timer->mutex());
                if (timer->is_due(timers_.begin()->first)) return timers_.begin()->first;
            }
            timers_.erase(timers_.begin());
        }
        return std::nullopt;
    }

    /// Moves virtual time forward and completes, in order, every wait that has become due.
    void advance_to(clock::time_point to) {
        for (;;) {
            std::shared_ptr<virtual_timer_state> due;
            clock::time_point at;
            {
                const std::lock_guard lock(mutex_);
                now_ = std::max(now_, to);
                if (timers_.empty() || timers_.begin()->first > to) return;
                at = timers_.begin()->first;
                due = timers_.begin()->second.lock();
                timers_.erase(timers_.begin());
            }
            if (!due) continue;
            wait_list waiters;
            {
                const std::lock_guard lock(due->mutex());
                if (due->is_due(at)) due->take_all(waiters);
            }
            waiters.finish_all({});
        }
    }

private:
    void shutdown() noexcept override {}

    mutable std::mutex mutex_;
    std::atomic<bool> virtual_{false};
    // Of virtual time:
    clock::time_point now_{};
    std::chrono::system_clock::time_point calendar_{};
    std::multimap<clock::time_point, std::weak_ptr<virtual_timer_state>> timers_; // equal keys: first in, first out
};

template <class Executor>
time_source& time_source_of(const Executor& executor) {
    return net::use_service<time_source>(context_of(executor));
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DETAIL_TIME_SOURCE_HPP
