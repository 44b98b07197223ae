/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory that forks share for as long as nobody writes to it. A sandbox that lives for one run pays
 * for every page it touches first (a fault and a copy), so the zygote puts its memory in order
 * before it forks.
 */
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "dialplan/zygote/sandbox.h"

enum { HOLE_MIN = 24, HOLE_SMALL = 1032, HOLE_MAX = HOLE_SMALL * 64, HOLES_MAX = 200000 };

/* What is allocated in vain at the end of the heap goes back there. */
static bool fill_hole(size_t n, const char *end)
{
	char *p = malloc(n);

	if (p && p < end)
		return true;
	free(p);
	return false;
}

/*
 * Free pieces lie about between what is in use, and malloc hands these out first: nearly every
 * piece on a page of its own. With the holes filled for good a sandbox takes its memory from the
 * end of the heap, where it lies together. What fills them is never touched and costs nobody.
 */
void shared_fill_holes(void)
{
	size_t holes = 0;
	const char *end;

	malloc_trim(0);
	end = (char *)sbrk(0) - mallinfo2().keepcost;
	for (size_t n = HOLE_MAX; n >= HOLE_MIN; n = n > HOLE_SMALL ? n / 2 : n - 16)
		while (holes < HOLES_MAX && fill_hole(n, end))
			holes++;
}
