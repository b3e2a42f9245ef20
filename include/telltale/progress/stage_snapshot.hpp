// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_STAGE_SNAPSHOT_HPP
#define TELLTALE_PROGRESS_STAGE_SNAPSHOT_HPP

#include <telltale/core/progress.hpp>
#include <telltale/progress/progress_snapshot.hpp>
#include <telltale/version.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// How a stage of a stage_tree is.
enum class stage_state : std::uint8_t { pending, running, done, failed };

namespace detail {
inline constexpr std::array<std::string_view, 4> stage_state_names{"pending", "running", "done", "failed"};

/// As a count, whatever it is.
constexpr std::uint64_t as_count(double d) noexcept {
    if (!(d > 0)) return 0;
    return d < 0x1p64 ? static_cast<std::uint64_t>(d) : std::uint64_t{0} - 1;
}
} // namespace detail

constexpr std::string_view to_string(stage_state s) noexcept {
    return detail::stage_state_names[static_cast<std::size_t>(s)];
}

/// What a look at a stage showed, with the stages that it is made of.
struct stage_snapshot {
    std::string name{};
    double weight = 1; ///< among its neighbours
    stage_state state = stage_state::pending;
    /// One without children: what it counts. One with children: percent, by their weights. If it is not known how much one of
    /// them has before it, there is no total and so no percentage: `done` is how much it is at least.
    progress value{};
    std::chrono::duration<double> elapsed{}; ///< since it began, up to its end
    std::string message{};                   ///< what it says of itself, or why it failed
    std::uint64_t count = 0;                 ///< `value.done` of one without children, exactly
    std::vector<stage_snapshot> children{};

    friend bool operator==(const stage_snapshot&, const stage_snapshot&) = default;
};

/// What a look at a stage_tree showed. `value` is that of the root. Given back to stage_tree::async_wait_change it means
/// "I have seen this".
struct stage_tree_snapshot : progress_snapshot {
    stage_snapshot root{};
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_STAGE_SNAPSHOT_HPP
