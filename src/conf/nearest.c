/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/nearest.h"

enum { NAME_MAX_COMPARED = 64 };

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment distance. */
unsigned name_distance(struct str a, struct str b)
{
	unsigned char d[3][NAME_MAX_COMPARED + 1];

	if (a.n > NAME_MAX_COMPARED || b.n > NAME_MAX_COMPARED)
		return str_ieq(a, b) ? 0 : NAME_MAX_COMPARED;
	for (size_t j = 0; j <= b.n; j++)
		d[0][j] = (unsigned char)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned char *row = d[i % 3], *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];

		row[0] = (unsigned char)i;
		for (size_t j = 1; j <= b.n; j++) {
			char x = lower(a.p[i - 1]), y = lower(b.p[j - 1]);
			unsigned v = min3(up[j] + 1U, row[j - 1] + 1U, up[j - 1] + (x != y));

			if (i > 1 && j > 1 && x == lower(b.p[j - 2]) && lower(a.p[i - 2]) == y &&
				up2[j - 2] + 1U < v)
				v = up2[j - 2] + 1U;
			row[j] = (unsigned char)v;
		}
	}
	return d[a.n % 3][b.n];
}

void nearest_offer(struct nearest *n, struct str name)
{
	unsigned d = name_distance(n->wanted, name);
	size_t longest = n->wanted.n > name.n ? n->wanted.n : name.n;

	/* A third of it may be wrong. */
	if (d * 3 > longest && d > 1)
		return;
	if (d >= longest || (n->found && d >= n->distance))
		return;
	n->found = true;
	n->distance = d;
	n->best = name;
}
