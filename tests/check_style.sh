#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a grep can see of the rules in CONTRIBUTING.md; each finding is one line.
# shellcheck disable=SC2046,SC2086,SC2016 # lists of names without white space
set -eu
cd "${srcdir:-$(dirname "$0")/..}"
findings=$(mktemp)
trap 'rm -f "$findings"' EXIT

sources() {
    find $(ls -d base rules templates channels engine cli tests bench 2>/dev/null) \
        -name '*.[ch]' ! -name sql_text.c ! -name sql_text.h ! -name starter_files.c | sort
}

# deny WHY PATTERN FILE...: no line may match the extended regular expression
deny() {
    why=$1
    pattern=$2
    shift 2
    [ $# = 0 ] || grep -nHE "$pattern" "$@" | sed "s|\$|   <- $why|" >>"$findings" || :
}

set -- $(sources)
program=$(printf '%s\n' "$@" | grep -v '^tests/' | grep -v '^bench/')

deny 'unbounded or stateful: see base/str.h' \
    '(^|[^_[:alnum:]])(strcpy|strcat|sprintf|vsprintf|strncpy|strncat|strtok|strtok_r|atoi|atol|atof|gets|alloca|scanf|sscanf|tmpnam|mktemp)[[:space:]]*\(' "$@"
deny 'a zone is a struct zone: see base/wallclock.h' 'setenv\("TZ"|(^|[^_[:alnum:]])(tzset|localtime|localtime_r|mktime)[[:space:]]*\(' "$@"
deny 'tab' "$(printf '\t')" "$@"
deny 'white space at the end' '[[:space:]]+$' "$@"
deny 'SQL takes parameters ($1), never text pasted in' \
    'printf[^"]*"[^"]*(select |insert |update |delete |SELECT |INSERT |UPDATE |DELETE )[^"]*%[.*0-9]*s' $program
deny 'only base/io/db* talks to libpq' '(^|[^_[:alnum:]])PQ[a-z][A-Za-z]+[[:space:]]*\(' \
    $(printf '%s\n' $program | grep -v '^base/io/db')
deny 'says what is left to do instead of doing it' '(^|[^[:alnum:]])(TODO|FIXME|XXX)([^[:alnum:]]|$)' $program

for file; do
    head -n 1 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' ||
        echo "$file:1: the first line names the licence (SPDX-License-Identifier: Apache-2.0)" >>"$findings"
done

# Sizes: a file up to 600 lines, a function up to 80; functions begin and end in column 1.
awk '
FNR == 1 { body = 0 }
FNR == 601 { print FILENAME ":601: longer than 600 lines; split it" }
/^[A-Za-z_].*\) *\{$/ || (/^ .*\) *\{$/ && !body && head) { body = FNR }
{ head = /^[A-Za-z_].*[(,][^;{]*$/ }
/^\}/ {
    if (body && FNR - body + 1 > 80)
        printf "%s:%d: a function of %d lines (80 at most)\n", FILENAME, body, FNR - body + 1
    body = 0
}' "$@" >>"$findings"

# A note only: a function declared in stem.h is named stem_... or after one of the header'"'"'s structs.
for header in $(printf '%s\n' $program | grep '\.h$' | grep -v '^cli/'); do
    stem=$(basename "$header" .h | sed 's/_internal$//')
    structs=$(sed -n -E 's/^(struct|enum) ([a-z_0-9]*)[ ;].*/\2/p' "$header" | sed 's/s$//' | sort -u | tr '\n' '|')
    sed -n '/^typedef/!s/^[a-z].*[ *]\([a-z_0-9][a-z_0-9]*\)(.*/\1/p' "$header" | grep -v '^__' |
        grep -v -E "^(${structs}$(echo "${stem%s}" | sed 's/_/|/g')|$stem)s?(_|\$)" |
        sed "s|^|note: $header: does not begin with the name of its file or of a struct in it: |" || :
done

if [ -s "$findings" ]; then
    cat "$findings"
    echo "$(wc -l <"$findings") findings"
    exit 1
fi
