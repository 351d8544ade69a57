#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A PostgreSQL of its own for a test: a fresh cluster on a Unix socket in a private
# temporary folder. Works as root (the server then runs as `postgres` or `nobody`)
# and as anybody else. DIR is a folder of the test's; it holds only a link.
#
#   scratch_pg.sh start DIR [-c name=value ...]   makes and starts it, prints its URL
#   scratch_pg.sh url DIR
#   scratch_pg.sh immediate DIR                   stops it as a crash would
#   scratch_pg.sh kill DIR                        SIGKILL to the whole server
#   scratch_pg.sh restart DIR                     starts it again (stops it first if it runs)
#   scratch_pg.sh stop DIR                        stops it and removes its data
#
# fsync is off unless `-c fsync=on` is given. The user `locked` needs a password
# ("secret"), all others none. A server that was forgotten ends by itself after
# SCRATCH_PG_SECONDS (900). Set PG_BINDIR to choose the version.
set -eu

die() {
    echo "scratch_pg.sh: $*" >&2
    exit 1
}

find_bindir() {
    if [ -n "${PG_BINDIR:-}" ]; then
        echo "$PG_BINDIR"
        return
    fi
    for dir in $(ls -d /usr/lib/postgresql/*/bin /usr/pgsql-*/bin 2>/dev/null | sort -t/ -k5 -rV) \
        "$(pg_config --bindir 2>/dev/null || :)"; do
        if [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ]; then
            echo "$dir"
            return
        fi
    done
    die "no PostgreSQL server programs; on Debian: apt-get install postgresql"
}

# Runs a command as the user that the server runs as, in a folder it may be in.
as_server() (
    cd /
    if [ "$(id -u)" -ne 0 ]; then
        exec "$@"
    fi
    user=nobody
    if id postgres >/dev/null 2>&1; then
        user=postgres
    fi
    exec setpriv --reuid "$user" --regid "$(id -g "$user")" --clear-groups "$@"
)

home() {
    [ -L "$1/pg" ] || die "there is no scratch server in $1"
    readlink "$1/pg"
}

print_url() {
    echo "postgresql://postgres@/postgres?host=$(echo "$1" | sed 's|/|%2F|g')"
}

launch() { # HOME
    (
        exec >>"$1/log" 2>&1 </dev/null # the caller's standard output must not stay open
        # shellcheck disable=SC2046
        as_server setsid timeout -s INT -k 10 "${SCRATCH_PG_SECONDS:-900}" \
            "$bindir/postgres" -D "$1/data" -k "$1" $(cat "$1/options")
    ) &
    tries=0
    until as_server "$bindir/pg_isready" -q -h "$1" -t 1; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ]; then
            cat "$1/log" >&2
            die "the server did not start within 30 s"
        fi
        sleep 0.1
    done
}

halt() { # HOME MODE
    as_server "$bindir/pg_ctl" -D "$1/data" -m "$2" -w -s stop >/dev/null 2>&1 || :
}

[ $# -ge 2 ] || die "usage: scratch_pg.sh start|url|immediate|kill|restart|stop DIR"
command=$1
dir=$2
shift 2
bindir=$(find_bindir)

case $command in
start)
    mkdir -p "$dir"
    if [ -L "$dir/pg" ]; then
        die "$dir has a scratch server already"
    fi
    home=$(as_server mktemp -d "${TMPDIR:-/tmp}/godwit-pg.XXXXXX")
    ln -s "$home" "$dir/pg"
    as_server "$bindir/initdb" -D "$home/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
        --no-sync --no-instructions >"$dir/initdb.log" 2>&1 || {
        cat "$dir/initdb.log" >&2
        die "initdb failed"
    }
    rm -f "$dir/initdb.log"
    as_server sh -c 'printf "local all locked scram-sha-256\nlocal all all trust\nhost all all 127.0.0.1/32 trust\n" >"$1/data/pg_hba.conf"
        echo "$2" >"$1/options"' sh "$home" "-c listen_addresses= -c fsync=off -c shared_buffers=64MB -c max_connections=50 $*"
    launch "$home"
    print_url "$home"
    ;;
url)
    print_url "$(home "$dir")"
    ;;
immediate)
    halt "$(home "$dir")" immediate
    ;;
kill)
    home=$(home "$dir")
    pid=$(as_server head -n 1 "$home/data/postmaster.pid")
    # shellcheck disable=SC2046
    as_server kill -9 "$pid" $(ps -o pid= --ppid "$pid") 2>/dev/null || :
    ;;
restart)
    home=$(home "$dir")
    halt "$home" immediate
    launch "$home"
    print_url "$home"
    ;;
stop)
    home=$(home "$dir")
    halt "$home" immediate
    case $home in
    */godwit-pg.*) rm -rf "$home" ;;
    esac
    rm -f "$dir/pg"
    ;;
*)
    die "unknown command: $command"
    ;;
esac
