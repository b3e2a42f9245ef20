// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/json/profile_text.hpp>

#include "catch.hpp"

#include <string>

using namespace telltale;

TEST_CASE("profile_text: all that a profile can say is written") {
    // As it is written: nothing as by default, and nothing in its short form.
    const std::string text =
        R"({"name":"all of it",)"
        R"("job":{"url":"/jobs","method":"PUT","body":{"id":"{#id}"},"headers":{"A":"b\"c"}},)"
        R"("headers":{"B":"1","C":"2"},)"
        R"("many":{"url":"/jobs?id={ids}","jobs":"/items","id":"/id","limit":7,"separator":"&id="},)"
        R"("list":{"url":"/all","method":"POST","body":{"page":1},"headers":{"D":"4"},"jobs":"/items","id":{"any":["/id","/key"]}},)"
        R"("cancel":{"url":"/jobs/{id}/stop"},)"
        R"("retry":{"url":"/jobs/{id}/again","new_id":"/new"},)"
        R"("result":{"url":"/jobs/{id}/result"},)"
        R"("fields":{"at":"/item",)"
        R"("state":{"any":[{"in":"/c","where":{"/ok":["1","true"],"/text":{"contains":["x","y"]},"/n":{"above":0.5}},"take":"/type"},"/s"]},)"
        R"("second":"/second","flags":"/flags","reason":"/reason",)"
        R"("progress":{"unit":"/unit","rate":"/rate","remaining":"/left",)"
        R"("counts":{"done":["/good","/bad"],"left":["/ahead"]}},)"
        R"("queue_position":"/place","message":"/message","name":"/name","kind":"/kind","labels":"/tags",)"
        R"("error":{"class":"/e/class","code":["/e/code"],"message":["/e/text","/e/more"]},"retries":"/again",)"
        R"("times":{"format":"iso8601","created":"/t0","queued":"/t1","started":"/t2","finished":"/t3"},)"
        R"("hint":{"seconds":"/wait"}},)"
        R"("words":[{"word":null,"where":{"/gone":null,"/list":[]},"state":"pending"},)"
        R"({"word":["a","b"],"second":null,"flag":["f"],"state":"failed","error":"resource"},)"
        R"({"word":["a"],"second":["c"],"state":"succeeded"}],)"
        R"("never_runs":["Never","Not:*"],)"
        R"("not_found":[{"status":404},{"where":{"/items":[]}},{"status":500,"where":{"/code":["2017"]}}],)"
        R"("errors":{"code":["/code"],"message":["/text"]}})";
    CHECK(to_json(parse_profile(text)) == text);
}

TEST_CASE("profile_text: the other kinds of progress, attempts, hints and times") {
    profile p;
    p.job.url = "/{id}";
    p.fields.state = "/s";
    p.fields.progress.fraction = "/f";
    p.fields.attempt = "/try";
    p.fields.hint.time = "/next";
    p.fields.times.format = profile::time_format::epoch_ms;
    p.words = {{"go", job_state::running}};
    CHECK(to_json(p) ==
          R"({"job":{"url":"/{id}"},"fields":{"state":"/s","progress":{"fraction":"/f"},"attempt":"/try",)"
          R"("times":{"format":"epoch_ms"},"hint":{"time":"/next"}},)"
          R"("words":[{"word":["go"],"state":"running"}],"not_found":[{"status":404}]})");
    CHECK(to_json(parse_profile(to_json(p))) == to_json(p));
    p.fields.progress = {.percent = "/p"};
    CHECK(parse_profile(to_json(p)).fields.progress.percent == json_place("/p"));
    p.fields.progress = {.done = "/d", .unit = "bytes"};
    CHECK(parse_profile(to_json(p)).fields.progress.done == json_place("/d"));
    p.fields.progress.total = "/all";
    CHECK(parse_profile(to_json(p)).fields.progress.total == json_place("/all"));
    CHECK(parse_profile(to_json(p)).fields.progress.unit == "bytes");
}
