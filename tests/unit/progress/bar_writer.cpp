// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/bar_writer.hpp>

#include "catch.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

using namespace telltale;
using namespace std::chrono_literals;

namespace {

using job_list = detail::bar_screen::job_list;
using time_point = std::chrono::steady_clock::time_point;

std::shared_ptr<const job> make(std::string id, job_state state, double done = 0) {
    job j;
    j.id = j.name = std::move(id);
    j.state = state;
    if (state == job_state::running) j.progress = progress{.done = done, .total = 10};
    return std::make_shared<const job>(j);
}

/// What a terminal shows after all that was written: understands what bar_screen writes, and fails on anything else.
class fake_terminal {
public:
    explicit fake_terminal(std::size_t width) : width_(width) {}

    void write(const std::string& text) {
        for (std::size_t i = 0; i < text.size();) {
            if (text[i] == '\n') {
                ++row_;
                column_ = 0;
                ++i;
            } else if (text[i] == '\r') {
                column_ = 0;
                ++i;
            } else if (text.compare(i, 3, "\x1b[J") == 0) {
                rows_.resize(row_);
                i += 3;
            } else if (text[i] == '\x1b') {
                const std::size_t end = text.find('A', i);
                const auto up = static_cast<std::size_t>(std::stoul(text.substr(i + 2)));
                REQUIRE(up <= row_);
                row_ -= up;
                i = end + 1;
            } else {
                if (column_ == width_) {
                    ++row_;
                    column_ = 0;
                }
                if (rows_.size() <= row_) rows_.resize(row_ + 1);
                rows_[row_].resize(std::max(rows_[row_].size(), column_ + 1), ' ');
                rows_[row_][column_++] = text[i++];
            }
        }
    }

    /// The first word of each row.
    std::string names() const {
        std::string all;
        for (const auto& r : rows_) all += r.substr(0, r.find(' ')) + " ";
        return all;
    }

    const std::vector<std::string>& rows() const { return rows_; }

private:
    std::size_t width_;
    std::vector<std::string> rows_;
    std::size_t row_ = 0;
    std::size_t column_ = 0;
};

constexpr bar_style ascii{.unicode = false};

} // namespace

TEST_CASE("live jobs stay below, in place; each that ends gets one line above them") {
    detail::bar_screen screen(true, ascii, 100ms, 5s);
    fake_terminal terminal(60);
    time_point now{};
    const auto show = [&](const job_list& jobs) {
        now += 100ms;
        terminal.write(screen.update(jobs, now, {60, 24}).value());
        return terminal.names();
    };
    CHECK(show({make("a", job_state::queued), make("b", job_state::running)}) == "b a ");
    CHECK(show({make("a", job_state::running), make("b", job_state::running, 5)}) == "a b ");
    CHECK(show({make("a", job_state::running), make("b", job_state::succeeded)}) == "b a ");
    CHECK(terminal.rows()[0].find("succeeded") != std::string::npos);
    CHECK(show({make("a", job_state::running, 3), make("b", job_state::succeeded)}) == "b a ");
    terminal.write(screen.log("log: something", {60, 24}));
    CHECK(terminal.names() == "b log: a ");
    terminal.write(screen.finish({make("a", job_state::running, 4), make("b", job_state::succeeded)}, now, {60, 24}));
    CHECK(terminal.names() == "b log: a ");
    CHECK(terminal.rows()[2].find("40 %") != std::string::npos);
    CHECK(screen.log("after", {60, 24}) == "after\n"); // nothing is redrawn any more
}

TEST_CASE("bars are not drawn more often than the interval, nor when nothing has changed") {
    detail::bar_screen screen(true, ascii, 100ms, 5s);
    const job_list jobs{make("a", job_state::running)};
    CHECK(screen.update(jobs, time_point{0ms}, {}));
    CHECK_FALSE(screen.update({make("a", job_state::running, 9)}, time_point{99ms}, {}));
    CHECK(screen.update(jobs, time_point{100ms}, {}) == "");
    CHECK(screen.update({make("a", job_state::running, 9)}, time_point{200ms}, {}) != "");
}

TEST_CASE("a terminal that has become narrower, and one that is too low") {
    detail::bar_screen screen(true, ascii, 0ms, 5s);
    job_list jobs;
    for (int i = 0; i < 20; ++i) jobs.push_back(make("j" + std::to_string(i), job_state::running));
    const std::string first = screen.update(jobs, {}, {80, 10}).value();
    CHECK(std::count(first.begin(), first.end(), '\n') == 8);
    CHECK(first.find("and 13 more\n") != std::string::npos);
    CHECK(screen.update({make("x", job_state::running)}, {}, {40, 10})->starts_with("\r\x1b[15A\x1b[J")); // 7 * 2 + 1
}

TEST_CASE("not on a terminal: a line per change of state, progress now and then, and no control codes") {
    detail::bar_screen screen(false, ascii, 0ms, 5s);
    const auto at = [&](std::chrono::seconds s, job_list jobs) {
        return screen.update(jobs, time_point{s}, {}).value();
    };
    CHECK(at(0s, {make("a", job_state::queued)}) == "a: queued\n");
    CHECK(at(1s, {make("a", job_state::running)}) == "a: running, 0 %, 0/10\n");
    CHECK(at(2s, {make("a", job_state::running, 2)}).empty());
    CHECK(at(6s, {make("a", job_state::running, 6)}) == "a: running, 60 %, 6/10\n");
    CHECK(at(7s, {make("a", job_state::succeeded)}) == "a: succeeded\n");
    CHECK(at(90s, {make("a", job_state::succeeded)}).empty());
    CHECK(screen.log("x\x1b[1m", {}) == "x?[1m\n");
    CHECK(screen.finish({make("a", job_state::succeeded), make("b", job_state::running)}, {}, {}) ==
          "b: running, 0 %, 0/10\n");
}

TEST_CASE("a writer on a file that is not a terminal writes plain lines") {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
    REQUIRE(file);
    bar_writer bars(file.get(), {.style = ascii});
    CHECK_FALSE(bars.is_terminal());
    CHECK(bars.update({make("a", job_state::running, 1)}, time_point{1s}));
    CHECK_FALSE(bars.update({make("a", job_state::running, 2)}, time_point{1s}));
    bars.log("hello");
    bars.finish({make("a", job_state::failed)}, time_point{1s});
    std::rewind(file.get());
    std::string text(200, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    CHECK(text == "a: running, 10 %, 1/10\nhello\na: failed\n");
}

TEST_CASE("NO_COLOR and the locale are obeyed") {
    const auto style = [](const char* no_color, const char* locale) {
        ::setenv("NO_COLOR", no_color, 1);
        ::setenv("LC_ALL", locale, 1);
        return detail::style_of_terminal(true);
    };
    CHECK_FALSE(style("1", "C").colour);
    CHECK_FALSE(style("1", "C").unicode);
    CHECK(style("", "de_DE.utf8").colour);
    CHECK(style("", "de_DE.utf8").unicode);
    CHECK(style("", "C.UTF-8").unicode);
    CHECK_FALSE(detail::style_of_terminal(false).colour);
}
