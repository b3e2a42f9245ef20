// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_WEBSOCKET_HPP
#define TELLTALE_BEAST_WEBSOCKET_HPP

#include <telltale/beast/bridge.hpp>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket/stream.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace telltale::inline TELLTALE_ABI {

/// Beast's WebSocket stream on an executor of telltale::net, with its completion tokens. A thin wrapper for clients and
/// for servers of one's own; `native()` is Beast's stream, whose documentation holds. This header includes Beast.
///
/// At most one read and one write may be outstanding, as in Beast. Every operation completes with operation_aborted when
/// cancelled (terminal); the stream is of no use after that. Set no time-out of Beast's.
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe; use it on its executor only.
template <class Layer = bridge::layer<>>
class basic_websocket {
public:
    using native_type = boost::beast::websocket::stream<Layer, false>;
    using executor_type = typename Layer::socket_type::executor_type;
    using token_type = default_token_t<executor_type>;
    using close_reason = boost::beast::websocket::close_reason;

    /// Takes over a connected socket, or a layer over one.
    template <class Next>
        requires(!std::same_as<std::remove_cvref_t<Next>, basic_websocket>)
    explicit basic_websocket(Next&& next) : stream_(std::forward<Next>(next)) {}

    native_type& native() noexcept { return stream_; }
    auto& socket() noexcept { return stream_.next_layer().socket(); }
    executor_type get_executor() noexcept { return bridge::inner(stream_.get_executor()); }

    /// Server: reads an upgrade request and accepts it. Completion signature: void(error_code).
    template <class Token = token_type>
    auto async_accept(Token&& token = {}) {
        return start<void(error_code)>(std::forward<Token>(token),
                                       [this](auto h) { stream_.async_accept(std::move(h)); });
    }

    /// Server: accepts an upgrade request that was read already. Completion signature: void(error_code).
    template <class Request, class Token = token_type>
        requires requires(const Request& r) { r.target(); }
    auto async_accept(Request request, Token&& token = {}) {
        return start<void(error_code)>(std::forward<Token>(token), [this, r = std::move(request)](auto h) {
            stream_.async_accept(r, std::move(h));
        });
    }

    /// Client: asks for an upgrade of `target` on `host`. Completion signature: void(error_code).
    template <class Token = token_type>
    auto async_handshake(std::string host, std::string target, Token&& token = {}) {
        return start<void(error_code)>(std::forward<Token>(token),
                                       [this, host = std::move(host), target = std::move(target)](auto h) {
                                           stream_.async_handshake(host, target, std::move(h));
                                       });
    }

    /// Reads one message to the end of `buffer`, which must live until completion.
    /// Completion signature: void(error_code, std::size_t bytes).
    template <class Buffer, class Token = token_type>
    auto async_read(Buffer& buffer, Token&& token = {}) {
        return start<void(error_code, std::size_t)>(
            std::forward<Token>(token), [this, &buffer](auto h) { stream_.async_read(buffer, std::move(h)); });
    }

    /// Writes one message; `data` must live until completion. Completion signature: void(error_code, std::size_t bytes).
    template <class Token = token_type>
    auto async_write(std::string_view data, Token&& token = {}) {
        return start<void(error_code, std::size_t)>(std::forward<Token>(token), [this, data](auto h) {
            stream_.async_write(boost::asio::const_buffer(data.data(), data.size()), std::move(h));
        });
    }

    /// Sends a ping of at most 125 bytes. Completion signature: void(error_code).
    template <class Token = token_type>
    auto async_ping(std::string_view payload, Token&& token = {}) {
        return start<void(error_code)>(std::forward<Token>(token),
                                       [this, p = boost::beast::websocket::ping_data(payload.data(), payload.size())](
                                           auto h) { stream_.async_ping(p, std::move(h)); });
    }

    /// Performs the closing handshake. Completion signature: void(error_code).
    template <class Token = token_type>
    auto async_close(close_reason reason, Token&& token = {}) {
        return start<void(error_code)>(std::forward<Token>(token),
                                       [this, reason](auto h) { stream_.async_close(reason, std::move(h)); });
    }

private:
    template <class Signature, class Token, class Start>
    auto start(Token&& token, Start f) {
        return bridge::initiate<Signature>(stream_.get_executor(), std::forward<Token>(token), std::move(f));
    }

    native_type stream_;
};

using websocket = basic_websocket<>;

} // namespace telltale::inline TELLTALE_ABI

#endif // TELLTALE_BEAST_WEBSOCKET_HPP
