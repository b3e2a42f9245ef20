// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/schedule.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

using time_point = poll_schedule::time_point;
constexpr time_point start{1h};

double seconds_after(std::optional<time_point> t, time_point from = start) {
    return std::chrono::duration<double>(t.value() - from).count();
}

} // namespace

static_assert(sizeof(poll_schedule) == 64);

TEST_CASE("schedule: the first poll is due at the start, the others an interval after each answer") {
    const schedule_options options{.interval = 15s, .jitter = 0};
    poll_schedule plan(options, start, 1);
    CHECK(plan.next() == start);
    CHECK(plan.reason() == poll_reason::first);
    CHECK(plan.may_poll());
    CHECK(plan.answered(start + 1s) == start + 16s);
    CHECK(plan.reason() == poll_reason::interval);
    CHECK(plan.next() == start + 16s);
    CHECK(plan.answered(start + 20s) == start + 35s);
    CHECK_FALSE(plan.deadline());
}

TEST_CASE("schedule: jitter spreads the intervals over its whole range and leaves their mean") {
    const schedule_options options{.interval = 10s, .jitter = 0.2};
    poll_schedule plan(options, start, 7);
    double sum = 0;
    double low = 1e9;
    double high = 0;
    for (int i = 0; i < 10000; ++i) {
        const double s = seconds_after(plan.answered(start));
        sum += s;
        low = std::min(low, s);
        high = std::max(high, s);
    }
    CHECK(low >= 8.0);
    CHECK(low < 8.01);
    CHECK(high <= 12.0);
    CHECK(high > 11.99);
    CHECK(sum / 10000 == Approx(10).margin(0.05));
}

TEST_CASE("schedule: the same seed gives the same times, another seed others") {
    const schedule_options options;
    const auto times = [&](std::uint64_t seed) {
        poll_schedule plan(options, start, seed);
        std::vector<time_point> result;
        for (int i = 0; i < 10; ++i) result.push_back(*(i % 3 != 0 ? plan.answered(start) : plan.failed(start)));
        return result;
    };
    CHECK(times(5) == times(5));
    CHECK(times(5) != times(6));
}

TEST_CASE("schedule: phases spread the polls of watches that begin together, and their intervals stay as long") {
    const schedule_options options{.interval = 100s, .jitter = 0};
    for (const std::uint64_t first : {0U, 12345U}) {
        constexpr std::size_t count = 50;
        std::vector<double> times;
        double sum = 0;
        for (std::uint64_t n = first; n < first + count; ++n) {
            poll_schedule plan(options, start, n, {}, poll_schedule::spread_phase(n));
            const double second = seconds_after(plan.answered(start));
            sum += second;
            times.push_back(second >= 100 ? second - 100 : second);
            CHECK(seconds_after(plan.answered(start)) == 100);
        }
        CHECK(sum / count == Approx(100).margin(2));
        std::sort(times.begin(), times.end());
        for (std::size_t i = 1; i < count; ++i) CHECK(times[i] - times[i - 1] < 3 * 100.0 / count);
    }
}

TEST_CASE("schedule: the pace of the Smithy waiters backs off by the number of answers") {
    const schedule_options options{.pace = poll_pace::backoff, .backoff = {.min = 2s, .max = 20s}};
    double longest = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        poll_schedule plan(options, start, seed);
        for (std::uint32_t n = 1; n <= 100; ++n) {
            const auto delay = *plan.answered(start) - start;
            CHECK(plan.reason() == poll_reason::backoff);
            REQUIRE(delay >= 2s);
            REQUIRE(delay <= options.backoff.ceiling(n));
            longest = std::max(longest, std::chrono::duration<double>(delay).count());
        }
    }
    CHECK(longest > 19);
}

TEST_CASE("schedule: failures in a row back off by the formula, an answer starts anew") {
    const schedule_options options{.interval = 15s, .on_error = {.min = 2s, .max = 20s}};
    poll_schedule plan(options, start, 3);
    auto longest = options.on_error.min;
    for (std::uint32_t round = 0; round < 200; ++round) {
        for (std::uint32_t n = 1; n <= 8; ++n) {
            const auto delay = *plan.failed(start) - start;
            CHECK(plan.failures() == n);
            CHECK(plan.reason() == poll_reason::backoff);
            CHECK(delay >= options.on_error.min);
            CHECK(delay <= options.on_error.ceiling(n));
            longest = std::max<std::chrono::nanoseconds>(longest, delay);
        }
        plan.answered(start);
        CHECK(plan.failures() == 0);
    }
    CHECK(longest > 19s);
}

TEST_CASE("schedule: one last poll exactly at the deadline, then it is over") {
    const schedule_options options{.interval = 15s, .jitter = 0, .on_error = {.min = 2s}};
    poll_schedule plan(options, start, 1, 40s);
    CHECK(plan.deadline() == start + 40s);
    CHECK(plan.answered(start) == start + 15s);
    CHECK(plan.answered(start + 15s) == start + 30s);
    CHECK(plan.reason() == poll_reason::interval);
    CHECK(plan.answered(start + 30s) == start + 40s);
    CHECK(plan.reason() == poll_reason::last_poll);
    CHECK_FALSE(plan.answered(start + 40s));
    CHECK_FALSE(plan.next());
    CHECK_FALSE(plan.asked(start + 41s));
}

TEST_CASE("schedule: a poll just before the deadline is put off until then") {
    const schedule_options options{.interval = 15s, .jitter = 0, .on_error = {.min = 2s}};
    poll_schedule plan(options, start, 1, 16s);
    CHECK(plan.answered(start) == start + 16s);
    poll_schedule wider(options, start, 1, 17s);
    CHECK(wider.answered(start) == start + 15s);
}

TEST_CASE("schedule: a poll that ends after the deadline was the last") {
    const schedule_options options{.interval = 15s};
    poll_schedule plan(options, start, 1, 40s);
    CHECK_FALSE(plan.answered(start + 41s));
    poll_schedule failing(options, start, 1, 40s);
    CHECK_FALSE(failing.failed(start + 40s));
}

TEST_CASE("schedule: what the API asks for is obeyed, after answers and failures") {
    const schedule_options options{.interval = 15s, .jitter = 0, .on_error = {.min = 2s, .max = 2s}};
    poll_schedule plan(options, start, 1);
    const poll_hint shorter{.retry_after = 5s, .interval = 10s};
    CHECK(plan.answered(start, {.hint = &shorter}) == start + 15s);
    CHECK(plan.reason() == poll_reason::interval);
    const poll_hint longer{.interval = 60s};
    CHECK(plan.answered(start, {.hint = &longer}) == start + 60s);
    CHECK(plan.reason() == poll_reason::hint);
    const poll_hint later{.retry_after = 90s, .interval = 60s};
    CHECK(plan.failed(start, &later) == start + 90s);
    CHECK(plan.reason() == poll_reason::hint);
    CHECK(plan.answered(start + 90s) == start + 105s);
}

TEST_CASE("schedule: when a hint forbids the last poll, there is none") {
    const schedule_options options{.interval = 15s, .jitter = 0};
    poll_schedule plan(options, start, 1, 40s);
    const poll_hint late{.retry_after = 41s};
    CHECK(plan.failed(start, &late) == start + 40s);
    CHECK_FALSE(plan.may_poll());
    const poll_hint in_time{.retry_after = 20s};
    CHECK(plan.failed(start + 20s, &in_time) == start + 40s);
    CHECK(plan.may_poll());
}

TEST_CASE("schedule: when something was asked of the job, it is looked at soon") {
    const schedule_options options{.interval = 60s, .jitter = 0, .on_error = {.min = 2s, .max = 120s}};
    poll_schedule plan(options, start, 1);
    plan.answered(start);
    CHECK(plan.asked(start + 1s) == start + 1s);
    CHECK(plan.reason() == poll_reason::command);
    CHECK(plan.answered(start + 1s) == start + 3s);
    CHECK(plan.reason() == poll_reason::command);
    time_point now = start + 3s;
    for (std::uint32_t n = 2; n < 10; ++n) {
        const auto due = *plan.answered(now);
        CHECK(due - now <= std::min<std::chrono::nanoseconds>(60s, options.on_error.ceiling(n)));
        now = due;
    }
    const poll_hint hint{.interval = 30s};
    plan.answered(now, {.hint = &hint});
    CHECK(plan.asked(now + 1s) == now + 30s); // not before the API allows
}

TEST_CASE("schedule: odd options do no harm") {
    const schedule_options zero{.interval = 0s, .jitter = 9};
    const schedule_options endless{.interval = std::chrono::nanoseconds::max(), .jitter = 1};
    const schedule_options adaptive{
        .pace = poll_pace::adaptive, .interval = 0s, .jitter = -1, .min_interval = -1s, .max_interval = 0s};
    poll_schedule none(zero, start, 1, -5s, -7.0);
    CHECK(none.next() == start);
    CHECK_FALSE(none.answered(start));
    poll_schedule eager(zero, start, 1, {}, 1.0);
    CHECK(*eager.answered(start) > start);
    poll_schedule lazy(endless, start, 1);
    for (int i = 0; i < 100; ++i) CHECK(*lazy.answered(start) > start);
    CHECK(*lazy.answered(time_point::max()) == time_point::max());
    poll_schedule odd(adaptive, start, 1);
    progress p{.done = 50, .total = 100};
    for (int i = 0; i < 100; ++i) {
        p.done = i % 7 * 20;
        CHECK(*odd.answered(start + i * 1s, {.progress = &p}) > start + i * 1s);
    }
}
