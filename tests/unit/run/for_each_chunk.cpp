// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/for_each_chunk.hpp>

#include "support.hpp"

#include <atomic>
#include <deque>
#include <memory>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace telltale;
using namespace telltale_test;

namespace {

/// A pool, and a context on this thread that outlives it.
struct world {
    net::io_context context{1};
    net::thread_pool pool{2};

    void run(net::awaitable<void> coroutine) {
        std::exception_ptr error;
        net::co_spawn(context, std::move(coroutine), [&](std::exception_ptr e) { error = std::move(e); });
        context.run();
        if (error) std::rethrow_exception(error);
    }
};

net::awaitable<chunk_result> add_up(net::thread_pool& pool, std::vector<int>& touched, chunk_options options) {
    const auto fn = [](std::span<int> chunk) {
        for (int& i : chunk) ++i;
    };
    co_return co_await for_each_chunk(pool.get_executor(), touched, options, fn);
}

} // namespace

TEST_CASE("every item is visited once, whatever the sizes") {
    const auto items = GENERATE(as<std::size_t>{}, 0, 1, 2, 7, 1000);
    const auto size = GENERATE(as<std::size_t>{}, 0, 1, 3, 5000);
    const auto workers = GENERATE(as<std::size_t>{}, 0, 1, 2, 16);
    CAPTURE(items, size, workers);
    world here;
    std::vector<int> touched(items);
    chunk_result result;
    here.run([](auto& p, auto& t, chunk_options o, chunk_result& r) -> net::awaitable<void> {
        r = co_await add_up(p, t, o);
    }(here.pool, touched, {size, workers}, result));
    CHECK(touched == std::vector<int>(items, 1));
    CHECK(result.items == items);
    CHECK(result.chunks >= (items == 0 ? 0U : 1U));
    if (size == 1) CHECK(result.chunks == items);
    CHECK(result.hook_errors == 0);
}

TEST_CASE("counts, ranges that are not contiguous, and ranges that are handed over") {
    world here;
    std::atomic<std::size_t> sum{0};
    here.run([](net::thread_pool& p, std::atomic<std::size_t>& s) -> net::awaitable<void> {
        const auto add = [&s](auto chunk) {
            for (const auto i : chunk) s += static_cast<std::size_t>(i);
        };
        const chunk_options three{.size = 3};
        co_await for_each_chunk(p.get_executor(), 11, three, add);
        CHECK(s.exchange(0) == 55);
        const std::deque<int> numbers{1, 2, 3, 4, 5};
        co_await for_each_chunk(p.get_executor(), numbers, three, add);
        CHECK(s.exchange(0) == 15);
        std::vector<int> given{4, 5, 6, 7};
        co_await for_each_chunk(p.get_executor(), std::move(given), three, add);
        CHECK(s.exchange(0) == 22);
    }(here.pool, sum));
}

TEST_CASE("chunks run on the pool, hooks on the executor of who awaits, and the last comes before the end") {
    world here;
    std::vector<chunk_info> chunks;
    std::vector<telltale::progress> told;
    std::atomic<int> wrong_thread{0};
    here.run([](auto& p, auto& seen, auto& progresses, auto& wrong) -> net::awaitable<void> {
        const auto home = std::this_thread::get_id();
        const chunk_hooks hooks{.chunk_completed =
                                    [&, home](const chunk_info& c) {
                                        wrong += std::this_thread::get_id() == home ? 0 : 1;
                                        seen.push_back(c);
                                    },
                                .progress =
                                    [&, home](const telltale::progress& now) {
                                        wrong += std::this_thread::get_id() == home ? 0 : 1;
                                        progresses.push_back(now);
                                    }};
        const auto fn = [&, home](auto) { wrong += std::this_thread::get_id() == home ? 1 : 0; };
        const chunk_options options{.size = 10};
        const auto result = co_await for_each_chunk(p.get_executor(), 95, options, fn, hooks);
        CHECK(result.chunks == 10);
        CHECK(seen.size() == 10);
    }(here.pool, chunks, told, wrong_thread));
    CHECK(wrong_thread == 0);
    std::size_t done = 0;
    std::vector<bool> ids(10);
    for (const auto& c : chunks) {
        ids[c.id] = true;
        CHECK(c.size == (c.id == 9 ? 5U : 10U));
        CHECK(c.done == done + c.size);
        done = c.done;
        CHECK(c.total == 95);
        CHECK(c.percent == Approx(100.0 * static_cast<double>(done) / 95));
        CHECK(c.elapsed >= c.time);
        CHECK(c.time.count() >= 0);
    }
    CHECK(ids == std::vector<bool>(10, true));
    CHECK(chunks.back().percent == 100.0);
    REQUIRE_FALSE(told.empty());
    CHECK(told.size() <= 10);
    CHECK(told.back().done == 95);
    CHECK(told.back().percent() == 100.0);
}

TEST_CASE("one hook alone is enough") {
    world here;
    std::size_t chunks = 0;
    double done = 0;
    here.run([](net::thread_pool& p, std::size_t& seen, double& last) -> net::awaitable<void> {
        const chunk_hooks by_chunk{.chunk_completed = [&seen](const chunk_info&) { ++seen; }};
        const chunk_hooks by_progress{.progress = [&last](const telltale::progress& now) { last = now.done; }};
        const chunk_options one{.size = 1};
        const auto nothing = [](auto) {};
        co_await for_each_chunk(p.get_executor(), 5, one, nothing, by_chunk);
        co_await for_each_chunk(p.get_executor(), 5, one, nothing, by_progress);
        co_await for_each_chunk(p.get_executor(), 0, one, nothing, by_chunk); // nothing to tell
    }(here.pool, chunks, done));
    CHECK(chunks == 5);
    CHECK(done == 5);
}

TEST_CASE("hooks that are not set take no room and no handler") {
    static_assert(!detail::is_set<decltype(chunk_hooks{}.chunk_completed)>);
    static_assert(!detail::is_set<decltype(chunk_hooks{}.progress)>);
    net::io_context context{1};
    net::thread_pool pool(2);
    std::vector<int> touched(1000);
    bool ended = false;
    net::co_spawn(context, add_up(pool, touched, {.size = 1}), [&](std::exception_ptr, chunk_result) { ended = true; });
    CHECK(context.run() <= 4); // start and end of the coroutine; not a thousand
    CHECK(ended);
}

TEST_CASE("a hook that throws does no harm to the work, and is reported") {
    world here;
    std::atomic<int> items{0};
    chunk_result result;
    here.run([](net::thread_pool& p, std::atomic<int>& n, chunk_result& r) -> net::awaitable<void> {
        const chunk_hooks hooks{.chunk_completed = [](const chunk_info& c) {
            if (c.done % 2 == 0) throw std::runtime_error("hook " + std::to_string(c.done));
        }};
        const chunk_options one{.size = 1};
        const auto count = [&n](auto) { ++n; };
        r = co_await for_each_chunk(p.get_executor(), 20, one, count, hooks);
    }(here.pool, items, result));
    CHECK(items == 20);
    CHECK(result.hook_errors == 10);
    CHECK_THROWS_WITH(std::rethrow_exception(result.first_hook_error), "hook 2");
}

TEST_CASE("the first error stops the handing out, waits for what runs, and is thrown") {
    const auto workers = GENERATE(as<std::size_t>{}, 1, 2);
    static constexpr std::size_t many = 1'000'000'000; // more than anybody would wait for
    world here;
    std::atomic<std::size_t> begun{0};
    std::atomic<int> running{0};
    const auto fn = [&](auto chunk) {
        const std::size_t n = ++begun;
        ++running;
        if (n == 3) {
            --running;
            throw std::runtime_error("item " + std::to_string(chunk.front() < 1000));
        }
        --running;
    };
    std::string what;
    here.run([](auto& p, auto& f, auto& r, std::size_t w, std::string& said) -> net::awaitable<void> {
        try {
            const chunk_options one{1, w};
            co_await for_each_chunk(p.get_executor(), many, one, f);
        } catch (const std::runtime_error& e) {
            said = e.what();
        }
        CHECK(r == 0);
    }(here.pool, fn, running, workers, what));
    CHECK(what == "item 1");
    if (workers == 1) CHECK(begun == 3);
    CHECK(begun < many);
}

TEST_CASE("cancelling ends between chunks, and waits for those that run") {
    net::io_context context{1};
    net::thread_pool pool(2);
    net::cancellation_signal signal;
    std::atomic<int> begun{0};
    std::atomic<int> ended{0};
    std::atomic<bool> cancelled{false};
    const auto fn = [&](auto) {
        ++begun;
        if (begun >= 2)
            net::post(context, [&] {
                signal.emit(net::cancellation_type::terminal);
                cancelled = true;
            });
        while (!cancelled) std::this_thread::yield();
        ++ended;
    };
    std::exception_ptr error;
    const auto scene = [](auto& p, auto& f) -> net::awaitable<void> {
        const chunk_options one{.size = 1, .workers = 2};
        co_await for_each_chunk(p.get_executor(), 1000, one, f);
    };
    bool over_too_early = false;
    net::co_spawn(context, scene(pool, fn), net::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) {
                      error = std::move(e);
                      over_too_early = begun != ended;
                  }));
    context.run();
    CHECK_FALSE(over_too_early);
    CHECK(begun < 1000);
    REQUIRE(error);
    try {
        std::rethrow_exception(error);
    } catch (const system_error& e) {
        CHECK(e.code() == net::error::operation_aborted);
    }
}

TEST_CASE("a chunk that takes for ever sees that it is to stop") {
    net::io_context context{1};
    net::thread_pool pool(1);
    net::cancellation_signal signal;
    std::atomic<bool> stopped{false};
    const auto fn = [&](auto, chunk_stop stop) {
        net::post(context, [&] { signal.emit(net::cancellation_type::terminal); });
        while (!stop.requested()) std::this_thread::yield();
        stopped = true;
        throw system_error(net::error::operation_aborted);
    };
    std::exception_ptr error;
    const auto scene = [](auto& p, auto& f) -> net::awaitable<void> {
        co_await for_each_chunk(p.get_executor(), 1, {}, f);
    };
    net::co_spawn(context, scene(pool, fn),
                  net::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { error = std::move(e); }));
    context.run();
    CHECK(stopped);
    REQUIRE(error);
    CHECK_THROWS_AS(std::rethrow_exception(error), system_error);
}

TEST_CASE("two that share a pool take turns") {
    net::io_context context{1};
    net::thread_pool pool(1);
    std::string order;
    const auto scene = [](net::thread_pool& p, std::string& o, char c) -> net::awaitable<void> {
        const auto fn = [&o, c](auto) { o += c; };
        const chunk_options one{.size = 1, .workers = 1};
        co_await for_each_chunk(p.get_executor(), 50, one, fn);
    };
    std::atomic<bool> both_posted{false};
    net::post(pool, [&] { // hold the only thread until both wait in its queue
        while (!both_posted.load()) std::this_thread::yield();
    });
    net::co_spawn(context, scene(pool, order, 'a'), rethrow{});
    net::co_spawn(context, scene(pool, order, 'b'), rethrow{});
    context.poll();
    both_posted = true;
    context.run();
    std::string expected;
    for (int i = 0; i < 50; ++i) expected += "ab";
    CHECK(order == expected);
}

TEST_CASE("a pool that is stopped leaves nobody waiting") {
    net::io_context context{1};
    std::exception_ptr error;
    std::atomic<int> begun{0};
    {
        net::thread_pool pool(1);
        const auto fn = [&](auto) {
            if (++begun == 3) pool.stop();
        };
        const auto scene = [](auto& p, auto f) -> net::awaitable<void> {
            const chunk_options one{.size = 1};
            co_await for_each_chunk(p.get_executor(), 1000, one, f);
        };
        net::co_spawn(context, scene(pool, fn), [&](std::exception_ptr e) { error = std::move(e); });
        context.poll();
        pool.join();
    }
    context.restart();
    context.run();
    REQUIRE(error);
    CHECK_THROWS_AS(std::rethrow_exception(error), system_error);
    CHECK(begun == 3);
}

TEST_CASE("for_each_chunk torn down at every step leaks nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        // The pool is the context itself: its workers are handlers like others.
        const auto scene = [](std::shared_ptr<int> w, net::io_context& pool) -> net::awaitable<void> {
            const chunk_hooks hooks{.chunk_completed = [w](const chunk_info&) {}, .progress = [w](const auto&) {}};
            const auto fn = [w](auto) {};
            const chunk_options one{.size = 1, .workers = 2};
            co_await for_each_chunk(pool.get_executor(), 5, one, fn, hooks);
        };
        net::co_spawn(context, scene(witness, context), net::detached);
    });
}
