#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main job in full: 69,659 purchases imported with --trigger, a mail at everyone's second one,
# into Postfix's smtp-sink, beside Postfix's own smtp-source in the same run.
exec "${PYTHON3:-python3}" "$top_srcdir/bench/cdnow.py" "$@"
