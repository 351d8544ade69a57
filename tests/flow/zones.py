# SPDX-License-Identifier: Apache-2.0
"""Zone conversion agrees with PostgreSQL's: 400 zones, random instants, both ways."""
import os
import random
import subprocess

from flow import SEED, TOP, check, run

ZONES = 400
INSTANTS = 60  # a zone and direction
PROGRAM = os.path.join(TOP, "tests", "zone_table")


def ask(lines):
    r = subprocess.run([PROGRAM], input="\n".join(lines) + "\n", stdout=subprocess.PIPE, text=True,
                       timeout=60, check=True)
    return r.stdout.split("\n")[:-1]


def agreement(place):
    chance = random.Random(SEED)
    names = [n for (n,) in place.database.sql(
        "select name from pg_timezone_names where name like '%/%' and name not like 'posix/%' "
        "and name not like 'right/%' order by 1")]
    check(len(names) >= ZONES, "only %d zones" % len(names))
    names = ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Australia/Lord_Howe", "America/New_York",
             "Asia/Taipei"] + chance.sample(names, ZONES)
    pairs = [(name, chance.randrange(0, 2145916800)) for name in names for _ in range(INSTANTS)]
    values = ",".join("('%s',%d)" % p for p in pairs)
    # a local time in a gap or an overlap is read by PostgreSQL as standard time; those are left
    # out here, and are in tests/base/zones.py
    rows = place.database.sql(
        "select extract(epoch from (to_timestamp(t) at time zone z) at time zone 'UTC')::bigint - t, "
        "extract(epoch from (to_timestamp(t) at time zone 'UTC') at time zone z)::bigint, "
        "((to_timestamp(t) at time zone 'UTC') at time zone z) at time zone z "
        "= to_timestamp(t) at time zone 'UTC' and "
        "(to_timestamp(t + 86400) at time zone 'UTC') at time zone z - "
        "((to_timestamp(t - 86400) at time zone 'UTC') at time zone z) = interval '2 days' "
        "from (values %s) as v (z, t)" % values)
    utc = ask("%s utc %d" % p for p in pairs)
    local = ask("%s local %d" % p for p in pairs)
    compared = 0
    for (name, t), (offset, instant, plain), got_utc, got_local in zip(pairs, rows, utc, local):
        check(got_utc.split()[0] == offset, "seed %d: %s at %d: offset %s, PostgreSQL says %s"
              % (SEED, name, t, got_utc, offset))
        if plain == "t":
            compared += 1
            check(got_local == instant, "seed %d: local %d in %s: %s, PostgreSQL says %s"
                  % (SEED, t, name, got_local, instant))
    check(compared > len(pairs) * 0.9, "only %d of %d compared" % (compared, len(pairs)))


if __name__ == "__main__":
    run(agreement)
