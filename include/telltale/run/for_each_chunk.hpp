// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_FOR_EACH_CHUNK_HPP
#define TELLTALE_RUN_FOR_EACH_CHUNK_HPP

#include <telltale/asio.hpp>
#include <telltale/run/chunk.hpp>
#include <telltale/run/detail/chunk_here.hpp>
#include <telltale/run/detail/chunk_start.hpp>
#include <telltale/run/hooks.hpp>

#include <cstddef>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Works through a range, a chunk of items at a time: on the threads of a pool, one after the other, or as coroutines.
///
///     net::thread_pool pool(4);
///     co_await telltale::for_each_chunk(pool.get_executor(), files, {.size = 1}, [&](std::span<const path> chunk) {
///         for (const path& f : chunk) hash(f);
///     });
///
/// | where            | fn(chunk)                  | what runs                                                         |
/// | ---------------- | -------------------------- | ----------------------------------------------------------------- |
/// | a pool's executor | a function                | `workers` at once, on threads of the pool                         |
/// | an executor      | returns net::awaitable<void> | `workers` coroutines at once, each on a strand of the executor  |
/// | `concurrent`     | returns net::awaitable<void> | the same on the executor of the coroutine that awaits           |
/// | `serial`         | either                     | one after the other on the executor of the coroutine that awaits  |
/// | `blocking`       | a function                 | the overload below                                                |
///
/// The chunk is a span, or a subrange where the items do not lie side by side. Between two chunks a worker goes to the end
/// of the executor's queue, so that all who share it get their turn. An lvalue range is referred to, an rvalue is kept.
/// How many items a chunk has is fixed, or follows the time that they take (chunk_options::target).
///
/// Completes, whether with result, error or cancellation, only when no worker touches the range, `fn` or the hooks any
/// more. So they may refer to whatever outlives the co_await. A pool is to be joined before the context of whoever
/// awaits is destroyed.
///
/// The hooks (hooks.hpp) count items. Where items differ much in size, count what matters in a tracker:
///
///     auto& bytes = job.tracker({.total = sum_of_sizes, .unit = telltale::progress_unit::bytes});
///     ... [&](std::span<const path> chunk) { for (const path& f : chunk) bytes.advance(hash(f)); } ...
///
/// @par Errors
/// Throws what `fn` threw first: no more chunks are begun from then on, and coroutines are cancelled. With
/// error_policy::collect all chunks are done, and chunk_result::errors has what they threw. Throws
/// system_error(operation_aborted) when it was cancelled, or the pool was stopped, before all chunks were done.
/// @par Per-operation cancellation
/// of the awaiting coroutine: no more chunks are begun; those that run are waited for, coroutines are cancelled. A
/// function that takes long for one chunk takes a second argument, chunk_stop, and looks at it now and then.
template <class Where, detail::chunkable Range, class Fn, hook_set Hooks = chunk_hooks<>>
[[nodiscard]] net::awaitable<chunk_result> for_each_chunk(Where where, Range&& items, chunk_options options, Fn fn,
                                                          Hooks hooks = {}) {
    return detail::run_chunks(std::move(where), detail::items_of(std::forward<Range>(items)), options, std::move(fn),
                              std::move(hooks));
}

/// The same for the numbers 0 to count - 1: a chunk is a range of std::size_t.
template <class Where, class Fn, hook_set Hooks = chunk_hooks<>>
[[nodiscard]] net::awaitable<chunk_result> for_each_chunk(Where where, std::size_t count, chunk_options options, Fn fn,
                                                          Hooks hooks = {}) {
    return detail::run_chunks(std::move(where), detail::items_of(count), options, std::move(fn), std::move(hooks));
}

/// The same in the calling thread, and done when it returns: `for_each_chunk(telltale::blocking, files, {}, fn, hooks)`.
/// Needs no coroutine and no executor; `workers` means nothing here.
template <detail::chunkable Range, class Fn, hook_set Hooks = chunk_hooks<>>
chunk_result for_each_chunk(blocking_t, Range&& items, chunk_options options, Fn fn, Hooks hooks = {}) {
    return detail::run_chunks_here(detail::items_of(std::forward<Range>(items)), options, fn, std::move(hooks),
                                   detail::put_nowhere{});
}

template <class Fn, hook_set Hooks = chunk_hooks<>>
chunk_result for_each_chunk(blocking_t, std::size_t count, chunk_options options, Fn fn, Hooks hooks = {}) {
    return detail::run_chunks_here(detail::items_of(count), options, fn, std::move(hooks), detail::put_nowhere{});
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_FOR_EACH_CHUNK_HPP
