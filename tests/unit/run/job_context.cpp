// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/job_context.hpp>

#include "job_support.hpp"

#include <telltale/run/job_manager.hpp>
#include <telltale/sync/with_timeout.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

/// So many seconds of work, with a checkpoint after each.
struct stages {
    int count = 10;
    net::awaitable<void> operator()(job_context job) const { return work(std::move(job), count); }
    static net::awaitable<void> work(job_context job, int n) {
        for (int i = 0; i < n; ++i) {
            co_await pass_time(1s);
            co_await job.checkpoint();
        }
    }
};

net::awaitable<std::string> deploy(job_context job) {
    co_await pass_time(1s);
    const approval a = co_await job.request_approval("deploy to production", 1h);
    co_return a ? "deployed " + a.comment : a.result == approval_result::rejected ? "rejected" : "nobody answered";
}

} // namespace

TEST_CASE("a running job pauses at its next checkpoint, gives back its slot, and goes on when it is resumed") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink(), {.max_running = 1});
    manager.submit({}, stages{});
    manager.submit({}, sleeper{10s});
    world.clock.run_for(1500ms);
    CHECK(manager.pause("1") == command_result::accepted);
    CHECK(manager.state("1") == job_state::running); // until it comes there
    world.clock.run_for(1s);
    CHECK(manager.state("1") == job_state::paused);
    CHECK(manager.state("2") == job_state::running);
    CHECK(manager.counts() == job_counts{.paused = 1, .running = 1});
    CHECK(manager.pause("1") == command_result::accepted);
    world.clock.run_for(1s);
    manager.submit({}, sleeper{});
    CHECK(manager.resume("1") == command_result::accepted);
    CHECK(manager.state("1") == job_state::queued); // before the other
    CHECK(manager.resume("1") == command_result::refused);
    world.clock.run();
    CHECK(record.states() == "1:queued 1:running 2:queued 1:paused 2:running 3:queued 1:queued 2:succeeded 1:running "
                             "1:succeeded 3:running 3:succeeded");
    CHECK(manager.statistics().ran.longest == 10s); // the pause does not count
    CHECK(manager.pause("1") == command_result::refused);
}

TEST_CASE("a resumed job runs at once where there is a slot; a pause that was taken back in time does nothing") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink());
    manager.submit({}, stages{2});
    manager.pause("1");
    world.clock.run_for(5s);
    manager.resume("1");
    manager.pause("1");
    manager.resume("1");
    world.clock.run();
    CHECK(record.states() == "1:queued 1:running 1:paused 1:running 1:succeeded");
    CHECK(record.reports.back().at - record.reports.front().at == 6s);
}

TEST_CASE("a queued job is paused out of the queue, and resumed behind the others") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink(), {.max_running = 1});
    for (int i = 0; i < 3; ++i) manager.submit({}, sleeper{});
    CHECK(manager.pause("2") == command_result::accepted);
    CHECK(record.of("3").back().queue_position == 1U);
    CHECK(manager.state("2") == job_state::paused);
    world.clock.run_for(500ms);
    CHECK(manager.resume("2") == command_result::accepted);
    world.clock.run();
    CHECK(record.states() == "1:queued 1:running 2:queued 3:queued 2:paused 2:queued 1:succeeded 3:running 3:succeeded "
                             "2:running 2:succeeded");
}

TEST_CASE("a paused job can be cancelled, before it has begun and after") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink(), {.max_running = 1});
    manager.submit({}, stages{});
    manager.submit({}, stages{});
    manager.pause("1");
    manager.pause("2");
    world.clock.run_for(2s);
    CHECK(manager.counts() == job_counts{.paused = 2});
    CHECK(manager.cancel("2") == command_result::accepted);
    CHECK(manager.state("2") == job_state::cancelled);
    CHECK(manager.cancel("1") == command_result::accepted);
    CHECK(manager.resume("2") == command_result::refused);
    world.clock.run();
    CHECK(manager.counts() == job_counts{.cancelled = 2});
}

TEST_CASE("a job that is asked to end hears of it at a checkpoint") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    std::vector<std::string> seen;
    manager.submit({}, [&seen](job_context job) -> net::awaitable<void> {
        co_await net::this_coro::reset_cancellation_state(net::disable_cancellation());
        co_await pass_time(1s);
        seen.push_back(job.stop_requested() ? "asked" : "not asked");
        co_await pass_time(1s);
        seen.push_back(job.stop_requested() ? "asked" : "not asked");
        co_await job.checkpoint();
        seen.push_back("never here");
    });
    world.clock.run_for(1500ms);
    manager.cancel("1");
    world.clock.run();
    CHECK(seen == std::vector<std::string>{"not asked", "asked"});
    CHECK(manager.state("1") == job_state::cancelled);
}

TEST_CASE("the time limit stands still while a job is paused") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink());
    manager.submit({.time_limit = 5s}, stages{3});
    manager.submit({.time_limit = 5s}, stages{7});
    world.clock.run_for(500ms);
    manager.pause("1");
    manager.pause("2");
    world.clock.run_for(1h);
    CHECK(manager.counts().paused == 2);
    manager.resume("1");
    manager.resume("2");
    world.clock.run();
    CHECK(manager.state("1") == job_state::succeeded);
    CHECK(manager.state("2") == job_state::timed_out);
    CHECK(record.of("2").back().at - record.of("2").front().at == 1h + 500ms + 4s);
}

TEST_CASE("a job that gives up waiting at a checkpoint, or for an approval, runs") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink(), {.max_running = 1});
    const auto impatient = [](job_context job) -> net::awaitable<void> {
        co_await pass_time(1s);
        bool waited = false;
        try {
            co_await with_timeout(job.checkpoint(), 1s);
        } catch (const system_error&) {
            waited = true;
        }
        CHECK(waited);
        try {
            co_await with_timeout(job.request_approval(), 1s);
            waited = false;
        } catch (const system_error&) {}
        CHECK(waited);
        co_await pass_time(1s);
        co_await job.request_approval();
    };
    manager.submit({}, impatient);
    manager.pause("1");
    manager.submit({}, sleeper{10s});
    world.clock.run_for(4500ms);
    CHECK(manager.approve("1") == command_result::accepted); // goes on when there is a slot
    CHECK(manager.approve("1") == command_result::refused);
    world.clock.run();
    CHECK(manager.counts().succeeded == 2);
    CHECK(record.states() == "1:queued 1:running 2:queued 1:paused 2:running 1:running 1:paused 1:running 1:paused "
                             "1:queued 2:succeeded 1:running 1:succeeded");
}

TEST_CASE("a checkpoint lets a job through that does not have to pause, and every time it asks when it does") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    int through = 0;
    manager.submit({}, [&through](job_context job) -> net::awaitable<void> {
        for (int i = 0; i < 3; ++i) {
            co_await job.async_checkpoint();
            ++through;
        }
        co_await pass_time(1s);
        for (int i = 0; i < 3; ++i) {
            co_await job.checkpoint();
            ++through;
        }
    });
    world.clock.run_until_idle();
    CHECK(through == 3);
    manager.pause("1");
    world.clock.run();
    CHECK(through == 3);
    manager.resume("1");
    world.clock.run();
    CHECK(through == 6);
}

TEST_CASE("a job asks for an approval, and waits without a slot until somebody answers") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink(), {.max_running = 1});
    auto yes = manager.submit({}, deploy);
    auto no = manager.submit({}, deploy);
    auto silence = manager.submit({}, deploy);
    CHECK(manager.approve("1") == command_result::refused); // it has not asked yet
    world.clock.run_for(3s);
    CHECK(manager.counts() == job_counts{.paused = 3});
    const auto asked = record.of("1").back();
    CHECK(asked.state == job_state::paused);
    CHECK(asked.approval->what == "deploy to production");
    CHECK(*asked.approval->until - asked.at == 1h);
    CHECK(asked.notices.at(0).kind == event_kind::approval_requested);
    CHECK(manager.resume("1") == command_result::refused); // an answer is wanted
    CHECK(manager.approve("1", "by \"me\"") == command_result::accepted);
    CHECK(record.of("1").back().state == job_state::running);
    CHECK(record.of("1").back().notices.at(0).data == R"({"what":"deploy to production","comment":"by \"me\""})");
    CHECK(record.of("2")[0].control->request(job_command::reject) == command_result::accepted);
    world.clock.run();
    std::vector<std::string> results;
    for (auto* job : {&yes, &no, &silence})
        job->async_result([&results](error_code, outcome<std::string> o) { results.push_back(o.take()); });
    world.clock.run();
    CHECK(results == std::vector<std::string>{"deployed by \"me\"", "rejected", "nobody answered"});
    std::vector<event_kind> kinds;
    for (const auto& r : record.of("3"))
        for (const auto& n : r.notices) kinds.push_back(n.kind);
    CHECK(kinds == std::vector<event_kind>{event_kind::approval_requested, event_kind::approval_timed_out});
}

TEST_CASE("a job that waits for an approval can be cancelled, and asks for one at a time") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    auto job = manager.submit({}, deploy);
    error_code second;
    manager.submit({}, [&second](job_context context) -> net::awaitable<void> {
        context.async_request_approval({}, {}, [](error_code, approval) {});
        const auto [ec, a] = co_await context.async_request_approval({}, {}, as_result);
        second = ec;
    });
    world.clock.run_for(2s);
    CHECK(second == errc::invalid_argument);
    job.cancel();
    manager.stop();
    world.clock.run();
    CHECK(job.state() == job_state::cancelled);
}

TEST_CASE("what is asked after the job's end is answered at once") {
    virtual_world world;
    job_manager manager(world.executor(), nullptr);
    std::optional<job_context> kept;
    manager.submit({}, [&kept](job_context job) -> net::awaitable<void> {
        kept = job;
        CHECK(job.attempt() == 1);
        co_return;
    });
    world.clock.run();
    error_code checkpoint;
    error_code approved;
    kept->async_checkpoint([&](error_code ec) { checkpoint = ec; });
    kept->async_request_approval({}, {}, [&](error_code ec, approval) { approved = ec; });
    world.clock.run();
    CHECK(checkpoint == net::error::operation_aborted);
    CHECK(approved == net::error::operation_aborted);
    CHECK(manager.state("1") == job_state::succeeded);
}
