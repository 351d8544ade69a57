# SPDX-License-Identifier: Apache-2.0
"""SMTP servers that are down, refuse, defer, cut and stall."""
import time

from flow import addresses, check, free_port, run, same, wait


def hurry(place):
    """What is to be tried again later is due now."""
    place.database.sql("update godwit.messages set due_at = now() where due_at > now()")


def settled_in_a_hurry(place, n):
    def done():
        hurry(place)
        return place.settled(n)
    wait(done, "all settled", step=0.2)


def down_at_first(place):
    """No attempt is counted, and the log has one line per change, not per message."""
    port, n = free_port(), 50
    place.ready(port, 3)
    place.customers(n)
    place.orders(n)
    e = place.engine()
    e.says("channel rests")
    time.sleep(1.2) # some attempts to connect
    # at the moment of an attempt some are `sending`; none keeps it, and none counts it
    wait(lambda: place.database.sql("select distinct status, attempts from godwit.messages") ==
         [["queued", "0"]], "while the server is down")
    peer = place.peer(port=port)
    wait(lambda: place.settled(n), "sent after the server came")
    same(place.database.sql("select distinct status, attempts from godwit.messages"), [["sent", "1"]],
         "afterwards")
    same(e.text().count("channel rests"), 1, "lines about the rest")
    same(e.text().count("channel works again"), 1, "lines about the end of it")
    place.exact(peer.received(), addresses(n))


def some_deferred(place):
    """4xx at RCPT for one in ten: they alone come again, later each time, and count attempts."""
    n = 100
    peer = place.peer("rcpt:c*7@*#20=450 4.2.0 greylisted")
    place.ready(peer.port, 3)
    place.customers(n)
    place.orders(n)
    place.engine()
    wait(lambda: place.statuses() == {"sent": 90, "deferred": 10}, "the others are sent")
    same(place.database.sql("select distinct attempts, due_at > now() + interval '3 minutes', "
                            "due_at < now() + interval '7 minutes' from godwit.messages "
                            "where status = 'deferred'"), [["1", "t", "t"]], "first delay")
    place.database.sql("update godwit.messages set due_at = now() where status = 'deferred'")
    wait(lambda: place.database.number("select count(*) from godwit.messages where attempts = 2 and "
                                       "status = 'deferred'") == 10, "second attempt")
    same(place.database.sql("select distinct due_at > now() + interval '7 minutes' from "
                            "godwit.messages where status = 'deferred'"), [["t"]], "second delay")
    place.database.sql("update godwit.messages set due_at = now() where status = 'deferred'")
    wait(lambda: place.settled(n), "sent at the third attempt")
    same(place.database.sql("select attempts, count(*) from godwit.messages group by 1 order by 1"),
         [["1", "90"], ["3", "10"]], "attempts")
    place.exact(peer.received(), addresses(n))


def refused_for_good(place):
    n = 40
    peer = place.peer("rcpt:c13@*=550 5.1.1 no such user", "rcpt:c14@*=550 no such user \xe9\xff\xfe")
    place.ready(peer.port, 2)
    place.customers(n)
    place.orders(n)
    e = place.engine()
    wait(lambda: place.settled(n), "all settled")
    expected = [a for a in addresses(n) if not a.startswith(("c13@", "c14@"))]
    same(place.database.sql("select status, attempts from godwit.messages where address ~ '^c13@'"),
         [["failed", "1"]], "the refused one")
    same(place.database.sql("select c.key from godwit.responses r join godwit.customers c on c.id = "
                            "r.customer_id where kind = 'bounce' and c.key = 'c13'"), [["c13"]], "bounce")
    check("550 5.1.1 no such user" in place.database.one(
        "select reason from godwit.messages where address ~ '^c13@'"), "the reason is the server's")
    place.orders(1, 13)
    wait(lambda: place.database.number("select count(*) from godwit.decisions"), "second order")
    same(place.database.sql("select outcome from godwit.decisions"), [["suppressed"]], "suppressed")
    check(e.runs(), "the engine ended")
    place.exact(peer.received(), expected)


def hung_up_after_some(place):
    """421 to the sixth message on a connection: it goes on on a new one, at once."""
    n = 100
    peer = place.peer(options=("--max-messages", "5"))
    place.ready(peer.port, 3)
    place.customers(n)
    place.orders(n)
    place.drain()
    place.exact(peer.received(), addresses(n))
    same(place.database.sql("select distinct attempts from godwit.messages"), [["1"]], "attempts")


def cut_before_the_dot(place):
    n = 40
    peer = place.peer("mail#1=cut", "rcpt:c5@*#1=cut", "data:c6@*#2=cut", "body:c7@*#1=cut")
    place.ready(peer.port, 2, "in_doubt: hold")
    place.customers(n)
    place.orders(n)
    place.engine()
    settled_in_a_hurry(place, n)
    # when the server cuts after its 354, the kernel may have had the whole mail already
    same(place.database.number("select count(*) from godwit.messages where doubted_at is not null "
                               "and address !~ '^c7@'"), 0, "in doubt")
    place.exact(peer.received(), addresses(n), held=1)


def cut_after_the_dot(place):
    """RFC 1047: the server has it, the answer is lost."""
    n, mode = 20, "hold"
    for mode, base in ("hold", 1), ("resend", 101):
        peer = place.peer("dot:c%d@*#1=take;cut" % (base + 4), "dot:c%d@*#1=cut" % (base + 5))
        place.ready(peer.port, 2, "in_doubt: " + mode)
        place.customers(n, base)
        place.orders(n, base)
        e = place.engine()
        wait(lambda: place.database.number("select count(*) from godwit.messages where doubted_at is "
                                           "not null") == (2 if mode == "hold" else 4), "two in doubt")
        if mode == "resend":
            wait(lambda: place.database.number("select count(*) from godwit.messages where doubted_at "
                                               "is not null and status = 'queued'") == 2, "queued again")
            place.database.sql("update godwit.messages set due_at = now() where due_at is not null")
        wait(lambda: place.settled(n), "settled")
        received = [a for a, _ in peer.received()]
        missing = {"c%d@example.net" % (base + 5)} if mode == "hold" else set()
        same(set(received), set(addresses(n, base)) - missing, "received, in_doubt: " + mode)
        copies = 1 if mode == "resend" else 0
        same(len(received) - len(set(received)), copies, "copies, in_doubt: " + mode)
        same(len({i for _, i in peer.received()}), len(set(received)), "Message-IDs")
        place.books()
        e.kill()


def stalls(place):
    """A server that goes silent: before the dot it is tried again, after it it is in doubt."""
    n = 40
    peer = place.peer("rcpt:c3@*#1=stall", "dot:c4@*#1=stall")
    place.ready(peer.port, 4, "in_doubt: hold, reply_timeout: 5s, dot_timeout: 5s")
    place.customers(n)
    place.orders(n)
    place.engine()
    wait(lambda: len(peer.records()) >= n - 2, "the other connections go on")
    wait(lambda: place.statuses() == {"sent": n - 2, "deferred": 1, "in_doubt": 1}, "what was silent")
    settled_in_a_hurry(place, n)
    same(place.database.sql("select address, status from godwit.messages where status <> 'sent'"),
         [["c4@example.net", "in_doubt"]], "not sent")
    place.exact(peer.received(), addresses(n), held=1)


def one_bad_among_many(place):
    """The server hangs up, or speaks of policy, whenever it sees one address: the others all get
    theirs, and the bad one does not hold the channel up again and again."""
    for rule in "reset", "550 5.7.1 not from you":
        n = 150
        base = 1 if rule == "reset" else 1001
        peer = place.peer("rcpt:c%d@*=%s" % (base + 74, rule))
        place.ready(peer.port, 3)
        place.customers(n, base)
        place.orders(n, base)
        e = place.engine()
        wait(lambda: len(peer.records()) == n - 1, "the good ones are sent, " + rule)
        wait(lambda: place.database.number("select count(*) from godwit.messages where status <> 'sent' "
                                           "and (status = 'failed' or due_at > now() + interval '30 "
                                           "seconds')") ==
             (1 if rule == "reset" else 2), "the bad one is put off, or failed")
        check(e.text().count("channel rests") <= 3, "the channel rested too often:\n" + e.text())
        wait(lambda: "sending" not in place.statuses(), "nothing under way") # the next one would doubt it
        e.kill()


if __name__ == "__main__":
    run(down_at_first, some_deferred, refused_for_good, hung_up_after_some, cut_before_the_dot,
        cut_after_the_dot, stalls, one_bad_among_many, needs=())
