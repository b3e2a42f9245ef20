// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_PROXY_HPP
#define TELLTALE_BEAST_DETAIL_PROXY_HPP

#include <telltale/beast/detail/url.hpp>
#include <telltale/beast/http_client_options.hpp>
#include <telltale/beast/http_message.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI {

namespace detail {

/// RFC 4648, with padding.
inline std::string base64(std::string_view data) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    out.reserve((data.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < data.size(); i += 3) {
        const auto byte = [&](std::size_t k) {
            return i + k < data.size() ? static_cast<unsigned>(static_cast<unsigned char>(data[i + k])) : 0U;
        };
        const unsigned bits = byte(0) << 16U | byte(1) << 8U | byte(2);
        out += digits[bits >> 18U];
        out += digits[bits >> 12U & 63U];
        out += i + 1 < data.size() ? digits[bits >> 6U & 63U] : '=';
        out += i + 2 < data.size() ? digits[bits & 63U] : '=';
    }
    return out;
}

inline std::string basic_authorization(std::string_view user, std::string_view password) {
    return "Basic " + base64(std::string(user).append(":").append(password));
}

/// A proxy as it is connected to.
struct http_proxy {
    std::string host;
    std::string port;
    std::string authorization; ///< the value of Proxy-Authorization; empty: none
};

/// Nothing for what is not "[http://][user[:password]@]host[:port][/]".
inline std::optional<http_proxy> parse_proxy(std::string_view text) {
    std::string url(text);
    if (text.find("://") == std::string_view::npos) url.insert(0, "http://");
    http_proxy proxy;
    const auto begin = url.find("://") + 3;
    const auto end = std::min(url.find_first_of("/?#", begin), url.size());
    if (const auto at = url.substr(0, end).rfind('@'); at != std::string::npos && at >= begin) {
        const auto user = url.substr(begin, at - begin);
        const auto colon = std::min(user.find(':'), user.size());
        proxy.authorization =
            basic_authorization(percent_decode(std::string_view(user).substr(0, colon)),
                                percent_decode(std::string_view(user).substr(std::min(colon + 1, user.size()))));
        url.erase(begin, at + 1 - begin);
    }
    auto parsed = parse_http_url(url);
    if (!parsed || parsed->secure || parsed->target() != "/") return std::nullopt;
    proxy.host = parsed->host;
    proxy.port = parsed->port;
    return proxy;
}

/// Whether one entry of no_proxy means this host.
inline bool bypasses(std::string_view entry, const http_url& url) {
    while (!entry.empty() && entry.front() == ' ') entry.remove_prefix(1);
    while (!entry.empty() && entry.back() == ' ') entry.remove_suffix(1);
    if (entry == "*") return true;
    const auto close = entry.rfind(']');
    const auto colon = entry.rfind(':');
    const bool has_port =
        colon != std::string_view::npos && (close == std::string_view::npos ? entry.find(':') == colon : colon > close);
    if (has_port) {
        if (entry.substr(colon + 1) != url.port) return false;
        entry = entry.substr(0, colon);
    }
    if (entry.size() > 1 && entry.front() == '[' && entry.back() == ']') entry = entry.substr(1, entry.size() - 2);
    if (!entry.empty() && entry.front() == '*') entry.remove_prefix(1);
    if (!entry.empty() && entry.front() == '.') entry.remove_prefix(1);
    if (entry.empty() || url.host.size() < entry.size()) return false;
    const std::string_view host = url.host;
    const auto before = host.size() - entry.size();
    return iequals(host.substr(before), entry) && (before == 0 || host[before - 1] == '.');
}

inline std::string proxy_variable(const char* name) {
    const char* const value = std::getenv(name);
    return value ? value : "";
}

inline std::string proxy_variable(const char* name, const char* capitals) {
    auto value = proxy_variable(name);
    return value.empty() ? proxy_variable(capitals) : value;
}

} // namespace detail

inline proxy_options proxy_from_environment() {
    const auto all = detail::proxy_variable("all_proxy", "ALL_PROXY");
    proxy_options o;
    o.http = detail::proxy_variable("http_proxy");
    if (o.http.empty()) o.http = all;
    o.https = detail::proxy_variable("https_proxy", "HTTPS_PROXY");
    if (o.https.empty()) o.https = all;
    const auto none = detail::proxy_variable("no_proxy", "NO_PROXY");
    for (std::size_t begin = 0; begin < none.size();) {
        const auto end = std::min(none.find(',', begin), none.size());
        if (end > begin) o.no_proxy.push_back(none.substr(begin, end - begin));
        begin = end + 1;
    }
    return o;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BEAST_DETAIL_PROXY_HPP
