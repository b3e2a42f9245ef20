#!/usr/bin/python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""What asyncio costs for what benchmarks/primitives_bench.cpp measures; the rows have its names. CPU time of the whole
process; each row is run once to warm up, then measured once.

    primitives_asyncio.py [-quick] [-filter REGEX]
"""
import argparse
import asyncio
import json
import re
import time

ROWS = {}  # what/who -> a coroutine function of the number of operations


def row(what, who='asyncio'):
    return lambda function: ROWS.setdefault((what, who), function)


@row('co_await acquire and release, coroutines: 1')
async def acquire(n):
    s = asyncio.Semaphore(1)
    for _ in range(n):
        async with s:
            pass


@row('contend, each yields, coroutines: 8')
async def contend(n):
    s = asyncio.Semaphore(1)

    async def work():
        for _ in range(n // 8):
            async with s:
                await asyncio.sleep(0)

    await asyncio.gather(*(work() for _ in range(8)))


@row('contend, each yields, coroutines: 8', 'asyncio, the yield alone')
async def yields(n):
    for _ in range(n):
        await asyncio.sleep(0)


@row('try_push and try_pop')
async def try_queue(n):
    queue = asyncio.Queue(64)
    for i in range(n):
        queue.put_nowait(i)
        queue.get_nowait()


@row('co_await push and pop, none waits')
async def push_and_pop(n):
    queue = asyncio.Queue(1)
    for i in range(n):
        await queue.put(i)
        await queue.get()


@row('ping-pong, round trip, threads: 1')
async def ping_pong(n):
    there, back = asyncio.Queue(1), asyncio.Queue(1)

    async def ping():
        for i in range(n):
            await there.put(i)
            await back.get()

    async def pong():
        for _ in range(n):
            await back.put(await there.get())

    await asyncio.gather(ping(), pong())


def deliver(readers, batch):
    """Each reader has a queue; after `batch` events the sender yields."""

    async def run(n):
        queues = [asyncio.Queue(64) for _ in range(readers)]

        async def read(queue):
            for _ in range(n // readers):
                await queue.get()

        async def send():
            for i in range(1, n // readers + 1):
                for queue in queues:
                    if queue.full():
                        await queue.put(i)
                    else:
                        queue.put_nowait(i)
                if i % batch == 0:
                    await asyncio.sleep(0)

        await asyncio.gather(*(read(queue) for queue in queues), send())

    return run


for count in (1, 10, 100):
    row(f'delivery, one by one, to {count}')(deliver(count, 1))
    if count != 10:
        row(f'delivery, in batches of 64, to {count}')(deliver(count, 64))


def main():
    parser = argparse.ArgumentParser(description='What asyncio costs for the primitives.')
    parser.add_argument('-quick', action='store_true', help='a tenth of the rounds')
    parser.add_argument('-filter', default='.', help='which rows, as what/who: a regular expression')
    args = parser.parse_args()
    rounds = 2_000 if args.quick else 20_000
    result = []
    for (what, who), function in ROWS.items():
        if not re.search(args.filter, f'{what}/{who}'):
            continue
        asyncio.run(function(rounds))
        begin = time.process_time_ns()
        asyncio.run(function(rounds))
        result.append({'what': what, 'who': who, 'ns': (time.process_time_ns() - begin) / rounds})
    print(json.dumps(result))


if __name__ == '__main__':
    main()
