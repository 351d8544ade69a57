# SPDX-License-Identifier: Apache-2.0
# The capture server against smtplib, Postfix's smtp-source (when it is there), and
# clients that are slow, broken, many, or gone. Each case is a function.
import email
import email.header
import email.policy
import glob
import mailbox
import os
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.environ.get("top_builddir", ".")


class Server:
    def __init__(self, idle_ms=60000):
        self.folder = tempfile.mkdtemp(prefix="godwit-capture-")
        self.maildir = os.path.join(self.folder, "captured")
        self.process = subprocess.Popen(
            [os.path.join(TOP, "tests/capture_serve"), self.maildir, str(idle_ms)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        status = self.process.wait(timeout=20)
        self.process.stdout.close()
        shutil.rmtree(self.folder)
        assert status == 0, f"the server ended with {status}"

    def told(self):
        """What the callback said of the next mail."""
        line = self.process.stdout.readline().rstrip("\n").split("\t")
        return dict(zip(("to", "others", "subject", "campaign", "bytes", "path"), line))

    def files(self):
        return sorted(glob.glob(self.maildir + "/new/*"))

    def connect(self, greet=True):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        f = s.makefile("rb")
        assert f.readline().startswith(b"220 ")
        if greet:
            s.sendall(b"HELO x\r\n")
            assert f.readline().startswith(b"250 ")
        return s, f


MAIL = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"


def mail_by_smtplib():
    with Server() as server:
        text = "Hello\n.\n..dots\n\u53f0\u5317 caf\u00e9\n" + "long " * 5000 + "\n"
        mail = email.message.EmailMessage(policy=email.policy.SMTP)
        mail["From"] = "Shop <hello@shop.example>"
        mail["To"] = "mei@example.net"
        mail["Subject"] = "\u6b61\u8fce\u5149\u81e8, and a subject that is long enough to be folded \u53f0\u5317"
        mail["Feedback-ID"] = "welcome:send:offers:godwit"
        mail.set_content(text, cte="8bit")
        with smtplib.SMTP("127.0.0.1", server.port) as client:
            client.send_message(mail, to_addrs=["mei@example.net", "b@example.net"])
            client.noop()
            client.send_message(mail)
            assert client.verify("x")[0] == 252
        for others in "1", "0":
            told = server.told()
            assert told["to"] == "mei@example.net" and told["others"] == others, told
            assert told["subject"] == str(mail["Subject"]), told
            assert told["campaign"] == "welcome", told
            assert os.path.exists(told["path"]), told
        assert len(server.files()) == 2 and not os.listdir(server.maildir + "/tmp")
        with open(server.files()[0], "rb") as f:
            raw = f.read()
        assert b"\r" not in raw
        got = email.message_from_bytes(raw, policy=email.policy.default)
        assert got.get_content() == text, got.get_content()[:200]
        assert got["Return-Path"] == "<hello@shop.example>"
        assert got.get_all("Delivered-To") == ["mei@example.net", "b@example.net"]
        assert email.utils.parsedate_to_datetime(got["Received"].split(";")[1].strip())
        assert len(mailbox.Maildir(server.maildir)) == 2


def every_size_and_cut():
    """Bodies around the sizes of buffers, in pieces that cut the end anywhere."""
    with Server() as server:
        s, f = server.connect()
        for n in 0, 1, 65530, 65535, 65536, 65537, 131072, 300001:
            body = b"x" * n + b"\r\n" if n else b""
            s.sendall(MAIL)
            for want in b"250", b"250", b"354":
                assert f.readline().startswith(want)
            end = body + b".\r\n"
            cut = len(end) - n % 5 - 1
            s.sendall(end[:cut])
            time.sleep(0.01)
            s.sendall(end[cut:])
            assert f.readline().startswith(b"250")
            told = server.told()
            assert int(told["bytes"]) == len(body), (n, told)
        s.close()


def pipelined_without_waiting():
    with Server() as server:
        s, f = server.connect()
        n = 500
        writer = threading.Thread(target=lambda: s.sendall((MAIL + b"hi\r\n.\r\n") * n + b"QUIT\r\n"))
        writer.start()
        codes = [line[:3] for line in f]
        writer.join()
        assert codes == [b"250", b"250", b"354", b"250"] * n + [b"221"], len(codes)
        assert len(server.files()) == n
        for _ in range(n):
            server.told()


def one_who_never_reads():
    """Replies are bounded: without a reader the server stops reading, too."""
    with Server() as server:
        s, _ = server.connect()
        s.settimeout(1)
        sent = 0
        try:
            while sent < 100 << 20:
                sent += s.send(b"NOOP\r\n" * 10000)
        except socket.timeout:
            pass
        assert sent < 100 << 20, "it read all and kept the replies"
        other, _ = server.connect()
        other.close()
        s.close()


def idle_ones_are_cut_off():
    with Server(idle_ms=200) as server:
        s, f = server.connect()
        s.sendall(MAIL + b"half a ma")
        assert f.readlines()[-1].startswith(b"354")  # until the end of the connection
        assert not server.files()
        s.close()


def gone_in_the_middle():
    with Server() as server:
        for part in b"", b"MAIL", MAIL, MAIL + b"text\r\n", MAIL + b"text\r\n.":
            s, _ = server.connect()
            s.sendall(part)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.close()
        s, f = server.connect()
        s.sendall(MAIL + b"whole\r\n.\r\n")
        assert [f.readline()[:3] for _ in range(4)][-1] == b"250"
        assert len(server.files()) == 1
        s.close()


def too_many_connections():
    with Server() as server:
        held = [server.connect(greet=False) for _ in range(256)]
        s = socket.create_connection(("127.0.0.1", server.port), timeout=20)
        assert s.makefile("rb").read().startswith(b"421 ")
        for h, f in held:
            f.close()
            h.close()
        s.close()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:  # they are gone as soon as the server has noticed
            s = socket.create_connection(("127.0.0.1", server.port), timeout=20)
            if s.makefile("rb").readline().startswith(b"220 "):
                break
            s.close()
        else:
            raise AssertionError("still full")
        s.close()


def garbage():
    with Server() as server:
        s, f = server.connect(greet=False)
        s.sendall(os.urandom(50000).replace(b"\n", b"") + b"\n" + b"\0\xff\r\n" * 100)
        replies = f.readlines()
        assert replies[-1].startswith(b"421 "), replies[-1:]
        assert all(r[:1] in b"45" and r.endswith(b"\r\n") for r in replies)
        s.close()


def a_folder_that_is_gone():
    with Server() as server:
        s, f = server.connect()
        os.rename(server.maildir + "/tmp", server.maildir + "/away")
        s.sendall(MAIL + b"x\r\n.\r\n")
        assert [f.readline()[:3] for _ in range(4)] == [b"250", b"250", b"354", b"452"]
        os.rename(server.maildir + "/away", server.maildir + "/tmp")
        s.sendall(MAIL + b"x\r\n.\r\n")
        assert [f.readline()[:3] for _ in range(4)] == [b"250", b"250", b"354", b"250"]
        s.close()


def postfix_smtp_source():
    source = shutil.which("smtp-source", path=os.environ["PATH"] + ":/usr/sbin")
    if not source:
        return "skipped: smtp-source is not installed"
    with Server() as server:
        n = 1000
        at = time.monotonic()
        reader = threading.Thread(target=lambda: [server.told() for _ in range(n)])
        reader.start()
        subprocess.run([source, "-c", "-d", "-s", "16", "-m", str(n), "-l", "3000",
                        "-f", "a@b.example", "-t", "c@d.example", f"inet:127.0.0.1:{server.port}"],
                       check=True, stdout=subprocess.DEVNULL)
        reader.join()
        seconds = time.monotonic() - at
        assert len(server.files()) == n
        return f"{n / seconds:.0f} mails a second"


CASES = [mail_by_smtplib, every_size_and_cut, pipelined_without_waiting, one_who_never_reads,
         idle_ones_are_cut_off, gone_in_the_middle, too_many_connections, garbage,
         a_folder_that_is_gone, postfix_smtp_source]


def main():
    failed = 0
    for case in CASES:
        try:
            print(f"ok {case.__name__}: {case() or ''}", flush=True)
        except Exception as error:  # each case counts by itself
            failed += 1
            print(f"FAILED {case.__name__}: {error!r}", flush=True)
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
