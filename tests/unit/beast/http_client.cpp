// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/http_client.hpp>

#include <telltale/beast/detail/url.hpp>
#include <telltale/beast/http_server.hpp>
#include <telltale/testing/virtual_clock.hpp>

#include "catch.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace telltale;
using namespace std::chrono_literals;
using net::awaitable;
using net::use_awaitable;

// A server that says what the test tells it to, one script per connection, in order.
struct script {
    std::string answer; // sent after each request
    int requests = 1;   // how many to answer before the end
    enum { fin, reset, hang } end = fin;
};

struct scripted_server {
    explicit scripted_server(net::io_context& c, std::vector<script> s)
        : acceptor(c, {net::ip::address_v4::loopback(), 0}), scripts(std::move(s)) {}

    std::string url(const std::string& target = "/") const {
        return "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()) + target;
    }

    tcp::acceptor acceptor;
    std::vector<script> scripts;
    std::vector<std::string> heads;
    int accepted = 0;
    std::vector<tcp::socket> hanging;
};

awaitable<void> play(scripted_server& server, tcp::socket s, script part) {
    std::string in;
    for (int i = 0; i < part.requests; ++i) {
        while (in.find("\r\n\r\n") == std::string::npos) {
            char some[4096];
            auto [ec, n] = co_await s.async_read_some(net::buffer(some), as_result);
            if (ec) co_return;
            in.append(some, n);
        }
        const auto end = in.find("\r\n\r\n") + 4;
        server.heads.push_back(in.substr(0, end));
        in.erase(0, end);
        for (std::size_t sent = 0; sent < part.answer.size();) {
            auto [ec, n] = co_await s.async_write_some(
                net::buffer(part.answer.data() + sent, part.answer.size() - sent), as_result);
            if (ec) co_return;
            sent += n;
        }
    }
    if (part.end == script::reset) {
        s.set_option(net::socket_base::linger(true, 0));
        s.close(); // the destructor would take the option back
    }
    if (part.end == script::hang) server.hanging.push_back(std::move(s));
}

awaitable<void> serve(scripted_server& server) {
    for (std::size_t i = 0; i < server.scripts.size(); ++i) {
        auto [ec, s] = co_await server.acceptor.async_accept(as_result);
        if (ec) co_return;
        ++server.accepted;
        net::co_spawn(server.acceptor.get_executor(), play(server, std::move(s), server.scripts[i]), net::detached);
    }
}

struct result {
    error_code ec;
    http_response response;
};

awaitable<void> ask(http_client& client, http_request request, result& out) {
    auto [ec, response] = co_await client.async_request(std::move(request), as_result);
    out = {ec, std::move(response)};
}

result ask_once(net::io_context& context, http_client& client, http_request request) {
    result out;
    bool done = false;
    context.restart();
    net::co_spawn(context, ask(client, std::move(request), out), [&](std::exception_ptr) { done = true; });
    while (!done) context.run_one();
    return out;
}

result one_answer(script s, http_client_options options = {}, std::string method = "GET") {
    net::io_context context(1);
    scripted_server server(context, {std::move(s)});
    net::co_spawn(context, serve(server), net::detached);
    http_client client(context.get_executor(), options);
    return ask_once(context, client, {std::move(method), server.url(), {}, {}, {}});
}

// One request to a server that does not answer it to the end; time passes only when the request is there.
result unanswered(script s, http_client_options options) {
    net::io_context context(1);
    testing::virtual_clock clock(context);
    scripted_server server(context, {std::move(s)});
    net::co_spawn(context, serve(server), net::detached);
    http_client client(context.get_executor(), options);
    result out;
    bool done = false;
    net::co_spawn(context, ask(client, {"GET", server.url(), {}, {}, {}}, out),
                  [&](std::exception_ptr) { done = true; });
    while (server.heads.empty()) context.run_one();
    clock.run_for(options.timeout - 1s);
    CHECK_FALSE(done);
    clock.run_for(1s);
    while (!done) context.run_one();
    return out;
}

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

} // namespace

TEST_CASE("http_client: a copy of an operation that is not started is a request of its own", "[http_client]") {
    net::io_context context(1);
    scripted_server server(context, {{ok, 2}});
    net::co_spawn(context, serve(server), net::detached);
    http_client client(context.get_executor());
    auto first = client.async_request({"GET", server.url("/x"), {{"A", "b"}}, {}, {}, {}}, deferred);
    auto second = first;
    std::size_t answered = 0;
    const auto answer = [&](error_code ec, const http_response& r) {
        CHECK(!ec);
        CHECK(r.body == "hi");
        ++answered;
    };
    std::move(first)(answer);
    while (answered != 1) context.run_one();
    std::move(second)(answer);
    while (answered != 2) context.run_one();
    REQUIRE(server.heads.size() == 2);
    CHECK(server.heads[0] == server.heads[1]);
}

TEST_CASE("http_client reads answers in every form", "[http_client]") {
    const auto [answer, body, method] = GENERATE_COPY(table<std::string, std::string, std::string>(
        {{ok, "hi", "GET"},
         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1;x=y\r\ni\r\n0\r\nT: t\r\n\r\n", "hi",
          "GET"},
         {"HTTP/1.0 200 OK\r\n\r\nhi", "hi", "GET"},
         {"HTTP/1.1 100 Continue\r\n\r\n" + ok, "hi", "POST"},
         {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", "", "HEAD"},
         {"HTTP/1.1 204 No Content\r\n\r\n", "", "DELETE"}}));
    const auto r = one_answer({answer}, {}, method);
    CAPTURE(answer, r.ec.message());
    CHECK(!r.ec);
    CHECK((r.response.status == 200 || r.response.status == 204));
    CHECK(r.response.body == body);
}

TEST_CASE("http_client names what goes wrong", "[http_client]") {
    http_client_options small;
    small.body_limit = 100;
    small.header_limit = 200;
    const auto huge = std::string(1000, 'x');
    SECTION("cut short") {
        CHECK(one_answer({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi"}).ec == net::error::eof);
        CHECK(one_answer({"HTTP/1.1 200 OK\r\nContent-Le"}).ec == net::error::eof);
        CHECK(one_answer({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi"}).ec == net::error::eof);
        CHECK(one_answer({""}).ec == net::error::eof);
    }
    SECTION("reset") {
        CHECK(one_answer({"HTTP/1.1 200 OK\r\n", 1, script::reset}).ec == net::error::connection_reset);
    }
    SECTION("too large") {
        CHECK(one_answer({"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + huge}, small).ec == errc::body_too_large);
        CHECK(one_answer({"HTTP/1.0 200 OK\r\n\r\n" + huge}, small).ec == errc::body_too_large);
        CHECK(one_answer({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + huge}, small).ec ==
              errc::body_too_large);
        CHECK(one_answer({"HTTP/1.1 200 OK\r\nX: " + huge}, small).ec == errc::body_too_large);
    }
    SECTION("slow") {
        CHECK(unanswered({"", 1, script::hang}, small).ec == errc::deadline_exceeded);
        CHECK(unanswered({"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi", 1, script::hang}, small).ec ==
              condition::timeout);
    }
    SECTION("garbage") {
        CHECK(one_answer({"SSH-2.0-OpenSSH_9.2\r\n\r\n"}).ec == errc::malformed_http);
        CHECK(one_answer({"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n"}).ec == errc::malformed_http);
        CHECK(one_answer({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}).ec == errc::malformed_http);
    }
    SECTION("refused, malformed") {
        net::io_context context(1);
        http_client client(context.get_executor());
        std::string closed_port;
        {
            tcp::acceptor a(context, {net::ip::address_v4::loopback(), 0});
            closed_port = "http://127.0.0.1:" + std::to_string(a.local_endpoint().port());
        }
        CHECK(ask_once(context, client, {"GET", closed_port, {}, {}, {}}).ec == net::error::connection_refused);
        CHECK(ask_once(context, client, {"GET", "ftp://localhost/", {}, {}, {}}).ec == errc::malformed_url);
        CHECK(ask_once(context, client, {"GET", "http://localhost/a b", {}, {}, {}}).ec == errc::malformed_url);
        CHECK(ask_once(context, client, {"GE T", closed_port, {}, {}, {}}).ec == errc::invalid_argument);
        CHECK(ask_once(context, client, {"GET", closed_port, {{"X", "a\r\nY: b"}}, {}, {}}).ec ==
              errc::invalid_argument);
    }
}

TEST_CASE("http_client keeps connections and uses them again", "[http_client]") {
    net::io_context context(1);
    scripted_server server(context, {{ok, 2}, {ok, 1}, {ok, 1, script::hang}});
    net::co_spawn(context, serve(server), net::detached);
    http_client client(context.get_executor());
    const auto get = [&] { return ask_once(context, client, {"GET", server.url(), {}, {}, {}}); };
    CHECK(get().response.body == "hi");
    CHECK(client.idle_connections() == 1);
    CHECK(get().response.body == "hi");
    CHECK(server.accepted == 1);
    while (context.poll_one() != 0) {}
    // The server has closed the first connection, and closes the second after one answer.
    CHECK(!get().ec);
    CHECK(server.accepted == 2);
    while (context.poll_one() != 0) {}
    const auto post = ask_once(context, client, {"POST", server.url("/x?y"), {{"X-Y", "z"}}, "body", {}});
    CHECK(!post.ec);
    CHECK(server.accepted == 3);
    const auto& head = server.heads.back();
    CHECK(head.find("POST /x?y HTTP/1.1\r\n") == 0);
    CHECK(head.find("Content-Length: 4\r\n") != std::string::npos);
    CHECK(head.find("X-Y: z\r\n") != std::string::npos);
    CHECK(head.find("Host: 127.0.0.1:") != std::string::npos);
}

TEST_CASE("http_client sends an idempotent request again when a kept connection breaks", "[http_client]") {
    const auto method = GENERATE(as<std::string>{}, "GET", "POST");
    net::io_context context(1);
    // The first connection takes the second request and closes without a word.
    scripted_server server(context, {{ok, 1, script::hang}, {ok, 1}});
    net::co_spawn(context, serve(server), net::detached);
    http_client client(context.get_executor());
    REQUIRE(!ask_once(context, client, {"GET", server.url(), {}, {}, {}}).ec);
    result out;
    bool done = false;
    net::co_spawn(context, ask(client, {method, server.url(), {}, {}, {}}, out),
                  [&](std::exception_ptr) { done = true; });
    while (server.hanging.empty() || server.hanging[0].available() == 0) context.run_one();
    server.hanging.clear();
    while (!done) context.run_one();
    if (method == "GET") {
        CHECK(!out.ec);
        CHECK(server.accepted == 2);
    } else {
        CHECK(out.ec == condition::transient);
        CHECK(server.accepted == 1);
    }
}

TEST_CASE("http_client is cancelled, destroyed, and keeps no context running", "[http_client]") {
    net::io_context context(1);
    scripted_server server(context, {{ok, 1, script::hang}, {"", 1, script::hang}});
    net::co_spawn(context, serve(server), net::detached);
    std::optional<http_client> client(std::in_place, context.get_executor());
    net::cancellation_signal signal;
    std::optional<error_code> ec;
    const auto request = [&](std::string target) {
        client->async_request({"GET", server.url(target), {}, {}, {}},
                              net::bind_cancellation_slot(signal.slot(), [&](error_code e, http_response) { ec = e; }));
    };
    SECTION("nothing runs inside the initiating function, and the end of the requests is the end of run()") {
        request("/");
        CHECK(!ec);
        while (!ec) context.run_one();
        CHECK(ec == error_code{});
        server.acceptor.close();
        context.run();
        CHECK(client->idle_connections() == 1);
    }
    SECTION("cancelled before and during") {
        request("/");
        signal.emit(net::cancellation_type::total);
        CHECK(!ec);
        while (!ec) context.run_one();
        CHECK(*ec == net::error::operation_aborted);
        ec.reset();
        request("/");
        while (server.heads.empty()) context.run_one();
        signal.emit(net::cancellation_type::terminal);
        while (!ec) context.run_one();
        CHECK(*ec == net::error::operation_aborted);
    }
    SECTION("the client goes first") {
        request("/");
        client.reset();
        while (!ec) context.run_one();
        CHECK(*ec == net::error::operation_aborted);
    }
    SECTION("the context goes first") {
        request("/");
        context.poll_one();
        CHECK(!ec); // and no leak
    }
    server.acceptor.close();
}

TEST_CASE("http_client limits the connections it keeps", "[http_client]") {
    net::io_context context(1);
    http_client_options options;
    options.max_idle_per_host = 2;
    SECTION("in number") {
        scripted_server server(context, {{ok, 1, script::hang}, {ok, 1, script::hang}, {ok, 1, script::hang}});
        net::co_spawn(context, serve(server), net::detached);
        http_client client(context.get_executor(), options);
        result results[3];
        for (auto& r : results)
            net::co_spawn(context, ask(client, {"GET", server.url(), {}, {}, {}}, r), net::detached);
        context.run();
        for (auto& r : results) CHECK(r.response.body == "hi");
        CHECK(client.idle_connections() == 2);
    }
    SECTION("in time") {
        testing::virtual_clock clock(context);
        scripted_server server(context, {{ok, 1, script::hang}, {ok, 1, script::hang}});
        net::co_spawn(context, serve(server), net::detached);
        http_client client(context.get_executor(), options);
        for (int i = 0; i < 2; ++i) {
            CHECK(!ask_once(context, client, {"GET", server.url(), {}, {}, {}}).ec);
            CHECK(client.idle_connections() == 1);
            clock.run_for(options.idle_timeout);
        }
        CHECK(server.accepted == 2);
    }
}

TEST_CASE("URLs", "[http_client]") {
    const auto url = detail::parse_http_url("HTTP://[::1]:8080?x=1#f");
    REQUIRE(url);
    CHECK(url->host == "::1");
    CHECK(url->port == "8080");
    CHECK(url->authority == "[::1]:8080");
    CHECK(url->target() == "/?x=1");
    CHECK(detail::parse_http_url("http://h")->target() == "/");
    for (const auto* bad :
         {"", "h", "ftp://h/", "http://", "http://:80/", "http://h:0/", "http://h:65536/", "http://h:x/", "http://u@h/",
          "http://[::1/", "http://[::1]x/", "http://h/\r\nX: y", "http://h /"}) {
        CAPTURE(bad);
        CHECK(!detail::parse_http_url(bad));
    }
    SECTION("are read the same whatever was read before") {
        detail::url_reader reader;
        std::vector<std::string> texts;
        for (const std::string origin : {"http://h", "http://h:80", "http://h:8080", "https://h", "HTTP://H",
                                         "http://[::1]:8080", "http://h8", "http://", "http://u@h", "http://h:0"})
            for (const auto* const rest : {"/a?b", "", "/", "/#f", "#f", "?q", "/a b", "/a#b c", "8", "/a\x7F"})
                texts.push_back(origin + rest);
        for (std::size_t step :
             {std::size_t{1}, std::size_t{7}, std::size_t{10}}) // coprime to 100, or along the origins
            for (std::size_t i = 0; i < 2 * texts.size(); ++i) {
                const std::string text = texts[i * step % texts.size()]; // its own memory each time
                CAPTURE(text);
                const auto read = reader.read(text);
                const auto parsed = detail::parse_http_url(text);
                REQUIRE(read.has_value() == parsed.has_value());
                if (!read) continue;
                CHECK(read->secure == parsed->secure);
                CHECK(read->host == parsed->host);
                CHECK(read->port == parsed->port);
                CHECK(read->authority == parsed->authority);
                CHECK(read->authority.data() == parsed->authority.data()); // of this text, not of one before
                CHECK(read->target() == parsed->target());
            }
    }
    http_request r;
    r.url = "http://h/a%20b?x=1+2&y=%41&z#f";
    CHECK(r.path() == "/a%20b");
    CHECK(r.query("x") == "1 2");
    CHECK(r.query("y") == "A");
    CHECK(r.query("z") == "");
    CHECK(!r.query("f"));
    CHECK(percent_decode("%4") == "%4");
}
