// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_FOR_EACH_CHUNK_HPP
#define TELLTALE_RUN_FOR_EACH_CHUNK_HPP

#include <telltale/asio.hpp>
#include <telltale/run/detail/chunk_run.hpp>
#include <telltale/run/hooks.hpp>

#include <concepts>
#include <cstddef>
#include <ranges>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Works through a range on the threads of a pool, a chunk of items at a time.
///
///     net::thread_pool pool(4);
///     co_await telltale::for_each_chunk(pool.get_executor(), files, {.size = 1}, [&](std::span<const path> chunk) {
///         for (const path& f : chunk) hash(f);
///     });
///
/// `fn(chunk)` is called on pool threads, several at once; the chunk is a span, or a subrange where the items do not
/// lie side by side. Between two chunks a worker goes to the end of the pool's queue, so that all who share the pool
/// get their turn. An lvalue range is referred to, an rvalue is kept.
///
/// Completes, whether with result, error or cancellation, only when no worker touches the range, `fn` or the hooks any
/// more. So they may refer to whatever outlives the co_await. The pool is to be joined before the context of whoever
/// awaits is destroyed.
///
/// The hooks (hooks.hpp) count items. Where items differ much in size, count what matters in a tracker:
///
///     auto& bytes = job.tracker({.total = sum_of_sizes, .unit = telltale::progress_unit::bytes});
///     ... [&](std::span<const path> chunk) { for (const path& f : chunk) bytes.advance(hash(f)); } ...
///
/// @par Errors
/// Throws what `fn` threw first: no more chunks are begun from then on. Throws system_error(operation_aborted) when it
/// was cancelled, or the pool was stopped, before all chunks were done.
/// @par Per-operation cancellation
/// of the awaiting coroutine: no more chunks are begun; those that run are waited for. A function that takes long for
/// one chunk takes a second argument, chunk_stop, and looks at it now and then.
template <class Pool, std::ranges::random_access_range Range, class Fn, class ChunkCompleted = no_hook,
          class Progress = no_hook>
    requires std::ranges::sized_range<Range> && std::ranges::viewable_range<Range>
[[nodiscard]] net::awaitable<chunk_result> for_each_chunk(Pool pool, Range&& items, chunk_options options, Fn fn,
                                                          chunk_hooks<ChunkCompleted, Progress> hooks = {}) {
    using view = std::views::all_t<Range>;
    return detail::run_chunks(std::move(pool), detail::ranged_items<view>(std::views::all(std::forward<Range>(items))),
                              options, std::move(fn), std::move(hooks));
}

/// The same for the numbers 0 to count - 1: a chunk is a range of std::size_t.
template <class Pool, class Fn, class ChunkCompleted = no_hook, class Progress = no_hook>
[[nodiscard]] net::awaitable<chunk_result> for_each_chunk(Pool pool, std::size_t count, chunk_options options, Fn fn,
                                                          chunk_hooks<ChunkCompleted, Progress> hooks = {}) {
    return detail::run_chunks(std::move(pool), detail::counted_items(count), options, std::move(fn), std::move(hooks));
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_FOR_EACH_CHUNK_HPP
