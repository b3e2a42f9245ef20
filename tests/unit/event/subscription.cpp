// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/event/subscription.hpp>

#include <telltale/event/emitter.hpp>

#include "support.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

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

TEST_CASE("a batch is what is unread, at most so much, with a gap where one belongs") {
    net::io_context context;
    emitter<int> e;
    auto s = e.subscribe(context.get_executor(), {.capacity = 5});
    std::vector<delivery<int>> batch(3); // what was in it goes
    CHECK(s.try_receive_some(batch) == 0);
    CHECK(batch.empty());
    for (int i = 1; i <= 7; ++i) e.emit(i);
    CHECK(s.try_receive_some(batch, 3) == 3);
    CHECK(batch[0].is_gap());
    CHECK(batch[0].lost == 2U);
    CHECK(*batch[1] == 3);
    CHECK(*batch[2] == 4);
    CHECK(s.position() == batch[2].at);
    CHECK(s.try_receive_some(batch) == 3);
    CHECK(*batch[2] == 7);
    CHECK(s.position() == e.position());
}

TEST_CASE("async_receive_some completes once, later, with all that was emitted until then") {
    net::io_context context;
    emitter<int> e;
    auto s = e.subscribe(context.get_executor());
    std::vector<std::size_t> sizes;
    const auto note = [&](error_code ec, const std::vector<delivery<int>>& batch) {
        CHECK_FALSE(ec);
        sizes.push_back(batch.size());
    };
    s.async_receive_some(100, note);
    for (int i = 0; i < 4; ++i) e.emit(i);
    CHECK(sizes.empty());
    context.run();
    CHECK(sizes == std::vector<std::size_t>{4});
    for (int i = 0; i < 5; ++i) e.emit(i);
    s.async_receive_some(0, note); // at least one
    s.async_receive_some(3, note);
    CHECK(sizes.size() == 1);
    context.restart();
    context.run();
    CHECK(sizes == std::vector<std::size_t>{4, 1, 3});
    CHECK(s.statistics().unread == 1);
}

TEST_CASE("a batch that was emptied by another reader is waited for again") {
    net::io_context context;
    emitter<int> e;
    auto s = e.subscribe(context.get_executor());
    std::vector<int> got;
    s.async_receive_some(10, [&](error_code, const std::vector<delivery<int>>& batch) {
        for (const auto& d : batch) got.push_back(*d);
    });
    e.emit(1);
    CHECK(**s.try_receive() == 1);
    context.poll();
    CHECK(got.empty());
    e.emit(2);
    context.restart();
    context.run();
    CHECK(got == std::vector{2});
}

TEST_CASE("async_receive_some: cancelled, closed, and destroyed, it has taken nothing") {
    net::io_context context;
    std::optional<emitter<int>> e(std::in_place);
    std::optional s(e->subscribe(context.get_executor()));
    error_code ended;
    std::size_t got = 0;
    const auto note = [&](error_code ec, const std::vector<delivery<int>>& batch) {
        ended = ec;
        got += batch.size();
    };
    const auto run = [&] {
        context.restart();
        context.run();
    };
    net::cancellation_signal signal;
    s->async_receive_some(10, net::bind_cancellation_slot(signal.slot(), note));
    signal.emit(net::cancellation_type::total);
    run();
    CHECK(ended == net::error::operation_aborted);
    CHECK(got == 0);
    s->async_receive_some(10, note);
    e->emit(1);
    s.reset();
    run();
    CHECK(ended == net::error::operation_aborted);
    CHECK(got == 0);
    s.emplace(e->subscribe(context.get_executor()));
    e->emit(1);
    e.reset();
    s->async_receive_some(10, note);
    run();
    CHECK_FALSE(ended);
    CHECK(got == 1);
    s->async_receive_some(10, note);
    run();
    CHECK(ended == errc::closed);
}

TEST_CASE("receive_some does not suspend when something is unread, and uses the memory of an earlier batch") {
    virtual_world world;
    const auto scene = []() -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        emitter<int> e;
        auto s = e.subscribe(executor);
        for (int i = 0; i < 100; ++i) e.emit(i);
        auto batch = co_await s.receive_some();
        REQUIRE(batch.size() == 100);
        const auto* const memory = batch.data();
        for (int i = 0; i < 50; ++i) e.emit(i);
        batch = co_await s.receive_some(40, std::move(batch));
        CHECK(batch.size() == 40);
        CHECK(batch.data() == memory);
        batch = co_await s.receive_some(40, std::move(batch));
        CHECK(batch.size() == 10);
        const auto emits = [](emitter<int>& source) -> net::awaitable<void> {
            source.emit(1);
            source.emit(2);
            co_return;
        };
        net::co_spawn(executor, emits(e), rethrow{});
        batch = co_await s.receive_some(40, std::move(batch));
        CHECK(batch.size() == 2);
        CHECK(batch.data() == memory);
    };
    world.run(scene());
}

TEST_CASE("a batch with a move-only handler, and its allocator") {
    net::io_context context;
    emitter<int> e;
    auto s = e.subscribe(context.get_executor());
    std::size_t got = 0;
    s.async_receive_some(10, [&got, only = std::make_unique<int>(1)](
                                 error_code, const std::vector<delivery<int>>& batch) { got = batch.size(); });
    e.emit(1);
    context.run();
    CHECK(got == 1);
}

TEST_CASE("receiving torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto emits = [](std::shared_ptr<emitter<std::shared_ptr<int>>> e,
                              std::shared_ptr<int> w) -> net::awaitable<void> {
            for (int i = 0; i < 4; ++i) {
                e->emit(w);
                co_await net::post(net::use_awaitable);
            }
        };
        const auto reads = [](std::shared_ptr<emitter<std::shared_ptr<int>>> e) -> net::awaitable<void> {
            auto s = e->subscribe(co_await net::this_coro::executor);
            static_cast<void>(co_await s.receive());
            static_cast<void>(co_await s.receive_some(1));
            static_cast<void>(co_await s.receive_some());
            co_await s.async_receive();
        };
        const auto e = std::make_shared<emitter<std::shared_ptr<int>>>();
        net::co_spawn(context, reads(e), net::detached);
        net::co_spawn(context, emits(e, witness), net::detached);
    });
}

TEST_CASE("readers on one thread, emitters on another: in order, and nothing is lost without a gap") {
    net::io_context context;
    constexpr int count = 20'000;
    struct tally {
        std::uint64_t received = 0;
        std::uint64_t lost = 0;
        std::uint64_t place = 0;
        int wrong = 0;
        void take(const delivery<int>& d) {
            wrong += d.at.offset > place ? 0 : 1;
            place = d.at.offset;
            d.is_gap() ? lost += *d.lost : ++received;
        }
    };
    std::deque<tally> tallies(4);
    const auto reads = [](auto s, tally& t, unsigned how) -> net::awaitable<void> {
        std::vector<delivery<int>> batch;
        try {
            for (;;) {
                if (how % 2 == 0) {
                    t.take(co_await s.receive());
                } else {
                    batch = co_await s.receive_some(17, std::move(batch));
                    for (const auto& d : batch) t.take(d);
                }
                static_cast<void>(s.statistics());
            }
        } catch (const system_error& closed) {
            if (closed.code() != errc::closed) throw;
        }
    };
    {
        std::optional<emitter<int>> source(std::in_place);
        const net::any_io_executor executor = context.get_executor();
        for (unsigned how = 0; how < tallies.size(); ++how)
            net::co_spawn(context,
                          reads(source->subscribe(executor, {.capacity = how < 2 ? 8U : 100'000U}), tallies[how], how),
                          rethrow{});
        std::thread reader([&context] { context.run(); });
        std::thread other([&source] {
            for (int i = 0; i < count; ++i) source->emit(i);
        });
        for (int i = 0; i < count; ++i) {
            source->emit(i);
            if (i % 100 == 0) static_cast<void>(source->subscribe(executor)); // come and go
        }
        other.join();
        source.reset();
        reader.join();
    }
    for (const auto& t : tallies) {
        CHECK(t.received + t.lost == 2 * count);
        CHECK(t.wrong == 0);
    }
    CHECK(tallies[3].lost == 0);
}
