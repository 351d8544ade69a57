# SPDX-License-Identifier: Apache-2.0
"""Mailboxes that are asked over IMAP and POP3, which fail in all the ways they can."""
import os
import signal
import subprocess
import sys

from flow import PEERS, check, developer_build, run, same, wait
from inmail import responses, sent, settings

N = 8


class Mailbox:
    def __init__(self, place, protocol, *options):
        place.count += 1
        self.folder = os.path.join(place.folder, "%s%d" % (protocol, place.count))
        os.makedirs(self.folder + "/INBOX")
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(PEERS, "mailbox_peer.py"), protocol, self.folder, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        place.keep(self)

    def put(self, name, text):
        with open(os.path.join(self.folder, "INBOX", name), "w") as f:
            f.write(text)

    def left(self, folder="INBOX"):
        return sorted(os.listdir(os.path.join(self.folder, folder)))

    def commands(self):
        with open(self.folder + "/log") as f:
            return f.read().split("\n")

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()


def source(box, scheme, more=""):
    return "inbound:\n  - { url: '%s://127.0.0.1:%d/%s', username: jo, password: env:BOX, every: 1s%s }\n" % (
        scheme, box.port, "INBOX" if scheme.startswith("imap") else "", more)


def engine(place, **more):
    return place.engine(env={"BOX": "secret"}, **more)


def fill(place, box, first=1):
    peer = place.peer()
    place.ready(peer.port)
    settings(place)
    place.database.sql("truncate godwit.responses, godwit.inbound, godwit.messages, godwit.bounce_runs, "
                       "godwit.suppressions")
    mails = sent(place, peer, N, first)
    for i, m in enumerate(mails.values()):
        box.put("%02d" % i, m.dsn("5.2.2", "552 5.2.2 full\r\n").replace("\n", "\r\n"))
    return mails


def counted(place, n=N, messages=N):
    same(place.database.number("select count(*) from godwit.responses"), n, "responses")
    same(place.database.number("select count(distinct message_id) from godwit.responses"), messages, "messages")


def emptied(box):
    wait(lambda: not box.left(), "the mailbox is empty")


def imap(place):
    """Deleted, or moved to a folder that is made; with and without MOVE."""
    for options, more in ((), ""), ((), ", move_to: Done"), (("--no-move",), ", move_to: 'Done now'"):
        box = Mailbox(place, "imap", *options)
        mails = fill(place, box)
        settings(place, source(box, "imap", more))
        e = engine(place)
        emptied(box)
        counted(place)
        if more:
            same(len(box.left(more.split(": ")[1].strip("'"))), N, "moved")
        box.put("later", mails["c1@example.net"].reply())
        emptied(box)
        wait(lambda: place.database.number("select count(*) from godwit.responses") == N + 1, "the reply")
        e.signal(signal.SIGTERM)
        same(e.ended(), 0, "exit")


def pop3(place):
    box = Mailbox(place, "pop3")
    fill(place, box)
    box.put("99", "From: a@b.example\r\nSubject: dots\r\n\r\n.\r\n..\r\nend\r\n")
    settings(place, source(box, "pop3"))
    e = engine(place)
    emptied(box)
    counted(place)
    same(place.database.one("select convert_from(mail, 'UTF8') like E'%\\r\\n.\\r\\n..\\r\\nend%' from "
                            "godwit.inbound where mail is not null"), "t", "dots")
    e.signal(signal.SIGTERM)
    same(e.ended(), 0, "exit")


def lost_connections(place):
    """The server hangs up at each step once: all mail is taken, and counts once."""
    rules = {"imap": ["LOGIN#1=cut", "UID FETCH#4=cut", "UID STORE#1=after"],
             "pop3": ["UIDL#1=cut", "RETR#3=cut", "QUIT#1=cut"]}
    boxes = {p: Mailbox(place, p, *[x for r in rules[p] for x in ("--rule", r)]) for p in rules}
    mails = fill(place, boxes["imap"])
    for i, m in enumerate(mails.values()):
        boxes["pop3"].put("%02d" % i, m.reply())
    settings(place, source(boxes["imap"], "imap") + source(boxes["pop3"], "pop3").split("\n")[1] + "\n")
    e = engine(place)
    for box in boxes.values():
        emptied(box)
    counted(place, 2 * N, N)
    e.says("a source of mail does not work", times=2)
    e.says("the source of mail works again", times=2)
    e.kill()


def refused(place):
    """A wrong password is said once, without it; what cannot be deleted does not count twice."""
    box = Mailbox(place, "imap", "--rule", "UID STORE#1=no")
    fill(place, box)
    settings(place, source(box, "imap"))
    e = place.engine(env={"BOX": "wr0ng-secret"})
    e.says("a source of mail does not work")
    wait(lambda: box.commands().count("LOGIN") >= 2, "tried again")
    same(e.text().count("does not work"), 1, "said once")
    check("wr0ng" not in e.text(), "the password is in the log")
    e.kill()
    e = engine(place)
    emptied(box)
    counted(place)
    check(box.commands().count("UID STORE") >= 2, "tried again")
    e.kill()
    r = place.engine()
    same(r.ended(), 1, "without the password")
    check("BOX" in r.text(), r.text())


def stalls(place):
    """A server that goes silent holds up neither stopping nor another source."""
    box, other = Mailbox(place, "imap", "--rule", "UID FETCH#1=stall"), Mailbox(place, "pop3")
    fill(place, other)
    text = source(other, "pop3")
    settings(place, source(box, "imap") + text.split("\n")[1] + "\n")
    e = engine(place)
    emptied(other)
    counted(place)
    wait(lambda: "UID FETCH" in box.commands(), "the other is asked")
    e.signal(signal.SIGTERM)
    same(e.ended(15), 0, "exit")


def killed(place):
    """kill -9 between commit and removal."""
    for protocol in "imap", "pop3":
        box = Mailbox(place, protocol)
        fill(place, box)
        settings(place, source(box, protocol))
        for point in "inbound.committed:3", "inbound.before_removal:1":
            e = engine(place, fault=point + ":crash")
            same(e.ended(), -signal.SIGKILL, point)
            same(len(box.left()), N, "mails left at " + point)
        e = engine(place)
        emptied(box)
        counted(place)
        e.kill()


def one_engine_looks(place):
    """Of two engines one asks; the other takes over."""
    box = Mailbox(place, "imap")
    fill(place, box)
    settings(place, source(box, "imap"))
    first = engine(place)
    emptied(box)
    second = engine(place)
    second.says("shards acquired")
    box.put("a", "From: a@b.example\nSubject: one\n\nx\n")
    emptied(box)
    first.kill()
    box.put("b", "From: a@b.example\nSubject: two\n\nx\n")
    emptied(box)
    same(place.database.number("select count(*) from godwit.inbound"), N + 2, "mails")
    second.kill()


if __name__ == "__main__":
    run(imap, pop3, lost_connections, refused, stalls, one_engine_looks,
        *([killed] if developer_build() else []), needs=())
