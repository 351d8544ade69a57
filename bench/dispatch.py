# SPDX-License-Identifier: Apache-2.0
"""bench/dispatch.sh: 20 campaigns, one of which each event starts; a 4 KB mail an event. 16
connections of the driver smtps without TLS; `in_flight` keeps them busy while the database writes.
What comes of the default, one message a connection, and of the driver smtp is printed beside it."""
import os
import re
import shutil
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "flow"))
from flow import GODWIT, SMTP, SMTPS, Failed, check, run, same  # noqa: E402

EVENTS = int(os.environ.get("DISPATCH_EVENTS", "40000"))
PEER_EVENTS = int(os.environ.get("PEER_EVENTS", "6000"))
ROUNDS = int(os.environ.get("DISPATCH_ROUNDS", "5"))
CONNECTIONS, IN_FLIGHT = 16, 128
MORE = "in_flight: %d" % IN_FLIGHT
RULES = 20
PEER = os.path.join(os.environ.get("GODWIT_SHARED", ""), "peer")
TICK = os.sysconf("SC_CLK_TCK")

CAMPAIGN = """campaign: band-{n}
trigger: {{ event: order }}
audience: event.total >= {low} && event.total < {high} && customer.country in ["TW", "HK", "JP", "US"]
steps:
  - send: {{ channel: email, topic: offers, template: order }}
"""
LINE = ('<tr><td style="padding:10px 20px;font:14px/21px Georgia,serif;color:#222222;background:#fffdf7">\n'
        "Everything leaves our shop by bicycle, packed in paper, and comes back free of charge.</td></tr>\n")
HEAD = """<!DOCTYPE html>
<html><head><meta charset="utf-8"><title>Your order</title></head>
<body style="margin:0;background:#eeeeee"><table width="600" align="center" cellspacing="0">
<tr><td><h1>Dear {{ customer.first_name | default: "friend" | escape }},</h1></td></tr>
{% if customer.country == "TW" %}<tr><td>Delivered within a day in Taiwan.</td></tr>
{% elsif customer.country == "HK" %}<tr><td>Delivered within two days in Hong Kong.</td></tr>
{% else %}<tr><td>Delivered within a week.</td></tr>{% endif %}
{% if customer.points > 1000 %}<tr><td>{{ customer.points }} points: gold.</td></tr>
{% else %}<tr><td>{{ customer.points }} points so far.</td></tr>{% endif %}
<tr><td>Order {{ event.order_id }}: {{ event.currency }} {{ event.total }}.</td></tr>
{% for item in event.items %}<tr><td>{{ forloop.index }}. <a href="https://shop.example/p/{{ item.sku | url_encode }}">{{ item.name | escape }}</a>
 x {{ item.qty }}, {{ event.currency }} {{ item.price }}{% if item.qty > 1 %} (several){% endif %}</td></tr>
{% endfor %}"""
FOOT = """<tr><td>{{ sender.name }}, {{ sender.postal_address }}
<a href="{{ unsubscribe_url }}">Unsubscribe</a></td></tr>
</table></body></html>
"""


def template():
    text = HEAD
    while len(text) + len(LINE) + len(FOOT) <= 4096:
        text += LINE
    return text + FOOT


def fill(database, n):
    """n customers and an order of each, the totals spread evenly over the bands."""
    database.sql("truncate godwit.events, godwit.messages, godwit.decisions, godwit.behaviour, "
                 "godwit.customers, godwit.responses")
    database.sql(
        "insert into godwit.customers (shard, key, email, attributes) select godwit.shard_of('u' || i), "
        "'u' || i, 'user' || i || '@example.com', jsonb_build_object('first_name', 'Name' || i, 'country', "
        "(array['TW','HK','JP','US'])[1 + i %% 4], 'points', (i * 37) %% 2000) from generate_series(1, %d) i" % n)
    database.sql(
        "insert into godwit.events (customer, name, properties) select 'u' || i, 'order', jsonb_build_object("
        "'order_id', 'A' || i, 'total', (i * 7) %% %d, 'currency', 'USD', 'items', jsonb_build_array("
        "jsonb_build_object('sku', 'sku ' || i, 'name', 'Tea & cake', 'qty', 1, 'price', 12), "
        "jsonb_build_object('sku', 'sku-b', 'name', 'Mug', 'qty', 2, 'price', 7), "
        "jsonb_build_object('sku', 'sku-c', 'name', 'Gift wrap', 'qty', 1, 'price', 3))) "
        "from generate_series(1, %d) i" % (RULES * 10, n))
    database.sql("vacuum analyze")
    database.sql("checkpoint")


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(p) for p in f.read().split()]


def tree(pid):
    found = [pid]
    try:
        for child in children(pid):
            found += tree(child)
    except OSError:
        pass
    return found


def cpu_of(pid):
    """Seconds of CPU of a process and of those that it waited for."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return sum(int(x) for x in fields[11:15]) / TICK
    except OSError:
        return 0.0


def peak_of(pid):
    try:
        with open("/proc/%d/status" % pid) as f:
            return int(next(l for l in f if l.startswith("VmHWM")).split()[1])
    except (OSError, StopIteration):
        return 0


class Memory(threading.Thread):
    """The sum of the peaks of a process and its children, watched until it ends."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.peaks, self.over = pid, {}, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.05):
            for pid in tree(self.pid):
                self.peaks[pid] = max(self.peaks.get(pid, 0), peak_of(pid))

    def kib(self):
        self.over.set()
        self.join()
        return sum(self.peaks.values())


def source_rate(port, n=12000):
    began = time.monotonic()
    subprocess.run(["smtp-source", "-d", "-s", "16", "-l", "4096", "-m", str(n), "-f", "a@example.net",
                    "-t", "b@example.net", "127.0.0.1:%d" % port], check=True, timeout=600)
    return n / (time.monotonic() - began)


def postmaster(place):
    with open(os.path.join(place.server.folder, "pg", "data", "postmaster.pid")) as f:
        return int(f.readline())


def godwit_round(place, n):
    """From the start of the process to the commit of the last result."""
    fill(place.database, n)
    server, begun_at = postmaster(place), place.database.one("select clock_timestamp()")
    server_cpu = sum(cpu_of(p) for p in tree(server))
    process = subprocess.Popen([GODWIT, "run", "--drain", "-C", place.workspace],
                               stderr=subprocess.PIPE, text=True)
    memory = Memory(process.pid)
    usage = time.monotonic()
    _, status, used = os.wait4(process.pid, 0)
    usage = time.monotonic() - usage
    process.returncode = os.waitstatus_to_exitcode(status)
    same(process.returncode, 0, "godwit run: " + process.stderr.read()[-2000:])
    peak = memory.kib()
    server_cpu = sum(cpu_of(p) for p in tree(server)) - server_cpu
    took = float(place.database.one("select extract(epoch from max(sent_at) - '%s'::timestamptz) "
                                    "from godwit.messages" % begun_at))
    same(place.statuses(), {"sent": n}, "statuses")
    same(place.database.number("select count(distinct (customer_id, campaign)) from godwit.messages"), n,
         "messages, each to one customer")
    place.books()
    return n / took, peak, (used.ru_utime + used.ru_stime) / n * 1e6, server_cpu / n * 1e6


class Peer:
    """The glued stack, installed into a folder of the test's and run with its own database."""

    def __init__(self, place, port):
        self.folder = os.path.join(place.folder, "peer")
        shutil.copytree(PEER, self.folder)
        os.chmod(self.folder, 0o755)
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund"], cwd=self.folder,
                       check=True, timeout=300)
        database = place.server.database()
        # node's pg wants the folder of the socket as the host
        name = database.one("select current_database()")
        database.close()
        home = os.readlink(os.path.join(place.server.folder, "pg"))
        self.env = dict(os.environ, PEER_DSN="postgresql://postgres@%s/%s" % (home.replace("/", "%2F"), name),
                        PEER_SMTP_PORT=str(port), PEER_CUSTOMERS=str(PEER_EVENTS),
                        PEER_EVENTS=str(PEER_EVENTS), PEER_RULES=str(RULES))

    def call(self, mode):
        r = subprocess.run(["node", "server.mjs", mode], cwd=self.folder, env=self.env,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600)
        same(r.returncode, 0, "peer %s: %s%s" % (mode, r.stdout, r.stderr[-2000:]))
        return r.stdout

    def round(self):
        self.call("load")
        text = self.call("run")
        rate = float(re.search(r"peer: (\d+) messages/s", text).group(1))
        memory = float(re.search(r"peak RSS (\d+) MiB", text).group(1))
        cpu = sum(float(x) for x in re.search(r"CPU ([\d.]+) s user ([\d.]+) s system", text).groups())
        return rate, memory * 1024, cpu / PEER_EVENTS * 1e6


def make_peer(place, port):
    if not os.path.isdir(PEER) or not shutil.which("node") or not shutil.which("npm"):
        print("the glued stack is not here (../shared/peer, node, npm): left out")
        return None
    try:
        return Peer(place, port)
    except (Failed, subprocess.SubprocessError) as e:
        print("the glued stack cannot be installed: left out (%s)" % e)
        return None


def median(values):
    return sorted(values)[len(values) // 2]


def dispatch(place):
    sink = place.sink(dump=False)
    place.ready(sink.port, CONNECTIONS)
    os.unlink(os.path.join(place.workspace, "campaigns", "thanks.yaml"))
    for n in range(RULES):
        place.write("campaigns/band-%d.yaml" % n, CAMPAIGN.format(n=n, low=n * 10, high=n * 10 + 10))
    place.write("templates/order/subject.liquid", "Thank you, {{ customer.first_name }}\n")
    place.write("templates/order/html.liquid", template())
    peer = make_peer(place, sink.port)
    for name, driver, more in (("smtp", SMTP, ""), ("smtp, " + MORE, SMTP, MORE), ("smtps", SMTPS, "")):
        place.settings(CONNECTIONS, more, driver=driver)
        rate, _, cpu, server_cpu = godwit_round(place, EVENTS)
        print("by %s: godwit %.0f/s (%.0f %%), CPU a message: godwit %.0f us, PostgreSQL %.0f us"
              % (name, rate, 100 * rate / source_rate(sink.port), cpu, server_cpu), flush=True)
    place.settings(CONNECTIONS, MORE, driver=SMTPS)
    shares, multiples, memories = [], [], []
    for n in range(ROUNDS):
        before = source_rate(sink.port)
        rate, peak, cpu, server_cpu = godwit_round(place, EVENTS)
        source = 2 / (1 / before + 1 / source_rate(sink.port))
        shares.append(rate / source)
        print("round %d: smtp-source %.0f/s | godwit %.0f/s (%.0f %%), CPU a message: godwit %.0f us, "
              "PostgreSQL %.0f us, peak %.1f MiB" % (n + 1, source, rate, 100 * rate / source, cpu,
                                                     server_cpu, peak / 1024), flush=True)
        if peer:
            peer_rate, peer_peak, peer_cpu = peer.round()
            multiples.append(rate / peer_rate)
            memories.append(peak / peer_peak)
            print("round %d: the glued stack %.0f/s (godwit is %.1f times as fast), CPU %.0f us, "
                  "peak %.0f MiB" % (n + 1, peer_rate, rate / peer_rate, peer_cpu, peer_peak / 1024), flush=True)
    print("median share of smtp-source: %.0f %% (goal 33 %%)" % (100 * median(shares)))
    if peer:
        print("median multiple of the glued stack: %.1f (goal 8); its memory: %.2f of it (goal 0.25)"
              % (median(multiples), median(memories)))
        check(median(memories) < 0.25, "more than a quarter of the glued stack's memory")
        check(median(multiples) >= 8, "below 8 times the glued stack")
    check(median(shares) >= 0.33, "below a third of smtp-source's rate")


dispatch.limit = 1500

if __name__ == "__main__":
    run(dispatch, needs=("smtp-sink", "smtp-source"),
        options=("fsync=on", "shared_buffers=1GB", "max_wal_size=8GB"))
