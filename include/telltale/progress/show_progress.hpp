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
#include <telltale/sync/with_timeout.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

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
    const Executor executor = co_await net::this_coro::executor;
    const auto patience = std::max<progress_bar::clock::duration>(bar.interval(), std::chrono::seconds{1});
    progress_snapshot last;
    // Named, and moved: GCC 12 destroys a lambda inside a co_await expression twice.
    const auto wait = [&](auto handler) { tracker.async_wait_change(last, bar.interval(), std::move(handler)); };
    for (bool done = false; !done;) {
        auto operation = wait;
        auto [ec, next] = co_await async_with_timeout<void(error_code, progress_snapshot)>(
            executor, std::move(operation), patience, as_tuple(net::use_awaitable_t<Executor>{}));
        if (ec == errc::deadline_exceeded) {
            next = tracker.snapshot();
        } else if (ec) {
            bar.finish(job_state::running);
            throw system_error(ec);
        }
        last = std::move(next);
        done = last.finished || (last.value.total && last.value.done >= *last.value.total);
        bar.update(last);
    }
    const bool arrived = !last.value.total || last.value.done >= *last.value.total;
    bar.finish(arrived ? job_state::succeeded : job_state::running, last.message);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_SHOW_PROGRESS_HPP
