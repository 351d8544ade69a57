#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Reads mails back with Python's email package and compares them with what they were
made from: read_mail.py FOLDER, which holds N.eml and N.json. Also checks the wire form:
CRLF only, line lengths, 7-bit."""
import email
import email.header
import email.policy
import email.utils
import json
import os
import sys


def fail(path, what, wanted, got):
    sys.exit("%s: %s\n  wanted %r\n  got    %r" % (path, what, wanted, got))


def same(path, what, wanted, got):
    if wanted != got:
        fail(path, what, wanted, got)


def check_wire(path, raw):
    if raw.replace(b"\r\n", b"").count(b"\n") or raw.replace(b"\r\n", b"").count(b"\r"):
        sys.exit(path + ": a bare CR or LF")
    if any(b > 126 or (b < 32 and b not in (9, 10, 13)) for b in raw):
        sys.exit(path + ": not plain 7-bit text")
    for line in raw.split(b"\r\n"):
        if len(line) > 998:
            sys.exit(path + ": a line of %d bytes" % len(line))
    head, _, body = raw.partition(b"\r\n\r\n")
    for line in body.split(b"\r\n"):
        if len(line) > 78:
            fail(path, "body line", "<= 78", len(line))
    for line in head.split(b"\r\n"):
        if b"=?" in line and len(line) > 76:
            fail(path, "line with an encoded word", "<= 76", len(line))
    for word in [w for w in head.split() if w.startswith(b"=?")]:
        if len(word.strip(b"\"<>")) > 75:
            fail(path, "encoded word", "<= 75", len(word))


def name_of(raw, header):
    """The display name by RFC 2047: email.policy.default of Python 3.11 keeps the white
    space between adjacent encoded words of a phrase, which vanishes by section 6.2."""
    value = email.message_from_bytes(raw, policy=email.policy.compat32)[header]
    name = email.utils.parseaddr("".join(value.splitlines()))[0]
    return str(email.header.make_header(email.header.decode_header(name)))


def normal(text):
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.endswith("\n") else text + "\n"


def check(path, made_from):
    raw = open(path, "rb").read()
    check_wire(path, raw)
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    for defect in mail.defects:
        sys.exit("%s: %r" % (path, defect))
    same(path, "subject", made_from["subject"].strip(), mail["Subject"] or "")
    sender = mail["From"].addresses[0]
    same(path, "from name", made_from["from_name"], name_of(raw, "From"))
    same(path, "from address", made_from["from_address"], sender.addr_spec)
    to = mail["To"].addresses[0]
    same(path, "to name", made_from["to_name"], name_of(raw, "To"))
    same(path, "to", made_from["to"], to.addr_spec)
    same(path, "message id", made_from["message_id"], mail["Message-ID"])
    same(path, "date", made_from["date"], mail["Date"].datetime.isoformat())
    for name, value in made_from["headers"].items():
        same(path, name, value, mail[name])
    parts = {p.get_content_type(): p for p in mail.walk() if not p.is_multipart()}
    wanted = [t for t in ("text", "html") if made_from[t]]
    same(path, "parts", ["text/" + ("plain" if t == "text" else t) for t in wanted],
         [p.get_content_type() for p in mail.walk() if not p.is_multipart()])
    for t in wanted:
        part = parts["text/plain" if t == "text" else "text/html"]
        same(path, "charset", "utf-8", part.get_content_charset())
        got = part.get_payload(decode=True).decode("utf-8")
        same(path, t, normal(made_from[t]), normal(got))


def main():
    folder = sys.argv[1]
    names = sorted(n for n in os.listdir(folder) if n.endswith(".eml"))
    for name in names:
        path = os.path.join(folder, name)
        check(path, json.load(open(path[:-4] + ".json", encoding="utf-8")))
    print(len(names))


main()
