# SPDX-License-Identifier: Apache-2.0
"""Opens, clicks and preferences over HTTP, against the whole program."""
import collections
import contextlib
import glob
import os
import random
import re
import resource
import signal
import socket
import string
import subprocess
import threading
import time

from flow import Process, SEED, check, developer_build, run, same, sanitized_build, wait
from web import GIF, Pipe, Web, answered, header_url, links, part

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}


def age(place, seconds=60):
    """Makes the mails old enough for hits to count as a person's."""
    place.database.sql("update godwit.messages set sent_at = sent_at - interval '%d s'" % seconds)


def mail_and_hits(place):
    """What the mail holds, where it leads, what is recorded; `message show` gives the same bytes."""
    web = Web(place)
    web.engine()
    mail = web.sent(1)["c1@example.net"]
    age(place)
    clicks = links(mail, "c")
    same(len(clicks), 2, "rewritten links in the HTML")
    same(part(mail, "html").count("mailto:x@acme.example"), 1, "the mailto link")
    check(header_url(mail) in links(mail, "u"), "our own page is not rewritten")
    text = re.findall(r"http://127\.0\.0\.1:\d+/c/[\w-]+", part(mail, "plain"))
    same(len(text), 1, "rewritten links in the text")
    targets = ["https://acme.example/offers?a=1&b=c1", "http://shop.example/%E5%84%AA%E6%83%A0",
               "https://acme.example/text?for=c1"]
    for url, target in zip(clicks + text, targets):
        status, headers, body = web.ask("GET", url, headers=BROWSER)
        same((status, headers["Location"], body), (302, target, b""), "click")
        same(headers["Cache-Control"], "no-store", "Cache-Control of a click")
        same(headers["Referrer-Policy"], "no-referrer", "Referrer-Policy of a click")
        time.sleep(3.1)  # several at once would be a scanner's
    pixel = links(mail, "o")
    same(len(pixel), 1, "pixels")
    check(part(mail, "html").rstrip().endswith("</body></html>"), "the pixel is inside of the body")
    status, headers, body = web.ask("GET", pixel[0], headers=BROWSER)
    same((status, headers["Content-Type"], body), (200, "image/gif", GIF), "open")
    check("no-store" in headers["Cache-Control"], "an open may be cached")
    same(web.responses(), [["click", targets[0], "t", ""],
                           ["click", "http://shop.example/優惠", "t", ""],
                           ["click", targets[2], "t", ""], ["open", "", "t", ""]], "responses")
    show = place.godwit("message", "show", place.database.one("select id from godwit.messages"),
                        env={"WRITE_KEY": "x"})
    with open(glob.glob(web.mails + "/new/*")[0], "rb") as f:
        same(show.stdout.replace("\r\n", "\n"), f.read().decode().replace("\r\n", "\n"),
             "message show")


def machines(place):
    web = Web(place)
    web.engine()
    mail = web.sent(1)["c1@example.net"]
    click, pixel = links(mail, "c")[0], links(mail, "o")[0]
    answered(web.ask("GET", click, headers=BROWSER), 302, "at once")
    age(place)
    answered(web.ask("HEAD", click, headers=BROWSER), 302, "HEAD")
    answered(web.ask("GET", pixel, headers=dict(BROWSER, **{"Sec-Purpose": "prefetch"})), 200, "prefetch")
    answered(web.ask("GET", pixel, headers={"User-Agent": "Mozilla/5.0"}), 200, "relay")
    answered(web.ask("GET", pixel, headers={"User-Agent": "x GoogleImageProxy"}), 200, "gmail")
    same([r[2:] for r in web.responses()],
         [["f", "too soon"], ["f", "HEAD"], ["f", "prefetch"], ["f", "relay"], ["t", ""]], "verdicts")
    same(place.database.sql("select distinct details ->> 'verdict' from godwit.responses"), [["2"]],
         "the verdict's version")


def nothing_tracked(place):
    """tracking: opens and clicks false; and a transactional message is left alone."""
    web = Web(place, ", opens: false, clicks: false")
    web.engine()
    mail = web.sent(1)["c1@example.net"]
    same(links(mail, "c") + links(mail, "o"), [], "tracking although it is switched off")
    check(links(mail, "u"), "the link to the preferences stays")


def preferences(place):
    """GET changes nothing; the page's form and both kinds of one click do; it holds for queued mail."""
    web = Web(place)
    engine = web.engine()
    mails = web.sent(4)

    def consents():
        return place.database.sql("select c.key, n.channel, n.topic, n.state, n.source from "
                                  "godwit.consents n join godwit.customers c using (shard) "
                                  "where c.id = n.customer_id order by n.id")
    urls = {k: header_url(mails["c%d@example.net" % k]) for k in (1, 2, 3, 4)}
    status, headers, body = web.ask("GET", urls[1])
    same(status, 200, "page")
    page = body.decode()
    check('<html lang="en">' in page and "News &amp; views" in page and "Offers" in page, page)
    check(re.search(r'value="offers" checked', page) and not re.search(r'value="news" checked', page), page)
    check("default-src 'none'" in headers["Content-Security-Policy"], "policy")
    answered(web.ask("HEAD", urls[1]), 200, "HEAD")
    place.database.sql("update godwit.customers set locale = 'zh-TW' where key = 'c2'")
    page = web.ask("GET", urls[2])[2].decode()
    check('<html lang="zh-Hant">' in page and "優惠" in page and "全部取消訂閱" in page, page)
    same(consents(), [], "after GETs")

    # one click, both content types
    s, _, body = web.ask("POST", urls[1], "List-Unsubscribe=One-Click", FORM)
    same((s, body), (200, b"You are unsubscribed.\n"), "one click")
    multipart = "--xx\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--xx--\r\n"
    answered(web.ask("POST", urls[2], multipart, {"Content-Type": "multipart/form-data; boundary=xx"}),
             200, "one click, multipart")
    one = ["email", "offers", "unsubscribed", "one-click"]
    same(consents(), [["c1"] + one, ["c2"] + one], "one click")
    answered(web.ask("POST", urls[1], "List-Unsubscribe=One-Click", FORM), 200, "again")
    same(len(consents()), 2, "consents after the same again")

    # the page's form
    page = answered(web.ask("POST", urls[3], "form=preferences&topic=news&action=save", FORM), 200, "save")
    check('role="status"' in page[2].decode() and 'value="news" checked' in page[2].decode(), "saved")
    same(consents()[2:], [["c3", "*", "offers", "unsubscribed", "preference page"],
                          ["c3", "*", "news", "subscribed", "preference page"]], "save")
    answered(web.ask("POST", urls[4], "form=preferences&topic=news&action=off", FORM), 200, "off")
    same(consents()[4:], [["c4", "*", "*", "unsubscribed", "preference page"]], "everything off")
    same(place.database.number("select count(*) from godwit.responses where kind = 'unsubscribe'"), 4,
         "responses")
    page = web.ask("GET", urls[4])[2].decode()
    check("checked" not in page, "nothing is on after everything off")

    # nobody is written to any more
    place.orders(4)
    wait(lambda: place.database.number("select count(*) from godwit.decisions") == 4, "decided")
    same(place.database.sql("select distinct outcome, gate from godwit.decisions"),
         [["suppressed", "consent"]], "decisions")
    answered(web.ask("GET", "/u/" + "A" * 28), 404, "unknown")
    answered(web.ask("POST", "/u/" + "A" * 28, "List-Unsubscribe=One-Click", FORM), 404, "unknown")
    # what is queued already
    place.database.sql("select godwit.set_consent('c1', '*', '*', 'subscribed', 'test')")
    place.database.sql("update godwit.messages set status = 'queued', due_at = now() + interval '1 h' "
                       "where address = 'c1@example.net'")
    answered(web.ask("POST", urls[1], "List-Unsubscribe=One-Click", FORM), 200, "one click")
    place.database.sql("update godwit.messages set due_at = now() where address = 'c1@example.net'")
    wait(lambda: place.statuses().get("cancelled"), "cancelled before it is handed over")
    engine.signal(signal.SIGTERM)
    same(engine.ended(), 0, "how the engine ended")


TOKENS = 100000
ALPHABET = string.ascii_letters + string.digits + "-_"


def mutant(rng, good, kind):
    """A token that is none: noise, another kind's, or a good one with some characters changed."""
    if rng.random() < 0.2:
        return "".join(rng.choices(ALPHABET, k=rng.choice((1, 19, 20, 27, 28, 29, 64, 200))))
    t = list(good[rng.choice("cou")] if rng.random() < 0.2 else good[kind])
    for _ in range(rng.randrange(1, 4)):
        how, at = rng.randrange(5), rng.randrange(len(t))
        if how == 0:
            t[at] = rng.choice([c for c in ALPHABET if c != t[at]])
        elif how == 1 and len(t) > 5:
            del t[at]
        elif how == 2:
            t.insert(at, rng.choice(ALPHABET))
        elif how == 3 and len(t) > 5:
            del t[max(at, 3):]
        else:
            t[at] = rng.choice("%.~!$&'()*+,;=:@")
    return "".join(t)


def bad_requests(rng, good, n):
    """[(kind, token, request)]"""
    one = "\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 26\r\n\r\n" \
          "List-Unsubscribe=One-Click"
    made = []
    while len(made) < n:
        kind = rng.choice("cou")
        token = mutant(rng, good, kind)
        if token in (good[kind], good["o"][:-4]):
            continue
        post = kind == "u" and rng.random() < 0.5
        request = "%s /%s/%s HTTP/1.1%s" % ("POST" if post else "GET", kind, token,
                                            one if post else "\r\nHost: x\r\n\r\n")
        made.append((kind, token, request.encode()))
    return made


def mutated_tokens(place):
    """100,000 random and mutated tokens: no row, no redirect, no crash."""
    web = Web(place)
    engine = web.engine()
    mail = web.sent(1)["c1@example.net"]
    good = {k: links(mail, k)[0].split("/")[-1] for k in "cou"}
    rng = random.Random(SEED)
    pipe = Pipe(web.port)
    for _ in range(TOKENS // 100):
        requests = bad_requests(rng, good, 100)
        pipe.send(r[2] for r in requests)
        for kind, token, _request in requests:
            status, head, body = pipe.answer()
            check(b"location:" not in head.lower(), "%s/%s is redirected: %r" % (kind, token, head))
            if kind == "o":
                check(status == 200 and body == GIF, "open %s: %d" % (token, status))
            else:
                same(status, 404, "%s/%s" % (kind, token))
    pipe.close()
    check(engine.runs(), "the engine died")
    same(place.database.number("select count(*) from godwit.responses"), 0, "rows")
    same(place.database.number("select count(*) from godwit.consents"), 0, "consents")
    s, h, _ = web.ask("GET", "/c/%s?url=https://evil.example/" % good["c"], headers=BROWSER)
    same((s, h["Location"]), (302, "https://acme.example/offers?a=1&b=c1"), "with a query")


def hammer(web, urls, answers, stop, number, offs):
    """Hits until it is told to stop, whether the server is there or not; notes what was answered."""
    rng = random.Random(SEED + number)
    pipe = None
    while not stop.is_set():
        try:
            pipe = pipe or Pipe(web.port)
            kind = rng.choice("ccoo") if not offs or rng.random() > 0.01 else "u"
            who = offs.pop() if kind == "u" else rng.choice(list(urls))
            name = "hit-%d-%d" % (number, len(answers))
            pipe.send([urls[who][kind] % name.encode()])
            answers.append((kind, who, name, pipe.answer()[0]))
        except (OSError, IndexError):
            pipe = None
            time.sleep(0.01)


def requests_of(mail):
    """A request for each kind of URL in a mail; %s is its User-Agent."""
    def request(method, url, more=""):
        path = re.sub(r"^http://[^/]*", "", url).replace("%", "%%")
        return ("%s %s HTTP/1.1\r\nHost: x\r\nUser-Agent: %%s\r\n%s\r\n" % (method, path, more)).encode()
    one = "List-Unsubscribe=One-Click"
    off = request("POST", header_url(mail), "Content-Type: application/x-www-form-urlencoded\r\n"
                  "Content-Length: %d\r\n" % len(one)) + one.encode()
    return {"c": request("GET", links(mail, "c")[0]), "o": request("GET", links(mail, "o")[0]), "u": off}


KILLS, UNTIL_KILL = 3, 4000


def killed_under_load(place):
    """kill -9 under thousands of hits a second: what was answered with 200 or 302 is in the
    database; unsubscribes hold."""
    web = Web(place)
    web.engine()
    urls = {a: requests_of(m) for a, m in web.sent(200).items()}
    offs, answers, stop, rates = list(urls), [[] for _ in range(16)], threading.Event(), []
    threads = [threading.Thread(target=hammer, args=(web, urls, a, stop, i, offs)) for i, a in enumerate(answers)]
    for t in threads:
        t.start()
    try:
        for round_ in range(KILLS):
            before, began = sum(map(len, answers)), time.monotonic()
            wait(lambda: sum(map(len, answers)) - before >= UNTIL_KILL, "hits are answered")
            rates.append((sum(map(len, answers)) - before) / (time.monotonic() - began))
            place.things[-1].kill()
            if round_ < KILLS - 1:
                web.engine()
    finally:
        stop.set()
        for t in threads:
            t.join()
    ok = [a for list_ in answers for a in list_ if a[3] in (200, 302)]
    hits = {a[2] for a in ok if a[0] != "u"}
    recorded = {r[0] for r in place.database.sql("select details ->> 'agent' from godwit.responses "
                                                 "where kind in ('open', 'click')")}
    check(len(hits) > KILLS * UNTIL_KILL / 2, "only %d hits were answered" % len(hits))
    same(sorted(hits - recorded)[:5], [], "answered and not recorded, of %d" % len(hits))
    off = {a[1] for a in ok if a[0] == "u"}
    held = {r[0] for r in place.database.sql(
        "select c.email from godwit.consents n join godwit.customers c on c.shard = n.shard and "
        "c.id = n.customer_id where n.state = 'unsubscribed'")}
    check(off, "no unsubscribe was answered")
    same(sorted(off - held), [], "unsubscribes answered and not held")
    print("    hits/s before each kill: %s; %d answered, %d recorded, %d unsubscribes"
          % (", ".join("%d" % r for r in rates), len(hits), len(recorded), len(off)))


def killed_at_points(place):
    """At each named point: a row for every answer."""
    if not developer_build():
        print("    not a developer build: skipped")
        return
    web = Web(place)
    e = web.engine()
    mail = web.sent(1)["c1@example.net"]
    e.kill()
    answered_ok = 0
    for point in "response.write", "response.committed", "preferences.committed":
        e = web.engine(fault=point + ":1:crash")
        try:
            if point.startswith("pref"):
                s = web.ask("POST", header_url(mail), "List-Unsubscribe=One-Click", FORM)[0]
            else:
                s = web.ask("GET", links(mail, "c")[0], headers=BROWSER)[0]
            answered_ok += s in (200, 302)
        except OSError:
            pass
        same(e.ended(), -signal.SIGKILL, point)
    same(answered_ok, 0, "answers of a process that died before them")
    same(place.database.number("select count(*) from godwit.responses"), 2, "committed, not answered")


def one_connection_lost(place):
    """Hits go over two connections: while one is made again, the other takes them."""
    web = Web(place)
    web.engine()
    click = links(web.sent(1)["c1@example.net"], "c")[0]
    answered(web.ask("GET", click, headers=BROWSER), 302, "before")
    of = "from pg_stat_activity where query like '%insert into godwit.responses%' and pid <> pg_backend_pid()"
    lost = place.database.one("select pid " + of)
    place.database.sql("select pg_terminate_backend(%s, 5000)" % lost)
    codes = [web.ask("GET", click, headers=BROWSER)[0] for _ in range(50)]
    check(codes.count(302) >= 49, "answers while one connection is away: %r" % codes)  # one may have been under way
    same(place.database.number("select count(*) from godwit.responses"), codes.count(302) + 1, "rows")
    check(lost not in [r[0] for r in place.database.sql("select pid " + of)], "the connection was not lost")


SLOW = [b"GET /o/x.gif HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n{",
        b"GET /o/x.gif HTTP/1.1\r\nHost: x\r\n\r\n"]  # and then nothing more


def resident(process):
    """MiB."""
    with open("/proc/%d/status" % process.process.pid, encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) / 1024


def slow_clients(place):
    """wrk at full speed and 1,000 clients that drip or idle: others are answered at once, memory is
    bounded; who is slow loses the connection."""
    web = Web(place)
    engine = web.engine()
    url = links(web.sent(1)["c1@example.net"], "c")[0].split(":%d" % web.port)[1]
    before, most, times, socks = resident(engine), 0, [], []
    for i in range(1000):
        s = socket.create_connection(("127.0.0.1", web.port), timeout=20)
        s.sendall(SLOW[i % 3])
        socks.append(s)
    load = place.keep(Process(["wrk", "-t1", "-c64", "-d4s", "http://127.0.0.1:%d%s" % (web.port, url)],
                              os.path.join(place.folder, "wrk.log")))
    rng = random.Random(SEED)
    while load.runs():
        t = time.monotonic()
        answered(web.ask("GET", url, headers=BROWSER), 302, "beside slow clients")
        times.append(time.monotonic() - t)
        most = max(most, resident(engine))
        for s in rng.sample(socks, 50):
            with contextlib.suppress(OSError):
                s.sendall(b"a")
    same(load.ended(), 0, "wrk")
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", load.text()).group(1))
    times.sort()
    median = times[len(times) // 2] * 1e3
    print("    beside %d hits/s: median %.1f ms, worst %.1f ms of %d; %.0f MiB more"
          % (rate, median, times[-1] * 1e3, len(times), most - before))
    check(rate > 200, "wrk got no more than %d hits/s" % rate)
    check(median < (250 if sanitized_build() else 50), "median %.0f ms" % median)
    check(sanitized_build() or most - before < 64, "%.0f MiB more" % (most - before))

    def metrics():
        return dict(line.rsplit(" ", 1) for line in web.ask("GET", "/metrics")[2].decode().split("\n")
                    if line and line[0] != "#")
    wait(lambda: float(metrics()["godwit_http_slow_total"]) >= 990, "slow clients are closed", 40, 0.5)
    check(float(metrics()["godwit_http_connections"]) < 20, "connections left")
    for s in socks:
        s.close()


def overload(place):
    """The database cannot keep up: opens are refused early, clicks wait, unsubscribes are never
    refused; all that was not refused is recorded."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    web = Web(place)
    web.engine()
    requests = {a: requests_of(m) for a, m in web.sent(100).items()}
    lock = place.session()
    lock.sql("begin")
    lock.sql("lock table godwit.responses in exclusive mode")

    def send(kind, n):
        pipes = [Pipe(web.port) for _ in range(n)]
        for i, p in enumerate(pipes):
            p.send([requests["c%d@example.net" % (i % 100 + 1)][kind] % b"x"])
        return pipes

    def waiting():
        text = web.ask("GET", "/metrics")[2].decode()
        return int(re.search(r"^godwit_http_requests_waiting (\d+)", text, re.M).group(1))
    opens = send("o", 1000)
    wait(lambda: waiting() >= 1000, "opens wait")
    for p in send("o", 100):
        status, head, _ = p.answer()
        check(status == 503 and b"Retry-After" in head, "an open over the limit: %d" % status)
        p.close()
    clicks = send("c", 300)
    offs = send("u", 100)
    wait(lambda: waiting() >= 1400, "clicks and unsubscribes wait")
    lock.sql("rollback")
    for pipes, wanted in (opens, 200), (clicks, 302), (offs, 200):
        same(collections.Counter(p.answer()[0] for p in pipes), {wanted: len(pipes)}, "answers")
        for p in pipes:
            p.close()
    same(place.database.sql("select kind, count(*) from godwit.responses group by 1 order by 1"),
         [["click", "300"], ["open", "1000"], ["unsubscribe", "100"]], "rows")
    text = web.ask("GET", "/metrics")[2].decode()
    check("\ngodwit_responses_shed_total 100\n" in text, "what was refused is counted:\n" + text)


def few_files(place):
    """More clients than the process may open files: it still answers, and finds the database again."""
    web = Web(place)
    program = place.engine
    place.engine = lambda **k: program(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300)), **k)
    web.engine()
    pipes = [Pipe(web.port) for _ in range(400)]
    answered(web.ask("GET", "/readyz"), 200, "when idle clients were closed")
    back = web.database_away()
    pipes += [Pipe(web.port) for _ in range(200)]
    back()
    wait(lambda: web.ask("GET", "/readyz")[0] == 200, "ready again although clients hold all that they may")
    for p in pipes:
        p.close()


def limits(place):
    web = Web(place)
    e = web.engine()

    def refusal(*request, **more):
        """The status; 413 when the server hung up before all was sent, which it may."""
        try:
            return web.ask(*request, **more)[0]
        except ConnectionError:
            return 413
    same(refusal("POST", "/u/x", b"a" * 600000, FORM), 413, "a large body")
    status = refusal("GET", "/c/" + "a" * 20000)
    check(status in (413, 414, 431), "a long path: %d" % status)
    status = refusal("GET", "/o/x.gif", headers={"X-Long": "a" * 20000})
    check(status in (413, 431), "a long header: %d" % status)
    answered(web.ask("DELETE", "/o/x.gif"), 405, "a method")
    answered(web.ask("POST", "/c/x", b""), 405, "a method")
    answered(web.ask("GET", "/v1/batch"), 405, "a method")
    answered(web.ask("GET", "/"), 404, "a path")
    answered(web.ask("GET", "/healthz"), 200, "healthz")
    answered(web.ask("GET", "/readyz"), 200, "readyz")
    for raw in b"\r\n\r\n", b"GET\r\n\r\n", b"\x00\xff\x00\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n":
        with socket.create_connection(("127.0.0.1", web.port), timeout=20) as s:
            s.sendall(raw)
            s.shutdown(socket.SHUT_WR)
            s.settimeout(1)
            with contextlib.suppress(TimeoutError):
                s.recv(1000)
    check(e.runs(), "the engine died")
    page = answered(web.ask("GET", "/metrics"), 200, "metrics")[2].decode()
    check(page.endswith("\n"), "the last line has an end")
    seen, series, family = set(), set(), None
    for line in page.splitlines():
        if line.startswith("# HELP"):
            family = line.split()[2]
            check(family not in seen, "the family %s comes twice" % family)
            seen.add(family)
        elif line[0] != "#":
            name = line.rsplit(" ", 1)[0]
            check(re.split("[{ ]", line)[0] == family, "%s stands under %s" % (name, family))
            check(name not in series, "the series %s comes twice" % name)
            series.add(name)
    check("example" not in page and "c1" not in series, "customer data in metrics")
    r = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, timeout=60)
    same((r.returncode, r.stdout + r.stderr), (0, ""), "promtool")


def supervised(place):
    """What systemd is told: ready, alive, reloading, stopping."""
    web = Web(place)
    path = os.path.join(place.folder, "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.bind(path)
        s.settimeout(20)
        e = web.engine(env={"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000"})

        def told(what):
            end = time.monotonic() + 20
            while time.monotonic() < end:
                text = s.recv(1000).decode()
                if text.startswith(what):
                    return text
            raise AssertionError("not told: " + what)
        told("READY=1")
        began = time.monotonic()
        for _ in range(5):
            told("WATCHDOG=1")
        check(time.monotonic() - began < 2, "the watchdog is fed late")
        e.signal(signal.SIGHUP)
        check("MONOTONIC_USEC=" in told("RELOADING=1"), "when it began to reload")
        told("READY=1")
        e.signal(signal.SIGTERM)
        told("STOPPING=1")
        same(e.ended(), 0, "how the engine ended")


def database_away(place):
    """Opens and clicks are refused, not lost silently; an unsubscribe waits for the database."""
    web = Web(place)
    web.engine()
    mail = web.sent(1)["c1@example.net"]
    back = web.database_away()
    s, h, body = web.ask("GET", links(mail, "c")[0], headers=BROWSER)
    check(s == 503 and h["Retry-After"] and b"https://acme.example/offers" in body, "a click: %d" % s)
    answered(web.ask("GET", links(mail, "o")[0], headers=BROWSER), 503, "an open")
    got = []
    t = threading.Thread(target=lambda: got.append(
        web.ask("POST", header_url(mail), "List-Unsubscribe=One-Click", FORM)))
    t.start()
    time.sleep(1)
    same(got, [], "an unsubscribe while the database is away")
    back()
    t.join()
    same(got[0][0], 200, "an unsubscribe after the database came back")
    same(place.database.number("select count(*) from godwit.consents"), 1, "consents")


if __name__ == "__main__":
    run(mail_and_hits, machines, nothing_tracked, preferences, mutated_tokens, killed_under_load,
        killed_at_points, one_connection_lost, slow_clients, overload, few_files, limits, supervised,
        database_away, needs=("wrk", "promtool"))
