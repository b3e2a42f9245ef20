// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Servers that misbehave, on real sockets. Time passes only when the test says so.

#include <telltale/beast/http_client.hpp>

#include <telltale/testing/virtual_clock.hpp>

#include "scripted_server.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace telltale_test;
using namespace std::chrono_literals;

const std::string head_ok = "HTTP/1.1 200 OK\r\n";
const std::string chunked = head_ok + "Transfer-Encoding: chunked\r\n\r\n";

error_code one(std::string answer, script::end last = script::end::fin, http_client_options options = {}) {
    net::io_context io{1};
    scripted_server server(io, {{std::move(answer), 1, last}});
    http_client client(io.get_executor(), std::move(options));
    const auto r = get_once(io, client, server.url());
    if (r.ec) CHECK(r.response.body.empty());
    CHECK(client.idle_connections() == 0); // such a connection is not used again
    return r.ec;
}

} // namespace

TEST_CASE("http_client: half of an answer is an error", "[http_client_faults]") {
    const std::string whole = head_ok + "Content-Length: 5\r\nX: y\r\n\r\nhello";
    const auto how = GENERATE(script::end::fin, script::end::reset);
    for (std::size_t n = 0; n < whole.size(); ++n) {
        const auto ec = one(whole.substr(0, n), how);
        CAPTURE(whole.substr(0, n));
        CHECK(ec == condition::transient);
        if (how == script::end::fin) CHECK(ec == net::error::eof);
    }
}

TEST_CASE("http_client: what is not HTTP, or lies about its length", "[http_client_faults]") {
    for (const auto& [answer, expected] : std::vector<std::pair<std::string, errc>>{
             {"garbage\r\n\r\n", errc::malformed_http},
             {std::string("\0\1\2\3\r\n\r\n", 8), errc::malformed_http},
             {"HTTP/2.0 200 OK\r\n\r\n", errc::malformed_http},
             {"HTTP/1.1 2000 OK\r\n\r\n", errc::malformed_http},
             {head_ok + "no colon\r\n\r\n", errc::malformed_http},
             {head_ok + "A B: c\r\n\r\n", errc::malformed_http},
             {head_ok + "Content-Length: -1\r\n\r\n", errc::malformed_http},
             {head_ok + "Content-Length: 1e3\r\n\r\n", errc::malformed_http},
             {head_ok + "Content-Length: 99999999999999999999999\r\n\r\n", errc::malformed_http},
             {head_ok + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", errc::malformed_http},
             {head_ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", errc::malformed_http},
             {chunked + "x\r\n", errc::malformed_http},
             {chunked + "-1\r\n", errc::malformed_http},
             {chunked + "2\r\nabc\r\n0\r\n\r\n", errc::malformed_http},
             {chunked + "ffffffffffffffffff\r\n", errc::malformed_http}}) {
        CAPTURE(answer);
        CHECK(one(answer) == expected);
        CHECK(one(answer, script::end::hang) == expected); // seen at once, not at the end of the connection
    }
}

TEST_CASE("http_client: more than was announced is not the next answer", "[http_client_faults]") {
    net::io_context io{1};
    scripted_server server(io, {{answer_ok("one") + answer_ok("FORGED"), 1, script::end::hang}, {answer_ok("two")}});
    http_client client(io.get_executor());
    CHECK(get_once(io, client, server.url()).response.body == "one");
    CHECK(client.idle_connections() == 0);
    CHECK(get_once(io, client, server.url()).response.body == "two");
    CHECK(server.accepted == 2);
}

TEST_CASE("http_client: a body that is too large is not read", "[http_client_faults]") {
    const std::size_t gib = 1U << 30U;
    SECTION("announced") {
        CHECK(one(head_ok + "Content-Length: " + std::to_string(gib) + "\r\n\r\n", script::end::hang) ==
              errc::body_too_large);
        CHECK(one(chunked + "40000000\r\n", script::end::hang) == errc::body_too_large);
    }
    SECTION("in chunks, without end, and to the end of the connection") {
        const auto endless =
            GENERATE_COPY(std::string("10000\r\n" + std::string(65536, 'x') + "\r\n"), std::string(65536, 'x'));
        const std::string first = endless.front() == '1' ? chunked : "HTTP/1.0 200 OK\r\n\r\n";
        net::io_context io{1};
        std::size_t sent = 0;
        // Sends until nobody listens any more.
        struct endless_server {
            static net::awaitable<void> run(tcp::acceptor& a, std::string begin, std::string part, std::size_t& count) {
                tcp::socket s = co_await a.async_accept(net::use_awaitable);
                std::string in;
                co_await scripted_server::read_head(s, in);
                co_await scripted_server::write_all(s, begin);
                while (count < (1U << 30U)) {
                    const bool written = co_await scripted_server::write_all(s, part);
                    if (!written) break;
                    count += part.size();
                }
            }
        };
        tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), 0});
        net::co_spawn(io, endless_server::run(acceptor, first, endless, sent), net::detached);
        http_client client(io.get_executor(), {.body_limit = 1U << 20U});
        const auto url = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
        CHECK(get_once(io, client, url).ec == errc::body_too_large);
        CHECK(sent < (64U << 20U)); // what the sockets' buffers hold, at the most
    }
    SECTION("of a download, by its own limit; what is not a result, by the other") {
        for (const auto& [answer, fits] : std::vector<std::pair<std::string, bool>>{
                 {answer_ok(std::string(2000, 'x')), true},
                 {answer_ok(std::string(2001, 'x')), false},
                 {chunked + "7d1\r\n" + std::string(2001, 'x') + "\r\n0\r\n\r\n", false},
                 {"HTTP/1.1 404 Not Found\r\nContent-Length: 101\r\n\r\n" + std::string(101, 'x'), false},
                 {"HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x'), true}}) {
            net::io_context io{1};
            scripted_server server(io, {{answer}});
            http_client client(io.get_executor(), {.body_limit = 100, .download_limit = 2000});
            std::optional<error_code> ec;
            client.async_download(get(server.url()), body_sink(), [&](error_code e, http_response) { ec = e; });
            while (!ec) io.run_one();
            CAPTURE(answer.substr(0, 60));
            CHECK(*ec == (fits ? error_code() : errc::body_too_large));
        }
    }
}

TEST_CASE("http_client: headers without end", "[http_client_faults]") {
    CHECK(one(head_ok + "X: " + std::string(20'000, 'x'), script::end::hang) == errc::body_too_large);
    std::string many = head_ok;
    for (int i = 0; i < 2000; ++i) many += "X: y\r\n" + std::string("Another: z\r\n");
    CHECK(one(many, script::end::hang) == errc::body_too_large);
}

TEST_CASE("http_client: Continue, and other answers before the answer", "[http_client_faults]") {
    std::string before;
    for (int i = 0; i < 3; ++i) before += "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n";
    net::io_context io{1};
    scripted_server server(io, {{before + answer_ok(), 2}});
    http_client client(io.get_executor());
    CHECK(get_once(io, client, server.url()).response.body == "hi");
    CHECK(get_once(io, client, server.url()).response.body == "hi");
    CHECK(server.accepted == 1);
    CHECK(one("HTTP/1.1 100 Continue\r\n\r\n") == net::error::eof);
}

TEST_CASE("http_client: a server that answers before it has read all, and goes", "[http_client_faults]") {
    net::io_context io{1};
    tcp::acceptor acceptor(io, {net::ip::address_v4::loopback(), 0});
    http_client client(io.get_executor());
    http_request request;
    request.method = "PUT";
    request.url = "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
    request.body = std::string(50'000'000, 'x'); // more than sockets hold
    result r;
    net::co_spawn(io, ask(client, std::move(request), r), net::detached);
    std::optional<tcp::socket> server;
    acceptor.async_accept([&](error_code, tcp::socket s) { server = std::move(s); });
    while (!server || server->available() == 0) io.run_one();
    server->send(net::buffer(std::string_view("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")));
    server->shutdown(tcp::socket::shutdown_receive);
    server->close();
    while (!r.done) io.run_one();
    // The answer, or that the connection broke, as the network has it; never success of the request, never a wait.
    CHECK((r.ec == condition::transient || r.response.status == 413));
    CHECK(client.idle_connections() == 0);
}

namespace {

// One request; lets time pass in steps of `step`, at each of which the server says `drip`; how long it took.
struct slow_answer {
    std::string begin;
    std::string drip{};
    std::chrono::seconds step = 1s;

    std::chrono::seconds until_given_up(http_client_options options, bool download = false) const {
        net::io_context io{1};
        testing::virtual_clock clock(io);
        scripted_server server(io, {{begin, 1, script::end::hang}});
        http_client client(io.get_executor(), std::move(options));
        std::optional<error_code> ec;
        const auto done = [&](error_code e, const http_response&) { ec = e; };
        std::size_t taken = 0;
        if (download)
            client.async_download(
                get(server.url()),
                [&](std::string_view part) {
                    taken += part.size();
                    return error_code();
                },
                done);
        else
            client.async_get(server.url(), done);
        while (server.hanging.empty()) io.run_one();
        while (io.poll_one() != 0) {}
        std::chrono::seconds passed{0};
        for (; !ec && passed < 1h; passed += step) {
            if (!drip.empty()) server.hanging[0].send(net::buffer(drip));
            io.poll();
            clock.run_for(step);
        }
        io.poll();
        REQUIRE(ec);
        CHECK(*ec == errc::deadline_exceeded);
        return passed;
    }
};

http_client_options unlimited() {
    http_client_options o;
    o.timeout = o.header_timeout = o.body_timeout = o.stall_timeout = http_client_options::no_limit;
    return o;
}

} // namespace

TEST_CASE("http_client: each limit of time counts for itself", "[http_client_faults]") {
    const slow_answer half_header{head_ok, "X: y\r\n"};
    const slow_answer half_body{head_ok + "Content-Length: 100000\r\n\r\n", "x"};
    const slow_answer silent{head_ok + "Content-Length: 100000\r\n\r\nsome"};
    auto options = unlimited();
    SECTION("the whole") {
        options.timeout = 7s;
        CHECK(half_header.until_given_up(options) == 7s);
        CHECK(half_body.until_given_up(options) == 7s);
    }
    SECTION("the header") {
        options.header_timeout = 4s;
        CHECK(half_header.until_given_up(options) == 4s);
        options.timeout = 9s;
        CHECK(half_body.until_given_up(options) == 9s);
    }
    SECTION("the body") {
        options.body_timeout = 5s;
        CHECK(half_body.until_given_up(options) == 5s);
    }
    SECTION("nothing comes") {
        options.stall_timeout = 3s;
        CHECK(silent.until_given_up(options) <= 6s);
        options.timeout = 20s;
        CHECK(half_body.until_given_up(options) == 20s); // something comes
    }
    SECTION("too little comes") {
        options.stall_timeout = 10s;
        options.stall_bytes = 100;
        CHECK(half_body.until_given_up(options) == 10s);
    }
    SECTION("of a download, that may last") {
        options.timeout = options.body_timeout = 2s;
        options.stall_timeout = 3s;
        options.download_timeout = 40s;
        CHECK(half_body.until_given_up(options, true) == 40s);
        CHECK(silent.until_given_up(options, true) <= 6s);
    }
}

TEST_CASE("http_client: early ends of kept connections, again and again", "[http_client_faults]") {
    net::io_context io{1};
    std::vector<script> scripts;
    for (int i = 0; i < 20; ++i)
        scripts.push_back({answer_ok(), 1 + i % 3, i % 2 ? script::end::fin : script::end::reset});
    scripted_server server(io, scripts);
    http_client client(io.get_executor());
    for (int i = 0; i < 30; ++i) CHECK(!get_once(io, client, server.url()).ec);
}
