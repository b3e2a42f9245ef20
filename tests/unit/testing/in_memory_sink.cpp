// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/testing/in_memory_sink.hpp>

#include "catch.hpp"

#include <vector>

using namespace telltale;

TEST_CASE("in_memory_sink: records in order, by job; copies share the record") {
    const testing::in_memory_sink record;
    const job_sink sink = record;
    job_report r;
    r.id = "1";
    r.state = job_state::queued;
    sink(job_report(r));
    r.id = "2";
    r.state.reset();
    r.health = watch_state::degraded;
    sink(job_report(r));
    r.id = "1";
    r.state = job_state::running;
    r.health = watch_state::ok;
    sink(job_report(r));
    CHECK(record.reports().size() == 3);
    CHECK(record.reports("2").size() == 1);
    CHECK(record.states("1") == std::vector{job_state::queued, job_state::running});
    CHECK(record.states("2").empty());
    CHECK(record.healths("2") == std::vector{watch_state::degraded});
    CHECK(record.healths("1") == std::vector{watch_state::ok});
    record.clear();
    CHECK(record.reports().empty());
}
