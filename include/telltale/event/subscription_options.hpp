// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_SUBSCRIPTION_OPTIONS_HPP
#define TELLTALE_EVENT_SUBSCRIPTION_OPTIONS_HPP

#include <telltale/core/cursor.hpp>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// What becomes of a subscription whose reader falls behind by more than its capacity.
enum class overflow_policy : std::uint8_t {
    gap, ///< the oldest unread events are dropped, and the reader is told how many, where they are missing
    end  ///< the subscription ends with errc::fell_behind after what is unread; position() is where to resume
};

/// One of the things by which an event is found without asking every subscription: a value, under a name where events
/// have values of several sorts (of telltale::event: a job's id without a name, and its labels).
struct routing_key {
    std::string value{};
    std::string name{};

    friend auto operator<=>(const routing_key&, const routing_key&) = default;
};

/// What a subscription wants. `keys`, `classes` and `filter` must all agree. To a subscription that is told apart by keys
/// or classes, an event that it does not want costs nothing; `filter` is asked for each event that is left.
/// filtered() makes the options for telltale::event from a telltale::filter.
template <class Event>
struct subscription_options {
    /// Unread events that are kept, at least 1.
    std::size_t capacity = 1024;
    overflow_policy overflow = overflow_policy::gap;
    /// Whether an unread event is replaced by a newer one of the same conflation_key. If not, it counts as any other.
    bool conflate = true;
    /// Only events that have one of these by their routing_keys; empty: all. Without effect on events without.
    std::vector<routing_key> keys{};
    /// Bit i: events whose routing_class is i; no bit: all. Without effect on events without.
    std::uint64_t classes = 0;
    /// Which events are wanted; empty: all. Called by the emitter with its lock held: fast, without side effects, and
    /// never back into the emitter.
    std::function<bool(const Event&)> filter{};
    /// Continue after this place: what history has of it comes first, and a gap if it does not reach back to it.
    /// Absent: from now on.
    std::optional<cursor> from{};
};

/// How a subscription fares: `delivered + unread + conflated + dropped` is how many events it wanted since it began.
struct subscription_statistics {
    std::uint64_t delivered = 0; ///< events that the reader was given, without gaps
    std::uint64_t conflated = 0; ///< unread events that a newer one of the same key replaced
    std::uint64_t dropped = 0;   ///< events of which gaps tell, where their number is known
    std::size_t unread = 0;      ///< events that wait for the reader: its lag
    cursor position{};           ///< of what was received last, or where the subscription began
    cursor newest{};             ///< of the last event of the emitter, wanted or not
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_SUBSCRIPTION_OPTIONS_HPP
