#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The include graph is the architecture: cli -> engine -> {rules, templates, channels}
# -> base, siblings never; pure rooms take nothing from base/io; each .c file includes
# config.h first.
set -eu
cd "${srcdir:-$(dirname "$0")/..}"
# shellcheck disable=SC2046,SC2016
find $(ls -d cli engine rules templates channels base 2>/dev/null) -name '*.[ch]' |
    sort | xargs awk '
function wrong(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    bad = 1
}
BEGIN {
    lower["cli"] = "engine rules templates channels base"
    lower["engine"] = "rules templates channels base"
    lower["rules"] = lower["templates"] = lower["channels"] = "base"
}
FNR == 1 {
    split(FILENAME, path, "/")
    room = path[1]
    is_pure = room ~ /^(rules|templates)$/ || FILENAME ~ /^engine\/decide\// ||
              (room == "base" && FILENAME !~ /^base\/io\//)
    first = FILENAME ~ /\.c$/
}
/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    name = $0
    sub(/^[^<"]*[<"]/, "", name)
    sub(/[>"].*/, "", name)
    if (first && name != "config.h")
        wrong("the first include of a .c file is config.h")
    first = 0
    if ($0 ~ /</ || name == "config.h")
        next
    if (name !~ /\//) {
        wrong("\"" name "\" is written with its folder")
        next
    }
    target = name
    sub(/\/.*/, "", target)
    if (target != room && index(" " lower[room] " ", " " target " ") == 0)
        wrong(room " must not know " target " (" name ")")
    if (is_pure && name ~ /^base\/io\//)
        wrong("a pure room takes nothing from base/io (" name ")")
}
END { exit bad }'
