/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/quoted.h"

enum err quoted_parse(struct str bytes, struct quoted *out)
{
	size_t space = str_find(bytes, ' '), end = str_find(bytes, '\n'), branch, stop = 0;
	struct str via = str_from(bytes, end + 1);

	if (end == bytes.n || space == 0 || space > end || !str_starts(via, STR("Via: ")))
		return ERR_SYNTAX;
	branch = str_find_str(via, STR(";branch="));
	if (branch >= str_find(via, '\n'))
		return ERR_SYNTAX;
	via = str_from(via, branch + STR(";branch=").n);
	while (stop < via.n && via.p[stop] != ';' && via.p[stop] != '\r')
		stop++;
	if (stop == 0 || stop == via.n)
		return ERR_SYNTAX;
	*out = (struct quoted){ .method = str_first(bytes, space), .branch = str_first(via, stop) };
	return ERR_OK;
}
