#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A small crowd for the demo: opens, follows and leaves the mails in a Maildir, and buys, over the
engine's own HTTP endpoints. What each reader does follows from --seed alone.

    WRITE_KEY=... readers.py MAILDIR URL [--customers N] [--seed N]
"""
import argparse
import base64
import email
import email.policy
import hashlib
import heapq
import html
import http.client
import json
import os
import re
import sys
import time
import urllib.parse

PERSON = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
GMAIL = PERSON + " (via ggpht.com GoogleImageProxy)" # loads images when the mail is shown
APPLE = "Mozilla/5.0"                               # loads images when the mail arrives
READS_AFTER = 11 # seconds: who follows a link within ten is taken for a scanner

OPENS, CLICKS, BUYS, LEAVES = 0.65, 0.5, 0.7, 0.03 # of those mailed, opened, clicked, opened
RELAYED, SCANNED, ANYWAY = 0.25, 0.08, 0.1         # of all


class Crowd:
    def __init__(self, options):
        self.options, self.url = options, urllib.parse.urlsplit(options.url)
        self.plan, self.count, self.order = [], dict.fromkeys(("opens", "clicks", "machine hits", "orders", "unsubscribes"), 0), 0

    def chance(self, *what):
        digest = hashlib.sha256(repr((self.options.seed, *what)).encode()).digest()
        return int.from_bytes(digest[:6], "big") / 2**48

    def at(self, when, kind, *request):
        self.order += 1
        heapq.heappush(self.plan, (when, self.order, kind, request))

    def ask(self, method, target, body=None, headers=None):
        c = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=10)
        c.request(method, target, body, headers or {})
        status = c.getresponse().status
        c.close()
        if status not in (200, 302):
            sys.exit("readers.py: %s %s was answered with %d" % (method, target[:40], status))

    def buy(self, when, customer, why):
        amount = 200 + int(self.chance(customer, why, "amount") * 140) * 10
        order = {"userId": customer, "event": "order.placed", "messageId": "%s-%s" % (why, customer),
                 "properties": {"order": "%s-%s" % (why, customer), "amount": amount, "quantity": 1}}
        key = base64.b64encode((os.environ["WRITE_KEY"] + ":").encode()).decode()
        self.at(when, "orders", "POST", "/v1/track", json.dumps(order),
                {"Content-Type": "application/json", "Authorization": "Basic " + key})

    def reads(self, path):
        with open(path, "rb") as f:
            mail = email.message_from_binary_file(f, policy=email.policy.default)
        start, arrived = time.time(), os.stat(path).st_mtime
        customer, what = mail["To"].split("@")[0], mail["Feedback-ID"].split(":")[0]
        page = mail.get_body(("html",)).get_content()
        links = [urllib.parse.urlsplit(html.unescape(u)).path for u in re.findall(r'"(http[^"]*/[co]/[^"]*)"', page)]
        pixel, clicks = links[-1], [u for u in links if u.startswith("/c/")]

        def does(action, share):
            return self.chance(customer, what, action) < share
        soon = start + 5 * self.chance(customer, what, "when")
        if does("relay", RELAYED):
            self.at(soon, "machine hits", "GET", pixel, None, {"User-Agent": APPLE})
        if does("scan", SCANNED):
            for link in clicks:
                self.at(soon, "machine hits", "HEAD", link, None, {"User-Agent": PERSON})
        if not does("open", OPENS):
            return
        self.at(soon, "opens", "GET", pixel, None, {"User-Agent": GMAIL})
        later = max(soon, arrived + READS_AFTER) + 2 * self.chance(customer, what, "later")
        if does("leave", LEAVES):
            self.at(later, "unsubscribes", "POST", urllib.parse.urlsplit(mail["List-Unsubscribe"].strip("<>")).path,
                    "List-Unsubscribe=One-Click", {"Content-Type": "application/x-www-form-urlencoded"})
        elif clicks and does("click", CLICKS):
            self.at(later, "clicks", "GET", clicks[0], None, {"User-Agent": PERSON})
            if does("buy", BUYS):
                self.buy(later + 1, customer, what)

    def runs(self):
        shown = time.time()
        while self.plan:
            when, _, kind, request = heapq.heappop(self.plan)
            while time.time() < when:
                time.sleep(min(0.2, max(0, when - time.time())))
                if time.time() - shown > 2:
                    shown = time.time()
                    self.says()
            self.ask(*request)
            self.count[kind] += 1
        self.says()

    def says(self):
        print("  " + ", ".join("%d %s" % (n, kind) for kind, n in self.count.items()), flush=True)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("maildir")
    p.add_argument("url")
    p.add_argument("--customers", type=int, default=0)
    p.add_argument("--seed", type=int, default=4)
    crowd = Crowd(p.parse_args())
    new = os.path.join(crowd.options.maildir, "new")
    for name in sorted(os.listdir(new)):
        crowd.reads(os.path.join(new, name))
    for i in range(1, crowd.options.customers + 1): # whether they had mail or not
        if crowd.chance("c%d" % i, "anyway") < ANYWAY:
            crowd.buy(time.time() + 6 * crowd.chance("c%d" % i, "when"), "c%d" % i, "shop")
    crowd.runs()


if __name__ == "__main__":
    main()
