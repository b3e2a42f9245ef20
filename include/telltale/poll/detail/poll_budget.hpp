// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_POLL_BUDGET_HPP
#define TELLTALE_POLL_DETAIL_POLL_BUDGET_HPP

// The bodies of poll_budget.hpp, which includes this.

#include <telltale/poll/poll_budget.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct poll_budget::place {
    explicit place(std::function<void()> f) : on_ready(std::move(f)) {}

    void wake() {
        const std::lock_guard lock(calling);
        if (on_ready) on_ready();
    }

    std::recursive_mutex calling{}; // the member may be destroyed by its function
    std::function<void()> on_ready;
    // With the mutex of the budget held:
    bool in_line = false;
    time_point told = time_point::min(); // when to ask again
};

inline poll_budget::poll_budget(budget_options options) : options_(std::move(options)) {
    options_.max_concurrent = std::max<std::size_t>(options_.max_concurrent, 1);
    if (options_.rate) bucket_.emplace(*options_.rate, time_point{}); // full, whenever the first poll comes
    if (options_.within) outer_ = std::make_unique<member>(options_.within, [this] { wake_first(); });
}

inline poll_budget::~poll_budget() = default;

inline void poll_budget::observe(const poll_hint& hint, time_point now) {
    if (hint == poll_hint{}) return;
    const auto later = [now](std::chrono::nanoseconds d) {
        return d > time_point::max() - now ? time_point::max() : now + d;
    };
    std::shared_ptr<place> woken;
    {
        const std::lock_guard lock(mutex_);
        if (hint.retry_after) paused_until_ = std::max(paused_until_, later(*hint.retry_after));
        if (hint.left && hint.window && *hint.window > std::chrono::nanoseconds::zero()) {
            // The API may not have counted yet what else is under way.
            const std::uint64_t others = in_use_ > 0 ? in_use_ - 1 : 0;
            left_ = *hint.left > others ? *hint.left - others : 0;
            window_end_ = later(*hint.window);
            const auto left = static_cast<double>(*left_);
            const rate_limit even{left / std::chrono::duration<double>(*hint.window).count(),
                                  static_cast<std::size_t>(std::clamp(left / 50, 1.0, 1000.0))};
            if (spread_)
                spread_->set_limit(even, now);
            else
                spread_.emplace(even, now);
        }
        if (!line_.empty() && line_.front()->told > now) {
            const auto [waits, again] = obstacle(now);
            if (waits != poll_wait::permit && again < line_.front()->told) woken = line_.front();
        }
    }
    if (woken) woken->wake();
}

inline std::size_t poll_budget::in_use() const {
    const std::lock_guard lock(mutex_);
    return in_use_;
}

inline std::size_t poll_budget::waiting() const {
    const std::lock_guard lock(mutex_);
    return line_.size();
}

inline std::optional<poll_budget::time_point> poll_budget::paused_until(time_point now) const {
    const std::lock_guard lock(mutex_);
    if (paused_until_ <= now) return std::nullopt;
    return paused_until_;
}

inline std::optional<std::uint64_t> poll_budget::left(time_point now) const {
    const std::lock_guard lock(mutex_);
    if (window_end_ <= now) return std::nullopt;
    return left_;
}

// What stands in the way of the next poll, and until when: nothing, and now.
inline std::pair<poll_wait, poll_budget::time_point> poll_budget::obstacle(time_point now) const {
    if (in_use_ >= options_.max_concurrent) return {poll_wait::permit, time_point::max()};
    std::pair<poll_wait, time_point> result{poll_wait::nothing, now};
    const auto not_before = [&result](poll_wait why, time_point t) {
        if (t > result.second) result = {why, t};
    };
    if (left_ && window_end_ > now)
        not_before(poll_wait::budget, *left_ == 0 ? window_end_ : std::min(spread_->ready_at(1, now), window_end_));
    if (bucket_) not_before(poll_wait::budget, bucket_->ready_at(1, now));
    not_before(poll_wait::retry_after, paused_until_);
    return result;
}

inline void poll_budget::line_up(const std::shared_ptr<place>& p) {
    if (!std::exchange(p->in_line, true)) line_.push_back(p);
}

// If it may not start now it has a place in the line.
inline std::optional<std::pair<poll_wait, poll_budget::time_point>> poll_budget::refuse(const std::shared_ptr<place>& p,
                                                                                        time_point now) {
    auto found = obstacle(now);
    const bool first = line_.empty() || line_.front() == p;
    if (found.first == poll_wait::nothing && first) return std::nullopt;
    if (found.first == poll_wait::nothing) found.first = poll_wait::permit; // of those before
    if (!first) found.second = time_point::max();
    p->told = found.second;
    line_up(p);
    return found;
}

// Returns who is to be woken.
inline std::shared_ptr<poll_budget::place> poll_budget::take(place& p, time_point now) {
    ++in_use_;
    if (bucket_) bucket_->try_take(1, now);
    if (left_ && window_end_ > now) {
        --*left_;
        spread_->try_take(1, now);
    }
    if (std::exchange(p.in_line, false)) line_.pop_front();
    return first_if_it_may();
}

inline std::pair<poll_wait, poll_budget::time_point> poll_budget::attempt(const std::shared_ptr<place>& p,
                                                                          time_point now) {
    std::shared_ptr<place> next;
    if (!outer_) {
        const std::lock_guard lock(mutex_);
        if (const auto refused = refuse(p, now)) return *refused;
        next = take(*p, now);
    } else {
        std::optional<std::pair<poll_wait, time_point>> refused;
        bool first = true;
        {
            const std::lock_guard lock(mutex_);
            refused = refuse(p, now);
            line_up(p); // while the outer budget is asked, without this lock, nobody else is the first
            first = line_.front() == p;
        }
        if (refused) {
            if (first) outer_->leave(); // others need not wait there for this one
            return *refused;
        }
        answer a = outer_->try_start(now);
        const std::lock_guard lock(mutex_); // given back before the answer's permit is
        if (!a.permit) {
            p->told = a.again;
            return {a.waits, a.again};
        }
        refused = refuse(p, now);
        if (refused) return *refused; // the API has said something meanwhile
        a.permit.budget_.reset();     // a part of this one from now on: see give_back()
        next = take(*p, now);
    }
    if (next) next->wake();
    return {poll_wait::nothing, now};
}

inline void poll_budget::leave(const place& p) {
    std::shared_ptr<place> next;
    bool idle = false;
    {
        const std::lock_guard lock(mutex_);
        if (!p.in_line) return;
        const bool first = line_.front().get() == &p;
        const auto here = std::find_if(line_.begin(), line_.end(), [&p](const auto& q) { return q.get() == &p; });
        (*here)->in_line = false;
        line_.erase(here);
        if (first) next = first_if_it_may();
        idle = line_.empty();
    }
    if (idle) leave_outer();
    if (next) next->wake();
}

inline void poll_budget::give_back() {
    std::shared_ptr<place> next;
    {
        const std::lock_guard lock(mutex_);
        --in_use_;
        next = first_if_it_may();
    }
    if (options_.within) options_.within->give_back();
    if (next) next->wake();
}

// It is this budget's turn at the outer one.
inline void poll_budget::wake_first() {
    std::shared_ptr<place> next;
    {
        const std::lock_guard lock(mutex_);
        if (!line_.empty()) next = line_.front();
    }
    if (next)
        next->wake();
    else
        leave_outer();
}

// Nobody waits here. Whoever has come meanwhile asks again, for its place there may be lost.
inline void poll_budget::leave_outer() {
    if (!outer_) return;
    outer_->leave();
    std::shared_ptr<place> next;
    {
        const std::lock_guard lock(mutex_);
        next = first_if_it_may();
    }
    if (next) next->wake();
}

// Who has become the first, or can do with the permit that has come back: it asks, and learns the time if there is one.
inline std::shared_ptr<poll_budget::place> poll_budget::first_if_it_may() const {
    if (line_.empty() || in_use_ >= options_.max_concurrent) return nullptr;
    return line_.front();
}

inline poll_budget::member::member(std::shared_ptr<poll_budget> budget, std::function<void()> on_ready)
    : budget_(std::move(budget)), place_(std::make_shared<place>(std::move(on_ready))) {}

inline poll_budget::member::~member() {
    budget_->leave(*place_);
    const std::lock_guard lock(place_->calling);
    place_->on_ready = nullptr;
}

inline poll_budget::answer poll_budget::member::try_start(time_point now) {
    const auto [waits, again] = budget_->attempt(place_, now);
    answer a;
    a.waits = waits;
    if (waits == poll_wait::nothing)
        a.permit = poll_budget::permit(budget_);
    else
        a.again = again;
    return a;
}

inline void poll_budget::member::leave() { budget_->leave(*place_); }

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_DETAIL_POLL_BUDGET_HPP
