#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The open part of the CEL conformance suite, where it is at hand: all of it passes.
set -eu
runner=${GODWIT_SHARED:-../shared}/conformance/run
[ -x "$runner" ] || {
    echo "SKIP: $runner is not there"
    exit 77
}
exec "$runner" cel -v --timeout 120 -- "${top_builddir:-.}/godwit" eval --batch
