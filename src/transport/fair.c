/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/fair.h"
#include "base/hash.h"

void fair_init(struct fair *f, struct rng *rng, unsigned growth)
{
	*f = (struct fair){ .seed = rng_u64(rng), .share = UINT32_MAX, .growth = growth };
}

static uint32_t at_least_min(uint32_t share)
{
	return share > FAIR_SHARE_MIN ? share : FAIR_SHARE_MIN;
}

void fair_press(struct fair *f)
{
	uint32_t most = f->biggest > f->biggest_before ? f->biggest : f->biggest_before;

	/* far down, so that others are served soon; later there are few steps to go */
	if (f->share == UINT32_MAX)
		f->share = at_least_min(most / 4);
	else
		f->pressed = true;
}

static void new_window(struct fair *f, uint64_t now_ms)
{
	uint32_t most = f->biggest < f->share ? f->biggest : f->share;

	if (f->pressed)
		f->share = at_least_min(most / 4 * 3);
	else if (f->share < UINT32_MAX / 2)
		f->share += f->share / f->growth + 1;
	memset(f->counts, 0, sizeof(f->counts));
	f->window_end_ms = now_ms + FAIR_WINDOW_MS;
	f->biggest_before = f->biggest;
	f->second_before = f->second;
	f->sources_before = f->sources;
	f->biggest = f->second = f->sources = 0;
	f->pressed = false;
}

static uint64_t hash_of(const struct fair *f, const struct addr *a)
{
	uint64_t network = 0, v4 = 0;
	const uint8_t *ip = a->in6.sin6_addr.s6_addr;

	if (a->sa.sa_family != AF_INET6) {
		v4 = a->in4.sin_addr.s_addr;
	} else if (IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr)) {
		uint32_t last;

		memcpy(&last, ip + 12, sizeof(last));
		v4 = last;
	} else {
		memcpy(&network, ip, sizeof(network));
	}
	return hash_mix(network ^ v4, f->seed);
}

static void rank(struct fair *f, uint64_t h, uint32_t n)
{
	if (n <= f->second)
		return;
	if (h == f->biggest_is) {
		f->biggest = n;
	} else if (n > f->biggest) {
		f->second = f->biggest;
		f->biggest = n;
		f->biggest_is = h;
	} else {
		f->second = n;
	}
}

uint32_t fair_count(struct fair *f, const struct addr *source, uint64_t now_ms)
{
	uint64_t h = hash_of(f, source);
	uint32_t *a = &f->counts[0][h % FAIR_SLOTS], *b = &f->counts[1][(h >> 32) % FAIR_SLOTS];
	uint32_t n;

	if (now_ms >= f->window_end_ms)
		new_window(f, now_ms);
	f->sources += *a == 0 || *b == 0;
	++*a;
	++*b;
	n = *a < *b ? *a : *b;
	rank(f, h, n);
	return n;
}
