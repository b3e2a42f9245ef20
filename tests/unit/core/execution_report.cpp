// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/core/execution_report.hpp>

#include "catch.hpp"

#include <telltale/core/json.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using telltale::execution_report;
using telltale::job;
using telltale::job_figures;
using telltale::job_state;
using telltale::make_report;
using telltale::progress_unit;
using telltale::timestamp;
using jobs = std::vector<std::shared_ptr<const job>>;

const timestamp noon = std::chrono::sys_days{std::chrono::November / 22 / 2026} + 12h;

/// A job that was created at noon, and started and ended so many seconds later.
std::shared_ptr<job> a_job(std::string id, job_state state, std::optional<double> start = {},
                           std::optional<double> end = {}) {
    const auto at = [](std::optional<double> s) {
        using duration = timestamp::duration;
        return s ? std::optional(noon + std::chrono::duration_cast<duration>(std::chrono::duration<double>(*s)))
                 : std::nullopt;
    };
    auto j = std::make_shared<job>();
    j->id = std::move(id);
    j->state = state;
    j->created = noon;
    j->started = at(start);
    j->finished = at(end);
    return j;
}

execution_report report_at(std::chrono::milliseconds time, const jobs& all) {
    return make_report(all, {.started = noon, .now = noon + time});
}

double remaining(const execution_report& r) { return r.remaining ? r.remaining->count() : -1; }

} // namespace

TEST_CASE("nothing is known of nothing") {
    const auto r = make_report({nullptr}, {.started = noon, .now = noon - 1s});
    CHECK(r.jobs.empty());
    CHECK(r.elapsed() == 0s); // not less
    CHECK_FALSE(r.percent());
    CHECK_FALSE(r.success_percent());
    CHECK_FALSE(r.remaining);
    CHECK_FALSE(r.rows_in);
    CHECK_FALSE(r.rows_ratio);
    CHECK_FALSE(r.bytes_per_s());
}

TEST_CASE("the design's example: five jobs, 6,000 rows in and 4,800 out") {
    jobs all;
    telltale::report_sources sources{.started = noon, .now = noon + 2500ms};
    for (int i = 1; i <= 5; ++i) {
        const auto id = "job_" + std::to_string(i);
        all.push_back(a_job(id, job_state::succeeded, 0.5 * (i - 1), 0.5 * i));
        const auto rows = static_cast<std::uint64_t>(900 + 100 * i);
        sources.figures[id] = {.rows_in = rows, .rows_out = rows * 8 / 10, .cpu = 250ms};
    }
    const auto r = make_report(all, sources);
    CHECK(r.jobs.size() == 5);
    CHECK(r.ended() == 5);
    CHECK(r.open() == 0);
    CHECK(r.percent() == 100.0);
    CHECK(r.success_percent() == 100.0);
    CHECK(r.rows_in == 6000U);
    CHECK(r.rows_out == 4800U);
    CHECK(r.rows_ratio.value() == Approx(0.8));
    CHECK(r.rows_per_s().value() == Approx(2400));
    CHECK(r.cpu.value() == 1250ms);
    CHECK_FALSE(r.remaining);
    CHECK(r.jobs[1].waited.value() == 500ms);
    CHECK(r.jobs[1].duration.value() == 500ms);
    CHECK(r.jobs[1].rows_per_s().value() == Approx(2200));
    CHECK(r.jobs[1].rows_ratio().value() == Approx(0.8));
    CHECK(r.jobs[1].cpu_percent().value() == Approx(50));
    CHECK_FALSE(r.jobs[1].bytes_per_s());
}

TEST_CASE("success is of what has ended, and skipped jobs were not tried") {
    const auto r = report_at(10s, {a_job("1", job_state::succeeded), a_job("2", job_state::succeeded),
                                   a_job("3", job_state::failed), a_job("4", job_state::timed_out),
                                   a_job("5", job_state::skipped), a_job("6", job_state::queued)});
    CHECK(r.ended() == 5);
    CHECK(r.open() == 1);
    CHECK(r.count(job_state::succeeded) == 2);
    CHECK(r.success_percent() == 50.0);
    CHECK(r.percent().value() == Approx(500.0 / 6));
    CHECK_FALSE(report_at(1s, {a_job("5", job_state::skipped)}).success_percent());
}

TEST_CASE("rows and bytes are those of the progress, where nobody says it better") {
    auto items = a_job("items", job_state::running, 0);
    items->progress = telltale::progress{.done = 30, .total = 60};
    auto bytes = a_job("bytes", job_state::running, 2);
    bytes->progress = telltale::progress{.done = 4096, .unit = progress_unit::bytes};
    auto steps = a_job("steps", job_state::running, 0);
    steps->progress = telltale::progress{.done = 3, .total = 4, .unit = progress_unit::steps};
    auto both = a_job("both", job_state::running, 0);
    both->progress = telltale::progress{.done = 30};
    telltale::report_sources sources{.started = noon, .now = noon + 4s};
    sources.figures["both"] = {.rows_in = 10, .rows_out = 5, .bytes = 1000};
    sources.figures["nobody"] = {.rows_in = 1'000'000};
    const auto r = make_report({items, bytes, steps, both}, sources);
    CHECK(r.rows_in == 40U);
    CHECK(r.rows_out == 5U);
    CHECK(r.rows_ratio == 0.5); // of the one that knows both
    CHECK(r.bytes == 5096U);
    CHECK(r.bytes_per_s().value() == Approx(1274));
    CHECK(r.jobs[1].bytes_per_s().value() == Approx(2048)); // in its own time
    CHECK_FALSE(r.jobs[2].figures.rows_in);
    CHECK(r.percent().value() == Approx((50 + 75) / 4.0));
    CHECK_FALSE(r.jobs[0].rows_ratio());
}

TEST_CASE("a count that is none is not known") {
    auto j = a_job("1", job_state::running, 0);
    j->progress = telltale::progress{.done = -1};
    CHECK_FALSE(report_at(1s, {j}).rows_in);
    const auto none = make_report({a_job("1", job_state::succeeded, 0, 0)},
                                  {.started = noon, .now = noon, .figures = {{"1", {.rows_in = 0, .rows_out = 0}}}});
    CHECK(none.rows_in == 0U);
    CHECK_FALSE(none.rows_ratio);
    CHECK_FALSE(none.rows_per_s()); // in no time
    CHECK_FALSE(none.jobs[0].rows_per_s());
}

TEST_CASE("an execution begins with its first job, where nobody says when") {
    auto early = a_job("2", job_state::succeeded, 1, 2);
    early->created.reset();
    const auto r = make_report({a_job("1", job_state::pending), early}, {.now = noon + 5s});
    CHECK(r.started == noon);
    CHECK(r.elapsed() == 5s);
    CHECK(make_report({early}, {.now = noon + 5s}).elapsed() == 4s);
    CHECK(make_report({}, {.now = noon + 5s}).elapsed() == 0s);
}

TEST_CASE("remaining: as whoever measures the whole says, with its band") {
    telltale::progress overall{.done = 25, .total = 100, .remaining = 30s, .remaining_low = 20s, .remaining_high = 50s};
    const jobs all{a_job("1", job_state::running, 0)};
    const auto r = make_report(all, {.started = noon, .now = noon + 10s, .overall = overall});
    CHECK(r.percent() == 25.0);
    CHECK(r.remaining.value() == 30s);
    CHECK(r.remaining_low.value() == 20s);
    CHECK(r.remaining_high.value() == 50s);
    const auto ended = make_report({a_job("1", job_state::lost, 0, 1)}, {.now = noon + 10s, .overall = overall});
    CHECK_FALSE(ended.remaining);
}

TEST_CASE("remaining: by how long those took that have ended, as many at once as there were") {
    // Two at once for 20 seconds; six jobs of 10 seconds are left.
    jobs all{a_job("1", job_state::succeeded, 0, 10), a_job("2", job_state::succeeded, 0, 10),
             a_job("3", job_state::succeeded, 10, 20), a_job("4", job_state::failed, 10, 20)};
    for (int i = 0; i < 6; ++i) all.push_back(a_job("q" + std::to_string(i), job_state::queued));
    CHECK(remaining(report_at(20s, all)) == Approx(30));
    // One has begun, and says itself what it needs: 90 seconds. No less than that.
    auto slow = a_job("slow", job_state::running, 18);
    slow->progress = telltale::progress{.done = 1, .remaining = 90s};
    all.push_back(slow);
    CHECK(remaining(report_at(20s, all)) == Approx(90));
}

TEST_CASE("remaining: jobs of one kind take similar times") {
    auto small = a_job("1", job_state::succeeded, 0, 2);
    auto large = a_job("2", job_state::succeeded, 2, 20);
    auto next = a_job("3", job_state::pending);
    small->kind = "small";
    large->kind = "large";
    next->kind = "small";
    CHECK(remaining(report_at(20s, {small, large, next})) == Approx(2));
    next->kind = "other";
    CHECK(remaining(report_at(20s, {small, large, next})) == Approx(10)); // the mean of all
}

TEST_CASE("remaining: of one that runs, by those that took longer") {
    const auto after = [](std::chrono::seconds now, double started) {
        return report_at(now, {a_job("1", job_state::succeeded, 0, 4), a_job("2", job_state::succeeded, 4, 10),
                               a_job("3", job_state::running, started)});
    };
    CHECK(remaining(after(11s, 10)) == Approx((3 + 5) / 2.0)); // it has run for 1 s: those took 3 and 5 more
    CHECK(remaining(after(15s, 10)) == Approx(1));
    CHECK(remaining(after(17s, 10)) == -1); // longer than any before: nobody knows
}

TEST_CASE("remaining: nobody knows") {
    CHECK(remaining(report_at(10s, {a_job("1", job_state::running, 0)})) == -1); // none has ended
    const auto done = a_job("1", job_state::succeeded, 0, 5);
    CHECK(remaining(report_at(10s, {done, a_job("2", job_state::pending)})) == Approx(5));
    CHECK(remaining(report_at(10s, {done, a_job("2", job_state::paused)})) == -1);
    CHECK(remaining(report_at(10s, {done, a_job("2", job_state::running)})) == -1); // since when?
    CHECK(remaining(report_at(10s, {done})) == -1);
}

TEST_CASE("a report as JSON: units in the names, what is unknown left out") {
    auto one = a_job("1", job_state::succeeded, 0.5, 1);
    one->name = "asio \"x\"";
    one->kind = "hash";
    one->attempt = 2;
    one->labels["folder"] = "a";
    auto two = a_job("2", job_state::failed, 1, 2);
    two->error = telltale::job_error{telltale::error_class::timeout, "too slow"};
    auto three = a_job("3", job_state::running, 2);
    three->progress = telltale::progress{.done = 512, .total = 1024, .unit = progress_unit::bytes};
    telltale::report_sources sources{.started = noon, .now = noon + 4s};
    sources.figures["1"] = {.rows_in = 1000, .rows_out = 800, .cpu = 250ms};
    sources.overall =
        telltale::progress{.done = 1, .total = 4, .remaining = 12s, .remaining_low = 9s, .remaining_high = 20s};
    sources.resources = telltale::resource_usage{.elapsed = 4s, .samples = 5, .memory_bytes = 4096};
    CHECK(
        telltale::to_json(make_report({one, two, three, a_job("4", job_state::pending)}, sources)) ==
        R"({"format":1,"started_at":"2026-11-22T12:00:00.000Z","at":"2026-11-22T12:00:04.000Z","elapsed_s":4,)"
        R"("remaining_s":12,"remaining_low_s":9,"remaining_high_s":20,"percent":25,"jobs_total":4,"jobs_ended":2,)"
        R"("jobs_open":2,"jobs_by_state":{"pending":1,"queued":0,"paused":0,"running":1,"succeeded":1,"failed":1,)"
        R"("cancelled":0,"timed_out":0,"skipped":0,"lost":0},"success_percent":50,"rows_in":1000,"rows_out":800,)"
        R"("rows_ratio":0.8,"rows_per_s":250,"bytes":512,"bytes_per_s":128,"jobs_cpu_s":0.25,)"
        R"("progress":{"done":1,"total":4,"unit":"items","percent":25,"remaining_s":12,"remaining_low_s":9,"remaining_high_s":20},)"
        R"("resources":{"elapsed_s":4,"samples":5,"memory_bytes":4096},"jobs":[)"
        R"({"id":"1","name":"asio \"x\"","kind":"hash","state":"succeeded","attempt":2,"labels":{"folder":"a"},)"
        R"("created_at":"2026-11-22T12:00:00.000Z","started_at":"2026-11-22T12:00:00.500Z",)"
        R"("finished_at":"2026-11-22T12:00:01.000Z","waited_s":0.5,"duration_s":0.5,"rows_in":1000,"rows_out":800,)"
        R"("rows_ratio":0.8,"rows_per_s":2000,"cpu_s":0.25,"cpu_percent":50},)"
        R"({"id":"2","state":"failed","attempt":1,"created_at":"2026-11-22T12:00:00.000Z",)"
        R"("started_at":"2026-11-22T12:00:01.000Z","finished_at":"2026-11-22T12:00:02.000Z","waited_s":1,"duration_s":1,)"
        R"("error":{"class":"timeout","message":"too slow"}},)"
        R"({"id":"3","state":"running","attempt":1,"created_at":"2026-11-22T12:00:00.000Z",)"
        R"("started_at":"2026-11-22T12:00:02.000Z","waited_s":2,"duration_s":2,"bytes":512,"bytes_per_s":256,)"
        R"("progress":{"done":512,"total":1024,"unit":"bytes","percent":50}},)"
        R"({"id":"4","state":"pending","attempt":1,"created_at":"2026-11-22T12:00:00.000Z"}]})");
    CHECK(telltale::to_json(make_report({}, {.started = noon, .now = noon})) ==
          R"({"format":1,"started_at":"2026-11-22T12:00:00.000Z","at":"2026-11-22T12:00:00.000Z","elapsed_s":0,)"
          R"("jobs_total":0,"jobs_ended":0,"jobs_open":0,"jobs_by_state":{"pending":0,"queued":0,"paused":0,)"
          R"("running":0,"succeeded":0,"failed":0,"cancelled":0,"timed_out":0,"skipped":0,"lost":0},"jobs":[]})");
}
