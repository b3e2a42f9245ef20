// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/report_text.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;
using telltale::job;
using telltale::job_state;
using telltale::make_report;
using telltale::progress_unit;
using telltale::render_progress;
using telltale::render_summary;
using telltale::timestamp;
using jobs = std::vector<std::shared_ptr<const job>>;

const timestamp noon = std::chrono::sys_days{std::chrono::November / 22 / 2026} + 12h;

std::shared_ptr<job> a_job(std::string id, job_state state, std::optional<std::chrono::milliseconds> start = {},
                           std::optional<std::chrono::milliseconds> end = {}) {
    auto j = std::make_shared<job>();
    j->id = std::move(id);
    j->state = state;
    if (start) j->started = noon + *start;
    if (end) j->finished = noon + *end;
    return j;
}

/// The five jobs of the first design document, as they stand after 2.5 seconds.
struct scene {
    scene() {
        for (unsigned i = 1; i <= 5; ++i) {
            const auto id = "job_" + std::to_string(i);
            all.push_back(a_job(id, job_state::succeeded, 500ms * (i - 1), 500ms * i));
            sources.figures[id] = {.rows_in = 900 + 100 * i, .rows_out = (900 + 100 * i) * 8 / 10, .cpu = 300ms};
        }
        sources.resources = telltale::resource_usage{.elapsed = 2500ms,
                                                     .samples = 3,
                                                     .cpu_percent = 62.4,
                                                     .cpu_mean_percent = 45.3,
                                                     .cpu_limit_cores = 2,
                                                     .memory_bytes = 4'967'000'000,
                                                     .memory_mean_bytes = 4'994'000'000,
                                                     .memory_peak_bytes = 5'009'000'000,
                                                     .memory_limit_bytes = 5'991'700'000,
                                                     .disk_read_bytes = 1 << 20,
                                                     .disk_written_bytes = 4096,
                                                     .disk_read_bytes_per_s = 1000};
    }

    telltale::execution_report report() const { return make_report(all, sources); }

    jobs all;
    telltale::report_sources sources{.started = noon, .now = noon + 2500ms};
};

/// One that runs, two that wait, one that failed.
scene under_way() {
    scene s;
    s.all.resize(1);
    s.sources.figures.erase("job_2");
    s.sources.figures.erase("job_5");
    auto running = a_job("job_2", job_state::running, 500ms);
    running->name = "caf\u00e9\n\x1b[31m"; // what a name may hold
    running->progress = telltale::progress{.done = 1234, .total = 5000, .remaining = 7s};
    s.all.push_back(running);
    s.all.push_back(a_job("job_3", job_state::queued));
    s.all.push_back(a_job("job_4", job_state::pending));
    auto failed = a_job("job_5", job_state::failed, 0ms, 10ms);
    failed->error = telltale::job_error{telltale::error_class::api, "no such file"};
    s.all.push_back(failed);
    s.sources.figures.erase("job_3");
    s.sources.figures.erase("job_4");
    return s;
}

std::string line_with(const std::string& text, const std::string& what) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);)
        if (line.find(what) != std::string::npos) return line;
    return {};
}

telltale::execution_report after(std::chrono::nanoseconds time) {
    return make_report({}, {.started = noon, .now = noon + std::chrono::duration_cast<timestamp::duration>(time)});
}

std::string elapsed(std::chrono::nanoseconds time) {
    return line_with(render_progress(after(time)), "elapsed").substr(18);
}

} // namespace

TEST_CASE("the final summary") {
    CHECK(render_summary(scene().report()) ==
          R"(────────────────────────────────────────────────────────────────────────────────
EXECUTION SUMMARY
────────────────────────────────────────────────────────────────────────────────

Jobs
  total           5
  completed       5
  failed          0
  success         100.0 %

Data
  rows in         6,000
  rows out        4,800
  rows out / in   80.0 %

Performance
  total time      2.5 s
  throughput      2,400 rows/s
  CPU of jobs     1.5 s

Resources
  mean CPU        45.3 % of a core
  peak memory     4.7 GiB
  mean memory     4.7 GiB
  disk read       1.0 MiB
  disk written    4.0 KiB

Job details
  ✓ job_1  completed  500 ms  2,000 rows/s
  ✓ job_2  completed  500 ms  2,200 rows/s
  ✓ job_3  completed  500 ms  2,400 rows/s
  ✓ job_4  completed  500 ms  2,600 rows/s
  ✓ job_5  completed  500 ms  2,800 rows/s
────────────────────────────────────────────────────────────────────────────────
)");
}

TEST_CASE("the block of progress") {
    auto s = under_way();
    s.sources.overall =
        telltale::progress{.done = 20, .total = 100, .remaining = 72s, .remaining_low = 50s, .remaining_high = 4000s};
    CHECK(render_progress(s.report()) ==
          R"(────────────────────────────────────────────────────────────────────────────────
EXECUTION PROGRESS
────────────────────────────────────────────────────────────────────────────────

████████░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░  20.0 %

Jobs
  completed       1 of 5
  running         1
  pending         2
  failed          1

Data
  rows in         2,234
  rows out        800
  rows out / in   80.0 %

Time
  elapsed         2.5 s
  remaining       about 1 min 12 s (50.0 s to 1 h 06 min)
  throughput      894 rows/s

Resources
  CPU             62.4 % of a core (31.2 % of 2 cores allowed)
  mean CPU        45.3 % of a core
  memory          4.6 GiB (82.9 % of 5.6 GiB)
  peak memory     4.7 GiB
  disk read       1.0 MiB (1000 B/s)
  disk written    4.0 KiB

Running
  ▸ café ?[31m  24.6 %  2.0 s  617 rows/s  7.0 s left
────────────────────────────────────────────────────────────────────────────────
)");
}

TEST_CASE("the block of progress in ASCII, and narrow: longer lines are cut") {
    const auto text = render_progress(under_way().report(), {.unicode = false, .width = 52});
    CHECK(text ==
          R"(----------------------------------------------------
EXECUTION PROGRESS
----------------------------------------------------

[#################.......................]  44.9 %

Jobs
  completed       1 of 5
  running         1
  pending         2
  failed          1

Data
  rows in         2,234
  rows out        800
  rows out / in   80.0 %

Time
  elapsed         2.5 s
  remaining       about 7.5 s
  throughput      894 rows/s

Resources
  CPU             62.4 % of a core (31.2 % of 2 cor~
  mean CPU        45.3 % of a core
  memory          4.6 GiB (82.9 % of 5.6 GiB)
  peak memory     4.7 GiB
  disk read       1.0 MiB (1000 B/s)
  disk written    4.0 KiB

Running
  > caf? ?[31m  24.6 %  2.0 s  617 rows/s
      7.0 s left
----------------------------------------------------
)");
    for (const char c : text) CHECK((c == '\n' || (c >= ' ' && c <= '~')));
    CHECK(line_with(render_progress(under_way().report(), {.width = 1}), "%") == "44.9 %"); // no room for a bar
}

TEST_CASE("a summary before the end, and with what went wrong") {
    auto s = under_way();
    s.sources.resources.reset();
    for (const auto state : {job_state::timed_out, job_state::cancelled, job_state::skipped, job_state::lost})
        s.all.push_back(a_job(std::string("a_job_that_") + std::string(to_string(state)), state));
    CHECK(render_summary(s.report()) ==
          R"(────────────────────────────────────────────────────────────────────────────────
EXECUTION SUMMARY
────────────────────────────────────────────────────────────────────────────────

Jobs
  total           9
  completed       1
  running         1
  pending         2
  failed          1
  timed out       1
  cancelled       1
  skipped         1
  lost            1
  success         20.0 %

Data
  rows in         2,234
  rows out        800
  rows out / in   80.0 %

Performance
  total time      2.5 s
  throughput      894 rows/s
  CPU of jobs     300 ms

Job details
  ✓ job_1                 completed  500 ms  2,000 rows/s
  ▸ café ?[31m            24.6 %     2.0 s   617 rows/s    7.0 s left
  - job_3                 queued
  - job_4                 pending
  ✗ job_5                 failed     10 ms                 no such file
  ✗ a_job_that_timed_out  timed out
  - a_job_that_cancelled  cancelled
  - a_job_that_skipped    skipped
  ✗ a_job_that_lost       lost
────────────────────────────────────────────────────────────────────────────────
)");
}

TEST_CASE("a long list of jobs: those that failed first, and the rest is counted") {
    scene s;
    for (int i = 0; i < 1500; ++i) s.all.push_back(a_job("more_" + std::to_string(i), job_state::succeeded));
    s.all.push_back(a_job("waits", job_state::queued));
    s.all.push_back(a_job("failed", job_state::failed));
    const auto details = [&](std::size_t most, bool unicode = true) {
        const auto text = render_summary(s.report(), {.unicode = unicode, .max_jobs = most});
        return text.substr(text.find("Job details"), text.rfind('\n', text.size() - 2) - text.find("Job details"));
    };
    CHECK(details(3, false) == "Job details\n"
                               "  x failed  failed\n"
                               "  - waits   queued\n"
                               "  + job_1   completed  500 ms  2,000 rows/s\n"
                               "  and 1,504 more, all completed");
    CHECK(details(1) == "Job details\n  \u2717 failed  failed\n  and 1,506 more");
    CHECK(details(0) == "Job details\n  and 1,507 more");
}

TEST_CASE("nothing is known of nothing") {
    CHECK(render_summary(after(0s), {.unicode = false, .width = 40}) == "----------------------------------------\n"
                                                                        "EXECUTION SUMMARY\n"
                                                                        "----------------------------------------\n"
                                                                        "\n"
                                                                        "Jobs\n"
                                                                        "  total           0\n"
                                                                        "  completed       0\n"
                                                                        "  failed          0\n"
                                                                        "\n"
                                                                        "Performance\n"
                                                                        "  total time      0.0 s\n"
                                                                        "----------------------------------------\n");
    CHECK(line_with(render_progress(after(0s)), "%").empty());
}

TEST_CASE("durations") {
    CHECK(elapsed(0ns) == "0.0 s");
    CHECK(elapsed(1500us) == "1.5 ms");
    CHECK(elapsed(250ms) == "250 ms");
    CHECK(elapsed(999ms) == "999 ms");
    CHECK(elapsed(1s) == "1.0 s");
    CHECK(elapsed(59'900ms) == "59.9 s");
    CHECK(elapsed(59'960ms) == "1 min 00 s");
    CHECK(elapsed(65s) == "1 min 05 s");
    CHECK(elapsed(2h + 3min + 59s) == "2 h 03 min");
    CHECK(elapsed(75h) == "3 d 03 h");
}

TEST_CASE("100 % is only what is complete; bytes have their own throughput") {
    auto j = a_job("1", job_state::running, 0ms);
    j->progress = telltale::progress{.done = 999'999, .total = 1'000'000, .unit = progress_unit::bytes};
    const auto text = render_progress(make_report({j}, {.started = noon, .now = noon + 2s}));
    CHECK(text.find("\u2591  99.9 %\n") != std::string::npos); // and one cell is empty
    CHECK(line_with(text, "throughput") == "  throughput      488 KiB/s");
    CHECK(line_with(text, "  bytes") == "  bytes           977 KiB");
    CHECK(line_with(text, "\u25b8") == "  \u25b8 1  99.9 %  2.0 s  488 KiB/s");
    const auto done = render_progress(make_report({a_job("1", job_state::succeeded)}, {.started = noon, .now = noon}));
    CHECK(done.find("\u2588  100.0 %\n") != std::string::npos);
}

#if defined(__unix__)
TEST_CASE("the text is made for a file by the locale and COLUMNS") {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
    REQUIRE(file);
    const auto options = [&file](const char* locale, const char* columns) {
        ::setenv("LC_ALL", locale, 1);
        ::setenv("COLUMNS", columns, 1);
        return telltale::report_text_options_for(file.get());
    };
    CHECK(options("de_DE.utf8", "60").unicode);
    CHECK(options("de_DE.utf8", "60").width == 60);
    CHECK_FALSE(options("C", "200").unicode);
    CHECK(options("C", "200").width == 80);
    ::unsetenv("LC_ALL");
    ::unsetenv("COLUMNS");
}
#endif
