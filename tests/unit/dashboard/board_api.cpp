// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/dashboard/board_api.hpp>

#include <telltale/beast/http_client.hpp>

#include "catch.hpp"

#include <exception>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace telltale;

struct scripted_control final : job_control {
    bool supports(job_command c) const noexcept override { return c != job_command::approve; }
    command_result request(job_command c) override {
        asked.push_back(c);
        return c == job_command::pause ? command_result::refused : command_result::accepted;
    }
    std::vector<job_command> asked;
};

struct fixture {
    fixture() {
        board.report({.id = "1", .state = job_state::queued, .name = "first", .control = control});
        board.report({.id = "a/b c", .by = reporter::observer, .state = job_state::failed, .name = "second"});
        add_board_api(server, board, {.prefix = "/api", .access = {}});
        server.listen({net::ip::address_v4::loopback(), 0});
    }

    http_response exchange(std::string method, const std::string& path, http_fields headers = {}) {
        http_response result;
        std::exception_ptr failure;
        bool done = false;
        http_request r{std::move(method),
                       "http://127.0.0.1:" + std::to_string(server.local_endpoint().port()) + path,
                       std::move(headers),
                       {},
                       {}};
        client.async_request(std::move(r), [&](error_code ec, http_response answer) {
            CHECK(!ec);
            result = std::move(answer);
            done = true;
        });
        while (!done) context.run_one();
        return result;
    }

    net::io_context context{1};
    telltale::board board{context.get_executor()};
    std::shared_ptr<scripted_control> control = std::make_shared<scripted_control>();
    http_server server{context.get_executor()};
    http_client client{context.get_executor()};
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

} // namespace

TEST_CASE("board_api lists jobs with a cursor, all or by state") {
    fixture f;
    const auto all = f.exchange("GET", "/api/jobs");
    CHECK(all.status == 200);
    CHECK(all.header("content-type") == "application/json");
    CHECK(all.header("cache-control") == "no-store");
    CHECK(all.header("x-content-type-options") == "nosniff");
    CHECK(has(all.body,
              "{\"cursor\":\"" + to_string(f.board.position()) + "\",\"jobs\":[{\"id\":\"1\",\"name\":\"first\""));
    CHECK(has(all.body, "\"id\":\"a/b c\""));

    const auto failed = f.exchange("GET", "/api/jobs?state=failed,lost");
    CHECK(!has(failed.body, "first"));
    CHECK(has(failed.body, "second"));
    CHECK(has(f.exchange("GET", "/api/jobs?state=running").body, "\"jobs\":[]}"));
    CHECK(has(f.exchange("GET", "/api/jobs?state=").body, "first"));
    const auto wrong = f.exchange("GET", "/api/jobs?state=failed,sleepy");
    CHECK(wrong.status == 400);
    CHECK(wrong.body == R"({"error":{"class":"invalid_argument","message":"no such state: sleepy"}})");
}

TEST_CASE("board_api gives one job") {
    fixture f;
    const auto found = f.exchange("GET", "/api/jobs/a%2Fb%20c");
    CHECK(found.status == 200);
    CHECK(found.body == to_json(*f.board.find("a/b c")));
    const auto missing = f.exchange("GET", "/api/jobs/2");
    CHECK(missing.status == 404);
    CHECK(missing.body == R"({"error":{"class":"unknown_job","message":"no job has the id 2"}})");
    CHECK(f.exchange("POST", "/api/jobs/1").status == 405);
    CHECK(f.exchange("GET", "/jobs").status == 404);
}

TEST_CASE("board_api passes commands to the job's control") {
    fixture f;
    const auto cancelled = f.exchange("POST", "/api/jobs/1/cancel");
    CHECK(cancelled.status == 202);
    CHECK(cancelled.body == R"({"command":"cancel","job":"1","result":"accepted"})");
    CHECK(f.exchange("POST", "/api/jobs/1/retry").status == 202);
    const auto refused = f.exchange("POST", "/api/jobs/1/pause");
    CHECK(refused.status == 409);
    CHECK(has(refused.body, R"({"command":"pause","job":"1","result":"refused","error":{"class":"refused",)"));
    CHECK(f.control->asked == std::vector{job_command::cancel, job_command::retry, job_command::pause});

    CHECK(f.exchange("POST", "/api/jobs/1/approve").status == 409);
    CHECK(has(f.exchange("POST", "/api/jobs/a%2Fb%20c/cancel").body, R"("result":"unsupported")"));
    const auto missing = f.exchange("POST", "/api/jobs/2/cancel");
    CHECK(missing.status == 404);
    CHECK(has(missing.body, R"("result":"unknown_job","error":{"class":"unknown_job")"));
    CHECK(f.exchange("POST", "/api/jobs/1/explode").status == 404);
    CHECK(f.control->asked.size() == 3);
}

TEST_CASE("board_api keeps other web sites out") {
    fixture f;
    const auto other = f.exchange("POST", "/api/jobs/1/cancel", {{"Origin", "http://evil.example"}});
    CHECK(other.status == 403);
    CHECK(has(other.body, R"({"error":{"class":"permission",)"));
    CHECK(f.control->asked.empty());
    const std::string own = "http://127.0.0.1:" + std::to_string(f.server.local_endpoint().port());
    CHECK(f.exchange("POST", "/api/jobs/1/cancel", {{"Origin", own}}).status == 202);
}
