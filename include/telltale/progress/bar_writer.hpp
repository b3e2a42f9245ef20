// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_BAR_WRITER_HPP
#define TELLTALE_PROGRESS_BAR_WRITER_HPP

#include <telltale/core/job.hpp>
#include <telltale/core/time.hpp>
#include <telltale/progress/bar.hpp>
#include <telltale/progress/bar_item.hpp>
#include <telltale/progress/detail/bar_screen.hpp>
#include <telltale/progress/detail/file_output.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

struct bar_writer_options {
    /// How often the bars are drawn anew at most.
    std::chrono::steady_clock::duration redraw_interval = std::chrono::milliseconds{100};
    /// Not on a terminal: how often the progress of one job is told at most.
    std::chrono::steady_clock::duration plain_interval = std::chrono::seconds{5};
    std::optional<bool> terminal{};   ///< absent: whether the file is one, and TERM is not "dumb"
    std::optional<bar_style> style{}; ///< absent: by NO_COLOR and the locale
};

/// Shows jobs in a terminal: a bar for every job that is not over, with its steps, in place, and above them a line for
/// each that is over. Where the file is not a terminal: a line for every change of state, and now and then one of
/// progress; no control codes.
///
///     telltale::bar_writer bars(stderr);
///     while (...) bars.update(board.jobs(), telltale::steady_now(executor), telltale::system_now(executor));
///     bars.finish(board.jobs(), telltale::steady_now(executor), telltale::system_now(executor));
///
/// `now` limits how often is drawn; `calendar`, which may be left out, is for the time that a job has taken so far. For
/// anything but jobs there are bar_items. show_jobs (board/) does the loop for a board, show_progress for a tracker.
///
/// The window may be resized meanwhile. Nobody else may write to the terminal: log() writes above the bars. When nobody
/// reads any more nothing happens, here or to the program: see docs/guide/terminal.md.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class bar_writer {
public:
    using clock = std::chrono::steady_clock;
    using job_list = std::vector<std::shared_ptr<const job>>;
    using item_list = std::vector<bar_item>;

    /// `out` must stay open as long as this is used.
    explicit bar_writer(std::FILE* out, bar_writer_options options = {});

    bool is_terminal() const noexcept { return terminal_; }
    clock::duration redraw_interval() const noexcept { return redraw_interval_; }

    /// Shows all as they are; whoever is not among them is not shown any more. False: it is too early since the last time
    /// (or the terminal has not taken that yet), and nothing was done; call again later.
    bool update(const job_list& jobs, clock::time_point now, std::optional<timestamp> calendar = {});
    bool update(const item_list& items, clock::time_point now);

    /// Writes a line, or several, above the bars. What could move the cursor becomes '?'.
    void log(std::string_view text);

    /// Shows every job a last time, now, and leaves the cursor below.
    void finish(const job_list& jobs, clock::time_point now, std::optional<timestamp> calendar = {});
    void finish(const item_list& items, clock::time_point now);

private:
    static constexpr int patience_ms = 1000;

    template <class Items>
    bool update_all(const Items& items, clock::time_point now, std::optional<timestamp> calendar);

    std::FILE* file_;
    detail::file_output out_;
    bool terminal_;
    clock::duration redraw_interval_;
    detail::bar_screen screen_;
};

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/progress/detail/bar_writer.ipp>
#endif

#endif // TELLTALE_PROGRESS_BAR_WRITER_HPP
