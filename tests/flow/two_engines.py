# SPDX-License-Identifier: Apache-2.0
"""Two engines on one database share the work, take over from each other, and are fenced."""
import signal
import time

from flow import addresses, check, run, same, wait

LEASE = {"GODWIT_LEASE_MS": "3000"}


def shared_between(place, n):
    """Both engines own about half of the shards."""
    def halves():
        owners = place.database.sql("select owner, count(*) from godwit.shards where owner is not "
                                    "null group by 1")
        return len(owners) == n and all(int(c) >= 64 // n - 1 for _, c in owners)
    wait(halves, "the shards are shared by %d engines" % n)


def takeover(place):
    peer = place.peer("dot=sleep 0.02;ok")
    place.ready(peer.port, 3, "in_doubt: hold")
    n = 300
    place.customers(n)
    first, second = place.engine(env=LEASE), place.engine(env=LEASE)
    shared_between(place, 2)
    place.orders(n)
    wait(lambda: len(peer.records()) > n // 4, "both are at work")
    first.kill()
    began = time.monotonic()
    wait(lambda: place.settled(n), "the other one does the rest")
    print("    taken over and done after %.1f s" % (time.monotonic() - began))
    check(second.runs(), "the second engine ended")
    place.exact(peer.received(), addresses(n), held=3)
    same(second.signal(signal.SIGTERM) or second.ended(10), 0, "SIGTERM")


def paused_past_its_lease(place):
    """Stopped with messages in flight; the other takes over; what the first then says is stale."""
    peer = place.peer("dot:c7@*#1=sleep 1;ok")
    place.ready(peer.port, 2, "in_doubt: hold")
    n = 60
    place.customers(2 * n)
    first = place.engine(env=LEASE)
    first.says("shards acquired")
    place.orders(n)
    wait(lambda: len(peer.records()) > 5, "the first is at work")
    first.signal(signal.SIGSTOP)
    second = place.engine(env=LEASE)
    wait(lambda: place.database.number("select count(distinct owner) from godwit.shards") == 1 and
         place.database.number("select min(fence) from godwit.shards") > 1, "the second owns all")
    wait(lambda: place.settled(n), "the second does the rest")
    in_doubt = place.statuses().get("in_doubt", 0)
    first.signal(signal.SIGCONT)
    first.says("taken? over|took this one for dead")
    place.orders(n, n + 1)
    wait(lambda: place.settled(2 * n), "both go on")
    same(place.statuses().get("in_doubt", 0), in_doubt, "in doubt: what is stale changes nothing")
    place.exact(peer.received(), addresses(2 * n), held=2)
    check(first.runs() and second.runs(), "an engine ended")


def stopped_under_load(place):
    """SIGTERM: out within 10 s, in flight finished or given back, nothing in doubt."""
    peer = place.peer("dot=sleep 0.01;ok")
    place.ready(peer.port, 4, "in_doubt: hold")
    n = 300
    place.customers(n)
    place.orders(n)
    for at in 40, 150:
        e = place.engine()
        wait(lambda: len(peer.records()) > at, "it is at work")
        began = time.monotonic()
        e.signal(signal.SIGTERM)
        same(e.ended(), 0, "exit status")
        check(time.monotonic() - began < 10, "it took %.1f s to stop" % (time.monotonic() - began))
        same(place.statuses().get("sending", 0), 0, "sending")
        same(place.database.number("select count(*) from godwit.engines"), 0, "engines")
    place.drain()
    same(place.statuses(), {"sent": n}, "statuses")
    place.exact(peer.received(), addresses(n))


def acquired_while_reading(place):
    """Shards that are acquired while others are being read, from the very place at which they stand:
    what comes meanwhile is theirs as well."""
    n = 200
    peer = place.peer()
    place.ready(peer.port)
    place.customers(n)
    held, writer = place.session(), place.session()
    held.sql("select count(pg_advisory_lock(7303, s)) from generate_series(0, 31) s")
    writer.sql("begin")
    writer.sql("lock table godwit.events in access exclusive mode")
    e = place.engine(env={"GODWIT_LEASE_MS": "1400"})
    e.says('shards acquired" count=32 owned=32')
    wait(lambda: place.database.number("select count(*) from pg_stat_activity where wait_event_type = 'Lock' "
                                       "and query like '%The next batch of a round%'"), "a read waits")
    held.sql("select pg_advisory_unlock_all()")
    e.says("owned=64")
    writer.sql("insert into godwit.events (customer, name) select 'c' || i, 'order.placed' "
               "from generate_series(1, %d) i" % n)
    writer.sql("commit")
    wait(lambda: place.settled(n), "all messages")
    place.exact(peer.received(), addresses(n))


if __name__ == "__main__":
    run(takeover, paused_past_its_lease, stopped_under_load, acquired_while_reading)
