// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/http_client.hpp>
#include <telltale/beast/http_server.hpp>

#include "operation.hpp"

#include <array>
#include <memory>
#include <string>
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

// No rows: the operations of websocket. They are Beast's, started through the bridge; what Beast promises holds for them:
// one read and one write at a time, terminal cancellation only, and a stream that is of no use afterwards. Tokens,
// executors, allocators, cancellation and tear-down through the bridge: tests/unit/beast/bridge.cpp.

} // namespace telltale_test::contract::beast_rows
