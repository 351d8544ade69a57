# SPDX-License-Identifier: Apache-2.0
"""Tracked segments: entry and exit by an event, by an attribute and by the clock alone; silent when
a definition is new or changes; exactly once though the engine is killed."""
import signal

from flow import SEED, check, developer_build, run, same, wait

SEGMENTS = """tw: { where: 'customer.country == "TW"', tracked: true }
buyers: { where: 'count("order.placed", "all") >= 1', tracked: true }
recent: { where: 'count("order.placed", "3s") >= 1', tracked: true }
quiet: { where: 'since("order.placed") > duration("2s") && in_segment("tw")', tracked: true }
untracked: customer.country == "TW"
"""


def members(place, segment):
    return {c for (c,) in place.database.sql(
        "select customer from godwit.report_segments where segment = '%s'" % segment)}


def happened(place):
    """[(customer, name of the event, segment)] in order."""
    return [tuple(r) for r in place.database.sql(
        "select customer, name, properties ->> 'segment' from godwit.events "
        "where name like 'segment.%' order by id")]


def identify(place, customer, country):
    place.database.sql("select godwit.identify('%s', '{\"country\": \"%s\"}', '%s@example.net')"
                       % (customer, country, customer))


def entry_and_exit(place):
    peer = place.peer()
    place.write("segments.yaml", SEGMENTS)
    place.ready(peer.port)
    place.write("campaigns/thanks.yaml",
                "campaign: thanks\ntrigger: { event: segment.entered }\n"
                "audience: event.segment == \"tw\"\nsteps:\n"
                "  - send: { channel: email, topic: offers, template: thanks }\n")
    place.engine().says("shards acquired") # what is tracked is known
    identify(place, "c1", "TW")
    wait(lambda: members(place, "tw") == {"c1"}, "c1 enters tw by an attribute", 20)
    wait(lambda: len(peer.records()) == 1, "the entry starts a campaign", 20)
    same(happened(place), [("c1", "segment.entered", "tw")], "events")
    place.orders(1)
    wait(lambda: members(place, "recent") == {"c1"}, "c1 enters recent by an event", 20)
    same(members(place, "buyers"), {"c1"}, "buyers, in the same transaction")
    wait(lambda: members(place, "quiet") == {"c1"}, "c1 enters quiet by the clock", 20)
    wait(lambda: not members(place, "recent"), "c1 leaves recent by the clock", 20)
    late = place.database.one(
        "select max(e.occurred_at) - min(o.occurred_at) - interval '3s' < interval '1500ms' "
        "from godwit.events e, godwit.events o where e.name = 'segment.left' "
        "and o.name = 'order.placed'")
    same(late, "t", "within a second and a half of the instant")
    identify(place, "c1", "HK")
    wait(lambda: not members(place, "tw"), "c1 leaves tw", 20)
    wait(lambda: not members(place, "quiet"), "and what stands on it", 20)
    same(place.database.number("select count(*) from godwit.timers where due_at < 'infinity'"), 0,
         "timers of what cannot change any more")
    same(sorted(happened(place)), sorted(
        [("c1", "segment.entered", s) for s in ("tw", "buyers", "recent", "quiet")] +
        [("c1", "segment.left", s) for s in ("recent", "tw", "quiet")]), "all events")
    place.exact(peer.received(), ["c1@example.net"])


def definitions_are_silent(place):
    place.write("segments.yaml", 'tw: customer.country == "TW"\n')
    place.ready(place.peer().port)
    for i in range(1, 21):
        identify(place, "c%d" % i, "TW" if i % 2 else "HK")
    place.orders(10)
    place.drain()
    same(place.database.number("select count(*) from godwit.timers"), 0, "timers without need")
    place.write("segments.yaml", SEGMENTS)
    place.drain()
    odd = {"c%d" % i for i in range(1, 21, 2)}
    same(members(place, "tw"), odd, "tw as it is recorded first")
    same(members(place, "buyers"), {"c%d" % i for i in range(1, 11)}, "buyers")
    same(happened(place), [], "events of the first recording")
    engine = place.engine()
    place.write("segments.yaml", SEGMENTS.replace('"TW"\', tracked', '"HK"\', tracked'))
    engine.says("shards acquired")
    engine.signal(signal.SIGHUP)
    wait(lambda: members(place, "tw") == {"c%d" % i for i in range(2, 21, 2)}, "the new definition", 20)
    identify(place, "c1", "HK")
    wait(lambda: "c1" in members(place, "tw"), "c1 enters", 20)
    wait(lambda: ("c1", "segment.entered", "tw") in happened(place), "with an event", 20)
    check(not [e for e in happened(place) if e[2] == "tw" and e[0] != "c1"],
          "events of a definition: %r" % happened(place))
    engine.signal(signal.SIGTERM)
    same(engine.ended(20), 0, "it stops")
    place.write("segments.yaml", 'tw: customer.country == "TW"\n')
    place.drain()
    same(place.database.number("select count(*) from godwit.memberships"), 0, "nothing is tracked")


def once_though_killed(place):
    if not developer_build():
        return
    place.write("segments.yaml", SEGMENTS)
    place.ready(place.peer().port)
    place.drain()
    n = 300
    for i in range(1, n + 1):
        identify(place, "c%d" % i, "TW" if i % 3 else "HK")
    for fault in ("wake.before_commit:1", "wake.after_commit:1", "wake.before_commit:1"):
        same(place.engine("--drain", fault=fault + ":crash").ended(), -9, "killed at " + fault)
    place.orders(n)
    place.drain()
    wanted = {"c%d" % i for i in range(1, n + 1) if i % 3}
    same(members(place, "tw"), wanted, "tw")
    same(sorted(c for c, name, s in happened(place) if s == "tw" and name == "segment.entered"),
         sorted(wanted), "one entry each")
    same(sorted(c for c, name, s in happened(place) if s == "buyers"),
         sorted("c%d" % i for i in range(1, n + 1)), "one entry to buyers each")
    listed = place.godwit("segment", "list", "tw", "--format", "csv").stdout.split()[1:]
    same(set(listed), wanted, "as segment list says")


if __name__ == "__main__":
    run(entry_and_exit, definitions_are_silent, once_though_killed)
