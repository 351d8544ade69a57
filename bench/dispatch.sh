#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Events in the database to messages accepted by Postfix's smtp-sink, everything durable, beside
# smtp-source and, where ../shared/peer is, a stack glued together from npm packages, alternating:
#     make bench ONLY=dispatch        (DISPATCH_ROUNDS=3 DISPATCH_EVENTS=20000 PEER_EVENTS=6000)
exec "${PYTHON3:-python3}" "$top_srcdir/bench/dispatch.py" "$@"
