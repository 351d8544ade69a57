#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A scripted SMTP server for tests: it refuses, stalls, cuts and lies as told.

    smtp_peer.py [options] [--rule STAGE[:GLOB][#N]=ACTION]...

Binds a free port of 127.0.0.1, prints it as one line, and serves until its
standard input ends or it gets SIGTERM. Every message it accepts is one JSON line
in --log: {"n", "connection", "time", "from", "to", "parameters" (of MAIL and RCPT),
"message_id", "size", "reply", "user", "tls" (the protocol's version, or false)}.

STAGE   connect ehlo helo starttls auth mail rcpt data body dot rset quit
        (body: after 354, before the message was read; dot: after the final dot)
GLOB    only when it matches: the sender at mail, the recipient at rcpt and later
#N      only the first N times that it matches;  #N+  only from the Nth time on
ACTION  one or more, separated by ';', in order:
        CODE text    this reply (421 closes afterwards); `\\n` makes a second line
        cut          close without a word
        reset        close with a TCP reset
        stall        never answer
        sleep S      wait S seconds, then go on
        take         record the message as accepted, whatever the reply will be
        ok           what the server would have done without the rule
The first rule that matches wins.
"""
import argparse
import asyncio
import base64
import email.parser
import fnmatch
import json
import logging
import os
import signal
import socket
import ssl
import struct
import sys
import time


class Cut(Exception):
    pass


class Rule:
    def __init__(self, text):
        where, action = text.split("=", 1)
        self.least, self.most = 1, None
        if "#" in where:
            where, count = where.rsplit("#", 1)
            if count.endswith("+"):
                self.least = int(count[:-1])
            else:
                self.most = int(count)
        self.stage, _, self.glob = where.partition(":")
        self.actions = [a.strip() for a in action.split(";")]
        self.hits = 0

    def matches(self, stage, subject):
        if stage != self.stage or (self.glob and not fnmatch.fnmatch(subject, self.glob)):
            return False
        self.hits += 1
        return self.hits >= self.least and (self.most is None or self.hits <= self.most)


class Server:
    def __init__(self, options):
        self.options = options
        self.rules = [Rule(r) for r in options.rule]
        self.connections = 0
        self.accepted = 0
        self.log = open(options.log, "a", buffering=1) if options.log else None
        self.tls = None
        if options.tls:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(*options.tls)

    def rule(self, stage, subject):
        for rule in self.rules:
            if rule.matches(stage, subject):
                return rule.actions
        return ["ok"]

    def record(self, session, reply):
        self.accepted += 1
        if self.options.save:
            path = os.path.join(self.options.save, "%06d.eml" % self.accepted)
            with open(path, "wb") as f:
                f.write(session.body)
        if not self.log:
            return
        head = session.body.split(b"\r\n\r\n", 1)[0].decode("utf-8", "replace")
        headers = email.parser.HeaderParser().parsestr(head)
        self.log.write(json.dumps({
            "n": self.accepted, "connection": session.number, "time": time.time(),
            "from": session.sender, "to": session.recipients, "parameters": session.parameters,
            "message_id": (headers["Message-ID"] or "").strip(),
            "size": len(session.body), "reply": reply, "user": session.user,
            "tls": session.secure}) + "\n")


class Session:
    def __init__(self, server, reader, writer):
        self.server, self.reader, self.writer = server, reader, writer
        server.connections += 1
        self.number = server.connections
        secured = writer.get_extra_info("ssl_object")
        self.secure = bool(secured) and secured.version()
        self.user = None
        self.messages = 0
        self.clear()

    def clear(self):
        self.sender, self.recipients, self.body = None, [], b""
        self.parameters = ["", ""]
        self.chunks = False

    async def say(self, text):
        code, _, rest = text.partition(" ")
        lines = rest.split("\\n")
        out = "".join("%s-%s\r\n" % (code, l) for l in lines[:-1])
        self.writer.write((out + "%s %s\r\n" % (code, lines[-1])).encode())
        await self.writer.drain()
        if code == "421":
            raise Cut

    async def play(self, stage, subject, standard):
        """Runs the rule for the stage; the reply that was given, or None."""
        given = None
        taken = False
        for action in self.server.rule(stage, subject):
            word, _, rest = action.partition(" ")
            if word == "sleep":
                await asyncio.sleep(float(rest))
            elif word == "cut":
                raise Cut
            elif word == "reset":
                sock = self.writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.writer.transport.abort()
                raise Cut
            elif word == "stall":
                await asyncio.sleep(3600)
            elif word == "take":
                self.server.record(self, "taken")
                taken = True
            else:
                given = standard if word == "ok" else action
                if stage == "dot" and given.startswith("2") and not taken:
                    self.server.record(self, given)
                await self.say(given)
        return given

    async def run(self):
        if not (await self.play("connect", "", "220 peer.test ESMTP")).startswith("2"):
            raise Cut
        while True:
            line = await self.reader.readline()
            if not line.endswith(b"\n"):
                return
            verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            handler = getattr(self, "on_" + verb.lower(), None)
            if handler is None:
                await self.say("502 5.5.2 unknown command")
            elif await handler(rest) is True:
                return

    async def on_ehlo(self, rest):
        lines = ["peer.test"] + [e for e in self.server.options.extensions.split(",") if e]
        if self.server.tls and not self.secure:
            lines.append("STARTTLS")
        if self.server.options.auth and (self.secure or not self.server.options.auth_tls):
            lines.append("AUTH PLAIN LOGIN")
        if self.server.options.size:
            lines.append("SIZE %d" % self.server.options.size)
        await self.play("ehlo", rest, "250 " + "\\n".join(lines))

    async def on_helo(self, rest):
        await self.play("helo", rest, "250 peer.test")

    async def on_starttls(self, rest):
        given = await self.play("starttls", "", "220 go ahead")
        if given and given.startswith("220"):
            await self.upgrade()

    async def upgrade(self):
        loop = asyncio.get_running_loop()
        transport = self.writer.transport
        protocol = transport.get_protocol()
        new = await loop.start_tls(transport, protocol, self.server.tls, server_side=True)
        self.reader._transport = new
        self.writer._transport = new
        self.secure = new.get_extra_info("ssl_object").version()

    async def on_auth(self, rest):
        mechanism, _, initial = rest.partition(" ")
        if mechanism.upper() == "PLAIN":
            if not initial:
                await self.say("334 ")
                initial = (await self.reader.readline()).decode().strip()
            parts = base64.b64decode(initial).decode().split("\0")
            user, password = parts[1], parts[2]
        else:
            if not initial:
                await self.say("334 VXNlcm5hbWU6")
                initial = (await self.reader.readline()).decode().strip()
            user = base64.b64decode(initial).decode()
            await self.say("334 UGFzc3dvcmQ6")
            password = base64.b64decode((await self.reader.readline()).strip()).decode()
        good = "%s:%s" % (user, password) == self.server.options.auth
        given = await self.play("auth", user, "235 2.7.0 welcome" if good
                                else "535 5.7.8 bad login")
        if given and given.startswith("2"):
            self.user = user

    async def on_mail(self, rest):
        self.clear()
        limit = self.server.options.max_messages
        if limit and self.messages >= limit:
            await self.say("421 4.7.0 too many messages on this connection")
        if self.server.options.require_auth and not self.user:
            return await self.say("530 5.7.0 authentication required")
        address = rest[rest.find("<") + 1:rest.find(">")]
        size = rest.upper().partition(" SIZE=")[2].split(" ")[0]
        if self.server.options.size and size and int(size) > self.server.options.size:
            return await self.say("552 5.3.4 message too big")
        given = await self.play("mail", address, "250 2.1.0 ok")
        if given and given.startswith("2"):
            self.sender = address
            self.parameters[0] = rest[rest.find(">") + 1:].strip()

    async def on_rcpt(self, rest):
        if self.sender is None:
            return await self.say("503 5.5.1 MAIL first")
        address = rest[rest.find("<") + 1:rest.find(">")]
        given = await self.play("rcpt", address, "250 2.1.5 ok")
        if given and given.startswith("2"):
            self.recipients.append(address)
            self.parameters[1] = rest[len("TO:<") + len(address) + 1:].strip()

    def subject(self):
        return self.recipients[0] if self.recipients else ""

    async def on_data(self, _rest):
        if not self.recipients:
            return await self.say("554 5.5.1 no valid recipients")
        given = await self.play("data", self.subject(), "354 go on")
        if not (given and given.startswith("354")):
            return
        for action in self.server.rule("body", self.subject()):
            if action in ("cut", "stall"):
                if action == "stall":
                    await asyncio.sleep(3600)
                raise Cut
        lines = []
        while True:
            line = await self.reader.readline()
            if not line.endswith(b"\n"):
                raise Cut
            if line == b".\r\n":
                break
            lines.append(line[1:] if line.startswith(b".") else line)
        self.body = b"".join(lines)
        await self.finish()

    async def on_bdat(self, rest):
        words = rest.split()
        data = await self.reader.readexactly(int(words[0]))
        if not self.recipients:
            return await self.say("503 5.5.1 no valid recipients")
        self.body += data
        if len(words) < 2:
            return await self.play("data", self.subject(), "250 2.0.0 chunk taken")
        await self.finish()

    async def finish(self):
        await self.play("dot", self.subject(),
                        "250 2.0.0 Ok: queued as Q%06d" % (self.server.accepted + 1))
        self.messages += 1
        self.clear()
        limit = self.server.options.cut_after
        if limit and self.messages >= limit:
            raise Cut

    async def on_rset(self, _rest):
        self.clear()
        await self.play("rset", "", "250 2.0.0 ok")

    async def on_noop(self, _rest):
        await self.say("250 2.0.0 ok")

    async def on_quit(self, _rest):
        await self.play("quit", "", "221 2.0.0 bye")
        return True


async def serve(options):
    server = Server(options)

    async def on_connection(reader, writer):
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            await Session(server, reader, writer).run()
        except (Cut, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(on_connection, "127.0.0.1", options.port, limit=1 << 20,
                                          backlog=options.backlog,
                                          ssl=server.tls if options.tls_first else None)
    print(listener.sockets[0].getsockname()[1], flush=True)
    loop = asyncio.get_running_loop()
    end = loop.create_future()

    def stop():
        if not end.done():
            end.set_result(None)

    def on_input():
        if not os.read(0, 4096):
            loop.remove_reader(0)
            stop()

    loop.add_signal_handler(signal.SIGTERM, stop)
    if not options.detached:
        loop.add_reader(0, on_input)
    await end


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--log", help="file for one JSON line an accepted message")
    parser.add_argument("--save", help="folder for the accepted messages, as they came")
    parser.add_argument("--rule", action="append", default=[])
    parser.add_argument("--extensions", default="PIPELINING,ENHANCEDSTATUSCODES,8BITMIME",
                        help="what EHLO offers, separated by commas (CHUNKING is understood)")
    parser.add_argument("--size", type=int, help="offer SIZE and refuse what is larger")
    parser.add_argument("--auth", help="USER:PASSWORD that is accepted; offers AUTH")
    parser.add_argument("--auth-tls", action="store_true", help="offer AUTH only after STARTTLS")
    parser.add_argument("--require-auth", action="store_true", help="530 without it")
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"), help="offer STARTTLS")
    parser.add_argument("--tls-first", action="store_true", help="TLS from the first byte")
    parser.add_argument("--max-messages", type=int, help="421 to the next one on a connection")
    parser.add_argument("--cut-after", type=int, help="close after so many on a connection")
    parser.add_argument("--backlog", type=int, default=100)
    parser.add_argument("--detached", action="store_true", help="do not end with standard input")
    logging.disable(logging.CRITICAL)
    try:
        asyncio.run(serve(parser.parse_args()))
    except KeyboardInterrupt:
        pass
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
