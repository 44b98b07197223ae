#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# Every source file begins with its licence.
cd "$(dirname "$0")/../.." || exit 1
bad=0
for f in $(git ls-files '*.c' '*.h' '*.sh' '*.rb' '*meson.build' dev .ci/run | grep -v '^examples/'); do
	head -n 3 "$f" | grep -q 'SPDX-License-Identifier: BSD-3-Clause' || { echo "$f: no licence line"; bad=1; }
done
exit $bad
