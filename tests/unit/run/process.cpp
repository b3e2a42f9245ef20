// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors

#include <telltale/run/process.hpp>

#include <telltale/run/detail/process_output.hpp>

#if !defined(_WIN32)

#include "support.hpp"

#include <telltale/run/job_manager.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace telltale;
using namespace telltale_test;
using namespace std::chrono_literals;
using detail::exit_watch;

// The processes are real. What they do is waited for by what they write, or by their end, and never by a pause; the grace
// and the linger pass in virtual time.

namespace {

std::ptrdiff_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
}

/// Checks in the end that no descriptor and no child is left.
class nothing_left {
public:
    nothing_left() = default;
    nothing_left(const nothing_left&) = delete;
    nothing_left& operator=(const nothing_left&) = delete;
    ~nothing_left() {
        CHECK(open_descriptors() == descriptors_);
        CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
        CHECK(errno == ECHILD);
    }

private:
    std::ptrdiff_t descriptors_ = open_descriptors();
};

class temporary_folder {
public:
    temporary_folder() {
        char name[] = "/tmp/telltale-process-XXXXXX";
        path = ::mkdtemp(name);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;
    ~temporary_folder() { std::filesystem::remove_all(path); }

    std::string file(const std::string& name, const std::string& content, ::mode_t mode = 0644) const {
        const auto p = path / name;
        std::ofstream(p) << content;
        REQUIRE(::chmod(p.c_str(), mode) == 0);
        return p.string();
    }

    std::filesystem::path path;
};

/// A FIFO that processes hold open: at its end when the last of them is gone.
class life_line {
public:
    life_line() {
        REQUIRE(::mkfifo(path().c_str(), 0600) == 0);
        fd_ = ::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    }
    life_line(const life_line&) = delete;
    life_line& operator=(const life_line&) = delete;
    ~life_line() { ::close(fd_); }

    std::string path() const { return (folder_.path / "line").string(); }
    /// For a shell that opens it as descriptor 3, as all its children have it then.
    std::string hold() const { return "exec 3>" + path() + "; "; }
    bool is_held() const {
        ::pollfd p{fd_, POLLIN, 0};
        return ::poll(&p, 1, 0) == 0;
    }
    /// Waits until nobody holds it, and returns what was written to it.
    std::string wait_for_end() const {
        std::string all;
        for (;;) {
            ::pollfd p{fd_, POLLIN, 0};
            char c = 0;
            REQUIRE(::poll(&p, 1, -1) == 1);
            if (::read(fd_, &c, 1) != 1) return all;
            all += c;
        }
    }

private:
    temporary_folder folder_;
    int fd_ = -1;
};

/// A FIFO from which processes read a line, which they have to wait for.
class door {
public:
    door() {
        REQUIRE(::mkfifo(path().c_str(), 0600) == 0);
        fd_ = ::open(path().c_str(), O_RDWR | O_CLOEXEC);
    }
    door(const door&) = delete;
    door& operator=(const door&) = delete;
    ~door() { ::close(fd_); }

    std::string path() const { return (folder_.path / "door").string(); }
    std::string wait() const { return "read word <" + path() + "; "; }
    void open() const { REQUIRE(::write(fd_, "go\n", 3) == 3); }

private:
    temporary_folder folder_;
    int fd_ = -1;
};

process_options shell(std::string script) { return {.argv = {"/bin/sh", "-c", std::move(script)}}; }

/// A context in virtual time and a process in it.
struct scene {
    net::io_context context{1};
    testing::virtual_clock clock{context};
    net::cancellation_signal stop;
    std::string said{}; ///< all lines, with a '|' after each
    bool ended = false;
    error_code ec{};
    process_result result{};

    void start(process_options options, exit_watch watch = exit_watch::handle) {
        options.on_output = [this](process_stream, std::string_view line) { said.append(line).append("|"); };
        start_as_it_is(std::move(options), watch);
    }
    void start_as_it_is(process_options options, exit_watch watch) {
        detail::async_run_process_by(watch, context.get_executor(), std::move(options),
                                     net::bind_cancellation_slot(stop.slot(), [this](error_code e, process_result r) {
                                         ended = true;
                                         ec = e;
                                         result = std::move(r);
                                     }));
    }

    /// Runs, in real time, until it is so. No virtual time passes.
    template <class Condition>
    void until(Condition condition) {
        while (!condition()) {
            context.restart();
            REQUIRE(context.run_one() == 1);
        }
    }
    void until_said(const std::string& all) {
        until([&] { return said == all || ended; });
        REQUIRE(said == all);
    }
    void until_ended() {
        until([&] { return ended; });
    }
    /// Until somebody waits for a time.
    void until_timed() {
        auto& time = net::use_service<detail::time_source>(context);
        until([&] { return time.next_expiry().has_value() || ended; });
        REQUIRE_FALSE(ended);
    }

    void cancel() {
        stop.emit(net::cancellation_type::terminal);
        clock.run_until_idle();
    }
};

struct run_result {
    error_code ec;
    process_result result;
};

run_result run(process_options options, exit_watch watch = exit_watch::handle) {
    scene s;
    s.start_as_it_is(std::move(options), watch);
    s.until_ended();
    return {s.ec, std::move(s.result)};
}

std::string output_of(process_options options) {
    const auto [ec, r] = run(std::move(options));
    CHECK_FALSE(ec);
    CHECK(r.errors == captured_output{});
    CHECK(r.exit_code == 0);
    return r.output.text;
}

bool is_alive(::pid_t pid) { return ::kill(pid, 0) == 0; }

/// Returns when the child is a zombie, or has stopped.
void wait_for(::pid_t pid, int what) {
    ::siginfo_t info{};
    REQUIRE(::waitid(P_PID, static_cast<::id_t>(pid), &info, what | WNOWAIT) == 0);
}

} // namespace

TEST_CASE("a process ends with its exit code, with all that it wrote and took") {
    const nothing_left check;
    const auto watch = GENERATE(exit_watch::handle, exit_watch::poll);
    const auto [ec, r] =
        run(shell("echo out; echo err >&2; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; exit 3"), watch);
    CHECK_FALSE(ec);
    CHECK(r.pid > 0);
    CHECK(r.exit_code == 3);
    CHECK_FALSE(r.term_signal);
    CHECK_FALSE(r.succeeded());
    CHECK_FALSE(r.killed);
    CHECK(r.output == captured_output{"out\n", 0});
    CHECK(r.errors == captured_output{"err\n", 0});
    CHECK(r.user_time + r.system_time > 0s);
    CHECK(r.peak_rss_bytes > 100'000);
    CHECK(describe_end(r) == "exited with 3");
    CHECK(run(shell("exit 0"), watch).result.succeeded());
    CHECK(run(shell("exit 127"), watch).result.exit_code == 127);
}

TEST_CASE("the end by a signal is not an exit code") {
    const nothing_left check;
    const auto watch = GENERATE(exit_watch::handle, exit_watch::poll);
    const auto [ec, r] = run(shell("ulimit -c 0; kill -SEGV $$"), watch);
    CHECK_FALSE(ec);
    CHECK_FALSE(r.exit_code);
    CHECK(r.term_signal == SIGSEGV);
    CHECK_FALSE(r.core_dumped);
    CHECK_FALSE(r.succeeded());
    CHECK(describe_end(r) == "killed by SIGSEGV");
    CHECK(describe_end({.term_signal = SIGABRT, .core_dumped = true}) == "killed by SIGABRT (core dumped)");
    CHECK(describe_end({.term_signal = 40}) == "killed by signal 40");
    CHECK(describe_end({}) == "was not run");
    for (const auto& [number, name] : {std::pair{SIGKILL, "SIGKILL"},
                                       {SIGTERM, "SIGTERM"},
                                       {SIGBUS, "SIGBUS"},
                                       {SIGXCPU, "SIGXCPU"},
                                       {SIGXFSZ, "SIGXFSZ"},
                                       {SIGSYS, "SIGSYS"}})
        CHECK(detail::signal_name(number) == name);
    for (const int number : {-1, 0, 16, 32, 64}) // those that have no name
        CHECK(detail::signal_name(number) == "signal " + std::to_string(number));
}

TEST_CASE("what cannot be started is an error that says why, and never an exit code") {
    const nothing_left check;
    const temporary_folder folder;
    const auto error_of = [](std::vector<std::string> argv, std::filesystem::path where = {}) {
        const auto [ec, r] = run({.argv = std::move(argv), .working_folder = std::move(where)});
        CHECK(r.pid == 0);
        CHECK_FALSE(r.exit_code);
        return ec;
    };
    CHECK(error_of({"telltale-no-such-program"}) == errc::program_not_found);
    CHECK(error_of({"/no/such/program"}) == errc::program_not_found);
    CHECK(error_of({folder.file("file", "") + "/program"}) == errc::program_not_found);
    CHECK(error_of({folder.file("script", "#!/no/such/interpreter\n", 0755)}) == errc::program_not_found);
    CHECK(error_of({folder.file("plain", "#!/bin/sh\n", 0644)}) == errc::not_executable);
    CHECK(error_of({folder.file("nonsense", "nonsense\n", 0755)}) == errc::not_executable);
    CHECK(error_of({"/"}) == errc::not_executable);
    CHECK(error_of({"/bin/sh"}, "/no/such/folder") == errc::bad_working_folder);
    CHECK(error_of({"/bin/sh"}, folder.file("file", "")) == errc::bad_working_folder);
    CHECK(error_of({}) == errc::invalid_argument);
    CHECK(error_of({""}) == errc::invalid_argument);
    CHECK(error_of({"/bin/sh", std::string("a\0b", 3)}) == errc::invalid_argument);
    CHECK(error_of({"/bin/sh", std::string(4'000'000, 'x')}) == error_code(E2BIG, net::error::get_system_category()));
    for (const char* const name : {"", "a=b"})
        CHECK(run({.argv = {"/bin/sh"}, .environment = {{name, "1"}}}).ec == errc::invalid_argument);
}

TEST_CASE("a process has the arguments that it was given, many and strange ones too") {
    const nothing_left check;
    CHECK(output_of({.argv = {"printf", "%s|", "a b", "", "$HOME", "'\"*"}}) == "a b||$HOME|'\"*|");
    process_options many = shell("echo $#");
    many.argv.insert(many.argv.end(), 1001, std::string(1000, 'x'));
    CHECK(output_of(std::move(many)) == "1000\n");
}

TEST_CASE("a process has the environment that was inherited, added to, or exactly given") {
    const nothing_left check;
    REQUIRE(::setenv("TELLTALE_TEST_A", "of the parent", 1) == 0);
    REQUIRE(::setenv("TELLTALE_TEST_B", "too", 1) == 0);
    process_options options = shell("echo \"$TELLTALE_TEST_A,$TELLTALE_TEST_B,${TELLTALE_TEST_C-unset}\"");
    CHECK(output_of(options) == "of the parent,too,unset\n");
    options.environment = {
        {"TELLTALE_TEST_A", "of the child"}, {"TELLTALE_TEST_B", std::nullopt}, {"TELLTALE_TEST_C", ""}};
    CHECK(output_of(options) == "of the child,,\n");
    CHECK(output_of({.argv = {"env"}, .environment = {{"A", "1"}, {"B", "2=3"}}, .inherit_environment = false}) ==
          "A=1\nB=2=3\n");
    CHECK(output_of({.argv = {"env"}, .inherit_environment = false}).empty());
}

TEST_CASE("a process runs in its folder, from which a relative program is taken") {
    const nothing_left check;
    const temporary_folder folder;
    folder.file("script", "#!/bin/sh\npwd -P\n", 0755);
    CHECK(output_of({.argv = {"./script"}, .working_folder = folder.path}) ==
          std::filesystem::canonical(folder.path).string() + "\n");
}

TEST_CASE("a process reads the input that it is given, or nothing") {
    const nothing_left check;
    std::string input;
    for (int i = 0; input.size() < 900'000; ++i) input += std::to_string(i) + "\n";
    CHECK(output_of({.argv = {"cat"}, .input = input}) == input);
    CHECK(output_of({.argv = {"cat"}, .input = ""}).empty());
    CHECK(output_of({.argv = {"cat"}}).empty());
    CHECK(output_of({.argv = {"true"}, .input = input}).empty()); // what is not read is in nobody's way
}

TEST_CASE("a process inherits no descriptor, no mask of signals and none that is ignored") {
    const nothing_left check;
    const int stray = ::fcntl(STDERR_FILENO, F_DUPFD, 77); // not close-on-exec
    ::sigset_t term;
    ::sigset_t former;
    ::sigemptyset(&term);
    ::sigaddset(&term, SIGTERM);
    ::pthread_sigmask(SIG_BLOCK, &term, &former);
    const auto handler = std::signal(SIGINT, SIG_IGN);
    CHECK(output_of({.argv = {"grep", "^SigBlk", "/proc/self/status"}}) == "SigBlk:\t0000000000000000\n");
    const std::string ignored = output_of({.argv = {"grep", "^SigIgn", "/proc/self/status"}}).substr(8);
    CHECK((std::stoull(ignored, nullptr, 16) & 0x7fff'ffff) == 0);         // 32 and 33 are the C library's own
    CHECK(output_of({.argv = {"ls", "/proc/self/fd"}}) == "0\n1\n2\n3\n"); // 3: the folder itself
    std::signal(SIGINT, handler);
    ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
    ::close(stray);
}

TEST_CASE("a program that has closed its own standard streams can run processes") {
    const nothing_left check;
    scene with_input;
    scene without;
    const net::steady_timer a(with_input.context); // now the contexts have their descriptors
    const net::steady_timer b(without.context);
    const int former_input = ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    const int former_output = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
    ::close(STDIN_FILENO);
    ::close(STDOUT_FILENO);
    with_input.start({.argv = {"cat"}, .working_folder = "/", .input = "in"});
    without.start(shell("cat; echo out; echo err >&2"));
    // What this program writes to its standard output, which it has closed, must not go into one of our pipes.
    const bool are_free = ::fcntl(STDIN_FILENO, F_GETFD) == -1 && ::fcntl(STDOUT_FILENO, F_GETFD) == -1;
    with_input.until_ended();
    without.until_ended();
    ::dup2(former_input, STDIN_FILENO);
    ::dup2(former_output, STDOUT_FILENO);
    ::close(former_input);
    ::close(former_output);
    CHECK(are_free);
    CHECK(with_input.result.output.text == "in");
    CHECK(without.result.output.text == "out\n");
    CHECK(without.result.errors.text == "err\n");
}

TEST_CASE("of gigabytes of output the end is kept, and counted what was before it") {
    const nothing_left check;
    process_options options = shell("head -c 3G /dev/zero; printf the-end; printf error >&2");
    options.capture_limit = 10;
    const auto [ec, r] = run(std::move(options));
    CHECK_FALSE(ec);
    CHECK(r.exit_code == 0);
    CHECK(r.output.text == std::string(3, '\0') + "the-end");
    CHECK(r.output.dropped == 3'221'225'472 - 3);
    CHECK(r.errors == captured_output{"error", 0});
}

TEST_CASE("by default the last MiB of each stream is kept") {
    const nothing_left check;
    const auto [ec, r] = run(shell("head -c 1048577 /dev/zero; head -c 1048576 /dev/zero >&2"));
    CHECK_FALSE(ec);
    CHECK(r.output.text.size() == 1'048'576);
    CHECK(r.output.dropped == 1);
    CHECK(r.errors.text.size() == 1'048'576);
    CHECK(r.errors.dropped == 0);
}

TEST_CASE("the tail of a stream is the same however it comes in pieces") {
    std::string all;
    for (int i = 0; i < 400; ++i) all += std::to_string(i);
    for (const std::size_t limit : {0U, 1U, 7U, 64U, 1000U, 5000U})
        for (const std::size_t piece : {1U, 3U, 7U, 8U, 63U, 64U, 65U, 999U, 2000U}) {
            detail::output_tail tail(limit);
            for (std::size_t at = 0; at < all.size(); at += piece) tail.append(std::string_view(all).substr(at, piece));
            const std::size_t kept = std::min(limit, all.size());
            CAPTURE(limit, piece);
            REQUIRE(tail.take() == captured_output{all.substr(all.size() - kept), all.size() - kept});
        }
}

TEST_CASE("lines are told as they come, without their end, and a long one in pieces") {
    const nothing_left check;
    std::vector<std::string> lines;
    process_options options = shell(
        "printf 'one\\n\\ntwo'; printf ' halves\\n'; printf 'err\\n' >&2; head -c 70000 /dev/zero; printf '\\nend'");
    options.capture_limit = 0;
    options.on_output = [&](process_stream s, std::string_view line) {
        lines.push_back((s == process_stream::errors ? "2:" : "1:") + std::string(line));
    };
    const auto [ec, r] = run(std::move(options));
    CHECK(r.output.text.empty());
    CHECK(r.output.dropped == 3 + 1 + 1 + 11 + 70'000 + 1 + 3);
    const auto errors = std::find(lines.begin(), lines.end(), "2:err");
    REQUIRE(errors != lines.end());
    lines.erase(errors);
    CHECK(lines == std::vector<std::string>{"1:one", "1:", "1:two halves", "1:" + std::string(65'536, '\0'),
                                            "1:" + std::string(70'000 - 65'536, '\0'), "1:end"});
}

TEST_CASE("lines are the same however they come in pieces") {
    std::string all = "a\n\nbb\n" + std::string(65'536, 'x') + "\n" + std::string(65'537, 'y') + "\nz";
    const std::vector<std::string> expected{"a", "", "bb", std::string(65'536, 'x'), std::string(65'536, 'y'),
                                            "y", "z"};
    for (const std::size_t piece : {1U, 2U, 3U, 65'536U, 65'537U, 200'000U}) {
        detail::line_splitter lines;
        std::vector<std::string> told;
        const auto tell = [&](std::string_view line) { told.emplace_back(line); };
        for (std::size_t at = 0; at < all.size(); at += piece)
            lines.append(std::string_view(all).substr(at, piece), tell);
        lines.finish(tell);
        lines.finish(tell);
        CAPTURE(piece);
        CHECK(told == expected);
    }
}

TEST_CASE("a throwing on_output does not disturb the process, and what it threw first is kept") {
    const nothing_left check;
    int calls = 0;
    process_options options = shell("echo 1; echo 2; exit 4");
    options.on_output = [&](process_stream, std::string_view) { throw ++calls; };
    const auto [ec, r] = run(std::move(options));
    CHECK(calls == 2);
    CHECK(r.exit_code == 4);
    REQUIRE(r.on_output_error);
    try {
        std::rethrow_exception(r.on_output_error);
    } catch (int first) {
        CHECK(first == 1);
    }
}

TEST_CASE("a cancelled process gets SIGTERM, and how it took that is told with operation_aborted") {
    const nothing_left check;
    const auto watch = GENERATE(exit_watch::handle, exit_watch::poll);
    scene s;
    SECTION("it says good-bye") {
        s.start(shell("trap 'echo bye; exit 7' TERM; echo up; while :; do read x </dev/null; done"), watch);
        s.until_said("up|");
        s.cancel();
        s.until_ended();
        CHECK(s.ec == net::error::operation_aborted);
        CHECK(s.result.exit_code == 7);
        CHECK(s.result.output.text == "up\nbye\n");
    }
    SECTION("it just ends") {
        s.start(shell("echo up; exec sleep 1000"), watch);
        s.until_said("up|");
        s.cancel();
        s.until_ended();
        CHECK(s.ec == net::error::operation_aborted);
        CHECK(s.result.term_signal == SIGTERM);
    }
    SECTION("it had been stopped") {
        s.start(shell("echo $$; kill -STOP $$; sleep 1000"), watch);
        s.until([&] { return !s.said.empty(); });
        wait_for(std::stoi(s.said), WSTOPPED);
        s.cancel();
        s.until_ended();
        CHECK(s.result.term_signal == SIGTERM);
    }
    CHECK_FALSE(s.result.killed);
}

TEST_CASE("a process that ignores SIGTERM is killed when the grace is over, and not before") {
    const nothing_left check;
    const auto watch = GENERATE(exit_watch::handle, exit_watch::poll);
    scene s;
    s.start(shell("trap '' TERM; echo $$; exec sleep 1000"), watch);
    s.until([&] { return !s.said.empty(); });
    const ::pid_t pid = std::stoi(s.said);
    s.cancel();
    s.clock.run_for(5s - 1ms);
    s.cancel(); // again: nothing new
    ::siginfo_t info{};
    REQUIRE(::waitid(P_PID, static_cast<::id_t>(pid), &info, WEXITED | WNOWAIT | WNOHANG) == 0);
    CHECK(info.si_pid == 0); // it runs
    CHECK_FALSE(s.ended);
    s.clock.run_for(1ms);
    s.until_ended();
    CHECK(s.ec == net::error::operation_aborted);
    CHECK(s.result.term_signal == SIGKILL);
    CHECK(s.result.killed);
    CHECK(s.result.elapsed >= 5s); // on the clock of the context
    CHECK_FALSE(is_alive(pid));
}

TEST_CASE("without grace a process is killed at once") {
    const nothing_left check;
    scene s;
    process_options options = shell("trap '' TERM; echo up; exec sleep 1000");
    options.grace = 0s;
    s.start(std::move(options));
    s.until_said("up|");
    s.cancel();
    s.until_ended();
    CHECK(s.result.term_signal == SIGKILL);
    CHECK(s.result.killed);
}

TEST_CASE("the whole group of a cancelled process ends") {
    const nothing_left check;
    const life_line line;
    scene s;
    SECTION("children that hear SIGTERM") {
        s.start(shell(line.hold() + "sleep 1000 & sleep 1000 & echo up; wait"));
        s.until_said("up|");
        s.cancel();
        s.until_ended();
        CHECK(s.result.term_signal == SIGTERM);
    }
    SECTION("a child that ignores SIGTERM and holds the output: when the grace is over") {
        s.start(shell(line.hold() + "(trap '' TERM; echo $$; exec sleep 1000) & exec sleep 1000"));
        s.until([&] { return !s.said.empty(); });
        s.cancel();
        wait_for(std::stoi(s.said), WEXITED);
        s.clock.run_for(5s - 1ms);
        CHECK_FALSE(s.ended);
        CHECK(line.is_held());
        s.clock.run_for(1ms);
        s.until_ended();
        CHECK(s.result.term_signal == SIGTERM);
        CHECK_FALSE(s.result.killed);
    }
    SECTION("a child that ignores SIGTERM and has turned away: with the process") {
        s.start(shell(line.hold() + "(trap '' TERM; echo up; exec sleep 1000 >/dev/null 2>&1) & exec sleep 1000"));
        s.until_said("up|");
        s.cancel();
        s.until_ended();
    }
    CHECK(s.ec == net::error::operation_aborted);
    line.wait_for_end();
}

TEST_CASE("a process in the group of this one gets the signals alone") {
    const nothing_left check;
    const life_line line;
    scene s;
    process_options options = shell(line.hold() + "sleep 1000 & echo $$ $! $(cut -d' ' -f5 /proc/$$/stat); wait");
    options.own_group = false;
    s.start(std::move(options));
    s.until([&] { return !s.said.empty(); });
    std::istringstream words(s.said);
    ::pid_t pid = 0;
    ::pid_t child = 0;
    ::pid_t group = 0;
    words >> pid >> child >> group;
    CHECK(group == ::getpgrp());
    s.cancel();
    wait_for(pid, WEXITED);
    s.clock.run(); // the child holds the output: the grace, and then the linger
    CHECK(s.ended);
    CHECK(s.result.term_signal == SIGTERM);
    CHECK(line.is_held());
    ::kill(child, SIGKILL);
    line.wait_for_end();
}

TEST_CASE("the output that a daemon holds open is waited for, but not for ever, and the daemon goes on") {
    const nothing_left check;
    const auto watch = GENERATE(exit_watch::handle, exit_watch::poll);
    const life_line line;
    const door go;
    scene s;
    s.start(shell(line.hold() + "(" + go.wait() + "echo alive >&3) & echo up; exit 5"), watch);
    s.until_timed();
    s.clock.run_for(200ms - 1ms);
    CHECK_FALSE(s.ended);
    if (GENERATE(true, false))
        s.clock.run_for(1ms);
    else
        s.cancel(); // the process has ended: no reason to wait any more, and no other result
    CHECK(s.ended);
    CHECK_FALSE(s.ec);
    CHECK(s.result.exit_code == 5);
    CHECK(s.result.output.text == "up\n");
    CHECK(s.result.elapsed < 100ms); // on the clock of the context: the linger is not part of it
    go.open();
    CHECK(line.wait_for_end() == "alive\n");
}

TEST_CASE("a process that closes its output and goes on is waited for") {
    const nothing_left check;
    const auto watch = GENERATE(exit_watch::handle, exit_watch::poll);
    const door go;
    scene s;
    s.start(shell("exec >&- 2>&-; " + go.wait() + "exit 6"), watch);
    s.clock.run_until_idle();
    CHECK_FALSE(s.ended);
    go.open();
    s.until_ended();
    CHECK(s.result.exit_code == 6);
}

TEST_CASE("cancelled at any moment it ends, with its own end if that came first") {
    const nothing_left check;
    scene s;
    SECTION("at once") {
        s.start(shell("exec sleep 1000"));
        s.stop.emit(net::cancellation_type::terminal);
        s.until_ended();
        CHECK(s.ec == net::error::operation_aborted);
        CHECK(s.result.term_signal == SIGTERM);
    }
    SECTION("it has ended, and nobody has seen it") {
        const door go;
        s.start(shell("echo $$; " + go.wait() + "echo done; exit 9"));
        s.until([&] { return !s.said.empty(); });
        go.open();
        wait_for(std::stoi(s.said), WEXITED);
        s.stop.emit(net::cancellation_type::terminal);
        s.until_ended();
        CHECK_FALSE(s.ec);
        CHECK(s.result.exit_code == 9);
        CHECK(s.said.ends_with("|done|"));
    }
    SECTION("it could not be started") {
        s.start({.argv = {"/no/such/program"}});
        s.stop.emit(net::cancellation_type::terminal);
        s.until_ended();
        CHECK(s.ec == errc::program_not_found);
    }
    SECTION("other types of cancellation mean nothing") {
        s.start(shell("read x; exit 8"));
        s.stop.emit(net::cancellation_type::partial);
        s.stop.emit(net::cancellation_type::total);
        s.until_ended();
        CHECK_FALSE(s.ec);
        CHECK(s.result.exit_code == 8);
    }
    s.cancel(); // it is over
}

TEST_CASE("a context that is destroyed leaves no process, no zombie and no descriptor") {
    const nothing_left check;
    const auto watch = GENERATE(exit_watch::handle, exit_watch::poll);
    const life_line line;
    SECTION("before it has run") {
        scene s;
        s.start(shell("exec sleep 1000"), watch);
        CHECK_FALSE(s.ended);
    }
    SECTION("while the process runs, and its child") {
        {
            scene s;
            s.start(shell(line.hold() + "sleep 1000 & echo up; wait"), watch);
            s.until_said("up|");
        }
        line.wait_for_end();
    }
    SECTION("in the grace") {
        {
            scene s;
            s.start(shell(line.hold() + "trap '' TERM; echo up; exec sleep 1000"), watch);
            s.until_said("up|");
            s.cancel();
        }
        line.wait_for_end();
    }
    SECTION("in the grace, when only a child is left") {
        {
            scene s;
            s.start(shell(line.hold() + "(trap '' TERM; echo $$; exec sleep 1000) & exec sleep 1000"), watch);
            s.until([&] { return !s.said.empty(); });
            s.cancel();
            wait_for(std::stoi(s.said), WEXITED);
            s.clock.run_for(1s);
        }
        line.wait_for_end();
    }
}

TEST_CASE("a context that is destroyed while a daemon holds the output lets the daemon go on") {
    const nothing_left check;
    const life_line line;
    const door go;
    {
        scene s;
        s.start(shell(line.hold() + "(" + go.wait() + "echo alive >&3) & exit 5"));
        s.until_timed();
    }
    go.open();
    CHECK(line.wait_for_end() == "alive\n");
}

TEST_CASE("torn down at every step nothing is left") {
    const nothing_left check;
    const auto watch = GENERATE(exit_watch::handle, exit_watch::poll);
    tear_down_at_every_step(
        [&](net::io_context& context, const std::shared_ptr<int>& witness) {
            const auto stop = std::make_shared<net::cancellation_signal>();
            auto options = shell("trap 'echo bye; exit 1' TERM; echo up; while :; do read x </dev/null; done");
            options.on_output = [witness, stop](process_stream, std::string_view) {
                stop->emit(net::cancellation_type::terminal);
            };
            detail::async_run_process_by(
                watch, context.get_executor(), std::move(options),
                net::bind_cancellation_slot(stop->slot(), [witness, stop](error_code, process_result) {}));
        },
        12);
}

TEST_CASE("two hundred processes at once") {
    const nothing_left check;
    const auto watch = GENERATE(exit_watch::handle, exit_watch::poll);
    net::io_context context;
    int good = 0;
    for (int i = 0; i < 200; ++i)
        detail::async_run_process_by(watch, context.get_executor(),
                                     shell("echo " + std::to_string(i) + "; exit " + std::to_string(i)),
                                     [&good, i](error_code ec, process_result r) {
                                         if (!ec && r.exit_code == i && r.output.text == std::to_string(i) + "\n")
                                             ++good;
                                     });
    context.run();
    CHECK(good == 200);
}

TEST_CASE("on a thread pool, started and cancelled from several threads") {
    const nothing_left check;
    std::atomic<int> aborted{0};
    std::atomic<int> others{0};
    {
        net::thread_pool pool(3);
        std::vector<std::shared_ptr<net::cancellation_signal>> signals;
        for (int i = 0; i < 30; ++i) {
            const auto home = net::make_strand(pool.get_executor());
            const auto stop = std::make_shared<net::cancellation_signal>();
            net::post(home, [&, home, stop] {
                auto options = shell("echo up; exec sleep 1000");
                options.on_output = [home, stop](process_stream, std::string_view) {
                    net::post(home, [stop] { stop->emit(net::cancellation_type::terminal); });
                };
                async_run_process(
                    home, std::move(options),
                    net::bind_cancellation_slot(
                        stop->slot(), net::bind_executor(home, [&, stop](error_code ec, process_result r) {
                            ++(ec == net::error::operation_aborted && r.term_signal == SIGTERM ? aborted : others);
                        })));
            });
        }
        pool.join();
    }
    CHECK(aborted == 30);
    CHECK(others == 0);
}

TEST_CASE("in a program that ignores SIGCHLD the end of a process is an error, and no hang") {
    const nothing_left check;
    const auto watch = GENERATE(exit_watch::handle, exit_watch::poll);
    const auto handler = std::signal(SIGCHLD, SIG_IGN);
    const auto [ec, r] = run(shell("echo out; exit 3"), watch);
    std::signal(SIGCHLD, handler);
    CHECK(ec == error_code(ECHILD, net::error::get_system_category()));
    CHECK_FALSE(r.exit_code);
    CHECK(r.output.text == "out\n");
}

TEST_CASE("run_process throws with the name of what could not be started") {
    const nothing_left check;
    const auto message_of = [](process_options options) {
        std::string message;
        net::io_context context;
        net::co_spawn(context, run_process(std::move(options)), [&](std::exception_ptr e, process_result r) {
            message = e ? describe_error(e).message : r.output.text;
        });
        context.run();
        return message;
    };
    CHECK(message_of(shell("echo out")) == "out\n");
    // starts_with: Boost's system_error adds the number.
    CHECK(message_of({.argv = {"/no/such/program"}}).starts_with("/no/such/program: the program was not found"));
    CHECK(message_of({.argv = {"/bin/sh"}, .working_folder = "/no/such"})
              .starts_with("/no/such: the working folder is not there, or may not be gone to"));
}

TEST_CASE("check_exit throws what a job fails with") {
    const auto error_of = [](const process_result& r) {
        try {
            check_exit(r);
        } catch (const job_failure& e) {
            return std::pair(e.kind(), std::string(e.what()));
        }
        return std::pair(error_class::unknown, std::string());
    };
    CHECK(error_of({.exit_code = 0}).second.empty());
    CHECK(error_of({.exit_code = 3}) == std::pair(error_class::unknown, std::string("exited with 3")));
    CHECK(error_of({.term_signal = SIGKILL}) == std::pair(error_class::resource, std::string("killed by SIGKILL")));
    CHECK(error_of({.term_signal = SIGSEGV}).first == error_class::unknown);
    CHECK(error_of({.exit_code = 1, .errors = {"1\n2\n3\n4\n5\n6\n\n", 0}}).second == "exited with 1: 2\n3\n4\n5\n6");
    CHECK(last_lines("a\nb", 5) == "a\nb");
    CHECK(last_lines("a\nb", 1) == "b");
    CHECK(last_lines("abcdef\n", 5, 3) == "def");
    CHECK(last_lines("\n\n", 5).empty());
}

TEST_CASE("a process is the work of a job, ends as that, and is cancelled with it") {
    const nothing_left check;
    const life_line line;
    net::io_context context;
    std::vector<job_report> reports;
    job_manager manager(context.get_executor(), [&](job_report r) {
        if (r.state && is_terminal(*r.state)) reports.push_back(std::move(r));
    });
    process_options endless = shell(line.hold() + "trap '' TERM; echo up; sleep 1000");
    endless.grace = 0s;
    endless.on_output = [&](process_stream, std::string_view) { manager.cancel("endless"); };
    manager.submit({.id = "endless"}, process_job(std::move(endless)));
    manager.async_drain([](error_code) {});
    context.run();
    context.restart();
    manager.submit({.id = "failed"}, process_job(shell("echo no room >&2; exit 3")));
    manager.async_drain([](error_code) {});
    context.run();
    context.restart();
    manager.submit({.id = "none"}, process_job({.argv = {"/no/such/program"}}));
    manager.async_drain([](error_code) {});
    context.run();
    REQUIRE(reports.size() == 3);
    CHECK(reports[0].state == job_state::cancelled);
    CHECK(reports[1].state == job_state::failed);
    REQUIRE(reports[1].error);
    CHECK(reports[1].error->message == "exited with 3: no room");
    REQUIRE(reports[2].error);
    CHECK(reports[2].error->message.starts_with("/no/such/program: the program was not found"));
    CHECK(reports[2].error->kind == error_class::unknown);
    line.wait_for_end();
}

#endif // !_WIN32
