// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_BAR_WRITER_HPP
#define TELLTALE_PROGRESS_BAR_WRITER_HPP

#include <telltale/core/job.hpp>
#include <telltale/progress/bar.hpp>
#include <telltale/progress/detail/bar_screen.hpp>
#include <telltale/progress/detail/terminal.hpp>

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

/// Shows jobs in a terminal: a bar for every job that is not over, in place, and above them a line for each that is.
/// Where the file is not a terminal: a line for every change of state, and now and then one of progress; no control
/// codes.
///
///     telltale::bar_writer bars(stderr);
///     while (...) bars.update(board.jobs(), telltale::steady_now(executor));
///     bars.finish(board.jobs(), telltale::steady_now(executor));
///
/// Nobody else may write to the terminal meanwhile: log() writes a line above the bars.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
class bar_writer {
public:
    using clock = std::chrono::steady_clock;
    using job_list = std::vector<std::shared_ptr<const job>>;

    /// `out` must stay open as long as this is used.
    explicit bar_writer(std::FILE* out, bar_writer_options options = {})
        : out_(out),
          terminal_(options.terminal.value_or(detail::is_terminal_file(out))),
          screen_(terminal_, options.style.value_or(detail::style_of_terminal(terminal_)), options.redraw_interval,
                  options.plain_interval) {}

    bool is_terminal() const noexcept { return terminal_; }

    /// Shows the jobs as they are. False: it is too early since the last time, and nothing was done; call again later.
    bool update(const job_list& jobs, clock::time_point now) {
        const auto text = screen_.update(jobs, now, detail::size_of_terminal(out_));
        if (text) write(*text);
        return text.has_value();
    }

    /// Writes a line above the bars.
    void log(std::string_view line) { write(screen_.log(line, detail::size_of_terminal(out_))); }

    /// Shows every job a last time, now, and leaves the cursor below.
    void finish(const job_list& jobs, clock::time_point now) {
        write(screen_.finish(jobs, now, detail::size_of_terminal(out_)));
    }

private:
    void write(const std::string& text) {
        if (text.empty()) return;
        std::fwrite(text.data(), 1, text.size(), out_);
        std::fflush(out_);
    }

    std::FILE* out_;
    bool terminal_;
    detail::bar_screen screen_;
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_BAR_WRITER_HPP
