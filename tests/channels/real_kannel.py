#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The driver kannel against Kannel itself: bearerbox, smsbox and its fake SMSC on ports of our own.
What arrives at the SMSC is compared with what was sent; delivery reports come to the URL asked for."""
import http.server
import os
import shutil
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "flow"))
import kannel  # noqa: E402
from flow import TOP, check, wait  # noqa: E402

reports = []


class Receipts(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        reports.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def send(url, dlr, password, *messages):
    r = subprocess.run(
        [os.path.join(TOP, "tests", "channel_send"), "kannel", "sms", "url", url, "username",
         "godwit", "password", password, "from", "ACME", "dlr_url", dlr, "--", *messages],
        stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    return r.stdout.splitlines()


def test(box, listener):
    url = box.url
    dlr = "http://127.0.0.1:%d/dlr?key=1" % listener.server_port
    long = "q" * 400
    lines = send(url, dlr, "secret", "+447700900001", "Hi [you] & +1", "+447700900002", "你好 😀",
                 "+447700900003", long)
    check(lines == ["accepted 202 %d 0123456789abcdef 0: Accepted for delivery" % n for n in (1, 1, 3)],
          "accepted: %r" % lines)

    def received():
        return [l for l in box.received().splitlines() if "447700" in l]
    wait(lambda: len(received()) >= 5, "5 segments at the SMSC; got %r" % received())
    text = "".join(received())
    check("text Hi [you] & +1>" in text, "the text in " + text)
    check("ucs-2 O%60Y%7D%00+%D8%3D%DE%00>" in text, "UTF-16 in " + text)
    check(text.count("q") == 400 and text.count(" udh %05%00%03") == 3, "three parts of the long text in " + text)
    wait(lambda: any("type=1" in r for r in reports), "delivery reports; got %r" % reports)
    check(all("key=1&id=0123456789abcdef&type=" in r for r in reports), "reports: %r" % reports)
    refused = send(url, dlr, "wrong", "+447700900001", "Hi")
    check(refused[0].startswith("refused 403 "), "wrong password: %r" % refused)


def main():
    if not kannel.there():
        print("skipped: Kannel is not installed (Debian packages kannel, kannel-extras)")
        sys.exit(77)
    folder = tempfile.mkdtemp(prefix="godwit-kannel-")
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receipts)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    box = kannel.Kannel(folder)
    try:
        box.phone()
        test(box, listener)
        print("1 passed, 0 failed")
    finally:
        box.close()
        shutil.rmtree(folder, ignore_errors=True)


main()
