// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_TERMINAL_HPP
#define TELLTALE_PROGRESS_DETAIL_TERMINAL_HPP

#include <telltale/progress/detail/bar_line.hpp>
#include <telltale/progress/detail/bar_screen.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/ioctl.h>
#include <unistd.h>
#define TELLTALE_HAS_TERMINAL 1
#endif

namespace telltale::inline TELLTALE_ABI::detail {

inline std::string_view environment(const char* name) {
    const char* const value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nobody sets it meanwhile
    return value ? std::string_view(value) : std::string_view();
}

inline bool is_terminal_file([[maybe_unused]] std::FILE* file) {
#if defined(TELLTALE_HAS_TERMINAL)
    return ::isatty(::fileno(file)) == 1 && environment("TERM") != "dumb";
#else
    return false;
#endif
}

/// https://no-color.org; UTF-8 by the rules of POSIX: LC_ALL, else LC_CTYPE, else LANG.
inline bar_style style_of_terminal(bool terminal) {
    bar_style style;
    style.colour = terminal && environment("NO_COLOR").empty();
    std::string_view locale = environment("LC_ALL");
    if (locale.empty()) locale = environment("LC_CTYPE");
    if (locale.empty()) locale = environment("LANG");
    std::string upper(locale);
    std::transform(upper.begin(), upper.end(), upper.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    style.unicode = upper.find("UTF-8") != std::string::npos || upper.find("UTF8") != std::string::npos;
    return style;
}

/// Whether lines that have become too long when the window was made narrower run on in the next row, as in nearly all
/// terminals of today. Those that cut them say who they are.
inline bool terminal_reflows() {
    const std::string_view term = environment("TERM");
    return environment("XTERM_VERSION").empty() && term != "linux" && !term.starts_with("vt") &&
           !(term.starts_with("screen") && environment("TMUX").empty());
}

inline std::size_t size_from(const char* name, std::size_t otherwise) {
    const std::string_view text = environment(name);
    std::size_t n = 0;
    const auto end = text.data() + text.size();
    return std::from_chars(text.data(), end, n).ptr == end && n > 0 ? n : otherwise;
}

/// Asked for every time: windows are resized.
inline screen_size size_of_terminal([[maybe_unused]] std::FILE* file) {
#if defined(TELLTALE_HAS_TERMINAL)
    winsize size{};
    if (::ioctl(::fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0)
        return {size.ws_col, size.ws_row};
#endif
    return {size_from("COLUMNS", 80), size_from("LINES", 24)};
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_TERMINAL_HPP
