// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_HTTP_REQUEST_RULES_HPP
#define TELLTALE_BEAST_DETAIL_HTTP_REQUEST_RULES_HPP

#include <telltale/beast/detail/http_message.hpp>
#include <telltale/beast/detail/proxy.hpp>
#include <telltale/beast/detail/url.hpp>
#include <telltale/beast/http_client_options.hpp>
#include <telltale/beast/http_credential.hpp>
#include <telltale/core/redaction.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What may be sent, how it is written, and what a redirect makes of it: no sockets here.

namespace telltale::inline TELLTALE_ABI::detail {

inline bool is_idempotent(const http_request& r) noexcept {
    const std::string_view m = r.method;
    return m == "GET" || m == "HEAD" || m == "PUT" || m == "DELETE" || m == "OPTIONS" || m == "TRACE";
}

inline bool sendable(const http_request& r) {
    if (r.credential && (!is_token(r.credential->header()) || !is_field_value(r.credential->value()))) return false;
    return is_token(r.method) && std::all_of(r.headers.begin(), r.headers.end(), [](const auto& h) {
               return is_token(h.first) && is_field_value(h.second);
           });
}

/// As it is on the wire; `proxy`: null, or through which it goes.
inline void write_request(std::string& out, const http_request& r, const http_url& url, const http_proxy* proxy,
                          const http_client_options& options) {
    out.clear();
    out.reserve(256 + url.after.size() + r.body.size());
    const std::string_view method = r.method;
    const auto add = [&out](std::string_view text) { out.append(text); };
    // Each begins with the end of the line before it.
    const auto add_field = [&](std::string_view name, std::string_view value) {
        add("\r\n");
        add(name);
        add(": ");
        add(value);
    };
    add(method);
    add(" ");
    const bool to_proxy = proxy && !url.secure;
    if (to_proxy) {
        add("http://");
        add(url.authority);
    }
    url.append_target(out);
    add(" HTTP/1.1");
    if (!find_field(r.headers, "Host")) add_field("Host", url.authority);
    if (!options.user_agent.empty() && !find_field(r.headers, "User-Agent"))
        add_field("User-Agent", options.user_agent);
    const http_credential* const credential = r.credential.get();
    if (credential) add_field(credential->header(), credential->value());
    if (to_proxy && !proxy->authorization.empty()) add_field("Proxy-Authorization", proxy->authorization);
    for (const auto& [name, value] : r.headers)
        if (!iequals(name, "Content-Length") && !iequals(name, "Transfer-Encoding") &&
            !(credential && iequals(name, credential->header())))
            add_field(name, value);
    if (!r.body.empty() || method == "POST" || method == "PUT" || method == "PATCH")
        add_field("Content-Length", std::to_string(r.body.size()));
    add("\r\n\r\n");
    add(r.body);
}

inline bool is_redirect(unsigned status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

inline bool is_safe(const http_request& r) noexcept { return r.method == "GET" || r.method == "HEAD"; }

inline bool may_follow(const http_request& r, unsigned status, const http_client_options& options) noexcept {
    return is_safe(r) || status == 303 || options.redirect_all_methods;
}

/// Whether another host is not to see this header.
inline bool stays_home(const std::string& name, const http_client_options& options) {
    const auto& more = options.secret_headers;
    return iequals(name, "Host") || is_secret_name(name) ||
           std::any_of(more.begin(), more.end(), [&](const std::string& s) { return iequals(s, name); });
}

/// Makes of a request to `url` that which the redirect asks for (RFC 9110, 15.4). `text` keeps the new URL; `been`: where
/// it was before.
inline error_code follow(http_request& r, http_url& url, std::string& text, std::vector<std::string>& been,
                         unsigned status, std::string_view location, const http_client_options& options) {
    std::string next = resolve_location(url, location);
    const auto to = parse_http_url(next);
    if (!to) return errc::malformed_url;
    if (url.secure && !to->secure) return errc::insecure_redirect;
    if (been.size() >= options.max_redirects) return errc::too_many_redirects;
    been.push_back(r.method + ' ' + url.with_target(url.target()));
    if (!is_safe(r) && (status == 303 || (r.method == "POST" && status <= 302))) {
        r.method = "GET";
        r.body.clear();
        std::erase_if(r.headers, [](const auto& h) { return iequals(h.first.substr(0, 8), "Content-"); });
    }
    if (std::find(been.begin(), been.end(), r.method + ' ' + to->with_target(to->target())) != been.end())
        return errc::redirect_loop;
    if (!same_origin(url, *to)) {
        r.credential = nullptr;
        std::erase_if(r.headers, [&](const auto& h) { return stays_home(h.first, options); });
    }
    text = std::move(next);
    url = *parse_http_url(text);
    return {};
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_HTTP_REQUEST_RULES_HPP
