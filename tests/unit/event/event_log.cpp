// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/event/event_log.hpp>

#include "catch.hpp"

#include <chrono>
#include <memory>
#include <sstream>
#include <string>

using namespace telltale;
using namespace std::chrono_literals;

TEST_CASE("an event is one line, a gap is one line") {
    std::ostringstream out;
    event_log_writer log(out);
    event e;
    e.time = timestamp{} + 1'234'567ns;
    e.data = "{\"a\":\n 1,\r\n\"b\":\"x\\ny\"}";
    CHECK(log.write({{16, 7}, std::make_shared<const event>(e), {}}));
    CHECK(log.write({{16, 9}, nullptr, 2}));
    CHECK(log.write({{16, 9}, nullptr, {}}));
    CHECK(out.str() == "{\"type\":\"event\",\"cursor\":\"10:7\",\"time\":\"1970-01-01T00:00:00.001234567Z\","
                       "\"kind\":\"custom\",\"data\":{\"a\":  1,  \"b\":\"x\\ny\"}}\n"
                       "{\"type\":\"gap\",\"cursor\":\"10:9\",\"lost\":2}\n"
                       "{\"type\":\"gap\",\"cursor\":\"10:9\"}\n");
}

TEST_CASE("a stream that has failed is told") {
    std::ostringstream out;
    event_log_writer log(out);
    out.setstate(std::ios::badbit);
    CHECK_FALSE(log.write({{16, 9}, nullptr, 2}));
}

TEST_CASE("the report of an event says what an observer would have seen") {
    event e;
    CHECK_FALSE(report_of(e));
    e.kind = event_kind::job_failed;
    job j{.id = "1", .name = "n", .state = job_state::failed, .attempt = 2, .labels = {{"a", "b"}}};
    j.error = job_error{error_class::network, "gone"};
    j.health = {watch_state::degraded, timestamp{}, "slow"};
    j.finished = timestamp{} + 5s;
    e.job = std::make_shared<const job>(j);
    e.time = timestamp{} + 6s;
    const auto r = report_of(e);
    REQUIRE(r);
    CHECK(r->by == reporter::observer);
    CHECK(r->at == e.time);
    CHECK(r->state == job_state::failed);
    CHECK(r->attempt == 2U);
    CHECK(r->error == j.error);
    CHECK(r->labels == j.labels);
    CHECK(r->health == watch_state::degraded);
    CHECK(r->health_error == "slow");
    CHECK(r->finished == j.finished);
    CHECK(r->queue_position == 0U);
    e.kind = event_kind::transition_refused;
    CHECK_FALSE(report_of(e));
}
