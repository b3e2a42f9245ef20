#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
# Copyright (c) 2026 the telltale authors
"""Makes tables of what run.py measured.

    report.py RESULTS.json [PAGE.md]

Without a page the tables are printed. In the page everything between `<!-- results: NAME -->` and `<!-- end -->` is
replaced; names are machine, primitives, fanout and poll.
"""
import json
import re
import statistics
import sys

median = statistics.median

# What is to be reached, in CPU ns per operation: by operation and who.
TO_REACH = {
    ('emit, nobody listens', 'telltale'): 2,
    ('try_acquire and release', 'telltale'): 10,
    ('co_await acquire and release, coroutines: 1', 'telltale'): 60,
    ('contend, each yields, coroutines: 8', 'telltale'): 250,
    ('ping-pong, round trip, threads: 1', 'telltale queue'): 400,
    ('ping-pong, round trip, threads: 2', 'telltale queue'): 900,
    ('delivery, in batches of 64, to 100', 'telltale'): 40,
    ('delivery, in batches of 64, to 100', 'telltale, waiting coroutines'): 40,
    ('delivery, one by one, to 100', 'telltale'): 120,
}


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


def primitives(results):
    lines = head('operation', 'who', 'CPU ns, median', 'min', 'max', 'to reach')
    lines[1] = '| --- | --- |' + ' ---: |' * 4
    last = None
    for (what, who), runs in sorted_groups(results['primitives']):
        values = [r['ns'] for r in runs]
        ours = who.startswith('telltale')
        aim = TO_REACH.get((what, who))
        reached = aim and ('yes' if median(values) <= aim else 'no')
        lines.append(row(what if what != last else '', f'**{who}**' if ours else who, ns(median(values)),
                         ns(min(values)), ns(max(values)), f'{aim}: {reached}' if aim else ''))
        last = what
    return lines


def sorted_groups(rows):
    """By operation (numbers by size); ours, then the peers, then the floor."""
    groups = grouped(rows, lambda r: (r['what'], r['who']))

    def place(group):
        (what, who), _ = group
        numbers = [int(n) for n in re.findall(r'\d+', what)]
        return re.sub(r'\d+', '', what), numbers, not who.startswith('telltale'), who.startswith('floor'), who.lower()

    return sorted(groups.items(), key=place)


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
            lines.append(row(f'**{name}**' if name == 'telltale' else name,
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
            lines.append(row(f'**{name}**' if name.startswith('telltale') else name,
                             spread([r['cpu_us'] for r in rs], 1), ratio(rs, beast, 'cpu_us'),
                             f'{median(r["polls_s"] for r in rs):,.0f}',
                             f'{median(r["rss_kb"] for r in rs) / 1024:.1f}'))
    return lines


def machine(results):
    m = results['machine']
    packages = ', '.join(f'{p} {v}' for p, v in m['packages'].items())
    return ['| | |', '| --- | --- |', row('measured', m['date']), row('commit', m['commit']),
                               row('processor', m['cpu']), row('system', m['system']), row('compiler', m['compiler']),
                               row('packages', packages),
                               row('load when it began and ended, the higher', f'{m["load"]:.1f}')]


def tables(results):
    made = {'machine': machine, 'primitives': primitives, 'fanout': fanout, 'poll': poll}
    return {name: '\n'.join(make(results)).strip('\n') for name, make in made.items()}


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
