# SPDX-License-Identifier: Apache-2.0
"""Conversions against one independent query; kill -9; responses as events; responded(); the report."""
import csv
import io
import json
import os
import random
import signal

from flow import SEED, SOURCE, check, developer_build, run, same, skip, wait
from web import KEY, Web, answered, links

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
GOAL = "goal: {{ event: order.placed, within: {within}, value: {value}, attribution: {how} }}\n"


def age(place, seconds=60):
    """Makes the mails old enough for hits to count as a person's."""
    place.database.sql("update godwit.messages set sent_at = sent_at - interval '%d s', "
                       "queued_at = queued_at - interval '%d s'" % (seconds, seconds))


# ---- attribution: many messages, touches and events, in any order

CAMPAIGNS = {"week": ("7d", "event.amount", "last"), "first": ("3d", "event.amount", "first"),
             "shared": ("10d", "event.amount * 2", "linear"), "short": ("6h", "1", "last")}

# Written from the documentation, not from the code: for each event and campaign the messages in
# the goal's time, the strongest touch of each, those with the strongest of all, and among them the
# chosen ones.
ORACLE = """
with goals (campaign, within, how, factor) as (values %s),
candidates as (
    select e.id as event, e.occurred_at as at, (e.properties ->> 'amount')::numeric as amount,
           g.campaign, g.how, g.factor, m.id as message, coalesce(m.sent_at, m.queued_at) as sent,
           m.status = 'held_out' as held_out
      from godwit.events e
      join godwit.customers c on c.key = e.customer
      join godwit.messages m on m.customer_id = c.id
      join goals g on g.campaign = m.campaign
     where e.name = 'order.placed' and m.status in ('sent', 'held_out', 'in_doubt')
       and e.occurred_at > coalesce(m.sent_at, m.queued_at)
       and e.occurred_at <= coalesce(m.sent_at, m.queued_at) + g.within::interval),
touches as (
    select c.*, 0 as rank, c.sent as touched from candidates c where c.held_out
    union all
    select c.*, 1, c.sent from candidates c where not c.held_out
    union all
    select c.*, case r.kind when 'open' then 2 else 3 end, r.at
      from candidates c join godwit.responses r on r.message_id = c.message
     where r.kind in ('open', 'click') and r.human and r.at <= c.at),
best as (
    select *, max(rank) over (partition by event, campaign) as most from touches),
ordered as (
    select event, campaign, message, how, amount * factor as value,
           row_number() over (partition by event, campaign order by touched desc, message desc) as from_last,
           row_number() over (partition by event, campaign order by touched, message) as from_first,
           row_number() over (partition by event, campaign, message order by touched) as of_message
      from best where rank = most),
chosen as (
    select * from ordered
     where how = 'last' and from_last = 1 or how = 'first' and from_first = 1
        or how = 'linear' and of_message = 1)
select campaign, event, message, round(1.0 / count(*) over (partition by event, campaign), 6),
       round(value / count(*) over (partition by event, campaign), 6)
  from chosen order by 1, 2, 3"""
FOUND = """select campaign, event_id, message_id, round(share::numeric, 6), round(value, 6)
  from godwit.report_responses where kind = 'conversion' order by 1, 2, 3"""


def past_messages(place, rng, customers):
    """Messages as if they had been sent over two weeks, and what readers did with them."""
    place.customers(customers)
    place.database.sql("""insert into godwit.messages (shard, customer_id, campaign, step, occurrence, version,
            channel, topic, address, template, status, queued_at, sent_at)
        select c.shard, c.id, m.campaign, 's', 'x' || m.n, 'v', 'email', 'offers', c.email, 'thanks', m.status,
               now() - m.ago, case when m.status = 'sent' then now() - m.ago end
          from (values %s) as m (key, campaign, n, ago, status)
          join godwit.customers c on c.key = m.key""" % ",".join(
        "('c%d', '%s', %d, interval '%d minutes', '%s')" % (
            i, campaign, n, rng.randrange(14 * 1440), "held_out" if i % 7 == 0 else "sent")
        for i in range(1, customers + 1) for campaign in [*CAMPAIGNS, "other"] for n in range(rng.randrange(4))))
    place.database.sql("""insert into godwit.responses (shard, message_id, customer_id, campaign, kind, at, human)
        select m.shard, m.id, m.customer_id, m.campaign, k.kind, m.sent_at + random() * interval '4 days', random() < 0.7
          from godwit.messages m, (values ('open'), ('open'), ('click')) k (kind)
         where m.status = 'sent' and random() < 0.35""")


def attribution(place):
    """Late events, out of order, as history and live, several batches: the same as one query says."""
    rng = random.Random(SEED)
    print("    seed %d" % SEED)
    place.ready(9)
    os.unlink(os.path.join(place.workspace, "campaigns/thanks.yaml"))
    place.database.sql("select setseed(%f)" % rng.random())
    for name, (within, value, how) in CAMPAIGNS.items():
        place.write("campaigns/%s.yaml" % name, "campaign: %s\ntrigger: { event: never }\n" % name +
                    GOAL.format(within=within, value=value, how=how) +
                    "steps: [ { send: { channel: email, topic: offers, template: thanks } } ]\n")
    past_messages(place, rng, 40)
    place.database.sql("update godwit.messages set status = 'in_doubt', sending_at = sent_at, sent_at = sent_at "
                       "where status = 'sent' and id % 11 = 0")
    for batch in range(3):
        place.database.sql(
            "insert into godwit.events (customer, name, properties, occurred_at, mode) select 'c' || 1 + i %% 41, "
            "'order.placed', jsonb_build_object('amount', 1 + i * 7 %% 50), now() - random() * interval '15 days', %s "
            "from generate_series(%d, %d) i" % ("i % 2" if batch else "0", batch * 400, batch * 400 + 399))
        place.database.sql("select godwit.track('c1', 'browsed')")
        place.drain()
    oracle = ORACLE % ",".join("('%s', '%s', '%s', %d)" % (
        n, w, how, 2 if "*" in v else 1) for n, (w, v, how) in CAMPAIGNS.items() if v != "1")
    wanted = place.database.sql(oracle)
    found = [r for r in place.database.sql(FOUND) if r[0] != "short"]
    check(len(wanted) > 300, "too few conversions to show anything: %d" % len(wanted))
    same([r for r in found if r not in wanted][:3], [], "credited, but not by the query")
    same([r for r in wanted if r not in found][:3], [], "not credited, but by the query")
    same(len(found), len(wanted), "conversions")
    # the parts of one event and campaign are one; a goal of 6 hours with a constant value
    same(place.database.sql("select 1 from godwit.report_responses where kind = 'conversion' "
                            "group by campaign, event_id having abs(sum(share) - 1) > 1e-9"), [], "shares")
    same(place.database.sql("select distinct value from godwit.report_responses where kind = 'conversion' "
                            "and campaign = 'short'"), [["1.00000000000000000000"]], "the constant value")
    # looking at everything once more (as after a restore) counts nothing twice
    place.database.sql("update godwit.shards set last = '3:3:', target = null, pos_xid = null, pos_id = null")
    place.drain()
    same(place.database.number("select count(*) from godwit.report_responses where kind = 'conversion' and "
                               "campaign <> 'short'"), len(wanted), "after the cursor was set back")
    plan = "\n".join(r[0] for r in place.database.sql("explain select * from godwit.responses where kind = "
                                                     "'conversion' and shard = 1::smallint and event_id = 5"))
    check("responses_conversion" in plan, "a conversion is not found by index:\n" + plan)


def killed(place):
    """kill -9 around the commit: each event is a conversion once."""
    place.ready(9, more=GOAL.format(within="7d", value="event.amount", how="last"))
    place.customers(40)
    place.database.sql("""insert into godwit.messages (shard, customer_id, campaign, step, occurrence, version,
            channel, topic, address, template, status, queued_at, sent_at)
        select shard, id, 'thanks', 's', 'x', 'v', 'email', 'offers', email, 'thanks', 'sent', now() - interval '1 day',
               now() - interval '1 day' from godwit.customers""")
    place.write("campaigns/thanks.yaml", "campaign: thanks\ntrigger: { event: never }\n" +
                GOAL.format(within="7d", value="event.amount", how="last") +
                "steps: [ { send: { channel: email, topic: offers, template: thanks } } ]\n")
    total = 0
    for point, n in ("intake.decide", 7), ("intake.before_commit", 1), ("intake.before_commit", 2), \
            ("intake.after_commit", 1), ("intake.after_commit", 2):
        e = place.engine(fault="%s:%d:crash" % (point, n))
        e.says("shards acquired")
        while e.runs():
            place.database.sql("select godwit.track('c' || i, 'order.placed', '{\"amount\": 2.5}') "
                               "from generate_series(1, 40) i")
            total += 40
            wait(lambda: not e.runs() or place.database.number(
                "select count(*) from godwit.responses") >= total, "the batch")
        same(e.ended(), -signal.SIGKILL, point)
        place.drain()
        same(place.database.sql("select count(*), count(distinct event_id), round(sum(value), 1) from "
                                "godwit.report_responses where kind = 'conversion'"),
             [[str(total), str(total), "%.1f" % (total * 2.5)]], point)


# ---- over the real endpoints

def responses_are_events(place):
    """A person's click starts a campaign and is looked back on; a machine's is not; nor what nobody names."""
    web = Web(place)
    place.write("segments.yaml", 'fans: count("message.opened", "30d") >= 1\n')
    place.write("campaigns/follow.yaml", """campaign: follow
trigger: { event: message.clicked }
audience: event.campaign == "thanks" && event.url.startsWith("https://acme.example/offers")
limits: { per_customer: once }
steps: [ { send: { channel: email, topic: offers, template: thanks } } ]
""")
    check_ = place.godwit("check", env={"WRITE_KEY": KEY})
    same(check_.returncode, 0, check_.stdout + check_.stderr)
    e = web.engine()
    mails = web.sent(3)
    age(place)
    click = {i: links(mails["c%d@example.net" % i], "c")[0] for i in (1, 2, 3)}
    pixel = links(mails["c3@example.net"], "o")[0]
    answered(web.ask("GET", click[1], headers=BROWSER), 302, "a person's click")
    answered(web.ask("HEAD", click[2]), 302, "a machine's click")
    answered(web.ask("GET", pixel, headers=BROWSER), 200, "a person's open")
    wait(lambda: place.statuses().get("sent", 0) == 4, "the mail that follows the click")
    events = [(c, n, json.loads(p)) for c, n, p in place.database.sql(
        "select customer, name, properties from godwit.events where name like 'message.%' order by customer")]
    same([x[:2] for x in events], [("c1", "message.clicked"), ("c3", "message.opened")], "events")
    message, version, topic = place.database.sql(
        "select message_id, version, topic from godwit.report_messages where customer = 'c1' and campaign = 'thanks'")[0]
    same(events[0][2], {"campaign": "thanks", "version": version, "step": "thanks", "channel": "email", "topic": topic,
                        "message": int(message), "human": True,
                        "url": "https://acme.example/offers?a=1&b=c1"}, "properties of a click")
    same(place.database.sql("select customer, campaign from godwit.report_messages where campaign = 'follow'"),
         [["c1", "follow"]], "who got the second mail")
    same(place.database.sql("select event from godwit.watched_responses order by 1"),
         [["message.clicked"], ["message.opened"]], "what is watched")
    count = place.godwit("segment", "count", "fans", env={"WRITE_KEY": KEY})
    check(count.stdout.split() and "1" in count.stdout, "segment count: " + count.stdout + count.stderr)
    catalog = place.godwit("catalog", "infer", env={"WRITE_KEY": KEY}).stdout
    check("order.placed" in catalog and "message." not in catalog, "catalog infer: " + catalog)
    misfits = place.godwit("catalog", "check", env={"WRITE_KEY": KEY}).stdout
    check("message.clicked" not in misfits, "catalog check: " + misfits)
    # no longer named: no longer made
    os.unlink(os.path.join(place.workspace, "campaigns/follow.yaml"))
    e.signal(signal.SIGHUP)
    wait(lambda: place.database.sql("select event from godwit.watched_responses") == [["message.opened"]], "reload")
    answered(web.ask("GET", click[3], headers=BROWSER), 302, "an unwatched click")
    same(place.database.number("select count(*) from godwit.events where name like 'message.%'"), 2, "events")
    e.signal(signal.SIGTERM)
    e.ended()


def reserved(place):
    """Nobody else records events of such names: SQL, COPY, HTTP, import."""
    web = Web(place)
    web.engine()
    for statement in ("insert into godwit.events (customer, name) values ('c1', 'message.clicked')",
                      "select godwit.track('c1', 'message.mine')"):
        try:
            place.database.sql(statement)
        except AssertionError as e:
            check("are Godwit's own" in str(e), str(e))
        else:
            check(False, "taken: " + statement)
    status, _, body = web.ask("POST", "/v1/track", json.dumps(
        {"userId": "c1", "event": "message.clicked", "writeKey": KEY}), {"Content-Type": "application/json"})
    check(b"Godwit's own" in body, "HTTP: %d %r" % (status, body))
    rows = os.path.join(place.folder, "e.csv")
    with open(rows, "w") as f:
        f.write("who,what\nc1,message.opened\nc1,order.placed\n")
    r = place.godwit("import", "events", rows, "--map", "customer=who", "--map", "name=what", env={"WRITE_KEY": KEY})
    check("message." in r.stdout + r.stderr, "import: " + r.stdout + r.stderr)
    same(place.database.sql("select name from godwit.events"), [["order.placed"]], "events")


def responded(place):
    """Only who clicked the campaign's first mail gets its second; explain says so."""
    web = Web(place)
    place.campaign(more='audience: count("order.placed", "all") == 1 || responded("click")\n')
    web.engine()
    mails = web.sent(3)
    age(place)
    answered(web.ask("GET", links(mails["c2@example.net"], "c")[0], headers=BROWSER), 302, "a person's click")
    answered(web.ask("HEAD", links(mails["c3@example.net"], "c")[0], headers=BROWSER), 302, "a machine's click")
    for n in 4, 5: # all of a round are decided on when the one who clicked has mail
        place.orders(3)
        wait(lambda: place.statuses().get("sent", 0) >= n, "another mail")
    same(place.database.sql("select customer, count(*) from godwit.report_messages group by 1 order by 1"),
         [["c1", "1"], ["c2", "3"], ["c3", "1"]], "mails")
    for customer, value in ("c2", "true"), ("c3", "false"):
        out = place.godwit("explain", customer, "thanks", env={"WRITE_KEY": KEY}).stdout
        check('responded("click"): ' + value in out, "explain %s: %s" % (customer, out))


# ---- the report

def numbers(place, section, *more):
    r = place.godwit("report", *more, "--section", section, "--format", "csv")
    same(r.returncode, 0, "report: " + r.stderr)
    return list(csv.DictReader(io.StringIO(r.stdout)))


def newcombe(x, n, y, m):
    z = 1.959963984540054

    def wilson(k, n):
        p = k / n
        middle, half = p + z * z / 2 / n, z * (p * (1 - p) / n + z * z / 4 / n / n) ** 0.5
        return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
    (l1, u1), (l2, u2), d = wilson(x, n), wilson(y, m), x / n - y / m
    return d - ((x / n - l1) ** 2 + (u2 - y / m) ** 2) ** 0.5, d + ((u1 - x / n) ** 2 + (y / m - l2) ** 2) ** 0.5


def report(place):
    """Known numbers in, the same out: as table, CSV, JSON and a page; beside tests/data/report.expected."""
    place.ready(9)
    place.campaign(more="id: old\n" + GOAL.format(within="7d", value="event.amount", how="last") + "holdout: 20%\n")
    place.drain() # the version is on record
    place.customers(100)
    place.database.sql("""insert into godwit.messages (shard, customer_id, campaign, step, variant, occurrence, version,
            channel, topic, address, template, status, queued_at, sent_at)
        select c.shard, c.id, 'old', 'hello', case when i % 2 = 0 then 'a' else 'b' end, 'x', v.version, 'email', 'offers',
               c.email, 'thanks', case when i <= 80 then 'sent' else 'held_out' end, '2026-11-01T08:00:00Z',
               case when i <= 80 then timestamptz '2026-11-01T08:00:00Z' end
          from generate_series(1, 100) i join godwit.customers c on c.key = 'c' || i, godwit.campaign_versions v""")
    place.database.sql("""insert into godwit.responses (shard, message_id, customer_id, campaign, kind, at, human, url, details)
        select m.shard, m.id, m.customer_id, 'old', r.kind, '2026-11-02T08:00:00Z', r.human, r.url, r.details
          from godwit.messages m join godwit.customers c on c.id = m.customer_id
          join (values (1, 40, 'open', true, null, '{}'::jsonb), (1, 5, 'open', true, null, '{}'),
                       (41, 60, 'open', false, null, '{}'), (1, 20, 'click', true, 'https://acme.example/a', '{}'),
                       (1, 6, 'click', true, 'https://acme.example/b', '{}'),
                       (70, 72, 'click', false, 'https://acme.example/b', '{}'),
                       (75, 77, 'bounce', null, null, '{"class": "hard", "reason": "550 no such user"}'),
                       (78, 78, 'bounce', null, null, '{"class": "soft", "reason": "452 mailbox full"}'),
                       (3, 3, 'unsubscribe', null, null, '{}'), (4, 4, 'complaint', null, null, '{}'),
                       (1, 76, 'delivered', null, null, '{}'))
               as r (low, high, kind, human, url, details)
            on substr(c.key, 2)::int between r.low and r.high""")
    place.database.sql("insert into godwit.events (customer, name, properties, occurred_at, mode) select 'c' || i, "
                       "'order.placed', '{\"amount\": 12.5}', '2026-11-03T08:00:00Z', 1 "
                       "from (select generate_series(1, 24) union all select 1 union all select generate_series(81, 82)) n (i)")
    place.drain()
    funnel = {k: v for k, v in numbers(place, "funnel")[0].items()}
    same(funnel, {"campaign": "old", "sent": "80", "delivered": "76", "opened": "40", "opened_all": "60", "clicked": "20",
                  "clicked_all": "23", "converted": "25.0", "value": "312.5", "unsubscribed": "1", "complained": "1",
                  "bounced": "4"}, "funnel")
    lift = numbers(place, "lift", "thanks")[0]
    low, high = newcombe(24, 80, 2, 20)
    same((lift["treated"], lift["treated_rate"], lift["held_out"], lift["held_out_rate"], lift["lift"]),
         ("80", "0.3", "20", "0.1", "0.2"), "lift")
    same((float(lift["lift_low"]), float(lift["lift_high"])), (round(low, 4), round(high, 4)), "interval")
    same(place.database.sql("select details ->> 'touch', count(*) from godwit.report_responses where kind = 'conversion' "
                            "group by 1 order by 1"),
         [["click", "21"], ["held_out", "2"], ["open", "4"]], "touches")
    value = numbers(place, "value")[0]
    same((value["treated_value"], value["held_out_value"], value["value_lift"]), ("312.5", "25.0", "2.66"), "value")
    version = place.database.one("select version from godwit.campaign_versions")
    text = place.godwit("report", env={"NO_COLOR": "1"}).stdout.replace(version, "VERSION     "[:len(version)])
    expected = os.path.join(SOURCE, "tests", "data", "report.expected")
    if os.environ.get("GODWIT_ACCEPT"):
        with open(expected, "w") as f:
            f.write(text)
    with open(expected) as f:
        same(text, f.read(), "the report as a table")
    document = json.loads(place.godwit("report", "--format", "json").stdout)
    same(list(document), ["accounting", "campaigns", "journeys", "funnel", "steps", "links", "bounces", "reasons", "lift", "value"],
         "sections in JSON")
    same([(r["variant"], r["sent"], r["clicked"]) for r in document["steps"]], [("a", 40, 10), ("b", 40, 10)], "steps")
    same([(r["variant"], r["url"][-1], r["clicks"], r["customers"], r["clicks_all"]) for r in document["links"]],
         [("a", "a", 10, 10, 10), ("b", "a", 10, 10, 10), ("a", "b", 3, 3, 5), ("b", "b", 3, 3, 4)], "links")
    same([(r["class"], r["bounces"]) for r in document["bounces"]], [("hard", 3), ("soft", 1)], "bounces")
    page = place.godwit("report", "--format", "html").stdout
    check("550 no such user" in page and "<table" in page, "the page")
    r = place.godwit("report", "--section", "funel")
    check(r.returncode == 2 and "did you mean `funnel`" in r.stderr, r.stderr)
    # events of weeks ago: in the log where they were written
    log = [json.loads(r) for r in place.godwit(
        "log", "--kind", "conversion", "--since", "1h", "--format", "ndjson").stdout.splitlines()]
    same((len(log), log[0]["reason"]), (27, "order.placed, worth 12.5"), "conversions in the log")


if __name__ == "__main__":
    if not developer_build():
        skip("fault points are compiled in by --enable-developer only")
    run(attribution, killed, responses_are_events, reserved, responded, report)
