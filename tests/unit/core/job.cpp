// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/job.hpp>

#include "catch.hpp"

using namespace telltale;

TEST_CASE("a job of which nothing is known claims nothing") {
    const job j{.id = "1"};
    CHECK(j.state == job_state::pending);
    CHECK(j.attempt == 1);
    CHECK_FALSE(j.progress);
    CHECK_FALSE(j.queue_position);
    CHECK_FALSE(j.created);
    CHECK_FALSE(j.error);
    CHECK(j.health.state == watch_state::ok);
    CHECK(j.control == nullptr);
}

TEST_CASE("classes of errors have names that read back") {
    for (const auto c : {error_class::unknown, error_class::api, error_class::timeout, error_class::authentication,
                         error_class::permission, error_class::query, error_class::resource, error_class::network})
        CHECK(parse_error_class(to_string(c)) == c);
    CHECK_FALSE(parse_error_class("gremlins"));
}
