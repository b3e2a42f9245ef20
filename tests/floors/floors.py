#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""floors.py DIR: checks the includes of the headers under DIR (include/telltale).

- A folder includes only itself and folders above it in FLOORS; the headers beside the folders include as ROOT says.
- core includes neither an Asio nor the seam, only error codes excepted by CORE_MAY.
- Only asio.hpp names an Asio, beast/ excepted; only beast/ includes Boost.Beast (or any other Boost header), OpenSSL and
  zlib; only json/ includes simdjson.
- Only a folder includes its own detail/.
- Include guards are the path in capitals.
- telltale.hpp includes every public header that needs only Asio.
- Every *.ipp is included by src_core.hpp or src_beast.hpp.
"""

import pathlib
import re
import sys

FLOORS = ["core", "detail", "sync", "event", "progress", "poll", "run", "board", "store", "metrics", "health", "json",
          "beast", "dashboard", "testing"]
# The folder detail/ beside the folders holds what several of them share: it is private to telltale, not to one folder.
# Headers beside the folders: everybody may include these. telltale.hpp and src*.hpp are for users only.
GROUND = ["asio.hpp", "error.hpp", "version.hpp", "fwd.hpp"]
# The bodies for a separate compilation: made of what is private.
SOURCES = ["src.hpp", "src_core.hpp", "src_beast.hpp"]
# Of these, what needs only Asio.
LIGHT_SOURCES = ["src_core.hpp"]
# core knows no Asio; its headers may use only these.
CORE_MAY = ["version.hpp", "fwd.hpp"]
# What the umbrella must not reach: it needs only Asio.
NOT_IN_UMBRELLA = ["json", "beast", "dashboard", "testing"]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
ASIO_NAMED = re.compile(r"(?<![\w:])(?:::\s*)?(?:boost\s*::\s*)asio\b|(?<![\w:])(?:::\s*)?asio\s*::|::\s*asio\b|\bBOOST_ASIO_\w+")
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def code_only(text):
    """The text without comments and string literals; lines stay where they are."""
    return COMMENT_OR_STRING.sub(lambda m: "\n" * m.group().count("\n"), text)


def folder_of(path):
    """'core' for core/job.hpp; '' for a header beside the folders."""
    return path.split("/")[0] if "/" in path else ""


def check_include(path, target, problem):
    """One include of telltale/<target> in <path>."""
    here, there = folder_of(path), folder_of(target)
    if "/detail/" in target and there != here and path not in SOURCES:
        problem(f"includes telltale/{target}, which is private to {there or 'its folder'}")
    if there == "":
        if target not in GROUND and not (path == "src.hpp" and target in SOURCES):
            problem(f"includes telltale/{target}, which is for users only")
        elif here == "core" and target not in CORE_MAY:
            problem(f"includes telltale/{target}: core knows no Asio")
        return
    if there not in FLOORS:
        problem(f"includes telltale/{target}: {there}/ has no place in the order of the folders")
        return
    if here == "":
        if path in ["telltale.hpp", *LIGHT_SOURCES] and there in NOT_IN_UMBRELLA:
            problem(f"includes telltale/{target}: the umbrella needs only Asio")
        elif path in GROUND:
            problem(f"includes telltale/{target}: it lies below every folder")
        return
    if here in FLOORS and FLOORS.index(there) > FLOORS.index(here):
        problem(f"includes telltale/{target}: {there}/ comes after {here}/")


def check_header(path, text, problem):
    here = folder_of(path)
    if here and here not in FLOORS:
        problem(f"{here}/ has no place in the order of the folders")
    for bracket, target in INCLUDE.findall(text):
        if bracket == '"':
            problem(f'includes "{target}"; write <telltale/...>')
        if target.startswith("telltale/"):
            check_include(path, target[len("telltale/"):], problem)
        elif re.match(r"(boost/)?asio(/|\.hpp)", target):
            if path != "asio.hpp" and here != "beast":
                problem(f"includes {target}: only asio.hpp names an Asio")
        elif target.startswith("boost/"):
            if here != "beast" and path != "asio.hpp":
                problem(f"includes {target}: only beast/ includes Boost")
        elif re.match(r"openssl/|zlib\.h", target) and here != "beast":
            problem(f"includes {target}: only beast/ includes OpenSSL and zlib")
        elif "simdjson" in target and here != "json":
            problem(f"includes {target}: only json/ includes simdjson")
    if path != "asio.hpp" and here != "beast":
        for number, line in enumerate(code_only(text).split("\n"), 1):
            if not line.lstrip().startswith("#") and ASIO_NAMED.search(line):
                problem(f"line {number} names an Asio: {line.strip()}")
    if path.endswith(".hpp"):
        guard = "TELLTALE_" + re.sub(r"[/.]", "_", path).upper()
        if f"#ifndef {guard}\n#define {guard}\n" not in text:
            problem(f"has no include guard {guard}")


def check(root):
    """All problems of the headers under root, as 'path: what'."""
    problems = []
    headers = sorted(p for p in root.rglob("*") if p.suffix in (".hpp", ".ipp", ".h"))
    for header in headers:
        path = header.relative_to(root).as_posix()
        check_header(path, header.read_text(encoding="utf-8"), lambda what, path=path: problems.append(f"{path}: {what}"))
    if not headers:
        problems.append(f"{root}: no header found")
    return problems, len(headers)


def check_umbrella(root):
    """The public headers that telltale.hpp does not include, and should."""
    included = {target for _, target in INCLUDE.findall((root / "telltale.hpp").read_text(encoding="utf-8"))}
    public = [p.relative_to(root).as_posix() for folder in FLOORS if folder not in NOT_IN_UMBRELLA and folder != "detail"
              for p in sorted((root / folder).glob("*.hpp"))]
    return [f"telltale.hpp: does not include telltale/{path}" for path in GROUND + public
            if f"telltale/{path}" not in included]


def check_sources(root):
    """The bodies that no src*.hpp includes: a separate compilation would not have them."""
    reached, todo = set(), [s for s in SOURCES if (root / s).exists()]
    while todo:
        path = todo.pop()
        included = [t for _, t in INCLUDE.findall((root / path).read_text(encoding="utf-8"))]
        new = {t[len("telltale/"):] for t in included if t.startswith("telltale/") and t.endswith((".ipp", "_core.hpp", "_beast.hpp"))}
        todo += sorted(t for t in new - reached if (root / t).exists())
        reached |= new
    return [f"{path}: no src*.hpp includes it" for path in sorted(p.relative_to(root).as_posix() for p in root.rglob("*.ipp"))
            if path not in reached]


def main() -> int:
    root = pathlib.Path(sys.argv[1])
    problems, count = check(root)
    problems += check_umbrella(root) + check_sources(root)
    for problem in problems:
        print(problem)
    print(f"floors: {count} headers, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
