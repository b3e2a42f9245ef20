// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_EMITTER_HPP
#define TELLTALE_EVENT_EMITTER_HPP

#include <telltale/core/cursor.hpp>
#include <telltale/event/delivery.hpp>
#include <telltale/event/detail/stream.hpp>
#include <telltale/event/subscription.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct emitter_options {
    /// How many past events are kept for subscriptions that begin with a cursor. 0: none.
    std::size_t history = 0;
};

/// Tells events to whoever subscribes: in one order for all, each subscription with its own bound.
///
///     telltale::emitter<std::string> news;
///     auto reader = news.subscribe(executor);
///     news.emit("hello");
///     auto d = co_await reader.receive();
///
/// Without a subscription and without history emit costs a load and a branch. `Event` is movable. A free function
/// `std::string_view conflation_key(const Event&)`, found by argument-dependent lookup, makes events with the same
/// non-empty key latest-wins.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Event>
class emitter {
public:
    explicit emitter(emitter_options options = {})
        : stream_(std::make_shared<detail::event_stream<Event>>(options.history)) {}

    emitter(const emitter&) = delete;
    emitter& operator=(const emitter&) = delete;

    /// Subscriptions can read what is unread, and then get errc::closed.
    ~emitter() { stream_->close(); }

    /// Tells an event to all whose filter lets it pass. Never waits for a reader.
    void emit(Event e) { stream_->emit(std::move(e)); }

    /// Begins to listen: from now on, or after a cursor.
    template <class Executor>
    [[nodiscard]] subscription<Event, Executor> subscribe(const Executor& executor,
                                                          subscription_options<Event> options = {}) {
        return {executor, stream_, std::move(options)};
    }

    /// The place of the last event.
    cursor position() const { return stream_->now(); }

    std::size_t subscribers() const { return stream_->subscribers(); }

private:
    std::shared_ptr<detail::event_stream<Event>> stream_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_EMITTER_HPP
