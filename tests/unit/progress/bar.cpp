// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/bar.hpp>

#include "catch.hpp"

#include <chrono>
#include <string>

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
