#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""tidy.py BUILD [JOBS]: clang-tidy-19 over all headers of telltale, by a few files that include them all, and over the
examples, which are in the same files, each in a namespace of its own: most of the time goes into reading Asio and Beast.
BUILD is a build folder that was configured with Clang. First it must find what is planted, in a header and in an example, or
it is not running."""

import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[1]
TIDY = "clang-tidy-19"
PLANTED = """#ifndef TELLTALE_PLANTED_HPP
#define TELLTALE_PLANTED_HPP
namespace telltale {
class BadName {
public:
    int get() const { return member; }

private:
    int member = 0;
};
} // namespace telltale
#endif
"""


def run(file, flags):
    command = [TIDY, "--quiet", f"--config-file={ROOT / '.clang-tidy'}", str(file), "--", "-std=c++20", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def group(header):
    """Which file includes it: those with simdjson and those with Beast together, so that these are read once."""
    folder = header.split("/")[1]
    return {"json": "json", "beast": "beast", "dashboard": "beast"}.get(folder, "core")


def includes_of(text):
    return [line for line in text.splitlines() if line.startswith("#include ")]


def group_of_example(text):
    groups = {group(m) for m in re.findall(r"^#include <(telltale/\w+/[^>]+)>", text, re.MULTILINE)}
    return next((g for g in ("beast", "json") if g in groups), "core")


def in_one_file(headers, examples):
    """The headers, and the examples (name, text) behind all includes."""
    lines = [f"#include <{h}>" for h in headers]
    for _, text in examples:
        lines += [i for i in includes_of(text) if i not in lines]
    for name, text in examples:
        lines += [f"namespace example_{name} {{ // {name}.cpp"]
        lines += [line for line in text.splitlines() if not line.startswith("#include ")] + ["}"]
    return "\n".join(lines) + "\n"


def main() -> int:
    build, jobs = pathlib.Path(sys.argv[1]), int((sys.argv + ["2"])[2])
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    flags = [f"-I{ROOT / 'include'}", f"-I{ROOT}"]
    headers = sorted(str(p.relative_to(ROOT / "include")) for p in (ROOT / "include/telltale").rglob("*.hpp"))
    # What is private is reached through its public header; src*.hpp repeat what those include.
    headers = [h for h in headers if "/detail/" not in h and not h.startswith("telltale/src")]
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        (work / "include/telltale").mkdir(parents=True)
        (work / "include/telltale/planted.hpp").write_text(PLANTED, encoding="utf-8")
        planted = work / "planted.cpp"
        planted.write_text("#include <telltale/planted.hpp>\n", encoding="utf-8")
        result = run(planted, [f"-I{work / 'include'}"])
        if result.returncode == 0 or "'BadName'" not in result.stdout or "'member'" not in result.stdout:
            print(f"{TIDY} did not find what was planted:\n{result.stdout}{result.stderr}")
            return 1
        bad = in_one_file([], [("planted", "#include <vector>\nint BadFunction() { return 1; }\n")])
        planted.write_text(bad, encoding="utf-8")
        if "'BadFunction'" not in run(planted, []).stdout:
            print(f"{TIDY} did not find what was planted in an example")
            return 1
        sources = sorted({pathlib.Path(c["file"]) for c in commands if pathlib.Path(c["file"]).parent == ROOT / "examples"})
        examples = [(s.stem, s.read_text(encoding="utf-8")) for s in sources]
        files = []
        for name in ("beast", "core", "json"):
            files.append(work / f"{name}.cpp")
            files[-1].write_text(in_one_file([h for h in headers if group(h) == name],
                                             [e for e in examples if group_of_example(e[1]) == name]), encoding="utf-8")
        with ThreadPoolExecutor(jobs) as pool:
            results = list(pool.map(lambda f: run(f, flags), files))
    failed = 0
    for file, result in zip(files, results):
        print(f"{file.name}: {'clean' if result.returncode == 0 else shlex.join(result.args)}")
        if result.returncode != 0:
            failed += 1
            print(result.stdout, "\n".join(result.stderr.splitlines()[-5:]), sep="\n")
    print(f"{TIDY}: {len(headers)} public headers and {len(sources)} examples, {failed} of {len(files)} files with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
