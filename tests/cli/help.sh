#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What every command owes its user: a help page with an example, the exit codes, a
# suggestion for a misspelt name, and its place in the man page and the completion.
set -u
godwit=${top_builddir:-.}/godwit
passed=0 failed=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# expect STATUS PATTERN COMMAND...: exit status, and a line of its output
expect() {
    status=$1 pattern=$2
    shift 2
    "$@" >"$out" 2>&1 </dev/null
    got=$?
    if [ "$got" = "$status" ] && grep -q -e "$pattern" "$out"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $*: exit $got, wanted $status and a line with: $pattern"
        sed 's/^/    /' "$out"
    fi
}

commands=$("$godwit" --help | sed -n 's/^  \([a-z][a-z-]*\)  *[A-Z].*/\1/p')
expect 0 '^  version ' "$godwit" --help
expect 0 '^  version ' "$godwit" help
expect 2 '^Usage: godwit COMMAND' "$godwit"
expect 0 '^godwit [0-9]' "$godwit" --version
expect 2 'did you mean .version.?' "$godwit" verison
expect 2 'there is no command .zzzzzz.' "$godwit" zzzzzz
expect 2 'did you mean --workspace?' "$godwit" version --workspce=x
expect 2 'unknown option -Z' "$godwit" version -Z
expect 2 '.--workspace needs a value' "$godwit" version -C
expect 2 'is one argument too many' "$godwit" version too many words
expect 0 '^godwit [0-9]' "$godwit" -C /nowhere version
expect 0 '^godwit [0-9]' "$godwit" --workspace=/nowhere version
expect 1 'in /nowhere' "$godwit" -C /nowhere check
expect 2 'is one argument too many' "$godwit" -C/nowhere version word
expect 2 'there is no command .-C.' "$godwit" -C /nowhere
expect 0 '^Usage: godwit check' "$godwit" help check
expect 2 'did you mean .check.?' "$godwit" help chek
expect 0 'value.*int64Value.*3' sh -c 'echo "{\"id\":1,\"expr\":\"1+2\"}" | "$1" eval --batch 2>&-' - "$godwit"
expect 1 'standard output' sh -c '"$1" version >&-' - "$godwit"
expect 0 '^\.SH "\{0,1\}EXIT STATUS' "$godwit" --man
for command in $commands; do
    expect 0 '^Example:' "$godwit" "$command" --help
    expect 0 '^Usage: godwit' "$godwit" "$command" -h
    usage=2
    [ "$command" = inbound ] && usage=75 # what a mail server takes for "later"
    expect "$usage" 'unknown option --no-such-option' "$godwit" "$command" --no-such-option
    expect 0 "godwit $command " "$godwit" --man
    expect 0 "    $command) words=" "$godwit" --bash-completion
done
if command -v bash >/dev/null; then
    completion=$(mktemp)
    trap 'rm -f "$out" "$completion"' EXIT
    "$godwit" --bash-completion >"$completion"
    # shellcheck disable=SC2016 # for the inner shell
    expect 0 '^version$' bash -c '. "$1"; COMP_WORDS=(godwit ver) COMP_CWORD=1; _godwit; echo "${COMPREPLY[@]}"' \
        - "$completion"
fi
[ -n "$commands" ] || failed=$((failed + 1))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
