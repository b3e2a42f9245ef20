// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_POLL_DETAIL_PLAIN_TEXT_HPP
#define TELLTALE_POLL_DETAIL_PLAIN_TEXT_HPP

#include <telltale/core/time.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI::detail {

/// "0 s", "250 ms", "1.5 s", "12 s", "3 min", "1 h 05 min", "2 d 3 h": rounded down. What is negative counts as 0.
inline std::string plain_duration(std::chrono::nanoseconds d) {
    const long long ms = std::max<long long>(std::chrono::floor<std::chrono::milliseconds>(d).count(), 0);
    const long long s = ms / 1000;
    char text[48];
    int n = 0;
    if (ms == 0 || (s >= 10 && s < 120) || (s > 0 && s < 10 && ms % 1000 < 100))
        n = std::snprintf(text, sizeof text, "%lld s", s);
    else if (s == 0)
        n = std::snprintf(text, sizeof text, "%lld ms", ms);
    else if (s < 10)
        n = std::snprintf(text, sizeof text, "%lld.%lld s", s, ms % 1000 / 100);
    else if (s < 3600)
        n = std::snprintf(text, sizeof text, "%lld min", s / 60);
    else if (s < 172'800 && s / 60 % 60 == 0)
        n = std::snprintf(text, sizeof text, "%lld h", s / 3600);
    else if (s < 172'800)
        n = std::snprintf(text, sizeof text, "%lld h %02lld min", s / 3600, s / 60 % 60);
    else if (s / 3600 % 24 == 0)
        n = std::snprintf(text, sizeof text, "%lld d", s / 86'400);
    else
        n = std::snprintf(text, sizeof text, "%lld d %lld h", s / 86'400, s / 3600 % 24);
    return {text, static_cast<std::size_t>(n)};
}

/// "14:02 UTC"; with the date in front where that is not today's.
inline std::string plain_time(timestamp t, timestamp now) {
    using std::chrono::days, std::chrono::floor;
    std::string text = to_rfc3339(t);
    text.resize(16); // 2026-11-21T14:02
    text[10] = ' ';
    return (floor<days>(t) == floor<days>(now) ? text.substr(11) : text) + " UTC";
}

/// A foreign text within a sentence: one line without control characters, of at most `most` bytes and a mark.
inline std::string plain_text(std::string_view text, std::size_t most = 200) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (result.size() >= most && (c & 0xC0U) != 0x80U) return result + "..."; // between two characters
        const bool second_set = c == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
        if (second_set) ++i; // U+0080 to U+009F
        result += c < 0x20 || c == 0x7F || second_set ? ' ' : static_cast<char>(c);
    }
    return result;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_POLL_DETAIL_PLAIN_TEXT_HPP
