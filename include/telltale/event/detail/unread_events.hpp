// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_DETAIL_UNREAD_EVENTS_HPP
#define TELLTALE_EVENT_DETAIL_UNREAD_EVENTS_HPP

#include <telltale/version.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// Events in the order of their places: a ring that grows, from which one in the middle can be taken out.
template <class Event>
class unread_events {
public:
    struct entry {
        std::uint64_t place = 0;
        std::shared_ptr<const Event> event{}; ///< null: taken out
    };

    bool empty() const noexcept { return size_ == 0; }

    /// Without those taken out.
    std::size_t size() const noexcept { return size_; }

    /// The oldest. Not if empty.
    const entry& front() const noexcept { return ring_[first_]; }

    void push(std::uint64_t place, const std::shared_ptr<const Event>& event) {
        if (used_ == ring_.size()) grow();
        entry& e = at(used_);
        e.place = place;
        e.event = event;
        ++used_;
        ++size_;
    }

    entry pop() noexcept {
        entry oldest = std::move(at(0));
        --size_;
        drop_front();
        if (size_ == 0 && ring_.size() > kept_when_empty) ring_ = {};
        return oldest;
    }

    /// The event at this place if it is there, or null.
    const Event* find(std::uint64_t place) const noexcept {
        const std::size_t i = index_of(place);
        return i < used_ && at(i).place == place ? at(i).event.get() : nullptr;
    }

    /// Takes out an event that find() found.
    void erase(std::uint64_t place) noexcept {
        const std::size_t i = index_of(place);
        at(i).event.reset();
        --size_;
        if (i == 0)
            drop_front();
        else if (used_ > 2 * size_ + 16)
            compact();
    }

private:
    // A reader that fell behind once does not keep the memory of it.
    static constexpr std::size_t kept_when_empty = 64;

    entry& at(std::size_t i) noexcept { return ring_[(first_ + i) & (ring_.size() - 1)]; }
    const entry& at(std::size_t i) const noexcept { return ring_[(first_ + i) & (ring_.size() - 1)]; }

    // The first that is not before `place`.
    std::size_t index_of(std::uint64_t place) const noexcept {
        std::size_t low = 0;
        for (std::size_t high = used_; low < high;) {
            const std::size_t middle = low + (high - low) / 2;
            if (at(middle).place < place)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    // The first entry is always an event, never one taken out.
    void drop_front() noexcept {
        do {
            first_ = (first_ + 1) & (ring_.size() - 1);
            --used_;
        } while (used_ > 0 && !at(0).event);
    }

    void compact() noexcept {
        std::size_t to = 0;
        for (std::size_t from = 0; from < used_; ++from)
            if (at(from).event && from != to++) at(to - 1) = std::move(at(from));
        used_ = to;
    }

    void grow() {
        std::vector<entry> larger(ring_.empty() ? 8 : 2 * ring_.size());
        for (std::size_t i = 0; i < used_; ++i) larger[i] = std::move(at(i));
        ring_.swap(larger);
        first_ = 0;
    }

    std::vector<entry> ring_; // its size is a power of two, or nothing
    std::size_t first_ = 0;
    std::size_t used_ = 0; // with those taken out
    std::size_t size_ = 0;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_UNREAD_EVENTS_HPP
