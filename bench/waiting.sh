#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A million people who wait in a journey: start-up, memory and the cost of a look must not depend on
# them. Beside a thousand of them, in the same run.
exec "${PYTHON3:-python3}" "$top_srcdir/bench/waiting.py" "$@"
