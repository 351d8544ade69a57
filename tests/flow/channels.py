# SPDX-License-Identifier: Apache-2.0
"""Email, SMS and webhooks side by side, with a scripted HTTP peer: a crash, a stall, a bad number."""
import collections
import json
import os
import subprocess
import sys
import time
import urllib.parse

from flow import PEERS, addresses, check, run, same, wait

SETTINGS = """database: "{url}"
sender: {{ name: Acme Music, email: hello@acme.example, postal_address: "1 Long Road, Taipei" }}
channels:
  email: {{ driver: smtp, host: 127.0.0.1, port: {smtp}, connections: 4, starttls: "off" }}
  sms: {{ driver: kannel, url: "http://127.0.0.1:{http}/sms", username: u, password: env:PATH, in_doubt: hold,
         connections: 4, timeout: {timeout}, segment_cost: 0.045 }}
  crm: {{ driver: webhook, url: "http://127.0.0.1:{http}/crm", allow_private: true, in_doubt: resend, retry: 1s }}
topics:
  offers: {{ title: Offers, default: subscribed }}
"""
CAMPAIGN = """campaign: {name}
trigger: {{ event: order.placed }}
steps:
  - send: {{ channel: {channel}, topic: offers, template: {name} }}
"""


class HttpPeer:
    def __init__(self, folder, *rules):
        self.log = os.path.join(folder, "http.log")
        arguments = [sys.executable, os.path.join(PEERS, "http_peer.py"), "--log", self.log]
        for rule in rules:
            arguments += ["--rule", json.dumps(rule)]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.port = int(self.process.stdout.readline())

    def records(self, path):
        if not os.path.exists(self.log):
            return []
        with open(self.log, encoding="utf-8") as f:
            lines = [json.loads(line) for line in f if line.endswith("\n")]
        return [r for r in lines if r["path"].startswith(path)]

    def numbers(self):
        return [urllib.parse.parse_qs(urllib.parse.urlsplit(r["path"]).query)["to"][0]
                for r in self.records("/sms")]

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=20)
        self.process.stdout.close()


def ready(place, smtp, http, timeout="30s"):
    place.write("godwit.yaml", SETTINGS.format(url=place.database.url, smtp=smtp.port,
                                               http=http.port, timeout=timeout))
    for name, channel in (("mail", "email"), ("text", "sms"), ("hook", "crm")):
        place.write("campaigns/%s.yaml" % name, CAMPAIGN.format(name=name, channel=channel))
    place.write("templates/mail/subject.liquid", "Thank you\n")
    place.write("templates/mail/text.liquid", "Dear {{ customer.key }}\n{{ sender.postal_address }}\n"
                "{{ unsubscribe_url }}\n")
    place.write("templates/text/sms.liquid", "Thank you, {{ customer.key }}")
    place.write("templates/hook/body.json.liquid", '{"customer": "{{ customer.key }}"}')
    r = place.godwit("db", "migrate")
    same(r.returncode, 0, "db migrate: " + r.stderr)


def people(place, n):
    place.database.sql("select count(godwit.identify('c' || i, '{}', 'c' || i || '@example.net', "
                       "'+4477009' || 10000 + i)) from generate_series(1, %d) i" % n)
    place.orders(n)


def numbers(n):
    return ["+4477009%d" % (10000 + i) for i in range(1, n + 1)]


def by_status(place, channel):
    return {s: int(n) for s, n in place.database.sql(
        "select status, count(*) from godwit.messages where channel = '%s' group by 1" % channel)}


def all_three(place):
    n = 100
    smtp, http = place.peer(), place.keep(HttpPeer(place.folder, {"on": "GET /sms*", "status": 202,
                                                                   "body": "0: Accepted"}))
    ready(place, smtp, http)
    people(place, n)
    place.drain()
    same(sorted(http.numbers()), sorted(numbers(n)), "numbers")
    same(len({r["headers"]["webhook-id"] for r in http.records("/crm")}), n, "webhook ids")
    same(len(http.records("/crm")), n, "webhooks")
    same(sorted(a for a, _ in smtp.received()), sorted(addresses(n)), "mails")
    same(place.statuses(), {"sent": 3 * n}, "statuses")
    same(place.database.sql("select channel, sum(segments), round(sum(cost), 2) from godwit.report_messages "
                            "group by 1 order by 1"),
         [["crm", "", ""], ["email", "", ""], ["sms", str(n), "%.2f" % (n * 0.045)]], "segments, and what they cost")
    place.books()


def crash_and_go_on(place):
    n = 200
    smtp = place.peer()
    http = place.keep(HttpPeer(place.folder, {"on": "GET /sms*", "status": 202, "delay": 0.01},
                               {"on": "POST /crm*", "delay": 0.01}))
    ready(place, smtp, http)
    people(place, n)
    for more in (20, 40):
        e = place.engine()
        before = len(http.numbers())
        wait(lambda: len(http.numbers()) >= before + more, "the engine is at work")
        e.kill()
    place.drain()
    got = collections.Counter(http.numbers())
    doubted = {a for (a,) in place.database.sql("select address from godwit.messages where channel = "
                                                "'sms' and doubted_at is not null")}
    same([a for a in got if got[a] > 1], [], "SMS sent twice")
    lost = [a for a in numbers(n) if not got[a] and a not in doubted]
    same(lost, [], "SMS lost")
    check(len(doubted) <= 2 * 4, "%d in doubt, no more than connections a crash" % len(doubted))
    hooks = collections.Counter(r["headers"]["webhook-id"] for r in http.records("/crm"))
    same(len(hooks), n, "webhooks; a copy has the same id")
    check(sum(hooks.values()) <= n + 2 * 8, "copies of webhooks")
    place.books()
    print("    two crashes: %d of %d SMS in doubt, %d copies of webhooks"
          % (len(doubted), n, sum(hooks.values()) - n))


def one_stalls(place):
    n = 300
    smtp, http = place.peer(), place.keep(HttpPeer(place.folder, {"on": "GET /sms*", "stall": True}))
    ready(place, smtp, http)
    people(place, n)
    place.engine()
    wait(lambda: len(smtp.records()) == n and by_status(place, "crm") == {"sent": n},
         "the others are done while SMS stalls")
    same(len(http.numbers()), 4, "SMS in the hands of the stalled gateway")
    same(by_status(place, "sms"), {"sending": 4, "queued": n - 4}, "SMS")


def refusals(place):
    smtp = place.peer()
    http = place.keep(HttpPeer(place.folder,
                               {"on": "*10001*", "status": 400, "body": "Number(s) denied"},
                               {"on": "POST /crm*", "last": 3, "status": 500}))
    ready(place, smtp, http)
    people(place, 20)
    place.engine()
    wait(lambda: place.settled(60), "all are settled", 30)
    same(by_status(place, "sms"), {"failed": 1, "sent": 19}, "SMS beside a bad number")
    same(by_status(place, "crm"), {"sent": 20}, "webhooks, three of them tried again")
    same(len(http.records("/crm")), 23, "webhook requests")
    same(len({r["headers"]["webhook-id"] for r in http.records("/crm")}), 20, "webhook ids")
    place.books()


if __name__ == "__main__":
    run(all_three, crash_and_go_on, one_stalls, refusals, needs=())
