// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/beast/http_message.hpp>

#include "catch.hpp"

#include <string>

using namespace telltale;

TEST_CASE("fields are found without regard to case, the first of a name") {
    const http_fields fields{{"Content-Type", "a"}, {"content-type", "b"}};
    REQUIRE(find_field(fields, "CONTENT-TYPE"));
    CHECK(*find_field(fields, "CONTENT-TYPE") == "a");
    CHECK(find_field(fields, "Content") == nullptr);
}

TEST_CASE("percent escapes are decoded, and broken ones stay") {
    CHECK(percent_decode("a%20b%2Fc%c3%A9") == "a b/c\xC3\xA9");
    CHECK(percent_decode("%") == "%");
    CHECK(percent_decode("%4") == "%4");
    CHECK(percent_decode("%zz%41") == "%zzA");
    CHECK(percent_decode("a+b") == "a+b");
    CHECK(percent_decode("a+b", true) == "a b");
}

TEST_CASE("path and query of a target and of a URL") {
    const http_request target{.url = "/jobs/7?state=a%20b&x=1&x=2&flag&e="};
    CHECK(target.path() == "/jobs/7");
    CHECK(target.query("state") == "a b");
    CHECK(target.query("x") == "1");
    CHECK(target.query("flag") == "");
    CHECK(target.query("e") == "");
    CHECK_FALSE(target.query("y"));
    CHECK(http_request{.url = "http://host:80/a/b?c"}.path() == "/a/b");
    CHECK(http_request{.url = "http://host"}.path() == "/");
    CHECK(http_request{.url = "/a?u=http://x/y"}.path() == "/a");
}

TEST_CASE("responses are made with their type") {
    const auto r = json_response(202, "{}");
    CHECK(r.status == 202);
    CHECK(r.header("content-type") == "application/json");
    CHECK(r.header("x").empty());
    CHECK(r.body == "{}");
}
