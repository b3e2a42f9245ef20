// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/progress.hpp>

#include "catch.hpp"

#include <cmath>
#include <limits>

using namespace telltale;

TEST_CASE("percent says only what is known") {
    CHECK(progress{.done = 25, .total = 100}.percent() == 25.0);
    CHECK(progress{.done = 0, .total = 100}.percent() == 0.0);
    CHECK(progress{.done = 100, .total = 100}.percent() == 100.0);
    CHECK_FALSE(progress{.done = 25}.percent());
    CHECK_FALSE(progress{.done = 0, .total = 0}.percent());
    CHECK_FALSE(progress{.done = 101, .total = 100}.percent());
    CHECK_FALSE(progress{.done = -1, .total = 100}.percent());
    CHECK_FALSE(progress{.done = std::nan(""), .total = 100}.percent());
    CHECK_FALSE(progress{.done = 1, .total = std::nan("")}.percent());
}

TEST_CASE("units have names that read back") {
    for (const auto u : {progress_unit::items, progress_unit::bytes, progress_unit::steps, progress_unit::shots,
                         progress_unit::percent, progress_unit::seconds})
        CHECK(parse_progress_unit(to_string(u)) == u);
    CHECK_FALSE(parse_progress_unit("parsecs"));
}
