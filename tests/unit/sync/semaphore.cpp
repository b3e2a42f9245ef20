// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/semaphore.hpp>

#include "support.hpp"

#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <thread>
#include <vector>

using namespace telltale;
using namespace telltale_test;

namespace {

net::awaitable<void> hold(semaphore& s, int number, std::vector<int>& order, int& now, int& most) {
    const permit p = co_await s.acquire();
    order.push_back(number);
    most = std::max(most, ++now);
    timer t(co_await net::this_coro::executor);
    t.expires_after(std::chrono::seconds{1});
    co_await t.async_wait();
    --now;
}

} // namespace

TEST_CASE("a semaphore bounds how many hold a permit, first come, first served") {
    virtual_world world;
    semaphore s(world.executor(), 2);
    std::vector<int> order;
    int now = 0;
    int most = 0;
    for (int i = 0; i < 7; ++i) world.spawn(hold(s, i, order, now, most));
    world.clock.run();
    CHECK(most == 2);
    CHECK(order == std::vector{0, 1, 2, 3, 4, 5, 6});
    CHECK(s.available() == 2);
}

TEST_CASE("try_acquire takes what is free and does not overtake") {
    net::io_context context;
    semaphore s(context.get_executor(), 1);
    permit first = s.try_acquire();
    CHECK(first);
    CHECK_FALSE(s.try_acquire());
    permit second;
    s.async_acquire([&](error_code, permit p) { second = std::move(p); });
    first.release();
    CHECK_FALSE(s.try_acquire()); // it belongs to the waiter already
    CHECK_FALSE(second);          // whose handler has not run inside release()
    context.run();
    CHECK(second);
    second = {};
    CHECK(s.available() == 1);
}

TEST_CASE("a permit can be handed on, released early and twice") {
    net::io_context context;
    semaphore s(context.get_executor(), 1);
    permit a = s.try_acquire();
    permit b = std::move(a);
    CHECK(b);
    a.release();
    CHECK(s.available() == 0);
    b.release();
    b.release();
    CHECK(s.available() == 1);
    b = s.try_acquire();
    b = permit{}; // assignment gives back
    CHECK(s.available() == 1);
}

TEST_CASE("acquire does not suspend when a permit is free") {
    net::io_context context;
    semaphore s(context.get_executor(), 1);
    bool held = false;
    net::co_spawn(
        context,
        [](semaphore& sem, bool& flag) -> net::awaitable<void> {
            const permit p = co_await sem.acquire();
            flag = static_cast<bool>(p);
        }(s, held),
        rethrow{});
    CHECK(context.poll_one() == 1); // the start of the coroutine is the only handler
    CHECK(held);
}

TEST_CASE("a cancelled acquire leaves the queue, and the others keep their places") {
    net::io_context context;
    semaphore s(context.get_executor(), 1);
    permit held = s.try_acquire();
    net::cancellation_signal signal;
    error_code cancelled;
    permit none;
    int served = 0;
    s.async_acquire(net::bind_cancellation_slot(signal.slot(), [&](error_code ec, permit p) {
        cancelled = ec;
        none = std::move(p);
    }));
    s.async_acquire([&](error_code ec, permit p) { served += !ec && p ? 1 : 0; });
    signal.emit(net::cancellation_type::total);
    context.poll();
    CHECK(cancelled == net::error::operation_aborted);
    CHECK_FALSE(none);
    held.release();
    context.restart();
    context.poll();
    CHECK(served == 1);
    CHECK(s.available() == 1); // the second handler let its permit go
}

TEST_CASE("a cancellation that comes after the permit does not lose it") {
    net::io_context context;
    semaphore s(context.get_executor(), 1);
    permit held = s.try_acquire();
    net::cancellation_signal signal;
    permit given;
    s.async_acquire(net::bind_cancellation_slot(signal.slot(), [&](error_code, permit p) { given = std::move(p); }));
    held.release();                                // decides
    signal.emit(net::cancellation_type::terminal); // too late
    context.run();
    CHECK(given);
}

TEST_CASE("destroying the semaphore ends the waits, and permits stay valid") {
    net::io_context context;
    auto s = std::make_unique<semaphore>(context.get_executor(), 1);
    permit held = s->try_acquire();
    error_code ended;
    s->async_acquire([&](error_code ec, permit) { ended = ec; });
    s.reset();
    context.run();
    CHECK(ended == net::error::operation_aborted);
    held.release();
    CHECK_FALSE(held);
}

TEST_CASE("waiting counts as work") {
    net::io_context context;
    semaphore s(context.get_executor(), 0);
    s.async_acquire([](error_code, permit) {});
    context.poll();
    CHECK_FALSE(context.stopped());
}

TEST_CASE("all tokens, and a handler that can only be moved") {
    net::io_context context;
    semaphore s(context.get_executor(), 5);
    auto future = s.async_acquire(net::use_future);
    bool called = false;
    s.async_acquire([own = std::make_unique<int>(1), &called](error_code, permit p) { called = *own == 1 && p; });
    auto deferred_operation = s.async_acquire(deferred);
    bool deferred_called = false;
    std::move(deferred_operation)([&](error_code, permit p) { deferred_called = static_cast<bool>(p); });
    int awaited = 0;
    net::co_spawn(
        context,
        [](semaphore& sem, int& count) -> net::awaitable<void> {
            const permit a = co_await sem.async_acquire();
            const auto [ec, b] = co_await sem.async_acquire(as_result);
            error_code redirected;
            const permit c = co_await sem.async_acquire(net::redirect_error(net::use_awaitable, redirected));
            count = (a ? 1 : 0) + (b ? 1 : 0) + (c ? 1 : 0);
        }(s, awaited),
        rethrow{});
    context.run();
    CHECK(called);
    CHECK(deferred_called);
    CHECK(awaited == 3);
    CHECK(future.get());
}

TEST_CASE("nothing happens before a deferred operation is started") {
    net::io_context context;
    semaphore s(context.get_executor(), 1);
    {
        [[maybe_unused]] auto operation = s.async_acquire(deferred);
        CHECK(s.available() == 1);
    }
    context.run();
    CHECK(s.available() == 1);
}

TEST_CASE("who wants many permits is not overtaken by those who want few") {
    net::io_context context;
    semaphore s(context.get_executor(), 4);
    permit held = s.try_acquire(3);
    CHECK(held.count() == 3);
    CHECK(s.available() == 1);
    std::vector<std::size_t> order;
    std::vector<permit> given;
    const auto keep = [&](error_code ec, permit p) {
        order.push_back(ec ? 0 : p.count());
        given.push_back(std::move(p));
    };
    s.async_acquire(4, keep);
    s.async_acquire(1, keep); // would fit, but came later
    context.poll();
    CHECK(order.empty());
    held.release();
    context.poll();
    CHECK(order == std::vector<std::size_t>{4});
    given.clear();
    context.poll();
    CHECK(order == std::vector<std::size_t>{4, 1});
    given.clear();
    CHECK(s.available() == 4);
}

TEST_CASE("cancelling the one who wants many lets in those behind") {
    net::io_context context;
    semaphore s(context.get_executor(), 2);
    const permit held = s.try_acquire();
    net::cancellation_signal signal;
    error_code cancelled;
    permit none;
    permit next;
    s.async_acquire(2, net::bind_cancellation_slot(signal.slot(), [&](error_code ec, permit p) {
                        cancelled = ec;
                        none = std::move(p);
                    }));
    s.async_acquire([&](error_code, permit p) { next = std::move(p); });
    signal.emit(net::cancellation_type::partial);
    context.run();
    CHECK(cancelled == net::error::operation_aborted);
    CHECK_FALSE(none);
    CHECK(none.count() == 0);
    CHECK(next);
    next.release();
    CHECK(s.try_acquire()); // the short way is open again
}

TEST_CASE("a limit that is changed while running") {
    net::io_context context;
    semaphore s(context.get_executor(), 1);
    std::vector<permit> given;
    const auto keep = [&](error_code, permit p) { given.push_back(std::move(p)); };
    for (int i = 0; i < 3; ++i) s.async_acquire(keep);
    s.async_acquire(7, keep); // more than there are: waits for a higher limit
    context.poll();
    CHECK(given.size() == 1);
    s.set_limit(3);
    CHECK(s.limit() == 3);
    context.poll();
    CHECK(given.size() == 3);
    s.set_limit(1); // nobody loses a permit
    CHECK(s.available() == 0);
    given.pop_back();
    given.pop_back();
    context.poll();
    CHECK(given.size() == 1);
    CHECK(s.available() == 0);
    s.set_limit(8);
    context.poll();
    CHECK(given.size() == 2);
    given.clear();
    CHECK(s.available() == 8);
    CHECK(s.try_acquire(8));
    CHECK_FALSE(s.try_acquire(9));
    s.set_limit(static_cast<std::size_t>(-1));
    CHECK(s.limit() == semaphore::max_limit);
    CHECK_FALSE(s.try_acquire(static_cast<std::size_t>(-1)));
}

TEST_CASE("nobody can acquire no permit") {
    net::io_context context;
    semaphore s(context.get_executor(), 1);
    CHECK_FALSE(s.try_acquire(0));
    error_code refused;
    s.async_acquire(0, [&](error_code ec, permit) { refused = ec; });
    context.run();
    CHECK(refused == errc::invalid_argument);
}

TEST_CASE("a permit outlives its semaphore, also with others that wait") {
    net::io_context context;
    permit a;
    permit b;
    {
        semaphore s(context.get_executor(), 2);
        a = s.try_acquire();
        s.async_acquire([&](error_code, permit p) { b = std::move(p); });
        s.async_acquire([](error_code, permit) {});
    }
    context.run();
    CHECK(a);
    CHECK(b);
    a.release();
    b.release(); // frees what is left of the semaphore: seen by AddressSanitizer
}

TEST_CASE("permits never exceed the limit, and all come back, whatever threads do") {
    std::atomic<std::size_t> out{0};
    std::atomic<std::size_t> most{0};
    std::atomic<int> ended{0};
    constexpr std::size_t limit = 5;
    constexpr int rounds = 500;
    const auto hold_for_a_moment = [&](permit p) {
        const std::size_t n = out += p.count();
        std::size_t seen = most;
        while (seen < n && !most.compare_exchange_weak(seen, n)) {}
        out -= p.count();
    };
    net::thread_pool pool(2);
    auto s = std::make_unique<semaphore>(pool.get_executor(), limit);
    const auto work = [&](std::size_t seed) {
        for (int i = 0; i < rounds; ++i) {
            const std::size_t count = 1 + (seed + static_cast<std::size_t>(i) * 7) % limit;
            if (i % 3 == 0) {
                if (permit p = s->try_acquire(count)) hold_for_a_moment(std::move(p));
                ++ended;
                continue;
            }
            // Some are cancelled while they wait, or just after they were served.
            const auto signal = std::make_shared<net::cancellation_signal>();
            const auto strand = net::make_strand(pool.get_executor());
            net::post(strand, [&, signal, strand, count, i] {
                s->async_acquire(
                    count, net::bind_cancellation_slot(signal->slot(),
                                                       net::bind_executor(strand, [&, signal](error_code, permit p) {
                                                           hold_for_a_moment(std::move(p));
                                                           ++ended;
                                                       })));
                if (i % 3 == 1) net::post(strand, [signal] { signal->emit(net::cancellation_type::terminal); });
            });
        }
    };
    std::thread other(work, 1);
    work(2);
    other.join();
    pool.join();
    CHECK(ended == 2 * rounds);
    CHECK(most <= limit);
    CHECK(out == 0);
    CHECK(s->available() == limit);
    CHECK(s->try_acquire(limit).count() == limit);
}

TEST_CASE("permits that are released on many threads are neither lost nor doubled") {
    net::thread_pool pool(2);
    semaphore s(pool.get_executor(), 3);
    std::atomic<int> now{0};
    std::atomic<int> most{0};
    std::atomic<int> served{0};
    for (int i = 0; i < 2000; ++i)
        s.async_acquire([&](error_code ec, permit p) {
            const int n = ++now;
            int seen = most;
            while (seen < n && !most.compare_exchange_weak(seen, n)) {}
            if (!ec && p) ++served;
            --now;
        });
    pool.join();
    CHECK(served == 2000);
    CHECK(most <= 3);
    CHECK(s.available() == 3);
}

TEST_CASE("a semaphore torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        // The semaphore lives in a coroutine that waits for it: a cycle but for the context.
        const auto waits_for_itself = [](std::shared_ptr<int>) -> net::awaitable<void> {
            semaphore s(co_await net::this_coro::executor, 1);
            const permit p = co_await s.acquire();
            timer t(co_await net::this_coro::executor);
            t.expires_after(std::chrono::seconds{1});
            co_await t.async_wait();
            co_await s.async_acquire();
        };
        net::co_spawn(context, waits_for_itself(witness), net::detached);
        net::co_spawn(context, waits_for_itself(witness), net::detached);
    });
}
