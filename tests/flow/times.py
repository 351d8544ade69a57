# SPDX-License-Identifier: Apache-2.0
"""Stale events, imported history, and withdrawals of consent while messages go out."""
import time

from flow import addresses, check, run, same, wait


def stale_events(place):
    sink = place.sink()
    place.ready(sink.port, more='audience: count("order.placed", "all") >= 2\n')
    place.customers(6)
    insert = ("insert into godwit.events (customer, name, occurred_at, mode) values "
              "('%s', 'order.placed', now() - interval '%s', %d)")
    for customer, events in {
            "c1": [("20 days", 0), ("8 days", 0)],              # both too old: nothing
            "c2": [("20 days", 2), ("8 days", 2)],              # imported with --trigger: a message
            "c3": [("20 days", 1), ("8 days", 1)],              # history starts nothing
            "c4": [("20 days", 1), ("1 hour", 0)],              # but is looked back on
            "c5": [("20 days", 0), ("6 days", 0)],              # stale ones too
            "c6": [("1 hour", 0)]}.items():                     # one order only
        for age, mode in events:
            place.database.sql(insert % (customer, age, mode))
    place.drain()
    place.exact(sink.received(), ["c%d@example.net" % i for i in (2, 4, 5)])
    same(place.database.sql("select customer, count(*) from godwit.report_decisions where outcome = "
                            "'stale' group by 1 order by 1"), [["c1", "1"]], "stale")
    same(place.database.number("select sum(entered) from godwit.report_accounting"), 3,
         "what is stale has not entered")


def unsubscribed_meanwhile(place):
    """Of every second customer consent is withdrawn, or the address suppressed, while messages go
    out: none is marked as sending after that was committed."""
    peer = place.peer("dot=sleep 0.01;ok")
    place.ready(peer.port, 2)
    n = 300
    place.customers(n)
    place.orders(n)
    place.database.sql("create table public.withdrawn (customer text, at timestamptz)")
    place.engine()
    wait(lambda: len(peer.records()) > 10, "it is at work")
    for i in range(n, 0, -2):
        place.database.sql("select godwit.set_consent('c%d', 'email', 'offers', 'unsubscribed', 'test')"
                           % i if i % 4 else
                           "insert into godwit.suppressions (channel, address_hash, reason) values "
                           "('email', godwit.address_hash('c%d@example.net'), 'complaint')" % i)
        # after the commit of the above, so `at` is a little later than it
        place.database.sql("insert into public.withdrawn values ('c%d', clock_timestamp())" % i)
    wait(lambda: place.settled(n), "all settled")
    same(place.database.sql(
        "select c.key, m.sending_at, w.at from godwit.messages m "
        "join godwit.customers c on c.shard = m.shard and c.id = m.customer_id "
        "join public.withdrawn w on w.customer = c.key where m.sending_at > w.at"), [],
        "marked after the withdrawal")
    statuses = place.statuses()
    check(statuses.get("cancelled", 0) > n // 8, "too few were cancelled for a test: %r" % statuses)
    same({r for (r,) in place.database.sql("select distinct reason from godwit.messages where status = "
                                           "'cancelled'")},
         {"unsubscribed from offers", "suppressed: complaint"}, "reasons")
    cancelled = {a for (a,) in place.database.sql("select address from godwit.messages where status = "
                                                  "'cancelled'")}
    place.exact(peer.received(), [a for a in addresses(n) if a not in cancelled])
    print("    %d of %d were cancelled" % (len(cancelled), n // 2))


def consent_under_the_mark(place):
    """A withdrawal that is being committed holds its message back until it is decided."""
    peer = place.peer()
    place.ready(peer.port, 2)
    place.customers(2)
    holder = place.session()
    holder.sql("begin")
    holder.sql("select godwit.set_consent('c1', '*', '*', 'unsubscribed', 'test')")
    place.orders(2)
    place.engine()
    wait(lambda: place.statuses() == {"sent": 1, "queued": 1}, "the other one is sent")
    time.sleep(0.7)
    same(place.statuses(), {"sent": 1, "queued": 1}, "while it is open")
    holder.sql("commit")
    wait(lambda: place.statuses() == {"sent": 1, "cancelled": 1}, "cancelled after the commit")
    place.exact(peer.received(), addresses(1, 2))


if __name__ == "__main__":
    run(stale_events, unsubscribed_meanwhile, consent_under_the_mark)
