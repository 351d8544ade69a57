#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `database: embedded` with the real program: start, use, kill -9 of both sides, two at
# once, awkward folders, refusals. As root also: servers run by other users.
set -u
godwit=${GODWIT:-$(cd "${top_builddir:-.}" && pwd)/godwit}
work=$(mktemp -d)
chmod 755 "$work"
checks=0
failed=0

clean_up() {
    find "$work" /root/godwit-check.$$ -maxdepth 6 -name .godwit 2>/dev/null | while read -r dir; do
        "$godwit" db stop -C "$(dirname "$dir")" >/dev/null 2>&1
        case $(readlink "$dir/pg") in
        /var/lib/godwit/?*) rm -rf "$(readlink "$dir/pg")" ;;
        esac
        case $(readlink "$dir/socket") in
        /tmp/godwit-?*) rm -rf "$(readlink "$dir/socket")" ;;
        esac
    done
    rm -rf "$work" /root/godwit-check.$$
}
trap clean_up EXIT
trap 'exit 1' INT TERM

check() { # WHAT COMMAND...
    what=$1
    shift
    checks=$((checks + 1))
    "$@" >"$work/out" 2>&1 && return
    failed=$((failed + 1))
    echo "FAILED: $what: $*"
    cat "$work/out"
}

says() { # TEXT COMMAND...: fails, and the message holds the text
    text=$1
    shift
    "$@" >"$work/said" 2>&1 && return 1
    grep -qF -- "$text" "$work/said" && return
    cat "$work/said"
    return 1
}

workspace() { # DIR
    mkdir -p "$1"
    echo 'database: embedded' >"$1/godwit.yaml"
}

query() { # DIR SQL WANTED
    got=$(psql -XAtq "$("$godwit" db url -C "$1")" -c "$2" 2>&1)
    [ "$got" = "$3" ] || {
        echo "got $got, wanted $3"
        return 1
    }
}

server_pid() {
    head -n 1 "$1/.godwit/pg/data/postmaster.pid"
}

running() {
    kill -0 "$(server_pid "$1" 2>/dev/null || echo 999999999)" 2>/dev/null
}

stopped() {
    ! running "$1"
}

command -v psql >/dev/null || {
    echo "psql is not installed (apt-get install postgresql-client)"
    exit 77
}

# initdb without its fsync of a thousand files: that is most of its time
real=${PG_BINDIR:-$(pg_config --bindir 2>/dev/null)}
[ -x "$real/initdb" ] || real=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
mkdir "$work/bin"
for name in postgres pg_ctl; do
    ln -s "$real/$name" "$work/bin/$name"
done
printf '#!/bin/sh\nexec "%s/initdb" --no-sync "$@"\n' "$real" >"$work/bin/initdb"
chmod 755 "$work/bin" "$work/bin/initdb"
export PG_BINDIR="$work/bin"

# ---- the plain life of a cluster
a=$work/a
workspace "$a"
check "asking for the URL makes and starts it" query "$a" 'select 1' 1
check "start" "$godwit" db start -C "$a"
check "start again" "$godwit" db start -C "$a"
check "psql takes the URL" query "$a" 'select 1' 1
check "checksums, UTF-8, durable" query "$a" \
    "select current_setting('data_checksums') || current_setting('server_encoding') || current_setting('fsync') || current_setting('listen_addresses')" onUTF8on
check "migrate" "$godwit" db migrate -C "$a"
check "a row" query "$a" 'create table kept (x int); insert into kept values (7); select x from kept' 7

# ---- kill -9 of the server, with a process number that a stranger has now
kill -9 "$(server_pid "$a")"
check "start after kill -9" "$godwit" db start -C "$a"
check "nothing lost" query "$a" 'select x from kept' 7
"$godwit" db stop -C "$a" >/dev/null
check "stop" stopped "$a"
sleep 60 &
stranger=$!
printf '%s\n%s\n1\n5432\n%s\n\n  1 1\n' "$stranger" "$a/.godwit/pg/data" "$a/.godwit/pg" \
    >"$a/.godwit/pg/data/postmaster.pid"
check "start over a stale postmaster.pid" "$godwit" db start -C "$a"
check "nothing lost" query "$a" 'select x from kept' 7
kill "$stranger"
check "stop" "$godwit" db stop -C "$a"
check "stopped" stopped "$a"
check "a second stop is fine" "$godwit" db stop -C "$a"
check "a command starts it" "$godwit" db migrate -C "$a"
check "and stops it" stopped "$a"

# ---- many at once on a fresh workspace: one makes it, all are served, the last one stops it
b=$work/b
workspace "$b"
pids=
for i in 1 2 3 4; do
    "$godwit" db migrate -C "$b" >"$work/at_once.$i" 2>&1 &
    pids="$pids $!"
done
good=0
for pid in $pids; do
    wait "$pid" && good=$((good + 1))
done
check "four at once" test "$good" = 4
check "one of them migrated" test "$(grep -l applied "$work"/at_once.* | wc -l)" = 1
check "and nobody left it running" stopped "$b"
check "a kill in the middle of making it" sh -c '
    rm -rf "$2/.godwit/pg"; "$1" db start -C "$2" & sleep 0.3; kill -9 $!; wait $! 2>/dev/null
    "$1" db start -C "$2" && "$1" db stop -C "$2"' sh "$godwit" "$b"

# ---- an awkward folder
dir="$work/it's \"quoted\", 優惠 50%41 \$(x)"
workspace "$dir"
check "start in an awkward folder" "$godwit" db start -C "$dir"
check "psql in an awkward folder" query "$dir" 'select 2' 2
check "stop in an awkward folder" "$godwit" db stop -C "$dir"

# ---- refusals
c=$work/c
workspace "$c"
check "no programs" says 'no PostgreSQL server programs found' \
    env PG_BINDIR=/nonexistent "$godwit" db start -C "$c"
mkdir "$work/old"
for name in initdb postgres; do
    printf '#!/bin/sh\necho "postgres (PostgreSQL) 13.9"\n' >"$work/old/$name"
    chmod 755 "$work/old/$name"
done
check "too old" says 'needs 15 or newer' env PG_BINDIR="$work/old" "$godwit" db start -C "$c"
check "other version" says 'was made by PostgreSQL' \
    env PG_BINDIR="$work/old" "$godwit" db start -C "$a"
printf '#!/bin/sh\necho "initdb: error: could not write: No space left on device"; exit 1\n' >"$work/old/initdb"
printf '#!/bin/sh\necho "postgres (PostgreSQL) 15.1"\n' >"$work/old/postgres"
check "disk full" says 'free space on this disk' env PG_BINDIR="$work/old" "$godwit" db start -C "$c"
check "no workspace" says 'No such file' "$godwit" db start -C "$work/nowhere"
echo 'database: postgresql:///x?host=/nonexistent' >"$c/godwit.yaml"
check "not ours" says 'does not run' "$godwit" db start -C "$c"
check "not there" says 'is the PostgreSQL server running' "$godwit" db migrate -C "$c"
chmod 755 "$a/.godwit/pg"
check "open to others" says 'chmod 700' "$godwit" db start -C "$a"
chmod 700 "$a/.godwit/pg"

# ---- other users
if [ "$(id -u)" = 0 ] && id nobody >/dev/null 2>&1; then
    as_nobody() {
        setpriv --reuid nobody --regid "$(id -g nobody)" --clear-groups "$@"
    }
    check "the program is reachable" as_nobody test -x "$godwit"
    n=$work/$(printf 'long%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26)
    workspace "$n" # too long for a socket
    chown -R nobody "$n"
    check "as nobody" as_nobody "$godwit" db start -C "$n"
    check "runs as nobody" sh -c 'test "$(ps -o user= -p "$1")" = nobody' sh "$(server_pid "$n")"
    check "root may use it" query "$n" 'select 3' 3
    check "root may stop it" "$godwit" db stop -C "$n"
    rm -rf "$(readlink "$n/.godwit/socket")" "$n/.godwit"
    check "root makes it for the owner" "$godwit" db start -C "$n"
    check "and nobody stops it" as_nobody "$godwit" db stop -C "$n"
    mkdir "$work/closed"
    echo 'database: embedded' >"$work/closed/godwit.yaml"
    check "not writable" says 'be writable' as_nobody "$godwit" db start -C "$work/closed"
    check "somebody else's" says 'run godwit as that user or as root' as_nobody "$godwit" db start -C "$a"

    # the server's user may not enter the workspace
    r=/root/godwit-check.$$
    workspace "$r"
    chmod 700 "$r"
    check "start in a closed workspace" "$godwit" db start -C "$r"
    check "a link leads to it" test -d "$(readlink "$r/.godwit/pg")/data"
    check "psql as root" query "$r" 'select 4' 4
    check "stop" "$godwit" db stop -C "$r"
fi

echo "$((checks - failed)) passed, $failed failed"
[ "$failed" = 0 ]
