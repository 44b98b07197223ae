#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# How long functions and files are. Functions above 80 lines are a fault, the rest is a report.
cd "$(dirname "$0")/../.." || exit 1
git ls-files 'src/*.c' | xargs awk '
	FNR == 1 { open = 0 }
	/^\{/ { open = FNR; rows = 0 }
	/^\t+([A-Z]\(.*\)|\{.*\}),$/ { rows++ } # rows of a table are not code
	/^\}/ && open {
		n = FNR - open - 1 - rows
		print n > "/dev/stderr"
		if (n > 80) printf "%s:%d: a function of %d lines\n", FILENAME, open, n
		open = 0
	}' 2>"${TMPDIR:-/tmp}/lengths.$$" >"${TMPDIR:-/tmp}/long.$$"
sort -n "${TMPDIR:-/tmp}/lengths.$$" | awk '{ a[NR] = $1 }
	END { printf "%d functions, median %d lines, 90th percentile %d, longest %d\n", NR, a[int((NR + 1) / 2)], a[int(NR * 0.9)], a[NR] }'
git ls-files 'src/*.c' 'src/*.h' | xargs wc -l | awk '$2 != "total" && $1 > 400 { printf "%s: %d lines\n", $2, $1 }'
cat "${TMPDIR:-/tmp}/long.$$"
long=$(wc -l <"${TMPDIR:-/tmp}/long.$$")
rm -f "${TMPDIR:-/tmp}/lengths.$$" "${TMPDIR:-/tmp}/long.$$"
[ "$long" -eq 0 ]
