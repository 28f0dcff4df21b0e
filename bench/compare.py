#!/usr/bin/env python3
"""Runs the quick benchmark with each kind of transport in turns, so that a busy machine is busy for all of them.

compare.py ROUNDS BENCH ARGUMENT...    prints a line for each run, then medians and their ratio
"""
import json
import os
import statistics
import subprocess
import sys

KINDS = ('own', 'curl')
COLUMNS = (
    ('delivered/s', lambda run: run['loads'][0]['delivered_per_s']),
    ('delivered/floor', lambda run: run['loads'][0]['delivered_per_floor']),
    ('CPU us/event', lambda run: run['loads'][0]['cpu_us']),
    ('of it out-loop', lambda run: run['loads'][0]['cpu_us_by_thread']['out-loop']),
    ('p99 ms paced', lambda run: run['loads'][1]['receipt_p99_ms']),
    ('peak MiB', lambda run: run['loads'][1]['peak_kib'] / 1024),
    ('others, cores', lambda run: run['others']),
)


def line(name, values):
    print(f'{name:<14}' + ''.join(f'{value:>16.3f}' for value in values), flush=True)


def main(arguments):
    rounds, command = int(arguments[0]), arguments[1:] + ['--quick', '--json']
    runs = {kind: [] for kind in KINDS}
    print(f'{"":<14}' + ''.join(f'{name:>16}' for name, _ in COLUMNS))
    for _ in range(rounds):
        for kind in KINDS:
            environment = dict(os.environ, VAULTBELL_DELIVERY_TRANSPORT=kind)
            result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
            if result.returncode not in (0, 1):
                return 2
            runs[kind].append([value(json.loads(result.stdout)) for _, value in COLUMNS])
            line(kind, runs[kind][-1])
    medians = {kind: [statistics.median(column) for column in zip(*runs[kind])] for kind in KINDS}
    for kind in KINDS:
        line(f'{kind}, median', medians[kind])
    line('own : curl', [own / curl if curl > 0 else 0 for own, curl in zip(medians['own'], medians['curl'])])
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
