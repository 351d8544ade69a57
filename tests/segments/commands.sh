#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# segment and catalog as commands, with a database of their own.
set -u
godwit=$(cd "${top_builddir:-.}" && pwd)/godwit
top=$(cd "${top_srcdir:-.}" && pwd)
command -v psql >/dev/null || {
    echo "SKIP: psql is not installed (apt-get install postgresql)"
    exit 77
}
dir=$(mktemp -d)
trap '"$top/tests/peers/scratch_pg.sh" stop "$dir" >/dev/null 2>&1 || :; rm -rf "$dir"' EXIT
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
"$godwit" init "$dir/shop" >/dev/null
sed -i "s|^database:.*|database: \"$url\"|" "$dir/shop/godwit.yaml"
cd "$dir/shop" || exit 1
printf 'c1\nc2\n' >guests.txt
cat >segments.yaml <<'END'
tw: customer.country == "TW"
guests: { list: guests.txt }
both: in_segment("tw") && in_segment("guests")
spenders: sum("order.placed", "amount", "90d") > 50.0
odd: size(customer.first_name) % 2 == 1
best: rfm.top <= 0.2
END
expect 1 '`rfm` needs to know which event is a purchase' "$godwit" check
echo 'purchase: { event: order.placed, value: amount }' >>catalog.yaml
expect 0 'no mistakes' "$godwit" check
"$godwit" db migrate >/dev/null || exit 1
psql -qAtX "$url" -c "select from (select godwit.identify('c' || i, jsonb_build_object('country',
    case when i % 2 = 0 then 'TW' else 'HK' end, 'first_name', repeat('x', i % 5)))
    from generate_series(1, 10) i) x; insert into godwit.events (customer, name, properties)
    select 'c' || i, 'order.placed', jsonb_build_object('amount', i * 10.5) from generate_series(1, 10) i;
    select godwit.track('c1', 'order.placed', '{\"amount\": \"much\", \"odd name\": 1}');
    select godwit.track('c1', 'pageview', '{\"at\": \"2026-11-21T08:00:00Z\", \"ms\": 5.5}');" >/dev/null

expect 0 '^tw  *5$' "$godwit" segment count tw
expect 0 'answered: by the database' "$godwit" segment count tw --explain
expect 0 'evaluated: 6 customers' "$godwit" segment count spenders --explain
expect 0 'cannot decide it exactly: size(customer.first_name) % 2 == 1' "$godwit" segment count odd --explain
expect 0 '^c2' "$godwit" segment list both --format csv
expect 0 '"customer":"c2"' "$godwit" segment list both --format json
expect 0 '10 buyers, 10 changed' "$godwit" segment refresh
expect 0 '10 buyers, 0 changed' "$godwit" segment refresh
expect 0 '^best  *2$' "$godwit" segment count best
expect 0 '^spenders  *0$' "$godwit" segment count spenders --at 2020-01-01
expect 1 'did you mean `guests`' "$godwit" segment count guest
expect 2 'which segment' "$godwit" segment list

cp -r "$dir/shop" "$dir/before"
sed -i 's/"TW"/"HK"/' segments.yaml
expect 0 '^left,c10' "$godwit" segment diff tw --against ../before --format csv
expect 0 '^entered,c9' "$godwit" segment diff tw --against ../before --format csv
expect 0 '(none)' "$godwit" segment diff spenders --against ../before
expect 1 'is not tracked' "$godwit" segment diff odd
sed -i 's/^both: \(.*\)$/both: { where: '"'\\1'"', tracked: true }/' segments.yaml
expect 0 '^entered,c1' "$godwit" segment diff both --format csv
psql -qAtX "$url" -c "insert into godwit.memberships select shard, id, 'both', now() from godwit.customers where key in ('c1', 'c9')"
expect 0 '^left,c9' "$godwit" segment diff both --format csv
"$godwit" run --drain >run.log 2>&1 || cat run.log
expect 0 '(none)' "$godwit" segment diff both
printf 'c1\n\377\n' >guests.txt
expect 1 'guests.txt:2: error: this is no customer' "$godwit" check
printf 'c1\n' >guests.txt
sed -i 's/list: guests.txt/list: ..\/guests.txt/' segments.yaml
expect 1 'is not in the workspace' "$godwit" check
sed -i 's/list: ...guests.txt/list: guests.txt/' segments.yaml

expect 1 'amount  *double  *string  *1  *11' "$godwit" catalog check
expect 1 'pageview  *ms ' "$godwit" catalog check
expect 1 'File exists; write to another' "$godwit" catalog infer --out catalog.yaml
expect 0 '^      ms: double  # always' "$godwit" catalog infer
expect 0 '^      at: timestamp' "$godwit" catalog infer
expect 0 '^      # a name that cannot be declared: odd name' "$godwit" catalog infer
expect 0 '^  country: string  # always' "$godwit" catalog infer
mv catalog.yaml old.yaml
sed -i '/best/d' segments.yaml
expect 0 '' "$godwit" catalog infer --out catalog.yaml
expect 0 'no mistakes' "$godwit" check
expect 0 '(none)' "$godwit" catalog check

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
