# SPDX-License-Identifier: Apache-2.0
"""Journeys, absences, dates and schedules, live, under a clock that the test puts forward: what
happens later happens once, though the engine is killed, the file changes, or two engines run."""
import signal

from flow import check, developer_build, run, same, skip, wait

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


if __name__ == "__main__":
    if not developer_build():
        skip("the clock of tests needs --enable-developer")
    run(absence, arming, journey, killed, versions, sending_to_a_segment, schedules, changes,
        held_back, two_engines)
