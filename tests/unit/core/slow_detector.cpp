// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/slow_detector.hpp>

#include "catch.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <limits>
#include <random>
#include <vector>

using telltale::slow_detector;

namespace {

double median_of(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    const std::size_t n = v.size();
    return n % 2 != 0 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

} // namespace

TEST_CASE("median and MAD are those of the window, whatever comes") {
    const auto window = GENERATE(as<std::size_t>{}, 1, 2, 7, 64);
    slow_detector detector({.window = window});
    CHECK_FALSE(detector.median());
    CHECK_FALSE(detector.mad());
    std::deque<double> latest;
    std::mt19937 random(7);
    std::uniform_int_distribution<int> value(0, 9); // many are equal
    for (int i = 0; i < 300; ++i) {
        latest.push_back(value(random));
        if (latest.size() > window) latest.pop_front();
        detector.sample(latest.back());
        const double middle = median_of({latest.begin(), latest.end()});
        std::vector<double> deviations;
        for (const double x : latest) deviations.push_back(std::fabs(x - middle));
        REQUIRE(*detector.median() == middle);
        REQUIRE(*detector.mad() == median_of(deviations));
    }
}

TEST_CASE("slow is what is far above the median, as the others scatter") {
    slow_detector detector;
    // Median 10, MAD 1: slow above 10 + 3.5 / 0.6745 = 15.19.
    for (const double x : {8.0, 9.0, 10.0, 11.0, 12.0, 9.0, 11.0, 10.0, 10.0}) CHECK_FALSE(detector.sample(x));
    REQUIRE(*detector.median() == 10);
    REQUIRE(*detector.mad() == 1);
    CHECK(*detector.limit() == Approx(10 + 3.5 / 0.6745));
    CHECK_FALSE(detector.sample(15.1));
    CHECK(detector.sample(16));
    CHECK_FALSE(detector.sample(1)); // quick is not slow
}

TEST_CASE("where nothing scatters, half as long again is not slow yet") {
    slow_detector detector;
    for (int i = 0; i < 20; ++i) CHECK_FALSE(detector.sample(10));
    CHECK_FALSE(detector.sample(15));
    CHECK(detector.sample(15.1));
}

TEST_CASE("nothing is slow before there is something to compare with, nor what is no number") {
    slow_detector detector({.min_count = 3});
    CHECK_FALSE(detector.sample(1));
    CHECK_FALSE(detector.sample(100));
    CHECK_FALSE(detector.limit());
    CHECK_FALSE(detector.sample(1));
    CHECK(detector.limit());
    CHECK_FALSE(detector.sample(std::numeric_limits<double>::quiet_NaN()));
    CHECK_FALSE(detector.sample(std::numeric_limits<double>::infinity()));
    CHECK(*detector.median() == 1);
}

TEST_CASE("work that has become slower for good is not told of for ever") {
    slow_detector detector({.window = 16});
    for (int i = 0; i < 100; ++i) detector.sample(10);
    int slow = 0;
    for (int i = 0; i < 100; ++i) slow += detector.sample(50) ? 1 : 0;
    CHECK(slow == 8); // half of the window
}
