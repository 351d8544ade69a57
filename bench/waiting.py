# SPDX-License-Identifier: Apache-2.0
"""bench/waiting.sh: measures, and fails when what it costs depends on how many wait."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "flow"))
from flow import GODWIT, check, run, same, wait  # noqa: E402

FEW, MANY = 1000, 1000000
ROUNDS = 5
LOOKS_S = 10
JOURNEY = """campaign: welcome
trigger: { event: signup }
steps:
  - send: { channel: email, topic: offers, template: thanks }
  - wait: 30d
  - send: { channel: email, topic: offers, template: thanks, id: second }
"""


def enrol(place, n):
    place.ready(place.peer().port)
    place.write("campaigns/welcome.yaml", JOURNEY)
    place.drain()
    version = place.database.one("select version from godwit.campaign_versions where campaign = 'welcome'")
    place.database.sql(
        "insert into godwit.customers (shard, key, email) select godwit.shard_of('c' || i), 'c' || i, "
        "'c' || i || '@example.net' from generate_series(1, %d) i" % n)
    place.database.sql(
        "insert into godwit.enrolments (shard, customer_id, campaign, version, occurrence, entered_at, step, "
        "waiting, wake_at) select c.shard, c.id, 'welcome', '%s', 'e' || c.id, now(), 'wait-1', true, "
        "now() + interval '20 days' + c.id * interval '1 second' from godwit.customers c" % version)
    place.database.sql("vacuum analyze godwit.enrolments")
    place.database.sql("vacuum analyze godwit.customers")


def start(place):
    """Seconds and peak memory (KiB) of a start that finds nothing to do."""
    report = os.path.join(place.folder, "time")
    began = time.monotonic()
    r = subprocess.run(["/usr/bin/time", "-f", "%M", "-o", report, GODWIT, "run", "--drain", "-C",
                        place.workspace], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    same(r.returncode, 0, "run --drain: " + r.stderr[-2000:])
    with open(report) as f:
        return time.monotonic() - began, int(f.read().split()[-1])


def looks(place):
    """Pages of enrolments and its indexes that an engine touches in some seconds of waiting."""
    touched = ("select sum(heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read) "
               "from pg_statio_user_tables where relname = 'enrolments'")
    e = place.engine()
    e.says("shards acquired")
    time.sleep(2)
    before = place.database.number(touched)
    time.sleep(LOOKS_S) # this is what is measured: an engine that waits
    e.signal(15)
    same(e.ended(), 0, "the engine's end")
    place.database.sql("select pg_stat_force_next_flush()")
    return (place.database.number(touched) - before) / LOOKS_S


def waiting(place):
    many = type(place)(place.server, os.path.join(place.folder, "many"), "many")
    places = {FEW: place, MANY: many}
    for n, where in places.items():
        enrol(where, n)
    taken = {n: [] for n in places}
    for _ in range(ROUNDS):
        for n, where in places.items():
            taken[n].append(start(where))
    seconds = {n: sorted(t for t, _ in taken[n])[ROUNDS // 2] for n in places}
    memory = {n: max(m for _, m in taken[n]) for n in places}
    pages = {n: looks(where) for n, where in places.items()}
    for n in places:
        print("  %9d wait: start and drain %.3f s, peak %.1f MiB, %.1f pages a second while it waits"
              % (n, seconds[n], memory[n] / 1024, pages[n]))
    many.close()
    check(seconds[MANY] <= 1.5 * seconds[FEW] + 0.1, "start-up depends on how many wait")
    check(memory[MANY] <= 1.2 * memory[FEW], "memory depends on how many wait")
    check(pages[MANY] <= 3 * pages[FEW] + 50, "a look depends on how many wait")


if __name__ == "__main__":
    run(waiting)
