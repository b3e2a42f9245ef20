// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/status_source.hpp>

#include "catch.hpp"

#include <string>

using namespace telltale;

namespace {
struct by_value {
    net::awaitable<status> poll(job_id id);
};
struct by_reference {
    net::awaitable<status> poll(const job_id& id);
};
struct without_status {
    net::awaitable<std::string> poll(job_id id);
};
struct without_coroutine {
    status poll(job_id id);
};
} // namespace

TEST_CASE("a source is whatever can be asked how a job is, as a coroutine") {
    STATIC_REQUIRE(status_source<by_value>);
    STATIC_REQUIRE(status_source<by_reference>);
    STATIC_REQUIRE_FALSE(status_source<without_status>);
    STATIC_REQUIRE_FALSE(status_source<without_coroutine>);
    STATIC_REQUIRE_FALSE(status_source<int>);
}

TEST_CASE("not found is an answer without a state") {
    CHECK_FALSE(not_found().found);
    CHECK_FALSE(not_found().state);
    CHECK(status{}.found);
}
