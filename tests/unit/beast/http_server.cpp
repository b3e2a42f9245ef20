// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/http_server.hpp>

#include <telltale/testing/virtual_clock.hpp>

#include "catch.hpp"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>

namespace {

using namespace telltale;
using namespace std::chrono_literals;
using net::awaitable;

const tcp::endpoint anywhere{net::ip::address_v4::loopback(), 0};

awaitable<http_response> echo(http_request r) {
    co_return make_response(200, "text/plain", r.method + ":" + std::string(r.param("id")) + ":" + r.body);
}
awaitable<http_response> thrower(http_request) {
    throw std::runtime_error("secret");
    co_return http_response{};
}
awaitable<http_response> injector(http_request) {
    http_response r;
    r.headers.emplace_back("X", "a\r\nSet-Cookie: b");
    co_return r;
}
struct waiting {
    int started = 0;
    int cancelled = 0;
};
awaitable<http_response> wait_long(waiting& w) {
    net::steady_timer timer(co_await net::this_coro::executor, 1h);
    ++w.started;
    auto [ec] = co_await timer.async_wait(as_result);
    w.cancelled += ec == net::error::operation_aborted;
    co_return http_response{};
}

void add_routes(http_server& server) {
    server.route("GET", "/jobs/{id}", echo).route("POST", "/jobs/{id}", echo);
    server.route("GET", "/throw", thrower).route("GET", "/inject", injector).route("GET", "/static/{*}", echo);
}

// Sends bytes and reads until the server closes, or until `stop` has come.
awaitable<void> talk(tcp::endpoint to, std::string bytes, std::string stop, std::string& out, bool& done) {
    tcp::socket s(co_await net::this_coro::executor);
    co_await s.async_connect(to, net::use_awaitable);
    for (std::size_t sent = 0; sent < bytes.size();) {
        auto [ec, n] = co_await s.async_write_some(net::buffer(bytes.data() + sent, bytes.size() - sent), as_result);
        if (ec) break;
        sent += n;
    }
    for (;;) {
        char some[4096];
        auto [ec, n] = co_await s.async_read_some(net::buffer(some), as_result);
        out.append(some, n);
        if (ec || (!stop.empty() && out.find(stop) != std::string::npos)) break;
    }
    done = true;
}

// What the server sends: until it closes, or `stop` has come. Where it would wait for more, time passes for it as soon as
// `answered` has come.
std::string exchange(const std::string& bytes, http_server_options options = {}, const std::string& stop = {},
                     const std::optional<std::string>& answered = {}) {
    net::io_context context(1);
    testing::virtual_clock clock(context);
    http_server server(context.get_executor(), options);
    add_routes(server);
    server.listen(anywhere);
    std::string out;
    bool done = false;
    net::co_spawn(context, talk(server.local_endpoint(), bytes, stop, out, done), net::detached);
    while (!done && !(answered && out.find(*answered) != std::string::npos)) context.run_one();
    while (!done) clock.run_for(options.idle_timeout);
    return out;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("http_server answers what it should", "[http_server]") {
    const auto [request, status, part] = GENERATE(table<std::string, std::string, std::string>(
        {{"GET /jobs/4%202 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n",
          "\r\n\r\nGET:4 2:"},
         {"POST /jobs/1 HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi", "HTTP/1.1 200 OK\r\n", "POST:1:hi"},
         {"POST /jobs/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\nTransfer-Encoding: "
          "chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
          "HTTP/1.1 200 OK\r\n", "POST:1:hi"},
         {"HEAD /jobs/1 HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "Content-Length: 7\r\n"},
         {"GET /nowhere HTTP/1.0\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", ""},
         {"DELETE /jobs/1 HTTP/1.0\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n", "Allow: GET, POST\r\n"},
         {"GET /static/a/b HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", ""},
         {"GET /jobs/1/x HTTP/1.0\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", ""},
         {"GET /throw HTTP/1.0\r\n\r\n", "HTTP/1.1 500 Internal Server Error\r\n", ""},
         {"GET /inject HTTP/1.0\r\n\r\n", "HTTP/1.1 500 Internal Server Error\r\n", ""},
         {"nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "Connection: close\r\n"},
         {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", ""}, // no Host
         {"GET /jobs/1 HTTP/1.1\r\nHost: h\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\n",
          "HTTP/1.1 417 Expectation Failed\r\n", ""}}));
    const auto answer = exchange(request);
    CAPTURE(request, answer);
    CHECK(answer.rfind(status, 0) == 0);
    CHECK(has(answer, part));
    CHECK(!has(answer, "secret"));
    CHECK(!has(answer, "Set-Cookie"));
    if (request.rfind("HEAD", 0) == 0) CHECK(answer.substr(answer.size() - 4) == "\r\n\r\n");
}

TEST_CASE("http_server keeps connections, takes pipelined requests, and says when to continue", "[http_server]") {
    const std::string get = "GET /jobs/1 HTTP/1.1\r\nHost: h\r\n\r\n";
    const auto answers = exchange(get + get + "GET /jobs/2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" + get);
    CHECK(has(answers, "GET:1:HTTP/1.1 200 OK\r\n"));
    CHECK(answers.substr(answers.size() - 6) == "GET:2:");
    const auto expecting = exchange(
        "POST /jobs/1 HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", {}, "\r\n\r\n");
    CHECK(expecting == "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST_CASE("http_server has limits", "[http_server]") {
    http_server_options small;
    small.body_limit = 10;
    small.header_limit = 200;
    CHECK(has(exchange("POST /jobs/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n01234567890", small), " 413 "));
    CHECK(has(exchange("GET /" + std::string(300, 'x') + " HTTP/1.1\r\n", small), " 431 "));
    const std::string get = "GET /jobs/1 HTTP/1.1\r\nHost: h\r\n\r\n";
    CHECK(has(exchange(get + "GET /jobs/2 HT", small, {}, "GET:1:"), " 408 "));
    CHECK(exchange("", small, {}, "").empty());               // silent: closed without a word
    CHECK(has(exchange(get, small, {}, "GET:1:"), "GET:1:")); // idle: closed after the answer
    small.max_connections = 0;
    CHECK(has(exchange(get, small), " 503 "));
}

TEST_CASE("http_server says when a port is taken", "[http_server]") {
    net::io_context context(1);
    http_server first(context.get_executor()), second(context.get_executor());
    first.listen(anywhere);
    CHECK(first.local_endpoint().port() != 0);
    error_code ec;
    second.listen(first.local_endpoint(), ec);
    CHECK(ec == net::error::address_in_use);
    CHECK_THROWS_AS(second.listen(first.local_endpoint()), system_error);
}

TEST_CASE("http_server hands over upgrades", "[http_server]") {
    net::io_context context(1);
    http_server server(context.get_executor());
    server.listen(anywhere);
    std::optional<http_upgrade> got;
    server.on_upgrade("/ws", [&](http_upgrade up) { got.emplace(std::move(up)); });
    std::string out;
    bool done = false;
    net::co_spawn(
        context,
        talk(server.local_endpoint(),
             "GET /ws?a=b HTTP/1.1\r\nHost: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n", "",
             out, done),
        net::detached);
    while (!got) context.run_one();
    CHECK(got->request.query("a") == "b");
    CHECK(got->socket.is_open());
    CHECK(server.connections() == 0);
    got.reset();
    while (!done) context.run_one();
    CHECK(out.empty());
}

TEST_CASE("http_server stops in the middle of everything", "[http_server]") {
    net::io_context context(1);
    waiting w;
    std::string out;
    bool done = false;
    std::optional<http_server> server(std::in_place, context.get_executor());
    server->route("GET", "/", [&w](http_request) { return wait_long(w); });
    server->listen(anywhere);
    const std::string request = "GET / HTTP/1.0\r\n\r\n";
    net::co_spawn(context, talk(server->local_endpoint(), request, "", out, done), net::detached);
    while (w.started == 0) context.run_one();
    SECTION("stop") {
        server->stop();
        CHECK(server->connections() == 0);
        context.run();
        CHECK(done);
        CHECK(w.cancelled == 1);
    }
    SECTION("destroyed") {
        server.reset();
        context.run();
        CHECK(done);
        CHECK(w.cancelled == 1);
    }
    SECTION("the context goes first") { CHECK(!done); }
    CHECK(out.empty());
}
