// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/task_group.hpp>

#include "support.hpp"

#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

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

TEST_CASE("no more children run than the limit says; the others wait for their turn, in order") {
    virtual_world world;
    std::vector<int> begun;
    int most = 0;
    world.run([](std::vector<int>& order, int& peak) -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto child = [](std::vector<int>& o, int& p, int& now, int i) -> net::awaitable<void> {
            o.push_back(i);
            p = std::max(p, ++now);
            co_await wait_for(std::chrono::seconds(1 + i % 2));
            --now;
        };
        int running = 0;
        task_group group(executor, {.limit = 3});
        for (int i = 0; i < 10; ++i) group.spawn(child(order, peak, running, i));
        CHECK(group.size() == 10);
        CHECK(group.waiting() == 7);
        CHECK(order.size() <= 3);
        co_await group.join();
        CHECK(group.waiting() == 0);
    }(begun, most));
    CHECK(most == 3);
    CHECK(std::ranges::is_sorted(begun));
    CHECK(begun.size() == 10);
}

TEST_CASE("children that wait for their turn never begin when the group is cancelled, fails, or is destroyed") {
    virtual_world world;
    int count = 0;
    world.run([](int& n) -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto begin = steady_now(executor);
        task_group group(executor, {.limit = 1});
        group.spawn(wait_for(3600s));
        group.spawn(count_after(0s, n));
        group.cancel();
        group.spawn(count_after(0s, n));
        co_await group.join();
        CHECK(group.size() == 0);

        group.spawn(throw_after(1s, "no"));
        group.spawn(count_after(0s, n));
        CHECK(group.waiting() == 1);
        std::string what;
        try {
            co_await group.join();
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK(what == "no");

        group.spawn(wait_for(3600s));
        group.spawn(count_after(0s, n));
        CHECK(steady_now(executor) - begin == 1s);
    }(count));
    CHECK(count == 0);
}

TEST_CASE("all errors are kept, and none but of being stopped is no error") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto messages = [](const task_group& g) {
            std::string all;
            for (const auto& e : g.errors()) {
                try {
                    std::rethrow_exception(e);
                } catch (const std::exception& x) {
                    all += std::string(x.what()) + ";";
                }
            }
            return all;
        };
        const auto throw_when_stopped = []() -> net::awaitable<void> {
            try {
                co_await wait_for(3600s);
            } catch (const system_error&) {
                throw std::runtime_error("on the way out");
            }
        };
        const auto join = [](task_group& g) -> net::awaitable<std::string> {
            try {
                co_await g.join();
            } catch (const std::runtime_error& e) {
                co_return e.what();
            }
            co_return "";
        };
        task_group group(executor);
        group.spawn(throw_after(1s, "first"));
        group.spawn(throw_when_stopped());
        group.spawn(wait_for(3600s));
        const auto first = co_await join(group);
        CHECK(first == "first");
        CHECK(messages(group) == "first;on the way out;");
        const auto second = co_await join(group);
        CHECK(second == "");
        CHECK(messages(group) == "first;on the way out;");

        group.spawn(throw_when_stopped()); // a new round
        CHECK(group.errors().empty());
        group.cancel();
        const auto third = co_await join(group);
        CHECK(third == "on the way out");

        task_group collecting(executor, {.errors = error_policy::collect});
        const auto begin = steady_now(executor);
        collecting.spawn(throw_after(2s, "two"));
        collecting.spawn(throw_after(1s, "one"));
        collecting.spawn(wait_for(5s));
        const auto fourth = co_await join(collecting);
        CHECK(fourth == "one");
        CHECK(messages(collecting) == "one;two;");
        CHECK(steady_now(executor) - begin == 5s);
    }());
}

TEST_CASE("operation_aborted that nobody asked for is an error") {
    virtual_world world;
    error_code joined;
    world.run([](error_code& ec) -> net::awaitable<void> {
        task_group group(co_await net::this_coro::executor);
        const auto child = []() -> net::awaitable<void> {
            co_await wait_for(1s);
            throw system_error(net::error::operation_aborted);
        };
        group.spawn(child());
        try {
            co_await group.join();
        } catch (const system_error& e) {
            ec = e.code();
        }
    }(joined));
    CHECK(joined == net::error::operation_aborted);
}

TEST_CASE("many children that never wait, one at a time, do not nest") {
    virtual_world world;
    int count = 0;
    world.run([](int& n) -> net::awaitable<void> {
        const auto child = [](int& c) -> net::awaitable<void> {
            ++c;
            co_return;
        };
        task_group group(co_await net::this_coro::executor, {.limit = 1});
        for (int i = 0; i < 20'000; ++i) group.spawn(child(n));
        co_await group.join();
    }(count));
    CHECK(count == 20'000);
}

TEST_CASE("a group that a queued child owns does not leak with its context") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        struct service {
            service(const net::any_io_executor& ex, std::shared_ptr<int> w)
                : group(ex, {.limit = 1}), kept(std::move(w)) {}
            task_group group;
            std::shared_ptr<int> kept;
        };
        const auto child = [](std::shared_ptr<service>) -> net::awaitable<void> { co_await wait_for(1s); };
        auto owner = std::make_shared<service>(context.get_executor(), witness);
        for (int i = 0; i < 3; ++i) owner->group.spawn(child(owner));
    });
}

TEST_CASE("children are destroyed before whoever joins, also with their context") {
    // AddressSanitizer sees where they are not.
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        struct at_exit {
            std::vector<int>& list;
            ~at_exit() { list.push_back(1); }
        };
        const auto child = [](std::vector<int>& list, std::chrono::seconds d) -> net::awaitable<void> {
            const at_exit e{list};
            co_await wait_for(d);
        };
        const auto parent = [](auto make, std::shared_ptr<int>) -> net::awaitable<void> {
            std::vector<int> list(1000);
            task_group group(co_await net::this_coro::executor, {.limit = 2});
            for (const auto d : {1s, 2s, 3s}) group.spawn(make(list, d));
            co_await group.join();
        };
        net::co_spawn(context, parent(child, witness), net::detached);
    });
}

TEST_CASE("spawned and cancelled from several threads, all children end") {
    for (int round = 0; round < 50; ++round) {
        net::thread_pool pool(2);
        task_group group(pool.get_executor(), {.errors = error_policy::collect, .limit = 3});
        std::atomic<int> alive{0};
        const auto child = [](std::atomic<int>& n) -> net::awaitable<void> {
            ++n;
            timer t(co_await net::this_coro::executor);
            t.expires_after(1us);
            const auto [ec] = co_await t.async_wait(as_result);
            --n;
            if (ec) throw std::runtime_error("stopped");
        };
        const auto spawner = [](auto make, task_group& g, std::atomic<int>& n) -> net::awaitable<void> {
            for (int i = 0; i < 20; ++i) g.spawn(make(n));
            co_return;
        };
        net::co_spawn(pool, spawner(child, group, alive), rethrow{});
        net::co_spawn(pool, spawner(child, group, alive), rethrow{});
        net::post(pool, [&] { group.cancel(); });
        pool.join();
        REQUIRE(alive == 0);
        REQUIRE(group.size() == 0);
    }
}
