// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/asio.hpp>
#include <telltale/error.hpp>
#include <telltale/event/emitter.hpp>
#include <telltale/sync/mailbox.hpp>
#include <telltale/sync/queue.hpp>
#include <telltale/sync/semaphore.hpp>
#include <telltale/sync/task_group.hpp>
#include <telltale/sync/timer.hpp>
#include <telltale/sync/when_any.hpp>
#include <telltale/sync/with_timeout.hpp>

#include "catch.hpp"
#include "support.hpp"

#if defined(TELLTALE_USE_BOOST_ASIO)
#include <boost/asio/experimental/awaitable_operators.hpp>
#else
#include <asio/experimental/awaitable_operators.hpp>
#endif

#include <chrono>
#include <cstddef>
#include <exception>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// The code that the guide's pages on time-outs, back-pressure, cancellation and threads show, and what they say of `||`.

namespace {

namespace net = telltale::net;
using namespace std::chrono_literals;
using duration = std::chrono::steady_clock::duration;
using telltale_test::virtual_world;

net::awaitable<void> pause(duration d) {
    telltale::timer t(co_await net::this_coro::executor);
    t.expires_after(d);
    co_await t.async_wait(net::use_awaitable);
}

net::awaitable<telltale::error_code> error_of(net::awaitable<void> work) {
    telltale::error_code result;
    try {
        co_await std::move(work);
    } catch (const telltale::system_error& e) {
        result = e.code();
    }
    co_return result;
}

// ---- what `operation || timer` does

net::awaitable<int> broken() {
    co_await pause(1ms);
    throw telltale::system_error(net::error::connection_reset);
}

net::awaitable<void> swallow_an_error(virtual_world& world) {
    using namespace net::experimental::awaitable_operators;
    const auto begin = world.clock.now();
    const auto result = co_await (broken() || pause(5s));
    CHECK(result.index() == 1);             // "the time was up"
    CHECK(world.clock.now() - begin == 5s); // and it was waited for
}

net::awaitable<void> put_at(telltale::mailbox<int>& box, duration when) {
    co_await pause(when);
    box.put(42);
}

net::awaitable<void> lose_a_value(telltale::mailbox<int>& box) {
    using namespace net::experimental::awaitable_operators;
    const auto result = co_await (box.async_take(net::use_awaitable) || pause(5s));
    CHECK(result.index() == 1);
    CHECK_FALSE(box.try_take());
}

net::awaitable<void> lose_no_value(telltale::mailbox<int>& box) {
    const int value = co_await telltale::with_timeout(box.take(), 5s);
    CHECK(value == 42);
}

net::awaitable<void> wait_for_either() {
    using namespace net::experimental::awaitable_operators;
    co_await (pause(1h) || pause(5s));
}

// ---- time-outs

struct download {
    std::string text;
};

net::awaitable<int> submit() {
    co_await pause(2s);
    co_return 7;
}

net::awaitable<download> fetch_result(int id) {
    co_await pause(2s);
    co_return download{"result of " + std::to_string(id)};
}

net::awaitable<download> run_remotely(duration limit) {
    const auto deadline = telltale::steady_now(co_await net::this_coro::executor) + limit;
    const int id = co_await telltale::with_deadline(submit(), deadline);
    co_return co_await telltale::with_deadline(fetch_result(id), deadline);
}

net::awaitable<void> ignore_result(net::awaitable<download> work) { co_await std::move(work); }

net::awaitable<void> expect_one_deadline() {
    const auto done = co_await run_remotely(5s);
    CHECK(done.text == "result of 7");
    const auto error = co_await error_of(ignore_result(run_remotely(3s)));
    CHECK(error == telltale::errc::deadline_exceeded);
}

net::awaitable<std::optional<int>> next_within(telltale::queue<int>& values, duration limit) {
    try {
        co_return co_await telltale::with_timeout(values.pop(), limit);
    } catch (const telltale::system_error& e) {
        if (e.code() != telltale::errc::deadline_exceeded) throw;
    }
    co_return std::nullopt; // the next value is still to come, and will not be lost
}

net::awaitable<void> expect_timed_pop(telltale::queue<int>& values) {
    const auto none = co_await next_within(values, 1s);
    CHECK_FALSE(none);
    CHECK(values.try_push(5));
    const auto one = co_await next_within(values, 1s);
    CHECK(one == 5);
}

// ---- back-pressure

using block = std::string;

std::vector<block> written;

net::awaitable<block> read_block(int n) {
    co_await pause(1ms);
    co_return "block " + std::to_string(n);
}

net::awaitable<void> write_block(block b) {
    co_await pause(1s);
    written.push_back(std::move(b));
}

net::awaitable<void> read_all(telltale::queue<block>& blocks, int count) {
    for (int n = 1; n <= count; ++n) {
        block b = co_await read_block(n);
        co_await blocks.push(std::move(b)); // waits while eight are there
    }
    blocks.close();
}

net::awaitable<void> write_all(telltale::queue<block>& blocks) {
    for (;;) {
        auto [error, b] = co_await blocks.async_pop(telltale::as_result);
        if (error == telltale::errc::closed) co_return; // and everything is written
        if (error) throw telltale::system_error(error);
        co_await write_block(std::move(b));
    }
}

net::awaitable<void> copy(int count) {
    const auto executor = co_await net::this_coro::executor;
    telltale::queue<block> blocks(executor, 8);
    telltale::task_group both(executor);
    both.spawn(read_all(blocks, count));
    both.spawn(write_all(blocks));
    co_await both.join();
}

std::vector<std::string> logged;
void log(std::string line) { logged.push_back(std::move(line)); }

net::awaitable<void> write_log(telltale::subscription<std::string>& lines) {
    for (;;) {
        const auto batch = co_await lines.receive_some(); // all that is unread, at least one
        for (const auto& line : batch) {
            if (line.is_gap())
                log("-- " + std::to_string(line.lost.value_or(0)) + " lines are missing here");
            else
                log(*line);
        }
    }
}

// ---- cancellation

std::vector<std::string> steps;

net::awaitable<void> remove_lock_file() {
    co_await pause(1s);
    steps.push_back("lock file removed");
}

net::awaitable<void> work_with_lock_file() {
    telltale::error_code stopped;
    try {
        co_await pause(1h);
    } catch (const telltale::system_error& e) {
        stopped = e.code(); // no co_await in a handler: clean up below
    }
    co_await net::this_coro::reset_cancellation_state(); // else the next co_await throws again
    co_await remove_lock_file();
    if (stopped) throw telltale::system_error(stopped);
}

net::awaitable<void> expect_clean_up() {
    const auto error = co_await error_of(telltale::with_timeout(work_with_lock_file(), 5s));
    CHECK(error == telltale::errc::deadline_exceeded);
    CHECK(steps == std::vector<std::string>{"lock file removed"});
}

net::awaitable<int> ask_mirror(duration takes, int answer) {
    co_await pause(takes);
    if (answer < 0) throw telltale::system_error(net::error::host_not_found);
    co_return answer;
}

net::awaitable<int> ask_all_mirrors() {
    std::vector<net::awaitable<int>> mirrors;
    mirrors.push_back(ask_mirror(3s, 1));
    mirrors.push_back(ask_mirror(1s, -1)); // fails first
    mirrors.push_back(ask_mirror(2s, 2));
    auto first = co_await telltale::when_any(std::move(mirrors), {.skip_errors = true});
    co_return first.value;
}

net::awaitable<void> expect_first_answer() {
    const int answer = co_await ask_all_mirrors();
    CHECK(answer == 2);
}

// ---- threads

std::thread::id counted_on;

int count_words(const std::string& text) {
    counted_on = std::this_thread::get_id();
    return text == "two words" ? 2 : 0;
}

// For work that blocks or computes for long: elsewhere, and back.
net::awaitable<int> count_on(net::thread_pool& pool, std::string text) {
    const auto here = co_await net::this_coro::executor;
    co_await net::post(net::bind_executor(pool, net::use_awaitable));
    const int words = count_words(text); // on a thread of the pool
    co_await net::post(net::bind_executor(here, net::use_awaitable));
    co_return words;
}

} // namespace

TEST_CASE("guide/timeouts: `operation || timer` swallows an error") {
    virtual_world world;
    world.run(swallow_an_error(world));
}

TEST_CASE("guide/timeouts: `operation || timer` loses a value, with_timeout does not") {
    virtual_world world;
    telltale::mailbox<int> box(world.executor());
    world.spawn(put_at(box, 5s));
    world.run(lose_a_value(box));
    world.spawn(put_at(box, 5s));
    world.run(lose_no_value(box));
}

TEST_CASE("guide/timeouts: `operation || timer` that is cancelled throws no system_error") {
    virtual_world world;
    net::cancellation_signal stop;
    std::exception_ptr thrown;
    net::co_spawn(world.context, wait_for_either(),
                  net::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr e) { thrown = e; }));
    world.clock.run_until_idle();
    stop.emit(net::cancellation_type::terminal);
    world.clock.run_until_idle();
    REQUIRE(thrown);
    CHECK_THROWS_AS(std::rethrow_exception(thrown), net::multiple_exceptions);
}

TEST_CASE("guide/timeouts: one deadline for several steps") {
    virtual_world world;
    world.run(expect_one_deadline());
}

TEST_CASE("guide/timeouts: a timed pop") {
    virtual_world world;
    telltale::queue<int> values(world.executor(), 1);
    world.run(expect_timed_pop(values));
}

TEST_CASE("guide/timeouts: any operation, any token") {
    virtual_world world;
    const auto executor = world.executor();
    telltale::semaphore slots(executor, 1);
    std::optional<telltale::error_code> result;
    const auto on_slot = [&](telltale::error_code ec, telltale::permit) { result = ec; };
    const telltale::permit held = slots.try_acquire();

    const auto operation = [&slots](auto handler) { slots.async_acquire(std::move(handler)); };
    telltale::async_with_timeout<void(telltale::error_code, telltale::permit)>(executor, operation, 5s, on_slot);

    world.clock.run();
    CHECK(result == make_error_code(telltale::errc::deadline_exceeded));
}

TEST_CASE("guide/back_pressure: a pipeline runs at the pace of the slower one") {
    virtual_world world;
    written.clear();
    const auto begin = world.clock.now();
    world.run(copy(20));
    CHECK(written.size() == 20);
    CHECK(written.back() == "block 20");
    CHECK(world.clock.now() - begin < 21s);
}

TEST_CASE("guide/back_pressure: a log that says where lines are missing") {
    virtual_world world;
    logged.clear();
    telltale::emitter<std::string> source;
    telltale::subscription_options<std::string> options;
    options.capacity = 2;
    auto lines = source.subscribe(world.executor(), options);
    for (const auto* line : {"a", "b", "c"}) source.emit(line);

    const telltale::subscription_statistics s = lines.statistics();
    const auto wanted = s.delivered + s.unread + s.conflated + s.dropped; // every event that it wanted
    CHECK(wanted == 3);

    net::co_spawn(world.context, write_log(lines), net::detached);
    world.clock.run();
    CHECK(logged == std::vector<std::string>{"-- 1 lines are missing here", "b", "c"});
}

TEST_CASE("guide/cancellation: cleaning up") {
    virtual_world world;
    steps.clear();
    world.run(expect_clean_up());
}

TEST_CASE("guide/cancellation: the first of several") {
    virtual_world world;
    world.run(expect_first_answer());
}

TEST_CASE("guide/threads: there and back") {
    net::io_context context{1};
    net::thread_pool pool(1);
    std::optional<int> words;
    std::thread::id ended_on;
    net::co_spawn(context, count_on(pool, "two words"), [&](std::exception_ptr e, int n) {
        telltale_test::rethrow{}(e);
        words = n;
        ended_on = std::this_thread::get_id();
    });
    context.run();
    CHECK(words == 2);
    CHECK(counted_on != std::thread::id());
    CHECK(counted_on != std::this_thread::get_id());
    CHECK(ended_on == std::this_thread::get_id());
}

TEST_CASE("guide/threads: waiting on a thread that runs no context") {
    net::io_context context{1};
    telltale::semaphore slots(context.get_executor(), 1);
    auto work = net::make_work_guard(context);
    std::thread loop([&context] { context.run(); });

    std::future<telltale::permit> slot = slots.async_acquire(net::use_future); // from a thread of yours
    const telltale::permit held = slot.get();                                  // blocks it

    CHECK(held);
    work.reset();
    loop.join();
}
