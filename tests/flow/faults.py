# SPDX-License-Identifier: Apache-2.0
"""Faults that have no other place: see the table in README.md, which names a test for each."""
import os
import signal
import time

from flow import (Failed, Server, Session, addresses, check, developer_build, run, same,
                  sanitized_build, wait)
from pg_proxy import PgProxy

CONNECTIONS = 4


def socket_folder(server):
    return os.readlink(os.path.join(server.folder, "pg"))


def cpu_s(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Closing:
    def __init__(self, close):
        self.close = close


# ---- 9: the network is cut exactly at COMMIT

def cut_at_commit(place):
    """Deciding, marking, settling: the commit never arrives, or its answer is lost. Nothing is lost,
    doubled or in doubt, for the database is asked before anything is done again."""
    n = 240
    rules = [(statement, 2 + k, when) for k in range(2) for when in ("before", "after")
             for statement in ("shard_advance", "message_mark", "message_sent", "message_settle")]
    proxy = place.keep(PgProxy(socket_folder(place.server), *rules))
    peer = place.peer("dot=sleep 0.005;ok", "rcpt:c*5@*=550 5.1.1 no such user")
    refused = [a for a in addresses(n) if a.endswith("5@example.net")]
    place.ready(peer.port, CONNECTIONS, "in_doubt: hold")
    place.settings(CONNECTIONS, "in_doubt: hold", url=proxy.url(place.database.one("select current_database()")))
    place.customers(n)
    e = place.engine()
    e.says("shards acquired")
    for i in range(1, n + 1, 10): # many small batches
        place.orders(10, i)
        wait(lambda: place.database.number("select count(*) from godwit.messages") == i + 9,
             "the batch is decided")
    wait(lambda: place.settled(n), "all settled")
    same(sorted(c[0] + " " + c[2] for c in proxy.cut), sorted(r[0] + " " + r[2] for r in rules), "cuts")
    same(place.database.number("select count(*) from godwit.messages where doubted_at is not null"), 0,
         "in doubt")
    same(place.database.sql("select status, attempts, count(*) from godwit.messages group by 1, 2 order by 1"),
         [["failed", "1", str(len(refused))], ["sent", "1", str(n - len(refused))]], "statuses")
    same(place.database.number("select count(*) from godwit.responses where kind = 'bounce'"), len(refused),
         "bounces")
    check(e.runs(), "the engine ended:\n" + e.text()[-2000:])
    place.exact(peer.received(), [a for a in addresses(n) if a not in refused])


# ---- 18: one customer's data

def template_fails_for_one(place):
    """The template cannot be rendered for one customer: that message fails, with the reason."""
    n = 60
    peer = place.peer()
    place.ready(peer.port, CONNECTIONS)
    place.write("templates/thanks/text.liquid", "Dear {{ customer.key }},\n{{ 100 | divided_by: customer.parts }} "
                "parts.\n{{ sender.name }}\n{{ sender.postal_address }}\n{{ unsubscribe_url }}\n")
    place.customers(n)
    place.database.sql("update godwit.customers set attributes = jsonb_build_object('parts', "
                       "case when key = 'c17' then 0 else 5 end)")
    place.orders(n)
    place.drain()
    same(place.statuses(), {"sent": n - 1, "failed": 1}, "statuses")
    row = place.database.sql("select address, reason, attempts from godwit.messages where status = 'failed'")[0]
    check(row[0] == "c17@example.net" and "text.liquid" in row[1] and row[2] == "0", "the failed one: %r" % row)
    place.exact(peer.received(), [a for a in addresses(n) if not a.startswith("c17@")])


def peak_kib(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(next(l for l in f if l.startswith("VmHWM")).split()[1])


def ten_megabyte_attribute(place):
    """10 MB in an attribute of one customer: that one gets nothing, and it is said why."""
    n = 40
    peer = place.peer()
    place.ready(peer.port, CONNECTIONS)
    place.customers(n)
    place.database.sql("update godwit.customers set attributes = jsonb_build_object('note', (select "
                       "string_agg(md5(i::text), '') from generate_series(1, 320000) i)) where key = 'c9'")
    place.database.sql("update godwit.customers set attributes = jsonb_build_object('note', repeat('x', 10000000)) "
                       "where key = 'c10'")
    e = place.engine()
    e.says("shards acquired")
    place.orders(n)
    wait(lambda: place.settled(n - 2), "the others are sent")
    rows = place.database.sql("select customer, outcome, reason from godwit.report_decisions order by 1")
    same([(r[0], r[1]) for r in rows], [("c10", "error"), ("c9", "error")], "decisions")
    for row in rows:
        check("attributes of 10." in row[2] and "MB" in row[2], "the reason: %r" % row)
    peak = peak_kib(e.process.pid)
    check(peak < (500 if sanitized_build() else 200 if developer_build() else 96) * 1024, "peak memory %d KiB" % peak)
    place.exact(peer.received(), [a for a in addresses(n) if not a.startswith(("c9@", "c10@"))])
    print("    peak memory %d KiB" % peak)


def many_large_ones(place):
    """60 MB of events, customers and messages of nearly 1 MB each are read in batches that are
    bounded by bytes: all are decided and sent, in the order of the events, in bounded memory."""
    n = 36
    peer = place.peer()
    place.ready(peer.port, CONNECTIONS)
    place.write("templates/thanks/text.liquid", "Dear {{ customer.key }}, {{ event.note | size }} "
                "{{ customer.note | size }}\n{{ sender.name }}\n{{ sender.postal_address }}\n{{ unsubscribe_url }}\n")
    place.customers(n)
    place.database.sql("update godwit.customers set attributes = jsonb_build_object('note', repeat('y', 900000))")
    place.database.sql("insert into godwit.events (customer, name, properties) select 'c' || i, 'order.placed', "
                       "jsonb_build_object('note', repeat('x', 900000)) from generate_series(1, %d) i" % n)
    e = place.engine()
    wait(lambda: place.settled(n), "all are sent")
    peak = peak_kib(e.process.pid)
    check(peak < (800 if sanitized_build() else 300 if developer_build() else 224) * 1024, "peak memory %d KiB" % peak)
    same(place.database.number("select count(*) from (select event_id, lag(event_id) over (order by id) as "
                               "before from godwit.messages) m where event_id < before"), 0, "out of order")
    place.exact(peer.received(), addresses(n))
    print("    peak memory %d KiB" % peak)


# ---- 20: what else a server says no with

def too_many_connections(place):
    """The server has no connection left for us, at the start and later: it is said once, costs no
    CPU, and it goes on by itself."""
    server = Server(place.folder + "/narrow", "max_connections=16", "superuser_reserved_connections=1")
    place.keep(Closing(server.stop))
    place.database = place.keep(server.database())
    peer = place.peer("dot=sleep 0.01;ok")
    place.ready(peer.port, CONNECTIONS)
    n = 200
    place.customers(n)
    fillers = []

    def fill():
        for _ in range(16):
            filler = Session(server.url)
            try:
                filler.sql("select 1")
            except Failed:
                filler.close()
                return
            fillers.append(filler)

    def free():
        while fillers:
            fillers.pop().close()
    place.keep(Closing(free))
    e = place.engine()
    e.says("shards acquired")
    place.orders(n)
    wait(lambda: len(peer.records()) > 20, "it is at work")
    others = "from pg_stat_activity where datname = current_database() and application_name <> 'psql'"

    def locked_out():
        place.database.sql("select count(pg_terminate_backend(pid)) " + others)
        fill() # the engine may have been faster
        return place.database.number("select count(*) " + others) == 0
    wait(locked_out, "the engine has no connection")
    time.sleep(0.3) # what was marked before may still go out
    before, cpu = len(peer.records()), cpu_s(e.process.pid)
    time.sleep(1.5)
    used = cpu_s(e.process.pid) - cpu
    check(used < 0.6, "%.2f s of CPU in 1.5 s without connections" % used)
    same(len(peer.records()), before, "mails while nothing can be marked")
    r = place.godwit("run", "--drain")
    check(r.returncode == 1 and "too many" in r.stderr or "remaining connection slots" in r.stderr,
          "what a start says: " + r.stderr[-1000:])
    check(e.text().count("too many clients") + e.text().count("remaining connection slots") <= 12,
          "the log:\n" + e.text()[-3000:])
    free()

    def done():
        place.database.sql("update godwit.messages set due_at = now() where due_at > now()")
        return place.settled(n)
    wait(done, "it goes on by itself", step=0.1)
    check(e.runs(), "the engine ended")
    place.exact(peer.received(), addresses(n), copies=CONNECTIONS)


def serialization_failures(place):
    """One statement in five of those that decide, mark and settle fails with 40001 or 40P01."""
    peer = place.peer()
    place.ready(peer.port, CONNECTIONS, "in_doubt: hold")
    n = 100
    place.customers(n)
    place.database.sql("create sequence public.hits")
    place.database.sql("""create function public.collide() returns trigger language plpgsql as $$
        begin
            if nextval('public.hits') % 5 = 0 then
                if random() < 0.5 then raise exception 'collided' using errcode = 'serialization_failure';
                else raise exception 'collided' using errcode = 'deadlock_detected'; end if;
            end if;
            return null;
        end $$""")
    place.database.sql("create trigger collide after insert or update on godwit.messages "
                       "for each statement execute function public.collide()")
    e = place.engine()
    e.says("shards acquired")
    for i in range(1, n + 1, 50):
        place.orders(50, i)
    wait(lambda: place.settled(n), "all settled")
    failures = place.database.number("select last_value / 5 from public.hits")
    check(failures >= 5, "only %d failures" % failures)
    check(e.runs() and e.text().count("collided") <= 2 * failures, e.text()[-3000:])
    same(place.database.number("select count(*) from godwit.messages where doubted_at is not null"), 0, "in doubt")
    place.exact(peer.received(), addresses(n))
    print("    %d failures" % failures)


def clock_steps(place):
    """The engine's clock is put forward by an hour, back by two, and right again, while it sends and
    while its channel rests: nothing is lost, doubled or put off, and nothing spins."""
    if not developer_build():
        print("    the clock can be stepped in a build with --enable-developer only: left out")
        return
    clock = place.folder + "/clock"

    def step(seconds):
        with open(clock + ".new", "w") as f:
            f.write("%d\n" % seconds)
        os.rename(clock + ".new", clock)
    step(0)
    peer = place.peer("connect#1=421 4.3.2 not now", "dot=sleep 0.002;ok")
    place.ready(peer.port, CONNECTIONS, "in_doubt: hold, rate: 400/s")
    n, first = 60, 1
    place.customers(6 * n)
    e = place.engine(env={"GODWIT_CLOCK": clock})
    e.says("shards acquired")
    began = time.monotonic()
    for seconds in (0, -3600, 3600, 0, -3600, 0):
        step(seconds)
        place.orders(n, first)
        if first == 1: # a rest that began before the step is not longer for it
            e.says("channel rests")
            step(-3600)
        first += n
        wait(lambda: len(peer.records()) > first - n // 2, "messages go out at %+d s" % seconds, 20)
    wait(lambda: place.settled(6 * n), "all settled", 20)
    cpu = cpu_s(e.process.pid)
    check(e.runs(), "the engine ended")
    place.exact(peer.received(), addresses(6 * n))
    time.sleep(1)
    used = cpu_s(e.process.pid) - cpu
    check(used < 0.4, "%.2f s of CPU in a second with nothing to do" % used)
    print("    five steps within %.1f s" % (time.monotonic() - began))


# ---- also worth a line

def notification_lost(place):
    """No notification arrives: the look at the table finds what is new within a second."""
    peer = place.peer()
    place.ready(peer.port)
    place.customers(3)
    e = place.engine()
    e.says("shards acquired")
    wait(lambda: place.database.number("select count(*) from godwit.engines where asleep"), "it sleeps")
    place.database.sql("alter table godwit.events disable trigger wake")
    slowest = 0
    for i in range(1, 4):
        wait(lambda: place.database.number("select count(*) from godwit.engines where asleep"), "it sleeps")
        place.orders(1, i)
        began = time.monotonic()
        wait(lambda: len(peer.records()) == i, "found without a notification", step=0.01)
        slowest = max(slowest, time.monotonic() - began)
    check(slowest < 2, "an event waited %.2f s" % slowest)
    place.exact(peer.received(), addresses(3))


def broken_file_while_sending(place):
    """A campaign file with a syntax error is loaded during a send: the old one stays, all go out."""
    n = 200
    peer = place.peer("dot=sleep 0.005;ok")
    place.ready(peer.port, CONNECTIONS)
    place.customers(n)
    e = place.engine()
    e.says("shards acquired")
    place.orders(n // 2)
    wait(lambda: len(peer.records()) > 10, "it is at work")
    place.write("campaigns/thanks.yaml", "campaign: thanks\ntrigger: [\n")
    e.signal(signal.SIGHUP)
    e.says("the old one stays")
    check(len(peer.records()) < n // 2, "all were sent before")
    place.orders(n // 2, n // 2 + 1)
    wait(lambda: place.settled(n), "all go out")
    check("campaigns/thanks.yaml:" in e.text(), "the position is named")
    same(place.database.number("select count(distinct version) from godwit.messages"), 1, "versions")
    place.exact(peer.received(), addresses(n))


if __name__ == "__main__":
    run(cut_at_commit, template_fails_for_one, ten_megabyte_attribute, many_large_ones,
        too_many_connections, serialization_failures, clock_steps, notification_lost,
        broken_file_while_sending, needs=())
