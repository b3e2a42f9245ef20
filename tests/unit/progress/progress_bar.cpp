// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/progress_bar.hpp>

#include "catch.hpp"
#include "terminal/screen_file.hpp"

#include <chrono>
#include <string>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;
using telltale_test::screen_file;

namespace {

using lines = std::vector<std::string>;

constexpr bar_writer_options on_terminal{.terminal = true, .style = bar_style{.unicode = false}};
constexpr bar_writer_options in_file{.terminal = false, .style = bar_style{.unicode = false}};

progress_snapshot at(std::chrono::milliseconds time, double done) {
    progress_snapshot s;
    s.value = {.done = done, .total = 10};
    s.elapsed = time;
    s.at = std::chrono::steady_clock::time_point(time);
    return s;
}

} // namespace

TEST_CASE("a bar from its first to its last line") {
    screen_file file;
    progress_bar bar(file.get(), "hashing", on_terminal);
    CHECK(bar.interval() == 100ms);
    CHECK(bar.update(at(0ms, 0)));
    CHECK_FALSE(bar.update(at(99ms, 1)));
    CHECK(bar.update(at(1000ms, 5)));
    bar.log("half of it");
    CHECK(file.screen() ==
          lines{"half of it", "hashing             [#################..................]  50 %  5/10  for 0:01"});
    CHECK_FALSE(bar.update(at(1050ms, 10)));
    bar.finish(); // with what update() was given last
    const lines end{"half of it", "hashing             succeeded in 1.1 s  10/10"};
    CHECK(file.screen() == end);
    bar.finish(job_state::failed);
    CHECK(bar.update(at(2000ms, 3)));
    CHECK(file.screen() == end);
}

TEST_CASE("what went wrong is told in the last line") {
    screen_file file;
    progress_bar bar(file.get(), "hashing", on_terminal);
    bar.update(at(12'000ms, 5));
    bar.finish(job_state::failed, "no such file");
    CHECK(file.screen() == lines{"hashing             failed after 0:12: no such file  5/10"});
}

TEST_CASE("a bar that is left alone has a last line, too") {
    screen_file file;
    for (const auto& options : {on_terminal, in_file}) {
        progress_bar bar(file.get(), "hashing", options);
        bar.update(at(0ms, 0));
        bar.update(at(50ms, 4));
    }
    CHECK(file.screen() == lines{"hashing             [##############.....................]  40 %  4/10  for 0:00",
                                 "hashing: running, 0 %, 0/10, for 0:00", "hashing: running, 40 %, 4/10, for 0:00"});
}

TEST_CASE("a bar with parts") {
    screen_file file;
    progress_bar bar(file.get(), "", on_terminal);
    bar.update({.name = "import", .parts = {{.name = "read", .state = job_state::succeeded}, {.name = "sort"}}}, {});
    CHECK(file.screen() ==
          lines{"import              running", "  read              succeeded", "  sort              running"});
    bar.finish();
    CHECK(file.screen() == lines{"import              succeeded"});
}

TEST_CASE("not on a terminal a bar is told of less often") {
    screen_file file;
    progress_bar bar(file.get(), "hashing", in_file);
    for (int i = 0; i < 100; ++i) bar.update(at(i * 100ms, i / 10.0));
    bar.finish();
    CHECK(file.written() == "hashing: running, 0 %, 0/10, for 0:00\n"
                            "hashing: running, 50 %, 5/10, for 0:05\n"
                            "hashing: succeeded in 9.9 s, 99 %, 9.9/10\n");
}
