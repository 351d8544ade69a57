# SPDX-License-Identifier: Apache-2.0
"""A Kannel of the test's own: bearerbox, smsbox and its fake SMSC on free ports."""
import os
import shutil
import socket
import subprocess
import urllib.request

from flow import Failed, free_port, wait

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
http-request-retry = 5
http-queue-delay = 1

group = sendsms-user
username = godwit
password = secret
max-messages = 10
concatenation = true
user-allow-ip = "127.0.0.1"
"""
INBOUND = """
group = sms-service
keyword = default
catch-all = true
max-messages = 1
omit-empty = true
get-url = "{inbound}"
"""


def there():
    os.environ["PATH"] += ":/usr/sbin"
    return shutil.which("bearerbox") and os.path.exists(FAKE)


def answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Kannel:
    """`inbound`: the URL that is asked with what comes in; None: nothing does."""

    def __init__(self, folder, inbound=None):
        self.folder = folder
        self.ports = {name: free_port() for name in ("admin", "box", "smsc", "send")}
        self.url = "http://127.0.0.1:%d/cgi-bin/sendsms" % self.ports["send"]
        self.started = []
        os.makedirs(os.path.join(folder, "store"))
        with open(os.path.join(folder, "k.conf"), "w", encoding="utf-8") as f:
            f.write(CONFIG.format(**self.ports) + (INBOUND.format(inbound=inbound) if inbound else ""))
        try:
            self.start("out", "bearerbox", "-v", "4", "k.conf")
            wait(lambda: answers(self.ports["admin"]) and answers(self.ports["smsc"]), "bearerbox", 30)
            self.start("out", "smsbox", "-v", "4", "k.conf")
            wait(lambda: answers(self.ports["send"]), "smsbox", 30)
        except Failed:
            self.close()
            raise

    def start(self, log, *command):
        with open(os.path.join(self.folder, log), "ab") as out:
            p = subprocess.Popen(command, cwd=self.folder, stdout=out, stderr=out,
                                 stdin=subprocess.DEVNULL)
        self.started.append(p)
        return p

    def phone(self, *messages):
        """Somebody whose messages ("FROM TO text WORDS") come in, and who gets what is sent."""
        p = self.start("fake.log", FAKE, "-H", "127.0.0.1", "-r", str(self.ports["smsc"]), "-i",
                       "0.05", "-m", str(len(messages)), *(messages or ("1 2 text nothing",)))
        wait(lambda: p.poll() is not None or self.connected(), "the phone to connect", 30)
        return p

    def connected(self):
        """Whether a phone is there; until then Kannel answers "Queued for later delivery"."""
        status = "http://127.0.0.1:%d/status.txt?password=sts" % self.ports["admin"]
        with urllib.request.urlopen(status, timeout=10) as answer:
            return b"(online" in answer.read()

    def received(self):
        path = os.path.join(self.folder, "fake.log")
        if not os.path.exists(path):
            raise Failed("no phone was started")
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()

    def close(self):
        for p in reversed(self.started):
            p.kill()
            p.wait()
