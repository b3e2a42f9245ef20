// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/testing/simulated_api.hpp>

#include "catch.hpp"
#include "support.hpp"

#include <telltale/poll/circuit_breaker.hpp>
#include <telltale/poll/poll_budget.hpp>
#include <telltale/poll/poll_error.hpp>
#include <telltale/poll/schedule.hpp>
#include <telltale/sync/timer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;
using testing::simulated_api;

static_assert(batch_status_source<simulated_api> && cancelling_source<simulated_api> && retrying_source<simulated_api>);

namespace {

net::awaitable<void> pause_for(std::chrono::nanoseconds d) {
    timer t(co_await net::this_coro::executor);
    t.expires_after(d);
    co_await t.async_wait(net::use_awaitable);
}

net::awaitable<std::vector<status>> look_every(simulated_api api, job_id id, std::chrono::nanoseconds gap, int times) {
    std::vector<status> seen;
    for (int i = 0; i < times; ++i) {
        seen.push_back(co_await api.poll(id));
        co_await pause_for(gap);
    }
    co_return seen;
}

std::vector<status> look(virtual_world& world, simulated_api api, job_id id, std::chrono::nanoseconds gap, int times) {
    std::vector<status> seen;
    net::co_spawn(world.context, look_every(std::move(api), std::move(id), gap, times),
                  [&](std::exception_ptr e, std::vector<status> s) {
                      rethrow{}(e);
                      seen = std::move(s);
                  });
    world.clock.run();
    REQUIRE(seen.size() == static_cast<std::size_t>(times));
    return seen;
}

/// What a poll failed with.
net::awaitable<poll_error> failure_of(simulated_api api, job_id id) {
    try {
        co_await api.poll(std::move(id));
    } catch (const poll_error& e) {
        co_return e;
    }
    throw std::runtime_error("the poll succeeded");
}

net::awaitable<void> cancel_and_retry(simulated_api api, virtual_world* world) {
    std::vector<job_id> ids{"b", "x", "a"};
    co_await pause_for(2s);
    const auto before = world->clock.now();
    const auto answers = co_await api.poll_many(ids);
    CHECK(world->clock.now() - before == 100ms);
    CHECK(answers[0].state == job_state::failed);
    CHECK(answers[0].error);
    CHECK_FALSE(answers[1].found);
    CHECK(answers[2].state == job_state::running);
    const auto of_a = co_await api.cancel("a");
    CHECK(of_a == command_result::accepted);
    const auto of_b = co_await api.cancel("b");
    CHECK(of_b == command_result::refused);
    const auto of_nobody = co_await api.cancel("x");
    CHECK(of_nobody == command_result::unknown_job);
    const auto not_yet = co_await api.poll("a");
    CHECK(not_yet.state == job_state::running);
    co_await pause_for(1s);
    const auto then = co_await api.poll("a");
    CHECK(then.state == job_state::cancelled);
    const auto new_id = co_await api.retry("b");
    CHECK(new_id == "b");
    const auto again = co_await api.poll("b");
    CHECK(again.state == job_state::running);
    CHECK(again.attempt == 2);
}

net::awaitable<void> run_into_limits(simulated_api api) {
    const auto answer = co_await api.poll("a");
    CHECK(answer.hint.left == 0U);
    CHECK(answer.hint.window == 4s);
    CHECK(answer.hint.interval == 3s);
    const auto refused = co_await failure_of(api, "a");
    CHECK(refused.kind() == error_class::resource);
    CHECK(refused.http_status() == 429);
    CHECK(refused.hint().retry_after == 4s);
    CHECK(api.counts().too_early == 0);
    CHECK(api.counts().too_often == 1);
    co_await pause_for(3s);
    co_await failure_of(api, "a");
    CHECK(api.counts().too_early == 1);
    co_await pause_for(97s);
    const auto broken = co_await failure_of(api, "a");
    CHECK(broken.http_status() == 500);
    CHECK(broken.kind() == error_class::api);
    co_await pause_for(100s);
    const auto down = co_await failure_of(api, "a");
    CHECK(down.kind() == error_class::network);
    CHECK(down.http_status() == 0);
}

/// A poller of the plain machines alone: what status_poller is made of, in thirty lines. Counts what it does.
struct small_poller {
    small_poller(simulated_api a, schedule_options how, breaker_options b, std::shared_ptr<poll_budget> budget_)
        : api(std::move(a)), options(how), breaker_opts(b), budget(std::move(budget_)) {}

    simulated_api api;
    schedule_options options;
    breaker_options breaker_opts;
    std::shared_ptr<poll_budget> budget;
    circuit_breaker breaker{breaker_opts, 1};
    duration_history learned{};
    std::uint64_t seeds = 1;
    std::size_t over = 0;
};

net::awaitable<void> watch_to_the_end(small_poller* p, job_id id) {
    const auto executor = co_await net::this_coro::executor;
    timer t(executor);
    timer woken(executor);
    poll_budget::member member(p->budget, [&woken] { woken.cancel(); });
    const std::uint64_t n = p->seeds++;
    poll_schedule plan(p->options, t.now(), n, {}, poll_schedule::spread_phase(n));
    while (true) {
        t.expires_at(*plan.next());
        co_await t.async_wait(net::use_awaitable);
        auto pass = p->breaker.try_pass(t.now());
        while (!pass) {
            t.expires_at(std::max(p->breaker.until(), t.now() + 1s));
            co_await t.async_wait(net::use_awaitable);
            pass = p->breaker.try_pass(t.now());
        }
        auto leave = member.try_start(t.now());
        while (!leave.permit) {
            woken.expires_at(leave.again);
            co_await woken.async_wait(as_result);
            leave = member.try_start(t.now());
        }
        bool failed = false;
        poll_hint hint;
        try {
            const status s = co_await p->api.poll(id);
            hint = s.hint;
            p->budget->observe(hint, t.now());
            p->breaker.succeeded(*pass, t.now());
            if (s.state && is_terminal(*s.state)) {
                if (const auto ran = plan.ran(t.now())) p->learned.add(*ran);
                ++p->over;
                co_return;
            }
            poll_observation seen;
            seen.running = s.state != job_state::queued;
            seen.progress = s.progress ? &*s.progress : nullptr;
            seen.learned = &p->learned;
            seen.hint = &hint;
            plan.answered(t.now(), seen);
        } catch (const poll_error& e) {
            hint = e.hint();
            failed = true;
            p->budget->observe(hint, t.now());
            if (e.http_status() == 429)
                p->breaker.succeeded(*pass, t.now());
            else
                p->breaker.failed(*pass, t.now());
        }
        if (failed) plan.failed(t.now(), &hint);
    }
}

} // namespace

TEST_CASE("simulated_api: a job waits, runs with progress, and ends") {
    virtual_world world;
    simulated_api api(world.executor(), {.latency = 0s});
    api.add("a", {.queued = 10s, .runs = 20s, .kind = "build", .progress_step = 0.1, .tells_times = true});
    const auto seen = look(world, api, "a", 5s, 7);
    CHECK(seen[0].state == job_state::queued);
    CHECK(seen[1].word == "queued");
    CHECK(seen[2].state == job_state::running);
    CHECK(seen[3].progress->percent() == Approx(20)); // a quarter, rounded down
    CHECK(seen[4].progress->percent() == Approx(50));
    CHECK(*seen[4].started - *seen[4].created == 10s);
    CHECK_FALSE(seen[5].finished);
    CHECK(seen[6].state == job_state::succeeded);
    CHECK(*seen[6].finished - *seen[6].started == 20s);
    CHECK(seen[6].kind == "build");
    CHECK(api.seen("a").ends == 30s);
    CHECK(api.seen("a").end_seen == 30s);
    CHECK(api.seen("a").polls == 7);
    CHECK(api.counts().requests == 7);
    CHECK_FALSE(look(world, api, "nobody", 0s, 1)[0].found);
}

TEST_CASE("simulated_api: many jobs in one request, cancelled, and started again") {
    virtual_world world;
    simulated_api api(world.executor(), {.latency = 100ms, .batch_limit = 10});
    api.add("a", {.runs = 1h});
    api.add("b", {.runs = 1s, .end = job_state::failed});
    world.spawn(cancel_and_retry(api, &world));
    world.clock.run();
    CHECK(api.counts().requests == 8);
    CHECK(api.counts().polled == 6);
}

TEST_CASE("simulated_api: limits, errors and outages are poll_errors") {
    virtual_world world;
    simulated_api api(world.executor(), {.latency = 0s,
                                         .rate = rate_limit{0.25, 1},
                                         .tells_limits = true,
                                         .interval = 3s,
                                         .faults = {.bursts = {{100s, 101s}}, .outages = {{200s, 201s}}}});
    api.add("a", {.runs = 1h});
    world.spawn(run_into_limits(api));
    world.clock.run();
    CHECK(api.counts().in_outages == 1);
    CHECK(api.counts().refused == 2);
    CHECK(api.counts().failed == 2);
}

TEST_CASE("simulated_api: lies, and the same ones with the same seed") {
    const auto words = [](std::uint64_t seed) {
        virtual_world world;
        simulated_api api(
            world.executor(),
            {.seed = seed,
             .faults = {.goes_backwards = 0.3, .stale_by = 60s, .unknown_word = 0.1, .progress_lies = 0.2}});
        api.add("a", {.queued = 100s, .runs = 200s});
        std::vector<std::string> result;
        for (const auto& s : look(world, api, "a", 5s, 70))
            result.push_back(s.word + (s.progress ? std::to_string(s.progress->done) : ""));
        return result;
    };
    const auto one = words(1);
    CHECK(one == words(1));
    CHECK(one != words(2));
    CHECK(std::count(one.begin(), one.end(), "DEFRAGMENTING") > 0);
    const auto first_run = std::find_if(one.begin(), one.end(), [](const auto& w) { return w.starts_with("running"); });
    CHECK(std::find(first_run, one.end(), "queued") != one.end());
    CHECK(one.back() == "succeeded");
}

TEST_CASE("simulated_api: polite and complete whatever happens") {
    // The machines together, against an API that limits, fails, lies and goes down: nobody comes before a Retry-After or
    // above a limit, nothing starves, and each end is seen.
    const auto pace = GENERATE(poll_pace::interval, poll_pace::adaptive);
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
        CAPTURE(seed, pace);
        virtual_world world;
        simulated_api api(world.executor(), {.seed = seed,
                                             .latency = 100ms,
                                             .latency_tail = 300ms,
                                             .rate = rate_limit{5, 20},
                                             .max_concurrent = 8,
                                             .tells_limits = seed % 2 == 0,
                                             .interval = seed % 3 == 0 ? 20s : 0s,
                                             .faults = {.error_rate = 0.02,
                                                        .bursts = {{10min, 12min}},
                                                        .burst_rate = 0.8,
                                                        .outages = {{20min, 40min}},
                                                        .goes_backwards = 0.05,
                                                        .unknown_word = 0.05,
                                                        .progress_lies = 0.05}});
        const auto budget =
            std::make_shared<poll_budget>(budget_options{.max_concurrent = 8, .rate = rate_limit{4, 10}});
        small_poller poller(api, {.pace = pace}, {}, budget);
        testing::random_source random(seed);
        constexpr int jobs = 60;
        for (int i = 0; i < jobs; ++i) {
            const auto id = std::to_string(i);
            api.add(id, {.queued = std::chrono::seconds{static_cast<int>(random.uniform(0, 300))},
                         .runs = std::chrono::seconds{static_cast<int>(random.uniform(1, 3600))},
                         .reports_progress = i % 2 == 0});
            world.spawn(watch_to_the_end(&poller, id));
        }
        world.clock.run();
        const auto c = api.counts();
        CHECK(poller.over == jobs);
        CHECK(c.too_early == 0);
        CHECK(c.too_often == 0);
        CHECK(c.too_many_at_once == 0);
        CHECK(c.most_at_once <= 8);
        CHECK(c.refused == 0); // the budget is below the limit
        CHECK(budget->in_use() == 0);
        // 20 minutes: without a breaker 60 jobs would have come some hundred times.
        CHECK(c.in_outages < 30);
        for (int i = 0; i < jobs; ++i) {
            const auto v = api.seen(std::to_string(i));
            REQUIRE(v.end_seen);
            CHECK(v.longest_gap < 40min + 8min); // the outage, and the longest that the breaker stays open
        }
    }
}
