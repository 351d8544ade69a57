# SPDX-License-Identifier: Apache-2.0
"""Same decisions live and simulated: a week under a clock that is put forward by six hours at a time,
and then the simulation of that week, message by message."""
import collections
import csv
import datetime
import os
import random

from flow import SEED, check, developer_build, run, same, skip

STEP = 6 * 3600
STEPS = 7 * 24 * 3600 // STEP
CUSTOMERS = 60
SETTINGS = """database: "%s"
sender: { name: Test, email: shop@test.example, postal_address: "1 Long Road" }
timezone: UTC
channels:
  email: { driver: rehearse, kind: email, in_doubt: resend }
  sms: { driver: rehearse, kind: sms, in_doubt: resend }
topics:
  offers: { title: Offers, default: subscribed }
quiet_hours: { from: "22:00", to: "06:00" }
caps:
  - { most: 2, per: 2d, channel: email }
"""
SEND = "send: { channel: email, topic: offers, template: note"
CAMPAIGNS = {
    "journey": """campaign: journey
trigger: { event: order.placed }
audience: event.amount > 20.0
holdout: 20%%
reentry: every 30h
exit: { event: refund.asked }
goal: { event: paid.again, within: 5d }
steps:
  - %(send)s, id: first }
  - wait: { event: page.viewed, timeout: 1d, on_timeout: [ { stop: quiet } ] }
  - split:
      id: half
      variants:
        a: { share: 50%%, steps: [ { %(send)s, id: a } } ] }
        b: { share: 50%%, steps: [ { wait: 12h }, { emit: { event: went.b } } ] }
  - when: count("order.placed", "3d") > 1
    send: { channel: sms, topic: offers, template: note, id: many }
""",
    "emitted": """campaign: emitted
trigger: { event: went.b }
priority: 5
steps:
  - %(send)s }
""",
    "quiet": """campaign: quiet
trigger: { absence: order.placed, for: 36h }
audience: count("order.placed", "all") < 5
steps:
  - %(send)s }
  - wait: 1d
  - send: { channel: sms, topic: offers, template: note, id: later }
""",
    "daily": """campaign: daily
trigger: { schedule: "0 12 * * *" }
audience: count("page.viewed", "24h") > 0
limits: { per_customer: 1 per 3d }
steps:
  - %(send)s }
""",
    "frequent": """campaign: frequent
trigger: { segment: frequent, on: entered }
steps:
  - send: { channel: sms, topic: offers, template: note }
""",
    "renewal": """campaign: renewal
trigger: { date: day, event: page.viewed, after: 1d, at: "12:00" }
past_due: send
steps:
  - wait: { time: "18:00" }
  - %(send)s }
""",
}


class Clock:
    """Stands still until it is put forward: the week is decided at its own instants."""
    def __init__(self, place, start):
        self.path = place.folder + "/clock"
        self.env = {"GODWIT_CLOCK": self.path}
        self.now = start
        self.forward(0)

    def forward(self, seconds):
        self.now += seconds
        with open(self.path, "w", encoding="utf-8") as f:
            f.write("=%d\n" % self.now)


def workspace(place):
    place.write("godwit.yaml", SETTINGS % place.database.url)
    place.write("segments.yaml", 'frequent: { where: \'count("order.placed", "all") >= 3\', tracked: true }\n')
    for part in ("subject", "text", "sms"):
        place.write("templates/note/%s.liquid" % part,
                    "Hello {{ customer.key }} {{ sender.postal_address }} {{ unsubscribe_url }}\n")
    for name, text in CAMPAIGNS.items():
        place.write("campaigns/%s.yaml" % name, text % {"send": SEND})
    r = place.godwit("db", "migrate")
    same(r.returncode, 0, r.stderr)


def a_week(place, clock, start, chance):
    """What customers do at six in the morning, at noon, in the evening and at midnight."""
    for step in range(STEPS):
        now = start + step * STEP
        rows = []
        for i in range(CUSTOMERS):
            for _ in range(chance.choice((0, 0, 0, 1, 1, 2))):
                name = chance.choice(("order.placed", "order.placed", "page.viewed", "refund.asked", "paid.again"))
                day = datetime.datetime.fromtimestamp(now + 86400, datetime.timezone.utc).strftime("%Y-%m-%d")
                rows.append("('k%d', '%s', '{\"amount\": %d, \"day\": \"%s\"}', to_timestamp(%d))"
                            % (i, name, chance.randrange(60), day, now))
        if rows:
            place.database.sql("insert into godwit.events (customer, name, properties, occurred_at) values "
                               + ",".join(rows))
        e = place.engine("--drain", env=clock.env)
        status = e.ended(120)
        check(status == 0, "run --drain ended with %s:\n%s" % (status, e.text()[-2000:]))
        clock.forward(STEP)


def grid(text):
    """The step that an instant belongs to: the clock runs on while a step is worked off."""
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
    return int(at // STEP)


def agreement(place):
    if not developer_build():
        skip("the clock of tests needs --enable-developer")
    chance = random.Random(SEED)
    workspace(place)
    start = int(datetime.datetime(2027, 3, 1, tzinfo=datetime.timezone.utc).timestamp())
    place.database.sql("select count(godwit.identify('k' || i, '{}', 'k' || i || '@example.net', '+8869123456' || "
                       "to_char(i, 'FM00'))) from generate_series(0, %d) i" % (CUSTOMERS - 1))
    clock = Clock(place, start)
    a_week(place, clock, start, chance)
    rows = place.database.sql(
        "select m.campaign, c.key, m.step, coalesce(m.variant, ''), m.channel, case m.status when 'held_out' then "
        "'held_out' when 'cancelled' then 'displaced' else 'send' end, "
        "to_char(m.queued_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
        "from godwit.messages m join godwit.customers c on c.shard = m.shard and c.id = m.customer_id "
        "union all select campaign, customer, '', '', '', outcome, "
        "to_char(at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') from godwit.report_decisions")
    with open(os.path.join(place.folder, "live.csv"), "w", newline="") as f: # to look at beside week.csv
        events = place.database.sql("select 'event', customer, name, id, '', properties->>'amount', occurred_at "
                                    "from godwit.events")
        csv.writer(f).writerows(sorted(rows + events, key=lambda r: (r[1], r[6].replace(" ", "T"))))
    path = os.path.join(place.folder, "week.csv")
    r = place.godwit("simulate", "--from", "2027-03-01T00:00:00Z", "--to", "2027-03-08T00:00:00Z", "--csv", path)
    same(r.returncode, 0, r.stderr)
    messages = ("send", "held_out")
    live = collections.Counter()
    for campaign, customer, step, variant, channel, outcome, at in rows:
        outcome = "capped" if outcome == "displaced" else outcome
        detail = (step, variant, channel) if outcome in messages else ()
        live[(campaign, customer, outcome, grid(at)) + detail] += 1
    simulated = collections.Counter()
    with open(path, newline="") as f:
        for x in csv.DictReader(f):
            detail = (x["step"], x["variant"], x["channel"]) if x["outcome"] in messages else ()
            simulated[(x["campaign"], x["customer"], x["outcome"], grid(x["at"])) + detail] += 1
    only_live, only_simulated = live - simulated, simulated - live
    check(not only_live and not only_simulated, "seed %d: %d decisions live, %d simulated; only live: %s; only "
          "simulated: %s" % (SEED, sum(live.values()), sum(simulated.values()), sorted(only_live)[:8],
                             sorted(only_simulated)[:8]))
    outcomes = collections.Counter((k[0], k[2]) for k in live.elements())
    print("  %d decisions: %s" % (sum(live.values()), ", ".join(
        "%s %s %d" % (c, o, n) for (c, o), n in sorted(outcomes.items()))))
    same({c for c, o in outcomes if o == "send"}, set(CAMPAIGNS), "campaigns that sent")
    check({"capped", "held_out"} <= {o for _, o in outcomes}, "outcomes %r" % outcomes)


if __name__ == "__main__":
    run(agreement)
