#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A newcomer's first minutes: init, check, test; and what they say when something is wrong.
set -u
godwit=$(cd "${top_builddir:-.}" && pwd)/godwit
top=$(cd "${top_srcdir:-.}" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

# expect STATUS TEXT COMMAND...: the status, and TEXT (a basic regular expression) in the output
expect() {
    status=$1 text=$2
    shift 2
    out=$("$@" 2>&1)
    got=$?
    if [ "$got" = "$status" ] && printf '%s\n' "$out" | grep -q -e "$text"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL: %s\nwanted %s and "%s", got %s and\n%s\n' "$*" "$status" "$text" "$got" "$out"
    fi
}

expect 0 'A workspace is in' "$godwit" init "$dir/shop"
expect 1 'not empty' "$godwit" init "$dir/shop"
expect 0 '^1 campaign, 1 segment, 1 template: no mistakes$' "$godwit" check -C "$dir/shop"
expect 0 '^2 tests, 0 failed$' "$godwit" test -C "$dir/shop"
mkdir "$dir/git" && mkdir "$dir/git/.git"
expect 0 'A workspace is in' "$godwit" init "$dir/git"
touch "$dir/file"
expect 1 'cannot be used' "$godwit" init "$dir/file"
expect 1 'cannot be used: Not a directory' "$godwit" init "$dir/file/below"
expect 2 'argument is missing' "$godwit" init

expect 0 '^4 tests, 0 failed$' "$godwit" test -C "$top/examples/shop"
expect 0 '^9 tests, 0 failed$' "$godwit" test -C "$top/tests/data/care"
expect 0 'no mistakes$' "$godwit" check -C "$top/examples/shop"
expect 1 'no workspace' "$godwit" check -C "$dir"
expect 2 'text or json' "$godwit" check -C "$dir/shop" --format xml
expect 0 'catalog.yaml: note: there is none' "$godwit" check -C "$top/tests/data/decide"
expect 0 '"ok": true' "$godwit" check -C "$dir/shop" --format json
expect 0 '"\$schema"' "$godwit" schema campaign
expect 2 'did you mean `campaign`' "$godwit" schema campain

# shellcheck disable=SC2016 # the backquotes are part of the text
sed -i 's/customer.signed_up/customer.signedup/' "$dir/shop/campaigns/welcome.yaml"
expect 1 'campaigns/welcome.yaml:3:19: error: the catalog has no event' "$godwit" check -C "$dir/shop"
expect 1 'did you mean `customer.signed_up`' "$godwit" check -C "$dir/shop"
expect 1 '"line": 3' "$godwit" check -C "$dir/shop" --format json
expect 1 'nothing was tested' "$godwit" test -C "$dir/shop"
sed -i 's/customer.signedup/customer.signed_up/; s/once/2 per 30d/' "$dir/shop/campaigns/welcome.yaml"
expect 1 'welcome.test.yaml:7:7: error: .* which is not expected' "$godwit" test -C "$dir/shop"
expect 1 '^2 tests, 1 failed$' "$godwit" test -C "$dir/shop"

# what became of a message can be the condition of the next one of its campaign
mkdir "$dir/again" && cp -r "$dir/shop/." "$dir/again"
rm "$dir/again/tests/"*
printf '%s\n' 'campaign: again' 'trigger: { event: order.placed }' \
    'audience: count("order.placed", "all") == 1 || responded("click")' \
    'steps: [{ send: { channel: email, topic: news, template: welcome } }]' \
    >"$dir/again/campaigns/again.yaml"
story() { # RESPONSE WANTED, in a test whose second order is at 12:00
    printf '%s\n' '- test: only who clicked' \
        '  customer: { key: mei, email: mei@example.com, attributes: { first_name: Mei } }' \
        '  events:' \
        '    - { at: 2026-03-01T10:00:00Z, event: order.placed }' \
        "    - { $1 }" \
        '    - { at: 2026-03-01T12:00:00Z, event: order.placed }' \
        '  expect:' \
        '    - { campaign: again, at: 2026-03-01T10:00:00Z }' \
        ${2:+"    - { campaign: again, at: 2026-03-01T12:00:00Z }"} >"$dir/again/tests/a.test.yaml"
}
story 'at: 2026-03-01T11:00:00Z, respond: click, campaign: again' sends
expect 0 '^1 test, 0 failed$' "$godwit" test -C "$dir/again"
story 'at: 2026-03-01T11:00:00Z, respond: open, campaign: again'
expect 0 '^1 test, 0 failed$' "$godwit" test -C "$dir/again"
# and it is an event like others, which campaigns can start with
printf '%s\n' 'campaign: follow' 'trigger: { event: message.clicked }' \
    'audience: event.campaign == "again" && event.url == "https://acme.example/"' \
    'steps: [{ send: { channel: email, topic: news, template: welcome } }]' \
    >"$dir/again/campaigns/follow.yaml"
story 'at: 2026-03-01T11:00:00Z, respond: click, campaign: again, properties: { url: "https://acme.example/" }' sends
expect 1 'follow. sends .welcome. at 2026-03-01T11:00:00Z, which is not expected' "$godwit" test -C "$dir/again"
printf '    - { campaign: follow, at: 2026-03-01T11:00:00Z }\n' >>"$dir/again/tests/a.test.yaml"
expect 0 '^1 test, 0 failed$' "$godwit" test -C "$dir/again"
story 'at: 2026-03-01T11:00:00Z, respond: click, campaign: welcome'
expect 1 'welcome. has sent nothing by then' "$godwit" test -C "$dir/again"
story 'at: 2026-03-01T11:00:00Z, respond: clik, campaign: again'
expect 1 'did you mean `click`' "$godwit" test -C "$dir/again"
story 'at: 2026-03-01T11:00:00Z, respond: click'
expect 1 'needs `campaign`' "$godwit" test -C "$dir/again"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
