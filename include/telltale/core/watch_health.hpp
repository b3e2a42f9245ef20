// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_WATCH_HEALTH_HPP
#define TELLTALE_CORE_WATCH_HEALTH_HPP

#include <telltale/core/time.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

/// How well a job can be seen. Says nothing about the job: one that cannot be reached may be running happily.
enum class watch_state : std::uint8_t {
    ok,
    degraded,    ///< the last look failed, earlier ones did not
    unreachable, ///< several looks in a row failed
    stale        ///< nobody has looked for too long
};

namespace detail {
inline constexpr std::array<std::string_view, 4> watch_state_names{"ok", "degraded", "unreachable", "stale"};
} // namespace detail

constexpr std::string_view to_string(watch_state s) noexcept {
    return detail::watch_state_names[static_cast<std::size_t>(s)];
}

constexpr std::optional<watch_state> parse_watch_state(std::string_view name) noexcept {
    for (std::size_t i = 0; i < detail::watch_state_names.size(); ++i)
        if (detail::watch_state_names[i] == name) return static_cast<watch_state>(i);
    return std::nullopt;
}

/// The health of the watch on a job.
struct watch_health {
    watch_state state = watch_state::ok;
    std::optional<timestamp> since{}; ///< when it entered this state
    std::string error{};              ///< what the last look that failed said; empty when ok

    friend bool operator==(const watch_health&, const watch_health&) = default;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_CORE_WATCH_HEALTH_HPP
