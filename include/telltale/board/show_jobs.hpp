// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BOARD_SHOW_JOBS_HPP
#define TELLTALE_BOARD_SHOW_JOBS_HPP

#include <telltale/asio.hpp>
#include <telltale/board/board.hpp>
#include <telltale/progress/bar_writer.hpp>

namespace telltale::inline TELLTALE_ABI {

/// Keeps bars up to date with a board until it is cancelled; then every job has its last line.
///
///     telltale::bar_writer bars(stderr);
///     telltale::task_group helpers(executor);
///     helpers.spawn(telltale::show_jobs(board, bars));
///
/// It draws when something has happened, no more often than the bars' redraw_interval; and once a second while a job is
/// running, for the time goes on. Nothing wakes up while no job runs and nothing happens. Both must outlive this.
///
/// @par Errors
/// system_error: `operation_aborted`: cancelled.
/// @par Per-operation cancellation
/// terminal: stops showing.
/// @par Thread safety
/// The bars are used on the executor of this coroutine.
[[nodiscard]] TELLTALE_DECL net::awaitable<void> show_jobs(board& jobs, bar_writer& bars);

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/board/detail/show_jobs.ipp>
#endif

#endif // TELLTALE_BOARD_SHOW_JOBS_HPP
