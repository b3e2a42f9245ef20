// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/with_timeout.hpp>

#include "support.hpp"

#include <telltale/sync/mailbox.hpp>
#include <telltale/sync/semaphore.hpp>
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

net::awaitable<int> answer_after(std::chrono::seconds d) {
    timer t(co_await net::this_coro::executor);
    t.expires_after(d);
    co_await t.async_wait();
    co_return 42;
}

net::awaitable<int> throw_after(std::chrono::seconds d) {
    co_await answer_after(d);
    throw std::runtime_error("its own");
}

// Asked to stop, it finishes all the same: its value came at the last moment.
net::awaitable<int> answer_when_cancelled() {
    timer t(co_await net::this_coro::executor);
    t.expires_after(1h);
    co_await t.async_wait(as_result);
    co_return 7;
}

net::awaitable<int> answer_now() { co_return 1; }

struct ending {
    int value = 0;
    error_code ec;
    std::string what;
    std::chrono::steady_clock::duration took{};
};

net::awaitable<void> observe(net::awaitable<int> operation, ending& o) {
    const auto executor = co_await net::this_coro::executor;
    const auto begin = steady_now(executor);
    try {
        o.value = co_await std::move(operation);
    } catch (const system_error& e) {
        o.ec = e.code();
    } catch (const std::exception& e) {
        o.what = e.what();
    }
    o.took = steady_now(executor) - begin;
}

ending run(net::awaitable<int> operation) {
    virtual_world world;
    ending o;
    world.run(observe(std::move(operation), o));
    return o;
}

} // namespace

TEST_CASE("an operation in time gives its value, and nobody waits for the timer") {
    const auto o = run(with_timeout(answer_after(5s), 10s));
    CHECK(o.value == 42);
    CHECK(o.took == 5s);
}

TEST_CASE("an operation that takes too long gives deadline_exceeded, at the time") {
    const auto o = run(with_timeout(answer_after(3600s), 10s));
    CHECK(o.ec == errc::deadline_exceeded);
    CHECK(o.ec == condition::timeout);
    CHECK(o.took == 10s);
}

TEST_CASE("the operation's own error is not swallowed, nor waited with") {
    const auto o = run(with_timeout(throw_after(3s), 10s));
    CHECK(o.what == "its own");
    CHECK(o.took == 3s);
}

TEST_CASE("a value that comes at the last moment is not lost") {
    const auto o = run(with_timeout(answer_when_cancelled(), 10s));
    CHECK(o.value == 7);
    CHECK(o.took == 10s);
}

TEST_CASE("time-outs nest: the shorter one counts") {
    CHECK(run(with_timeout(with_timeout(answer_after(60s), 20s), 10s)).took == 10s);
    CHECK(run(with_timeout(with_timeout(answer_after(60s), 10s), 20s)).took == 10s);
}

TEST_CASE("a cancellation from outside is not a time-out") {
    virtual_world world;
    net::cancellation_signal signal;
    ending o;
    net::co_spawn(world.context, observe(with_timeout(answer_after(60s), 20s), o),
                  net::bind_cancellation_slot(signal.slot(), [](std::exception_ptr) {}));
    world.clock.run_for(5s);
    signal.emit(net::cancellation_type::terminal);
    world.clock.run();
    CHECK(o.ec == net::error::operation_aborted);
    CHECK(o.took == 5s);
}

TEST_CASE("a limit of zero, and a cancellation before the first step, end the operation like any other") {
    const auto o = run(with_timeout(answer_after(60s), 0s));
    CHECK(o.ec == errc::deadline_exceeded);
    CHECK(o.took == 0s);

    virtual_world world;
    net::cancellation_signal signal;
    error_code ended;
    const auto spawn = [](auto handler) {
        const auto executor = net::get_associated_executor(handler);
        net::co_spawn(executor, answer_after(60s), std::move(handler));
    };
    async_with_timeout<void(std::exception_ptr, int)>(
        world.executor(), spawn, 20s, net::bind_cancellation_slot(signal.slot(), [&](const std::exception_ptr& e, int) {
            try {
                rethrow{}(e);
            } catch (const system_error& error) {
                ended = error.code();
            }
        }));
    signal.emit(net::cancellation_type::terminal);
    world.clock.run();
    CHECK(ended == net::error::operation_aborted);
}

TEST_CASE("any operation that takes a handler can have a time-out") {
    virtual_world world;
    semaphore s(world.executor(), 1);
    permit held = s.try_acquire();
    error_code first;
    permit second;
    const auto acquire = [&s](auto handler) { s.async_acquire(std::move(handler)); };
    async_with_timeout<void(error_code, permit)>(world.executor(), acquire, 5s,
                                                 [&](error_code ec, permit) { first = ec; });
    world.clock.run();
    CHECK(first == errc::deadline_exceeded);
    async_with_timeout<void(error_code, permit)>(world.executor(), acquire, 5s,
                                                 [&](error_code, permit p) { second = std::move(p); });
    held.release();
    world.clock.run();
    CHECK(second);
}

TEST_CASE("a deadline is a time on the context's clock, and serves for several steps") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        const auto executor = co_await net::this_coro::executor;
        const auto begin = steady_now(executor);
        const auto deadline = begin + 10s;
        ending first;
        ending second;
        ending third;
        co_await observe(with_deadline(answer_after(7s), deadline), first);
        CHECK(first.value == 42);
        CHECK(first.took == 7s);
        co_await observe(with_deadline(answer_after(7s), deadline), second);
        CHECK(second.ec == errc::deadline_exceeded);
        CHECK(second.took == 3s);
        // It is past now. What need not wait is not too late for all that.
        co_await observe(with_deadline(answer_after(7s), deadline), third);
        CHECK(third.ec == errc::deadline_exceeded);
        CHECK(third.took == 0s);
        const int value = co_await with_deadline(answer_when_cancelled(), begin);
        CHECK(value == 7);
        const int now = co_await with_deadline(answer_now(), begin);
        CHECK(now == 1);
    }());
}

TEST_CASE("the end of time is no deadline, and an error before the deadline is the operation's own") {
    const auto o = run(with_deadline(answer_after(5s), std::chrono::steady_clock::time_point::max()));
    CHECK(o.value == 42);
    const auto failed = run(with_deadline(throw_after(3s), std::chrono::steady_clock::time_point{} + 10s));
    CHECK(failed.what == "its own");
    CHECK(failed.took == 3s);
    const auto never = run(with_timeout(answer_after(5s), std::chrono::steady_clock::duration::max()));
    CHECK(never.value == 42);
}

TEST_CASE("any operation that takes a handler can have a deadline") {
    virtual_world world;
    semaphore s(world.executor(), 1);
    permit held = s.try_acquire();
    error_code ended;
    const auto deadline = world.clock.now() + 5s;
    const auto acquire = [&s](auto handler) { s.async_acquire(std::move(handler)); };
    async_with_deadline<void(error_code, permit)>(world.executor(), acquire, deadline,
                                                  [&](error_code ec, permit) { ended = ec; });
    world.clock.run();
    CHECK(ended == errc::deadline_exceeded);
    CHECK(world.clock.now() == deadline);
    held.release();
    CHECK(s.try_acquire());
}

TEST_CASE("sent = received + left: timed receives lose nothing, whatever the times") {
    // The pain of `receive || timer` (asio#1041), on two threads and the real clock.
    net::thread_pool pool(2);
    mailbox<int> m(pool.get_executor());
    constexpr int count = 300;
    std::atomic<int> received{0};
    std::atomic<int> timed_out{0};
    net::co_spawn(
        pool,
        [](mailbox<int>& box, std::atomic<int>& got, std::atomic<int>& late) -> net::awaitable<void> {
            const auto executor = co_await net::this_coro::executor;
            const auto take = [&box](auto handler) { box.async_take(std::move(handler)); };
            for (;;) {
                const auto [ec, v] =
                    co_await async_with_timeout<void(error_code, int)>(executor, take, 100us, as_result);
                if (!ec)
                    ++got;
                else if (ec == errc::deadline_exceeded)
                    ++late;
                else
                    co_return; // closed
            }
        }(m, received, timed_out),
        net::detached);
    int replaced = 0;
    net::co_spawn(
        pool,
        [](mailbox<int>& box, int& lost) -> net::awaitable<void> {
            timer t(co_await net::this_coro::executor);
            for (int i = 0; i < count; ++i) {
                t.expires_after(std::chrono::microseconds{50 + i % 100});
                co_await t.async_wait();
                lost += box.put(i) ? 1 : 0;
            }
            box.close();
        }(m, replaced),
        net::detached);
    pool.join();
    CHECK(received + replaced == count);
    CHECK(timed_out > 0);
}

TEST_CASE("a time-out torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto waits = [](std::shared_ptr<int>) -> net::awaitable<void> {
            co_await with_timeout(answer_after(1s), 10s);
            try {
                co_await with_timeout(answer_after(100s), 10s);
            } catch (const system_error&) {}
        };
        net::co_spawn(context, waits(witness), net::detached);
    });
}
