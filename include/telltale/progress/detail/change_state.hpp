// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_CHANGE_STATE_HPP
#define TELLTALE_PROGRESS_DETAIL_CHANGE_STATE_HPP

#include <telltale/asio.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/progress/detail/striped_count.hpp>
#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// What counts, and its waits: for a change after a look, and for the end. A look is a Snapshot, which has `count`,
/// `revision`, `finished` and `at`.
///
/// Who advances comes here, to tell(), only if an alarm of the count rang. The alarms are set, with the mutex held, to the
/// nearest of what is waited for, and the count is looked at again after that: so either the waiter sees the advance,
/// or the advance sees the alarm.
template <class Snapshot>
class change_state : public wait_state {
public:
    using clock = std::chrono::steady_clock;

    explicit change_state(net::execution_context& context)
        : wait_state(context), source_(net::use_service<time_source>(context)) {}

    clock::time_point now() const { return source_.now(); }

    Snapshot snapshot() {
        const std::lock_guard lock(mutex());
        return look();
    }

    /// An alarm rang.
    [[gnu::cold, gnu::noinline]] void tell() { // not into the loop of who advances
        ready woken;
        {
            const std::lock_guard lock(mutex());
            collect(woken);
        }
        complete(woken);
    }

    /// Changes what is not the count: `change` is called with the mutex held, and not after the end.
    template <class Change>
    void change(Change change) {
        ready woken;
        {
            const std::lock_guard lock(mutex());
            if (finished_) return;
            change();
            ++revision_;
            collect(woken);
        }
        complete(woken);
    }

    // With the mutex held.
    wait_list* attempt_done() {
        if (over()) return nullptr;
        arm(goal());
        return over() ? nullptr : &done_waiters_;
    }

    // With the mutex held.
    wait_list* attempt_change(std::uint64_t id, const Snapshot& since, clock::time_point due, error_code& ec,
                              Snapshot& result) {
        if (since.finished) {
            ec = errc::closed;
            return nullptr;
        }
        std::erase_if(looks_, [](const one_look& l) { return l.waiters.empty(); }); // cancelled
        one_look& l = looks_.emplace_back(id, since.count, since.revision, source_.now() < due);
        if (!wanted(l, count()) && (l.held_back || !wanted(l, arm(l.count + 1)))) return &l.waiters;
        looks_.pop_back();
        result = look();
        return nullptr;
    }

    /// To be called after an attempt, without the mutex: whether setting the alarms found something for somebody else.
    bool is_late() const noexcept { return late_.load(std::memory_order_relaxed); }

    /// The interval of this wait is over.
    void release(std::uint64_t id) {
        ready woken;
        {
            const std::lock_guard lock(mutex());
            for (auto& l : looks_)
                if (l.id == id) l.held_back = false;
            collect(woken);
        }
        complete(woken);
    }

    std::uint64_t next_id() noexcept { return next_id_.fetch_add(1, std::memory_order_relaxed); }

    void take_all(wait_list& all) noexcept override {
        all.take(done_waiters_);
        for (auto& l : looks_) all.take(l.waiters);
    }

protected:
    static constexpr std::uint64_t never = striped_count::never;

    struct ready {
        wait_list done;
        wait_list changed;
        Snapshot snapshot{};
    };

    // All with the mutex held, but complete().

    virtual std::uint64_t count() const noexcept = 0;

    /// Where the count is the end; never: that is not known.
    virtual std::uint64_t goal() const noexcept = 0;

    /// As striped_count::arm.
    virtual std::uint64_t set_alarms(std::uint64_t target) noexcept = 0;

    virtual Snapshot look() = 0;

    bool over() const noexcept { return finished_ || (goal() != never && count() >= goal()); }

    void collect(ready& woken) {
        do {
            late_.store(false, std::memory_order_relaxed);
            if (over()) woken.done.take(done_waiters_);
            const std::uint64_t now = count();
            for (auto l = looks_.begin(); l != looks_.end();) {
                const bool go = wanted(*l, now);
                if (go) woken.changed.take(l->waiters);
                l = go ? looks_.erase(l) : std::next(l);
            }
            arm(never);
        } while (is_late());
        if (!woken.changed.empty()) woken.snapshot = look();
    }

    static void complete(ready& woken) {
        woken.done.finish_all({});
        while (wait_node* const n = woken.changed.pop_front())
            static_cast<waiter<Snapshot>*>(n)->complete({}, woken.snapshot);
    }

    time_source& source_;
    std::optional<clock::time_point> finished_;
    std::uint64_t revision_ = 1;

private:
    /// Somebody who has seen `count` and `revision` and waits for others.
    struct one_look {
        one_look(std::uint64_t i, std::uint64_t c, std::uint64_t r, bool held)
            : id(i), count(c), revision(r), held_back(held) {}

        std::uint64_t id;
        std::uint64_t count;
        std::uint64_t revision;
        bool held_back; // its interval is not over yet
        wait_list waiters;
    };

    bool wanted(const one_look& l, std::uint64_t now) const noexcept {
        return finished_ || (!l.held_back && (l.revision != revision_ || l.count != now));
    }

    // Sets the alarms to the nearest of `also` and what is waited for. What is reached already needs no alarm: whoever
    // reached it is on the way to tell(), or else was overlooked while the alarms were set, and late_ says so.
    std::uint64_t arm(std::uint64_t also) {
        for (std::uint64_t now = count();;) {
            std::uint64_t nearest = never;
            const auto consider = [&](std::uint64_t target) {
                if (target > now) nearest = std::min(nearest, target);
            };
            consider(also);
            if (!finished_ && !done_waiters_.empty()) consider(goal());
            for (const one_look& l : looks_)
                if (!finished_ && !l.held_back && !l.waiters.empty()) consider(l.count + 1);
            now = set_alarms(nearest);
            if (now < nearest) return now;
            late_.store(true, std::memory_order_relaxed);
        }
    }

    wait_list done_waiters_;
    std::list<one_look> looks_;
    std::atomic<std::uint64_t> next_id_{0};
    std::atomic<bool> late_{false};
};

/// Keeps the timer of a wait as long as the wait lasts.
template <class Handler, class Executor, class Snapshot>
struct throttled_handler {
    using executor_type = net::associated_executor_t<Handler, Executor>;
    using allocator_type = net::associated_allocator_t<Handler>;
    using cancellation_slot_type = net::associated_cancellation_slot_t<Handler>;
    executor_type get_executor() const noexcept { return net::get_associated_executor(handler, fallback); }
    allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler); }
    cancellation_slot_type get_cancellation_slot() const noexcept {
        return net::get_associated_cancellation_slot(handler);
    }

    void operator()(error_code ec, Snapshot result) {
        timer.reset();
        std::move(handler)(ec, std::move(result));
    }

    Handler handler;
    Executor fallback;
    std::unique_ptr<basic_timer<Executor>> timer;
};

template <class Snapshot, class State, class Handler, class Executor>
void start_wait_change(const std::shared_ptr<State>& state, Handler&& handler, const Executor& executor,
                       const Snapshot& since, std::chrono::steady_clock::duration min_interval) {
    using clock = std::chrono::steady_clock;
    const auto id = state->next_id();
    auto due = clock::time_point::min();
    if (since.revision != 0 && min_interval > clock::duration::zero())
        due = min_interval > clock::time_point::max() - since.at ? clock::time_point::max() : since.at + min_interval;
    std::unique_ptr<basic_timer<Executor>> timer;
    if (due > state->now()) {
        timer = std::make_unique<basic_timer<Executor>>(executor);
        timer->expires_at(due);
        timer->async_wait([weak = std::weak_ptr(state), id](error_code ec) {
            if (ec) return;
            if (const auto s = weak.lock()) s->release(id);
        });
    }
    throttled_handler<std::decay_t<Handler>, Executor, Snapshot> throttled{std::forward<Handler>(handler), executor,
                                                                           std::move(timer)};
    start_wait<Snapshot>(state, std::move(throttled), executor, [&](std::tuple<error_code, Snapshot>& result) {
        return state->attempt_change(id, since, due, std::get<0>(result), std::get<1>(result));
    });
    if (state->is_late()) state->tell();
}

template <class State, class Handler, class Executor>
void start_wait_done(const std::shared_ptr<State>& state, Handler&& handler, const Executor& executor) {
    start_wait<>(state, std::forward<Handler>(handler), executor,
                 [&state](std::tuple<error_code>&) { return state->attempt_done(); });
    if (state->is_late()) state->tell();
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_CHANGE_STATE_HPP
