// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/progress_snapshot.hpp>

#include "catch.hpp"

#include <chrono>

using namespace telltale;

TEST_CASE("a snapshot that was made by default has seen nothing, and claims nothing") {
    const progress_snapshot s;
    CHECK(s.revision == 0);
    CHECK_FALSE(s.finished);
    CHECK(s.count == 0);
    CHECK(s.elapsed == std::chrono::seconds{0});
    CHECK(s.value == progress{});
    CHECK_FALSE(s.value.percent());
}
