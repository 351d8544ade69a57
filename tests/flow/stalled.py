# SPDX-License-Identifier: Apache-2.0
"""A destination that accepts and never answers leaves the others their rate: measured beside a round
without it, alternating. `bench/stalled.sh` asks for 90 %; here the floor is lower, for the machine
may be busy."""
import os

from flow import check, run, same, wait

N = int(os.environ.get("STALLED_MESSAGES", "800"))
ROUNDS = int(os.environ.get("STALLED_ROUNDS", "2"))
FLOOR = float(os.environ.get("STALLED_FLOOR", "0.5"))
CONNECTIONS = 16

CHANNELS = """  stuck: {{ driver: smtp, host: 127.0.0.1, port: {stuck}, connections: 16, starttls: "off" }}
topics:"""


def rate(place, peer, n, where="true"):
    """Messages a second between the first and the last that the healthy destination took."""
    span = float(place.database.one("select extract(epoch from max(sent_at) - min(sent_at)) from "
                                    "godwit.messages where status = 'sent' and " + where))
    same(len([a for a, _ in peer.received() if a.endswith("@example.net")]), n, "received")
    return n / span


def median(values):
    return sorted(values)[len(values) // 2]


def judge(shares, what):
    print("    %s: the others keep %s of their rate, median %.0f %% (floor %.0f %%)" % (
        what, ", ".join("%.0f %%" % (100 * s) for s in shares), 100 * median(shares), 100 * FLOOR))
    check(median(shares) >= FLOOR, "%s: below %.0f %%" % (what, 100 * FLOOR))


def empty(place):
    place.database.sql("truncate godwit.events, godwit.messages, godwit.decisions, godwit.responses")


def one_round(place, stall, stuck, healthy_rules, insert):
    """Sends N messages to example.net; with `stall` there are as many for what never answers."""
    peer = place.peer(*healthy_rules)
    place.settings(CONNECTIONS, port=peer.port)
    path = os.path.join(place.workspace, "godwit.yaml")
    with open(path) as f:
        text = f.read()
    place.write("godwit.yaml", text.replace("topics:", CHANNELS.format(stuck=stuck), 1))
    empty(place)
    e = place.engine()
    e.says("shards acquired")
    if stall: # it is full of what is stuck before the others come
        insert()
        wait(lambda: place.database.number("select count(*) from godwit.messages") == N and
             "sending" in place.statuses(), "some are stuck", 60)
    place.orders(N)
    wait(lambda: place.database.number("select count(*) from godwit.messages where status = 'sent'") >= N,
         "the healthy destination's are sent", 120)
    e.kill()
    return rate(place, peer, N)


def channel(place):
    """Another channel's server takes connections and never says a word."""
    stuck = place.peer("connect=stall")
    place.ready(1, CONNECTIONS)
    place.write("campaigns/other.yaml", "campaign: other\ntrigger: { event: order.lost }\nsteps:\n"
                "  - send: { channel: stuck, topic: offers, template: thanks }\n")
    place.customers(N)

    def insert():
        place.database.sql("insert into godwit.events (customer, name) select 'c' || i, 'order.lost' "
                           "from generate_series(1, %d) i" % N)
    shares = []
    for _ in range(ROUNDS):
        alone = one_round(place, False, stuck.port, (), insert)
        shares.append(one_round(place, True, stuck.port, (), insert) / alone)
    judge(shares, "a channel that stalls")


def domain(place):
    """The same server never answers to the recipients of one domain, who come first."""
    place.ready(1, CONNECTIONS)
    place.customers(N)
    place.database.sql("select count(godwit.identify('s' || i, '{}', 's' || i || '@stuck.example')) "
                       "from generate_series(1, %d) i" % N)

    def insert():
        place.database.sql("insert into godwit.events (customer, name) select 's' || i, 'order.placed' "
                           "from generate_series(1, %d) i" % N)
    shares = []
    for _ in range(ROUNDS):
        alone = one_round(place, False, 1, ("rcpt:*@stuck.example=stall",), insert)
        shares.append(one_round(place, True, 1, ("rcpt:*@stuck.example=stall",), insert) / alone)
    judge(shares, "a domain that stalls")


channel.limit = domain.limit = 600

if __name__ == "__main__":
    run(channel, domain, needs=())
