// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_HTTP_CLIENT_HPP
#define TELLTALE_BEAST_HTTP_CLIENT_HPP

#include <telltale/asio.hpp>
#include <telltale/beast/detail/http_pool.hpp>
#include <telltale/beast/http_client_options.hpp>
#include <telltale/beast/http_credential.hpp>
#include <telltale/beast/http_message.hpp>
#include <telltale/error.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// An HTTP/1.1 client, of http:// and https://, that keeps connections open and uses them again.
///
/// It starts no timer while no request is under way, so it never keeps a context running; kept connections that are too
/// old are closed at the next use, and all of them when the client is destroyed. How many requests run at once is up to
/// the caller (see semaphore), but for `max_connections_per_host`: requests beyond that wait, first come, first served.
///
/// No error code, and nothing that it throws, holds a URL, a header or a body: secrets stay where they are.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe; use it, and emit cancellation, on its executor only (an io_context run
/// by one thread, or a strand).
class http_client {
public:
    using executor_type = net::any_io_executor;

    explicit http_client(executor_type ex) : http_client(std::move(ex), http_client_options{}) {}

    /// Name the options before a co_await: GCC 12 destroys an aggregate temporary inside such an expression twice.
    http_client(executor_type ex, http_client_options options)
        : executor_(ex), pool_(detail::http_pool::create(std::move(ex), std::move(options))) {}
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;

    /// Requests under way complete with operation_aborted.
    ~http_client() { pool_->close(); }

    executor_type get_executor() const noexcept { return executor_; }

    /// Sends a request and reads the whole answer. Any status is a success here; look at `status`.
    ///
    /// A request with an idempotent method (GET, HEAD, PUT, DELETE, OPTIONS, TRACE) whose kept connection turns out to be
    /// closed before a byte of the answer came is sent once more, on a fresh connection. One whose credential can be
    /// refreshed is sent once more after a 401. Redirects: http_client_options::max_redirects; what comes back is the last
    /// answer.
    ///
    /// @par Completion signature
    /// void(error_code, http_response)
    /// @par Errors
    /// errc::malformed_url (of the request, of a proxy, or in a redirect), errc::invalid_argument (a method or header that
    /// cannot be sent), errc::deadline_exceeded (any of the limits of time), errc::body_too_large (body or header over its
    /// limit), errc::malformed_http, net::error::eof (the answer was cut short), operation_aborted, and what resolving,
    /// connecting, reading and writing can give. TLS: condition::untrusted with the reason in the message, else what OpenSSL
    /// says, also about the files of tls_options. errc::too_many_redirects, errc::redirect_loop, errc::insecure_redirect;
    /// errc::proxy_refused; what a token_provider threw, or errc::no_token.
    /// @par Cancellation
    /// Every type; closes the connection in use. The request may have had its effect.
    template <class Token = default_token_t<executor_type>>
    auto async_request(http_request request, Token&& token = {}) {
        return start(std::move(request), {}, std::forward<Token>(token));
    }

    /// GET. As async_request.
    template <class Token = default_token_t<executor_type>>
    auto async_get(std::string url, Token&& token = {}) {
        http_request request;
        request.url = std::move(url);
        return async_request(std::move(request), std::forward<Token>(token));
    }

    /// Sends a request and hands the body of a 2xx answer to `sink` as it comes, in bounded memory; what comes back is the
    /// answer without it. The body of any other answer, which is no result but says why, is in the answer, up to
    /// `body_limit`. Else as async_request; the limits are download_timeout and download_limit, and stall_timeout. When it
    /// fails, the sink may have had a part of the body.
    ///
    /// @par Completion signature
    /// void(error_code, http_response)
    /// @par Errors
    /// As async_request, and what `sink` returned.
    /// @par Cancellation
    /// As async_request; the sink is not called any more.
    template <class Token = default_token_t<executor_type>>
    auto async_download(http_request request, body_sink sink, Token&& token = {}) {
        if (!sink) sink = [](std::string_view) { return error_code(); };
        return start(std::move(request), {{}, std::move(sink)}, std::forward<Token>(token));
    }

    /// Likewise; the sink is told the status and the headers before the body.
    template <class Token = default_token_t<executor_type>>
    auto async_download(http_request request, download_sink sink, Token&& token = {}) {
        if (!sink) sink.on_body = [](std::string_view) { return error_code(); };
        return start(std::move(request), std::move(sink), std::forward<Token>(token));
    }

    /// How many connections are kept open at the moment.
    std::size_t idle_connections() const noexcept { return pool_->idle(); }

private:
    template <class Token>
    auto start(http_request&& request, download_sink&& sink, Token&& token) {
        return detail::async_start<void(error_code, http_response)>(
            executor_,
            [call = detail::prepared_http_call(pool_->prepare(std::move(request), std::move(sink)))](
                auto&& handler, const executor_type& ex) mutable {
                detail::start_http_request(std::move(call), std::forward<decltype(handler)>(handler), ex);
            },
            std::forward<Token>(token));
    }

    executor_type executor_;
    std::shared_ptr<detail::http_pool> pool_;
};

} // namespace telltale::inline TELLTALE_ABI

#if !defined(TELLTALE_SEPARATE_COMPILATION)
#include <telltale/beast/detail/http_client.ipp>
#endif

#endif // TELLTALE_BEAST_HTTP_CLIENT_HPP
