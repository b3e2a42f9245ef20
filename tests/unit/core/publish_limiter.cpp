// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/publish_limiter.hpp>

#include "catch.hpp"

#include <chrono>
#include <limits>
#include <optional>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

const publish_limiter::clock::time_point start{1h};

progress at(double done, std::optional<double> total = {}) { return {.done = done, .total = total}; }

/// Of what was done at 0, 1, 2 … milliseconds, one after the other: what is published.
std::vector<double> published(publish_limit limit, int steps, std::optional<double> total = {}) {
    publish_limiter limiter(limit);
    std::vector<double> result;
    for (int i = 0; i <= steps; ++i)
        if (limiter.admit(at(i, total), start + i * 1ms, i == steps)) result.push_back(i);
    return result;
}

} // namespace

TEST_CASE("limiter: every so often, the first and the last always") {
    CHECK(published({.min_interval = 100ms}, 250) == std::vector<double>{0, 100, 200, 250});
    CHECK(published({.min_interval = 0ms}, 3) == std::vector<double>{0, 1, 2, 3});
    CHECK(published({.min_interval = 1h}, 3) == std::vector<double>{0, 3});
}

TEST_CASE("limiter: every so many") {
    CHECK(published({.min_interval = 0ms, .every_count = 100}, 250) == std::vector<double>{0, 100, 200, 250});
    publish_limiter limiter({.min_interval = 0ms, .every_count = 10});
    CHECK(limiter.admit(at(0), start));
    CHECK(limiter.admit(at(47), start)); // several at once are one
    CHECK_FALSE(limiter.admit(at(49), start));
    CHECK(limiter.admit(at(50), start)); // round numbers, not ten more than what was published
    CHECK(limiter.admit(at(12), start)); // going back is news
}

TEST_CASE("limiter: every so many percent") {
    CHECK(published({.min_interval = 0ms, .every_percent = 25}, 400, 400) ==
          std::vector<double>{0, 100, 200, 300, 400});
    publish_limiter limiter({.min_interval = 0ms, .every_percent = 1});
    CHECK(limiter.admit(at(1), start));
    CHECK_FALSE(limiter.admit(at(1000), start)); // no total, no percent
    CHECK(limiter.admit(at(1000, 4000), start)); // there is one
    CHECK(limiter.admit(at(1000, 2000), start)); // another total
    CHECK(limiter.admit(at(1000), start));       // none after all
}

TEST_CASE("limiter: either step, but never more often than the interval") {
    const publish_limit limit{.min_interval = 10ms, .every_count = 7, .every_percent = 10};
    CHECK(published(limit, 40, 100) == std::vector<double>{0, 10, 20, 30, 40});
    CHECK(published({.min_interval = 0ms, .every_count = 7, .every_percent = 10}, 22, 100) ==
          std::vector<double>{0, 7, 10, 14, 20, 21, 22});
}

TEST_CASE("limiter: not later than the longest interval, if there is something") {
    const publish_limit limit{.min_interval = 10ms, .max_interval = 50ms, .every_count = 1000};
    CHECK(published(limit, 120) == std::vector<double>{0, 50, 100, 120});
}

TEST_CASE("limiter: when what was held back will be published") {
    publish_limiter limiter({.min_interval = 10ms, .max_interval = 50ms, .every_count = 100});
    CHECK_FALSE(limiter.next());
    CHECK(limiter.admit(at(0), start));
    CHECK_FALSE(limiter.next());
    CHECK_FALSE(limiter.admit(at(150), start + 1ms));
    CHECK(limiter.next() == start + 10ms); // a step that is too early
    CHECK(limiter.admit(at(150), *limiter.next()));
    CHECK_FALSE(limiter.admit(at(160), start + 30ms));
    CHECK(limiter.next() == start + 60ms); // no step
    CHECK_FALSE(limiter.admit(at(160), start + 60ms - 1ns));
    CHECK(limiter.admit(at(160), start + 60ms));
    CHECK_FALSE(limiter.next());

    publish_limiter patient({.min_interval = 0ms, .every_count = 100});
    CHECK(patient.admit(at(0), start));
    CHECK_FALSE(patient.admit(at(1), start + 1000h));
    CHECK(patient.next() == publish_limiter::clock::time_point::max());
}

TEST_CASE("limiter: the last is never held back, whatever came just before, and after reset() there is a first again") {
    publish_limiter limiter({.min_interval = 1h, .every_count = 1000});
    CHECK(limiter.admit(at(1), start));
    CHECK(limiter.admit(at(1), start, true));
    CHECK(limiter.admit(at(1), start, true));
    CHECK_FALSE(limiter.admit(at(1), start - 2h)); // time that goes back stands still
    limiter.reset();
    CHECK(limiter.admit(at(1), start));
}

TEST_CASE("limiter: which limits make sense") {
    CHECK(publish_limit{}.valid());
    CHECK(publish_limit{.min_interval = 0ms, .max_interval = 1ms, .every_count = 1, .every_percent = 0.5}.valid());
    CHECK_FALSE(publish_limit{.min_interval = -1ms}.valid());
    CHECK_FALSE(publish_limit{.min_interval = 1s, .max_interval = 1s}.valid());
    CHECK_FALSE(publish_limit{.every_count = 0.0}.valid());
    CHECK_FALSE(publish_limit{.every_percent = std::numeric_limits<double>::quiet_NaN()}.valid());
    publish_limiter for_ever({.min_interval = std::chrono::steady_clock::duration::max()});
    CHECK(for_ever.admit(at(0), start));
    CHECK_FALSE(for_ever.admit(at(1), start + 1000h));
}
