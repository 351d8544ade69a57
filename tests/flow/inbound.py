# SPDX-License-Identifier: Apache-2.0
"""Bounces, complaints and replies through `godwit inbound` and from a watched Maildir."""
import os
import re
import signal

from flow import check, developer_build, run, same, wait
from inmail import BOUNCES, deliver, empty, responses, sent, settings, suppressed

CLASSES = [ # customer, status, what was said, class, suppressed at once
    ("c1", "5.1.1", "550 5.1.1 user unknown", "hard", True),
    ("c2", "5.2.1", "550 5.2.1 mailbox disabled", "hard", True),
    ("c3", "5.2.2", "552 5.2.2 mailbox full", "full", False),
    ("c4", "4.4.7", "421 4.4.7 delivery time expired", "soft", False),
    ("c5", "5.7.1", "550 5.7.1 message refused by policy", "block", False),
    ("c6", "5.3.4", "552 5.3.4 message too big", "content", False),
    ("c7", "5.4.4", "host not found", "domain", False),
]


def take(place, mail, wanted, *options, status=0):
    r = place.godwit("inbound", *options, input=mail)
    same(r.returncode, status, "exit status; " + r.stdout + r.stderr)
    check(re.match(wanted, r.stdout), "wanted %r, said %r" % (wanted, r.stdout + r.stderr))
    return r


def ready(place, more="", *rules):
    peer = place.peer(*rules)
    place.ready(peer.port)
    settings(place, more)
    return peer


def pipe(place):
    """Classes, what they suppress, and each report once."""
    peer = ready(place)
    mails = sent(place, peer, 12)
    for a, m in mails.items():
        check(re.match(r"bounces\+[a-z2-7]{34}@acme\.example$", m.path), "return path " + m.path)
    same(len({m.path for m in mails.values()}), 12, "return paths")
    for key, status, said, kind, _ in CLASSES:
        m = mails[key + "@example.net"]
        for _ in range(2):
            take(place, m.dsn(status, said), "bounce \\(%s\\) of|repeated" % kind)
    same(responses(place), [[c[0], "bounce", c[3]] for c in CLASSES], "responses")
    same(suppressed(place), [c[0] for c in CLASSES if c[4]], "suppressed")
    # by the Message-ID alone; in capitals; by the address that the envelope named
    take(place, mails["c8@example.net"].dsn(to=BOUNCES), "bounce \\(hard\\) of")
    take(place, mails["c9@example.net"].dsn(to=mails["c9@example.net"].path.upper(), id="<x@y.example>"),
         "bounce \\(hard\\) of")
    take(place, mails["c10@example.net"].dsn(to=BOUNCES, id="<x@y.example>"), "bounce \\(hard\\) of",
         "--recipient", mails["c10@example.net"].path)
    # what is not a bounce of ours
    m = mails["c11@example.net"]
    take(place, m.dsn("4.4.7", "421 later", action="delayed", name="delay"), "delayed of")
    take(place, m.dsn(to="bounces+" + "a" * 34 + "@acme.example", id="<x@y.example>", name="other"),
         "unmatched")
    take(place, "From: a@b.example\nSubject: You won\n\nClick\n", "unrecognised")
    take(place, "From: a@b.example\nSubject: You won\n\nClick\n", "repeated")
    take(place, "\n", "unrecognised")
    take(place, "Auto-Submitted: auto-replied\nFrom: %s\nIn-Reply-To: %s\n\nAway.\n"
         % (m.recipient, m.id), "auto_reply of")
    take(place, m.reply("Ja, gerne. \N{SNOWMAN}"), "reply of")
    take(place, m.reply("Ja, gerne. \N{SNOWMAN}"), "repeated")
    take(place, m.reply("And another.", name="second"), "reply of")
    take(place, mails["c12@example.net"].arf(), "complaint of")
    same(responses(place)[len(CLASSES):],
         [["c8", "bounce", "hard"], ["c9", "bounce", "hard"], ["c10", "bounce", "hard"],
          ["c11", "reply", ""], ["c11", "reply", ""], ["c12", "complaint", ""]], "the others")
    same(place.database.sql("select details ->> 'text', human from godwit.responses where kind = 'reply' "
                            "order by id"), [["Ja, gerne. \N{SNOWMAN}", "t"], ["And another.", "t"]], "replies")
    same(suppressed(place), ["c1", "c2", "c8", "c9", "c10", "c12"], "suppressed at the end")
    same(place.database.sql("select details ->> 'status', details ->> 'reporting_mta', details ->> 'code' "
                            "from godwit.report_responses where customer = 'c3'"),
         [["5.2.2", "mx.example.net", "552"]], "details")
    same(place.database.sql("select kind, count(*), count(mail) from godwit.inbound group by 1 order by 1"),
         [["auto_reply", "1", "0"], ["bounce", "10", "0"], ["complaint", "1", "0"], ["delayed", "1", "0"],
          ["reply", "2", "0"], ["unmatched", "1", "1"], ["unrecognised", "2", "2"]], "kept")
    same(place.database.sql("select class, count(*) from godwit.report_bounces group by 1 order by 1"),
         [["block", "1"], ["content", "1"], ["domain", "1"], ["full", "1"], ["hard", "5"], ["soft", "1"]],
         "report_bounces")
    place.books()


def exit_status(place):
    """Nothing is lost by a fault of ours: the mail server is told to keep it."""
    peer = ready(place)
    m = sent(place, peer, 1)["c1@example.net"]
    for url in ("postgresql://nobody@127.0.0.1:1/nothing", place.database.url):
        place.settings(url=url)
        settings(place)
        r = place.godwit("inbound", input=m.dsn())
        same(r.returncode, 75 if "nothing" in url else 0, "with " + url)
    place.write("campaigns/thanks.yaml", "campaign: [")
    take(place, m.reply(), "reply of") # a campaign that is being repaired does not matter
    same(place.godwit("inbound", "--no-such-option", input="x").returncode, 75, "wrong usage")
    place.write("godwit.yaml", "database: [")
    same(place.godwit("inbound", input=m.dsn(name="again")).returncode, 75, "broken settings")
    same(place.godwit("inbound", "--help").returncode, 0, "help")
    same(responses(place, "r.kind"), [["bounce"], ["reply"]], "responses")


def huge_and_odd(place):
    """Long, empty, binary: each is kept or counted, none fails."""
    peer = ready(place)
    m = sent(place, peer, 1)["c1@example.net"]
    take(place, m.dsn() + "x" * 5000000, "bounce \\(hard\\)")
    take(place, m.reply("long " * 100000), "reply of")
    take(place, m.reply("nul \0 and \x1b[31m", name="odd"), "reply of")
    check(place.database.number("select max(length(details ->> 'text')) from godwit.responses") <= 4000,
          "the text of a reply is bounded")
    same(place.database.one("select details ->> 'text' from godwit.responses order by id desc limit 1"),
         "nul  and [31m", "control characters")


def soft_rule(place):
    """Five in a row over a week; one that is delivered between starts anew."""
    peer = ready(place, "bounces: { soft: 3, over: 7d }\n")

    def one(i, bounced=True, days=3):
        place.database.sql("update godwit.bounce_runs set first_at = first_at - interval '%d days', "
                           "last_at = last_at - interval '%d days'" % (days, days))
        m = sent(place, peer, 1)["c1@example.net"]
        if bounced:
            take(place, m.dsn("5.2.2", "552 5.2.2 full", name="s%d" % i), "bounce \\(full\\)")
        return place.database.number("select max(bounces) from godwit.bounce_runs")
    place.campaign(more="")
    same([one(1), one(2), one(3, bounced=False), one(4)], [1, 2, 2, 1], "one arrived between")
    same(one(5), 2, "again")
    same(suppressed(place), [], "two are not enough")
    same(one(6, days=0), 3, "three within less than a week")
    same(suppressed(place), [], "not over a week")
    same(one(7, days=5), 4, "a week is over")
    same(suppressed(place), ["c1"], "suppressed")
    check("4 soft bounces since" in place.database.one("select reason from godwit.suppressions"), "reason")


def no_domain(place):
    peer = ready(place)
    for i in 1, 2:
        m = sent(place, peer, 1)["c1@example.net"]
        take(place, m.dsn("5.4.4", "host not found", name="n%d" % i), "bounce \\(domain\\)")
        same(suppressed(place), ["c1"] if i == 2 else [], "after %d" % i)


def said_at_once(place):
    """Refusals while sending are classed the same way."""
    peer = ready(place, "", "rcpt:c1@*=550 5.1.1 no such user", "rcpt:c2@*=552 5.2.2 mailbox full",
                 "rcpt:c3@*=554 5.7.1 blocked, see https://www.spamhaus.org/", "dot:c4@*=552 5.3.4 too big",
                 "rcpt:c5@*=450 4.2.2 full")
    place.campaign(more="expires: 1h\n")
    place.customers(5)
    place.orders(5)
    place.database.sql("update godwit.customers set email = key || '@' || key || '.example' where key = 'c3'")
    place.drain()
    same(sorted(responses(place)), [["c1", "bounce", "hard"], ["c2", "bounce", "full"],
                                    ["c3", "bounce", "block"], ["c4", "bounce", "content"]], "responses")
    same(suppressed(place), ["c1"], "suppressed")
    same(place.database.sql("select channel, domain, until > now() from godwit.destination_pauses"),
         [["email", "c3.example", "t"]], "paused")
    place.database.sql("update godwit.messages set due_at = now(), expires_at = now() + interval '20 s', "
                       "queued_at = now() - interval '5 days' where status = 'deferred'")
    place.drain()
    same(responses(place)[-1], ["c5", "bounce", "full"], "deferred to its end")
    same(place.statuses(), {"failed": 5}, "statuses")


def paused_domain(place):
    """Reports that speak of our reputation hold a domain back in the running engine, and others go on."""
    peer = ready(place, "bounces: { pause: 30m }\n")
    mails = sent(place, peer, 2)
    e = place.engine()
    e.says("shards acquired")
    take(place, mails["c1@example.net"].dsn("5.7.1", "550 5.7.1 your IP has a poor reputation"),
         "bounce \\(block\\)")
    e.says("refuses us as a sender.*domain=example.net")
    place.database.sql("select count(godwit.identify('o' || i, '{}', 'o' || i || '@other.example')) "
                       "from generate_series(1, 5) i")
    place.customers(5, 11)
    place.orders(5, 11)
    place.database.sql("insert into godwit.events (customer, name) select 'o' || i, 'order.placed' "
                       "from generate_series(1, 5) i")
    wait(lambda: len(peer.records()) >= 7, "the others go")
    wait(lambda: place.database.number("select count(*) from godwit.messages where status = 'queued' and "
                                       "due_at > now() + interval '25 minutes'") == 5, "put off")
    same(len(peer.records()), 7, "messages that arrived")
    r = place.godwit("status")
    check("example.net" in r.stdout and "poor reputation" in r.stdout, r.stdout)
    check("bounce" in r.stdout, "what came in: " + r.stdout)
    place.database.sql("delete from godwit.destination_pauses")
    e.says("the domain is tried again")
    place.database.sql("update godwit.messages set due_at = now() where due_at is not null")
    wait(lambda: len(peer.records()) == 12, "all arrived")
    e.signal(signal.SIGTERM)
    same(e.ended(), 0, "exit")


def maildir(place):
    """Watched; moved or removed after the commit; what is odd is kept and does not stop the rest."""
    box, other = os.path.join(place.workspace, "box"), os.path.join(place.folder, "other")
    peer = ready(place, "inbound:\n  - maildir: box\n  - { maildir: %s, move_to: %s/done }\n"
                 % (other, other))
    mails = sent(place, peer, 40)
    e = place.engine()
    e.says("a source of mail does not work.*box")
    for i in range(1, 31):
        deliver(box, "m%02d" % i, mails["c%d@example.net" % i].dsn("5.2.2", "552 full"))
    deliver(box, "odd", b"\xff\x00\x01" * 1000)
    for i in range(31, 41):
        deliver(other, "m%02d" % i, mails["c%d@example.net" % i].reply())
    empty(box)
    empty(other)
    e.says("the source of mail works again")
    same(len(os.listdir(other + "/done/new")), 10, "moved")
    same(place.database.sql("select kind, count(*) from godwit.responses group by 1 order by 1"),
         [["bounce", "30"], ["reply", "10"]], "responses")
    place.settings()
    settings(place, "inbound: [{ maildir: box }]\n")
    e.signal(signal.SIGHUP)
    e.says("workspace reloaded")
    deliver(box, "late", mails["c1@example.net"].reply(name="late"))
    empty(box)
    e.signal(signal.SIGTERM)
    same(e.ended(), 0, "exit")


def killed(place):
    """kill -9 between commit and removal, and before the commit: each mail counts once."""
    box = os.path.join(place.workspace, "box")
    peer = ready(place, "inbound: [{ maildir: box }]\n")
    mails = sent(place, peer, 30)
    for i, m in enumerate(mails.values()):
        deliver(box, "m%02d" % i, m.dsn("5.2.2", "552 full"))
    for point, n in ("inbound.committed", 3), ("inbound.before_removal", 1), ("inbound.before_removal", 5):
        e = place.engine(fault="%s:%d:crash" % (point, n))
        same(e.ended(), -signal.SIGKILL, point)
        check(os.listdir(box + "/new"), "all gone at " + point)
    e = place.engine()
    empty(box)
    same(place.database.number("select count(*) from godwit.responses where kind = 'bounce'"), 30, "bounces")
    same(place.database.number("select count(distinct message_id) from godwit.responses"), 30, "messages")
    e.kill()


def database_away(place):
    """The engine leaves mail where it is while its database is away."""
    box = os.path.join(place.workspace, "box")
    peer = ready(place, "inbound: [{ maildir: box }]\n")
    mails = sent(place, peer, 3)
    e = place.engine()
    e.says("shards acquired")
    deliver(box, "one", mails["c1@example.net"].dsn())
    empty(box)
    place.database.close()
    place.server.call("immediate")
    deliver(box, "two", mails["c2@example.net"].dsn())
    e.says("database cannot be reached")
    check(os.listdir(box + "/new") == ["two"], "mail was taken away without a database")
    r = place.godwit("inbound", input=mails["c3@example.net"].dsn())
    same(r.returncode, 75, "exit status of the pipe")
    place.server.call("restart")
    empty(box)
    take(place, mails["c3@example.net"].dsn(), "bounce")
    same(len(responses(place)), 3, "responses")
    e.kill()


def forgotten(place):
    """Erasing a person takes the mail that was kept with it."""
    peer = ready(place)
    m = sent(place, peer, 1)["c1@example.net"]
    take(place, m.reply(), "reply of")
    take(place, "From: C1@example.net\nSubject: hello\n\nIt is me.\n", "unrecognised")
    same(place.godwit("forget", "c1").returncode, 0, "forget")
    same(place.database.number("select count(*) from godwit.inbound where mail is not null"), 0, "kept")
    same(place.database.one("select details from godwit.responses where kind = 'reply'"), "{}", "reply")


if __name__ == "__main__":
    tests = [pipe, exit_status, huge_and_odd, soft_rule, no_domain, said_at_once, paused_domain, maildir, database_away,
             forgotten]
    run(*tests, *([killed] if developer_build() else []), needs=())
