// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/schedule.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
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
        CHECK(times.front() < 5);
        CHECK(times.back() > 95);
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

namespace {

/// What it took to see the end of a job.
struct cost {
    int polls = 0;
    double late = 0;
    double shortest = 1e9;
    double longest = 0;
};

template <class Share>
cost watch(const schedule_options& options, double end, Share share, const duration_history* learned = nullptr) {
    poll_schedule plan(options, start, 1);
    cost c;
    progress p{.total = 100};
    for (time_point now = start;; now = *plan.next()) {
        ++c.polls;
        const double t = seconds_after(now);
        if (t >= end) {
            c.late = t - end;
            return c;
        }
        const std::optional<double> done = share(t);
        if (done) p.done = 100 * *done;
        const double next =
            seconds_after(plan.answered(now, {.progress = done ? &p : nullptr, .learned = learned}), now);
        c.shortest = std::min(c.shortest, next);
        c.longest = std::max(c.longest, next);
    }
}

} // namespace

TEST_CASE("schedule: polls close in on the end that progress predicts") {
    const schedule_options options{.pace = poll_pace::adaptive, .jitter = 0};
    for (const double end : {100.0, 600.0, 3600.0}) {
        const cost c = watch(options, end, [&](double t) { return std::floor(100 * t / end) / 100; });
        CAPTURE(end, c.polls, c.late);
        CHECK(c.polls < 6 + end / 60);
        CHECK(c.late < 15.0 / 2);
        CHECK(c.shortest >= 2);
        CHECK(c.longest <= 120);
    }
    // Nothing is rounded, and the pace is steady: the end is known.
    CHECK(watch(options, 1000, [](double t) { return t / 1000; }).late < 1);
}

TEST_CASE("schedule: what the API itself says of the rest is believed") {
    const schedule_options options{.pace = poll_pace::adaptive, .jitter = 0};
    poll_schedule plan(options, start, 1);
    progress p{.done = 5, .total = 10, .remaining = std::chrono::seconds{100}};
    CHECK(seconds_after(plan.answered(start, {.progress = &p})) == Approx(65));
    CHECK(plan.reason() == poll_reason::predicted_end);
    p.remaining = std::chrono::seconds{5};
    CHECK(seconds_after(plan.answered(start, {.progress = &p})) == Approx(5.375));
    p.remaining.reset();
    p.rate = 0.1; // 50 s for the other five
    CHECK(seconds_after(plan.answered(start, {.progress = &p})) == Approx(32.5));
}

TEST_CASE("schedule: a job whose progress stands still is looked at by the interval, neither more nor less often") {
    const schedule_options options{.pace = poll_pace::adaptive, .jitter = 0};
    for (const double stuck : {0.5, 0.99, 1.0}) {
        const cost c = watch(options, 7200, [&](double t) { return std::min(t / 200, stuck); });
        CAPTURE(stuck, c.polls);
        CHECK(c.polls < 480 + 40);
        CHECK(c.late <= 15);
    }
}

TEST_CASE("schedule: progress in coarse steps, backwards, or nonsense is no harm") {
    const schedule_options options{.pace = poll_pace::adaptive};
    CHECK(watch(options, 900, [](double t) { return std::floor(t / 300) / 3; }).polls < 60);
    CHECK(watch(options, 900, [](double t) { return 1 - t / 900; }).polls < 130);
    std::uint32_t noise = 1;
    const cost c =
        watch(options, 3600, [&](double) { return ((noise = noise * 1664525 + 1013904223) >> 8) * 0x1p-24; });
    CHECK(c.shortest >= 2);
    CHECK(c.longest <= 120);
    CHECK(watch(options, 900, [](double) { return 7.0; }).polls < 70); // 700 %
    for (const double odd : {std::nan(""), -1.0, 1e300}) {
        poll_schedule plan(options, start, 1);
        const progress p{.done = odd, .total = 100, .rate = odd, .remaining = std::chrono::duration<double>(odd)};
        CHECK(plan.answered(start, {.progress = &p}) >= start + 2s);
        CHECK(plan.answered(start + 10s, {.progress = &p}) <= start + 130s);
    }
}

TEST_CASE("schedule: without progress polls are where jobs of its kind end, and at the interval while few are known") {
    const schedule_options options{.pace = poll_pace::adaptive, .jitter = 0, .max_interval = 1h};
    duration_history learned;
    for (std::size_t i = 0; i + 1 < duration_history::enough; ++i) learned.add(std::chrono::seconds{600});
    const auto none = [](double) { return std::optional<double>(); };
    CHECK(watch(options, 599, none, &learned).polls == 41);
    for (int i = 0; i < 100; ++i) learned.add(std::chrono::seconds{600});
    const cost c = watch(options, 599, none, &learned);
    CHECK(c.polls < 8);
    CHECK(c.late < 15);
    poll_schedule plan(options, start, 1);
    CHECK(seconds_after(plan.answered(start, {.learned = &learned})) > 500);
    CHECK(plan.reason() == poll_reason::learned_duration);
    // It has run for ten minutes already, the API says.
    CHECK(seconds_after(plan.answered(start, {.running_for = 590s, .learned = &learned})) < 60);
    // Longer than any: nobody knows.
    plan.answered(start, {.running_for = 1h, .learned = &learned});
    CHECK(plan.reason() == poll_reason::interval);
    CHECK(watch(options, 7200, none, &learned).polls < 480);
}

TEST_CASE("schedule: a job that waits is looked at by the interval, and its time begins when it runs") {
    const schedule_options options{.pace = poll_pace::adaptive, .jitter = 0};
    duration_history learned;
    for (int i = 0; i < 100; ++i) learned.add(std::chrono::seconds{600});
    poll_schedule plan(options, start, 1);
    CHECK(plan.answered(start, {.running = false, .learned = &learned}) == start + 15s);
    CHECK(plan.reason() == poll_reason::interval);
    CHECK_FALSE(plan.ran(start + 1h));
    plan.answered(start + 1h, {.learned = &learned});
    CHECK(plan.reason() == poll_reason::learned_duration);
    plan.answered(start + 1h + 100s, {.learned = &learned});
    CHECK(plan.ran(start + 1h + 120s)->count() == Approx(110)); // the end was between the two polls
    plan.restart();
    CHECK_FALSE(plan.ran(start + 1h + 120s));
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
