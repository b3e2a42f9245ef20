// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DASHBOARD_DETAIL_ACCESS_HPP
#define TELLTALE_DASHBOARD_DETAIL_ACCESS_HPP

#include <telltale/beast/http_message.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// The name or address in "name", "name:80", "[::1]:80".
inline std::string_view without_port(std::string_view host) noexcept {
    if (!host.empty() && host.front() == '[') {
        const std::size_t close = host.find(']');
        return close == std::string_view::npos ? host : host.substr(0, close + 1);
    }
    return host.substr(0, host.find(':'));
}

/// Whether a name is an IP address ("127.0.0.1", "[::1]") or localhost. Names of digits and dots alone are addresses: no
/// top-level domain is a number.
inline bool is_own_name(std::string_view name) noexcept {
    if (name.empty()) return false;
    if (iequals(name, "localhost")) return true;
    if (name.front() == '[') return name.back() == ']';
    return std::all_of(name.begin(), name.end(), [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

inline std::string_view without_suffix(std::string_view text, std::string_view suffix) noexcept {
    return text.ends_with(suffix) ? text.substr(0, text.size() - suffix.size()) : text;
}

/// Whether an Origin ("http://host:port") is the site that a Host header ("host:port") names; the scheme's own port may be
/// left out in either. "null" is no site.
inline bool is_same_site(std::string_view origin, std::string_view host) noexcept {
    for (const auto& [scheme, port] : {std::pair<std::string_view, std::string_view>{"http://", ":80"},
                                       std::pair<std::string_view, std::string_view>{"https://", ":443"}}) {
        if (origin.size() <= scheme.size() || !iequals(origin.substr(0, scheme.size()), scheme)) continue;
        return iequals(without_suffix(origin.substr(scheme.size()), port), without_suffix(host, port));
    }
    return false;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DASHBOARD_DETAIL_ACCESS_HPP
