// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/testing/virtual_clock.hpp>

#include "catch.hpp"

#include <telltale/sync/timer.hpp>

#include <chrono>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

TEST_CASE("time stands still but for the clock, and both times move together") {
    net::io_context context;
    testing::virtual_clock clock(context);
    const auto executor = context.get_executor();
    CHECK(system_now(executor) == std::chrono::sys_days{2026y / 1 / 1});
    const auto begin = steady_now(executor);
    clock.run_for(90min);
    CHECK(steady_now(executor) - begin == 90min);
    CHECK(clock.now() == steady_now(executor));
    CHECK(system_now(executor) == std::chrono::sys_days{2026y / 1 / 1} + 90min);
}

TEST_CASE("run ends when nobody waits any more, and what a handler starts is waited for too") {
    net::io_context context;
    testing::virtual_clock clock(context);
    timer t(context.get_executor());
    std::vector<std::chrono::steady_clock::duration> fired;
    const auto begin = clock.now();
    t.expires_after(1h);
    t.async_wait([&](error_code) {
        fired.push_back(clock.now() - begin);
        t.expires_after(1h);
        t.async_wait([&](error_code) { fired.push_back(clock.now() - begin); });
    });
    clock.run();
    CHECK(fired == std::vector<std::chrono::steady_clock::duration>{1h, 2h});
    const auto end = clock.now();
    clock.run();
    CHECK(clock.now() == end);
}

TEST_CASE("run_until_idle lets no time pass and counts the handlers") {
    net::io_context context;
    testing::virtual_clock clock(context);
    timer t(context.get_executor());
    t.expires_after(1s);
    t.async_wait([](error_code) {});
    net::post(context, [] {});
    const auto begin = clock.now();
    CHECK(clock.run_until_idle() == 1);
    CHECK(clock.now() == begin);
}
