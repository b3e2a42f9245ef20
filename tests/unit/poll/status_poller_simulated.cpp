// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/status_poller.hpp>

#include "catch.hpp"
#include "support.hpp"

#include <telltale/testing/simulated_api.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;
using testing::simulated_api;

namespace {

struct scene {
    std::size_t batch = 1;
    poll_pace pace = poll_pace::interval;
    std::uint64_t seed = 1;
};

/// Two pollers with one credential, each with its own jobs, until all are over.
void watch_all(const scene& s) {
    CAPTURE(s.batch, s.pace, s.seed);
    virtual_world world;
    simulated_api api(world.executor(), {.seed = s.seed,
                                         .latency = 100ms,
                                         .latency_tail = 300ms,
                                         .rate = rate_limit{5, 20},
                                         .max_concurrent = 8,
                                         .batch_limit = s.batch,
                                         .tells_limits = s.seed % 2 == 0,
                                         .interval = s.seed % 3 == 0 ? 20s : 0s,
                                         .faults = {.error_rate = 0.02,
                                                    .bursts = {{10min, 12min}},
                                                    .burst_rate = 0.8,
                                                    .outages = {{20min, 40min}},
                                                    .goes_backwards = 0.05,
                                                    .unknown_word = 0.05,
                                                    .progress_lies = 0.05}});
    const auto budget = std::make_shared<poll_budget>(budget_options{.max_concurrent = 8, .rate = rate_limit{4, 10}});
    std::map<job_id, job_state> last;
    const auto sink = [&last](const job_report& r) {
        if (!r.state) return;
        const auto before = last.find(r.id);
        if (before != last.end()) CHECK_FALSE(is_terminal(before->second)); // nothing after the end
        last[r.id] = *r.state;
    };
    std::vector<std::unique_ptr<status_poller>> pollers;
    for (std::uint64_t i = 0; i < 2; ++i)
        pollers.push_back(std::make_unique<status_poller>(
            world.executor(), api, sink,
            poller_options{.seed = s.seed * 10 + i, .pace = s.pace, .budget = budget, .breaker = breaker_options{}}));
    testing::random_source random(s.seed);
    constexpr int jobs = 60;
    for (int i = 0; i < jobs; ++i) {
        const auto id = std::to_string(i);
        api.add(id, {.queued = std::chrono::seconds{static_cast<int>(random.uniform(0, 300))},
                     .runs = std::chrono::seconds{static_cast<int>(random.uniform(1, 3600))},
                     .end = i % 5 == 0 ? job_state::failed : job_state::succeeded,
                     .kind = "simulated",
                     .reports_progress = i % 2 == 0});
        pollers[i % 4 == 0 ? 0 : 1]->watch(id);
    }
    world.clock.run();

    const auto c = api.counts();
    CHECK(c.too_early == 0);
    CHECK(c.too_often == 0);
    CHECK(c.too_many_at_once == 0);
    CHECK(c.refused == 0); // the budget is below the limit
    CHECK(budget->in_use() == 0);
    CHECK(budget->waiting() == 0);
    CHECK(c.in_outages < 60); // 20 minutes; each poller has a breaker
    for (const auto& p : pollers) CHECK(p->watching() == 0);
    for (int i = 0; i < jobs; ++i) {
        const auto id = std::to_string(i);
        const auto v = api.seen(id);
        REQUIRE(v.end_seen);
        CHECK(v.longest_gap < 48min); // the outage, and the longest that the breaker stays open
        CHECK(last[id] == (i % 5 == 0 ? job_state::failed : job_state::succeeded));
    }
}

} // namespace

TEST_CASE("status_poller: polite to an API that limits, fails, lies and goes down, and each end is seen") {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
        watch_all({.batch = 1, .pace = poll_pace::interval, .seed = seed});
        watch_all({.batch = 1, .pace = poll_pace::adaptive, .seed = seed});
        watch_all({.batch = 20, .pace = poll_pace::interval, .seed = seed});
        watch_all({.batch = 20, .pace = poll_pace::adaptive, .seed = seed});
    }
}

// What docs/guide/schedules.md and docs/guide/errors_and_retries.md show.

TEST_CASE("status_poller: the guide's politeness") {
    virtual_world world;
    simulated_api api(world.executor(), {.rate = rate_limit{3, 20}, .faults = {.outages = {{20min, 30min}}}});
    std::size_t over = 0;
    const auto sink = [&over](const job_report& r) { over += r.state && is_terminal(*r.state) ? 1U : 0U; };

    const auto everybody = std::make_shared<poll_budget>(budget_options{.max_concurrent = 10});
    const auto credential = std::make_shared<poll_budget>(
        budget_options{.max_concurrent = 4, .rate = rate_limit{2, 10}, .within = everybody});
    poller_options options;
    options.pace = poll_pace::adaptive;
    options.budget = credential;         // shared by all pollers that use this credential
    options.breaker = breaker_options{}; // leaves an API alone that is down
    status_poller poller(world.executor(), api, sink, options);

    for (int i = 0; i < 40; ++i) {
        api.add(std::to_string(i), {.runs = (i + 1) * 1min});
        poller.watch(std::to_string(i));
    }
    world.clock.run();
    CHECK(over == 40);
    CHECK(api.counts().refused == 0);
    CHECK(everybody->in_use() == 0);
}

TEST_CASE("status_poller: the guide's retry") {
    virtual_world world;
    simulated_api api(world.executor());
    api.add("42", {.runs = 5min, .end = job_state::failed}); // by an error of the API; simulated_api says it once
    std::vector<std::pair<job_state, std::uint32_t>> told;
    const auto sink = [&told](const job_report& r) {
        if (r.state && is_terminal(*r.state)) told.emplace_back(*r.state, r.attempt.value_or(0));
    };

    poller_options options;
    options.retry = retry_policy{.classes = {error_class::network, error_class::api}, .max_retries = 3};
    status_poller poller(world.executor(), api, sink, options);
    poller.watch("42");
    world.clock.run();
    CHECK(poller.find("42")->state == job_state::succeeded);
    CHECK(poller.find("42")->attempt == 2);
    CHECK(told.size() == 2); // that the first attempt has failed is told, too
}
