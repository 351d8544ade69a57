# SPDX-License-Identifier: Apache-2.0
"""How fast: rates of a channel, a campaign and a domain, warm-up, backing off from a domain."""
import collections
import time

from flow import addresses, check, run, same, wait


def write_to(place, *counts):
    """Customers of domains, and an order of each: write_to(place, ("gmail.com", 100), ...)"""
    everyone = []
    for domain, n in counts:
        place.database.sql("select count(godwit.identify('%s' || i, '{}', 'c' || i || '@%s')) "
                           "from generate_series(1, %d) i" % (domain, domain, n))
        place.database.sql("insert into godwit.events (customer, name) select '%s' || i, "
                           "'order.placed' from generate_series(1, %d) i" % (domain, n))
        everyone += ["c%d@%s" % (i, domain) for i in range(1, n + 1)]
    return everyone


def seconds(records):
    return collections.Counter(int(r["time"]) for r in records)


def span(records):
    return records[-1]["time"] - records[0]["time"]


def channel_rate(place):
    peer = place.peer()
    place.ready(peer.port, 8, "rate: 40/s")
    place.customers(120)
    place.orders(120)
    place.drain()
    records = peer.records()
    place.exact(peer.received(), addresses(120))
    took = span(records)
    check(2 < took < 10, "120 messages at 40/s took %.1f s" % took)
    most = max(seconds(records).values())
    check(most <= 40 + 14, "%d in one second" % most)
    print("    120 messages at 40/s: %.1f s, at most %d in one second" % (took, most))


def campaign_rate(place):
    peer = place.peer()
    place.ready(peer.port, 8, more="limits: { rate: 10/s }\n")
    place.campaign("quick")
    place.customers(40)
    place.orders(40)
    place.drain()
    texts = place.database.sql("select campaign, extract(epoch from max(sent_at) - min(sent_at)) "
                               "from godwit.messages group by 1 order by 1")
    took = {campaign: float(s) for campaign, s in texts}
    same(len(peer.records()), 80, "messages")
    check(took["thanks"] > 3 and took["quick"] < took["thanks"] / 2, "took: %r" % took)


def domain_rate(place):
    peer = place.peer()
    place.ready(peer.port, 8, "domains: { gmail.com: 20/s }")
    everyone = write_to(place, ("gmail.com", 60), ("example.net", 400))
    place.drain()
    place.exact(peer.received(), everyone)
    slow = [r for r in peer.records() if r["to"][0].endswith("gmail.com")]
    others = [r for r in peer.records() if not r["to"][0].endswith("gmail.com")]
    check(2 < span(slow) < 10, "60 to gmail.com at 20/s took %.1f s" % span(slow))
    check(max(seconds(slow).values()) <= 20 + 10, "in one second: %r" % seconds(slow))
    # although all of the slow ones were queued before them
    check(others[-1]["time"] < slow[-1]["time"] - 0.5, "the others waited for gmail.com")
    print("    60 at 20/s: %.1f s; 400 others beside them: %.1f s" % (span(slow), span(others)))


def warmup(place):
    peer = place.peer()
    place.ready(peer.port, 4, "warmup: 20/day growing 1.5x")
    place.customers(100)
    place.orders(100)
    place.drain() # ends, although 80 are queued
    same(place.statuses(), {"sent": 20, "queued": 80}, "the first day")
    place.drain()
    same(len(peer.records()), 20, "the first day, once more")
    for day, total in ((1, 50), (2, 95)):
        place.database.sql("update godwit.warmups set first_day = first_day - 1, day = day - 1")
        first, second = place.engine("--drain"), place.engine("--drain") # share the number
        for e in (first, second):
            same(e.ended(), 0, "drain: " + e.text())
        same(len(peer.records()), total, "by day %d" % (day + 1))
    place.books()


def busy_domain(place):
    peer = place.peer("rcpt:*@busy.example=451 4.7.0 later")
    place.ready(peer.port, 4)
    write_to(place, ("busy.example", 300), ("example.net", 300))
    e = place.engine()
    wait(lambda: len(peer.records()) == 300, "the others are sent")
    time.sleep(1)
    tried = place.database.number("select count(*) from godwit.messages where attempts > 0 "
                                  "and address like '%busy.example'")
    check(5 <= tried <= 40, "%d of 300 were tried at the busy domain" % tried)
    later = place.database.number("select count(*) from godwit.messages where attempts = 0 and "
                                  "status = 'queued' and address like '%busy.example'")
    same(later, 300 - tried, "the rest costs no attempt")
    check(e.runs(), "the engine ended")
    print("    %d of 300 were tried at the busy domain while 300 others were sent" % tried)


def recovers(place):
    peer = place.peer("rcpt:*@busy.example#7=451 4.7.0 later", "rcpt=ok")
    place.ready(peer.port, 4, "retry: 1s")
    everyone = write_to(place, ("busy.example", 60))
    place.engine()
    wait(lambda: place.settled(60), "all are sent", 90)
    place.exact(peer.received(), everyone)


def retry_setting(place):
    peer = place.peer("rcpt#3=452 4.2.2 full", "rcpt=ok")
    place.ready(peer.port, 1, "retry: 1s")
    place.customers(3)
    place.orders(3)
    place.engine()
    wait(lambda: place.settled(3), "tried again after a second", 20)
    place.exact(peer.received(), addresses(3))


run(channel_rate, campaign_rate, domain_rate, warmup, busy_domain, recovers, retry_setting, needs=())
