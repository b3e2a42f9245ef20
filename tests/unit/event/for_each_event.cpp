// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/event/for_each_event.hpp>

#include <telltale/event/emitter.hpp>
#include <telltale/sync/timer.hpp>

#include "support.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

net::awaitable<void> sleep(std::chrono::steady_clock::duration d) {
    timer t(co_await net::this_coro::executor);
    t.expires_after(d);
    co_await t.async_wait();
}

/// Notes what it is given; throws for 3, takes ten seconds for 5.
struct listener {
    std::vector<int>* got;

    net::awaitable<void> operator()(delivery<int> d) const { return listen(got, std::move(d)); }

    static net::awaitable<void> listen(std::vector<int>* got, delivery<int> d) {
        co_await sleep(1ms);
        if (d.is_gap()) {
            got->push_back(-static_cast<int>(*d.lost));
            co_return;
        }
        if (*d == 3) throw std::runtime_error("three");
        if (*d == 5) co_await sleep(10s);
        got->push_back(*d);
    }
};

} // namespace

TEST_CASE("a handler is given each event, and what it throws ends nothing, is counted, and reported once") {
    virtual_world world;
    std::optional<emitter<int>> e(std::in_place);
    std::vector<int> got;
    std::vector<cursor> reported;
    const auto counts = std::make_shared<handled_events>();
    event_handler_options options;
    options.time_limit = 1s;
    options.counts = counts;
    options.on_failure = [&](const event_handler_failure& f) {
        reported.push_back(f.at);
        CHECK_THROWS_AS(std::rethrow_exception(f.error), std::runtime_error);
    };
    auto events = e->subscribe(world.executor());
    const cursor begin = events.position();
    for (int i = 1; i <= 6; ++i) e->emit(i);
    for (int i = 1; i <= 6; ++i) e->emit(i);
    e.reset();
    world.run(for_each_event(std::move(events), listener{&got}, options));
    CHECK(got == std::vector{1, 2, 4, 6, 1, 2, 4, 6});
    REQUIRE(reported.size() == 1);
    CHECK(reported[0].offset == begin.offset + 3);
    CHECK(counts->handled == 8);
    CHECK(counts->failed == 4);
    CHECK(counts->timed_out == 2);
}

TEST_CASE("a slow handler holds up nobody: its own subscription conflates or drops, and it is told of the gap") {
    virtual_world world;
    emitter<int> e;
    std::vector<int> got;
    world.spawn(for_each_event(e.subscribe(world.executor(), {.capacity = 2}), listener{&got}));
    world.context.poll();
    e.emit(5); // ten seconds
    world.context.poll();
    auto other = e.subscribe(world.executor());
    for (int i = 10; i < 20; ++i) e.emit(i);
    CHECK(other.statistics().unread == 10);
    world.clock.run();
    CHECK(got == std::vector{5, -8, 18, 19});
}

TEST_CASE("a handler may be a plain function") {
    virtual_world world;
    std::optional<emitter<int>> e(std::in_place);
    auto events = e->subscribe(world.executor());
    e->emit(1);
    e->emit(2);
    e.reset();
    int sum = 0;
    const auto counts = std::make_shared<handled_events>();
    event_handler_options options;
    options.counts = counts;
    const auto add = [&sum](const delivery<int>& d) {
        if (*d == 1) throw std::runtime_error("one");
        sum += *d;
    };
    world.run(for_each_event(std::move(events), add, options));
    CHECK(sum == 2);
    CHECK(counts->failed == 1);
}

TEST_CASE("it ends when it is cancelled, while it waits as well as in the handler, and with fell_behind") {
    virtual_world world;
    emitter<int> e;
    std::vector<int> got;
    error_code ended;
    const auto counts = std::make_shared<handled_events>();
    const auto run = [&](subscription_options<int> o, net::cancellation_signal& signal) {
        ended = {};
        net::co_spawn(world.context,
                      for_each_event(e.subscribe(world.executor(), std::move(o)), listener{&got}, {.counts = counts}),
                      net::bind_cancellation_slot(signal.slot(), [&ended](std::exception_ptr error) {
                          try {
                              if (error) std::rethrow_exception(error);
                          } catch (const system_error& s) {
                              ended = s.code();
                          }
                      }));
        world.context.restart();
        world.context.poll();
    };
    net::cancellation_signal signal;
    run({}, signal);
    signal.emit(net::cancellation_type::terminal);
    world.clock.run();
    CHECK(ended == net::error::operation_aborted);
    run({}, signal);
    e.emit(5);
    world.clock.run_for(1s);
    signal.emit(net::cancellation_type::terminal);
    world.clock.run();
    CHECK(ended == net::error::operation_aborted);
    CHECK(e.subscribers() == 0);
    CHECK(counts->failed == 0); // to be cancelled is no failure
    run({.capacity = 1, .overflow = overflow_policy::end}, signal);
    for (int i = 10; i < 20; ++i) e.emit(i);
    world.clock.run();
    CHECK(ended == errc::fell_behind);
}

TEST_CASE("a handler torn down at every step leaks nothing") {
    for (const auto limit : {0s, 5s})
        tear_down_at_every_step([limit](net::io_context& context, const std::shared_ptr<int>& witness) {
            struct handler {
                std::shared_ptr<int> w;
                static net::awaitable<void> run(std::shared_ptr<int>, delivery<std::shared_ptr<int>>) {
                    co_await sleep(1s);
                }
                net::awaitable<void> operator()(delivery<std::shared_ptr<int>> d) const { return run(w, std::move(d)); }
            };
            const auto scene = [](std::shared_ptr<int> w, std::chrono::seconds l) -> net::awaitable<void> {
                const auto executor = co_await net::this_coro::executor;
                emitter<std::shared_ptr<int>> e;
                net::co_spawn(executor, for_each_event(e.subscribe(executor), handler{w}, {.time_limit = l}),
                              net::detached);
                e.emit(w);
                co_await sleep(500ms);
                e.emit(w);
                co_await sleep(3s);
            };
            net::co_spawn(context, scene(witness, limit), net::detached);
        });
}
