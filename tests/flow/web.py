# SPDX-License-Identifier: Apache-2.0
"""What the tests of the HTTP side share: a workspace that tracks, mails read back, requests."""
import email
import email.policy
import glob
import html
import http.client
import os
import re
import socket

from flow import Database, check, same, wait

SETTINGS = """database: "{url}"
sender: {{ name: Acme Music, email: hello@acme.example, postal_address: "1 Long Road, Taipei" }}
channels:
  email: {{ driver: maildir, path: "{mails}" }}
topics:
  offers: {{ title: {{ en: Offers, zh-TW: 優惠 }}, default: subscribed }}
  news: {{ title: {{ en: News & views, zh-TW: 新聞 }}, default: unsubscribed }}
tracking: {{ listen: "127.0.0.1:{port}", public_url: "http://127.0.0.1:{port}", write_keys: [env:WRITE_KEY]{more} }}
"""

TEXT = """Dear {{ customer.key }}, see https://acme.example/text?for={{ customer.key }}.
{{ sender.name }} {{ sender.postal_address }} {{ unsubscribe_url }}
"""
HTML = """<html><body><p>Dear {{ customer.key }},</p>
<a href="https://acme.example/offers?a=1&amp;b={{ customer.key }}">offers</a>
<a href="http://shop.example/優惠">shop</a> <a href="mailto:x@acme.example">write</a>
<a href="{{ unsubscribe_url }}">off</a> {{ sender.postal_address }}</body></html>
"""
KEY = "wk_test"
GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


class Web:
    """A Place whose engine listens."""

    def __init__(self, place, more=""):
        self.place, self.port = place, self.own_port(place)
        self.mails = os.path.join(place.folder, "mails")
        place.write("godwit.yaml", SETTINGS.format(url=place.database.url, mails=self.mails,
                                                   port=self.port, more=more))
        place.campaign()
        place.write("templates/thanks/subject.liquid", "Thank you\n")
        place.write("templates/thanks/text.liquid", TEXT)
        place.write("templates/thanks/html.liquid", HTML)
        r = place.godwit("db", "migrate", env={"WRITE_KEY": KEY})
        check(r.returncode == 0, "db migrate: " + r.stderr)

    @staticmethod
    def own_port(place):
        """One that no other test gets: engines share ports (SO_REUSEPORT), and so two tests that
        chose the same would answer each other's requests. Who is bound and does not listen gets none."""
        s = place.keep(socket.socket())
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]

    def engine(self, **keywords):
        e = self.place.engine(env=dict({"WRITE_KEY": KEY}, **keywords.pop("env", {})), **keywords)
        e.says("listening")
        e.says("shards acquired")
        wait(lambda: self.ask("GET", "/readyz")[0] == 200, "ready")
        return e

    def sent(self, n):
        """n customers who placed an order have their mail; returns the mails by address."""
        self.place.customers(n)
        self.place.orders(n)
        wait(lambda: self.place.statuses().get("sent", 0) >= n, "%d mails" % n)
        return self.read()

    def database_away(self):
        """Nobody gets into the database any more, and the engine has noticed; returns the way back."""
        database = self.place.database
        database.close()
        name = re.search(r"/(flow\d+)\?", database.url).group(1)
        other = self.place.keep(Database(self.place.server.url))
        other.sql("alter database %s with allow_connections false" % name)
        other.sql("select pg_terminate_backend(pid) from pg_stat_activity where datname = '%s'" % name)
        wait(lambda: self.ask("GET", "/readyz")[0] == 503, "not ready")
        return lambda: other.sql("alter database %s with allow_connections true" % name)

    def read(self):
        mails = {}
        for path in glob.glob(self.mails + "/new/*"):
            with open(path, "rb") as f:
                m = email.message_from_binary_file(f, policy=email.policy.default)
            mails[m["To"]] = m
        return mails

    def ask(self, method, path, body=None, headers=None, timeout=30):
        """(status, headers, body); a path may be one of our own URLs."""
        path = re.sub(r"^http://127\.0\.0\.1:\d+", "", path)
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            c.request(method, path, body, headers or {})
            r = c.getresponse()
            return r.status, r.headers, r.read()
        finally:
            c.close()

    def responses(self, where="true"):
        return self.place.database.sql(
            "select kind, url, human, details ->> 'machine' from godwit.report_responses "
            "where %s order by at, kind" % where)


class Pipe:
    """A connection on which many requests are sent before their answers are read."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self.got, self.at = b"", 0

    def send(self, requests):
        self.socket.sendall(b"".join(requests))

    def answer(self):
        """(status, head, body) of the next one; OSError when there is none."""
        while (end := self.got.find(b"\r\n\r\n", self.at)) < 0:
            self.more()
        head = self.got[self.at:end]
        body = int(re.search(rb"\ncontent-length: *(\d+)", head.lower()).group(1))
        self.at = end + 4
        while len(self.got) < self.at + body:
            self.more()
        self.at += body
        return int(head[9:12]), head, self.got[self.at - body:self.at]

    def more(self):
        piece = self.socket.recv(1 << 16)
        if not piece:
            raise ConnectionError("the server hung up")
        self.got, self.at = self.got[self.at:] + piece, 0

    def close(self):
        self.socket.close()


def part(mail, kind):
    return mail.get_body((kind,)).get_content()


def links(mail, what):
    """Our URLs of a kind (c, o, u) in the HTML."""
    return [html.unescape(u) for u in
            re.findall(r"(http://127\.0\.0\.1:\d+/%s/[^\"'\s<]+)" % what, part(mail, "html"))]


def header_url(mail):
    return re.search(r"<(.*?)>", mail["List-Unsubscribe"].replace("\r\n", "")).group(1)


def answered(got, status, what):
    same(got[0], status, what + (": %r" % got[2][:300]))
    return got
