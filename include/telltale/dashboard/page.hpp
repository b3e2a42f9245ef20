// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_DASHBOARD_PAGE_HPP
#define TELLTALE_DASHBOARD_PAGE_HPP

#include <array>
#include <cstddef>
#include <string_view>
#include <telltale/dashboard/detail/page_files.hpp>
#include <telltale/version.hpp>

namespace telltale::inline TELLTALE_ABI {

/// One file of the dashboard's page. The views last as long as the program.
struct page_file {
    std::string_view path;         ///< as in a request target, such as "/app.js"
    std::string_view content_type; ///< for Content-Type
    std::string_view etag;         ///< for ETag, with its quotes; changes with the body
    std::string_view body;         ///< UTF-8
};

namespace detail {

template <std::size_t Type, std::size_t Tag, std::size_t Body>
constexpr page_file make_page_file(std::string_view path, const char (&type)[Type], const char (&etag)[Tag],
                                   const char (&body)[Body]) noexcept {
    return {path, {type, Type - 1}, {etag, Tag - 1}, {body, Body - 1}};
}

} // namespace detail

/// Every file of the page. It is plain HTML, CSS and JavaScript, loads nothing from elsewhere, and refers to its files,
/// to `api/` and to `ws` relative to where it is served, so that it works under a path prefix too.
inline constexpr std::array<page_file, 4> page_files{
    detail::make_page_file("/", detail::page_index_html_type, detail::page_index_html_etag, detail::page_index_html),
    detail::make_page_file("/app.js", detail::page_app_js_type, detail::page_app_js_etag, detail::page_app_js),
    detail::make_page_file("/style.css", detail::page_style_css_type, detail::page_style_css_etag,
                           detail::page_style_css),
    detail::make_page_file("/icon.svg", detail::page_icon_svg_type, detail::page_icon_svg_etag, detail::page_icon_svg),
};

/// The Content-Security-Policy that the page is written for; send it with every file of the page.
inline constexpr std::string_view page_content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'";

/// The file that is served at `path` ("/index.html" is "/"), or nullptr. `path` is without query. Any thread.
constexpr const page_file* find_page_file(std::string_view path) noexcept {
    if (path == "/index.html") {
        path = "/";
    }
    for (const page_file& file : page_files) {
        if (file.path == path) {
            return &file;
        }
    }
    return nullptr;
}

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_DASHBOARD_PAGE_HPP
