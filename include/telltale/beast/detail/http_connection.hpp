// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_HTTP_CONNECTION_HPP
#define TELLTALE_BEAST_DETAIL_HTTP_CONNECTION_HPP

#include <telltale/beast/detail/bridge_error.hpp>
#include <telltale/beast/detail/http_parser.hpp>
#include <telltale/beast/detail/http_pool.hpp>
#include <telltale/beast/detail/proxy.hpp>
#include <telltale/beast/detail/tcp.hpp>
#include <telltale/beast/detail/tls.hpp>
#include <telltale/beast/detail/url.hpp>
#include <telltale/beast/detail/watchdog.hpp>
#include <telltale/beast/http_client_options.hpp>

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// What an error of Beast's parser is called here.
inline error_code http_error(const boost::system::error_code& ec) {
    using boost::beast::http::error;
    if (ec == error::body_limit || ec == error::header_limit || ec == error::buffer_overflow)
        return errc::body_too_large;
    if (ec == error::partial_message || ec == error::end_of_stream) return net::error::eof;
    return errc::malformed_http;
}

/// The end of a limit of time that begins now.
inline steady_time end_of_limit(steady_time now, std::chrono::steady_clock::duration limit) noexcept {
    return limit > steady_time::max() - now ? steady_time::max() : now + limit;
}

class http_exchange;
struct http_connection;

/// Where connections lead that may stand for each other: host, port, TLS, proxy.
struct http_host {
    std::vector<std::unique_ptr<http_connection>> idle{}; ///< the latest used at the end
    std::list<http_exchange*> line{};                     ///< who waits for a connection; then none is idle
    std::size_t open = 0;                                 ///< connections, idle and in use
    const std::string* key = nullptr;
};

struct http_connection {
    http_connection(const net::any_io_executor& ex, http_host& h) : socket(ex), host(&h) {}

    void close() noexcept {
        error_code ignored;
        socket.close(ignored);
    }

    /// Whether a kept connection is still open and silent.
    bool usable() {
        char byte = 0;
        error_code ec;
        socket.receive(net::buffer(&byte, 1), net::socket_base::message_peek, ec);
        return ec == net::error::would_block || ec == net::error::try_again;
    }

    template <class Handler>
    void read(std::size_t room, Handler handler) {
        if (tls)
            tls->async_read_some(in.prepare(room), std::move(handler));
        else
            socket.async_read_some(in.prepare(room), std::move(handler));
    }

    template <class Handler>
    void write(net::const_buffer some, Handler handler) {
        if (tls)
            tls->async_write_some(some, std::move(handler));
        else
            socket.async_write_some(some, std::move(handler));
    }

    tcp::socket socket;
    std::unique_ptr<tls_stream> tls{}; ///< over the socket
    receive_buffer in{};
    http_host* host; ///< for whose limit it counts; null: no longer
    steady_time idle_since{};
    bool used = false; ///< for a request before this one
};

class http_pool_impl final : public http_pool, public std::enable_shared_from_this<http_pool_impl> {
public:
    http_pool_impl(net::any_io_executor ex, http_client_options o)
        : executor(std::move(ex)),
          options(std::move(o)),
          watchdog_(executor, std::chrono::milliseconds(5), [this](steady_time now) { return look(now); }) {}

    std::shared_ptr<http_call> prepare(http_request&& request, download_sink&& sink) override;
    void close() override;
    std::size_t idle() const noexcept override { return idle_count_; }

    /// A connection, kept or new; or null: the exchange stands in line, and is granted one later. With `check_all` even one
    /// that was used just now is looked at.
    std::unique_ptr<http_connection> take(http_exchange& e, const std::string& key, bool check_all, steady_time now);
    /// A connection that goes on.
    void keep(std::unique_ptr<http_connection> connection);
    /// A connection that counts no longer; who waits gets its place.
    void give_up(http_connection& connection);
    /// The proxy for a URL, or null.
    const http_proxy* proxy_for(const http_url& url, error_code& ec);
    net::ssl::context* tls(error_code& ec);

    void add(http_exchange& e);
    void forget(http_exchange& e);
    void remove(http_exchange& e);
    void need(steady_time deadline) { watchdog_.need(deadline); }
    steady_time now() const { return watchdog_.now(); }
    bool closed() const noexcept { return closed_; }

    const net::any_io_executor executor;
    const http_client_options options;
    std::string key_memory{}; ///< for the key of whoever asks for a connection
    url_reader urls{};

private:
    inline steady_time look(steady_time now);
    std::unique_ptr<http_connection> open(http_host& h);
    void serve(http_host& h);
    void drop_old(steady_time now);

    std::vector<http_exchange*> exchanges_{};
    std::unordered_map<std::string, http_host> hosts_{};
    std::unique_ptr<net::ssl::context> tls_{};
    std::optional<http_proxy> http_proxy_{};
    std::optional<http_proxy> https_proxy_{};
    std::size_t idle_count_ = 0;
    bool resting_ = true; ///< a check whether the watchdog may rest is posted, or it rests
    bool closed_ = false;
    watchdog watchdog_;
};

} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_HTTP_CONNECTION_HPP
