// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/token_bucket.hpp>

#include "catch.hpp"

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;
using time_point = token_bucket::clock::time_point;

namespace {

constexpr time_point start{1h};

} // namespace

TEST_CASE("a bucket is full at first, is emptied at once, and fills at its rate") {
    token_bucket b({.per_second = 10, .burst = 5}, start);
    CHECK(b.available(start) == 5);
    CHECK(b.try_take(5, start));
    CHECK_FALSE(b.try_take(1, start));
    CHECK_FALSE(b.try_take(1, start + 99ms));
    CHECK(b.available(start + 50ms) == Approx(0.5));
    CHECK(b.try_take(1, start + 100ms));
    CHECK(b.available(start + 1h) == 5); // full, not more
    CHECK(b.try_take(0, start));
}

TEST_CASE("a bucket says when") {
    token_bucket b({.per_second = 4, .burst = 3}, start);
    CHECK(b.ready_at(3, start) == start);
    CHECK(b.try_take(3, start));
    CHECK(b.ready_at(1, start) == start + 250ms);
    CHECK(b.ready_at(3, start + 100ms) == start + 750ms);
    CHECK(b.ready_at(3, start + 2h) == start + 2h);
    CHECK(b.ready_at(4, start) == time_point::max()); // never: more than the burst
    token_bucket dry({.per_second = 0, .burst = 1}, start);
    CHECK(dry.try_take(1, start));
    CHECK(dry.ready_at(1, start) == time_point::max());
    CHECK(dry.available(start + 1000h) == 0);
    token_bucket slow({.per_second = std::numeric_limits<double>::min(), .burst = 1}, start);
    CHECK(slow.try_take(1, start));
    CHECK(slow.ready_at(1, start) == time_point::max()); // after the end of time
}

TEST_CASE("a new limit counts from now on") {
    token_bucket b({.per_second = 10, .burst = 10}, start);
    CHECK(b.try_take(10, start));
    b.set_limit({.per_second = 1, .burst = 10}, start + 500ms); // 5 have come at the former rate
    CHECK(b.available(start + 500ms) == Approx(5));
    CHECK(b.available(start + 1500ms) == Approx(6));
    b.set_limit({.per_second = 1, .burst = 2}, start + 1500ms);
    CHECK(b.available(start + 1500ms) == 2);
    b.set_limit({.per_second = 1, .burst = 100}, start + 1500ms); // room, no tokens
    CHECK(b.available(start + 1500ms) == 2);
    CHECK(b.limit() == rate_limit{1, 100});
}

TEST_CASE("time that goes backwards stands still") {
    token_bucket b({.per_second = 10, .burst = 10}, start);
    CHECK(b.try_take(10, start));
    CHECK(b.available(start - 1h) == 0);
    CHECK_FALSE(b.try_take(1, start - 1h));
    CHECK(b.ready_at(1, start - 1h) == start + 100ms);
    CHECK(b.available(start + 1s) == Approx(10));
}

TEST_CASE("to ask often does not keep a bucket from filling") {
    token_bucket b({.per_second = 0.001, .burst = rate_limit::max_burst}, start);
    CHECK(b.try_take(rate_limit::max_burst / 2, start));
    const double before = b.available(start);
    for (int i = 1; i <= 1000; ++i) CHECK_FALSE(b.try_take(rate_limit::max_burst, start + std::chrono::nanoseconds{i}));
    CHECK(b.available(start + 3000s) - before == Approx(3).epsilon(1e-3));
}

TEST_CASE("which limits are valid") {
    CHECK(rate_limit{}.valid());
    CHECK(rate_limit{0, 1}.valid());
    CHECK(rate_limit{1e12, rate_limit::max_burst}.valid());
    CHECK_FALSE(rate_limit{1, 0}.valid());
    CHECK_FALSE(rate_limit{1, rate_limit::max_burst + 1}.valid());
    CHECK_FALSE(rate_limit{-1, 1}.valid());
    CHECK_FALSE(rate_limit{std::numeric_limits<double>::quiet_NaN(), 1}.valid());
    CHECK_FALSE(rate_limit{std::numeric_limits<double>::infinity(), 1}.valid());
}

TEST_CASE("over any time t no more than burst + rate * t are taken, and what ready_at promises is kept") {
    std::mt19937_64 random(20260101);
    const auto uniform = [&random](double low, double high) {
        return std::uniform_real_distribution<double>(low, high)(random);
    };
    for (int run = 0; run < 300; ++run) {
        const rate_limit limit{std::pow(10.0, uniform(-6, 9)), static_cast<std::size_t>(std::pow(10.0, uniform(0, 9)))};
        token_bucket b(limit, start);
        time_point now = start;
        std::vector<std::pair<time_point, double>> taken;
        for (int i = 0; i < 40; ++i) {
            const auto n = static_cast<std::size_t>(uniform(1, static_cast<double>(limit.burst)));
            const double pause = uniform(0, 2) * static_cast<double>(n) / limit.per_second;
            now += std::chrono::nanoseconds{static_cast<std::int64_t>(std::min(pause * 1e9, 1e15))};
            const auto ready = b.ready_at(n, now);
            if (ready > now + std::chrono::hours{24 * 365}) continue;
            CAPTURE(run, i, n, limit.per_second, limit.burst);
            if (ready > now) {
                REQUIRE_FALSE(b.try_take(n, now));
                const auto missing_ns = static_cast<double>((ready - now).count());
                if (missing_ns * 1e-9 * limit.per_second > 1e-3) { // not just a rounding away
                    const auto half = now + (ready - now) / 2;
                    REQUIRE_FALSE(b.try_take(n, half));
                }
            }
            now = ready;
            REQUIRE(b.try_take(n, now));
            taken.emplace_back(now, static_cast<double>(n));
            double sum = 0;
            for (auto it = taken.rbegin(); it != taken.rend(); ++it) {
                sum += it->second;
                const double seconds = std::chrono::duration<double>(now - it->first).count();
                REQUIRE(sum <= (static_cast<double>(limit.burst) + seconds * limit.per_second) * (1 + 1e-9) + 1e-5);
            }
        }
    }
}
