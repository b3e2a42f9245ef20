// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/json/profile_request.hpp>

#include <telltale/json/profile.hpp>

#include "catch.hpp"

#include <string>
#include <vector>

using namespace telltale;

namespace {

profile api() {
    profile p;
    p.job.url = "/jobs/{id}?verbose=1";
    p.headers = {{"Accept", "application/json"}};
    p.fields.state = "/s";
    p.words = {{"on", job_state::running}};
    return p;
}

error_code error_of(const profile& p, const std::vector<job_id>& ids) {
    try {
        (void)many_request(p, ids);
    } catch (const system_error& e) {
        return e.code();
    }
    return {};
}

} // namespace

TEST_CASE("profile_request: methods, headers and bodies for one job") {
    auto p = api();
    auto r = job_request(p, "a b");
    CHECK(r.method == "GET");
    CHECK(r.url == "/jobs/a%20b?verbose=1");
    CHECK(r.body.empty());
    CHECK(r.headers == profile_headers{{"Accept", "application/json"}});

    p.job.body = R"({"id":"{id}","text":"job {id}, {id}"})";
    p.job.headers = {{"X-A", "1"}};
    r = job_request(p, "q\"\\\n{id}");
    CHECK(r.method == "POST");
    CHECK(r.body == R"({"id":"q\"\\\n{id}","text":"job q\"\\\n{id}, q\"\\\n{id}"})");
    CHECK(r.headers ==
          profile_headers{{"Content-Type", "application/json"}, {"Accept", "application/json"}, {"X-A", "1"}});
    p.job.method = "REPORT";
    CHECK(job_request(p, "1").method == "REPORT");

    p.cancel = profile_request{.url = "/jobs/{id}/cancel"};
    CHECK(cancel_request(p, "1").method == "POST");
    CHECK(cancel_request(p, "1").url == "/jobs/1/cancel");
    p.cancel->method = "DELETE";
    CHECK(cancel_request(p, "1").method == "DELETE");
    p.retry = profile_request{.url = "/repair", .body = R"({"run_id":"{#id}"})"};
    CHECK(retry_request(p, "17").method == "POST");
    CHECK(retry_request(p, "17").body == R"({"run_id":17})");
    CHECK(retry_request(p, "-9007199254740993").body == R"({"run_id":-9007199254740993})");
    for (const auto* id : {"", "-", "1x", "017", "1.5", "12345678901234567890"}) {
        INFO(id);
        CHECK_THROWS_AS(retry_request(p, id), system_error);
    }
    p.result = profile_request{.url = "/jobs/{id}/result"};
    CHECK(result_request(p, "1").method == "GET");
    p.list = profile_list{.url = "/jobs", .method = "SEARCH", .body = "{}"};
    CHECK(list_request(p).method == "SEARCH");
    const std::string base = "http://api/v1";
    CHECK(job_request(p, "1", base).url == base + job_request(p, "1").url);
    CHECK(cancel_request(p, "1", base).url == base + cancel_request(p, "1").url);
    CHECK(retry_request(p, "1", base).url == base + "/repair");
    CHECK(result_request(p, "1", base).url == base + "/jobs/1/result");
    CHECK(list_request(p, base).url == base + "/jobs");
    CHECK(list_request(p).body == "{}");
}

TEST_CASE("profile_request: many ids in a URL or a body") {
    auto p = api();
    p.many = profile_many{.url = "/jobs?ids={ids}&x=1", .limit = 3};
    const std::vector<job_id> ids{"1", "a b", ".."};
    CHECK(many_request(p, ids).url == "/jobs?ids=1,a%20b,%2E%2E&x=1");
    CHECK(many_request(p, ids, "http://api").url == "http://api/jobs?ids=1,a%20b,%2E%2E&x=1");
    CHECK(many_request(p, ids).method == "GET");
    p.many->separator = "&ids=";
    CHECK(many_request(p, ids).url == "/jobs?ids=1&ids=a%20b&ids=%2E%2E&x=1");
    CHECK(many_request(p, {}).url == "/jobs?ids=&x=1");

    p.many->url = "/describe";
    p.many->body = R"({"jobs":"{ids}","numbers":"{#ids}"})";
    const std::vector<job_id> numbers{"1", "22"};
    CHECK(many_request(p, numbers).method == "POST");
    CHECK(many_request(p, numbers).body == R"({"jobs":["1","22"],"numbers":[1,22]})");
    CHECK(error_of(p, ids) == errc::invalid_argument); // "a b" is no number
    p.many->body = R"({"jobs":"{ids}"})";
    const std::vector<job_id> odd{"\"{ids}\"", "é"};
    CHECK(many_request(p, odd).body == R"({"jobs":["\"{ids}\"","é"]})");
    CHECK(error_of(p, {"1", "2", "3"}) == error_code{});
    CHECK(error_of(p, {"1", "2", "3", "4"}) == errc::invalid_argument);
}

TEST_CASE("profile_request: what a profile does not have cannot be asked") {
    const auto p = api();
    CHECK(error_of(p, {"1"}) == errc::invalid_argument);
    CHECK_THROWS_AS(list_request(p), system_error);
    CHECK_THROWS_AS(cancel_request(p, "1"), system_error);
    CHECK_THROWS_AS(retry_request(p, "1"), system_error);
    CHECK_THROWS_AS(result_request(p, "1"), system_error);
}
