// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_BRIDGE_LAYER_HPP
#define TELLTALE_BEAST_DETAIL_BRIDGE_LAYER_HPP

#include <telltale/beast/detail/bridge_buffers.hpp>
#include <telltale/beast/detail/bridge_error.hpp>
#include <telltale/beast/detail/bridge_executor.hpp>
#include <telltale/beast/detail/bridge_handler.hpp>
#include <telltale/beast/detail/tcp.hpp>

#include <boost/asio/async_result.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include <cstddef>
#include <memory>
#include <utility>

namespace telltale::inline TELLTALE_ABI::bridge {

using boost_error = boost::system::error_code;

template <class Socket>
struct layer_ {
    class type {
    public:
        using executor_type = executor<typename Socket::executor_type>;
        using socket_type = Socket;
        using bridge_layer_tag = void;

        type(Socket s) : socket_(std::move(s)) {}

        executor_type get_executor() noexcept { return executor_type(socket_.get_executor()); }
        // Not called next_layer(): this is the lowest layer for Beast.
        Socket& socket() noexcept { return socket_; }

        template <class Buffers, class Token>
        auto async_read_some(const Buffers& buffers, Token&& token) {
            return boost::asio::async_initiate<Token, void(boost_error, std::size_t)>(
                [this](auto&& handler, const auto& b) {
                    socket_.async_read_some(mutable_view(b),
                                            net_handler(std::forward<decltype(handler)>(handler), get_executor()));
                },
                token, buffers);
        }

        template <class Buffers, class Token>
        auto async_write_some(const Buffers& buffers, Token&& token) {
            return boost::asio::async_initiate<Token, void(boost_error, std::size_t)>(
                [this](auto&& handler, const auto& b) {
                    socket_.async_write_some(const_view(b),
                                             net_handler(std::forward<decltype(handler)>(handler), get_executor()));
                },
                token, buffers);
        }

        template <class Buffers>
        std::size_t read_some(const Buffers& buffers, boost_error& ec) {
            error_code e;
            const auto n = socket_.read_some(mutable_view(buffers), e);
            ec = to_boost(e);
            return n;
        }

        template <class Buffers>
        std::size_t write_some(const Buffers& buffers, boost_error& ec) {
            error_code e;
            const auto n = socket_.write_some(const_view(buffers), e);
            ec = to_boost(e);
            return n;
        }

        void shutdown_send(boost_error& ec) {
            error_code e;
            socket_.shutdown(Socket::shutdown_send, e);
            ec = to_boost(e);
        }

        void close() noexcept {
            error_code ignored;
            socket_.close(ignored);
        }

    private:
        Socket socket_;
    };
};

/// A Beast NextLayer over a socket of telltale::net.
template <class Socket = net::ip::tcp::socket>
using layer = typename layer_<Socket>::type;

template <class Layer>
concept bridged_layer = requires {
    typename Layer::bridge_layer_tag;
};

template <class Layer>
struct teardown_op_ {
    /// Ends a TCP connection after the closing handshake: the server says FIN first, both read until the other's FIN.
    struct type {
        Layer& layer;
        boost::beast::role_type role;
        std::unique_ptr<char[]> sink = std::make_unique<char[]>(sink_size);
        bool started = false;
        static constexpr std::size_t sink_size = 2048;

        template <class Self>
        void operator()(Self& self, boost_error ec = {}, std::size_t n = 0) {
            if (!std::exchange(started, true)) {
                if (role == boost::beast::role_type::server) layer.shutdown_send(ec);
                if (ec) {
                    boost::asio::post(layer.get_executor(), [s = std::move(self), ec]() mutable { s.complete(ec); });
                    return;
                }
            } else if (ec || n == 0) {
                if (!ec || ec == boost::asio::error::eof) {
                    ec = {};
                    if (role == boost::beast::role_type::client) layer.shutdown_send(ec);
                    layer.close();
                }
                self.complete(ec);
                return;
            }
            auto* const into = sink.get();
            layer.async_read_some(boost::asio::mutable_buffer(into, sink_size), std::move(self));
        }
    };
};

// Beast's customisation points, found by argument-dependent lookup.

template <bridged_layer Layer, class Handler>
void async_teardown(boost::beast::role_type role, Layer& layer, Handler&& handler) {
    boost::asio::async_compose<Handler, void(boost_error)>(typename teardown_op_<Layer>::type{layer, role}, handler,
                                                           layer.get_executor());
}

template <bridged_layer Layer>
void teardown(boost::beast::role_type role, Layer& layer, boost_error& ec) {
    if (role == boost::beast::role_type::server) layer.shutdown_send(ec);
    char sink[2048];
    while (!ec && layer.read_some(boost::asio::mutable_buffer(sink, sizeof sink), ec) > 0) {}
    if (ec == boost::asio::error::eof) ec = {};
    if (ec) return;
    if (role == boost::beast::role_type::client) layer.shutdown_send(ec);
    layer.close();
}

template <bridged_layer Layer>
void beast_close_socket(Layer& layer) {
    layer.close();
}

} // namespace telltale::inline TELLTALE_ABI::bridge

#endif // TELLTALE_BEAST_DETAIL_BRIDGE_LAYER_HPP
