// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/json/status_parser.hpp>

#include <telltale/core/json.hpp>
#include <telltale/error.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// What a parse ended with.
struct outcome {
    std::optional<status> s{};
    error_code ec{};
    std::string what{};
};

template <class Parse>
outcome outcome_of(Parse parse) {
    outcome o;
    try {
        o.s = parse();
    } catch (const system_error& e) {
        o.ec = e.code();
        o.what = e.what();
    }
    return o;
}

outcome parse(status_parser& p, std::string body) {
    return outcome_of([&] { return p.parse(std::move(body)); });
}

profile odd_profile() {
    profile p;
    p.job.url = "/{id}";
    p.list = profile_list{"/all", "/page/items", "/key"};
    p.fields.state = "/a~1b/1/m~0n";
    p.fields.progress.percent = "/pct";
    p.fields.queue_position = "/q";
    p.fields.message = "/msg";
    p.fields.labels = "/tags";
    p.fields.attempt = "/try";
    p.fields.times.format = profile::time_format::epoch_ms;
    p.fields.times.started = "/t0";
    p.words = {{"go", job_state::running}, {"3", job_state::succeeded}, {"true", job_state::failed}};
    return p;
}

const std::string whole_job =
    R"({"id":"42","name":"asio é","kind":"hash","state":"running","attempt":2,"word":"RUN",)"
    R"("progress":{"done":123,"total":456,"unit":"bytes","percent":26.97,"rate":1234.5,"remaining_s":3.5},)"
    R"("queue_position":2,"labels":{"k":"v","n":1},"message":"a \"b\" \u00e9","created_at":"2026-11-21T23:20:00.125Z",)"
    R"("queued_at":"2026-11-21T23:20:01Z","started_at":"2026-11-21T23:20:02+01:00","observed_at":"2026-11-21T23:20:02Z",)"
    R"("error":{"class":"timeout","message":"slow"},"health":{"state":"ok"},"commands":["cancel",{"x":[1,{}]}]})";

} // namespace

TEST_CASE("status_parser: reads all that telltale's own API says") {
    status_parser p(telltale_profile());
    const status s = p.parse(whole_job);
    CHECK(s.found);
    CHECK(s.state == job_state::running);
    CHECK(s.word == "running");
    CHECK(s.progress == progress{.done = 123,
                                 .total = 456.0,
                                 .unit = progress_unit::bytes,
                                 .rate = 1234.5,
                                 .remaining = std::chrono::duration<double>(3.5)});
    CHECK(s.queue_position == 2U);
    CHECK(s.message == "a \"b\" é");
    CHECK(s.name == "asio é");
    CHECK(s.kind == "hash");
    CHECK(s.labels == label_map{{"k", "v"}, {"n", "1"}});
    CHECK(s.attempt == 2U);
    CHECK_FALSE(s.error); // not of a job that is not over
    const timestamp t = std::chrono::sys_days{std::chrono::November / 21 / 2026} + 23h + 20min;
    CHECK(s.created == t + 125ms);
    CHECK(s.queued == t + 1s);
    CHECK(s.started == t + 2s - 1h);
    CHECK_FALSE(s.finished);
    auto failed = whole_job;
    failed.replace(failed.find("running"), 7, "failed");
    CHECK(p.parse(failed).error == job_error{error_class::timeout, "slow"});
}

TEST_CASE("status_parser: what telltale writes, it reads") {
    job j;
    j.id = "7";
    j.state = job_state::timed_out;
    j.progress = progress{.done = 1, .total = 2, .unit = progress_unit::shots};
    j.finished = timestamp{1'700'000'000'250ms};
    j.message = std::string("tab\there, nul") + '\0';
    status_parser p(telltale_profile());
    const status s = p.parse(to_json(j));
    CHECK(s.state == j.state);
    CHECK(s.progress == j.progress);
    CHECK(s.finished == j.finished);
    CHECK(s.message == j.message);
    CHECK_FALSE(s.error);
}

TEST_CASE("status_parser: what is absent or null is not known") {
    status_parser p(telltale_profile());
    for (const auto* body :
         {R"({"state":"queued"})", R"({"progress":null,"state":"queued","message":null,"error":null,"labels":null})",
          R"({"state":"queued","progress":{},"error":{},"started_at":null,"attempt":0})",
          R"({"state":"queued","progress":7,"error":"none"})"}) {
        INFO(body);
        const status s = p.parse(body);
        CHECK(s.state == job_state::queued);
        CHECK_FALSE(s.progress);
        CHECK_FALSE(s.message);
        CHECK_FALSE(s.error);
        CHECK_FALSE(s.labels);
        CHECK_FALSE(s.started);
        CHECK_FALSE(s.attempt);
    }
}

TEST_CASE("status_parser: a word that the profile does not know stays raw") {
    status_parser p(telltale_profile());
    const status s = p.parse(R"({"state":"EXPLODED"})");
    CHECK_FALSE(s.state);
    CHECK(s.word == "EXPLODED");
}

TEST_CASE("status_parser: of a name that is there twice, the first counts") {
    status_parser p(telltale_profile());
    CHECK(p.parse(R"({"state":"queued","state":"running"})").state == job_state::queued);
}

TEST_CASE("status_parser: pointers with escapes and indices; words that are numbers or booleans; epoch times") {
    status_parser p(odd_profile());
    const status s = p.parse(R"( {"a/b":[0,{"x":[],"m~n":"go"},"m~n"],"pct":12.5,"t0":1700000000250,"tags":{}} )");
    CHECK(s.state == job_state::running);
    CHECK(s.progress == progress{.done = 12.5, .total = 100.0, .unit = progress_unit::percent});
    CHECK(s.started == timestamp{1'700'000'000'250ms});
    CHECK(s.labels == label_map{});
    CHECK(p.parse(R"({"a/b":[0,{"m~n":3}],"t0":0})").state == job_state::succeeded);
    CHECK_FALSE(p.parse(R"({"a/b":[0,{"m~n":3}],"t0":0})").started);
    CHECK(p.parse(R"({"a/b":[0,{"m~n":true}]})").state == job_state::failed);
    CHECK(p.parse(R"({"a/b":[0,{"m~n":1.5}]})").word == "1.5");
    CHECK(p.parse(R"({"a/b":{"1":{"m~n":"go"}}})").state == job_state::running); // RFC 6901: also a key
    CHECK(p.parse(R"({"\u0061/b":[0,{"m~n":"go"}]})").state == job_state::running);
    CHECK(p.parse(R"({"a/b":[0,{"m~n":"go","m~n":"3"}]})").state == job_state::running); // the first counts
}

TEST_CASE("status_parser: the whole answer may be the word") {
    profile api;
    api.job.url = "/{id}";
    api.words = {{"RUNNING", job_state::running}, {"1", job_state::succeeded}};
    status_parser p(api);
    CHECK(p.parse("\"RUNNING\"").state == job_state::running);
    CHECK(p.parse(" 1 ").state == job_state::succeeded);
    CHECK(p.parse("[\"RUNNING\"]").state == job_state::running);
    CHECK(parse(p, "[]").ec == errc::missing_field);
    CHECK(parse(p, "{}").ec == errc::wrong_type);
    CHECK(parse(p, "null").ec == errc::missing_field);
    CHECK(parse(p, "\"RUNNING\" x").ec == errc::malformed_json);
    CHECK(parse(p, "\"RUN").ec == errc::truncated_json);
}

TEST_CASE("status_parser: fraction, and a unit that is fixed") {
    profile api;
    api.job.url = "/{id}";
    api.fields.state = "/s";
    api.words = {{"go", job_state::running}};
    SECTION("fraction") {
        api.fields.progress.fraction = "/f";
        status_parser p(api);
        CHECK(p.parse(R"({"s":"go","f":0.25})").progress->percent() == 25.0);
        CHECK_FALSE(p.parse(R"({"s":"go","f":1.25})").progress->percent()); // honest about nonsense
        CHECK_FALSE(p.parse(R"({"s":"go"})").progress);
    }
    SECTION("unit") {
        api.fields.progress.done = "/d";
        api.fields.progress.unit = "shots";
        status_parser p(api);
        const status s = p.parse(R"({"s":"go","d":5})");
        CHECK(s.progress == progress{.done = 5, .unit = progress_unit::shots});
    }
}

TEST_CASE("status_parser: bad answers give named errors that say where") {
    struct bad {
        std::string body;
        errc expected;
        std::string where;
    };
    const std::vector<bad> all{
        {"", errc::truncated_json, "at byte 0"},
        {"   ", errc::truncated_json, "at byte 3"},
        {"{", errc::truncated_json, "at byte 1"},
        {R"({"state":"running")", errc::truncated_json, "at byte 18"},
        {R"({"progress":{"done":1})", errc::truncated_json, "at byte 22"},
        {R"({"state":"run\)", errc::truncated_json, "at byte 14"},
        {"<html>", errc::malformed_json, "at byte 0"},
        {R"({"state" "running"})", errc::malformed_json, "at byte 9"},
        {R"({"state":"running",})", errc::malformed_json, "at byte 19"},
        {R"({"state":"running"}})", errc::malformed_json, "at byte 19"},
        {R"({"state":"running"}{})", errc::malformed_json, "at byte 19"},
        {R"({'state':"running"})", errc::malformed_json, "at byte 1"},
        {R"({"state":running})", errc::malformed_json, "at byte 9"},
        {R"({"state":nope})", errc::malformed_json, "at byte 10"},
        {R"({"state":trap})", errc::malformed_json, "at byte 11"},
        {R"({"state":"a\x"})", errc::malformed_json, "at byte 12"},
        {R"({"state":"running","attempt":01})", errc::malformed_json, "at byte 30"},
        {R"({"state":"running","attempt":-})", errc::malformed_json, "at byte 30"},
        {"{\"state\":\"a\nb\"}", errc::malformed_json, "at byte 11"},
        {"{\"state\":\"a\xff\"}", errc::malformed_json, "UTF-8"},
        {"{}", errc::missing_field, "at /state"},
        {"[]", errc::missing_field, "at /state"},
        {"7", errc::missing_field, "at /state"},
        {R"({"state":null})", errc::missing_field, "at /state"},
        {R"({"State":"running"})", errc::missing_field, "at /state"},
        {R"({"state":{}})", errc::wrong_type, "at /state, an object"},
        {R"({"state":[]})", errc::missing_field, "at /state"},
        {R"({"state":""})", errc::missing_field, "at /state"},
        {R"({"state":[["running"]]})", errc::wrong_type, "at /state, an array of more than words"},
        {R"({"state":"running","message":7})", errc::wrong_type, "at /message, not a string"},
        {R"({"state":"running","name":true})", errc::wrong_type, "at /name"},
        {R"({"state":"running","kind":[]})", errc::wrong_type, "at /kind"},
        {R"({"state":"running","attempt":"1"})", errc::wrong_type, "at /attempt"},
        {R"({"state":"running","attempt":-1})", errc::wrong_type, "at /attempt, negative"},
        {R"({"state":"running","attempt":1.5})", errc::wrong_type, "at /attempt"},
        {R"({"state":"running","attempt":4294967296})", errc::wrong_type, "at /attempt, more than"},
        {R"({"state":"running","queue_position":99999999999999999999999})", errc::wrong_type, "at /queue_position"},
        {R"({"state":"running","progress":{"done":"1"}})", errc::wrong_type, "at /progress/done, not a number"},
        {R"({"state":"running","progress":{"total":1e999}})", errc::wrong_type, "at /progress/total, a number out of"},
        {R"({"state":"running","progress":{"unit":1}})", errc::wrong_type, "at /progress/unit"},
        {R"({"state":"running","labels":["a"]})", errc::wrong_type, "at /labels"},
        {R"({"state":"running","labels":"a"})", errc::wrong_type, "at /labels, not an object"},
        {R"({"state":"running","labels":{"a":{}}})", errc::wrong_type, "at /labels, the label \"a\""},
        {R"({"state":"running","error":{"class":1}})", errc::wrong_type, "at /error/class"},
        {R"({"state":"running","error":{"message":1}})", errc::wrong_type, "at /error/message"},
        {R"({"state":"running","started_at":"yesterday"})", errc::wrong_type, "at /started_at, not a time"},
        {R"({"state":"running","started_at":1700000000})", errc::wrong_type, "at /started_at, not a string"},
    };
    status_parser p(telltale_profile());
    for (const auto& b : all) {
        INFO(b.body);
        const auto o = parse(p, b.body);
        CHECK(o.ec == b.expected);
        CHECK(contains(o.what, b.where));
        CHECK(p.parse(R"({"state":"queued"})").state == job_state::queued); // and the parser goes on
    }
}

TEST_CASE("status_parser: every truncation of a good answer is told as one") {
    status_parser p(telltale_profile());
    CHECK(parse(p, whole_job).s);
    for (std::size_t n = 0; n < whole_job.size(); ++n) {
        INFO(n);
        const auto o = parse(p, whole_job.substr(0, n));
        CHECK(o.ec == errc::truncated_json);
    }
}

TEST_CASE("status_parser: an answer with any byte changed is read or refused, never anything worse") {
    status_parser p(telltale_profile());
    std::size_t refused = 0;
    for (std::size_t i = 0; i < whole_job.size(); ++i) {
        for (const char c : {'"', '{', '}', '[', ']', ',', ':', '\\', '0', ' ', '\xff', '\0'}) {
            auto body = whole_job;
            body[i] = c;
            const auto o = parse(p, body);
            if (o.s) continue;
            ++refused;
            const bool named = o.ec == errc::malformed_json || o.ec == errc::truncated_json ||
                               o.ec == errc::missing_field || o.ec == errc::wrong_type;
            if (!named) CHECK(o.what == body);
        }
    }
    CHECK(refused > whole_job.size());
}

TEST_CASE("status_parser: deep and large answers") {
    status_parser p(telltale_profile());
    const std::string deep =
        R"({"x":)" + std::string(100'000, '[') + std::string(100'000, ']') + R"(,"state":"running"})";
    CHECK(parse(p, deep).ec != errc::missing_field);
    std::string large = R"({"junk":[)";
    while (large.size() < 8'000'000) large += R"({"state":"no","a":[1,2,3],"b":"text with } and ]"},)";
    large += R"(0],"state":"running","message":"end"})";
    const status s = p.parse(large);
    CHECK(s.state == job_state::running);
    CHECK(s.message == "end");
}

TEST_CASE("status_parser: lists") {
    status_parser own(telltale_profile());
    const auto jobs = own.parse_list(R"({"cursor":"1:2","jobs":[{"id":"a","state":"queued","queue_position":1},)"
                                     R"({"state":"running","id":17}]})");
    REQUIRE(jobs.size() == 2);
    CHECK(jobs[0].id == "a");
    CHECK(jobs[0].now.state == job_state::queued);
    CHECK(jobs[0].now.queue_position == 1U);
    CHECK(jobs[1].id == "17");
    CHECK(jobs[1].now.state == job_state::running);
    CHECK_FALSE(jobs[1].now.queue_position);
    CHECK(own.parse_list(R"({"jobs":[]})").empty());

    const auto why = [&](std::string body) {
        return outcome_of([&] {
            (void)own.parse_list(std::move(body));
            return status{};
        });
    };
    CHECK(why("{}").ec == errc::missing_field);
    CHECK(contains(why("{}").what, "at /jobs:"));
    CHECK(why(R"({"jobs":{}})").ec == errc::wrong_type);
    CHECK(why(R"({"jobs":1})").ec == errc::wrong_type);
    CHECK(why(R"({"jobs":[1]})").ec == errc::missing_field);
    CHECK(why(R"({"jobs":[{"id":"a"}]})").ec == errc::missing_field);
    CHECK(contains(why(R"({"jobs":[{"id":"a","state":"queued"},{"id":"b"}]})").what, "at /jobs/1/state"));
    CHECK(contains(why(R"({"jobs":[{"state":"queued"}]})").what, "at /jobs/0/id"));
    CHECK(contains(why(R"({"jobs":[{"id":1.5,"state":"queued"}]})").what, "at /jobs/0/id"));
    CHECK(why(R"({"jobs":[{"id":"a","state":"queued"})").ec == errc::truncated_json);
    CHECK(own.parse_list(R"({"jobs":[{"id":"a","state":"queued"}]})").size() == 1);

    status_parser nested(odd_profile());
    CHECK(nested.parse_list(R"({"page":{"items":[{"key":"k","a/b":[1,{"m~n":"go"}]}]}})").at(0).id == "k");

    profile bare;
    bare.job.url = "/{id}";
    bare.fields.state = "/s";
    bare.words = {{"go", job_state::running}};
    CHECK(outcome_of([&] { return status_parser(bare).parse_list("[]"), status{}; }).ec == errc::invalid_argument);
    bare.list = profile_list{"/all", "", "/id"};
    CHECK(status_parser(bare).parse_list(R"([{"id":"1","s":"go"}])").size() == 1);
}

namespace {

profile with(const std::string& fields, const std::string& words, const std::string& more = "") {
    return parse_profile(R"({"job":"/{id}","fields":)" + fields + R"(,"words":)" + words + more + "}");
}

const timestamp noon = std::chrono::sys_days{std::chrono::November / 22 / 2026} + 12h;

} // namespace

TEST_CASE("status_parser: the first acceptor that matches decides; words may have a second one") {
    status_parser p(with(R"({"state":"/status","second":"/conclusion"})",
                         R"([{"word":"completed","second":["failure","startup_failure"],"state":"failed","error":"api"},
                             {"word":"completed","second":"success","state":"succeeded"},
                             {"word":"completed","second":null,"state":"running"},
                             {"word":["queued","waiting"],"state":"queued"},
                             {"word":null,"second":"skipped","state":"skipped"}])"));
    const auto read = [&](const std::string& body) { return p.parse(body); };
    CHECK(read(R"({"status":"queued","conclusion":null})").state == job_state::queued);
    CHECK(read(R"({"conclusion":null,"status":"waiting"})").word == "waiting");
    CHECK(read(R"({"conclusion":"success","status":"completed"})").state == job_state::succeeded);
    CHECK(read(R"({"status":"completed","conclusion":"success"})").word == "completed/success");
    const auto failed = read(R"({"status":"completed","conclusion":"startup_failure"})");
    CHECK(failed.state == job_state::failed);
    CHECK(failed.error == job_error{error_class::api, ""});
    CHECK(read(R"({"status":"completed"})").state == job_state::running);
    CHECK(read(R"({"status":"completed","conclusion":""})").state == job_state::running);
    // Unknown: raw, and never the end.
    CHECK_FALSE(read(R"({"status":"completed","conclusion":"mystery"})").state);
    CHECK(read(R"({"status":"completed","conclusion":"mystery"})").word == "completed/mystery");
    CHECK_FALSE(read(R"({"status":"Completed","conclusion":"success"})").state);
    CHECK(read(R"({"conclusion":"skipped"})").state == job_state::skipped);
    CHECK(parse(p, R"({"conclusion":"success"})").ec == errc::missing_field);
    CHECK(parse(p, R"({"status":"queued","conclusion":{}})").ec == errc::wrong_type);
}

TEST_CASE("status_parser: of an array the first is the word, the others are flags") {
    status_parser p(with(R"({"at":"/jobs/0","state":"/job_state","flags":"/flags"})",
                         R"([{"word":["COMPLETED","FAILED"],"flag":["COMPLETING","STAGE_OUT"],"state":"running"},
                             {"flag":"REQUEUED","state":"queued"},
                             {"word":"COMPLETED","state":"succeeded"},{"word":"FAILED","state":"failed"}])"));
    const auto read = [&](const std::string& job) { return p.parse(R"({"jobs":[)" + job + "]}"); };
    CHECK(read(R"({"job_state":["COMPLETED"]})").state == job_state::succeeded);
    CHECK(read(R"({"job_state":"COMPLETED"})").state == job_state::succeeded);
    CHECK(read(R"({"job_state":["COMPLETED","COMPLETING"]})").state == job_state::running);
    CHECK(read(R"({"job_state":["COMPLETED","X","COMPLETING"]})").word == "COMPLETED+X+COMPLETING");
    CHECK(read(R"({"job_state":["COMPLETED","X"]})").state == job_state::succeeded);
    CHECK(read(R"({"job_state":["FAILED","REQUEUED"]})").state == job_state::queued);
    CHECK(read(R"({"job_state":["WEIRD","REQUEUED"]})").state == job_state::queued);
    CHECK(read(R"({"job_state":["FAILED"],"flags":["A","STAGE_OUT"]})").state == job_state::running);
    CHECK(read(R"({"flags":"STAGE_OUT","job_state":["FAILED"]})").state == job_state::running);
    CHECK_FALSE(read(R"({"job_state":["WEIRD","COMPLETING"]})").state);
    CHECK(read(R"({"job_state":[7,true,"COMPLETING"]})").word == "7+true+COMPLETING");
    CHECK(contains(parse(p, R"({"jobs":[{"x":1}]})").what, "at /jobs/0/job_state"));
    CHECK(contains(parse(p, R"({"jobs":[{"job_state":["A",[]]}]})").what, "at /jobs/0/job_state, an array of more"));
    CHECK(parse(p, R"({"jobs":[]})").ec == errc::missing_field);
}

TEST_CASE("status_parser: elements of an array are selected by conditions") {
    status_parser p(with(R"({"state":{"in":"/c","where":{"/status":"True"},"take":"/type"},
                             "reason":{"in":"/c","where":{"/status":"True","/type":"Failed"},"take":"/reason"},
                             "message":{"in":"/c","where":{"/type":"Failed"},"take":"/message"},
                             "name":{"any":["/title",{"in":"/names"}]}})",
                         R"([{"word":"Complete","state":"succeeded"},{"word":"Failed","state":"failed"},
                             {"word":null,"where":{"/suspend":true},"state":"paused"},
                             {"word":null,"where":{"/active":{"above":0}},"state":"running"},
                             {"word":null,"state":"pending"}])"));
    const auto read = [&](const std::string& c) { return p.parse(R"({"c":)" + c + "}"); };
    CHECK(read(R"([{"type":"Complete","status":"True"}])").state == job_state::succeeded);
    // Order within the elements, other members, other elements.
    const auto failed = read(R"([{"status":"False","type":"Complete"},{"x":[{"status":"True"}],"reason":"Slow",
                                 "message":"too slow","status":"True","type":"Failed"},7,null,{"type":"A"}])");
    CHECK(failed.state == job_state::failed);
    CHECK(failed.word == "Failed");
    CHECK(failed.reason == "Slow");
    CHECK(failed.message == "too slow");
    // Several: the acceptors' order counts, not the elements'.
    const auto both = read(R"([{"type":"New","status":"True"},{"type":"Failed","status":"True"},
                               {"type":"Complete","status":"True"}])");
    CHECK(both.state == job_state::succeeded);
    CHECK(both.word == "Complete");
    CHECK(read(R"([{"type":"Complete","status":"True"},{"type":"Failed","status":"True"}])").state ==
          job_state::succeeded);
    const auto unknown = read(R"([{"type":"Odd","status":"True"},{"type":["Strange"],"status":"True"}])");
    CHECK_FALSE(unknown.state);
    CHECK(unknown.word == "Odd,Strange");
    CHECK(parse(p, R"({"c":{}})").ec == errc::wrong_type);
    CHECK(contains(parse(p, R"({"c":"x"})").what, "at /c, not an array"));
    CHECK(contains(parse(p, R"({"c":[{"type":"Failed","message":7}]})").what, "at /c/*/message, not a string"));
    // No word: what else there is decides.
    for (const auto* c : {"[]", "null", R"([{"type":"Complete","status":"False"}])"}) {
        INFO(c);
        CHECK(read(c).state == job_state::pending);
        CHECK(read(c).word.empty());
    }
    CHECK(p.parse(R"({"active":2,"c":[]})").state == job_state::running);
    CHECK(p.parse(R"({"active":0})").state == job_state::pending);
    CHECK(p.parse(R"({"active":"2"})").state == job_state::pending);
    CHECK(p.parse(R"({"suspend":true,"active":2})").state == job_state::paused);
    CHECK(p.parse(R"({"names":["a","b"]})").name == "a");
    CHECK(p.parse(R"({"names":["a","b"],"title":"t"})").name == "t");
    CHECK(p.parse(R"({"names":[],"title":null})").name == std::nullopt);
}

TEST_CASE("status_parser: conditions") {
    const auto holds = [](const std::string& condition, const std::string& value) {
        status_parser p(with(R"({"state":"/s"})", R"([{"where":{"/x":)" + condition + R"(},"state":"failed"},
                                                      {"word":"a","state":"running"}])"));
        return p.parse(R"({"s":"a")" + (value.empty() ? "" : R"(,"x":)" + value) + "}").state == job_state::failed;
    };
    const std::vector<std::tuple<std::string, std::string, bool>> all{
        {R"("7")", "7", true},
        {"7", R"("7")", true},
        {"true", R"("true")", true},
        {"7", "7.5", false},
        {"7.5", "7.5", true},
        {"7", "-7", false},
        {"-7", "-7", true},
        {R"("a")", "", false},
        {R"("a")", R"(["a"])", false},
        {R"("a")", R"({"a":"a"})", false},
        {R"(["a","b"])", R"("b")", true},
        {R"(["a","b"])", R"("c")", false},
        {"null", "", true},
        {"null", "null", true},
        {"null", "{}", false},
        {"null", "[]", false},
        {"null", "0", false},
        {"[]", "[]", true},
        {"[]", "{}", true},
        {"[]", "[null]", false},
        {"[]", R"({"a":1})", false},
        {"[]", "", false},
        {"[]", R"("")", false},
        {R"({"contains":"out"})", R"("timed out")", true},
        {R"({"contains":["up","out"]})", R"("timed out")", true},
        {R"({"contains":"Out"})", R"("timed out")", false},
        {R"({"contains":"0"})", "101", true},
        {R"({"contains":"out"})", R"(["out"])", false},
        {R"({"above":0})", "1", true},
        {R"({"above":0})", "0", false},
        {R"({"above":-0.5})", "0", true},
        {R"({"above":0})", "true", false},
        {R"({"above":0})", "", false},
    };
    for (const auto& [condition, value, expected] : all) {
        INFO(condition << " of " << value);
        CHECK(holds(condition, value) == expected);
    }
    // A value may be looked at by a condition and be a field, and things may be below it.
    status_parser p(with(R"({"state":"/done","error":{"message":"/error/text"}})",
                         R"([{"word":"true","where":{"/error":null},"state":"succeeded"},
                             {"word":"true","state":"failed"},{"word":null,"state":"running"}])"));
    CHECK(p.parse("{}").state == job_state::running);
    CHECK(p.parse(R"({"done":true})").state == job_state::succeeded);
    CHECK(p.parse(R"({"done":true,"error":{"text":"no"}})").error == job_error{error_class::unknown, "no"});
}

TEST_CASE("status_parser: counts, retries, reasons and hints") {
    status_parser p(with(R"({"state":"/s","reason":"/why","retries":"/restarts",
                             "progress":{"counts":{"done":["/ok","/bad"]},"total":"/all","unit":"steps"},
                             "hint":{"seconds":"/wait"}})",
                         R"({"wait":"queued","run":"running","end":"succeeded"})",
                         R"(,"never_runs":["Never","BAD:*"],"no_reason":["None"])"));
    auto s = p.parse(R"({"bad":1,"s":"run","ok":2,"all":6,"restarts":0,"wait":1.5})");
    CHECK(s.progress == progress{.done = 3, .total = 6.0, .unit = progress_unit::steps});
    CHECK(s.attempt == 1U);
    CHECK(s.hint.interval == 1500ms);
    CHECK(p.parse(R"({"s":"run","all":6})").progress->done == 0.0);
    CHECK_FALSE(p.parse(R"({"s":"run"})").progress);
    CHECK_FALSE(p.parse(R"({"s":"run","all":0,"ok":0})").progress);
    CHECK(p.parse(R"({"s":"run","ok":4})").progress == progress{.done = 4, .unit = progress_unit::steps});
    CHECK(p.parse(R"({"s":"run","restarts":4294967295})").attempt == 4294967295U);
    CHECK(parse(p, R"({"s":"run","ok":"2"})").ec == errc::wrong_type);
    CHECK(parse(p, R"({"s":"run","wait":"2"})").ec == errc::wrong_type);
    CHECK_FALSE(p.parse(R"({"s":"run","wait":-1})").hint.interval);

    for (const auto& [body, reason, never] : std::vector<std::tuple<std::string, std::string, bool>>{
             {R"({"s":"wait","why":"Never"})", "Never", true},
             {R"({"s":"wait","why":"NeverMind"})", "NeverMind", false},
             {R"({"s":"wait","why":"BAD:CPU"})", "BAD:CPU", true},
             {R"({"s":"wait","why":["Priority","Never"]})", "Never", true},
             {R"({"s":"wait","why":["Priority","Other"]})", "Priority", false},
             {R"({"s":"odd","why":"Never"})", "Never", true},
             {R"({"s":"run","why":"Never"})", "Never", false},
             {R"({"s":"end","why":"Never"})", "Never", false},
             {R"({"s":"wait","why":"None"})", "", false},
             {R"({"s":"wait","why":["None","Never"]})", "Never", true},
             {R"({"s":"wait","why":7})", "7", false},
             {R"({"s":"wait"})", "", false}}) {
        INFO(body);
        s = p.parse(body);
        CHECK(s.reason == reason);
        CHECK(s.never_runs == never);
    }
    CHECK(parse(p, R"({"s":"wait","why":{}})").ec == errc::wrong_type);

    status_parser parts(with(R"({"state":"/s","progress":{"counts":{"done":"/ok","left":["/active","/waiting"]}},
                                 "times":{"format":"epoch_s"},"hint":{"time":"/next"}})",
                             R"({"run":"running"})"));
    CHECK(parts.parse(R"({"s":"run","ok":1,"active":2,"waiting":5})").progress == progress{.done = 1, .total = 8.0});
    CHECK(parts.parse(R"({"s":"run","waiting":5})").progress == progress{.done = 0, .total = 5.0});
    CHECK_FALSE(parts.parse(R"({"s":"run"})").progress);
    const auto body = [](timestamp t) {
        return R"({"s":"run","next":)" +
               std::to_string(std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count()) + "}";
    };
    CHECK(parts.parse(body(noon + 90s), noon).hint.interval == 90s);
    CHECK_FALSE(parts.parse(body(noon - 90s), noon).hint.interval);
    CHECK_FALSE(parts.parse(body(noon + 90s)).hint.interval);
}

TEST_CASE("status_parser: times that an API expects are not taken for times that were") {
    status_parser p(with(
        R"({"state":"/s","times":{"format":"epoch_s","created":"/c","queued":"/q","started":"/b","finished":"/e"}})",
        R"({"p":"pending","q":"queued","h":"paused","r":"running","e":"failed"})"));
    const auto read = [&](const std::string& word) {
        return p.parse(R"({"c":1,"q":2,"b":3,"e":4000000000,"s":")" + word + "\"}");
    };
    for (const auto* word : {"p", "q", "h", "r", "e", "?"}) {
        INFO(word);
        const auto s = read(word);
        CHECK(s.created == timestamp(1s));
        CHECK(s.queued == timestamp(2s));
        CHECK(s.started.has_value() == (*word != 'p' && *word != 'q'));
        CHECK(s.finished.has_value() == (*word == 'e'));
    }
    CHECK(parse(p, R"({"s":"r","e":"x"})").ec == errc::wrong_type);
    status_parser iso(with(R"({"state":"/s","times":{"format":"iso8601","created":"/c"}})", R"({"r":"running"})"));
    CHECK(iso.parse(R"({"s":"r","c":"2026-11-22T12:00"})").created == noon);
    CHECK(contains(parse(iso, R"({"s":"r","c":"noon"})").what, "at /c, not a time of ISO 8601"));
}

TEST_CASE("status_parser: an error has its code and its messages, and is of a job that ended badly") {
    status_parser p(
        with(R"({"state":"/s","error":{"class":"/k","code":{"any":["/code","/exit"]},"message":["/a","/b"]}})",
             R"([{"word":"bad","state":"failed","error":"resource"},{"word":"late","state":"timed_out"},
                             {"word":"good","state":"succeeded","error":"resource"},{"word":"run","state":"running","error":"api"}])"));
    const auto read = [&](const std::string& word) {
        return p.parse(R"({"b":"full","exit":137,"a":"disk","s":")" + word + "\"}").error;
    };
    CHECK(read("bad") == job_error{error_class::resource, "137: disk: full"});
    CHECK(read("late") == job_error{error_class::unknown, "137: disk: full"});
    CHECK_FALSE(read("good"));
    CHECK_FALSE(read("run"));
    CHECK_FALSE(read("unheard of"));
    CHECK(p.parse(R"({"s":"bad","k":"query","exit":0,"a":"","b":null})").error == job_error{error_class::query, ""});
    CHECK(p.parse(R"({"s":"bad","k":"odd"})").error == job_error{error_class::unknown, ""});
    CHECK(p.parse(R"({"s":"bad"})").error == job_error{error_class::resource, ""});
    CHECK_FALSE(p.parse(R"({"s":"late","exit":0,"a":""})").error);
    CHECK(p.parse(R"({"s":"late","code":"E1","exit":5})").error->message == "E1");
    CHECK(contains(parse(p, R"({"s":"bad","b":7})").what, "at /b, not a string"));
    status_parser silent(with(R"({"state":"/s","error":{"code":"/c","message":"/m"}})", R"({"bad":"failed"})",
                              R"(,"no_reason":["None"])"));
    CHECK(silent.parse(R"({"s":"bad","c":"None","m":"full"})").error->message == "full");
    CHECK_FALSE(silent.parse(R"({"s":"bad","m":"None"})").error);
}

TEST_CASE("status_parser: not found is a status, a code in a body, or an empty answer") {
    status_parser p(with(R"({"at":"/jobs/0","state":"/s"})", R"({"r":"running"})",
                         R"(,"not_found":[404,{"status":500,"where":{"/errors/0/number":2017}},
                             {"status":400,"where":{"/code":"X","/text":{"contains":"no such"}}},
                             {"where":{"/jobs":[]}},{"status":200,"where":{"/gone":true}}])"));
    CHECK(p.is_not_found(404, "anything"));
    CHECK_FALSE(p.is_not_found(410, "anything"));
    CHECK(p.is_not_found(500, R"({"jobs":[],"errors":[{"text":"x","number":2017},{"number":1}]})"));
    CHECK_FALSE(p.is_not_found(500, R"({"errors":[{"number":2018}]})"));
    CHECK_FALSE(p.is_not_found(500, R"({"jobs":[],"errors":[]})"));
    CHECK_FALSE(p.is_not_found(501, R"({"errors":[{"number":2017}]})"));
    for (const auto* body : {"", "{", "<html>", "[]", "7", "null"}) {
        INFO(body);
        CHECK_FALSE(p.is_not_found(500, body));
    }
    CHECK(p.is_not_found(400, R"({"text":"there is no such job","code":"X"})"));
    CHECK_FALSE(p.is_not_found(400, R"({"text":"there is no such job","code":"Y"})"));
    CHECK(p.is_not_found(200, R"({"jobs":[]})"));
    CHECK(p.is_not_found(202, R"({"jobs":[]})"));

    CHECK_FALSE(p.parse(R"({"jobs":[]})").found);
    CHECK_FALSE(p.parse(R"({"gone":true,"jobs":[{"s":"r"}]})").found);
    CHECK(p.parse(R"({"gone":false,"jobs":[{"s":"r"}]})").found);
    CHECK(parse(p, R"({"jobs":null})").ec == errc::missing_field);
    CHECK(parse(p, "{}").ec == errc::missing_field);
}

TEST_CASE("status_parser: many jobs, in the order of their ids") {
    status_parser p(with(R"({"at":"/jobs/0","state":"/s","message":"/m"})", R"({"r":"running","e":"failed"})",
                         R"(,"not_found":[{"where":{"/jobs":[]}},{"where":{"/none":true}}],
                             "many":{"url":"/jobs?ids={ids}","jobs":"/jobs","id":"/key"})"));
    const std::vector<job_id> ids{"3", "a", "1", "3"};
    const auto all = p.parse_many(
        R"({"jobs":[{"s":"r","key":1},{"key":"2","s":{}},{"key":"3","s":"e","m":"x"},{"key":3,"s":"r"}]})", ids);
    REQUIRE(all.size() == 4);
    CHECK(all[0].state == job_state::failed); // the first of its name
    CHECK(all[0].message == "x");
    CHECK_FALSE(all[1].found);
    CHECK(all[2].state == job_state::running);
    CHECK(all[3].state == job_state::failed);
    for (const auto* body : {R"({"jobs":[]})", R"({"none":true})"}) {
        const auto none = p.parse_many(body, ids);
        REQUIRE(none.size() == 4);
        for (const auto& s : none) CHECK_FALSE(s.found);
    }
    CHECK(p.parse_many(R"({"jobs":[]})", {}).empty());
    const auto why = [&](std::string body) {
        return outcome_of([&] {
            (void)p.parse_many(std::move(body), ids);
            return status{};
        });
    };
    CHECK(contains(why("{}").what, "at /jobs"));
    CHECK(why(R"({"jobs":7})").ec == errc::wrong_type);
    const auto some = p.parse_many(R"({"jobs":[{"key":"0"},{"key":"1"},{"key":"3","s":"r"}]})", ids);
    REQUIRE(some.size() == 4);
    CHECK(some[0].state == job_state::running);
    CHECK_FALSE(some[0].unreadable);
    REQUIRE(some[2].unreadable);
    const auto of_one = outcome_of([&]() -> status { std::rethrow_exception(some[2].unreadable); });
    CHECK(of_one.ec == errc::missing_field);
    CHECK(contains(of_one.what, "at /jobs/1/s"));
    CHECK(contains(why(R"({"jobs":[{"s":"r"}]})").what, "at /jobs/0/key"));
    CHECK(why(R"({"jobs":[{"key":"1","s":"r"})").ec == errc::truncated_json);

    status_parser without(telltale_profile());
    CHECK(outcome_of([&] { return without.parse_many("[]", ids), status{}; }).ec == errc::invalid_argument);
}

TEST_CASE("status_parser: what an API says of a request that it refused") {
    status_parser p(with(R"({"state":"/s"})", R"({"r":"running"})",
                         R"(,"errors":{"code":"/errors/0/number","message":["/errors/0/error","/errors/0/text"]})"));
    auto e = p.error_of(R"({"errors":[{"number":2017,"error":"Invalid","text":"job id"}]})");
    CHECK(e.code == "2017");
    CHECK(e.message == "Invalid: job id");
    CHECK(p.error_of("<html>").message.empty());
    CHECK(p.error_of("{\"errors\":[").code.empty());
    CHECK(p.error_of(R"({"errors":[{"error":{}}]})").message.empty());

    status_parser usual(with(R"({"state":"/s"})", R"({"r":"running"})"));
    e = usual.error_of(R"({"error":{"class":"permission","code":"E7","message":"not yours"}})");
    CHECK(e.code == "E7");
    CHECK(e.message == "not yours");
    CHECK(usual.error_of(R"({"message":"Not Found","documentation_url":"x"})").message == "Not Found");
    CHECK(usual.error_of(R"({"error":"401 Unauthorized"})").message == "401 Unauthorized");
    CHECK(usual.error_of(R"({"title":"t","detail":"d"})").message == "d");
    CHECK(usual.error_of(R"({"error_code":"INVALID","message":"m"})").code == "INVALID");
    CHECK(usual.error_of("").message.empty());
}

TEST_CASE("status_parser: a retry may have a new id") {
    status_parser p(
        with(R"({"state":"/s"})", R"({"r":"running"})", R"(,"retry":{"url":"/{id}/retry","new_id":"/job/id"})"));
    CHECK(p.parse_retry(R"({"job":{"id":"8"}})", "7") == "8");
    CHECK(p.parse_retry(R"({"job":{"id":8}})", "7") == "8");
    CHECK(outcome_of([&] { return p.parse_retry("{}", "7"), status{}; }).ec == errc::missing_field);
    CHECK(outcome_of([&] { return p.parse_retry(R"({"job":{"id":true}})", "7"), status{}; }).ec == errc::wrong_type);
    CHECK(outcome_of([&] { return p.parse_retry("", "7"), status{}; }).ec == errc::truncated_json);
    status_parser same(telltale_profile());
    CHECK(same.parse_retry("", "7") == "7");
}

// What docs/guide/profiles.md shows.

namespace {

const std::string render_farm = R"(
{
  "name": "render farm",
  "job": "/api/tasks/{id}",
  "many": {"url": "/api/tasks?ids={ids}", "limit": 200, "jobs": "/tasks"},
  "cancel": {"url": "/api/tasks/{id}/stop"},
  "fields": {
    "at": "/task",
    "state": "/phase",
    "second": "/outcome",
    "reason": "/why",
    "progress": {"counts": {"done": ["/frames/ok", "/frames/bad"]}, "total": "/frames/all"},
    "error": {"code": "/log/code", "message": "/log/text"},
    "times": {"format": "iso8601", "started": "/started", "finished": "/ended"}
  },
  "words": [
    {"word": "WAITING", "state": "queued"},
    {"word": ["RENDERING", "UPLOADING"], "state": "running"},
    {"word": "DONE", "second": "OK", "state": "succeeded"},
    {"word": "DONE", "second": "ERROR", "state": "failed"},
    {"word": "DONE", "second": "STOPPED", "state": "cancelled"}
  ],
  "never_runs": ["NoSuchScene"],
  "not_found": [404, {"where": {"/task": null}}]
}
)";

const std::string render_answer = R"(
{"task": {"id": 17, "phase": "DONE", "outcome": "ERROR", "frames": {"ok": 118, "bad": 2, "all": 120}, "why": null,
          "started": "2026-11-22T10:30:00", "ended": "2026-11-22T10:42:10", "log": {"code": "E42", "text": "2 frames are black"}}}
)";

} // namespace

TEST_CASE("status_parser: the profile of the guide reads the answer of the guide") {
    telltale::status_parser parser(telltale::parse_profile(render_farm));
    const telltale::status now = parser.parse(render_answer);
    CHECK(now.state == telltale::job_state::failed);
    CHECK(now.word == "DONE/ERROR");
    CHECK(now.progress->percent() == 100.0);
    CHECK(now.error->message == "E42: 2 frames are black");
    CHECK(*now.finished - *now.started == 12min + 10s);

    CHECK_FALSE(parser.parse(R"({"task":null})").found);
    CHECK(parser.parse(R"({"task":{"phase":"WAITING","outcome":null,"why":"NoSuchScene"}})").never_runs);
    CHECK_FALSE(parser.parse(R"({"task":{"phase":"DONE","outcome":"HALF"}})").state);
    const auto all = parser.parse_many(R"({"tasks":[{"id":18,"phase":"RENDERING"}]})", std::vector<job_id>{"17", "18"});
    CHECK_FALSE(all[0].found);
    CHECK(all[1].state == job_state::running);
}

TEST_CASE("status_parser: a profile of the guide, in C++") {
    telltale::profile api;
    api.job.url = "/api/tasks/{id}";
    api.fields.at = "/task";
    api.fields.state = "/phase";
    api.fields.second = "/outcome";
    api.words = {{.word = "WAITING", .state = telltale::job_state::queued},
                 {.word = {"RENDERING", "UPLOADING"}, .state = telltale::job_state::running},
                 {.word = "DONE", .state = telltale::job_state::succeeded, .second = "OK"},
                 {.word = "DONE", .state = telltale::job_state::failed, .second = "ERROR"}};
    telltale::validate(api);
    CHECK(telltale::status_parser(api).parse(render_answer).state == job_state::failed);
}
