// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_CORE_DETAIL_TEXT_MATCH_HPP
#define TELLTALE_CORE_DETAIL_TEXT_MATCH_HPP

#include <telltale/version.hpp>

#include <cstddef>
#include <string_view>

namespace telltale::inline TELLTALE_ABI::detail {

constexpr char folded(char c) noexcept {
    if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
    return c == '_' || c == '-' ? ' ' : c;
}

constexpr bool is_word_part(char c) noexcept {
    const char f = folded(c);
    return (f >= 'a' && f <= 'z') || (f >= '0' && f <= '9') || static_cast<unsigned char>(f) >= 0x80;
}

/// Whether `what`, not empty, is in `text`, see text_rule. ASCII: what is beyond is compared byte by byte.
constexpr bool text_contains(std::string_view text, std::string_view what, bool whole_word) noexcept {
    for (std::size_t i = 0; i + what.size() <= text.size(); ++i) {
        std::size_t n = 0;
        while (n < what.size() && folded(text[i + n]) == folded(what[n])) ++n;
        if (n < what.size()) continue;
        if (!whole_word) return true;
        const bool begins = i == 0 || !is_word_part(text[i - 1]);
        const bool ends = i + n == text.size() || !is_word_part(text[i + n]);
        if (begins && ends) return true;
    }
    return false;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_CORE_DETAIL_TEXT_MATCH_HPP
