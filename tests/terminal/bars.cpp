// SPDX-License-Identifier: BSL-1.0
// Copyright (c) 2026 the telltale authors
//
// bars COMMANDS REPLIES: shows bars on the terminal that it runs in, as the lines of a scenario (scenario.hpp) tell it that
// come through the named pipe COMMANDS. It answers each in REPLIES, when the terminal has read all that was written: it
// asks the terminal where the cursor is, and waits for the answer.

#include <telltale/progress/bar_writer.hpp>

#include "scenario.hpp"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

namespace {

/// No echo, and what is typed (here: what the terminal answers) is there at once.
void make_silent() {
    termios mode{};
    ::tcgetattr(STDIN_FILENO, &mode);
    mode.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &mode);
}

bool ask_terminal() {
    constexpr char question[] = "\x1b[6n";
    if (::write(STDOUT_FILENO, question, sizeof question - 1) != sizeof question - 1) return false;
    for (char c = 0; c != 'R';)
        if (::read(STDIN_FILENO, &c, 1) != 1) return false;
    return true;
}

/// Until the terminal has told the system its new size.
void await_size(unsigned width, unsigned height) {
    sigset_t resized{};
    sigemptyset(&resized);
    sigaddset(&resized, SIGWINCH);
    for (int signal = 0;; ::sigwait(&resized, &signal)) {
        winsize size{};
        ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
        if (size.ws_col == width && size.ws_row == height) return;
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    sigset_t resized{};
    sigemptyset(&resized);
    sigaddset(&resized, SIGWINCH);
    ::sigprocmask(SIG_BLOCK, &resized, nullptr); // pending until await_size looks
    make_silent();
    std::ifstream commands(argv[1]);
    std::ofstream replies(argv[2]);
    telltale_test::scenario scene;
    telltale::bar_writer bars(stdout, {.redraw_interval = {}});
    for (std::string text; std::getline(commands, text);) {
        std::istringstream in(text);
        std::string verb;
        unsigned width = 0;
        unsigned height = 0;
        in >> verb;
        if (verb == "update")
            bars.update(scene.jobs(), scene.now(), scene.calendar());
        else if (verb == "finish")
            bars.finish(scene.jobs(), scene.now(), scene.calendar());
        else if (verb == "log")
            bars.log(telltale_test::scenario::log_text(text));
        else if (verb == "resize" && in >> width >> height)
            await_size(width, height);
        else if (!scene.apply(text))
            return 3;
        if (!ask_terminal()) return 4;
        replies << text << std::endl;
    }
}
