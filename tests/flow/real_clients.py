# SPDX-License-Identifier: Apache-2.0
"""The clients that customers and shops use: Chromium on mails and pages, Segment's library for
Node on the event API."""
import http.client
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading

from flow import PEERS, SOURCE, check, run, same, skip, wait
from web import KEY, Web, header_url, part

sys.path.insert(0, PEERS)
import npm  # noqa: E402

PACKAGES = {"@segment/analytics-node": "3.1.0", "playwright-core": "1.65.1", "axe-core": "4.14.1"}
SCRIPT = os.path.join(SOURCE, "tests", "flow", "browser.js")
MODULES = None


def node(*arguments):
    r = subprocess.run(["node", *arguments], env=dict(os.environ, NODE_PATH=MODULES), capture_output=True,
                       text=True, timeout=120)
    same((r.returncode, r.stderr), (0, ""), "node")
    return r.stdout


# ---- Chromium

class Shop(http.server.BaseHTTPRequestHandler):
    """Where the links lead."""

    def do_GET(self):
        body = b"<!DOCTYPE html><title>Shop</title><p>Welcome to the shop"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.server.seen.append((self.path, self.headers["Referer"]))
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Listener:
    """A Python HTTP server in a thread; Place.keep() closes it."""

    def __init__(self, handler, **more):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.seen = self.seen = []
        for name, value in more.items():
            setattr(self.server, name, value)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def browse(*do, script=True, locale="en-US", hosts=""):
    return json.loads(node(SCRIPT, json.dumps({
        "chromium": shutil.which("chromium"), "script": script, "locale": locale, "hosts": hosts, "do": do})))


def mail_in_a_browser(place):
    """The pixel loads, a link leads to the shop without saying where from; with and without scripts."""
    shop = place.keep(Listener(Shop))
    web = Web(place)
    web.engine()
    mails = web.sent(2)
    place.database.sql("update godwit.messages set sent_at = sent_at - interval '1 minute'")
    for n, script in ((1, True), (2, False)):
        path = os.path.join(place.folder, "mail.html")
        with open(path, "w", encoding="utf-8") as f:
            f.write(part(mails["c%d@example.net" % n], "html"))
        images, (url, text) = browse(["mail", path], ["click", "shop"], script=script,
                                     hosts="MAP shop.example 127.0.0.1:%d" % shop.port)
        same(images, [[True, 1, ""]], "the pixel")
        same((url, "Welcome" in text), ("http://shop.example/%E5%84%AA%E6%83%A0", True), "where the link led")
    same([s for s in shop.seen if "favicon" not in s[0]], [("/%E5%84%AA%E6%83%A0", None)] * 2, "what the shop saw")
    same(web.responses("kind = 'click'"), [["click", "http://shop.example/優惠", "f", "agent"]] * 2, "clicks")
    same(place.database.number("select count(*) from godwit.responses where kind = 'open'"), 2, "opens")


TEXTS = {
    "en": ("Your preferences", ["Offers", "News & views"], ["Save", "Unsubscribe from everything"],
           "Saved. This holds from now on.",
           "You are unsubscribed from everything. You can change your mind here at any time."),
    "zh-Hant": ("訂閱設定", ["優惠", "新聞"], ["儲存", "全部取消訂閱"], "已儲存，立即生效。",
                "您已取消所有訂閱。您隨時可以在此頁重新訂閱。"),
}


def axe_clean(seen, what):
    same(seen["violations"], [], "axe-core on " + what)
    check(seen["passes"] >= 10, "axe-core looked at %s: %d rules" % (what, seen["passes"]))


def one_page(place, url, lang, script):
    """Tab, Space and Enter switch a topic, save, and switch everything off."""
    title, labels, buttons, saved, off = TEXTS[lang]
    look = [["axe"]] if script else []
    seen = browse(["narrow"], ["go", url], ["page"],
                  ["keys", "Tab", "Space", "Tab", "Space", "Tab", "Enter"], ["page"], *look,
                  ["keys", "Tab", "Tab", "Tab", "Tab", "Enter"], ["page"], *look, script=script)
    _, status, first, keys, second = seen[:5]
    more, last = seen[5 + script:7 + script]
    same(status, 200, "status of the page")
    same((first["lang"], first["title"], first["heading"]), (lang, title, title), "the page")
    same([first["labels"], first["buttons"], first["status"]],
         [[[labels[0], True], [labels[1], False]], buttons, None], "what it asks")
    check(not first["wide"], "the page is wider than a narrow screen")
    same([k[:2] for k in keys[:5]], [["INPUT", "offers"]] * 2 + [["INPUT", "news"]] * 2 + [["BUTTON", "save"]],
         "where Tab leads")
    check(all(k[3] for k in keys[:5]), "the focus is not visible: %r" % keys)
    same([k[2] for k in keys[:4]], [True, False, False, True], "what Space does")
    same((second["status"], second["labels"]), (saved, [[labels[0], False], [labels[1], True]]), "after saving")
    same(more[3][:2], ["BUTTON", "off"], "the fourth stop of Tab")
    check(more[3][3], "the focus is not visible")
    same((last["status"], [on for _, on in last["labels"]]), (off, [False, False]), "after everything off")
    if script:
        axe_clean(seen[5], "the saved page")
        axe_clean(seen[8], "the page after everything off")


def preferences_by_keyboard(place):
    """The page in both languages, with and without scripts, by the keyboard only; axe-core finds nothing."""
    web = Web(place)
    web.engine()
    mails = web.sent(4)
    place.database.sql("update godwit.customers set locale = 'zh-TW' where key in ('c2', 'c4')")
    for n in 1, 2, 3, 4:
        one_page(place, header_url(mails["c%d@example.net" % n]), "zh-Hant" if n in (2, 4) else "en", n < 3)
        same(place.database.sql(
            "select n.topic, n.state from godwit.consents n join godwit.customers c on c.shard = n.shard and "
            "c.id = n.customer_id where c.key = 'c%d' and n.source = 'preference page' order by n.id" % n),
            [["offers", "unsubscribed"], ["news", "subscribed"], ["*", "unsubscribed"]], "consents of c%d" % n)


def notices(place):
    """The pages for a link that is none, and for later, in the browser's language."""
    web = Web(place)
    engine = web.engine()
    click = part(web.sent(1)["c1@example.net"], "html").split('href="')[1].split('"')[0].replace("&amp;", "&")
    web.database_away()
    for locale, lang, unknown, later in (
            ("en-US", "en", "This link is not known", "Please try again in a moment"),
            ("zh-TW", "zh-Hant", "無法辨識此連結", "請稍後再試")):
        seen = browse(["go", "http://127.0.0.1:%d/c/%s" % (web.port, "A" * 40)], ["page"], ["axe"],
                      ["go", click], ["page"], ["axe"], locale=locale)
        for (status, page, axe), (wanted, heading) in zip((seen[:3], seen[3:]), ((404, unknown), (503, later))):
            same((status, page["lang"], page["heading"]), (wanted, lang, heading), "the page")
            axe_clean(axe, heading)
    check(engine.runs(), "the engine died")


# ---- Segment's library

EVENTS = """
const { Analytics } = require('@segment/analytics-node');
const a = new Analytics({ writeKey: '%s', host: 'http://127.0.0.1:%d', flushAt: 1000, maxRetries: 5 });
a.on('error', e => { console.error(e.code, String(e.reason)); process.exitCode = 1; });
a.identify({ userId: 'n0', traits: { email: 'n0@example.net', plan: 'gold' } });
a.alias({ userId: 'n0', previousId: 'guest' });
a.page({ userId: 'n0', category: 'Docs', name: 'Intro', properties: { url: 'https://a.example/' } });
a.screen({ userId: 'n0', name: 'S' });
a.group({ userId: 'n0', groupId: 'g' });
for (let i = 0; i < %d; i++) a.track({ userId: 'n' + i %% 10, event: 'order.seen', properties: { i } });
a.closeAndFlush({ timeout: 60000 });
"""


def taken(place, n):
    same(place.database.sql("select name, count(*) from godwit.events group by 1 order by 1"),
         [["order.seen", str(n)], ["page.viewed", "1"]], "events")
    same(place.database.number("select count(distinct properties ->> 'i') from godwit.events "
                               "where name = 'order.seen'"), n, "different events")
    same(place.database.sql("select email, attributes ->> 'plan' from godwit.customers where key = 'n0'"),
         [["n0@example.net", "gold"]], "the customer")


def segment_batch(place):
    """@segment/analytics-node: 1,000 calls are one batch, and all of it is there."""
    web = Web(place)
    web.engine()
    node("-e", EVENTS % (KEY, web.port, 995))
    taken(place, 995)
    page = web.ask("GET", "/metrics")[2].decode()
    check('godwit_http_requests_total{endpoint="track",code="200"} 1\n' in page, "one batch:\n" + page)


class Unreliable(http.server.BaseHTTPRequestHandler):
    """A way to the engine that fails as its plan says, before or after the engine took a batch."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            what = self.server.plan.pop(0) if self.server.plan else "pass"
            self.server.seen.append((what, self.headers["X-Retry-Count"], len(json.loads(body)["batch"])))
        status, headers, answer = 500, {}, b"{}"
        if what in ("pass", "lose", "cut"):
            c = http.client.HTTPConnection("127.0.0.1", self.server.to, timeout=30)
            c.request("POST", self.path, body, {k: v for k, v in self.headers.items() if k.lower() != "host"})
            r = c.getresponse()
            answer = r.read()
            if what == "pass":
                status, headers = r.status, {"Content-Type": r.headers["Content-Type"]}
            c.close()
        if what == "slow down":
            status, headers = 429, {"Retry-After": "1"}
        if what == "cut":
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def segment_retries(place):
    """Refused, told to slow down, taken but the answer lost, taken but cut off: once each in the end."""
    web = Web(place)
    web.engine()
    way = place.keep(Listener(Unreliable, plan=["fail", "slow down", "lose", "cut"], to=web.port,
                              lock=threading.Lock()))
    node("-e", EVENTS % (KEY, way.port, 495))
    same([s[0] for s in way.seen], ["fail", "slow down", "lose", "cut", "pass"], "attempts")
    same([s[2] for s in way.seen], [500] * 5, "sizes of the batch")
    same(way.seen[0][1] in (None, "0"), True, "the first attempt is no retry")
    check(all(s[1] and int(s[1]) > 0 for s in way.seen[1:]), "X-Retry-Count: %r" % way.seen)
    taken(place, 495)


def segment_outage(place):
    """The database goes away while the library sends: nothing is dropped."""
    web = Web(place)
    web.engine()
    back = web.database_away()
    client = threading.Thread(target=node, args=("-e", EVENTS % (KEY, web.port, 95)))
    client.start()

    def refused():
        return 'endpoint="track",code="503"' in web.ask("GET", "/metrics")[2].decode()
    try:
        wait(refused, "a batch is refused")
    finally:
        back()
        client.join()
    taken(place, 95)


def main():
    global MODULES
    try:
        MODULES = npm.modules(PACKAGES)
    except npm.Missing as why:
        skip(str(why))
    run(mail_in_a_browser, preferences_by_keyboard, notices, segment_batch, segment_retries, segment_outage,
        needs=("chromium",))


main()
