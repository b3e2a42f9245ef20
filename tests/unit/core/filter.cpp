// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/filter.hpp>

#include "catch.hpp"

#include <memory>

using namespace telltale;

namespace {
event about(event_kind kind, job j) { return {.kind = kind, .job = std::make_shared<const job>(std::move(j))}; }
} // namespace

TEST_CASE("an empty filter lets everything pass") {
    CHECK(filter{}.empty());
    CHECK(filter{}.matches(job{.id = "1"}));
    CHECK(filter{}.matches(event{.kind = event_kind::custom}));
}

TEST_CASE("jobs, kinds and labels must all agree") {
    const filter f{.jobs = {"1", "2"}, .kinds = {event_kind::job_failed}, .labels = {{"team", "a"}}};
    const job mine{.id = "1", .labels = {{"team", "a"}, {"x", "y"}}};
    CHECK(f.matches(mine));
    CHECK(f.matches(about(event_kind::job_failed, mine)));
    CHECK_FALSE(f.matches(about(event_kind::job_started, mine)));
    CHECK_FALSE(f.matches(about(event_kind::job_failed, job{.id = "3", .labels = {{"team", "a"}}})));
    CHECK_FALSE(f.matches(about(event_kind::job_failed, job{.id = "1", .labels = {{"team", "b"}}})));
    CHECK_FALSE(f.matches(about(event_kind::job_failed, job{.id = "1"})));
    CHECK_FALSE(f.empty());
}

TEST_CASE("an event without a job passes only a filter without jobs and labels") {
    const event system{.kind = event_kind::custom};
    CHECK(filter{.kinds = {event_kind::custom}}.matches(system));
    CHECK_FALSE(filter{.jobs = {"1"}}.matches(system));
    CHECK_FALSE(filter{.labels = {{"a", "b"}}}.matches(system));
}
