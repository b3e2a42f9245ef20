// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/http_client.hpp>
#include <telltale/beast/http_server.hpp>
#include <telltale/beast/websocket.hpp>

#include "operation.hpp"

#include <array>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace telltale_test::contract::beast_rows {

using namespace telltale;

/// Answers every request of every connection from the moment on at which it is told to.
class answering_server : public std::enable_shared_from_this<answering_server> {
public:
    explicit answering_server(const executor_type& e) : acceptor_(e, {net::ip::address_v4::loopback(), 0}) {}

    std::string url() const { return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/"; }

    void accept() {
        acceptor_.async_accept([self = shared_from_this()](error_code ec, tcp::socket s) {
            if (ec) return;
            const auto c = std::make_shared<connection>(std::move(s));
            self->connections_.push_back(c);
            self->read(c);
            self->accept();
        });
    }

    void answer_all() {
        answers_ = true;
        for (const auto& c : connections_) answer(c);
    }

    void close() {
        acceptor_.close();
        for (const auto& c : connections_) c->socket.close();
        connections_.clear();
    }

private:
    struct connection {
        explicit connection(tcp::socket s) : socket(std::move(s)) {}
        tcp::socket socket;
        std::array<char, 1024> in{};
        std::string request{};
    };

    void read(const std::shared_ptr<connection>& c) {
        c->socket.async_read_some(net::buffer(c->in), [self = shared_from_this(), c](error_code ec, std::size_t n) {
            if (ec) return;
            c->request.append(c->in.data(), n);
            if (self->answers_) self->answer(c);
            self->read(c);
        });
    }

    static void answer(const std::shared_ptr<connection>& c) {
        static const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        if (c->request.find("\r\n\r\n") == std::string::npos) return;
        c->request.clear();
        c->socket.async_write_some(net::buffer(text), [c](error_code, std::size_t) {});
    }

    tcp::acceptor acceptor_;
    std::vector<std::shared_ptr<connection>> connections_;
    bool answers_ = false;
};

struct http_client_request {
    static about row() {
        return {.name = "http_client::async_request",
                .value = "200",
                .one_thread = "an http_client is for one thread",
                .sockets = "its time limit must not come before the bytes on their way",
                .busy = "its server listens",
                .uncounted = "the server answers all from then on"};
    }
    using signature = void(error_code, http_response);

    explicit http_client_request(const executor_type& e) : server(std::make_shared<answering_server>(e)), object(e) {
        server->accept();
    }
    ~http_client_request() { server->close(); }

    template <class... Token>
    auto start(Token&&... token) {
        return object.async_get(server->url(), std::forward<Token>(token)...);
    }
    void ready() { server->answer_all(); }
    static std::string show(const http_response& r) { return r.status == 0 ? "" : std::to_string(r.status); }

    std::shared_ptr<answering_server> server;
    http_client object;
};
TELLTALE_CONTRACT(http_client_request);

struct http_client_download : http_client_request {
    using http_client_request::http_client_request;

    static about row() {
        auto r = http_client_request::row();
        r.name = "http_client::async_download";
        return r;
    }

    template <class... Token>
    auto start(Token&&... token) {
        http_request request;
        request.url = server->url();
        return object.async_download(std::move(request), body_sink(), std::forward<Token>(token)...);
    }
};
TELLTALE_CONTRACT(http_client_download);

/// A server's side of one WebSocket: accepts, and reads one message. Its client is a plain socket that speaks when told to.
/// (The other operations go to Beast by the same way; Beast allows one read and one write at a time, and a stream of which
/// one was cancelled is of no use afterwards. See tests/unit/beast/bridge.cpp.)
struct websocket_accept_and_read {
    static about row() {
        return {.name = "websocket::async_accept, async_read",
                .value = "a",
                .no_object = "each has a stream of its own",
                .only_terminal = "co_spawn passes on terminal cancellation only",
                .no_allocator = "a coroutine: Asio allocates its frame",
                .one_thread = "a websocket is for one thread",
                .sockets = "its bytes are on their way",
                .uncounted = "all clients speak from then on"};
    }

    explicit websocket_accept_and_read(const executor_type& e)
        : executor(e), acceptor(e, {net::ip::address_v4::loopback(), 0}) {}

    net::awaitable<std::string> run() {
        tcp::socket& client = clients.emplace_back(executor);
        client.connect(acceptor.local_endpoint());
        client.send(net::buffer(std::string_view("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n"
                                                 "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                                                 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")));
        if (speaking) say_a(client);
        return accept_and_read(acceptor.accept());
    }

    void ready() {
        speaking = true;
        for (auto& client : clients) say_a(client);
    }
    static std::string show(std::string s) { return s; }

private:
    // One text frame, masked with zeros (RFC 6455, section 5.2).
    static void say_a(tcp::socket& client) {
        client.send(net::buffer(std::array<unsigned char, 7>{0x81, 0x81, 0, 0, 0, 0, 'a'}));
    }

    static net::awaitable<std::string> accept_and_read(tcp::socket socket) {
        websocket stream(std::move(socket));
        co_await stream.async_accept();
        std::string text;
        auto buffer = boost::asio::dynamic_buffer(text);
        co_await stream.async_read(buffer);
        co_return text;
    }

    executor_type executor;
    tcp::acceptor acceptor;
    std::deque<tcp::socket> clients;
    bool speaking = false;
};
TELLTALE_CONTRACT_COROUTINE(websocket_accept_and_read);

} // namespace telltale_test::contract::beast_rows
