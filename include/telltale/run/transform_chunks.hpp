// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_RUN_TRANSFORM_CHUNKS_HPP
#define TELLTALE_RUN_TRANSFORM_CHUNKS_HPP

#include <telltale/asio.hpp>
#include <telltale/run/chunk.hpp>
#include <telltale/run/detail/chunk_output.hpp>
#include <telltale/run/hooks.hpp>

#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// As for_each_chunk (of a range, or of the numbers below a count), for a function that makes something of each chunk: `values` of the result has it, one for each
/// chunk, in the order of the items.
///
///     const auto parts = co_await telltale::transform_chunks(pool.get_executor(), numbers, options, sum_of);
///     const int sum = std::accumulate(parts.values.begin(), parts.values.end(), 0);
///
/// Where, chunks, hooks, errors and cancellation are those of for_each_chunk. `fn` returns a T, or an awaitable of one; T
/// is movable and need not be default-constructible. With error_policy::collect chunks that threw have no value:
/// `errors` says which they are.
template <class Where, detail::chunk_source Items, class Fn, hook_set Hooks = chunk_hooks<>>
[[nodiscard]] auto transform_chunks(Where where, Items&& items, chunk_options options, Fn fn, Hooks hooks = {}) {
    return detail::collect_chunks(std::move(where), detail::items_of(std::forward<Items>(items)), options,
                                  std::move(fn), std::move(hooks));
}

/// The same in the calling thread; returns the transform_result itself.
template <detail::chunk_source Items, class Fn, hook_set Hooks = chunk_hooks<>>
auto transform_chunks(blocking_t, Items&& items, chunk_options options, Fn fn, Hooks hooks = {}) {
    return detail::collect_chunks_here(detail::items_of(std::forward<Items>(items)), options, fn, std::move(hooks));
}

/// Hands over each result as it comes, in bounded memory: `consume(chunk_value<T>)` is called in the coroutine that
/// awaits, one at a time. It may return net::awaitable<void>, which is awaited: so results go on into a queue or a socket
/// as fast as that takes them.
///
///     const telltale::chunk_options options{.size = 1, .order = telltale::chunk_order::completed};
///     co_await telltale::transform_chunks(pool.get_executor(), files, options, parse, store);
///
/// chunk_options::order: in the order of the items, or as they come. chunk_options::ahead: how many chunks may have begun
/// whose results are not consumed; then no more begin until there is room.
///
/// Completes with a chunk_result, under the same conditions as for_each_chunk: nobody works any more, whatever happened.
/// @par Errors
/// As for_each_chunk; the results of the chunks that were completed are handed over before the error is thrown. What
/// `consume` throws stops the work, and is thrown.
/// @par Per-operation cancellation
/// of the awaiting coroutine: as for_each_chunk; results that are not consumed are dropped.
template <class Where, detail::chunk_source Items, class Fn, class Consume, hook_set Hooks = chunk_hooks<>>
    requires(!hook_set<Consume>)
&&(detail::chunkable<Items> || std::convertible_to<Items, std::size_t>)
    [[nodiscard]] net::awaitable<chunk_result> transform_chunks(Where where, Items&& items, chunk_options options,
                                                                Fn fn, Consume consume, Hooks hooks = {}) {
    return detail::stream_chunks(std::move(where), detail::items_of(std::forward<Items>(items)), options, std::move(fn),
                                 std::move(consume), std::move(hooks));
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_RUN_TRANSFORM_CHUNKS_HPP
