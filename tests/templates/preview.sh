#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `godwit preview`: the parts of a template with a data file, as text and as a page.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/templates/hello"
printf 'database: embedded\nsender: { name: Acme, email: hello@acme.example, postal_address: "1 Long Road" }\nchannels: { email: { driver: rehearse } }\ntopics: { news: { title: News } }\n' \
    >"$work/godwit.yaml"
printf 'Hi {{ customer.name }}' >"$work/templates/hello/subject.liquid"
printf '<p>{{ customer.name }}</p>' >"$work/templates/hello/html.liquid"
printf '嗨 {{ customer.name }}' >"$work/templates/hello/sms.zh-TW.liquid"
printf '%s' '{"customer":{"name":"A<b>"}}' >"$work/data.json"
check() { # check WANTED FILE
    grep -qF -- "$1" "$2" || {
        echo "not found: $1"
        cat "$2"
        exit 1
    }
}
./godwit preview hello -C "$work" --data "$work/data.json" >"$work/out" 2>&1 || cat "$work/out"
check 'Hi A<b>' "$work/out"
check '<p>A&lt;b&gt;</p>' "$work/out"
check '嗨 A<b>' "$work/out"
check '-- sms (1 segment: 6 UTF-16 units, UCS-2)' "$work/out"
./godwit preview hello -C "$work" --data "$work/data.json" --html "$work/page" >/dev/null
check 'srcdoc="&lt;p&gt;A&amp;lt;b&amp;gt;&lt;/p&gt;"' "$work/page"
if ./godwit preview helo -C "$work" >"$work/out" 2>&1; then
    echo "an unknown template was shown"
    exit 1
fi
check 'did you mean `hello`' "$work/out"
