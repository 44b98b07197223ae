#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# Who may include whom (ARCHITECTURE.md, section 4). dialplan is below call, which gives it its
# scripts; auth is between the directory and the roles; roles never include each other.
cd "$(dirname "$0")/../.." || exit 1
declare -A may=(
	[base]="" [event]="base" [sip]="base" [conf]="base event" [loop]="base event"
	[stun]="base"
	[transport]="base event sip loop stun"
	[transaction]="base event sip loop transport"
	[dialog]="base event sip loop transport transaction"
	[store]="base event loop"
	[directory]="base event sip loop store"
	[cluster]="base event loop store"
	[location]="base event sip loop store transport"
	[auth]="base event sip loop store transport transaction directory"
	[registrar]="base event sip loop stun store transport transaction dialog directory location auth"
	[provider]="base event sip loop store cluster transport transaction dialog directory nat"
	[nat]="base event sip loop transport"
	[dialplan]="base event sip loop store directory"
	[call]="base event sip loop store transport transaction dialog directory location auth dialplan nat"
	[dry]="base event sip loop store directory dialplan"
	[cli]="base event conf sip loop store directory dialplan dry"
	[main]="*"
)
bad=0
while IFS=: read -r file line rest; do
	from=${file#src/} from=${from%%/*}
	to=${rest#*\"} to=${to%%\"*}
	[[ $to == */* ]] || { echo "$file:$line: include by the path from src/: $to"; bad=1; continue; }
	to=${to%%/*}
	[ "$from" = "$to" ] && continue
	[ "${may[$from]-}" = "*" ] && continue
	[ -n "${may[$from]+x}" ] || { echo "$file:$line: the table does not know $from"; bad=1; continue; }
	[[ " ${may[$from]} " == *" $to "* ]] || { echo "$file:$line: $from must not include $to"; bad=1; }
done < <(grep -rn --include='*.[ch]' '^#include "' src | grep -v '#include "prelude.h"')
exit $bad
