// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/json/profile.hpp>

#include <telltale/error.hpp>
#include <telltale/json/detail/rfc3339.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const std::string good = R"({
 "name": "my API",
 "job": "/v1/runs/{id}",
 "list": {"url": "/v1/runs", "jobs": "/items", "id": "/run_id"},
 "cancel": {"method": "DELETE", "url": "/v1/runs/{id}"},
 "result": {"url": "/v1/runs/{id}/result"},
 "fields": {"state": "/status",
            "progress": {"done": "/rows/read", "total": "/rows/all", "unit": "bytes", "rate": "/r", "remaining": "/e"},
            "queue_position": "/ahead", "message": "/info", "name": "/title", "kind": "/type", "labels": "/tags",
            "error": {"class": "/error/type", "message": "/error/text"}, "attempt": "/try",
            "times": {"format": "epoch_ms", "created": "/t0", "queued": "/t1", "started": "/t2", "finished": "/t3"}},
 "words": {"RUNNING": "running", "COMPLETED": "succeeded"},
 "not_found": [404, 410]
})";

std::string why(const std::string& text) {
    try {
        (void)parse_profile(text);
    } catch (const system_error& e) {
        CHECK(e.code() == errc::malformed_profile);
        return e.what();
    }
    return "good";
}

std::string with(const std::string& from, const std::string& to) {
    auto text = good;
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

} // namespace

TEST_CASE("profile: JSON says all that the aggregate says") {
    const profile p = parse_profile(good);
    CHECK(p.name == "my API");
    CHECK(p.job.url == "/v1/runs/{id}");
    REQUIRE(p.list);
    CHECK(p.list->url == "/v1/runs");
    CHECK(p.list->jobs == "/items");
    CHECK(p.list->id == "/run_id");
    CHECK(p.cancel->method == "DELETE");
    CHECK(p.cancel->url == "/v1/runs/{id}");
    CHECK(p.result->url == "/v1/runs/{id}/result");
    CHECK(p.fields.state == "/status");
    CHECK(p.fields.progress.done == "/rows/read");
    CHECK(p.fields.progress.total == "/rows/all");
    CHECK(p.fields.progress.unit == "bytes");
    CHECK(p.fields.progress.rate == "/r");
    CHECK(p.fields.progress.remaining == "/e");
    CHECK(p.fields.queue_position == "/ahead");
    CHECK(p.fields.message == "/info");
    CHECK(p.fields.name == "/title");
    CHECK(p.fields.kind == "/type");
    CHECK(p.fields.labels == "/tags");
    CHECK(p.fields.error_class == "/error/type");
    CHECK(p.fields.error_message == std::vector<json_place>{"/error/text"});
    CHECK(p.fields.attempt == "/try");
    CHECK(p.fields.times.format == profile::time_format::epoch_ms);
    CHECK(p.fields.times.created == "/t0");
    CHECK(p.fields.times.queued == "/t1");
    CHECK(p.fields.times.started == "/t2");
    CHECK(p.fields.times.finished == "/t3");
    REQUIRE(p.words.size() == 2);
    CHECK(p.words[1].word == profile_words{"COMPLETED"});
    CHECK(p.words[1].state == job_state::succeeded);
    CHECK(std::equal(p.not_found.begin(), p.not_found.end(), std::vector<unsigned>{404, 410}.begin()));
}

TEST_CASE("profile: the least that is needed, and telltale's own") {
    const profile p = parse_profile(R"({"job":"/{id}","fields":{"state":"/s"},"words":{"a":"running"}})");
    CHECK_FALSE(p.list);
    CHECK_FALSE(p.cancel);
    REQUIRE(p.not_found.size() == 1);
    CHECK(p.not_found[0] == 404U);
    CHECK_NOTHROW(validate(telltale_profile()));
}

TEST_CASE("profile: errors name the place") {
    const std::vector<std::pair<std::string, std::string>> all{
        {"", "line 1, column 1"},
        {"{\n \"job\": \"/{id}\",\n oops}", "line 3, column 2: this is not JSON"},
        {"[]", "the profile: is not an object"},
        {"{}", "/fields: is missing"},
        {with("\"name\": \"my API\"", "\"nam\": 1"), "/nam: there is no such member"},
        {with("\"my API\"", "7"), "/name: is not a string"},
        {with("\"job\": \"/v1/runs/{id}\",", ""), "/job: is missing"},
        {with("\"/v1/runs/{id}\",", "\"/v1/runs\","), "/job: \"/v1/runs\" does not have {id}"},
        {with("\"/v1/runs/{id}\",", "\"/{id}/{id}\","), "/job: \"/{id}/{id}\" has braces"},
        {with("\"/v1/runs/{id}\",", "\"v1/{id}\","), "/job: \"v1/{id}\" does not begin with a slash"},
        {with("\"url\": \"/v1/runs\"", "\"url\": \"/{id}\""), "/list/url: \"/{id}\" has braces"},
        {with("\"jobs\": \"/items\"", "\"jobs\": \"items\""), "/list/jobs: \"items\" is not a JSON Pointer"},
        {with("\"jobs\": \"/items\"", "\"job\": \"/items\""), "/list/job: there is no such member"},
        {with("\"/run_id\"", "\"/run~id\""), "/list/id: \"/run~id\" is not a JSON Pointer"},
        {with("\"/v1/runs/{id}\"}", "\"/v1\"}"), "/cancel/url: \"/v1\" does not have {id}"},
        {with("\"state\": \"/status\",", ""), "/fields/state: is missing"},
        {with("\"/status\"", "\"status\""), "/fields/state: \"status\" is not a JSON Pointer"},
        {with("\"/rows/read\"", "\"/rows/~2\""), "/fields/progress/done: \"/rows/~2\" is not"},
        {with("\"bytes\"", "\"furlongs\""), "/fields/progress/unit: \"furlongs\" is neither a unit nor"},
        {with("\"rate\": \"/r\"", "\"percent\": \"/r\""), "/fields/progress: has more than one of"},
        {with("\"rate\"", "\"speed\""), "/fields/progress/speed: there is no such member"},
        {with("\"epoch_ms\"", "\"stardate\""), "/fields/times/format: is not rfc3339"},
        {with("\"/info\"", "\"/tags/info\""), "another field is at or below \"/tags\""},
        {with("\"/error/text\"", "null"), "/fields/error/message: is neither a JSON Pointer"},
        {with("\"class\"", "\"sort\""), "/fields/error/sort: there is no such member"},
        {with("\"succeeded\"", "\"done\""), "/words/COMPLETED: \"done\" is not a state"},
        {with("{\"RUNNING\": \"running\", \"COMPLETED\": \"succeeded\"}", "{}"), "/words: is missing or empty"},
        {with("410", "4"), "/not_found/1: is not an HTTP status"},
    };
    for (const auto& [text, place] : all) {
        INFO(text);
        CHECK(contains(why(text), place));
    }
    CHECK(why(good) == "good");
}

TEST_CASE("profile: the URL of a job has its id percent-encoded") {
    CHECK(expand_url("/a/{id}/b", "42") == "/a/42/b");
    CHECK(expand_url("/{id}", "a/b c?#%\xc3\xa9~_.-") == "/a%2Fb%20c%3F%23%25%C3%A9~_.-");
    CHECK(expand_url("/x/{id}/y", "..") == "/x/%2E%2E/y");
    CHECK(expand_url("/all", "1") == "/all");
}

TEST_CASE("profile: times of RFC 3339") {
    using detail::parse_rfc3339;
    const timestamp t = std::chrono::sys_days{std::chrono::February / 29 / 2024} + 12h + 30min + 15s;
    CHECK(parse_rfc3339("2024-02-29T12:30:15Z") == t);
    CHECK(parse_rfc3339("2024-02-29 12:30:15z") == t);
    CHECK(parse_rfc3339("2024-02-29T12:30:15.5Z") == t + 500ms);
    CHECK(parse_rfc3339("2024-02-29T12:30:15.123456789123Z") == t + std::chrono::nanoseconds(123456789));
    CHECK(parse_rfc3339("2024-02-29T14:30:15+02:00") == t);
    CHECK(parse_rfc3339("2024-02-29T07:00:15-0530") == t);
    CHECK(parse_rfc3339("2024-02-29T12:30:60Z") == t + 45s);
    for (const auto* bad :
         {"", "2024", "2024-02-30T12:30:15Z", "2023-02-29T12:30:15Z", "2024-13-01T12:30:15Z", "2024-02-29T24:30:15Z",
          "2024-02-29T12:60:15Z", "2024-02-29T12:30:15", "2024-02-29T12:30:15.Z", "2024-02-29T12:30:15Z ",
          "2024-02-29T12:30:15+2:00", "2024-02-29T12:30:15+", "2024-2-29T12:30:15Z", "-024-02-29T12:30:15Z",
          "9999-02-20T12:30:15Z", "0001-02-20T12:30:15Z", "2024-02-29T1x:30:15Z", "2024/02/29T12:30:15Z"}) {
        INFO(bad);
        CHECK_FALSE(parse_rfc3339(bad));
    }
}

TEST_CASE("profile: what is wrong with a text that is not JSON") {
    using kind = detail::json_fault::kind;
    const auto fault = [](std::string_view text) { return detail::find_fault(text).what; };
    for (const auto* text :
         {"{}", "[]", " [1, -0.5e+3, \"a\\u00e9\\n\", true, false, null, {\"a\": {}}] ", "0", "\"\""})
        CHECK(fault(text) == kind::none);
    for (const auto* text : {"", "{", "[1", "[1,", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":1", "tru", "-", "1.", "1e",
                             "1e+", "\"\\", "\"\\u00"})
        CHECK(fault(text) == kind::truncated);
    for (const auto* text :
         {"}",  "[}", "{]",  "[,",  "{,",    "{1",          "{\"a\"}", "{\"a\":}",   "1 2",  "[1 2]", "trux",
          "01", "-x", "1.x", "1ex", "\"\\x", "\"\\u00g0\"", "\"\n\"",  "{\"a\":1,}", "[1,]", "+1",    ".5"}) {
        INFO(text);
        CHECK(fault(text) == kind::malformed);
    }
}
