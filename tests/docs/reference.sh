#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/reference.md says what the program's tables say.
set -u
top=${top_srcdir:-.}
"${top_builddir:-.}/godwit" --reference | diff -u "$top/docs/reference.md" - || {
    echo "docs/reference.md is not up to date: run \`make reference\` and commit it"
    exit 1
}
