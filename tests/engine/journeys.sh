#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The workspaces whose own tests show journeys, waits, dates and zones: tests/data/journeys and
# examples/. Each file of tests is also run with one expectation taken away, which must fail.
set -u
godwit=$(cd "${top_builddir:-.}" && pwd)/godwit
top=$(cd "${top_srcdir:-.}" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
passed=0 failed=0

say() { # STATUS TEXT
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAIL: %s\n' "$2"
    fi
}

for w in "$top/tests/data/journeys" "$top"/examples/*/; do
    [ -f "$w/godwit.yaml" ] || continue
    out=$("$godwit" check -C "$w" 2>&1)
    say $? "$w: $out"
    out=$("$godwit" test -C "$w" 2>&1)
    say $? "$w: $out"
    printf '%s: %s\n' "${w#"$top"/}" "$out"
    for t in "$w"/tests/*.test.yaml; do
        # the first expectation of a message
        awk '!gone && /^    - \{ campaign:/ && !/outcome:/ { gone = 1; next } { print }' "$t" >"$dir/less.test.yaml"
        "$godwit" test -C "$w" "$dir/less.test.yaml" >/dev/null 2>&1
        [ $? = 1 ]
        say $? "$t passes without its first expectation"
    done
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
