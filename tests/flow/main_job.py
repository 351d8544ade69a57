# SPDX-License-Identifier: Apache-2.0
"""The main job: customers who buy a second time get exactly one mail each, through smtp-sink."""
import collections
import csv
import os
import random

from flow import check, run, same

SECOND = 'audience: count("order.placed", "all") == 2\nlimits: { per_customer: once }\n'


def write_csv(path, rows):
    with open(path, "w", newline="") as f:
        csv.writer(f).writerows(rows)


def imported(place, purchases):
    """Imports [(customer, date, quantity, amount)] and runs; compares with a count of our own."""
    sink = place.sink()
    place.ready(sink.port, 8, more=SECOND)
    people = sorted({p[0] for p in purchases})
    write_csv(place.folder + "/people.csv", [("id", "mail")] + [(p, p + "@example.net") for p in people])
    write_csv(place.folder + "/orders.csv", [("customer", "date", "quantity", "amount")] + purchases)
    r = place.godwit("import", "customers", place.folder + "/people.csv", "--map", "key=id",
                     "--map", "email=mail")
    same(r.returncode, 0, "import customers: " + r.stderr)
    r = place.godwit("import", "events", place.folder + "/orders.csv", "--name", "order.placed",
                     "--map", "customer=customer", "--map", "occurred_at=date",
                     "--map", "properties.amount:double=amount",
                     "--map", "properties.quantity:int=quantity", "--trigger")
    same(r.returncode, 0, "import events: " + r.stderr)
    same(place.database.number("select count(*) from godwit.events"), len(purchases), "events")
    place.drain()
    counts = collections.Counter(p[0] for p in purchases)
    expected = [c + "@example.net" for c in people if counts[c] >= 2]
    received = sink.received()
    place.exact(received, expected)
    same(len({i for _, i in received}), len(expected), "distinct Message-IDs")
    same(place.database.sql("select sum(entered), sum(sent) from godwit.report_accounting"),
         [[str(len(expected))] * 2], "entered and sent")
    # again: nothing is decided twice
    place.drain()
    same(len(sink.received()), len(expected), "mails after another run")
    r = place.godwit("report")
    same(r.returncode, 0, "report: " + r.stderr)
    check(str(len(expected)) in r.stdout.replace(",", ""), "report shows the number:\n" + r.stdout)


def own_data(place):
    """Two orders of a customer on one day are two: the order of the file decides."""
    rng = random.Random(2)
    purchases = []
    for i in range(2000):
        day = rng.randrange(300)
        for _ in range(min(1 + int(rng.expovariate(0.8)), 12)):
            purchases.append(("k%04d" % i, "19%02d-%02d-%02d" % (97 + day // 360, 1 + day % 360 // 30,
                                                                 1 + day % 28),
                              str(rng.randrange(1, 9)), "%.2f" % (rng.random() * 100)))
            day += rng.randrange(0, 40)
    purchases.sort(key=lambda p: p[1])
    imported(place, purchases)


def cdnow(place):
    path = os.path.join(os.environ.get("GODWIT_SHARED", ""), "data", "cdnow.csv")
    if not os.path.exists(path):
        print("    the CDNOW data is not here: left out")
        return
    with open(path, newline="") as f:
        rows = list(csv.reader(f))[1:]
    people = sorted({r[0] for r in rows})[:2000]
    imported(place, [tuple(r) for r in rows if r[0] <= people[-1]])


if __name__ == "__main__":
    run(own_data, cdnow)
