// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/json/status_parser.hpp>

#include <telltale/core/json.hpp>
#include <telltale/error.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
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
