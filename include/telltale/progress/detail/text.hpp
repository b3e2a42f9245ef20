// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_PROGRESS_DETAIL_TEXT_HPP
#define TELLTALE_PROGRESS_DETAIL_TEXT_HPP

#include <telltale/core/progress.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

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

struct code_range {
    char32_t first;
    char32_t last;
};

template <std::size_t N>
constexpr bool is_in(const std::array<code_range, N>& ranges, char32_t c) noexcept {
    return std::any_of(ranges.begin(), ranges.end(), [c](code_range r) { return c >= r.first && c <= r.last; });
}

/// How many columns of a terminal it takes: 0 to 2.
inline std::size_t columns_of(char32_t c) noexcept {
    static constexpr std::array<code_range, 6> none{
        {{0x300, 0x36F}, {0x1AB0, 0x1AFF}, {0x200B, 0x200D}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}}};
    static constexpr std::array<code_range, 11> wide{{{0x1100, 0x115F},
                                                      {0x2E80, 0x303E},
                                                      {0x3041, 0xA4CF},
                                                      {0xAC00, 0xD7A3},
                                                      {0xF900, 0xFAFF},
                                                      {0xFE30, 0xFE6F},
                                                      {0xFF00, 0xFF60},
                                                      {0xFFE0, 0xFFE6},
                                                      {0x1F300, 0x1F64F},
                                                      {0x1F900, 0x1F9FF},
                                                      {0x20000, 0x3FFFD}}};
    return is_in(none, c) ? 0 : is_in(wide, c) ? 2 : 1;
}

/// Whether it could do something to a terminal, or to the order of what stands beside it.
inline bool is_control(char32_t c) noexcept {
    static constexpr std::array<code_range, 6> controls{
        {{0, 0x1F}, {0x7F, 0x9F}, {0x200E, 0x200F}, {0x2028, 0x202E}, {0x2066, 0x2069}, {0xFEFF, 0xFEFF}}};
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
        else
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

/// The same, filled up with spaces.
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

/// "0:12", "1:02:03", "2d 03h".
inline std::string human_duration(std::chrono::duration<double> d) {
    if (!(d.count() < 3.2e10)) return "ages"; // a thousand years; also what is not a number
    const auto s = static_cast<long long>(std::ceil(std::max(0.0, d.count())));
    if (s >= 86'400) return print("%lldd %02lldh", s / 86'400, s % 86'400 / 3600);
    if (s >= 3600) return print("%lld:%02lld:%02lld", s / 3600, s % 3600 / 60, s % 60);
    return print("%lld:%02lld", s / 60, s % 60);
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
