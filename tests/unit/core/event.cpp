// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/event.hpp>

#include "catch.hpp"

#include <cstddef>

using namespace telltale;

TEST_CASE("kinds of events have names that read back") {
    for (std::size_t i = 0; i < event_kind_count; ++i) {
        const auto kind = static_cast<event_kind>(i);
        CHECK(parse_event_kind(to_string(kind)) == kind);
        CHECK_FALSE(to_string(kind).empty());
    }
    CHECK(to_string(event_kind::custom) == "custom");
    CHECK_FALSE(parse_event_kind("job_exploded"));
}

TEST_CASE("each state has the event that tells of it") {
    for (std::size_t i = 1; i < job_state_count; ++i) {
        const auto state = static_cast<job_state>(i);
        if (state == job_state::running)
            CHECK(arrival_in(state) == event_kind::job_started);
        else
            CHECK(to_string(arrival_in(state)) == "job_" + std::string(to_string(state)));
    }
}

TEST_CASE("only progress is latest-wins, per job") {
    const auto j = std::make_shared<const job>(job{.id = "7"});
    CHECK(conflation_key({.kind = event_kind::job_progressed, .job = j}) == "7");
    CHECK(conflation_key({.kind = event_kind::job_failed, .job = j}).empty());
    CHECK(conflation_key({.kind = event_kind::job_progressed}).empty());
}
