# SPDX-License-Identifier: Apache-2.0
"""Events over HTTP as Segment's server libraries send them."""
import base64
import datetime
import gzip
import json
import threading
import time

from flow import check, run, same, wait
from web import KEY, Web, answered

BASIC = "Basic " + base64.b64encode((KEY + ":").encode()).decode()


def stamp(seconds=0):
    t = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return t.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (t.microsecond // 1000)


def post(web, path, value, headers=None, key=BASIC):
    head = {"Content-Type": "application/json"}
    if key:
        head["Authorization"] = key
    head.update(headers or {})
    body = value if isinstance(value, (bytes, str)) else json.dumps(value)
    return web.ask("POST", path, body, head)


def events(place, columns="customer, name"):
    return place.database.sql("select %s from godwit.events order by id" % columns)


def calls(place):
    """Each call, one by one, as curl and older libraries send them."""
    web = Web(place)
    web.engine()
    s, h, body = post(web, "/v1/identify", {"userId": "u1", "anonymousId": "anon1", "traits": {
        "email": "u1@example.net", "phone": "+886912345678", "plan": "gold", "timezone": "Asia/Taipei"},
        "context": {"locale": "zh-TW"}})
    same((s, json.loads(body)), (200, {"success": True}), "identify")
    same(place.database.sql("select key, email, phone, locale, timezone, attributes from godwit.customers"),
         [["u1", "u1@example.net", "+886912345678", "zh-TW", "Asia/Taipei", '{"plan": "gold"}']], "customer")
    answered(post(web, "/v1/track", {"userId": "u1", "event": "order.placed", "messageId": "m1",
                                     "properties": {"amount": 12.5, "list": [1, {"a": None}]}}), 200, "track")
    answered(post(web, "/v1/track", {"userId": "u1", "event": "order.placed", "messageId": "m1"}), 200, "again")
    answered(post(web, "/v1/page", {"anonymousId": "anon1", "name": "Home", "properties": {"url": "/"}}), 200, "page")
    answered(post(web, "/v1/alias", {"previousId": "old", "userId": "u1"}), 200, "alias")
    answered(post(web, "/v1/track", {"anonymousId": "old", "event": "seen"}), 200, "by the former key")
    answered(post(web, "/v1/track", {"userId": 42, "event": "seen"}), 200, "a number as key")
    for skipped in "screen", "group":
        answered(post(web, "/v1/" + skipped, {"userId": "u1", "groupId": "g"}), 200, skipped)
    same(events(place), [["u1", "order.placed"], ["u1", "page.viewed"], ["u1", "seen"], ["42", "seen"]], "events")
    same(place.database.one("select properties from godwit.events where name = 'order.placed'"),
         '{"list": [1, {"a": null}], "amount": 12.5}', "properties")
    answered(post(web, "/v1/what", {}), 404, "a call that is none")
    answered(post(web, "/v1/track", {"userId": "u1"}), 400, "a track without event")
    answered(post(web, "/v1/track", {"event": "x"}), 400, "a track without user")
    wait(lambda: place.statuses().get("sent") == 1, "the order's mail")


def keys(place):
    web = Web(place)
    web.engine()
    item = {"userId": "u1", "event": "x"}
    wrong = "Basic " + base64.b64encode(b"other:").decode()
    answered(post(web, "/v1/track", item, key=None), 401, "no key")
    answered(post(web, "/v1/track", item, key=wrong), 401, "a wrong key")
    answered(post(web, "/v1/track", item, key="Basic !!!!"), 401, "no base64")
    answered(post(web, "/v1/track", item, key="Bearer x"), 401, "another scheme")
    answered(post(web, "/v1/track", dict(item, writeKey="other")), 401, "keys that differ")
    answered(post(web, "/v1/track", dict(item, writeKey="other"), key=None), 401, "a wrong key in the body")
    same(events(place), [], "events of strangers")
    answered(post(web, "/v1/track", dict(item, writeKey=KEY), key=None), 200, "the key in the body")
    answered(post(web, "/v1/track", dict(item, writeKey=KEY)), 200, "both")


def batches(place):
    """A bad item is left out and counted, the others are taken; sizes; gzip; duplicates."""
    web = Web(place)
    e = web.engine()
    good = [{"type": "track", "userId": "u%d" % i, "event": "e", "messageId": "b%d" % i} for i in range(1000)]
    answered(post(web, "/v1/batch", {"batch": good, "sentAt": stamp(), "writeKey": KEY}), 200, "1,000")
    answered(post(web, "/v1/batch", {"batch": good, "sentAt": stamp(), "writeKey": KEY},
                  {"X-Retry-Count": "1"}), 200, "the same again")
    same(len(events(place)), 1000, "events")
    bad = [{"type": "track", "userId": "x1", "event": "ok"}, {"type": "track", "event": "nobody"}, 7, None,
           {"type": "what", "userId": "x"}, {"userId": "x"}, {"type": "track", "userId": "x", "event": 5},
           {"type": "track", "userId": "x" * 256, "event": "e"},
           {"type": "track", "userId": "x", "event": "e" * 256},
           {"type": "track", "userId": "nul\0", "event": "e"},
           {"type": "track", "userId": "x", "event": "e", "properties": {"a": "\0"}},
           {"type": "track", "userId": "x", "event": "e", "properties": {"a": "y" * 33000}},
           {"type": "alias", "userId": "x"}, {"type": "group", "userId": "x"},
           {"type": "track", "userId": "x2", "event": "ok"}]
    s, _, body = post(web, "/v1/batch", {"batch": bad})
    answer = json.loads(body)
    same((s, answer["success"], answer["rejected"]), (200, True, 12), "a batch with bad items: %r" % body)
    same([r[0] for r in events(place)][1000:], ["x1", "x2"], "what was taken of it")
    e.says("items of a batch over HTTP were left out")
    for body, what in ((b"", "nothing"), (b"{", "no JSON"), (b"[]", "a list"), (b'{"batch":1}', "no list"),
                       (b"\xff", "no UTF-8"), (b'{"batch":[' + b" " * 500001 + b"]}", "over 500 KB")):
        answered(post(web, "/v1/batch", body), 400, what)
    packed = gzip.compress(json.dumps({"batch": [{"type": "track", "userId": "z", "event": "zip"}]}).encode())
    answered(post(web, "/v1/batch", packed, {"Content-Encoding": "gzip"}), 200, "gzip")
    bomb = gzip.compress(b" " * 20_000_000)
    answered(post(web, "/v1/batch", bomb, {"Content-Encoding": "gzip"}), 400, "a bomb")
    answered(post(web, "/v1/batch", packed[:-9], {"Content-Encoding": "gzip"}), 400, "cut gzip")
    answered(post(web, "/v1/batch", packed, {"Content-Encoding": "br"}), 400, "another encoding")
    same(events(place)[-1], ["z", "zip"], "the event that was packed")
    metrics = web.ask("GET", "/metrics")[2].decode()
    check('godwit_track_items_total{result="rejected"} 12\n' in metrics, "the rejected are counted")
    check('godwit_track_items_total{result="skipped"} 1\n' in metrics, "the skipped are counted")


def clocks(place):
    """received - (sentAt - timestamp); without sentAt the timestamp; never in the future."""
    web = Web(place)
    web.engine()
    day = 86400
    for name, sent, happened, ago in (("late", -3600, -3700, 100), ("early", 7200, 7100, 100),
                                      ("plain", None, -500, 500), ("far", -2 * day, -2 * day - 5, 2 * day + 5),
                                      ("future", None, 900, 0), ("nothing", None, None, 0)):
        body = {"batch": [dict({"type": "track", "userId": "u", "event": name},
                               **({} if happened is None else {"timestamp": stamp(happened)}))]}
        if sent is not None:
            body["sentAt"] = stamp(sent)
        answered(post(web, "/v1/batch", body), 200, name)
        got = float(place.database.one("select extract(epoch from recorded_at - occurred_at) from "
                                       "godwit.events where name = '%s'" % name))
        check(abs(got - ago) < 3, "%s: %.1f s ago, wanted %d" % (name, got, ago))
    same(place.database.number("select count(*) from godwit.events where properties ? 'originalTimestamp'"),
         2, "originals kept")


def away(place):
    """503 while the database is away, and everything once it is back."""
    web = Web(place)
    web.engine()
    back = web.database_away()
    s, h, _ = post(web, "/v1/track", {"userId": "u1", "event": "e", "messageId": "m"})
    check(s == 503 and int(h["Retry-After"]) > 0, "while the database is away: %d" % s)
    back()
    wait(lambda: post(web, "/v1/track", {"userId": "u1", "event": "e", "messageId": "m"})[0] == 200, "taken")
    same(events(place), [["u1", "e"]], "events")


def pressure(place):
    """Too much at once: 429 with Retry-After, and nothing that was answered with 200 is lost."""
    web = Web(place)
    web.engine()
    blocker = place.session()
    blocker.sql("begin")
    blocker.sql("lock table godwit.events in exclusive mode")
    answers = []

    def send(i):
        batch = [{"type": "track", "userId": "p%d" % (j % 50), "event": "e", "messageId": "p%d-%d" % (i, j)}
                 for j in range(1000)]
        s, h, _ = post(web, "/v1/batch", {"batch": batch})
        answers.append((i, s, h["Retry-After"]))
    threads = [threading.Thread(target=send, args=(i,)) for i in range(30)]
    for t in threads:
        t.start()
    wait(lambda: len(answers) >= 5, "some are told to come later")
    check(all(s == 429 and int(after) > 0 for _, s, after in answers), "answers: %r" % answers)
    blocker.sql("rollback")
    for t in threads:
        t.join()
    taken = sum(s == 200 for _, s, _ in answers)
    check(taken + sum(s == 429 for _, s, _ in answers) == 30, "answers: %r" % answers)
    same(len(events(place)), taken * 1000, "events")


def killed(place):
    """Each request that was answered with 200 is in the database, whenever the engine dies."""
    web = Web(place)
    web.engine()
    done, stop = [], threading.Event()

    def send(n):
        i = 0
        while not stop.is_set():
            i += 1
            try:
                if post(web, "/v1/track", {"userId": "k%d" % n, "event": "e", "messageId": "k%d-%d" % (n, i)})[0] == 200:
                    done.append("k%d-%d" % (n, i))
            except OSError:
                time.sleep(0.01)
    threads = [threading.Thread(target=send, args=(n,)) for n in range(12)]
    for t in threads:
        t.start()
    for _ in range(2):
        time.sleep(1)
        place.things[-1].kill()
        web.engine()
    stop.set()
    for t in threads:
        t.join()
    there = {r[0] for r in events(place, "dedupe")}
    check(len(done) > 100, "only %d were taken" % len(done))
    same(sorted(set(done) - there)[:5], [], "answered and not there")
    print("    %d answered, %d there, 2 kills" % (len(done), len(there)))


if __name__ == "__main__":
    run(calls, keys, batches, clocks, away, pressure, killed, needs=())
