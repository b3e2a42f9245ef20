// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/stage_tree.hpp>

#include "support.hpp"

#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

std::optional<double> percent_of(const stage_tree& t) { return t.sample().percent(); }

} // namespace

TEST_CASE("stages: rolled up by weights, to any depth") {
    virtual_world world;
    stage_tree tree(world.executor(), {.root = {.name = "import"}});
    stage load = tree.root().add("load", {.weight = 3, .total = 1000, .unit = progress_unit::bytes});
    stage index = tree.root().add("index");
    stage words = index.add("words", {.total = 10});
    stage links = index.add("links", {.weight = 3, .total = 4});
    CHECK(percent_of(tree) == 0.0);
    load.advance(500);
    CHECK(percent_of(tree) == 37.5); // 3 * 1/2 of 4
    words.advance(10);
    CHECK(percent_of(tree) == 43.75); // and 1/4 of 1
    links.advance(2);
    CHECK(*percent_of(tree) == Approx(100 * (1.5 + 0.25 + 0.375) / 4));
    const auto s = tree.snapshot();
    CHECK(s.root.name == "import");
    CHECK(s.value.unit == progress_unit::percent);
    CHECK(s.value == s.root.value);
    REQUIRE(s.root.children.size() == 2);
    CHECK(s.root.children[0].value.done == 500);
    CHECK(s.root.children[0].value.unit == progress_unit::bytes);
    CHECK(s.root.children[1].children[1].name == "links");
    CHECK(s.root.children[1].weight == 1);
    CHECK(s.root.children[1].value.percent() == Approx(62.5));
    CHECK(index.snapshot().value.done == s.root.children[1].value.done);
    load.advance(500);
    links.advance(2);
    CHECK(percent_of(tree) == 100.0);
    CHECK(tree.snapshot().root.state == stage_state::done);
}

TEST_CASE("stages: a tree without stages is a counter") {
    virtual_world world;
    stage_tree tree(world.executor());
    tree.root().set_total(8);
    tree.root().advance(2);
    CHECK(percent_of(tree) == 25.0);
    CHECK(tree.sample().unit == progress_unit::items);
}

TEST_CASE("stages: what is not known is told so") {
    virtual_world world;
    stage_tree tree(world.executor());
    stage a = tree.root().add("a", {.total = 10});
    stage b = tree.root().add("b"); // nobody knows how much, but it has not begun
    a.advance(5);
    CHECK(percent_of(tree) == 25.0);
    b.start();
    CHECK_FALSE(percent_of(tree));
    CHECK_FALSE(tree.sample().total);
    CHECK(tree.sample().done == 25); // at least
    b.advance(3);
    CHECK_FALSE(percent_of(tree));
    b.set_total(4);
    CHECK(percent_of(tree) == 62.5);
    b.set_total(std::nullopt);
    b.finish();
    CHECK(percent_of(tree) == 75.0);
    a.advance(7); // more than there should be
    CHECK(percent_of(tree) == 100.0);
}

TEST_CASE("stages: the states") {
    virtual_world world;
    stage_tree tree(world.executor());
    stage a = tree.root().add("a", {.total = 2});
    stage b = tree.root().add("b");
    const auto states = [&] {
        const auto s = tree.snapshot().root;
        return std::string(to_string(s.state)) + ": " + std::string(to_string(s.children[0].state)) + " " +
               std::string(to_string(s.children[1].state));
    };
    CHECK(states() == "pending: pending pending");
    a.advance();
    CHECK(states() == "running: running pending");
    a.advance();
    CHECK(states() == "running: done pending");
    b.start();
    CHECK(states() == "running: done running");
    b.fail("no room");
    CHECK(states() == "failed: done failed");
    CHECK(tree.snapshot().root.children[1].message == "no room");
    CHECK(tree.sample().percent() == 50.0);
    CHECK_FALSE(tree.sample().remaining);
    b.start(); // another try
    CHECK(states() == "running: done running");
    b.finish();
    CHECK(states() == "done: done done");
    a.set_total(3); // not done after all
    CHECK(states() == "running: running done");
    tree.root().finish();
    CHECK(states() == "done: done done");
    CHECK(percent_of(tree) == 100.0);
}

TEST_CASE("stages: added while it runs, but not to what has ended; weights") {
    virtual_world world;
    stage_tree tree(world.executor());
    stage a = tree.root().add("a", {.total = 1});
    a.advance();
    CHECK(percent_of(tree) == 100.0);
    stage b = tree.root().add("b", {.total = 1});
    CHECK(percent_of(tree) == 50.0);
    tree.root().add("free", {.weight = 0, .total = 1});
    CHECK(percent_of(tree) == 50.0);
    for (const double wrong : {-1.0, std::numeric_limits<double>::infinity(), std::nan("")})
        CHECK_THROWS_AS(tree.root().add("c", {.weight = wrong}), system_error);
    b.finish();
    CHECK_THROWS_AS(b.add("part"), system_error);
    tree.finish();
    CHECK_THROWS_AS(tree.root().add("late"), system_error);
    CHECK(tree.snapshot().root.children.size() == 3);
}

TEST_CASE("stages: rates and times of a stage begin with it, those of the whole with the whole") {
    virtual_world world;
    stage_tree tree(world.executor());
    stage a = tree.root().add("a", {.total = 100});
    stage b = tree.root().add("b", {.total = 100});
    for (int i = 0; i < 100; ++i) {
        world.clock.run_for(1s);
        a.advance();
        tree.snapshot();
    }
    CHECK(tree.snapshot().root.children[0].elapsed == 100s);
    CHECK(tree.snapshot().root.children[1].elapsed == 0s);
    CHECK(*tree.sample().rate == Approx(0.5));
    CHECK(tree.sample().remaining->count() == Approx(100.0));
    CHECK(tree.sample().remaining_low);
    b.start();
    for (int i = 0; i < 50; ++i) {
        world.clock.run_for(100ms);
        b.advance();
        tree.snapshot();
    }
    const auto s = tree.snapshot();
    CHECK(*s.root.children[1].value.rate == Approx(10.0)); // the 100 s before are no standstill
    CHECK(s.root.children[1].value.remaining->count() == Approx(5.0));
    CHECK(s.root.children[1].elapsed.count() == Approx(5.0));
    CHECK(s.root.children[0].elapsed == 100s);
    CHECK_FALSE(s.root.children[0].value.remaining);
    CHECK(s.elapsed.count() == Approx(105.0));

    const auto rate_of = [&](stage c, bool looked_at, bool started) {
        for (int i = 0; i < 100; ++i) {
            world.clock.run_for(1s);
            if (looked_at) tree.snapshot();
        }
        if (started) c.start();
        for (int i = 0; i < 50; ++i) {
            world.clock.run_for(100ms);
            c.advance();
            tree.snapshot();
        }
        return *c.snapshot().value.rate;
    };
    CHECK(rate_of(tree.root().add("c", {.total = 100}), false, true) == Approx(10.0));
    CHECK(rate_of(tree.root().add("d", {.total = 100}), true, false) == Approx(10.0));
}

TEST_CASE("stages: a change of any stage wakes who waits, not before the interval, and once") {
    virtual_world world;
    stage_tree tree(world.executor());
    stage a = tree.root().add("a", {.total = 100});
    stage deep = tree.root().add("b").add("c").add("d");
    stage_tree_snapshot last;
    int woken = 0;
    const auto wait = [&](std::chrono::steady_clock::duration interval) {
        tree.async_wait_change(last, interval, [&](error_code ec, stage_tree_snapshot s) {
            woken += !ec ? 1 : 0;
            last = std::move(s);
        });
    };
    wait(100ms);
    world.clock.run_until_idle();
    REQUIRE(woken == 1); // had seen nothing
    wait(100ms);
    deep.advance();
    CHECK(woken == 1);
    world.clock.run_for(99ms);
    CHECK(woken == 1);
    world.clock.run_for(1ms);
    CHECK(woken == 2);
    CHECK(last.root.children[1].children[0].children[0].count == 1);
    wait(0ms);
    world.clock.run_for(1h);
    CHECK(woken == 2);
    a.advance(0);
    world.clock.run_until_idle();
    CHECK(woken == 2);
    a.advance();
    world.clock.run_until_idle();
    CHECK(woken == 3);
    for (int change = 0; change < 10; ++change) { // each of two that have counted differently much
        wait(0ms);
        (change % 2 == 0 ? deep : a).advance(change % 2 == 0 ? 5 : 1);
        world.clock.run_until_idle();
        CHECK(woken == 4 + change);
    }
    woken = 3;
    for (int change = 0; change < 6; ++change) {
        wait(0ms);
        world.clock.run_until_idle();
        CHECK(woken == 3 + change);
        switch (change) {
        case 0: a.set_message("m"); break;
        case 1: a.set_total(7); break;
        case 2: a.set_done(0); break;
        case 3: deep.fail("x"); break;
        case 4: tree.root().add("new"); break;
        case 5: tree.finish(); break;
        }
        world.clock.run_until_idle();
        CHECK(woken == 4 + change);
    }
    CHECK(last.finished);
    error_code ended;
    tree.async_wait_change(last, 0ms, [&](error_code ec, stage_tree_snapshot) { ended = ec; });
    world.clock.run_until_idle();
    CHECK(ended == errc::closed);
}

TEST_CASE("stages: they may outlive the tree, which ends the waits") {
    virtual_world world;
    auto tree = std::make_unique<stage_tree>(world.executor());
    stage a = tree->root().add("a");
    const auto now = tree->snapshot();
    error_code ended;
    tree->async_wait_change(now, 1h, [&](error_code ec, stage_tree_snapshot) { ended = ec; });
    tree.reset();
    world.clock.run_until_idle();
    CHECK(ended == net::error::operation_aborted);
    a.advance(2);
    CHECK(a.done() == 2);
}

TEST_CASE("stages: many threads, and a look-on that misses nothing") {
    constexpr std::uint64_t ticks = 20'000;
    net::thread_pool pool(1);
    stage_tree tree(pool.get_executor());
    stage parts[] = {tree.root().add("a", {.total = ticks}), tree.root().add("b", {.total = 2 * ticks})};
    std::atomic<bool> ended{false};
    net::co_spawn(
        pool,
        [](stage_tree& t, std::atomic<bool>& flag) -> net::awaitable<void> {
            stage_tree_snapshot last;
            while (last.value.percent() != 100.0) last = co_await t.async_wait_change(last, 0ms);
            flag = true;
        }(tree, ended),
        net::detached);
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
        threads.emplace_back([&, i] {
            for (std::uint64_t n = 0; n < ticks; ++n) parts[i == 0 ? 0 : 1].advance();
        });
    tree.root().add("late", {.weight = 5, .total = 1}).advance();
    for (auto& thread : threads) thread.join();
    pool.join(); // hangs where a wake-up is lost
    CHECK(ended);
    CHECK(parts[1].done() == 2 * ticks);
}

TEST_CASE("stages: torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto scene = [](std::shared_ptr<int>) -> net::awaitable<void> {
            stage_tree tree(co_await net::this_coro::executor);
            stage a = tree.root().add("a", {.total = 3});
            for (stage_tree_snapshot last; last.root.state != stage_state::done;) {
                last = co_await tree.async_wait_change(last, 10ms);
                a.advance();
            }
            co_await tree.async_wait_change(tree.snapshot(), 1s);
        };
        net::co_spawn(context, scene(witness), net::detached);
    });
}
