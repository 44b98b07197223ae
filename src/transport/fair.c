/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/fair.h"
#include "base/hash.h"

enum { GROWTH = 32 }; /* a window makes the share larger by that part of it */

void fair_init(struct fair *f)
{
	*f = (struct fair){ .share = UINT32_MAX };
}

static void new_window(struct fair *f, uint64_t now_ms)
{
	uint32_t most = f->biggest < f->share ? f->biggest : f->share;

	if (f->pressed)
		f->share = most / 2 > FAIR_SHARE_MIN ? most / 2 : FAIR_SHARE_MIN;
	else if (f->share < UINT32_MAX / 2)
		f->share += f->share / GROWTH + 1;
	memset(f->counts, 0, sizeof(f->counts));
	f->window_end_ms = now_ms + FAIR_WINDOW_MS;
	f->biggest = 0;
	f->sources_before = f->sources;
	f->sources = 0;
	f->pressed = false;
}

static uint64_t hash_of(const struct addr *a)
{
	struct addr key = *a;

	addr_set_port(&key, 0);
	if (a->sa.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
		memset(key.in6.sin6_addr.s6_addr + 8, 0, 8);
	return addr_hash(&key);
}

uint32_t fair_count(struct fair *f, const struct addr *source, uint64_t now_ms)
{
	uint64_t h = hash_of(source);
	uint32_t *a = &f->counts[0][h % FAIR_SLOTS], *b = &f->counts[1][(h >> 32) % FAIR_SLOTS];
	uint32_t n;

	if (now_ms >= f->window_end_ms)
		new_window(f, now_ms);
	f->sources += *a == 0 && *b == 0;
	++*a;
	++*b;
	n = *a < *b ? *a : *b;
	if (n > f->biggest)
		f->biggest = n;
	return n;
}
