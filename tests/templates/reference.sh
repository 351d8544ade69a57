#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Holds `godwit render --batch` against what others say Liquid is: the shared conformance
# data, when it lies beside the checkout, and ruby-liquid, when it is installed.
here=$(dirname "$0")
shared=${GODWIT_SHARED:-$here/../../../shared}
program=./godwit
status=77
if [ -x "$shared/conformance/run" ]; then
    status=0
    "$shared/conformance/run" liquid -- "$program" render --batch || exit 1
else
    echo "SKIPPED: no conformance data at $shared (set GODWIT_SHARED)"
fi
if command -v ruby >/dev/null && ruby -e 'require "liquid"' 2>/dev/null; then
    ruby "$here/differential.rb" "$program" 20261121 3000 || exit 1
    status=0
else
    echo "======================================================================"
    echo "SKIPPED: ruby-liquid is missing (apt-get install ruby-liquid);"
    echo "templates are NOT compared with the reference implementation."
    echo "======================================================================"
fi
exit $status
