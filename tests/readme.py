#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""readme.py README OUT: writes the first C++ block of README to OUT, exactly as printed."""

import re
import sys


def main() -> int:
    readme, out = sys.argv[1:]
    with open(readme, encoding="utf-8") as file:
        block = re.search(r"^```cpp\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    if block is None:
        print(f"{readme}: no block that begins with ```cpp", file=sys.stderr)
        return 1
    with open(out, "w", encoding="utf-8") as file:
        file.write(block.group(1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
