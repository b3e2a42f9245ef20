// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DASHBOARD_ACCESS_HPP
#define TELLTALE_DASHBOARD_ACCESS_HPP

#include <telltale/beast/http_message.hpp>
#include <telltale/dashboard/detail/access.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Who may talk to a server that a browser of the same machine can reach. It keeps other web sites out, which is what a
/// server on the loopback interface needs; it does not tell people apart: put a proxy that does in front, or stay local.
struct access_rules {
    /// Names under which the server may be addressed (the Host header, without port). An IP address and `localhost` always
    /// are: no web site can make its own name out of these. Any other name must be here, against DNS rebinding.
    std::vector<std::string> hosts{};
    /// Web sites, as in the Origin header ("https://ops.example.org"), whose pages may send commands and open the
    /// WebSocket, besides the server's own.
    std::vector<std::string> origins{};

    /// Whether the request is addressed to a name of this server. For every request.
    bool allows_host(const http_request& request) const {
        const std::string* const host = find_field(request.headers, "Host");
        if (!host) return false;
        const std::string_view name = detail::without_port(*host);
        return detail::is_own_name(name) ||
               std::any_of(hosts.begin(), hosts.end(), [&](const auto& h) { return detail::iequals(h, name); });
    }

    /// Whether the page that sends the request, if one does, is the server's own or one of `origins`. For whatever changes
    /// something, and for upgrades. Browsers always send Origin with these; programs that are no browsers need none.
    bool allows_origin(const http_request& request) const {
        const std::string* const origin = find_field(request.headers, "Origin");
        if (!origin) return true;
        if (std::any_of(origins.begin(), origins.end(), [&](const auto& o) { return detail::iequals(o, *origin); }))
            return true;
        const std::string* const host = find_field(request.headers, "Host");
        return host && detail::is_same_site(*origin, *host);
    }

    /// Both, as the method of the request needs them.
    bool allows(const http_request& request) const {
        const bool reads = request.method == "GET" || request.method == "HEAD";
        return allows_host(request) && (reads || allows_origin(request));
    }
};

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_DASHBOARD_ACCESS_HPP
