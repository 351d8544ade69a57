#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# count.sh FOLDER [LOG...]: prints "PASSED FAILED SKIPPED" of the last `make check` in a build
# folder, and on standard error what failed or was skipped. A log counts by its own
# summary lines (Check's, or "N passed, N failed[, N skipped]" with a line "skipped: why"
# for each), otherwise as one test.
set -eu
cd "$1"
shift
passed=0 failed=0 skipped=0
# shellcheck disable=SC2046 # names without white space
[ $# -gt 0 ] || set -- $(find tests -name '*.trs' | sed 's/trs$/log/' | sort)
for log; do
    trs=${log%.log}.trs
    result=$(sed -n 's/^:global-test-result: //p' "$trs")
    # shellcheck disable=SC2046 # three numbers
    set -- $(awk '
        /^[0-9]+%: Checks: / { gsub(",", ""); p += $3 - $5 - $7; f += $5 + $7 }
        /^[0-9]+ passed, [0-9]+ failed/ { p += $1; f += $3; s += $5 }
        END { print p + 0, f + 0, s + 0 }' "$log")
    case $result in
    SKIP)
        set -- "$1" "$2" $(($3 + 1))
        echo "SKIPPED: ${trs%.trs}: $(grep -v '^SKIP ' "$log" | tail -n 1)" >&2
        ;;
    PASS)
        [ "$3" = 0 ] || grep -i '^skipped' "$log" | sed "s|^|${log%.log}: |" >&2 || :
        [ $(($1 + $2 + $3)) -gt 0 ] || set -- 1 0 0
        ;;
    *)
        [ "$2" -gt 0 ] || set -- "$1" 1 "$3"
        echo "FAILED: ${trs%.trs} ($result); its log:" >&2
        tail -n 40 "$log" >&2
        ;;
    esac
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
done
echo "$passed $failed $skipped"
