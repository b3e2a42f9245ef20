// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Fan-out as Boost.Beast's example chat-multi does it: each session has a queue of shared strings and writes one message
// per async_write; each message is posted to the executor of each session.
//
//   ws_beast PORT [nopost]    nopost: without that post

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include <cstdlib>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace {

namespace net = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using tcp = net::ip::tcp;

using message = std::shared_ptr<const std::string>;

bool with_post = true;

class session;
std::unordered_set<session*> subscribers;

class session : public std::enable_shared_from_this<session> {
public:
    explicit session(tcp::socket socket) : stream_(std::move(socket)) {}
    ~session() { subscribers.erase(this); }

    void start() {
        http::async_read(stream_.next_layer(), buffer_, request_,
                         [self = shared_from_this()](beast::error_code ec, std::size_t) {
                             if (!ec) self->upgrade();
                         });
    }

private:
    void upgrade() {
        is_publisher_ = request_.target() == "/pub";
        stream_.next_layer().expires_never();
        stream_.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
        stream_.text(true);
        stream_.async_accept(request_, [self = shared_from_this()](beast::error_code ec) {
            if (ec) return;
            self->request_ = {};
            if (!self->is_publisher_) subscribers.insert(self.get());
            self->read();
        });
    }

    void read() {
        stream_.async_read(buffer_, [self = shared_from_this()](beast::error_code ec, std::size_t) {
            if (ec) {
                subscribers.erase(self.get());
                return;
            }
            self->on_message();
            self->read();
        });
    }

    void on_message() {
        if (is_publisher_) {
            const auto m = std::make_shared<const std::string>(beast::buffers_to_string(buffer_.data()));
            for (session* s : subscribers) s->send(m);
        }
        buffer_.consume(buffer_.size());
    }

    void send(const message& m) {
        if (!with_post) return enqueue(m);
        net::post(stream_.get_executor(), [self = shared_from_this(), m] { self->enqueue(m); });
    }

    void enqueue(const message& m) {
        queue_.push_back(m);
        if (queue_.size() == 1) write();
    }

    void write() {
        stream_.async_write(net::buffer(*queue_.front()),
                            [self = shared_from_this()](beast::error_code ec, std::size_t) {
                                if (ec) return;
                                self->queue_.erase(self->queue_.begin());
                                if (!self->queue_.empty()) self->write();
                            });
    }

    websocket::stream<beast::tcp_stream> stream_;
    beast::flat_buffer buffer_;
    http::request<http::string_body> request_;
    std::vector<message> queue_;
    bool is_publisher_ = false;
};

class listener {
public:
    listener(net::io_context& context, const tcp::endpoint& at) : context_(context), acceptor_(context) {
        acceptor_.open(at.protocol());
        acceptor_.set_option(net::socket_base::reuse_address(true));
        acceptor_.bind(at);
        acceptor_.listen(4096);
        accept();
    }

private:
    void accept() {
        acceptor_.async_accept(net::make_strand(context_), [this](beast::error_code ec, tcp::socket socket) {
            if (!ec) {
                socket.set_option(tcp::no_delay(true));
                std::make_shared<session>(std::move(socket))->start();
            }
            accept();
        });
    }

    net::io_context& context_;
    tcp::acceptor acceptor_;
};

} // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    with_post = argc < 3;
    net::io_context context{1};
    listener l(context, {net::ip::make_address("127.0.0.1"), static_cast<unsigned short>(std::atoi(argv[1]))});
    context.run();
}
