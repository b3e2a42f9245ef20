// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_CURSOR_HPP
#define TELLTALE_CORE_CURSOR_HPP

#include <telltale/version.hpp>

#include <charconv>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// A place in an ordered stream of events: "everything up to and including `offset` has been seen".
///
/// Offsets count from 1 within an epoch; offset 0 is before the first event. The epoch names one life of the stream:
/// cursors of different epochs cannot be compared, and a stream never continues a foreign epoch.
struct cursor {
    std::uint64_t epoch = 0;
    std::uint64_t offset = 0;

    friend bool operator==(const cursor&, const cursor&) = default;
};

/// "<epoch in hexadecimal>:<offset>".
inline std::string to_string(const cursor& c) {
    char text[40];
    char* end = std::to_chars(text, text + 20, c.epoch, 16).ptr;
    *end++ = ':';
    end = std::to_chars(end, text + sizeof text, c.offset).ptr;
    return {text, end};
}

/// What to_string wrote; anything else gives nothing.
inline std::optional<cursor> parse_cursor(std::string_view text) noexcept {
    cursor c;
    const char* const end = text.data() + text.size();
    const auto epoch = std::from_chars(text.data(), end, c.epoch, 16);
    if (epoch.ec != std::errc{} || epoch.ptr == end || *epoch.ptr != ':') return std::nullopt;
    const auto offset = std::from_chars(epoch.ptr + 1, end, c.offset);
    if (offset.ec != std::errc{} || offset.ptr != end) return std::nullopt;
    return c;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_CURSOR_HPP
