// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/job_handle.hpp>

#include "job_support.hpp"

#include <telltale/run/job_failure.hpp>
#include <telltale/run/job_manager.hpp>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

/// Can only be moved, and not be made out of nothing.
struct parcel {
    explicit parcel(int n) : content(std::make_unique<int>(n)) {}
    std::unique_ptr<int> content;
};

net::awaitable<parcel> pack(job_context) {
    co_await pass_time(1s);
    co_return parcel(42);
}

net::awaitable<int> fail(job_context) {
    co_await pass_time(1s);
    throw std::out_of_range("too far");
}

template <class T>
net::awaitable<error_code> error_of_result(job_handle<T>& job) {
    try {
        co_await job.result();
    } catch (const system_error& e) {
        co_return e.code();
    }
    co_return error_code{};
}

} // namespace

TEST_CASE("the result of a job is awaited, whatever can be moved, and taken once") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    world.run([](job_manager& m) -> net::awaitable<void> {
        auto job = m.submit({.id = "p"}, pack);
        CHECK(job);
        CHECK(job.id() == "p");
        CHECK(job.state() == job_state::running);
        const parcel p = co_await job.result();
        CHECK(*p.content == 42);
        CHECK(job.state() == job_state::succeeded);
        CHECK(co_await error_of_result(job) == errc::closed);
        auto nothing = m.submit({}, sleeper{});
        co_await nothing.result();
        co_await nothing.result();               // there is nothing to take
        auto wait = m.submit({}, pack).result(); // the handle need not live as long
        const parcel second = co_await std::move(wait);
        CHECK(*second.content == 42);
    }(manager));
    CHECK_FALSE(job_handle<int>());
}

TEST_CASE("a job's exception, its cancellation and its time limit are told apart") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    world.run([](job_manager& m) -> net::awaitable<void> {
        auto failing = m.submit({}, fail);
        CHECK_THROWS_AS(co_await failing.result(), std::out_of_range);
        CHECK_THROWS_AS(co_await failing.result(), std::out_of_range);
        auto slow = m.submit({.time_limit = 10ms}, pack);
        CHECK(co_await error_of_result(slow) == errc::job_timed_out);
        auto cancelled = m.submit({}, pack);
        CHECK(cancelled.cancel() == command_result::accepted);
        const auto o = co_await cancelled.async_result();
        CHECK(o.cancelled);
        CHECK_FALSE(o.value);
        CHECK(co_await error_of_result(cancelled) == errc::job_cancelled);
        CHECK(cancelled.cancel() == command_result::refused);
    }(manager));
}

TEST_CASE("who stops waiting for a result loses nothing") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    auto job = manager.submit({}, pack);
    net::cancellation_signal signal;
    error_code ended;
    job.async_result(net::bind_cancellation_slot(signal.slot(), [&](error_code ec, outcome<parcel>) { ended = ec; }));
    signal.emit(net::cancellation_type::total);
    world.clock.run();
    CHECK(ended == net::error::operation_aborted);
    CHECK(job.state() == job_state::succeeded);
    int got = 0;
    job.async_result([&got](error_code, outcome<parcel> o) { got = *o.take().content; });
    world.clock.run();
    CHECK(got == 42);
}

TEST_CASE("a result that nobody can ask for any more is destroyed") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    const auto witness = std::make_shared<int>();
    const auto copy = [witness](job_context) -> net::awaitable<std::shared_ptr<int>> { co_return witness; };
    auto early = manager.submit({}, copy);
    early = {};
    auto late = manager.submit({}, copy);
    auto waited = manager.submit({}, copy);
    std::shared_ptr<int> got;
    waited.async_result([&got](error_code, outcome<std::shared_ptr<int>> o) { got = o.take(); });
    waited = {};
    world.clock.run();
    CHECK(got == witness);
    got.reset();
    CHECK(witness.use_count() == 3); // here, in the function, and in the handle's job
    late = {};
    CHECK(witness.use_count() == 2);
}

TEST_CASE("a handle outlives what its manager remembers, and its manager") {
    virtual_world world;
    job_handle<parcel> forgotten;
    job_handle<parcel> orphan;
    error_code ended;
    {
        job_manager manager(world.executor(), nullptr, {.keep_ended = 0});
        forgotten = manager.submit({.id = "1"}, pack);
        world.clock.run();
        CHECK_FALSE(manager.state("1"));
        orphan = manager.submit({}, pack);
        orphan.async_result([&](error_code ec, outcome<parcel>) { ended = ec; });
    }
    CHECK(forgotten.state() == job_state::succeeded);
    int got = 0;
    forgotten.async_result([&got](error_code, outcome<parcel> o) { got = *o.take().content; });
    world.clock.run();
    CHECK(got == 42);
    CHECK(ended == net::error::operation_aborted);
    CHECK(orphan.state() == job_state::lost);
    CHECK(orphan.cancel() != command_result::accepted);
    ended = {};
    orphan.async_result([&](error_code ec, outcome<parcel>) { ended = ec; });
    world.clock.run();
    CHECK(ended == net::error::operation_aborted);
}

TEST_CASE("a handle stands for the id") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    const auto job = manager.submit({}, sleeper{});
    CHECK(manager.state(job) == job_state::running);
    CHECK(manager.cancel(job) == command_result::accepted);
    world.clock.run();
}

TEST_CASE("a plain function runs on a pool, is told to stop, and its CPU time is counted") {
    net::io_context context{1};
    net::thread_pool pool(1);
    job_manager manager(context.get_executor(), nullptr, {.max_running = 2});
    auto answer = manager.submit({}, pool.get_executor(), [] {
        std::uint64_t n = 0;
        for (std::uint64_t i = 0; i < 1'000'000; ++i) n += i % 3;
        return std::to_string(n);
    });
    auto nothing =
        manager.submit({}, pool.get_executor(), [](job_context job) { job.tracker({.total = 1}).advance(); });
    auto bad = manager.submit({}, pool.get_executor(), []() -> int { throw job_failure(error_class::query, "no"); });
    std::atomic<bool> begun{false};
    auto endless = manager.submit({}, pool.get_executor(), [&begun](job_context job) {
        for (begun = true;; std::this_thread::yield()) job.throw_if_stopped();
    });
    std::string text;
    bool failed = false;
    answer.async_result([&](error_code, outcome<std::string> o) { text = o.take(); });
    bad.async_result([&](error_code, outcome<int> o) { failed = o.error != nullptr; });
    while (!begun) context.poll();
    CHECK(manager.pause(endless) == command_result::unsupported);
    CHECK(manager.cancel(endless) == command_result::accepted);
    context.run();
    CHECK(text == "999999");
    CHECK(failed);
    CHECK(nothing.state() == job_state::succeeded);
    CHECK(endless.state() == job_state::cancelled);
    CHECK(manager.statistics().cpu > 0ns);
    CHECK(manager.cpu_time(answer.id()).value() > 0ns);
    CHECK(manager.cpu_time(answer.id()).value() < manager.statistics().cpu); // the others have used some, too
    CHECK_FALSE(manager.cpu_time("nobody"));
}
