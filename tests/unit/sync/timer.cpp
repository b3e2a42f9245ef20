// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/timer.hpp>

#include "support.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

TEST_CASE("in virtual time waits end at once, in order of time and of coming") {
    virtual_world world;
    std::vector<int> order;
    std::vector<std::unique_ptr<timer>> timers;
    const auto after = [&](std::chrono::seconds d, int n) {
        timers.push_back(std::make_unique<timer>(world.executor()));
        timers.back()->expires_after(d);
        timers.back()->async_wait([&order, n](error_code ec) { order.push_back(ec ? -n : n); });
    };
    after(24h, 4);
    after(1s, 2);
    after(1s, 3);
    after(0s, 1);
    const auto begin = world.clock.now();
    world.clock.run();
    CHECK(order == std::vector{1, 2, 3, 4});
    CHECK(world.clock.now() - begin == 24h);
    CHECK(system_now(world.executor()) == std::chrono::sys_days{2026y / 1 / 2});
}

TEST_CASE("run_for lets just that much time pass") {
    virtual_world world;
    timer t(world.executor());
    t.expires_after(10s);
    bool over = false;
    t.async_wait([&over](error_code) { over = true; });
    world.clock.run_for(9s);
    CHECK_FALSE(over);
    world.clock.run_for(1s);
    CHECK(over);
}

TEST_CASE("a new expiry, cancel, and destruction end the wait, virtual or real") {
    const bool in_virtual_time = GENERATE(true, false);
    net::io_context context;
    std::optional<testing::virtual_clock> clock;
    if (in_virtual_time) clock.emplace(context);
    std::vector<error_code> ended;
    const auto wait = [&](timer& t) { t.async_wait([&ended](error_code ec) { ended.push_back(ec); }); };
    {
        timer t(context.get_executor());
        t.expires_after(1h);
        wait(t);
        t.expires_after(2h);
        wait(t);
        t.cancel();
        t.expires_after(std::chrono::steady_clock::duration::max()); // the end of time, without overflow
        wait(t);
    }
    context.run();
    CHECK(ended == std::vector<error_code>(3, net::error::operation_aborted));
}

TEST_CASE("a real timer waits on the real clock") {
    net::io_context context;
    timer t(context.get_executor());
    t.expires_after(1ms);
    bool over = false;
    t.async_wait([&](error_code ec) { over = !ec; });
    context.run();
    CHECK(over);
    CHECK(t.now() >= t.expiry());
}

TEST_CASE("in virtual time a wait ends at the expiry that was set last, though an earlier one was set before") {
    virtual_world world;
    timer t(world.executor());
    const auto begin = world.clock.now();
    std::vector<std::chrono::steady_clock::duration> ended;
    const auto wait = [&] { t.async_wait([&](error_code) { ended.push_back(world.clock.now() - begin); }); };
    t.expires_after(1h);
    wait();
    t.expires_after(5h);
    wait();
    world.clock.run();
    CHECK(ended == std::vector<std::chrono::steady_clock::duration>{0h, 5h});
}
