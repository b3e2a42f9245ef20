// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/auto_reset_event.hpp>

#include "every_step.hpp"
#include "support.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace telltale;
using namespace telltale_test;

namespace {

void run(net::io_context& context) {
    context.restart();
    context.poll();
}

} // namespace

TEST_CASE("each set lets one through, in order, and not inside set") {
    net::io_context context;
    auto_reset_event e(context.get_executor());
    std::vector<int> through;
    for (int i = 0; i < 3; ++i) e.async_wait([&through, i](error_code ec) { through.push_back(ec ? -1 : i); });
    run(context);
    CHECK(through.empty());
    e.set();
    CHECK(through.empty());
    CHECK_FALSE(e.try_wait()); // it is used up
    run(context);
    CHECK(through == std::vector{0});
    e.set();
    e.set();
    run(context);
    CHECK(through == std::vector{0, 1, 2});
    CHECK_FALSE(e.try_wait());
}

TEST_CASE("a set that nobody waits for is kept once, until it is used or taken back") {
    net::io_context context;
    auto_reset_event e(context.get_executor());
    CHECK_FALSE(e.try_wait());
    e.set();
    e.set();
    CHECK(e.try_wait());
    CHECK_FALSE(e.try_wait());
    e.set();
    int through = 0;
    for (int i = 0; i < 2; ++i) e.async_wait([&](error_code ec) { through += ec ? 0 : 1; });
    run(context);
    CHECK(through == 1);
    e.set();
    run(context);
    CHECK(through == 2);
    e.set();
    e.reset();
    CHECK_FALSE(e.try_wait());
}

TEST_CASE("wait does not suspend when the event is set, and uses that up") {
    net::io_context context;
    auto_reset_event e(context.get_executor());
    e.set();
    bool through = false;
    net::co_spawn(
        context,
        [](auto_reset_event& ev, bool& flag) -> net::awaitable<void> {
            co_await ev.wait();
            flag = true;
        }(e, through),
        rethrow{});
    CHECK(context.poll_one() == 1);
    CHECK(through);
    CHECK_FALSE(e.try_wait());
}

TEST_CASE("a wait that is cancelled uses up no set, and one that is let through stays so") {
    net::io_context context;
    std::optional<auto_reset_event> e(std::in_place, context.get_executor());
    std::vector<error_code> ended;
    const auto note = [&ended](error_code ec) { ended.push_back(ec); };
    net::cancellation_signal signal;
    e->async_wait(net::bind_cancellation_slot(signal.slot(), note));
    signal.emit(net::cancellation_type::partial);
    e->set();
    run(context);
    CHECK(ended == std::vector<error_code>{net::error::operation_aborted});
    CHECK(e->try_wait());

    e->async_wait(net::bind_cancellation_slot(signal.slot(), note));
    e->set(); // decides
    signal.emit(net::cancellation_type::terminal);
    run(context);
    CHECK(ended.size() == 2);
    CHECK_FALSE(ended.back());

    e->async_wait(note);
    e.reset(); // destroyed
    run(context);
    CHECK(ended.size() == 3);
    CHECK(ended.back() == net::error::operation_aborted);
}

TEST_CASE("an auto_reset_event takes all tokens, and a handler that can only be moved") {
    net::io_context context;
    auto_reset_event e(context.get_executor());
    auto future = e.async_wait(net::use_future);
    bool called = false;
    e.async_wait([own = std::make_unique<int>(1), &called](error_code ec) { called = *own == 1 && !ec; });
    auto later = e.async_wait(deferred);
    for (int i = 0; i < 3; ++i) e.set();
    CHECK(e.try_wait()); // the deferred one has not begun
    run(context);
    future.get();
    CHECK(called);
    e.set();
    bool began = false;
    std::move(later)([&](error_code ec) { began = !ec; });
    run(context);
    CHECK(began);
}

namespace {

// Two wait in turn for what a third sets; the first is cancelled.
struct cancelled_wait {
    explicit cancelled_wait(virtual_world& world) : e(world.executor()) {
        net::co_spawn(world.context, wait_twice(*this),
                      net::bind_cancellation_slot(signal.slot(), [](const std::exception_ptr&) {}));
        world.spawn(wait_twice(*this));
        world.spawn(set_four_times(*this));
    }

    static net::awaitable<void> wait_twice(cancelled_wait& s) {
        for (int i = 0; i < 2; ++i) {
            co_await s.e.wait();
            ++s.used;
        }
    }

    static net::awaitable<void> set_four_times(cancelled_wait& s) {
        for (int i = 0; i < 4; ++i) {
            // One set at a time, so that none is merged with another.
            while (s.set > s.used) {
                co_await net::post(net::use_awaitable);
                if (s.over) co_return;
            }
            ++s.set;
            s.e.set();
        }
    }

    void interfere() {
        signal.emit(net::cancellation_type::terminal);
        over = true;
    }

    void check() {
        CHECK(used + (e.try_wait() ? 1 : 0) >= set - 1); // one may have been given to whoever then was cancelled
        CHECK(used <= set);
    }

    auto_reset_event e;
    net::cancellation_signal signal;
    int set = 0;
    int used = 0;
    bool over = false;
};

} // namespace

TEST_CASE("an auto_reset_event whose waiter is cancelled at any step lets nobody through twice") {
    interfere_at_every_step<cancelled_wait>();
}

TEST_CASE("set on one thread, wait on another: what was done before the last set is seen") {
    net::io_context context;
    auto_reset_event e(context.get_executor());
    constexpr int count = 20'000;
    std::atomic<int> produced{0};
    int seen = 0;
    int woken = 0;
    net::co_spawn(
        context,
        [](auto_reset_event& ev, std::atomic<int>& n, int& most, int& times) -> net::awaitable<void> {
            while (most < count) {
                co_await ev.async_wait();
                ++times;
                most = n;
            }
        }(e, produced, seen, woken),
        rethrow{});
    std::thread setter([&] {
        for (int i = 1; i <= count; ++i) {
            produced = i;
            e.set();
        }
    });
    context.run();
    setter.join();
    CHECK(seen == count);
    CHECK(woken <= count);
}

TEST_CASE("two set and two wait on two threads: one is let through at a time, and as often as was set") {
    net::thread_pool pool(2);
    auto_reset_event free(pool.get_executor());
    free.set();
    std::atomic<int> inside{0};
    std::atomic<bool> alone{true};
    int turns = 0; // guarded by the event
    const auto take_turns = [](auto_reset_event& e, std::atomic<int>& in, std::atomic<bool>& ok,
                               int& n) -> net::awaitable<void> {
        for (int i = 0; i < 3'000; ++i) {
            co_await e.wait();
            if (++in != 1) ok = false;
            ++n;
            --in;
            e.set();
        }
    };
    for (int i = 0; i < 4; ++i) net::co_spawn(pool, take_turns(free, inside, alone, turns), net::detached);
    pool.join();
    CHECK(alone);
    CHECK(turns == 12'000);
}

TEST_CASE("an auto_reset_event torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto waits = [](std::shared_ptr<int>) -> net::awaitable<void> {
            auto_reset_event e(co_await net::this_coro::executor);
            e.set();
            co_await e.async_wait();
            co_await e.async_wait();
        };
        net::co_spawn(context, waits(witness), net::detached);
    });
}
