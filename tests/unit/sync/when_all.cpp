// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/when_all.hpp>

#include "support.hpp"

#include <telltale/error.hpp>
#include <telltale/sync/manual_reset_event.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/sync/with_timeout.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <ranges>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
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

// Not default-constructible, move-only.
struct answer {
    explicit answer(int v) : value(std::make_unique<int>(v)) {}
    std::unique_ptr<int> value;
};

net::awaitable<answer> answer_after(std::chrono::seconds d, int v) {
    if (d != 0s) co_await wait_for(d);
    co_return answer(v);
}

net::awaitable<int> number_after(std::chrono::seconds d, int v) { co_return *(co_await answer_after(d, v)).value; }

net::awaitable<int> throw_after(std::chrono::seconds d, std::string what) {
    if (d != 0s) co_await wait_for(d);
    throw std::runtime_error(what);
}

// Takes its time to stop, and counts that it has.
net::awaitable<int> slow_to_stop(std::chrono::seconds d, int& stopped) {
    try {
        co_await wait_for(3600s);
    } catch (const system_error&) {}
    co_await net::this_coro::reset_cancellation_state();
    co_await wait_for(d);
    ++stopped;
    throw std::runtime_error("while it was stopped");
}

// Ends with its value all the same when it is asked to stop.
net::awaitable<int> number_when_cancelled(int v) {
    timer t(co_await net::this_coro::executor);
    t.expires_after(3600s);
    co_await t.async_wait(as_result);
    co_return v;
}

struct gauge {
    int now = 0;
    int most = 0;
    std::vector<int> began;
};

net::awaitable<int> gauged(gauge& g, int i) {
    g.began.push_back(i);
    g.most = std::max(g.most, ++g.now);
    co_await wait_for(std::chrono::seconds(1 + i % 3));
    --g.now;
    co_return i;
}

template <class... T>
auto vector_of(net::awaitable<T>... a) {
    std::vector<std::common_type_t<net::awaitable<T>...>> v;
    (v.push_back(std::move(a)), ...);
    return v;
}

std::array<net::awaitable<int>, 2> array_of(net::awaitable<int> a, net::awaitable<int> b) {
    return {std::move(a), std::move(b)};
}

// What a coroutine throws.
template <class T>
net::awaitable<std::string> thrown_by(net::awaitable<T> a) {
    try {
        co_await std::move(a);
    } catch (const system_error& e) {
        co_return e.code() == net::error::operation_aborted ? "aborted" : e.what();
    } catch (const std::exception& e) {
        co_return e.what();
    }
    co_return "nothing";
}

} // namespace

TEST_CASE("when_all of a range gives the values in the order of the range, after the longest") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto begin = steady_now(executor);
        const auto values = co_await when_all(
            vector_of(answer_after(3s, 1), answer_after(0s, 2), answer_after(5s, 3), answer_after(1s, 4)));
        REQUIRE(values.size() == 4);
        for (int i = 0; i < 4; ++i) CHECK(*values[static_cast<std::size_t>(i)].value == i + 1);
        CHECK(steady_now(executor) - begin == 5s);
    }());
}

TEST_CASE("when_all of an empty range has nothing to wait for") {
    virtual_world world;
    bool ended = false;
    world.run([](bool& e) -> net::awaitable<void> {
        const auto values = co_await when_all(std::vector<net::awaitable<int>>{});
        CHECK(values.empty());
        const auto outcomes = co_await when_all_settled(std::vector<net::awaitable<int>>{});
        CHECK(outcomes.empty());
        co_await when_all(std::vector<net::awaitable<void>>{});
        e = true;
    }(ended));
    CHECK(ended);
}

TEST_CASE("when_all takes containers, and views that make coroutines") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        auto two = array_of(number_after(1s, 1), number_after(2s, 2));
        const auto from_array = co_await when_all(std::move(two));
        CHECK(std::ranges::equal(from_array, std::views::iota(1, 3)));
        const auto make = [](int i) { return number_after(std::chrono::seconds(i), i); };
        const auto from_view = co_await when_all(std::views::iota(3, 6) | std::views::transform(make));
        CHECK(std::ranges::equal(from_view, std::views::iota(3, 6)));
        STATIC_REQUIRE_FALSE(detail::awaitable_range<std::vector<net::awaitable<int>>&>); // they have to be moved
        STATIC_REQUIRE_FALSE(detail::awaitable_range<std::vector<int>>);
    }());
}

TEST_CASE("when_all of a pack gives a tuple, with monostate for void") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        auto [a, b, c] = co_await when_all(answer_after(2s, 1), number_after(1s, 2), wait_for(3s));
        CHECK(*a.value == 1);
        CHECK(b == 2);
        STATIC_REQUIRE(std::is_same_v<decltype(c), std::monostate>);
    }());
}

TEST_CASE("when_all of a range of void gives nothing") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto begin = steady_now(executor);
        co_await when_all(vector_of(wait_for(1s), wait_for(2s)));
        CHECK(steady_now(executor) - begin == 2s);
    }());
}

TEST_CASE("the first error stops the others, is thrown when they have stopped, and no other is") {
    virtual_world world;
    int stopped = 0;
    world.run([](int& n) -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto begin = steady_now(executor);
        auto range = vector_of(slow_to_stop(4s, n), number_after(1s, 1), throw_after(2s, "first"),
                               throw_after(3s, "second"), slow_to_stop(5s, n));
        const auto of_range = co_await thrown_by(when_all(std::move(range)));
        CHECK(of_range == "first");
        CHECK(n == 2);
        CHECK(steady_now(executor) - begin == 7s); // 2 until it failed, 5 until all had stopped
        const auto of_pack = co_await thrown_by(when_all(number_after(3600s, 1), throw_after(1s, "second")));
        CHECK(of_pack == "second");
        CHECK(steady_now(executor) - begin == 8s);
    }(stopped));
}

TEST_CASE("after an error at once nothing more is begun") {
    virtual_world world;
    gauge g;
    world.run([](gauge& seen) -> net::awaitable<void> {
        auto range = vector_of(throw_after(1s, "no"), gauged(seen, 1), gauged(seen, 2));
        const auto thrown = co_await thrown_by(when_all(std::move(range), {.limit = 1}));
        CHECK(thrown == "no");
    }(g));
    CHECK(g.began.empty());
}

TEST_CASE("when_all runs no more than its limit at once, in order") {
    virtual_world world;
    gauge g;
    world.run([](gauge& seen) -> net::awaitable<void> {
        std::vector<net::awaitable<int>> all;
        for (int i = 0; i < 20; ++i) all.push_back(gauged(seen, i));
        const auto values = co_await when_all(std::move(all), {.limit = 3});
        CHECK(std::ranges::equal(values, std::views::iota(0, 20)));
    }(g));
    CHECK(g.most == 3);
    CHECK(std::ranges::equal(g.began, std::views::iota(0, 20)));
}

TEST_CASE("many that never wait, one at a time, do not nest") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        const auto make = [](int i) { return number_after(0s, i); };
        const auto values = co_await when_all(std::views::iota(0, 20'000) | std::views::transform(make), {.limit = 1});
        CHECK(values.size() == 20'000);
    }());
}

TEST_CASE("when_all_settled has every value and every error, and lets nobody be stopped") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        auto range = co_await when_all_settled(
            vector_of(number_after(3s, 1), throw_after(1s, "one"), throw_after(2s, "two"), number_after(0s, 4)),
            {.limit = 2});
        REQUIRE(range.size() == 4);
        for (std::size_t i = 0; i < 4; ++i) {
            CHECK(range[i].index == i);
            CHECK(bool(range[i]) == (i == 0 || i == 3));
            CHECK_FALSE(range[i].cancelled);
        }
        CHECK(range[0].take() == 1);
        CHECK_THROWS_WITH(range[1].take(), "one");
        CHECK_THROWS_WITH(range[2].take(), "two");
        auto [a, b, c] = co_await when_all_settled(answer_after(3s, 1), throw_after(1s, "one"), wait_for(0s));
        CHECK(*a.take().value == 1);
        CHECK_THROWS_WITH(b.take(), "one");
        CHECK(c);
        CHECK((a.index == 0 && b.index == 1 && c.index == 2));
    }());
}

TEST_CASE("a cancellation is passed on, waited for, and thrown") {
    virtual_world world;
    int stopped = 0;
    std::string what;
    bool after = false;
    net::cancellation_signal signal;
    const auto begin = world.clock.now();
    net::co_spawn(
        world.context,
        [](int& n, std::string& w, bool& still) -> net::awaitable<void> {
            // The children's own exceptions, of when they were stopped, count more than that they were.
            w = co_await thrown_by(
                when_all(vector_of(slow_to_stop(4s, n), number_after(3600s, 1), slow_to_stop(5s, n))));
            try {
                co_await wait_for(1s);
            } catch (const system_error&) {
                still = true;
            }
        }(stopped, what, after),
        net::bind_cancellation_slot(signal.slot(), rethrow{}));
    world.clock.run_for(10s);
    signal.emit(net::cancellation_type::terminal);
    world.clock.run();
    CHECK(stopped == 2);
    CHECK(what == "while it was stopped");
    CHECK(after); // whoever awaited is as it was: cancelled
    CHECK(world.clock.now() - begin == 15s);
}

TEST_CASE("a cancelled when_all throws operation_aborted, or gives values that came all the same") {
    virtual_world world;
    std::vector<std::string> thrown(3);
    std::vector<int> values;
    std::size_t settled = 0;
    net::cancellation_signal signals[4];
    const auto note = [](net::awaitable<std::vector<int>> a, std::string& to) -> net::awaitable<void> {
        to = co_await thrown_by(std::move(a));
    };
    const auto keep = [](net::awaitable<std::vector<int>> a, std::vector<int>& to) -> net::awaitable<void> {
        to = co_await std::move(a);
    };
    const auto count = [](std::size_t& ended) -> net::awaitable<void> {
        auto all = co_await when_all_settled(
            vector_of(number_after(1s, 1), number_after(3600s, 2), number_after(1s, 3)), {.limit = 2});
        ended = all.size();
        CHECK(all[0].take() == 1);
        CHECK(all[1].cancelled);
        CHECK(all[2].take() == 3);
    };
    const auto spawn = [&](net::awaitable<void> a, std::size_t i) {
        net::co_spawn(world.context, std::move(a), net::bind_cancellation_slot(signals[i].slot(), rethrow{}));
    };
    spawn(note(when_all(vector_of(number_after(3600s, 1), number_after(3600s, 2))), thrown[0]), 0);
    // The second one has not begun.
    spawn(note(when_all(vector_of(number_when_cancelled(1), number_when_cancelled(2)), {.limit = 1}), thrown[1]), 1);
    spawn(keep(when_all(vector_of(number_when_cancelled(1), number_when_cancelled(2))), values), 2);
    spawn(count(settled), 3);
    world.clock.run_for(10s);
    for (auto& s : signals) s.emit(net::cancellation_type::terminal);
    const auto begin = world.clock.now();
    world.clock.run();
    CHECK(world.clock.now() == begin);
    CHECK(thrown[0] == "aborted");
    CHECK(thrown[1] == "aborted");
    CHECK(values == std::vector{1, 2});
    CHECK(settled == 3);
}

TEST_CASE("when_all cancelled at every step ends, with nothing left running") {
    for (int steps = 0, done = 0; done == 0; ++steps) {
        REQUIRE(steps < 1000);
        virtual_world world;
        net::cancellation_signal signal;
        int begun = 0;
        int over = 0;
        bool ended = false;
        const auto child = [](int& b, int& o, int i) -> net::awaitable<int> {
            ++b;
            try {
                co_await wait_for(std::chrono::seconds(i));
            } catch (const system_error&) {}
            ++o;
            co_return i;
        };
        const auto parent = [](auto make, int& b, int& o) -> net::awaitable<void> {
            std::vector<net::awaitable<int>> all;
            for (int i = 0; i < 4; ++i) all.push_back(make(b, o, i));
            try {
                co_await when_all(std::move(all), {.limit = 2});
            } catch (const system_error& e) {
                CHECK(e.code() == net::error::operation_aborted);
            }
            CHECK(b == o);
        };
        net::co_spawn(world.context, parent(child, begun, over),
                      net::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ended = true; }));
        auto& time = net::use_service<detail::time_source>(world.context);
        for (int ran = 0; ran < steps && !ended;) {
            world.context.restart();
            if (world.context.poll_one() != 0)
                ++ran;
            else if (const auto next = time.next_expiry())
                time.advance_to(*next);
        }
        if (ended) {
            done = 1;
        } else if (steps > 0) { // before the first step a coroutine cannot be cancelled in newer Asio: asio's, not ours
            signal.emit(net::cancellation_type::terminal);
        }
        world.clock.run();
        CAPTURE(steps);
        REQUIRE(ended);
        REQUIRE(begun == over);
    }
}

TEST_CASE("what children refer to in the frame that awaits them lives as long as they do, also in a teardown") {
    // AddressSanitizer sees where it does not.
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        struct at_end {
            std::vector<int>& list;
            ~at_end() { list.push_back(1); }
        };
        const auto child = [](std::vector<int>& list, std::chrono::seconds d,
                              std::shared_ptr<int>) -> net::awaitable<int> {
            const at_end e{list};
            co_await wait_for(d);
            if (d == 2s) throw std::runtime_error("second");
            co_return 1;
        };
        const auto parent = [](auto make, std::shared_ptr<int> w) -> net::awaitable<void> {
            std::vector<int> list(1000);
            std::vector<net::awaitable<int>> all;
            for (const auto d : {1s, 2s, 3s, 1s}) all.push_back(make(list, d, w));
            try {
                co_await when_all(std::move(all), {.limit = 3});
            } catch (const std::runtime_error&) {}
            co_await when_all(make(list, 1s, w), make(list, 3s, w));
            co_await when_all_settled(make(list, 2s, w), wait_for(1s));
        };
        net::co_spawn(context, parent(child, witness), net::detached);
    });
}

TEST_CASE("children that wait for something older than their group are destroyed before whoever awaits them, too") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        struct at_end {
            std::vector<int>& list;
            ~at_end() { list.push_back(1); }
        };
        const auto child = [](std::vector<int>& list, manual_reset_event& e) -> net::awaitable<int> {
            const at_end end{list};
            co_await e.async_wait();
            co_return 1;
        };
        const auto set = [](std::shared_ptr<manual_reset_event> e) -> net::awaitable<void> {
            co_await wait_for(1s);
            e->set();
        };
        const auto parent = [](auto make, std::shared_ptr<manual_reset_event> e,
                               std::shared_ptr<int>) -> net::awaitable<void> {
            std::vector<int> list(1000);
            co_await when_all(make(list, *e), make(list, *e), wait_for(1s));
        };
        // Waits are destroyed in an order of their own: the youngest object's first. And coroutines on a strand at once.
        auto event = std::make_shared<manual_reset_event>(context.get_executor());
        net::co_spawn(context, set(event), net::detached);
        net::co_spawn(net::make_strand(context), parent(child, event, witness), net::detached);
    });
}

TEST_CASE("what comes when the others have been stopped does not begin") {
    virtual_world world;
    bool begun = false;
    const auto note = [](bool& b) -> net::awaitable<int> {
        b = true;
        co_return 1;
    };
    const auto group = std::make_shared<detail::outcome_group<int>>(world.executor(), 0, detail::stop_at::error);
    group->cancel();
    auto late = detail::prepare<int, detail::put_value>(note(begun));
    group->spawn(std::move(late.c), std::move(late.body), false);
    world.clock.run();
    CHECK_FALSE(begun);
    const auto outcomes = group->take();
    REQUIRE(outcomes.size() == 1);
    CHECK(outcomes[0].cancelled);
}

TEST_CASE("when_all on a thread pool runs in parallel, and is cancelled without a race") {
    net::thread_pool pool(2);
    std::atomic<int> ended{0};
    std::atomic<int> thrown{0};
    const auto busy = [](std::atomic<int>& n, int i) -> net::awaitable<int> {
        timer t(co_await net::this_coro::executor);
        for (int k = 0; k < 20; ++k) {
            t.expires_after(1us);
            const auto [ec] = co_await t.async_wait(as_result);
            if (ec) break;
        }
        ++n;
        if (i == 5) throw std::runtime_error("five");
        co_return i;
    };
    const auto parent = [](auto make, std::atomic<int>& n, std::atomic<int>& t, int round) -> net::awaitable<void> {
        std::vector<net::awaitable<int>> all;
        for (int i = 0; i < 4 + round % 4; ++i) all.push_back(make(n, i));
        const auto what = co_await thrown_by(with_timeout(when_all(std::move(all), {.limit = 3}), round % 2 ? 1h : 0s));
        if (what != "nothing") ++t;
    };
    for (int round = 0; round < 200; ++round) net::co_spawn(pool, parent(busy, ended, thrown, round), rethrow{});
    pool.join();
    CHECK(ended >= 100 * 5); // those that had time, half of them with a child number 5
    CHECK(thrown >= 50);
}
