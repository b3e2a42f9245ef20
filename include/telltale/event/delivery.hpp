// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_DELIVERY_HPP
#define TELLTALE_EVENT_DELIVERY_HPP

#include <telltale/core/cursor.hpp>

#include <cstdint>
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

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_DELIVERY_HPP
