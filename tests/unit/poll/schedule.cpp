// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/schedule.hpp>

#include "catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

using time_point = poll_schedule::time_point;
constexpr time_point start{1h};

} // namespace

TEST_CASE("schedule: the first poll is due at the start, the others an interval after each answer") {
    poll_schedule plan({.interval = 15s, .jitter = 0}, start, 1);
    CHECK(plan.next() == start);
    CHECK(plan.answered(start + 1s) == start + 16s);
    CHECK(plan.next() == start + 16s);
    CHECK(plan.answered(start + 20s) == start + 35s);
    CHECK_FALSE(plan.deadline());
}

TEST_CASE("schedule: jitter spreads the intervals over its whole range and leaves their mean") {
    poll_schedule plan({.interval = 10s, .jitter = 0.2}, start, 7);
    double sum = 0;
    double low = 1e9;
    double high = 0;
    for (int i = 0; i < 10000; ++i) {
        const double s = std::chrono::duration<double>(*plan.answered(start) - start).count();
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
    const auto times = [](std::uint64_t seed) {
        poll_schedule plan({}, start, seed);
        std::vector<time_point> result;
        for (int i = 0; i < 10; ++i) result.push_back(*(i % 3 != 0 ? plan.answered(start) : plan.failed(start)));
        return result;
    };
    CHECK(times(5) == times(5));
    CHECK(times(5) != times(6));
}

TEST_CASE("schedule: failures in a row back off by the formula, an answer starts anew") {
    const backoff on_error{.min = 2s, .max = 20s};
    poll_schedule plan({.interval = 15s, .on_error = on_error}, start, 3);
    auto longest = on_error.min;
    for (std::uint32_t round = 0; round < 200; ++round) {
        for (std::uint32_t n = 1; n <= 8; ++n) {
            const auto delay = *plan.failed(start) - start;
            CHECK(plan.failures() == n);
            CHECK(delay >= on_error.min);
            CHECK(delay <= on_error.ceiling(n));
            longest = std::max<std::chrono::nanoseconds>(longest, delay);
        }
        plan.answered(start);
        CHECK(plan.failures() == 0);
    }
    CHECK(longest > 19s);
}

TEST_CASE("schedule: one last poll exactly at the deadline, then it is over") {
    poll_schedule plan({.interval = 15s, .jitter = 0, .on_error = {.min = 2s}, .deadline = 40s}, start, 1);
    CHECK(plan.deadline() == start + 40s);
    CHECK(plan.answered(start) == start + 15s);
    CHECK(plan.answered(start + 15s) == start + 30s);
    CHECK(plan.answered(start + 30s) == start + 40s);
    CHECK_FALSE(plan.answered(start + 40s));
    CHECK_FALSE(plan.next());
}

TEST_CASE("schedule: a poll just before the deadline is put off until then") {
    poll_schedule plan({.interval = 15s, .jitter = 0, .on_error = {.min = 2s}, .deadline = 16s}, start, 1);
    CHECK(plan.answered(start) == start + 16s);
    poll_schedule wider({.interval = 15s, .jitter = 0, .on_error = {.min = 2s}, .deadline = 17s}, start, 1);
    CHECK(wider.answered(start) == start + 15s);
}

TEST_CASE("schedule: a poll that ends after the deadline was the last") {
    poll_schedule plan({.interval = 15s, .deadline = 40s}, start, 1);
    CHECK_FALSE(plan.answered(start + 41s));
    poll_schedule failing({.interval = 15s, .deadline = 40s}, start, 1);
    CHECK_FALSE(failing.failed(start + 40s));
}

TEST_CASE("schedule: odd options do no harm") {
    poll_schedule none({.interval = 0s, .jitter = -1, .deadline = -5s}, start, 1);
    CHECK(none.next() == start);
    CHECK_FALSE(none.answered(start));
    poll_schedule zero({.interval = 0s, .jitter = 9}, start, 1);
    CHECK(*zero.answered(start) > start);
    poll_schedule endless({.interval = std::chrono::nanoseconds::max(), .jitter = 1}, start, 1);
    for (int i = 0; i < 100; ++i) CHECK(*endless.answered(start) > start);
    CHECK(*endless.answered(time_point::max()) == time_point::max());
}
