// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_TEXT_HPP
#define TELLTALE_PROGRESS_DETAIL_TEXT_HPP

#include <telltale/core/progress.hpp>
#include <telltale/progress/detail/character_width.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

// Text for terminals: what a foreign API calls its jobs must not be able to move the cursor or to break the layout.

namespace telltale::inline TELLTALE_ABI::detail {

struct code_point {
    char32_t value = 0;
    std::size_t length = 1; // in bytes
    bool valid = false;
};

/// The first code point of a text that is not empty. Of invalid UTF-8, one byte.
inline code_point first_code_point(std::string_view text) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned lead = byte(0);
    if (lead < 0x80) return {lead, 1, true};
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
    char32_t value = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) return {};
        value = (value << 6U) | (byte(i) & 0x3FU);
    }
    constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    if (value < least[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) return {};
    return {value, length, true};
}

/// Whether it could do something to a terminal, or to the order of what stands beside it.
inline bool is_control(char32_t c) noexcept {
    static constexpr std::array<code_range, 7> controls{{{0, 0x1F},
                                                         {0x7F, 0x9F},
                                                         {0x61C, 0x61C},
                                                         {0x200E, 0x200F},
                                                         {0x2028, 0x202E},
                                                         {0x2066, 0x2069},
                                                         {0xFEFF, 0xFEFF}}};
    return is_in(controls, c);
}

inline std::size_t columns(std::string_view text) noexcept {
    std::size_t n = 0;
    for (; !text.empty();) {
        const code_point c = first_code_point(text);
        n += c.valid ? columns_of(c.value) : 1;
        text.remove_prefix(c.length);
    }
    return n;
}

/// What makes one picture of several characters: terminals do not agree on how wide that is, so each stands for itself.
constexpr bool is_joiner(char32_t c) noexcept { return c == 0x200D || (c >= 0xFE00 && c <= 0xFE0F); }

/// The text without anything that is not to be seen: controls and broken UTF-8 become '?', white space becomes a space,
/// and where the terminal has no UTF-8, all that is not ASCII becomes '?'.
inline std::string clean(std::string_view text, bool unicode) {
    std::string result;
    for (; !text.empty();) {
        const code_point c = first_code_point(text);
        const bool space = c.valid && (c.value == '\n' || c.value == '\t' || c.value == '\r');
        if (space)
            result += ' ';
        else if (!c.valid || is_control(c.value) || (!unicode && c.value > 0x7E))
            result += '?';
        else if (!is_joiner(c.value))
            result += text.substr(0, c.length);
        text.remove_prefix(c.length);
    }
    return result;
}

/// A clean text cut down to so many columns, with a mark where something is missing.
inline std::string cut(std::string_view text, std::size_t width, bool unicode) {
    if (columns(text) <= width) return std::string(text);
    if (width == 0) return {};
    std::string result;
    std::size_t used = 0;
    for (; !text.empty();) {
        const code_point c = first_code_point(text);
        const std::size_t n = c.valid ? columns_of(c.value) : 1;
        if (used + n > width - 1) break;
        used += n;
        result += text.substr(0, c.length);
        text.remove_prefix(c.length);
    }
    return result + (unicode ? "\u2026" : "~");
}

/// Of a line with colours, how many bytes are one character or one change of colour, which takes no columns.
inline std::size_t next_column(std::string_view line, std::size_t& columns) noexcept {
    columns = 0;
    if (line.front() == '\x1b') return std::min(line.size() - 1, line.find('m')) + 1;
    const code_point c = first_code_point(line);
    columns = c.valid ? columns_of(c.value) : 1;
    return c.length;
}

/// How many rows of a terminal of that width a line with colours takes that runs over its edge. A wide character that
/// does not fit at the end of a row begins the next.
inline std::size_t rows_of(std::string_view line, std::size_t width) noexcept {
    std::size_t rows = 1;
    std::size_t used = 0;
    while (!line.empty()) {
        std::size_t n = 0;
        line.remove_prefix(next_column(line, n));
        if (used + n > width && used > 0) {
            ++rows;
            used = 0;
        }
        used += n;
    }
    return rows;
}

/// A line with colours, without what does not fit; changes of colour stay.
inline std::string cut_coloured(std::string_view line, std::size_t width) {
    std::string result;
    std::size_t used = 0;
    while (!line.empty()) {
        std::size_t n = 0;
        const std::size_t length = next_column(line, n);
        used += n;
        if (n == 0 || used <= width) result += line.substr(0, length);
        line.remove_prefix(length);
    }
    return result;
}

/// The lines of a text, each clean; a line break at the end does not begin another.
inline std::vector<std::string> clean_lines(std::string_view text, bool unicode) {
    std::vector<std::string> lines;
    do {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        lines.push_back(clean(line, unicode));
        text.remove_prefix(std::min(end + 1, text.size()));
    } while (!text.empty());
    return lines;
}

/// A text cut down to so many columns, or filled up to them with spaces.
inline std::string fit(std::string_view text, std::size_t width, bool unicode) {
    std::string result = cut(text, width, unicode);
    result.append(width - std::min(width, columns(result)), ' ');
    return result;
}

template <class... Args>
std::string print(const char* format, Args... args) {
    std::array<char, 64> text{};
    const int n = std::snprintf(text.data(), text.size(), format, args...);
    return {text.data(), std::min(text.size() - 1, static_cast<std::size_t>(std::max(n, 0)))};
}

/// "0:12", "1:02:03", "2d 03h"; rounded up: what is left is never nothing.
inline std::string human_duration(std::chrono::duration<double> d) {
    if (!(d.count() < 3.2e10)) return "ages"; // a thousand years; also what is not a number
    const auto s = static_cast<long long>(std::ceil(std::max(0.0, d.count())));
    if (s >= 86'400) return print("%lldd %02lldh", s / 86'400, s % 86'400 / 3600);
    if (s >= 3600) return print("%lld:%02lld:%02lld", s / 3600, s % 3600 / 60, s % 60);
    return print("%lld:%02lld", s / 60, s % 60);
}

/// What has passed: rounded down.
inline std::string human_elapsed(std::chrono::duration<double> d) {
    return human_duration(std::chrono::duration<double>(std::floor(d.count())));
}

/// How long something took: "0.3 s", and from ten seconds on as above.
inline std::string human_took(std::chrono::duration<double> d) {
    return d.count() < 9.95 ? print("%.1f s", std::max(0.0, d.count())) : human_elapsed(d);
}

struct human_scale {
    double divisor = 1;
    const char* suffix = "";
};

/// In which a value is best read.
inline human_scale scale_for(double value, progress_unit unit) {
    const bool bytes = unit == progress_unit::bytes;
    static constexpr std::array<const char*, 7> binary{" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"};
    static constexpr std::array<const char*, 7> decimal{"", "k", "M", "G", "T", "P", "E"};
    human_scale scale{1, bytes ? binary[0] : decimal[0]};
    if (!bytes && std::abs(value) < 100'000) return scale;
    const double step = bytes ? 1024 : 1000;
    for (std::size_t i = 1; i < binary.size() && std::abs(value) >= scale.divisor * step; ++i)
        scale = {scale.divisor * step, bytes ? binary[i] : decimal[i]};
    return scale;
}

inline std::string human_number(double value, human_scale scale) {
    const double scaled = value / scale.divisor;
    const bool whole = scale.divisor == 1 ? scaled == std::floor(scaled) || scaled >= 100 : scaled >= 100;
    return print(whole ? "%.0f" : "%.1f", scaled);
}

/// "1.2 MiB", "12345", "3.4M", "0:12".
inline std::string human_amount(double value, progress_unit unit) {
    if (unit == progress_unit::seconds) return human_duration(std::chrono::duration<double>(value));
    const human_scale scale = scale_for(value, unit);
    return human_number(value, scale) + scale.suffix;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_PROGRESS_DETAIL_TEXT_HPP
