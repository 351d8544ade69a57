#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Random conditions over random customers: PostgreSQL, with the SQL of cel_sql.c, and
# cel_eval() give the same answer for every pair; where the SQL is not exact, it may
# give too many rows but none too few. SEED, CONDITIONS and CUSTOMERS can be set.
set -eu
: "${top_srcdir:=.}" "${top_builddir:=.}" "${SEED:=20261121}" "${CONDITIONS:=250}" "${CUSTOMERS:=100}"
command -v psql >/dev/null || {
    echo "SKIP: psql is not installed (apt-get install postgresql)"
    exit 77
}
work=$(mktemp -d)
trap '"$top_srcdir/tests/peers/scratch_pg.sh" stop "$work" >/dev/null 2>&1 || :; rm -rf "$work"' EXIT
echo "SEED=$SEED"
"$top_builddir/tests/cel_sql_pairs" "$SEED" "$CONDITIONS" "$CUSTOMERS" "$work/expected" >"$work/script"
url=$("$top_srcdir/tests/peers/scratch_pg.sh" start "$work")
psql -qAtX -v ON_ERROR_STOP=1 "$url" -f "$work/script" >"$work/got" 2>"$work/errors" || {
    echo "FAIL: the SQL raised an error; SEED=$SEED"
    head -n 5 "$work/errors"
    exit 1
}
awk -F'|' -v seed="$SEED" '
NR == FNR && /^#/ { source[substr($1, 2)] = substr($0, length($1) + 2); next }
NR == FNR { exact[$1, $2] = $3; want[$1, $2] = $4; pairs++; next }
{
    got++
    if (exact[$1, $2] ? $3 != want[$1, $2] : want[$1, $2] == "true" && $3 != "true")
        if (++wrong <= 10)
            printf "FAIL: SEED=%s condition %s, customer %s: SQL %s, in process %s: %s\n", seed, $1,
                $2, $3, want[$1, $2], source[$1]
}
END {
    printf "%d pairs, %d wrong\n", pairs, wrong
    exit pairs != got || wrong > 0
}' "$work/expected" "$work/got"
