// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/poller_options.hpp>

#include <telltale/error.hpp>
#include <telltale/poll/status_poller.hpp>

#include "catch.hpp"
#include "unit/poll/poller_fixture.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

// What the guide promises of a poller to which nothing was said: docs/guide/schedules.md, states.md, errors_and_retries.md.

using namespace telltale;
using namespace telltale::testing;
using namespace std::chrono_literals;

namespace {

struct as_it_stands : telltale_test::poller_fixture {
    std::vector<std::chrono::nanoseconds> polled{};

    /// Runs for so long in small steps, and notes when there was a poll.
    void look(std::chrono::nanoseconds all) {
        const auto end = now() + all;
        while (now() < end) {
            const std::size_t before = source.polls();
            clock.run_for(10ms);
            if (source.polls() != before) polled.push_back(now());
        }
    }
};

} // namespace

TEST_CASE_METHOD(as_it_stands, "poller_options: by default a job is asked for every 15 s, a tenth more or less") {
    source.script("1", {says(job_state::running)});
    make().watch("1");
    look(10min);
    REQUIRE(polled.size() > 30);
    bool sooner = false;
    bool later = false;
    for (std::size_t i = 2; i < polled.size(); ++i) { // the first is at once, and the second at its phase
        const auto between = polled[i] - polled[i - 1];
        CHECK(between >= 13500ms - 10ms);
        CHECK(between <= 16500ms + 10ms);
        sooner = sooner || between < 14s;
        later = later || between > 16s;
    }
    CHECK(sooner);
    CHECK(later);
}

TEST_CASE_METHOD(as_it_stands,
                 "poller_options: by default ten polls are under way at once, and given up after 2 minutes") {
    for (int i = 0; i < 25; ++i) {
        source.script(std::to_string(i), {says(job_state::running).after(1h)});
    }
    make();
    for (int i = 0; i < 25; ++i) poller->watch(std::to_string(i));
    clock.run_for(2min - 1s);
    CHECK(source.most_at_once() == 10);
    CHECK(source.polls() == 10);
    CHECK(sink.reports().empty());
    clock.run_for(2s);
    CHECK(sink.reports().size() == 10);
    CHECK(source.most_at_once() == 10);
}

TEST_CASE_METHOD(as_it_stands, "poller_options: by default a job that cannot be asked for goes on, however long") {
    source.script("1", {fails(net::error::connection_refused)});
    make().watch("1");
    clock.run_for(24h);
    CHECK(source.polls() > 100);
    CHECK(sink.states("1").empty());
    CHECK(poller->watching() == 1);
    using healths = std::vector<watch_state>;
    const auto told = sink.healths("1");
    CHECK(healths(told.begin(), told.begin() + 3) ==
          healths{watch_state::degraded, watch_state::degraded, watch_state::unreachable});
}

TEST_CASE_METHOD(as_it_stands, "poller_options: by default a job is lost when it was not found three times") {
    source.script("1", {says(not_found())});
    make().watch("1");
    const auto r = wait("1");
    clock.run();
    CHECK(source.polls() == 3);
    CHECK(r->last.state == job_state::lost);
}

TEST_CASE_METHOD(as_it_stands, "poller_options: by default the last thousand ends are remembered") {
    make();
    for (int i = 0; i < 1001; ++i) {
        source.script(std::to_string(i), {says(job_state::succeeded)});
        poller->watch(std::to_string(i));
    }
    clock.run();
    CHECK_FALSE(poller->find("0"));
    CHECK(poller->find("1"));
    CHECK(poller->find("1000"));
}

TEST_CASE_METHOD(as_it_stands, "poller_options: by default nothing is done to a job") {
    status failed;
    failed.state = job_state::failed;
    failed.error = job_error{error_class::network, "oops"}; // such that a retry_policy would try again
    source.script("1", {says(failed)});
    source.script_retry("1", {.as = "1b", .then = {says(job_state::succeeded)}});
    source.script("2", {says(job_state::running)});
    make().watch("1");
    poller->watch("2");
    clock.run_for(1min);
    CHECK(source.retried().empty());
    CHECK(poller->find("1")->state == job_state::failed);
    CHECK_FALSE(sink.reports("2").at(0).control);
    poller->unwatch("2");
    poller.reset();
    clock.run();
    CHECK(source.cancelled().empty());
}

TEST_CASE_METHOD(as_it_stands, "poller_options: by default it is told after 10 minutes that nobody knows a word") {
    source.script("1", {says_word("ODD")});
    make().watch("1");
    clock.run_for(9min);
    CHECK(poller->find("1")->health.state == watch_state::ok);
    clock.run_for(2min);
    CHECK(poller->find("1")->health.state == watch_state::degraded);
}
