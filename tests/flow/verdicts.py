# SPDX-License-Identifier: Apache-2.0
"""Who is a person: the decoy, HEAD, links in order; what stands is judged again by a newer rule."""
import re
import time

from flow import check, run, same, wait
from web import Web, answered, links, part

BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
SCANNER = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/120.0"}


def age(place):
    place.database.sql("update godwit.messages set sent_at = sent_at - interval '60 s'")


def verdicts(place):
    return place.database.sql(
        "select c.key, r.kind, r.human, r.details ->> 'machine' from godwit.responses r "
        "join godwit.customers c on c.shard = r.shard and c.id = r.customer_id order by r.id")


def judged(place, wanted, what):
    """What stands in the end: hits that tell something are looked at again a second later."""
    wait(lambda: verdicts(place) == wanted, what + ": " + repr(verdicts(place)), 15)
    wait(lambda: place.database.number("select count(*) from godwit.rejudge") == 0, "nothing is left")
    same(verdicts(place), wanted, what)


def decoy(place):
    """A person's click, then a scanner that follows all links, the hidden one last."""
    web = Web(place)
    web.engine()
    mails = web.sent(2)
    age(place)
    mail, other = mails["c1@example.net"], mails["c2@example.net"]
    hidden = links(mail, "l")
    same(len(hidden), 1, "decoys")
    tag = re.search(r"<a href=\"[^\"]*/l/[^>]*></a>", part(mail, "html")).group(0)
    check("display:none" in tag and 'aria-hidden="true"' in tag and 'tabindex="-1"' in tag, tag)
    check("/l/" not in part(mail, "plain"), "no decoy in the text")
    click = links(mail, "c")
    answered(web.ask("GET", links(other, "c")[0], headers=BROWSER), 302, "a person, another message")
    answered(web.ask("GET", click[0], headers=SCANNER), 302, "a scanner")
    same(verdicts(place), [["c2", "click", "t", ""], ["c1", "click", "t", ""]], "as it looked")
    answered(web.ask("GET", hidden[0], headers=SCANNER), 200, "decoy")
    after = [["c2", "click", "t", ""], ["c1", "click", "f", "near a decoy"], ["c1", "click", "f", "decoy"]]
    judged(place, after, "after the decoy")
    answered(web.ask("GET", hidden[0][:-3] + "AAA", headers=SCANNER), 404, "no decoy of ours")
    answered(web.ask("GET", hidden[0].replace("/l/", "/o/"), headers=SCANNER), 200, "no open either")
    same(verdicts(place), after, "after what is not ours")
    time.sleep(3.2)  # another agent counts as the scanner's for 3 s
    answered(web.ask("GET", click[1], headers=BROWSER), 302, "a person, later")
    judged(place, after + [["c1", "click", "t", ""]], "a person, later")
    same(place.database.sql("select count(*), count(url) from godwit.responses where details ? 'decoy'"),
         [["1", "0"]], "the decoy's row")


def switched_off(place):
    web = Web(place, ", decoys: false")
    web.engine()
    mail = web.sent(1)["c1@example.net"]
    same((len(links(mail, "l")), len(links(mail, "c"))), (0, 2), "decoys, links")


def head_and_order(place):
    web = Web(place)
    web.engine()
    mails = web.sent(2)
    age(place)
    one, two = links(mails["c1@example.net"], "c"), links(mails["c2@example.net"], "c")
    answered(web.ask("HEAD", one[1], headers=SCANNER), 302, "HEAD")
    answered(web.ask("GET", one[1], headers=SCANNER), 302, "GET")
    answered(web.ask("GET", two[0], headers=BROWSER), 302, "the first link")
    answered(web.ask("GET", two[1], headers=BROWSER), 302, "and at once the second")
    judged(place, [["c1", "click", "f", "HEAD"], ["c1", "click", "f", "near a HEAD"],
                   ["c2", "click", "f", "links in order"], ["c2", "click", "f", "links in order"]],
           "HEAD and order")


def newer_rule(place):
    """10,000 responses that an older rule judged; killed on the way; judged once more, all of them."""
    web = Web(place)
    engine = web.engine()
    web.sent(1)
    wait(lambda: place.database.one("select value from godwit.settings where key = 'verdict_version'")
         == "2", "the version of an empty table")
    engine.kill()
    n = 10000
    place.database.sql(
        "insert into godwit.responses (shard, message_id, customer_id, campaign, kind, at, human, details) "
        "select i %% 64, 1000000 + i / 4, 1, 'thanks', case when i %% 4 = 3 then 'delivered' else 'click' end, "
        "now() - interval '1 day' + i / 4 * interval '1 min' + i %% 4 * interval '100 ms', true, "
        "case when i %% 4 = 3 then '{}' else jsonb_build_object('agent', 'x', 'delay_ms', 60000, "
        "'link', i %% 4, 'verdict', 1, 'method', case when i %% 4 = 0 then 'HEAD' end) end "
        "from generate_series(0, %d) i" % (n - 1))
    # all hits of a message are in one shard
    place.database.sql("update godwit.responses set shard = (message_id % 64)::smallint where message_id >= 1000000")
    place.database.sql("update godwit.settings set value = '1' where key = 'verdict_version'")
    engine = web.engine()
    done = lambda: place.database.number("select count(*) from godwit.responses where details ->> 'verdict' = '2'")
    wait(lambda: done() > n / 10, "on the way")
    engine.kill()
    check(done() < n * 3 / 4, "killed on the way: %d" % done())
    engine = web.engine()
    wait(lambda: place.database.one("select value from godwit.settings where key = 'verdict_version'")
         == "2", "all are judged", 120)
    wait(lambda: place.database.number("select count(*) from godwit.rejudge") == 0, "nothing is left")
    same(place.database.sql("select kind, human, details ->> 'machine', details ->> 'verdict', count(*) "
                            "from godwit.responses where message_id >= 1000000 group by 1, 2, 3, 4 "
                            "order by 1, 2, 3"),
         [["click", "f", "HEAD", "2", str(n // 4)], ["click", "f", "near a HEAD", "2", str(n // 2)],
          ["delivered", "t", "", "", str(n // 4)]], "verdicts")


if __name__ == "__main__":
    run(decoy, switched_off, head_and_order, newer_rule, needs=())
