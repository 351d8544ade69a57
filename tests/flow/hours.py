# SPDX-License-Identifier: Apache-2.0
"""Quiet hours and send windows hold when a message leaves, not only when it is decided on: after an
outage, a retry, a pause, and for what waits in memory. Under a clock that the test puts forward."""
import datetime

from flow import SETTINGS, SMTP, check, developer_build, free_port, run, same, skip, wait

HOUR = 3600
SEND = "  - send: { channel: email, topic: offers, template: thanks }\n"
EVENING = "2027-03-01 21:50"  # UTC; a Monday
CAMPAIGNS = {
    "plain": "campaign: plain\ntrigger: { event: order.placed }\nsteps:\n" + SEND,
    "loud": "campaign: loud\ntrigger: { event: order.placed }\nquiet_hours: off\nsteps:\n" + SEND,
    "office": "campaign: office\ntrigger: { event: order.placed }\nquiet_hours: off\n"
              'send_window: { from: "09:00", to: "22:00", days: [mon, wed] }\nsteps:\n' + SEND,
    "receipt": "campaign: receipt\ntrigger: { event: order.placed }\nsteps:\n"
               "  - send: { channel: email, legal: transactional, template: thanks }\n",
    "short": "campaign: short\ntrigger: { event: order.placed }\nexpires: 4h\nsteps:\n" + SEND,
}


def seconds(text):
    return int(datetime.datetime.fromisoformat(text + "+00:00").timestamp())


class Clock:
    """Stands where it is put."""

    def __init__(self, place):
        self.path = place.folder + "/clock"
        self.env = {"GODWIT_CLOCK": self.path}
        self.put(EVENING)

    def put(self, text):
        self.now = seconds(text)
        with open(self.path, "w", encoding="utf-8") as f:
            f.write("=%d\n" % self.now)


def begin(place, port, channel="", campaigns=CAMPAIGNS):
    place.ready(port)
    place.write("godwit.yaml", SETTINGS.format(url=place.database.url, port=port, connections=1,
                driver=SMTP, channel=channel).replace("Asia/Taipei", "UTC")
                + 'quiet_hours: { from: "22:00", to: "06:00" }\n')
    place.write("campaigns/thanks.yaml", "campaign: thanks\ntrigger: { event: never }\nsteps:\n" + SEND)
    for name, text in campaigns.items():
        place.write("campaigns/%s.yaml" % name, text)
    return Clock(place)


def customer(place, key, zone=""):
    place.database.sql("select godwit.identify('%s', '{}', '%s@example.net')" % (key, key))
    place.database.sql("update godwit.customers set timezone = nullif('%s', '') where key = '%s'" % (zone, key))


def order(place, clock, *keys, name="order.placed"):
    for key in keys:
        place.database.sql("insert into godwit.events (customer, name, occurred_at) values "
                           "('%s', '%s', to_timestamp(%d))" % (key, name, clock.now))


def drain(place, clock):
    e = place.engine("--drain", env=clock.env)
    status = e.ended(60)
    check(status == 0, "run --drain ended with %s:\n%s" % (status, e.text()[-3000:]))


def messages(place):
    """{(campaign, customer): (status, attempts, due)}"""
    return {(campaign, key): (status, int(attempts), due) for campaign, key, status, attempts, due in
            place.database.sql(
                "select m.campaign, c.key, m.status, m.attempts, "
                "coalesce(to_char(m.due_at at time zone 'UTC', 'MM-DD HH24:MI'), '') "
                "from godwit.messages m join godwit.customers c on c.shard = m.shard and c.id = m.customer_id")}


def outage(place):
    """Nothing is delivered from ten to ten until five past ten. What was in memory waits as well."""
    port = free_port()
    clock = begin(place, port)
    customer(place, "here")
    customer(place, "tokyo", "Asia/Tokyo")         # it is seven in the morning there
    customer(place, "nowhere", "No/Where")
    for i in range(20):
        customer(place, "c%d" % i)
    engine = place.engine(env=clock.env)
    engine.says("shards acquired")
    keys = ["here", "tokyo", "nowhere"] + ["c%d" % i for i in range(20)]
    order(place, clock, *keys)
    engine.says("channel rests")
    wait(lambda: len(messages(place)) == 5 * len(keys), "messages")
    check(not any(s == "sent" for s, _, _ in messages(place).values()), "nothing is sent")
    clock.put("2027-03-01 22:05")
    peer = place.peer(port=port)
    want = {}
    for key in keys:
        want["plain", key] = ("sent", 1, "") if key == "tokyo" else ("queued", 0, "03-02 06:00")
        want["loud", key] = want["receipt", key] = ("sent", 1, "")
        want["office", key] = ("queued", 0, "03-03 09:00")
        want["short", key] = ("sent", 1, "") if key == "tokyo" else ("queued", 0, "03-02 01:50")
    want["office", "tokyo"] = ("queued", 0, "03-03 00:00") # Wednesday, nine o'clock there

    def settled():
        clock.put("2027-03-01 22:%02d" % (5 + settled.looks % 50)) # the channel's rest ends
        settled.looks += 1
        return messages(place) == want
    settled.looks = 0
    try:
        wait(settled, "what may leave has left", 30, 0.3)
    except AssertionError:
        got = messages(place)
        check(False, "wanted, got: %r" % [(k, want[k], got.get(k)) for k in want if got.get(k) != want[k]][:8])
    same(len(peer.received()), 2 * len(keys) + 2, "what the server took")
    engine.kill()
    clock.put("2027-03-02 06:00")
    drain(place, clock)
    got = messages(place)
    same({got["plain", k][0] for k in keys}, {"sent"}, "at six")
    same({got["short", k][0] for k in keys if k != "tokyo"}, {"failed"}, "expired meanwhile")
    same(place.database.sql("select distinct reason from godwit.messages where status = 'failed'"),
         [["expired before it could be sent"]], "reason")
    clock.put("2027-03-03 09:00")
    drain(place, clock)
    same({s for s, _, _ in messages(place).values()}, {"sent", "failed"}, "on Wednesday")
    place.books()


def retried(place):
    """Deferred at two minutes to ten; five minutes later it is not the time."""
    clock = begin(place, place.peer("rcpt#2=451 4.3.0 come again").port,
                  campaigns={k: CAMPAIGNS[k] for k in ("plain", "receipt")})
    customer(place, "here")
    clock.put("2027-03-01 21:58")
    order(place, clock, "here")
    drain(place, clock)
    same({x[:2] for x in messages(place).values()}, {("deferred", 1)}, "the first attempts")
    clock.put("2027-03-01 22:30")
    drain(place, clock)
    same(messages(place), {("receipt", "here"): ("sent", 2, ""),
                           ("plain", "here"): ("deferred", 1, "03-02 06:00")}, "at half past ten")
    clock.put("2027-03-02 06:00")
    drain(place, clock)
    same(messages(place)["plain", "here"][0], "sent", "in the morning")
    place.books()


def paused(place):
    clock = begin(place, place.peer().port, campaigns={k: CAMPAIGNS[k] for k in ("plain", "office", "loud")})
    customer(place, "here")
    for name in ("plain", "office", "loud"):
        same(place.godwit("pause", name, env=clock.env).returncode, 0, "pause")
    order(place, clock, "here")
    drain(place, clock)
    same({s for s, _, _ in messages(place).values()}, {"queued"}, "paused")
    clock.put("2027-03-01 23:00")
    for name in ("plain", "office", "loud"):
        same(place.godwit("resume", name, env=clock.env).returncode, 0, "resume")
    place.database.sql("update godwit.messages set due_at = to_timestamp(%d)" % clock.now) # not the database's clock
    drain(place, clock)
    same(messages(place), {("plain", "here"): ("queued", 0, "03-02 06:00"),
                           ("office", "here"): ("queued", 0, "03-03 09:00"),
                           ("loud", "here"): ("sent", 1, "")}, "resumed at eleven")
    clock.put("2027-03-03 09:00")
    drain(place, clock)
    same({s for s, _, _ in messages(place).values()}, {"sent"}, "in the end")
    place.books()


def first_failure_long_after(place):
    """A window that opens days after the decision: its first temporary failure is not its end."""
    weekly = {"office": CAMPAIGNS["office"].replace("mon, wed", "fri")}
    clock = begin(place, place.peer("rcpt#1=451 4.3.0 come again").port, campaigns=weekly)
    customer(place, "here")
    order(place, clock, "here")
    drain(place, clock)
    same(messages(place)["office", "here"], ("queued", 0, "03-05 09:00"), "on Friday")
    clock.put("2027-03-05 09:00")
    drain(place, clock)
    same(messages(place)["office", "here"][:2], ("deferred", 1), "the first failure")
    clock.put("2027-03-05 09:10")
    drain(place, clock)
    same(messages(place)["office", "here"][0], "sent", "the second attempt")


# An earlier message, made on Monday, at noon of Wednesday, under a cap of one a day.
COUNTED = [
    # what has become of it, whether there is room today
    ("status = 'sent', due_at = null, sent_at = '2027-03-01 22:00Z'", True),
    ("status = 'sent', due_at = null, sent_at = '2027-03-03 00:00Z'", False),
    ("status = 'sent', due_at = null, sent_at = '2027-03-02 23:59Z'", True),
    ("due_at = '2027-03-03 18:00Z'", False),          # postponed to later today
    ("due_at = '2027-03-04 06:00Z'", True),           # to tomorrow
    ("due_at = '2027-03-01 21:50Z'", False),          # a backlog: it leaves today at the earliest
    ("status = 'deferred', due_at = '2027-03-02 12:00Z'", False),
    ("status = 'deferred', due_at = '2027-03-04 00:00Z'", True),
    ("due_at = 'infinity', reason = 'paused'", True), # who knows when
    ("status = 'in_doubt', due_at = null, doubted_at = '2027-03-03 08:00Z'", False),
    ("status = 'in_doubt', due_at = null, doubted_at = '2027-03-02 08:00Z'", True),
    ("status = 'held_out', due_at = null", True),
    ("status = 'held_out', due_at = null, queued_at = '2027-03-03 08:00Z'", False),
    ("status = 'failed', due_at = null, queued_at = '2027-03-03 08:00Z'", True),
    ("status = 'cancelled', due_at = null, queued_at = '2027-03-03 08:00Z'", True),
]


def counted(place):
    """A message counts once under caps, on the day on which it leaves."""
    clock = begin(place, place.peer().port, campaigns={
        "plain": CAMPAIGNS["plain"],
        "next": CAMPAIGNS["plain"].replace("plain", "next").replace("order.placed", "page.viewed")})
    with open(place.workspace + "/godwit.yaml", "a", encoding="utf-8") as f:
        f.write("caps:\n  - { most: 1, per: day }\n")
    same(place.godwit("stop-all", env=clock.env).returncode, 0, "stop-all")
    keys = ["c%d" % i for i in range(len(COUNTED))]
    for key in keys:
        customer(place, key)
    order(place, clock, *keys)
    drain(place, clock)
    same(len(messages(place)), len(keys), "messages")
    for key, (change, _) in zip(keys, COUNTED):
        place.database.sql("update godwit.messages set %s where address = '%s@example.net'" % (change, key))
    clock.put("2027-03-03 12:00")
    order(place, clock, *keys, name="page.viewed")
    drain(place, clock)
    got = {key: ("next", key) in messages(place) for key in keys}
    for key, (change, room) in zip(keys, COUNTED):
        same(got[key], room, "there is room after: " + change)
    order(place, clock, *keys, name="page.viewed") # what was just decided counts as well
    drain(place, clock)
    same(place.database.number("select count(*) from godwit.messages where campaign = 'next'"),
         sum(got.values()), "messages of today")


if __name__ == "__main__":
    if not developer_build():
        skip("the clock of tests needs --enable-developer")
    run(outage, retried, paused, first_failure_long_after, counted, needs=())
