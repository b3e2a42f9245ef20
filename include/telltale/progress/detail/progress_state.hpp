// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_PROGRESS_STATE_HPP
#define TELLTALE_PROGRESS_DETAIL_PROGRESS_STATE_HPP

#include <telltale/asio.hpp>
#include <telltale/core/estimator.hpp>
#include <telltale/core/progress.hpp>
#include <telltale/detail/time_source.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/progress/progress_snapshot.hpp>
#include <telltale/sync/timer.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// What a progress_tracker and its waits share.
///
/// `cell_` is what is done, times two, plus one when somebody wants to hear of the next change ("armed"). A waiter arms
/// it and learns in the same step what was done at that moment; advance() learns in its one step whether it was armed.
/// So either the waiter sees the advance, or the advance sees the waiter. Every change of `cell_` is a
/// read-modify-write, so that whoever comes later also sees a total that was set before.
class progress_state final : public wait_state {
public:
    using clock = std::chrono::steady_clock;
    static constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();

    progress_state(net::execution_context& context, std::optional<std::uint64_t> total, progress_unit unit,
                   std::uint64_t done, std::chrono::duration<double> horizon)
        : wait_state(context),
          cell_(done << 1),
          total_(total.value_or(unknown)),
          source_(net::use_service<time_source>(context)),
          speed_(horizon),
          unit_(unit) {
        speed_.sample(static_cast<double>(done), source_.now());
    }

    std::uint64_t done() const noexcept { return cell_.load(std::memory_order_acquire) >> 1; }

    void advance(std::uint64_t n) {
        const std::uint64_t old = cell_.fetch_add(n << 1, std::memory_order_acq_rel);
        if (is_news(old, (old >> 1) + n)) [[unlikely]]
            wake();
    }

    void set_done(std::uint64_t done) {
        const std::uint64_t old = cell_.exchange(done << 1, std::memory_order_acq_rel);
        if (is_news(old, done)) wake();
    }

    /// Changes what is not the count: `change` is called with the mutex held.
    template <class Change>
    void change(Change change) {
        ready woken;
        {
            const std::lock_guard lock(mutex());
            if (finished_) return;
            change();
            ++revision_;
            cell_.fetch_or(armed, std::memory_order_acq_rel);
            collect(woken);
        }
        complete(woken);
    }

    // The following only from within change().
    void assign_total(std::optional<std::uint64_t> total) noexcept {
        total_.store(total.value_or(unknown), std::memory_order_relaxed);
    }
    void assign_message(std::string message) noexcept { message_ = std::move(message); }
    void assign_finished() { finished_ = source_.now(); }

    progress_snapshot snapshot() {
        const std::lock_guard lock(mutex());
        return look();
    }

    clock::time_point now() const { return source_.now(); }

    // With the mutex held.
    wait_list* attempt_done() noexcept { return over() ? nullptr : &done_waiters_; }

    // With the mutex held.
    wait_list* attempt_change(std::uint64_t id, const progress_snapshot& since, clock::time_point due, error_code& ec,
                              progress_snapshot& result) {
        if (since.finished) {
            ec = errc::closed;
            return nullptr;
        }
        std::erase_if(looks_, [](const one_look& l) { return l.waiters.empty(); }); // cancelled
        one_look& l = looks_.emplace_back(id, since.count, since.revision, source_.now() < due);
        if (!wanted(l)) return &l.waiters;
        looks_.pop_back();
        result = look();
        return nullptr;
    }

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

private:
    static constexpr std::uint64_t armed = 1;

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

    struct ready {
        wait_list done;
        wait_list changed;
        progress_snapshot snapshot;
    };

    bool is_news(std::uint64_t old, std::uint64_t now) const noexcept {
        const std::uint64_t total = total_.load(std::memory_order_relaxed);
        return (old & armed) != 0 || ((old >> 1) < total && now >= total);
    }

    void wake() {
        cell_.fetch_and(~armed, std::memory_order_acq_rel); // before collect(), which arms it again where it must
        ready woken;
        {
            const std::lock_guard lock(mutex());
            collect(woken);
        }
        complete(woken);
    }

    // With the mutex held, as all below but complete().
    void collect(ready& woken) {
        if (over()) woken.done.take(done_waiters_);
        for (auto l = looks_.begin(); l != looks_.end();) {
            const bool go = wanted(*l);
            if (go) woken.changed.take(l->waiters);
            l = go ? looks_.erase(l) : std::next(l);
        }
        if (!woken.changed.empty()) woken.snapshot = look();
    }

    // Arms where the answer is no.
    bool wanted(const one_look& l) noexcept {
        if (finished_) return true;
        if (l.held_back) return false;
        if (l.revision != revision_ || done() != l.count) return true;
        return (cell_.fetch_or(armed, std::memory_order_acq_rel) >> 1) != l.count;
    }

    bool over() const noexcept { return finished_ || done() >= total_.load(std::memory_order_relaxed); }

    progress_snapshot look() {
        progress_snapshot result;
        result.at = source_.now();
        result.count = done();
        result.revision = revision_;
        result.finished = finished_.has_value();
        result.message = message_;
        progress& p = result.value;
        p.done = static_cast<double>(result.count);
        p.unit = unit_;
        const auto as_of = finished_.value_or(result.at);
        speed_.sample(p.done, as_of);
        p.rate = speed_.rate(as_of);
        const std::uint64_t total = total_.load(std::memory_order_relaxed);
        if (total == unknown) return result;
        p.total = static_cast<double>(total);
        if (!finished_ && result.count <= total) p.remaining = speed_.remaining(*p.total, as_of);
        return result;
    }

    static void complete(ready& woken) {
        woken.done.finish_all({});
        while (wait_node* const n = woken.changed.pop_front())
            static_cast<waiter<progress_snapshot>*>(n)->complete({}, woken.snapshot);
    }

    alignas(64) std::atomic<std::uint64_t> cell_;
    std::atomic<std::uint64_t> total_; // beside it: read by every advance
    alignas(64) std::atomic<std::uint64_t> next_id_{0};
    time_source& source_;
    wait_list done_waiters_;
    std::list<one_look> looks_;
    estimator speed_;
    std::string message_;
    std::uint64_t revision_ = 1;
    std::optional<clock::time_point> finished_;
    progress_unit unit_;
};

/// Keeps the timer of a wait as long as the wait lasts.
template <class Handler, class Executor>
struct throttled_handler {
    using executor_type = net::associated_executor_t<Handler, Executor>;
    using allocator_type = net::associated_allocator_t<Handler>;
    using cancellation_slot_type = net::associated_cancellation_slot_t<Handler>;
    executor_type get_executor() const noexcept { return net::get_associated_executor(handler, fallback); }
    allocator_type get_allocator() const noexcept { return net::get_associated_allocator(handler); }
    cancellation_slot_type get_cancellation_slot() const noexcept {
        return net::get_associated_cancellation_slot(handler);
    }

    void operator()(error_code ec, progress_snapshot result) {
        timer.reset();
        std::move(handler)(ec, std::move(result));
    }

    Handler handler;
    Executor fallback;
    std::unique_ptr<basic_timer<Executor>> timer;
};

template <class Handler, class Executor>
void start_wait_change(const std::shared_ptr<progress_state>& state, Handler&& handler, const Executor& executor,
                       const progress_snapshot& since, std::chrono::steady_clock::duration min_interval) {
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
    throttled_handler<std::decay_t<Handler>, Executor> throttled{std::forward<Handler>(handler), executor,
                                                                 std::move(timer)};
    start_wait<progress_snapshot>(
        state, std::move(throttled), executor, [&](std::tuple<error_code, progress_snapshot>& result) {
            return state->attempt_change(id, since, due, std::get<0>(result), std::get<1>(result));
        });
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_PROGRESS_STATE_HPP
