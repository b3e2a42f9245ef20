#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""telltale_watch.py PROGRAM MANPAGE: runs telltale-watch against servers on this machine, and looks at its exit status and
at what it prints, into a pipe and into a terminal."""

import base64
import fcntl
import http.client
import http.server
import json
import os
import pty
import re
import select
import shutil
import signal
import ssl
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest
import urllib.parse
from pathlib import Path

PROGRAM, MANPAGE = sys.argv[1], sys.argv[2]
PATIENCE = 30  # seconds; nothing here takes that long


class Api(http.server.ThreadingHTTPServer):
    """Jobs by id, each a list of what it says, one for each look; the last is said for ever. A function answers itself. Is a
    proxy, too, for those who know its `credential`. With TLS where it has a `certificate`."""

    daemon_threads = True
    credential = None

    def __init__(self, certificate=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http{'s' if certificate else ''}://127.0.0.1:{self.server_address[1]}"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
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
        name = path.partition("?")[0]
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with api.lock:
            api.requests.append((self.command, path, dict(self.headers)))
        if path.startswith("http://"):
            return self.forward()
        if found := re.fullmatch(r"/runs/(\w+)/cancel", path):
            with api.lock:
                api.cancelled.add(found[1])
            return self.answer(202, {})
        if found := re.fullmatch(r"/runs/(\w+)", name):
            says = api.look(found[1])
            if says is None:
                return self.answer(404, {"error": "no such run"})
            if callable(says):
                return says(self)
            if isinstance(says, int):
                return self.answer(says, {"error": "not now"})
            word, _, percent = says.partition(" ")
            percent = float(percent or 0)
            return self.answer(200, {"id": found[1], "status": word, "percent": percent, "info": "on node 3",
                                     "share": percent / 100, "pages": {"read": percent * 2, "all": 200}})
        if path == "/queue":
            return self.answer(200, [{"run": {"key": j}, "status": says[0]} for j, says in api.jobs.items()])
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

    def forward(self):
        if self.headers.get("Proxy-Authorization") != self.server.credential:
            return self.answer(407, {})
        url = urllib.parse.urlsplit(self.path)
        connection = http.client.HTTPConnection(url.netloc, timeout=PATIENCE)
        connection.request(self.command, url.path)
        with connection.getresponse() as answer:
            self.answer(answer.status, answer.read().decode())
        connection.close()

    def redirect(self, location):
        self.send_response(302)
        self.send_header("Location", location)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def hang_up(self):
        self.close_connection = True


FLAGS = ["--job", "/runs/{id}", "--state", "/status", "--done", "ok=succeeded,bad=failed,cancelled=cancelled,skip=skipped",
         "--word", "waiting=queued,running=running", "--interval", "50ms"]


class WatchTest(unittest.TestCase):
    def setUp(self):
        self.api = self.serve()

    def serve(self, certificate=None):
        api = Api(certificate)
        self.addCleanup(api.close)
        return api

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

    def watch(self, *arguments, url=None, **kwargs):
        return self.run_watch("--url", url or self.api.url, *FLAGS, *arguments, **kwargs)

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
            (["--profile", "slurm", "--url", "ftp://me:secret@head:6820", "17"], "neither http:// nor https://"),
            (["--profile", "slurm", *url], "which jobs?"),
            ([*url, *FLAGS, "--all"], "--list"),
            ([*url, *FLAGS, "--cancel", "17"], "--cancel-request"),
            ([*url, *FLAGS, "--timeout", "soon", "17"], "--timeout soon: not a duration"),
            ([*url, *FLAGS, "--header", "X-Key", "17"], "Name: value"),
            ([*url, *FLAGS, "--header", "my secret", "17"], "Name: value"),
            ([*url, *FLAGS, "--token", "env:NOT_SET", "17"], "the environment has no NOT_SET"),
            ([*url, "--job", "/runs/{id}", "--state", "/s", "--done", "ok=good", "17"], "--done ok=good"),
            ([*url, "--job", "/runs/{id}", "--state", "/s", "--done", "ok=running", "17"], "--word"),
            ([*url, "--job", "/runs", "--state", "/s", "--done", "ok=succeeded", "17"], "/job"),
            ([*url, *FLAGS, "--max-concurrent", "0", "17"], "--max-concurrent"),
            ([*url, *FLAGS, "--ca-file", "./none.pem", "17"], "cannot read ./none.pem"),
            ([*url, *FLAGS, "--proxy", "ftp://me:secret@127.0.0.1", "17"], "--proxy: write http://"),
            ([*url, *FLAGS, "--frobnicate", "17"], "--frobnicate"),
        ]
        for arguments, text in cases:
            with self.subTest(arguments):
                status, out, err = self.run_watch(*arguments)
                self.assertEqual(status, 2, err)
                self.assertIn(text, err + out)
                self.assertNotIn("secret", err + out)
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
        self.api.jobs = {"17": ["running", 503, "ok"], "18": ["running", 500, "ok"]}
        self.assertEqual(self.watch("17", "18")[0], 0)

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

    def test_all_of_a_list_that_is_an_array_with_other_ids(self):
        self.api.jobs = {"1": ["bad"], "2": ["running", "ok"]}
        status, out, err = self.watch("--all", "--list", "/queue", "--list-id", "/run/key", "--json")
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(json.loads(out.splitlines()[-1])["jobs"], {"succeeded": 1})
        self.assertEqual(set(self.api.looks), {"2"})

    def test_progress_in_each_way(self):
        percent = {"done": 25, "total": 100, "unit": "percent", "percent": 25}
        for flags, told in [
            (["--progress-percent", "/percent"], percent),
            (["--progress-fraction", "/share"], percent),
            (["--progress-done", "/pages/read", "--progress-total", "/pages/all"],
             {"done": 50, "total": 200, "unit": "items", "percent": 25}),
            (["--progress-done", "/pages/read"], {"done": 50, "unit": "items"}),
        ]:
            with self.subTest(flags):
                self.api.jobs, self.api.looks = {"17": ["running 25", "ok 100"]}, {}
                status, out, err = self.watch("17", "--json", *flags)
                self.assertEqual((status, err), (0, ""))
                events = [json.loads(line) for line in out.splitlines()]
                started = [e["job"]["progress"] for e in events if e.get("kind") == "job_started"]
                self.assertEqual(started, [told])

    def test_adaptive_looks_by_the_progress(self):
        for flags in ([], ["--adaptive"]):
            with self.subTest(flags):
                self.api.jobs, self.api.looks = {"17": ["running 10", "running 20", "running 40", "ok"]}, {}
                status, _, err, record = self.watch_and_record("17", "--progress-percent", "/percent", *flags)
                self.assertEqual((status, err), (0, ""))
                reasons = {entry["reason"] for entry in record if entry["kind"] == "decided"}
                self.assertEqual("predicted_end" in reasons, bool(flags), reasons)

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
            self.api.jobs = {"17": ["running", "frobbing", "ok"]}
            status, _, err = self.run_watch("--profile", str(path), "--url", self.api.url, "--interval", "50ms", "17")
        self.assertEqual(status, 0)
        self.assertEqual(err, 'telltale-watch: job 17 says "frobbing", which the profile does not know: it counts as not over\n')
        _, names, _ = self.run_watch("--list-profiles")
        self.assertIn("slurm\n", names)

    # Requests

    def watch_and_record(self, *arguments, **kwargs):
        """As watch(), with the entries of --record."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "flight.jsonl"
            told = self.watch(*arguments, "--record", str(path), **kwargs)
            return *told, [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def watch_with_secrets(self, *arguments):
        """Its exit status, all that it said, and what it recorded."""
        with tempfile.TemporaryDirectory() as folder:
            key = Path(folder) / "key"
            key.write_text("from-a-file\n", encoding="utf-8")
            status, out, err, record = self.watch_and_record(
                *arguments, "--header", f"X-Key: @{key}", "--header", "X-Plain: a: b", "--token", "env:MY_TOKEN", "--explain",
                env={"MY_TOKEN": "top-secret"})
        return status, out + err, json.dumps(record)

    def test_secrets_are_sent_and_not_shown(self):
        self.api.jobs = {"17": ["running", "ok"]}
        status, *texts = self.watch_with_secrets("17")
        self.assertEqual(status, 0, texts)
        headers = self.api.requests[0][2]
        self.assertEqual(headers["X-Key"], "from-a-file")
        self.assertEqual(headers["X-Plain"], "a: b")
        self.assertEqual(headers["Authorization"], "Bearer top-secret")
        for text in texts:
            self.assertNotIn("from-a-file", text)
            self.assertNotIn("top-secret", text)

    def test_secrets_that_the_api_repeats_are_not_shown(self):
        def refuse(request):
            given = request.headers
            request.answer(401, {"message": f"no: {given['Authorization']}, {given['X-Key']} for {request.path}"})

        self.api.jobs = {"17": [refuse], "18": [lambda r: r.redirect("/runs/17?key=" + r.headers["X-Key"])],
                         "19": [Handler.hang_up]}
        for output in ([], ["--json"]):
            with self.subTest(output):
                status, *texts = self.watch_with_secrets("17", "18", *output)
                self.assertEqual(status, 3)
                for text in texts:
                    self.assertRegex(text, r'/runs/17: HTTP 401 \\*"no: \*\*\*, \*\*\* for /runs/17\\*"')
                    self.assertRegex(text, r'/runs/18: HTTP 401 \\*"no: \*\*\*, \*\*\* for /runs/17\?key=\*\*\*\\*"')
                    self.assertNotIn("from-a-file", text)
                    self.assertNotIn("top-secret", text)
        status, *texts = self.watch_with_secrets("19", "--timeout", "500ms", "--json")
        self.assertEqual(status, 124)
        for text in texts:
            self.assertIn("/runs/19: ", text)
            self.assertNotIn("from-a-file", text)
            self.assertNotIn("top-secret", text)

    def test_a_token_that_the_api_repeats_without_bearer_is_not_shown(self):
        self.api.jobs = {"17": [lambda r: r.answer(401, {"message": "no: " + r.headers["Authorization"].split()[1]})]}
        _, *texts = self.watch_with_secrets("17")
        for text in texts:
            self.assertNotIn("top-secret", text)

    def test_a_secret_in_a_header_of_any_name_is_not_shown(self):
        self.api.jobs = {"17": [lambda r: r.answer(401, {"message": "no: " + r.headers["X-Whoami"]})]}
        _, out, err = self.watch("17", "--header", "X-Whoami: env:MY_TOKEN", env={"MY_TOKEN": "top-secret"})
        self.assertNotIn("top-secret", out + err)

    def test_a_secret_in_the_url_is_not_shown(self):
        self.api.jobs = {"17": ["frobbing"]}
        for url, shown, status_of_it in [
            (self.api.url + "/runs/17?api_key=top-secret&of=", self.api.url + "/runs/17?api_key=***&of=", 124),
            (self.api.url.replace("//", "//me:top-secret@"), self.api.url, 3),
        ]:
            with self.subTest(url):
                status, out, err, record = self.watch_and_record("17", "--timeout", "300ms", "--explain", url=url)
                self.assertEqual(status, status_of_it, err)
                self.assertEqual(record[0]["options"]["source_name"], shown)
                self.assertIn(shown, out + err)
                self.assertNotIn("top-secret", out + err + json.dumps(record))

    def test_a_short_header_leaves_the_record_whole(self):
        self.api.jobs = {"17": ["ok"]}
        self.watch_and_record("17", "--header", "X-Api-Version: 2")

    def test_a_proxy(self):
        self.api.jobs = {"17": ["running", "ok"]}
        proxy = self.serve()
        proxy.credential = "Basic " + base64.b64encode(b"me:p@ss").decode()
        url = proxy.url.replace("//", "//me:p%40ss@")
        nobody = "http://127.0.0.1:1"
        for arguments, environment, by_proxy in [
            (["--proxy", url], {"http_proxy": nobody, "no_proxy": "127.0.0.1"}, 2),
            ([], {"http_proxy": url}, 2),
            ([], {"http_proxy": nobody, "no_proxy": "127.0.0.1"}, 0),
            (["--proxy", "none"], {"http_proxy": nobody}, 0),
        ]:
            with self.subTest(arguments, **environment):
                self.api.looks, self.api.requests, proxy.requests = {}, [], []
                status, _, err = self.watch("17", *arguments, env=environment)
                self.assertEqual((status, err), (0, ""))
                self.assertEqual([path for _, path, _ in proxy.requests], [self.api.url + "/runs/17"] * by_proxy)
                self.assertEqual([path for _, path, _ in self.api.requests], ["/runs/17"] * 2)

    def test_a_proxy_that_refuses(self):
        self.api.jobs = {"17": ["ok"]}
        proxy = self.serve()
        proxy.credential = "Basic " + base64.b64encode(b"me:p@ss").decode()
        url = proxy.url.replace("//", "//me:mistaken@")
        status, out, err, record = self.watch_and_record("17", "--proxy", url, "--explain")
        self.assertEqual((status, self.api.requests), (3, []))
        self.assertIn("407", err)
        self.assertNotIn("mistaken", out + err + json.dumps(record))

    def test_certificates(self):
        if not shutil.which("openssl"):
            print("SKIPPED test_certificates: there is no openssl to make a certificate with", file=sys.stderr)
            self.skipTest("no openssl")
        with tempfile.TemporaryDirectory() as folder:
            ours, other = Path(folder) / "ours.pem", Path(folder) / "other.pem"
            for path in (ours, other):
                subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                                "-subj", "/CN=telltale", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", path, "-out", path],
                               check=True, capture_output=True, timeout=PATIENCE)
            self.api = self.serve(ours)
            self.api.jobs = {"17": ["ok"]}
            for arguments, trusted in [([], False), (["--ca-file", ours], True), (["--ca-file", other], False),
                                       (["--insecure"], True)]:
                with self.subTest(arguments):
                    self.api.requests = []
                    status, _, err = self.watch("17", "--token", "env:MY_TOKEN", *arguments, env={"MY_TOKEN": "top-secret"})
                    self.assertEqual(status, 0 if trusted else 3, err)
                    self.assertEqual(len(self.api.requests), 1 if trusted else 0)
                    if not trusted:
                        self.assertIn("certificate", err)

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
        self.api.jobs = {"17": ["frobbing", "frobbing", "running", "frobbing", "munging", "munging", "ok"], "18": ["frobbing", "ok"]}
        status, out, err = self.watch("17", "18", "--json")
        self.assertEqual((status, self.api.looks), (0, {"17": 7, "18": 2}))
        told = [re.fullmatch(r'telltale-watch: job (\d+) says "(\w+)", which is neither in --done nor in --word: it counts as not '
                             r"over", line) for line in err.splitlines()]
        self.assertNotIn(None, told, err)
        self.assertEqual([line[2] for line in told], ["frobbing", "munging"])
        self.assertEqual(told[1][1], "17")
        for line in out.splitlines():
            json.loads(line)

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
