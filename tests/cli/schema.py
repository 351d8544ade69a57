#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`godwit schema` against a JSON Schema validator: the files of the examples pass, broken ones do
not. Skipped (77) where python3-jsonschema or python3-yaml is not installed."""
import glob
import json
import os
import subprocess
import sys

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing} (apt-get install python3-jsonschema python3-yaml)")
    sys.exit(77)

top = os.environ.get("top_srcdir", ".")
godwit = os.environ.get("GODWIT") or os.path.join(os.environ.get("top_builddir", "."), "godwit")


class Loader(yaml.SafeLoader):
    """Dates stay text, as in Godwit."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, exp) for tag, exp in found if tag != "tag:yaml.org,2002:timestamp"]
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


for shop in ("examples/shop", "cli/starter", "tests/data/decide"):
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
for broken in ("trigerr: 1", "trigger: x", "steps: []", "steps: send", "holdout: 10",
               "limits: { per_customer: sometimes }", "max_age: a week", "priority: high",
               "steps: [ { send: { channel: email } } ]", "goal: { event: x, within: 14 days }"):
    data = {**yaml.load(CAMPAIGN, Loader), **yaml.load(broken, Loader)}
    check("campaign", data, False, broken)
for name, broken in (("godwit", "database: embedded"), ("catalog", "attributes: { a: strng }"),
                     ("catalog", "events: { a: { properties: 1 } }"), ("segments", "a: { when: b }"),
                     ("segments", "a: []"), ("test", "- { test: x }")):
    check(name, yaml.load(broken, Loader), False, broken)

print(f"{failures} failures")
sys.exit(1 if failures else 0)
