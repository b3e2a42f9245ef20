// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/bar.hpp>

#include "catch.hpp"

#include <chrono>
#include <clocale>
#include <cwchar>
#include <memory>
#include <string>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

job hashing() {
    job j;
    j.id = "7";
    j.name = "asio";
    j.state = job_state::running;
    j.progress = progress{.done = 1.5 * 1024 * 1024, .total = 3.0 * 1024 * 1024, .unit = progress_unit::bytes};
    j.progress->rate = 512.0 * 1024;
    j.progress->remaining = 3s;
    return j;
}

constexpr bar_style ascii{.unicode = false};

} // namespace

TEST_CASE("a bar with all there is to say") {
    CHECK(render_bar(hashing(), 80, ascii) ==
          "asio                 [########........]  50 %  1.5/3.0 MiB  512 KiB/s  0:03 left");
    CHECK(render_plain(hashing()) == "asio: running, 50 %, 1.5/3.0 MiB, 512 KiB/s, 0:03 left");
}

TEST_CASE("the time that it took and the band around what is left") {
    bar_item item = to_bar_item(hashing());
    item.elapsed = 3.9s;
    item.progress->remaining_low = 2s;
    item.progress->remaining_high = 61s;
    CHECK(render_plain(item) == "asio: running, 50 %, 1.5/3.0 MiB, 512 KiB/s, for 0:03, 0:03 left (0:02 to 1:01)");
    CHECK(render_bar(item, 110, ascii).ends_with("  512 KiB/s  for 0:03  0:03 left (0:02 to 1:01)"));
    CHECK(render_bar(item, 100, ascii).ends_with("  512 KiB/s  for 0:03  0:03 left")); // the band goes first
    item.progress->remaining_high = 2s;
    CHECK(render_plain(item).ends_with("0:03 left")); // no band that is none
    item.progress->remaining.reset();
    CHECK(render_plain(item).ends_with("for 0:03"));
    item.state = job_state::succeeded;
    CHECK(render_plain(item) == "asio: succeeded in 3.9 s, 50 %, 1.5/3.0 MiB");
    item.state = job_state::timed_out;
    item.note = "too slow";
    item.elapsed = 75.6s;
    CHECK(render_plain(item).starts_with("asio: timed out after 1:15: too slow,"));
}

TEST_CASE("a job as a line, with its steps") {
    job j = hashing();
    const timestamp start{1000s};
    j.started = start;
    j.steps = std::make_shared<const std::vector<job_step>>(
        std::vector<job_step>{{.name = "x", .state = job_state::succeeded, .started = start, .finished = start + 2s},
                              {.name = "y", .state = job_state::running, .started = start + 2s}});
    const bar_item item = to_bar_item(j, start + 5s);
    CHECK(item.elapsed == 5s);
    REQUIRE(item.parts.size() == 2);
    CHECK(item.parts[0].elapsed == 2s);
    CHECK(item.parts[1].elapsed == 3s);
    CHECK_FALSE(to_bar_item(j).elapsed); // nobody knows what time it is
    CHECK_FALSE(to_bar_item(j, start - 1s).elapsed);
    j.state = job_state::paused;
    j.approval = approval_request{.what = "the plan"};
    CHECK(render_plain(j).starts_with("asio: paused: waits for approval of the plan"));
}

TEST_CASE("no line is wider than it may be, whatever the width, the state and the names") {
    for (std::size_t width = 0; width < 130; ++width)
        for (std::size_t state = 0; state < job_state_count; ++state)
            for (const char* const name :
                 {"", "asio", "\u65e5\u672c\u8a9e\u306e\u9577\u3044\u540d\u524d\u3067\u3059\u306d\u3048\u3048"}) {
                job j = hashing();
                j.name = name;
                j.state = static_cast<job_state>(state);
                j.health.state = watch_state::unreachable;
                if (j.state == job_state::failed) j.error = job_error{error_class::api, std::string(200, 'x')};
                for (const bool unicode : {false, true}) {
                    const std::size_t used = detail::columns(render_bar(j, width, {.unicode = unicode}));
                    if (used > width) FAIL("too wide: " << used << " of " << width << ", state " << state);
                }
            }
    SUCCEED();
}

TEST_CASE("on a narrow line the least important goes first") {
    CHECK(render_bar(hashing(), 60, ascii).find("KiB/s") == std::string::npos);
    CHECK(render_bar(hashing(), 60, ascii).find("left") != std::string::npos);
    CHECK(render_bar(hashing(), 60, ascii).find('#') != std::string::npos);
    CHECK(render_bar(hashing(), 10, ascii) == "asio 50 %");
}

TEST_CASE("a bar shows no more than is known") {
    job j = hashing();
    j.progress->total.reset();
    j.progress->remaining.reset();
    CHECK(render_bar(j, 80, ascii) == "asio                 running  1.5 MiB  512 KiB/s");
    j.progress->total = 1024.0; // more is done than there is
    CHECK(render_bar(j, 80, ascii).find('%') == std::string::npos);
    j.progress.reset();
    CHECK(render_bar(j, 80, ascii) == "asio                 running");
    j.progress = progress{.done = 999, .total = 1000};
    CHECK(render_plain(j) == "asio: running, 99 %, 999/1000"); // not 100 before the end
}

TEST_CASE("states, places and errors are told") {
    job j = hashing();
    j.progress.reset();
    j.state = job_state::queued;
    j.queue_position = 3;
    CHECK(render_plain(j) == "asio: queued, place 3");
    j.state = job_state::timed_out;
    j.error = job_error{error_class::timeout, "too slow"};
    CHECK(render_plain(j) == "asio: timed out: too slow");
    j = hashing();
    j.health.state = watch_state::unreachable;
    CHECK(render_bar(j, 100, ascii).ends_with("unreachable"));
}

TEST_CASE("a job cannot reach the terminal by its name or its error") {
    job j = hashing();
    j.name = "a\x1b[2J\n\xff\u202e\u009bz";
    CHECK(render_plain(j).starts_with("a?[2J ???z:"));
    CHECK(render_bar(j, 80, {.unicode = true}).starts_with("a?[2J ???z "));
    j.state = job_state::failed;
    j.error = job_error{error_class::api, "\x1b]0;evil\x07"};
    CHECK(render_bar(j, 80, ascii).find('\x1b') == std::string::npos);
}

TEST_CASE("unicode and colour") {
    const std::string line = render_bar(hashing(), 70, {.unicode = true, .colour = true});
    CHECK(line.find("\x1b[36m\u2588") != std::string::npos);
    CHECK(line.find("\u2591") != std::string::npos);
    job j = hashing();
    j.name = "caf\u00e9";
    CHECK(render_plain(j).starts_with("caf?:"));
    CHECK(render_plain(j, {.unicode = true}).starts_with("caf\u00e9:"));
}

TEST_CASE("numbers for people") {
    using detail::human_amount;
    using detail::human_duration;
    CHECK(human_amount(0, progress_unit::bytes) == "0 B");
    CHECK(human_amount(1023, progress_unit::bytes) == "1023 B");
    CHECK(human_amount(1536, progress_unit::bytes) == "1.5 KiB");
    CHECK(human_amount(99'999, progress_unit::items) == "99999");
    CHECK(human_amount(1'234'567, progress_unit::items) == "1.2M");
    CHECK(human_amount(61, progress_unit::seconds) == "1:01");
    CHECK(human_duration(0.2s) == "0:01");
    CHECK(human_duration(3661s) == "1:01:01");
    CHECK(human_duration(50h) == "2d 02h");
    CHECK(human_duration(std::chrono::duration<double>(1e300)) == "ages");
}

TEST_CASE("characters are as wide as the system has them") {
    // glibc and we may know different editions of Unicode, so a few may differ; a table that is wrong differs in thousands.
    const std::string before = std::setlocale(LC_CTYPE, nullptr);
    if (!std::setlocale(LC_CTYPE, "C.UTF-8")) return;
    int known = 0;
    int different = 0;
    for (char32_t c = 0xA0; c <= 0x2FFFF; ++c) {
        const int width = ::wcwidth(static_cast<wchar_t>(c));
        if (width < 0) continue;
        ++known;
        different += static_cast<int>(detail::columns_of(c)) == width ? 0 : 1;
    }
    std::setlocale(LC_CTYPE, before.c_str());
    CHECK(known > 100'000);
    CHECK(different < 200);
    CHECK(detail::columns("e\u0301\u200b") == 1);
    CHECK(detail::columns("\u65e5\U0001F680\uff01") == 6);
    CHECK(detail::clean("\u2764\ufe0f\U0001F469\u200d\U0001F4BB", true) == "\u2764\U0001F469\U0001F4BB");
}

TEST_CASE("how many rows a line takes, and a line that is cut, with colours in it") {
    using detail::cut_coloured;
    using detail::rows_of;
    CHECK(rows_of("", 10) == 1);
    CHECK(rows_of("1234567890", 10) == 1);
    CHECK(rows_of("12345678901", 10) == 2);
    CHECK(rows_of("\x1b[31m1234567890\x1b[0m", 10) == 1);
    CHECK(rows_of("\u65e5\u65e5\u65e5", 5) == 2);
    CHECK(rows_of("\u65e5\u65e5\u65e5", 3) == 3); // one does not fit beside another
    CHECK(rows_of("12", 0) == 2);
    CHECK(cut_coloured("\x1b[31m123\x1b[0m45", 2) == "\x1b[31m12\x1b[0m");
    CHECK(cut_coloured("1\u65e52", 2) == "1");
}
