// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_BAR_HPP
#define TELLTALE_PROGRESS_BAR_HPP

#include <telltale/core/job.hpp>
#include <telltale/progress/bar_item.hpp>
#include <telltale/progress/detail/bar_line.hpp>

#include <cstddef>
#include <string>

namespace telltale::inline TELLTALE_ABI {

/// One line of at most `width` columns: name, bar, percent, amount, rate, time that it took and that is left, with its
/// band, and state. On a narrow line the least important parts are left out. What is not known is not shown: without a
/// total there is no bar. Its parts are not shown either.
///
/// A function of its arguments only: no terminal, no clock. Whatever the texts contain, the line has no control
/// characters but, with `style.colour`, the colours.
inline std::string render_bar(const bar_item& item, std::size_t width, const bar_style& style = {}) {
    return detail::bar_line(item, width, style).text();
}

inline std::string render_bar(const job& j, std::size_t width, const bar_style& style = {}) {
    return render_bar(to_bar_item(j), width, style);
}

/// One line of plain text, however long: for logs and pipes.
inline std::string render_plain(const bar_item& item, const bar_style& style = {.unicode = false}) {
    return detail::plain_line(item, style);
}

inline std::string render_plain(const job& j, const bar_style& style = {.unicode = false}) {
    return render_plain(to_bar_item(j), style);
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_PROGRESS_BAR_HPP
