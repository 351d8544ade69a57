# SPDX-License-Identifier: Apache-2.0
"""kill -9 at every named point: nothing is lost, nothing goes out twice but what is in doubt."""
import signal

from flow import SMTP, SMTPS, addresses, check, developer_build, run, same, skip, wait

N = 60
CONNECTIONS = 4


def killed_at(place, point, n, mode, base, in_flight, driver):
    """An engine dies at the n-th pass of the point; another one finishes."""
    place.settings(CONNECTIONS, "in_doubt: %s%s" % (
        mode, "" if in_flight == CONNECTIONS else ", in_flight: %d" % in_flight), driver=driver)
    place.customers(N, base)
    e = place.engine(fault="%s:%d:crash" % (point, n))
    e.says("shards acquired")
    for i in range(0, N, 20): # three batches
        place.orders(20, base + i)
        wait(lambda: not e.runs() or place.database.number("select count(*) from godwit.messages")
             >= base + i + 19, "the batch is decided")
    same(e.ended(), -signal.SIGKILL, "%s:%d: how the engine ended" % (point, n))
    place.drain()
    doubted = place.database.number(
        "select count(*) from godwit.messages where doubted_at is not null "
        "and address ~ '^c' and substr(split_part(address, '@', 1), 2)::int >= %d" % base)
    check(doubted <= in_flight, "%s:%d: %d messages in doubt" % (point, n, doubted))
    return doubted


def at_points(place, mode, points, in_flight=CONNECTIONS, driver=SMTP):
    sink = place.sink()
    place.ready(sink.port, CONNECTIONS, driver=driver)
    base, doubts = 1, 0
    for point, passes in points:
        for n in passes:
            doubts += killed_at(place, point, n, mode, base, in_flight, driver)
            base += N
    copies = doubts if mode == "resend" else 0
    missing, twice = place.exact(sink.received(), addresses(base - 1),
                                 held=doubts if mode == "hold" else 0, copies=copies)
    print("    %s: %d in doubt, %d copies, %d not received" % (mode, doubts, len(twice), len(missing)))
    return doubts, missing, twice


def in_intake(place):
    at_points(place, "hold", [
        ("intake.decide", [1, 30]), ("intake.before_commit", [1, 2]), ("intake.after_commit", [1, 2])])


def in_delivery_hold(place):
    at_points(place, "hold", [
        ("delivery.render", [1, 25]), ("delivery.before_mark", [1, 5]), ("delivery.after_mark", [1, 4]),
        ("smtp.body", [1, 9]), ("smtp.accepted", [1, 7]), ("delivery.before_settle", [1, 5])])


def in_delivery_resend(place):
    _, _, twice = at_points(place, "resend", [
        ("delivery.after_mark", [2]), ("smtp.body", [5]), ("smtp.accepted", [1, 9]),
        ("delivery.before_settle", [1, 11])])
    check(twice, "what was accepted before the kill is sent again")


def more_in_flight(place):
    """More messages are handed over than there are connections: as many may be in doubt."""
    points = [("delivery.after_mark", [2]), ("smtp.body", [5]), ("smtp.accepted", [1, 17]),
              ("delivery.before_settle", [11])]
    doubts, _, _ = at_points(place, "resend", points, 24)
    check(doubts > 4 * CONNECTIONS, "only %d were in doubt after five kills" % doubts)


def in_one_thread(place):
    """The driver whose connections are all on the loop."""
    at_points(place, "resend", [
        ("delivery.after_mark", [2]), ("smtp.body", [3, 14]), ("smtp.accepted", [1, 9]),
        ("delivery.before_settle", [1, 11])], 24, SMTPS)


def stopped_with_a_queue(place):
    """A stop gives back what waits in the driver; what the peer had is in doubt, and nothing else."""
    n = 12
    peer = place.peer("dot:c*@*#1=take;stall")
    place.ready(peer.port, 1, "in_doubt: hold, in_flight: 8")
    place.customers(n)
    place.orders(n)
    e = place.engine()
    wait(lambda: place.statuses() == {"sending": 8, "queued": 4}, "eight are handed over")
    wait(lambda: len(peer.received()) == 1, "the peer has one of them")
    e.signal(signal.SIGTERM)
    same(e.ended(), 0, "how the engine ended")
    same(place.database.sql("select status, attempts, count(*) from godwit.messages group by 1, 2 "
                            "order by 1"), [["in_doubt", "1", "1"], ["queued", "0", "11"]], "afterwards")


def after_the_dot(place):
    """Killed while the peer has the whole message and has not answered yet."""
    for mode in "hold", "resend":
        base = 1 if mode == "hold" else 100
        peer = place.peer("dot:c%d@*#1=take;stall" % (base + 7))
        place.ready(peer.port, 2, "in_doubt: " + mode)
        place.customers(30, base)
        place.orders(30, base)
        e = place.engine()
        victim = "c%d@example.net" % (base + 7)
        wait(lambda: any(a == victim for a, _ in peer.received()), "the peer has the message")
        wait(lambda: place.statuses().get("sent", 0) >= (29 if mode == "hold" else 58),
             "the other connection sends the rest")
        e.kill()
        place.drain()
        received = peer.received()
        same(sorted(a for a, _ in received),
             sorted(addresses(30, base) + ([victim] if mode == "resend" else [])), mode)
        same(len(set(received)), 30, "Message-IDs")
        same(place.database.sql("select address, status from godwit.messages where doubted_at is "
                                "not null and address = '%s'" % victim),
             [[victim, "in_doubt" if mode == "hold" else "sent"]], "listed as in doubt")
        place.books()


if __name__ == "__main__":
    if not developer_build():
        skip("fault points are compiled in by --enable-developer only")
    run(in_intake, in_delivery_hold, in_delivery_resend, more_in_flight, in_one_thread,
        stopped_with_a_queue, after_the_dot)
