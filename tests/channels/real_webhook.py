#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The driver webhook, judged by npm's standardwebhooks and cloudevents in a server of node's own."""
import base64
import json
import os
import subprocess
import sys

TOP = os.environ.get("top_builddir", ".")
sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "tests", "peers"))
import npm  # noqa: E402
PACKAGES = {"standardwebhooks": "1.1.1", "cloudevents": "10.0.0"}
NEW = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OLD = "whsec_" + base64.b64encode(bytes(range(24))).decode()
SERVER = """
const http = require('http');
const { Webhook } = require('standardwebhooks');
const { HTTP } = require('cloudevents');
const secrets = process.argv.slice(1);
const server = http.createServer((request, response) => {
  let body = '';
  request.on('data', (d) => { body += d; });
  request.on('end', () => {
    const said = { id: request.headers['webhook-id'], verified: [] };
    for (const s of secrets) {
      try { new Webhook(s).verify(body, request.headers); said.verified.push(true); }
      catch (e) { said.verified.push(e.message); }
    }
    if (request.headers['content-type'].startsWith('application/cloudevents')) {
      const event = HTTP.toEvent({ headers: request.headers, body });
      said.event = { valid: event.validate(), id: event.id, data: event.data };
    }
    console.log(JSON.stringify(said));
    response.end();
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit(0)).resume();
"""


def skip(why):
    print("skipped: " + why)
    sys.exit(77)


def check(condition, text):
    if not condition:
        sys.exit("FAIL: " + text)


def send(port, *settings):
    r = subprocess.run([os.path.join(TOP, "tests", "channel_send"), "webhook", "webhook", "url",
                        "http://127.0.0.1:%d/hook" % port, "allow_private", "true", *settings, "--",
                        "ada", '{"name": "Ada 你好"}'], stdout=subprocess.PIPE, text=True, timeout=60)
    check(r.stdout.startswith("accepted 200"), "sent: " + r.stdout)


def main():
    try:
        folder = npm.modules(PACKAGES)
    except npm.Missing as why:
        skip(str(why))
    node = subprocess.Popen(["node", "-e", SERVER, NEW, OLD], env=dict(os.environ, NODE_PATH=folder),
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        port = int(node.stdout.readline())
        cases = [(["secret", NEW], [True, False]),
                 (["secret", NEW, "old_secret", OLD], [True, True]),
                 (["secret", OLD], [False, True]),
                 (["secret", NEW, "format", "cloudevents"], [True, False])]
        ids = set()
        for settings, wanted in cases:
            send(port, *settings)
            said = json.loads(node.stdout.readline())
            check([v is True for v in said["verified"]] == wanted, "%r: %r" % (settings, said))
            ids.add(said["id"])
            if "format" in settings:
                check(said["event"] == {"valid": True, "id": said["id"], "data": {"name": "Ada 你好"}},
                      "as a CloudEvent: %r" % said)
        check(len(ids) == 1, "one message, one webhook-id: %r" % ids)
        print("%d passed, 0 failed" % len(cases))
    finally:
        node.stdin.close()
        node.wait(timeout=20)


main()
