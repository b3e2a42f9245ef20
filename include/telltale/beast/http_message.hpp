// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_HTTP_MESSAGE_HPP
#define TELLTALE_BEAST_HTTP_MESSAGE_HPP

#include <telltale/version.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// Header fields in the order of the wire. Names compare without case.
using http_fields = std::vector<std::pair<std::string, std::string>>;

/// The value of the first field of this name, or null.
inline const std::string* find_field(const http_fields& fields, std::string_view name) noexcept;

/// Text with %XX decoded (and, in a query, + as a space); a broken escape stays as it is.
inline std::string percent_decode(std::string_view text, bool plus_is_space = false);

class http_credential;

/// A request: to send (http_client) or received (http_server).
struct http_request {
    std::string method = "GET";
    std::string url{};     ///< to send: "https://host[:port]/path?query"; received: the target, "/path?query"
    http_fields headers{}; ///< to send: Host, Content-Length and Connection are added
    std::string body{};
    http_fields params{};                          ///< received: what the {names} of the route matched, decoded
    std::shared_ptr<http_credential> credential{}; ///< to send: who asks (http_credential.hpp); null: nobody

    /// The path of `url`, as it is on the wire.
    std::string_view path() const noexcept;
    /// The decoded value of a parameter of the query, if it is there.
    std::optional<std::string> query(std::string_view name) const;
    /// The decoded value of a {name} of the route; empty if there is none.
    std::string_view param(std::string_view name) const noexcept;
};

/// An answer: received (http_client) or to send (http_server).
struct http_response {
    unsigned status = 200;
    http_fields headers{}; ///< to send: Content-Length, Connection and Date are added
    std::string body{};

    /// The value of the first header of this name; empty if there is none.
    std::string_view header(std::string_view name) const noexcept;
};

/// A response with one Content-Type.
inline http_response make_response(unsigned status, std::string content_type, std::string body) {
    http_response r;
    r.status = status;
    r.headers.emplace_back("Content-Type", std::move(content_type));
    r.body = std::move(body);
    return r;
}

/// application/json.
inline http_response json_response(unsigned status, std::string json) {
    return make_response(status, "application/json", std::move(json));
}

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/beast/detail/http_message.hpp>

#endif // TELLTALE_BEAST_HTTP_MESSAGE_HPP
