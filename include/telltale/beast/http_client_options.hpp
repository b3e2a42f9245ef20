// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_HTTP_CLIENT_OPTIONS_HPP
#define TELLTALE_BEAST_HTTP_CLIENT_OPTIONS_HPP

#include <telltale/version.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace telltale::inline TELLTALE_ABI {

/// TLS of an http_client: 1.2 or newer, with the server's name sent (SNI) and its certificate verified. Files are PEM, and
/// are read when the first https:// request is made.
struct tls_options {
    std::string ca_file{};          ///< trusted, and then the system's authorities are not; may hold several
    std::string ca_path{};          ///< likewise, a folder as `openssl rehash` makes it
    std::string certificate_file{}; ///< the client's own, with its chain; empty: none is shown
    std::string key_file{};         ///< of that certificate; empty: it is in certificate_file
    std::string key_password{};
    /// Takes any certificate for any host: whoever is on the way can read and change everything. Not for production.
    bool dangerously_skip_verification = false;
};

/// Through whom an http_client sends. A proxy is "http://[user:password@]host[:port]"; empty: none.
struct proxy_options {
    std::string http{};  ///< for http:// requests, which it is told whole
    std::string https{}; ///< for https:// requests, through a tunnel (CONNECT) of which it knows host and port only
    /// Hosts that are reached directly: "example.com" and ".example.com" are it and all below it, "10.1.2.3" an address,
    /// "host:8080" one port only, "*" everything.
    std::vector<std::string> no_proxy{};
};

/// What http_proxy, https_proxy, all_proxy and no_proxy say, also in capitals (but for HTTP_PROXY, which in a CGI program
/// is a header of the request). Nothing else in telltale looks at the environment.
inline proxy_options proxy_from_environment();

/// Limits and ways of an http_client. Sizes are in bytes; a duration must be positive, `no_limit` switches it off.
struct http_client_options {
    using duration = std::chrono::steady_clock::duration;
    static constexpr duration no_limit = duration::max();

    duration connect_timeout = std::chrono::seconds(5);   ///< resolving, connecting, and a proxy's consent
    duration handshake_timeout = std::chrono::seconds(5); ///< of TLS
    duration header_timeout = std::chrono::seconds(30); ///< from the request until the header of the answer is complete
    duration body_timeout = std::chrono::seconds(30);   ///< from then to the end; not of a download
    duration timeout = std::chrono::seconds(30);        ///< the whole request with its redirects; not of a download
    duration download_timeout = no_limit;               ///< likewise, of a download
    /// At least `stall_bytes` of the body come in so long, or it is over; noticed after at most twice the time.
    duration stall_timeout = std::chrono::seconds(20);
    std::size_t stall_bytes = 1;

    duration idle_timeout = std::chrono::seconds(60); ///< a kept connection is not used after
    std::size_t body_limit = 8U << 20U;               ///< of an answer in memory
    std::uint64_t download_limit = UINT64_MAX;        ///< of a download
    std::size_t header_limit = 16U << 10U;            ///< of an answer; at most 1 GiB
    std::size_t max_connections_per_host = 100;       ///< in use and kept; at least 1; more requests wait, in order
    std::size_t max_idle_per_host = 10;               ///< connections kept open
    std::size_t max_idle = 100;                       ///< connections kept open, all hosts
    std::string user_agent = "telltale/" TELLTALE_VERSION_STRING; ///< empty: none is sent

    /// Redirects that are followed for one request, 0: none. GET and HEAD are, and after a 303 any method goes on as GET;
    /// other methods are handed the 301, 302, 307 or 308 itself.
    unsigned max_redirects = 5;
    /// Other methods follow, too: 307 and 308 as they are, 301 and 302 as GET if it was POST.
    bool redirect_all_methods = false;
    /// Headers that stay with the host that they were meant for, besides those that is_secret_name() knows.
    std::vector<std::string> secret_headers{};

    tls_options tls{};
    proxy_options proxy{}; ///< see proxy_from_environment()
};

} // namespace telltale::inline TELLTALE_ABI

#include <telltale/beast/detail/proxy.hpp>

#endif // TELLTALE_BEAST_HTTP_CLIENT_OPTIONS_HPP
