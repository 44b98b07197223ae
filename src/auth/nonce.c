/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "auth/nonce.h"
#include "base/arena.h"

enum { WINDOW = 64 };

struct used_nonce {
	struct hash_node node;
	struct list age;
	uint32_t highest;
	uint64_t window; /* bit i: highest - i was used */
	struct nonce nonce;
};

void nonces_init(
	struct nonces *n, struct worker *w, const uint8_t key[32], unsigned life_s, unsigned max)
{
	n->worker = w;
	n->mac = crypto_block_new(key);
	n->life_ms = (int64_t)life_s * 1000;
	n->max = max;
	hash_init(&n->used, 64);
	list_init(&n->by_age);
}

static void forget(struct nonces *n, struct used_nonce *u)
{
	hash_del(&n->used, &u->node);
	list_del(&u->age);
	free(u);
}

void nonces_fini(struct nonces *n)
{
	list_each_safe (it, &n->by_age) {
		forget(n, container_of(it, struct used_nonce, age));
	}
	hash_fini(&n->used);
	crypto_block_free(n->mac);
}

enum { TIME_BYTES = 6, CHANCE_BYTES = 4, SAID_BYTES = TIME_BYTES + CHANCE_BYTES };

static void put_bytes(uint8_t *to, uint64_t v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

static uint64_t get_bytes(const uint8_t *from, unsigned n)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | from[i];
	return v;
}

/* Puts the MAC behind time and chance: of these 10 bytes and 6 of the realm's hash. */
static void sign(const struct nonces *n, struct str realm, struct nonce *nonce)
{
	uint8_t block[CRYPTO_BLOCK];

	memcpy(block, nonce->bytes, SAID_BYTES);
	put_bytes(block + SAID_BYTES, hash_stable(realm), CRYPTO_BLOCK - SAID_BYTES);
	crypto_block_mac(n->mac, block, nonce->bytes + SAID_BYTES);
}

void nonce_make(struct nonces *n, struct str realm, char out[NONCE_CHARS + 1])
{
	struct nonce nonce;

	put_bytes(nonce.bytes, (uint64_t)n->worker->clock.wall_ms, TIME_BYTES);
	put_bytes(nonce.bytes + TIME_BYTES, rng_u64(&n->worker->rng), CHANCE_BYTES);
	sign(n, realm, &nonce);
	str_hex(nonce.bytes, NONCE_BYTES, out);
}

static int64_t time_of(const struct nonce *nonce)
{
	return (int64_t)get_bytes(nonce->bytes, TIME_BYTES);
}

enum nonce_state nonce_check(struct nonces *n, struct str realm, struct str text, struct nonce *out)
{
	struct nonce want;
	int64_t age;
	size_t bytes;

	if (text.n != NONCE_CHARS || str_unhex(text, out->bytes, NONCE_BYTES, &bytes))
		return NONCE_FOREIGN;
	want = *out;
	sign(n, realm, &want);
	if (!crypto_equal(out->bytes, want.bytes, NONCE_BYTES))
		return NONCE_FOREIGN;
	age = n->worker->clock.wall_ms - time_of(out);
	/* made in the future: another node's clock is ahead, or ours was set back */
	return age > n->life_ms || age < -n->life_ms ? NONCE_OLD : NONCE_GOOD;
}

/* The MAC is as good as chance. */
static uint64_t hash_of(const struct nonce *nonce)
{
	return get_bytes(nonce->bytes + SAID_BYTES, 8);
}

static struct used_nonce *find(struct nonces *n, const struct nonce *nonce)
{
	for (struct hash_node *h = hash_find(&n->used, hash_of(nonce)); h; h = hash_next(h)) {
		struct used_nonce *u = container_of(h, struct used_nonce, node);

		if (memcmp(&u->nonce, nonce, sizeof(*nonce)) == 0)
			return u;
	}
	return NULL;
}

static struct used_nonce *remember(struct nonces *n, const struct nonce *nonce)
{
	struct used_nonce *u;

	while (n->used.count >= n->max && !list_empty(&n->by_age))
		forget(n, container_of(list_first(&n->by_age), struct used_nonce, age));
	u = mem_new(struct used_nonce);
	u->nonce = *nonce;
	hash_add(&n->used, &u->node, hash_of(nonce));
	list_append(&n->by_age, &u->age);
	return u;
}

static bool take(struct used_nonce *u, uint32_t nc)
{
	uint32_t back;

	if (nc == 0)
		return false;
	if (nc > u->highest) {
		uint32_t shift = nc - u->highest;

		u->window = shift < WINDOW ? u->window << shift : 0;
		u->window |= 1;
		u->highest = nc;
		return true;
	}
	back = u->highest - nc;
	if (back >= WINDOW || (u->window >> back & 1))
		return false;
	u->window |= 1ULL << back;
	return true;
}

/* Those too old to be accepted need not be remembered. */
static void drop_old(struct nonces *n)
{
	struct list *it = list_first(&n->by_age);
	struct used_nonce *u = it ? container_of(it, struct used_nonce, age) : NULL;

	if (u && n->worker->clock.wall_ms - time_of(&u->nonce) > n->life_ms)
		forget(n, u);
}

bool nonce_use(struct nonces *n, const struct nonce *nonce, bool counted, uint32_t nc)
{
	struct used_nonce *u;

	if (!counted)
		return true;
	u = find(n, nonce);
	if (!u) {
		drop_old(n);
		u = remember(n, nonce);
	}
	return take(u, nc);
}
