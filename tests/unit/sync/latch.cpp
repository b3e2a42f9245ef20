// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/latch.hpp>

#include "every_step.hpp"
#include "support.hpp"

#include <telltale/sync/timer.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

using namespace telltale;
using namespace telltale_test;

namespace {

void run(net::io_context& context) {
    context.restart();
    context.poll();
}

error_code code_of_count_down(latch& l, std::size_t n) {
    try {
        l.count_down(n);
    } catch (const system_error& e) {
        return e.code();
    }
    return {};
}

} // namespace

TEST_CASE("the last one opens the latch for all, in order, and not inside count_down") {
    net::io_context context;
    latch l(context.get_executor(), 4);
    std::vector<int> through;
    for (int i = 0; i < 2; ++i) l.async_wait([&through, i](error_code ec) { through.push_back(ec ? -1 : i); });
    l.count_down();
    l.count_down(2);
    CHECK(l.count() == 1);
    CHECK_FALSE(l.try_wait());
    run(context);
    CHECK(through.empty());
    l.count_down();
    CHECK(through.empty());
    CHECK(l.try_wait());
    run(context);
    CHECK(through == std::vector{0, 1});
    l.async_wait([&through](error_code ec) { through.push_back(ec ? -1 : 2); }); // stays open
    run(context);
    CHECK(through == std::vector{0, 1, 2});
}

TEST_CASE("a latch of nothing is open") {
    net::io_context context;
    latch l(context.get_executor(), 0);
    CHECK(l.try_wait());
    l.count_down(0);
    CHECK(code_of_count_down(l, 1) == errc::invalid_argument);
}

TEST_CASE("counting below zero is an error, and counts nothing") {
    net::io_context context;
    latch l(context.get_executor(), 2);
    error_code waited = net::error::eof;
    l.async_wait([&](error_code ec) { waited = ec; });
    CHECK(code_of_count_down(l, 3) == errc::invalid_argument);
    CHECK(code_of_count_down(l, static_cast<std::size_t>(-1)) == errc::invalid_argument);
    CHECK(l.count() == 2);
    run(context);
    CHECK(waited == net::error::eof);
    l.count_down(2);
    run(context);
    CHECK_FALSE(waited);
    error_code arrived;
    l.async_arrive_and_wait([&](error_code ec) { arrived = ec; });
    run(context);
    CHECK(arrived == errc::invalid_argument);
    CHECK(l.count() == 0);
}

TEST_CASE("whoever arrives waits for the others; the last does not suspend") {
    net::io_context context;
    latch l(context.get_executor(), 3);
    int through = 0;
    const auto arrive = [](latch& all, int& n) -> net::awaitable<void> {
        co_await all.arrive_and_wait();
        ++n;
    };
    net::co_spawn(context, arrive(l, through), rethrow{});
    l.async_arrive_and_wait([&](error_code ec) { through += ec ? 0 : 1; });
    run(context);
    CHECK(through == 0);
    CHECK(l.count() == 1);
    net::co_spawn(context, arrive(l, through), rethrow{});
    CHECK(l.count() == 1); // not before it is started
    context.restart();
    CHECK(context.poll_one() == 1);
    CHECK(through == 1);
    run(context);
    CHECK(through == 3);

    net::co_spawn(
        context,
        [](latch& open, int& n) -> net::awaitable<void> {
            co_await open.wait();
            ++n;
            try {
                co_await open.arrive_and_wait();
            } catch (const system_error& e) {
                n += e.code() == errc::invalid_argument ? 10 : 0;
            }
        }(l, through),
        rethrow{});
    context.restart();
    CHECK(context.poll_one() == 1);
    CHECK(through == 14);
}

TEST_CASE("a wait for a latch ends when it is cancelled and when the latch is destroyed; what was counted stays so") {
    net::io_context context;
    std::optional<latch> l(std::in_place, context.get_executor(), 3U);
    net::cancellation_signal signal;
    std::vector<error_code> ended;
    l->async_arrive_and_wait(net::bind_cancellation_slot(signal.slot(), [&](error_code ec) { ended.push_back(ec); }));
    l->async_wait([&](error_code ec) { ended.push_back(ec); });
    signal.emit(net::cancellation_type::partial);
    run(context);
    CHECK(ended == std::vector<error_code>{net::error::operation_aborted});
    CHECK(l->count() == 2);
    l.reset();
    run(context);
    CHECK(ended == std::vector<error_code>(2, net::error::operation_aborted));
}

TEST_CASE("a latch takes all tokens, and a handler that can only be moved") {
    net::io_context context;
    latch l(context.get_executor(), 2);
    auto future = l.async_wait(net::use_future);
    bool called = false;
    l.async_arrive_and_wait([own = std::make_unique<int>(1), &called](error_code ec) { called = *own == 1 && !ec; });
    auto later = l.async_arrive_and_wait(deferred);
    CHECK(l.count() == 1);
    bool last = false;
    std::move(later)([&](error_code ec) { last = !ec; });
    run(context);
    future.get();
    CHECK(called);
    CHECK(last);
}

namespace {

// Three arrive, one a second; one of them is cancelled.
struct cancelled_arrival {
    explicit cancelled_arrival(virtual_world& world) : l(world.executor(), 3) {
        net::co_spawn(world.context, arrive(*this, 1),
                      net::bind_cancellation_slot(signal.slot(), [](const std::exception_ptr&) {}));
        for (int i = 2; i < 4; ++i)
            net::co_spawn(world.context, arrive(*this, i),
                          net::bind_cancellation_slot(unused[i - 2].slot(), [](const std::exception_ptr&) {}));
    }

    static net::awaitable<void> arrive(cancelled_arrival& s, int second) {
        timer t(co_await net::this_coro::executor);
        t.expires_after(std::chrono::seconds{second});
        co_await t.async_wait();
        ++s.arrived;
        co_await s.l.arrive_and_wait();
        ++s.through;
    }

    void interfere() { signal.emit(net::cancellation_type::terminal); }

    void check() {
        CHECK(l.count() + arrived == 3);
        if (arrived < 3) CHECK(through == 0);
        if (arrived == 3) CHECK(through >= 2);
        for (auto& s : unused) s.emit(net::cancellation_type::terminal); // those who wait for ever
    }

    latch l;
    net::cancellation_signal signal;
    net::cancellation_signal unused[2];
    std::size_t arrived = 0;
    int through = 0;
};

} // namespace

TEST_CASE("a latch of which one is cancelled at any step counts who arrived, and opens for none too early") {
    interfere_at_every_step<cancelled_arrival>();
}

TEST_CASE("all who arrive on two threads go on together") {
    net::thread_pool pool(2);
    constexpr int rounds = 300;
    constexpr int members = 8;
    std::vector<std::unique_ptr<latch>> latches;
    for (int i = 0; i < rounds; ++i) latches.push_back(std::make_unique<latch>(pool.get_executor(), members));
    std::atomic<int> arrived{0};
    std::atomic<bool> together{true};
    const auto member = [](std::vector<std::unique_ptr<latch>>& all, std::atomic<int>& n,
                           std::atomic<bool>& ok) -> net::awaitable<void> {
        for (int i = 0; i < rounds; ++i) {
            ++n;
            co_await all[static_cast<std::size_t>(i)]->arrive_and_wait();
            if (n < (i + 1) * members) ok = false;
        }
    };
    for (int i = 0; i < members; ++i) net::co_spawn(pool, member(latches, arrived, together), net::detached);
    pool.join();
    CHECK(together);
    CHECK(arrived == rounds * members);
}

TEST_CASE("a latch torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto waits = [](std::shared_ptr<int> w) -> net::awaitable<void> {
            latch l(co_await net::this_coro::executor, 2);
            l.async_arrive_and_wait([w](error_code) {});
            co_await l.async_arrive_and_wait();
            latch never(co_await net::this_coro::executor, 2);
            co_await never.arrive_and_wait();
        };
        net::co_spawn(context, waits(witness), net::detached);
    });
}
