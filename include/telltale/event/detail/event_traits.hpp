// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_EVENT_DETAIL_EVENT_TRAITS_HPP
#define TELLTALE_EVENT_DETAIL_EVENT_TRAITS_HPP

#include <telltale/version.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

// What an emitter asks of a type of events, by functions that argument-dependent lookup finds beside the type.

namespace telltale::inline TELLTALE_ABI::detail {

struct ignore_key {
    void operator()(std::string_view, std::string_view) const noexcept {}
};

template <class Event>
concept has_conflation_key = requires(const Event& e) {
    { conflation_key(e) } -> std::convertible_to<std::string_view>;
};

template <class Event>
concept has_routing_keys = requires(const Event& e) {
    routing_keys(e, ignore_key{});
};

template <class Event>
concept has_routing_class = requires(const Event& e) {
    { routing_class(e) } -> std::convertible_to<unsigned>;
};

inline constexpr unsigned routing_classes = 64;

template <class Event>
std::string_view conflation_key_of(const Event& e) {
    if constexpr (has_conflation_key<Event>)
        return conflation_key(e);
    else
        return {};
}

/// Calls visit(value, name) for each.
template <class Event, class Visitor>
void visit_routing_keys([[maybe_unused]] const Event& e, [[maybe_unused]] Visitor visit) {
    if constexpr (has_routing_keys<Event>) routing_keys(e, visit);
}

/// Below routing_classes, or routing_classes: none.
template <class Event>
unsigned routing_class_of([[maybe_unused]] const Event& e) {
    if constexpr (has_routing_class<Event>) {
        const unsigned c = routing_class(e);
        return c < routing_classes ? c : routing_classes;
    } else {
        return routing_classes;
    }
}

template <class Event>
std::size_t byte_size_of(const Event& e) {
    if constexpr (requires {
                      { byte_size(e) } -> std::convertible_to<std::size_t>;
                  })
        return byte_size(e);
    else
        return sizeof(Event);
}

template <class Event>
void prefetch_parts_of([[maybe_unused]] const Event& e) noexcept {
    if constexpr (requires { prefetch_parts(e); }) prefetch_parts(e);
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_EVENT_DETAIL_EVENT_TRAITS_HPP
