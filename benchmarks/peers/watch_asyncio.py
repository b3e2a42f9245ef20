#!/usr/bin/python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""Watched jobs as tasks of asyncio that sleep, for benchmarks/watch_at_rest.cpp. Nothing is polled.

    watch_asyncio.py N INTERVAL SECONDS
"""
import asyncio
import gc
import json
import os
import sys
import time

wakes = 0


def memory():
    with open('/proc/self/statm', encoding='ascii') as statm:
        return int(statm.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


class Job:
    __slots__ = ('id', 'state')

    def __init__(self, i):
        self.id = f'job-{i:032d}'
        self.state = 'running'


async def watch(job, first, interval):
    global wakes
    await asyncio.sleep(first)
    while job.state != 'done':
        wakes += 1
        await asyncio.sleep(interval)


async def main(n, interval, seconds):
    global wakes
    gc.collect()
    before, begun = memory(), time.process_time()
    tasks = [asyncio.create_task(watch(Job(i), interval * (i + 1) / n, interval)) for i in range(n)]
    await asyncio.sleep(0)
    begun = time.process_time() - begun
    size = (memory() - before) / n
    await asyncio.sleep(interval)
    wakes, used = 0, time.process_time()
    await asyncio.sleep(seconds)
    used = time.process_time() - used
    print(json.dumps({'n': len(tasks), 'bytes': size, 'watch_us': begun * 1e6 / n, 'wakes': wakes, 'wake_us': used * 1e6 / wakes}), flush=True)
    os._exit(0)


asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])))
