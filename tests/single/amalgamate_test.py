#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""The amalgamation of small trees: order, once only, deterministic, what --check says."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "single_include" / "amalgamate.py"
VERSION = '#ifndef V\n#define V\n#define TELLTALE_VERSION_STRING "9.8.7"\n#endif\n'


class AmalgamateTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        self.output = self.root / "out" / "telltale.hpp"

    def write(self, **headers):
        (self.root / "telltale").mkdir(exist_ok=True)
        for name, text in {"version": VERSION, **headers}.items():
            (self.root / "telltale" / f"{name}.hpp").write_text(text, encoding="utf-8")

    def run_script(self, *arguments):
        return subprocess.run([sys.executable, SCRIPT, "--include", self.root, "--output", self.output, *arguments],
                              capture_output=True, text=True, check=False)

    def test_each_header_is_inlined_once_and_before_its_user(self):
        self.write(telltale="#include <telltale/b.hpp>\n#include <telltale/a.hpp>\n#include <vector>\n",
                   b="#include <telltale/a.hpp>\nstruct b : a {};\n", a="struct a {};\n")
        self.assertEqual(self.run_script().returncode, 0)
        text = self.output.read_text(encoding="utf-8")
        self.assertEqual(text.count("struct a {};"), 1)
        self.assertLess(text.index("struct a {};"), text.index("struct b : a {};"))
        self.assertIn("#include <vector>", text)
        self.assertNotIn("#include <telltale/", text)
        self.assertIn("telltale 9.8.7 in one file", text)

    def test_conditional_system_includes_stay_as_they_are(self):
        block = "#if defined(X)\n#include <boost/asio/post.hpp>\n#else\n#include <asio/post.hpp>\n#endif\n"
        self.write(telltale=f"#ifndef G\n#define G\n{block}#endif\n")
        self.assertEqual(self.run_script().returncode, 0)
        self.assertIn(block, self.output.read_text(encoding="utf-8"))

    def test_a_conditional_first_include_of_ours_is_refused(self):
        self.write(telltale="#ifndef G\n#define G\n#if X\n#include <telltale/a.hpp>\n#endif\n#endif\n", a="struct a {};\n")
        result = self.run_script()
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("depends on an #if", result.stderr)

    def test_bodies_are_part_of_it(self):
        bodies = "#if !defined(TELLTALE_SEPARATE_COMPILATION)\n#include <telltale/a.hpp>\n#endif\n"
        self.write(telltale=f"#ifndef G\n#define G\nint f();\n{bodies}int g();\n#endif\n", a="int f() { return 1; }\n")
        self.assertEqual(self.run_script().returncode, 0)
        text = self.output.read_text(encoding="utf-8")
        self.assertIn("int f() { return 1; }", text)
        self.assertNotIn("!defined(TELLTALE_SEPARATE_COMPILATION)", text)
        self.assertIn("int g();\n#endif", text)

    def test_check_tells_a_stale_file_from_a_fresh_one_and_writes_nothing(self):
        self.write(telltale="struct a {};\n")
        self.assertEqual(self.run_script("--check").returncode, 1)
        self.assertFalse(self.output.exists())
        self.assertEqual(self.run_script().returncode, 0)
        first = self.output.read_bytes()
        self.assertEqual(self.run_script("--check").returncode, 0)
        self.assertEqual(self.run_script().returncode, 0)
        self.assertEqual(self.output.read_bytes(), first)
        self.write(telltale="struct b {};\n")
        self.assertEqual(self.run_script("--check").returncode, 1)
        self.assertEqual(self.output.read_bytes(), first)


if __name__ == "__main__":
    unittest.main()
