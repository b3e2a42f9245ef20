// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_DELIVERY_HPP
#define TELLTALE_EVENT_DELIVERY_HPP

#include <telltale/core/cursor.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace telltale::inline TELLTALE_ABI {

/// What a subscription receives: an event, or the statement that events are missing here. Cheap to copy.
template <class Event>
struct delivery {
    /// The place of the event in the stream; of a gap: of the last event that is missing.
    cursor at{};
    /// Null: this is a gap.
    std::shared_ptr<const Event> event{};
    /// Of a gap: how many events are missing, counting those that a filter would have held back where that cannot be
    /// told; absent where nobody knows (a cursor of a former life of the stream).
    std::optional<std::uint64_t> lost{};

    bool is_gap() const noexcept { return event == nullptr; }

    const Event& operator*() const noexcept { return *event; }
    const Event* operator->() const noexcept { return event.get(); }
};

/// What becomes of a subscription whose reader falls behind by more than its capacity.
enum class overflow_policy : std::uint8_t {
    gap, ///< the oldest unread events are dropped, and the reader is told how many, where they are missing
    end  ///< the subscription ends with errc::fell_behind after what is unread; position() is where to resume
};

template <class Event>
struct subscription_options {
    /// Unread events that are kept, at least 1.
    std::size_t capacity = 1024;
    overflow_policy overflow = overflow_policy::gap;
    /// Which events are wanted; empty: all. Called by the emitter with its lock held: fast, without side effects, and
    /// never back into the emitter.
    std::function<bool(const Event&)> filter{};
    /// Continue after this place: what history has of it comes first, and a gap if it does not reach back to it.
    /// Absent: from now on.
    std::optional<cursor> from{};
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_DELIVERY_HPP
