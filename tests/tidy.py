#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""tidy.py BUILD [JOBS]: clang-tidy-19 over all headers of telltale, by a few files that include them all, and over the
examples. BUILD is a build folder that was configured with Clang. First it must find what is planted, or it is not running."""

import json
import pathlib
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
    """Which file includes it: those with Beast or simdjson together, so that these are read once."""
    folder = header.split("/")[1]
    return "heavy" if folder in ("json", "beast", "dashboard") else "light"


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
        files = []
        for name in ("light", "heavy"):
            included = [h for h in headers if group(h) == name]
            if included:
                files.append(work / f"{name}_headers.cpp")
                files[-1].write_text("".join(f"#include <{h}>\n" for h in included), encoding="utf-8")
        sources = {c["file"] for c in commands if pathlib.Path(c["file"]).parent == ROOT / "examples"}
        files += sorted(pathlib.Path(s) for s in sources)
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
