#!/usr/bin/python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""Trivial jobs as tasks of asyncio, for benchmarks/jobs.cpp. Once to warm up, and to see what one takes before its turn; then
measured.

    jobs_asyncio.py N
"""
import asyncio
import json
import os
import sys
import time


def memory():
    with open('/proc/self/statm', encoding='ascii') as statm:
        return int(statm.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


async def trivial(done):
    done[0] += 1


async def run(n):
    """Returns what the process grew by while all were queued."""
    done = [0]
    empty = memory()
    for _ in range(n):
        asyncio.create_task(trivial(done))  # held by the loop, which has not had its turn
    grown = memory() - empty
    while done[0] < n:
        await asyncio.sleep(0)
    return grown


async def main(n):
    grown = await run(n)
    begin = time.process_time_ns()
    await run(n)
    us = (time.process_time_ns() - begin) / 1e3 / n
    print(json.dumps({'jobs': n, 'cpu_us': us, 'bytes': grown / n}))


if __name__ == '__main__':
    asyncio.run(main(int(sys.argv[1])))
