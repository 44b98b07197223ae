/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random numbers: a ChaCha20 stream per owner, keyed from the kernel (rng_init) or, in replay
 * tests, from a number (rng_init_seed), so that runs repeat.
 */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include "base/buf.h"

struct rng {
	uint8_t key[32];
	uint64_t counter;
	uint8_t block[64];
	unsigned used; /* bytes of block that are spent */
};

void rng_init(struct rng *r);
void rng_init_seed(struct rng *r, uint64_t seed);
void rng_bytes(struct rng *r, void *out, size_t n);
uint64_t rng_u64(struct rng *r);
uint32_t rng_below(struct rng *r, uint32_t bound); /* uniform in 0 .. bound-1 */
/* n characters of [0-9a-z], about 5.17 bits each: tags, branches, Call-IDs. */
void rng_token(struct rng *r, struct buf *out, size_t n);

#endif
