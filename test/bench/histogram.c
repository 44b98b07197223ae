/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"

enum { BITS = 5 }; /* of HISTOGRAM_STEPS */

/* Up to 31 us each counts for itself, above so many steps for each power of two. */
void histogram_add(struct histogram *h, uint64_t us)
{
	unsigned power = us < HISTOGRAM_STEPS ? 0 : 63 - (unsigned)__builtin_clzll(us);
	unsigned row = power ? power - BITS + 1 : 0;

	h->count[row * HISTOGRAM_STEPS + ((us >> (row ? row - 1 : 0)) & (HISTOGRAM_STEPS - 1))]++;
	if (us > h->worst_us)
		h->worst_us = us;
}

static uint64_t lowest(unsigned i)
{
	return i < HISTOGRAM_STEPS
		? i
		: (uint64_t)(HISTOGRAM_STEPS + i % HISTOGRAM_STEPS) << (i / HISTOGRAM_STEPS - 1);
}

void histogram_print(const struct histogram *h, FILE *out)
{
	const char *comma = "";

	fprintf(out, "{\"worst_us\":%llu,\"counts\":[", (unsigned long long)h->worst_us);
	for (unsigned i = 0; i < HISTOGRAM_SIZE; i++) {
		if (!h->count[i])
			continue;
		fprintf(out, "%s[%llu,%llu]", comma, (unsigned long long)lowest(i),
			(unsigned long long)h->count[i]);
		comma = ",";
	}
	fputs("]}", out);
}
