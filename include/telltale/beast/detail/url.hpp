// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_URL_HPP
#define TELLTALE_BEAST_DETAIL_URL_HPP

#include <telltale/beast/http_message.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI::detail {

/// The parts of an http URL.
struct http_url {
    std::string host;      ///< without the brackets of an IPv6 address
    std::string port;      ///< decimal, 1..65535
    std::string authority; ///< for the Host header: as written
    std::string target;    ///< path and query, at least "/"
};

/// Nothing for what is not "http://host[:port][/path][?query]": other schemes, user names, blanks, control characters.
inline std::optional<http_url> parse_http_url(std::string_view text) {
    constexpr std::string_view scheme = "http://";
    if (text.size() < scheme.size() || !iequals(text.substr(0, scheme.size()), scheme)) return std::nullopt;
    text.remove_prefix(scheme.size());
    text = text.substr(0, text.find('#'));
    if (std::any_of(text.begin(), text.end(), [](char c) { return c >= 0 && (c <= ' ' || c == 0x7F); }))
        return std::nullopt;
    const auto end = std::min(text.find_first_of("/?"), text.size());
    http_url url;
    const auto authority = text.substr(0, end);
    url.authority = authority;
    url.target = text.substr(end);
    if (url.target.empty() || url.target.front() != '/') url.target.insert(0, 1, '/');

    std::string_view rest;
    if (!authority.empty() && authority.front() == '[') {
        const auto close = authority.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        url.host = authority.substr(1, close - 1);
        rest = authority.substr(close + 1);
        if (!rest.empty() && rest.front() != ':') return std::nullopt;
    } else {
        const auto colon = std::min(authority.find(':'), authority.size());
        url.host = authority.substr(0, colon);
        rest = authority.substr(colon);
    }
    if (url.host.empty() || url.host.find_first_of("@[]\\\"<>") != std::string::npos) return std::nullopt;
    if (!rest.empty()) rest.remove_prefix(1);
    unsigned port = 80;
    if (!rest.empty()) {
        const auto [last, error] = std::from_chars(rest.data(), rest.data() + rest.size(), port);
        if (error != std::errc{} || last != rest.data() + rest.size() || port == 0 || port > 65535) return std::nullopt;
    }
    url.port = std::to_string(port);
    return url;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_URL_HPP
