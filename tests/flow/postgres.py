# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL goes away in all ways: the engine comes back by itself and the result is exact."""
import os
import time

from flow import Session, addresses, check, run, same, wait

CONNECTIONS = 3


def at_work(place, n, before, mode="resend"):
    peer = place.peer("dot=sleep 0.005;ok")
    place.ready(peer.port, CONNECTIONS, "in_doubt: " + mode)
    place.customers(n)
    e = place.engine()
    e.says("shards acquired")
    place.orders(n)
    wait(lambda: len(peer.records()) > before, "the engine is at work")
    return peer, e


def hurry(place):
    """What is in doubt is sent again after a minute: now, for the test."""
    place.database.sql("update godwit.messages set due_at = now() where status = 'queued' "
                       "and doubted_at is not null and due_at > now()")


def finish(place, peer, n):
    def done():
        hurry(place)
        return place.settled(n)
    wait(done, "all are settled", step=0.1)


def cpu_s(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_kib(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(next(l for l in f if l.startswith("VmRSS")).split()[1])


def crash_and_restart(place):
    n = 400
    peer, e = at_work(place, n, 30)
    for _ in range(2):
        before = len(peer.records())
        place.database.close()
        place.server.call("restart")
        wait(lambda: place.settled(n) or len(peer.records()) > before + 40, "it goes on by itself")
    finish(place, peer, n)
    check(e.runs(), "the engine ended")
    lines = e.text().count("cannot be reached")
    check(lines <= 2 * 4, "%d lines: one per reason is enough" % lines)
    place.exact(peer.received(), addresses(n), copies=2 * CONNECTIONS)


def gone_for_seconds(place):
    n = 200
    peer, e = at_work(place, n, 20)
    place.database.close()
    place.server.call("immediate")
    time.sleep(1) # what was marked before may still go out
    before, cpu, memory = len(peer.records()), cpu_s(e.process.pid), rss_kib(e.process.pid)
    time.sleep(2.5)
    used, grown = cpu_s(e.process.pid) - cpu, rss_kib(e.process.pid) - memory
    same(len(peer.records()), before, "mails while there is no database")
    check(used < 0.5, "%.2f s of CPU in 2.5 s without a database" % used)
    check(grown < 4096, "memory grew by %d KiB" % grown)
    place.server.call("restart")
    finish(place, peer, n)
    print("    without the database: %.2f s of CPU, %d KiB more" % (used, grown))
    check(e.runs(), "the engine ended")
    place.exact(peer.received(), addresses(n), copies=CONNECTIONS)


def each_connection_cut(place):
    """pg_terminate_backend of each of the engine's connections in turn: COMMIT may be unknown."""
    n = 500
    peer, e = at_work(place, n, 10)
    admin = place.keep(Session(place.server.url))
    cut = 0
    for number in range(12):
        pids = wait(lambda: [r[0] for r in admin.sql(
            "select pid from pg_stat_activity where datname = '%s' and backend_type = "
            "'client backend' and application_name <> 'psql' order by backend_start"
            % place.database.one("select current_database()"))], "the engine is connected")
        admin.sql("select pg_terminate_backend(%s)" % pids[number % len(pids)])
        cut += 1
        time.sleep(0.15)
    finish(place, peer, n)
    check(e.runs(), "the engine ended")
    _, twice = place.exact(peer.received(), addresses(n), copies=cut * CONNECTIONS)
    print("    %d connections cut, %d copies" % (cut, len(twice)))


if __name__ == "__main__":
    run(crash_and_restart, gone_for_seconds, each_connection_cut, needs=())
