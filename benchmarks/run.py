#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""Runs the benchmarks, telltale and its peers by turns, in groups: see GROUPS below.

    run.py BIN [--quick] [--only GROUP,...] [--reps N] [--filter REGEX] [--out FILE] [--docs FILE]

BIN is the folder of the programs (./dev bench builds them). Every repetition runs each program once, so that what else
the machine does hits all alike; tables show medians. --docs writes the tables into a page, between its markers.
Ends with 1 when a program failed, or when a message was lost or altered.
"""
import argparse
import datetime
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import time

import report

# Fan-out servers: {port}. The first two of "floor" are not peers: what the kernel alone costs.
SERVERS = {
    'telltale': 'fanout_server {port}',
    'Beast, chat-multi': 'ws_beast {port}',
    'Beast, without its post': 'ws_beast {port} nopost',
    'websocketpp': 'ws_websocketpp {port}',
    'floor: one send each': 'ws_floor {port} send',
    'floor: 64 in a writev': 'ws_floor {port} gather',
}
# Pollers: {url}, {polls}, {at_once}.
POLLERS = {
    'telltale': 'poll_client {url} {polls} {at_once}',
    'telltale status_poller': 'poll_client {url} {polls} {at_once} poller',
    'telltale status_poller, a limit per poll': 'poll_client {url} {polls} {at_once} timed',
    'Beast coroutines': 'poll_beast {url} {polls} {at_once}',
    'floor': 'poll_floor {url} {polls} {at_once}',
}
# Groups of operations, each with its time. *_bench are programs of Google Benchmark; the others print their rows as JSON.
OPERATIONS = {
    'primitives': [
        '{bin}/primitives_bench',
        '{bin}/primitives_go',
        '/usr/bin/python3 {here}/peers/primitives_asyncio.py',
        '{bin}/primitives_floor',
    ],
    'progress': ['{bin}/progress_bench', '/usr/bin/python3 {here}/peers/progress_python.py'],
    'answers': ['{bin}/answers_bench'],
}
# Items in a chunk: about a millisecond's, and a hundredth of it.
CHUNK_SIZES = (1_250_000, 10_000)
CHUNK_MODES = ('bare', 'blocking', 'serial', 'pool', 'blocking-hooks', 'serial-hooks', 'pool-hooks')
# Who runs {jobs} trivial jobs.
JOBS = {
    'telltale job_manager': '{bin}/jobs {jobs}',
    'telltale job_manager that tells a board': '{bin}/jobs {jobs} board',
    'asio co_spawn': '{bin}/jobs_asio {jobs}',
    'asio co_spawn, 64 at a time': '{bin}/jobs_asio {jobs} 64',
    'Go': '{bin}/jobs_go {jobs}',
    'asyncio': '/usr/bin/python3 {here}/peers/jobs_asyncio.py {jobs}',
    'floor': '{bin}/jobs_floor {jobs}',
}
# Who watches {jobs} jobs, each of which is due every two seconds, for {seconds}.
WATCHES = {
    'telltale status_poller': '{bin}/watch_at_rest {jobs} 2 {seconds}',
    'telltale status_poller, jobs that tell more': '{bin}/watch_at_rest {jobs} 2 {seconds} told',
    'telltale status_poller, 100 in a call': '{bin}/watch_at_rest {jobs} 2 {seconds} batch',
    'asio, a coroutine and a timer each': '{bin}/watch_asio {jobs} 2 {seconds}',
    'Go': '{bin}/watch_go {jobs} 2 {seconds}',
    'asyncio': '/usr/bin/python3 {here}/peers/watch_asyncio.py {jobs} 2 {seconds}',
    'floor: a heap and a timer': '{bin}/watch_asio {jobs} 2 {seconds} floor',
}
HERE = os.path.dirname(os.path.abspath(__file__))


class Failure(Exception):
    pass


def pinned(core):
    """Server and client on a core each, where there are two."""
    cores = sorted(os.sched_getaffinity(0))
    return (lambda: os.sched_setaffinity(0, {cores[core]})) if len(cores) > 1 else None


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def wait_for(port):
    for _ in range(250):
        try:
            socket.create_connection(('127.0.0.1', port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise Failure(f'nobody listens on port {port}')


class Server:
    def __init__(self, bin_dir, command):
        self.port = free_port()
        argv = shlex.split(command.format(port=self.port))
        argv[0] = os.path.join(bin_dir, argv[0])
        self.process = subprocess.Popen(argv, preexec_fn=pinned(0), stdout=subprocess.DEVNULL)

    def __enter__(self):
        wait_for(self.port)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def run_json(argv, timeout=120, pin=True):
    done = subprocess.run(argv, preexec_fn=pinned(1) if pin else None, capture_output=True, text=True, timeout=timeout)
    if done.returncode or not done.stdout.strip():
        raise Failure(f'{" ".join(argv)}: exit status {done.returncode}\n{done.stderr.strip()[-1000:]}')
    return json.loads(done.stdout)


def google_benchmark(program, quick, pattern='.'):
    """Runs all of it once; returns its rows, with their counters."""
    with tempfile.NamedTemporaryFile(suffix='.json') as out:
        argv = [program, f'--benchmark_filter={pattern}', f'--benchmark_min_time={0.02 if quick else 0.1}',
                f'--benchmark_out={out.name}']
        done = subprocess.run(argv, capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise Failure(f'{program}: exit status {done.returncode}\n{done.stderr[-1000:]}')
        text = open(out.name, encoding='utf-8').read()
    return json.loads(text)['benchmarks'] if text.strip() else []  # nothing: none matches


def operation(run):
    what, who, *arguments = run['name'].split('/')
    arguments = [a for a in arguments if a.isdigit()]
    return {'what': ' '.join([what] + arguments), 'who': who, 'ns': run['each'] * 1e9, 'cores': run['cpu_time'] / run['real_time']}


def operations(group):
    def run(args, results):
        for rep in range(args.reps):
            for command in OPERATIONS[group]:
                argv = shlex.split(command.format(bin=args.bin, here=HERE))
                if argv[0].endswith('_bench'):
                    rows = [operation(r) for r in google_benchmark(argv[0], args.quick, args.filter)]
                else:
                    rows = run_json(argv + ['-filter', args.filter] + ['-quick'] * args.quick, pin=False)
                results[group] += [{**row, 'rep': rep} for row in rows]
        if args.filter == '.':
            measured = {(row['what'], row['who']) for row in results[group]}
            results['wrong'] += [f'no such row, but an aim for it: {"/".join(aim)}'
                                 for aim in report.TO_REACH[group] if aim not in measured]
    return run


def instructions(argv):
    done = subprocess.run(['valgrind', '--tool=callgrind', '--callgrind-out-file=/dev/null', *argv], capture_output=True, text=True,
                          timeout=300)
    counted = re.search(r'Collected : (\d+)', done.stderr)
    if done.returncode or not counted:
        raise Failure(f'valgrind {" ".join(argv)}: exit status {done.returncode}\n{done.stderr.strip()[-1000:]}')
    return int(counted[1])


def chunks(args, results):
    program = os.path.join(args.bin, 'chunk_loop')
    for size in CHUNK_SIZES:
        few = max(1, 500_000 // size)
        many = few * (2 if args.quick else 5)
        for mode in CHUNK_MODES:
            # What it costs to start and to end is in both.
            counts = [instructions([program, mode, str(n), str(size)]) for n in (few, many)]
            results['chunks'].append({'mode': mode, 'size': size, 'instructions': (counts[1] - counts[0]) / (many - few) / size})
    for rep in range(args.reps):
        for mode in ('blocking', 'serial', 'pool', 'posts'):
            argv = [program, 'pairs', mode, '10', str(CHUNK_SIZES[0]), '10' if args.quick else '100']
            results['chunks'].append({'mode': mode, 'rep': rep, 'pairs': run_json(argv, pin=False)})


def jobs(args, results):
    few, many = 1000, 5000 if args.quick else 11_000
    for name, command in JOBS.items():
        if command.startswith('{bin}/jobs') and 'jobs_go' not in command:  # of Go's and Python's runtimes callgrind counts other things
            counts = [instructions(shlex.split(command.format(bin=args.bin, jobs=n))) for n in (few, many)]
            # Each program runs its jobs twice.
            results['jobs'].append({'name': name, 'instructions': (counts[1] - counts[0]) / (many - few) / 2})
    for rep in range(args.reps):
        for name, command in JOBS.items():
            row = run_json(shlex.split(command.format(bin=args.bin, here=HERE, jobs=10_000 if args.quick else 100_000)))
            row.update(name=name, rep=rep)
            results['jobs'].append(row)


def watch(args, results):
    jobs, seconds = (10_000, 1) if args.quick else (100_000, 4)
    for rep in range(args.reps):
        for name, command in WATCHES.items():
            row = run_json(shlex.split(command.format(bin=args.bin, here=HERE, jobs=jobs, seconds=seconds)))
            row.update(name=name, rep=rep)
            results['watch'].append(row)


def sampler(args, results):
    program = os.path.join(args.bin, 'resource_sampler_bench')
    for rep in range(min(args.reps, 3)):
        for run in google_benchmark(program, args.quick):
            name = '/'.join(part for part in run['name'].split('/') if not part.startswith('iterations:'))
            results['sampler'].append({'name': name, 'cpu_us': run['cpu_us'], 'percent': run.get('percent_of_core_at_1_hz'), 'rep': rep})


def estimates(args, results):
    # Virtual time and a seed: the same figures on every machine, so once is enough.
    results['estimates'] = [run_json([os.path.join(args.bin, 'estimates'), '--json'] + ['--runs', '50'] * args.quick)]


def schedule(args, results):
    # As estimates.
    results['schedule'] = [run_json([os.path.join(args.bin, 'adaptive_schedule'), '--json'] + ['--jobs', '500'] * args.quick)]


def fanout(args, results):
    flood, paced = (1, 1) if args.quick else (args.reps, min(args.reps, 3))
    cases = [('flood', 100, flood, []), ('flood', 1000, flood, []), ('paced', 100, paced, ['--rate', '100'])]
    for mode, clients, reps, extra in cases:
        for rep in range(reps):
            for name, command in SERVERS.items():
                with Server(args.bin, command) as server:
                    row = run_json([os.path.join(args.bin, 'ws_client'), '--port', str(server.port),
                                    '--pid', str(server.process.pid), '--n', str(clients), '--mode', mode,
                                    '--secs', '0.5' if args.quick else '1.5', '--warm', '0.5', *extra])
                row.update(name=name, mode=mode, n=clients, rep=rep)
                results['fanout'].append(row)
                if row['lost'] or row['bad']:
                    results['wrong'].append(f'{name} {mode} {clients}: {row["lost"]} lost, {row["bad"]} bad')


def poll(args, results):
    with Server(args.bin, 'mock_api {port}') as api:
        url = f'http://127.0.0.1:{api.port}/jobs/job-000123'
        for at_once in (10, 100):
            for rep in range(args.reps):
                for name, command in POLLERS.items():
                    argv = shlex.split(command.format(url=url, polls=2000 if args.quick else 60000, at_once=at_once))
                    argv[0] = os.path.join(args.bin, argv[0])
                    row = run_json(argv)
                    row.update(name=name, at_once=at_once, rep=rep)
                    results['poll'].append(row)


def first_line(*argv):
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[0].strip()
    except (OSError, subprocess.CalledProcessError, IndexError):
        return 'unknown'


def machine():
    cpu = re.search(r'model name\s*: (.*)', open('/proc/cpuinfo', encoding='utf-8').read())
    system = re.search(r'PRETTY_NAME="(.*)"', open('/etc/os-release', encoding='utf-8').read())
    packages = ['libasio-dev', 'libboost1.81-dev', 'libsimdjson-dev', 'libwebsocketpp-dev', 'libbenchmark-dev',
                'nlohmann-json3-dev', 'golang-go', 'python3', 'python3-rich', 'python3-tqdm', 'valgrind']
    return {
        'cpu': (cpu.group(1) if cpu else 'unknown') + f', {len(os.sched_getaffinity(0))} cores',
        'system': (system.group(1) if system else 'unknown') + ', Linux ' + os.uname().release.split('-')[0],
        'compiler': first_line('g++', '--version') + ', Release',
        'packages': {p: first_line('dpkg-query', '-W', '-f', '${Version}', p) for p in packages},
    }


def moment():
    """What every group says of itself: they may be measured on different days."""
    return {
        'date': datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M UTC'),
        'commit': first_line('git', '-C', HERE, 'describe', '--always', '--dirty'),
        'load': os.getloadavg()[0],
    }


GROUPS = {
    **{group: operations(group) for group in OPERATIONS},
    'chunks': chunks,
    'jobs': jobs,
    'watch': watch,
    'sampler': sampler,
    'estimates': estimates,
    'schedule': schedule,
    'fanout': fanout,
    'poll': poll,
}


def main():
    parser = argparse.ArgumentParser(description='Runs the benchmarks, telltale and its peers by turns.')
    parser.add_argument('bin')
    parser.add_argument('--quick', action='store_true', help='once each and briefly: whether it works, not how fast')
    parser.add_argument('--only', default=','.join(GROUPS), help='which groups; default: %(default)s')
    parser.add_argument('--reps', type=int, default=0, help='default: 5')
    parser.add_argument('--filter', default='.', help='which operations of primitives and progress: a regular expression')
    parser.add_argument('--out', default='', help='where the raw results go; default: results.json in BIN')
    parser.add_argument('--docs', default='', help='write the tables into this page')
    args = parser.parse_args()
    args.bin = os.path.abspath(args.bin)
    args.reps = args.reps or (1 if args.quick else 5)
    out = args.out or os.path.join(args.bin, 'results.json')

    only = args.only.split(',')
    if unknown := set(only) - set(GROUPS):
        parser.error(f'no such group: {", ".join(sorted(unknown))}')

    results = {'machine': machine(), 'measured': {}, 'wrong': [], **{name: [] for name in GROUPS}}
    for name in (n for n in GROUPS if n in only):
        print(f'\n== {name}', flush=True)
        when = moment()
        try:
            GROUPS[name](args, results)
        except (Failure, subprocess.TimeoutExpired, OSError, ValueError) as e:
            results['wrong'].append(f'{name}: {e}')
        when['load'] = max(when['load'], os.getloadavg()[0])
        results['measured'][name] = when
        print(report.tables(results)[name], flush=True)
    with open(out, 'w', encoding='utf-8') as f:
        json.dump(results, f, indent=1)
    print(f'\nraw results: {out}')
    if args.docs and not results['wrong']:
        report.write(results, args.docs)
    for w in results['wrong']:
        print(f'WRONG: {w}', file=sys.stderr)
    return 1 if results['wrong'] else 0


if __name__ == '__main__':
    sys.exit(main())
