// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/manual_reset_event.hpp>

#include "support.hpp"

#include <memory>
#include <optional>
#include <vector>

using namespace telltale;
using namespace telltale_test;

TEST_CASE("set wakes all who wait, in order, and whoever comes later does not wait") {
    net::io_context context;
    manual_reset_event e(context.get_executor());
    std::vector<int> woken;
    for (int i = 0; i < 3; ++i) e.async_wait([&woken, i](error_code ec) { woken.push_back(ec ? -1 : i); });
    context.poll();
    CHECK(woken.empty());
    e.set();
    CHECK(woken.empty()); // not inside set()
    context.restart();
    context.poll();
    CHECK(woken == std::vector{0, 1, 2});
    e.async_wait([&woken](error_code) { woken.push_back(3); });
    context.restart();
    context.poll();
    CHECK(woken.size() == 4);
    e.reset();
    CHECK_FALSE(e.is_set());
    e.async_wait([&woken](error_code) { woken.push_back(4); });
    context.restart();
    context.poll();
    CHECK(woken.size() == 4);
}

TEST_CASE("a wait ends when it is cancelled and when the event is destroyed") {
    net::io_context context;
    std::optional<manual_reset_event> e(std::in_place, context.get_executor());
    net::cancellation_signal signal;
    std::vector<error_code> ended;
    e->async_wait(net::bind_cancellation_slot(signal.slot(), [&](error_code ec) { ended.push_back(ec); }));
    e->async_wait([&](error_code ec) { ended.push_back(ec); });
    signal.emit(net::cancellation_type::partial);
    context.poll();
    REQUIRE(ended.size() == 1);
    CHECK(ended[0] == net::error::operation_aborted);
    e.reset();
    context.restart();
    context.poll();
    REQUIRE(ended.size() == 2);
    CHECK(ended[1] == net::error::operation_aborted);
}

TEST_CASE("wait does not suspend when the event is set") {
    net::io_context context;
    manual_reset_event e(context.get_executor());
    e.set();
    bool done = false;
    net::co_spawn(
        context,
        [](manual_reset_event& ev, bool& flag) -> net::awaitable<void> {
            co_await ev.wait();
            flag = true;
        }(e, done),
        rethrow{});
    CHECK(context.poll_one() == 1);
    CHECK(done);
}

TEST_CASE("an event torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto waits = [](std::shared_ptr<int>) -> net::awaitable<void> {
            manual_reset_event e(co_await net::this_coro::executor);
            e.set();
            co_await e.async_wait();
            e.reset();
            co_await e.async_wait();
        };
        net::co_spawn(context, waits(witness), net::detached);
    });
}
