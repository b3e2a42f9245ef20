// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_HOOKS_HPP
#define TELLTALE_RUN_HOOKS_HPP

#include <telltale/core/progress.hpp>

#include <chrono>
#include <cstddef>
#include <type_traits>

namespace telltale::inline TELLTALE_ABI {

/// One chunk that has been completed, and how far the whole is.
struct chunk_info {
    std::size_t id = 0;                      ///< in the order of the items, from 0; chunks complete in any order
    std::size_t size = 0;                    ///< items in it
    std::chrono::duration<double> time{};    ///< that it took
    std::size_t done = 0;                    ///< items of all chunks completed so far, this one included
    std::size_t total = 0;                   ///< items there are
    double percent = 0;                      ///< 0 to 100
    std::chrono::duration<double> elapsed{}; ///< since the beginning of the whole
};

/// A hook that is not set. Costs nothing: what it would have been told is not even measured.
struct no_hook {};

/// What is called while for_each_chunk runs. A member that is not set costs nothing.
///
///     telltale::chunk_hooks hooks{.chunk_completed = [&](const telltale::chunk_info& c) { log(c.id, c.time); }};
///
/// Hooks are called on the executor of the coroutine that awaits, one at a time, in the order in which the chunks were
/// completed, and the last has returned when for_each_chunk completes. A hook that throws does no harm to the work: it
/// is counted, and the first exception is kept (chunk_result).
///
/// (Name the hooks before the co_await: GCC 12 destroys temporaries of aggregate type in a co_await expression twice.)
template <class ChunkCompleted = no_hook, class Progress = no_hook>
struct chunk_hooks {
    /// `(const chunk_info&)`: for every chunk.
    [[no_unique_address]] ChunkCompleted chunk_completed{};
    /// `(const progress&)`: items, with rate and remaining time. When chunks complete faster than hooks return, only
    /// the newest is told. The last is always told.
    [[no_unique_address]] Progress progress{};
};

namespace detail {
template <class Hook>
inline constexpr bool is_set = !std::is_same_v<Hook, no_hook>;
} // namespace detail

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_HOOKS_HPP
