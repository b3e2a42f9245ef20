// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/acceptors.hpp>

#include "catch.hpp"

using namespace telltale;

TEST_CASE("words are mapped exactly, and unknown words give nothing") {
    const acceptors a{{"DONE", job_state::succeeded}, {"ERR", job_state::failed}};
    CHECK(a.find("DONE") == job_state::succeeded);
    CHECK_FALSE(a.find("done"));
    CHECK_FALSE(a.find(""));
    CHECK_FALSE(a.find("FINALIZING"));
}

TEST_CASE("telltale's own words") {
    const auto a = acceptors::own_words();
    CHECK(a.find("timed_out") == job_state::timed_out);
    CHECK_FALSE(a.empty());
    CHECK(acceptors{}.empty());
}
