# SPDX-License-Identifier: Apache-2.0
"""What is wrong is refused with a clear message, and nothing else stops."""
import os
import shutil
import signal
import subprocess
import time

from flow import Failed, Server, Database, addresses, check, run, same, wait


def fails(r, *texts):
    same(r.returncode, 1, "exit status")
    for text in texts:
        check(text in r.stderr, "%r is not in: %s" % (text, r.stderr))
    check(len(r.stderr) < 3000, "the message is too long:\n" + r.stderr)


def broken_campaign(place):
    place.ready(25)
    place.write("campaigns/broken.yaml", "campaign: broken\ntrigger: { event: order.placed }\n"
                "audience: count('order.placed' == 2\nsteps:\n"
                "  - send: { channel: email, topic: offers, template: thanks }\n")
    for command in ("check",), ("run", "--drain"):
        r = place.godwit(*command)
        same(r.returncode, 1, "exit status of %s" % command[0])
        check("campaigns/broken.yaml:3:" in r.stderr + r.stdout, r.stderr + r.stdout)


def stops_while_broken(place):
    """A broken campaign keeps nobody from stopping and looking."""
    place.ready(25)
    same(place.godwit("status").returncode, 0, "status")
    place.write("campaigns/broken.yaml", "campaign: [\n")
    for command in ("status",), ("stop-all",), ("resume", "--all"), ("doubt", "list"):
        r = place.godwit(*command)
        same(r.returncode, 0, "%s: %s" % (command[0], r.stderr))
        check("godwit check" in r.stderr, "%s: %s" % (command[0], r.stderr))
    place.write("godwit.yaml", "database: [\n")
    r = place.godwit("stop-all")
    same(r.returncode, 1, "exit status")
    check("godwit.yaml:" in r.stderr, r.stderr)


def no_such_database(place):
    place.ready(25)
    place.settings(url=place.database.url.replace("flow", "nowhere"))
    began = time.monotonic()
    fails(place.godwit("run"), "nowhere", "does not exist")
    check(time.monotonic() - began < 20, "it takes too long to say so")


def wrong_password(place):
    place.ready(25)
    base = place.database.url.replace("//postgres@", "//locked:nonsense@")
    r = place.godwit("check")
    same(r.returncode, 0, "check: " + r.stderr)
    place.settings(url="env:FLOW_URL")
    r = place.godwit("run", env={"FLOW_URL": base})
    fails(r, "password")
    check("nonsense" not in r.stderr, "the password is shown")


def server_is_away(place):
    place.ready(25)
    place.settings(url="postgresql://postgres@127.0.0.1:1/postgres")
    fails(place.godwit("run"), "127.0.0.1", "refused")


def unknown_customer(place):
    """An event makes its customer; who has no address gets nothing, and it is said why."""
    peer = place.peer()
    place.ready(peer.port)
    place.customers(2)
    place.database.sql("insert into godwit.events (customer, name) values ('stranger', 'order.placed')")
    place.orders(2)
    place.drain()
    place.exact(peer.received(), addresses(2))
    same(place.database.number("select count(*) from godwit.customers where key = 'stranger'"), 1, "made")
    row = place.database.sql("select outcome, reason from godwit.report_decisions where customer = 'stranger'")
    check(row and "address" in row[0][1], "reason: %r" % row)


def header_injection(place):
    """An address with a line break fails its own message only, and nothing of it is obeyed."""
    peer = place.peer()
    place.ready(peer.port, 2)
    place.customers(20)
    bad = {"c3": "c3@example.net\r\nRCPT TO:<evil@example.net>", "c4": "c4@example.net\nBcc: evil@example.net",
           "c5": "not an address", "c6": "a" * 400 + "@example.net", "c7": "x@", "c8": "<c8@example.net>, evil@e.net"}
    for key, address in bad.items():
        place.database.sql("update godwit.customers set email = %s where key = '%s'" % (
            "E'" + address.replace("\r", "\\r").replace("\n", "\\n") + "'", key))
    place.orders(20)
    place.engine()
    wait(lambda: len(peer.records()) >= 14 and place.settled(0), "the others are sent")
    same(sorted(a for a, _ in peer.received()),
         sorted(a for a in addresses(20) if a.split("@")[0] not in bad), "received")
    outcomes = place.database.sql(
        "select c.key, coalesce(m.reason, d.reason) from godwit.customers c "
        "left join godwit.messages m on m.customer_id = c.id left join godwit.decisions d on "
        "d.customer_id = c.id where coalesce(m.status, d.outcome) in ('failed', 'suppressed') order by 1")
    same([k for k, _ in outcomes], sorted(bad), "failed: %r" % outcomes)
    for name in os.listdir(peer.save):
        with open(os.path.join(peer.save, name), "rb") as f:
            check(b"evil" not in f.read(), "something was injected")
    place.books()


def huge_property(place):
    """10 MB in one event: that event starts nothing and says why; the others go on."""
    peer = place.peer()
    place.ready(peer.port, 2)
    place.customers(20)
    place.orders(10)
    place.database.sql("insert into godwit.events (customer, name, properties) values ('c11', "
                       "'order.placed', jsonb_build_object('note', repeat('x', 10000000)))")
    # the one above is stored in few bytes, for it compresses well; this one is not
    place.database.sql("insert into godwit.events (customer, name, properties) select 'c12', 'order.placed', "
                       "jsonb_build_object('note', string_agg(md5(i::text), '')) "
                       "from generate_series(1, 320000) i")
    place.orders(8, 13)
    e = place.engine()
    wait(lambda: place.database.number("select count(*) from godwit.decisions") == 2, "the large ones are refused")
    wait(lambda: place.settled(18), "the others are sent")
    for row in place.database.sql("select outcome, reason from godwit.decisions"):
        check(row[0] == "error" and "of 10." in row[1] and "MB" in row[1], "the reason: %r" % row)
    with open("/proc/%d/status" % e.process.pid) as f:
        peak = int(next(l for l in f if l.startswith("VmHWM")).split()[1])
    check(peak < 96 * 1024, "peak memory %d KiB" % peak)
    place.exact(peer.received(), [a for a in addresses(20) if a[:4] not in ("c11@", "c12@")])
    print("    peak memory %d KiB" % peak)


def refused_by_sql(place):
    """What cannot be a key or a name is refused where it is written."""
    place.ready(25)
    for key in "k" * 300, "":
        try:
            place.database.sql("insert into godwit.events (customer, name) values ('%s', 'x')" % key)
        except Failed as e:
            check("events_customer_check" in str(e), str(e))
        else:
            raise Failed("a customer's key of %d characters was taken" % len(key))
    for arguments, why in (("'email', 'offers', 'maybe'", "subscribed or unsubscribed"),
                           ("'', 'offers', 'unsubscribed'", "channel and topic must be named"),
                           ("'email', null, 'unsubscribed'", "channel and topic must be named")):
        try:
            place.database.sql("select godwit.set_consent('c1', %s, 'x')" % arguments)
        except Failed as e:
            check(why in str(e), str(e))
        else:
            raise Failed("a consent to %s was taken" % arguments)


def table_is_away(place):
    """What would refuse every event passes none over: they wait, and it is said once."""
    peer = place.peer()
    place.ready(peer.port)
    place.customers(5)
    place.database.sql("alter table godwit.consents rename to away")
    place.orders(5)
    e = place.engine()
    e.says("events wait")
    time.sleep(2.5)
    check(e.runs(), "the engine ended:\n" + e.text()[-2000:])
    same(e.text().count("events wait"), 1, "lines about it")
    place.database.sql("alter table godwit.away rename to consents")
    wait(lambda: len(peer.records()) >= 5 and place.settled(5), "it goes on")
    same(place.database.number("select count(*) from godwit.refused_events"), 0, "passed over")
    place.exact(peer.received(), addresses(5))


def audience_error(place):
    """A condition that fails for one customer is recorded for that one."""
    peer = place.peer()
    place.ready(peer.port, 2, more="audience: event.amount / event.pieces > 1\n")
    place.customers(10)
    place.database.sql("insert into godwit.events (customer, name, properties) select 'c' || i, "
                       "'order.placed', jsonb_build_object('amount', 10, 'pieces', case when i = 4 then 0 "
                       "when i = 5 then null else 2 end) from generate_series(1, 10) i")
    place.drain()
    place.exact(peer.received(), [a for a in addresses(10) if a[:3] not in ("c4@", "c5@")])
    rows = dict(place.database.sql("select customer, outcome || ': ' || reason from godwit.report_decisions "
                                   "order by 1"))
    same(sorted(rows), ["c4", "c5"], "decisions")
    check(rows["c4"].startswith("error: ") and "zero" in rows["c4"], rows["c4"])


def ragged_csv(place):
    peer = place.peer()
    place.ready(peer.port)
    path = place.folder + "/people.csv"
    with open(path, "wb") as f:
        f.write(b"id,mail\nc1,c1@example.net\nc2\nc3,c3@example.net,more\n\xff\xfe,c4@example.net\n"
                b"c5,c5@example.net\n" + b"k" * 300 + b",c6@example.net\n")
    r = place.godwit("import", "customers", path, "--map", "key=id", "--map", "email=mail")
    same(place.database.sql("select key from godwit.customers order by key"), [["c1"], ["c5"]], "taken")
    text = r.stdout + r.stderr
    for line in 3, 4, 5, 7:
        check("people.csv:%d:" % line in text, "line %d is not named in:\n%s" % (line, text))


def reload_broken(place):
    """SIGHUP with a broken file: said, and the old campaigns stay; mended: the new ones."""
    peer = place.peer()
    place.ready(peer.port)
    place.customers(9)
    e = place.engine()
    e.says("shards acquired")
    place.orders(3)
    wait(lambda: place.settled(3), "the first ones")
    place.campaign(more="audience: nonsense(\n")
    e.signal(signal.SIGHUP)
    e.says("the old one stays")
    check("campaigns/thanks.yaml:3:" in e.text(), e.text())
    place.orders(3, 4)
    wait(lambda: place.settled(6), "the old campaign goes on")
    place.campaign(more="audience: false\n")
    e.signal(signal.SIGHUP)
    e.says("workspace reloaded")
    place.orders(3, 7)
    e.signal(signal.SIGTERM)
    same(e.ended(), 0, "SIGTERM")
    place.drain()
    place.exact(peer.received(), addresses(6))


def restored_elsewhere(place):
    """pg_dump into another cluster: run refuses and names the way out, which loses nothing."""
    peer = place.peer()
    place.ready(peer.port)
    place.customers(60)
    place.orders(30)
    place.drain()
    place.orders(15, 31) # not decided yet
    other = Server(place.folder + "/other")
    place.keep(type("Closing", (), {"close": lambda self: other.stop()})())
    database = other.database()
    place.keep(database)
    dump = subprocess.run("pg_dump '%s' | psql -Xq -v ON_ERROR_STOP=1 '%s'" % (place.database.url, database.url),
                          shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/")
    same(dump.returncode, 0, "dump and restore: " + dump.stderr)
    place.settings(url=database.url)
    place.database.close()
    place.database = database
    fails(place.godwit("run"), "restored from another PostgreSQL cluster", "godwit db rebase")
    place.orders(15, 46)
    r = place.godwit("db", "rebase")
    same(r.returncode, 0, "db rebase: " + r.stderr)
    place.drain()
    place.exact(peer.received(), addresses(60))
    same(place.database.number("select count(*) from godwit.messages"), 60, "messages")


def disk_full(place):
    """No space: said once, nothing lost, and it goes on by itself when there is some again."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        print("    skipped: only root can make a small file system")
        return
    mount = place.folder + "/small"
    os.makedirs(mount)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=110m,mode=1777", "tmpfs", mount],
                      stderr=subprocess.DEVNULL).returncode != 0:
        print("    skipped: a file system cannot be mounted here")
        return
    place.keep(type("Closing", (), {"close": lambda self: subprocess.run(["umount", "-l", mount])})())
    os.environ["TMPDIR"], old = mount, os.environ.get("TMPDIR")
    try:
        server = Server(place.folder + "/smallserver", "min_wal_size=32MB", "max_wal_size=32MB")
    finally:
        del os.environ["TMPDIR"]
        if old:
            os.environ["TMPDIR"] = old
    place.keep(type("Closing", (), {"close": lambda self: server.stop()})())
    place.database = place.keep(server.database())
    peer = place.peer("dot=sleep 0.01;ok")
    place.ready(peer.port, 2)
    n = 200
    place.customers(n)
    e = place.engine()
    e.says("shards acquired")
    place.orders(n)
    wait(lambda: len(peer.records()) > 10, "it is at work")
    filler = os.path.join(mount, "filler")
    with open(filler, "wb") as f:
        try:
            while True:
                f.write(b"\0" * 65536)
                f.flush()
        except OSError:
            pass
    time.sleep(2)
    os.unlink(filler)

    def done():
        try:
            place.database.sql("update godwit.messages set due_at = now() where due_at > now()")
            return place.settled(n)
        except Failed:
            return False
    wait(done, "it goes on when there is space", step=0.2)
    check(e.runs(), "the engine ended:\n" + e.text()[-2000:])
    check("space" in e.text(), "the disk was never full:\n" + e.text()[-2000:])
    check(len(e.text().splitlines()) < 60, "%d lines of log" % len(e.text().splitlines()))
    place.exact(peer.received(), addresses(n), copies=4)


if __name__ == "__main__":
    run(broken_campaign, stops_while_broken, no_such_database, wrong_password, server_is_away,
        unknown_customer, header_injection, huge_property, refused_by_sql, table_is_away,
        audience_error, ragged_csv, reload_broken, restored_elsewhere, disk_full, needs=())
