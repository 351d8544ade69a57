#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `godwit import` as it is typed: exit status, messages, rejected rows, standard input, kill -9.
set -u
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
"$godwit" init "$dir/shop" >/dev/null || exit 1
sed "s|^database:.*|database: \"$url\"|; s|^timezone:.*|timezone: Asia/Taipei|" \
    "$dir/shop/godwit.yaml" >"$dir/godwit.yaml" && mv "$dir/godwit.yaml" "$dir/shop/godwit.yaml"
cd "$dir" || exit 1

import() {
    "$godwit" import -C shop "$@"
}

printf 'id,mail,land\n1,a@x.example,TW\n2,nobody,TW\n3,c@x.example,\n' >people.csv
set -- --map key=id --map email=mail --map attributes.country=land
expect 1 '^3 rows read: 2 customers imported, 1 rejected: see people.rejected.csv$' \
    import customers people.csv "$@"
expect 0 '^2: column .mail.: .nobody. has no @' \
    sh -c 'sed -n "s/^3,/2: /p" people.rejected.csv'
expect 0 'people.csv was imported whole, 3 rows, ' import customers people.csv "$@"
expect 1 '^people.csv:3: column .mail.' import customers people.csv "$@" --again
expect 0 '^1 row read: 1 customer imported$' \
    sh -c 'sed s/nobody,/b@x.example,/ people.rejected.csv >mended.csv; shift; exec "$0" "$@"' \
    "$godwit" x import -C shop customers mended.csv "$@"

expect 1 'did you mean .mail.?' import customers people.csv --map key=id --map email=mial
expect 1 'gone.csv: No such file' import customers gone.csv
expect 2 'imports customers or events, not .people.' import people people.csv
expect 2 '--trigger is for events' import customers people.csv --trigger
expect 2 'did you mean --again?' import customers people.csv --agian
expect 0 '^2 rows read: 2 events imported' \
    sh -c 'printf "customer,occurred_at\n1,2026-01-01\n1,2026-01-02\n" | exec "$@"' x \
    "$godwit" import -C shop events - --name seen

# With fault points (--enable-developer) it dies in the middle; without, it is simply through.
awk 'BEGIN { print "customer,occurred_at"; for (i = 0; i < 20000; i++) print "c" i % 99 ",2026-01-01" }' >many.csv
if GODWIT_FAULT=import.commit:3:crash "$godwit" import -C shop events many.csv --name many 2>out; then
    expect 0 '^20,000 rows read' cat out
else
    expect 0 '^goes on behind the 10,000 rows' import events many.csv --name many
fi
expect 0 'many.csv was imported whole, 20,000 rows, ' import events many.csv --name many

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
