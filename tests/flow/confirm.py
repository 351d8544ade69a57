# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that are confirmed by a link; keys of tokens that are replaced."""
import json
import re

from flow import check, run, same, wait
from web import Web, answered, header_url, links, part

TOPICS = """  letters: { title: Letters, default: unsubscribed, confirm: true }
tracking:"""
ASK = """campaign: ask
trigger: { event: consent.requested }
steps:
  - send: { channel: email, legal: transactional, template: ask }
"""
LETTER = """campaign: letter
trigger: { event: letter.written }
steps:
  - send: { channel: email, topic: letters, template: thanks }
"""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def ready(place):
    web = Web(place)
    with open(place.workspace + "/godwit.yaml", encoding="utf-8") as f:
        text = f.read()
    place.write("godwit.yaml", text.replace("tracking:", TOPICS))
    r = place.godwit("check", env={"WRITE_KEY": "x"})
    check("nobody can confirm a subscription to `letters`" in r.stdout + r.stderr, "check: " + r.stdout)
    place.write("campaigns/ask.yaml", ASK)
    place.write("campaigns/letter.yaml", LETTER)
    place.write("templates/ask/subject.liquid", "Please confirm\n")
    place.write("templates/ask/text.liquid", "Letters? {{ event.topic }} {{ confirm_url }}\n{{ sender.name }}\n")
    r = place.godwit("check", env={"WRITE_KEY": "x"})
    check(r.returncode == 0 and "confirm_url" not in r.stdout + r.stderr, "check: " + r.stdout + r.stderr)
    return web


def consents(place):
    return place.database.sql("select c.key, n.channel, n.topic, n.state, n.source from godwit.consents n "
                              "join godwit.customers c on c.shard = n.shard and c.id = n.customer_id order by n.id")


def asked(web, address, n=1):
    def mails():
        return [m for m in read_all(web) if m["To"] == address and "confirm" in m["Subject"]]
    wait(lambda: len(mails()) == n, "%d mails that ask %s" % (n, address))
    return [re.search(r"http://\S+/d/\S+", part(m, "plain")).group(0) for m in mails()]


def read_all(web):
    import email
    import email.policy
    import glob
    found = []
    for path in sorted(glob.glob(web.mails + "/new/*")):
        with open(path, "rb") as f:
            found.append(email.message_from_binary_file(f, policy=email.policy.default))
    return found


def confirmation(place):
    web = ready(place)
    web.engine()
    place.customers(3)
    for _ in range(2):  # asked once, however often
        place.database.sql("select godwit.set_consent('c1', 'email', 'letters', 'subscribed', 'web form')")
    same(consents(place), [], "while it waits")
    url = asked(web, "c1@example.net")[0]
    write = "insert into godwit.events (customer, name) values ('%s', 'letter.written')"
    place.database.sql(write % "c1")
    wait(lambda: place.database.number("select count(*) from godwit.decisions") == 1, "decided")
    same(place.database.sql("select outcome, gate from godwit.decisions"), [["suppressed", "consent"]],
         "a letter while it waits")
    # a scanner looks
    for method in ("GET", "HEAD", "GET"):
        answered(web.ask(method, url), 200, method)
    page = web.ask("GET", url, headers={"Accept-Language": "zh-TW"})[2].decode()
    check("確認訂閱" in page and "<form method=\"post\">" in page, page)
    same(consents(place), [], "after GETs")
    for _ in range(2):
        page = answered(web.ask("POST", url, "", FORM), 200, "POST")[2].decode()
        check("You are subscribed" in page, page)
    row = consents(place)
    same([r[:4] for r in row], [["c1", "email", "letters", "subscribed"]], "confirmed")
    check(re.fullmatch(r"web form, confirmed by message \d+", row[0][4]), row[0][4])
    place.database.sql(write % "c1")
    wait(lambda: place.database.number("select count(*) from godwit.messages where campaign = 'letter' "
                                       "and status = 'sent'") == 1, "the letter")
    # declined before it was confirmed: the link is void
    place.database.sql("select godwit.set_consent('c2', '*', 'letters', 'subscribed', 'web form')")
    url = asked(web, "c2@example.net")[0]
    place.database.sql("select godwit.set_consent('c2', '*', '*', 'unsubscribed', 'phone call')")
    page = answered(web.ask("POST", url, "", FORM), 200, "too late")[2].decode()
    check("nothing to confirm" in page, page)
    same(consents(place)[1:], [["c2", "*", "*", "unsubscribed", "phone call"]], "declined")
    # everything at once, but for what must be confirmed
    place.database.sql("select godwit.set_consent('c3', '*', '*', 'subscribed', 'import')")
    same(consents(place)[2:], [["c3", "*", "*", "subscribed", "import"],
                               ["c3", "*", "letters", "unsubscribed", "import, waits for confirmation"]],
         "everything")
    answered(web.ask("POST", asked(web, "c3@example.net")[0], "", FORM), 200, "POST")
    same(consents(place)[4][:4], ["c3", "*", "letters", "subscribed"], "confirmed")
    answered(web.ask("POST", "/d/" + "A" * 28, "", FORM), 404, "a token that is not ours")
    bad = url.replace("/d/", "/u/")
    answered(web.ask("POST", bad, "", FORM), 404, "a token for another purpose")


def preference_page(place):
    web = ready(place)
    web.engine()
    mail = web.sent(1)["c1@example.net"]
    page = answered(web.ask("POST", header_url(mail), "form=preferences&topic=letters&topic=offers"
                            "&action=save", FORM), 200, "save")[2].decode()
    check("follow its link to confirm" in page and 'value="offers" checked' in page, page)
    page = answered(web.ask("POST", header_url(mail), "form=preferences&topic=offers&action=save", FORM),
                    200, "save")[2].decode()
    check("follow its link" not in page, page)
    answered(web.ask("POST", header_url(mail), "form=preferences&topic=letters&topic=offers&action=save",
                     FORM), 200, "save")
    same(consents(place), [], "consents")
    same(len(asked(web, "c1@example.net")), 1, "mails that ask")


def rights(place):
    """What waits is held about a person: it is exported, and goes with them."""
    ready(place).engine()
    place.customers(2)
    for who in "c1", "c2":
        place.database.sql("select godwit.set_consent('%s', 'email', 'letters', 'subscribed', 'form of Zoe')" % who)
    held = json.loads(place.godwit("export", "c1", env={"WRITE_KEY": "x"}).stdout)["pending_consents"]
    same([(p["channel"], p["topic"], p["source"], p["confirmed_at"]) for p in held],
         [("email", "letters", "form of Zoe", None)], "what is exported")
    check(held[0]["asked_at"], "when it was asked: %r" % held)
    same(place.godwit("forget", "c1", env={"WRITE_KEY": "x"}).returncode, 0, "forget")
    same(place.database.sql("select c.key from godwit.pending_consents p join godwit.customers c "
                            "on c.shard = p.shard and c.id = p.customer_id"), [["c2"]], "what is left")


def keys(place):
    web = Web(place)
    first = web.engine()
    old = web.sent(1)["c1@example.net"]
    urls = links(old, "c") + links(old, "o") + links(old, "u") + links(old, "l")
    check(not any(re.search("/[coul]/_", u) for u in urls), "the first key leaves no mark")
    run_keys = lambda *a: place.godwit("keys", *a, env={"WRITE_KEY": "x"})
    same(run_keys("rotate").returncode, 0, "rotate")
    place.database.sql("update godwit.token_keys set signs_from = now() where id = 1")
    import signal
    first.signal(signal.SIGHUP)
    first.says("workspace reloaded")
    place.customers(1, 2)
    place.orders(1, 2)
    wait(lambda: "c2@example.net" in web.read(), "the second mail")
    new = web.read()["c2@example.net"]
    fresh = links(new, "c") + links(new, "o") + links(new, "u") + links(new, "l")
    check(all(re.search("/[coul]/_B", u) for u in fresh), "the new key's mark: %r" % fresh)

    def all_work(which, wanted):
        for u in which:
            status = web.ask("GET", u)[0]
            same(status, (302 if "/c/" in u else 200) if wanted or "/o/" in u else 404, u)
    all_work(urls + fresh, True)
    for u in fresh:
        if "/o/" not in u:
            answered(web.ask("GET", re.sub("/_B", "/_C", u)), 404, "a key that is not there")
            answered(web.ask("GET", re.sub("/_B", "/", u)), 404, "another key's token")
    listed = run_keys("list")
    check(re.search(r"^1 .*signs", listed.stdout, re.M) and re.search(r"^0 ", listed.stdout, re.M),
          "keys list: " + listed.stdout)
    check(not re.search("[0-9a-f]{32}", listed.stdout), "no secret is shown")
    same(run_keys("remove", "1").returncode, 1, "the key that signs")
    same(run_keys("remove", "0").returncode, 0, "remove: " + listed.stdout)
    first.signal(signal.SIGHUP)
    first.says("workspace reloaded", times=2)
    all_work(urls, False)
    all_work(fresh, True)
    rows = place.database.number("select count(*) from godwit.responses")
    first.kill()
    web.engine()
    all_work(urls, False)
    all_work(fresh, True)
    check(place.database.number("select count(*) from godwit.responses") > rows, "hits of the new key count")


if __name__ == "__main__":
    run(confirmation, preference_page, rights, keys, needs=())
