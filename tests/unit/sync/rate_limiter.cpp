// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/sync/rate_limiter.hpp>

#include "every_step.hpp"
#include "support.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

using milliseconds = std::chrono::milliseconds;

// Who was let through, and when.
struct passage {
    int who;
    milliseconds at;
    friend bool operator==(const passage&, const passage&) = default;
};

struct limited_world : virtual_world {
    explicit limited_world(rate_limit limit) : begin(clock.now()), limiter(std::in_place, executor(), limit) {}

    void acquire(int who, std::size_t n) {
        limiter->async_acquire(n, [this, who](error_code ec) { note(ec, who); });
    }
    void acquire(int who, std::size_t n, net::cancellation_slot slot) {
        limiter->async_acquire(n, net::bind_cancellation_slot(slot, [this, who](error_code ec) { note(ec, who); }));
    }

    void note(error_code ec, int who) {
        if (ec)
            ended.push_back(ec);
        else
            passed.push_back({who, now()});
    }
    milliseconds now() const { return std::chrono::duration_cast<milliseconds>(clock.now() - begin); }

    std::chrono::steady_clock::time_point begin;
    std::optional<rate_limiter> limiter;
    std::vector<passage> passed;
    std::vector<error_code> ended;
};

template <class Function>
error_code code_of(Function function) {
    try {
        function();
    } catch (const system_error& e) {
        return e.code();
    }
    return {};
}

} // namespace

TEST_CASE("a burst at once, then one by one at the rate, in order") {
    limited_world world({.per_second = 10, .burst = 3});
    for (int i = 0; i < 6; ++i) world.acquire(i, 1);
    CHECK(world.passed.empty());
    world.clock.run();
    CHECK(world.passed == std::vector<passage>{{0, 0ms}, {1, 0ms}, {2, 0ms}, {3, 100ms}, {4, 200ms}, {5, 300ms}});
    world.clock.run_for(10s);
    CHECK(world.limiter->available() == 3);
}

TEST_CASE("who wants many is not overtaken") {
    limited_world world({.per_second = 10, .burst = 5});
    world.acquire(0, 4);
    world.acquire(1, 5);
    world.acquire(2, 1);
    CHECK_FALSE(world.limiter->try_acquire()); // there is one, but others wait
    world.clock.run();
    CHECK(world.passed == std::vector<passage>{{0, 0ms}, {1, 400ms}, {2, 500ms}});
}

TEST_CASE("try_acquire takes what is there") {
    limited_world world({.per_second = 10, .burst = 2});
    CHECK(world.limiter->try_acquire(2));
    CHECK_FALSE(world.limiter->try_acquire());
    CHECK(world.limiter->try_acquire(0));
    world.clock.run_for(100ms);
    CHECK(world.limiter->try_acquire());
    CHECK_FALSE(world.limiter->try_acquire());
}

TEST_CASE("acquire does not suspend when the tokens are there") {
    limited_world world({.per_second = 10, .burst = 2});
    int passed = 0;
    world.spawn([](rate_limiter& limiter, int& n) -> net::awaitable<void> {
        co_await limiter.acquire();
        ++n;
        co_await limiter.acquire();
        ++n;
        co_await limiter.acquire();
        ++n;
    }(*world.limiter, passed));
    CHECK(world.context.poll_one() == 1);
    CHECK(passed == 2);
    world.clock.run();
    CHECK(passed == 3);
    CHECK(world.now() == 100ms);
}

TEST_CASE("more than the burst is an error at once, and so is a limit out of its range") {
    limited_world world({.per_second = 10, .burst = 2});
    CHECK(code_of([&] { static_cast<void>(world.limiter->try_acquire(3)); }) == errc::invalid_argument);
    world.acquire(0, 3);
    error_code thrown;
    world.run([](rate_limiter& limiter, error_code& ec) -> net::awaitable<void> {
        try {
            co_await limiter.acquire(3);
        } catch (const system_error& e) {
            ec = e.code();
        }
    }(*world.limiter, thrown));
    CHECK(world.ended == std::vector<error_code>{errc::invalid_argument});
    CHECK(thrown == errc::invalid_argument);
    CHECK(world.now() == 0ms);
    CHECK(world.limiter->available() == 2);
    CHECK(code_of([&] { world.limiter->set_limit({.per_second = -1}); }) == errc::invalid_argument);
    CHECK(world.limiter->limit() == rate_limit{10, 2});
    CHECK(code_of([&] { rate_limiter(world.executor(), {.burst = 0}); }) == errc::invalid_argument);
}

TEST_CASE("rate and burst can be changed while others wait") {
    limited_world world({.per_second = 1, .burst = 4});
    world.acquire(0, 4);
    world.acquire(1, 2);
    world.acquire(2, 3);
    world.acquire(3, 1);
    world.clock.run_for(1s);
    CHECK(world.passed.size() == 1);
    world.limiter->set_limit({.per_second = 10, .burst = 4}); // faster: one more in 100 ms
    world.clock.run_for(100ms);
    CHECK(world.passed.back() == passage{1, 1100ms});
    world.limiter->set_limit({.per_second = 0, .burst = 4}); // nobody is let through
    world.clock.run_for(1h);
    CHECK(world.passed.size() == 2);
    world.limiter->set_limit({.per_second = 10, .burst = 2}); // the one who wants 3 never can be
    world.clock.run();
    CHECK(world.ended == std::vector<error_code>{errc::invalid_argument});
    CHECK(world.passed.back() == passage{3, 1100ms + 1h + 100ms});
}

TEST_CASE("a slower rate moves the time of those who wait already") {
    limited_world world({.per_second = 10, .burst = 1});
    CHECK(world.limiter->try_acquire());
    world.acquire(0, 1);
    world.limiter->set_limit({.per_second = 1, .burst = 1});
    world.clock.run();
    CHECK(world.passed == std::vector<passage>{{0, 1s}});
}

TEST_CASE("one that is cancelled takes no token, and whoever stood behind moves up at once") {
    limited_world world({.per_second = 1, .burst = 10});
    CHECK(world.limiter->try_acquire(8));
    net::cancellation_signal signal;
    world.acquire(0, 10, signal.slot());
    world.acquire(1, 2);
    world.acquire(2, 1);
    world.clock.run_until_idle();
    signal.emit(net::cancellation_type::partial);
    world.clock.run_until_idle();
    CHECK(world.ended == std::vector<error_code>{net::error::operation_aborted});
    CHECK(world.passed == std::vector<passage>{{1, 0ms}});
    world.clock.run();
    CHECK(world.passed.back() == passage{2, 1s});
}

TEST_CASE("when the last who waits is cancelled, nobody waits for the time any more") {
    net::io_context context; // with the real clock
    rate_limiter limiter(context.get_executor(), {.per_second = 0.0001, .burst = 1});
    CHECK(limiter.try_acquire());
    net::cancellation_signal signal;
    error_code ended;
    limiter.async_acquire(net::bind_cancellation_slot(signal.slot(), [&](error_code ec) { ended = ec; }));
    context.poll();
    CHECK_FALSE(context.stopped());
    signal.emit(net::cancellation_type::terminal);
    context.poll();
    CHECK(context.stopped()); // no timer is left
    CHECK(ended == net::error::operation_aborted);
}

TEST_CASE("a cancellation that comes after the tokens changes nothing") {
    limited_world world({.per_second = 1, .burst = 1});
    net::cancellation_signal signal;
    world.acquire(0, 1, signal.slot());
    signal.emit(net::cancellation_type::terminal);
    world.clock.run();
    CHECK(world.passed == std::vector<passage>{{0, 0ms}});
    CHECK(world.ended.empty());
}

TEST_CASE("destroying the limiter ends the waits") {
    limited_world world({.per_second = 1, .burst = 1});
    world.acquire(0, 1);
    world.acquire(1, 1);
    world.clock.run_until_idle();
    world.limiter.reset();
    world.clock.run();
    CHECK(world.passed.size() == 1);
    CHECK(world.ended == std::vector<error_code>{net::error::operation_aborted});
    CHECK(world.now() == 0ms);
}

TEST_CASE("a rate_limiter takes all tokens, and a handler that can only be moved") {
    limited_world world({.per_second = 1, .burst = 9});
    auto future = world.limiter->async_acquire(net::use_future);
    bool called = false;
    world.limiter->async_acquire(
        2, [own = std::make_unique<int>(1), &called](error_code ec) { called = *own == 1 && !ec; });
    auto later = world.limiter->async_acquire(4, deferred);
    CHECK(world.limiter->available() == 6);
    bool began = false;
    std::move(later)([&](error_code ec) { began = !ec; });
    CHECK(world.limiter->available() == 2);
    world.clock.run();
    future.get();
    CHECK(called);
    CHECK(began);
    int awaited = 0;
    world.run([](rate_limiter& limiter, int& n) -> net::awaitable<void> {
        co_await limiter.async_acquire();
        const auto [ec] = co_await limiter.async_acquire(9, as_result);
        n = ec ? 0 : 2;
    }(*world.limiter, awaited));
    CHECK(awaited == 2);
}

namespace {

// Four in turn, each twice, with different appetites; the first is cancelled.
struct cancelled_acquire {
    explicit cancelled_acquire(virtual_world& world) : begin(world.clock.now()), limiter(world.executor(), limit) {
        net::co_spawn(world.context, work(*this, 4),
                      net::bind_cancellation_slot(signal.slot(), [this](const std::exception_ptr&) { ++ended; }));
        for (const std::size_t n : {1U, 3U, 2U})
            net::co_spawn(world.context, work(*this, n), [this](std::exception_ptr e) {
                rethrow{}(e);
                ++ended;
            });
    }

    static net::awaitable<void> work(cancelled_acquire& s, std::size_t n) {
        const auto executor = co_await net::this_coro::executor;
        for (int i = 0; i < 2; ++i) {
            co_await s.limiter.acquire(n);
            s.taken += static_cast<double>(n);
            s.last = steady_now(executor);
        }
    }

    void interfere() { signal.emit(net::cancellation_type::terminal); }

    void check() {
        CHECK(ended == 4);
        const double seconds = std::chrono::duration<double>(last - begin).count();
        const double most = static_cast<double>(limit.burst) + seconds * limit.per_second;
        CHECK(taken <= most + 1e-5);
        // Nobody waited longer than it took for the tokens to come, but for those that a cancelled one was given.
        CHECK(taken >= most - 4 - 1e-5 - (taken < 4 ? 4 : 0));
    }

    static constexpr rate_limit limit{.per_second = 2, .burst = 4};
    std::chrono::steady_clock::time_point begin;
    rate_limiter limiter;
    net::cancellation_signal signal;
    int ended = 0;
    double taken = 0;
    std::chrono::steady_clock::time_point last = begin;
};

} // namespace

TEST_CASE("a rate_limiter of which one is cancelled at any step serves the others, and no faster") {
    interfere_at_every_step<cancelled_acquire>();
}

TEST_CASE("acquires on two threads, with the rate changed meanwhile: all are served, none twice") {
    net::thread_pool pool(2);
    rate_limiter limiter(pool.get_executor(), {.per_second = 1e5, .burst = 10});
    std::atomic<int> served{0};
    std::atomic<int> cancelled{0};
    constexpr int each = 1'000;
    const auto work = [](rate_limiter& l, std::atomic<int>& n) -> net::awaitable<void> {
        for (int i = 0; i < each; ++i) {
            co_await l.acquire(static_cast<std::size_t>(i % 4));
            ++n;
        }
    };
    for (int i = 0; i < 3; ++i) net::co_spawn(pool, work(limiter, served), net::detached);
    const auto cancel = [](rate_limiter& l, std::atomic<int>& n, std::atomic<int>& aborted) -> net::awaitable<void> {
        for (int i = 0; i < each; ++i) {
            net::cancellation_signal signal;
            l.async_acquire(3,
                            net::bind_cancellation_slot(signal.slot(), [&](error_code ec) { ++(ec ? aborted : n); }));
            signal.emit(net::cancellation_type::terminal);
            l.set_limit({.per_second = i % 2 == 0 ? 1e5 : 1e6, .burst = static_cast<std::size_t>(3 + i % 7)});
            co_await net::post(net::use_awaitable);
        }
    };
    net::co_spawn(pool, cancel(limiter, served, cancelled), net::detached);
    pool.join();
    CHECK(served + cancelled == 4 * each);
}

TEST_CASE("a rate_limiter torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto waits = [](std::shared_ptr<int> w) -> net::awaitable<void> {
            rate_limiter l(co_await net::this_coro::executor, {.per_second = 1, .burst = 2});
            co_await l.acquire(2);
            l.async_acquire([w](error_code) {});
            co_await l.async_acquire(2);
            l.set_limit({.per_second = 0, .burst = 2});
            co_await l.acquire();
        };
        net::co_spawn(context, waits(witness), net::detached);
    });
}
