// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_POLL_REASON_HPP
#define TELLTALE_POLL_POLL_REASON_HPP

#include <telltale/version.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// Why the next poll of a job is due when it is.
enum class poll_reason : std::uint8_t {
    first,            ///< nothing is known yet
    interval,         ///< the interval has passed
    backoff,          ///< the delay after a failed poll, or after so many polls without the end
    hint,             ///< the API said not to come earlier
    predicted_end,    ///< by its progress the job will be nearly over, or over, then
    learned_duration, ///< many jobs of its kind end about then
    last_poll,        ///< the deadline of the watch
    command           ///< somebody asked something of the job, and wants to see whether it is so
};

namespace detail {
inline constexpr std::array<std::string_view, 8> poll_reason_names{
    "first", "interval", "backoff", "hint", "predicted_end", "learned_duration", "last_poll", "command"};
} // namespace detail

constexpr std::string_view to_string(poll_reason r) noexcept {
    return detail::poll_reason_names[static_cast<std::size_t>(r)];
}

constexpr std::optional<poll_reason> parse_poll_reason(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::poll_reason_names.size(); ++i)
        if (detail::poll_reason_names[i] == name) return static_cast<poll_reason>(i);
    return std::nullopt;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_POLL_POLL_REASON_HPP
