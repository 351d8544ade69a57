# SPDX-License-Identifier: Apache-2.0
"""suppress, forget, export, log: what people may ask for, and what operators look at."""
import csv
import io
import json
import os
import subprocess
import sys
import time

from flow import GODWIT, PATIENCE, check, run, same, wait
from web import KEY, Web, answered, header_url, links

ENV = {"WRITE_KEY": KEY}
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}


def ok(place, *arguments):
    r = place.godwit(*arguments, env=ENV)
    same((r.returncode, r.stderr), (0, ""), " ".join(arguments))
    return r.stdout


def suppress(place):
    """By hand: queued messages too, transactional or not; and taken back."""
    web = Web(place)
    same("suppressed: nothing" in ok(place, "suppress", " C1@Example.net ", "--reason", "by phone"), True, "says so")
    check("already" in ok(place, "suppress", "c1@example.net"), "the second time")
    web.engine()
    place.customers(2)
    place.orders(2)
    wait(lambda: place.statuses().get("sent") == 1, "the other one is sent")
    wait(lambda: place.database.number("select count(*) from godwit.decisions"), "decided")
    same(place.database.sql("select outcome, gate, reason from godwit.decisions")[0][:2],
         ["suppressed", "suppression"], "decision")
    check("example" not in place.database.one("select s::text from godwit.suppressions s"), "the address is kept")
    check("may be written to" in ok(place, "suppress", "c1@example.net", "--lift"), "lifted")
    place.orders(1)
    wait(lambda: place.statuses().get("sent") == 2, "sent after it was lifted")
    r = place.godwit("suppress", "nobody@", env=ENV)
    check(r.returncode == 1 and "nobody@" in r.stderr, "a bad address: " + r.stderr)


def forget(place):
    """Nothing of the person is left in the database; the books still close; no import brings them back."""
    web = Web(place)
    web.engine()
    person = "private-person@example.net"
    place.database.sql("select godwit.identify('p-1', '{\"name\": \"Wilhelmina\"}', '%s', '+886911222333', 'de')" % person)
    place.database.sql("select godwit.track('p-1', 'order.placed', '{\"note\": \"Wilhelmina\"}', now(), 'd1')")
    place.database.sql("select godwit.set_consent('p-1', 'email', 'news', 'subscribed', 'form')")
    wait(lambda: place.statuses().get("sent") == 1, "sent")
    mail = web.read()[person]
    answered(web.ask("GET", links(mail, "c")[0], headers=BROWSER), 302, "click")
    held = json.loads(ok(place, "export", "p-1"))
    same(held["customer"]["email"], person, "exported address")
    same([e["name"] for e in held["events"]], ["order.placed"], "exported events")
    same([m["status"] for m in held["messages"]], ["sent"], "exported messages")
    same([r["kind"] for r in held["responses"]], ["click"], "exported responses")
    same([c["topic"] for c in held["consents"]], ["news"], "exported consents")
    books = place.database.sql("select * from godwit.report_accounting")
    check("Erased" in ok(place, "forget", "p-1"), "says so")
    dump = subprocess.run(["pg_dump", "--data-only", place.database.url], capture_output=True, text=True, timeout=60)
    same(dump.returncode, 0, "pg_dump: " + dump.stderr)
    for word in person, "Wilhelmina", "911222333", "p-1", "Firefox":
        check(word not in dump.stdout, "%s is still there: %s" % (
            word, [line for line in dump.stdout.splitlines() if word in line][:3]))
    same(place.database.sql("select * from godwit.report_accounting"), books, "the books")
    place.books()
    same(place.database.number("select count(*) from godwit.report_messages"), 1, "the message's row")
    answered(web.ask("POST", header_url(mail), "List-Unsubscribe=One-Click",
                     {"Content-Type": "application/x-www-form-urlencoded"}), 200, "one click of an old mail")
    place.database.sql("select godwit.identify('p-2', '{}', '%s')" % person)
    place.database.sql("select godwit.track('p-2', 'order.placed')")
    wait(lambda: place.database.number("select count(*) from godwit.decisions"), "decided")
    same(place.database.one("select gate from godwit.decisions"), "suppression", "the same address again")
    r = place.godwit("forget", "p-1", env=ENV)
    check(r.returncode == 1 and "no customer `p-1`" in r.stderr, "again: " + r.stderr)
    r = place.godwit("export", "p-1", env=ENV)
    check(r.returncode == 1 and r.stdout == "", "export of nobody")


def log(place):
    web = Web(place)
    web.engine()
    mails = web.sent(3)
    answered(web.ask("GET", links(mails["c2@example.net"], "c")[0], headers=BROWSER), 302, "click")
    rows = [json.loads(line) for line in ok(place, "log", "--format", "ndjson").splitlines()]
    same([r["kind"] for r in rows], ["sent"] * 3 + ["click"], "kinds")
    same((rows[3]["customer"], rows[3]["campaign"], rows[3]["human"]), ("c2", "thanks", False), "the click")
    table = list(csv.reader(io.StringIO(ok(place, "log", "--format", "csv", "--kind", "click"))))
    same((len(table), table[1][1], table[1][6]), (2, "click", "https://acme.example/offers?a=1&b=c2"), "csv")
    same(len(ok(place, "log", "--customer", "c3").splitlines()), 2, "lines of one customer, and the head")
    same(len(ok(place, "log", "--campaign", "none").splitlines()), 1, "lines of no campaign")
    same(len(ok(place, "log", "--since", "1h").splitlines()), 5, "lines of an hour")
    same(len(ok(place, "log", "--since", "2099-01-01").splitlines()), 1, "lines of the future")
    r = place.godwit("log", "--kind", "clik", env=ENV)
    check(r.returncode == 1 and "did you mean `click`" in r.stderr, r.stderr)
    follower = subprocess.Popen([GODWIT, "log", "-C", place.workspace, "--follow", "--format", "ndjson",
                                 "--kind", "open"], stdout=subprocess.PIPE, text=True)
    try:
        began = time.monotonic()
        answered(web.ask("GET", links(mails["c1@example.net"], "o")[0], headers=BROWSER), 200, "open")
        same(json.loads(follower.stdout.readline())["customer"], "c1", "followed")
        check(time.monotonic() - began < 20, "it took long")
    finally:
        follower.kill()
        follower.wait(PATIENCE)
        follower.stdout.close()


PEAK = """import resource, subprocess, sys
r = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(r, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"""


def peak(place, *options):
    """KiB that `godwit log` used at most."""
    r = subprocess.run([sys.executable, "-c", PEAK, GODWIT, "log", "-C", place.workspace, *options],
                       capture_output=True, text=True, timeout=PATIENCE,
                       env=dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=1"))
    status, kilobytes = map(int, r.stdout.split())
    same(status, 0, "log: " + r.stderr)
    return kilobytes


def much(place):
    """200,000 lines in constant memory."""
    Web(place)
    place.customers(1)
    place.database.sql(
        "insert into godwit.responses (shard, message_id, customer_id, campaign, kind, at, url) "
        "select c.shard, i, c.id, 'x', 'click', now() - interval '1 day' + i * interval '1 ms', "
        "'https://acme.example/' || repeat('x', 100) from godwit.customers c, generate_series(1, 200000) i")
    kilobytes, small = peak(place, "--format", "csv"), peak(place, "--campaign", "none")
    print("    %d KiB for 200,000 lines, %d KiB for none" % (kilobytes, small))
    check(kilobytes < small + 20000, "memory grows with the lines")


if __name__ == "__main__":
    run(suppress, forget, log, much, needs=())
