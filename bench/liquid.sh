#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A 4 KiB HTML template with a loop of three items and conditionals: godwit, liquidjs and
# ruby-liquid in one run on one core, each parsed once. Their texts must be equal byte for byte.
# Rounds are interleaved; the best of each counts. Usage: bench/liquid.sh [SECONDS [ROUNDS]]
set -e
here=$(cd "$(dirname "$0")" && pwd)
seconds=${1:-2}
rounds=${2:-3}
version=10.30.1
build=${top_builddir:-.}
work=$build/bench/liquid.work
program=$build/bench/liquid/bench_liquid
mkdir -p "$work"
pin=
command -v taskset >/dev/null && pin="taskset -c 0"
[ ! -f "$build/Makefile" ] || make -s -C "$build" bench/liquid/bench_liquid
best() { # best NAME COMMAND...: one round, keeps the best number and the text
    name=$1
    shift
    if $pin "$@" "$here/liquid/template.liquid" "$here/liquid/data.json" "$seconds" \
        >"$work/$name.txt" 2>"$work/$name.now"; then
        now=$(tail -n 1 "$work/$name.now")
        old=$(cat "$work/$name.best" 2>/dev/null || echo 0)
        [ "$now" -gt "$old" ] && echo "$now" >"$work/$name.best"
    else
        cat "$work/$name.now" >&2
        exit 1
    fi
    return 0
}
rm -f "$work"/*.best
others=
if command -v npm >/dev/null && { [ -d "$work/node_modules/liquidjs" ] ||
    npm install --silent --no-audit --no-fund --prefix "$work" "liquidjs@$version" >/dev/null 2>&1; }; then
    others="liquidjs"
    cp "$here/liquid/bench_liquid.js" "$work/"
else
    echo "SKIPPED: liquidjs (needs node, npm and its registry)"
fi
if command -v ruby >/dev/null && ruby -e 'require "liquid"' 2>/dev/null; then
    others="$others ruby-liquid"
else
    echo "SKIPPED: ruby-liquid (apt-get install ruby-liquid)"
fi
i=0
while [ $i -lt "$rounds" ]; do
    best godwit "$program"
    for o in $others; do
        case $o in
        liquidjs) best liquidjs node "$work/bench_liquid.js" ;;
        ruby-liquid) best ruby-liquid ruby "$here/liquid/bench_liquid.rb" ;;
        esac
    done
    i=$((i + 1))
done
mine=$(cat "$work/godwit.best")
echo "godwit       $mine renders a second"
status=0
for o in $others; do
    n=$(cat "$work/$o.best")
    cmp "$work/godwit.txt" "$work/$o.txt" || status=1
    echo "$o $n" | awk -v m="$mine" \
        '{ printf "%-12s %d renders a second; godwit is %.1f times as fast\n", $1, $2, m / $2 }'
    [ $((mine / n)) -ge 15 ] || {
        echo "goal: at least 15 times (a build without --enable-asan?)"
        status=1
    }
done
exit $status
