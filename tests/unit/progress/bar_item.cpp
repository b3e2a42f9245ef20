// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/bar_item.hpp>

#include "catch.hpp"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

constexpr timestamp start{1000s};

job a_job() {
    job j;
    j.id = "7";
    j.state = job_state::running;
    return j;
}

} // namespace

TEST_CASE("bar_item: a job is told from others by its id, and has its name for people") {
    job j = a_job();
    CHECK(to_bar_item(j).key == "7");
    CHECK(to_bar_item(j).name == "7");
    j.name = "asio";
    CHECK(to_bar_item(j).key == "7");
    CHECK(to_bar_item(j).name == "asio");
}

TEST_CASE("bar_item: what a job shows of itself") {
    job j = a_job();
    j.state = job_state::queued;
    j.progress = progress{.done = 1, .total = 4};
    j.queue_position = 3;
    j.health.state = watch_state::degraded;
    j.attempt = 2;
    const bar_item item = to_bar_item(j);
    CHECK(item.state == job_state::queued);
    CHECK(item.progress == j.progress);
    CHECK(item.queue_position == 3U);
    CHECK(item.health == watch_state::degraded);
    CHECK(item.attempt == 2);
    CHECK(item.note.empty());
    CHECK(item.parts.empty());
    CHECK_FALSE(to_bar_item(a_job()).progress);
}

TEST_CASE("bar_item: a job has taken the time until its end, or until now") {
    job j = a_job();
    CHECK_FALSE(to_bar_item(j, start).elapsed); // nobody knows when it began
    j.started = start;
    CHECK_FALSE(to_bar_item(j).elapsed);
    CHECK(to_bar_item(j, start + 5s).elapsed == 5s);
    CHECK(to_bar_item(j, start).elapsed == 0s);
    CHECK_FALSE(to_bar_item(j, start - 1ms).elapsed); // another machine's clock
    j.finished = start + 2s;
    CHECK(to_bar_item(j).elapsed == 2s);
    CHECK(to_bar_item(j, start + 5s).elapsed == 2s);
}

TEST_CASE("bar_item: the note is the error, or else what a job waits for") {
    job j = a_job();
    j.approval = approval_request{.what = "the plan"};
    CHECK(to_bar_item(j).note == "waits for approval of the plan");
    j.error = job_error{error_class::api, "refused"};
    CHECK(to_bar_item(j).note == "refused");
}

TEST_CASE("bar_item: the steps of a job are its parts, in their order") {
    job j = a_job();
    j.steps = std::make_shared<const std::vector<job_step>>(std::vector<job_step>{
        {.name = "load", .state = job_state::succeeded, .started = start, .finished = start + 2s},
        {.name = "index", .state = job_state::running, .progress = progress{.done = 1}, .started = start + 2s},
        {.name = "check"}});
    const bar_item item = to_bar_item(j, start + 5s);
    REQUIRE(item.parts.size() == 3);
    CHECK(item.parts[0].name == "load");
    CHECK(item.parts[0].state == job_state::succeeded);
    CHECK(item.parts[0].elapsed == 2s);
    CHECK_FALSE(item.parts[0].progress);
    CHECK(item.parts[1].name == "index");
    CHECK(item.parts[1].progress == progress{.done = 1});
    CHECK(item.parts[1].elapsed == 3s);
    CHECK(item.parts[2].state == job_state::pending);
    CHECK_FALSE(item.parts[2].elapsed);
}

TEST_CASE("bar_item: a stage is shown as a job in the state that is like its own") {
    for (const auto& [stage, state] : {std::pair{stage_state::pending, job_state::pending},
                                       {stage_state::running, job_state::running},
                                       {stage_state::done, job_state::succeeded},
                                       {stage_state::failed, job_state::failed}}) {
        stage_snapshot s;
        s.name = "build";
        s.state = stage;
        s.elapsed = 7s;
        s.message = "why";
        s.value = progress{.done = 3, .total = 4};
        const bar_item item = to_bar_item(s);
        CHECK(item.state == state);
        CHECK(item.name == "build");
        CHECK(item.key.empty());
        CHECK(item.note == "why");
        CHECK(item.progress == s.value);
        if (stage == stage_state::pending)
            CHECK_FALSE(item.elapsed); // it has not begun
        else
            CHECK(item.elapsed == 7s);
    }
}

TEST_CASE("bar_item: the stages that a stage is made of are its parts, however deep") {
    stage_snapshot leaf;
    leaf.name = "leaf";
    stage_snapshot branch;
    branch.name = "branch";
    branch.children = {leaf, leaf};
    stage_snapshot root;
    root.children = {branch, leaf};
    const bar_item item = to_bar_item(root);
    REQUIRE(item.parts.size() == 2);
    CHECK(item.parts[0].name == "branch");
    REQUIRE(item.parts[0].parts.size() == 2);
    CHECK(item.parts[0].parts[1].name == "leaf");
    CHECK(item.parts[1].name == "leaf");
    CHECK(item.parts[1].parts.empty());
}
