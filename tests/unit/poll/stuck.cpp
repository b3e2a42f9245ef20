// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/stuck.hpp>

#include "catch.hpp"

#include <chrono>
#include <optional>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

stuck_reason found(job_state s, std::chrono::nanoseconds age, stuck_options options = {},
                   std::optional<std::chrono::nanoseconds> expected = {}, bool never_runs = false) {
    const timestamp now = timestamp{} + 1000h;
    return find_stuck(s, now - std::chrono::duration_cast<timestamp::duration>(age), now, options, expected, never_runs)
        .why;
}

} // namespace

TEST_CASE("stuck: pending over an hour, running over two") {
    CHECK(found(job_state::pending, 1h) == stuck_reason::none);
    CHECK(found(job_state::pending, 1h + 1s) == stuck_reason::pending_too_long);
    CHECK(found(job_state::queued, 1h + 1s) == stuck_reason::pending_too_long);
    CHECK(found(job_state::running, 2h) == stuck_reason::none);
    CHECK(found(job_state::running, 2h + 1s) == stuck_reason::running_too_long);
    CHECK(found(job_state::running, -1s) == stuck_reason::none); // another clock
    CHECK(find_stuck(job_state::running, timestamp{}, timestamp{} + 3h).limit == 2h);
    CHECK(find_stuck(job_state::pending, timestamp{}, timestamp{} + 3h).limit == 1h);
}

TEST_CASE("stuck: a job that is held, or over, is not") {
    for (const auto s : {job_state::paused, job_state::succeeded, job_state::failed, job_state::cancelled,
                         job_state::timed_out, job_state::skipped, job_state::lost}) {
        CHECK(found(s, 900h) == stuck_reason::none);
        CHECK(found(s, 900h, {}, 1s, true) == stuck_reason::none);
    }
}

TEST_CASE("stuck: limits are options, and 0 is none") {
    CHECK(found(job_state::queued, 2min, {.pending = 1min}) == stuck_reason::pending_too_long);
    CHECK(found(job_state::queued, 900h, {.pending = 0s}) == stuck_reason::none);
    CHECK(found(job_state::running, 2min, {.running = 1min}) == stuck_reason::running_too_long);
    CHECK(found(job_state::running, 900h, {.running = 0s}) == stuck_reason::none);
}

TEST_CASE("stuck: where it is known how long such jobs run, that is the limit") {
    CHECK(found(job_state::running, 31min, {}, 10min) == stuck_reason::longer_than_expected);
    CHECK(found(job_state::running, 30min, {}, 10min) == stuck_reason::none);
    CHECK(found(job_state::running, 5h, {}, 2h) == stuck_reason::none); // over `running`
    CHECK(found(job_state::running, 11min, {.times_expected = 0.1}, 10min) == stuck_reason::longer_than_expected);
    CHECK(found(job_state::running, 9min, {.times_expected = 0.1}, 10min) == stuck_reason::none);
    CHECK(found(job_state::running, 3h, {.times_expected = 0}, 10min) == stuck_reason::running_too_long);
    CHECK(found(job_state::running, 3h, {}, 0s) == stuck_reason::running_too_long);
    CHECK(found(job_state::running, 900h, {.times_expected = 1e300}, 10min) == stuck_reason::none);
    CHECK(found(job_state::queued, 59min, {}, 1s) == stuck_reason::none); // of running only
    const auto verdict = find_stuck(job_state::running, timestamp{}, timestamp{} + 31min, {}, 10min);
    CHECK(verdict.limit == 30min);
    CHECK(static_cast<bool>(verdict));
}

TEST_CASE("stuck: a job that will never run is so at once") {
    CHECK(found(job_state::queued, 0s, {}, {}, true) == stuck_reason::never_runs);
    CHECK(found(job_state::pending, 2h, {}, {}, true) == stuck_reason::never_runs);
    CHECK(found(job_state::running, 0s, {}, {}, true) == stuck_reason::none); // it does
    CHECK(to_string(stuck_reason::longer_than_expected) == "longer_than_expected");
}
