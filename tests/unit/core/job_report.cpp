// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/job_report.hpp>

#include "catch.hpp"

#include <utility>
#include <vector>

using namespace telltale;

TEST_CASE("a sink is any function that takes a report") {
    std::vector<job_report> heard;
    const job_sink sink = [&heard](job_report r) { heard.push_back(std::move(r)); };
    sink({.id = "42", .state = job_state::running});
    REQUIRE(heard.size() == 1);
    CHECK(heard[0].id == "42");
    CHECK(heard[0].by == reporter::producer);
    CHECK_FALSE(heard[0].progress);

    SECTION("and is given the report itself, not a copy") {
        const job_report* seen = nullptr;
        const job_sink looks = [&seen](const job_report& r) { seen = &r; };
        job_report r{.id = "43"};
        looks(std::move(r));
        CHECK(seen == &r);
    }
}
