// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/dashboard/dashboard.hpp>

#include "catch.hpp"

#include <string>

namespace {

using namespace telltale;

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Sends bytes, and reads until what came contains `stop`, or the server closes.
net::awaitable<void> talk(tcp::endpoint to, std::string bytes, std::string stop, std::string& out, bool& done) {
    tcp::socket s(co_await net::this_coro::executor);
    co_await s.async_connect(to, net::use_awaitable);
    co_await s.async_write_some(net::buffer(bytes), net::use_awaitable); // short: written in one go
    while (!has(out, stop)) {
        char some[4096];
        auto [ec, n] = co_await s.async_read_some(net::buffer(some), as_result);
        out.append(some, n);
        if (ec) break;
    }
    done = true;
}

struct fixture {
    explicit fixture(dashboard_options options = {}) : dashboard(board, (options.port = 0, std::move(options))) {
        board.report({.id = "1", .state = job_state::queued, .name = "first"});
        dashboard.listen();
    }

    std::string exchange(const std::string& head, const std::string& stop = "\r\n\r\n") {
        std::string out;
        bool done = false;
        const auto port = std::to_string(dashboard.local_endpoint().port());
        std::string bytes = head + "Host: 127.0.0.1:" + port + "\r\n\r\n";
        for (auto at = bytes.find("PORT"); at != std::string::npos; at = bytes.find("PORT")) bytes.replace(at, 4, port);
        net::co_spawn(context, talk(dashboard.local_endpoint(), bytes, stop, out, done), net::detached);
        while (!done) context.run_one();
        return out;
    }

    net::io_context context{1};
    telltale::board board{context.get_executor()};
    telltale::dashboard dashboard;
};

const std::string upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

} // namespace

TEST_CASE("a dashboard serves the page, and says what the page may do") {
    fixture f;
    CHECK(f.dashboard.url() == "http://127.0.0.1:" + std::to_string(f.dashboard.local_endpoint().port()) + "/");
    const auto page = f.exchange("GET / HTTP/1.1\r\nConnection: close\r\n", "</html>");
    CHECK(has(page, "HTTP/1.1 200"));
    CHECK(has(page, "<title>telltale</title>"));
    CHECK(has(page, "Content-Security-Policy: " + std::string(page_content_security_policy) + "\r\n"));
    CHECK(has(page, "X-Content-Type-Options: nosniff\r\n"));
    CHECK(has(page, "Content-Type: text/html; charset=utf-8\r\n"));
    for (const page_file& file : page_files) {
        INFO(file.path);
        const std::string get = "GET " + std::string(file.path) + "?v=1 HTTP/1.1\r\n";
        CHECK(has(f.exchange(get), "ETag: " + std::string(file.etag) + "\r\n"));
        CHECK(has(f.exchange(get + "If-None-Match: W/\"x\", " + std::string(file.etag) + "\r\n"), "HTTP/1.1 304"));
        CHECK(has(f.exchange(get + "If-None-Match: \"x\"\r\n"), "HTTP/1.1 200"));
    }
    CHECK(has(f.exchange("GET /secret HTTP/1.1\r\n"), "HTTP/1.1 404"));
    CHECK(has(f.exchange("GET /api/jobs/1 HTTP/1.1\r\n", "}"), "\"name\":\"first\""));
}

TEST_CASE("a dashboard's WebSocket is for its own pages and for programs") {
    fixture f({.access = {.hosts = {}, .origins = {"https://ops.example.org"}}});
    const std::string get = "GET /ws HTTP/1.1\r\n" + upgrade;
    CHECK(has(f.exchange(get, "\"first\""), "HTTP/1.1 101"));
    CHECK(has(f.exchange(get + "Origin: http://127.0.0.1:PORT\r\n"), "HTTP/1.1 101"));
    CHECK(has(f.exchange(get + "Origin: https://ops.example.org\r\n"), "HTTP/1.1 101"));
    CHECK(has(f.exchange(get + "Origin: http://evil.example\r\n"), "HTTP/1.1 403"));
    CHECK(has(f.exchange(get + "Origin: null\r\n"), "HTTP/1.1 403"));
}

TEST_CASE("whoever else decides who may listen to a dashboard is asked too") {
    dashboard_options options;
    options.broadcast.allow = [](const http_request& r) { return find_field(r.headers, "Cookie") != nullptr; };
    fixture f(options);
    const std::string get = "GET /ws HTTP/1.1\r\n" + upgrade;
    CHECK(has(f.exchange(get), "HTTP/1.1 403"));
    CHECK(has(f.exchange(get + "Cookie: a=b\r\n"), "HTTP/1.1 101"));
}

TEST_CASE("a dashboard names the address that it cannot have") {
    fixture f;
    const auto port = f.dashboard.local_endpoint().port();
    telltale::dashboard second(f.board, {.port = port});
    error_code ec;
    second.listen(ec);
    CHECK(ec == net::error::address_in_use);
    std::string said;
    try {
        second.listen();
    } catch (const system_error& e) {
        said = e.what();
    }
    CHECK(has(said, "cannot listen on 127.0.0.1:" + std::to_string(port) + ": "));
    CHECK(has(said, "in use"));
    telltale::dashboard third(f.board, {.address = "localhost"});
    third.listen(ec);
    CHECK(ec == net::error::invalid_argument);
}

TEST_CASE("a dashboard that is stopped gives its port back") {
    fixture f;
    const auto at = f.dashboard.local_endpoint();
    f.dashboard.stop();
    f.dashboard.stop();
    telltale::dashboard second(f.board, {.port = at.port()});
    error_code ec;
    second.listen(ec);
    CHECK(!ec);
}
