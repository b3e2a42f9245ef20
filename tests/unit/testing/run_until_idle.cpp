// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/testing/run_until_idle.hpp>

#include "catch.hpp"

#include <telltale/sync/timer.hpp>
#include <telltale/testing/virtual_clock.hpp>

#include <chrono>
#include <optional>
#include <stdexcept>

using namespace telltale;
using namespace std::chrono_literals;

TEST_CASE("run_until_idle runs what is ready and what becomes ready by that, and counts") {
    net::io_context context;
    int ran = 0;
    net::post(context, [&] {
        ++ran;
        net::post(context, [&] { ++ran; });
    });
    CHECK(testing::run_until_idle(context) == 2);
    CHECK(ran == 2);
    CHECK(testing::run_until_idle(context) == 0);
    net::post(context, [&] { ++ran; }); // after it had run out of work
    CHECK(testing::run_until_idle(context) == 1);
}

TEST_CASE("run_until_idle lets no time pass, virtual or real") {
    const bool in_virtual_time = GENERATE(true, false);
    net::io_context context;
    std::optional<testing::virtual_clock> clock;
    if (in_virtual_time) clock.emplace(context);
    timer t(context.get_executor());
    const auto begin = t.now();
    t.expires_after(24h);
    bool over = false;
    t.async_wait([&](error_code) { over = true; });
    CHECK(testing::run_until_idle(context) == 0);
    CHECK_FALSE(over);
    if (clock) CHECK(t.now() == begin);
}

TEST_CASE("run_until_idle passes on the exception of a handler, and goes on with the next call") {
    net::io_context context;
    bool next = false;
    net::post(context, [] { throw std::runtime_error("its own"); });
    net::post(context, [&] { next = true; });
    CHECK_THROWS_AS(testing::run_until_idle(context), std::runtime_error);
    CHECK_FALSE(next);
    CHECK(testing::run_until_idle(context) == 1);
    CHECK(next);
}
