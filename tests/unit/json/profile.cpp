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

const std::string full = R"({
 "name": "full", "headers": {"Accept": "application/json"},
 "job": {"method": "POST", "url": "/job", "body": {"id": "{id}", "deep": [1, null]}, "headers": {"X-A": "b"}},
 "many": {"url": "/jobs?id={ids}", "separator": "&id=", "limit": 7, "jobs": "/items", "id": {"any": ["/id", "/key"]},
          "method": "PUT", "body": ["{ids}"], "headers": {"X-B": "c"}},
 "list": {"url": "/all", "method": "POST", "body": {}, "headers": {"X-C": "d"}},
 "retry": {"url": "/retry/{id}", "new_id": "/new"},
 "fields": {
  "at": "/jobs/0",
  "state": {"in": "/conditions", "where": {"/status": "True", "/n": [1, 2.5, true], "/no": null, "/none": [],
            "/text": {"contains": "x"}, "/texts": {"contains": ["y", "z"]}, "/active": {"above": 0.5}}, "take": "/type"},
  "second": {"in": "/conditions"},
  "flags": "/flags", "reason": {"any": ["/reason", {"in": "/conditions", "take": "/why"}]},
  "progress": {"counts": {"done": ["/ok", "/bad"], "left": "/active"}},
  "error": {"code": "/code", "message": ["/a", "/b"]}, "retries": "/restarts",
  "times": {"format": "iso8601"}, "hint": {"seconds": "/wait"}},
 "words": [{"word": "A", "second": "B", "flag": "C", "where": {"/suspend": true}, "state": "paused", "error": "query"},
           {"word": ["D", 7, false], "second": ["E", "F"], "state": "failed"},
           {"word": null, "second": null, "state": "pending"}],
 "no_reason": ["None"], "never_runs": ["Never", "Not*"],
 "not_found": [404, {"status": 500, "where": {"/code": 2017}}, {"where": {"/jobs": []}}],
 "errors": {"code": "/c", "message": ["/m", "/n"]}
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

std::string with(const std::string& from, const std::string& to, std::string text = good) {
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

TEST_CASE("profile: JSON says all that the aggregate says at full depth") {
    const profile p = parse_profile(full);
    CHECK(p.headers == profile_headers{{"Accept", "application/json"}});
    CHECK(p.job.method == "POST");
    CHECK(p.job.url == "/job");
    CHECK(p.job.body == R"({"id":"{id}","deep":[1,null]})");
    CHECK(p.job.headers == profile_headers{{"X-A", "b"}});
    REQUIRE(p.many);
    CHECK(p.many->url == "/jobs?id={ids}");
    CHECK(p.many->separator == "&id=");
    CHECK(p.many->limit == 7);
    CHECK(p.many->jobs == "/items");
    CHECK(p.many->id == json_place("/id").or_else("/key"));
    CHECK(p.many->method == "PUT");
    CHECK(p.many->body == R"(["{ids}"])");
    CHECK(p.many->headers == profile_headers{{"X-B", "c"}});
    CHECK(p.list->method == "POST");
    CHECK(p.list->body == "{}");
    CHECK(p.list->headers == profile_headers{{"X-C", "d"}});
    CHECK(p.retry->new_id == "/new");
    const auto& f = p.fields;
    CHECK(f.at == "/jobs/0");
    CHECK(f.state == json_place::select("/conditions",
                                        {{.at = "/status", .is = {"True"}},
                                         {.at = "/n", .is = {"1", "2.5", "true"}},
                                         {.at = "/no", .test = json_test::absent},
                                         {.at = "/none", .test = json_test::empty},
                                         {.at = "/text", .is = {"x"}, .test = json_test::contains},
                                         {.at = "/texts", .is = {"y", "z"}, .test = json_test::contains},
                                         {.at = "/active", .test = json_test::above, .limit = 0.5}},
                                        "/type"));
    CHECK(f.second == json_place::select("/conditions", {}, ""));
    CHECK(f.flags == "/flags");
    CHECK(f.reason == json_place("/reason").or_else(json_place::select("/conditions", {}, "/why")));
    CHECK(f.progress.counts.done == std::vector<json_place>{"/ok", "/bad"});
    CHECK(f.progress.counts.left == std::vector<json_place>{"/active"});
    CHECK(f.error_code == std::vector<json_place>{"/code"});
    CHECK(f.error_message == std::vector<json_place>{"/a", "/b"});
    CHECK(f.retries == "/restarts");
    CHECK(f.times.format == profile_time_format::iso8601);
    CHECK(f.hint.seconds == "/wait");
    REQUIRE(p.words.size() == 3);
    CHECK(p.words[0].word == profile_words{"A"});
    CHECK(p.words[0].second == profile_words{"B"});
    CHECK(p.words[0].flag == profile_words{"C"});
    CHECK(p.words[0].where == std::vector<json_condition>{{.at = "/suspend", .is = {"true"}}});
    CHECK(p.words[0].state == job_state::paused);
    CHECK(p.words[0].error == error_class::query);
    CHECK(p.words[1].word == profile_words{"D", "7", "false"});
    CHECK(p.words[1].second == profile_words{"E", "F"});
    CHECK_FALSE(p.words[1].error);
    CHECK(p.words[2].no_word);
    CHECK(p.words[2].no_second);
    CHECK(p.no_reason == std::vector<std::string>{"None"});
    CHECK(p.never_runs == std::vector<std::string>{"Never", "Not*"});
    REQUIRE(p.not_found.size() == 3);
    CHECK(p.not_found[1].status == 500);
    CHECK(p.not_found[1].where == std::vector<json_condition>{{.at = "/code", .is = {"2017"}}});
    CHECK(p.not_found[2].status == 0);
    CHECK(p.not_found[2].where == std::vector<json_condition>{{.at = "/jobs", .test = json_test::empty}});
    CHECK(p.errors.code == std::vector<json_place>{"/c"});
    CHECK(p.errors.message == std::vector<json_place>{"/m", "/n"});
}

TEST_CASE("profile: errors of the full language name the place") {
    const auto in = [](const std::string& from, const std::string& to) { return with(from, to, full); };
    const std::vector<std::pair<std::string, std::string>> all{
        {in("\"headers\": {\"Accept\"", "\"headers\": {\"Ac cept\""), "/headers/Ac cept: is not the name of a header"},
        {in("\"application/json\"", "\"a\\nb\""), "/headers/Accept: has control characters"},
        {in("\"method\": \"POST\"", "\"method\": \"PO ST\""), "/job/method: is not a method of HTTP"},
        {in("\"url\": \"/job\"", "\"url\": \"/j ob\""), "/job/url: \"/j ob\" has blanks"},
        {in("{\"id\": \"{id}\", ", "{"), "/job/url: \"/job\" does not have {id}, nor does the body"},
        {in("{\"id\": \"{id}\", \"deep\": [1, null]}", "\"{id}\""), "/job/body: is neither a JSON object nor an array"},
        {in("\"X-A\": \"b\"", "\"X-A\": 1"), "/job/headers/X-A: is not a string"},
        {in("\"url\": \"/job\"", "\"ulr\": \"/job\""), "/job/ulr: there is no such member; did you mean url?"},
        {in("\"url\": \"/job\"", "\"new_id\": \"/job\""), "/job/new_id: there is no such member"},
        {in("?id={ids}", "?id={id}"), "/many/url: \"/jobs?id={id}\" has braces that are not one {ids}"},
        {in("\"limit\": 7", "\"limit\": 0"), "/many/limit: is not an integer from 1 to 100000"},
        {in("\"limit\": 7", "\"limit\": 100001"), "/many/limit: is not an integer"},
        {in("\"limit\"", "\"limits\""), "/many/limits: there is no such member; did you mean limit?"},
        {in("\"separator\": \"&id=\"", "\"separator\": 1"), "/many/separator: is not a string"},
        {in("\"jobs\": \"/items\"", "\"jobs\": \"items\""),
         "/many/jobs: \"items\" is not a JSON Pointer (RFC 6901); did you mean \"/items\"?"},
        {in("[\"/id\", \"/key\"]", "[\"/id\", \"key\"]"), "/many/id/any/1: \"key\" is not a JSON Pointer"},
        {in("[\"/id\", \"/key\"]", "[]"), "/many/id/any: is empty"},
        {in("[\"/id\", \"/key\"]", "[\"/id\", {\"any\": [\"/a\", \"/b\"]}]"), "/many/id/any/1: is a choice within"},
        {in("[\"/id\", \"/key\"]", "[{\"any\": [\"/a\", \"/b\"]}]"), "/many/id/any/0: is a choice within"},
        {in("\"body\": {}", "\"body\": 1"), "/list/body: is neither"},
        {in("\"/retry/{id}\"", "\"/retry\""), "/retry/url: \"/retry\" does not have {id}"},
        {in("\"/new\"", "\"new\""), "/retry/new_id: \"new\" is not a JSON Pointer"},
        {in("\"/jobs/0\"", "\"jobs/0\""), "/fields/at: \"jobs/0\" is not a JSON Pointer"},
        {in("\"/jobs/0\"", "{\"in\": \"/jobs\"}"), "/fields/at: is not a string"},
        {in("\"in\": \"/conditions\", \"where\"", "\"where\""), "/fields/state/in: is missing"},
        {in("\"in\": \"/conditions\", \"where\"", "\"in\": \"c\", \"where\""),
         "/fields/state/in: \"c\" is not a JSON Pointer"},
        {in("\"take\": \"/type\"", "\"take\": \"type\""), "/fields/state/take: \"type\" is not a JSON Pointer"},
        {in("\"take\": \"/type\"", "\"tkae\": \"/type\""),
         "/fields/state/tkae: there is no such member; did you mean take?"},
        {in("\"/status\": \"True\"", "\"status\": \"True\""),
         "/fields/state/where/status: \"status\" is not a JSON Pointer"},
        {in("[1, 2.5, true]", "[1, {}]"), "/fields/state/where/~1n/1: is neither text, number nor boolean"},
        {in("{\"above\": 0.5}", "{\"abov\": 0.5}"),
         "/fields/state/where/~1active/abov: there is no such test; did you mean above?"},
        {in("{\"above\": 0.5}", "{\"above\": \"1\"}"), "/fields/state/where/~1active/above: is not a number"},
        {in("{\"above\": 0.5}", "{\"above\": 1, \"contains\": \"a\"}"),
         "/fields/state/where/~1active: is not one test"},
        {in("{\"above\": 0.5}", "{}"), "/fields/state/where/~1active: is not one test"},
        {in("{\"contains\": \"x\"}", "{\"contains\": []}"), "/fields/state/where/~1text/contains: is empty"},
        {in("\"flags\": \"/flags\"", "\"flags\": [\"/flags\"]"),
         "/fields/flags: is neither a JSON Pointer nor an object"},
        {in("\"flags\": \"/flags\"", "\"flags\": \"/conditions/0\""), "another place is below \"/jobs/0/conditions\""},
        {in("\"counts\": {\"done\": [\"/ok\", \"/bad\"], ", "\"counts\": {"),
         "/fields/progress/counts/done: is missing"},
        {in("\"counts\": {", "\"total\": \"/t\", \"counts\": {"),
         "/fields/progress: has both of total and counts/left"},
        {in("\"counts\": {", "\"percent\": \"/t\", \"counts\": {"), "/fields/progress: has more than one of"},
        {in("[\"/ok\", \"/bad\"]", "[\"/ok\", \"bad\"]"), "/fields/progress/counts/done/1: \"bad\" is not"},
        {in("[\"/a\", \"/b\"]", "[\"/a\", \"b\"]"), "/fields/error/message/1: \"b\" is not"},
        {in("\"retries\"", "\"attempt\": \"/x\", \"retries\""), "/fields: has both of attempt and retries"},
        {in("\"iso8601\"", "\"iso8061\""),
         "/fields/times/format: is not rfc3339, iso8601, epoch_s or epoch_ms; did you mean iso8601?"},
        {in("{\"seconds\": \"/wait\"}", "{\"seconds\": \"/wait\", \"time\": \"/at\"}"),
         "/fields/hint: has both of seconds and time"},
        {in("\"progress\"", "\"progres\""), "/fields/progres: there is no such member; did you mean progress?"},
        {in("\"paused\"", "\"pausde\""), "/words/0/state: \"pausde\" is not a state; did you mean paused?"},
        {in("\"query\"", "\"querry\""), "/words/0/error: \"querry\" is not an error class; did you mean query?"},
        {in(", \"state\": \"failed\"", ""), "/words/1/state: is missing"},
        {in("[\"D\", 7, false]", "[]"), "/words/1/word: is empty"},
        {in("[\"D\", 7, false]", "[\"D\", null]"), "/words/1/word/1: is neither text, number nor boolean"},
        {in("\"flag\": \"C\"", "\"flags\": \"C\""), "/words/0/flags: there is no such member; did you mean flag?"},
        {in("\"/suspend\"", "\"suspend\""), "/words/0/where/suspend: \"suspend\" is not a JSON Pointer"},
        {in("{\"word\": null, \"second\": null, ", "{"), "/words/2: matches everything"},
        {in("{\"word\": null, \"second\": null, ", "{\"word\": \"D\", "), "good"},
        {in("\"second\": [\"E\", \"F\"], ", ""), "good"},
        {in("{\"word\": null, \"second\": null, ", "{\"word\": [\"D\", \"7\"], \"second\": \"G\", "), "good"},
        {in("\"words\": [", "\"words\": [{\"word\": [\"A\", \"Q\"], \"state\": \"running\"}, "),
         "/words/1: never matches: /words/0 takes \"A\" before"},
        {in("\"second\": {\"in\": \"/conditions\"},", ""), "/words/0/second: there is no /fields/second"},
        {in("\"Never\"", "1"), "/never_runs/0: is not a string"},
        {in("\"status\": 500", "\"status\": 50"), "/not_found/1/status: is not an HTTP status"},
        {in("{\"where\": {\"/jobs\": []}}", "{}"), "/not_found/2: has neither status nor where"},
        {in("{\"where\": {\"/jobs\": []}}", "200"), "/not_found/2: every answer with this status would be"},
        {in("{\"/code\": 2017}", "{\"code\": 2017}"), "/not_found/1/where/code: \"code\" is not a JSON Pointer"},
        {in("\"where\": {\"/code\"", "\"when\": {\"/code\""),
         "/not_found/1/when: there is no such member; did you mean where?"},
        {in("{\"code\": \"/c\"", "{\"code\": \"c\""), "/errors/code: \"c\" is not a JSON Pointer"},
        {in("\"name\": \"full\"", "\"name\": \"full\", \"name\": \"twice\""), "/name: is there twice"},
        {in("\"never_runs\"", "\"never_run\""), "/never_run: there is no such member; did you mean never_runs?"},
    };
    for (const auto& [text, place] : all) {
        const auto said = why(text);
        INFO(text);
        INFO(said);
        CHECK(contains(said, place));
    }
    CHECK(why(full) == "good");
}

TEST_CASE("profile: an aggregate is checked as its text is") {
    profile p;
    p.job.url = "/{id}";
    p.fields.state = "/s";
    p.words = {{"on", job_state::running}};
    CHECK_NOTHROW(validate(p));
    const auto fails = [](profile bad, const std::string& place) {
        INFO(place);
        try {
            validate(bad);
            CHECK(place == "thrown");
        } catch (const system_error& e) {
            CHECK(e.code() == errc::malformed_profile);
            CHECK(contains(e.what(), place));
        }
    };
    auto bad = p;
    bad.job.body = "{";
    fails(bad, "/job/body: is neither");
    bad = p;
    bad.fields.at = json_place::select("/a", {}, "");
    fails(bad, "/fields/at: is not just a JSON Pointer");
    bad = p;
    bad.words[0].no_word = true;
    fails(bad, "/words/0/word: is both a word and none");
    bad = p;
    bad.words[0].where = {{.at = "/x"}};
    fails(bad, "/words/0/where/~1x: has no value to compare with");
    bad.words[0].where = {{.at = "/x", .is = {"1"}, .test = json_test::empty}};
    fails(bad, "/words/0/where/~1x: has a value to compare with, and another test");
    bad = p;
    bad.fields.state.where = {{.at = "/x", .is = {"1"}}};
    fails(bad, "/fields/state: has conditions, but does not say what to take");
    bad = p;
    bad.not_found = {profile_not_found{42}};
    fails(bad, "/not_found/0: is not an HTTP status");
    bad = p;
    bad.many = profile_many{.url = "/x", .limit = 0};
    fails(bad, "/many/limit");
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

TEST_CASE("profile: times of ISO 8601, in UTC where no zone is said") {
    using detail::parse_iso8601;
    const timestamp t = std::chrono::sys_days{std::chrono::February / 29 / 2024} + 12h + 30min + 15s;
    CHECK(parse_iso8601("2024-02-29T12:30:15Z") == t);
    CHECK(parse_iso8601("2024-02-29T12:30:15") == t);
    CHECK(parse_iso8601("2024-02-29 12:30:15.25") == t + 250ms);
    CHECK(parse_iso8601("2024-02-29T12:30:15,25+00:00") == t + 250ms);
    CHECK(parse_iso8601("2024-02-29T12:30") == t - 15s);
    CHECK(parse_iso8601("2024-02-29T12:30Z") == t - 15s);
    CHECK(parse_iso8601("2024-02-29T14:30:15+02") == t);
    CHECK(parse_iso8601("2024-02-29T07:00:15-0530") == t);
    for (const auto* bad :
         {"", "2024-02-29", "2024-02-29T12", "2024-02-29T12:", "2024-02-29T12:30:", "2024-02-29T12:30:15.",
          "2024-02-29T12:30:15 ", "2024-02-30T12:30:15", "2024-02-29T12:30:15+2", "2024-02-29T12:30+"}) {
        INFO(bad);
        CHECK_FALSE(parse_iso8601(bad));
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
