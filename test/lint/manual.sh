#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# The manual pages are sound mdoc, and tandem(8) has every command.
# usage: manual.sh [TANDEM_PROGRAM]
tandem=$(realpath "${1:-/nonexistent}" 2>/dev/null)
cd "$(dirname "$0")/../.." || exit 1
bad=0
if command -v mandoc >/dev/null; then
	mandoc -T lint -W warning man/*.[0-9] || bad=1
fi
[ -x "$tandem" ] || exit $bad
"$tandem" help | sed -n 's/^  \([a-z][a-z ]*[a-z]\).*/\1/p' | while read -r first second rest; do
	case $second in [a-z]*) name="$first $second" ;; *) name=$first ;; esac
	grep -qE "^\.It Cm $name( |\$)" man/tandem.8 || { echo "tandem.8 lacks: $name"; exit 1; }
done || bad=1
exit $bad
