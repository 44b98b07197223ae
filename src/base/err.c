/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"

const char *err_text(enum err e)
{
	static const char *const texts[] = {
#define X(name, text) text,
		ERR_LIST(X)
#undef X
	};

	return e < ERR_COUNT ? texts[e] : "unknown error";
}

void bug(const char *file, int line, const char *what)
{
	fprintf(stderr, "tandem: bug at %s:%d: %s\n", file, line, what);
	abort();
}
