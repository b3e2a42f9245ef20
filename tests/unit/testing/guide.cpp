// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include "catch.hpp"
#include "support.hpp"

#include <telltale/board/board.hpp>
#include <telltale/poll/poll_until.hpp>
#include <telltale/poll/status_poller.hpp>
#include <telltale/sync/semaphore.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/testing/in_memory_sink.hpp>
#include <telltale/testing/run_until_idle.hpp>
#include <telltale/testing/scripted_source.hpp>
#include <telltale/testing/virtual_clock.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

// The code that docs/guide/testing.md shows.

namespace {

namespace net = telltale::net;
namespace testing = telltale::testing;
using namespace std::chrono_literals;
using telltale::error_code;
using telltale::job_state;
using telltale::watch_state;

// A coroutine to be tested: it waits, tries again, and gives up.
net::awaitable<int> ask_patiently(int& asked, int answers_at) {
    telltale::timer pause(co_await net::this_coro::executor);
    while (++asked < answers_at) {
        if (asked == 5) throw telltale::system_error(net::error::timed_out);
        pause.expires_after(1h);
        co_await pause.async_wait();
    }
    co_return 42;
}

struct result {
    std::exception_ptr error{};
    int value = 0;
};

void start(net::io_context& context, net::awaitable<int> coroutine, result& r) {
    net::co_spawn(context, std::move(coroutine), [&r](std::exception_ptr e, int value) { r = {e, value}; });
}

} // namespace

TEST_CASE("guide: a day in no time") {
    net::io_context context;
    testing::virtual_clock clock(context); // before anything that waits
    const auto begin = clock.now();
    int asked = 0;
    result r;
    start(context, ask_patiently(asked, 3), r);
    clock.run();
    CHECK(r.value == 42);
    CHECK(clock.now() - begin == 2h);
}

TEST_CASE("guide: step by step") {
    net::io_context context;
    testing::virtual_clock clock(context);
    int asked = 0;
    result r;
    start(context, ask_patiently(asked, 3), r);
    clock.run_until_idle(); // no time passes
    CHECK(asked == 1);
    clock.run_for(59min);
    CHECK(asked == 1);
    clock.run_for(1min);
    CHECK(asked == 2);
}

TEST_CASE("guide: without time") {
    net::io_context context;
    telltale::semaphore permits(context.get_executor(), 1);
    telltale::permit held = permits.try_acquire();
    bool given = false;
    permits.async_acquire([&](error_code ec, telltale::permit) { given = !ec; });
    CHECK(testing::run_until_idle(context) == 0); // it waits
    held.release();
    CHECK_FALSE(given); // never called from within release()
    CHECK(testing::run_until_idle(context) == 1);
    CHECK(given);
}

TEST_CASE("guide: a source that does what you say, and a sink that remembers") {
    net::io_context context;
    testing::virtual_clock clock(context);
    testing::scripted_source source;
    source.script("42", {testing::says(job_state::queued), testing::fails(net::error::eof),
                         testing::says(job_state::running).after(10s), testing::says(job_state::succeeded)});
    const testing::in_memory_sink sink;
    telltale::status_poller poller(context.get_executor(), source, sink);
    poller.watch("42");
    clock.run();
    CHECK(sink.states("42") == std::vector{job_state::queued, job_state::running, job_state::succeeded});
    CHECK(sink.healths("42") == std::vector{watch_state::ok, watch_state::degraded, watch_state::ok, watch_state::ok});
    CHECK(source.polls("42") == 4);
}

TEST_CASE("guide: cancelled while it waits") {
    net::io_context context;
    testing::virtual_clock clock(context);
    int asked = 0;
    net::cancellation_signal stop;
    std::exception_ptr error;
    net::co_spawn(context, ask_patiently(asked, 3),
                  net::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr e, int) { error = e; }));
    clock.run_until_idle();
    stop.emit(net::cancellation_type::terminal);
    clock.run_until_idle();
    REQUIRE(error);
    CHECK_THROWS_AS(std::rethrow_exception(error), telltale::system_error);
    CHECK(asked == 1);
}

namespace {

net::awaitable<void> hold(std::shared_ptr<int> witness, telltale::semaphore& permits) {
    const telltale::permit p = co_await permits.acquire();
    telltale::timer t(co_await net::this_coro::executor);
    t.expires_after(1h);
    co_await t.async_wait();
    ++*witness;
}

} // namespace

TEST_CASE("guide: torn down at every step") {
    telltale_test::tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto permits = std::make_shared<telltale::semaphore>(context.get_executor(), 1);
        const auto keep = [permits, witness](const std::exception_ptr&) {};
        net::co_spawn(context, hold(witness, *permits), keep);
        net::co_spawn(context, hold(witness, *permits), keep);
    });
}
