/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/hash.h"

/* ---- SipHash-1-3 ---- */

static inline uint64_t rotate(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline __attribute__((always_inline)) void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

/* Sets bit 5 of every byte that is an upper-case ASCII letter. */
static uint64_t lower8(uint64_t w)
{
	const uint64_t ones = 0x0101010101010101ULL;
	uint64_t low7 = w & (ones * 0x7f);
	uint64_t above_at = low7 + ones * (0x80 - 'A');
	uint64_t above_z = low7 + ones * (0x80 - ('Z' + 1));
	uint64_t upper = above_at & ~above_z & ~w & (ones * 0x80);

	return w | upper >> 2;
}

static uint64_t siphash(const uint64_t key[2], struct str s, bool fold)
{
	uint64_t v[4] = { key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL,
		key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL };
	uint64_t w;
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8) {
		memcpy(&w, s.p + i, 8);
		w = fold ? lower8(w) : w;
		v[3] ^= w;
		sip_round(v);
		v[0] ^= w;
	}
	w = 0;
	if (s.n > i)
		memcpy(&w, s.p + i, s.n - i);
	w = (fold ? lower8(w) : w) | (uint64_t)s.n << 56;
	v[3] ^= w;
	sip_round(v);
	v[0] ^= w;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The one piece of process-wide state: drawn once, never changed (see the header). */
static uint64_t process_secret[2];
static pthread_once_t secret_once = PTHREAD_ONCE_INIT;

static void draw_secret(void)
{
	BUG_ON(getrandom(process_secret, sizeof(process_secret), 0) != sizeof(process_secret));
}

static const uint64_t *secret(void)
{
	pthread_once(&secret_once, draw_secret);
	return process_secret;
}

uint64_t hash_str(struct str s)
{
	return siphash(secret(), s, false);
}

uint64_t hash_istr(struct str s)
{
	return siphash(secret(), s, true);
}

uint64_t hash_stable(struct str s)
{
	static const uint64_t fixed[2] = { 0x7461, 0x6e64 };

	return siphash(fixed, s, false);
}

uint64_t hash_mix(uint64_t a, uint64_t b)
{
	uint64_t x = (a ^ rotate(b, 32)) * 0x9e3779b97f4a7c15ULL;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ULL;
	return (x ^ x >> 32) + b;
}

/* ---- tables ---- */

void hash_init(struct hash *h, size_t buckets)
{
	size_t n = 8;

	while (n < buckets)
		n *= 2;
	h->buckets = mem_zero(n * sizeof(*h->buckets));
	h->mask = n - 1;
	h->count = 0;
}

void hash_fini(struct hash *h)
{
	BUG_ON(h->count != 0);
	free(h->buckets);
	h->buckets = NULL;
}

static void put(struct hash *h, struct hash_node *n)
{
	struct hash_node **b = &h->buckets[n->hash & h->mask];

	n->next = *b;
	*b = n;
}

static void grow(struct hash *h)
{
	struct hash_node **old = h->buckets;
	size_t n = h->mask + 1;

	h->buckets = mem_zero(2 * n * sizeof(*h->buckets));
	h->mask = 2 * n - 1;
	for (size_t i = 0; i < n; i++) {
		for (struct hash_node *at = old[i], *next; at; at = next) {
			next = at->next;
			put(h, at);
		}
	}
	free(old);
}

void hash_add(struct hash *h, struct hash_node *n, uint64_t hash)
{
	if (h->count > h->mask)
		grow(h);
	n->hash = hash;
	put(h, n);
	h->count++;
}

void hash_del(struct hash *h, struct hash_node *n)
{
	struct hash_node **at = &h->buckets[n->hash & h->mask];

	while (*at && *at != n)
		at = &(*at)->next;
	BUG_ON(!*at);
	*at = n->next;
	n->next = NULL;
	h->count--;
}

void hash_each(struct hash *h, void (*visit)(struct hash_node *n, void *arg), void *arg)
{
	for (size_t i = 0; i <= h->mask; i++) {
		for (struct hash_node *at = h->buckets[i], *next; at; at = next) {
			next = at->next;
			visit(at, arg);
		}
	}
}
