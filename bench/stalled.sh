#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What a channel and a domain that accept and never answer leave to the others, of the rate that
# these have alone; rounds alternate, the median must be 90 %.
STALLED_FLOOR=0.9 STALLED_MESSAGES=${STALLED_MESSAGES:-6000} STALLED_ROUNDS=${STALLED_ROUNDS:-5} \
    exec "${PYTHON3:-python3}" "$top_srcdir/tests/flow/stalled.py" "$@"
