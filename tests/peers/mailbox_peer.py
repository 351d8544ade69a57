# SPDX-License-Identifier: Apache-2.0
"""A mailbox over IMAP4rev1 or POP3 for tests: prints its port and serves until its standard input
ends.  mailbox_peer.py imap|pop3 FOLDER [--rule COMMAND#N=ACTION] [--no-move] [--plain CERT]

FOLDER/INBOX holds the mails, one a file; IMAP folders that are created are others beside it. The login
is jo with the password secret. At the Nth COMMAND (from 1; of all sessions): cut closes the
connection before it, after does it and then closes, stall waits for ever, no refuses it.
Each command is a line of FOLDER/log."""
import argparse
import os
import re
import socketserver
import ssl
import sys
import threading

arguments = argparse.ArgumentParser()
arguments.add_argument("protocol", choices=("imap", "pop3"))
arguments.add_argument("folder")
arguments.add_argument("--rule", action="append", default=[])
arguments.add_argument("--no-move", action="store_true")
arguments.add_argument("--tls", help="certificate and key: TLS from the first byte")
options = arguments.parse_args()
lock = threading.Lock()
seen, uids = {}, {}


def path(*names):
    return os.path.join(options.folder, *names)


class Gone(Exception):
    pass


def rule(command):
    """What is to happen at this command."""
    with lock:
        seen[command] = seen.get(command, 0) + 1
        with open(path("log"), "a") as f:
            f.write(command + "\n")
        for r in options.rule:
            m = re.match(r"(.*)#(\d+)=(\w+)$", r)
            if m[1] == command and int(m[2]) == seen[command]:
                return m[3]
    return ""


def files(folder="INBOX"):
    """[(uid, path)] in the order of arrival; a UID stays with its name."""
    os.makedirs(path(folder), exist_ok=True)
    with lock:
        out = []
        for name in sorted(os.listdir(path(folder))):
            out.append((uids.setdefault((folder, name), len(uids) + 1), path(folder, name)))
        return out


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text if isinstance(text, bytes) else text.encode() + b"\r\n")

    def command(self, name):
        action = rule(name)
        if action == "cut":
            raise Gone
        if action == "stall":
            threading.Event().wait()
        return action

    def handle(self):
        self.user, self.deleted = None, set()
        try:
            (self.imap if options.protocol == "imap" else self.pop3)()
        except (Gone, OSError):
            pass

    def lines(self):
        for line in self.rfile:
            yield line.decode(errors="replace").rstrip("\r\n")

    # ---- IMAP

    def imap(self):
        self.say("* OK ready")
        for line in self.lines():
            tag, _, rest = line.partition(" ")
            words = rest.split(" ")
            name = words[0].upper()
            if name == "UID":
                name += " " + words[1].upper()
            action = self.command(name)
            if name == "LOGOUT":
                self.say("* BYE\r\n%s OK" % tag)
                return
            good = action != "no" and self.imap_do(name, rest, words)
            if action == "after":
                raise Gone
            self.say("%s %s" % (tag, "OK done" if good else "NO not so"))

    def imap_do(self, name, rest, words):
        if name == "CAPABILITY":
            self.say("* CAPABILITY IMAP4rev1 UIDPLUS" + ("" if options.no_move else " MOVE"))
        elif name == "LOGIN":
            self.user = "jo" if [w.strip('"') for w in words[1:3]] == ["jo", "secret"] else None
            return bool(self.user)
        elif name == "CREATE":
            folder = re.search('"(.*)"', rest)[1]
            if os.path.exists(path(folder)):
                return False
            os.makedirs(path(folder))
        elif name in ("SELECT", "EXAMINE"):
            self.say("* %d EXISTS\r\n* OK [UIDVALIDITY 7] so\r\n* FLAGS (\\Deleted)" % len(files()))
        elif self.user is None:
            return False
        elif name == "UID FETCH":
            self.fetch(words[2], rest)
        elif name in ("UID MOVE", "UID COPY"):
            folder = re.search('"(.*)"', rest)[1]
            if not os.path.isdir(path(folder)) or (options.no_move and name == "UID MOVE"):
                return False
            for uid, file in self.chosen(words[2]):
                (os.rename if name == "UID MOVE" else os.link)(file, path(folder, os.path.basename(file)))
        elif name == "UID STORE":
            self.deleted |= {uid for uid, _ in self.chosen(words[2])}
        elif name in ("UID EXPUNGE", "EXPUNGE"):
            for uid, file in files():
                if uid in self.deleted and (name == "EXPUNGE" or uid in dict(self.chosen(words[2]))):
                    os.unlink(file)
        return True

    def chosen(self, text):
        wanted = {int(x) for x in text.split(",") if x.isdigit()}
        return [x for x in files() if text == "1:*" or x[0] in wanted]

    def fetch(self, which, rest):
        for n, (uid, file) in enumerate(self.chosen(which), 1):
            if "BODY" in rest.upper():
                with open(file, "rb") as f:
                    body = f.read()
                self.say(b"* %d FETCH (UID %d BODY[] {%d}\r\n" % (n, uid, len(body)) + body + b")\r\n")
            else:
                self.say("* %d FETCH (UID %d FLAGS (%s))"
                         % (n, uid, "\\Deleted" if uid in self.deleted else ""))

    # ---- POP3

    def pop3(self):
        self.say("+OK ready")
        mails = None
        for line in self.lines():
            name, _, rest = line.partition(" ")
            action = self.command(name.upper())
            good = action != "no"
            if name.upper() == "PASS":
                good = good and rest == "secret"
                self.user = "jo" if good else None
                mails = files()
            elif name.upper() not in ("CAPA", "USER", "QUIT") and not self.user:
                good = False
            if good:
                self.pop3_do(name.upper(), rest, mails)
            else:
                self.say("-ERR not so")
            if action == "after" or name.upper() == "QUIT":
                return

    def pop3_do(self, name, rest, mails):
        if name == "CAPA":
            self.say("+OK\r\nUSER\r\nUIDL\r\n.")
        elif name == "UIDL":
            self.say("+OK\r\n" + "".join("%d uid-%d\r\n" % (i, uid) for i, (uid, _) in enumerate(mails, 1)
                                         if i not in self.deleted) + ".")
        elif name == "RETR":
            with open(mails[int(rest) - 1][1], "rb") as f:
                body = re.sub(rb"(?m)^\.", b"..", f.read().replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
            self.say(b"+OK\r\n" + body + b"\r\n.\r\n")
        elif name == "DELE":
            self.deleted.add(int(rest))
            self.say("+OK")
        elif name == "QUIT":
            for i in self.deleted:
                os.unlink(mails[i - 1][1])
            self.say("+OK")
        else:
            self.say("+OK")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def get_request(self):
        connection, address = super().get_request()
        if options.tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(options.tls)
            connection = context.wrap_socket(connection, server_side=True)
        return connection, address


server = Server(("127.0.0.1", 0), Session)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_address[1], flush=True)
sys.stdin.read()
