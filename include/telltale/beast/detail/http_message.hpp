// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_HTTP_MESSAGE_HPP
#define TELLTALE_BEAST_DETAIL_HTTP_MESSAGE_HPP

#include <telltale/beast/http_message.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

constexpr char ascii_lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline bool iequals(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() &&
           std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

constexpr int hex_digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char l = ascii_lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

inline constexpr auto token_characters = [] {
    std::array<bool, 256> table{};
    for (const char c :
         std::string_view("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"))
        table[static_cast<unsigned char>(c)] = true;
    return table;
}();

/// A token of RFC 9110: what a method or the name of a field is made of.
inline bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(),
                                        [](char c) { return token_characters[static_cast<unsigned char>(c)]; });
}

/// No character that ends a line or a field.
inline bool is_field_value(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(), [](char c) { return c == '\t' || (c >= ' ' && c != 0x7F) || c < 0; });
}

/// Whether a list like "keep-alive, Upgrade" has this member.
inline bool list_has(std::string_view list, std::string_view wanted) noexcept {
    while (!list.empty()) {
        const auto comma = std::min(list.find(','), list.size());
        auto item = list.substr(0, comma);
        list.remove_prefix(std::min(comma + 1, list.size()));
        while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
        while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
        if (iequals(item, wanted)) return true;
    }
    return false;
}

/// Calls f(name, value), both still encoded, for each parameter of a query.
template <class Function>
void for_each_parameter(std::string_view url, Function f) {
    url = url.substr(0, url.find('#'));
    for (auto at = url.find('?'); at < url.size();) {
        ++at; // past the ? or &
        const auto end = std::min(url.find('&', at), url.size());
        const auto part = url.substr(at, end - at);
        at = end;
        if (part.empty()) continue;
        const auto equals = std::min(part.find('='), part.size());
        f(part.substr(0, equals), part.substr(std::min(equals + 1, part.size())));
    }
}

} // namespace detail

inline const std::string* find_field(const http_fields& fields, std::string_view name) noexcept {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const auto& f) { return detail::iequals(f.first, name); });
    return found == fields.end() ? nullptr : &found->second;
}

inline std::string percent_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size()) {
            const int high = detail::hex_digit(text[i + 1]);
            const int low = detail::hex_digit(text[i + 2]);
            if (high >= 0 && low >= 0) {
                out += static_cast<char>(high * 16 + low);
                i += 2;
                continue;
            }
        }
        out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
    return out;
}

inline std::string_view http_request::path() const noexcept {
    std::string_view rest = url;
    if (const auto scheme = rest.find("://"); scheme != std::string_view::npos && scheme < rest.find('/')) {
        rest.remove_prefix(scheme + 3);
        const auto slash = rest.find_first_of("/?#");
        rest.remove_prefix(std::min(slash, rest.size()));
    }
    rest = rest.substr(0, rest.find_first_of("?#"));
    return rest.empty() ? std::string_view("/") : rest;
}

inline std::optional<std::string> http_request::query(std::string_view name) const {
    std::optional<std::string> result;
    detail::for_each_parameter(url, [&](std::string_view key, std::string_view value) {
        if (!result && percent_decode(key, true) == name) result = percent_decode(value, true);
    });
    return result;
}

inline std::string_view http_request::param(std::string_view name) const noexcept {
    for (const auto& [key, value] : params)
        if (key == name) return value;
    return {};
}

inline std::string_view http_response::header(std::string_view name) const noexcept {
    const auto* const found = find_field(headers, name);
    return found ? std::string_view(*found) : std::string_view();
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BEAST_DETAIL_HTTP_MESSAGE_HPP
