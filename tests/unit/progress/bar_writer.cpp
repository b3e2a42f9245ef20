// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/progress/bar_writer.hpp>

#include <telltale/progress/detail/terminal.hpp>

#include "catch.hpp"
#include "terminal/emulator.hpp"
#include "terminal/scenario.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

using namespace telltale;
using namespace std::chrono_literals;
using telltale_test::scenario;
using telltale_test::terminal_emulator;

namespace {

using job_list = bar_writer::job_list;
using time_point = std::chrono::steady_clock::time_point;
using lines = std::vector<std::string>;

constexpr bar_style ascii{.unicode = false};

std::shared_ptr<const job> make(std::string id, job_state state, double done = 0) {
    job j;
    j.id = j.name = std::move(id);
    j.state = state;
    if (state == job_state::running) j.progress = progress{.done = done, .total = 10};
    return std::make_shared<const job>(j);
}

/// Plays a scenario in the emulator. Returns how many screens were compared.
std::size_t play(std::istream& in) {
    scenario scene;
    std::string text;
    std::string verb;
    detail::screen_size size;
    std::getline(in, text);
    while (text.empty() || text.front() == '#') std::getline(in, text);
    std::istringstream(text) >> verb >> size.width >> size.height;
    REQUIRE(verb == "size");
    std::getline(in, text);
    detail::bar_screen bars({.style = {.unicode = text == "style unicode"}});
    terminal_emulator terminal(size.width, size.height);
    std::size_t screens = 0;
    for (bool more = static_cast<bool>(std::getline(in, text)); more;) {
        std::istringstream words(text);
        verb.clear();
        words >> verb;
        if (verb == "screen" || verb == "all") {
            const bool all = verb == "all";
            lines expected;
            while ((more = static_cast<bool>(std::getline(in, text))) && text.starts_with('|'))
                expected.push_back(text.substr(1));
            CAPTURE(screens);
            REQUIRE(terminal.screen(all) == expected);
            ++screens;
            continue;
        }
        if (verb == "update") {
            terminal.write(bars.update(scene.jobs(), scene.now(), scene.calendar(), size));
        } else if (verb == "finish") {
            terminal.write(bars.finish(scene.jobs(), scene.now(), scene.calendar(), size));
        } else if (verb == "log") {
            terminal.write(bars.log(scenario::log_text(text), size));
        } else if (verb == "resize") {
            words >> size.width >> size.height;
            terminal.resize(size.width, size.height);
        } else if (!verb.empty() && verb.front() != '#' && !scene.apply(text)) {
            FAIL("what is " << text);
        }
        more = static_cast<bool>(std::getline(in, text));
    }
    return screens;
}

} // namespace

TEST_CASE("the screens of every scenario") {
    std::size_t scenarios = 0;
    for (const auto& file : std::filesystem::directory_iterator(TELLTALE_TEST_DIR "/terminal/scenarios")) {
        INFO(file.path());
        std::ifstream in(file.path());
        CHECK(play(in) > 0);
        ++scenarios;
    }
    CHECK(scenarios > 5);
}

TEST_CASE("bars are not drawn more often than the interval, nor when nothing has changed") {
    detail::bar_screen screen({.redraw = 100ms});
    const job_list jobs{make("a", job_state::running)};
    CHECK_FALSE(screen.too_early(time_point{0ms}));
    CHECK(screen.update(jobs, time_point{0ms}, {}, {}) != "");
    CHECK(screen.too_early(time_point{99ms}));
    CHECK_FALSE(screen.too_early(time_point{100ms}));
    CHECK(screen.update(jobs, time_point{100ms}, {}, {}) == "");
    CHECK(screen.update(job_list{make("a", job_state::running, 9)}, time_point{200ms}, {}, {}) != "");
}

TEST_CASE("each job has its final line once, and a retry has its own") {
    detail::bar_screen screen({.style = ascii});
    terminal_emulator terminal(60, 24);
    const auto show = [&](job_state state, std::uint32_t attempt) {
        job j = *make("a", state);
        j.attempt = attempt;
        const job_list jobs{std::make_shared<const job>(j)};
        terminal.write(screen.update(jobs, {}, {}, {60, 24}));
        return terminal.screen(true).size();
    };
    CHECK(show(job_state::running, 1) == 1);
    CHECK(show(job_state::failed, 1) == 1);
    CHECK(show(job_state::failed, 1) == 1);
    CHECK(show(job_state::running, 2) == 2);
    CHECK(show(job_state::succeeded, 2) == 2);
    CHECK(show(job_state::succeeded, 3) == 3); // whose beginning nobody saw
    CHECK(terminal.screen(true).back() == "a              succeeded");
}

TEST_CASE("a terminal that cuts lines instead of wrapping them when it is made narrower") {
    detail::bar_screen screen({.reflows = false, .style = ascii});
    terminal_emulator terminal(80, 10, false);
    terminal.write(screen.log("above", {80, 10}));
    terminal.write(screen.update(job_list{make("a", job_state::running)}, {}, {}, {80, 10}));
    terminal.resize(30, 10);
    terminal.write(screen.update(job_list{make("a", job_state::running, 5)}, {}, {}, {30, 10}));
    CHECK(terminal.screen(true) == lines{"above", "a        [######......]  50 %"});
}

TEST_CASE("a terminal that is made narrower just before the bars are written") {
    detail::bar_screen screen({.style = ascii});
    terminal_emulator terminal(40, 10);
    const job_list jobs{make("a", job_state::running), make("b", job_state::running)};
    terminal.write(screen.update(jobs, {}, {}, {80, 10})); // it was 80 a moment ago
    CHECK(terminal.screen(true).size() == 2);
}

TEST_CASE("colours change nothing but the colours") {
    const job_list jobs{make("a", job_state::running, 3), make("b", job_state::failed)};
    std::vector<lines> screens;
    for (const bool colour : {true, false}) {
        detail::bar_screen screen({.style = {.unicode = true, .colour = colour}});
        terminal_emulator terminal(60, 24);
        terminal.write(screen.update(jobs, {}, {}, {60, 24}));
        CHECK(terminal.coloured() == colour);
        terminal.resize(25, 24);
        terminal.write(screen.log("x", {25, 24}));
        terminal.write(screen.finish(jobs, {}, {}, {25, 24}));
        CHECK(terminal.column() == 0);
        screens.push_back(terminal.screen(false));
    }
    CHECK(screens[0] == screens[1]);
}

TEST_CASE("not on a terminal: a line per change of state, progress now and then, and no control codes") {
    detail::bar_screen screen({.terminal = false, .style = ascii, .plain = 5s});
    const auto at = [&](std::chrono::seconds s, const job_list& jobs) {
        return screen.update(jobs, time_point{s}, {}, {});
    };
    CHECK(at(0s, {make("a", job_state::queued)}) == "a: queued\n");
    CHECK(at(1s, {make("a", job_state::running)}) == "a: running, 0 %, 0/10\n");
    CHECK(at(2s, {make("a", job_state::running, 2)}).empty());
    CHECK(at(6s, {make("a", job_state::running, 6)}) == "a: running, 60 %, 6/10\n");
    CHECK(at(7s, {make("a", job_state::succeeded)}) == "a: succeeded\n");
    CHECK(at(90s, {make("a", job_state::succeeded)}).empty());
    CHECK(screen.log("x\x1b[1m\r\ny", {}) == "x?[1m\ny\n");
    const job_list last{make("a", job_state::succeeded), make("b", job_state::running)};
    CHECK(screen.finish(last, {}, {}, {}) == "b: running, 0 %, 0/10\n");
    CHECK(screen.finish(last, {}, {}, {}).empty());
    CHECK(at(91s, {make("b", job_state::failed)}) == "b: failed\n");
}

TEST_CASE("not on a terminal: steps are told with their job's name") {
    detail::bar_screen screen({.terminal = false, .style = ascii});
    scenario scene;
    const auto at = [&](std::initializer_list<const char*> changes) {
        for (const char* const c : changes) scene.apply(c);
        return screen.update(scene.jobs(), scene.now(), scene.calendar(), {});
    };
    CHECK(at({"job a running started=0", "step a x running started=0"}) ==
          "a: running, for 0:00\na > x: running, for 0:00\n");
    CHECK(at({"now 2", "step a x succeeded started=0 finished=2", "step a y running 1/2 started=2"}) ==
          "a > x: succeeded in 2.0 s\na > y: running, 50 %, 1/2, for 0:00\n");
    CHECK(at({"now 20", "step a y failed started=2 finished=20", "job a failed started=0 finished=20"}) ==
          "a > y: failed after 0:18\na: failed after 0:20\n");
    CHECK(at({"now 21"}).empty());
}

TEST_CASE("a writer on a file that is not a terminal writes plain lines") {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), &std::fclose);
    REQUIRE(file);
    bar_writer bars(file.get(), {.style = ascii});
    CHECK_FALSE(bars.is_terminal());
    std::fputs("first\n", file.get()); // in its buffer
    CHECK(bars.update({make("a", job_state::running, 1)}, time_point{1s}));
    CHECK_FALSE(bars.update({make("a", job_state::running, 2)}, time_point{1s}));
    bars.log("hello");
    bars.finish({make("a", job_state::failed)}, time_point{1s});
    std::rewind(file.get());
    std::string text(200, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    CHECK(text == "first\na: running, 10 %, 1/10\nhello\na: failed\n");
}

namespace {

struct pipe_file {
    pipe_file() {
        REQUIRE(::pipe(ends.data()) == 0);
        file = ::fdopen(ends[1], "w");
    }
    pipe_file(const pipe_file&) = delete;
    pipe_file& operator=(const pipe_file&) = delete;
    ~pipe_file() {
        std::fclose(file);
        close_reader();
    }
    void close_reader() {
        if (ends[0] >= 0) ::close(ends[0]);
        ends[0] = -1;
    }
    /// What is in the pipe now.
    std::string read() {
        std::string text(1 << 20, '\0');
        ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
        const auto n = ::read(ends[0], text.data(), text.size());
        text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        return text;
    }

    std::array<int, 2> ends{-1, -1};
    std::FILE* file = nullptr;
};

} // namespace

TEST_CASE("when nobody reads any more, neither a signal nor a loop") {
    pipe_file pipe;
    bar_writer bars(pipe.file, {.terminal = true, .style = ascii});
    CHECK(bars.update({make("a", job_state::running)}, time_point{1s}));
    pipe.close_reader();
    CHECK(bars.update({make("a", job_state::running, 1)}, time_point{2s})); // SIGPIPE would end this program
    for (int i = 0; i < 3; ++i)
        CHECK(bars.update({make("a", job_state::running, 2)}, time_point{3s})); // nothing to come back for
    bars.log("x");
    bars.finish({make("a", job_state::running, 3)}, time_point{4s});
    sigset_t pending;
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGPIPE) == 0);
}

namespace {
std::atomic<int> signals{0};
}

TEST_CASE("a write that a signal interrupts goes on") {
    pipe_file pipe;
    struct sigaction counting {};
    struct sigaction before {};
    counting.sa_handler = [](int) { ++signals; }; // without SA_RESTART
    ::sigaction(SIGUSR1, &counting, &before);
    const std::string text(1 << 18, 'x'); // more than a pipe holds
    const auto writer = ::pthread_self();
    std::size_t received = 0;
    std::thread reader([&] {
        std::string some(1 << 16, ' ');
        if (::read(pipe.ends[0], some.data(), 1) == 1) ++received; // it has begun
        for (const int enough = signals + 20; signals < enough; std::this_thread::yield())
            ::pthread_kill(writer, SIGUSR1);
        while (received < text.size()) {
            const auto n = ::read(pipe.ends[0], some.data(), some.size());
            if (n <= 0) break;
            received += static_cast<std::size_t>(n);
        }
    });
    detail::file_output out(pipe.file);
    out.write(text, 0);
    CHECK_FALSE(out.is_broken());
    if (out.is_broken()) ::dup2(::open("/dev/null", O_WRONLY), pipe.ends[1]); // or the reader would wait
    reader.join();
    ::sigaction(SIGUSR1, &before, nullptr);
    CHECK(received == text.size());
}

TEST_CASE("a file that takes no more for now gets the rest later, whole and in order") {
    pipe_file pipe;
    ::fcntl(pipe.ends[1], F_SETFL, O_NONBLOCK);
    detail::file_output out(pipe.file);
    std::string sent;
    while (!out.is_full()) {
        const std::string text = std::to_string(sent.size()) + std::string(10'000, '.');
        out.write(text, 0);
        sent += text;
        if (sent.size() > 10'000'000) FAIL("a pipe without a bound");
    }
    out.write("the end", 0);
    std::string received;
    while (out.is_full()) received += pipe.read();
    received += pipe.read();
    CHECK(received == sent + "the end");
    CHECK_FALSE(out.is_broken());
}

TEST_CASE("bars that the terminal has not taken yet are not drawn upon") {
    pipe_file pipe;
    ::fcntl(pipe.ends[1], F_SETFL, O_NONBLOCK);
    bar_writer bars(pipe.file, {.redraw_interval = 0s, .terminal = true, .style = ascii});
    int drawn = 0;
    while (bars.update({make("a" + std::to_string(drawn), job_state::running)}, time_point{1s}))
        if (++drawn > 90'000) FAIL("a pipe without a bound");
    CHECK_FALSE(bars.update({make("b", job_state::running)}, time_point{2s}));
    terminal_emulator terminal(80, 24);
    terminal.write(pipe.read());
    CHECK(bars.update({make("c", job_state::running)}, time_point{3s}));
    terminal.write(pipe.read());
    REQUIRE(terminal.screen(true).size() == 1);
    CHECK(terminal.screen(true).front().starts_with("c "));
}

TEST_CASE("NO_COLOR, the locale and the kind of terminal are obeyed") {
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
    ::unsetenv("XTERM_VERSION");
    ::setenv("TERM", "xterm-256color", 1);
    CHECK(detail::terminal_reflows());
    ::setenv("TERM", "linux", 1);
    CHECK_FALSE(detail::terminal_reflows());
}
