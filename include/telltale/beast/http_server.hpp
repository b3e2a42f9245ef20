// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_HTTP_SERVER_HPP
#define TELLTALE_BEAST_HTTP_SERVER_HPP

#include <telltale/asio.hpp>
#include <telltale/beast/detail/tcp.hpp>
#include <telltale/beast/http_message.hpp>
#include <telltale/version.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Limits of an http_server. Sizes are in bytes; a duration must be positive.
struct http_server_options {
    std::size_t max_connections = 1024;              ///< one more gets 503; upgraded connections do not count
    std::size_t body_limit = 1U << 20U;              ///< of a request; larger ones get 413
    std::size_t header_limit = 16U << 10U;           ///< of a request; larger ones get 431
    std::chrono::milliseconds header_timeout{10000}; ///< from the first byte of a request to the end of its header
    std::chrono::milliseconds body_timeout{30000};   ///< for the whole body of a request
    std::chrono::milliseconds write_timeout{30000};  ///< for the client to take an answer
    std::chrono::milliseconds idle_timeout{60000};   ///< between two requests of a kept connection
};

/// Answers a request. Runs on the executor of the server; what it throws becomes 500 without details. It is cancelled
/// (terminal) when the server stops. A lambda that is itself a coroutine must not have captures (GCC 12): let it call a
/// named coroutine function.
using http_handler = std::function<net::awaitable<http_response>(http_request)>;

/// A request for an upgrade to WebSocket, and the connection that it came on.
struct http_upgrade {
    http_request request;
    tcp::socket socket;
};

using http_upgrade_handler = std::function<void(http_upgrade)>;

namespace detail {

/// What is behind an http_server.
class http_service {
public:
    TELLTALE_DECL static std::shared_ptr<http_service> create(net::any_io_executor ex, http_server_options options);
    virtual ~http_service() = default;
    virtual void listen(const tcp::endpoint& at, error_code& ec) = 0;
    virtual tcp::endpoint local_endpoint() const = 0;
    virtual void route(std::string method, std::string pattern, http_handler handler) = 0;
    virtual void on_upgrade(std::string path, http_upgrade_handler handler) = 0;
    virtual void stop() = 0;
    virtual std::size_t connections() const noexcept = 0;
};

} // namespace detail

/// An HTTP/1.1 server for an API and a few pages, with limits everywhere. Keep-alive, HEAD, HTTP/1.0 and
/// `Expect: 100-continue` are handled. Bodies are held in memory.
///
/// Malformed requests get 400, an unknown path 404, a known path with another method 405.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe; use it on its executor only (an io_context run by one thread, or a
/// strand). Handlers of different connections interleave there at their suspension points.
class http_server {
public:
    using executor_type = net::any_io_executor;

    explicit http_server(executor_type ex, http_server_options options = {})
        : service_(detail::http_service::create(std::move(ex), options)) {}
    http_server(const http_server&) = delete;
    http_server& operator=(const http_server&) = delete;

    /// Stops.
    ~http_server() { service_->stop(); }

    /// Binds and starts to accept; a port of 0 takes a free one. Fails with net::error::address_in_use when the port is
    /// taken.
    void listen(const tcp::endpoint& at, error_code& ec) { service_->listen(at, ec); }

    /// As above; throws system_error that names the endpoint.
    void listen(const tcp::endpoint& at) {
        error_code ec;
        service_->listen(at, ec);
        if (ec)
            throw system_error(ec, "cannot listen on " + at.address().to_string() + ":" + std::to_string(at.port()));
    }

    /// Where it listens.
    tcp::endpoint local_endpoint() const { return service_->local_endpoint(); }

    /// Answers requests of this method whose path matches. A segment of the pattern in braces matches any one segment
    /// ("/jobs/{id}"); a last segment "{*}" matches all the rest. The first route that matches wins; HEAD takes the route
    /// of GET when it has none of its own.
    http_server& route(std::string method, std::string pattern, http_handler handler) {
        service_->route(std::move(method), std::move(pattern), std::move(handler));
        return *this;
    }

    /// Hands requests for an upgrade of exactly this path to `handler`, with the connection.
    http_server& on_upgrade(std::string path, http_upgrade_handler handler) {
        service_->on_upgrade(std::move(path), std::move(handler));
        return *this;
    }

    /// Stops listening, cancels the handlers and closes all connections. Idempotent.
    void stop() { service_->stop(); }

    /// Connections that are open, upgraded ones excepted.
    std::size_t connections() const noexcept { return service_->connections(); }

private:
    std::shared_ptr<detail::http_service> service_;
};

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/beast/detail/http_server.ipp>
#endif

#endif // TELLTALE_BEAST_HTTP_SERVER_HPP
