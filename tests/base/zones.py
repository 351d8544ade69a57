#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares base/zone.c with Python's zoneinfo: all zones of the system, just before and
after each change, in gaps and overlaps, and at random instants up to the year 2200."""
import datetime
import os
import pathlib
import random
import struct
import subprocess
import sys
import zoneinfo

SEED = int(os.environ.get("SEED", "20261121"))
EPOCH = datetime.datetime(1970, 1, 1)
UTC = datetime.timezone.utc


def transitions(data):
    """The instants at which a TZif file changes its offset."""
    def counts(at):
        return struct.unpack(">6l", data[at + 20:at + 44])
    isut, isstd, leap, times, types, chars = counts(0)
    if data[4:5] < b"2":
        return struct.unpack(f">{times}l", data[44:44 + 4 * times])
    at = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isut
    times = counts(at)[3]
    return struct.unpack(f">{times}q", data[at + 44:at + 44 + 8 * times])


def later_changes(zone):
    """Changes that only the footer knows: two in each of some later years."""
    found = []
    for year in (2038, 2044, 2100, 2199):
        low = int((datetime.datetime(year, 1, 1) - EPOCH).total_seconds())
        step = 86400 * 30
        for t in range(low, low + 366 * 86400, step):
            a, b = t, t + step
            if offset(zone, a) == offset(zone, b):
                continue
            while b - a > 1:
                middle = (a + b) // 2
                a, b = (middle, b) if offset(zone, middle) == offset(zone, a) else (a, middle)
            found.append(b)
    return found


def at(zone, t):
    return (EPOCH + datetime.timedelta(seconds=t)).replace(tzinfo=UTC).astimezone(zone)


def offset(zone, t):
    return int(at(zone, t).utcoffset().total_seconds())


def instants(zone, data, rng):
    low, high = -5_000_000_000, 7_258_000_000  # 1811 to 2199
    changes = [t for t in transitions(data) if low < t < high] + later_changes(zone)
    utc = {rng.randrange(low, high) for _ in range(30)}
    local = {rng.randrange(low, high) for _ in range(30)}
    for t in changes:
        utc.update((t - 1, t, t + 1))
        before, after = offset(zone, t - 1), offset(zone, t)
        local.update(t + d + e for d in (before, after) for e in (-1, 0, 1))
        local.add(t + (before + after) // 2)
    return sorted(utc), sorted(local)


def main():
    rng = random.Random(SEED)
    seen, asked, wanted = set(), [], []
    for name in sorted(zoneinfo.available_timezones()):
        path = next((p for p in (pathlib.Path(d, name) for d in zoneinfo.TZPATH) if p.is_file()), None)
        if path is None or path.read_bytes() in seen:
            continue
        data = path.read_bytes()
        seen.add(data)
        zone = zoneinfo.ZoneInfo(name)
        utc, local = instants(zone, data, rng)
        for t in utc:
            there = at(zone, t)
            asked.append(f"{name} utc {t}")
            wanted.append(f"{int(there.utcoffset().total_seconds())} {there.tzname()}")
        for t in local:
            there = (EPOCH + datetime.timedelta(seconds=t)).replace(tzinfo=zone)
            asked.append(f"{name} local {t}")
            wanted.append(str(int(there.timestamp())))
    if not seen:
        print("no time zones on this machine (package tzdata)")
        return 77
    program = os.path.join(os.environ.get("top_builddir", "."), "tests", "zone_table")
    got = subprocess.run([program], input="\n".join(asked) + "\n", text=True, check=True,
                         stdout=subprocess.PIPE).stdout.splitlines()
    wrong = [(q, w, g) for q, w, g in zip(asked, wanted, got) if w != g]
    for question, want, have in wrong[:20]:
        print(f"{question}: zoneinfo says {want}, we {have}")
    print(f"{len(seen)} zones, {len(asked)} questions, {len(wrong)} differences (SEED={SEED})")
    return 1 if wrong or len(got) != len(asked) else 0


sys.exit(main())
