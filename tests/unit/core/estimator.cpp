// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/estimator.hpp>

#include "catch.hpp"

#include <chrono>

using namespace telltale;
using namespace std::chrono_literals;

namespace {
const estimator::clock::time_point start{};
}

TEST_CASE("nothing is predicted from nothing") {
    estimator e;
    CHECK_FALSE(e.rate(start));
    e.sample(100, start);
    CHECK_FALSE(e.rate(start + 1h)); // no progress seen yet
    CHECK_FALSE(e.remaining(1000, start + 1h));
}

TEST_CASE("a steady job has its rate from the second sample on") {
    estimator e;
    for (int i = 0; i <= 60; ++i) {
        e.sample(10 * i, start + i * 1s);
        if (i > 0) CHECK(*e.rate(start + i * 1s) == Approx(10.0));
    }
    CHECK(e.remaining(700, start + 60s)->count() == Approx(10.0));
}

TEST_CASE("what was done before the first sample is not part of the rate") {
    estimator e;
    e.sample(1e9, start);
    e.sample(1e9 + 5, start + 1s);
    CHECK(*e.rate(start + 1s) == Approx(5.0));
}

TEST_CASE("a stalled job slows down, however often one looks") {
    estimator e;
    for (int i = 0; i <= 30; ++i) e.sample(10 * i, start + i * 1s);
    const double running = *e.rate(start + 30s);
    for (int i = 31; i <= 60; ++i) e.sample(300, start + i * 1s);
    const double stalled = *e.rate(start + 60s);
    CHECK(stalled < running / 10);
    CHECK(e.remaining(600, start + 60s)->count() > 10 * e.remaining(600, start + 30s)->count());
}

TEST_CASE("going backwards starts anew") {
    estimator e;
    e.sample(0, start);
    e.sample(100, start + 1s);
    e.sample(10, start + 2s);
    CHECK_FALSE(e.rate(start + 2s));
    e.sample(12, start + 3s);
    CHECK(*e.rate(start + 3s) == Approx(2.0));
}

TEST_CASE("a finished job has no time left") {
    estimator e;
    e.sample(10, start);
    CHECK(e.remaining(10, start)->count() == 0);
}
