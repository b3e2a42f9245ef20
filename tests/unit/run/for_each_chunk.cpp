// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/for_each_chunk.hpp>
#include <telltale/sync/timer.hpp>

#include "support.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
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
using namespace std::chrono_literals;

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

// Where the work runs.

namespace {

struct in_pool {
    static constexpr bool coroutine = false;
    static auto where(net::thread_pool& p, const net::any_io_executor&) { return p.get_executor(); }
};
struct one_by_one {
    static constexpr bool coroutine = false;
    static auto where(net::thread_pool&, const net::any_io_executor&) { return serial; }
};
struct coroutines_one_by_one {
    static constexpr bool coroutine = true;
    static auto where(net::thread_pool&, const net::any_io_executor&) { return serial; }
};
struct coroutines_here {
    static constexpr bool coroutine = true;
    static auto where(net::thread_pool&, const net::any_io_executor&) { return concurrent; }
};
struct coroutines_in_pool {
    static constexpr bool coroutine = true;
    static auto where(net::thread_pool& p, const net::any_io_executor&) { return p.get_executor(); }
};
struct in_this_thread {
    static auto where(net::thread_pool&, const net::any_io_executor&) { return blocking; }
};

template <class Fn, class Part>
net::awaitable<void> as_coroutine(Fn fn, Part part) {
    co_await net::post(net::use_awaitable);
    fn(part);
}

/// for_each_chunk in one of the modes. `fn` is copied.
template <class Mode, class Fn, class Hooks = chunk_hooks<>>
net::awaitable<chunk_result> run_in(net::thread_pool& pool, std::size_t count, chunk_options options, Fn fn,
                                    Hooks hooks = {}) {
    const auto where = Mode::where(pool, co_await net::this_coro::executor);
    if constexpr (std::is_same_v<Mode, in_this_thread>) {
        co_return for_each_chunk(where, count, options, fn, hooks);
    } else if constexpr (Mode::coroutine) {
        const auto begin = [fn](auto part) { return as_coroutine(fn, part); };
        co_return co_await for_each_chunk(where, count, options, begin, hooks);
    } else {
        co_return co_await for_each_chunk(where, count, options, fn, hooks);
    }
}

#define ALL_MODES in_pool, one_by_one, coroutines_one_by_one, coroutines_here, coroutines_in_pool, in_this_thread

template <class Mode>
net::awaitable<void> visit_all(net::thread_pool& pool, std::size_t items, chunk_options options) {
    std::vector<std::atomic<int>> touched(items);
    const auto fn = [&touched](auto part) {
        for (const auto i : part) ++touched[i];
    };
    const auto result = co_await run_in<Mode>(pool, items, options, fn);
    CHECK(std::all_of(touched.begin(), touched.end(), [](const auto& n) { return n == 1; }));
    CHECK(result.items == items);
    CHECK(result.total == items);
    CHECK(result.workers <= items);
    CHECK((result.chunks == 0) == (items == 0));
    if (options.size == 1 && options.target == 0s) CHECK(result.chunks == items);
    CHECK(result.errors.empty());
}

/// What hooks are told, in words.
class diary {
public:
    auto hooks() {
        return chunk_hooks{
            .before = [this](const chunk_plan& p) { add("plan", p.total, p.size, p.chunks.value_or(0), p.workers); },
            .worker_started = [this](const worker_info& w) { add("worker", w.id); },
            .chunk_started = [this](const chunk_info& c) { add("chunk", c.id, c.first, c.size, c.done); },
            .chunk_completed = [this](const chunk_info& c) { add("completed", c.id, c.size, c.done, c.total); },
            .error = [this](const chunk_error& e) { add("error", e.chunk.id, e.chunk.done); },
            .progress = [this](const chunk_progress& p) { add("progress", p.done, *p.total, *p.percent()); },
            .worker_stopped = [this](const worker_info& w) { add("left", w.id, w.chunks, w.items); },
            .after = [this](const chunk_result& r) { add("end", r.chunks, r.items, r.errors.size()); }};
    }

    std::string text;

private:
    template <class... Number>
    void add(const char* what, Number... n) {
        text += what;
        ((text += ' ' + std::to_string(static_cast<int>(n))), ...);
        text += '\n';
    }
};

template <class Mode>
net::awaitable<void> keep_diary(net::thread_pool& pool, std::size_t items, chunk_options options, std::string& text) {
    diary d;
    const auto nothing = [](auto part) {
        if (part.front() == 7) throw std::runtime_error("seven");
    };
    try {
        const auto hooks = d.hooks();
        co_await run_in<Mode>(pool, items, options, nothing, hooks);
    } catch (const std::runtime_error& e) {
        d.text += e.what();
    }
    text = d.text;
}

} // namespace

TEMPLATE_TEST_CASE("every item is visited once, wherever the work runs", "", ALL_MODES) {
    const auto items = GENERATE(as<std::size_t>{}, 0, 1, 2, 100);
    const chunk_options options =
        GENERATE(chunk_options{}, chunk_options{1, 16}, chunk_options{3, 2}, chunk_options{.target = 1ms},
                 chunk_options{.size = 2, .workers = 16, .target = 1ns});
    CAPTURE(items, options.size, options.workers, options.target.count());
    world here;
    here.run(visit_all<TestType>(here.pool, items, options));
}

TEMPLATE_TEST_CASE("the same hooks are told the same, wherever the work runs", "", one_by_one, coroutines_one_by_one,
                   coroutines_here, in_this_thread) {
    world here;
    std::string text;
    here.run(keep_diary<TestType>(here.pool, 5, {.size = 2, .workers = 1}, text));
    CHECK(text == "plan 5 2 3 1\nworker 0\n"
                  "chunk 0 0 2 0\ncompleted 0 2 2 5\nprogress 2 5 40\n"
                  "chunk 1 2 2 2\ncompleted 1 2 4 5\nprogress 4 5 80\n"
                  "chunk 2 4 1 4\ncompleted 2 1 5 5\nprogress 5 5 100\n"
                  "left 0 3 5\nend 3 5 0\n");
    here.context.restart();
    here.run(keep_diary<TestType>(here.pool, 0, {}, text));
    CHECK(text == "plan 0 1 0 0\nend 0 0 0\n");
    here.context.restart();
    here.run(keep_diary<TestType>(here.pool, 9, {.size = 7, .workers = 1}, text));
    CHECK(text == "plan 9 7 2 1\nworker 0\n"
                  "chunk 0 0 7 0\ncompleted 0 7 7 9\nprogress 7 9 77\n"
                  "chunk 1 7 2 7\nerror 1 7\nleft 0 1 7\nend 1 7 1\nseven");
}

TEMPLATE_TEST_CASE("on a pool, too, but for how often progress is told", "", in_pool, coroutines_in_pool) {
    world here;
    std::string text;
    here.run(keep_diary<TestType>(here.pool, 5, {.size = 2, .workers = 1}, text));
    std::string without;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
        if (text.compare(begin, 8, "progress") != 0) without += text.substr(begin, end + 1 - begin);
    CHECK(without == "plan 5 2 3 1\nworker 0\nchunk 0 0 2 0\ncompleted 0 2 2 5\nchunk 1 2 2 2\n"
                     "completed 1 2 4 5\nchunk 2 4 1 4\ncompleted 2 1 5 5\nleft 0 3 5\nend 3 5 0\n");
    CHECK(text.find("progress 5 5 100\nleft 0 3 5\nend 3 5 0\n") != std::string::npos);
}

TEMPLATE_TEST_CASE("errors are collected where that is wanted: the rest is done", "", ALL_MODES) {
    world here;
    here.run([](net::thread_pool& pool) -> net::awaitable<void> {
        const auto fn = [](auto part) {
            if (part.front() % 4 == 2) throw std::runtime_error(std::to_string(part.front()));
        };
        std::vector<std::size_t> told;
        const chunk_hooks hooks{.error = [&told](const chunk_error& e) { told.push_back(e.chunk.id); }};
        const chunk_options options{.size = 2, .workers = 2, .errors = error_policy::collect};
        const auto result = co_await run_in<TestType>(pool, 11, options, fn, hooks);
        CHECK(result.chunks == 3);
        CHECK(result.items == 6); // 2 3, 6 7 and 10 are missing
        auto errors = result.errors;
        std::sort(errors.begin(), errors.end(), [](auto& a, auto& b) { return a.chunk.id < b.chunk.id; });
        REQUIRE(errors.size() == 3);
        CHECK(errors[1].chunk.id == 3);
        CHECK(errors[1].chunk.first == 6);
        CHECK(errors[1].chunk.size == 2);
        CHECK_THROWS_WITH(std::rethrow_exception(errors[1].error), "6");
        std::sort(told.begin(), told.end());
        CHECK(told == std::vector<std::size_t>{1, 3, 5});
    }(here.pool));
}

// Coroutines, in virtual time.

namespace {

struct sleeper {
    std::vector<std::chrono::milliseconds> times;
    std::size_t running = 0;
    std::size_t most = 0;
    std::size_t ended = 0;

    net::awaitable<void> sleep(std::size_t item) {
        most = std::max(most, ++running);
        timer t(co_await net::this_coro::executor);
        t.expires_after(times[item]);
        const auto [ec] = co_await t.async_wait(as_result);
        --running;
        if (ec) throw system_error(ec);
        ++ended;
        if (times[item] == 13ms) throw std::runtime_error("thirteen");
    }
};

template <class Part>
net::awaitable<void> sleep_all(sleeper& s, Part part) {
    for (const auto i : part) co_await s.sleep(i);
}

template <class Where, class Hooks = chunk_hooks<>>
net::awaitable<chunk_result> sleep_in(Where where, sleeper& s, chunk_options options, Hooks hooks = {}) {
    const auto fn = [&s](auto part) { return sleep_all(s, part); };
    co_return co_await for_each_chunk(where, s.times.size(), options, fn, hooks);
}

} // namespace

TEST_CASE("as many coroutines are under way as there are workers, and the figures are right") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        sleeper s{.times = std::vector<std::chrono::milliseconds>(10, 10ms)};
        std::vector<chunk_info> chunks;
        std::vector<chunk_progress> told;
        const chunk_hooks hooks{.chunk_completed = [&](const chunk_info& c) { chunks.push_back(c); },
                                .progress = [&](const chunk_progress& p) { told.push_back(p); }};
        const chunk_options options{.size = 2, .workers = 3};
        const auto result = co_await sleep_in(concurrent, s, options, hooks);
        CHECK(s.most == 3);
        CHECK(result.elapsed == 40ms); // five chunks of 20 ms, three at a time
        CHECK(result.workers == 3);
        REQUIRE(chunks.size() == 5);
        for (const auto& c : chunks) CHECK(c.time == 20ms);
        CHECK(chunks[2].elapsed == 20ms);
        CHECK(chunks[4].elapsed == 40ms);
        REQUIRE_FALSE(told.empty());
        CHECK(told.back().elapsed == 40ms);
        CHECK(*told.back().rate == Approx(250).epsilon(0.2));
        CHECK(*told.back().remaining == 0s);
        REQUIRE(told.front().remaining_low);
        CHECK(*told.front().remaining_low <= *told.front().remaining);
        CHECK(*told.front().remaining_high >= *told.front().remaining);
        s.most = 0;
        co_await sleep_in(serial, s, options);
        CHECK(s.most == 1);
        s.most = 0;
        const chunk_options ones{.size = 1};
        s.times.resize(30, 10ms);
        co_await sleep_in(concurrent, s, ones);
        CHECK(s.most == 10);
    }());
}

TEST_CASE("a slow chunk is told of and counted") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        sleeper s{.times = std::vector<std::chrono::milliseconds>(40, 10ms)};
        s.times[30] = 16ms;
        s.times[35] = 15ms;
        std::vector<slow_chunk_info> told;
        const chunk_hooks hooks{.slow_chunk = [&told](const slow_chunk_info& c) { told.push_back(c); }};
        const chunk_options options{.size = 1, .workers = 1};
        const auto result = co_await sleep_in(concurrent, s, options, hooks);
        REQUIRE(told.size() == 1);
        CHECK(told[0].chunk.id == 30);
        CHECK(told[0].chunk.time == 16ms);
        CHECK(told[0].median == 10ms);
        CHECK(told[0].limit.count() == Approx(0.015));
        CHECK(result.slow == 1);
        const chunk_options keen{.size = 1, .workers = 1, .slow = {.factor = 1.2}};
        CHECK((co_await sleep_in(concurrent, s, keen, hooks)).slow == 2);
        CHECK((co_await sleep_in(concurrent, s, options)).slow == 0); // nobody asked: not measured
    }());
}

TEST_CASE("with a target, chunks take about as long, whatever the items do") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        sleeper s{.times = std::vector<std::chrono::milliseconds>(200, 1ms)};
        std::fill(s.times.begin() + 100, s.times.end(), 5ms);
        std::vector<std::size_t> sizes;
        const chunk_hooks hooks{.chunk_completed = [&sizes](const chunk_info& c) { sizes.push_back(c.size); }};
        const chunk_options options{.workers = 1, .target = 20ms};
        const auto result = co_await sleep_in(concurrent, s, options, hooks);
        CHECK(result.chunks == sizes.size());
        CHECK(std::vector(sizes.begin(), sizes.begin() + 7) == std::vector<std::size_t>{1, 2, 4, 8, 16, 20, 20});
        CHECK(sizes[sizes.size() - 2] == 4);
        const chunk_options bounded{.workers = 1, .target = 20ms, .min_size = 3, .max_size = 6};
        sizes.clear();
        co_await sleep_in(concurrent, s, bounded, hooks);
        CHECK(sizes.front() == 3);
        CHECK(*std::max_element(sizes.begin(), sizes.end()) == 6);
    }());
}

TEST_CASE("the first error of a coroutine cancels the others, and only it is an error") {
    virtual_world world;
    world.run([]() -> net::awaitable<void> {
        sleeper s{.times = std::vector<std::chrono::milliseconds>(10, 1000ms)};
        s.times[1] = 13ms;
        std::vector<std::size_t> told;
        chunk_result at_the_end;
        const chunk_hooks hooks{.error = [&told](const chunk_error& e) { told.push_back(e.chunk.id); },
                                .after = [&at_the_end](const chunk_result& r) { at_the_end = r; }};
        const chunk_options options{.size = 1, .workers = 3};
        const auto begun = steady_now(co_await net::this_coro::executor);
        std::string what;
        try {
            co_await sleep_in(concurrent, s, options, hooks);
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        CHECK(what == "thirteen");
        CHECK(steady_now(co_await net::this_coro::executor) - begun == 13ms);
        CHECK(s.running == 0);
        CHECK(told == std::vector<std::size_t>{1});
        CHECK(at_the_end.errors.size() == 1);
        CHECK(at_the_end.chunks == 0);
        CHECK(at_the_end.elapsed == 13ms);
    }());
}

TEST_CASE("cancelling cancels coroutines that are under way, tells who was there, and waits for them") {
    virtual_world world;
    net::cancellation_signal signal;
    sleeper s{.times = std::vector<std::chrono::milliseconds>(10, 1000ms)};
    std::exception_ptr error;
    chunk_result at_the_end;
    const auto scene = [](sleeper& sl, chunk_result& r) -> net::awaitable<void> {
        const chunk_hooks hooks{.after = [&r](const chunk_result& last) { r = last; }};
        const chunk_options options{.size = 1, .workers = 2};
        co_await sleep_in(concurrent, sl, options, hooks);
    };
    net::co_spawn(world.context, scene(s, at_the_end),
                  net::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr e) { error = std::move(e); }));
    world.clock.run_for(2500ms);
    signal.emit(net::cancellation_type::terminal);
    world.clock.run_for(0ms);
    REQUIRE(error);
    CHECK_THROWS_AS(std::rethrow_exception(error), system_error);
    CHECK(s.running == 0);
    CHECK(s.ended == 4);
    CHECK(at_the_end.chunks == 4);
    CHECK(at_the_end.errors.empty());
    CHECK(at_the_end.elapsed == 2500ms);
}

TEST_CASE("others have their turn between two chunks, also when they are serial") {
    net::io_context context{1};
    std::string order;
    const auto scene = [](std::string& o, char c) -> net::awaitable<void> {
        const auto fn = [&o, c](auto) { o += c; };
        const chunk_options one{.size = 1};
        co_await for_each_chunk(serial, 5, one, fn);
    };
    net::co_spawn(context, scene(order, 'a'), rethrow{});
    net::co_spawn(context, scene(order, 'b'), rethrow{});
    context.run();
    CHECK(order == "ababababab");
}

TEST_CASE("coroutines of for_each_chunk torn down at every step leak nothing") {
    tear_down_at_every_step([](net::io_context& context, const std::shared_ptr<int>& witness) {
        const auto scene = [](std::shared_ptr<int> w) -> net::awaitable<void> {
            sleeper s{.times = {3ms, 1ms, 13ms, 4ms}};
            const chunk_hooks hooks{.before = [w](const auto&) {},
                                    .worker_started = [w](const auto&) {},
                                    .error = [w](const auto&) {},
                                    .after = [w](const auto&) {}};
            const chunk_options two{.size = 1, .workers = 2, .errors = error_policy::collect};
            co_await sleep_in(concurrent, s, two, hooks);
        };
        net::co_spawn(context, scene(witness), net::detached);
    });
}
