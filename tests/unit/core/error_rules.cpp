// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/error_rules.hpp>

#include "catch.hpp"

#include <string>

using namespace telltale;

TEST_CASE("error_rules: statuses of HTTP") {
    const auto of = [](unsigned http_status) { return classify({.http_status = http_status}); };
    CHECK(of(401) == error_class::authentication);
    CHECK(of(407) == error_class::authentication);
    CHECK(of(403) == error_class::permission);
    CHECK(of(408) == error_class::timeout);
    CHECK(of(504) == error_class::timeout);
    CHECK(of(429) == error_class::resource);
    CHECK(of(402) == error_class::resource);
    CHECK(of(400) == error_class::query);
    CHECK(of(422) == error_class::query);
    CHECK(of(404) == error_class::api);
    CHECK(of(302) == error_class::api);
    CHECK(of(500) == error_class::api);
    CHECK(of(599) == error_class::api);
    CHECK(of(200) == error_class::unknown);
    CHECK(of(0) == error_class::unknown);
}

TEST_CASE("error_rules: messages, each word of the first classifier of all") {
    const auto of = [](std::string_view message) { return classify({.message = message}); };
    CHECK(of("Execution TIMEOUT after 3600 s") == error_class::timeout);
    CHECK(of("Authentication failed") == error_class::authentication);
    CHECK(of("token expired") == error_class::authentication);
    CHECK(of("Permission denied on table") == error_class::permission);
    CHECK(of("Forbidden") == error_class::permission);
    CHECK(of("Syntax error at line 3") == error_class::query);
    CHECK(of("the query is invalid") == error_class::query);
    CHECK(of("Rate limit reached") == error_class::resource);
    CHECK(of("quota exceeded") == error_class::resource);
    CHECK(of("Network is down") == error_class::network);
    CHECK(of("connection reset by peer") == error_class::network);
    CHECK(of("something odd") == error_class::unknown);
    CHECK(of("") == error_class::unknown);
}

TEST_CASE("error_rules: a word is not a part of another, and a syntax error is not one of authentication") {
    const auto of = [](std::string_view message) { return classify({.message = message}); };
    CHECK(of("tokenizer crashed") == error_class::unknown);
    CHECK(of("Unexpected token ')' in statement") == error_class::query);
    CHECK(of("zoom failed") == error_class::unknown);
    CHECK(of("OOM killed") == error_class::resource);
    CHECK(of("OUT_OF_MEMORY") == error_class::resource);
    CHECK(of("out-of-memory") == error_class::resource);
    CHECK(of("no answer from the API") == error_class::api);
    CHECK(of("capital letters") == error_class::unknown);
}

TEST_CASE("error_rules: codes of real APIs come before statuses and messages") {
    CHECK(classify({.http_status = 400, .code = "ThrottlingException"}) == error_class::resource);
    CHECK(classify({.http_status = 400, .code = "ExpiredTokenException"}) == error_class::authentication);
    CHECK(classify({.http_status = 400, .code = "invalid_grant"}) == error_class::authentication);
    CHECK(classify({.http_status = 403, .code = "AccessDeniedException"}) == error_class::permission);
    CHECK(classify({.http_status = 400, .code = "LimitExceededException"}) == error_class::resource);
    CHECK(classify({.code = "DEADLINE_EXCEEDED", .message = "connection"}) == error_class::timeout);
    CHECK(classify({.code = "RESOURCE_EXHAUSTED"}) == error_class::resource);
    CHECK(classify({.code = "INVALID_ARGUMENT"}) == error_class::query);
    CHECK(classify({.code = "UNAVAILABLE"}) == error_class::api);
    // GitHub's rate limits are a 403.
    CHECK(classify({.http_status = 403, .message = "API rate limit exceeded for user ID 1"}) == error_class::resource);
    CHECK(classify({.http_status = 500, .code = "2017", .message = "Invalid job id specified"}) == error_class::api);
}

TEST_CASE("error_rules: one's own come first, in their order, and own their texts") {
    error_rules rules;
    {
        const std::string text = "slot";
        rules.prepend({.kind = error_class::resource, .text = text});
    }
    rules.prepend({.kind = error_class::query, .status_from = 500, .status_to = 502, .text = "slot"});
    CHECK(rules.classify({.message = "no SLOT free"}) == error_class::resource);
    CHECK(rules.classify({.http_status = 501, .message = "no slot free"}) == error_class::query);
    CHECK(rules.classify({.http_status = 503, .message = "no slot free"}) == error_class::resource);
    CHECK(rules.classify({.http_status = 429}) == error_class::resource);
    rules.use_defaults(false);
    CHECK(rules.classify({.http_status = 429}) == error_class::unknown);

    const error_rules ordered(
        {{.kind = error_class::api, .code = "a"}, {.kind = error_class::network, .code = "ab"}, {}});
    CHECK(ordered.classify({.code = "ab"}) == error_class::api);
    CHECK(ordered.classify({.http_status = 429}) == error_class::unknown); // a rule that is always so
}

static_assert(classify({.http_status = 429}) == error_class::resource);
