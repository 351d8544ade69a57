#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the pure rooms, the HTTP server and tests/fuzz/fuzz_*.c with clang's libFuzzer and runs each for
# FUZZ_SECONDS; called by `make fuzz` in the build folder. Seeds are in tests/fuzz/NAME/,
# words in tests/fuzz/NAME.dict; what is found stays in fuzz/NAME/ of the build folder.
set -eu
: "${top_srcdir:=.}" "${FUZZ_SECONDS:=30}" "${ONLY:=}" "${FUZZ_CFLAGS:=}" "${FUZZ_LIBS:=}"
passed=0 failed=0
out=fuzz
flags="-std=gnu11 -g -O1 -fno-omit-frame-pointer -fno-strict-aliasing -pthread -DARENA_DEBUG=1
    -fno-sanitize-recover=undefined -I. -I$top_srcdir $FUZZ_CFLAGS"

[ -n "${CLANG:-}" ] || {
    echo "clang is not installed (apt-get install clang libclang-rt-dev)"
    exit 1
}

# shellcheck disable=SC2046,SC2086 # lists of names and flags without white space
build_library() {
    mkdir -p "$out/objects"
    rm -f "$out/objects/all.a"
    for source in $(cd "$top_srcdir" && ls base/*.c rules/*.c templates/*.c engine/decide/*.c engine/address.c engine/response/event_api.c engine/response/inflate.c engine/response/keyword.c base/io/http_server.c base/io/http_listen.c channels/email_address.c channels/email_text.c channels/hook.c channels/twilio_hook.c channels/http_gateway_hook.c channels/http_finder.c cli/capture_session.c cli/capture_header.c channels/bounce_class.c channels/email_bounce.c channels/email_bounce_text.c channels/email_parts.c 2>/dev/null); do
        echo "$source"
    done | xargs -P "$(getconf _NPROCESSORS_ONLN)" -I{} sh -c '
        object=$1/$(echo "$2" | tr / _ | sed "s/c$/o/")
        shift 2
        exec "$@" -o "$object"' - "$out/objects" {} \
        "$CLANG" $flags -fsanitize=fuzzer-no-link,address,undefined -c "$top_srcdir/{}"
    ar crD "$out/objects/all.a" "$out"/objects/*.o
}

# run NAME
# shellcheck disable=SC2086 # lists of flags
run() {
    name=$1
    mkdir -p "$out/$name/corpus"
    "$CLANG" $flags -fsanitize=fuzzer,address,undefined "$top_srcdir/tests/fuzz/fuzz_$name.c" \
        "$out/objects/all.a" $FUZZ_LIBS -o "$out/fuzz_$name" || return 1
    set -- "$out/$name/corpus"
    [ ! -d "$top_srcdir/tests/fuzz/$name" ] || set -- "$@" "$top_srcdir/tests/fuzz/$name"
    [ ! -f "$top_srcdir/tests/fuzz/$name.dict" ] || set -- "$@" "-dict=$top_srcdir/tests/fuzz/$name.dict"
    "$out/fuzz_$name" "$@" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 \
        -max_len=20000 -print_final_stats=1 -artifact_prefix="$out/$name/" >"$out/$name/log" 2>&1
}

build_library
for target in "$top_srcdir"/tests/fuzz/fuzz_*.c; do
    name=$(basename "$target" .c)
    name=${name#fuzz_}
    [ -z "$ONLY" ] || [ "$ONLY" = "$name" ] || continue
    if run "$name"; then
        passed=$((passed + 1))
        echo "PASS: fuzz_$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$name/log") runs in $FUZZ_SECONDS s"
    else
        failed=$((failed + 1))
        echo "FAIL: fuzz_$name; $out/$name/log ends:"
        tail -n 40 "$out/$name/log" 2>/dev/null || :
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
