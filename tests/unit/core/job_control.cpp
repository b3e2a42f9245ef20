// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/job_control.hpp>

#include "catch.hpp"

#include <cstddef>

using namespace telltale;

TEST_CASE("commands have names that read back") {
    for (std::size_t i = 0; i < job_command_count; ++i) {
        const auto c = static_cast<job_command>(i);
        CHECK_FALSE(to_string(c).empty());
        CHECK(parse_job_command(to_string(c)) == c);
    }
    CHECK_FALSE(parse_job_command("explode"));
    CHECK(to_string(command_result::unknown_job) == "unknown_job");
}
