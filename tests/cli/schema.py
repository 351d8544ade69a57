#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`godwit schema` against a JSON Schema validator: the files of the examples pass, broken ones do
not. Skipped (77) where python3-jsonschema or python3-yaml is not installed."""
import glob
import json
import os
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing} (apt-get install python3-jsonschema python3-yaml)")
    sys.exit(77)

top = os.environ.get("top_srcdir", ".")
godwit = os.environ.get("GODWIT") or os.path.join(os.environ.get("top_builddir", "."), "godwit")


class Loader(yaml.SafeLoader):
    """YAML 1.2, as in Godwit and in editors: dates stay text, and so do on, off, yes and no."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, exp) for tag, exp in found
            if tag != "tag:yaml.org,2002:timestamp"
            and not (tag == "tag:yaml.org,2002:bool" and first in "yYnNoO")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

schemas = json.loads(subprocess.check_output([godwit, "schema"]))
validators = {}
for name, schema in schemas.items():
    jsonschema.Draft202012Validator.check_schema(schema)
    validators[name] = jsonschema.Draft202012Validator(schema)

failures = 0


def check(name, data, good, what):
    global failures
    errors = [e.message for e in validators[name].iter_errors(data)]
    if bool(errors) == good:
        failures += 1
        print(f"{what}: wanted {'no errors' if good else 'errors'}, got {errors}")


for shop in ("examples/shop", "cli/starter", "tests/data/decide", "tests/data/campaigns/journeys",
             "tests/data/care", "examples/lifecycle"):
    files = [("godwit", "godwit.yaml"), ("catalog", "catalog.yaml"), ("segments", "segments.yaml"),
             ("campaign", "campaigns/*.yaml"), ("test", "tests/*.test.yaml")]
    for name, pattern in files:
        for path in glob.glob(os.path.join(top, shop, pattern)):
            with open(path, encoding="utf-8") as f:
                check(name, yaml.load(f, Loader), True, path)

CAMPAIGN = """
campaign: a
trigger: { event: x }
steps: [ { send: { channel: email, topic: news, template: t } } ]
"""
check("campaign", yaml.load(CAMPAIGN, Loader), True, "campaign")


def changed(text, good):
    data = {**yaml.load(CAMPAIGN, Loader), **yaml.load(text, Loader)}
    check("campaign", data, good, text)


for broken in ("trigerr: 1", "trigger: x", "steps: []", "steps: send", "holdout: 10",
               "limits: { per_customer: sometimes }", "max_age: a week", "priority: high",
               "steps: [ { send: { channel: email } } ]", "goal: { event: x, within: 14 days }"):
    changed(broken, False)

# what starts a campaign
for good in ("absence: x, for: 60d, backlog: spread over 7d, never: true", "attribute: plan",
             "attribute: plan, from: null, to: 3", "segment: vip, on: entered",
             "date: birthday, every: year, before: 30d, at: '09:00'",
             "date: renews_on, event: subscription.renewed, after: 2d", "schedule: 0 9 * * mon",
             "at: 2026-12-01 10:00", "once: true"):
    changed(f"trigger: {{ {good} }}", True)
for broken in ("", "absence: x", "absence: x, event: y, for: 1d", "absence: x, for: soon",
               "segment: vip", "segment: vip, on: exit", "date: b, every: month", "date: b, before: 12h",
               "once: false", "event: x, once: true", "event: x, backlog: some"):
    changed(f"trigger: {{ {broken} }}", False)

# what stands beside the steps
for good in ("exit: customer.gone", "exit: { event: x, where: event.a > 1 }",
             "exit: [ customer.gone, { event: x } ]", "reentry: always", "reentry: every 90d",
             "migrate: move", "past_due: skip", "past_due: spread over 2h", "quiet_hours: off",
             "caps: off", "send_window: { from: '09:00', to: '18:00', days: [mon, Tuesday] }",
             "goal: { event: x, within: 1d, ends: false }"):
    changed(good, True)
for broken in ("exit: []", "exit: { where: x }", "reentry: sometimes", "migrate: jump",
               "past_due: later", "quiet_hours: on", "send_window: { from: '09:00' }",
               "send_window: { from: 9am, to: '18:00' }",
               "send_window: { from: '09:00', to: '18:00', days: [] }"):
    changed(broken, False)

# steps, and steps in steps
WAIT = "[ { wait: 1d } ]"
for good in ("wait: 1d12h", "id: x, when: customer.y, wait: { until: '2026-12-24 10:00' }",
             "wait: { time: '09:00', days: [mon] }",
             f"wait: {{ event: x, where: event.a, timeout: 7d, on_timeout: {WAIT} }}",
             f"branch: [ {{ when: x, steps: {WAIT} }}, {{ else: {WAIT} }} ]",
             f"split: {{ id: a, variants: {{ b: {{ share: 50.5%, steps: [] }}, c: {{ share: 49.5%, "
             f"steps: {WAIT} }} }} }}", "update: { tier: gold, score: { cel: customer.score + 1 } }",
             "emit: { event: x, properties: { a: 1, b: { cel: now } } }", "stop: true",
             "stop: nobody came",
             "send: { channel: e, topic: n, template: t, else: { channel: s, template: u } }",
             f"branch: [ {{ else: [ {{ branch: [ {{ else: {WAIT} }} ] }} ] }} ]"):
    changed(f"steps: [ {{ {good} }} ]", True)
for broken in ("", "id: x", "wait: soon", "wait: 1d, stop: true", "wait: { event: x }", "wait: {}",
               "wait: { until: a, time: '09:00' }", "branch: []", "branch: [ { when: x } ]",
               f"branch: [ {{ when: x, steps: {WAIT}, else: {WAIT} }} ]",
               f"split: {{ variants: {{ a: {{ steps: {WAIT} }} }} }}",
               "split: { variants: { a: { share: 50, steps: [] } } }", "split: { id: a }",
               "update: {}", "emit: {}", "stop: false", "stop: ''", "webhook: x",
               "branch: [ { else: [ { branch: [ { else: [ { wait: soon } ] } ] } ] } ]"):
    changed(f"steps: [ {{ {broken} }} ]", False)

SETTINGS = """
database: embedded
sender: { name: a, email: a@b.example }
channels: { email: { driver: smtp } }
"""
for care, good in (("quiet_hours: { from: '21:00', to: '09:00' }", True), ("quiet_hours: off", False),
                   ("quiet_hours: { from: '21:00' }", False),
                   ("caps: [ { most: 3, per: 7d }, { most: 1, per: day, channel: email, topic: n, "
                    "transactional: true } ]", True), ("caps: { most: 3, per: 7d }", False),
                   ("caps: [ { most: 0, per: 7d } ]", False), ("caps: [ { most: 1, per: year } ]", False),
                   ("caps: [ { most: 1 } ]", False)):
    check("godwit", {**yaml.load(SETTINGS, Loader), **yaml.load(care, Loader)}, good, care)

# what the schema says of `in_flight`, `godwit check` says as well
with tempfile.TemporaryDirectory(prefix="godwit-schema-") as folder:
    for value, good in ((1, True), (1024, True), (0, False), (1025, False), (-1, False), ("many", False)):
        text = SETTINGS.replace("driver: smtp", f"driver: smtp, host: localhost, in_flight: {value}")
        check("godwit", yaml.load(text, Loader), good, f"in_flight: {value}")
        with open(os.path.join(folder, "godwit.yaml"), "w", encoding="utf-8") as f:
            f.write(text)
        said = subprocess.run([godwit, "check", "-C", folder], capture_output=True, text=True)
        if ("`in_flight` is a number from 1 to 1024" not in said.stdout + said.stderr) != good:
            failures += 1
            print(f"godwit check of in_flight: {value}: {said.stdout}{said.stderr}")

for name, broken in (("godwit", "database: embedded"), ("catalog", "attributes: { a: strng }"),
                     ("catalog", "events: { a: { properties: 1 } }"), ("segments", "a: { when: b }"),
                     ("segments", "a: []"), ("test", "- { test: x }")):
    check(name, yaml.load(broken, Loader), False, broken)

print(f"{failures} failures")
sys.exit(1 if failures else 0)
