// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#ifndef TELLTALE_TESTS_UNIT_BEAST_SCRIPTED_SERVER_HPP
#define TELLTALE_TESTS_UNIT_BEAST_SCRIPTED_SERVER_HPP

#include <telltale/beast/detail/tcp.hpp>
#include <telltale/beast/http_client.hpp>

#include "catch.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace telltale_test {

using namespace telltale;

/// What a server does on one connection.
struct script {
    enum class end { fin, reset, hang };
    std::string answer{}; ///< sent after each request
    int requests = 1;     ///< how many it answers before the end
    end last = end::fin;
    /// Instead of `answer`, made from the request (its head and what else has come).
    std::function<std::string(const std::string&)> answer_to{};
};

/// A server that does what the test tells it to: one script per connection, in order; the last one for all that follow.
struct scripted_server {
    scripted_server(net::io_context& context, std::vector<script> s)
        : acceptor(context, {net::ip::address_v4::loopback(), 0}), scripts(std::move(s)) {
        net::co_spawn(context, serve(*this), net::detached);
    }

    unsigned short port() const { return acceptor.local_endpoint().port(); }
    std::string url(const std::string& target = "/") const {
        return "http://127.0.0.1:" + std::to_string(port()) + target;
    }

    tcp::acceptor acceptor;
    std::vector<script> scripts;
    std::vector<std::string> heads{}; ///< of all requests, in the order in which they came
    std::size_t accepted = 0;
    std::vector<tcp::socket> hanging{};

    // Each co_await is a statement of its own, and no argument is a temporary aggregate: GCC 12 destroys those twice.

    /// Reads a head from the stream, into `in` and out of it.
    template <class Stream>
    static net::awaitable<std::string> read_head(Stream& s, std::string& in) {
        while (in.find("\r\n\r\n") == std::string::npos) {
            char some[4096];
            const auto [ec, n] = co_await s.async_read_some(net::buffer(some), as_result);
            if (ec) {
                in.clear();
                break;
            }
            in.append(some, n);
        }
        if (in.empty()) co_return in;
        const auto end = in.find("\r\n\r\n") + 4;
        std::string head = in.substr(0, end);
        in.erase(0, end);
        co_return head;
    }

    template <class Stream>
    static net::awaitable<bool> skip_body(Stream& s, std::string& in, const std::string& head) {
        const auto at = head.find("Content-Length: ");
        const std::size_t length = at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
        while (in.size() < length) {
            char some[4096];
            const auto [ec, n] = co_await s.async_read_some(net::buffer(some), as_result);
            if (ec) co_return false;
            in.append(some, n);
        }
        in.erase(0, length);
        co_return true;
    }

    template <class Stream>
    static net::awaitable<bool> write_all(Stream& s, std::string text) {
        for (std::size_t sent = 0; sent < text.size();) {
            const auto [ec, n] =
                co_await s.async_write_some(net::buffer(text.data() + sent, text.size() - sent), as_result);
            if (ec) co_return false;
            sent += n;
        }
        co_return true;
    }

    /// Answers requests; false when the peer has gone.
    template <class Stream>
    static net::awaitable<bool> play(scripted_server& server, Stream& s, const script& part) {
        std::string in;
        for (int i = 0; i < part.requests; ++i) {
            const std::string head = co_await read_head(s, in);
            if (head.empty()) co_return false;
            server.heads.push_back(head);
            const bool read = co_await skip_body(s, in, head);
            if (!read) co_return false;
            std::string answer = part.answer_to ? part.answer_to(head) : part.answer;
            const bool written = co_await write_all(s, std::move(answer));
            if (!written) co_return false;
        }
        co_return true;
    }

    static void finish(scripted_server& server, tcp::socket& s, script::end how) {
        if (how == script::end::reset) {
            s.set_option(net::socket_base::linger(true, 0));
            s.close(); // the destructor would take the option back
        }
        if (how == script::end::hang) server.hanging.push_back(std::move(s));
    }

private:
    static net::awaitable<void> session(scripted_server& server, tcp::socket s, std::size_t which) {
        const script& part = server.scripts[which];
        const bool played = co_await play(server, s, part);
        if (played) finish(server, s, part.last);
    }

    static net::awaitable<void> serve(scripted_server& server) {
        for (;;) {
            auto [ec, s] = co_await server.acceptor.async_accept(as_result);
            if (ec) co_return;
            const std::size_t which = std::min(server.accepted++, server.scripts.size() - 1);
            net::co_spawn(server.acceptor.get_executor(), session(server, std::move(s), which), net::detached);
        }
    }
};

struct result {
    error_code ec{};
    http_response response{};
    bool done = false;
};

inline net::awaitable<void> ask(http_client& client, http_request request, result& out) {
    auto [ec, response] = co_await client.async_request(std::move(request), as_result);
    out.ec = ec;
    out.response = std::move(response);
    out.done = true;
}

inline http_request get(std::string url) {
    http_request r;
    r.url = std::move(url);
    return r;
}

inline result ask_once(net::io_context& context, http_client& client, http_request request) {
    result out;
    context.restart();
    net::co_spawn(context, ask(client, std::move(request), out), net::detached);
    while (!out.done) context.run_one();
    return out;
}

inline result get_once(net::io_context& context, http_client& client, std::string url) {
    return ask_once(context, client, get(std::move(url)));
}

inline std::string answer_ok(const std::string& body = "hi") {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace telltale_test

#endif // TELLTALE_TESTS_UNIT_BEAST_SCRIPTED_SERVER_HPP
