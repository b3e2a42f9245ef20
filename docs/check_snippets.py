#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""check_snippets.py [ROOT]: what the documentation shows is so.

A block of code that is taken from a file stands below a line `<!-- from: PATH -->`, and its lines are consecutive lines of
that file, up to a common indentation. In docs/tutorial, docs/guide and docs/reference every block of C++ must be marked so.
Every examples/N_NAME.cpp has a page docs/tutorial/N_NAME.md that shows what it prints. Every example in a comment of a header in
sync/ or event/ stands in tests/unit/reference.cpp. Every relative link of README.md,
CHANGELOG.md and docs/ leads to a file that exists."""

import os
import re
import sys
import textwrap
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = re.compile(r"<!-- from: (\S+) -->\n\Z")
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMENTED_CODE = re.compile(r"\s*///     (.*)")
DOCUMENTED = ("sync", "event")  # whose comments have examples that are compiled
STRICT = ("docs/tutorial/", "docs/guide/", "docs/reference/")


def contains(source: str, block: str) -> bool:
    """Whether the lines of the block are consecutive lines of the source, all indented by the same amount."""
    wanted = textwrap.dedent(block).strip("\n").splitlines()
    lines = source.splitlines()
    for i in range(len(lines) - len(wanted) + 1):
        part = "\n".join(lines[i : i + len(wanted)])
        if textwrap.dedent(part).splitlines() == wanted:
            return True
    return False


def check_page(root: Path, page: Path, problems: list) -> int:
    """Appends what is wrong to problems; returns how many blocks were compared."""
    text = page.read_text(encoding="utf-8")
    name = page.relative_to(root).as_posix()
    compared = 0
    for fence in FENCE.finditer(text):
        line = text.count("\n", 0, fence.start()) + 1
        mark = MARK.search(text, 0, fence.start())
        if mark is None:
            if fence.group(1) == "cpp" and name.startswith(STRICT):
                problems.append(f"{name}:{line}: C++ that does not say which file it is from")
            continue
        source = root / mark.group(1)
        if not source.is_file():
            problems.append(f"{name}:{line}: there is no file {mark.group(1)}")
            continue
        compared += 1
        if not fence.group(2).strip() or not contains(source.read_text(encoding="utf-8"), fence.group(2)):
            problems.append(f"{name}:{line}: this is not in {mark.group(1)}")
    for link in LINK.finditer(FENCE.sub("", text)):
        target = link.group(1).split("#")[0]
        if target and not re.match(r"[a-z]+:", target) and not (page.parent / target).exists():
            problems.append(f"{name}: the link {link.group(1)} leads nowhere")
    return compared


def check_examples(root: Path, problems: list) -> None:
    """Every numbered example has a page in the tutorial, and that page shows all of its output."""
    for source in sorted((root / "examples").glob("[0-9]*.cpp")):
        page = root / "docs/tutorial" / f"{source.stem}.md"
        if not page.is_file():
            problems.append(f"examples/{source.name} has no page {page.relative_to(root).as_posix()}")
            continue
        output = source.with_suffix(".out")
        if not output.is_file():
            problems.append(f"examples/{source.name} has no {output.name}")
            continue
        expected = output.read_text(encoding="utf-8").strip("\n")
        shown = [fence.group(2).strip("\n") for fence in FENCE.finditer(page.read_text(encoding="utf-8"))]
        if expected not in shown:
            problems.append(f"{page.relative_to(root).as_posix()} does not show what the example prints")


def examples_in_comments(header: str):
    """The blocks of a header's /// comments that are indented by four more: code."""
    block: list = []
    for line in [*header.splitlines(), ""]:
        code = COMMENTED_CODE.match(line)
        if code:
            block.append(code.group(1))
        elif block:
            yield "\n".join(block)
            block = []


def check_headers(root: Path, problems: list) -> int:
    """Every example in a comment is compiled; returns how many were compared."""
    compiled = root / "tests/unit/reference.cpp"
    source = compiled.read_text(encoding="utf-8") if compiled.is_file() else ""
    compared = 0
    for folder in DOCUMENTED:
        for header in sorted((root / "include/telltale" / folder).glob("*.hpp")):
            for block in examples_in_comments(header.read_text(encoding="utf-8")):
                compared += 1
                if not contains(source, block):
                    first = block.splitlines()[0].strip()
                    problems.append(f"{header.relative_to(root).as_posix()}: the example `{first}` is not in {compiled.name}")
    return compared


def check(root: Path) -> tuple:
    problems: list = []
    pages = [root / "README.md", root / "CHANGELOG.md", *sorted((root / "docs").rglob("*.md"))]
    compared = sum(check_page(root, page, problems) for page in pages)
    check_examples(root, problems)
    compared += check_headers(root, problems)
    return len(pages), compared, problems


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..")).resolve()
    pages, compared, problems = check(root)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{pages} pages, {compared} blocks compared with their files, {len(problems)} problems")
    return 1 if problems or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
