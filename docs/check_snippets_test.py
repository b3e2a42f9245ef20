#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""check_snippets on small trees: what it must find, and what it must let pass."""

import tempfile
import unittest
from pathlib import Path

import check_snippets

CODE = "int main() {\n    if (true) {\n        a();\n        b();\n    }\n}\n"


def page(block, source="examples/1_a.cpp", language="cpp"):
    mark = f"<!-- from: {source} -->\n" if source else ""
    return f"# Page\n\n{mark}```{language}\n{block}```\n\n```text\nout\n```\n"


class Check(unittest.TestCase):
    def problems(self, changes=None):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            tree = {"README.md": "# R\n", "CHANGELOG.md": "# C\n", "examples/1_a.cpp": CODE, "examples/1_a.out": "out\n",
                    "docs/tutorial/1_a.md": page("a();\nb();\n"), **(changes or {})}
            for name, text in tree.items():
                if text is None:
                    continue
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text, encoding="utf-8")
            return check_snippets.check(root)[2]

    def expect(self, text, changes):
        found = self.problems(changes)
        self.assertEqual(len(found), 1, found)
        self.assertIn(text, found[0])

    def test_good(self):
        self.assertEqual(self.problems(), [])

    def test_changed_line(self):
        self.expect("this is not in", {"docs/tutorial/1_a.md": page("a();\nc();\n")})

    def test_line_left_out(self):
        self.expect("this is not in", {"docs/tutorial/1_a.md": page("if (true) {\n    b();\n}\n")})

    def test_other_indentation_inside(self):
        self.expect("this is not in", {"docs/tutorial/1_a.md": page("a();\n  b();\n")})

    def test_empty(self):
        self.expect("this is not in", {"docs/tutorial/1_a.md": page("\n")})

    def test_no_source(self):
        self.expect("there is no file", {"docs/guide/x.md": page("a();\n", "examples/2_b.cpp")})

    def test_comment(self):
        header = "/// Does it.\n///\n///     a();\n///     b();\n///\n/// Well.\nvoid f();\n"
        self.expect("`a();` is not in reference.cpp", {"include/telltale/sync/f.hpp": header})
        self.assertEqual(self.problems({"include/telltale/sync/f.hpp": header, "tests/unit/reference.cpp": CODE}), [])

    def test_unmarked(self):
        self.expect("does not say", {"docs/guide/x.md": page("a();\n", None)})

    def test_unmarked_elsewhere(self):
        self.assertEqual(self.problems({"docs/design/x.md": page("a();\n", None)}), [])

    def test_link(self):
        self.expect("leads nowhere", {"README.md": "[a](docs/none.md#x)\n"})
        self.assertEqual(self.problems({"README.md": "[a](docs/tutorial/1_a.md#x) [b](https://a.b/c) [c](#d)\n"}), [])

    def test_output(self):
        self.expect("does not show", {"examples/1_a.out": "other\n"})
        self.expect("has no 1_a.out", {"examples/1_a.out": None})

    def test_page_missing(self):
        self.expect("has no page", {"docs/tutorial/1_a.md": None})


if __name__ == "__main__":
    unittest.main()
