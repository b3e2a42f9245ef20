// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DASHBOARD_DETAIL_STATIC_PAGE_HPP
#define TELLTALE_DASHBOARD_DETAIL_STATIC_PAGE_HPP

#include <telltale/beast/broadcaster.hpp>
#include <telltale/beast/http_server.hpp>
#include <telltale/dashboard/access.hpp>
#include <telltale/dashboard/detail/board_api.hpp>
#include <telltale/dashboard/page.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace telltale::inline TELLTALE_ABI::detail {

/// A file of the page, or 304 where the browser has it already.
inline http_response page_response(const page_file& file, const http_request& request) {
    const std::string* const known = find_field(request.headers, "If-None-Match");
    http_response r;
    if (known && (*known == "*" || list_has(*known, file.etag)))
        r.status = 304;
    else
        r = make_response(200, std::string(file.content_type), std::string(file.body));
    r.headers.emplace_back("ETag", file.etag);
    r.headers.emplace_back("Cache-Control", "no-cache"); // keep, but ask
    r.headers.emplace_back("Content-Security-Policy", page_content_security_policy);
    r.headers.emplace_back("X-Content-Type-Options", "nosniff");
    r.headers.emplace_back("Referrer-Policy", "no-referrer");
    r.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
    return r;
}

inline void add_page(http_server& server, const std::shared_ptr<const access_rules>& access) {
    const auto add = [&](std::string path, const page_file& file) {
        server.route("GET", std::move(path), [access, &file](http_request request) {
            return ready(access->allows(request) ? page_response(file, request) : forbidden());
        });
    };
    for (const page_file& file : page_files) add(std::string(file.path), file);
    add("/index.html", *find_page_file("/"));
}

/// Lets only those connect whom the rules let, and then whoever decides besides.
inline broadcaster_options guarded(broadcaster_options options, std::shared_ptr<const access_rules> access) {
    options.allow = [access = std::move(access), also = std::move(options.allow)](const http_request& request) {
        return access->allows_host(request) && access->allows_origin(request) && (!also || also(request));
    };
    return options;
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_DASHBOARD_DETAIL_STATIC_PAGE_HPP
