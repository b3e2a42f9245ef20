#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""readme.py README OUT: writes the first C++ block of README to OUT, exactly as printed, and the first block of text after
it, which is what the program prints, to OUT.out."""

import re
import sys


def main() -> int:
    readme, out = sys.argv[1:]
    with open(readme, encoding="utf-8") as file:
        blocks = re.search(r"^```cpp\n(.*?)^```$.*?^```text\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
    if blocks is None:
        print(f"{readme}: no block that begins with ```cpp, or none with ```text after it", file=sys.stderr)
        return 1
    for name, text in ((out, blocks.group(1)), (out + ".out", blocks.group(2))):
        with open(name, "w", encoding="utf-8") as file:
            file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
