// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_BEAST_DETAIL_OUTBOX_LAYER_HPP
#define TELLTALE_BEAST_DETAIL_OUTBOX_LAYER_HPP

#include <telltale/beast/bridge.hpp>
#include <telltale/beast/detail/outbox.hpp>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace telltale::inline TELLTALE_ABI::detail {

/// The NextLayer of a Beast stream that reads from the socket and writes through an outbox.
class outbox_layer {
    using boost_error = boost::system::error_code;

public:
    using socket_type = tcp::socket;
    using executor_type = bridge::executor<tcp::socket::executor_type>;
    using bridge_layer_tag = void;

    explicit outbox_layer(std::shared_ptr<outbox> out) : out_(std::move(out)) {}

    executor_type get_executor() noexcept { return executor_type(out_->socket().get_executor()); }
    tcp::socket& socket() noexcept { return out_->socket(); }

    /// Whether Beast has come back to read since the last call: then the peer has sent something.
    bool heard() noexcept { return std::exchange(heard_, false); }

    template <class Buffers, class Token>
    auto async_read_some(const Buffers& buffers, Token&& token) {
        heard_ = true;
        return boost::asio::async_initiate<Token, void(boost_error, std::size_t)>(
            [this](auto&& handler, const auto& b) {
                socket().async_read_some(bridge::mutable_view(b),
                                         bridge::net_handler(std::forward<decltype(handler)>(handler), get_executor()));
            },
            token, buffers);
    }

    template <class Buffers, class Token>
    auto async_write_some(const Buffers& buffers, Token&& token) {
        return boost::asio::async_initiate<Token, void(boost_error, std::size_t)>(
            [this](auto&& handler, const auto& b) {
                std::vector<std::string_view> parts;
                const auto end = boost::asio::buffer_sequence_end(b);
                for (auto i = boost::asio::buffer_sequence_begin(b); i != end; ++i) {
                    const boost::asio::const_buffer part(*i);
                    if (part.size() > 0) parts.emplace_back(static_cast<const char*>(part.data()), part.size());
                }
                using handler_type = std::decay_t<decltype(handler)>;
                out_->write(std::move(parts), std::make_unique<write_of<handler_type>>(
                                                  std::forward<decltype(handler)>(handler), get_executor()));
            },
            token, buffers);
    }

    void shutdown_send(boost_error& ec) {
        error_code e;
        socket().shutdown(tcp::socket::shutdown_send, e);
        ec = bridge::to_boost(e);
    }

    void close() noexcept { out_->close(); }

private:
    template <class Handler>
    class write_of final : public outbox::beast_write {
    public:
        write_of(Handler&& h, executor_type ex) : handler_(std::move(h)), executor_(std::move(ex)) {}
        void complete(error_code ec, std::size_t n) override {
            const auto ex = boost::asio::get_associated_executor(handler_, executor_);
            boost::asio::post(
                ex, [h = std::move(handler_), e = boost_error(bridge::to_boost(ec)), n]() mutable { h(e, n); });
        }

    private:
        Handler handler_;
        executor_type executor_;
    };

    std::shared_ptr<outbox> out_;
    bool heard_ = false;
};

} // namespace telltale::inline TELLTALE_ABI::detail

namespace telltale::inline TELLTALE_ABI::detail {
// Beast looks for these in the namespace of the layer.
using bridge::async_teardown;
using bridge::beast_close_socket;
using bridge::teardown;
} // namespace telltale::inline TELLTALE_ABI::detail

#endif // TELLTALE_BEAST_DETAIL_OUTBOX_LAYER_HPP
