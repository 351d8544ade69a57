# SPDX-License-Identifier: Apache-2.0
"""Transactions that commit in another order than they began: none missed, none twice, no delay."""
import random
import threading
import time

from flow import SEED, Session, addresses, check, run, same, wait


def messages_of(place, first, last):
    return place.database.number(
        "select count(*) from godwit.messages where substr(split_part(address, '@', 1), 2)::int "
        "between %d and %d" % (first, last))


def open_transactions(place):
    """One that inserted an event and stays open, one that writes elsewhere in this database, one
    in another database: the events of others are decided within a second of their commit."""
    sink = place.sink()
    place.ready(sink.port)
    n = 120
    place.customers(n + 1)
    other = place.server.database()
    place.keep(other)
    holders = [place.session(), place.session(), place.session(other.url)]
    place.database.sql("create table public.notes (t text)")
    other.sql("create table notes (t text)")
    holders[0].sql("begin")
    holders[0].sql("insert into godwit.events (customer, name) values ('c%d', 'order.placed')" % (n + 1))
    for h in holders[1:]:
        h.sql("begin")
        h.sql("insert into notes values ('x')")
        h.sql("select pg_current_xact_id()")
    place.engine().says("shards acquired")
    slowest = 0
    for i in range(1, n + 1, 10):
        place.orders(10, i)
        began = time.monotonic()
        wait(lambda: messages_of(place, i, i + 9) == 10, "events behind an open transaction are decided")
        slowest = max(slowest, time.monotonic() - began)
    print("    slowest decision beside open transactions: %.0f ms" % (slowest * 1000))
    check(slowest < 1, "an event waited %.2f s for a decision" % slowest)
    same(messages_of(place, n + 1, n + 1), 0, "decisions on an event that is not committed")
    holders[0].sql("commit")
    began = time.monotonic()
    wait(lambda: messages_of(place, n + 1, n + 1) == 1, "the event of the long transaction is decided")
    check(time.monotonic() - began < 1, "the long transaction's event waited")
    for h in holders[1:]:
        h.sql("rollback")
    wait(lambda: place.settled(n + 1), "all sent")
    place.exact(sink.received(), addresses(n + 1))


def writer(place, number, transactions, rng, committed, broken):
    session = Session(place.database.url)
    try:
        for t in range(transactions):
            keys = ["c%d" % (1000000 + number * 10000 + t * 10 + i) for i in range(rng.randrange(1, 4))]
            session.sql("begin")
            for key in keys:
                session.sql("select godwit.identify('%s', '{}', '%s@example.net')" % (key, key))
                time.sleep(rng.random() * 0.01)
                session.sql("insert into godwit.events (customer, name) values ('%s', 'order.placed')" % key)
                if rng.random() < 0.1:
                    time.sleep(rng.random() * 0.2)
            keep = rng.random() > 0.1
            session.sql("commit" if keep else "rollback")
            if keep:
                committed.extend(k + "@example.net" for k in keys)
    except Exception as e: # shown by the test itself
        broken.append(repr(e))
    finally:
        session.close()


def concurrent_writers(place):
    sink = place.sink()
    place.ready(sink.port)
    place.engine().says("shards acquired")
    committed, broken = [], []
    threads = [threading.Thread(target=writer, args=(place, i, 12, random.Random(SEED + i), committed,
                                                     broken)) for i in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    same(broken, [], "writers")
    wait(lambda: place.settled(len(committed)), "all %d decided and sent" % len(committed))
    time.sleep(0.3) # what would come twice would come now
    same(place.database.number("select count(*) from godwit.messages"), len(committed), "messages")
    same(place.database.number("select count(distinct event_id) from godwit.messages"), len(committed),
         "events decided")
    place.exact(sink.received(), committed)
    print("    %d events of %d writers" % (len(committed), len(threads)))


if __name__ == "__main__":
    run(open_transactions, concurrent_writers)
