// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/event/subscription.hpp>

#include <telltale/event/emitter.hpp>

#include "support.hpp"

#include <memory>

using namespace telltale;
using namespace telltale_test;

TEST_CASE("a subscription can be moved, and ends when it is destroyed") {
    net::io_context context;
    emitter<int> e;
    {
        auto s = e.subscribe(context.get_executor());
        auto moved = std::move(s);
        e.emit(3);
        CHECK(**moved.try_receive() == 3);
        CHECK(e.subscribers() == 1);
    }
    CHECK(e.subscribers() == 0);
}

TEST_CASE("destroying a subscription ends the receive that waits") {
    net::io_context context;
    emitter<int> e;
    error_code ended;
    {
        auto s = e.subscribe(context.get_executor());
        s.async_receive([&](error_code ec, const delivery<int>&) { ended = ec; });
    }
    context.run();
    CHECK(ended == net::error::operation_aborted);
}

TEST_CASE("receive does not suspend when something is unread") {
    net::io_context context;
    emitter<int> e;
    auto s = e.subscribe(context.get_executor());
    e.emit(5);
    int got = 0;
    net::co_spawn(
        context,
        [](subscription<int, net::io_context::executor_type>& reader, int& value) -> net::awaitable<void> {
            const auto read = [](auto& r) -> net::awaitable<int, net::io_context::executor_type> {
                const auto d = co_await r.receive();
                co_return *d;
            };
            value = co_await net::co_spawn(reader.get_executor(), read(reader), net::use_awaitable);
        }(s, got),
        rethrow{});
    context.run();
    CHECK(got == 5);
}
