#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""Where the time goes: by whose code it is.

    profile_rows.py BIN [--docs PAGE]

BIN is the folder of the programs (./dev bench builds them). Needs perf (Debian: linux-perf), and samples the CPU clock, so that it
works in a virtual machine. Prints a table in ns per operation, or writes it into the page as report.py does.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

import report

ROWS = {  # of primitives_bench: its filter; or a program that says cpu_us
    'try_acquire and release': '^try_acquire and release/telltale',
    'acquire, contended, with a yield': '^contend, each yields, coroutines:/telltale/8',
    'the yield alone': '^contend, each yields, coroutines:/asio, the yield alone/8',
    'queue, ping-pong, one thread': '^ping-pong, round trip, threads:/telltale queue/1',
    'event to 100, one by one': '^delivery, one by one, to/telltale/100',
    'event to 100, in batches': '^delivery, in batches of 64, to/telltale/100',
    'a job of a job_manager': ['jobs', '100000'],
    'a co_spawn, 100,000 at once': ['jobs_asio', '100000'],
}
# The first that matches.
GROUPS = {
    'mutexes': r'pthread_mutex|__lll_|^std::mutex',
    'memory': r'\b(_int_)?(malloc|free)|cfree|operator (new|delete)|malloc_consolidate|unlink_chunk|tcache|thread_info_base',
    'reference counts': r'_Sp_counted|__shared_count|__weak_count',
    'the benchmark': r'^\(anonymous namespace\)',
    'telltale': r'^(?:(?!asio).)*telltale::|std::__do_visit|std::__detail::__variant',
    'Asio': r'asio',
    'other': r'',
    'kernel': None,
}


def profile(folder, what):
    with tempfile.NamedTemporaryFile(suffix='.data') as data:
        argv = ['perf', 'record', '-q', '-e', 'cpu-clock', '-F', '5000', '-o', data.name]
        if isinstance(what, list):
            argv += [os.path.join(folder, what[0]), *what[1:]]
        else:
            argv += [os.path.join(folder, 'primitives_bench'), f'--benchmark_filter={what}', '--benchmark_min_time=1']
        ran = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        symbols = subprocess.run(['perf', 'report', '-i', data.name, '--no-children', '--stdio', '-F', 'overhead,sym', '-w', '0,0'],
                                 check=True, capture_output=True, text=True).stdout
    if isinstance(what, list):
        ns = json.loads(ran)['cpu_us'] * 1e3
    else:
        each = re.search(r'each=([0-9.]+)(\w*)s', ran)
        if not each:
            raise SystemExit(f'no benchmark matches {what}')
        ns = float(each[1]) * {'n': 1, 'p': 1e-3, 'u': 1e3}[each[2]]
    shares = dict.fromkeys(GROUPS, 0.0)
    for share, where, symbol in re.findall(r'^ *([0-9.]+)% +\[(.)\] (.*?) *$', symbols, re.MULTILINE):
        group = 'kernel' if where == 'k' else next(g for g, p in GROUPS.items() if re.search(p, symbol))
        shares[group] += float(share)
    shares['other'] += 100 - sum(shares.values())  # what is too small to be listed
    return ns, shares


def main():
    parser = argparse.ArgumentParser(description='Where the time goes.')
    parser.add_argument('bin')
    parser.add_argument('--docs', default='', help='write the table into this page')
    args = parser.parse_args()
    lines = report.head('operation', 'CPU ns', *GROUPS)
    for name, pattern in ROWS.items():
        ns, shares = profile(args.bin, pattern)
        lines.append(report.row(name, report.ns(ns), *(f'{ns * s / 100:.0f}' for s in shares.values())))
    if args.docs:
        report.replace(args.docs, {'profile': '\n'.join(lines)})
    else:
        print('\n'.join(lines))


if __name__ == '__main__':
    sys.exit(main())
