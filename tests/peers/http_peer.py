#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A scripted HTTP server for tests: it answers, refuses, stalls, cuts off and lies as told.

Prints its port and ends with its standard input. Each --rule is a JSON object; the first that
matches a request says what comes:

  on       glob over "METHOD PATH BODY", all by default
  first, last  which of the requests that match (from 1)
  status, headers, body   the answer, 200 and empty by default; $N in body is the request's number
  delay    seconds before it
  stall    read the request and never answer
  cut      "request": hang up when the request was read; "body": in the middle of the answer;
           "head": when the request's first line was read
  big      a body of so many bytes
  close    hang up after the answer

--log FILE gets a JSON line for each request that was read in full.
"""
import argparse
import asyncio
import fnmatch
import json
import sys
import time


class Rule:
    def __init__(self, text):
        self.table = json.loads(text)
        self.hits = 0

    def get(self, key, default=None):
        return self.table.get(key, default)

    def matches(self, subject):
        if not fnmatch.fnmatchcase(subject, self.get("on", "*")):
            return False
        self.hits += 1
        return self.get("first", 1) <= self.hits <= self.get("last", 1 << 60)


class Server:
    def __init__(self, options):
        self.rules = [Rule(r) for r in options.rule]
        self.log = open(options.log, "a", buffering=1) if options.log else None
        self.requests = self.connections = 0

    def rule(self, subject):
        for rule in self.rules:
            if rule.matches(subject):
                return rule
        return Rule("{}")

    async def on_connect(self, reader, writer):
        self.connections += 1
        number = self.connections
        try:
            while await self.one(reader, writer, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def one(self, reader, writer, connection):
        line = (await reader.readline()).decode()
        if not line:
            return False
        method, path, _ = line.split(" ", 2)
        if any(r.get("cut") == "head" and r.matches("%s %s " % (method, path)) for r in self.rules):
            return False
        headers = {}
        while True:
            line = (await reader.readline()).decode().rstrip("\r\n")
            if not line:
                break
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests += 1
        if self.log:
            self.log.write(json.dumps({
                "n": self.requests, "connection": connection, "time": time.time(),
                "method": method, "path": path, "headers": headers,
                "body": body.decode("utf-8", "replace")}) + "\n")
        rule = self.rule("%s %s %s" % (method, path, body.decode("utf-8", "replace")))
        return await self.answer(writer, rule)

    async def answer(self, writer, rule):
        await asyncio.sleep(rule.get("delay", 0))
        if rule.get("stall"):
            await asyncio.sleep(3600)
        if rule.get("cut") == "request":
            return False
        text = rule.get("body", "").replace("$N", str(self.requests))
        body = text.encode() or b"x" * rule.get("big", 0)
        head = "HTTP/1.1 %d Said\r\nContent-Length: %d\r\n" % (rule.get("status", 200), len(body))
        for name, value in rule.get("headers", {}).items():
            head += "%s: %s\r\n" % (name, value)
        if rule.get("cut") == "body":
            body = body[:len(body) // 2]
        writer.write((head + "\r\n").encode() + body)
        await writer.drain()
        return not rule.get("close") and not rule.get("cut")


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rule", action="append", default=[])
    parser.add_argument("--log")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    server = Server(options)
    listener = await asyncio.start_server(server.on_connect, "127.0.0.1", options.port)
    print(listener.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
