// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_HOOKS_HPP
#define TELLTALE_RUN_HOOKS_HPP

#include <telltale/run/chunk.hpp>

#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// A hook that is not set. Costs nothing: what it would have been told is not even measured.
struct no_hook {};

/// What is called while for_each_chunk or transform_chunks runs. A member that is not set costs nothing.
///
///     telltale::chunk_hooks hooks{.chunk_completed = [&](const telltale::chunk_info& c) { log(c.id, c.time); }};
///
/// Hooks are called one at a time, on the executor of the coroutine that awaits (with `blocking`: in the thread that
/// calls), in the order in which things happened, and the last has returned when the whole completes. A hook that throws
/// does no harm to the work: it is counted, and the first exception is kept (chunk_result).
///
/// (Name the hooks before the co_await: GCC 12 destroys temporaries of aggregate type in a co_await expression twice.)
template <class Before = no_hook, class WorkerStarted = no_hook, class ChunkStarted = no_hook,
          class ChunkCompleted = no_hook, class SlowChunk = no_hook, class Error = no_hook, class Progress = no_hook,
          class WorkerStopped = no_hook, class After = no_hook>
struct chunk_hooks {
    /// `(const chunk_plan&)`: once, before anything else.
    [[no_unique_address]] Before before{};
    /// `(const worker_info&)`: a worker is about to take its first chunk.
    [[no_unique_address]] WorkerStarted worker_started{};
    /// `(const chunk_info&)`
    [[no_unique_address]] ChunkStarted chunk_started{};
    /// `(const chunk_info&)`: for every chunk that did not throw.
    [[no_unique_address]] ChunkCompleted chunk_completed{};
    /// `(const slow_chunk_info&)`: after chunk_completed of one that took much longer than others (chunk_options::slow).
    [[no_unique_address]] SlowChunk slow_chunk{};
    /// `(const chunk_error&)`: for every chunk that threw; not for one that gave up because it was asked to stop.
    [[no_unique_address]] Error error{};
    /// `(const chunk_progress&)`, which is a telltale::progress: after chunks were completed. When they complete faster
    /// than hooks return, only the newest is told. The last is always told.
    [[no_unique_address]] Progress progress{};
    /// `(const worker_info&)`: there is nothing left for this worker.
    [[no_unique_address]] WorkerStopped worker_stopped{};
    /// `(const chunk_result&)`: once, after everything else, also when it was cancelled or ends with an error.
    [[no_unique_address]] After after{};
};

/// Two sets of hooks as one: of each event the first is told first. One that throws keeps it from nobody.
template <class First, class Second>
class composed_hooks {
public:
    composed_hooks(First one, Second two) : first(std::move(one)), second(std::move(two)) {}

    [[no_unique_address]] First first;
    [[no_unique_address]] Second second;
};

template <class Hooks>
[[nodiscard]] Hooks compose(Hooks hooks) {
    return hooks;
}

/// Several sets of hooks as one: chunk_hooks, hook_lists, and what is composed of them.
///
///     const auto hooks = telltale::compose(log_chunks, telltale::report_to(job));
///
/// Composed at compile time: costs no more than its members do.
template <class First, class... Rest>
    requires(sizeof...(Rest) != 0)
[[nodiscard]] auto compose(First first, Rest... rest) {
    auto others = telltale::compose(std::move(rest)...);
    return composed_hooks<First, decltype(others)>(std::move(first), std::move(others));
}

namespace detail {
template <class T>
inline constexpr bool is_hook_set = false;
template <class... H>
inline constexpr bool is_hook_set<chunk_hooks<H...>> = true;
template <class First, class Second>
inline constexpr bool is_hook_set<composed_hooks<First, Second>> = is_hook_set<First>&& is_hook_set<Second>;

template <class Hook>
inline constexpr bool is_set = !std::is_same_v<std::remove_cv_t<Hook>, no_hook>;
} // namespace detail

/// chunk_hooks, hook_list, and what is composed of them.
template <class T>
concept hook_set = detail::is_hook_set<T>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_HOOKS_HPP
