# SPDX-License-Identifier: Apache-2.0
"""Five failures that a well-known business suite was seen to lose mail by, each with 150 messages: it
lost 107 when it was killed while sending, all 150 when the relay was down, at 450 and at 421, and
one bad customer kept the other 149 from theirs for good. Here: none lost, none twice but those
that are listed as in doubt, and 149 beside the bad one."""
from flow import addresses, check, free_port, run, same, wait

N = 150
CONNECTIONS = 4
NO_WAIT = "in_doubt: hold, retry: 1s"


def begin(place, port, channel=NO_WAIT):
    place.ready(port, CONNECTIONS, channel)
    place.customers(N)
    place.orders(N)


def finish(place, peer):
    wait(lambda: place.settled(N), "all settled")
    place.exact(peer.received(), addresses(N))
    same(place.statuses(), {"sent": N}, "statuses")
    print("    0 of %d lost, 0 twice" % N)


def killed_while_sending(place):
    for mode in "hold", "resend":
        peer = place.peer("dot=sleep 0.01;ok")
        if mode == "hold":
            begin(place, peer.port, "in_doubt: hold")
        else:
            place.ready(peer.port, CONNECTIONS, "in_doubt: resend")
            place.database.sql("truncate godwit.messages, godwit.events")
            place.orders(N)
        e = place.engine()
        wait(lambda: len(peer.records()) >= 43, "43 of 150 are sent")
        e.kill()
        place.drain()
        missing, twice = place.exact(peer.received(), addresses(N), held=CONNECTIONS,
                                     copies=CONNECTIONS if mode == "resend" else 0)
        doubted = place.database.number("select count(*) from godwit.messages where doubted_at is not null")
        check(doubted <= CONNECTIONS, "%d in doubt" % doubted)
        check(mode == "hold" or not missing, "missing although sent again: %r" % missing)
        print("    %s: %d listed as in doubt; 0 of %d lost beside them, %d twice"
              % (mode, doubted, N, len(twice)))


def relay_down(place):
    port = free_port()
    begin(place, port)
    e = place.engine()
    e.says("channel rests")
    finish(place, place.peer(port=port))
    same(place.database.sql("select distinct attempts from godwit.messages"), [["1"]], "attempts")


def deferred_450(place):
    peer = place.peer("rcpt#%d=450 4.2.1 mailbox busy" % N)
    begin(place, peer.port)
    place.engine()
    finish(place, peer)


def hung_up_421(place):
    peer = place.peer("mail#2=421 4.3.2 shutting down")
    begin(place, peer.port)
    place.engine()
    finish(place, peer)


def one_bad_customer(place):
    """His data breaks the template; the next one's address breaks the server's patience."""
    peer = place.peer("rcpt:c75@*=554 5.7.1 never")
    place.ready(peer.port, CONNECTIONS)
    place.write("templates/thanks/subject.liquid", "{{ 1 | divided_by: customer.parts }} thanks\n")
    place.customers(N + 1)
    place.database.sql("update godwit.customers set attributes = jsonb_build_object('parts', "
                       "case when key = 'c74' then 0 else 1 end)")
    place.orders(N + 1)
    place.engine()
    wait(lambda: place.settled(N + 1), "all settled")
    same(place.statuses(), {"sent": N - 1, "failed": 2}, "statuses")
    place.exact(peer.received(), [a for a in addresses(N + 1) if not a.startswith(("c74@", "c75@"))])
    print("    %d of %d delivered beside each bad one" % (N - 1, N))


if __name__ == "__main__":
    run(killed_while_sending, relay_down, deferred_450, hung_up_421, one_bad_customer, needs=())
