// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_SHOW_PROGRESS_HPP
#define TELLTALE_PROGRESS_SHOW_PROGRESS_HPP

#include <telltale/asio.hpp>
#include <telltale/core/job_state.hpp>
#include <telltale/error.hpp>
#include <telltale/progress/progress_bar.hpp>
#include <telltale/progress/progress_snapshot.hpp>
#include <telltale/progress/progress_tracker.hpp>
#include <telltale/progress/stage_snapshot.hpp>
#include <telltale/progress/stage_tree.hpp>
#include <telltale/sync/with_timeout.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

inline bool is_over(const progress_snapshot& s) noexcept {
    return s.finished || (s.value.total && s.value.done >= *s.value.total);
}
inline bool has_failed(const progress_snapshot&) noexcept { return false; }

// Stages that are all done may be followed by another.
inline bool is_over(const stage_tree_snapshot& s) noexcept { return s.finished; }
inline bool has_failed(const stage_tree_snapshot& s) noexcept { return s.root.state == stage_state::failed; }

template <class Snapshot, class Executor, class Source>
net::awaitable<void, Executor> show_source(Source& source, progress_bar& bar) {
    const Executor executor = co_await net::this_coro::executor;
    const auto patience = std::max<progress_bar::clock::duration>(bar.interval(), std::chrono::seconds{1});
    Snapshot last;
    const auto wait = [&](auto handler) { source.async_wait_change(last, bar.interval(), std::move(handler)); };
    for (bool over = false; !over;) {
        auto operation = wait; // named, and moved: GCC 12 destroys a lambda inside a co_await expression twice
        auto [ec, next] = co_await async_with_timeout<void(error_code, Snapshot)>(
            executor, std::move(operation), patience, as_tuple(net::use_awaitable_t<Executor>{}));
        if (ec == errc::deadline_exceeded) {
            next = source.snapshot();
        } else if (ec) {
            bar.finish(job_state::running);
            throw system_error(ec);
        }
        last = std::move(next);
        over = is_over(last);
        bar.update(last);
    }
    const bool arrived = !last.value.total || last.value.done >= *last.value.total;
    bar.finish(has_failed(last) ? job_state::failed
               : arrived        ? job_state::succeeded
                                : job_state::running,
               last.message);
}

} // namespace detail

/// Keeps a bar up to date with a tracker until the work is done: finish() was called, or a known total is reached. Then
/// the bar has its final line.
///
///     telltale::progress_bar bar(stderr, "hashing");
///     net::co_spawn(executor, telltale::show_progress(tracker, bar), net::detached);
///
/// It draws when something has changed, no more often than the bar's interval; and once a second when nothing has, for
/// the time goes on, and what is left is not what it was. No thread, and no timer after the end. A tracker that is
/// finished short of its total did not arrive: the final line shows how far it came, and claims no success.
///
/// Both must outlive this, but the tracker may be destroyed while it waits.
///
/// @par Errors
/// system_error: `operation_aborted`: cancelled, or the tracker was destroyed. The bar has its final line all the same.
/// @par Per-operation cancellation
/// terminal: stops showing.
/// @par Thread safety
/// The bar is used by whoever awaits this, on the executor of that coroutine.
template <class Executor>
[[nodiscard]] net::awaitable<void, Executor> show_progress(basic_progress_tracker<Executor>& tracker,
                                                           progress_bar& bar) {
    return detail::show_source<progress_snapshot, Executor>(tracker, bar);
}

/// The same for stages, as lines below the bar, until finish() was called.
template <class Executor>
[[nodiscard]] net::awaitable<void, Executor> show_progress(basic_stage_tree<Executor>& stages, progress_bar& bar) {
    return detail::show_source<stage_tree_snapshot, Executor>(stages, bar);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_SHOW_PROGRESS_HPP
