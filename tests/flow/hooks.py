# SPDX-License-Identifier: Apache-2.0
"""What providers tell: receipts and inbound SMS of Twilio, of a gateway of one's own, of Kannel itself."""
import base64
import collections
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import subprocess
import sys
import threading
import urllib.parse

import kannel
from flow import PEERS, SOURCE, Session, check, developer_build, free_port, run, same, skip, wait
from channels import HttpPeer

sys.path.insert(0, PEERS)
import npm  # noqa: E402

TOKEN = "0123456789abcdef0123456789abcdef"
SETTINGS = """database: "{url}"
sender: {{ name: Acme & Music, email: hello@acme.example, postal_address: "1 Long Road, Taipei" }}
channels:
  sms: {channel}
topics:
  offers: {{ title: Offers, default: subscribed }}
  news: {{ title: News, default: subscribed }}
tracking: {{ listen: "127.0.0.1:{port}", public_url: "http://127.0.0.1:{port}" }}
"""
TWILIO = ("{{ driver: twilio, account_sid: AC0123, auth_token: env:TWILIO_TOKEN, from: '+15005550006', "
          "base_url: 'http://127.0.0.1:{peer}', in_doubt: {doubt}, timeout: 5s, connections: 1{more} }}")
CAMPAIGN = """campaign: thanks
trigger: { event: order.placed }
steps:
  - send: { channel: sms, topic: offers, template: thanks }
"""


class Hooks:
    """A Place that sends SMS and listens."""

    def __init__(self, place, channel, port=None):
        self.place, self.port = place, port or free_port()
        self.base = "http://127.0.0.1:%d" % self.port
        place.write("godwit.yaml", SETTINGS.format(url=place.database.url, port=self.port,
                                                   channel=channel))
        place.write("campaigns/thanks.yaml", CAMPAIGN)
        place.write("templates/thanks/sms.liquid", "Acme: thank you, {{ customer.key }}")
        os.environ["TWILIO_TOKEN"] = TOKEN
        os.environ["HOOK_SECRET"] = "s3cret"
        r = place.godwit("db", "migrate")
        check(r.returncode == 0, "db migrate: " + r.stderr)

    def engine(self, **keywords):
        e = self.place.engine(**keywords)
        e.says("listening")
        wait(lambda: self.ask("GET", "/readyz")[0] == 200, "ready")
        return e

    def ask(self, method, path, body=None, headers=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            c.request(method, path.replace(self.base, ""), body, headers or {})
            r = c.getresponse()
            return r.status, r.read().decode()
        finally:
            c.close()

    def people(self, n):
        self.place.database.sql(
            "select count(godwit.identify('c' || i, '{}', 'c' || i || '@example.net', "
            "'+4477009' || 10000 + i)) from generate_series(1, %d) i" % n)
        self.place.orders(n)

    def responses(self):
        return self.place.database.sql(
            "select customer, kind, details ->> 'class', details ->> 'code' from "
            "godwit.report_responses order by customer, at, kind")

    def consents(self):
        return self.place.database.sql(
            "select c.key, n.channel, n.topic, n.state, n.source from godwit.consents n "
            "join godwit.customers c on c.shard = n.shard and c.id = n.customer_id order by n.id")

    def metric(self, name):
        for line in self.ask("GET", "/metrics")[1].splitlines():
            if line.startswith(name + " "):
                return float(line.split()[-1])
        return None


def signature(url, fields):
    """As Twilio documents it; the test twilio_library holds it against their code."""
    text = url + "".join(k + fields[k] for k in sorted(fields))
    return base64.b64encode(hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()).decode()


def tell(hooks, url, fields, sign=signature):
    return hooks.ask("POST", url, urllib.parse.urlencode(fields),
                     {"Content-Type": "application/x-www-form-urlencoded",
                      "X-Twilio-Signature": sign(url, fields)})


def twilio(place, n, doubt="resend", more="", rule=None):
    """n messages that a server in Twilio's place took; returns the callback and the sid of each."""
    peer = place.keep(HttpPeer(place.folder, rule or {
        "on": "POST /2010-04-01/*", "status": 201,
        "body": '{"sid": "SM$N", "status": "queued", "num_segments": "1"}'}))
    hooks = Hooks(place, TWILIO.format(peer=peer.port, doubt=doubt, more=more))
    hooks.people(n)
    return hooks, peer


def callbacks(hooks, peer, n):
    wait(lambda: hooks.place.statuses().get("sent", 0) >= n, "%d sent" % n)
    found = {}
    for r in peer.records("/2010-04-01/"):
        fields = dict(urllib.parse.parse_qsl(r["body"]))
        sid = hooks.place.database.one("select provider_id from godwit.report_messages where address "
                                       "= '%s'" % fields["To"])
        found["c%d" % (int(fields["To"][-5:]) - 10000)] = (fields["StatusCallback"], sid)
    same(len(found), n, "callbacks asked for")
    return found


def status(sid, what, code=None):
    fields = {"MessageSid": sid, "SmsSid": sid, "MessageStatus": what, "SmsStatus": what,
              "AccountSid": "AC0123", "From": "+15005550006", "To": "+447700910001",
              "ApiVersion": "2010-04-01"}
    return dict(fields, ErrorCode=code) if code else fields


def twilio_receipts(place):
    hooks, peer = twilio(place, 5)
    hooks.engine()
    url = callbacks(hooks, peer, 5)
    say = lambda who, what, code=None: tell(hooks, url[who][0], status(url[who][1], what, code))
    for who, what, code in (("c1", "queued", None), ("c1", "delivered", None), ("c1", "sent", None),
                            ("c1", "delivered", None), ("c1", "failed", "30008"),
                            ("c2", "undelivered", "30005"), ("c2", "undelivered", "30005"),
                            ("c3", "undelivered", "30003"), ("c3", "delivered", None),
                            ("c4", "failed", "30007"), ("c5", "sending", None)):
        got = say(who, what, code)
        same(got[0], 200, "%s of %s: %s" % (what, who, got[1]))
        check("<Response></Response>" in got[1], "TwiML: " + got[1])
    same(hooks.responses(),
         [["c1", "delivered", "", ""], ["c2", "bounce", "hard", "30005"],
          ["c3", "bounce", "soft", "30003"], ["c3", "delivered", "", ""],
          ["c4", "bounce", "block", "30007"]], "responses")
    same(place.database.sql("select channel, reason from godwit.suppressions"),
         [["sms", "hard bounce: undelivered 30005"]], "suppressions")
    same(say("c5", "tomorrow")[0], 400, "a status that Twilio does not know")

    # the URL without a token: by Twilio's number; one that nobody knows is taken and counted
    same(tell(hooks, hooks.base + "/hooks/sms", status(url["c5"][1], "delivered"))[0], 200, "by sid")
    same(tell(hooks, hooks.base + "/hooks/sms", status("SMnobody", "delivered"))[0], 200, "unknown")
    same(len(hooks.responses()), 6, "responses")
    for name, n in (("recorded", 6), ("repeated", 3), ("progress", 3), ("unknown", 1)):
        same(hooks.metric('godwit_hook_reports_total{result="%s"}' % name), n, name)
    # what is not Twilio's
    before = hooks.responses()
    fields = status(url["c5"][1], "failed", "30005")
    other = signature(url["c4"][0], fields)
    for what, path, headers in (
            ("unsigned", url["c5"][0], {}), ("empty", url["c5"][0], {"X-Twilio-Signature": ""}),
            ("another URL's", url["c5"][0], {"X-Twilio-Signature": other}),
            ("changed", url["c5"][0], {"X-Twilio-Signature": signature(url["c5"][0], dict(fields, To="1"))}),
            ("cut", url["c5"][0], {"X-Twilio-Signature": signature(url["c5"][0], fields)[:-1]})):
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        same(hooks.ask("POST", path, urllib.parse.urlencode(fields), headers)[0], 403, what)
    bad = url["c5"][0][:-1] + ("A" if url["c5"][0][-1] != "A" else "B")
    same(tell(hooks, bad, fields)[0], 404, "a token that is not ours")
    same(tell(hooks, hooks.base + "/hooks/mail", fields)[0], 404, "no such channel")
    same(hooks.ask("HEAD", "/hooks/sms")[0], 405, "HEAD")
    same(hooks.metric('godwit_hook_refused_total{why="forged"}'), 5, "forged")
    same(hooks.responses(), before, "after forgeries")


def replay_after_crash(place):
    """Killed between commit and answer: the provider asks again, and nothing is there twice."""
    if not developer_build():
        return
    hooks, peer = twilio(place, 2)
    e = hooks.engine(fault="hooks.committed:2:crash")
    url = callbacks(hooks, peer, 2)
    same(tell(hooks, *[url["c1"][0], status(url["c1"][1], "delivered")])[0], 200, "first")
    for again in (False, True):
        try:
            got = tell(hooks, url["c2"][0], status(url["c2"][1], "delivered"))[0]
        except (http.client.HTTPException, OSError):
            got = None
        same(got, 200 if again else None, "the second, again: %r" % again)
        if not again:
            e.ended()
            hooks.engine()
    stop = {"MessageSid": "SMin", "From": "+447700910001", "To": "+15005550006", "Body": "stop"}
    for _ in range(3):
        same(tell(hooks, hooks.base + "/hooks/sms", stop)[0], 200, "STOP")
    same([r[:2] for r in hooks.responses()],
         [["c1", "delivered"], ["c1", "unsubscribe"], ["c2", "delivered"]], "responses")
    same(len(hooks.consents()), 1, "consents after a replay")


def storm(place):
    """Receipts that come together are one transaction, each is answered after it, and one that cannot
    be written takes no other with it."""
    n = 40
    hooks, peer = twilio(place, n)
    hooks.engine()
    url = callbacks(hooks, peer, n)
    database = place.database
    answers = {}

    def say(who):
        answers[who] = tell(hooks, url[who][0], status(url[who][1], "delivered"))[0]

    def together(whom):
        """The first waits for a lock, and the others for it."""
        number = database.one("select message_id from godwit.report_messages where customer = '%s'" % whom[0])
        answers.clear()
        with contextlib.closing(Session(database.url)) as other:
            other.sql("begin")
            other.sql("select pg_advisory_xact_lock(7311, %s)" % number)
            threads = [threading.Thread(target=say, args=(who,)) for who in whom]
            threads[0].start()
            wait(lambda: database.number("select count(*) from pg_locks where locktype = 'advisory' and not "
                                         "granted"), "the first to wait")
            for t in threads[1:]:
                t.start()
            wait(lambda: hooks.metric("godwit_http_requests_waiting") > len(whom), "the others to wait")
            same(answers, {}, "answers before the commit")
            other.sql("rollback")
            for t in threads:
                t.join()

    together(["c%d" % i for i in range(1, 21)])
    same(collections.Counter(answers.values()), {200: 20}, "answers")
    same(database.sql("select count(*), count(distinct xmin::text) from godwit.responses"), [["20", "2"]],
         "receipts and transactions")
    database.sql("create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no' "
                 "using errcode = 'check_violation'; end $$")
    database.sql("create trigger refuse before insert on "
                 "godwit.responses for each row when (new.customer_id = (%s)) execute function refuse()"
                 % database.one("select id from godwit.customers where key = 'c25'"))
    together(["c%d" % i for i in range(21, 41)])
    same(sorted(k for k, v in answers.items() if v != 200), ["c25"], "those that were refused")
    same(answers["c25"], 500, "the one that cannot be written")
    same(database.number("select count(*) from godwit.responses"), 39, "receipts")


def soft_receipts(place):
    """A soft failure that a receipt tells counts like one that a mail tells."""
    hooks, peer = twilio(place, 1)
    hooks.engine()
    url, sid = callbacks(hooks, peer, 1)["c1"]
    same(tell(hooks, url, status(sid, "undelivered", "30003"))[0], 200, "first")
    same(place.database.sql("select channel, bounces, last_class from godwit.bounce_runs"),
         [["sms", "1", "soft"]], "counted")
    same(place.database.sql("select 1 from godwit.suppressions"), [], "after one")
    place.database.sql("update godwit.bounce_runs set bounces = 4, first_at = now() - interval '8 days'")
    place.orders(1)
    wait(lambda: place.statuses().get("sent") == 2, "the second")
    sid = place.database.one("select provider_id from godwit.messages order by id desc limit 1")
    same(tell(hooks, hooks.base + "/hooks/sms", status(sid, "undelivered", "30003"))[0], 200, "fifth")
    reason = place.database.one("select reason from godwit.suppressions where channel = 'sms'")
    check(reason.startswith("5 soft bounces since"), "the reason: " + reason)


def doubt_is_settled(place):
    """The answer to a send is lost; the receipt says that it went: it is not sent again."""
    hooks, peer = twilio(place, 1, doubt="hold", rule={"on": "POST /2010-04-01/*", "cut": "request"})
    hooks.engine()
    wait(lambda: place.statuses().get("in_doubt") == 1, "in doubt")
    fields = dict(urllib.parse.parse_qsl(peer.records("/2010-04-01/")[0]["body"]))
    same(tell(hooks, fields["StatusCallback"], status("SM1", "sent"))[0], 200, "sent")
    same(place.database.sql("select status, provider_id from godwit.messages"), [["sent", "SM1"]],
         "the message")
    same(place.godwit("doubt", "list").returncode, 0, "doubt list")
    place.books()


def reported_before_the_end(place):
    """Killed before the result was written; the provider had reported meanwhile: not sent again."""
    if not developer_build():
        return
    hooks, peer = twilio(place, 1)
    place.engine(fault="delivery.before_settle:1:crash").ended()
    same(place.statuses(), {"sending": 1}, "when the engine ended")
    same(place.database.sql("select godwit.record_receipt(m, 'SM1', 'delivered', null, null, null, null, 5, "
                            "'7 days', '1 hour') from godwit.messages m"), [["recorded"]], "the receipt")
    e = hooks.engine()
    e.says("shards acquired")
    wait(lambda: place.statuses() == {"sent": 1}, "settled")
    same(len(peer.records("/2010-04-01/")), 1, "requests")
    check("in doubt" not in e.text(), "nothing is in doubt: " + e.text())
    place.books()


def keywords(place):
    hooks, peer = twilio(place, 3, more=", keywords: { stop: [TD] }, replies: { start: 'Welcome back' }")
    place.database.sql("select godwit.identify('twin', '{}', null, '+44 7700-910001')")
    place.database.sql("select godwit.set_consent('c1', '*', 'news', 'unsubscribed', 'page')")
    hooks.engine()
    callbacks(hooks, peer, 3)
    number = [0]

    def write(who, text, **more):
        number[0] += 1
        got = tell(hooks, hooks.base + "/hooks/sms",
                   dict({"MessageSid": "SMin%d" % number[0], "From": "+44770091000%d" % who,
                         "To": "+15005550006", "Body": text, "NumMedia": "0"}, **more))
        same(got[0], 200, text)
        return got[1].split("<Response>")[1].split("</Response>")[0]
    same(write(1, " Stop. "), "", "answer to STOP")
    stop = ["sms", "*", "unsubscribed", "sms:stop"]
    same(hooks.consents()[1:], [["c1"] + stop, ["twin"] + stop], "everybody with the number")
    place.orders(1)
    place.database.sql("insert into godwit.events (customer, name) values ('twin', 'order.placed')")
    wait(lambda: place.database.number("select count(*) from godwit.decisions") == 2, "decided")
    same(place.database.sql("select distinct outcome from godwit.decisions"), [["suppressed"]], "STOP")
    same(write(1, "start"), "<Message>Welcome back</Message>", "answer to START")
    start = ["sms", "*", "subscribed", "sms:start"]
    same(hooks.consents()[3:],
         [["c1"] + start, ["c1", "sms", "news", "unsubscribed", "sms:start, declined before"],
          ["twin"] + start], "START")
    same(place.database.number("select count(*) from godwit.suppressions"), 0, "suppressions")
    same(write(1, "START"), "<Message>Welcome back</Message>", "START without STOP")
    same(len(hooks.consents()), 6, "START without STOP changes nothing")
    same(write(2, "help"), "<Message>Acme &amp; Music: reply STOP to unsubscribe. Contact: "
         "hello@acme.example</Message>", "HELP")
    same(write(2, "info", OptOutType="HELP"), "", "Twilio answered itself")
    same(write(2, "TD"), "", "a word of the channel's own")
    same(write(3, "退訂"), "", "Chinese")
    same(write(3, "I would like to stop by your shop"), "", "a sentence")
    same(write(9, "STOP"), "", "of a number that nobody has")
    same(place.database.sql("select customer, kind, details ->> 'keyword', details ->> 'text' from "
                            "godwit.report_responses order by at"),
         [["c1", "unsubscribe", "stop", " Stop. "], ["c1", "reply", "start", "start"],
          ["c1", "reply", "start", "START"], ["c2", "reply", "help", "help"],
          ["c2", "reply", "help", "info"], ["c2", "unsubscribe", "stop", "TD"],
          ["c3", "unsubscribe", "stop", "退訂"],
          ["c3", "reply", "", "I would like to stop by your shop"]], "responses")
    same(place.database.number("select count(*) from godwit.suppressions where reason = 'sms:stop'"), 3,
         "numbers that said STOP")


def gateway(place):
    """A gateway described by settings: reports in a list, signed; an inbound message."""
    peer = place.keep(HttpPeer(place.folder, {"on": "POST /send*", "status": 200,
                                              "body": '{"id": "g$N"}'}))
    hooks = Hooks(place, """
    driver: http
    kind: sms
    connections: 1
    url: http://127.0.0.1:%d/send
    body: '{ "to": "{to}", "text": "{text}", "ref": "{reference}", "report": "{receipt_url}" }'
    id: /id
    address_codes: 101
    hook_secret: env:HOOK_SECRET
    hook_header: X-Signature
    hook_auth: hmac-sha256
    receipts: /reports
    receipt_reference: /ref
    receipt_id: /id
    receipt_status: /state
    receipt_code: /error
    failed: FAILED, EXPIRED
    inbound_from: /msisdn
    inbound_text: /text
    inbound_id: /mo""" % peer.port)
    hooks.people(4)
    hooks.engine()
    wait(lambda: place.statuses().get("sent") == 4, "sent")
    sent = {json.loads(r["body"])["to"][-1]: json.loads(r["body"]) for r in peer.records("/send")}
    check(sent["1"]["report"] == hooks.base + "/hooks/sms/" + sent["1"]["ref"], "the URL of reports")
    id2 = place.database.one("select provider_id from godwit.report_messages where customer = 'c2'")

    def post(body, secret=b"s3cret", path="/hooks/sms", form="sha256=%s"):
        text = json.dumps(body)
        mac = hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
        return hooks.ask("POST", path, text, {"Content-Type": "application/json",
                                              "X-Signature": form % mac})
    reports = {"reports": [{"ref": sent["1"]["ref"], "state": "Delivered"},
                           {"id": id2, "state": "FAILED", "error": 101},
                           {"ref": sent["3"]["ref"], "state": "EXPIRED"},
                           {"ref": sent["4"]["ref"], "state": "ROUTED"},
                           {"ref": "nonsense", "state": "delivered"},
                           {"mo": "in1", "msisdn": "447700910003", "text": "thanks \u0000 😀"}]}
    same(post(reports, b"wrong")[0], 403, "forged")
    same(post(reports, form="%s0")[0], 403, "longer")
    same(hooks.responses(), [], "after forgeries")
    for _ in range(2):
        same(post(reports)[0], 200, "reports")
    same(hooks.responses(), [["c1", "delivered", "", ""], ["c2", "bounce", "hard", "101"],
                             ["c3", "bounce", "soft", ""], ["c3", "reply", "", ""]], "responses")
    same(post({"reports": []})[0], 200, "no reports")
    same(post({"other": 1})[0], 400, "unreadable")
    same(post({"reports": [{"ref": "x", "state": "y"}] * 1001})[0], 413, "too many")
    same(json.loads(post({"reports": [{"mo": "in2", "msisdn": "447700910004", "text": "HELP"}]})[1])
         ["reply"][:12], "Acme & Music", "the answer to HELP")


def wait_for_the_database(place):
    """Away for a moment: the answer waits. Away for long: 503, and the provider comes again."""
    hooks, peer = twilio(place, 1)
    hooks.engine()
    url, sid = callbacks(hooks, peer, 1)["c1"]
    place.database.close()
    place.server.call("immediate")
    try:
        same(tell(hooks, url, status(sid, "delivered"))[0], 503, "while the database is away")
    finally:
        place.server.call("restart")
    wait(lambda: tell(hooks, url, status(sid, "delivered"))[0] == 200, "back again")
    same([r[:2] for r in hooks.responses()], [["c1", "delivered"]], "responses")


def real_kannel(place):
    """Kannel itself: 8 and 1 in whatever order, inbound SMS, the answer to HELP on the phone."""
    if not kannel.there():
        skip("Kannel is not installed (Debian packages kannel, kannel-extras)")
    port = free_port()
    inbound = ("http://127.0.0.1:%d/hooks/sms?secret=s3cret&from=%%p&to=%%P&text=%%b&coding=%%c&at=%%T"
               "&id=%%I" % port)
    os.makedirs(os.path.join(place.folder, "k"))
    box = place.keep(kannel.Kannel(os.path.join(place.folder, "k"), inbound))
    hooks = Hooks(place, "{ driver: kannel, url: '%s', username: godwit, password: secret, from: ACME, "
                  "hook_secret: env:HOOK_SECRET, keywords: { help: [hilfe] } }" % box.url, port)
    hooks.engine()
    phone = box.phone()
    hooks.people(3)
    wait(lambda: [r[:2] for r in hooks.responses()] == [["c%d" % i, "delivered"] for i in (1, 2, 3)],
         "receipts; got %r" % hooks.responses())
    wait(lambda: hooks.metric('godwit_hook_reports_total{result="progress"}') >= 3, "type 8")
    phone.kill()
    phone.wait()
    for i, text in enumerate(("Hilfe", "STOP", "lovely + good & cheap"), 1):
        phone = box.phone("44770091000%d 13013 text %s" % (i, text))
        wait(lambda: place.database.number("select count(*) from godwit.inbound_sms") == i, text)
        phone.kill()
        phone.wait()
    box.phone()
    wait(lambda: "Acme & Music: reply STOP" in box.received(), "the answer on the phone")
    same(place.database.sql("select customer, kind, details ->> 'text' from godwit.report_responses "
                            "where kind <> 'delivered' order by customer"),
         [["c1", "reply", "Hilfe"], ["c2", "unsubscribe", "STOP"],
          ["c3", "reply", "lovely + good & cheap"]], "inbound")
    same(hooks.consents(), [["c2", "sms", "*", "unsubscribed", "sms:stop"]], "STOP")
    # failures, which the fake SMSC does not make; and what is not Kannel's
    hooks.people(4)
    wait(lambda: place.database.number("select count(*) from godwit.messages where customer_id = "
                                       "(select id from godwit.customers where key = 'c4') and "
                                       "status = 'sent'") == 1, "sent")
    for path in ("/hooks/sms?type=1", "/hooks/sms?secret=&from=1&text=x",
                 "/hooks/sms?secret=wrong&from=1&text=x"):
        same(hooks.ask("GET", path)[0], 403, path)
    same(hooks.ask("GET", "/hooks/sms?secret=s3cret")[0], 400, "nothing in it")
    same(hooks.ask("GET", "/hooks/sms?secret=s3cret&type=2&id=nobody&answer=x")[0], 200, "unknown")
    utf16 = urllib.parse.quote("說明 😀".encode("utf-16-be"))
    same(hooks.ask("GET", "/hooks/sms?secret=s3cret&from=447700910001&id=u1&coding=2&text=" + utf16),
         (200, ""), "UCS-2")
    same(place.database.one("select details ->> 'text' from godwit.responses where "
                            "details ->> 'provider_id' = 'u1'"), "說明 😀", "UCS-2")


def twilio_library(place):
    """The npm package twilio: its signatures are taken, it takes ours, its client asks as we do."""
    try:
        modules = npm.modules({"twilio": "6.2.0"})
    except npm.Missing as e:
        print("    NOT SHOWN: %s" % e)
        return
    process = subprocess.Popen(["node", os.path.join(SOURCE, "tests/flow/twilio.js")],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                               env=dict(os.environ, NODE_PATH=modules))

    def library(**q):
        process.stdin.write(json.dumps(q) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())
    try:
        hooks, peer = twilio(place, 2)
        hooks.engine()
        url = callbacks(hooks, peer, 2)
        theirs = lambda u, f: library(op="sign", token=TOKEN, url=u, params=f)
        fields = dict(status(url["c1"][1], "delivered"), Odd="a & b=ü", Empty="")
        same(tell(hooks, url["c1"][0], fields, theirs)[0], 200, "a signature of the library")
        with_port = signature(hooks.base + "/hooks/sms?a=b%20c", fields)
        check(library(op="valid", token=TOKEN, url=hooks.base + "/hooks/sms?a=b%20c", params=fields,
                      signature=with_port), "the library takes what this test makes")
        body = json.dumps({"MessageSid": url["c2"][1]})
        u = "%s?bodySHA256=%s" % (url["c2"][0], library(op="hash", body=body))
        headers = {"Content-Type": "application/json", "X-Twilio-Signature": theirs(u, {})}
        same(hooks.ask("POST", u, body, headers)[0], 400, "a JSON body: signed, but no status")
        same(hooks.ask("POST", u, body + " ", headers)[0], 403, "a JSON body that was changed")
        sent = [r for r in peer.records("/2010-04-01/") if "10001" in r["body"]][0]
        ours = dict(urllib.parse.parse_qsl(sent["body"]))
        made = library(op="create", account="AC0123", token=TOKEN, params={
            "to": ours["To"], "from": ours["From"], "body": ours["Body"],
            "statusCallback": ours["StatusCallback"]})
        same(made["data"], ours, "fields that the library's client sends")
        same((made["method"].upper(), urllib.parse.urlsplit(made["uri"]).path), ("POST", sent["path"]),
             "where to")
        login = base64.b64encode(("%s:%s" % (made["user"], made["password"])).encode()).decode()
        same(sent["headers"]["authorization"], "Basic " + login, "login")
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


if __name__ == "__main__":
    run(twilio_receipts, replay_after_crash, storm, soft_receipts, doubt_is_settled, reported_before_the_end, keywords, gateway, twilio_library,
        real_kannel, wait_for_the_database, needs=())
