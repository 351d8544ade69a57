# SPDX-License-Identifier: Apache-2.0
"""Several relays behind one channel, channels that a reload opens, changes and closes, and a driver
that was built outside the tree."""
import email
import email.policy
import json
import os
import signal
import subprocess
import time

from flow import SOURCE, TOP, addresses, check, free_port, run, same, wait

SETTINGS = """database: "{url}"
sender: {{ name: Acme Music, email: hello@acme.example, postal_address: "1 Long Road, Taipei" }}
channels:
{channels}
topics:
  offers: {{ title: Offers, default: subscribed }}
"""
SMTP = '  {name}: {{ driver: smtp, kind: email, host: 127.0.0.1, port: {port}, starttls: "off", connections: 4{more} }}'


def smtp(name, port, more=""):
    return SMTP.format(name=name, port=port, more=more and ", " + more)


def configure(place, *channels):
    place.write("godwit.yaml", SETTINGS.format(url=place.database.url, channels="\n".join(channels)))


def ready(place, *channels):
    place.ready(1)
    configure(place, *channels)


def campaign(place, name, channel, event):
    place.write("campaigns/%s.yaml" % name, """campaign: %s
trigger: { event: %s }
steps:
  - send: { channel: %s, topic: offers, template: thanks }
""" % (name, event, channel))


def relays_of(place, *ports, connections=4):
    relays = ", ".join("{ host: 127.0.0.1, port: %d }" % p for p in ports)
    ready(place, '  email: { driver: smtp, starttls: "off", connections: %d, relays: [%s] }' % (connections, relays))


def event(place, name, n, first=1):
    place.database.sql("insert into godwit.events (customer, name) select 'c' || i, '%s' from "
                       "generate_series(%d, %d) i" % (name, first, first + n - 1))


def reload(engine, times=1):
    engine.signal(signal.SIGHUP)
    engine.says("workspace reloaded", times=times)


def one_relay_dies_and_comes_back(place):
    """All is sent by way of the other, no attempt is counted, and the log has one line a change."""
    port, n = free_port(), 60
    good = place.peer()
    relays_of(place, port, good.port)
    place.customers(3 * n)
    e = place.engine()
    place.orders(n)
    wait(lambda: place.settled(n), "sent by way of the other")
    e.says("127.0.0.1:%d is set aside" % port)
    back = place.peer(port=port)

    def again():
        count = place.database.number("select count(*) from godwit.messages")
        place.orders(1, 1 + count)
        wait(lambda: place.settled(count + 1), "one more")
        time.sleep(0.2)
        return "takes messages again" in e.text()
    wait(again, "the first relay is used again", step=0.2)
    sent = place.database.number("select count(*) from godwit.messages")
    place.orders(n, 1 + sent)
    wait(lambda: place.settled(sent + n), "sent by way of both")
    check(len(back.records()) >= n // 10, "the relay that came back got %d" % len(back.records()))
    same(e.text().count("is set aside"), 1, "lines about the change")
    check("channel rests" not in e.text(), "the channel rested:\n" + e.text())
    same(place.database.sql("select distinct status, attempts from godwit.messages"), [["sent", "1"]], "attempts")
    place.exact(good.received() + back.received(), addresses(sent + n))


def all_relays_are_down(place):
    first, second, n = free_port(), free_port(), 30
    relays_of(place, first, second)
    place.customers(n)
    place.orders(n)
    e = place.engine()
    e.says("channel rests")
    time.sleep(1)
    wait(lambda: place.database.sql("select distinct status, attempts from godwit.messages") ==
         [["queued", "0"]], "nothing counts while all are down")
    peer = place.peer(port=second)
    wait(lambda: place.settled(n), "sent after one came")
    same(place.database.sql("select distinct status, attempts from godwit.messages"), [["sent", "1"]], "attempts")
    place.exact(peer.received(), addresses(n))


def reload_opens_and_closes(place):
    """A channel that is new sends, one that is gone finishes what it has."""
    old, new = place.peer("dot:c1@*=sleep 1.5;ok"), place.peer()
    ready(place, smtp("email", old.port))
    place.customers(20)
    e = place.engine()
    place.orders(1)
    wait(lambda: place.statuses() == {"sending": 1}, "one is on its way")
    campaign(place, "thanks", "news", "order.placed")
    configure(place, smtp("news", new.port))
    reload(e)
    e.says("channel closes")
    place.orders(19, 2)
    wait(lambda: place.settled(20), "all are settled")
    same(len(old.records()), 1, "by the old channel")
    same(len(new.records()), 19, "by the new one")
    wait(lambda: place.database.sql("select channel from godwit.channel_states") == [["news"]], "status shows one")
    place.exact(old.received() + new.received(), addresses(20))
    e.signal(signal.SIGTERM)
    same(e.ended(20), 0, "how it ended")


def reload_changes_a_channel(place):
    """What is in flight ends where it is, the rest goes by the new settings; nothing twice."""
    old, new, n = place.peer("dot=sleep 0.3;ok"), place.peer(), 60
    ready(place, smtp("email", old.port))
    place.customers(n)
    e = place.engine()
    place.orders(n)
    wait(lambda: len(old.records()) >= 4, "the old relay is at work")
    configure(place, smtp("email", new.port, "rate: 20/s"))
    began = time.monotonic()
    reload(e)
    wait(lambda: place.settled(n), "all settled")
    took = time.monotonic() - began
    check(len(new.records()) >= n - 30, "by the new settings: %d" % len(new.records()))
    check(took > (len(new.records()) - 10) / 20, "%d at 20/s in %.1f s" % (len(new.records()), took))
    place.exact(old.received() + new.received(), addresses(n))
    reload(e, times=2) # nothing has changed
    same(e.text().count("opened anew"), 1, "lines about the change")
    place.database.sql("select count(godwit.identify('c99', '{}', 'c99@example.net'))")
    place.orders(1, 99)
    wait(lambda: place.settled(n + 1), "one more")


def reload_that_cannot_be(place):
    """A channel that does not open keeps the whole new workspace out."""
    peer = place.peer()
    ready(place, smtp("email", peer.port))
    place.customers(10)
    e = place.engine()
    place.orders(5)
    wait(lambda: place.settled(5), "at first")
    configure(place, smtp("email", peer.port, "rate: 30/s"), smtp("other", peer.port, "username: ada, password: env:NOT_THERE"))
    e.signal(signal.SIGHUP)
    e.says("workspace not reloaded; the old one stays")
    check("NOT_THERE" in e.text(), "the log says why:\n" + e.text())
    place.orders(5, 6)
    wait(lambda: place.settled(10), "goes on as before")
    place.exact(peer.received(), addresses(10))
    e.signal(signal.SIGTERM)
    same(e.ended(20), 0, "how it ended")


def stop_while_a_channel_closes(place):
    peer, other = place.peer("dot=sleep 2;ok"), place.peer()
    ready(place, smtp("email", peer.port))
    place.customers(8)
    e = place.engine()
    place.orders(8)
    wait(lambda: place.statuses().get("sending", 0) > 0, "some are on their way")
    configure(place, smtp("email", other.port))
    reload(e)
    e.signal(signal.SIGTERM)
    same(e.ended(20), 0, "how it ended")
    place.drain()
    place.exact(peer.received() + other.received(), addresses(8))


def outside_driver(place):
    """Built with the installed header alone, loaded by the engine, and it sends."""
    installed = os.path.join(place.folder, "installed")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    r = subprocess.run(["make", "-C", TOP, "install-channelincludeHEADERS", "DESTDIR=" + installed],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    same(r.returncode, 0, "make install: " + r.stdout)
    header = [os.path.join(d, "channel.h") for d, _, files in os.walk(installed) if "channel.h" in files]
    same(len(header), 1, "installed headers")
    drivers = os.path.join(place.folder, "drivers")
    os.mkdir(drivers)
    r = subprocess.run(["cc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Wno-missing-field-initializers", "-Werror",
                        "-I", os.path.dirname(header[0]), "-o", os.path.join(drivers, "outside.so"),
                        os.path.join(SOURCE, "tests", "channels", "outside_driver.c")],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    same(r.returncode, 0, "cc: " + r.stdout)
    sent = os.path.join(place.folder, "sent")
    ready(place, "  email: { driver: outside, kind: email, file: %s }" % json.dumps(sent))
    place.customers(25)
    place.orders(25)
    without = place.godwit("run", "--drain")
    check(without.returncode != 0 and "no channel driver `outside`" in without.stderr, without.stderr)
    e = place.engine("--drain", env={"GODWIT_CHANNELS": drivers})
    same(e.ended(), 0, "run --drain: " + e.text())
    with open(sent, encoding="utf-8") as f:
        lines = [line.split(" ", 2) for line in f]
    same(sorted(x[0] for x in lines), sorted(addresses(25)), "what it sent")
    same({x[2] for x in lines}, {"Thank you\n"}, "subjects")
    same(len({x[1] for x in lines}), 25, "idempotency keys")
    same(place.database.sql("select distinct status, provider_id from godwit.messages"), [["sent", "line"]], "recorded")


def attachments_go_along(place):
    """templates/NAME/attachments/FILE; a file that changes is a new version of the template."""
    saved = os.path.join(place.folder, "saved")
    os.mkdir(saved)
    peer = place.peer(options=("--save", saved))
    place.ready(peer.port)
    pdf = bytes(range(256)) * 40
    place.write("templates/thanks/attachments/型錄 spring.pdf", pdf, "wb")
    place.write("templates/thanks/attachments/terms.txt", "Terms of 2026\n")
    place.customers(2)
    place.orders(1)
    e = place.engine()
    wait(lambda: place.settled(1), "with the first files")
    place.write("templates/thanks/attachments/terms.txt", "Terms of 2027\n")
    reload(e)
    place.orders(1, 2)
    wait(lambda: place.settled(2), "with the changed file")
    for n, year in (1, 2026), (2, 2027):
        with open(os.path.join(saved, "%06d.eml" % n), "rb") as f:
            mail = email.message_from_binary_file(f, policy=email.policy.default)
        got = {f.get_filename(): f.get_content() for f in mail.iter_attachments()}
        same(got, {"型錄 spring.pdf": pdf, "terms.txt": "Terms of %d\n" % year}, "attachments")
        same(mail.get_body(("plain",)).get_content().split("\n")[0], "Dear c%d," % n, "the text beside them")
    same(place.database.number("select count(distinct template_hash) from godwit.messages"), 2, "versions")
    first = place.database.one("select min(id) from godwit.messages")
    r = place.godwit("message", "show", first)
    same(r.returncode, 0, "message show %s: %s" % (first, r.stderr))
    place.write("templates/thanks/attachments/big.bin", b"x" * (2 << 20), "wb")
    r = place.godwit("check")
    check(r.returncode != 0 and "2 MiB" in r.stdout + r.stderr, "too much: " + r.stdout + r.stderr)


if __name__ == "__main__":
    run(one_relay_dies_and_comes_back, all_relays_are_down, reload_opens_and_closes, reload_changes_a_channel,
        reload_that_cannot_be, stop_while_a_channel_closes, outside_driver, attachments_go_along, needs=())
