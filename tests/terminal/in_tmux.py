#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""in_tmux.py PROGRAM SCENARIO...: plays each scenario (see scenario.hpp) in a real terminal. PROGRAM (bars.cpp) runs in
tmux, and what is then to be seen there is compared with the screens in the scenario."""

import difflib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

CONFIGURATION = "set -g status off\nset -g history-limit 1000\nset -g default-terminal screen-256color\n"


class Terminal:
    def __init__(self, folder, program, width, height, locale):
        self.folder = folder
        self.socket = str(folder / "socket")
        (folder / "conf").write_text(CONFIGURATION, encoding="utf-8")
        for name in ("commands", "replies"):
            os.mkfifo(folder / name)
        environment = dict(os.environ, LC_ALL="C.UTF-8")  # tmux itself always has UTF-8
        environment.pop("TMUX", None)
        self.environment = environment
        inner = f"env LC_ALL={locale} {program} {folder}/commands {folder}/replies 2>{folder}/errors"
        self.tmux("-f", str(folder / "conf"), "new-session", "-d", "-x", width, "-y", height, inner)
        self.commands = open(folder / "commands", "w", encoding="utf-8")
        self.replies = open(folder / "replies", encoding="utf-8")

    def tmux(self, *arguments):
        command = ["tmux", "-u", "-S", self.socket, *arguments]
        return subprocess.run(command, env=self.environment, check=True, stdout=subprocess.PIPE, text=True).stdout

    def play(self, line):
        if line.startswith("resize "):
            _, width, height = line.split()
            self.tmux("resize-window", "-x", width, "-y", height)
        self.commands.write(line + "\n")
        self.commands.flush()
        if self.replies.readline() != line + "\n":
            raise RuntimeError("the program has ended: " + (self.folder / "errors").read_text(encoding="utf-8"))

    def screen(self, what):
        """`all`: with what was scrolled away."""
        scrolled = ["-S", "-"] if what == "all" else []
        lines = [line.rstrip() for line in self.tmux("capture-pane", "-p", *scrolled).splitlines()]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], check=False, stderr=subprocess.DEVNULL)


def play(program, scenario):
    """Returns how many screens were as they should be; exits at the first that is not."""
    lines = [line for line in scenario.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    _, width, height = lines[0].split()
    locale = "C" if "style ascii" in lines else "C.UTF-8"
    screens = 0
    with tempfile.TemporaryDirectory() as folder:
        terminal = Terminal(Path(folder), program, width, height, locale)
        try:
            rest = [line for line in lines[1:] if not line.startswith("style ")]
            while rest:
                line = rest.pop(0)
                if line not in ("screen", "all"):
                    terminal.play(line)
                    continue
                expected = []
                while rest and rest[0].startswith("|"):
                    expected.append(rest.pop(0)[1:].rstrip())
                seen = terminal.screen(line)
                if seen != expected:
                    print(f"{scenario}, screen {screens + 1}")
                    print(*difflib.unified_diff(expected, seen, "expected", "in tmux", lineterm=""), sep="\n")
                    sys.exit(1)
                screens += 1
        finally:
            terminal.close()
    return screens


def main():
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("in_tmux.py: this takes too long"))
    signal.alarm(100)
    program, scenarios = sys.argv[1], [Path(name) for name in sys.argv[2:]]
    for scenario in scenarios:
        screens = play(program, scenario)
        if screens == 0:
            sys.exit(f"{scenario} checks nothing")
        print(f"{scenario.name}: {screens} screens as expected")
    return 0 if scenarios else 1


if __name__ == "__main__":
    sys.exit(main())
