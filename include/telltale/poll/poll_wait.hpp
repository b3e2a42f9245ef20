// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_POLL_WAIT_HPP
#define TELLTALE_POLL_POLL_WAIT_HPP

#include <telltale/version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// What a poll that is due waits for.
enum class poll_wait : std::uint8_t {
    nothing,    ///< it is not due yet, or under way
    permit,     ///< as many polls are under way as may be at once
    budget,     ///< the requests that this credential may make in a time are spent
    breaker,    ///< the source failed too often: nobody is let through for a while
    retry_after ///< the API said when to come again
};

namespace detail {
inline constexpr std::array<std::string_view, 5> poll_wait_names{"nothing", "permit", "budget", "breaker",
                                                                 "retry_after"};
} // namespace detail

constexpr std::string_view to_string(poll_wait w) noexcept {
    return detail::poll_wait_names[static_cast<std::size_t>(w)];
}

constexpr std::optional<poll_wait> parse_poll_wait(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::poll_wait_names.size(); ++i)
        if (detail::poll_wait_names[i] == name) return static_cast<poll_wait>(i);
    return std::nullopt;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_POLL_WAIT_HPP
