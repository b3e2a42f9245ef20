// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_PROGRESS_SNAPSHOT_HPP
#define TELLTALE_PROGRESS_PROGRESS_SNAPSHOT_HPP

#include <telltale/core/progress.hpp>

#include <chrono>
#include <cstdint>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// What a look at a progress_tracker showed. Given back to progress_tracker::async_wait_change it means "I have seen
/// this": one that was made by default has seen nothing.
struct progress_snapshot {
    progress value{};
    std::string message{};
    bool finished = false; ///< nothing will change any more
    std::chrono::duration<double>
        elapsed{}; ///< since the beginning, up to the end, with what a resumed one took before
    std::chrono::steady_clock::time_point at{}; ///< when it was looked at
    std::uint64_t count = 0;                    ///< `value.done`, exactly
    std::uint64_t revision = 0;                 ///< counts the changes of all but the count; 0: never looked
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_PROGRESS_SNAPSHOT_HPP
