# SPDX-License-Identifier: Apache-2.0
"""simulate: absences against one SQL query over the raw table, the same bytes however many rows are
fetched, two versions side by side, and the time it takes beside a COPY of the events."""
import collections
import csv
import io
import json
import os
import random
import shutil
import subprocess
import time

from flow import SEED, check, run, same, sanitized_build

DAYS = (30, 60, 90, 180)
SETTINGS = """database: "%s"
sender: { name: Test, email: shop@test.example, postal_address: "1 Long Road" }
channels:
  email: { driver: rehearse, kind: email, in_doubt: resend }
topics:
  offers: { title: Offers, default: subscribed }
"""
ABSENCE = """campaign: quiet-%d
trigger: { absence: order.placed, for: %dd }
steps:
  - send: { channel: email, topic: offers, template: note }
"""
# an absence is complete at last + for, unless the next event comes first; `to` is outside
ORACLE = """
with days as (select distinct customer, at from raw where at < '{to}'),
gaps as (select customer, at + interval '{days} days' as due,
                lead(at) over (partition by customer order by at) as following from days)
select customer, due from gaps
 where due >= '{since}' and due < '{to}' and (following is null or following > due)
"""


def workspace(place, campaigns):
    place.write("godwit.yaml", SETTINGS % place.database.url)
    place.write("templates/note/subject.liquid", "We miss you\n")
    place.write("templates/note/text.liquid",
                "Hello\n{{ sender.postal_address }}\n{{ unsubscribe_url }}\n")
    for name, text in campaigns.items():
        place.write("campaigns/%s.yaml" % name, text)
    r = place.godwit("db", "migrate")
    same(r.returncode, 0, r.stderr)


def give_addresses(place):
    place.database.sql("insert into godwit.customers (shard, key, email) select distinct "
                       "godwit.shard_of(customer), customer, customer || '@example.net' from raw")


def simulate(place, *arguments):
    r = place.godwit("simulate", *arguments)
    same(r.returncode, 0, r.stderr)
    return r.stdout


def sent(path):
    with open(path, newline="") as f:
        return [(r["campaign"], r["customer"], r["at"]) for r in csv.DictReader(f)
                if r["outcome"] == "send"]


def compare(place, since, to):
    path = os.path.join(place.folder, "decisions.csv")
    simulate(place, "--from", since, "--to", to, "--csv", path)
    got = collections.defaultdict(list)
    for campaign, customer, at in sent(path):
        got[campaign].append((customer, at))
    for days in DAYS:
        rows = place.database.sql(
            "select customer, to_char(due at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from (%s) x"
            % ORACLE.format(days=days, since=since, to=to))
        wanted = sorted(tuple(r) for r in rows)
        check(wanted or since > "1998", "no absence of %d days: nothing is shown" % days)
        found = sorted(got["quiet-%d" % days])
        same((len(found), sorted(set(found) ^ set(wanted))[:5]), (len(wanted), []),
             "absences of %d days, and what differs" % days)
    return path


def own_data(place):
    chance = random.Random(SEED)
    workspace(place, {"quiet-%d" % d: ABSENCE % (d, d) for d in DAYS})
    place.database.sql("create table raw (customer text, at timestamptz)")
    rows = []
    for i in range(400):
        day = chance.randrange(60)
        while day < 500:
            rows.append("('k%d', timestamptz '2025-01-01Z' + interval '%d days')" % (i, day))
            # exactly 30, 60 and 90 days are of interest: the event comes first then
            day += chance.choice([0, 1, 5, 29, 30, 31, 59, 60, 61, 90, 180, chance.randrange(200)])
            if chance.random() < 0.1:
                break
    place.database.sql("insert into raw values " + ",".join(rows))
    give_addresses(place)
    place.database.sql("insert into godwit.events (customer, name, occurred_at, mode) "
                       "select customer, 'order.placed', at, 1 from raw")
    compare(place, "2025-01-01T00:00:00Z", "2026-05-01T00:00:00Z")
    # what was complete before the beginning is past; what is under way then is not
    compare(place, "2025-06-15T00:00:00Z", "2025-09-01T00:00:00Z")


def same_bytes(place):
    """Whatever the portions, and twice."""
    chance = random.Random(SEED)
    workspace(place, {
        "journey": """campaign: journey
trigger: { event: order.placed }
audience: event.amount > 20.0
holdout: 10%
reentry: every 30d
exit: { event: refund.asked }
steps:
  - send: { channel: email, topic: offers, template: note, id: first }
  - wait: { event: page.viewed, timeout: 2d, on_timeout: [ { stop: quiet } ] }
  - split:
      id: half
      variants:
        a: { share: 50%, steps: [ { send: { channel: email, topic: offers, template: note, id: a } } ] }
        b: { share: 50%, steps: [ { wait: 1d }, { emit: { event: went.b } } ] }
""",
        "emitted": """campaign: emitted
trigger: { event: went.b }
limits: { per_customer: 1 per 90d }
steps:
  - send: { channel: email, topic: offers, template: note }
""",
        "weekly": """campaign: weekly
trigger: { schedule: "0 9 * * mon" }
audience: count("order.placed", "14d") >= 3
steps:
  - send: { channel: email, topic: offers, template: note }
"""})
    place.database.sql("create table raw (customer text, at timestamptz)")
    place.database.sql("insert into raw select 'k' || i, now() from generate_series(1, 300) i")
    give_addresses(place)
    values = []
    for i in range(1, 330): # some are known by their events alone
        for _ in range(chance.randrange(12)):
            name = chance.choice(["order.placed", "order.placed", "page.viewed", "refund.asked"])
            values.append("('k%d', '%s', '{\"amount\": %d}', timestamptz '2026-03-01Z' + interval "
                          "'%d seconds')" % (i, name, chance.randrange(60), chance.randrange(60 * 86400)))
    place.database.sql("insert into godwit.events (customer, name, properties, occurred_at) values "
                       + ",".join(values))
    seen = set()
    for batch in ("1", "7", "2000", "2000"):
        path = os.path.join(place.folder, "batch.csv")
        out = simulate(place, "--from", "2026-03-01", "--to", "2026-05-05", "--csv", path, "--batch",
                       batch, "--format", "json")
        with open(path, "rb") as f:
            seen.add((out, f.read()))
    same(len(seen), 1, "results")
    lines = list(csv.DictReader(io.StringIO(seen.pop()[1].decode())))
    campaigns = {r["campaign"] for r in lines if r["outcome"] == "send"}
    same(campaigns, {"journey", "emitted", "weekly"}, "campaigns that sent")
    check({"a", ""} <= {r["variant"] for r in lines}, "variants: %r" % {r["variant"] for r in lines})
    check("held_out" in {r["outcome"] for r in lines}, "somebody is held out")
    same(place.database.number("select count(*) from godwit.messages"), 0, "nothing is written")


def side_by_side(place):
    """--against a folder, and a revision of git."""
    workspace(place, {"quiet-30": ABSENCE % (30, 30)})
    place.database.sql("create table raw (customer text, at timestamptz)")
    place.database.sql("insert into raw select 'k' || i, timestamptz '2025-01-01Z' + i * interval '1 day' "
                       "from generate_series(1, 60) i")
    give_addresses(place)
    place.database.sql("insert into godwit.events (customer, name, occurred_at, mode) "
                       "select customer, 'order.placed', at, 1 from raw")
    git = ["git", "-C", place.workspace, "-c", "user.name=t", "-c", "user.email=t@example.net"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run(git + command, check=True)
    earlier = os.path.join(place.folder, "earlier")
    shutil.copytree(place.workspace, earlier)
    place.write("campaigns/quiet-30.yaml", ABSENCE.replace("quiet-%d", "quiet-30") % 45)
    wanted = None
    for other in (earlier, "HEAD"):
        out = place.godwit("simulate", "--from", "2025-01-01", "--to", "2025-03-01", "--against",
                           other, "--format", "json")
        same(out.returncode, 0, out.stderr)
        change = json.loads(out.stdout)["changes"]
        # complete before 1 March, the 59th day: bought up to day 13, or 28
        same([(c["messages"], c["messages_against"], c["customers_lost"]) for c in change],
             [(13, 28, 15)], "changes")
        wanted = wanted or change
        same(change, wanted, "a folder and a revision")
    out = place.godwit("simulate", "--against", "no-such-thing")
    same(out.returncode, 1, "status")
    check("no-such-thing" in out.stderr, out.stderr)


def cdnow(place):
    path = os.path.join(os.environ.get("GODWIT_SHARED", ""), "data", "cdnow.csv")
    if not os.path.exists(path):
        print("  cdnow: left out, %s is not there" % path)
        return
    workspace(place, {"quiet-%d" % d: ABSENCE % (d, d) for d in DAYS})
    r = place.godwit("import", "events", path, "--name", "order.placed", "--map", "customer=customer",
                     "--map", "occurred_at=date", "--map", "properties.amount:double=amount",
                     "--map", "properties.quantity:int=quantity")
    same(r.returncode, 0, r.stderr)
    place.database.sql("create table raw (customer text, at timestamptz)")
    with open(path) as f:
        next(f)
        rows = [line.split(",")[:2] for line in f]
    for i in range(0, len(rows), 10000):
        place.database.sql("insert into raw values "
                           + ",".join("('%s','%sZ')" % tuple(r) for r in rows[i:i + 10000]))
    give_addresses(place)
    place.database.sql("analyze")
    compare(place, "1997-01-01T00:00:00Z", "1998-06-30T00:00:00Z")
    for d in DAYS:
        if d != 60:
            os.remove(os.path.join(place.workspace, "campaigns/quiet-%d.yaml" % d))
    ratios = []
    for _ in range(5):
        began = time.monotonic()
        subprocess.run(["psql", "-XAtqc", "copy (select * from godwit.events) to stdout",
                        place.database.url], stdout=subprocess.DEVNULL, check=True)
        copied = time.monotonic()
        simulate(place, "--from", "1997-01-01", "--to", "1998-06-30")
        ratios.append((time.monotonic() - copied) / (copied - began))
        print("    copy %.3f s, simulate %.3f s" % (copied - began, time.monotonic() - copied))
    ratio = sorted(ratios)[2]
    print("  simulate takes %.1f times a COPY of the events" % ratio)
    check(sanitized_build() or ratio <= 5, "%.1f times" % ratio) # a check at each access takes its time


if __name__ == "__main__":
    run(own_data, same_bytes, side_by_side, cdnow)
