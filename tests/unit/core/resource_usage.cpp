// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/resource_usage.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace {

using namespace std::chrono_literals;
using telltale::resource_reading;
using telltale::resource_statistics;
using telltale::resource_usage;
using time_point = std::chrono::steady_clock::time_point;

std::string json_of(const resource_usage& u) {
    std::string text;
    telltale::json_writer out(text);
    write_json(out, u);
    return text;
}

resource_reading reading(std::chrono::nanoseconds user, std::chrono::nanoseconds system, std::uint64_t memory) {
    return {.cpu_user = user, .cpu_system = system, .memory_bytes = memory};
}

} // namespace

TEST_CASE("one reading: what is there now, and no rates") {
    resource_statistics s;
    s.add({.cpu_user = 5s, .cpu_system = 1s, .memory_bytes = 100, .disk_read_bytes = 7}, time_point{50s});
    const auto& u = s.usage();
    CHECK(u.samples == 1);
    CHECK(u.elapsed == 0s);
    CHECK(u.cpu_time().value() == 0s); // what was used before is not ours
    CHECK_FALSE(u.cpu_percent);
    CHECK_FALSE(u.cpu_mean_percent);
    CHECK(u.memory_bytes == 100U);
    CHECK(u.memory_peak_bytes == 100U);
    CHECK(u.memory_mean_bytes == 100.0);
    CHECK(u.disk_read_bytes == 0U);
    CHECK_FALSE(u.disk_read_bytes_per_s);
}

TEST_CASE("CPU: lately, and since the first reading") {
    resource_statistics s;
    s.add(reading(10s, 1s, 0), time_point{100s});
    s.add(reading(11s, 2s, 0), time_point{101s}); // two cores
    CHECK(s.usage().cpu_percent.value() == Approx(200));
    s.add(reading(11s, 2500ms, 0), time_point{103s});
    CHECK(s.usage().cpu_percent.value() == Approx(25));
    CHECK(s.usage().cpu_mean_percent.value() == Approx(250.0 / 3));
    CHECK(s.usage().cpu_user.value() == 1s);
    CHECK(s.usage().cpu_system.value() == 1500ms);
    CHECK_FALSE(s.usage().cpu_percent_of_limit());
}

TEST_CASE("a reading that comes soon after another changes nothing that is said of lately") {
    resource_statistics s;
    s.add(reading(0s, 0s, 0), time_point{0s});
    s.add(reading(500ms, 0s, 0), time_point{1s});
    s.add(reading(510ms, 0s, 0), time_point{1s + 10ms}); // 100 % of these ten milliseconds
    CHECK(s.usage().cpu_percent.value() == Approx(50));
    CHECK(s.usage().samples == 3);
    s.add(reading(510ms, 0s, 0), time_point{1s + 100ms}); // and they are part of what comes then
    CHECK(s.usage().cpu_percent.value() == Approx(10));
}

TEST_CASE("the mean of memory is weighted by time") {
    resource_statistics s;
    s.add({.memory_bytes = 100}, time_point{0s});
    s.add({.memory_bytes = 300}, time_point{1s}); // 200 for a second
    s.add({.memory_bytes = 300}, time_point{4s}); // 300 for three
    CHECK(s.usage().memory_mean_bytes.value() == Approx(275));
    s.add({}, time_point{5s}); // not known: not counted
    CHECK_FALSE(s.usage().memory_bytes);
    CHECK(s.usage().memory_mean_bytes.value() == Approx(275));
    s.add({.memory_bytes = 900}, time_point{9s}); // it was not known how it came to this
    CHECK(s.usage().memory_mean_bytes.value() == Approx(275));
    CHECK(s.usage().memory_peak_bytes == 900U);
}

TEST_CASE("the system's peak counts only when it has risen since the first reading") {
    resource_statistics s;
    s.add({.memory_bytes = 100, .memory_peak_bytes = 5000}, time_point{0s}); // long ago
    s.add({.memory_bytes = 200, .memory_peak_bytes = 5000}, time_point{1s});
    CHECK(s.usage().memory_peak_bytes == 200U);
    s.add({.memory_bytes = 150, .memory_peak_bytes = 7000}, time_point{2s}); // between the two
    CHECK(s.usage().memory_peak_bytes == 7000U);
    s.add({.memory_bytes = 100, .memory_peak_bytes = 7000}, time_point{3s});
    CHECK(s.usage().memory_peak_bytes == 7000U);
}

TEST_CASE("disk: since the first reading, and lately; a counter that falls has no rate") {
    resource_statistics s;
    s.add({.disk_read_bytes = 1000, .disk_written_bytes = 50}, time_point{0s});
    s.add({.disk_read_bytes = 3000, .disk_written_bytes = 50}, time_point{2s});
    CHECK(s.usage().disk_read_bytes == 2000U);
    CHECK(s.usage().disk_written_bytes == 0U);
    CHECK(s.usage().disk_read_bytes_per_s.value() == Approx(1000));
    CHECK(s.usage().disk_written_bytes_per_s.value() == Approx(0));
    s.add({.disk_read_bytes = 3000, .disk_written_bytes = 20}, time_point{3s}); // what was written was cancelled
    CHECK(s.usage().disk_written_bytes == 0U);
    CHECK_FALSE(s.usage().disk_written_bytes_per_s);
}

TEST_CASE("what becomes known later counts from then on") {
    resource_statistics s;
    s.add({}, time_point{0s});
    CHECK_FALSE(s.usage().cpu_user);
    CHECK(s.usage() == resource_usage{.samples = 1});
    s.add({.cpu_user = 5s, .cpu_system = 0s}, time_point{1s});
    CHECK(s.usage().cpu_user.value() == 0s);
    CHECK_FALSE(s.usage().cpu_percent);
}

TEST_CASE("the share of what is allowed") {
    resource_usage u{.cpu_percent = 75, .cpu_limit_cores = 0.5, .memory_bytes = 512, .memory_limit_bytes = 2048};
    CHECK(u.cpu_percent_of_limit() == 150.0);
    CHECK(u.memory_percent_of_limit() == 25.0);
    u.cpu_limit_cores = 0;
    u.memory_limit_bytes = 0;
    CHECK_FALSE(u.cpu_percent_of_limit());
    CHECK_FALSE(u.memory_percent_of_limit());
}

TEST_CASE("a reading of an earlier time is taken to be of the same time") {
    resource_statistics s;
    s.add(reading(0s, 0s, 100), time_point{10s});
    s.add(reading(1s, 0s, 100), time_point{5s});
    CHECK(s.usage().elapsed == 0s);
    CHECK_FALSE(s.usage().cpu_mean_percent);
    CHECK(s.usage().memory_mean_bytes == 100.0);
}

TEST_CASE("usage as JSON: units in the names, what is unknown left out") {
    CHECK(json_of({}) == R"({"elapsed_s":0,"samples":0})");
    const resource_usage u{.elapsed = 2500ms,
                           .samples = 3,
                           .cpu_percent = 62.5,
                           .cpu_mean_percent = 45.25,
                           .cpu_user = 1s,
                           .cpu_system = 250ms,
                           .cpu_limit_cores = 2,
                           .memory_bytes = 1024,
                           .memory_mean_bytes = 1000.5,
                           .memory_peak_bytes = 2048,
                           .memory_limit_bytes = 4096,
                           .disk_read_bytes = 1,
                           .disk_written_bytes = 2,
                           .disk_read_bytes_per_s = 0.5,
                           .disk_written_bytes_per_s = 0};
    CHECK(json_of(u) == R"({"elapsed_s":2.5,"samples":3,"cpu_percent":62.5,"cpu_mean_percent":45.25,)"
                        R"("cpu_percent_of_limit":31.25,"cpu_limit_cores":2,"cpu_user_s":1,"cpu_system_s":0.25,)"
                        R"("memory_bytes":1024,"memory_mean_bytes":1000.5,"memory_peak_bytes":2048,)"
                        R"("memory_limit_bytes":4096,"memory_percent_of_limit":25,"disk_read_bytes":1,)"
                        R"("disk_written_bytes":2,"disk_read_bytes_per_s":0.5,"disk_written_bytes_per_s":0})");
}
