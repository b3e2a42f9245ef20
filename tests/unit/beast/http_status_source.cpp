// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/http_status_source.hpp>

#include <telltale/beast/http_credential.hpp>
#include <telltale/beast/http_server.hpp>
#include <telltale/board/board.hpp>
#include <telltale/error.hpp>
#include <telltale/poll/poll_error.hpp>
#include <telltale/poll/status_poller.hpp>
#include <telltale/testing/virtual_clock.hpp>

#include "catch.hpp"

#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// What a worker says.
struct worker {
    int looks = 0;
    int cancels = 0;
    std::string seen_header{};
};

net::awaitable<http_response> answer(std::shared_ptr<worker> w, http_request r) {
    const auto id = r.param("id");
    w->seen_header = "none";
    if (const auto* h = find_field(r.headers, "X-Key")) w->seen_header = *h;
    if (id == "gone") co_return json_response(404, "{}");
    if (id == "broken") co_return json_response(200, R"({"state":)");
    if (id == "busy") co_return json_response(503, "{}");
    if (id == "a/b c") co_return json_response(200, R"({"state":"queued"})");
    if (id == "cancel me")
        co_return json_response(200, w->cancels == 0 ? R"({"state":"running"})" : R"({"state":"cancelled"})");
    ++w->looks;
    co_return json_response(200, w->looks < 3 ? R"({"id":"1","state":"running","progress":{"done":1,"total":2}})"
                                              : R"({"id":"1","state":"succeeded"})");
}

net::awaitable<http_response> list(http_request) {
    co_return json_response(200, R"({"jobs":[{"id":"1","state":"running"},{"id":"2","state":"failed"}]})");
}

net::awaitable<http_response> cancel(std::shared_ptr<worker> w, http_request r) {
    ++w->cancels;
    if (r.param("id") == "gone") co_return json_response(404, "{}");
    if (r.param("id") == "over") co_return json_response(409, "{}");
    if (r.param("id") == "busy") co_return json_response(500, "{}");
    co_return json_response(202, "{}");
}

net::awaitable<http_response> csv(http_request) { co_return make_response(200, "text/csv", "a,b\n"); }

struct fixture {
    net::io_context context{1};
    testing::virtual_clock clock{context};
    std::shared_ptr<worker> w = std::make_shared<worker>();
    http_server server{context.get_executor()};
    http_client client{context.get_executor()};
    std::string base{};

    fixture() {
        server.route("GET", "/jobs", list);
        server.route("GET", "/jobs/{id}", [w = w](http_request r) { return answer(w, std::move(r)); });
        server.route("POST", "/jobs/{id}/cancel", [w = w](http_request r) { return cancel(w, std::move(r)); });
        server.route("GET", "/jobs/{id}/result", csv);
        server.listen({net::ip::make_address("127.0.0.1"), 0});
        base = "http://127.0.0.1:" + std::to_string(server.local_endpoint().port());
    }

    http_status_source source() { return http_status_source(client, base + "/", telltale_profile(), {{"X-Key", "k"}}); }

    // Runs until the coroutine has ended.
    void run(net::awaitable<void> test) {
        std::exception_ptr failure;
        bool ended = false;
        net::co_spawn(context, std::move(test), [&](std::exception_ptr e) {
            failure = e;
            ended = true;
        });
        while (!ended) context.run_one();
        if (failure) std::rethrow_exception(failure);
    }
};

net::awaitable<void> test_polls(http_status_source source, std::shared_ptr<worker> w) {
    const status s = co_await source.poll("1");
    CHECK(s.state == job_state::running);
    CHECK(s.progress->percent() == 50.0);
    CHECK(w->seen_header == "k");
    const status encoded = co_await source.poll("a/b c");
    CHECK(encoded.state == job_state::queued);
    const status gone = co_await source.poll("gone");
    CHECK_FALSE(gone.found);
    for (const auto& [id, expected] :
         std::vector<std::pair<std::string, errc>>{{"broken", errc::truncated_json}, {"busy", errc::http_status}}) {
        error_code ec;
        try {
            (void)co_await source.poll(id);
        } catch (const system_error& e) {
            ec = e.code();
            if (id == "busy") CHECK(contains(e.what(), "/jobs/busy: HTTP 503"));
        }
        CHECK(ec == expected);
    }
    const auto jobs = co_await source.list();
    REQUIRE(jobs.size() == 2);
    CHECK(jobs[1].id == "2");
    CHECK(jobs[1].now.state == job_state::failed);
    const std::string text = co_await source.result("1");
    CHECK(text == "a,b\n");
}

net::awaitable<void> test_cancel(http_status_source source) {
    CHECK(co_await source.cancel("1") == command_result::accepted);
    CHECK(co_await source.cancel("gone") == command_result::unknown_job);
    CHECK(co_await source.cancel("over") == command_result::refused);
    error_code ec;
    try {
        (void)co_await source.cancel("busy");
    } catch (const system_error& e) {
        ec = e.code();
    }
    CHECK(ec == errc::http_status);
}

net::awaitable<void> test_unreachable(http_client& client) {
    http_status_source source(client, "http://127.0.0.1:1", telltale_profile());
    error_code ec;
    try {
        (void)co_await source.poll("1");
    } catch (const system_error& e) {
        ec = e.code();
        CHECK(contains(e.what(), "http://127.0.0.1:1/jobs/1"));
    }
    CHECK(ec == net::error::connection_refused);
}

} // namespace

TEST_CASE_METHOD(fixture, "http_status_source: polls, lists and fetches, with named errors") {
    run(test_polls(source(), w));
}

TEST_CASE_METHOD(fixture, "http_status_source: cancels at the source") { run(test_cancel(source())); }

TEST_CASE_METHOD(fixture, "http_status_source: a poller, a board, and a cancel through the board") {
    board all(context.get_executor());
    const http_status_source api = source();
    status_poller poller(context.get_executor(), api, all.sink(), {.jitter = 0});
    // Time passes only while no request is under way.
    const auto wait_for = [&](const job_id& id) {
        std::optional<job> over;
        poller.async_wait(id, [&over](error_code ec, job j) {
            CHECK_FALSE(ec);
            over = std::move(j);
        });
        while (!over) {
            if (poller.polling() == 0)
                clock.run_for(poller_options{}.interval);
            else
                context.run_one();
        }
        return over->state;
    };
    poller.watch("1");
    poller.watch("cancel me", {.control = api.control("cancel me")});
    CHECK(wait_for("1") == job_state::succeeded);
    CHECK(all.request("cancel me", job_command::pause) == command_result::unsupported);
    CHECK(all.request("1", job_command::cancel) == command_result::unsupported);
    CHECK(all.request("cancel me", job_command::cancel) == command_result::accepted);
    CHECK(wait_for("cancel me") == job_state::cancelled);
    CHECK(all.find("1")->state == job_state::succeeded);
    CHECK(all.find("cancel me")->state == job_state::cancelled);
    CHECK(w->cancels == 1);
}

TEST_CASE_METHOD(fixture, "http_status_source: an API that cannot be reached") { run(test_unreachable(client)); }

TEST_CASE_METHOD(fixture, "http_status_source: its control is refused once the source is gone") {
    const auto control = source().control("1");
    CHECK(control->supports(job_command::cancel));
    CHECK(control->request(job_command::cancel) == command_result::refused);
    auto p = telltale_profile();
    p.cancel.reset();
    const http_status_source without(client, base, p);
    CHECK(without.control("1")->request(job_command::cancel) == command_result::unsupported);
}

namespace {

profile full_profile() {
    return parse_profile(R"({"job": "/j/{id}?token=hidden", "headers": {"Accept": "application/x", "X-Key": "profile"},
        "many": {"url": "/many?ids={ids}", "limit": 3, "jobs": "/jobs", "id": "/id"},
        "retry": {"url": "/j/{id}/retry", "new_id": "/new"}, "cancel": {"url": "/j/{id}/cancel"},
        "fields": {"state": "/s", "hint": {"seconds": "/again"}}, "words": {"R": "running", "D": "succeeded"},
        "not_found": [404, {"status": 500, "where": {"/code": 2017}}]})");
}

// Answers as the test says, and keeps what it was asked.
struct told_api {
    net::io_context context{1};
    testing::virtual_clock clock{context};
    http_server server{context.get_executor()};
    http_client client{context.get_executor(), {.max_redirects = 1}};
    http_response says = json_response(200, "{}");
    http_request asked{};

    static net::awaitable<http_response> answer(told_api* api, http_request r) {
        api->asked = std::move(r);
        co_return api->says;
    }

    told_api() {
        for (const char* method : {"GET", "POST"})
            server.route(method, "/{*}", [this](http_request r) { return answer(this, std::move(r)); });
        server.listen({net::ip::make_address("127.0.0.1"), 0});
    }

    http_status_source source(http_source_options options = {}) {
        const auto url = "http://127.0.0.1:" + std::to_string(server.local_endpoint().port());
        return http_status_source(client, url, full_profile(), {{"X-Key", "our secret"}}, std::move(options));
    }

    // What the operation gives; throws what it throws.
    template <class T>
    T get(net::awaitable<T> operation) {
        std::optional<T> result;
        std::exception_ptr failure;
        net::co_spawn(context, std::move(operation), [&](std::exception_ptr e, T value) {
            failure = e;
            if (!e) result = std::move(value);
        });
        while (!result && !failure) context.run_one();
        if (failure) std::rethrow_exception(failure);
        return std::move(*result);
    }

    poll_error failure(http_status_source& s) {
        try {
            get(s.poll("1"));
        } catch (const poll_error& e) {
            return e;
        }
        FAIL("it did not fail");
        throw 0;
    }

    void say(unsigned status, std::string body, http_fields headers = {}) {
        says = json_response(status, std::move(body));
        says.headers.insert(says.headers.end(), headers.begin(), headers.end());
    }
};

std::string header_of(const http_request& r, std::string_view name) {
    const auto* const found = find_field(r.headers, name);
    return found ? *found : "";
}

} // namespace

TEST_CASE_METHOD(told_api, "http_status_source: many jobs in one request", "[http_status_source]") {
    auto api = source();
    CHECK(api.batch_limit() == 3);
    say(200, R"({"jobs": [{"id": "b", "s": "D"}, {"id": "other", "s": "R"}, {"id": "a", "s": "R"}]})",
        {{"Retry-After", "9"}});
    const auto all = get(api.poll_many({"a", "b", "c"}));
    CHECK(asked.url == "/many?ids=a,b,c");
    CHECK(header_of(asked, "Accept") == "application/x");
    CHECK(header_of(asked, "X-Key") == "our secret"); // goes before the profile's
    REQUIRE(all.size() == 3);
    CHECK(all[0].state == job_state::running);
    CHECK(all[1].state == job_state::succeeded);
    CHECK_FALSE(all[2].found);
    for (const auto& s : all) CHECK(s.hint.retry_after == std::chrono::nanoseconds(9s));
    say(404, "{}");
    CHECK_FALSE(get(api.poll_many({"a", "b"})).at(1).found);
    say(503, "{}");
    CHECK_THROWS_AS(get(api.poll_many({"a"})), poll_error);

    auto one_by_one = full_profile();
    one_by_one.many.reset();
    http_status_source slow(client, "http://127.0.0.1:" + std::to_string(server.local_endpoint().port()), one_by_one);
    CHECK(slow.batch_limit() == 1);
    say(200, R"({"s": "R"})");
    CHECK(get(slow.poll_many({"a", "b"})).size() == 2);
    CHECK(asked.path() == "/j/b");
}

TEST_CASE_METHOD(told_api, "http_status_source: an answer that has not changed", "[http_status_source]") {
    auto api = source();
    say(200, R"({"s": "R", "again": 7})", {{"ETag", "\"v1\""}});
    CHECK_FALSE(get(api.poll("1")).unchanged);
    CHECK(header_of(asked, "If-None-Match").empty());
    say(304, "", {{"X-Poll-Interval", "30"}});
    const auto same = get(api.poll("1"));
    CHECK(header_of(asked, "If-None-Match") == "\"v1\"");
    CHECK(same.unchanged);
    CHECK(same.state == job_state::running);
    CHECK(same.hint.interval == std::chrono::nanoseconds(30s));
    SECTION("each job has its own") {
        say(200, R"({"s": "R"})");
        CHECK_FALSE(get(api.poll("2")).unchanged);
        CHECK(header_of(asked, "If-None-Match").empty());
        say(304, "");
        auto fresh = source(); // did not ask for that
        CHECK(failure(fresh).http_status() == 304);
    }
    SECTION("what is over, gone or wrong is asked for anew") {
        for (const auto& [status, body] : std::vector<std::pair<unsigned, std::string>>{
                 {200, R"({"s": "D"})"}, {404, "{}"}, {500, "{}"}, {200, R"({"s": "R"})"}}) {
            say(200, R"({"s": "R"})", {{"ETag", "\"v2\""}});
            get(api.poll("1"));
            say(status, body, {{status == 200 && body[7] == 'D' ? "ETag" : "X", "y"}});
            try {
                get(api.poll("1"));
            } catch (const poll_error&) {
                CHECK(status == 500);
            }
            CHECK(header_of(asked, "If-None-Match") == "\"v2\"");
            say(200, R"({"s": "R"})");
            get(api.poll("1"));
            CHECK(header_of(asked, "If-None-Match").empty());
        }
    }
    SECTION("in bounded memory") {
        auto small = source({.max_etags = 2});
        for (const auto* id : {"1", "2", "3"}) {
            say(200, R"({"s": "R"})", {{"ETag", "e"}});
            get(small.poll(id));
        }
        int remembered = 0;
        for (const auto* id : {"1", "2", "3"}) {
            say(200, R"({"s": "R"})");
            get(small.poll(id));
            remembered += header_of(asked, "If-None-Match").empty() ? 0 : 1;
        }
        CHECK(remembered == 2);
    }
}

TEST_CASE_METHOD(told_api, "http_status_source: a failure says what it knows, and no secret", "[http_status_source]") {
    http_source_options options;
    options.credential = bearer_credential("abcdef123");
    options.errors.prepend({.kind = error_class::query, .text = "teapot"});
    auto api = source(options);
    SECTION("of the API") {
        say(429, R"({"error": {"code": "slow_down", "message": "not so fast, abcdef123;\nour secret"}})",
            {{"Retry-After", "17"}, {"X-RateLimit-Remaining", "0"}});
        const auto e = failure(api);
        CHECK(header_of(asked, "Authorization") == "Bearer abcdef123");
        CHECK(e.code() == errc::http_status);
        CHECK(e.http_status() == 429);
        CHECK(e.hint().retry_after == std::chrono::nanoseconds(17s));
        CHECK(e.hint().left == 0U);
        CHECK(e.kind() == classify({.http_status = 429, .code = "slow_down", .message = "not so fast"}));
        const std::string text = e.what();
        CAPTURE(text);
        CHECK(contains(text, "/j/1?token=***: HTTP 429 slow_down \"not so fast, ***; ***\""));
        for (const auto* secret : {"abcdef123", "our secret", "hidden", "\n"}) CHECK_FALSE(contains(text, secret));
        say(418, R"({"message": "I am a teapot"})");
        CHECK(failure(api).kind() == error_class::query);
        say(401, "");
        CHECK(failure(api).kind() == error_class::authentication);
    }
    SECTION("of the answer") {
        say(200, R"({"s": )");
        const auto e = failure(api);
        CHECK(e.code() == errc::truncated_json);
        CHECK(e.kind() == error_class::api);
        CHECK(e.http_status() == 200);
        CHECK(contains(e.what(), "at byte"));
        CHECK_FALSE(contains(e.what(), "hidden"));
    }
    SECTION("of the way there") {
        const auto port = server.local_endpoint().port();
        server.stop();
        const auto e = failure(api);
        CHECK(e.code() == net::error::connection_refused);
        CHECK(e.kind() == error_class::network);
        CHECK(e.http_status() == 0);
        CHECK(contains(e.what(), "http://127.0.0.1:" + std::to_string(port) + "/j/1?token=***"));
    }
    SECTION("a URL that is none") {
        http_status_source wrong(client, "https://user:pa/ss@host", full_profile());
        const auto e = failure(wrong);
        CHECK(e.code() == errc::malformed_url);
        CHECK_FALSE(contains(e.what(), "ss@"));
    }
}

TEST_CASE_METHOD(told_api, "http_status_source: not found, by the profile's rules", "[http_status_source]") {
    auto api = source();
    say(500, R"({"code": 2017})", {{"Retry-After", "3"}});
    const auto gone = get(api.poll("1"));
    CHECK_FALSE(gone.found);
    CHECK(gone.hint.retry_after == std::chrono::nanoseconds(3s));
    say(500, R"({"code": 2018})");
    CHECK(failure(api).http_status() == 500);
    say(500, R"({"code": 2017})");
    CHECK(get(api.cancel("1")) == command_result::unknown_job);
}

TEST_CASE_METHOD(told_api, "http_status_source: starts a job again", "[http_status_source]") {
    auto api = source();
    const auto why = [&] {
        try {
            get(api.retry("1"));
        } catch (const system_error& e) {
            return e.code();
        }
        return error_code();
    };
    say(201, R"({"new": "2"})");
    CHECK(get(api.retry("1")) == "2");
    CHECK(asked.method == "POST");
    CHECK(asked.url == "/j/1/retry");
    say(409, R"({"message": "it runs"})");
    CHECK(why() == errc::command_refused);
    say(404, "{}");
    CHECK(why() == errc::unknown_job);
    say(429, "{}");
    CHECK(why() == errc::http_status);
    for (const unsigned status : {401U, 403U, 429U, 500U}) {
        say(status, "{}");
        CHECK_THROWS_AS(get(api.cancel("1")), poll_error);
    }
}
