#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""Plants one violation of each rule and sees floors.py find exactly it."""

import pathlib
import re
import tempfile
import unittest

import floors


def header(path, body):
    guard = "TELLTALE_" + re.sub(r"[/.]", "_", path).upper()
    return f"#ifndef {guard}\n#define {guard}\n{body}\n#endif\n"


CLEAN = {
    "asio.hpp": "#include <asio/post.hpp>\n#include <boost/asio/post.hpp>\nnamespace net = ::asio;",
    "core/job.hpp": "#include <telltale/version.hpp>\n#include <string>\n// asio::post is not named by a comment",
    "sync/event.hpp": '#include <telltale/asio.hpp>\n#include <telltale/core/job.hpp>\nauto text = "asio::post";',
    "sync/detail/queue.hpp": "#include <telltale/sync/event.hpp>",
    "board/board.hpp": "#include <telltale/sync/event.hpp>\nusing x = telltale::net::io_context;",
    "json/profile.hpp": "#include <simdjson.h>",
    "beast/bridge.hpp": "#include <boost/beast/core.hpp>\n#include <boost/asio/post.hpp>\nusing x = boost::asio::io_context;",
    "telltale.hpp": "#include <telltale/board/board.hpp>",
    "src_core.hpp": "#include <telltale/sync/detail/queue.hpp>",
    "src.hpp": "#include <telltale/src_core.hpp>",
}

PLANTED = [
    ("core/a.hpp", "#include <telltale/asio.hpp>", "core knows no Asio"),
    ("core/a.hpp", "#include <telltale/board/board.hpp>", "board/ comes after core/"),
    ("sync/a.hpp", "#include <telltale/event/emitter.hpp>", "event/ comes after sync/"),
    ("poll/a.hpp", "#include <telltale/beast/bridge.hpp>", "beast/ comes after poll/"),
    ("board/a.hpp", "#include <telltale/sync/detail/queue.hpp>", "private to sync"),
    ("board/a.hpp", "#include <telltale/telltale.hpp>", "for users only"),
    ("board/a.hpp", "#include <asio/post.hpp>", "only asio.hpp names an Asio"),
    ("board/a.hpp", "#include <boost/asio/post.hpp>", "only asio.hpp names an Asio"),
    ("board/a.hpp", "void f() { ::asio::post(); }", "names an Asio"),
    ("board/a.hpp", "void f() { asio::post(); }", "names an Asio"),
    ("board/a.hpp", "using x = boost::asio::io_context;", "names an Asio"),
    ("board/a.hpp", "#include <boost/beast/core.hpp>", "only beast/ includes Boost"),
    ("dashboard/a.hpp", "#include <boost/beast/http.hpp>", "only beast/ includes Boost"),
    ("poll/a.hpp", "#include <simdjson.h>", "only json/ includes simdjson"),
    ("json/a.hpp", "#include <zlib.h>", "only beast/ includes OpenSSL and zlib"),
    ("run/a.hpp", "#include <openssl/evp.h>", "only beast/ includes OpenSSL and zlib"),
    ("attic/a.hpp", "", "no place in the order"),
    ("error.hpp", "#include <telltale/core/job.hpp>", "below every folder"),
    ("telltale.hpp", "#include <telltale/json/profile.hpp>", "the umbrella needs only Asio"),
    ("src_core.hpp", "#include <telltale/beast/detail/a.ipp>", "needs only Asio"),
    ("telltale.hpp", "#include <telltale/src_core.hpp>", "for users only"),
    ("board/a.hpp", '#include "board.hpp"', "write <telltale/...>"),
]


class FloorsTest(unittest.TestCase):
    def check(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for path, body in files.items():
                file = pathlib.Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(body, encoding="utf-8")
            return floors.check(pathlib.Path(folder))

    def test_a_clean_house_has_no_problem(self):
        problems, count = self.check({path: header(path, body) for path, body in CLEAN.items()})
        self.assertEqual(problems, [])
        self.assertEqual(count, len(CLEAN))

    def test_each_planted_violation_is_found_and_no_other(self):
        for path, body, expected in PLANTED:
            with self.subTest(path=path, body=body):
                files = {name: header(name, text) for name, text in CLEAN.items()}
                files[path] = header(path, body)
                problems, _ = self.check(files)
                self.assertEqual(len(problems), 1, problems)
                self.assertTrue(problems[0].startswith(path + ": "), problems)
                self.assertIn(expected, problems[0])

    def test_a_header_that_the_umbrella_lacks_is_found(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "core").mkdir()
            (root / "core/job.hpp").touch()
            (root / "json").mkdir()
            (root / "json/profile.hpp").touch()
            ground = "".join(f"#include <telltale/{name}>\n" for name in floors.GROUND)
            (root / "telltale.hpp").write_text(ground, encoding="utf-8")
            self.assertEqual(floors.check_umbrella(root), ["telltale.hpp: does not include telltale/core/job.hpp"])
            (root / "telltale.hpp").write_text(ground + "#include <telltale/core/job.hpp>\n", encoding="utf-8")
            self.assertEqual(floors.check_umbrella(root), [])

    def test_bodies_that_no_source_includes_are_found(self):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "run/detail").mkdir(parents=True)
            (root / "run/detail/a.ipp").touch()
            (root / "run/detail/b.ipp").write_text("#include <telltale/run/detail/a.ipp>\n", encoding="utf-8")
            (root / "src_core.hpp").touch()
            self.assertEqual([p.split(":")[0] for p in floors.check_sources(root)], ["run/detail/a.ipp", "run/detail/b.ipp"])
            (root / "src_core.hpp").write_text("#include <telltale/run/detail/b.ipp>\n", encoding="utf-8")
            self.assertEqual(floors.check_sources(root), [])

    def test_a_wrong_include_guard_is_found(self):
        problems, _ = self.check({"core/a.hpp": "#ifndef A\n#define A\n#endif\n"})
        self.assertEqual(problems, ["core/a.hpp: has no include guard TELLTALE_CORE_A_HPP"])

    def test_no_header_at_all_is_a_problem(self):
        problems, count = self.check({})
        self.assertEqual(count, 0)
        self.assertEqual(len(problems), 1)


if __name__ == "__main__":
    unittest.main()
