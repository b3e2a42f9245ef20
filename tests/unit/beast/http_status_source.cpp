// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/http_status_source.hpp>

#include <telltale/beast/http_server.hpp>
#include <telltale/board/board.hpp>
#include <telltale/error.hpp>
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
