// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_HTTP_CLIENT_HPP
#define TELLTALE_BEAST_HTTP_CLIENT_HPP

#include <telltale/asio.hpp>
#include <telltale/beast/detail/http_pool.hpp>
#include <telltale/beast/http_message.hpp>
#include <telltale/error.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Limits of an http_client. Sizes are in bytes; a duration must be positive.
struct http_client_options {
    std::chrono::steady_clock::duration connect_timeout = std::chrono::seconds(5); ///< resolving and connecting
    std::chrono::steady_clock::duration timeout = std::chrono::seconds(30);        ///< the whole request
    std::chrono::steady_clock::duration idle_timeout =
        std::chrono::seconds(60);                                 ///< a kept connection is not used after
    std::size_t body_limit = 8U << 20U;                           ///< of an answer
    std::size_t header_limit = 16U << 10U;                        ///< of an answer; at most 1 GiB
    std::size_t max_idle_per_host = 10;                           ///< connections kept open
    std::size_t max_idle = 100;                                   ///< connections kept open, all hosts
    std::string user_agent = "telltale/" TELLTALE_VERSION_STRING; ///< empty: none is sent
};

/// An HTTP/1.1 client that keeps connections open and uses them again. http:// only.
///
/// It starts no timer while no request is under way, so it never keeps a context running; kept connections that are too
/// old are closed at the next use, and all of them when the client is destroyed. How many requests run at once is up to
/// the caller (see semaphore). Redirects are not followed.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe; use it, and emit cancellation, on its executor only (an io_context run
/// by one thread, or a strand).
class http_client {
public:
    using executor_type = net::any_io_executor;

    explicit http_client(executor_type ex, http_client_options options = {})
        : executor_(ex), pool_(detail::http_pool::create(std::move(ex), std::move(options))) {}
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    /// Requests under way complete with operation_aborted.
    ~http_client() { pool_->close(); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Sends a request and reads the whole answer. Any status is a success here; look at `status`.
    ///
    /// A request with an idempotent method (GET, HEAD, PUT, DELETE, OPTIONS, TRACE) whose kept connection turns out to be
    /// closed before a byte of the answer came is sent once more, on a fresh connection.
    ///
    /// @par Completion signature
    /// void(error_code, http_response)
    /// @par Errors
    /// errc::malformed_url (also for https), errc::invalid_argument (a method or header that cannot be sent),
    /// errc::deadline_exceeded, errc::body_too_large (body or header over its limit), errc::malformed_http, net::error::eof
    /// (the answer was cut short), operation_aborted, and what resolving, connecting, reading and writing can give.
    /// @par Cancellation
    /// Every type; closes the connection in use. The request may have had its effect.
    template <class Token = default_token_t<executor_type>>
    auto async_request(http_request request, Token&& token = {}) {
        return detail::async_start<void(error_code, http_response)>(
            executor_,
            [pool = pool_, r = std::move(request)](auto&& handler, const executor_type& ex) mutable {
                detail::start_http_request(*pool, std::move(r), std::forward<decltype(handler)>(handler), ex);
            },
            std::forward<Token>(token));
    }

    /// GET. As async_request.
    template <class Token = default_token_t<executor_type>>
    auto async_get(std::string url, Token&& token = {}) {
        return async_request(http_request{"GET", std::move(url), {}, {}, {}}, std::forward<Token>(token));
    }

    /// How many connections are kept open at the moment.
    std::size_t idle_connections() const noexcept { return pool_->idle(); }

private:
    executor_type executor_;
    std::shared_ptr<detail::http_pool> pool_;
};

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/beast/detail/http_client.ipp>
#endif

#endif // TELLTALE_BEAST_HTTP_CLIENT_HPP
