# SPDX-License-Identifier: Apache-2.0
"""Mail as it comes back: what the tests of inbound mail share."""
import re

from flow import check, wait

BOUNCES = "bounces@acme.example"

DSN = """Return-Path: <>
Delivered-To: {to}
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: {to}
Subject: Undelivered Mail Returned to Sender
Date: Mon, 2 Mar 2026 09:00:00 +0000
Message-ID: <{name}@mx.example.net>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain

It did not arrive.
--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {diagnostic}

--b1
Content-Type: text/rfc822-headers

From: Acme Music <hello@acme.example>
To: {recipient}
Message-ID: {id}
--b1--
"""

ARF = """Return-Path: <fbl@isp.example>
From: <fbl@isp.example>
To: fbl@acme.example
Subject: FW: Thank you
Date: Mon, 2 Mar 2026 09:00:00 +0000
Message-ID: <{name}@isp.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b1"

--b1
Content-Type: text/plain

A complaint.
--b1
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Feedback/1.0
Version: 1
Original-Rcpt-To: redacted

--b1
Content-Type: message/rfc822

From: Acme Music <hello@acme.example>
To: redacted
Message-ID: {id}

Dear
--b1--
"""

REPLY = """From: Jo <{recipient}>
To: Acme Music <hello@acme.example>
Subject: Re: Thank you
Date: Mon, 2 Mar 2026 09:00:00 +0000
In-Reply-To: {id}
Message-ID: <{name}@example.net>

{text}

On Mon, 2 Mar 2026 Acme Music <hello@acme.example> wrote:
> Dear Jo
"""


class Sent:
    """One message that the peer got: its return path and Message-ID."""

    def __init__(self, record):
        self.path, self.id, self.recipient = record["from"], record["message_id"], record["to"][0]

    def dsn(self, status="5.1.1", diagnostic="550 5.1.1 user unknown", action="failed", to=None, id=None,
            name=None):
        return DSN.format(to=to or self.path, recipient=self.recipient, action=action, status=status,
                          diagnostic=diagnostic, id=id or self.id, name=name or "d" + self.recipient)

    def arf(self):
        return ARF.format(id=self.id, name="f" + self.recipient)

    def reply(self, text="Is it in stock?", name=None):
        return REPLY.format(id=self.id, recipient=self.recipient, text=text,
                            name=name or "r" + self.recipient)


def settings(place, more=""):
    """Adds a return path and `more` to the settings that are there."""
    with open(place.workspace + "/godwit.yaml") as f:
        text = f.read()
    text = re.sub(r"email: hello@acme.example(, bounces: \S+@acme.example)?,",
                  "email: hello@acme.example, bounces: %s," % BOUNCES, text)
    place.write("godwit.yaml", text + more)


def sent(place, peer, n, first=1):
    """{address: Sent} of n customers who got a message."""
    had = len(peer.records())
    place.customers(n, first)
    place.orders(n, first)
    place.drain()
    records = peer.records()[had:]
    check(len(records) == n, "%d of %d messages arrived" % (len(records), n))
    return {s.recipient: s for s in map(Sent, records)}


def responses(place, columns="c.key, r.kind, coalesce(r.details ->> 'class', '')"):
    return place.database.sql(
        "select %s from godwit.responses r join godwit.customers c on c.shard = r.shard and "
        "c.id = r.customer_id order by r.id" % columns)


def suppressed(place):
    return [r[0] for r in place.database.sql(
        "select c.key from godwit.customers c join godwit.suppressions s on s.channel = 'email' and "
        "s.address_hash = godwit.address_hash(c.email) order by c.id")]


def deliver(folder, name, text):
    """Into a Maildir, as a mail server does it."""
    import os
    for sub in "new", "cur", "tmp":
        os.makedirs(os.path.join(folder, sub), exist_ok=True)
    mode = "wb" if isinstance(text, bytes) else "w"
    with open(os.path.join(folder, "tmp", name), mode) as f:
        f.write(text)
    os.rename(os.path.join(folder, "tmp", name), os.path.join(folder, "new", name))


def empty(folder):
    import os
    wait(lambda: not os.listdir(os.path.join(folder, "new")), folder + " is empty")
