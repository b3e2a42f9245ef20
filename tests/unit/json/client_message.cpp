// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/json/client_message.hpp>

#include "catch.hpp"

#include <string>
#include <vector>

using namespace telltale;

TEST_CASE("a filter with a cursor") {
    client_message_parser parser;
    const auto m = parser.parse(
        R"( {"filter":{"jobs":["a\n\u00e9\ud83d\ude00"],"kinds":["job_failed","custom"],"x":1},"cursor":"1:2","y":[{}]} )");
    REQUIRE(m);
    CHECK(m->has_filter);
    CHECK(m->jobs == std::vector<std::string>{"a\n\xC3\xA9\xF0\x9F\x98\x80"});
    CHECK(m->kinds == std::vector<std::string>{"job_failed", "custom"});
    CHECK(m->cursor == "1:2");
    CHECK_FALSE(m->command);
}

TEST_CASE("a command") {
    client_message_parser parser;
    const auto m = parser.parse(R"({"command":"cancel","job":"42"})");
    REQUIRE(m);
    CHECK(m->command == "cancel");
    CHECK(m->job == "42");
    CHECK_FALSE(m->has_filter);
    CHECK(parser.parse("{}"));
}

TEST_CASE("what is not a message gives nothing, and the next one is read all the same") {
    client_message_parser parser;
    for (const std::string bad : {"", "x", "[]", "{", R"({"cursor":1})", R"({"filter":[]})",
                                  R"({"filter":{"jobs":"1"}})", R"({"filter":{"kinds":[1]}})", R"({"command":null})",
                                  R"({"job":{}})", R"({"job":"1"}x)", "{\"job\":\"\xff\"}"}) {
        CAPTURE(bad);
        CHECK_FALSE(parser.parse(bad));
    }
    CHECK_FALSE(parser.parse("{\"a\":" + std::string(100'000, '[')));
    CHECK(parser.parse(R"({"job":"1"})"));
}
