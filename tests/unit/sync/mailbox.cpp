// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/mailbox.hpp>

#include "support.hpp"

#include <memory>
#include <optional>
#include <thread>
#include <vector>

using namespace telltale;
using namespace telltale_test;

TEST_CASE("the latest value wins") {
    net::io_context context;
    mailbox<int> m(context.get_executor());
    CHECK_FALSE(m.try_take());
    CHECK_FALSE(m.put(1));
    CHECK(m.put(2)); // replaced 1
    CHECK(m.try_take() == 2);
    CHECK_FALSE(m.try_take());
}

TEST_CASE("takers are served in order, and a value is given once") {
    net::io_context context;
    mailbox<std::unique_ptr<int>> m(context.get_executor());
    std::vector<int> got;
    for (int i = 0; i < 2; ++i)
        m.async_take([&got, i](error_code, std::unique_ptr<int> v) { got.push_back(i * 10 + *v); });
    m.put(std::make_unique<int>(1));
    m.put(std::make_unique<int>(2));
    CHECK_FALSE(m.try_take());
    context.run();
    CHECK(got == std::vector{1, 12});
}

TEST_CASE("a cancellation after the value does not lose the value") {
    net::io_context context;
    mailbox<int> m(context.get_executor());
    net::cancellation_signal signal;
    std::optional<int> got;
    m.async_take(net::bind_cancellation_slot(signal.slot(), [&](error_code ec, int v) {
        if (!ec) got = v;
    }));
    m.put(7);
    signal.emit(net::cancellation_type::terminal);
    context.run();
    CHECK(got == 7);
}

TEST_CASE("a cancelled taker takes nothing") {
    net::io_context context;
    mailbox<int> m(context.get_executor());
    net::cancellation_signal signal;
    error_code ended;
    m.async_take(net::bind_cancellation_slot(signal.slot(), [&](error_code ec, int) { ended = ec; }));
    signal.emit(net::cancellation_type::terminal);
    m.put(7);
    context.run();
    CHECK(ended == net::error::operation_aborted);
    CHECK(m.try_take() == 7);
}

TEST_CASE("after close what is there can be taken, then it is closed") {
    net::io_context context;
    mailbox<int> m(context.get_executor());
    error_code waiting;
    m.async_take([&](error_code ec, int) { waiting = ec; });
    m.close();
    context.run();
    CHECK(waiting == errc::closed);
    CHECK_FALSE(m.put(1));
    CHECK_FALSE(m.try_take());

    mailbox<int> full(context.get_executor());
    full.put(5);
    full.close();
    std::vector<int> got;
    error_code last;
    full.async_take([&](error_code, int v) { got.push_back(v); });
    full.async_take([&](error_code ec, int) { last = ec; });
    context.restart();
    context.run();
    CHECK(got == std::vector{5});
    CHECK(last == errc::closed);
}

TEST_CASE("put on one thread, take on another: every value is taken or replaced") {
    net::io_context context;
    mailbox<int> m(context.get_executor());
    constexpr int count = 20'000;
    int replaced = 0;
    int taken = 0;
    int last = 0;
    bool rising = true;
    net::co_spawn(
        context,
        [](mailbox<int>& box, int& n, int& newest, bool& in_order) -> net::awaitable<void> {
            for (;;) {
                const auto [ec, v] = co_await box.async_take(as_result);
                if (ec) co_return;
                in_order = in_order && v > newest;
                newest = v;
                ++n;
            }
        }(m, taken, last, rising),
        rethrow{});
    std::thread putter([&] {
        for (int i = 1; i <= count; ++i) replaced += m.put(i) ? 1 : 0;
        m.close();
    });
    context.run();
    putter.join();
    CHECK(taken + replaced == count);
    CHECK(last == count);
    CHECK(rising);
}

TEST_CASE("a mailbox torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto takes = [](std::shared_ptr<int> w) -> net::awaitable<void> {
            mailbox<std::shared_ptr<int>> m(co_await net::this_coro::executor);
            m.put(w);
            co_await m.async_take();
            co_await m.async_take();
        };
        net::co_spawn(context, takes(witness), net::detached);
    });
}
