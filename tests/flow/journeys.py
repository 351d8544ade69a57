# SPDX-License-Identifier: Apache-2.0
"""Journeys, absences, dates and schedules, live, under a clock that the test puts forward: what
happens later happens once, though the engine is killed, the file changes, or two engines run."""
import signal
import time

from flow import Failed, check, developer_build, run, same, skip, wait

DAY = 86400

SEND = "  - send: { channel: email, topic: offers, template: thanks }\n"
ABSENCE = ("campaign: winback\ntrigger: { absence: order.placed, for: 60d%s }\n"
           "past_due: send\nsteps:\n" + SEND)
JOURNEY = """campaign: welcome
trigger: { event: signup }
%(more)ssteps:
  - send: { channel: email, topic: offers, template: thanks, id: hello }
  - wait: 3d
  - branch:
      - when: customer.country == "TW"
        steps:
          - split: { id: half, variants: { a: { share: 50%%, steps: [] }, b: { share: 50%%, steps: [] } } }
          - update: { tier: gold }
          - emit: { event: club.joined, properties: { tier: gold } }
      - else:
          - stop: not here
  - send: { channel: email, topic: offers, template: thanks, id: second }
"""


class Clock:
    def __init__(self, place):
        self.path = place.folder + "/clock"
        self.seconds = 0
        self.env = {"GODWIT_CLOCK": self.path}
        self.forward(0)

    def forward(self, seconds):
        self.seconds += seconds
        with open(self.path, "w", encoding="utf-8") as f:
            f.write("%d\n" % self.seconds)


def drain(place, clock, fault=None, patience=60):
    e = place.engine("--drain", env=clock.env, fault=fault)
    status = e.ended(patience)
    if not fault:
        check(status == 0, "run --drain ended with %s:\n%s" % (status, e.text()[-3000:]))
    return status


def begin(place, **campaigns):
    """A workspace with these campaigns alone."""
    place.ready(place.peer().port)
    place.write("campaigns/thanks.yaml",
                "campaign: thanks\ntrigger: { event: never }\nsteps:\n" + SEND)
    for name, text in campaigns.items():
        place.write("campaigns/%s.yaml" % name, text)
    return Clock(place)


def event(place, customer, name, ago="0s", properties="{}"):
    place.database.sql("insert into godwit.events (customer, name, properties, occurred_at) values "
                       "('%s', '%s', '%s', now() - interval '%s')"
                       % (customer, name, properties, ago))


def sent(place, campaign=None):
    """[(customer, step)] in order."""
    where = " and m.campaign = '%s'" % campaign if campaign else ""
    return [tuple(r) for r in place.database.sql(
        "select c.key, m.step from godwit.messages m join godwit.customers c "
        "on c.shard = m.shard and c.id = m.customer_id where m.status = 'sent'%s order by m.id"
        % where)]


def absence(place):
    clock = begin(place, winback=ABSENCE % "")
    place.customers(3)
    drain(place, clock)
    event(place, "c1", "order.placed")
    event(place, "c2", "order.placed")
    drain(place, clock)
    same(sent(place), [], "nobody is absent yet")
    said = place.godwit("explain", "c1", "winback").stdout
    check("looks at this customer next at" in said, "explain says when:\n" + said)
    clock.forward(30 * DAY)
    place.database.sql("insert into godwit.events (customer, name, occurred_at) "
                       "values ('c2', 'order.placed', now() + interval '30 days')")
    drain(place, clock)
    clock.forward(30 * DAY - 3600)
    drain(place, clock)
    same(sent(place), [], "an hour before")
    clock.forward(3600)
    drain(place, clock)
    same(sent(place), [("c1", "thanks")], "60 days later")
    clock.forward(30 * DAY)
    drain(place, clock)
    same(sorted(sent(place)), [("c1", "thanks"), ("c2", "thanks")], "once a silence")
    place.books()


def arming(place):
    """A campaign that comes later finds those who were there before, by its backlog rule."""
    clock = begin(place)
    place.customers(40)
    for i in range(1, 21):
        event(place, "c%d" % i, "order.placed", "%d days" % (50 + i))
    drain(place, clock)
    place.write("campaigns/winback.yaml", ABSENCE % "")
    drain(place, clock)
    same(sent(place), [], "those past it are skipped")
    timers = place.database.number("select count(*) from godwit.campaign_timers "
                                   "where due_at between now() and now() + interval '10 days'")
    same(timers, 9, "timers of those who are not")
    place.write("campaigns/winback.yaml", ABSENCE % ", backlog: all, never: true")
    drain(place, clock)
    same(sorted(sent(place)), sorted(("c%d" % i, "thanks") for i in range(10, 21)), "all of them")
    clock.forward(60 * DAY + 60)
    drain(place, clock)
    same(len(sent(place)), 40, "and those who never ordered, 60 days after they came")
    drain(place, clock)
    same(len(sent(place)), 40, "once")


def journey(place):
    clock = begin(place, welcome=JOURNEY % {"more": ""})
    place.customers(20)
    place.database.sql("update godwit.customers set attributes = jsonb_build_object('country', "
                       "case when id % 2 = 0 then 'TW' else 'HK' end)")
    for i in range(1, 21):
        event(place, "c%d" % i, "signup")
    drain(place, clock)
    same(len(sent(place)), 20, "the first message")
    inside = place.database.number("select sum(inside) from godwit.report_journeys")
    same(inside, 20, "they wait")
    said = place.godwit("explain", "c1", "welcome").stdout
    check("waits in step `wait-1` until" in said, "explain says where c1 is:\n" + said)
    check("inside" in place.godwit("report").stdout, "the report has journeys")
    for i in range(1, 21): # inside already
        event(place, "c%d" % i, "signup")
    drain(place, clock)
    same(len(sent(place)), 20, "nobody is in it twice")
    clock.forward(3 * DAY + 5)
    drain(place, clock)
    drain(place, clock)
    got = sent(place)
    same(len([s for _, s in got if s == "second"]), 10, "the second message")
    same(place.database.number("select count(*) from godwit.customers "
                               "where attributes ->> 'tier' = 'gold'"), 10, "updates")
    same(place.database.number("select count(*) from godwit.events where name = 'club.joined'"), 10,
         "events")
    ends = dict((e, int(n)) for e, n in place.database.sql(
        "select ended, count(*) from godwit.enrolments group by 1"))
    same(ends, {"completed": 10, "stopped": 10}, "ends")
    said = place.godwit("explain", "c1", "welcome").stdout
    check("stopped, not here" in said, "explain says how it ended:\n" + said)
    check('"journeys"' in place.godwit("export", "c2").stdout, "the export has journeys")
    check(place.godwit("forget", "c2").returncode == 0, "forget")
    same(place.database.number("select count(*) from godwit.enrolments "
                               "where event_properties is null"), 1, "copies of events go")
    variants = place.database.number("select count(*) from godwit.messages where step = 'second' "
                                     "and variant in ('a', 'b')")
    same(variants, 10, "variants are recorded")
    place.books()


def killed(place):
    """At each point: once, and nothing is lost."""
    clock = begin(place, welcome=JOURNEY % {"more": ""}, winback=ABSENCE % "")
    n = 60
    place.customers(n)
    place.database.sql("update godwit.customers set attributes = '{\"country\": \"TW\"}'")
    place.database.sql("insert into godwit.events (customer, name) select 'c' || i, x "
                       "from generate_series(1, %d) i, unnest(array['signup', 'order.placed']) x" % n)
    drain(place, clock)
    for ahead in (3 * DAY + 5, 57 * DAY):
        clock.forward(ahead)
        for fault in ("intake.due.decide:7", "intake.due.before_commit:1",
                      "intake.due.after_commit:1"):
            same(drain(place, clock, fault=fault + ":crash"), -9, "killed at " + fault)
        drain(place, clock)
        drain(place, clock)
        if ahead < 4 * DAY:
            same(sorted(sent(place, "welcome")),
                 sorted([("c%d" % i, s) for i in range(1, n + 1) for s in ("hello", "second")]),
                 "each step once")
            same(place.database.number(
                "select count(*) from godwit.events where name = 'club.joined'"), n, "each event once")
    same(sorted(sent(place, "winback")), sorted(("c%d" % i, "thanks") for i in range(1, n + 1)),
         "each absence once")
    place.books()


def versions(place):
    """People keep the version that they entered with, unless the file says otherwise."""
    text = ("campaign: w\ntrigger: { event: signup }\n%ssteps:\n"
            "  - send: { channel: email, topic: offers, template: thanks, id: one }\n"
            "  - wait: 2d\n"
            "  - send: { channel: email, topic: offers, template: thanks, id: %s }\n")
    clock = begin(place, w=text % ("", "old"))
    place.customers(9)
    for i in (1, 2, 3):
        event(place, "c%d" % i, "signup")
    drain(place, clock)
    place.write("campaigns/w.yaml", text % ("", "new"))
    for i in (4, 5, 6):
        event(place, "c%d" % i, "signup")
    drain(place, clock)
    clock.forward(2 * DAY + 5)
    drain(place, clock)
    second = [(c, s) for c, s in sent(place) if s != "one"]
    same(sorted(second), [("c1", "old"), ("c2", "old"), ("c3", "old"),
                          ("c4", "new"), ("c5", "new"), ("c6", "new")], "keep")
    for i in (7, 8, 9):
        event(place, "c%d" % i, "signup")
    drain(place, clock)
    place.write("campaigns/w.yaml", text % ("migrate: exit\n", "newest"))
    clock.forward(2 * DAY + 5)
    drain(place, clock)
    same(place.database.number("select count(*) from godwit.enrolments where ended = 'exited'"), 3,
         "exit")
    for i in (7, 8, 9):
        event(place, "c%d" % i, "signup")
    drain(place, clock)
    place.write("campaigns/w.yaml", text % ("migrate: move\n", "moved"))
    clock.forward(2 * DAY + 5)
    drain(place, clock)
    moved = sorted(c for c, s in sent(place) if s == "moved")
    same(moved, ["c7", "c8", "c9"], "move")


def sending_to_a_segment(place):
    clock = begin(place, tet="campaign: tet\ntrigger: { once: true }\n"
                             "audience: customer.country == \"TW\"\nsteps:\n" + SEND)
    place.customers(30)
    place.database.sql("update godwit.customers set attributes = jsonb_build_object('country', "
                       "case when substr(key, 2)::int % 3 = 0 then 'TW' else 'HK' end)")
    drain(place, clock)
    same(sent(place), [], "not before it is told")
    r = place.godwit("send", "thanks", "--yes", env=clock.env)
    check(r.returncode != 0 and "starts with an event" in r.stderr, "it is refused: " + r.stderr)
    r = place.godwit("send", "tet", "--yes", env=clock.env)
    check(r.returncode == 0 and "10 customers" in r.stdout, "send: %s%s" % (r.stdout, r.stderr))
    for fault in ("intake.due.before_commit:9", "intake.due.after_commit:20"):
        same(drain(place, clock, fault=fault + ":crash"), -9, "killed at " + fault)
    drain(place, clock)
    wanted = sorted(("c%d" % i, "thanks") for i in range(3, 31, 3))
    same(sorted(sent(place)), wanted, "the whole segment once")
    same(place.database.number("select count(*) from godwit.run_shards"), 0, "it is done")


def schedules(place):
    """One run an instant, over restarts and steps of the clock; what was missed runs once."""
    clock = begin(place, daily="campaign: daily\ntrigger: { schedule: '0 9 * * *' }\nsteps:\n" + SEND)
    place.customers(5)
    drain(place, clock)
    same(len(sent(place)), 0, "not yet")
    clock.forward(DAY)
    same(drain(place, clock, fault="intake.due.schedule:1:crash"), -9, "killed as it starts")
    drain(place, clock)
    drain(place, clock)
    same(len(sent(place)), 5, "once a day")
    clock.forward(-DAY // 2)
    drain(place, clock)
    clock.forward(DAY // 2)
    drain(place, clock)
    same(len(sent(place)), 5, "not again when the clock goes back and forth")
    clock.forward(3 * DAY)
    drain(place, clock)
    same(len(sent(place)), 10, "three days missed are one run")
    same(place.database.sql("select missed from godwit.runs order by at desc limit 1"), [["2"]],
         "and said so")


def changes(place):
    """Changes of customers are events when a campaign looks at them, whoever makes them."""
    clock = begin(place, gold="campaign: gold\ntrigger: { attribute: plan, to: gold }\nsteps:\n" + SEND,
                  town="campaign: town\ntrigger: { attribute: address.city, to: Taipei }\nsteps:\n" + SEND,
                  birthday="campaign: birthday\ntrigger: { date: birthday, every: year, at: '09:00' }\n"
                           "past_due: send\nsteps:\n" + SEND)
    place.customers(3)
    drain(place, clock)
    place.database.sql("update godwit.customers set attributes = '{\"plan\": \"gold\"}' where key = 'c1'")
    place.database.sql("select godwit.identify('c2', '{\"plan\": \"silver\"}')")
    place.database.sql("select godwit.identify('c3', jsonb_build_object('birthday', "
                       "to_char(now() + interval '10 days' - interval '30 years', 'YYYY-MM-DD')))")
    drain(place, clock)
    same(sent(place), [("c1", "thanks")], "a change that fits")
    same(place.database.number("select count(*) from godwit.events where name = 'customer.changed' "
                               "and properties ->> 'attribute' = 'plan'"), 2, "one event a change")
    for address in ('{"city": "Tainan"}', '{"city": "Taipei"}', '{"city": "Taipei", "zip": "100"}', 'null'):
        place.database.sql("select godwit.identify('c2', '{\"address\": %s}')" % address)
    place.database.sql("select godwit.identify('c1', '{\"address\": \"Taipei\"}')")
    drain(place, clock)
    same(sent(place)[1:], [("c2", "thanks")], "a part of an attribute")
    same([r[0] for r in place.database.sql(
        "select concat_ws(' ', properties ->> 'from', '-', properties ->> 'to') from godwit.events "
        "where properties ->> 'attribute' = 'address.city' order by id")],
         ["- Tainan", "Tainan - Taipei", "Taipei -"], "what is told of it")
    place.database.sql("delete from godwit.messages")
    clock.forward(11 * DAY)
    drain(place, clock)
    same(sent(place), [("c3", "thanks")], "a birthday")
    clock.forward(366 * DAY)
    drain(place, clock)
    same(sent(place)[1:], [("c3", "thanks")], "each year")


def passed_over(place):
    """What the database refuses of one person stops nobody else."""
    clock = begin(place, welcome=JOURNEY % {"more": ""})
    n = 20
    place.customers(n)
    place.database.sql("update godwit.customers set attributes = '{\"country\": \"TW\"}'")
    for i in range(1, n + 1):
        event(place, "c%d" % i, "signup")
    drain(place, clock)
    place.database.sql("alter table godwit.messages add constraint no_second "
                       "check (address <> 'c7@example.net' or step <> 'second') not valid")
    clock.forward(3 * DAY + 5)
    drain(place, clock, patience=120)
    same(len([s for _, s in sent(place) if s == "second"]), n - 1, "all others go on")
    same(place.database.sql("select ended, end_detail like '%no_second%' from godwit.enrolments "
                            "where ended <> 'completed'"), [["error", "t"]], "and it is said")
    place.books()


def found_later(place):
    """An engine that meets people in a version that it has not loaded looks for it."""
    clock = begin(place, welcome=JOURNEY % {"more": ""})
    place.customers(1)
    place.database.sql("update godwit.customers set attributes = '{\"country\": \"TW\"}'")
    drain(place, clock)
    version = place.database.one("select version from godwit.campaign_versions "
                                 "where campaign = 'welcome'")
    place.write("campaigns/welcome.yaml", (JOURNEY % {"more": ""}).replace("id: second", "id: other"))
    engine = place.engine(env=clock.env)
    engine.says("shards acquired")
    place.database.sql(
        "insert into godwit.enrolments (shard, customer_id, campaign, version, occurrence, "
        "entered_at, step, waiting, wake_at) select shard, id, 'welcome', '%s', 'e1', now(), "
        "'wait-1', true, now() from godwit.customers" % version)
    wait(lambda: sent(place) == [("c1", "second")], "the step of the version that was entered", 30)
    engine.signal(signal.SIGTERM)
    same(engine.ended(20), 0, "it stops")


def imports(place):
    """Who is imported is made, which starts nothing; who comes by herself is greeted."""
    clock = begin(place, hello="campaign: hello\ntrigger: { event: customer.created }\nsteps:\n" + SEND)
    drain(place, clock)
    place.write("some.csv", "key,email\nc1,c1@example.net\nc2,c2@example.net\n")
    r = place.godwit("import", "customers", place.workspace + "/some.csv", env=clock.env)
    check(r.returncode == 0, "import: " + r.stdout + r.stderr)
    drain(place, clock)
    same(sent(place), [], "nobody who was imported")
    same(place.database.number("select count(*) from godwit.events where name = 'customer.created' "
                               "and mode = 1"), 2, "it is history")
    place.customers(1, first=3)
    drain(place, clock)
    same(sent(place), [("c3", "thanks")], "who comes by herself")


def few_are_read(place):
    """Working off what is due reads those whom it is about, however many customers there are."""
    clock = begin(place, welcome=JOURNEY % {"more": ""})
    n, all_of_them = 200, 20000
    place.customers(all_of_them)
    place.database.sql("update godwit.customers set attributes = '{\"country\": \"TW\"}' "
                       "where key in (select 'c' || i from generate_series(1, %d) i)" % n)
    place.database.sql("insert into godwit.events (customer, name) select 'c' || i, 'signup' "
                       "from generate_series(1, %d) i" % n)
    drain(place, clock)
    read = ("select coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0) "
            "from pg_stat_user_tables where relname = 'customers'")
    place.database.sql("select pg_stat_force_next_flush()")
    before = place.database.number(read)
    clock.forward(3 * DAY + 5)
    drain(place, clock)
    same(place.database.number("select count(*) from godwit.enrolments where ended = 'completed'"), n,
         "they went on")
    wait(lambda: place.database.number(read) > before, "the statistics come", 20)
    rows = place.database.number(read) - before
    check(rows < all_of_them, "%d rows of customers read for %d people" % (rows, n))


def held_back(place):
    clock = begin(place, welcome=JOURNEY % {"more": "past_due: skip\n"})
    place.customers(4)
    place.database.sql("update godwit.customers set attributes = '{\"country\": \"TW\"}'")
    for i in (1, 2, 3, 4):
        event(place, "c%d" % i, "signup")
    drain(place, clock)
    same(place.godwit("pause", "welcome").returncode, 0, "pause")
    clock.forward(4 * DAY)
    drain(place, clock)
    same(place.database.number("select count(*) from godwit.enrolments where ended_at is null"), 4,
         "nobody goes on")
    same(place.godwit("resume", "welcome").returncode, 0, "resume")
    drain(place, clock)
    same(len([s for _, s in sent(place) if s == "second"]), 0, "past due, skipped")
    same(place.database.number("select count(*) from godwit.decisions where gate = 'past_due'"), 4,
         "and recorded")
    place.books()


def two_engines(place):
    """Nobody is in a journey twice, and nothing is done twice, while shards move about."""
    clock = begin(place, welcome=JOURNEY % {"more": ""})
    n = 300
    place.customers(n)
    place.database.sql("update godwit.customers set attributes = '{\"country\": \"TW\"}'")
    engines = [place.engine(env=clock.env) for _ in range(2)]
    for e in engines:
        e.says("shards acquired")
    for _ in range(3):
        place.database.sql("insert into godwit.events (customer, name) select 'c' || i, 'signup' "
                           "from generate_series(1, %d) i" % n)
    wait(lambda: len(sent(place)) >= n, "the first messages")
    clock.forward(3 * DAY + 5)
    engines[0].kill()
    wait(lambda: len(sent(place)) >= 2 * n, "the second messages")
    same(sorted(sent(place)),
         sorted([("c%d" % i, s) for i in range(1, n + 1) for s in ("hello", "second")]),
         "each step once")
    engines[1].signal(signal.SIGTERM)
    same(engines[1].ended(20), 0, "it stops")
    place.books()


def caps_hold(place):
    """50 campaigns aim at everybody at once, by events and by schedule, two engines decide."""
    most = "campaign: c%(i)02d\ntrigger: { event: bell }\npriority: %(i)d\nsteps:\n" + SEND
    late = "campaign: c%(i)02d\ntrigger: { once: true }\npriority: %(i)d\nsteps:\n" + SEND
    clock = begin(place, **{"c%02d" % i: (late if i % 10 == 0 else most) % {"i": i}
                            for i in range(50)})
    place.write("godwit.yaml", "caps: [{ most: 1, per: 1d }]\n", mode="a")
    n = 1000
    place.customers(n)
    engines = [place.engine(env=clock.env) for _ in range(2)]
    for e in engines:
        e.says("shards acquired")
    for i in range(0, 50, 10):
        r = place.godwit("send", "c%02d" % i, "--yes", env=clock.env)
        same(r.returncode, 0, "send: " + r.stderr)
    place.database.sql("insert into godwit.events (customer, name) select 'c' || i, 'bell' "
                       "from generate_series(1, %d) i" % n)
    rows = ("select (select count(*) from godwit.messages) + (select count(*) from godwit.decisions)")
    wait(lambda: place.database.number(rows) >= 50 * n, "all has been decided", 120)
    wait(lambda: place.settled(n), "all is sent", 120)
    same(place.database.number("select count(*) from (select customer_id from godwit.messages "
                               "where status = 'sent' group by 1 having count(*) > 1) x"), 0,
         "customers with more than one")
    same(len(sent(place)), n, "everybody got one")
    for e in engines:
        e.signal(signal.SIGTERM)
        same(e.ended(20), 0, "it stops")
    place.books()


def making_room(place):
    """A message that waits for the morning makes room for one that is worth more."""
    low = "campaign: low\ntrigger: { event: a }\nsteps:\n" + SEND
    high = ("campaign: high\ntrigger: { event: b }\npriority: 5\nquiet_hours: off\nsteps:\n" + SEND)
    clock = begin(place, low=low, high=high)
    hour = (time.gmtime().tm_hour + 8) % 24 # in the workspace's zone
    place.write("godwit.yaml", "caps: [{ most: 1, per: 2d }]\n"
                "quiet_hours: { from: '%02d:00', to: '%02d:00' }\n" % (hour, (hour + 3) % 24), mode="a")
    place.customers(5)
    for i in range(1, 6):
        event(place, "c%d" % i, "a")
    drain(place, clock)
    same(sent(place), [], "it waits")
    for i in range(1, 6):
        event(place, "c%d" % i, "b")
    drain(place, clock)
    same(len(sent(place, "high")), 5, "what is worth more is sent")
    same(place.database.sql("select distinct status, reason from godwit.messages "
                            "where campaign = 'low'"), [["cancelled", "displaced by high"]], "made room")
    same(place.database.number("select capped from godwit.report_accounting where campaign = 'low'"),
         5, "counted as capped")
    place.books()
    try: # what is being sent makes no room: whoever counted on that decides again
        place.database.sql(
            "select godwit.displace(array_agg(shard), array_agg(customer_id), array_agg(campaign), "
            "array_agg(step), array_agg(occurrence), array_agg('displaced by x'::text)) "
            "from godwit.messages where campaign = 'high'")
        check(False, "what was sent made room")
    except Failed as e:
        check("GW002" in str(e), str(e))


def other_channel(place):
    """What fails for good goes the other way, once, when the step says so."""
    clock = begin(place)
    good = place.port
    bad = place.peer("rcpt=550 5.7.1 refused")
    place.settings(port=bad.port)
    place.write("godwit.yaml", "channels:\n  backup: { driver: smtp, host: 127.0.0.1, port: %d, "
                "connections: 1, starttls: \"off\" }\n" % good, mode="a")
    settings = place.workspace + "/godwit.yaml"
    with open(settings, encoding="utf-8") as f:
        text = f.read()
    extra = text[text.rindex("channels:\n") + len("channels:\n"):]
    text = text[:text.rindex("channels:\n")].replace("channels:\n", "channels:\n" + extra, 1)
    place.write("godwit.yaml", text)
    place.write("campaigns/w.yaml",
                "campaign: w\ntrigger: { event: signup }\nsteps:\n"
                "  - send: { channel: email, topic: offers, template: thanks, "
                "else: { channel: backup, topic: offers, template: thanks } }\n")
    place.customers(3)
    for i in (1, 2, 3):
        event(place, "c%d" % i, "signup")
    drain(place, clock)
    drain(place, clock)
    rows = sorted(tuple(r) for r in place.database.sql(
        "select c.key, m.step, m.channel, m.status from godwit.messages m join godwit.customers c "
        "on c.shard = m.shard and c.id = m.customer_id"))
    same([r for r in rows if r[2] == "email"],
         [("c%d" % i, "thanks", "email", "failed") for i in (1, 2, 3)], "it failed")
    same([r for r in rows if r[2] == "backup"],
         [("c%d" % i, "thanks/else", "backup", "sent") for i in (1, 2, 3)], "and goes the other way")
    place.books()


def many_wait(place):
    """A start and a look read no more of those who wait when there are a hundred times as many."""
    clock = begin(place, welcome=JOURNEY % {"more": ""})
    place.customers(1)
    drain(place, clock)
    version = place.database.one("select version from godwit.campaign_versions "
                                 "where campaign = 'welcome' limit 1")
    read = ("select coalesce(idx_tup_fetch, 0) + coalesce(seq_tup_read, 0) "
            "from pg_stat_user_tables where relname = 'enrolments'")

    def look(first, n):
        place.database.sql(
            "insert into godwit.enrolments (shard, customer_id, campaign, version, occurrence, "
            "entered_at, step, waiting, wake_at) select i %% 64, 1000 + i, 'welcome', '%s', "
            "'e' || i, now(), 'wait-1', true, now() + interval '20 days' "
            "from generate_series(%d, %d) i" % (version, first, first + n - 1))
        place.database.sql("vacuum analyze godwit.enrolments")
        place.database.sql("select pg_stat_force_next_flush()")
        before = place.database.number(read)
        drain(place, clock)
        wait(lambda: place.database.number(
            "select count(*) from pg_stat_activity where application_name like 'godwit%'") == 0,
            "its connections end", 20)
        return place.database.number(read) - before

    few = look(1, 1000)
    many = look(1001, 100000)
    check(many <= few + 200, "rows of enrolments read: %d, then %d" % (few, many))


if __name__ == "__main__":
    if not developer_build():
        skip("the clock of tests needs --enable-developer")
    run(absence, arming, journey, killed, versions, sending_to_a_segment, schedules, changes,
        passed_over, found_later, imports, few_are_read, held_back, two_engines, caps_hold, making_room, other_channel, many_wait)
