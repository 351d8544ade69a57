#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# One condition, compiled once: Godwit beside npm @bufbuild/cel, same inputs, same run.
# The peer is installed into the build folder by npm. Fails below 10 times its speed.
set -eu
version=0.6.1
work=$top_builddir/bench/cel.work

make -s -C "$top_builddir" bench/cel/bench_cel
mkdir -p "$work"
cp "$top_srcdir/bench/cel/bench_cel.mjs" "$work/"
if [ ! -d "$work/node_modules/@bufbuild/cel" ]; then
    command -v npm >/dev/null || { echo "npm is not installed: no peer to compare with"; exit 1; }
    npm install --silent --no-audit --no-fund --prefix "$work" "@bufbuild/cel@$version" >/dev/null
fi

best=0
for round in 1 2 3; do
    peer=$(cd "$work" && node bench_cel.mjs 2)
    ours=$("$top_builddir/bench/cel/bench_cel" 2)
    [ "${peer#* }" = "${ours#* }" ] || { echo "the two disagree: $ours against $peer"; exit 1; }
    times=$((${ours% *} / ${peer% *}))
    echo "run $round: godwit ${ours% *}/s, @bufbuild/cel $version ${peer% *}/s: $times times"
    [ "$times" -le "$best" ] || best=$times
done
[ "$best" -ge 10 ] || { echo "goal: at least 10 times (a build without --enable-asan?)"; exit 1; }
