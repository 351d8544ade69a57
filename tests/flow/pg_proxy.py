# SPDX-License-Identifier: Apache-2.0
"""A proxy before PostgreSQL that cuts a connection exactly at the end of a chosen transaction.

Rule: (statement, n, when). At the n-th Bind of a prepared statement whose name begins with
`statement` the connection is cut at the Sync behind it, which is the commit:
    before   the Sync does not arrive: the transaction is undone
    after    it does, and is worked off; its answer does not come back
A rule is used once; rules of the same statement count on from the one before.
"""
import contextlib
import socket
import struct
import threading


class PgProxy:
    def __init__(self, socket_folder, *rules):
        self.target = socket_folder + "/.s.PGSQL.5432"
        self.rules = [list(r) for r in rules]
        self.cut = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def url(self, database):
        return ("postgresql://postgres@127.0.0.1:%d/%s?sslmode=disable&gssencmode=disable"
                % (self.port, database))

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(self.target)
                except OSError:
                    client.close()
                    continue
                Line(self, client, server)

    def bound(self, name):
        """The rule that a Bind of this statement sets off, or None."""
        with self.lock:
            for rule in self.rules:
                if name.startswith(rule[0]):
                    rule[1] -= 1
                    if rule[1] > 0:
                        return None
                    self.rules.remove(rule)
                    return rule
        return None

    def close(self):
        # close() alone does not wake a thread that is in accept()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


class Line:
    """One connection: a thread each way."""

    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.armed = None # the rule whose Sync is awaited
        self.mute = False # answers are worked off by the server and not passed on
        for target in self.forth, self.back:
            threading.Thread(target=target, daemon=True).start()

    def drop(self):
        for s in self.client, self.server:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            more = self.client.recv(n - len(data))
            if not more:
                raise OSError("closed")
            data += more
        return data

    def forth(self):
        with contextlib.suppress(OSError):
            size = self.exactly(4) # the start-up packet has no type
            self.server.sendall(size + self.exactly(struct.unpack("!I", size)[0] - 4))
            while True:
                head = self.exactly(5)
                body = self.exactly(struct.unpack("!I", head[1:])[0] - 4)
                if head[:1] == b"B" and not self.armed:
                    self.armed = self.proxy.bound(body.split(b"\0")[1].decode())
                if head[:1] == b"S" and self.armed:
                    self.proxy.cut.append(tuple(self.armed))
                    if self.armed[2] == "before":
                        break
                    self.mute = True
                self.server.sendall(head + body)
        self.drop()

    def back(self):
        with contextlib.suppress(OSError):
            while True:
                data = self.server.recv(65536)
                if not data:
                    break
                if self.mute:
                    if ends_with_ready(data):
                        break
                    continue
                self.client.sendall(data)
        self.drop()


def ends_with_ready(data):
    """Whether the last message is ReadyForQuery, which comes behind the commit."""
    return len(data) >= 6 and data[-6:-1] == b"Z\0\0\0\5"
