# SPDX-License-Identifier: Apache-2.0
"""What the flow tests share: a PostgreSQL, workspaces, engines, SMTP servers, the oracle.

A test is a function that takes a Place. A file ends in run(test, test, ...), which gives each a
time limit, prints its name when it fails, and ends in "N passed, N failed".
GODWIT_FLOW_KEEP=1 keeps the folder of a failed test; arguments choose tests by name.
"""
import collections
import contextlib
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

TOP = os.path.abspath(os.environ.get("top_builddir", "."))
SOURCE = os.path.abspath(os.environ.get("top_srcdir", "."))
GODWIT = os.path.join(TOP, "godwit")
PEERS = os.path.join(SOURCE, "tests", "peers")
PATIENCE = 60  # seconds for anything that is waited for; only failures take so long
SEED = int(os.environ.get("GODWIT_FLOW_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)


class Failed(AssertionError):
    pass


def check(condition, text):
    if not condition:
        raise Failed(text)


def same(got, wanted, what):
    check(got == wanted, "%s: wanted %r, got %r" % (what, wanted, got))


def wait(condition, what, patience=PATIENCE, step=0.02):
    """Waits until condition() is true and returns it."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed("waited %d s in vain for: %s" % (patience, what))
        time.sleep(step)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A PostgreSQL cluster of the test file's own."""

    def __init__(self, folder, *options):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        arguments = [a for o in options for a in ("-c", o)]
        self.url = self.call("start", *arguments)
        self.databases = 0

    def call(self, command, *arguments):
        r = subprocess.run([os.path.join(PEERS, "scratch_pg.sh"), command, self.folder, *arguments],
                           stdout=subprocess.PIPE, text=True, timeout=120)
        check(r.returncode == 0, "scratch_pg.sh %s failed" % command)
        return r.stdout.strip()

    def database(self):
        self.databases += 1
        name = "flow%d" % self.databases
        Database(self.url).sql("create database " + name)
        return Database(self.url.replace("/postgres?", "/%s?" % name))

    def stop(self):
        self.call("stop")


class Database:
    def __init__(self, url):
        self.url = url
        self.line = None

    def sql(self, text):
        """One statement in a session that is kept; rows as lists of texts."""
        if self.line is None or self.line.process.poll() is not None:
            self.line = Session(self.url)
        return self.line.sql(text)

    def one(self, text):
        rows = self.sql(text)
        check(len(rows) == 1, "one row expected of: %s; got %r" % (text, rows))
        return rows[0][0]

    def number(self, text):
        return int(self.one(text) or 0)

    def close(self):
        if self.line:
            self.line.close()
            self.line = None


class Session:
    """psql as a connection: sends a statement and waits for what it says, or not (send)."""
    MARK = "=== done ==="

    def __init__(self, url):
        self.process = subprocess.Popen(
            ["psql", "-XAtq", "-F", "\t", "-v", "VERBOSITY=verbose", url], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/")

    def send(self, text):
        try:
            self.process.stdin.write("%s;\n\\echo %s\n" % (text.rstrip().rstrip(";"), self.MARK))
            self.process.stdin.flush()
        except BrokenPipeError:
            pass

    def answer(self):
        rows = []
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise Failed("psql ended: %r" % rows)
            line = line.rstrip("\n")
            if line == self.MARK:
                return rows
            if line.startswith(("ERROR:", "FATAL:", "psql: error")):
                error = line
                while line and line != self.MARK:
                    line = self.process.stdout.readline().rstrip("\n")
                raise Failed(error)
            rows.append(line.split("\t"))

    def sql(self, text):
        self.send(text)
        return self.answer()

    def close(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Process:
    """A child whose output goes to a file."""

    def __init__(self, arguments, log, env=None, **keywords):
        self.log = log
        with open(log, "ab") as out:
            self.process = subprocess.Popen(
                arguments, stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                env=dict(os.environ, **(env or {})), **keywords)

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def runs(self):
        return self.process.poll() is None

    def signal(self, number):
        if self.runs():
            self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.ended()

    def ended(self, patience=PATIENCE):
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            raise Failed("process still runs; its log:\n" + self.text()[-3000:])

    def says(self, pattern, patience=PATIENCE, times=1):
        def found():
            return len(re.findall(pattern, self.text())) >= times or not self.runs()
        wait(found, "%r in the log of the process" % pattern, patience)
        check(len(re.findall(pattern, self.text())) >= times,
              "the process ended without saying %r:\n%s" % (pattern, self.text()[-3000:]))


class Sink:
    """Postfix's smtp-sink: takes everything and writes it to a file, if it is to."""

    def __init__(self, folder, *options, dump=True):
        os.makedirs(folder)
        os.chmod(folder, 0o777)
        self.folder, self.dump = folder, os.path.join(folder, "dump")
        self.port = free_port()
        user = ["-u", "nobody"] if os.geteuid() == 0 else []
        self.process = Process(
            ["smtp-sink", *user, *options, "-h", "sink.test", *(["-D", self.dump] if dump else []),
             "127.0.0.1:%d" % self.port, "1000"],
            os.path.join(folder, "log"))
        wait(self.answers, "smtp-sink answers on its port", 20)

    def answers(self):
        check(self.process.runs(), "smtp-sink ended: " + self.process.text())
        with contextlib.suppress(OSError), socket.create_connection(
                ("127.0.0.1", self.port), timeout=2) as s:
            return s.recv(200).startswith(b"220 sink.test")

    def received(self):
        """[(recipient, Message-ID)] of all that was taken."""
        if not os.path.exists(self.dump):
            return []
        with open(self.dump, encoding="utf-8", errors="replace") as f:
            text = f.read()
        recipients = re.findall(r"^X-Rcpt-Args: <(.*?)>", text, re.M)
        ids = re.findall(r"^Message-ID: *(?:\r?\n[ \t]+)?(<.*?>)", text, re.M | re.I)
        check(len(recipients) == len(ids),
              "smtp-sink wrote %d recipients, %d Message-IDs" % (len(recipients), len(ids)))
        return list(zip(recipients, ids))

    def close(self):
        self.process.kill()


class Peer:
    """The scripted SMTP server of tests/peers."""

    def __init__(self, folder, *rules, port=0, options=()):
        os.makedirs(folder, exist_ok=True)
        self.log = os.path.join(folder, "log")
        self.save = os.path.join(folder, "mails")
        os.makedirs(self.save, exist_ok=True)
        arguments = [sys.executable, os.path.join(PEERS, "smtp_peer.py"), "--log", self.log,
                     "--port", str(port), *options]
        for rule in rules:
            arguments += ["--rule", rule]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        line = self.process.stdout.readline()
        check(line.strip().isdigit(), "smtp_peer.py did not start")
        self.port = int(line)

    def records(self):
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def received(self):
        return [(r["to"][0], r["message_id"]) for r in self.records()]

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


CAMPAIGN = """campaign: {name}
trigger: {{ event: order.placed }}
{more}steps:
  - send: {{ channel: email, topic: offers, template: thanks }}
"""

SMTP, SMTPS = 'smtp, starttls: "off"', 'smtps, tls: "off"'
SETTINGS = """database: "{url}"
sender: {{ name: Acme Music, email: hello@acme.example, postal_address: "1 Long Road, Taipei" }}
timezone: Asia/Taipei
channels:
  email: {{ driver: {driver}, host: 127.0.0.1, port: {port}, connections: {connections}{channel} }}
topics:
  offers: {{ title: Offers, default: subscribed }}
"""


class Place:
    """A test's own folder, database, workspace and processes; all gone at its end."""

    def __init__(self, server, folder, name):
        self.server, self.folder, self.name = server, folder, name
        self.workspace = os.path.join(folder, "workspace")
        self.database = server.database()
        self.things = []
        self.count = 0
        self.port = None
        os.makedirs(self.workspace)

    # ---- making things

    def write(self, path, text, mode="w"):
        path = os.path.join(self.workspace, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, mode) as f:
            f.write(text)

    def settings(self, connections=4, channel="", url=None, port=None, driver=SMTP):
        self.port = port or self.port
        self.write("godwit.yaml", SETTINGS.format(
            url=url or self.database.url, port=self.port, connections=connections, driver=driver,
            channel=", " + channel if channel else ""))

    def campaign(self, name="thanks", more=""):
        self.write("campaigns/%s.yaml" % name, CAMPAIGN.format(name=name, more=more))

    def ready(self, port, connections=4, channel="", more="", **keywords):
        """A workspace with one campaign, and the database migrated."""
        self.settings(connections, channel, port=port, **keywords)
        self.campaign(more=more)
        self.write("templates/thanks/subject.liquid", "Thank you\n")
        self.write("templates/thanks/text.liquid", "Dear {{ customer.key }},\nthank you.\n"
                   "{{ sender.name }}\n{{ sender.postal_address }}\n{{ unsubscribe_url }}\n")
        r = self.godwit("db", "migrate")
        check(r.returncode == 0, "db migrate: " + r.stderr)

    def keep(self, thing):
        self.things.append(thing)
        return thing

    def sink(self, *options, dump=True):
        self.count += 1
        return self.keep(Sink(os.path.join(self.folder, "sink%d" % self.count), *options, dump=dump))

    def peer(self, *rules, port=0, options=()):
        self.count += 1
        return self.keep(Peer(os.path.join(self.folder, "peer%d" % self.count), *rules, port=port,
                              options=options))

    def session(self, url=None):
        return self.keep(Session(url or self.database.url))

    def engine(self, *options, fault=None, env=None, **keywords):
        self.count += 1
        extra = dict(env or {})
        if fault:
            extra["GODWIT_FAULT"] = fault
        return self.keep(Process([GODWIT, "run", "-C", self.workspace, *options],
                                 os.path.join(self.folder, "engine%d.log" % self.count), extra, **keywords))

    def godwit(self, *arguments, workspace=None, input=None, env=None):
        return subprocess.run(
            [GODWIT, arguments[0], "-C", workspace or self.workspace, *arguments[1:]],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=None if input else subprocess.DEVNULL,
            text=True, input=input, timeout=PATIENCE * 2, env=dict(os.environ, **(env or {})))

    def drain(self, patience=PATIENCE):
        e = self.engine("--drain")
        status = e.ended(patience)
        check(status == 0, "run --drain ended with %s:\n%s" % (status, e.text()[-3000:]))

    # ---- data

    def customers(self, n, first=1):
        self.database.sql(
            "select count(godwit.identify('c' || i, '{}', 'c' || i || '@example.net')) "
            "from generate_series(%d, %d) i" % (first, first + n - 1))

    def orders(self, n, first=1):
        self.database.sql("insert into godwit.events (customer, name) "
                          "select 'c' || i, 'order.placed' from generate_series(%d, %d) i"
                          % (first, first + n - 1))

    def statuses(self):
        return {s: int(n) for s, n in self.database.sql(
            "select status, count(*) from godwit.messages group by 1")}

    def settled(self, n):
        """n messages exist and nothing is left to do with any."""
        s = self.statuses()
        return sum(s.values()) >= n and not {"queued", "deferred", "sending"} & set(s)

    # ---- the oracle

    def books(self):
        """report_accounting closes, and agrees with a count made another way."""
        for row in self.database.sql(
                "select campaign, version, entered, sent, held_out, suppressed, capped, failed, "
                "in_doubt, pending from godwit.report_accounting"):
            numbers = [int(x) for x in row[2:]]
            same(numbers[0], sum(numbers[1:]), "books of %s" % row[0])
        entered = self.database.number("select sum(entered) from godwit.report_accounting")
        rows = self.database.number(
            "select (select count(*) from godwit.messages) + (select count(*) from godwit.decisions "
            "where outcome in ('suppressed', 'capped', 'failed'))")
        same(entered, rows, "entered beside the rows")

    def exact(self, received, expected, held=0, copies=0):
        """Each expected address got exactly one message, except for what is listed as in doubt:
        at most `held` did not get any (in_doubt: hold), at most `copies` got a second one with the
        same Message-ID. Returns (missing, copied)."""
        got = collections.Counter(a for a, _ in received)
        extra = set(got) - set(expected)
        check(not extra, "not to be written to: %s" % sorted(extra)[:5])
        doubted = {a: s for a, s in self.database.sql(
            "select address, status from godwit.messages where doubted_at is not null")}
        missing = [a for a in expected if not got[a]]
        lost = [a for a in missing if doubted.get(a) != "in_doubt"]
        check(not lost, "lost: %d, such as %s" % (len(lost), lost[:5]))
        twice = [a for a in got if got[a] > 1]
        unlisted = [a for a in twice if a not in doubted]
        check(not unlisted, "twice and not listed as in doubt: %s" % unlisted[:5])
        check(max(got.values(), default=0) <= 1 + copies, "more than one copy of a message")
        check(len(missing) <= held and len(twice) <= copies,
              "%d in doubt are missing (%d allowed), %d were copied (%d allowed)"
              % (len(missing), held, len(twice), copies))
        for address in twice:
            ids = {i for a, i in received if a == address}
            same(len(ids), 1, "Message-IDs of the copies to " + address)
        counted = collections.Counter(i for _, i in received)
        same(len(counted), len(got), "distinct Message-IDs")
        sent = {a for (a,) in self.database.sql(
            "select address from godwit.messages where status = 'sent'")}
        check(sent <= set(got), "recorded as sent, but not received: %s" % sorted(sent - set(got))[:5])
        unknown = set(got) - sent - set(doubted)
        check(not unknown, "received, but neither sent nor in doubt: %s" % sorted(unknown)[:5])
        self.books()
        return missing, twice

    def state(self):
        """What stands in the database, for who reads of a failure."""
        text = ""
        for what in ("status, count(*), min(due_at), max(due_at), min(reason) from godwit.messages group by 1",
                     "owner, last::text, target::text, min(fence), count(*) from godwit.shards group by 1, 2, 3",
                     "id, heartbeat_at, asleep from godwit.engines",
                     "name, count(*), min(xid::text), max(xid::text) from godwit.events group by 1",
                     "pid, state, wait_event, xact_start, left(query, 100) from pg_stat_activity where query <> ''"):
            try:
                rows = self.database.sql("select " + what)
            except (Failed, OSError) as e:
                rows = [[str(e)]]
            text += "\n--- %s\n%s" % (what, "\n".join(" | ".join(r) for r in rows[:20]))
        return text

    def close(self):
        for thing in reversed(self.things):
            if isinstance(thing, Process):
                thing.kill()
            else:
                thing.close()
        self.database.close()


def addresses(n, first=1):
    return ["c%d@example.net" % i for i in range(first, first + n)]


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def developer_build():
    """Whether the program has the fault points (--enable-developer)."""
    with open(os.path.join(TOP, "config.h"), encoding="utf-8") as f:
        return re.search(r"^#define GODWIT_DEVELOPER\b", f.read(), re.M) is not None


def sanitized_build():
    """Whether sanitizers slow the program down and take memory of their own."""
    with open(os.path.join(TOP, "Makefile"), encoding="utf-8") as f:
        return re.search(r"^GODWIT_CFLAGS =.*-fsanitize", f.read(), re.M) is not None


def on_alarm(_number, _frame):
    raise Failed("time limit of the test")


def one_test(server, root, test):
    folder = os.path.join(root, test.__name__)
    place = None
    signal.alarm(getattr(test, "limit", 240))
    began = time.monotonic()
    try:
        place = Place(server, folder, test.__name__)
        test(place)
        return None
    except (Failed, subprocess.TimeoutExpired, OSError) as e:
        log = "".join("\n--- %s\n%s" % (t.log, t.text()[-2500:])
                      for t in (place.things if place else []) if isinstance(t, Process))
        log += place.state() if place else ""
        where = traceback.extract_tb(e.__traceback__)
        lines = ["%s:%d" % (os.path.basename(f.filename), f.lineno) for f in where]
        return "%s (%s)%s" % (e, " ".join(lines[1:]), log)
    finally:
        signal.alarm(0)
        if place:
            place.close()
        print("  %s: %.1f s" % (test.__name__, time.monotonic() - began), flush=True)


def run(*tests, needs=("smtp-sink",), options=()):
    for program in needs:
        if not shutil.which(program):
            os.environ["PATH"] += ":/usr/sbin:/usr/lib/postfix/sbin"
        if not shutil.which(program):
            skip("%s (Debian package %s) is not installed"
                 % (program, {"smtp-sink": "postfix", "promtool": "prometheus"}.get(program, program)))
    signal.signal(signal.SIGALRM, on_alarm)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    random.seed(SEED)
    print("seed %d (GODWIT_FLOW_SEED)" % SEED)
    root = tempfile.mkdtemp(prefix="godwit-flow-")
    os.chmod(root, 0o755)
    chosen = [t for t in tests if len(sys.argv) < 2 or t.__name__ in sys.argv[1:]]
    failed, server = 0, None
    try:
        server = Server(os.path.join(root, "server"), *options)
        for test in chosen:
            why = one_test(server, root, test)
            if why:
                failed += 1
                print("FAIL: %s: %s" % (test.__name__, why), flush=True)
    finally:
        if server:
            server.stop()
        if not (failed and os.environ.get("GODWIT_FLOW_KEEP")):
            shutil.rmtree(root, ignore_errors=True)
        else:
            print("kept: " + root)
    print("%d passed, %d failed" % (len(chosen) - failed, failed))
    sys.exit(failed > 0)
