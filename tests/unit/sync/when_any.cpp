// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/when_any.hpp>

#include "support.hpp"

#include <telltale/error.hpp>
#include <telltale/sync/mailbox.hpp>
#include <telltale/sync/timer.hpp>

#include <atomic>
#include <chrono>
#include <memory>
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

net::awaitable<int> number_after(std::chrono::seconds d, int v) {
    if (d != 0s) co_await wait_for(d);
    co_return v;
}

net::awaitable<int> throw_after(std::chrono::seconds d, std::string what) {
    co_await wait_for(d);
    throw std::runtime_error(what);
}

// Ends with its value all the same when it is asked to stop, some time later.
net::awaitable<int> number_when_cancelled(std::chrono::seconds d, int v) {
    try {
        co_await wait_for(3600s);
    } catch (const system_error&) {}
    co_await net::this_coro::reset_cancellation_state();
    co_await wait_for(d);
    co_return v;
}

net::awaitable<int> throw_when_cancelled(std::string what) {
    co_await number_when_cancelled(0s, 0);
    throw std::runtime_error(what);
}

template <class... T>
auto vector_of(net::awaitable<T>... a) {
    std::vector<std::common_type_t<net::awaitable<T>...>> v;
    (v.push_back(std::move(a)), ...);
    return v;
}

// What a coroutine throws.
template <class T>
net::awaitable<std::string> thrown_by(net::awaitable<T> a) {
    try {
        co_await std::move(a);
    } catch (const system_error& e) {
        if (e.code() == net::error::operation_aborted) co_return "aborted";
        co_return e.code() == errc::invalid_argument ? "invalid" : e.what();
    } catch (const std::exception& e) {
        co_return e.what();
    }
    co_return "nothing";
}

} // namespace

TEST_CASE("when_any gives the first value, and stops the others") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto begin = steady_now(executor);
        auto [index, value, others] =
            co_await when_any(vector_of(answer_after(3600s, 1), answer_after(2s, 2), answer_after(3600s, 3)));
        CHECK(index == 1);
        CHECK(*value.value == 2);
        CHECK(others.empty());
        CHECK(steady_now(executor) - begin == 2s);
        const auto one = co_await when_any(vector_of(wait_for(3600s), wait_for(1s)));
        CHECK(one.index == 1);
    }());
}

TEST_CASE("when_any of a pack gives a variant") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto begin = steady_now(executor);
        auto a = co_await when_any(answer_after(3600s, 1), number_after(1s, 2), wait_for(3600s));
        CHECK(a.index == 1);
        CHECK(a.value.index() == 1);
        CHECK(std::get<1>(a.value) == 2);
        const auto b = co_await when_any(answer_after(3600s, 1), number_after(3600s, 2), wait_for(1s));
        CHECK(b.value.index() == 2);
        const auto c = co_await when_any(number_after(3600s, 1), number_after(1s, 2)); // the same type twice
        CHECK(std::get<1>(c.value) == 2);
        CHECK(steady_now(executor) - begin == 3s);
        // The result may be used where it is made.
        const int d = *std::get<0>((co_await when_any(answer_after(1s, 4), number_after(3600s, 2))).value).value;
        CHECK(d == 4);
    }());
}

TEST_CASE("what others came to before they could be stopped is handed out, after all have stopped") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto begin = steady_now(executor);
        auto result = co_await when_any(vector_of(number_when_cancelled(5s, 1), number_after(2s, 2),
                                                  throw_when_cancelled("on the way out"), number_after(3600s, 4),
                                                  number_when_cancelled(0s, 5)));
        CHECK(steady_now(executor) - begin == 7s);
        CHECK(result.index == 1);
        CHECK(result.value == 2);
        REQUIRE(result.others.size() == 3); // number 3 was cancelled
        CHECK(result.others[0].index == 2);
        CHECK_THROWS_WITH(result.others[0].take(), "on the way out");
        CHECK(result.others[1].index == 4);
        CHECK(result.others[1].take() == 5);
        CHECK(result.others[2].index == 0);
        CHECK(result.others[2].take() == 1);
    }());
}

TEST_CASE("the first to end decides also where it fails, but a value that came counts more") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto begin = steady_now(executor);
        auto failing = vector_of(number_after(3600s, 1), throw_after(2s, "first"), throw_after(3s, "second"));
        const auto thrown = co_await thrown_by(when_any(std::move(failing)));
        CHECK(thrown == "first");
        CHECK(steady_now(executor) - begin == 2s);
        auto result = co_await when_any(throw_after(2s, "first"), number_when_cancelled(1s, 7), wait_for(3600s));
        CHECK(steady_now(executor) - begin == 5s);
        CHECK(result.index == 1);
        CHECK(std::get<1>(result.value) == 7);
        REQUIRE(result.others.size() == 1);
        CHECK_THROWS_WITH(result.others[0].take(), "first");
    }());
}

TEST_CASE("errors can be skipped while others may come to a value, and the first is thrown when none does") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto begin = steady_now(executor);
        auto range = vector_of(throw_after(2s, "one"), number_after(4s, 2), throw_after(3s, "three"));
        auto result = co_await when_any(std::move(range), {.skip_errors = true});
        CHECK(steady_now(executor) - begin == 4s);
        CHECK(result.index == 1);
        REQUIRE(result.others.size() == 2);
        CHECK_THROWS_WITH(result.others[0].take(), "one");
        CHECK_THROWS_WITH(result.others[1].take(), "three");
        auto failing = vector_of(throw_after(3s, "one"), throw_after(2s, "two"));
        const auto thrown = co_await thrown_by(when_any(std::move(failing), {.skip_errors = true}));
        CHECK(thrown == "two");
        CHECK(steady_now(executor) - begin == 7s);
    }());
}

TEST_CASE("one after the other until one succeeds: the rest does not begin") {
    virtual_world world;
    int begun = 0;
    world.run([](int& n) -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto begin = steady_now(executor);
        const auto attempt = [](int& b, std::chrono::seconds d, bool good) -> net::awaitable<int> {
            const int number = ++b;
            co_await wait_for(d);
            if (!good) throw std::runtime_error("bad");
            co_return number;
        };
        auto range = vector_of(attempt(n, 3s, false), attempt(n, 2s, true), attempt(n, 1s, true));
        const auto result = co_await when_any(std::move(range), {.skip_errors = true, .limit = 1});
        CHECK(result.index == 1);
        CHECK(result.value == 2);
        CHECK(result.others.size() == 1); // not the third: it was never asked
        CHECK(steady_now(executor) - begin == 5s);
    }(begun));
    CHECK(begun == 2);
}

TEST_CASE("when_any of an empty range is an error") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        const auto a = co_await thrown_by(when_any(std::vector<net::awaitable<int>>{}));
        CHECK(a == "invalid");
        const auto b = co_await thrown_by(when_any_settled(std::vector<net::awaitable<void>>{}));
        CHECK(b == "invalid");
    }());
}

TEST_CASE("when_any_settled has how each ended") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        auto all = co_await when_any_settled(vector_of(number_after(3600s, 1), throw_after(2s, "first"),
                                                       number_when_cancelled(1s, 3), throw_when_cancelled("late")));
        CHECK(all.first == 2);
        REQUIRE(all.outcomes.size() == 4);
        CHECK(all.outcomes[0].cancelled);
        CHECK_THROWS_WITH(all.outcomes[1].take(), "first");
        CHECK_FALSE(all.outcomes[1].cancelled);
        CHECK(all.outcomes[2].take() == 3);
        CHECK_THROWS_WITH(all.outcomes[3].take(), "late");
        auto pack = co_await when_any_settled(answer_after(1s, 1), throw_when_cancelled("late"), wait_for(3600s));
        CHECK(pack.first == 0);
        auto& [a, b, c] = pack.outcomes;
        CHECK(*a.take().value == 1);
        CHECK_THROWS_WITH(b.take(), "late");
        CHECK(c.cancelled);
        CHECK(c.index == 2);
        auto none = co_await when_any_settled(vector_of(throw_after(2s, "two"), throw_after(1s, "one")));
        CHECK(none.first == 1);
    }());
}

TEST_CASE("a cancelled when_any throws operation_aborted, unless a value came all the same") {
    virtual_world world;
    std::string aborted;
    int value = 0;
    bool settled = false;
    std::string failed;
    net::cancellation_signal signals[4];
    const auto note = [](std::string& to) -> net::awaitable<void> {
        to = co_await thrown_by(when_any(vector_of(number_after(3600s, 1), number_after(3600s, 2))));
    };
    const auto keep = [](int& to) -> net::awaitable<void> {
        const auto result = co_await when_any(vector_of(number_after(3600s, 1), number_when_cancelled(2s, 2)));
        to = result.value;
    };
    const auto fail = [](std::string& to) -> net::awaitable<void> {
        to = co_await thrown_by(when_any(vector_of(number_after(3600s, 1), throw_when_cancelled("on the way out"))));
    };
    const auto all = [](bool& to) -> net::awaitable<void> {
        auto result = co_await when_any_settled(number_after(3600s, 1), wait_for(3600s));
        to = std::get<0>(result.outcomes).cancelled && std::get<1>(result.outcomes).cancelled;
    };
    net::co_spawn(world.context, note(aborted), net::bind_cancellation_slot(signals[0].slot(), rethrow{}));
    net::co_spawn(world.context, keep(value), net::bind_cancellation_slot(signals[1].slot(), rethrow{}));
    net::co_spawn(world.context, all(settled), net::bind_cancellation_slot(signals[2].slot(), rethrow{}));
    net::co_spawn(world.context, fail(failed), net::bind_cancellation_slot(signals[3].slot(), rethrow{}));
    world.clock.run_for(10s);
    for (auto& s : signals) s.emit(net::cancellation_type::terminal);
    const auto begin = world.clock.now();
    world.clock.run();
    CHECK(world.clock.now() - begin == 2s);
    CHECK(aborted == "aborted");
    CHECK(value == 2);
    CHECK(settled);
    CHECK(failed == "on the way out"); // says more than that it was cancelled
}

TEST_CASE("a coroutine that cancels whoever awaits it, before it waits itself, is heard") {
    virtual_world world;
    net::cancellation_signal signal;
    std::string thrown;
    const auto child = [](net::cancellation_signal& s) -> net::awaitable<void> {
        s.emit(net::cancellation_type::terminal);
        co_await wait_for(3600s);
    };
    net::co_spawn(
        world.context,
        [](auto make, net::cancellation_signal& s, std::string& to) -> net::awaitable<void> {
            co_await wait_for(1s);
            to = co_await thrown_by(when_any(vector_of(make(s), wait_for(3600s))));
        }(child, signal, thrown),
        net::bind_cancellation_slot(signal.slot(), rethrow{}));
    const auto begin = world.clock.now();
    world.clock.run();
    CHECK(thrown == "aborted");
    CHECK(world.clock.now() - begin == 1s);
}

TEST_CASE("when_any cancelled at every step ends, and loses no message") {
    for (int steps = 1, done = 0; done == 0; ++steps) {
        REQUIRE(steps < 1000);
        virtual_world world;
        net::cancellation_signal signal;
        mailbox<int> first(world.executor());
        mailbox<int> second(world.executor());
        int got = 0;
        bool ended = false;
        const auto take = [](mailbox<int>& box) -> net::awaitable<int> { co_return co_await box.async_take(); };
        const auto parent = [](auto make, mailbox<int>& a, mailbox<int>& b, int& n) -> net::awaitable<void> {
            auto result = co_await when_any_settled(make(a), make(b));
            n += std::get<0>(result.outcomes) ? 1 : 0;
            n += std::get<1>(result.outcomes) ? 1 : 0;
        };
        const auto put = [](mailbox<int>& a, mailbox<int>& b) -> net::awaitable<void> {
            co_await wait_for(1s);
            a.put(1);
            b.put(2);
        };
        net::co_spawn(world.context, parent(take, first, second, got),
                      net::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ended = true; }));
        world.spawn(put(first, second));
        auto& time = net::use_service<detail::time_source>(world.context);
        for (int ran = 0; ran < steps && !ended;) {
            world.context.restart();
            if (world.context.poll_one() != 0)
                ++ran;
            else if (const auto next = time.next_expiry())
                time.advance_to(*next);
        }
        if (ended) done = 1;
        signal.emit(net::cancellation_type::terminal);
        world.clock.run();
        CAPTURE(steps);
        REQUIRE(ended);
        const int left = (first.try_take() ? 1 : 0) + (second.try_take() ? 1 : 0);
        REQUIRE(got + left == 2);
    }
}

TEST_CASE("sent = received + left: racing receives lose nothing, on two threads and the real clock") {
    // What `receive || receive` loses (asio#1041).
    net::thread_pool pool(2);
    mailbox<int> a(pool.get_executor());
    mailbox<int> b(pool.get_executor());
    constexpr int count = 300;
    std::atomic<int> received{0};
    std::atomic<int> second_values{0};
    std::atomic<bool> sent{false};
    int replaced = 0;
    const auto take = [](mailbox<int>& box) -> net::awaitable<int> { co_return co_await box.async_take(); };
    const auto pause = []() -> net::awaitable<void> {
        timer t(co_await net::this_coro::executor);
        t.expires_after(100us);
        co_await t.async_wait();
    };
    net::co_spawn(
        pool,
        [](auto make, auto nap, mailbox<int>& x, mailbox<int>& y, std::atomic<int>& got, std::atomic<int>& late,
           std::atomic<bool>& over) -> net::awaitable<void> {
            while (!over) {
                const auto all = co_await when_any_settled(make(x), make(y), nap());
                const auto& [ox, oy, on] = all.outcomes;
                if (ox) ++got;
                if (oy) ++got;
                if ((ox && oy) || ((ox || oy) && on)) ++late;
            }
        }(take, pause, a, b, received, second_values, sent),
        rethrow{});
    net::co_spawn(
        pool,
        [](mailbox<int>& x, mailbox<int>& y, int& lost, std::atomic<bool>& over) -> net::awaitable<void> {
            timer t(co_await net::this_coro::executor);
            for (int i = 0; i < count; ++i) {
                t.expires_after(std::chrono::microseconds{50 + i % 100});
                co_await t.async_wait();
                lost += x.put(i) ? 1 : 0;
                lost += y.put(i) ? 1 : 0;
            }
            over = true;
        }(a, b, replaced, sent),
        rethrow{});
    pool.join();
    const int left = (a.try_take() ? 1 : 0) + (b.try_take() ? 1 : 0);
    CHECK(received + replaced + left == 2 * count);
    CHECK(second_values > 0);
}

TEST_CASE("when_any torn down at every step leaks nothing, and children die before whoever awaits") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        struct at_end {
            std::vector<int>& list;
            ~at_end() { list.push_back(1); }
        };
        const auto child = [](std::vector<int>& list, std::chrono::seconds d,
                              std::shared_ptr<int>) -> net::awaitable<int> {
            const at_end e{list};
            co_await wait_for(d);
            co_return 1;
        };
        const auto parent = [](auto make, std::shared_ptr<int> w) -> net::awaitable<void> {
            std::vector<int> list(1000);
            co_await when_any(vector_of(make(list, 3s, w), make(list, 1s, w), make(list, 2s, w)), {.limit = 2});
            co_await when_any(make(list, 1s, w), wait_for(2s), number_when_cancelled(1s, 3));
            co_await when_any_settled(make(list, 1s, w), throw_after(1s, "one"));
        };
        net::co_spawn(context, parent(child, witness), net::detached);
    });
}
