// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/poll/poller_health.hpp>

#include "catch.hpp"

#include <chrono>
#include <string>

using namespace telltale;
using namespace std::chrono_literals;

namespace {
const timestamp start = std::chrono::sys_days{std::chrono::January / 1 / 2026};
}

TEST_CASE("poller_health: an idle poller is healthy, one that watches and does not poll is not") {
    poller_health_monitor m({}, "an API");
    CHECK(m.health(start + 24h).verdict == poller_verdict::healthy);
    CHECK(m.health(start + 24h).age == 0s);

    m.watching(2, start + 24h);
    CHECK(m.health(start + 24h + 5min).verdict == poller_verdict::healthy);
    const auto late = m.health(start + 24h + 5min + 1s, 1);
    CHECK(late.verdict == poller_verdict::unhealthy);
    CHECK(late.reason == "no poll has ended for 5 min");
    CHECK(late.age == 5min + 1s);
    CHECK_FALSE(late.last_poll);
    CHECK(late.watching == 2);
    CHECK(late.polling == 1);

    m.poll_answered(start + 25h);
    CHECK(m.health(start + 25h + 1min).age == 1min);
    CHECK(m.health(start + 25h + 1min).last_poll == start + 25h);
    m.watching(0, start + 25h + 2min);
    CHECK(m.health(start + 48h).verdict == poller_verdict::healthy);
    m.watching(1, start + 48h); // not blamed for the time in which there was nothing to do
    CHECK(m.health(start + 48h + 1min).age == 1min);

    CHECK(poller_health_monitor({.max_age = 0s}).health(start).verdict == poller_verdict::healthy);
}

TEST_CASE("poller_health: the part of the latest polls that failed, by class") {
    poller_health_monitor m({.window = 10});
    const auto fail = [&](error_class c) { m.poll_failed(start, c, "no"); };
    for (int i = 0; i < 4; ++i) fail(error_class::network);
    CHECK(m.health(start).error_rate == Approx(1.0));
    CHECK(m.health(start).verdict == poller_verdict::healthy); // four say nothing yet
    fail(error_class::api);
    const auto bad = m.health(start);
    CHECK(bad.verdict == poller_verdict::unhealthy);
    CHECK(bad.reason == "100 % of the last 5 polls failed, most by the class network");
    CHECK(bad.errors_by_class[static_cast<std::size_t>(error_class::network)] == 4);
    CHECK(bad.errors_by_class[static_cast<std::size_t>(error_class::api)] == 1);

    for (int i = 0; i < 8; ++i) m.poll_answered(start); // the first three are forgotten
    const auto better = m.health(start);
    CHECK(better.window == 10);
    CHECK(better.error_rate == Approx(0.2));
    CHECK(better.verdict == poller_verdict::degraded);
    CHECK(better.errors_by_class[static_cast<std::size_t>(error_class::network)] == 1);
    CHECK(better.polls == 13);
    CHECK(better.failed == 5);
    m.poll_answered(start);
    CHECK(m.health(start).error_rate == Approx(0.1));
    CHECK(m.health(start).verdict == poller_verdict::healthy);
    CHECK(m.health(start).reason.empty());
}

TEST_CASE("poller_health: lag is of the latest polls") {
    poller_health_monitor m({.max_lag = 10s, .window = 2});
    m.poll_started(-1s); // nobody is early
    m.poll_started(20s);
    CHECK(m.health(start).mean_lag == 10s);
    CHECK(m.health(start).max_lag == 20s);
    CHECK(m.health(start).verdict == poller_verdict::healthy);
    m.poll_started(1s);
    CHECK(m.health(start).mean_lag == 10500ms);
    CHECK(m.health(start).verdict == poller_verdict::degraded);
    CHECK(m.health(start).reason == "polls start 10 s late");
    m.poll_started(1s);
    CHECK(m.health(start).max_lag == 1s);
    CHECK(m.health(start).verdict == poller_verdict::healthy);
}

TEST_CASE("poller_health: how the source can be reached") {
    poller_health_monitor m({}, "Slurm");
    auto s = m.health(start).sources.at(0);
    CHECK(s.name == "Slurm");
    CHECK(s.reachable);
    m.poll_failed(start + 1s, error_class::network, "connection refused");
    m.poll_failed(start + 2s, error_class::timeout, "too slow");
    s = m.health(start).sources.at(0);
    CHECK_FALSE(s.reachable);
    CHECK(s.failures == 2);
    CHECK(s.last_error == error_class::timeout);
    CHECK(s.error == "too slow");
    CHECK(s.last_failure == start + 2s);
    m.poll_answered(start + 3s);
    s = m.health(start).sources.at(0);
    CHECK(s.reachable);
    CHECK(s.failures == 0);
    CHECK(s.last_answer == start + 3s);

    m.blocked(start + 60s);
    const auto blocked = m.health(start + 15s);
    CHECK(blocked.verdict == poller_verdict::degraded);
    CHECK(blocked.reason == "Slurm is not asked for 45 s");
    CHECK(m.health(start + 60s).verdict == poller_verdict::healthy);
    m.blocked({});
    CHECK(m.health(start + 15s).verdict == poller_verdict::healthy);
    CHECK(to_string(poller_verdict::degraded) == "degraded");
}
