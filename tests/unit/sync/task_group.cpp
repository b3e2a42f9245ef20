// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/task_group.hpp>

#include "support.hpp"

#include <telltale/sync/timer.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

net::awaitable<void> wait_for(std::chrono::seconds d) {
    timer t(co_await net::this_coro::executor);
    t.expires_after(d);
    co_await t.async_wait();
}

net::awaitable<void> count_after(std::chrono::seconds d, int& count) {
    co_await wait_for(d);
    ++count;
}

net::awaitable<void> throw_after(std::chrono::seconds d, std::string what) {
    co_await wait_for(d);
    throw std::runtime_error(what);
}

net::awaitable<void> spawn_more(task_group& group, int& count) {
    co_await wait_for(1s);
    group.spawn(count_after(5s, count));
}

struct at_end {
    std::atomic<int>& count;
    ~at_end() { ++count; }
};

} // namespace

TEST_CASE("join waits for all, also for those that are spawned while it waits") {
    virtual_world world;
    int count = 0;
    world.run([](int& n) -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        task_group group(executor);
        co_await group.join(); // nothing to wait for
        group.spawn(count_after(2s, n));
        group.spawn(spawn_more(group, n));
        const auto begin = steady_now(executor);
        co_await group.join();
        CHECK(steady_now(executor) - begin == 6s);
        CHECK(group.size() == 0);
    }(count));
    CHECK(count == 2);
}

TEST_CASE("the first error cancels the others and is what join throws") {
    virtual_world world;
    int count = 0;
    world.run([](int& n) -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        task_group group(executor);
        group.spawn(count_after(1s, n));
        group.spawn(throw_after(3s, "first"));
        group.spawn(throw_after(4s, "second"));
        group.spawn(count_after(3600s, n));
        const auto begin = steady_now(executor);
        std::string what;
        try {
            co_await group.join();
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK(what == "first");
        CHECK(steady_now(executor) - begin == 3s);
        co_await group.join(); // told once; the group can be used again
        group.spawn(count_after(1s, n));
        co_await group.join();
    }(count));
    CHECK(count == 2);
}

TEST_CASE("cancel stops the children without an error") {
    virtual_world world;
    int count = 0;
    world.run([](int& n) -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        task_group group(executor);
        group.spawn(count_after(3600s, n));
        group.spawn(count_after(3600s, n));
        group.cancel();
        group.spawn(count_after(3600s, n)); // too late: cancelled at its first wait
        const auto begin = steady_now(executor);
        co_await group.join();
        CHECK(steady_now(executor) == begin);
    }(count));
    CHECK(count == 0);
}

TEST_CASE("cancelling whoever joins cancels the children, and join ends when they have") {
    virtual_world world;
    int count = 0;
    net::cancellation_signal signal;
    error_code joined;
    bool still_cancelled = false;
    bool ended = false;
    net::co_spawn(
        world.context,
        [](int& n, error_code& ec, bool& cancelled) -> net::awaitable<void> {
            task_group group(co_await net::this_coro::executor);
            group.spawn(count_after(3600s, n));
            group.spawn(count_after(3600s, n));
            try {
                co_await group.join();
            } catch (const system_error& e) {
                ec = e.code();
            }
            CHECK(group.size() == 0);
            // Whoever joined is as it was: cancelled, and told so at the next co_await.
            try {
                co_await wait_for(1s);
            } catch (const system_error&) {
                cancelled = true;
            }
        }(count, joined, still_cancelled),
        net::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) {
            ended = true;
            rethrow{}(e);
        }));
    world.clock.run_for(10s);
    const auto begin = world.clock.now();
    signal.emit(net::cancellation_type::terminal);
    world.clock.run();
    CHECK(ended);
    CHECK(joined == net::error::operation_aborted);
    CHECK(still_cancelled);
    CHECK(count == 0);
    CHECK(world.clock.now() == begin);
}

TEST_CASE("after join a coroutine can be cancelled as before") {
    virtual_world world;
    net::cancellation_signal signal;
    bool aborted = false;
    net::co_spawn(
        world.context,
        [](bool& was) -> net::awaitable<void> {
            task_group group(co_await net::this_coro::executor);
            group.spawn(wait_for(1s));
            co_await group.join();
            try {
                co_await wait_for(3600s);
            } catch (const system_error&) {
                was = true;
            }
        }(aborted),
        net::bind_cancellation_slot(signal.slot(), rethrow{}));
    world.clock.run_for(10s);
    signal.emit(net::cancellation_type::terminal);
    world.clock.run();
    CHECK(aborted);
}

TEST_CASE("destroying a group cancels its children") {
    virtual_world world;
    int count = 0;
    {
        task_group group(world.executor());
        group.spawn(count_after(3600s, count));
        world.clock.run_for(1s);
    }
    const auto begin = world.clock.now();
    world.clock.run();
    CHECK(count == 0);
    CHECK(world.clock.now() == begin);
}

TEST_CASE("children on a thread pool are cancelled without a race") {
    for (int round = 0; round < 50; ++round) {
        net::thread_pool pool(2);
        std::atomic<int> ended{0};
        const auto busy = [](std::atomic<int>& n) -> net::awaitable<void> {
            const at_end count{n};
            timer t(co_await net::this_coro::executor);
            for (int i = 0; i < 1000; ++i) {
                t.expires_after(1us);
                co_await t.async_wait();
            }
        };
        net::co_spawn(
            pool,
            [](auto task, std::atomic<int>& n) -> net::awaitable<void> {
                task_group group(co_await net::this_coro::executor);
                for (int i = 0; i < 4; ++i) group.spawn(task(n));
                group.cancel();
                co_await group.join();
                CHECK(n == 4);
            }(busy, ended),
            rethrow{});
        pool.join();
        REQUIRE(ended == 4);
    }
}

TEST_CASE("a task group torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto child = [](std::shared_ptr<int>, std::chrono::seconds d) -> net::awaitable<void> {
            co_await wait_for(d);
            if (d == 2s) throw std::runtime_error("second");
        };
        const auto parent = [](auto make, std::shared_ptr<int> w) -> net::awaitable<void> {
            task_group group(co_await net::this_coro::executor);
            for (const auto d : {1s, 2s, 3s}) group.spawn(make(w, d));
            try {
                co_await group.join();
            } catch (const std::runtime_error&) {}
        };
        net::co_spawn(context, parent(child, witness), net::detached);
    });
}
