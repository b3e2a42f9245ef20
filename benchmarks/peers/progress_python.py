#!/usr/bin/python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""What a tick of progress costs with tqdm and rich (Debian's packages), for benchmarks/progress_bench.cpp; the rows have its
names. The bars are drawn on /dev/null, as often as these draw by themselves. CPU time of the whole process, with the loop around it;
each row is run once to warm up, then measured once.

    progress_python.py [-quick] [-filter REGEX]
"""
import argparse
import json
import re
import time

from rich.console import Console
from rich.progress import Progress
from tqdm import tqdm

ROWS = {}  # who -> (times as many operations, a function of their number)
NULL = open('/dev/null', 'w', encoding='utf-8')


def row(who, times=1):
    return lambda function: ROWS.setdefault(who, (times, function))


@row('Python: an empty loop', 10)
def loop(n):
    for _ in range(n):
        pass


@row('tqdm, around an iterator', 10)
def tqdm_iterator(n):
    for _ in tqdm(range(n), file=NULL):
        pass


@row('tqdm, update()', 5)
def tqdm_update(n):
    with tqdm(total=n, file=NULL) as bar:
        for _ in range(n):
            bar.update(1)


def rich_bar():
    return Progress(console=Console(file=NULL, force_terminal=True))


@row('rich, around an iterator', 10)
def rich_track(n):
    with rich_bar() as bar:
        for _ in bar.track(range(n)):
            pass


@row('rich, advance()')
def rich_advance(n):
    with rich_bar() as bar:
        task = bar.add_task('', total=n)
        for _ in range(n):
            bar.advance(task)


def main():
    parser = argparse.ArgumentParser(description='What a tick of progress costs with tqdm and rich.')
    parser.add_argument('-quick', action='store_true', help='a tenth of the rounds')
    parser.add_argument('-filter', default='.', help='which rows, as what/who: a regular expression')
    args = parser.parse_args()
    what = 'progress tick, threads: 1'
    result = []
    for who, (times, function) in ROWS.items():
        if not re.search(args.filter, f'{what}/{who}'):
            continue
        rounds = times * (10_000 if args.quick else 100_000)
        function(rounds // 10)
        begin = time.process_time_ns()
        function(rounds)
        result.append({'what': what, 'who': who, 'ns': (time.process_time_ns() - begin) / rounds})
    print(json.dumps(result))


if __name__ == '__main__':
    main()
