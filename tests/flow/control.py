# SPDX-License-Identifier: Apache-2.0
"""Operators' words to running engines: pause, resume, stop-all, doubt, status."""
import json
import re
import signal
import time

from flow import addresses, check, run, same, wait

SLOW = "dot=sleep 0.02;ok"


def say(place, *words, status=0):
    r = place.godwit(*words)
    same(r.returncode, status, "exit status of %r (%s%s)" % (words, r.stdout, r.stderr))
    return r.stdout + r.stderr


def state(place):
    return json.loads(say(place, "status", "--format", "json"))


def pause_while_sending(place):
    n = 400
    peer = place.peer(SLOW)
    place.ready(peer.port, 4)
    place.customers(n)
    e = place.engine()
    e.says("shards acquired")
    place.orders(n)
    wait(lambda: len(peer.records()) > 20, "the engine is at work")
    began = time.monotonic()
    text = say(place, "pause", "thanks")
    took = time.monotonic() - began
    waiting, sending = (int(x) for x in re.findall(r"(\d+) (?:messages? waits?|(?:is|are) being)",
                                                   text + " 0 are being")[:2])
    check(0 < waiting < n, "what it caught: " + text)
    check(sending <= 4, "no more than the connections: " + text)
    wait(lambda: "sending" not in place.statuses(), "what was in flight ends")
    stopped = len(peer.records())
    time.sleep(1.5)
    same(len(peer.records()), stopped, "mails after the pause")
    check(took < 5, "pause took %.1f s" % took)
    books = place.database.sql("select entered, sent, pending from godwit.report_accounting")
    same([int(x) for x in books[0]], [n, stopped, n - stopped], "books while paused")
    paused = state(place)["paused"]
    same([(p["campaign"], p["waiting"]) for p in paused], [("thanks", n - stopped)], "status")
    check("already" in say(place, "pause", "thanks"), "a second pause says so")
    place.drain() # ends: nothing of it is due
    same(len(peer.records()), stopped, "mails of a drain while paused")
    check("goes on" in say(place, "resume", "thanks"), "resume")
    wait(lambda: place.settled(n), "all are sent")
    place.exact(peer.received(), addresses(n))


def others_go_on(place):
    peer = place.peer()
    place.ready(peer.port, 4)
    place.campaign("other")
    place.customers(50)
    e = place.engine()
    say(place, "pause", "thanks")
    place.orders(50)
    wait(lambda: len(peer.records()) == 50, "the other campaign is sent")
    wait(lambda: place.database.number("select count(*) from godwit.messages where campaign = "
                                       "'thanks' and due_at = 'infinity'") == 50, "set aside")
    same(len(peer.records()), 50, "mails of the paused one")
    say(place, "resume", "thanks")
    wait(lambda: len(peer.records()) == 100, "the paused one follows")
    check(e.runs(), "the engine ended")
    place.books()


def stop_everything(place):
    n = 300
    peer = place.peer(SLOW)
    place.ready(peer.port, 4)
    place.customers(n)
    e = place.engine()
    e.says("shards acquired")
    place.orders(n)
    wait(lambda: len(peer.records()) > 10, "the engine is at work")
    check("Everything is stopped" in say(place, "stop-all"), "stop-all")
    wait(lambda: "sending" not in place.statuses(), "what was in flight ends")
    stopped = len(peer.records())
    e.kill() # the stop is in the database, not in the process
    e = place.engine()
    e.says("shards acquired")
    time.sleep(1)
    same(len(peer.records()), stopped, "mails while stopped")
    say(place, "resume", "--all")
    wait(lambda: place.settled(n), "all are sent")
    place.exact(peer.received(), addresses(n))
    check("did you mean `thanks`" in say(place, "pause", "thankz", status=1), "a wrong name")


def doubts(place):
    n = 12
    peer = place.peer("dot#4=cut", "dot=ok")
    place.ready(peer.port, 4, "in_doubt: hold")
    place.customers(n)
    place.orders(n)
    place.drain()
    listed = json.loads(say(place, "doubt", "list", "--format", "json"))["in_doubt"]
    check(len(listed) == 4, "in doubt: %r" % listed)
    same(state(place)["channels"][0]["in_doubt"], 4, "status")
    same(place.database.number("select sum(in_doubt) from godwit.report_accounting"), 4, "report")
    ids = [str(x["message"]) for x in listed]
    say(place, "doubt", "resend", ids[0], ids[1])
    say(place, "doubt", "drop", ids[2])
    check("not in doubt" in say(place, "doubt", "drop", ids[2], status=1), "dropped already")
    place.drain()
    same(place.statuses(), {"sent": n - 2, "failed": 1, "in_doubt": 1}, "statuses")
    same(place.database.number("select count(*) from godwit.messages where doubted_at is not null"),
         4, "the doubt stays on record")
    say(place, "doubt", "resend", "--all")
    place.drain()
    same(place.statuses(), {"sent": n - 1, "failed": 1}, "statuses at the end")
    place.books()
    say(place, "doubt", "resend", status=2)


def status_of_engines(place):
    peer = place.peer()
    place.ready(peer.port, 4)
    same(state(place)["engines"], [], "engines before the start")
    same(state(place)["intake"][0]["shards_without_engine"], 64, "shards without an engine")
    place.customers(30)
    e = place.engine()
    e.says("shards acquired")
    same([x["shards"] for x in state(place)["engines"]], [64], "shards of the engine")
    e.kill()
    place.orders(30)
    time.sleep(0.1)
    intake = state(place)["intake"][0]
    same(intake["undecided"], 30, "undecided")
    check(intake["lag_s"] > 0, "lag")
    place.drain()
    after = state(place)
    same(after["intake"][0]["undecided"], 0, "undecided after a drain")
    same(after["channels"][0]["due"], 0, "queue after a drain")
    check("No engine runs" in say(place, "status"), "for people")


def drain_refused(place):
    """A drain ends with a clear error when the database refuses; nothing is lost."""
    place.ready(place.peer().port)
    place.customers(3)
    place.orders(3)
    place.database.sql("alter table godwit.customers rename to kept")
    began = time.monotonic()
    r = place.godwit("run", "--drain")
    took = time.monotonic() - began
    same(r.returncode, 1, "exit status: " + r.stderr)
    check("not everything could be done" in r.stderr and "godwit.customers" in r.stderr, r.stderr)
    check(took < 40, "it took %.0f s" % took)
    place.database.sql("alter table godwit.kept rename to customers")
    place.drain()
    same(place.statuses(), {"sent": 3}, "messages")


def signal_while_starting(place):
    """SIGTERM before the engine's loop runs: what is being set up is finished, then it ends in order."""
    place.ready(place.peer().port)
    place.customers(1)
    holder = place.session()
    for number in signal.SIGTERM, signal.SIGINT:
        holder.sql("begin")
        holder.sql("lock table godwit.schema_migrations in access exclusive mode")
        e = place.engine()
        wait(lambda: place.database.number("select count(*) from pg_locks where not granted"), "it is held up")
        e.signal(number)
        time.sleep(0.2)
        check(e.runs(), "it ended before its set-up did")
        place.orders(1)
        holder.sql("rollback")
        same(e.ended(), 0, "exit status")
    same(place.statuses(), {}, "messages")


def channel_that_is_none(place):
    """Consent for a channel that nobody has is recorded, and said."""
    place.ready(place.peer().port)
    place.drain() # now the database knows the workspace's channels

    def said(channel):
        rows = place.database.sql("select godwit.set_consent('c1', '%s', 'offers', 'unsubscribed', 'test')" % channel)
        return " ".join(r[0] for r in rows)
    check('no channel is called "emial"; godwit.yaml has: email' in said("emial"), "no warning")
    for channel in "email", "*":
        check("WARNING" not in said(channel), "a warning for " + channel)
    same(place.database.number("select count(*) from godwit.consents"), 3, "consents")


run(pause_while_sending, others_go_on, stop_everything, doubts, status_of_engines, drain_refused,
    signal_while_starting, channel_that_is_none, needs=())
