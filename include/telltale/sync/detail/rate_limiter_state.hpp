// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_SYNC_DETAIL_RATE_LIMITER_STATE_HPP
#define TELLTALE_SYNC_DETAIL_RATE_LIMITER_STATE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/token_bucket.hpp>
#include <telltale/detail/adapted_handler.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/sync/timer.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// A bucket, those who wait for tokens (each brings how many, in its result), and one timer: for when the first of them
/// can have its tokens.
template <class Executor>
class rate_limiter_state final : public wait_state {
    using waiter_type = waiter<std::size_t>;
    using clock = token_bucket::clock;

public:
    rate_limiter_state(const Executor& executor, rate_limit limit)
        : wait_state(context_of(executor)),
          source_(time_source_of(executor)),
          bucket_(limit, source_.now()),
          timer_(std::in_place, executor) {}

    /// True if the acquire has ended.
    bool acquire(std::size_t n, error_code& ec) {
        const std::lock_guard lock(mutex());
        return acquire_locked(n, ec);
    }

    template <class Handler>
    static void start_acquire(const std::shared_ptr<rate_limiter_state>& state, Handler&& handler,
                              const Executor& executor, std::size_t n) {
        using adapted = adapted_handler<std::decay_t<Handler>, error_only>;
        start_wait<std::size_t>(state, adapted{std::forward<Handler>(handler), {}}, executor,
                                [&](std::tuple<error_code, std::size_t>& result) -> wait_list* {
                                    if (state->acquire_locked(n, std::get<0>(result))) return nullptr;
                                    std::get<1>(result) = n;
                                    if (state->waiters_.empty()) state->arm(n, state->source_.now());
                                    return &state->waiters_;
                                });
    }

    void set_limit(rate_limit limit) {
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            bucket_.set_limit(limit, source_.now());
            serve(ready);
        }
        ready.ready_all();
    }

    rate_limit limit() const {
        const std::lock_guard lock(mutex());
        return bucket_.limit();
    }

    double available() const {
        const std::lock_guard lock(mutex());
        return bucket_.available(source_.now());
    }

    /// The limiter is gone. This may outlive the execution context, which the timer may not.
    void abandon() {
        {
            const std::lock_guard lock(mutex());
            timer_.reset();
        }
        finish_all(net::error::operation_aborted);
    }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

    void after_cancel(wait_list& ready) noexcept override { serve(ready); }

private:
    // With the mutex held. Whoever waits already comes first.
    bool acquire_locked(std::size_t n, error_code& ec) {
        if (n > bucket_.limit().burst) {
            ec = errc::invalid_argument;
            return true;
        }
        return waiters_.empty() && bucket_.try_take(n, source_.now());
    }

    // With the mutex held. Moves those who have ended into `ready`, and sets the timer for the next.
    void serve(wait_list& ready) {
        const auto now = source_.now();
        while (wait_node* const first = waiters_.front()) {
            auto& [ec, n] = static_cast<waiter_type*>(first)->result();
            if (n > bucket_.limit().burst)
                ec = errc::invalid_argument;
            else if (!bucket_.try_take(n, now))
                return arm(n, now);
            ready.push_back(*waiters_.pop_front());
        }
        disarm();
    }

    void arm(std::size_t n, clock::time_point now) {
        const auto due = bucket_.ready_at(n, now);
        if (due == clock::time_point::max()) return disarm(); // until the limit is changed
        if (!timer_ || due == armed_for_) return;
        armed_for_ = due;
        timer_->expires_at(due);
        timer_->async_wait([weak = std::weak_ptr(self())](error_code ec) {
            if (ec) return;
            if (const auto state = weak.lock()) state->on_timer();
        });
    }

    void disarm() {
        if (timer_ && std::exchange(armed_for_, std::nullopt)) timer_->cancel();
    }

    void on_timer() {
        wait_list ready;
        {
            const std::lock_guard lock(mutex());
            armed_for_.reset();
            serve(ready);
        }
        ready.ready_all();
    }

    std::shared_ptr<rate_limiter_state> self() {
        return std::static_pointer_cast<rate_limiter_state>(shared_from_this());
    }

    time_source& source_;
    token_bucket bucket_;
    wait_list waiters_;
    std::optional<basic_timer<Executor>> timer_;
    std::optional<clock::time_point> armed_for_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_SYNC_DETAIL_RATE_LIMITER_STATE_HPP
