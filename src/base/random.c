/* SPDX-License-Identifier: BSD-3-Clause */
#include <sys/random.h>

#include "base/random.h"

static uint32_t rotate(uint32_t x, int bits)
{
	return x << bits | x >> (32 - bits);
}

static void quarter(uint32_t *x, int a, int b, int c, int d)
{
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotate(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotate(x[b] ^ x[c], 7);
}

/* One ChaCha20 block (RFC 8439 2.3) with a 64-bit counter and a zero nonce. */
static void refill(struct rng *r)
{
	uint32_t in[16] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
	uint32_t x[16];

	memcpy(in + 4, r->key, sizeof(r->key));
	memcpy(in + 12, &r->counter, sizeof(r->counter));
	memcpy(x, in, sizeof(x));
	for (int round = 0; round < 10; round++) {
		quarter(x, 0, 4, 8, 12);
		quarter(x, 1, 5, 9, 13);
		quarter(x, 2, 6, 10, 14);
		quarter(x, 3, 7, 11, 15);
		quarter(x, 0, 5, 10, 15);
		quarter(x, 1, 6, 11, 12);
		quarter(x, 2, 7, 8, 13);
		quarter(x, 3, 4, 9, 14);
	}
	for (int i = 0; i < 16; i++)
		x[i] += in[i];
	memcpy(r->block, x, sizeof(r->block));
	r->counter++;
	r->used = 0;
}

void rng_init(struct rng *r)
{
	*r = (struct rng){ .used = sizeof(r->block) };
	BUG_ON(getrandom(r->key, sizeof(r->key), 0) != (ssize_t)sizeof(r->key));
}

void rng_init_seed(struct rng *r, uint64_t seed)
{
	*r = (struct rng){ .used = sizeof(r->block) };
	memcpy(r->key, &seed, sizeof(seed));
}

void rng_bytes(struct rng *r, void *out, size_t n)
{
	unsigned char *p = out;

	while (n) {
		size_t take;

		if (r->used == sizeof(r->block))
			refill(r);
		take = sizeof(r->block) - r->used;
		if (take > n)
			take = n;
		memcpy(p, r->block + r->used, take);
		r->used += (unsigned)take;
		p += take;
		n -= take;
	}
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t v;

	rng_bytes(r, &v, sizeof(v));
	return v;
}

uint32_t rng_below(struct rng *r, uint32_t bound)
{
	uint32_t v, reject;

	BUG_ON(bound == 0);
	reject = -bound % bound; /* 2^32 mod bound: the uneven rest at the bottom */
	do
		rng_bytes(r, &v, sizeof(v));
	while (v < reject);
	return v % bound;
}

void rng_token(struct rng *r, struct buf *out, size_t n)
{
	static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";

	while (n) {
		uint8_t byte;

		rng_bytes(r, &byte, 1);
		if (byte >= 252) /* 7 * 36: beyond it the choice would be uneven */
			continue;
		buf_char(out, alphabet[byte % 36]);
		n--;
	}
}
