/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>

#include "auth/nonce.h"
#include "base/arena.h"

enum { WINDOW = 64, MAC_BYTES = 16, SIGNED_MAX = 512 };

struct used_nonce {
	struct hash_node node;
	struct list age;
	uint32_t highest;
	uint64_t window; /* bit i: highest - i was used */
	char text[NONCE_CHARS];
};

void nonces_init(
	struct nonces *n, struct worker *w, const uint8_t key[32], unsigned life_s, unsigned max)
{
	n->worker = w;
	memcpy(n->key, key, sizeof(n->key));
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
	crypto_wipe(n->key, sizeof(n->key));
}

/* MAC over time, chance and realm, in hex. */
static void sign(
	const struct nonces *n, struct str front, struct str realm, char out[2 * MAC_BYTES + 1])
{
	char text[SIGNED_MAX];
	struct buf b = BUF_OF(text);
	uint8_t mac[32];

	buf_add(&b, front);
	buf_char(&b, ':');
	buf_add(&b, realm);
	crypto_hmac_sha256(n->key, buf_str(&b), mac);
	str_hex(mac, MAC_BYTES, out);
}

void nonce_make(struct nonces *n, struct str realm, char out[NONCE_CHARS + 1])
{
	snprintf(out, NONCE_CHARS + 1, "%016llx%08x", (unsigned long long)n->worker->clock.wall_ms,
		(unsigned)rng_u64(&n->worker->rng));
	sign(n, str_make(out, 24), realm, out + 24);
}

static int64_t time_of(struct str nonce)
{
	uint8_t bytes[8];
	uint64_t v = 0;
	size_t n;

	if (str_unhex(str_first(nonce, 16), bytes, sizeof(bytes), &n))
		return 0;
	for (int i = 0; i < 8; i++)
		v = v << 8 | bytes[i];
	return (int64_t)v;
}

enum nonce_state nonce_check(struct nonces *n, struct str realm, struct str nonce)
{
	char mac[2 * MAC_BYTES + 1];
	int64_t age;

	if (nonce.n != NONCE_CHARS)
		return NONCE_FOREIGN;
	sign(n, str_first(nonce, 24), realm, mac);
	if (!crypto_equal(mac, nonce.p + 24, 2 * MAC_BYTES))
		return NONCE_FOREIGN;
	age = n->worker->clock.wall_ms - time_of(nonce);
	/* made in the future: another node's clock is ahead, or ours was set back */
	return age > n->life_ms || age < -n->life_ms ? NONCE_OLD : NONCE_GOOD;
}

static struct used_nonce *find(struct nonces *n, struct str nonce)
{
	for (struct hash_node *h = hash_find(&n->used, hash_str(nonce)); h; h = hash_next(h)) {
		struct used_nonce *u = container_of(h, struct used_nonce, node);

		if (memcmp(u->text, nonce.p, NONCE_CHARS) == 0)
			return u;
	}
	return NULL;
}

static struct used_nonce *remember(struct nonces *n, struct str nonce)
{
	struct used_nonce *u;

	while (n->used.count >= n->max && !list_empty(&n->by_age))
		forget(n, container_of(list_first(&n->by_age), struct used_nonce, age));
	u = mem_new(struct used_nonce);
	memcpy(u->text, nonce.p, NONCE_CHARS);
	hash_add(&n->used, &u->node, hash_str(nonce));
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

	if (u && n->worker->clock.wall_ms - time_of(str_make(u->text, NONCE_CHARS)) > n->life_ms)
		forget(n, u);
}

bool nonce_use(struct nonces *n, struct str nonce, bool counted, uint32_t nc)
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
