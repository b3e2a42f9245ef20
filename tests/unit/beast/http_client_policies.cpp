// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

// Redirects, credentials, proxies, the line for connections, downloads.

#include <telltale/beast/http_client.hpp>

#include <telltale/beast/http_credential.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/testing/virtual_clock.hpp>

#include "scripted_server.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace telltale_test;
using namespace std::chrono_literals;

std::string redirect(int status, const std::string& location) {
    return "HTTP/1.1 " + std::to_string(status) + " There\r\nContent-Length: 4\r\nLocation: " + location +
           "\r\n\r\nbody";
}

// Answers by the request line: what `answers` has for "GET /x", else 200 with that line as its body.
script by_target(std::vector<std::pair<std::string, std::string>> answers) {
    return {.requests = 1000, .answer_to = [answers = std::move(answers)](const std::string& head) {
                const auto line = head.substr(0, head.find(" HTTP/"));
                for (const auto& [request, answer] : answers)
                    if (request == line) return answer;
                return answer_ok(line);
            }};
}

std::string field(const std::string& head, const std::string& name) {
    const auto at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const auto begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

http_request request_of(std::string method, std::string url, std::string body = {}) {
    auto r = get(std::move(url));
    r.method = std::move(method);
    r.body = std::move(body);
    return r;
}

} // namespace

TEST_CASE("http_client follows redirects", "[http_client_policies]") {
    net::io_context io{1};
    http_client_options options;
    SECTION("to every kind of place, over one connection") {
        scripted_server server(io, {by_target({{"GET /a/b", redirect(301, "../c")},
                                               {"GET /c", redirect(302, "/d?e=1#f")},
                                               {"GET /d?e=1", redirect(307, "?e=2")},
                                               {"GET /d?e=2", redirect(308, "./x/./y/../z")}})});
        http_client client(io.get_executor());
        CHECK(get_once(io, client, server.url("/a/b")).response.body == "GET /x/z");
        CHECK(server.accepted == 1);
    }
    SECTION("of other methods after 303 only, if not asked to") {
        options.redirect_all_methods = GENERATE(false, true);
        const bool all = options.redirect_all_methods;
        scripted_server server(io, {by_target({{"POST /303", redirect(303, "/there")},
                                               {"POST /302", redirect(302, "/there")},
                                               {"PUT /302", redirect(302, "/there")},
                                               {"POST /307", redirect(307, "/there")}})});
        http_client client(io.get_executor(), options);
        const auto ask_it = [&](const std::string& method, const std::string& target) {
            auto r = request_of(method, server.url(target), "text");
            r.headers = {{"Content-Type", "text/plain"}, {"X-Y", "z"}};
            const auto answer = ask_once(io, client, std::move(r)).response;
            return std::to_string(answer.status) + " " + answer.body;
        };
        CHECK(ask_it("POST", "/303") == "200 GET /there");
        CHECK(!contains(server.heads.back(), "Content-"));
        CHECK(field(server.heads.back(), "X-Y") == "z");
        CHECK(ask_it("POST", "/302") == (all ? "200 GET /there" : "302 body"));
        CHECK(ask_it("PUT", "/302") == (all ? "200 PUT /there" : "302 body"));
        CHECK(ask_it("POST", "/307") == (all ? "200 POST /there" : "307 body"));
        if (all) CHECK(field(server.heads.back(), "Content-Length") == "4");
    }
    SECTION("not in circles, not for ever, not to anything") {
        scripted_server server(io, {by_target({{"GET /a", redirect(302, "/b")},
                                               {"GET /b", redirect(302, "/a")},
                                               {"GET /1", redirect(302, "/2")},
                                               {"GET /2", redirect(302, "/3")},
                                               {"GET /3", redirect(302, "/4")},
                                               {"GET /mail", redirect(302, "mailto:me")},
                                               {"GET /bad", redirect(302, "http://a b/")},
                                               {"GET /304", redirect(304, "/a")},
                                               {"GET /none", "HTTP/1.1 302 F\r\nContent-Length: 0\r\n\r\n"}})});
        options.max_redirects = 2;
        http_client client(io.get_executor(), options);
        CHECK(get_once(io, client, server.url("/a")).ec == errc::redirect_loop);
        CHECK(get_once(io, client, server.url("/2")).response.body == "GET /4");
        CHECK(get_once(io, client, server.url("/1")).ec == errc::too_many_redirects);
        CHECK(get_once(io, client, server.url("/mail")).ec == errc::malformed_url);
        CHECK(get_once(io, client, server.url("/bad")).ec == errc::malformed_url);
        CHECK(get_once(io, client, server.url("/none")).response.status == 302);
        options.max_redirects = 0;
        http_client stays(io.get_executor(), options);
        CHECK(get_once(io, stays, server.url("/a")).response.status == 302);
    }
}

TEST_CASE("http_client keeps secrets with the host that they are for", "[http_client_policies]") {
    net::io_context io{1};
    scripted_server other(io, {by_target({})});
    scripted_server server(
        io, {by_target({{"GET /away", redirect(302, other.url("/there"))}, {"GET /within", redirect(302, "/here")}})});
    http_client client(io.get_executor(), {.secret_headers = {"X-Mine"}});
    auto r = get(server.url("/away"));
    r.headers = {{"authorization", "Bearer t"},
                 {"Cookie", "c=d"},
                 {"X-API-Key", "k"},
                 {"PRIVATE-TOKEN", "p"},
                 {"x-mine", "m"},
                 {"Accept", "a/b"},
                 {"Host", "virtual"}};
    if (GENERATE(false, true)) {
        r.headers = {{"Accept", "a/b"}};
        r.credential = header_credential("X-Whatever", "secret value");
    }
    REQUIRE(ask_once(io, client, r).response.body == "GET /there");
    const auto& head = other.heads.at(0);
    CAPTURE(head);
    CHECK(field(head, "Accept") == "a/b");
    CHECK(field(head, "Host") == "127.0.0.1:" + std::to_string(other.port()));
    for (const auto* name : {"authorization", "Cookie", "X-API-Key", "PRIVATE-TOKEN", "x-mine", "X-Whatever"})
        CHECK(field(head, name).empty());
    r.url = server.url("/within");
    REQUIRE(ask_once(io, client, r).response.body == "GET /here");
    CHECK((field(server.heads.back(), "authorization") == "Bearer t" ||
           field(server.heads.back(), "X-Whatever") == "secret value"));
}

namespace {

// Gives "t1", "t2", ..., each after a turn of the clock.
struct tokens {
    int asked = 0;
    std::vector<bool> refreshes{};
    bool fails = false;
    std::shared_ptr<timer> until{};

    static net::awaitable<std::string> next(tokens* t, bool refresh) {
        ++t->asked;
        t->refreshes.push_back(refresh);
        if (t->until) co_await t->until->async_wait();
        if (t->fails) throw std::runtime_error("the secret is hunter2");
        co_return "t" + std::to_string(t->asked);
    }

    std::shared_ptr<http_credential> credential() {
        return bearer_credential(token_provider([this](bool refresh) { return next(this, refresh); }));
    }
};

// Takes only this token.
script takes(std::shared_ptr<std::string> token) {
    return {.requests = 1000, .answer_to = [token](const std::string& head) {
                return field(head, "Authorization") == "Bearer " + *token
                           ? answer_ok()
                           : "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
            }};
}

} // namespace

TEST_CASE("http_client: credentials", "[http_client_policies]") {
    net::io_context io{1};
    scripted_server server(io, {by_target({})});
    http_client client(io.get_executor());
    auto r = get(server.url());
    SECTION("basic") {
        r.credential = basic_credential("Aladdin", "open sesame");
        r.headers = {{"Authorization", "another"}};
        REQUIRE(!ask_once(io, client, r).ec);
        CHECK(field(server.heads[0], "Authorization") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        CHECK(!contains(server.heads[0], "another"));
        CHECK(detail::base64("a") == "YQ==");
        CHECK(detail::base64("ab") == "YWI=");
        CHECK(detail::base64("\xff\xfe\xfd") == "//79");
    }
    SECTION("bearer, and any header") {
        r.credential = bearer_credential("t");
        REQUIRE(!ask_once(io, client, r).ec);
        CHECK(field(server.heads[0], "Authorization") == "Bearer t");
        r.credential = header_credential("X-API-Key", "k");
        REQUIRE(!ask_once(io, client, r).ec);
        CHECK(field(server.heads[1], "X-API-Key") == "k");
    }
    SECTION("that would be more than one header") {
        r.credential = header_credential("X-API-Key", "k\r\nX: y");
        CHECK(ask_once(io, client, r).ec == errc::invalid_argument);
    }
}

TEST_CASE("http_client: a token that is refreshed", "[http_client_policies]") {
    net::io_context io{1};
    const auto good = std::make_shared<std::string>("t1");
    scripted_server server(io, {takes(good)});
    http_client client(io.get_executor());
    tokens provider;
    auto r = get(server.url());
    r.credential = provider.credential();
    SECTION("when it is refused, once") {
        CHECK(ask_once(io, client, r).response.status == 200);
        CHECK(ask_once(io, client, r).response.status == 200);
        CHECK(provider.asked == 1);
        *good = "t2";
        CHECK(ask_once(io, client, r).response.status == 200);
        CHECK(provider.refreshes == std::vector<bool>{false, true});
        *good = "none";
        CHECK(ask_once(io, client, r).response.status == 401);
        CHECK(provider.asked == 3);
        CHECK(server.heads.size() == 6);
    }
    SECTION("once for all who need it at the same time") {
        for (int round = 1; round <= 2; ++round) {
            std::vector<result> results(10);
            for (auto& one : results) net::co_spawn(io, ask(client, r, one), net::detached);
            while (!std::all_of(results.begin(), results.end(), [](const result& x) { return x.done; })) io.run_one();
            for (const auto& one : results) CHECK(one.response.status == 200);
            CHECK(provider.asked == round);
            *good = "t2";
        }
    }
    SECTION("and cannot be had: a named error, and nothing of what the provider said") {
        provider.fails = true;
        CHECK(ask_once(io, client, r).ec == errc::no_token);
        CHECK(server.heads.empty());
        provider.fails = false;
        *good = "t2";
        CHECK(ask_once(io, client, r).response.status == 200); // the next request asks again
    }
}

TEST_CASE("http_client: whoever waits for a token may go", "[http_client_policies]") {
    net::io_context io{1};
    testing::virtual_clock clock(io);
    const auto good = std::make_shared<std::string>("t1");
    scripted_server server(io, {takes(good)});
    tokens provider;
    provider.until = std::make_shared<timer>(io.get_executor());
    provider.until->expires_after(10s);
    std::optional<http_client> client(std::in_place, io.get_executor());
    auto r = get(server.url());
    r.credential = provider.credential();
    net::cancellation_signal first;
    std::optional<error_code> a;
    std::optional<error_code> b;
    client->async_request(r, net::bind_cancellation_slot(first.slot(), [&](error_code ec, http_response) { a = ec; }));
    client->async_request(r, [&](error_code ec, http_response) { b = ec; });
    io.poll();
    REQUIRE(provider.asked == 1);
    SECTION("one of them: the others get it") {
        first.emit(net::cancellation_type::terminal);
        io.poll();
        CHECK(a == error_code(net::error::operation_aborted));
        clock.run_for(10s);
        while (!b) io.run_one();
        CHECK(!*b);
        CHECK(provider.asked == 1);
    }
    SECTION("all of them: the asking ends") {
        client.reset();
        io.poll();
        CHECK(a == error_code(net::error::operation_aborted));
        CHECK(b == error_code(net::error::operation_aborted));
        http_client next(io.get_executor());
        provider.until->expires_after(-1s);
        *good = "t2";
        CHECK(ask_once(io, next, r).response.status == 200);
        CHECK(provider.asked == 2);
    }
    SECTION("the context goes first") { CHECK(!a); }
}

TEST_CASE("http_client: connections per host, and the line for them", "[http_client_policies]") {
    net::io_context io{1};
    scripted_server server(io, {{answer_ok(), 100, script::end::hang}});
    std::optional<http_client> client(std::in_place, io.get_executor(),
                                      http_client_options{.max_connections_per_host = 2});
    std::vector<int> order;
    std::vector<error_code> errors(6);
    std::vector<net::cancellation_signal> signals(6);
    for (int i = 0; i < 6; ++i)
        client->async_get(server.url("/" + std::to_string(i)),
                          net::bind_cancellation_slot(signals[static_cast<std::size_t>(i)].slot(),
                                                      [&, i](error_code ec, http_response) {
                                                          order.push_back(i);
                                                          errors[static_cast<std::size_t>(i)] = ec;
                                                      }));
    SECTION("first come, first served") {
        while (order.size() < 6) io.run_one();
        CHECK(server.accepted == 2);
        for (int i = 2; i < 6; ++i)
            CHECK(contains(server.heads[static_cast<std::size_t>(i)], "GET /" + std::to_string(i)));
        for (const auto& ec : errors) CHECK(!ec);
        CHECK(client->idle_connections() == 2);
    }
    SECTION("whoever is cancelled leaves the line") {
        signals[3].emit(net::cancellation_type::partial);
        signals[5].emit(net::cancellation_type::total);
        while (order.size() < 6) io.run_one();
        CHECK(errors[3] == net::error::operation_aborted);
        CHECK(errors[5] == net::error::operation_aborted);
        CHECK(server.heads.size() == 4);
    }
    SECTION("a connection that ends makes room") {
        signals[0].emit(net::cancellation_type::total);
        signals[1].emit(net::cancellation_type::total);
        while (order.size() < 6) io.run_one();
        for (std::size_t i = 2; i < 6; ++i) CHECK(!errors[i]);
    }
    SECTION("all at once") {
        client.reset();
        while (order.size() < 6) io.run_one();
        for (const auto& ec : errors) CHECK(ec == net::error::operation_aborted);
    }
    SECTION("the context goes first") { CHECK(io.poll_one() == 1); }
    server.acceptor.close();
}

TEST_CASE("http_client: the time in the line counts", "[http_client_policies]") {
    net::io_context io{1};
    testing::virtual_clock clock(io);
    scripted_server server(io, {{"", 1, script::end::hang}});
    http_client client(io.get_executor(), {.timeout = 30s, .max_connections_per_host = 1});
    result first;
    result second;
    net::co_spawn(io, ask(client, get(server.url()), first), net::detached);
    net::co_spawn(io, ask(client, get(server.url()), second), net::detached);
    while (server.hanging.empty()) io.run_one();
    clock.run_for(30s);
    while (!first.done || !second.done) io.run_one();
    CHECK(first.ec == errc::deadline_exceeded);
    CHECK(second.ec == errc::deadline_exceeded);
}

TEST_CASE("http_client: nothing leaks in the line when the context is torn down at any step",
          "[http_client_policies]") {
    for (int steps = 0; steps < 30; ++steps) {
        const auto witness = std::make_shared<int>();
        {
            net::io_context io{1};
            scripted_server server(io, {{answer_ok(), 100, script::end::hang}});
            // The clients are owned by what waits for them.
            const auto client =
                std::make_shared<http_client>(io.get_executor(), http_client_options{.max_connections_per_host = 1});
            for (int i = 0; i < 4; ++i)
                client->async_get(server.url(), [witness, client](error_code, http_response) {});
            for (int i = 0; i < steps; ++i) io.poll_one();
        }
        CHECK(witness.use_count() == 1);
    }
}

TEST_CASE("http_client: through a proxy", "[http_client_policies]") {
    net::io_context io{1};
    scripted_server proxy(io, {by_target({})});
    scripted_server server(io, {by_target({})});
    http_client_options options;
    options.proxy.http = "http://u:p@127.0.0.1:" + std::to_string(proxy.port()) + "/";
    options.proxy.no_proxy = {"127.0.0.1:" + std::to_string(server.port()), ".internal"};
    http_client client(io.get_executor(), options);
    CHECK(get_once(io, client, "http://example.com/x?y").response.body == "GET http://example.com/x?y");
    CHECK(get_once(io, client, "http://example.org:81").response.body == "GET http://example.org:81/");
    CHECK(proxy.accepted == 1); // one connection to the proxy does for both
    CHECK(field(proxy.heads[1], "Host") == "example.org:81");
    CHECK(field(proxy.heads[1], "Proxy-Authorization") == "Basic dTpw");
    CHECK(get_once(io, client, server.url()).response.body == "GET /");
    CHECK(server.heads.size() == 1);
    CHECK(field(server.heads[0], "Proxy-Authorization").empty());
    options.proxy.http = "socks5://127.0.0.1:1";
    http_client wrong(io.get_executor(), options);
    CHECK(get_once(io, wrong, "http://example.com/").ec == errc::malformed_url);
}

TEST_CASE("http_client: what a proxy is, and for whom there is none", "[http_client_policies]") {
    const auto p = detail::parse_proxy("http://a%40b:c:d@[::1]:3128/");
    REQUIRE(p);
    CHECK(p->host == "::1");
    CHECK(p->port == "3128");
    CHECK(p->authorization == detail::basic_authorization("a@b", "c:d"));
    CHECK(detail::parse_proxy("proxy:1")->port == "1");
    CHECK(detail::parse_proxy("proxy")->port == "80");
    for (const auto* bad : {"https://proxy", "http://", "http://proxy/path", "http://p x"})
        CHECK(!detail::parse_proxy(bad));
    const auto url = *detail::parse_http_url("https://api.Example.com:8443/");
    for (const auto* direct :
         {"*", "example.com", ".example.com", "*.example.com", "API.example.com", "example.com:8443"})
        CHECK(detail::bypasses(direct, url));
    for (const auto* not_direct : {"", "ample.com", "example.org", "example.com:443", "x.api.example.com"})
        CHECK(!detail::bypasses(not_direct, url));
    CHECK(detail::bypasses("[::1]:80", *detail::parse_http_url("http://[::1]/")));
    CHECK(detail::bypasses("::1", *detail::parse_http_url("http://[::1]/")));
}

TEST_CASE("http_client: downloads into a sink", "[http_client_policies]") {
    net::io_context io{1};
    const std::string body(3'000'000, 'x');
    scripted_server server(io,
                           {by_target({{"GET /large", answer_ok(body)},
                                       {"GET /moved", redirect(302, "/large")},
                                       {"GET /error", "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"}})});
    std::optional<http_client> client(std::in_place, io.get_executor());
    std::optional<error_code> done;
    http_response answer;
    const auto finish = [&](error_code ec, http_response r) {
        done = ec;
        answer = std::move(r);
    };
    std::size_t taken = 0;
    std::size_t largest = 0;
    const auto count = [&](std::string_view part) {
        taken += part.size();
        largest = std::max(largest, part.size());
        return error_code();
    };
    SECTION("in pieces, after redirects, over a connection that goes on") {
        client->async_download(get(server.url("/moved")), body_sink(count), finish);
        while (!done) io.run_one();
        CHECK(!*done);
        CHECK(answer.status == 200);
        CHECK(answer.body.empty());
        CHECK(answer.header("Content-Length") == "3000000");
        CHECK(taken == body.size());
        CHECK(largest <= 65536);
        CHECK(client->idle_connections() == 1);
    }
    SECTION("what is no result does not go there") {
        client->async_download(get(server.url("/error")), body_sink(count), finish);
        while (!done) io.run_one();
        CHECK(answer.status == 404);
        CHECK(answer.body == "none");
        CHECK(taken == 0);
    }
    SECTION("its error ends it") {
        client->async_download(get(server.url("/large")), body_sink([&](std::string_view part) {
                                   taken += part.size();
                                   return taken > 100'000 ? error_code(errc::closed) : error_code();
                               }),
                               finish);
        while (!done) io.run_one();
        CHECK(*done == errc::closed);
        CHECK(taken < 100'000 + 65537);
        CHECK(client->idle_connections() == 0);
    }
    SECTION("the client goes within it") {
        client->async_download(get(server.url("/large")), body_sink([&](std::string_view) {
                                   ++taken;
                                   client.reset();
                                   return error_code();
                               }),
                               finish);
        while (!done) io.run_one();
        CHECK(*done == net::error::operation_aborted);
        CHECK(taken == 1);
    }
}

// The code that docs/guide/https.md shows.
namespace guide {

net::awaitable<std::string> fetch_token(telltale::http_client& client, std::string login_url, bool refresh) {
    telltale::http_request request;
    request.method = "POST";
    request.url = login_url + (refresh ? "?again" : "");
    request.credential = telltale::basic_credential("telltale", "a password");
    const telltale::http_response answer = co_await client.async_request(std::move(request));
    if (answer.status != 200) throw std::runtime_error("no token");
    co_return answer.body;
}

net::awaitable<std::string> ask_with_token(telltale::http_client& client, std::string url, std::string login_url) {
    const auto credential = telltale::bearer_credential(
        [&client, login_url](bool refresh) { return fetch_token(client, login_url, refresh); });
    telltale::http_request request;
    request.url = url;
    request.credential = credential; // the same one for all requests
    const telltale::http_response answer = co_await client.async_request(std::move(request));
    co_return answer.body;
}

net::awaitable<std::uint64_t> size_of(telltale::http_client& client, telltale::http_request request) {
    std::uint64_t bytes = 0;
    const telltale::body_sink count = [&bytes](std::string_view part) {
        bytes += part.size();
        return telltale::error_code(); // an error would end the download
    };
    const telltale::http_response answer = co_await client.async_download(std::move(request), count);
    if (answer.status != 200) throw std::runtime_error(answer.body);
    co_return bytes;
}

} // namespace guide

TEST_CASE("http_client: the code of the guide", "[http_client_policies]") {
    net::io_context io{1};
    const auto executor = io.get_executor();
    telltale::http_client_options options;
    options.tls.ca_file = "/etc/ssl/our_ca.pem"; // instead of the system's authorities
    options.proxy = telltale::proxy_from_environment();
    options.connect_timeout = 2s;
    options.timeout = 20s;
    telltale::http_client client(executor, options);

    scripted_server server(io, {by_target({{"POST /login", answer_ok("token")}, {"GET /data", answer_ok("12345")}})});
    std::string body;
    std::uint64_t size = 0;
    net::co_spawn(io, guide::ask_with_token(client, server.url("/x"), server.url("/login")),
                  [&](std::exception_ptr, std::string b) { body = std::move(b); });
    while (body.empty()) io.run_one();
    CHECK(body == "GET /x");
    CHECK(field(server.heads.back(), "Authorization") == "Bearer token");
    net::co_spawn(io, guide::size_of(client, get(server.url("/data"))),
                  [&](std::exception_ptr, std::uint64_t n) { size = n; });
    while (size == 0) io.run_one();
    CHECK(size == 5);
}
