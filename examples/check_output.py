#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""check_output.py EXPECTED COMMAND...: runs the command; it must exit with 0 and print what the file EXPECTED says. In a
line of that file `...` stands for any text."""

import difflib
import re
import subprocess
import sys


def matches(line, pattern):
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("...")), line) is not None


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        expected = file.read().splitlines()
    result = subprocess.run(sys.argv[2:], stdout=subprocess.PIPE, text=True, check=False)
    printed = result.stdout.splitlines()
    if not expected:
        print(f"{sys.argv[1]} is empty: it would check nothing")
        return 1
    if result.returncode != 0:
        print(result.stdout, f"exit status {result.returncode}", sep="\n")
        return 1
    if len(printed) == len(expected) and all(map(matches, printed, expected)):
        print(f"{len(printed)} lines as expected")
        return 0
    print(*difflib.unified_diff(expected, printed, sys.argv[1], "printed", lineterm=""), sep="\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
