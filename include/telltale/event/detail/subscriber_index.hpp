// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_DETAIL_SUBSCRIBER_INDEX_HPP
#define TELLTALE_EVENT_DETAIL_SUBSCRIBER_INDEX_HPP

#include <telltale/event/detail/event_traits.hpp>
#include <telltale/event/detail/subscriber.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Finds the subscriptions that may want an event: those of its keys, those of its class, and those that want everything.
template <class Event>
class subscriber_index {
    struct link;

public:
    /// Some subscriptions, in no particular order.
    class group {
    public:
        template <class Function>
        void for_each(Function f) const {
            for (const link& l : links_) f(*l.to);
        }
        std::size_t size() const noexcept { return links_.size(); }

    private:
        friend class subscriber_index;
        std::vector<link> links_;
    };

    bool empty() const noexcept { return places_.empty(); }
    std::size_t size() const noexcept { return places_.size(); }

    void add(subscriber<Event>& s) {
        auto& at = places_[&s];
        try {
            if (!s.keys().empty()) {
                for (const auto& key : s.keys()) insert(s, at, by_key_[key]);
                for (const auto& key : s.keys()) named_keys_ += key.name.empty() ? 0U : 1U;
            } else if (s.classes() != 0) {
                for (unsigned c = 0; c < by_class_.size(); ++c)
                    if ((s.classes() >> c & 1U) != 0) insert(s, at, by_class_[c]);
            } else {
                insert(s, at, everything_);
            }
        } catch (...) {
            erase(at);
            places_.erase(&s);
            throw;
        }
    }

    void remove(subscriber<Event>& s) noexcept {
        const auto found = places_.find(&s);
        if (found == places_.end()) return;
        erase(found->second);
        for (const auto& key : s.keys()) {
            named_keys_ -= key.name.empty() ? 0U : 1U;
            if (const auto bucket = by_key_.find(key); bucket != by_key_.end() && bucket->second.links_.empty())
                by_key_.erase(bucket);
        }
        places_.erase(found);
    }

    /// Adds to `found` the groups, none empty, in which the subscriptions are that this event concerns.
    void find(const Event& e, std::vector<const group*>& found) const {
        if (everything_.size() > 0) found.push_back(&everything_);
        if constexpr (has_routing_class<Event>)
            if (const unsigned c = routing_class_of(e); c < by_class_.size() && by_class_[c].size() > 0)
                found.push_back(&by_class_[c]);
        if constexpr (has_routing_keys<Event>) {
            if (by_key_.empty()) return;
            visit_routing_keys(e, [&](std::string_view value, std::string_view name = {}) {
                if (named_keys_ == 0 && !name.empty()) return;
                if (const auto bucket = by_key_.find(key_view{value, name}); bucket != by_key_.end())
                    found.push_back(&bucket->second);
            });
        }
    }

    template <class Function>
    void for_each(Function f) const {
        for (const auto& [s, at] : places_) f(*s);
    }

private:
    // Where a subscription stands, and where that is written down: so that taking one out of many is one step.
    struct place {
        group* in;
        std::size_t index;
    };
    using places = std::vector<place>;
    struct link {
        subscriber<Event>* to;
        places* written;
        std::size_t number;
    };

    struct key_view {
        std::string_view value;
        std::string_view name;
        key_view(std::string_view v, std::string_view n) noexcept : value(v), name(n) {}
        key_view(const routing_key& k) noexcept : value(k.value), name(k.name) {} // NOLINT(google-explicit-constructor)
        bool operator==(const key_view&) const = default;
    };
    struct key_hash {
        using is_transparent = void;
        std::size_t operator()(key_view k) const noexcept {
            const std::hash<std::string_view> hash;
            return k.name.empty() ? hash(k.value) : hash(k.value) * 31U + hash(k.name);
        }
    };
    struct key_equal {
        using is_transparent = void;
        bool operator()(key_view a, key_view b) const noexcept { return a == b; }
    };

    static void insert(subscriber<Event>& s, places& at, group& g) {
        at.reserve(at.size() + 1);
        g.links_.push_back({&s, &at, at.size()});
        at.push_back({&g, g.links_.size() - 1});
    }

    static void erase(places& at) noexcept {
        for (const place& p : at) {
            auto& links = p.in->links_;
            links[p.index] = links.back();
            (*links[p.index].written)[links[p.index].number].index = p.index;
            links.pop_back();
        }
        at.clear();
    }

    group everything_;
    std::array<group, has_routing_class<Event> ? routing_classes : 0> by_class_;
    std::unordered_map<routing_key, group, key_hash, key_equal> by_key_;
    std::size_t named_keys_ = 0;
    std::unordered_map<subscriber<Event>*, places> places_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_SUBSCRIBER_INDEX_HPP
