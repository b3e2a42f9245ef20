// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_URL_HPP
#define TELLTALE_BEAST_DETAIL_URL_HPP

#include <telltale/beast/http_message.hpp>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace telltale::inline TELLTALE_ABI::detail {

/// The parts of an http or https URL, in its text.
struct http_url {
    bool secure = false;
    std::string_view host{};      ///< without the brackets of an IPv6 address
    std::string_view port{};      ///< decimal, 1..65535
    std::string_view authority{}; ///< for the Host header: as written
    std::string_view after{};     ///< what follows it: a path, a query, both or nothing

    /// Path and query, at least "/".
    std::string target() const { return std::string(is_rooted() ? "" : "/").append(after); }
    void append_target(std::string& out) const {
        if (!is_rooted()) out += '/';
        out.append(after);
    }

    /// The URL of another target there.
    std::string with_target(std::string_view other) const {
        return std::string(secure ? "https://" : "http://").append(authority).append(other);
    }

private:
    bool is_rooted() const noexcept { return !after.empty() && after.front() == '/'; }
};

/// Blanks or control characters.
inline bool has_blanks(std::string_view text) noexcept {
    return std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c <= ' ') || c == 0x7F; });
}

/// Nothing for what is not "http[s]://host[:port][/path][?query]": other schemes, user names, blanks, control characters.
inline std::optional<http_url> parse_http_url(std::string_view text) {
    http_url url;
    const auto scheme = text.substr(0, text.find("://"));
    url.secure = iequals(scheme, "https");
    if (scheme.size() == text.size() || (!url.secure && !iequals(scheme, "http"))) return std::nullopt;
    text.remove_prefix(scheme.size() + 3);
    // By hand, for this is done for every request.
    std::size_t end = 0;
    while (end < text.size() && text[end] != '/' && text[end] != '?' && text[end] != '#') ++end;
    text = text.substr(0, text.find('#', end));
    if (has_blanks(text)) return std::nullopt;
    const auto authority = text.substr(0, end);
    url.authority = authority;
    url.after = text.substr(end);

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
    if (url.host.empty() || std::any_of(url.host.begin(), url.host.end(), [](char c) {
            return c == '@' || c == '[' || c == ']' || c == '\\' || c == '"' || c == '<' || c == '>' || c == '|';
        }))
        return std::nullopt;
    if (!rest.empty()) rest.remove_prefix(1);
    if (rest.empty()) {
        url.port = url.secure ? "443" : "80";
        return url;
    }
    unsigned port = 0;
    const auto [last, error] = std::from_chars(rest.data(), rest.data() + rest.size(), port);
    if (error != std::errc{} || last != rest.data() + rest.size() || port == 0 || port > 65535) return std::nullopt;
    url.port = rest.substr(rest.find_first_not_of('0'));
    return url;
}

/// Reads URLs of which most lead where the one before led: only what follows the authority is looked at then.
class url_reader {
public:
    /// As parse_http_url.
    std::optional<http_url> read(std::string_view text) {
        if (origin_.empty() || !text.starts_with(origin_) ||
            (text.size() > origin_.size() && text[origin_.size()] != '/')) {
            const auto url = parse_http_url(text);
            origin_ = url ? text.substr(0, static_cast<std::size_t>(url->authority.end() - text.begin())) : "";
            if (url) known_ = moved(*url, text, origin_);
            return url;
        }
        http_url url = moved(known_, origin_, text);
        url.after = text.substr(origin_.size(), text.find('#', origin_.size()) - origin_.size());
        if (has_blanks(url.after)) return std::nullopt;
        return url;
    }

private:
    // What is in `from`, at the same place in `to`.
    static http_url moved(http_url url, std::string_view from, std::string_view to) {
        for (auto* const part : {&url.host, &url.port, &url.authority})
            if (!std::less<>{}(part->data(), from.data()) && std::less<>{}(part->data(), from.data() + from.size()))
                *part = to.substr(static_cast<std::size_t>(part->data() - from.data()), part->size());
        return url;
    }

    std::string origin_{}; ///< "http://host:port"
    http_url known_{};     ///< of that
};

/// "/a/b/../c/./d" is "/a/c/d" (RFC 3986, section 5.2.4).
inline std::string without_dots(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        const auto end = std::min(path.find('/', 1), path.size());
        const auto segment = path.substr(0, end);
        path.remove_prefix(end);
        if (segment == "/." || segment == "/..") {
            if (segment == "/..") out.resize(std::min(out.rfind('/'), out.size()));
            if (path.empty()) out += '/';
        } else {
            out.append(segment);
        }
    }
    return out.empty() ? "/" : out;
}

/// Where a Location leads from `base`: an absolute URL, which need not be a good one.
inline std::string resolve_location(const http_url& base, std::string_view location) {
    location = location.substr(0, location.find('#'));
    const auto first_path = std::min(location.find_first_of("/?"), location.size());
    if (const auto colon = location.substr(0, first_path).find(':'); colon != std::string_view::npos)
        return std::string(location); // has a scheme of its own
    if (location.starts_with("//")) return (base.secure ? "https:" : "http:") + std::string(location);
    const std::string base_target = base.target();
    const std::string_view base_path = std::string_view(base_target).substr(0, base_target.find('?'));
    const auto question = std::min(location.find('?'), location.size());
    const std::string_view path = location.substr(0, question);
    std::string target;
    if (path.empty()) {
        target = question == location.size() ? base_target : std::string(base_path);
    } else if (path.front() == '/') {
        target = without_dots(path);
    } else {
        target = without_dots(std::string(base_path.substr(0, base_path.rfind('/') + 1)).append(path));
    }
    target.append(location.substr(question));
    return base.with_target(target);
}

/// Whether what is meant for `from` may be sent to `to`, too: the same host, and not less secure. The step from http to
/// https on the ports that are theirs stays with the host.
inline bool same_origin(const http_url& from, const http_url& to) noexcept {
    if (!iequals(from.host, to.host)) return false;
    if (from.secure == to.secure) return from.port == to.port;
    return to.secure && from.port == "80" && to.port == "443";
}

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_URL_HPP
