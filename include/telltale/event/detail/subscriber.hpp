// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_DETAIL_SUBSCRIBER_HPP
#define TELLTALE_EVENT_DETAIL_SUBSCRIBER_HPP

#include <telltale/asio.hpp>
#include <telltale/core/cursor.hpp>
#include <telltale/detail/waiter.hpp>
#include <telltale/error.hpp>
#include <telltale/event/delivery.hpp>
#include <telltale/event/detail/event_traits.hpp>
#include <telltale/event/detail/unread_events.hpp>
#include <telltale/event/subscription_options.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// An event on its way to the subscriptions.
template <class Event>
struct told_event {
    explicit told_event(Event&& e) : event(std::make_shared<const Event>(std::move(e))) { describe(); }
    told_event(std::shared_ptr<const Event> e, cursor where) : event(std::move(e)), at(where) { describe(); }

    void describe() {
        kind = routing_class_of(*event);
        if (const std::string_view key = conflation_key_of(*event); !key.empty())
            key_hash = std::hash<std::string_view>{}(key) | 1U;
    }

    std::shared_ptr<const Event> event;
    cursor at{};
    unsigned kind = routing_classes;
    std::size_t key_hash = 0; ///< of the conflation key; 0: none
};

/// What a subscription and its suspended operations share. Its mutex is that of the stream, which is held wherever nothing
/// else is said.
template <class Event>
class subscriber final : public wait_state {
public:
    /// `stream`: kept alive; `mutex`: in it.
    subscriber(net::execution_context& context, std::shared_ptr<const void> stream, std::mutex& mutex,
               subscription_options<Event> options)
        : wait_state(context, &mutex), stream_(std::move(stream)), options_(std::move(options)) {
        options_.capacity = std::max<std::size_t>(options_.capacity, 1);
        auto& keys = options_.keys;
        if constexpr (!has_routing_keys<Event>) keys.clear();
        if constexpr (!has_routing_class<Event>) options_.classes = 0;
        std::sort(keys.begin(), keys.end());
        keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    }

    const std::vector<routing_key>& keys() const noexcept { return options_.keys; }
    std::uint64_t classes() const noexcept { return options_.classes; }

    /// For an event by whose keys this subscription was found, or that was not asked for keys.
    bool wants(const told_event<Event>& told) const {
        if (options_.classes != 0 && (told.kind == routing_classes || (options_.classes >> told.kind & 1U) == 0))
            return false;
        return !options_.filter || options_.filter(*told.event);
    }

    /// Called for each event in order. An operation that waited for it goes into `woken`, ready.
    void tell(const told_event<Event>& told, wait_list& woken) {
        if (ended_ || seen_ == told.at.offset || !wants(told)) return;
        seen_ = told.at.offset; // an event may be found by several keys
        if (wait_node* const reader = receivers_.pop_front()) {
            auto& result = static_cast<waiter<delivery<Event>>*>(reader)->result();
            std::get<1>(result) = delivery<Event>{told.at, told.event, std::nullopt};
            position_ = told.at;
            ++counts_.delivered;
            woken.push_back(*reader);
            return;
        }
        keep(told, options_.capacity);
        woken.take(watchers_);
    }

    /// Fills a subscription that is not read yet with history, however long.
    void preload(const told_event<Event>& told) { keep(told, std::numeric_limits<std::size_t>::max()); }

    void start_at(cursor at) noexcept { position_ = at; }

    void miss(cursor until, std::optional<std::uint64_t> lost) {
        gap_ = delivery<Event>{until, nullptr, lost};
        counts_.dropped += lost.value_or(0);
        something_.store(true, std::memory_order_relaxed);
    }

    /// What is unread can still be read, then reading gives `reason`.
    void end(error_code reason) noexcept {
        if (!ended_) end_ = reason;
        ended_ = true;
        something_.store(true, std::memory_order_relaxed);
    }

    /// Nothing can be read any more. What was unread, for destruction without the mutex.
    unread_events<Event> abandon() noexcept {
        ended_ = true;
        end_ = net::error::operation_aborted;
        gap_.reset();
        return std::exchange(unread_, {});
    }

    /// Whether there is something to read. Any time, without the mutex: then it may be news soon.
    bool has_something() const noexcept { return something_.load(std::memory_order_relaxed); }

    /// The next event or gap. False: there is none.
    bool take(delivery<Event>& next) noexcept {
        if (gap_) {
            next = *std::exchange(gap_, std::nullopt);
        } else if (!unread_.empty()) {
            auto oldest = unread_.pop();
            next = delivery<Event>{{epoch_, oldest.place}, std::move(oldest.event), std::nullopt};
            ++counts_.delivered;
        } else {
            return false;
        }
        position_ = next.at;
        if (unread_.empty() && !ended_) something_.store(false, std::memory_order_relaxed);
        return true;
    }

    /// As often as there is something, but at most `max` times, into `all`.
    void take_some(std::vector<delivery<Event>>& all, std::size_t max) {
        all.reserve(all.size() + std::min(max, unread_.size() + (gap_ ? 1 : 0)));
        for (; max > 0; --max)
            if (!take(all.emplace_back())) return all.pop_back();
    }

    /// Why there will never be anything to read again, or nothing.
    error_code reason() const noexcept { return unread_.empty() && !gap_ ? end_ : error_code{}; }

    // An operation that wants one: with its result, or the list in which it has to wait.
    wait_list* attempt(error_code& ec, delivery<Event>& next) noexcept {
        if (take(next)) return nullptr;
        ec = end_;
        return ended_ ? nullptr : &receivers_;
    }

    // An operation that wants to know when there is something.
    wait_list* attempt(error_code& ec) noexcept {
        if (!unread_.empty() || gap_) return nullptr;
        ec = end_;
        return ended_ ? nullptr : &watchers_;
    }

    cursor position() const noexcept { return position_; }

    subscription_statistics statistics(cursor newest) const noexcept {
        auto s = counts_;
        s.unread = unread_.size();
        s.position = position_;
        s.newest = newest;
        return s;
    }

    void set_epoch(std::uint64_t epoch) noexcept { epoch_ = epoch; }

    void take_all(wait_list& all) noexcept override {
        all.take(receivers_);
        all.take(watchers_);
    }

private:
    void keep(const told_event<Event>& told, std::size_t capacity) {
        if constexpr (has_conflation_key<Event>)
            if (told.key_hash != 0 && options_.conflate) supersede(told);
        if (unread_.size() >= capacity) {
            if (options_.overflow == overflow_policy::end) return end(make_error_code(errc::fell_behind));
            if (!gap_) gap_ = delivery<Event>{{}, nullptr, 0};
            gap_->at = {epoch_, unread_.pop().place};
            if (gap_->lost) ++*gap_->lost; // else nobody knows how many
            ++counts_.dropped;
        }
        unread_.push(told.at.offset, told.event);
        if (!has_something()) something_.store(true, std::memory_order_relaxed);
    }

    // Takes out an unread event of the same key. `newest_` may name places that were read long ago.
    void supersede(const told_event<Event>& told) {
        std::uint64_t& newest = newest_[told.key_hash];
        const Event* const older = unread_.find(newest);
        if (older && conflation_key_of(*older) == conflation_key_of(*told.event)) {
            unread_.erase(newest);
            ++counts_.conflated;
        }
        newest = told.at.offset;
        if (newest_.size() <= 2 * unread_.size() + 64) return;
        const std::uint64_t oldest = unread_.empty() ? told.at.offset : unread_.front().place;
        std::erase_if(newest_, [oldest](const auto& entry) { return entry.second < oldest; });
    }

    // Read for every event:
    wait_list receivers_; // want an event
    wait_list watchers_;  // want to know that there is one
    std::uint64_t seen_ = 0;
    std::uint64_t epoch_ = 0;
    unread_events<Event> unread_;
    std::optional<delivery<Event>> gap_; // stands before all that is unread
    bool ended_ = false;
    std::atomic<bool> something_{false};
    cursor position_;
    subscription_statistics counts_;
    error_code end_;
    std::unordered_map<std::size_t, std::uint64_t> newest_; // hash of a conflation key: the place of its newest event
    std::shared_ptr<const void> stream_;
    subscription_options<Event> options_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_SUBSCRIBER_HPP
