# SPDX-License-Identifier: Apache-2.0
"""bench/cdnow.sh: measures, and fails when the result is not exact or below the goal."""
import csv
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "flow"))
from flow import GODWIT, check, run, same, skip  # noqa: E402

DATA = os.path.join(os.environ.get("GODWIT_SHARED", ""), "data", "cdnow.csv")
BUYERS = 11662 # customers who bought at least twice
SECOND = 'audience: count("order.placed", "all") == 2\nlimits: { per_customer: once }\n'
ROUNDS = 3


def timed(place, *arguments):
    """Seconds and peak memory (KiB) of a godwit command that must end well."""
    report = os.path.join(place.folder, "time")
    began = time.monotonic()
    r = subprocess.run(["/usr/bin/time", "-f", "%M", "-o", report, GODWIT, arguments[0], "-C",
                        place.workspace, *arguments[1:]], stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, timeout=600)
    same(r.returncode, 0, "godwit %s: %s" % (arguments[0], r.stderr[-2000:]))
    with open(report) as f:
        return time.monotonic() - began, int(f.read().split()[-1])


def source_rate(port, n=6000):
    """smtp-source's messages a second into the same sink."""
    began = time.monotonic()
    subprocess.run(["smtp-source", "-d", "-s", "16", "-l", "4096", "-m", str(n), "-f", "a@example.net",
                    "-t", "b@example.net", "127.0.0.1:%d" % port], check=True, timeout=600)
    return n / (time.monotonic() - began)


def godwit_rate(place, sink, people, first):
    place.ready(sink.port, 16, more=SECOND)
    clean = ("truncate godwit.events, godwit.messages, godwit.decisions, godwit.behaviour, "
             "godwit.customers, godwit.imports")
    if not first:
        place.database.sql(clean)
    import_s, _ = timed(place, "import", "customers", people, "--map", "key=id", "--map", "email=mail")
    seconds, _ = timed(place, "import", "events", DATA, "--name", "order.placed",
                       "--map", "customer=customer", "--map", "occurred_at=date",
                       "--map", "properties.amount:double=amount",
                       "--map", "properties.quantity:int=quantity", "--trigger")
    import_s += seconds
    run_s, peak = timed(place, "run", "--drain")
    span = float(place.database.one("select extract(epoch from max(sent_at) - min(sending_at)) "
                                    "from godwit.messages where status = 'sent'"))
    return import_s, run_s, peak, BUYERS / span, BUYERS / run_s


def cdnow(place):
    sink = place.sink()
    plain = place.sink(dump=False)
    people = place.folder + "/people.csv"
    with open(DATA, newline="") as f, open(people, "w", newline="") as out:
        keys = sorted({r["customer"] for r in csv.DictReader(f)})
        csv.writer(out).writerows([("id", "mail")] + [(k, "c%s@example.net" % k) for k in keys])
    shares = []
    for n in range(ROUNDS):
        before = source_rate(plain.port)
        import_s, run_s, peak, rate, whole = godwit_rate(place, sink if n == 0 else plain, people, n == 0)
        source = 2 / (1 / before + 1 / source_rate(plain.port))
        shares.append(rate / source)
        print("round %d: smtp-source %.0f/s | import %.1f s (%.0f rows/s), run %.1f s: %.0f messages/s "
              "from the first to the last (%.0f %%), %.0f/s from start to end, peak %.1f MiB"
              % (n + 1, source, import_s, 93229 / import_s, run_s, rate, 100 * rate / source, whole,
                 peak / 1024), flush=True)
        check(peak < 96 * 1024, "peak memory %d KiB" % peak)
        same(place.database.sql("select sum(entered), sum(sent) from godwit.report_accounting"),
             [[str(BUYERS)] * 2], "entered and sent")
        place.books()
        if n == 0: # the first time every mail is looked at
            received = sink.received()
            same(len(received), BUYERS, "mails at smtp-sink")
            same(len({a for a, _ in received}), BUYERS, "recipients")
            same(len({i for _, i in received}), BUYERS, "Message-IDs")
    share = sorted(shares)[len(shares) // 2]
    print("median share of smtp-source's rate: %.0f %% (goal 25 %%)" % (100 * share))
    check(share >= 0.25, "below a quarter of smtp-source's rate")


cdnow.limit = 900

if __name__ == "__main__":
    if not os.path.exists(DATA):
        skip("the CDNOW data is not at %s" % DATA)
    run(cdnow, needs=("smtp-sink", "smtp-source"), options=("fsync=on", "max_wal_size=2GB"))
