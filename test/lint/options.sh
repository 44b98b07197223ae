#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# tandem.conf(5) documents exactly the options of the table, with their defaults.
# usage: options.sh PRINT_OPTIONS_PROGRAM
program=$(realpath "$1")
cd "$(dirname "$0")/../.." || exit 1
page=man/tandem.conf.5
table=$("$program")
# .Ss [section] … .It Ic key … "Default:" is the last word(s) on the .It line after a bar.
manual=$(awk '/^\.Ss \[/ { section = substr($2, 2, length($2) - 2) }
	/^\.It Ic / { key = $3; default = "-"; i = index($0, "Pq default: "); if (i) { default = substr($0, i + 12); gsub(/\\&/, "", default) } print section, key, default }' "$page")
diff=$(printf '%s\n' "$table" | sort >"/tmp/table.$$"; printf '%s\n' "$manual" | sort | diff "/tmp/table.$$" -; rm -f "/tmp/table.$$")
[ -z "$diff" ] && exit 0
echo "man/tandem.conf.5 and src/conf/table.c differ (<: table, >: manual):"
echo "$diff"
exit 1
