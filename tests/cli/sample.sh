#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `godwit preview --customer` and `send-test`: a real customer's profile and last event, every
# variant, through the channel to the address given, and nothing on record.
set -u
command -v psql >/dev/null || {
    echo "SKIP: psql is not installed (apt-get install postgresql-client)"
    exit 77
}
godwit=$(cd "${top_builddir:-.}" && pwd)/godwit
top=$(cd "${top_srcdir:-.}" && pwd)
dir=$(mktemp -d)
chmod 755 "$dir"
trap '"$top/tests/peers/scratch_pg.sh" stop "$dir" >/dev/null 2>&1; rm -rf "$dir"' EXIT
trap 'exit 1' INT TERM
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

url=$("$top/tests/peers/scratch_pg.sh" start "$dir") || exit 1
cp -R "$top/examples/shop" "$dir/shop" && chmod -R u+w "$dir/shop" || exit 1
cd "$dir" || exit 1
sed -i "s|^database:.*|database: \"$url\"|; s|driver: smtp|driver: maildir|; s|host: .*|path: $dir/mail|; /port:\|connections:/d" shop/godwit.yaml
"$godwit" db migrate -C shop >/dev/null || exit 1
psql -XAtq "$url" >/dev/null <<'EOF' || exit 1
select godwit.identify('mei', '{"first_name": "美玲"}', email => 'mei@x.example', locale => 'zh-TW');
select godwit.identify('new', '{}', email => 'new@x.example');
select godwit.identify('ann', '{"first_name": "Ann"}', email => 'ann@x.example');
select godwit.track('ann', 'order.placed', '{"amount": 1}');
select godwit.track('mei', 'order.placed', '{"amount": 900, "items": [{"name": "Oolong", "quantity": 2}]}',
                    now() - interval '2 days');
select godwit.track('mei', 'order.placed', '{"amount": 500, "items": [{"name": "Sencha", "quantity": 3}]}');
EOF
set -- --customer mei
expect 0 '3 x Sencha' "$godwit" preview -C shop second-purchase "$@"
expect 0 '==== second-purchase, locale zh-TW' "$godwit" preview -C shop second-purchase "$@"
expect 0 '美玲' "$godwit" preview -C shop second-purchase "$@" --locale zh-TW
expect 0 'written to' "$godwit" preview -C shop second-purchase "$@" --html page.html
expect 0 '3 x Sencha' cat page.html
expect 1 'there is no customer .nobody.' "$godwit" preview -C shop welcome --customer nobody
expect 1 'has no event .customer.signed_up.' "$godwit" preview -C shop welcome "$@"
expect 1 'did you mean .welcome.' "$godwit" preview -C shop welcom "$@"
expect 2 'not both' "$godwit" preview -C shop welcome "$@" --data x.json

expect 0 'sent to me@x.example through email' "$godwit" send-test -C shop second-purchase "$@" --to me@x.example
expect 0 '^To: .*me@x.example' sh -c 'cat mail/new/*'
"$godwit" send-test -C shop second-purchase --customer ann --to me@x.example >/dev/null
expect 0 '^Subject: \[test\] [A-Z]' sh -c 'cat mail/new/*'
expect 0 '^0$' psql -XAtq "$url" -c 'select count(*) from godwit.messages'
expect 1 'channel email: refused' "$godwit" send-test -C shop second-purchase "$@" --to nowhere
expect 2 'must be given' "$godwit" send-test -C shop second-purchase "$@"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
