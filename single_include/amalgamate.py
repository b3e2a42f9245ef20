#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""Writes single_include/telltale/telltale.hpp: the umbrella telltale/telltale.hpp with every header of telltale that it
reaches put in its place, once, and with the bodies. Includes of Asio and of the standard library stay as they are. The
include guards stay too, so a file may include both this and a single header of the same version.

amalgamate.py [--check] [--include DIR] [--umbrella HEADER] [--output FILE]
"""

import argparse
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*<(telltale/[^>]+)>")
CONDITION = re.compile(r"^[ \t]*#[ \t]*(if|ifdef|ifndef|endif)\b")
HEADER_ONLY = "#if !defined(TELLTALE_SEPARATE_COMPILATION)"


class Amalgamation:
    def __init__(self, include):
        self.include = include
        self.done = set()
        self.lines = []

    def add(self, header):
        """Appends the header and, where they are included, those that it includes."""
        self.done.add(header)
        self.lines.append(f"// begin <{header}>")
        depth = 0  # of #if; the include guard is the first
        resolved = None  # the depth of an #if that is true here, and left out
        for line in (self.include / header).read_text(encoding="utf-8").splitlines():
            if line == HEADER_ONLY:
                resolved = depth
                continue
            if resolved == depth and line == "#endif":
                resolved = None
                continue
            condition = CONDITION.match(line)
            if condition:
                depth += -1 if condition.group(1) == "endif" else 1
            included = INCLUDE.match(line)
            if included is None:
                self.lines.append(line)
            elif included.group(1) in self.done:
                self.lines.append(f"// <{included.group(1)}> is above")
            elif depth > 1:
                # Put here, it would be missing for those who include it later without the condition.
                raise SystemExit(f"{header}: the first include of <{included.group(1)}> depends on an #if")
            else:
                self.add(included.group(1))
        self.lines.append(f"// end <{header}>")


def amalgamate(include, umbrella):
    version = re.search(r'TELLTALE_VERSION_STRING "([^"]+)"', (include / "telltale/version.hpp").read_text(encoding="utf-8"))
    amalgamation = Amalgamation(include)
    amalgamation.add(umbrella)
    head = ["// SPDX-License-Identifier: BSL-1.0", "// Copyright (c) 2026 the telltale authors", "//",
            f"// telltale {version.group(1)} in one file, made by single_include/amalgamate.py: do not edit.",
            "// It needs Asio and nothing else; json/ and beast/ are not part of it.", "",
            "#if defined(TELLTALE_SEPARATE_COMPILATION)",
            "#error \"single_include/ has the bodies in it: do not define TELLTALE_SEPARATE_COMPILATION\"", "#endif", ""]
    body = [line for line in amalgamation.lines
            if not re.match(r"// (SPDX-License-Identifier: BSL-1\.0|Copyright \(c\) 2026 the telltale authors)$", line)]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(head + body) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file is not up to date")
    parser.add_argument("--include", type=pathlib.Path, default=HERE.parent / "include")
    parser.add_argument("--umbrella", default="telltale/telltale.hpp")
    parser.add_argument("--output", type=pathlib.Path, default=HERE / "telltale" / "telltale.hpp")
    options = parser.parse_args()
    text = amalgamate(options.include, options.umbrella)
    if options.check:
        if not options.output.exists() or options.output.read_text(encoding="utf-8") != text:
            print(f"{options.output} is not up to date: run ./dev amalgamate", file=sys.stderr)
            return 1
        print(f"{options.output} is up to date")
        return 0
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(text, encoding="utf-8")
    print(f"{options.output}: {text.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
