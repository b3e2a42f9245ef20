#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""Makes tables of what run.py measured.

    report.py RESULTS.json [PAGE.md]

Without a page the tables are printed. In the page everything between `<!-- results: NAME -->` and `<!-- end -->` is
replaced; the names are machine and those of the groups.
"""
import json
import re
import statistics
import sys

median = statistics.median

# What is to be reached, in CPU ns per operation: by group, operation and who.
TO_REACH = {
    'primitives': {
        ('emit, nobody listens', 'telltale'): 2,
        ('try_acquire and release', 'telltale'): 10,
        ('co_await acquire and release, coroutines: 1', 'telltale'): 60,
        ('contend, each yields, coroutines: 8', 'telltale'): 250,
        ('ping-pong, round trip, threads: 1', 'telltale queue'): 400,
        ('ping-pong, round trip, threads: 2', 'telltale queue'): 900,
        ('delivery, in batches of 64, to 100', 'telltale'): 40,
        ('delivery, in batches of 64, to 100', 'telltale, waiting coroutines'): 40,
        ('delivery, one by one, to 100', 'telltale'): 120,
    },
    'progress': {
        ('progress tick, threads: 1', 'telltale'): 5,
        ('progress tick, threads: 2', 'telltale'): 10,
    },
    'answers': {
        ('an answer, what is asked for stands first, bytes: 300', 'telltale'): 400,
        ('an answer, it stands last, bytes: 300', 'telltale'): 400,
        ('an answer, what is asked for stands first, bytes: 10240', 'telltale'): 6000,
        ('an answer, it stands last, bytes: 10240', 'telltale'): 6000,
    },
}
# More than the bare loop in instructions; and with both hooks more than with none in CPU.
CHUNK_PERCENT = 0.5
# Of a job of the job_manager.
JOB_CPU_US = 2
JOB_BYTES = 600
# Of a watched job at rest; of waking one that is due.
WATCH_BYTES = 300
WAKE_US = 1
# Of a core, with a sample a second.
SAMPLER_PERCENT = 0.05
# Of the band around the remaining time: over these workloads, and in each; on how many the error is below both peers'.
WORKLOADS = ('steady', 'heavy-tailed', 'bursts', 'stall', 'slowing', 'speeding up')
COVERAGE = (0.72, 0.88)
WORST_COVERAGE = 0.6
BETTER_THAN_BOTH = 4
# Of the adaptive pace, relative to an interval of 15 s: of requests, and of the mean delay until the end is seen.
ADAPTIVE = {'progress': (1 / 3, 0.5), 'no progress': (0.7, 1)}


def row(*cells):
    return '| ' + ' | '.join(c.replace('|', '\\|') for c in cells) + ' |'


def head(*cells):
    """The first column is text, the others are numbers."""
    return [row(*cells), '| --- |' + ' ---: |' * (len(cells) - 1)]


def spread(values, digits):
    text = f'{median(values):.{digits}f}'
    return text if len(values) == 1 else f'{text} ({min(values):.{digits}f} to {max(values):.{digits}f})'


def ratio(rows, base, key):
    """Of runs in the same repetition: the neighbours on the machine were the same, more or less."""
    by_rep = {r['rep']: r[key] for r in base}
    values = [r[key] / by_rep[r['rep']] for r in rows if by_rep.get(r['rep'])]
    return spread(values, 2) if values else ''


def grouped(rows, key):
    groups = {}
    for r in rows:
        groups.setdefault(key(r), []).append(r)
    return groups


def ns(value):
    return f'{value:.1f}' if value < 100 else f'{value:,.0f}'


def reached(value, aim):
    return f'{aim:g}: {"yes" if value <= aim else "no"}'


def bold(who):
    return f'**{who}**' if who.startswith('telltale') else who


def operations(results, group):
    lines = head('operation', 'who', 'CPU ns, median', 'min', 'max', 'to reach')
    lines[1] = '| --- | --- |' + ' ---: |' * 4
    last = None
    for (what, who), runs in sorted_groups(results[group]):
        values = [r['ns'] for r in runs]
        aim = TO_REACH[group].get((what, who))
        lines.append(row(what if what != last else '', bold(who), ns(median(values)), ns(min(values)), ns(max(values)),
                         reached(median(values), aim) if aim else ''))
        last = what
    return lines


def progress(results):
    cores = [r['cores'] for r in results['progress'] if r['what'].endswith('threads: 2')]
    lines = operations(results, 'progress')
    return lines + ['', f'With two threads {median(cores):.1f} cores were in use; the further below 2, the more they took turns, and did not get in each '
                        'other\'s way.'] if cores else lines


def sorted_groups(rows):
    """By operation (numbers by size); ours, then the peers, then the floor."""
    groups = grouped(rows, lambda r: (r['what'], r['who']))

    def place(group):
        (what, who), _ = group
        numbers = [int(n) for n in re.findall(r'\d+', what)]
        return re.sub(r'\d+', '', what), numbers, not who.startswith('telltale'), who.startswith('floor'), who.lower()

    return sorted(groups.items(), key=place)


CHUNKS = {
    'bare': 'by hand',
    'blocking': '**blocking**',
    'serial': '**serial**',
    'pool': '**a pool of two**',
}
CHUNK_POSTS = 'a pool of two, no hooks: an empty function posted by hand'


def chunks(results):
    counts = {(r['mode'], r['size']): r['instructions'] for r in results['chunks'] if 'size' in r}
    if not counts:
        return []
    sizes = sorted({size for _, size in counts}, reverse=True)
    lines = ['Instructions per item:', '']
    lines += head('', *(f'chunks of {size:,}' for size in sizes), 'to reach', *(f'both hooks, {size:,}' for size in sizes))
    for mode, text in CHUNKS.items():
        plain = [counts[mode, size] for size in sizes]
        hooked = [counts.get((f'{mode}-hooks', size)) for size in sizes]
        bare = [counts['bare', size] for size in sizes]
        if mode == 'bare':
            lines.append(row(text, *(f'{n:.4f}' for n in plain), '', *('' for _ in sizes)))
            continue
        over = [f'{n:.4f}, {100 * (n / b - 1):+.2f} %' for n, b in zip(plain, bare)]
        lines.append(row(text, *over, f'+{CHUNK_PERCENT} %: {"yes" if plain[0] <= bare[0] * (1 + CHUNK_PERCENT / 100) else "no"}',
                         *(f'{n:.4f}, {100 * (n / p - 1):+.2f} %' for n, p in zip(hooked, plain))))
    lines += ['', 'CPU with both hooks over none, chunks of a millisecond, by turns:', '']
    lines += head('', 'more, median', 'half of the pairs lie within', 'least over least', 'pairs', 'to reach')
    for mode, runs in grouped([r for r in results['chunks'] if 'pairs' in r], lambda r: r['mode']).items():
        pairs = [p for r in runs for p in r['pairs']]
        more = [100 * (p['with_ns'] / p['without_ns'] - 1) for p in pairs]
        least = 100 * (min(p['with_ns'] for p in pairs) / min(p['without_ns'] for p in pairs) - 1)
        low, middle, high = statistics.quantiles(more, n=4)
        aim = f'+{CHUNK_PERCENT} %: {"yes" if middle <= CHUNK_PERCENT else "no"}' if mode in CHUNKS else ''
        lines.append(row(CHUNKS.get(mode, CHUNK_POSTS), f'{middle:+.2f} %', f'{low:+.2f} to {high:+.2f} %', f'{least:+.2f} %',
                         f'{len(more)}', aim))
    return lines


def jobs(results):
    lines = head('who', 'CPU µs per job', 'to reach', 'bytes per queued job', 'to reach', 'instructions')
    counted = {r['name']: r['instructions'] for r in results['jobs'] if 'instructions' in r}
    for name, runs in sorted(grouped([r for r in results['jobs'] if 'rep' in r], lambda r: r['name']).items(),
                             key=lambda group: not group[0].startswith('telltale')):
        us, size = [r['cpu_us'] for r in runs], [r['bytes'] for r in runs]
        aim = name == 'telltale job_manager'
        lines.append(row(bold(name), spread(us, 2), reached(median(us), JOB_CPU_US) if aim else '',
                         f'{median(size):,.0f}' if any(size) else '', reached(median(size), JOB_BYTES) if aim else '',
                         f'{counted[name]:,.0f}' if name in counted else ''))
    return lines


def watch(results):
    lines = head('who', 'bytes per watched job', 'to reach', 'CPU µs to wake one', 'to reach', 'with its poll', 'CPU µs to begin')
    for name, runs in grouped(results['watch'], lambda r: r['name']).items():
        size, wake = [r['bytes'] for r in runs], [r['wake_us'] for r in runs]
        aim = name == 'telltale status_poller'
        lines.append(row(bold(name), f'{median(size):,.0f}', reached(median(size), WATCH_BYTES) if aim else '', spread(wake, 2),
                         reached(median(wake), WAKE_US) if aim else '',
                         spread([r['all_us'] for r in runs], 2) if 'all_us' in runs[0] else '', f'{median(r["watch_us"] for r in runs):.2f}'))
    return lines


def sampler(results):
    names = {
        'run_at/1': 'run(), once a second',
        'run_at/100': 'run(), a hundred times a second',
        'sample': 'sample(), again and again',
        'reading': 'resource_reader, again and again',
        'metered_piece': 'cpu_meter, around a piece of a job',
    }
    lines = head('what', 'CPU µs each', '% of a core at one a second', 'to reach')
    groups = grouped(results['sampler'], lambda r: r['name'])
    for name, text in names.items():
        runs = groups.get(name)
        if not runs:
            continue
        percent = [r['percent'] for r in runs if r['percent'] is not None]
        lines.append(row(text, spread([r['cpu_us'] for r in runs], 2), f'{median(percent):.4f}' if percent else '',
                         reached(median(percent), SAMPLER_PERCENT) if name == 'run_at/1' else ''))
    return lines


def estimates(results):
    if not results['estimates']:
        return []
    r = results['estimates'][0]
    lines = head('workload', 'median error: **telltale**', 'tqdm', 'indicatif', 'the band covers', 'came later', 'came earlier',
                 'median width')
    for w in sorted(r['workloads'], key=lambda w: w['workload'] not in WORKLOADS):
        error = w['median_error']
        lines.append(row(('' if w['workload'] in WORKLOADS else 'beside them: ') + w['workload'], *(f'{100 * error[who]:.1f} %' for who in ('telltale', 'tqdm', 'indicatif')),
                         *(f'{100 * w[key]:.1f} %' for key in ('coverage', 'above_band', 'below_band', 'median_width'))))
    low, high = COVERAGE
    good = low <= r['coverage'] <= high and r['worst_coverage'] >= WORST_COVERAGE and r['better_than_both'] >= BETTER_THAN_BOTH
    return lines + ['', f'{r["runs"]:,} runs of each. Over the six workloads the band covers {100 * r["coverage"]:.1f} %, and '
                    f'{100 * r["worst_coverage"]:.1f} % of the worst; the median error is below both formulas on {r["better_than_both"]}. To '
                    f'reach: {100 * low:.0f} to {100 * high:.0f} %, {100 * WORST_COVERAGE:.0f} %, {BETTER_THAN_BOTH}: {"yes" if good else "no"}.']


def schedule(results):
    if not results['schedule']:
        return []
    r = results['schedule'][0]
    lines = head('', 'requests per job', 'at 15 s', 'share', 'mean delay, s', 'at 15 s', 'share', 'to reach')
    for table in r['tables']:
        aim = ADAPTIVE.get(table['name'])
        for law in (table['laws'] if aim else []) + [table['all']]:
            requests, delay = law['requests'] / law['fixed_requests'], law['delay'] / law['fixed_delay']
            whole = law is table['all']
            text = ('**' + table['name'] + '**' if aim else 'beside them: ' + table['name']) if whole else table['name'] + ', ' + law['law']
            reached_both = f'{aim[0]:.2f}, {aim[1]:.2f}: {"yes" if requests <= aim[0] and delay <= aim[1] else "no"}' if aim and whole else ''
            lines.append(row(text, f'{law["requests"]:.1f}', f'{law["fixed_requests"]:.1f}', f'{requests:.2f}', f'{law["delay"]:.1f}',
                             f'{law["fixed_delay"]:.1f}', f'{delay:.2f}', reached_both))
    return lines + ['', f'{r["jobs"]:,} jobs of each law.']


def fanout(results):
    lines = []
    for (mode, n), runs in grouped(results['fanout'], lambda r: (r['mode'], r['n'])).items():
        by_name = grouped(runs, lambda r: r['name'])
        beast = by_name.get('Beast, chat-multi', [])
        lines += ['', f'{n} clients, {mode}:', '']
        paced = mode == 'paced'
        lines += head('server', 'CPU µs per delivered message', 'times Beast',
                      *(['p50 ms', 'p99 ms'] if paced else ['deliveries/s', 'frames per read']), 'KB per connection')
        for name, rs in by_name.items():
            memory = [(r['rss_peak_kb'] - r['rss_empty_kb']) / r['n'] for r in rs]
            if paced:
                extra = [f'{median(r["p50_us"] for r in rs) / 1e3:.2f}', f'{median(r["p99_us"] for r in rs) / 1e3:.1f}']
            else:
                extra = [f'{median(r["deliv_per_s"] for r in rs):,.0f}',
                         f'{median(r["frames_per_read"] for r in rs):.1f}']
            lines.append(row(bold(name),
                             spread([r['srv_cpu_us_per_deliv'] for r in rs], 3),
                             ratio(rs, beast, 'srv_cpu_us_per_deliv'), *extra, f'{median(memory):.1f}'))
    if results['fanout']:
        delivered = sum(r['delivered'] for r in results['fanout'])
        compared = sum(r['compared'] for r in results['fanout'])
        lines += ['', f'{len(results["fanout"])} runs: {delivered:,} messages delivered, '
                      f'{sum(r["lost"] for r in results["fanout"])} lost; {compared:,} compared byte for byte, '
                      f'{sum(r["bad"] for r in results["fanout"])} wrong.']
    return lines


def poll(results):
    lines = []
    for at_once, runs in grouped(results['poll'], lambda r: r['at_once']).items():
        by_name = grouped(runs, lambda r: r['name'])
        beast = by_name.get('Beast coroutines', [])
        lines += ['', f'{at_once} polls in flight:', '']
        lines += head('poller', 'CPU µs per poll', 'times Beast', 'polls/s', 'peak memory, MB')
        for name, rs in by_name.items():
            lines.append(row(bold(name),
                             spread([r['cpu_us'] for r in rs], 1), ratio(rs, beast, 'cpu_us'),
                             f'{median(r["polls_s"] for r in rs):,.0f}',
                             f'{median(r["rss_kb"] for r in rs) / 1024:.1f}'))
    return lines


def machine(results):
    m = results['machine']
    packages = ', '.join(f'{p} {v}' for p, v in m['packages'].items())
    return ['| | |', '| --- | --- |', row('system', m['system']), row('compiler', m['compiler']), row('packages', packages)]


def measured(results, group):
    m = results['measured'].get(group)
    if not m:
        return []
    # The processor is said here, for the groups of a page may be measured on different machines.
    return ['', f'Measured {m["date"]} at commit {m["commit"]} on {results["machine"]["cpu"]}; the load when it began and ended, the higher: '
                f'{m["load"]:.1f}.']


GROUPS = {
    'primitives': lambda results: operations(results, 'primitives'),
    'progress': progress,
    'answers': lambda results: operations(results, 'answers'),
    'chunks': chunks,
    'jobs': jobs,
    'watch': watch,
    'sampler': sampler,
    'estimates': estimates,
    'schedule': schedule,
    'fanout': fanout,
    'poll': poll,
}


def tables(results):
    made = {'machine': machine(results)}
    for name, make in GROUPS.items():
        made[name] = make(results) + measured(results, name)
    return {name: '\n'.join(lines).strip('\n') for name, lines in made.items()}


def replace(page, made):
    """Puts each text between the markers of its name."""
    with open(page, encoding='utf-8') as f:
        text = f.read()
    for name, table in made.items():
        text, count = re.subn(rf'(<!-- results: {name} -->\n).*?(<!-- end -->)', lambda m: m[1] + '\n' + table + '\n\n' + m[2],
                              text, flags=re.S)
        if count != 1:
            sys.exit(f'{page}: {count} places for the results of {name}')
    with open(page, 'w', encoding='utf-8') as f:
        f.write(text)
    print(f'written: {page}')


def write(results, page):
    # What was not measured stays as the page has it.
    replace(page, {name: table for name, table in tables(results).items() if name == 'machine' or results[name]})


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    with open(sys.argv[1], encoding='utf-8') as f:
        results = json.load(f)
    if len(sys.argv) == 3:
        write(results, sys.argv[2])
    else:
        for name, table in tables(results).items():
            print(f'\n{name}\n\n{table}')


if __name__ == '__main__':
    main()
