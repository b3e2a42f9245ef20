// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_BAR_HPP
#define TELLTALE_PROGRESS_BAR_HPP

#include <telltale/core/job.hpp>
#include <telltale/progress/detail/bar_line.hpp>

#include <cstddef>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// One job as one line of at most `width` columns: name, bar, percent, amount, rate, remaining time, state. On a narrow
/// line the least important parts are left out. What is not known is not shown: without a total there is no bar.
///
/// A function of its arguments only: no terminal, no clock. Whatever the job's texts contain, the line has no control
/// characters but, with `style.colour`, the colours.
inline std::string render_bar(const job& j, std::size_t width, const bar_style& style = {}) {
    return detail::bar_line(j, width, style).text();
}

/// One job as one line of plain text, however long: for logs and pipes.
inline std::string render_plain(const job& j, const bar_style& style = {.unicode = false}) {
    return detail::plain_line(j, style);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_BAR_HPP
