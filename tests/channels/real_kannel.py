#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The driver kannel against Kannel itself: bearerbox, smsbox and its fake SMSC on ports of our own.
What arrives at the SMSC is compared with what was sent; delivery reports come to the URL asked for."""
import http.server
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.environ.get("top_builddir", ".")
FAKE = "/usr/lib/kannel/test/fakesmsc"
CONFIG = """group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = adm
status-password = sts
smsbox-port = {box}
smsbox-interface = 127.0.0.1
log-level = 1
log-file = "bb.log"
store-type = spool
store-location = "store"
dlr-storage = internal
box-allow-ip = "127.0.0.1"
box-deny-ip = "*.*.*.*"

group = smsc
smsc = fake
smsc-id = FAKE
host = 127.0.0.1
port = {smsc}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-interface = 127.0.0.1
sendsms-port = {send}
global-sender = 13013
log-level = 1
log-file = "smsbox.log"

group = sendsms-user
username = godwit
password = secret
max-messages = 10
concatenation = true
user-allow-ip = "127.0.0.1"
"""
reports = []


class Receipts(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        reports.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


def free_ports(n):
    sockets = [socket.socket() for _ in range(n)]
    for s in sockets:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def wait(condition, what, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("FAIL: waited in vain for " + what)
        time.sleep(0.05)


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def send(url, dlr, password, *messages):
    r = subprocess.run(
        [os.path.join(TOP, "tests", "channel_send"), "kannel", "sms", "url", url, "username",
         "godwit", "password", password, "from", "ACME", "dlr_url", dlr, "--", *messages],
        stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    return r.stdout.splitlines()


def check(condition, text):
    if not condition:
        sys.exit("FAIL: " + text)


def test(folder, ports, listener):
    url = "http://127.0.0.1:%d/cgi-bin/sendsms" % ports["send"]
    dlr = "http://127.0.0.1:%d/dlr?key=1" % listener.server_port
    long = "q" * 400
    lines = send(url, dlr, "secret", "+447700900001", "Hi [you] & +1", "+447700900002", "你好 😀",
                 "+447700900003", long)
    check(lines == ["accepted 202 %d 0123456789abcdef 0: Accepted for delivery" % n for n in (1, 1, 3)],
          "accepted: %r" % lines)

    def received():
        with open(os.path.join(folder, "fake.log"), encoding="utf-8", errors="replace") as f:
            return [l for l in f if "447700" in l]
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
    if not (shutil.which("bearerbox", path=os.environ["PATH"] + ":/usr/sbin") and os.path.exists(FAKE)):
        print("skipped: Kannel is not installed (Debian packages kannel, kannel-extras)")
        sys.exit(77)
    os.environ["PATH"] += ":/usr/sbin"
    folder = tempfile.mkdtemp(prefix="godwit-kannel-")
    ports = dict(zip(("admin", "box", "smsc", "send"), free_ports(4)))
    with open(os.path.join(folder, "k.conf"), "w", encoding="utf-8") as f:
        f.write(CONFIG.format(**ports))
    os.mkdir(os.path.join(folder, "store"))
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receipts)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    started = []

    def start(*command):
        with open(os.path.join(folder, "fake.log" if command[0] == FAKE else "out"), "ab") as out:
            started.append(subprocess.Popen(command, cwd=folder, stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL))
    try:
        start("bearerbox", "-v", "4", "k.conf")
        wait(lambda: answers(ports["admin"]) and answers(ports["smsc"]), "bearerbox")
        start("smsbox", "-v", "4", "k.conf")
        start(FAKE, "-H", "127.0.0.1", "-r", str(ports["smsc"]), "-i", "0.01", "-m", "0",
              "123 456 text nothing")
        wait(lambda: answers(ports["send"]), "smsbox")
        test(folder, ports, listener)
        print("1 passed, 0 failed")
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)


main()
