// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/progress_tracker.hpp>

#include "support.hpp"

#include <telltale/sync/timer.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

net::awaitable<void> pause_for(std::chrono::steady_clock::duration d) {
    timer t(co_await net::this_coro::executor);
    t.expires_after(d);
    co_await t.async_wait();
}

/// Ticks every 10 ms for a second, waits a minute and finishes.
net::awaitable<void> work(progress_tracker& tracker) {
    for (int i = 0; i < 100; ++i) {
        tracker.advance();
        co_await pause_for(10ms);
    }
    co_await pause_for(60s);
    tracker.finish();
}

net::awaitable<void> look_on(progress_tracker& tracker, std::vector<progress_snapshot>& seen) {
    for (progress_snapshot last; !last.finished;) {
        last = co_await tracker.async_wait_change(last, 100ms);
        seen.push_back(last);
    }
}

} // namespace

TEST_CASE("what is not known is absent, and nothing is made up") {
    virtual_world world;
    SECTION("unknown total") {
        progress_tracker t(world.executor(), {.unit = progress_unit::bytes});
        t.advance(5);
        CHECK(t.sample().done == 5);
        CHECK(t.sample().unit == progress_unit::bytes);
        CHECK_FALSE(t.sample().total);
        CHECK_FALSE(t.sample().percent());
        CHECK_FALSE(t.sample().remaining);
    }
    SECTION("a total of zero") {
        progress_tracker t(world.executor(), {.total = 0});
        CHECK(t.sample().total == 0.0);
        CHECK_FALSE(t.sample().percent());
    }
    SECTION("more than the total") {
        progress_tracker t(world.executor(), {.total = 4});
        world.clock.run_for(1s);
        t.advance(5);
        CHECK(t.sample().done == 5);
        CHECK_FALSE(t.sample().percent());
        CHECK_FALSE(t.sample().remaining);
    }
    SECTION("no rate before there was progress") {
        progress_tracker t(world.executor(), {.total = 4});
        world.clock.run_for(1s);
        CHECK_FALSE(t.sample().rate);
        CHECK_FALSE(t.sample().remaining);
    }
}

TEST_CASE("rate and remaining time, without what was done before") {
    virtual_world world;
    progress_tracker t(world.executor(), {.total = 1100, .done = 1000});
    for (int i = 0; i < 50; ++i) {
        world.clock.run_for(1s);
        t.advance();
        t.sample();
    }
    CHECK(*t.sample().rate == Approx(1.0));
    CHECK(t.sample().remaining->count() == Approx(50.0));
    t.set_total(1060);
    CHECK(t.sample().remaining->count() == Approx(10.0));
    t.set_total(std::nullopt);
    CHECK_FALSE(t.sample().remaining);
    world.clock.run_for(60s);
    CHECK(*t.sample().rate < 0.1); // stalled
}

TEST_CASE("going backwards is told, and begins the measurement anew") {
    virtual_world world;
    progress_tracker t(world.executor(), {.total = 100});
    world.clock.run_for(1s);
    t.set_done(50);
    CHECK(t.sample().rate);
    t.set_done(10);
    CHECK(t.sample().done == 10);
    CHECK_FALSE(t.sample().rate);
}

TEST_CASE("a look-on sees first and last, no change is missed, and nothing is shown more often than the interval") {
    virtual_world world;
    progress_tracker t(world.executor(), {.total = 100});
    std::vector<progress_snapshot> seen;
    world.spawn(work(t));
    world.run(look_on(t, seen));
    REQUIRE(seen.size() >= 10);
    CHECK(seen.size() <= 13);
    for (std::size_t i = 1; i + 1 < seen.size(); ++i) CHECK(seen[i].at - seen[i - 1].at >= 100ms);
    CHECK(seen[seen.size() - 2].count == 100); // what came just before the long silence
    CHECK(seen[seen.size() - 2].at - seen[0].at <= 1100ms);
    CHECK(seen.back().finished);
    CHECK(seen.back().count == 100);
    CHECK(seen.back().at - seen[0].at == 61s);
}

TEST_CASE("while nothing changes a wait takes no time and no handler") {
    virtual_world world;
    progress_tracker t(world.executor());
    const progress_snapshot now = t.snapshot();
    int changes = 0;
    t.async_wait_change(now, 100ms, [&](error_code, progress_snapshot) { ++changes; });
    world.clock.run_for(1s);
    for (int i = 0; i < 100; ++i) CHECK(world.clock.run_until_idle() == 0);
    world.clock.run_for(3600s);
    CHECK(changes == 0);
    t.advance();
    CHECK(changes == 0); // not inside advance()
    world.clock.run_until_idle();
    CHECK(changes == 1);
}

TEST_CASE("a wait completes at once for who has seen nothing, or something else, and then not before the interval") {
    virtual_world world;
    progress_tracker t(world.executor());
    progress_snapshot first;
    int changes = 0;
    const auto count = [&](error_code ec, progress_snapshot s) {
        changes += !ec ? 1 : 0;
        first = s;
    };
    t.async_wait_change({}, 100ms, count);
    world.clock.run_until_idle();
    CHECK(changes == 1);
    t.advance(); // between two waits
    t.async_wait_change(first, 100ms, count);
    world.clock.run_for(99ms);
    CHECK(changes == 1);
    world.clock.run_for(1ms);
    CHECK(changes == 2);
    CHECK(first.count == 1);
    t.advance();
    t.async_wait_change(first, 0ms, count); // no limit
    world.clock.run_until_idle();
    CHECK(changes == 3);
}

TEST_CASE("total, message and the end are changes; the end does not wait for the interval") {
    virtual_world world;
    progress_tracker t(world.executor());
    progress_snapshot last = t.snapshot();
    const auto wait = [&](std::chrono::milliseconds interval) {
        bool woken = false;
        t.async_wait_change(last, interval, [&](error_code ec, progress_snapshot s) {
            woken = !ec;
            last = std::move(s);
        });
        world.clock.run_until_idle();
        return woken;
    };
    t.set_total(7);
    CHECK(wait(0ms));
    CHECK(last.value.total == 7.0);
    t.set_message("second half");
    CHECK(wait(0ms));
    CHECK(last.message == "second half");
    bool woken = false;
    t.async_wait_change(last, 1h, [&](error_code ec, progress_snapshot s) {
        woken = s.finished && !ec;
        last = std::move(s);
    });
    t.advance();
    world.clock.run_for(1s);
    CHECK_FALSE(woken);
    t.finish();
    world.clock.run_until_idle();
    CHECK(woken);
    CHECK_FALSE(world.context.run_one_for(0ms)); // the timer of the interval is gone: no work is left
    CHECK(world.context.stopped());
    error_code ended;
    t.async_wait_change(last, 0ms, [&](error_code ec, progress_snapshot) { ended = ec; });
    world.clock.run_until_idle();
    CHECK(ended == errc::closed);
}

TEST_CASE("done is the known total or finish()") {
    virtual_world world;
    progress_tracker t(world.executor());
    int done = 0;
    const auto count = [&](error_code ec) { done += !ec ? 1 : 0; };
    SECTION("by advance") {
        t.set_total(3);
        t.async_wait_done(count);
        t.advance(2);
        world.clock.run_until_idle();
        CHECK(done == 0);
        t.advance(5);
        CHECK(done == 0); // not inside
    }
    SECTION("by set_done") {
        t.set_total(3);
        t.async_wait_done(count);
        t.set_done(3);
        CHECK(done == 0);
    }
    SECTION("by a total that falls") {
        t.advance(3);
        t.async_wait_done(count);
        t.set_total(4);
        world.clock.run_until_idle();
        CHECK(done == 0);
        t.set_total(2);
        CHECK(done == 0);
    }
    SECTION("by finish") {
        t.async_wait_done(count);
        t.finish();
        CHECK(done == 0);
    }
    SECTION("already") {
        t.set_total(0);
        t.async_wait_done(count);
        CHECK(done == 0);
    }
    world.clock.run_until_idle();
    CHECK(done == 1);
}

TEST_CASE("cancelling and destroying end the waits, and free the context") {
    virtual_world world;
    auto t = std::make_unique<progress_tracker>(world.executor());
    std::vector<error_code> ended;
    const progress_snapshot now = t->snapshot();
    SECTION("cancel") {
        net::cancellation_signal one;
        net::cancellation_signal two;
        net::cancellation_signal three;
        t->async_wait_done(net::bind_cancellation_slot(one.slot(), [&](error_code ec) { ended.push_back(ec); }));
        t->async_wait_change(now, 1h, net::bind_cancellation_slot(two.slot(), [&](error_code ec, progress_snapshot) {
                                 ended.push_back(ec);
                             }));
        t->async_wait_change(now, 0s, net::bind_cancellation_slot(three.slot(), [&](error_code ec, progress_snapshot) {
                                 ended.push_back(ec);
                             }));
        one.emit(net::cancellation_type::total);
        two.emit(net::cancellation_type::total);
        three.emit(net::cancellation_type::total);
        CHECK(ended.empty());
    }
    SECTION("destroy") {
        t->async_wait_done([&](error_code ec) { ended.push_back(ec); });
        t->async_wait_change(now, 1h, [&](error_code ec, progress_snapshot) { ended.push_back(ec); });
        t->async_wait_change(now, 0s, [&](error_code ec, progress_snapshot) { ended.push_back(ec); });
        t.reset();
        CHECK(ended.empty());
    }
    world.clock.run_until_idle();
    CHECK(ended == std::vector<error_code>(3, net::error::operation_aborted));
    CHECK(world.context.stopped());
}

TEST_CASE("several look on, each at its own pace, and only who waits for it is woken") {
    virtual_world world;
    progress_tracker t(world.executor());
    const progress_snapshot old = t.snapshot();
    t.advance();
    const progress_snapshot now = t.snapshot();
    int fast = 0;
    int slow = 0;
    t.async_wait_change(now, 0ms, [&](error_code, progress_snapshot) { ++fast; });
    t.async_wait_change(old, 1s, [&](error_code, progress_snapshot) { ++slow; });
    world.clock.run_for(1s);
    CHECK(fast == 0);
    CHECK(slow == 1);
    t.advance();
    world.clock.run_until_idle();
    CHECK(fast == 1);
}

TEST_CASE("the time it took is counted up to the end, with what a resumed one took before") {
    virtual_world world;
    progress_tracker t(world.executor(), {.total = 4, .done = 1, .elapsed = 10s});
    CHECK(t.snapshot().elapsed == 10s);
    world.clock.run_for(2s);
    t.advance(2);
    CHECK(t.snapshot().elapsed == 12s);
    t.finish();
    world.clock.run_for(2s);
    CHECK(t.snapshot().elapsed == 12s);
}

TEST_CASE("the remaining time has a band around it where it is predicted, and nowhere else") {
    virtual_world world;
    progress_tracker t(world.executor(), {.total = 100});
    CHECK_FALSE(t.sample().remaining_low);
    for (int i = 0; i < 10; ++i) {
        world.clock.run_for(1s);
        t.advance();
        t.sample();
    }
    const progress p = t.sample();
    REQUIRE(p.remaining);
    CHECK(*p.remaining_low <= *p.remaining);
    CHECK(*p.remaining_high >= *p.remaining);
    t.finish();
    CHECK_FALSE(t.sample().remaining);
    CHECK_FALSE(t.sample().remaining_high);
}

TEST_CASE("more threads than stripes, one after the other and at once") {
    virtual_world world;
    progress_tracker t(world.executor());
    for (int i = 0; i < 20; ++i) std::thread([&] { t.advance(3); }).join();
    CHECK(t.done() == 60);
    std::vector<std::thread> threads;
    std::atomic<bool> go{false};
    std::atomic<int> running{0};
    for (int i = 0; i < 17; ++i) { // the last and the one in the middle share a stripe, which is the first one's
        std::atomic<bool> there{false};
        threads.emplace_back([&, i] {
            t.advance(0);
            there = true;
            while (!go) std::this_thread::yield();
            if (i % 8 != 0 || i == 0) return;
            for (++running; running < 2;) {}
            for (int n = 0; n < 1'000'000; ++n) t.advance();
        });
        while (!there) std::this_thread::yield();
    }
    go = true;
    for (auto& thread : threads) thread.join();
    CHECK(t.done() == 2'000'060);
    t.set_done(7);
    std::thread([&] { t.advance(); }).join();
    CHECK(t.done() == 8);
}

// Two threads add to a count in rounds; the third, which asks, has either seen what they did or is told.
TEST_CASE("an alarm is never missed, nor rung for every step") {
    constexpr int rounds = 500;
    constexpr std::uint64_t steps = 200; // of each thread, in a round
    const bool every_change = GENERATE(false, true);
    detail::striped_count count(0);
    std::atomic<int> round{0};
    std::atomic<int> ended{0};
    std::atomic<bool> rung{false};
    std::atomic<std::uint64_t> rings{0};
    const auto work = [&] {
        for (int r = 1; r <= rounds; ++r) {
            while (round.load() < r) std::this_thread::yield();
            for (std::uint64_t i = 0; i < steps; ++i)
                if (count.add(1)) {
                    ++rings;
                    rung = true;
                }
            ++ended;
        }
    };
    std::thread one(work);
    std::thread two(work);
    int missed = 0;
    std::uint64_t asked = 0;
    for (int r = 1; r <= rounds; ++r) {
        const std::uint64_t total = 2 * steps * static_cast<std::uint64_t>(r);
        const bool late = r % 2 == 0; // the alarm is set while they run
        std::uint64_t seen = total - 2 * steps;
        rung = false;
        if (!late) seen = count.arm(every_change ? seen + 1 : total);
        round = r;
        while (seen < total) {
            seen = count.arm(every_change ? count.sum() + 1 : total);
            ++asked;
            if (seen >= total) break;
            while (!rung && ended.load() < 2 * r) std::this_thread::yield();
            if (!rung.exchange(false) && count.sum() != seen) {
                ++missed;
                break;
            }
        }
        while (ended.load() < 2 * r) std::this_thread::yield();
        if (count.sum() != total) ++missed;
    }
    one.join();
    two.join();
    CHECK(missed == 0);
    CHECK(count.sum() == 2 * steps * rounds);
    CHECK(rings > 0);
    if (!every_change) CHECK(asked < rounds * steps);
}

// Each thread has a cell; all orders in which two of them reach a total.
TEST_CASE("a total is not passed in silence, in whatever order two threads add to it") {
    constexpr std::uint64_t total = 9;
    std::atomic<int> turn{-1}; // whose: even numbers are the other thread's; -2: the end
    std::atomic<std::uint64_t> amount{0};
    std::atomic<bool> rang{false};
    detail::striped_count* count = nullptr;
    std::thread other([&] {
        for (;;) {
            while (turn == -1) std::this_thread::yield();
            if (turn == -2) return;
            rang = count->add(amount);
            turn = -1;
        }
    });
    const auto add = [&](bool by_other, std::uint64_t n) {
        if (!by_other) return count->add(n);
        amount = n;
        turn = 0;
        while (turn != -1) std::this_thread::yield();
        return rang.load();
    };
    int silent = 0;
    for (unsigned order = 0; order < 1u << total; ++order) {
        for (const std::uint64_t n : {1u, 2u}) {
            detail::striped_count c(3);
            count = &c;
            std::uint64_t sum = 3;
            if ((order & 1) != 0) { // the cells are in use before
                add(false, 1);
                add(true, 1);
                sum += 2;
            }
            c.arm(sum + total);
            const std::uint64_t target = sum + total;
            for (unsigned i = 0; sum < target; ++i) {
                const bool told = add((order >> i & 1) != 0, n);
                sum += n;
                if (sum >= target && !told) ++silent;
                if (told && c.arm(target) != sum) ++silent;
            }
        }
    }
    turn = -2;
    other.join();
    CHECK(silent == 0);
}

TEST_CASE("ticks of many threads are all counted, and every wait wakes") {
    constexpr int rounds = 2000;
    net::thread_pool pool(2);
    progress_tracker t(pool.get_executor(), {.total = 2 * rounds});
    std::atomic<int> done{0};
    std::atomic<bool> ended{false};
    for (int i = 0; i < 10; ++i) t.async_wait_done([&](error_code ec) { done += !ec ? 1 : 0; });
    net::co_spawn(
        pool,
        [](progress_tracker& tracker, std::atomic<bool>& flag) -> net::awaitable<void> {
            progress_snapshot last;
            while (last.count < 2 * rounds) last = co_await tracker.async_wait_change(last, 0ms);
            flag = true;
        }(t, ended),
        net::detached);
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i)
        threads.emplace_back([&] {
            for (int n = 0; n < rounds; ++n) t.advance();
        });
    for (auto& thread : threads) thread.join();
    pool.join(); // hangs where a wake-up is lost
    CHECK(t.done() == 2 * rounds);
    CHECK(done == 10);
    CHECK(ended);
}

TEST_CASE("a tracker torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto scene = [](std::shared_ptr<int>) -> net::awaitable<void> {
            progress_tracker t(co_await net::this_coro::executor, {.total = 3});
            for (progress_snapshot last; last.count < 3;) {
                last = co_await t.async_wait_change(last, 10ms);
                t.advance();
            }
            co_await t.async_wait_done();
            co_await t.async_wait_change(t.snapshot(), 1s);
        };
        net::co_spawn(context, scene(witness), net::detached);
        net::co_spawn(context, scene(witness), net::detached);
    });
}
