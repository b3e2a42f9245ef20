#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""telltale_watch.py PROGRAM MANPAGE: runs telltale-watch against servers on this machine, and looks at its exit status and
at what it prints, into a pipe and into a terminal."""

import fcntl
import http.server
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest
from pathlib import Path

PROGRAM, MANPAGE = sys.argv[1], sys.argv[2]
PATIENCE = 30  # seconds; nothing here takes that long


class Api(http.server.ThreadingHTTPServer):
    """Jobs by id, each a list of what it says, one for each look; the last is said for ever."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.lock = threading.Condition()
        self.jobs = {}
        self.looks = {}
        self.requests = []
        self.cancelled = set()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def handle_error(self, request, client_address):
        pass  # a client may leave before it has its answer

    def close(self):
        self.shutdown()
        self.server_close()

    def look(self, job):
        with self.lock:
            says = self.jobs.get(job)
            n = self.looks[job] = self.looks.get(job, 0) + 1
            self.lock.notify_all()
            if job in self.cancelled:
                return "cancelled"
            return None if says is None else says[min(n, len(says)) - 1]

    def wait_for_looks(self, job, n):
        with self.lock:
            assert self.lock.wait_for(lambda: self.looks.get(job, 0) >= n, PATIENCE), self.looks


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body, kind="application/json"):
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def handle_any(self):
        api, path = self.server, self.path
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with api.lock:
            api.requests.append((self.command, path, dict(self.headers)))
        if found := re.fullmatch(r"/runs/(\w+)/cancel", path):
            with api.lock:
                api.cancelled.add(found[1])
            return self.answer(202, {})
        if found := re.fullmatch(r"/runs/(\w+)", path):
            says = api.look(found[1])
            if says is None:
                return self.answer(404, {"error": "no such run"})
            if isinstance(says, int):
                return self.answer(says, {"error": "not now"})
            word, _, percent = says.partition(" ")
            return self.answer(200, {"id": found[1], "status": word, "percent": float(percent or 0), "info": "on node 3"})
        if path == "/runs":
            return self.answer(200, {"runs": [{"id": j, "status": says[0]} for j, says in api.jobs.items()]})
        if found := re.fullmatch(r"/slurm/v0.0.40/job/(\d+)", path):  # one job of Slurm's REST API
            word = api.look(found[1])
            job = {"job_id": int(found[1]), "job_state": [word], "name": "train", "partition": "gpu", "state_reason": "None"}
            return self.answer(200, {"jobs": [job], "errors": [], "warnings": []})
        if path == "/slurm/v0.0.40/jobs":
            jobs = [{"job_id": int(j), "job_state": [api.look(j)], "name": "train", "state_reason": "None"} for j in api.jobs]
            return self.answer(200, {"jobs": jobs, "errors": [], "warnings": []})
        return self.answer(404, {})

    do_GET = do_POST = do_DELETE = handle_any


FLAGS = ["--job", "/runs/{id}", "--state", "/status", "--done", "ok=succeeded,bad=failed,cancelled=cancelled,skip=skipped",
         "--word", "waiting=queued,running=running", "--interval", "50ms"]


class WatchTest(unittest.TestCase):
    def setUp(self):
        self.api = Api()
        self.addCleanup(self.api.close)

    def start(self, *arguments, env=None, **kwargs):
        environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
        environment.update(env or {})
        process = subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   stdin=subprocess.DEVNULL, text=True, env=environment, **kwargs)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        process.kill()
        process.communicate()

    def run_watch(self, *arguments, **kwargs):
        process = self.start(*arguments, **kwargs)
        out, err = process.communicate(timeout=PATIENCE)
        return process.returncode, out, err

    def watch(self, *arguments, **kwargs):
        return self.run_watch("--url", self.api.url, *FLAGS, *arguments, **kwargs)

    # Exit status

    def test_all_succeeded_is_0(self):
        self.api.jobs = {"17": ["waiting", "running 50", "ok"], "18": ["ok"], "19": ["running", "skip"]}
        status, out, err = self.watch("17", "18", "19", "--progress-percent", "/percent")
        self.assertEqual((status, err), (0, ""))
        self.assertRegex(out, r"(?m)^17: succeeded")
        self.assertRegex(out, r"(?m)^18: succeeded")
        self.assertIn("skipped", out)
        self.assertNotIn("\x1b", out)

    def test_some_failed_is_1(self):
        self.api.jobs = {"17": ["ok"], "18": ["running", "bad"]}
        status, out, _ = self.watch("17", "18")
        self.assertEqual(status, 1)
        self.assertRegex(out, r"(?m)^18: failed")

    def test_wrong_usage_is_2_and_says_what_is_wrong(self):
        url = ["--url", self.api.url]
        cases = [
            (["17"], "which API?"),
            (["--profile", "slrum", *url, "17"], 'there is no profile "slrum"; there are airflow, '),
            (["--profile", "./none.json", *url, "17"], "cannot read ./none.json"),
            (["--print-profile", "slrum"], 'no profile "slrum"'),
            (["--profile", "slurm", "17"], "--url"),
            (["--profile", "slurm", "--url", "head:6820", "17"], "neither http:// nor https://"),
            (["--profile", "slurm", *url], "which jobs?"),
            ([*url, *FLAGS, "--all"], "--list"),
            ([*url, *FLAGS, "--cancel", "17"], "--cancel-request"),
            ([*url, *FLAGS, "--timeout", "soon", "17"], "--timeout soon: not a duration"),
            ([*url, *FLAGS, "--header", "X-Key", "17"], "Name: value"),
            ([*url, *FLAGS, "--token", "env:NOT_SET", "17"], "the environment has no NOT_SET"),
            ([*url, "--job", "/runs/{id}", "--state", "/s", "--done", "ok=good", "17"], "--done ok=good"),
            ([*url, "--job", "/runs/{id}", "--state", "/s", "--done", "ok=running", "17"], "--word"),
            ([*url, "--job", "/runs", "--state", "/s", "--done", "ok=succeeded", "17"], "/job"),
            ([*url, *FLAGS, "--max-concurrent", "0", "17"], "--max-concurrent"),
            ([*url, *FLAGS, "--frobnicate", "17"], "--frobnicate"),
        ]
        for arguments, text in cases:
            with self.subTest(arguments):
                status, out, err = self.run_watch(*arguments)
                self.assertEqual(status, 2, err)
                self.assertIn(text, err + out)
        self.assertEqual(self.api.requests, [])

    def test_a_broken_profile_names_the_place(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "my.json"
            path.write_text('{"job": "/runs/{id}", "fields": {"state": 7}, "words": {"ok": "succeeded"}}', encoding="utf-8")
            status, _, err = self.run_watch("--profile", str(path), "--url", self.api.url, "17")
        self.assertEqual(status, 2)
        self.assertIn("/fields/state", err)

    def test_unreachable_is_3(self):
        self.api.close()
        status, _, err = self.watch("17", "--give-up", "300ms")
        self.assertEqual(status, 3)
        self.assertIn("telltale-watch: job 17: ", err)
        status, _, err = self.run_watch("--profile", "telltale", "--url", self.api.url, "--all")
        self.assertEqual(status, 3)
        self.api = Api()  # for the clean-up

    def test_what_asking_again_cannot_help_is_3_at_once(self):
        self.api.jobs = {"17": [401], "18": ["ok"]}
        status, _, err = self.watch("17", "18", "--give-up", "1h")
        self.assertEqual(status, 3)
        self.assertIn("401", err)
        status, _, err = self.run_watch("--url", self.api.url, "--job", "/runs/{id}", "--state", "/stat", "--done", "ok=succeeded",
                                        "18", "--give-up", "1h")
        self.assertEqual(status, 3)
        self.assertIn("/stat", err)

    def test_a_job_that_is_lost_is_3(self):
        self.api.jobs = {"17": ["running", None]}
        status, out, _ = self.watch("17")
        self.assertEqual(status, 3)
        self.assertIn("lost", out)

    def test_deadline_is_124(self):
        self.api.jobs = {"17": ["running"], "18": ["bad"]}
        status, _, err = self.watch("17", "18", "--timeout", "300ms")
        self.assertEqual(status, 124)
        self.assertIn("the time is over", err)

    def test_a_failure_on_the_way_is_no_end(self):
        self.api.jobs = {"17": ["running", 503, 500, "ok"]}
        self.assertEqual(self.watch("17")[0], 0)

    # What is watched

    def test_all(self):
        self.api.jobs = {"1": ["bad"], "2": ["running", "ok"], "3": ["waiting", "ok"]}
        status, out, _ = self.watch("--all", "--list", "/runs", "--list-jobs", "/runs")
        self.assertEqual(status, 0)  # the job that had failed before is none of ours
        self.assertNotIn("1: ", out.replace("11: ", ""))
        self.api.jobs = {"1": ["bad"]}
        status, _, err = self.watch("--all", "--list", "/runs", "--list-jobs", "/runs")
        self.assertEqual(status, 0)
        self.assertIn("no jobs to watch", err)

    def test_a_shipped_profile(self):
        self.api.jobs = {"17": ["PENDING", "RUNNING", "COMPLETED"], "18": ["NODE_FAIL"]}
        url = self.api.url + "/slurm/v0.0.40"
        status, out, err = self.run_watch("--profile", "slurm", "--url", url, "--interval", "50ms", "--explain", "17", "18")
        self.assertEqual(status, 1, err)
        self.assertIn("succeeded", out)
        self.assertRegex(out, r"job 18[^\n]*failed")

    def test_a_profile_from_a_file_that_was_printed(self):
        _, text, _ = self.run_watch("--print-profile", "telltale")
        profile = json.loads(text)
        self.assertIn("words", profile)
        profile.update(job="/runs/{id}", words={"running": "running", "ok": "succeeded"}, fields={"state": "/status"})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "my.json"
            path.write_text(json.dumps(profile), encoding="utf-8")
            self.api.jobs = {"17": ["running", "ok"]}
            status, _, err = self.run_watch("--profile", str(path), "--url", self.api.url, "--interval", "50ms", "17")
        self.assertEqual((status, err), (0, ""))
        _, names, _ = self.run_watch("--list-profiles")
        self.assertIn("slurm\n", names)

    def test_secrets_are_sent_and_not_shown(self):
        self.api.jobs = {"17": ["running", "ok"]}
        with tempfile.TemporaryDirectory() as folder:
            key, record = Path(folder) / "key", Path(folder) / "flight.jsonl"
            key.write_text("from-a-file\n", encoding="utf-8")
            status, out, err = self.watch("17", "--header", f"X-Key: @{key}", "--header", "X-Plain: a: b", "--token", "env:MY_TOKEN",
                                          "--record", str(record), "--json", env={"MY_TOKEN": "top-secret"})
            self.assertEqual(status, 0, err)
            lines = record.read_text(encoding="utf-8").splitlines()
        headers = self.api.requests[0][2]
        self.assertEqual(headers["X-Key"], "from-a-file")
        self.assertEqual(headers["X-Plain"], "a: b")
        self.assertEqual(headers["Authorization"], "Bearer top-secret")
        self.assertGreater(len(lines), 3)
        for line in lines:
            json.loads(line)
        for text in [out, err, *lines]:
            self.assertNotIn("from-a-file", text)
            self.assertNotIn("top-secret", text)

    # Output

    def test_json_is_one_event_in_a_line(self):
        self.api.jobs = {"17": ["running 25", "running 50", "ok"], "18": ["bad"]}
        status, out, err = self.watch("17", "18", "--json", "--explain", "--progress-percent", "/percent", "--message", "/info")
        self.assertEqual((status, err), (1, ""))
        lines = [json.loads(line) for line in out.splitlines()]
        kinds = [line["kind"] for line in lines if line["type"] == "event" and line["job"]["id"] == "17"]
        self.assertEqual(kinds[0], "job_created")
        self.assertIn("job_progressed", kinds)
        self.assertEqual(kinds[-1], "job_succeeded")
        self.assertEqual(lines[-1], {"type": "end", "exit_status": 1, "jobs": {"failed": 1, "succeeded": 1}})
        explained = [line["job"] for line in lines if line["type"] == "explanation"]
        self.assertEqual(explained, ["18"])

    def test_an_unknown_word_is_told_once_and_is_no_end(self):
        self.api.jobs = {"17": ["frobbing", "frobbing", "frobbing", "ok"]}
        status, _, err = self.watch("17")
        self.assertEqual(status, 0)
        self.assertEqual(err.count('says "frobbing"'), 1)

    def test_sigusr1_explains(self):
        self.api.jobs = {"17": ["running"]}
        process = self.start("--url", self.api.url, *FLAGS, "--json", "17")
        self.api.wait_for_looks("17", 2)
        process.send_signal(signal.SIGUSR1)
        for line in process.stdout:
            told = json.loads(line)
            if told["type"] == "explanation":
                break
        self.assertIn("running", told["text"])
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)

    def test_ctrl_c_leaves_the_jobs_alone(self):
        self.api.jobs = {"17": ["running"]}
        process = self.start("--url", self.api.url, *FLAGS, "17", "--cancel-request", "/runs/{id}/cancel")
        self.api.wait_for_looks("17", 2)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.api.cancelled, set())
        self.assertNotIn("Traceback", out)

    def test_ctrl_c_cancels_where_it_was_asked_to(self):
        self.api.jobs = {"17": ["running"], "18": ["ok"]}
        process = self.start("--url", self.api.url, *FLAGS, "17", "18", "--cancel", "--cancel-request", "POST /runs/{id}/cancel")
        self.api.wait_for_looks("17", 2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.api.cancelled, {"17"})
        self.assertIn("cancelling", err)
        self.assertRegex(out, r"(?m)^17: cancelled")

    def in_terminal(self, *arguments, until=None):
        """Runs it in a terminal of 80 columns, with Ctrl-C typed once it has shown `until`; exit status, output, and how
        the terminal was left."""
        process_id, terminal = pty.fork()
        if process_id == 0:
            try:
                os.environ.update(TERM="xterm", LC_ALL="C.UTF-8")
                os.execv(PROGRAM, [PROGRAM, "--url", self.api.url, *FLAGS, *arguments])
            finally:
                os._exit(127)
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        before, output, typed = termios.tcgetattr(terminal), b"", False
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                data = os.read(terminal, 4096)
            except OSError:
                break
            if not data:
                break
            output += data
            if until and not typed and until in output:
                typed = True
                os.write(terminal, b"\x03")
        after = None
        try:
            after = termios.tcgetattr(terminal)
        except termios.error:
            pass
        status = os.waitstatus_to_exitcode(os.waitpid(process_id, 0)[1])
        os.close(terminal)
        return status, output.decode(errors="replace"), (before, after)

    def test_bars_in_a_terminal(self):
        self.api.jobs = {"17": ["running 25"] * 5 + ["running 75"] * 5 + ["ok"]}
        status, out, _ = self.in_terminal("17", "--progress-percent", "/percent")
        self.assertEqual(status, 0)
        self.assertIn("\u2588", out)
        self.assertIn("25 %", out)
        self.assertIn("succeeded", out)

    def test_ctrl_c_in_a_terminal(self):
        self.api.jobs = {"17": ["running 25"]}
        status, out, (before, after) = self.in_terminal("17", "--progress-percent", "/percent", until=b"25 %")
        self.assertEqual(status, 130)
        if after is not None:
            self.assertEqual(before, after)
        if "\x1b[?25l" in out:
            self.assertGreater(out.rindex("\x1b[?25h"), out.rindex("\x1b[?25l"))
        self.assertTrue(out.endswith("\n"), repr(out[-40:]))

    # Help

    def test_the_manual_page_names_every_option(self):
        status, text, _ = self.run_watch("--help")
        self.assertEqual(status, 0)
        options = set(re.findall(r"(?m)^ +(?:-\w,)?(--[a-z0-9-]+)", text))
        self.assertGreater(len(options), 25)
        source = Path(MANPAGE).read_text(encoding="utf-8").replace("\\-", "-")
        named = set(re.findall(r"(?m)^\.BR? (--[a-z0-9-]+)", source))
        self.assertEqual(options, named)
        for status in ("0", "1", "2", "3", "124", "130"):
            self.assertRegex(source, rf"(?m)^\.B {status}$")
        status, text, _ = self.run_watch("--version")
        self.assertEqual(status, 0)
        title = re.search(r"(?m)^\.TH .*", source)[0]
        self.assertIn(text.split()[-1], title)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=1)
