// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/job_control.hpp>

#include "catch.hpp"

using namespace telltale;

TEST_CASE("commands have names that read back") {
    for (const auto c :
         {job_command::cancel, job_command::pause, job_command::resume, job_command::retry, job_command::approve})
        CHECK(parse_job_command(to_string(c)) == c);
    CHECK_FALSE(parse_job_command("explode"));
    CHECK(to_string(command_result::unknown_job) == "unknown_job");
}
