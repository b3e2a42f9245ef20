// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/time.hpp>

#include "catch.hpp"

#include <chrono>

using namespace telltale;
using namespace std::chrono_literals;

TEST_CASE("times are written in RFC 3339 with milliseconds, in UTC") {
    CHECK(to_rfc3339(timestamp{}) == "1970-01-01T00:00:00.000Z");
    CHECK(to_rfc3339(std::chrono::sys_days{2026y / 2 / 28} + 23h + 59min + 59s + 999ms) == "2026-02-28T23:59:59.999Z");
    CHECK(to_rfc3339(std::chrono::sys_days{2024y / 2 / 29} + 1ms) == "2024-02-29T00:00:00.001Z");
    // Rounded down, also before the epoch.
    CHECK(to_rfc3339(timestamp{} - 1us) == "1969-12-31T23:59:59.999Z");
}
