// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_DETAIL_STREAM_HPP
#define TELLTALE_EVENT_DETAIL_STREAM_HPP

#include <telltale/asio.hpp>
#include <telltale/core/cursor.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/event/delivery.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// The unread events of one subscription.
template <class Event>
class subscriber final : public wait_state {
public:
    using waiter_type = waiter<delivery<Event>>;

    subscriber(net::execution_context& context, subscription_options<Event> options)
        : wait_state(context), options_(std::move(options)) {
        options_.capacity = std::max<std::size_t>(options_.capacity, 1);
    }

    bool wants(const Event& e) const { return !options_.filter || options_.filter(e); }

    /// Called for each event in order, by the stream with its mutex held.
    void push(const delivery<Event>& d) {
        waiter_type* reader = nullptr;
        {
            const std::lock_guard lock(mutex());
            if (end_) return;
            reader = static_cast<waiter_type*>(waiters_.pop_front());
            if (reader)
                position_ = d.at;
            else
                keep(d, options_.capacity);
        }
        if (reader) reader->complete({}, d);
    }

    /// Fills a subscription that is not read yet with history, however long.
    void preload(const delivery<Event>& d) {
        const std::lock_guard lock(mutex());
        keep(d, static_cast<std::size_t>(-1));
    }

    void start_at(cursor at) {
        const std::lock_guard lock(mutex());
        position_ = at;
    }

    void miss(cursor until, std::optional<std::uint64_t> lost) {
        const std::lock_guard lock(mutex());
        gap_ = delivery<Event>{until, nullptr, lost};
    }

    /// What is unread can still be read, then reading gives `reason`.
    void end(error_code reason) {
        wait_list all;
        {
            const std::lock_guard lock(mutex());
            if (!end_) end_ = reason;
            all.take(waiters_);
        }
        all.finish_all(reason);
    }

    // With the mutex held.
    wait_list* attempt(error_code& ec, delivery<Event>& d) {
        if (gap_) {
            d = *std::exchange(gap_, std::nullopt);
        } else if (!unread_.empty()) {
            d = unread_.front();
            forget_front();
        } else if (end_) {
            ec = end_;
            return nullptr;
        } else {
            return &waiters_;
        }
        position_ = d.at;
        return nullptr;
    }

    cursor position() const {
        const std::lock_guard lock(mutex());
        return position_;
    }

    void take_all(wait_list& all) noexcept override { all.take(waiters_); }

private:
    using queue = std::list<delivery<Event>>;

    static std::string_view key_of(const Event& e) {
        if constexpr (requires { conflation_key(e); })
            return conflation_key(e);
        else
            return {};
    }

    void keep(const delivery<Event>& d, std::size_t capacity) {
        const std::string_view key = key_of(*d);
        if (!key.empty()) {
            // A list, so that the newest of a key can move to the end: places must rise.
            if (const auto older = latest_.find(key); older != latest_.end()) {
                const auto entry = older->second;
                latest_.erase(older); // before the event that holds its key
                unread_.erase(entry);
            }
        }
        if (unread_.size() >= capacity) {
            if (options_.overflow == overflow_policy::end) {
                end_ = make_error_code(errc::fell_behind);
                return;
            }
            const std::uint64_t before = gap_ ? gap_->lost.value_or(0) : 0;
            gap_ = delivery<Event>{unread_.front().at, nullptr, before + 1};
            forget_front();
        }
        unread_.push_back(d);
        // The key is a view into the event, which the entry keeps alive.
        if (!key.empty()) latest_.emplace(key_of(*unread_.back()), std::prev(unread_.end()));
    }

    void forget_front() {
        const auto entry = latest_.find(key_of(*unread_.front()));
        if (entry != latest_.end() && entry->second == unread_.begin()) latest_.erase(entry);
        unread_.pop_front();
    }

    wait_list waiters_;
    subscription_options<Event> options_;
    queue unread_;
    std::unordered_map<std::string_view, typename queue::iterator> latest_;
    std::optional<delivery<Event>> gap_; // stands before all that is unread
    error_code end_;
    cursor position_;
};

/// What an emitter and its subscriptions share.
template <class Event>
class event_stream {
public:
    explicit event_stream(std::size_t history) : history_limit_(history), active_(history > 0) {}

    void emit(Event e) {
        if (!active_.load(std::memory_order_acquire)) {
            // Nobody listens and nothing is kept. A place in this life of the stream means nothing from here on.
            if (!skipped_.load(std::memory_order_relaxed)) skipped_.store(true, std::memory_order_relaxed);
            return;
        }
        auto shared = std::make_shared<const Event>(std::move(e));
        const std::lock_guard lock(mutex_);
        ++at_.offset;
        const delivery<Event> d{at_, std::move(shared), std::nullopt};
        if (history_limit_ > 0) {
            if (history_.size() == history_limit_) history_.pop_front();
            history_.push_back(d);
        }
        for (const auto& s : subscribers_)
            if (s->wants(*d)) s->push(d);
    }

    void add(std::shared_ptr<subscriber<Event>> s, const std::optional<cursor>& from) {
        const std::lock_guard lock(mutex_);
        active_.store(true, std::memory_order_release);
        if (skipped_.exchange(false)) at_ = cursor{new_epoch(), 0};
        s->start_at(from.value_or(at_));
        if (from) replay(*s, *from);
        if (closed_)
            s->end(make_error_code(errc::closed));
        else
            subscribers_.push_back(std::move(s));
    }

    void remove(const std::shared_ptr<subscriber<Event>>& s) {
        const std::lock_guard lock(mutex_);
        std::erase(subscribers_, s);
        active_.store(history_limit_ > 0 || !subscribers_.empty(), std::memory_order_release);
    }

    void close() {
        std::vector<std::shared_ptr<subscriber<Event>>> all;
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
            all.swap(subscribers_);
        }
        for (const auto& s : all) s->end(make_error_code(errc::closed));
    }

    cursor now() const {
        const std::lock_guard lock(mutex_);
        return at_;
    }

    std::size_t subscribers() const {
        const std::lock_guard lock(mutex_);
        return subscribers_.size();
    }

private:
    static std::uint64_t new_epoch() {
        std::random_device random;
        return (static_cast<std::uint64_t>(random()) << 32U | random()) | 1U;
    }

    // With the mutex held.
    void replay(subscriber<Event>& s, const cursor& from) {
        if (from.epoch != at_.epoch || from.offset > at_.offset) {
            s.miss(at_, std::nullopt);
            return;
        }
        const std::uint64_t kept_after = at_.offset - history_.size();
        if (from.offset < kept_after) s.miss(cursor{at_.epoch, kept_after}, kept_after - from.offset);
        const auto first = from.offset > kept_after ? from.offset - kept_after : 0;
        for (auto i = history_.begin() + static_cast<std::ptrdiff_t>(first); i != history_.end(); ++i)
            if (s.wants(**i)) s.preload(*i);
    }

    mutable std::mutex mutex_; // before the mutexes of the subscribers
    cursor at_{new_epoch(), 0};
    const std::size_t history_limit_;
    std::deque<delivery<Event>> history_;
    std::vector<std::shared_ptr<subscriber<Event>>> subscribers_;
    bool closed_ = false;
    std::atomic<bool> active_;
    std::atomic<bool> skipped_{false};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_STREAM_HPP
