// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/watch_health.hpp>

#include "catch.hpp"

using namespace telltale;

TEST_CASE("the health of a watch has names that read back, and is ok at first") {
    for (const auto s : {watch_state::ok, watch_state::degraded, watch_state::unreachable, watch_state::stale})
        CHECK(parse_watch_state(to_string(s)) == s);
    CHECK_FALSE(parse_watch_state("failed"));
    CHECK(watch_health{}.state == watch_state::ok);
    CHECK_FALSE(watch_health{}.since);
}
