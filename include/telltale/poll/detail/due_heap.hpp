// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_DUE_HEAP_HPP
#define TELLTALE_POLL_DETAIL_DUE_HEAP_HPP

#include <telltale/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Numbers, ordered by when each is due; those that are due at the same time by who was put in first. A heap of four
/// children, which touches half as many cache lines as one of two; about 26 bytes for each number.
class due_heap {
public:
    using time_point = std::chrono::steady_clock::time_point;

    bool empty() const noexcept { return items_.empty(); }
    std::size_t size() const noexcept { return items_.size(); }

    /// Not if it is empty.
    std::uint32_t top() const noexcept { return items_.front().number; }
    time_point top_due() const noexcept { return items_.front().due; }

    /// One of those that are due soonest: the first is, and the second is among the four after it.
    std::uint32_t early(std::size_t i) const noexcept { return items_[i].number; }

    std::optional<time_point> due(std::uint32_t number) const noexcept {
        if (number >= places_.size() || places_[number] == none) return std::nullopt;
        return items_[places_[number]].due;
    }

    /// Puts it in, or moves it.
    void set(std::uint32_t number, time_point due) {
        if (number >= places_.size()) places_.resize(std::max<std::size_t>(number + 1U, places_.size() * 3 / 2), none);
        const item i{due, order_++, number};
        if (places_[number] == none) {
            items_.push_back(i);
            rise(items_.size() - 1, i);
        } else {
            settle(places_[number], i);
        }
    }

    void erase(std::uint32_t number) noexcept {
        if (number >= places_.size() || places_[number] == none) return;
        const std::size_t hole = places_[number];
        places_[number] = none;
        const item last = items_.back();
        items_.pop_back();
        if (hole < items_.size()) settle(hole, last);
    }

    void clear() noexcept {
        items_.clear();
        places_.clear();
    }

private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};
    static constexpr std::size_t children = 4;

    struct item {
        time_point due;
        std::uint32_t order; // wraps: of two that are due at the same time, the difference counts
        std::uint32_t number;

        bool before(const item& other) const noexcept {
            return due != other.due ? due < other.due : static_cast<std::int32_t>(order - other.order) < 0;
        }
    };

    void put(std::size_t at, const item& i) noexcept {
        items_[at] = i;
        places_[i.number] = static_cast<std::uint32_t>(at);
    }

    void settle(std::size_t at, const item& i) noexcept {
        if (at > 0 && i.before(items_[(at - 1) / children]))
            rise(at, i);
        else
            sink(at, i);
    }

    void rise(std::size_t at, const item i) noexcept {
        while (at > 0) {
            const std::size_t parent = (at - 1) / children;
            if (!i.before(items_[parent])) break;
            put(at, items_[parent]);
            at = parent;
        }
        put(at, i);
    }

    void sink(std::size_t at, const item i) noexcept {
        for (;;) {
            const std::size_t first = at * children + 1;
            if (first >= items_.size()) break;
            // In the lower half of a large heap, what is compared next is in no cache.
            if (const std::size_t below = first * children + 1; below < items_.size())
                for (std::size_t c = below; c < below + children * children; c += children)
                    __builtin_prefetch(items_.data() + c);
            std::size_t least = first;
            for (std::size_t c = first + 1; c < std::min(first + children, items_.size()); ++c)
                if (items_[c].before(items_[least])) least = c;
            if (!items_[least].before(i)) break;
            put(at, items_[least]);
            at = least;
        }
        put(at, i);
    }

    std::vector<item> items_{};
    std::vector<std::uint32_t> places_{}; // of each number in items_
    std::uint32_t order_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_DUE_HEAP_HPP
