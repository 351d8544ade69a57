# SPDX-License-Identifier: Apache-2.0
# `godwit dev` as a person uses it, with a real embedded PostgreSQL: mail is caught and
# goes nowhere else, files are read again, mistakes change nothing, it stops when told.
import glob
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

TOP = os.environ.get("top_srcdir", ".")
GODWIT = os.path.abspath(os.path.join(os.environ.get("top_builddir", "."), "godwit"))
STARTED = "Ctrl-C stops it."
FOLDER = tempfile.mkdtemp(prefix="godwit-dev-")  # one for all cases: the database stays


def copy_shop():
    """The example as it is in the tree, writable although the tree may not be."""
    for part in "campaigns", "templates":
        shutil.rmtree(os.path.join(FOLDER, part), ignore_errors=True)
    shutil.copytree(os.path.join(TOP, "examples/shop"), FOLDER, dirs_exist_ok=True,
                    copy_function=shutil.copyfile)
    os.chmod(FOLDER, 0o755)
    for folder in "campaigns", "templates", "tests":
        for path, _, _ in os.walk(os.path.join(FOLDER, folder)):
            os.chmod(path, 0o755)


class Dev:
    """The example shop as it is in the tree, and `godwit dev` in it."""

    def __init__(self, *options, settings=None):
        self.folder = FOLDER
        copy_shop()
        if settings:
            path = os.path.join(self.folder, "godwit.yaml")
            with open(path, encoding="utf-8") as f:
                text = f.read()
            with open(path, "w", encoding="utf-8") as f:
                f.write(settings(text))
        self.lines = []
        self.news = threading.Condition()
        self.process = subprocess.Popen([GODWIT, "dev", "-C", self.folder, *options], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            with self.news:
                self.lines.append(line.rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.lines.append(None)
            self.news.notify_all()

    def wait_for(self, text):
        with self.news:
            found = self.news.wait_for(
                lambda: any(line and text in line for line in self.lines) or None in self.lines, 60)
            assert found and any(line and text in line for line in self.lines), \
                f"no `{text}` in {self.lines}"

    def sql(self, text):
        url = subprocess.run([GODWIT, "db", "url", "-C", self.folder], check=True, text=True,
                             capture_output=True).stdout.strip()
        return subprocess.run(["psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-c", text, url],
                              check=True, text=True, capture_output=True).stdout.strip()

    def write(self, name, text):
        """As editors do: beside it, then renamed."""
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".tmp", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(path + ".tmp", path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def clean_up():
    copy_shop()
    subprocess.run([GODWIT, "db", "stop", "-C", FOLDER], capture_output=True, check=False)
    home = os.path.realpath(os.path.join(FOLDER, ".godwit/pg"))
    shutil.rmtree(FOLDER, ignore_errors=True)
    if "/godwit/" in home:  # root's, when the server's user may not enter the folder
        shutil.rmtree(home, ignore_errors=True)


def campaign(name, event, template="welcome"):
    return (f"campaign: {name}\ntrigger: {{ event: {event} }}\nlimits: {{ per_customer: once }}\n"
            f"steps:\n  - send: {{ channel: email, topic: news, template: {template} }}\n")


def mail_is_caught_and_goes_nowhere():
    """The workspace names a relay of its own, which must not hear anything."""
    relay = socket.create_server(("127.0.0.1", 0))
    port = relay.getsockname()[1]
    with Dev(settings=lambda t: t.replace("port: 2525", f"port: {port}")) as dev:
        dev.wait_for(STARTED)
        dev.sql("select godwit.identify('mei', '{\"first_name\": \"Mei\"}', email => 'mei@customer.example');"
                "select godwit.track('mei', 'customer.signed_up')")
        dev.wait_for("mei@customer.example")
        dev.process.send_signal(signal.SIGINT)
        assert dev.process.wait(timeout=30) == 0, dev.lines
        dev.wait_for("1 mail caught; stopped.")
        files = glob.glob(dev.folder + "/.godwit/captured/new/*")
        assert len(files) == 1, files
        with open(files[0], "rb") as f:
            text = f.read()
        assert b"\nDelivered-To: mei@customer.example\n" in text
        assert b"\nFeedback-ID: welcome:" in text
        assert any("  welcome  " in line for line in dev.lines if line), dev.lines
        relay.settimeout(0)
        try:
            relay.accept()
        except BlockingIOError:
            pass
        else:
            raise AssertionError("somebody connected to the relay of godwit.yaml")
    relay.close()


def files_are_read_again():
    with Dev() as dev:
        dev.wait_for(STARTED)
        dev.sql("select godwit.identify('ben', '{}', email => 'ben@customer.example')")
        dev.write("campaigns/welcome.yaml", "campaign: welcome\ntrigger: { event: x }\nstepz: []\n")
        dev.wait_for("campaigns/welcome.yaml:3:1: error:")
        dev.sql("select godwit.track('ben', 'customer.signed_up')")
        dev.wait_for("  welcome  ")  # the old one is in use
        os.unlink(os.path.join(dev.folder, "campaigns/welcome.yaml"))
        dev.write("templates/fresh/subject.liquid", "Something quite fresh")
        dev.write("templates/fresh/text.liquid", "x {{ unsubscribe_url }}")
        time.sleep(0.5)  # a new folder is seen before what is written into it later
        dev.write("templates/fresh/subject.liquid", "Something quite new")
        dev.write("campaigns/fresh.yaml", campaign("fresh", "box.opened", "fresh"))
        deadline = time.monotonic() + 30
        while not any(line and "Something quite new" in line for line in dev.lines):
            assert time.monotonic() < deadline, dev.lines
            dev.sql("select godwit.track('ben', 'box.opened')")
            time.sleep(0.3)
        dev.process.send_signal(signal.SIGTERM)
        assert dev.process.wait(timeout=30) == 0, dev.lines


def it_stops_by_itself():
    with Dev("--until-quiet", "1s") as dev:
        assert dev.process.wait(timeout=60) == 0, dev.lines
    with Dev("--for", "1s") as dev:
        assert dev.process.wait(timeout=60) == 0, dev.lines


def a_database_in_use_is_not_touched():
    def settings(text):
        return text.replace("database: embedded", "database: postgresql:///nowhere")
    with Dev(settings=settings) as dev:
        assert dev.process.wait(timeout=30) == 1
        dev.wait_for("--use-database")


def wrong_usage():
    for options in ["--for", "soon"], ["--until-quiet", "0s"], ["extra"]:
        with Dev(*options) as dev:
            assert dev.process.wait(timeout=30) == 2, (options, dev.lines)


CASES = [mail_is_caught_and_goes_nowhere, files_are_read_again, it_stops_by_itself,
         a_database_in_use_is_not_touched, wrong_usage]


def main():
    if not shutil.which("psql"):
        print("psql is not installed")
        return 77
    failed = 0
    for case in CASES:
        try:
            case()
            print(f"ok {case.__name__}", flush=True)
        except Exception as error:  # each case counts by itself
            failed += 1
            print(f"FAILED {case.__name__}: {error!r}", flush=True)
    clean_up()
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
