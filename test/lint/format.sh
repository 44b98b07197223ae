#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Sources are as clang-format leaves them (./dev fmt); headers keep their tables by hand.
cd "$(dirname "$0")/../.." || exit 1
command -v clang-format >/dev/null || { echo "clang-format is not installed"; exit 77; }
git ls-files '*.c' | xargs clang-format --dry-run --Werror 2>&1 | grep -E 'error:' | cut -d: -f1 | sort | uniq -c | {
	bad=0
	while read -r n file; do
		echo "$file: $n places are not formatted; run ./dev fmt"
		bad=1
	done
	exit $bad
}
