// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/result_group.hpp>

#include "support.hpp"

#include <telltale/sync/timer.hpp>
#include <telltale/sync/with_timeout.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
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

net::awaitable<std::unique_ptr<int>> number_after(std::chrono::seconds d, int v) {
    if (d != 0s) co_await wait_for(d);
    co_return std::make_unique<int>(v);
}

net::awaitable<std::unique_ptr<int>> throw_after(std::chrono::seconds d, std::string what) {
    co_await wait_for(d);
    throw std::runtime_error(what);
}

using group_type = result_group<std::unique_ptr<int>>;

net::awaitable<std::string> join_throws(group_type& group) {
    try {
        co_await group.join();
    } catch (const system_error& e) {
        co_return e.code() == net::error::operation_aborted ? "aborted" : e.what();
    } catch (const std::exception& e) {
        co_return e.what();
    }
    co_return "nothing";
}

} // namespace

TEST_CASE("results come as the children end, and then none is left") {
    virtual_world world;
    std::vector<std::size_t> order;
    world.run([](std::vector<std::size_t>& seen) -> net::awaitable<void> {
        group_type group(co_await net::this_coro::executor);
        const auto before = co_await group.next();
        CHECK_FALSE(before);
        group.spawn(number_after(3s, 0));
        group.spawn(number_after(1s, 1));
        const auto number = group.spawn(number_after(2s, 2));
        CHECK(number == 2);
        while (auto next = co_await group.next()) {
            seen.push_back(next->index);
            CHECK(*next->take() == static_cast<int>(next->index));
            if (next->index == 1) group.spawn(number_after(5s, 3)); // while it goes on
        }
        CHECK(group.size() == 0);
    }(order));
    CHECK(order == std::vector<std::size_t>{1, 2, 0, 3});
}

TEST_CASE("join gives the values in the order of spawn, but for those that were taken before") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        group_type group(co_await net::this_coro::executor, {.limit = 2});
        for (int i = 0; i < 6; ++i) group.spawn(number_after(std::chrono::seconds(6 - i), i));
        CHECK(group.size() == 6);
        CHECK(group.waiting() == 4);
        const auto first = co_await group.next();
        CHECK(first->index == 1);
        const auto values = co_await group.join();
        REQUIRE(values.size() == 5);
        int expected[] = {0, 2, 3, 4, 5};
        for (std::size_t i = 0; i < 5; ++i) CHECK(*values[i] == expected[i]);
        const auto again = co_await group.join();
        CHECK(again.empty());
    }());
}

TEST_CASE("the first error stops the others; join throws it, and loses nothing") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        group_type group(executor);
        group.spawn(number_after(1s, 0));
        group.spawn(number_after(3600s, 1));
        group.spawn(throw_after(2s, "two"));
        const auto begin = steady_now(executor);
        for (int i = 0; i < 2; ++i) {
            const auto thrown = co_await join_throws(group);
            CHECK(thrown == "two");
        }
        CHECK(steady_now(executor) - begin == 2s);
        auto outcomes = co_await group.settle();
        REQUIRE(outcomes.size() == 3);
        CHECK(*outcomes[0].take() == 0);
        CHECK(outcomes[1].cancelled);
        CHECK_THROWS_WITH(outcomes[2].take(), "two");
        group.spawn(number_after(1s, 3)); // it can be used again
        const auto values = co_await group.join();
        CHECK(values.size() == 1);
    }());
}

TEST_CASE("errors can be collected while the others go on") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        group_type group(co_await net::this_coro::executor, {.errors = error_policy::collect});
        group.spawn(throw_after(2s, "zero"));
        group.spawn(throw_after(1s, "one"));
        group.spawn(number_after(3s, 2));
        auto outcomes = co_await group.settle();
        REQUIRE(outcomes.size() == 3);
        CHECK_THROWS_WITH(outcomes[0].take(), "zero");
        CHECK_THROWS_WITH(outcomes[1].take(), "one");
        CHECK(*outcomes[2].take() == 2);
        group.spawn(throw_after(2s, "zero"));
        group.spawn(throw_after(1s, "one"));
        const auto thrown = co_await join_throws(group);
        CHECK(thrown == "one"); // the first that came
    }());
}

TEST_CASE("cancel ends all, also those that wait for their turn, and join says so") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        group_type group(executor, {.limit = 1});
        for (int i = 0; i < 3; ++i) group.spawn(number_after(i == 0 ? 1s : 3600s, i));
        const auto first = co_await group.next();
        CHECK(first->index == 0);
        const auto begin = steady_now(executor);
        group.cancel();
        const auto thrown = co_await join_throws(group);
        CHECK(thrown == "aborted");
        auto outcomes = co_await group.settle();
        REQUIRE(outcomes.size() == 2);
        CHECK((outcomes[0].cancelled && outcomes[1].cancelled));
        CHECK(steady_now(executor) == begin);
    }());
}

TEST_CASE("several wait for the next: each outcome goes to one, and all hear the end") {
    virtual_world world;
    group_type group(world.executor());
    int outcomes = 0;
    int ends = 0;
    const auto count = [&](error_code ec, std::optional<outcome<std::unique_ptr<int>>> next) {
        CHECK_FALSE(ec);
        ++(next ? outcomes : ends);
    };
    for (int i = 0; i < 2; ++i) group.spawn(number_after(std::chrono::seconds(i + 1), i));
    for (int i = 0; i < 4; ++i) group.async_next(count);
    world.clock.run();
    CHECK(outcomes == 2);
    CHECK(ends == 2);
}

TEST_CASE("a time limit on next loses no outcome") {
    virtual_world world;
    int late = 0;
    world.run([](int& n) -> net::awaitable<void> {
        group_type group(co_await net::this_coro::executor);
        for (int i = 0; i < 3; ++i) group.spawn(number_after(std::chrono::seconds(2 * i + 2), i));
        for (int got = 0; got < 3;) {
            try {
                // Every second time the limit and the child's end fall on the same instant.
                const auto next = co_await with_timeout(group.next(), 1s);
                CHECK(next->index == static_cast<std::size_t>(got));
                ++got;
            } catch (const system_error& e) {
                CHECK(e.code() == errc::deadline_exceeded);
                ++n;
            }
        }
        const auto end = co_await group.next();
        CHECK_FALSE(end);
    }(late));
    CHECK(late >= 3);
}

TEST_CASE("destroying a result group ends whoever waits for it") {
    virtual_world world;
    error_code ended;
    auto group = std::make_unique<group_type>(world.executor());
    group->spawn(number_after(3600s, 1));
    group->async_next([&](error_code ec, const auto&) { ended = ec; });
    world.clock.run_for(1s);
    group.reset();
    const auto begin = world.clock.now();
    world.clock.run();
    CHECK(ended == net::error::operation_aborted);
    CHECK(world.clock.now() == begin);
}

TEST_CASE("whoever joins or settles is cancelled: so are the children") {
    virtual_world world;
    net::cancellation_signal signal;
    std::size_t cancelled = 0;
    net::co_spawn(
        world.context,
        [](std::size_t& n) -> net::awaitable<void> {
            group_type group(co_await net::this_coro::executor, {.limit = 2});
            for (int i = 0; i < 4; ++i) group.spawn(number_after(i == 0 ? 1s : 3600s, i));
            const auto outcomes = co_await group.settle();
            n = static_cast<std::size_t>(std::ranges::count_if(outcomes, [](const auto& o) { return o.cancelled; }));
        }(cancelled),
        net::bind_cancellation_slot(signal.slot(), rethrow{}));
    world.clock.run_for(10s);
    signal.emit(net::cancellation_type::terminal);
    world.clock.run();
    CHECK(cancelled == 3);
}

TEST_CASE("spawned = taken, on two threads, with children that fail") {
    net::thread_pool pool(2);
    std::atomic<int> values{0};
    std::atomic<int> errors{0};
    std::atomic<int> most{0};
    std::atomic<int> running{0};
    const auto child = [](int i, std::atomic<int>& now, std::atomic<int>& peak) -> net::awaitable<int> {
        peak = std::max(peak.load(), ++now);
        timer t(co_await net::this_coro::executor);
        t.expires_after(std::chrono::microseconds(i % 3));
        co_await t.async_wait();
        --now;
        if (i % 10 == 0) throw std::runtime_error("tenth");
        co_return i;
    };
    net::co_spawn(
        pool,
        [](auto make, std::atomic<int>& v, std::atomic<int>& e, std::atomic<int>& now,
           std::atomic<int>& peak) -> net::awaitable<void> {
            result_group<int> group(co_await net::this_coro::executor, {.errors = error_policy::collect, .limit = 3});
            for (int i = 0; i < 500; ++i) group.spawn(make(i, now, peak));
            while (const auto next = co_await group.next()) ++(*next ? v : e);
        }(child, values, errors, running, most),
        rethrow{});
    pool.join();
    CHECK(values == 450);
    CHECK(errors == 50);
    CHECK(most <= 3);
}

TEST_CASE("a result group torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto child = [](std::shared_ptr<int> w, std::chrono::seconds d) -> net::awaitable<std::shared_ptr<int>> {
            co_await wait_for(d);
            if (d == 2s) throw std::runtime_error("second");
            co_return w;
        };
        const auto parent = [](auto make, std::shared_ptr<int> w) -> net::awaitable<void> {
            result_group<std::shared_ptr<int>> group(co_await net::this_coro::executor,
                                                     {.errors = error_policy::collect, .limit = 2});
            for (const auto d : {1s, 2s, 3s, 1s}) group.spawn(make(w, d));
            co_await group.next();
            co_await group.next();
            co_await group.settle();
        };
        net::co_spawn(context, parent(child, witness), net::detached);
    });
}
