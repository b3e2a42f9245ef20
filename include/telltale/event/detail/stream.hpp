// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_DETAIL_STREAM_HPP
#define TELLTALE_EVENT_DETAIL_STREAM_HPP

#include <telltale/asio.hpp>
#include <telltale/core/cursor.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/event/detail/event_traits.hpp>
#include <telltale/event/detail/subscriber.hpp>
#include <telltale/event/detail/subscriber_index.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Events that are to be destroyed without the mutex. Nearly always one.
template <class Event>
class forgotten_events {
public:
    void add(std::shared_ptr<const Event> event) {
        if (first_)
            more_.push_back(std::move(event));
        else
            first_ = std::move(event);
    }

private:
    std::shared_ptr<const Event> first_;
    std::vector<std::shared_ptr<const Event>> more_;
};

/// The last events, as many as fit.
template <class Event>
class event_history {
public:
    event_history(std::size_t limit, std::size_t byte_limit) : limit_(limit), byte_limit_(byte_limit) {}

    bool enabled() const noexcept { return limit_ > 0; }
    std::size_t size() const noexcept { return events_.size(); }
    const std::shared_ptr<const Event>& operator[](std::size_t i) const noexcept { return events_[i].event; }

    void add(const std::shared_ptr<const Event>& event, forgotten_events<Event>& forgotten) {
        const std::size_t bytes = byte_size_of(*event);
        events_.push_back({event, bytes});
        bytes_ += bytes;
        while (events_.size() > limit_ || bytes_ > byte_limit_) {
            bytes_ -= events_.front().bytes;
            forgotten.add(std::move(events_.front().event));
            events_.pop_front();
            prefetch_next();
        }
    }

private:
    struct entry {
        std::shared_ptr<const Event> event;
        std::size_t bytes;
    };

    // What is forgotten next was told long ago, and is in no cache: of the one after it the event, of that one the rest.
    void prefetch_next() const noexcept {
        if (events_.size() < 3) return;
        __builtin_prefetch(events_[2].event.get());
        prefetch_parts_of(*events_[1].event);
    }

    std::deque<entry> events_;
    const std::size_t limit_;
    const std::size_t byte_limit_;
    std::size_t bytes_ = 0;
};

/// What an emitter and its subscriptions share.
template <class Event>
class event_stream : public std::enable_shared_from_this<event_stream<Event>> {
public:
    event_stream(std::size_t history, std::size_t history_bytes)
        : history_(history, history_bytes), active_(history > 0) {}

    void emit(Event&& e) {
        if (!active_.load(std::memory_order_acquire)) {
            // Nobody listens and nothing is kept. A place in this life of the stream means nothing from here on.
            if (!skipped_.load(std::memory_order_relaxed)) skipped_.store(true, std::memory_order_relaxed);
            return;
        }
        tell(std::move(e));
    }

    std::shared_ptr<subscriber<Event>> add(net::execution_context& context, subscription_options<Event> options) {
        const auto from = options.from;
        auto s = std::make_shared<subscriber<Event>>(context, this->shared_from_this(), mutex_, std::move(options));
        const std::lock_guard lock(mutex_);
        if (closed_) {
            s->end(make_error_code(errc::closed));
        } else {
            index_.add(*s);
            active_.store(true, std::memory_order_release);
        }
        if (skipped_.exchange(false)) at_ = cursor{new_epoch(), 0};
        s->set_epoch(at_.epoch);
        s->start_at(from.value_or(at_));
        if (from) replay(*s, *from);
        return s;
    }

    void remove(subscriber<Event>& s) {
        wait_list waiting;
        unread_events<Event> unread;
        {
            const std::lock_guard lock(mutex_);
            index_.remove(s);
            active_.store(history_.enabled() || !index_.empty(), std::memory_order_release);
            unread = s.abandon();
            s.take_all(waiting);
        }
        waiting.finish_all(net::error::operation_aborted);
    }

    void close() {
        wait_list waiting;
        {
            const std::lock_guard lock(mutex_);
            closed_ = true;
            index_.for_each([&](subscriber<Event>& s) {
                s.end(make_error_code(errc::closed));
                s.take_all(waiting);
            });
        }
        waiting.finish_all(make_error_code(errc::closed));
    }

    cursor now() const {
        const std::lock_guard lock(mutex_);
        return at_;
    }

    std::size_t subscribers() const {
        const std::lock_guard lock(mutex_);
        return closed_ ? 0 : index_.size();
    }

    std::mutex& mutex() noexcept { return mutex_; }

    // With the mutex held.
    cursor newest() const noexcept { return at_; }

private:
    void tell(Event&& e) {
        forgotten_events<Event> forgotten;
        struct ready_at_exit { // also where a filter throws
            wait_list list;
            ~ready_at_exit() { list.ready_all(); }
        } woken;
        {
            const std::lock_guard lock(mutex_);
            found_.clear();
            index_.find(e, found_);
            if (found_.empty() && !history_.enabled()) {
                ++at_.offset;
                return;
            }
            told_event<Event> told(std::move(e));
            told.at = {at_.epoch, ++at_.offset};
            if (history_.enabled()) history_.add(told.event, forgotten);
            for (const auto* const group : found_)
                group->for_each([&](subscriber<Event>& s) { s.tell(told, woken.list); });
        }
        woken.list.ready_all();
    }

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
        const std::uint64_t first = from.offset > kept_after ? from.offset - kept_after : 0;
        for (std::uint64_t i = first; i < history_.size(); ++i) {
            const told_event<Event> told(history_[i], {at_.epoch, kept_after + i + 1});
            if (has_key_of(s, *told.event) && s.wants(told)) s.preload(told);
        }
    }

    static bool has_key_of(const subscriber<Event>& s, const Event& e) {
        if (s.keys().empty()) return true;
        bool found = false;
        visit_routing_keys(e, [&](std::string_view value, std::string_view name = {}) {
            found = found || std::any_of(s.keys().begin(), s.keys().end(),
                                         [&](const auto& key) { return key.value == value && key.name == name; });
        });
        return found;
    }

    mutable std::mutex mutex_;
    cursor at_{new_epoch(), 0};
    event_history<Event> history_;
    subscriber_index<Event> index_;
    std::vector<const typename subscriber_index<Event>::group*> found_; // kept for its memory
    bool closed_ = false;
    std::atomic<bool> active_;
    std::atomic<bool> skipped_{false};
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_STREAM_HPP
