// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_BAR_WRITER_IPP
#define TELLTALE_PROGRESS_DETAIL_BAR_WRITER_IPP

#include <telltale/progress/bar_writer.hpp>
#include <telltale/progress/detail/terminal.hpp>

#include <cstdio>
#include <optional>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

TELLTALE_DECL bar_writer::bar_writer(std::FILE* out, bar_writer_options options)
    : file_(out),
      out_(out),
      terminal_(options.terminal.value_or(detail::is_terminal_file(out))),
      redraw_interval_(options.redraw_interval),
      screen_({.terminal = terminal_,
               .reflows = detail::terminal_reflows(),
               .style = options.style.value_or(detail::style_of_terminal(terminal_)),
               .redraw = options.redraw_interval,
               .plain = options.plain_interval}) {}

template <class Items>
bool bar_writer::update_all(const Items& items, clock::time_point now, std::optional<timestamp> calendar) {
    if (out_.is_broken()) return true;
    if (screen_.too_early(now) || out_.is_full()) return false;
    out_.write(screen_.update(items, now, calendar, detail::size_of_terminal(file_)), 0);
    return true;
}

TELLTALE_DECL bool bar_writer::update(const job_list& jobs, clock::time_point now, std::optional<timestamp> calendar) {
    return update_all(jobs, now, calendar);
}

TELLTALE_DECL bool bar_writer::update(const item_list& items, clock::time_point now) {
    return update_all(items, now, {});
}

TELLTALE_DECL void bar_writer::log(std::string_view text) {
    out_.write(screen_.log(text, detail::size_of_terminal(file_)), patience_ms);
}

TELLTALE_DECL void bar_writer::finish(const job_list& jobs, clock::time_point now, std::optional<timestamp> calendar) {
    out_.write(screen_.finish(jobs, now, calendar, detail::size_of_terminal(file_)), patience_ms);
}

TELLTALE_DECL void bar_writer::finish(const item_list& items, clock::time_point now) {
    out_.write(screen_.finish(items, now, {}, detail::size_of_terminal(file_)), patience_ms);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_DETAIL_BAR_WRITER_IPP
