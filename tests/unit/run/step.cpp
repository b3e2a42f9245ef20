// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/step.hpp>

#include "job_support.hpp"

#include <telltale/run/job_manager.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;

namespace {

net::awaitable<void> import(job_context job) {
    auto load = job.add_step("load", {.weight = 3, .total = 10});
    auto index = job.add_step("index", {.total = 4});
    auto never = job.add_step("never", {.weight = 0});
    load.begin();
    for (int i = 0; i < 10; ++i) {
        load.advance();
        co_await pass_time(1s);
    }
    load.complete();
    load.fail(); // too late
    index.begin();
    index.advance(2);
    co_await pass_time(1s);
    if (job.attempt() == 1) throw 1;
}

std::vector<std::string> notices(const std::vector<job_report>& reports) {
    std::vector<std::string> all;
    for (const auto& r : reports)
        for (const auto& n : r.notices) all.push_back(std::string(to_string(n.kind)) + n.data);
    return all;
}

} // namespace

TEST_CASE("steps begin and end, count, and are rolled up by weight; another attempt has its own") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink());
    manager.submit({.retry = {.max_attempts = 2}}, import);
    world.clock.run_for(5500ms);
    const auto& half = record.reports.back();
    CHECK(half.progress->percent() == Approx(100.0 * 0.75 * 0.6));
    REQUIRE(half.steps->size() == 3);
    CHECK((*half.steps)[0].state == job_state::running);
    CHECK((*half.steps)[0].progress->done == 6);
    CHECK((*half.steps)[0].progress->total == 10.0);
    CHECK((*half.steps)[1].state == job_state::pending);
    CHECK_FALSE((*half.steps)[1].progress);
    world.clock.run();
    const auto& end = record.reports.back();
    CHECK(end.state == job_state::succeeded);
    CHECK((*end.steps)[0].state == job_state::succeeded);
    CHECK(*(*end.steps)[0].finished - *(*end.steps)[0].started == 10s);
    CHECK((*end.steps)[1].state == job_state::succeeded);
    CHECK((*end.steps)[2].state == job_state::skipped);
    CHECK(notices(record.reports) ==
          std::vector<std::string>{R"(step_started{"step":"load"})", R"(step_completed{"step":"load"})",
                                   R"(step_started{"step":"index"})", R"(step_failed{"step":"index"})",
                                   R"(step_started{"step":"load"})", R"(step_completed{"step":"load"})",
                                   R"(step_started{"step":"index"})", R"(step_completed{"step":"index"})"});
}

TEST_CASE("a job's own tracker is its progress, whatever its steps count; a step can fail and the job go on") {
    virtual_world world;
    recorder record;
    job_manager manager(world.executor(), record.sink());
    manager.submit({}, [](job_context job) -> net::awaitable<void> {
        job.tracker({.total = 100}).advance(7);
        auto optional = job.begin_step("optional");
        optional.advance();
        optional.fail("not there");
        co_await pass_time(1s);
    });
    world.clock.run();
    for (const auto& r : record.reports)
        if (r.progress) CHECK(r.progress->total == 100.0);
    CHECK(notices(record.reports).back() == R"(step_failed{"step":"optional","message":"not there"})");
    CHECK(record.reports.back().state == job_state::succeeded);
    CHECK((*record.reports.back().steps)[0].state == job_state::failed);
}
