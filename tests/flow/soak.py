# SPDX-License-Identifier: Apache-2.0
"""Random kills: one or two engines, PostgreSQL and its connections die at random while writers
write. `make soak SOAK=cycles` (100); the seed is printed, GODWIT_FLOW_SEED repeats it."""
import random
import signal
import sys
import time

from flow import Failed, Session, addresses, check, run, same, wait

CYCLES = int(sys.argv.pop(1)) if len(sys.argv) > 1 and sys.argv[1].isdigit() else 100
CONNECTIONS = 4
A_CYCLE = 40 # events


def insert(place, first, n):
    """In some transactions, some of which overlap; tried again when the server went away."""
    lines = []
    try:
        a, b = Session(place.database.url), Session(place.database.url)
        lines = [a, b]
        half = first + n // 2
        for line, low, high in (a, first, half - 1), (b, half, first + n - 1):
            line.sql("begin")
            line.sql("select count(godwit.identify('c' || i, '{}', 'c' || i || '@example.net')) "
                     "from generate_series(%d, %d) i" % (low, high))
            line.sql("insert into godwit.events (customer, name, dedupe) select 'c' || i, 'order.placed', "
                     "'once' from generate_series(%d, %d) i" % (low, high))
        b.sql("commit")
        a.sql("commit")
        return True
    except (Failed, BrokenPipeError):
        return False # dedupe makes repeating it harmless
    finally:
        for line in lines:
            line.close()


def harm(place, rng, engines):
    kind = rng.choice(["kill", "kill", "term", "pause", "backend", "postgres"])
    e = rng.choice(engines)
    if kind == "kill":
        e.kill()
    elif kind == "term":
        e.signal(signal.SIGTERM)
        same(e.ended(), 0, "SIGTERM")
    elif kind == "pause":
        e.signal(signal.SIGSTOP)
        time.sleep(rng.random() * 5)
        e.signal(signal.SIGCONT)
    elif kind == "backend":
        place.database.close()
        place.database.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = "
                           "current_database() and pid <> pg_backend_pid() and random() < 0.5")
    else:
        place.database.close()
        place.server.call("restart")
    return kind


def random_kills(place):
    rng = random.Random(random.random())
    peer = place.peer("dot=sleep 0.02;ok")
    place.ready(peer.port, CONNECTIONS, "in_doubt: resend")
    start = lambda: place.engine(env={"GODWIT_LEASE_MS": "3000"})
    engines, kinds, n = [start(), start()], {}, 0
    for _ in range(CYCLES):
        wait(lambda: insert(place, n + 1, A_CYCLE), "the events can be written")
        n += A_CYCLE
        time.sleep(rng.random() * 0.15)
        kind = harm(place, rng, engines)
        kinds[kind] = kinds.get(kind, 0) + 1
        engines = [e if e.runs() else start() for e in engines]

    def done():
        try:
            place.database.sql("update godwit.messages set due_at = now() where due_at > now()")
            return place.settled(n)
        except Failed:
            place.database.close()
            return False
    wait(done, "all are settled", step=0.3)
    print("    %d events; %s" % (n, ", ".join("%s %d" % k for k in sorted(kinds.items()))))
    _, twice = place.exact(peer.received(), addresses(n), copies=CYCLES * 2 * CONNECTIONS)
    print("    %d in doubt, %d copies" % (place.database.number(
        "select count(*) from godwit.messages where doubted_at is not null"), len(twice)))


random_kills.limit = 60 + CYCLES * 15

if __name__ == "__main__":
    run(random_kills, needs=())
