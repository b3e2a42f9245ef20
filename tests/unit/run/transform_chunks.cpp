// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/transform_chunks.hpp>
#include <telltale/sync/timer.hpp>

#include "support.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

/// Neither copied nor made of nothing.
class sum {
public:
    explicit sum(std::size_t n) : n_(std::make_unique<std::size_t>(n)) {}
    std::size_t operator*() const { return *n_; }

private:
    std::unique_ptr<std::size_t> n_;
};

sum sum_of(auto part) { return sum(std::accumulate(part.begin(), part.end(), std::size_t{0})); }

std::vector<std::size_t> numbers(const std::vector<sum>& sums) {
    std::vector<std::size_t> all;
    for (const auto& s : sums) all.push_back(*s);
    return all;
}

/// A pool, and a context on this thread that outlives it.
struct world {
    net::io_context context{1};
    net::thread_pool pool{2};

    void run(net::awaitable<void> coroutine) {
        net::co_spawn(context, std::move(coroutine), rethrow{});
        context.run();
    }
};

const std::vector<std::size_t> sums_of_three{0 + 1 + 2, 3 + 4 + 5, 6 + 7 + 8, 9};

} // namespace

TEST_CASE("values come back in the order of the items, on a pool, serial and blocking") {
    world here;
    here.run([](net::thread_pool& pool) -> net::awaitable<void> {
        const auto fn = [](auto part) { return sum_of(part); };
        const chunk_options three{.size = 3, .workers = 3};
        const auto in_pool = co_await transform_chunks(pool.get_executor(), 10, three, fn);
        CHECK(numbers(in_pool.values) == sums_of_three);
        CHECK(in_pool.chunks == 4);
        CHECK(in_pool.items == 10);
        const auto one_by_one = co_await transform_chunks(serial, 10, three, fn);
        CHECK(numbers(one_by_one.values) == sums_of_three);
        const std::vector<std::size_t> items{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
        CHECK(numbers(transform_chunks(blocking, items, three, fn).values) == sums_of_three);
        const auto none = co_await transform_chunks(pool.get_executor(), 0, three, fn);
        CHECK(none.values.empty());
        const chunk_options adaptive{.workers = 2, .target = 1us};
        const auto all = co_await transform_chunks(pool.get_executor(), 1000, adaptive, fn);
        const auto parts = numbers(all.values);
        CHECK(std::accumulate(parts.begin(), parts.end(), std::size_t{0}) == 499'500);
    }(here.pool));
}

TEST_CASE("where errors are collected, chunks that threw have no value; else the first is thrown") {
    world here;
    here.run([](net::thread_pool& pool) -> net::awaitable<void> {
        const auto fn = [](auto part) {
            if (part.front() == 3) throw std::runtime_error("three");
            return sum_of(part);
        };
        std::size_t told = 0;
        const chunk_hooks hooks{.error = [&told](const chunk_error&) { ++told; }};
        chunk_options options{.size = 3, .errors = error_policy::collect};
        const auto result = co_await transform_chunks(pool.get_executor(), 10, options, fn, hooks);
        CHECK(numbers(result.values) == std::vector<std::size_t>{3, 21, 9});
        REQUIRE(result.errors.size() == 1);
        CHECK(result.errors[0].chunk.id == 1);
        CHECK(told == 1);
        options.errors = error_policy::cancel_others;
        std::string what;
        try {
            co_await transform_chunks(pool.get_executor(), 10, options, fn);
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK(what == "three");
        CHECK_THROWS_WITH(transform_chunks(blocking, 10, options, fn), "three");
    }(here.pool));
}

namespace {

/// Chunk i takes times[i].
struct stopwatch {
    std::vector<std::chrono::milliseconds> times;
    std::vector<std::size_t> begun{};

    net::awaitable<sum> wait(std::size_t i) {
        begun.push_back(i);
        timer t(co_await net::this_coro::executor);
        t.expires_after(times[i]);
        co_await t.async_wait(net::use_awaitable);
        if (times[i] == 13ms) throw std::runtime_error("thirteen");
        co_return sum(i);
    }
    auto waiter() {
        return [this](auto part) { return wait(part.front()); };
    }
};

} // namespace

TEST_CASE("results of coroutines, in the order of the items or as they come") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        stopwatch watch{.times = {50ms, 10ms, 30ms, 20ms}};
        std::vector<std::size_t> got;
        const auto take = [&got](chunk_value<sum> v) {
            CHECK(*v.value == v.chunk.id);
            CHECK(v.chunk.first == v.chunk.id);
            CHECK(v.chunk.size == 1);
            got.push_back(v.chunk.id);
        };
        chunk_options options{.size = 1, .workers = 4};
        const auto values = co_await transform_chunks(concurrent, 4, options, watch.waiter());
        CHECK(numbers(values.values) == std::vector<std::size_t>{0, 1, 2, 3});
        const auto in_order = co_await transform_chunks(concurrent, 4, options, watch.waiter(), take);
        CHECK(in_order.chunks == 4);
        CHECK(got == std::vector<std::size_t>{0, 1, 2, 3});
        got.clear();
        options.order = chunk_order::completed;
        const auto result = co_await transform_chunks(concurrent, 4, options, watch.waiter(), take);
        CHECK(got == std::vector<std::size_t>{1, 3, 2, 0});
        CHECK(result.elapsed == 50ms);
        got.clear();
        const auto none = co_await transform_chunks(concurrent, 0, options, watch.waiter(), take);
        CHECK(none.chunks == 0);
        CHECK(got.empty());
    }());
}

TEST_CASE("no more chunks begin than there is room for results, and a slow consumer is waited for") {
    const auto order = GENERATE(chunk_order::items, chunk_order::completed);
    virtual_world world;
    world.run([](chunk_order o) -> net::awaitable<void> {
        stopwatch watch{.times = std::vector<std::chrono::milliseconds>(20, 1ms)};
        watch.times[0] = 500ms; // in order, all others have to wait for it
        std::size_t consumed = 0;
        std::size_t most = 0;
        struct slow {
            static net::awaitable<void> consume(stopwatch& w, std::size_t& n, std::size_t& m) {
                m = std::max(m, w.begun.size() - n);
                timer t(co_await net::this_coro::executor);
                t.expires_after(100ms);
                co_await t.async_wait(net::use_awaitable);
                m = std::max(m, w.begun.size() - n);
                ++n;
            }
        };
        const auto take = [&](chunk_value<sum>) { return slow::consume(watch, consumed, most); };
        const chunk_options options{.size = 1, .workers = 3, .order = o, .ahead = 5};
        const auto result = co_await transform_chunks(concurrent, 20, options, watch.waiter(), take);
        CHECK(result.chunks == 20);
        CHECK(consumed == 20);
        CHECK(most == 5);
    }(order));
}

TEST_CASE("what was completed is handed over before the error is thrown; collected errors leave no hole") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        stopwatch watch{.times = {5ms, 13ms, 5ms, 5ms, 5ms}};
        std::vector<std::size_t> got;
        const auto take = [&got](chunk_value<sum> v) { got.push_back(*v.value); };
        chunk_options options{.size = 1, .workers = 2, .ahead = 2};
        std::string what;
        try {
            co_await transform_chunks(concurrent, 5, options, watch.waiter(), take);
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK(what == "thirteen");
        CHECK(got == std::vector<std::size_t>{0, 2});
        got.clear();
        options.errors = error_policy::collect;
        const auto result = co_await transform_chunks(concurrent, 5, options, watch.waiter(), take);
        CHECK(result.errors.size() == 1);
        CHECK(got == std::vector<std::size_t>{0, 2, 3, 4});
        got.clear();
        options.order = chunk_order::completed;
        co_await transform_chunks(concurrent, 5, options, watch.waiter(), take);
        CHECK(got == std::vector<std::size_t>{0, 2, 3, 4});
    }());
}

TEST_CASE("what the consumer throws stops the work, and is thrown when nobody works any more") {
    world here;
    here.run([](net::thread_pool& pool) -> net::awaitable<void> {
        std::atomic<int> running{0};
        const auto fn = [&running](auto part) {
            ++running;
            auto s = sum_of(part);
            --running;
            return s;
        };
        const auto take = [](const chunk_value<sum>& v) {
            if (v.chunk.id == 3) throw std::runtime_error("enough");
        };
        const chunk_options one{.size = 1};
        std::string what;
        try {
            co_await transform_chunks(pool.get_executor(), 1'000'000'000, one, fn, take);
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK(what == "enough");
        CHECK(running == 0);
        co_await net::post(net::use_awaitable); // this coroutine can go on as before
    }(here.pool));
}

TEST_CASE("cancelling stops the work, and waits for what runs") {
    net::io_context context{1};
    net::thread_pool pool(2);
    net::cancellation_signal signal;
    std::atomic<int> running{0};
    const auto fn = [&](auto part) {
        ++running;
        if (part.front() == 10) net::post(context, [&] { signal.emit(net::cancellation_type::terminal); });
        auto s = sum_of(part);
        --running;
        return s;
    };
    std::exception_ptr error;
    const auto scene = [](auto& p, auto& f) -> net::awaitable<void> {
        const auto take = [](const chunk_value<sum>&) {};
        const chunk_options one{.size = 1};
        co_await transform_chunks(p.get_executor(), 1'000'000'000, one, f, take);
    };
    int left = -1;
    net::co_spawn(context, scene(pool, fn), net::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) {
                      error = std::move(e);
                      left = running;
                  }));
    context.run();
    CHECK(left == 0);
    REQUIRE(error);
    CHECK_THROWS_AS(std::rethrow_exception(error), system_error);
}

TEST_CASE("many results through a small window, from a pool") {
    world here;
    here.run([](net::thread_pool& pool) -> net::awaitable<void> {
        const auto fn = [](auto part) { return sum_of(part); };
        std::size_t total = 0;
        std::size_t next = 0;
        const auto take = [&](const chunk_value<sum>& v) {
            CHECK(v.chunk.id == next++);
            total += *v.value;
        };
        const chunk_options options{.size = 1, .workers = 4, .ahead = 2};
        const auto result = co_await transform_chunks(pool.get_executor(), 5000, options, fn, take);
        CHECK(result.chunks == 5000);
        CHECK(total == 12'497'500);
    }(here.pool));
}

TEST_CASE("transform_chunks torn down at every step leaks nothing") {
    const auto ahead = GENERATE(as<std::size_t>{}, 1, 2, 4);
    tear_down_at_every_step([ahead](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto scene = [](std::shared_ptr<int> w, std::size_t a) -> net::awaitable<void> {
            stopwatch watch{.times = {3ms, 1ms, 13ms, 4ms}};
            const chunk_hooks hooks{.chunk_completed = [w](const auto&) {}};
            const auto take = [w](const chunk_value<sum>&) {};
            const chunk_options two{.size = 1, .workers = 2, .ahead = a};
            co_await transform_chunks(concurrent, 4, two, watch.waiter(), take, hooks);
        };
        net::co_spawn(context, scene(witness, ahead), net::detached);
    });
}
