// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/backoff.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>

using namespace telltale;
using namespace std::chrono_literals;

TEST_CASE("the ceiling doubles from min up to max") {
    const backoff b{2s, 120s};
    CHECK(b.ceiling(1) == 2s);
    CHECK(b.ceiling(2) == 4s);
    CHECK(b.ceiling(6) == 64s);
    CHECK(b.ceiling(7) == 120s);
    CHECK(b.ceiling(UINT32_MAX) == 120s);
    CHECK(b.ceiling(0) == 2s);
}

TEST_CASE("the delay is uniform between min and the ceiling") {
    const backoff b{2s, 120s};
    CHECK(b.delay(1, 0.999) == 2s);
    CHECK(b.delay(3, 0) == 2s);
    CHECK(b.delay(3, 0.5) == 5s);
    CHECK(b.delay(60, 0.5) == 61s);
}

TEST_CASE("no overflow at the ends of the range") {
    const backoff wide{std::chrono::nanoseconds{1}, std::chrono::nanoseconds::max()};
    CHECK(wide.ceiling(200) == std::chrono::nanoseconds::max());
    CHECK(backoff{5s, 1s}.ceiling(4) == 5s); // max below min: min
    CHECK(backoff{0s, 0s}.ceiling(9) == 0s + std::chrono::nanoseconds{0});
}
