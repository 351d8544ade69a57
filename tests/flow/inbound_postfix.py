# SPDX-License-Identifier: Apache-2.0
"""A real Postfix: it relays what Godwit sends, reports what came of it to the return path, and pipes
those reports into `godwit inbound`; also while the database is away."""
import glob
import os
import pwd
import re
import shutil
import subprocess
import sys
import urllib.parse

from flow import GODWIT, check, free_port, run, same, skip, wait
from inmail import responses, settings, suppressed

MAIN = """compatibility_level = 3.6
queue_directory = {W}/queue
data_directory = {W}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
shlib_directory = {libraries}
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
relay_domains = acme.example
alias_maps =
recipient_delimiter = +
smtpd_relay_restrictions = permit_mynetworks, reject
transport_maps = inline:{{ {{example.net=smtp:[127.0.0.1]:{peer}}}, {{acme.example=godwit:}} }}
smtpd_reject_unlisted_recipient = no
godwit_destination_recipient_limit = 1
smtp_dns_support_level = disabled
smtp_host_lookup = native
maillog_file = {W}/maillog
maillog_file_prefixes = {W}
notify_classes =
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
maximal_queue_lifetime = 5s
bounce_queue_lifetime = 300s
"""


def own(path, top):
    """Postfix's users may pass through the test's folders."""
    while path != os.path.dirname(top):
        os.chmod(path, os.stat(path).st_mode | 0o055)
        path = os.path.dirname(path)


class Postfix:
    def __init__(self, place, peer):
        self.folder = os.path.join(place.folder, "postfix")
        self.port = free_port()
        for name in "etc", "queue", "data":
            os.makedirs(os.path.join(self.folder, name))
        own(self.folder, os.path.dirname(place.folder))
        daemons = [d for d in ("/usr/lib/postfix/sbin", "/usr/libexec/postfix") if os.path.isdir(d)][0]
        open(self.folder + "/etc/dynamicmaps.cf", "w").close()
        with open(self.folder + "/etc/main.cf", "w") as f:
            f.write(MAIN.format(W=self.folder, daemons=daemons, libraries=os.path.dirname(daemons), peer=peer))
        self.master(place)
        self.call("set-permissions", "create-missing")
        self.call("start")
        place.keep(self)
        wait(lambda: b"220 relay.example.com" in self.banner(), "Postfix answers")

    def master(self, place):
        proto = [p for p in ("/usr/share/postfix/master.cf.dist", "/etc/postfix/master.cf.proto")
                 if os.path.exists(p)][0]
        lines = ["127.0.0.1:%d inet n - n - - smtpd" % self.port]
        with open(proto) as f:
            for line in f:
                words = line.split()
                if line[:1].isalpha() and len(words) >= 8 and words[1] in ("unix", "unix-dgram", "fifo"):
                    words[4] = "n"
                    lines.append(" ".join(words))
        # a pipe may not run as root, and the build is perhaps root's own
        shutil.copy(GODWIT, self.folder + "/godwit")
        wrapper = self.folder + "/pipe.sh"
        with open(wrapper, "w") as f:
            f.write("#!/bin/sh\nexec '%s/godwit' inbound -C '%s' --recipient \"$1\"\n"
                    % (self.folder, place.workspace))
        os.chmod(wrapper, 0o755)
        own(place.workspace, os.path.dirname(place.folder))
        lines += ["godwit unix - n n - - pipe",
                  "  flags=RX user=%s argv=%s ${original_recipient}" % (self.user(place), wrapper), ""]
        with open(self.folder + "/etc/master.cf", "w") as f:
            f.write("\n".join(lines))

    @staticmethod
    def user(place):
        """Whoever may reach the server's socket."""
        folder = urllib.parse.parse_qs(urllib.parse.urlparse(place.database.url).query)["host"][0]
        return pwd.getpwuid(os.stat(folder).st_uid).pw_name

    def banner(self):
        import socket
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2) as s:
                return s.recv(200)
        except OSError:
            return b""

    def call(self, *command):
        r = subprocess.run(["postfix", "-c", self.folder + "/etc", *command], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=120)
        check(r.returncode == 0, "postfix %s: %s%s" % (" ".join(command), r.stdout, self.log()))

    def log(self):
        if not os.path.exists(self.folder + "/maillog"):
            return "no log"
        with open(self.folder + "/maillog") as f:
            return f.read()

    def queue(self):
        r = subprocess.run(["postqueue", "-c", self.folder + "/etc", "-p"], stdout=subprocess.PIPE, text=True)
        return r.stdout

    def close(self):
        subprocess.run(["postfix", "-c", self.folder + "/etc", "stop"], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=60)


def bounces(place):
    rules = ("rcpt:c1@*=550 5.1.1 no such user", "rcpt:c2@*=552 5.2.2 mailbox full",
             "dot:c3@*=554 5.7.1 spam, says our policy", "rcpt:c4@*=452 4.2.2 full for now")
    peer = place.peer(*rules)
    place.ready(free_port())
    place.write("templates/thanks/text.liquid", "Dear {{ customer.key }}\n{{ sender.postal_address }}\n"
                "{{ unsubscribe_url }}\n")
    postfix = Postfix(place, peer.port)
    place.settings(port=postfix.port)
    settings(place)
    place.customers(6)
    place.database.sql("update godwit.customers set email = 'c5@nowhere.example' where key = 'c5'")
    place.orders(6)
    place.drain()
    same(place.statuses(), {"sent": 6}, "what the relay took")
    wanted = [["c1", "bounce", "hard"], ["c2", "bounce", "full"], ["c3", "bounce", "block"],
              ["c4", "bounce", "full"], ["c5", "bounce", "domain"]]
    try:
        wait(lambda: len(responses(place)) >= 5, "the reports")
    except Exception:
        print(postfix.log(), file=sys.stderr)
        raise
    same(sorted(responses(place)), wanted, "responses")
    same(suppressed(place), ["c1"], "suppressed")
    same(place.database.sql("select details ->> 'status' from godwit.report_responses where customer = 'c4'"),
         [["4.2.2"]], "an expired retry")
    wait(lambda: "Mail queue is empty" in postfix.queue(), "Postfix's queue is empty")

    # the database is away: Postfix keeps the report
    with open(place.workspace + "/godwit.yaml") as f:
        good = f.read()
    place.write("godwit.yaml", good.replace(place.database.url, "postgresql://nobody@127.0.0.1:1/none"))
    with subprocess.Popen(["sendmail", "-C", postfix.folder + "/etc/main.cf", "-f", "",
                           "bounces+x@acme.example"],
                          stdin=subprocess.PIPE) as p:
        p.communicate(b"From: MAILER-DAEMON@x.example\nSubject: odd\n\nNothing.\n")
    wait(lambda: re.search("relay=godwit.*status=deferred .temporary failure", postfix.log()),
         "Postfix was told to wait")
    place.write("godwit.yaml", good)
    wait(lambda: place.database.number("select count(*) from godwit.inbound where kind = 'unrecognised'") == 1,
         "it comes again")
    wait(lambda: "Mail queue is empty" in postfix.queue(), "Postfix's queue is empty again")


if __name__ == "__main__":
    if not shutil.which("postfix"):
        skip("postfix is not installed (apt-get install postfix)")
    if os.geteuid() != 0:
        skip("only root can start Postfix")
    try:
        pwd.getpwnam("postfix")
    except KeyError:
        skip("there is no user postfix")
    run(bounces, needs=())
