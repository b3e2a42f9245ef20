// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/testing/virtual_clock.hpp>

#include "catch.hpp"

#include <telltale/poll/poll_until.hpp>
#include <telltale/poll/status_poller.hpp>
#include <telltale/progress/progress_tracker.hpp>
#include <telltale/run/job_manager.hpp>
#include <telltale/sync/mailbox.hpp>
#include <telltale/sync/rate_limiter.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/sync/with_timeout.hpp>
#include <telltale/testing/scripted_source.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
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

namespace {

net::awaitable<void> wait_for_days(job_context) {
    timer t(co_await net::this_coro::executor);
    t.expires_after(100 * 24h);
    co_await t.async_wait();
}

struct count_to_three {
    net::awaitable<int> operator()() { return next(*n); }
    static net::awaitable<int> next(int& n) { co_return ++n; }
    int* n;
};

} // namespace

TEST_CASE("every wait of the library ends at its time, in order") {
    net::io_context context;
    testing::virtual_clock clock(context);
    const net::any_io_executor executor = context.get_executor();
    using entry = std::pair<std::chrono::steady_clock::duration, std::string>;
    std::vector<entry> log;
    const auto begin = clock.now();
    const auto note = [&](std::string what) { log.emplace_back(clock.now() - begin, std::move(what)); };

    job_manager manager(executor, {});
    manager.submit({.id = "1", .time_limit = 6h}, wait_for_days);
    manager.async_wait("1", [&](error_code, job_state s) { note(s == job_state::timed_out ? "job_manager" : "?"); });

    testing::scripted_source source;
    source.script("1", {testing::says(job_state::running), testing::says(job_state::succeeded)});
    status_poller poller(executor, source, {}, {.interval = 5h, .jitter = 0});
    poller.watch("1");
    poller.async_wait("1", [&](error_code ec, job) { note(ec ? "?" : "status_poller"); });

    int n = 0;
    const count_to_three count{&n};
    net::co_spawn(context, poll_until(count, [](int i) { return i == 3; }, {.interval = 2h, .jitter = 0}),
                  [&](std::exception_ptr e, int) { note(e ? "?" : "poll_until"); });

    mailbox<int> box(executor);
    async_with_timeout<void(error_code, int)>(
        executor, [&](auto handler) { box.async_take(std::move(handler)); }, 3h,
        [&](error_code ec, int) { note(ec == errc::deadline_exceeded ? "async_with_timeout" : "?"); });

    progress_tracker tracker(executor);
    const auto seen = tracker.snapshot();
    tracker.advance();
    tracker.async_wait_change(seen, 2h, [&](error_code ec, progress_snapshot) { note(ec ? "?" : "tracker"); });

    rate_limiter limiter(executor, {.per_second = 1.0 / 3600, .burst = 1});
    CHECK(limiter.try_acquire());
    limiter.async_acquire([&](error_code ec) { note(ec ? "?" : "rate_limiter"); });

    std::optional<timer> t(executor);
    t->expires_after(24h);
    t->async_wait([&](error_code ec) { note(ec ? "?" : "timer"); });

    clock.run();
    CHECK(log == std::vector<entry>{{1h, "rate_limiter"},
                                    {2h, "tracker"},
                                    {3h, "async_with_timeout"},
                                    {4h, "poll_until"},
                                    {5h, "status_poller"},
                                    {6h, "job_manager"},
                                    {24h, "timer"}});
}

TEST_CASE("waits that are due at the same time end in the order in which they began") {
    net::io_context context;
    testing::virtual_clock clock(context);
    std::vector<timer> timers;
    std::vector<int> order;
    for (int i = 0; i < 20; ++i) timers.emplace_back(context.get_executor()).expires_after(1h);
    for (int i = 19; i >= 0; --i)
        timers[static_cast<std::size_t>(i)].async_wait([&order, i](error_code) { order.push_back(i); });
    CHECK(clock.run() == 20);
    CHECK(order == std::vector{19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
}

TEST_CASE("run_for includes what is due at its end, and no more") {
    net::io_context context;
    testing::virtual_clock clock(context);
    timer at(context.get_executor());
    timer after(context.get_executor());
    int ended = 0;
    at.expires_after(1h);
    after.expires_after(1h + 1ns);
    at.async_wait([&](error_code) { ++ended; });
    after.async_wait([&](error_code) { ++ended; });
    CHECK(clock.run_for(1h) == 1);
    CHECK(ended == 1);
    CHECK(clock.run_for(1ns) == 1);
    CHECK(ended == 2);
}
