// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/queue.hpp>

#include "every_step.hpp"
#include "support.hpp"

#include <telltale/sync/timer.hpp>
#include <telltale/sync/with_timeout.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <tuple>
#include <utility>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

using move_only = std::unique_ptr<int>;

void run(net::io_context& context) {
    context.restart();
    context.poll();
}

std::vector<int> drain(queue<int>& q) { return q.try_pop_some(); }

net::awaitable<void> sleep(std::chrono::steady_clock::duration d) {
    timer t(co_await net::this_coro::executor);
    t.expires_after(d);
    co_await t.async_wait();
}

} // namespace

TEST_CASE("what was pushed is popped in order, as long as there is room") {
    net::io_context context;
    queue<int> q(context.get_executor(), 3);
    CHECK(q.capacity() == 3);
    CHECK_FALSE(q.try_pop());
    int next = 0;
    for (int round = 0; round < 5; ++round) { // all the way round the ring
        CHECK(q.try_push(10 * round));
        CHECK(q.try_push(10 * round + 1));
        CHECK(q.size() == 2);
        for (const int offset : {0, 1}) CHECK(q.try_pop() == next + offset);
        next += 10;
    }
    for (const int i : {1, 2, 3}) CHECK(q.try_push(i));
    CHECK_FALSE(q.try_push(4));
    CHECK(drain(q) == std::vector{1, 2, 3});
}

TEST_CASE("a value that finds no room stays with its owner") {
    net::io_context context;
    queue<move_only> q(context.get_executor(), 1);
    auto value = std::make_unique<int>(1);
    CHECK(q.try_push(std::move(value)));
    CHECK_FALSE(value);
    value = std::make_unique<int>(2);
    CHECK_FALSE(q.try_push(std::move(value)));
    REQUIRE(value);
    q.close();
    CHECK(**q.try_pop() == 1);
    CHECK_FALSE(q.try_push(std::move(value)));
    CHECK(*value == 2);
}

TEST_CASE("those who pop are served in order, and not inside the push") {
    net::io_context context;
    queue<move_only> q(context.get_executor(), 1);
    std::vector<int> got;
    for (int i = 0; i < 3; ++i) q.async_pop([&got, i](error_code, move_only v) { got.push_back(10 * i + *v); });
    for (int i = 1; i <= 3; ++i) CHECK(q.try_push(std::make_unique<int>(i))); // capacity is 1: given, not stored
    CHECK(q.size() == 0);
    CHECK_FALSE(q.try_pop());
    CHECK(got.empty());
    run(context);
    CHECK(got == std::vector{1, 12, 23});
}

TEST_CASE("those who push wait for room, in order, and not inside the pop") {
    net::io_context context;
    queue<int> q(context.get_executor(), 2);
    std::vector<int> accepted;
    for (int i = 0; i < 5; ++i) q.async_push(i, [&accepted, i](error_code ec) { accepted.push_back(ec ? -i : i); });
    CHECK(accepted.empty());
    run(context);
    CHECK(accepted == std::vector{0, 1});
    CHECK_FALSE(q.try_push(9)); // nobody overtakes
    CHECK(q.try_pop() == 0);
    CHECK(accepted.size() == 2);
    CHECK_FALSE(q.try_push(9)); // the room belongs to the first who waits
    run(context);
    CHECK(accepted == std::vector{0, 1, 2});
    CHECK(drain(q) == std::vector{1, 2, 3, 4}); // those who wait included
    run(context);
    CHECK(accepted == std::vector{0, 1, 2, 3, 4});
}

TEST_CASE("without room a push meets a pop") {
    net::io_context context;
    queue<int> q(context.get_executor(), 0);
    CHECK_FALSE(q.try_push(1));
    bool accepted = false;
    q.async_push(1, [&](error_code ec) { accepted = !ec; });
    run(context);
    CHECK_FALSE(accepted);
    CHECK(q.try_pop() == 1);
    run(context);
    CHECK(accepted);
    int got = 0;
    q.async_pop([&](error_code, int v) { got = v; });
    CHECK(q.try_push(2));
    run(context);
    CHECK(got == 2);
}

TEST_CASE("push and pop do not suspend when they need not wait, and throw at the end") {
    net::io_context context;
    queue<move_only> q(context.get_executor(), 1);
    int got = 0;
    error_code ended[2];
    net::co_spawn(
        context,
        [](queue<move_only>& values, int& value, error_code(&ec)[2]) -> net::awaitable<void> {
            co_await values.push(std::make_unique<int>(5));
            const auto v = co_await values.pop();
            value = *v;
            co_await values.push(std::make_unique<int>(6));
            const auto some = co_await values.pop_some();
            value += *some.at(0);
            values.close();
            try {
                co_await values.push(nullptr);
            } catch (const system_error& e) {
                ec[0] = e.code();
            }
            try {
                co_await values.pop();
            } catch (const system_error& e) {
                ec[1] = e.code();
            }
        }(q, got, ended),
        rethrow{});
    CHECK(context.poll_one() == 1);
    CHECK(got == 11);
    CHECK(ended[0] == errc::closed);
    CHECK(ended[1] == errc::closed);
}

TEST_CASE("close wakes everybody, on both sides") {
    net::io_context context;
    std::vector<error_code> ended;
    const auto note = [&ended](error_code ec, auto&&...) { ended.push_back(ec); };
    queue<int> empty(context.get_executor(), 1);
    for (int i = 0; i < 2; ++i) empty.async_pop(note);
    empty.async_pop_some(9, note);
    empty.close();
    CHECK(ended.empty());
    run(context);
    CHECK(ended == std::vector<error_code>(3, errc::closed));
    CHECK(empty.is_closed());

    ended.clear();
    queue<int> full(context.get_executor(), 1);
    CHECK(full.try_push(1));
    for (int i = 2; i < 5; ++i) full.async_push(i, note);
    full.close();
    full.async_push(5, note);
    run(context);
    CHECK(ended == std::vector<error_code>(4, errc::closed));
    CHECK(drain(full) == std::vector{1}); // what was accepted, nothing else
    full.async_pop(note);
    run(context);
    CHECK(ended.back() == errc::closed);
    full.close(); // again
}

TEST_CASE("a push that is cancelled has sent nothing, and the others keep their places") {
    net::io_context context;
    queue<int> q(context.get_executor(), 1);
    CHECK(q.try_push(0));
    net::cancellation_signal signal;
    error_code ended;
    std::vector<int> accepted;
    q.async_push(1, [&](error_code) { accepted.push_back(1); });
    q.async_push(2, net::bind_cancellation_slot(signal.slot(), [&](error_code ec) { ended = ec; }));
    q.async_push(3, [&](error_code) { accepted.push_back(3); });
    signal.emit(net::cancellation_type::partial);
    run(context);
    CHECK(ended == net::error::operation_aborted);
    CHECK(drain(q) == std::vector{0, 1, 3});
    run(context);
    CHECK(accepted == std::vector{1, 3});
}

TEST_CASE("a cancellation that comes too late changes nothing") {
    net::io_context context;
    queue<int> q(context.get_executor(), 1);
    net::cancellation_signal pop_signal;
    std::optional<int> got;
    q.async_pop(net::bind_cancellation_slot(pop_signal.slot(), [&](error_code ec, int v) {
        if (!ec) got = v;
    }));
    CHECK(q.try_push(7)); // decides
    pop_signal.emit(net::cancellation_type::terminal);
    run(context);
    CHECK(got == 7);

    CHECK(q.try_push(8));
    net::cancellation_signal push_signal;
    error_code pushed = net::error::eof;
    q.async_push(9, net::bind_cancellation_slot(push_signal.slot(), [&](error_code ec) { pushed = ec; }));
    CHECK(q.try_pop() == 8); // decides
    push_signal.emit(net::cancellation_type::terminal);
    run(context);
    CHECK_FALSE(pushed);
    CHECK(q.try_pop() == 9);
}

TEST_CASE("a pop that is cancelled takes nothing") {
    net::io_context context;
    queue<int> q(context.get_executor(), 1);
    net::cancellation_signal signal;
    error_code ended;
    q.async_pop(net::bind_cancellation_slot(signal.slot(), [&](error_code ec, int) { ended = ec; }));
    signal.emit(net::cancellation_type::total);
    CHECK(q.try_push(7));
    run(context);
    CHECK(ended == net::error::operation_aborted);
    CHECK(q.try_pop() == 7);
}

TEST_CASE("destroying the queue ends the waits and destroys the values") {
    net::io_context context;
    const auto witness = std::make_shared<int>(0);
    std::vector<error_code> ended;
    const auto note = [&ended](error_code ec, auto&&...) { ended.push_back(ec); };
    net::cancellation_signal signal; // its slot knows the queue until it is used again
    {
        queue<std::shared_ptr<int>> q(context.get_executor(), 2);
        CHECK(q.try_push(witness));
        CHECK(q.try_push(witness));
        q.async_push(witness, net::bind_cancellation_slot(signal.slot(), note));
        queue<std::shared_ptr<int>> empty(context.get_executor(), 2);
        empty.async_pop(note);
    }
    run(context);
    CHECK(ended == std::vector<error_code>(2, net::error::operation_aborted));
    CHECK(witness.use_count() == 1);
}

TEST_CASE("several values at once") {
    net::io_context context;
    queue<int> q(context.get_executor(), 2);
    std::vector<std::vector<int>> got;
    const auto take = [&](error_code ec, std::vector<int> values) {
        CHECK(values.empty() == static_cast<bool>(ec));
        got.push_back(std::move(values));
    };
    q.async_pop_some(3, take);
    q.async_pop_some(0, take); // taken as 1
    for (const int i : {1, 2}) CHECK(q.try_push(i));
    for (const int i : {3, 4, 5}) q.async_push(i, [](error_code) {});
    run(context); // the first handler takes 3 and 4 along
    CHECK(got == std::vector<std::vector<int>>{{1, 3, 4}, {2}});
    q.async_pop_some(queue<int>::all, take);
    run(context);
    CHECK(got.back() == std::vector{5});
    CHECK(q.try_pop_some(0).empty());
}

TEST_CASE("a queue takes all tokens, and a handler that can only be moved") {
    net::io_context context;
    queue<int> q(context.get_executor(), 8);
    auto pushed = q.async_push(1, net::use_future);
    auto popped = q.async_pop(net::use_future);
    bool called = false;
    q.async_push(2, [own = std::make_unique<int>(1), &called](error_code ec) { called = *own == 1 && !ec; });
    int awaited = 0;
    net::co_spawn(
        context,
        [](queue<int>& values, int& sum) -> net::awaitable<void> {
            sum += co_await values.async_pop();
            const auto [pushed_ec] = co_await values.async_push(3, as_result);
            error_code ec;
            sum += 10 * co_await values.async_pop(net::redirect_error(net::use_awaitable, ec));
            sum += pushed_ec || ec ? 1000 : 0;
        }(q, awaited),
        rethrow{});
    auto later_push = q.async_push(4, deferred);
    auto later_pop = q.async_pop(deferred);
    CHECK(q.size() == 1); // neither has begun
    run(context);
    pushed.get();
    CHECK(popped.get() == 1);
    CHECK(called);
    CHECK(awaited == 32);
    CHECK(q.size() == 0);
    std::optional<int> last;
    std::move(later_pop)([&](error_code, int v) { last = v; });
    std::move(later_push)([](error_code) {});
    run(context);
    CHECK(last == 4);
}

namespace {

// One pushes 1..6 with pauses, one pops until it is closed; either is cancelled.
struct cancelled_scene {
    cancelled_scene(virtual_world& world, std::size_t capacity, bool cancel_producer) : q(world.executor(), capacity) {
        net::cancellation_signal unused;
        const auto spawn = [&](net::awaitable<void> work, bool is_cancelled) {
            net::co_spawn(world.context, std::move(work),
                          net::bind_cancellation_slot(is_cancelled ? signal.slot() : other.slot(),
                                                      [this](const std::exception_ptr&) { q.close(); }));
        };
        spawn(produce(*this), cancel_producer);
        spawn(consume(*this), !cancel_producer);
    }

    static net::awaitable<void> produce(cancelled_scene& s) {
        for (int i = 1; i <= 6; ++i) {
            s.begun = i;
            co_await s.q.push(i);
            s.sent = i;
            if (i % 3 == 0) co_await sleep(1s);
        }
    }

    static net::awaitable<void> consume(cancelled_scene& s) {
        for (int i = 0;; ++i) {
            s.received.push_back(co_await s.q.pop());
            if (i % 2 == 0) co_await sleep(300ms);
        }
    }

    void interfere() { signal.emit(net::cancellation_type::terminal); }

    void check() {
        const auto left = drain(q);
        received.insert(received.end(), left.begin(), left.end());
        std::vector<int> expected(received.size());
        std::iota(expected.begin(), expected.end(), 1);
        CHECK(received == expected);                                       // in order, none twice, none missing
        CHECK(static_cast<int>(received.size()) >= sent);                  // what was sent is received or left
        CHECK(static_cast<int>(received.size()) <= std::max(begun, sent)); // nothing else is
        // A push that is accepted, but whose coroutine was cancelled before it went on, has been sent all the same.
        CHECK(static_cast<int>(received.size()) <= sent + 1);
    }

    queue<int> q;
    net::cancellation_signal signal;
    net::cancellation_signal other;
    int begun = 0;
    int sent = 0;
    std::vector<int> received;
};

} // namespace

TEST_CASE("a producer or a consumer that is cancelled at any step loses no value") {
    for (const std::size_t capacity : {0U, 1U, 3U})
        for (const bool producer : {true, false}) interfere_at_every_step<cancelled_scene>(capacity, producer);
}

namespace {

// Values come every `gap`; each pop has a time limit of `limit`. A third of the time the two fall together.
struct timed_scene {
    static constexpr int count = 8;

    timed_scene(virtual_world& world, std::chrono::milliseconds gap, std::chrono::milliseconds limit, bool coroutine)
        : q(world.executor(), 1) {
        net::co_spawn(world.context, produce(*this, gap), rethrow{});
        net::co_spawn(world.context, consume(*this, limit, coroutine),
                      net::bind_cancellation_slot(signal.slot(), [](const std::exception_ptr&) {}));
    }

    static net::awaitable<void> produce(timed_scene& s, std::chrono::milliseconds gap) {
        for (int i = 1; i <= count; ++i) {
            co_await sleep(gap);
            if (co_await s.q.async_push(i, as_result) == std::tuple(error_code())) s.sent = i;
            if (s.stopped) break;
        }
        s.q.close();
    }

    static net::awaitable<void> consume(timed_scene& s, std::chrono::milliseconds limit, bool coroutine) {
        const auto pop = [&s](auto handler) { s.q.async_pop(std::move(handler)); };
        const auto executor = co_await net::this_coro::executor;
        for (;;) {
            error_code ec;
            int value = 0;
            if (coroutine) {
                try {
                    value = co_await with_timeout(s.q.pop(), limit);
                } catch (const system_error& e) {
                    ec = e.code();
                }
            } else {
                std::tie(ec, value) =
                    co_await async_with_timeout<void(error_code, int)>(executor, pop, limit, as_result);
            }
            if (!ec)
                s.received.push_back(value);
            else if (ec == errc::deadline_exceeded)
                ++s.late;
            else
                co_return;
        }
    }

    // Whoever consumes is stopped, and the rest is read without it.
    void interfere() {
        signal.emit(net::cancellation_type::terminal);
        stopped = true;
    }

    void check() {
        const auto left = drain(q);
        received.insert(received.end(), left.begin(), left.end());
        std::vector<int> expected(static_cast<std::size_t>(sent));
        std::iota(expected.begin(), expected.end(), 1);
        CHECK(received == expected); // sent = received + left
    }

    queue<int> q;
    net::cancellation_signal signal;
    int sent = 0;
    int late = 0;
    bool stopped = false;
    std::vector<int> received;
};

} // namespace

TEST_CASE("a pop with a time limit loses no value, whatever falls together, stopped at whatever step") {
    for (const bool coroutine : {true, false})
        for (const auto& [gap, limit] :
             {std::pair{10ms, 10ms}, std::pair{10ms, 5ms}, std::pair{5ms, 10ms}, std::pair{7ms, 3ms}})
            interfere_at_every_step<timed_scene>(gap, limit, coroutine);
}

TEST_CASE("a pop with a time limit is late when nothing comes") {
    virtual_world world;
    timed_scene scene(world, 10ms, 3ms, true);
    world.clock.run();
    scene.check();
    CHECK(scene.sent == timed_scene::count);
    CHECK(scene.late == 3 * timed_scene::count);
}

TEST_CASE("whatever is done to a queue, sent = received + left, in order") {
    std::mt19937 random(20260101);
    const auto dice = [&random](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
    for (int run_number = 0; run_number < 200; ++run_number) {
        net::io_context context;
        const std::size_t capacity = dice(4);
        queue<int> q(context.get_executor(), capacity);
        std::deque<net::cancellation_signal> signals;
        std::vector<int> sent;
        std::vector<int> received;
        std::size_t not_sent = 0;
        int next = 0;
        const auto on_push = [&](int value) {
            return net::bind_cancellation_slot(signals.emplace_back().slot(), [&, value](error_code ec) {
                if (ec)
                    ++not_sent;
                else
                    sent.push_back(value);
            });
        };
        for (int step = 0; step < 60; ++step) {
            switch (dice(9)) {
            case 0:
            case 1: {
                const int value = next++;
                q.async_push(value, on_push(value));
                break;
            }
            case 2: {
                if (q.try_push(next)) sent.push_back(next++);
                break;
            }
            case 3:
            case 4:
                q.async_pop(net::bind_cancellation_slot(signals.emplace_back().slot(), [&](error_code ec, int v) {
                    if (!ec) received.push_back(v);
                }));
                break;
            case 5:
                if (const auto v = q.try_pop()) received.push_back(*v);
                break;
            case 6:
                q.async_pop_some(1 + dice(3),
                                 net::bind_cancellation_slot(
                                     signals.emplace_back().slot(), [&](error_code, std::vector<int> values) {
                                         received.insert(received.end(), values.begin(), values.end());
                                     }));
                break;
            case 7:
                if (!signals.empty()) signals[dice(signals.size())].emit(net::cancellation_type::terminal);
                break;
            default: context.restart(); context.poll_one();
            }
        }
        q.close();
        run(context);
        const auto left = drain(q);
        received.insert(received.end(), left.begin(), left.end());
        std::sort(received.begin(), received.end()); // handlers of several pops may be noted in another order
        std::sort(sent.begin(), sent.end());
        CAPTURE(run_number, capacity);
        REQUIRE(received == sent);
        REQUIRE(sent.size() + not_sent == static_cast<std::size_t>(next));
    }
}

TEST_CASE("two producers and two consumers on two threads: nothing is lost, doubled or out of order") {
    net::thread_pool pool(2);
    queue<move_only> q(pool.get_executor(), 4);
    constexpr int each = 5'000;
    std::atomic<int> producers{2};
    std::vector<int> received[2];
    const auto produce = [](queue<move_only>& values, std::atomic<int>& left, int number) -> net::awaitable<void> {
        for (int i = 0; i < each; ++i) {
            auto value = std::make_unique<int>(2 * i + number);
            if (i % 16 == 0)
                co_await values.async_push(std::move(value));
            else
                co_await values.push(std::move(value));
        }
        if (--left == 0) values.close();
    };
    const auto consume = [](queue<move_only>& values, std::vector<int>& got) -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto pop = [&values](auto handler) { values.async_pop(std::move(handler)); };
        for (int i = 0;; ++i) {
            error_code ec;
            move_only value;
            if (i % 8 == 0) { // with a time limit that often strikes
                auto result = co_await async_with_timeout<void(error_code, move_only)>(
                    executor, pop, std::chrono::microseconds{i % 50}, as_result);
                std::tie(ec, value) = std::move(result);
            } else {
                auto result = co_await values.async_pop(as_result);
                std::tie(ec, value) = std::move(result);
            }
            if (!ec)
                got.push_back(*value);
            else if (ec == errc::closed)
                co_return;
        }
    };
    for (int i = 0; i < 2; ++i) {
        net::co_spawn(pool, produce(q, producers, i), net::detached);
        net::co_spawn(pool, consume(q, received[i]), net::detached);
    }
    pool.join();
    std::vector<int> all = received[0];
    all.insert(all.end(), received[1].begin(), received[1].end());
    std::sort(all.begin(), all.end());
    std::vector<int> expected(2 * each);
    std::iota(expected.begin(), expected.end(), 0);
    CHECK(all == expected);
    for (const auto& mine : received)
        for (const int parity : {0, 1}) { // what one consumer got of one producer
            std::vector<int> of_one;
            std::copy_if(mine.begin(), mine.end(), std::back_inserter(of_one), [&](int v) { return v % 2 == parity; });
            CHECK(std::is_sorted(of_one.begin(), of_one.end()));
        }
}

TEST_CASE("a queue torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        // The queue lives in a coroutine that waits for it, and has values, pushes and pops in it.
        const auto waits = [](std::shared_ptr<int> w) -> net::awaitable<void> {
            queue<std::shared_ptr<int>> q(co_await net::this_coro::executor, 1);
            co_await q.push(w);
            q.async_push(w, [](error_code) {});
            q.async_push(w, [w](error_code) {});
            co_await q.pop();
            co_await q.async_push(w, as_result);
            co_await q.async_pop_some(1);
            co_await q.async_pop_some(9);
            co_await q.async_pop();
        };
        net::co_spawn(context, waits(witness), net::detached);
    });
}
