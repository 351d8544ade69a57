#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The drivers smtp and smtps against relays of others: npm's smtp-server (logins, TLS, sizes,
replies) and Postfix (accepting, greylisting by a policy service, bouncing). What they were sent
is judged by Debian's dkimpy and Mail::DKIM, by GMime and by Python's email package.
smtp-server is installed once into $GODWIT_NPM (or ~/.cache/godwit-npm)."""
import email
import email.policy
import glob
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.environ.get("top_builddir", ".")
PEER = os.path.join(os.environ.get("top_srcdir", "."), "tests", "peers", "smtp_peer.py")
PACKAGES = {"smtp-server": "3.21.6"}
TEXT = "Dear 王小明,\n.dot\nFrom here\n" + "very long line " * 80 + "\n你好" + "世界" * 200 + "\n\ttab\n \n\n"
SERVER = """
const fs = require('fs');
const { SMTPServer } = require('smtp-server');
const o = JSON.parse(process.argv[1]);
if (o.cert) { o.key = fs.readFileSync(o.key); o.cert = fs.readFileSync(o.cert); }
const fail = (code, text) => Object.assign(new Error(text), { responseCode: code });
o.onAuth = (auth, session, done) => {
  const good = auth.method === 'CRAM-MD5' ? auth.validatePassword('secret') : auth.password === 'secret';
  if (auth.username !== 'ada' || !good) return done(fail(535, '5.7.8 no such login'));
  session.method = auth.method;
  done(null, { user: 'ada' });
};
o.onRcptTo = (address, session, done) => {
  const replies = { nouser: fail(550, '5.1.1 no such user'), grey: fail(451, '4.7.1 Greylisted, come back'),
                    full: fail(452, '4.2.2 mailbox full'), full5: fail(552, '5.2.2 mailbox full') };
  done(replies[address.address.split('@')[0]]);
};
o.onData = (stream, session, done) => {
  let n = 0;
  stream.on('data', (d) => { n += d.length; });
  stream.on('end', () => {
    if (stream.sizeExceeded) return done(fail(552, '5.3.4 too big'));
    const to = session.envelope.rcptTo[0].address;
    if (to.startsWith('spam@')) return done(fail(554, '5.7.1 spam'));
    console.log(JSON.stringify({ to, user: session.user || null, tls: session.tlsOptions ?
      session.tlsOptions.version : null, method: session.method || null, utf8: session.envelope.smtpUtf8 || false, n }));
    done(null, 'OK queued as ABC123');
  });
};
const server = new SMTPServer(o);
server.on('error', () => {});
server.listen(0, '127.0.0.1', () => console.log(server.server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
"""
passed = 0


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def check(condition, text):
    global passed
    if not condition:
        sys.exit("FAIL: " + text)
    passed += 1


def wait(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("FAIL: waited in vain for " + what())
        time.sleep(0.05)


def send(driver, port, settings, *recipients):
    """Lines of outcome, code, segments, id, reason, one a recipient."""
    given = {"host": "localhost", "port": str(port), "connections": "1", "reply_timeout": "30s",
             "dot_timeout": "30s", "idle_timeout": "100ms", **settings}
    words = [w for name, value in given.items() if value is not None for w in (name, value)]
    r = subprocess.run([os.path.join(TOP, "tests", "channel_send"), driver, "email", *words, "--",
                        *[w for to in recipients for w in (to, TEXT)]],
                       stdout=subprocess.PIPE, text=True, timeout=120)
    check(r.returncode == 0, "%s %r: %s" % (driver, settings, r.stdout))
    return r.stdout.splitlines()


# ---- npm's smtp-server

def modules():
    folder = os.environ.get("GODWIT_NPM") or os.path.expanduser("~/.cache/godwit-npm")
    if not (shutil.which("node") and shutil.which("npm")):
        skip("node and npm are not installed")
    missing = ["%s@%s" % p for p in PACKAGES.items()
               if not os.path.isdir(os.path.join(folder, "node_modules", p[0]))]
    if missing:
        os.makedirs(folder, exist_ok=True)
        r = subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix",
                            folder, *missing], timeout=300)
        if r.returncode != 0:
            skip("npm could not install " + " ".join(missing))
    return os.path.join(folder, "node_modules")


class SmtpServer:
    def __init__(self, **options):
        options = {"disabledCommands": ["STARTTLS"], "authOptional": True, "logger": False,
                   "disableReverseLookup": True, **options}
        self.node = subprocess.Popen(["node", "-e", SERVER, json.dumps(options)],
                                     env=dict(os.environ, NODE_PATH=modules()),
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.node.stdout.readline())

    def close(self):
        """What it has accepted."""
        self.node.stdin.close()
        lines = [json.loads(line) for line in self.node.stdout if line.startswith("{")]
        self.node.wait(timeout=30)
        return lines


def certificate(folder, name):
    cert, key = os.path.join(folder, name + ".pem"), os.path.join(folder, name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
                    cert], check=True, stderr=subprocess.DEVNULL)
    return cert, key


def smtp_server(folder):
    cert, key = certificate(folder, "cert")
    other, _ = certificate(folder, "other")
    login = {"username": "ada", "password": "secret"}
    tls = {"cert": cert, "key": key, "disabledCommands": []}
    first = {**tls, "secure": True, "disabledCommands": ["STARTTLS"]}
    off, plain, required = {"starttls": "off"}, {"tls": "off"}, {"starttls": "required", "ca_file": cert}
    cases = [  # server, driver, settings, how the line begins, what the server saw
        ({}, "smtp", off, "accepted 250 0 ABC123", {"user": None, "tls": None}),
        (tls, "smtp", {"starttls": "opportunistic"}, "accepted 250", {"tls": "TLSv1.2"}),
        ({}, "smtp", {"starttls": "opportunistic"}, "accepted 250", {"tls": None}),
        (tls, "smtp", required, "accepted 250", {"tls": "TLSv1.2"}),
        ({}, "smtp", required, "unsent 0 0 - localhost", None),
        (tls, "smtp", {**required, "ca_file": other}, "unsent 0", None),
        (tls, "smtp", {**required, "host": "127.0.0.1"}, "unsent 0", None),
        ({"authOptional": False}, "smtp", off, "unsent 530", None),
        ({"size": 2000}, "smtp", off, "refused 0", None),
        (first, "smtps", {"ca_file": cert}, "accepted 250 0 ABC123", {"tls": "TLSv1.3"}),
        (tls, "smtps", {"ca_file": cert, "tls": "starttls"}, "accepted 250", {"tls": "TLSv1.3"}),
        (first, "smtps", {"ca_file": other}, "unsent 0", None),
        (tls, "smtps", {"ca_file": other, "tls": "starttls"}, "unsent 0", None),
        (first, "smtps", {"ca_file": cert, "host": "127.0.0.1"}, "unsent 0", None),
        ({**first, "size": 2000}, "smtps", {"ca_file": cert}, "refused 0", None),
        ({}, "smtps", plain, "accepted 250 0 ABC123", {"user": None, "tls": None}),
        (tls, "smtps", plain, "accepted 250", {"tls": None}),
        (first, "smtps", {**plain, "connect_timeout": "2s"}, "unsent 0", None),
        ({"authOptional": False}, "smtps", plain, "unsent 530", None),
    ]
    for method in "PLAIN", "LOGIN", "CRAM-MD5":
        for server, driver, settings in (({}, "smtp", off), (first, "smtps", {"ca_file": cert}), ({}, "smtps", plain)):
            server = {**server, "authMethods": [method], "authOptional": False, "allowInsecureAuth": True}
            if (driver, method) == ("smtp", "CRAM-MD5"):  # Debian's libesmtp does not find its plug-in
                cases.append((server, driver, {**settings, **login}, "unsent 0", None))
                continue
            cases.append((server, driver, {**settings, **login}, "accepted 250",
                          {"user": "ada", "method": method}))
            cases.append((server, driver, {**settings, **login, "password": "wrong"}, "unsent 535", None))
    for server, driver, settings, begins, saw in cases:
        s = SmtpServer(**server)
        line = send(driver, s.port, settings, "ada@example.net")[0]
        got = s.close()
        check(line.startswith(begins), "%s %r %r: wanted %s, got %s" % (driver, server, settings, begins, line))
        check(len(got) == (saw is not None) and all(got[0][k] == v for k, v in (saw or {}).items()),
              "%s %r %r: wanted %r, the server saw %r" % (driver, server, settings, saw, got))

    wanted = [("ada@example.net", "accepted 250"), ("nouser@example.net", "refused 550"),
              ("grey@example.net", "deferred 451"), ("full@example.net", "deferred 452"),
              ("full5@example.net", "refused 552"), ("spam@example.net", "refused 554"),
              ("eve@bücher.example", "accepted 250"), ("last@example.net", "accepted 250")]
    for server, driver, settings in (({}, "smtp", off), (first, "smtps", {"ca_file": cert}), ({}, "smtps", plain)):
        s = SmtpServer(**server)
        lines = send(driver, s.port, settings, *[w[0] for w in wanted])
        got = [m["to"] for m in s.close()]
        for (to, begins), line in zip(wanted, lines):
            check(line.startswith(begins), "%s to %s: %s" % (driver, to, line))
        check(got == ["ada@example.net", "eve@bücher.example", "last@example.net"], "taken: %r" % got)

    jorg = "jörg@bücher.example"
    s = SmtpServer(**first)
    line = send("smtps", s.port, {"ca_file": cert}, jorg)[0]
    got = s.close()
    check(line.startswith("accepted") and got[0]["utf8"] and got[0]["to"].startswith("jörg@"), "%s %r" % (line, got))
    s = SmtpServer(**{**first, "hideSMTPUTF8": True})
    line = send("smtps", s.port, {"ca_file": cert}, jorg)[0]
    check(line.startswith("refused 0") and "SMTPUTF8" in line and not s.close(), "not offered: " + line)
    s = SmtpServer()
    line = send("smtp", s.port, off, jorg)[0]
    check(line.startswith("refused 0") and "smtps" in line and not s.close(), "by smtp: " + line)


# ---- what was composed, read by others

def dns_record(folder, name, pem):
    public = os.path.join(folder, name + ".pub")
    with open(os.path.join(folder, name), "w", encoding="ascii") as f:
        f.write(pem)
    subprocess.run(["openssl", "pkey", "-in", os.path.join(folder, name), "-pubout", "-out", public], check=True)
    with open(public, encoding="ascii") as f:
        text = "".join(line for line in f.read().split("\n") if "-----" not in line)
    if name == "ed25519":  # the key itself, without its ASN.1
        import base64
        return "v=DKIM1; k=ed25519; p=" + base64.b64encode(base64.b64decode(text)[-32:]).decode()
    return "v=DKIM1; k=rsa; p=" + text


PERL = """use Mail::DKIM::Verifier; use Mail::DKIM::PublicKey; no warnings;
my %dns = @ARGV;
*Mail::DKIM::DNS::query = sub { my ($name) = @_; return (Fake->new($dns{$name})); };
package Fake; sub new { bless { t => $_[1] }, $_[0] } sub type { 'TXT' } sub txtdata { $_[0]{t} } sub char_str_list { $_[0]{t} }
package main; my $v = Mail::DKIM::Verifier->new; while (<STDIN>) { $v->PRINT($_) } $v->CLOSE;
print join(' ', map { $_->result } $v->signatures), "\\n";"""


def composed(folder):
    import dkim
    keys = [("rsa", ["openssl", "genrsa", "2048"]), ("ed25519", ["openssl", "genpkey", "-algorithm", "ed25519"])]
    pems = {name: subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                 check=True).stdout for name, command in keys}
    dns = {name + "._domainkey.acme.example": dns_record(folder, name, pem) for name, pem in pems.items()}
    setting = json.dumps([{"domain": "acme.example", "selector": n, "key": p} for n, p in pems.items()])
    saved = os.path.join(folder, "saved")
    os.mkdir(saved)
    peer = subprocess.Popen([sys.executable, PEER, "--save", saved], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    port = int(peer.stdout.readline())
    for driver in "smtp",:
        send(driver, port, {"starttls": "off", "dkim": setting}, "ada@example.net")
    peer.stdin.close()
    peer.wait(timeout=30)
    for path in sorted(glob.glob(os.path.join(saved, "*.eml"))):
        with open(path, "rb") as f:
            raw = f.read()
        judge_dkim(dkim, raw, dns)
        judge_parts(path, raw)


def judge_dkim(dkim, raw, dns):
    def lookup(name, timeout=5):
        return dns[name.decode().rstrip(".")].encode()

    def verify(mail):
        d = dkim.DKIM(mail)
        return [d.verify(idx=i, dnsfunc=lookup) for i in range(2)]
    check(verify(raw) == [True, True], "dkimpy on the mail as it came")
    check(not any(safely(verify, raw.replace(b"One-Click", b"Two-Click"))), "List-Unsubscribe-Post is not signed")
    check(not any(safely(verify, raw.replace(b"/u/0", b"/u/1"))), "List-Unsubscribe is not signed")
    check(not any(safely(verify, b"From: eve@example.org\r\n" + raw)), "a second From passes")
    check(not any(safely(verify, raw + b"more\r\n")), "more text passes")
    head, empty, body = raw.partition(b"\r\n\r\n")
    spaced = head.replace(b"\r\nX-Note:", b"\r\nx-note: \t") + empty + body.replace(b"\r\n--", b" \t\r\n--") + b"\r\n\r\n"
    check(spaced != raw and verify(spaced) == [True, True], "white space matters, in spite of relaxed")
    r = subprocess.run(["perl", "-e", PERL, *[w for pair in dns.items() for w in pair]], input=raw,
                       stdout=subprocess.PIPE, check=True)
    check(r.stdout.split()[:1] == [b"pass"], "Mail::DKIM: %r" % r.stdout)


def safely(verify, mail):
    try:
        return verify(mail)
    except Exception:  # dkimpy raises on some broken mails
        return [False]


def judge_parts(path, raw):
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    check(mail["Subject"] == "歡迎回來 🐦 welcome", "subject %r" % mail["Subject"])
    check(mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == TEXT, "text")
    files = list(mail.iter_attachments())
    check([(f.get_filename(), f.get_content()) for f in files] == [("型錄 2026 春.txt", "a file\n")],
          "attachments %r" % [(f.get_filename(), f.get_content()) for f in files])
    r = subprocess.run([os.path.join(TOP, "tests", "gmime_read"), path], stdout=subprocess.PIPE, check=True)
    got = r.stdout.decode().split("\n", 4)
    check(got[:4] == ["歡迎回來 🐦 welcome", "multipart/mixed multipart/alternative text/plain text/html text/plain",
                      "型錄 2026 春.txt", str(len(TEXT.encode()))], "GMime: %r" % got)
    check(got[4] == TEXT, "GMime's text %r" % got[4])


# ---- Postfix

MAIN = """compatibility_level = 3.6
queue_directory = {w}/queue
data_directory = {w}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
myhostname = relay.example.com
mydomain = example.com
myorigin = example.com
mydestination =
alias_maps =
virtual_mailbox_domains = example.com, acme.example
virtual_mailbox_base = {w}/mail
virtual_mailbox_maps = inline:{{ {{alice@example.com=alice/}}, {{hello@acme.example=bounce/}}, {{grey@example.com=alice/}} }}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_reject_unlisted_recipient = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_policy_service inet:127.0.0.1:{policy}, permit
smtp_dns_support_level = disabled
smtp_host_lookup = native
maillog_file = {w}/maillog
maillog_file_prefixes = {w}
message_size_limit = 1000000
notify_classes =
smtpd_tls_cert_file = {cert}
smtpd_tls_key_file = {key}
smtpd_tls_security_level = may
"""


class Policy(threading.Thread):
    """Postfix's policy protocol: greylists whoever asks for grey@ for the first time."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen = set()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def run(self):
        while True:
            connection, _ = self.socket.accept()
            threading.Thread(target=self.serve, args=(connection.makefile("rw"),), daemon=True).start()

    def serve(self, f):
        asked = {}
        for line in f:
            if line != "\n":
                name, _, value = line.rstrip("\n").partition("=")
                asked[name] = value
                continue
            to, answer = asked.get("recipient", ""), "DUNNO"
            if to.startswith("grey@") and to not in self.seen:
                self.seen.add(to)
                answer = "DEFER_IF_PERMIT 4.7.1 Greylisted, come back"
            f.write("action=%s\n\n" % answer)
            f.flush()
            asked = {}


class Postfix:
    def __init__(self, folder, policy, cert, key):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.w = os.path.join(folder, "postfix")
        self.etc = os.path.join(self.w, "etc")
        for name in "", "etc", "queue", "data", "mail":
            os.mkdir(os.path.join(self.w, name) if name else self.w)
        os.chmod(folder, 0o755)
        os.chown(os.path.join(self.w, "mail"), 65534, 65534)
        with open(os.path.join(self.etc, "main.cf"), "w", encoding="ascii") as f:
            f.write(MAIN.format(w=self.w, policy=policy, cert=cert, key=key))
        with open("/usr/share/postfix/master.cf.dist" if os.path.exists("/usr/share/postfix/master.cf.dist")
                  else "/etc/postfix/master.cf.proto", encoding="ascii") as f:
            lines = [line for line in f.read().split("\n") if line and not line.startswith("#")]
        out = ["127.0.0.1:%d inet n - n - - smtpd" % self.port]
        for line in lines:
            fields = line.split()
            if line[0].isspace():
                out.append(line)
            elif fields[1] != "inet":
                fields[4] = "n"
                out.append(" ".join(fields))
        with open(os.path.join(self.etc, "master.cf"), "w", encoding="ascii") as f:
            f.write("\n".join(out) + "\n")
        open(os.path.join(self.etc, "dynamicmaps.cf"), "w", encoding="ascii").close()
        for words in ["set-permissions", "create-missing"], ["check"], ["start"]:
            r = subprocess.run(["/usr/sbin/postfix", "-c", self.etc, *words], stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)
            if r.returncode:
                sys.exit("FAIL: postfix %s: %s" % (words, r.stdout))
        wait(self.greets, lambda: "Postfix to greet")

    def greets(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
                return b"relay.example.com" in s.recv(200)
        except OSError:
            return False

    def mailbox(self, name):
        return glob.glob(os.path.join(self.w, "mail", name, "new", "*"))

    def log(self):
        with open(os.path.join(self.w, "maillog"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def close(self):
        subprocess.run(["/usr/sbin/postfix", "-c", self.etc, "stop"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


def postfix(folder):
    if os.geteuid() != 0 or not os.path.exists("/usr/sbin/postfix"):
        skip("Postfix is not installed, or this is not root")
    cert, key = certificate(folder, "postfix")
    policy = Policy()
    policy.start()
    relay = Postfix(folder, policy.port, cert, key)
    try:
        talks = [("smtp", {"starttls": "off"}), ("smtp", {"starttls": "required", "ca_file": cert}),
                 ("smtps", {"tls": "starttls", "ca_file": cert}), ("smtps", {"tls": "off"})]
        for driver, settings in talks:
            line, = send(driver, relay.port, settings, "alice@example.com")
            check(line.startswith("accepted 250 0 ") and line.split()[3] in relay.log(), "%s: %s" % (driver, line))
        wait(lambda: len(relay.mailbox("alice")) == len(talks), relay.log)
        with open(relay.mailbox("alice")[0], "rb") as f:
            mail = email.message_from_bytes(f.read(), policy=email.policy.default)
        check(mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == TEXT, "as it was delivered")
        for driver, settings in talks[1:]:
            policy.seen.clear()
            line, = send(driver, relay.port, settings, "grey@example.com")
            check(line.startswith("deferred 450 0 ") and "Greylisted" in line, "%s, greylisted: %s" % (driver, line))
            line, = send(driver, relay.port, settings, "grey@example.com")
            check(line.startswith("accepted 250"), "%s, the second time: %s" % (driver, line))
        for n, (driver, settings) in enumerate(talks[1:], 1):
            line, = send(driver, relay.port, settings, "nobody@example.com")
            check(line.startswith("accepted 250"), "%s, to bounce: %s" % (driver, line))
            wait(lambda: len(relay.mailbox("bounce")) == n, relay.log)
        for path in relay.mailbox("bounce"):
            with open(path, "rb") as f:
                text = f.read().decode("utf-8", "replace")
            check("Original-Envelope-Id: 0123456789abcdef@acme.example" in text, "ENVID came back:\n" + text)
            check("text/rfc822-headers" in text and "very long line" not in text, "RET=HDRS:\n" + text)
            check("Original-Recipient: rfc822;nobody@example.com" in text, "ORCPT came back:\n" + text)
        line, = send("smtp", relay.port, {"starttls": "off", "dsn": "false"}, "nobody@example.com")
        wait(lambda: len(relay.mailbox("bounce")) == len(talks), relay.log)
        with open(max(relay.mailbox("bounce"), key=os.path.getmtime), encoding="utf-8", errors="replace") as f:
            check("Original-Envelope-Id" not in f.read(), "not asked for")
    finally:
        relay.close()


def main():
    with tempfile.TemporaryDirectory(prefix="godwit-smtp-") as folder:
        composed(folder)
        smtp_server(folder)
        postfix(folder)
    print("%d passed, 0 failed" % passed)


main()
