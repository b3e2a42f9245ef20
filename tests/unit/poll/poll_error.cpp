// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/poll_error.hpp>

#include <telltale/error.hpp>
#include <telltale/poll/poll_hint.hpp>

#include "catch.hpp"

#include <chrono>
#include <string>

using namespace telltale;
using namespace std::chrono_literals;

TEST_CASE("poll_error: a system_error that says where, what and of which class it was") {
    poll_hint hint;
    hint.retry_after = 7s;
    const auto thrown = [&] { throw poll_error(errc::http_status, "/jobs/1", error_class::api, 503, hint); };
    try {
        thrown();
    } catch (const system_error& e) { // as one who knows nothing of it
        CHECK(e.code() == errc::http_status);
        const std::string what = e.what(); // Boost's goes on
        CAPTURE(what);
        CHECK(what.starts_with("/jobs/1: " + make_error_code(errc::http_status).message()));
    }
    try {
        thrown();
    } catch (const poll_error& e) {
        CHECK(e.kind() == error_class::api);
        CHECK(e.http_status() == 503);
        CHECK(e.hint() == hint);
    }
}

TEST_CASE("poll_error: without an answer there is neither a status nor a hint") {
    const poll_error e(net::error::connection_refused, "/jobs/1", error_class::network);
    CHECK(e.code() == net::error::connection_refused);
    CHECK(e.kind() == error_class::network);
    CHECK(e.http_status() == 0);
    CHECK(e.hint() == poll_hint{});
}

TEST_CASE("poll_hint: nothing said is not 0, and each thing said counts") {
    const poll_hint nothing;
    CHECK_FALSE(nothing.retry_after);
    CHECK_FALSE(nothing.interval);
    CHECK_FALSE(nothing.left);
    CHECK_FALSE(nothing.window);
    CHECK(poll_hint{.retry_after = 0s} != nothing);
    CHECK(poll_hint{.interval = 0s} != nothing);
    CHECK(poll_hint{.left = 0} != nothing);
    CHECK(poll_hint{.window = 0s} != nothing);
    CHECK(poll_hint{.retry_after = 1s, .interval = 2s, .left = 3, .window = 4s} ==
          poll_hint{.retry_after = 1s, .interval = 2s, .left = 3, .window = 4s});
}
