// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/event/delivery.hpp>

#include "catch.hpp"

#include <memory>

using namespace telltale;

TEST_CASE("a delivery is an event or a gap") {
    const delivery<int> event{{1, 5}, std::make_shared<const int>(7), {}};
    CHECK_FALSE(event.is_gap());
    CHECK(*event == 7);
    const delivery<int> gap{{1, 5}, nullptr, 3};
    CHECK(gap.is_gap());
    CHECK(gap.lost == 3U);
}
