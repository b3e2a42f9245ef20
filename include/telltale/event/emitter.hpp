// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_EMITTER_HPP
#define TELLTALE_EVENT_EMITTER_HPP

#include <telltale/core/cursor.hpp>
#include <telltale/event/delivery.hpp>
#include <telltale/event/detail/stream.hpp>
#include <telltale/event/subscription.hpp>
#include <telltale/event/subscription_options.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

struct emitter_options {
    /// How many past events are kept for subscriptions that begin with a cursor. 0: none.
    std::size_t history = 0;
    /// How many bytes of them, by their byte_size; what does not fit is forgotten, oldest first.
    std::size_t history_bytes = std::size_t{64} << 20U;
};

/// Tells events to whoever subscribes: in one order for all, each subscription with its own bound.
///
///     telltale::emitter<std::string> news;
///     auto reader = news.subscribe(executor);
///     news.emit("hello");
///     auto d = co_await reader.receive();
///
/// Without a subscription and without history emit costs a load and a branch; otherwise it costs as much as there are
/// subscriptions that want the event, not as there are subscriptions.
///
/// `Event` is movable. Functions beside it, found by argument-dependent lookup, say more of it; each may be missing:
/// - `std::string_view conflation_key(const Event&)`: events with the same non-empty key are latest-wins;
/// - `void routing_keys(const Event&, auto&& visit)` calls `visit(value)` or `visit(value, name)`, both std::string_view,
///   for each key by which subscriptions can ask for it (subscription_options::keys);
/// - `unsigned routing_class(const Event&)`, below 64: what sort of event it is (subscription_options::classes);
/// - `std::size_t byte_size(const Event&)`: what it takes in memory; without: sizeof(Event).
/// - `void prefetch_parts(const Event&)`: brings what it refers to into the cache, because it will soon be forgotten.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: safe, but for the destructor.
template <class Event>
class emitter {
public:
    explicit emitter(emitter_options options = {})
        : stream_(std::make_shared<detail::event_stream<Event>>(options.history, options.history_bytes)) {}

    emitter(const emitter&) = delete;
    emitter& operator=(const emitter&) = delete;

    /// Subscriptions can read what is unread, and then get errc::closed.
    ~emitter() { stream_->close(); }

    /// Tells an event to all who want it. Never waits for a reader. What a filter throws comes out here; some have been
    /// told then, others not.
    void emit(Event e) { stream_->emit(std::move(e)); }

    /// Begins to listen: from now on, or after a cursor. `executor`: where handlers run that have no executor of their
    /// own. Costs as much as there is history to look through.
    template <class Executor>
    [[nodiscard]] subscription<Event, Executor> subscribe(const Executor& executor,
                                                          subscription_options<Event> options = {}) {
        return {executor, stream_, std::move(options)};
    }

    /// The place of the last event.
    cursor position() const { return stream_->now(); }

    /// How many subscriptions there are at this moment.
    std::size_t subscribers() const { return stream_->subscribers(); }

private:
    std::shared_ptr<detail::event_stream<Event>> stream_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_EVENT_EMITTER_HPP
