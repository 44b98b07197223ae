/* SPDX-License-Identifier: BSD-3-Clause */
#include "stun/rendezvous.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/lock.h"

enum { MAC_BYTES = 8, SAID_MAX = 4 + 1 + 2 + 16 };

struct rendezvous {
	uint8_t key[CRYPTO_KEY_BYTES]; /* of tokens */
	struct lock lock;
	struct hash phones; /* by where their signalling comes from */
	struct list by_age; /* of struct media_socket, oldest first */
	unsigned count;
};

struct phone {
	struct hash_node node;
	struct addr signalling;
	struct list sockets;
	unsigned count;
	bool symmetric;
};

struct sight { /* where it was seen, from which of our ports */
	struct addr at, seen;
};

struct media_socket {
	struct list link; /* in phone.sockets */
	struct list age;
	struct phone *phone;
	struct addr own;
	struct sight now, before; /* before: from another of our ports; may be unset */
	uint64_t until_ms;
};

/* ---- tokens ---- */

/* Until when, for whom: "TTTT F PP AAAA…". */
static size_t say(uint8_t out[SAID_MAX], const struct addr *a, uint32_t until_s)
{
	bool v6 = a->sa.sa_family == AF_INET6;
	size_t n = v6 ? 16 : 4;

	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(until_s >> (24 - 8 * i));
	out[4] = v6 ? 6 : 4;
	out[5] = (uint8_t)(addr_port(a) >> 8);
	out[6] = (uint8_t)addr_port(a);
	memcpy(out + 7, v6 ? (const void *)&a->in6.sin6_addr : (const void *)&a->in4.sin_addr, n);
	return 7 + n;
}

static bool understand(const uint8_t *said, size_t n, struct addr *a, uint32_t *until_s)
{
	bool v6 = n == SAID_MAX && said[4] == 6;

	if (!v6 && !(n == 7 + 4 && said[4] == 4))
		return false;
	*until_s = (uint32_t)said[0] << 24 | (uint32_t)said[1] << 16 | (uint32_t)said[2] << 8 |
		said[3];
	memset(a, 0, sizeof(*a));
	a->sa.sa_family = v6 ? AF_INET6 : AF_INET;
	memcpy(v6 ? (void *)&a->in6.sin6_addr : (void *)&a->in4.sin_addr, said + 7, n - 7);
	addr_set_port(a, (uint16_t)(said[5] << 8 | said[6]));
	return true;
}

static void mac_of(const struct rendezvous *r, const uint8_t *said, size_t n, uint8_t mac[32])
{
	crypto_hmac_sha256(r->key, str_make((const char *)said, n), mac);
}

void rendezvous_print_token(
	const struct rendezvous *r, struct buf *b, const struct addr *signalling, uint32_t until_s)
{
	uint8_t said[SAID_MAX + MAC_BYTES], mac[32];
	size_t n = say(said, signalling, until_s);
	char hex[2 * sizeof(said) + 1];

	mac_of(r, said, n, mac);
	memcpy(said + n, mac, MAC_BYTES);
	str_hex(said, n + MAC_BYTES, hex);
	buf_add(b, str_make(hex, 2 * (n + MAC_BYTES)));
}

static bool token_good(const struct rendezvous *r, struct str token, struct addr *signalling)
{
	uint8_t said[SAID_MAX + MAC_BYTES], mac[32];
	uint32_t until_s;
	struct clock now;
	size_t n;

	if (str_unhex(token, said, sizeof(said), &n) || n < MAC_BYTES)
		return false;
	n -= MAC_BYTES;
	mac_of(r, said, n, mac);
	if (!crypto_equal(mac, said + n, MAC_BYTES) || !understand(said, n, signalling, &until_s))
		return false;
	clock_read(&now);
	return now.wall_ms / 1000 <= until_s;
}

/* ---- the table ---- */

struct rendezvous *rendezvous_new(const uint8_t *key)
{
	struct rendezvous *r = mem_new(struct rendezvous);

	crypto_hmac_sha256(key, STR("rendezvous tokens"), r->key);
	lock_init(&r->lock);
	hash_init(&r->phones, 64);
	list_init(&r->by_age);
	return r;
}

static struct phone *find_phone(struct rendezvous *r, const struct addr *signalling)
{
	for (struct hash_node *n = hash_find(&r->phones, addr_hash(signalling)); n;
		n = hash_next(n)) {
		struct phone *p = container_of(n, struct phone, node);

		if (addr_eq(&p->signalling, signalling))
			return p;
	}
	return NULL;
}

static void forget(struct rendezvous *r, struct media_socket *s)
{
	struct phone *p = s->phone;

	list_del(&s->link);
	list_del(&s->age);
	free(s);
	r->count--;
	if (--p->count)
		return;
	hash_del(&r->phones, &p->node);
	free(p);
}

void rendezvous_free(struct rendezvous *r)
{
	if (!r)
		return;
	for (struct list *it; (it = list_first(&r->by_age));)
		forget(r, container_of(it, struct media_socket, age));
	hash_fini(&r->phones);
	lock_fini(&r->lock);
	crypto_wipe(r->key, sizeof(r->key));
	free(r);
}

static void forget_old(struct rendezvous *r, uint64_t now_ms)
{
	for (struct list *it; (it = list_first(&r->by_age));) {
		struct media_socket *s = container_of(it, struct media_socket, age);

		if (s->until_ms > now_ms && r->count < RENDEZVOUS_SOCKETS_MAX)
			return;
		forget(r, s);
	}
}

static struct media_socket *find_socket(struct phone *p, const struct addr *own)
{
	list_each (it, &p->sockets) {
		struct media_socket *s = container_of(it, struct media_socket, link);

		if (addr_eq(&s->own, own))
			return s;
	}
	return NULL;
}

static struct phone *get_phone(struct rendezvous *r, const struct addr *signalling)
{
	struct phone *p = find_phone(r, signalling);

	if (p)
		return p;
	p = mem_new(struct phone);
	p->signalling = *signalling;
	list_init(&p->sockets);
	hash_add(&r->phones, &p->node, addr_hash(signalling));
	return p;
}

static struct media_socket *get_socket(
	struct rendezvous *r, const struct addr *signalling, const struct addr *own)
{
	struct phone *p = find_phone(r, signalling);
	struct media_socket *s = p ? find_socket(p, own) : NULL;

	if (s)
		return s;
	if (p && p->count >= RENDEZVOUS_PER_PHONE_MAX) /* its own oldest makes room */
		forget(r, container_of(list_first(&p->sockets), struct media_socket, link));
	p = get_phone(r, signalling);
	s = mem_new(struct media_socket);
	s->phone = p;
	s->own = *own;
	list_append(&p->sockets, &s->link);
	list_append(&r->by_age, &s->age);
	p->count++;
	r->count++;
	return s;
}

/* Two of our ports see the same socket: in the same place, unless the NAT is symmetric. */
static void note_sight(struct media_socket *s, const struct addr *seen, const struct addr *at)
{
	if (addr_set(&s->now.at) && !addr_eq(&s->now.at, at))
		s->before = s->now;
	s->now = (struct sight){ *at, *seen };
	if (addr_set(&s->before.at))
		s->phone->symmetric = !addr_eq(&s->before.seen, seen);
}

void rendezvous_saw(void *arg, struct str token, const struct addr *own, const struct addr *seen,
	const struct addr *at)
{
	struct rendezvous *r = arg;
	struct addr signalling;
	struct media_socket *s;
	struct clock now;

	if (!token_good(r, token, &signalling))
		return;
	clock_read(&now);
	lock_take(&r->lock);
	forget_old(r, now.mono_ms);
	s = get_socket(r, &signalling, own);
	note_sight(s, seen, at);
	s->until_ms = now.mono_ms + RENDEZVOUS_KEEP_S * 1000;
	list_del(&s->age);
	list_append(&r->by_age, &s->age);
	lock_give(&r->lock);
}

bool rendezvous_find(
	void *arg, const struct addr *signalling, const struct addr *own, struct addr *seen)
{
	struct rendezvous *r = arg;
	struct media_socket *s;
	struct phone *p;
	struct clock now;

	clock_read(&now);
	lock_take(&r->lock);
	forget_old(r, now.mono_ms);
	p = find_phone(r, signalling);
	s = p ? find_socket(p, own) : NULL;
	if (s)
		*seen = s->now.seen;
	lock_give(&r->lock);
	return s != NULL;
}

bool rendezvous_symmetric(void *arg, const struct addr *signalling)
{
	struct rendezvous *r = arg;
	struct phone *p;
	bool symmetric;

	lock_take(&r->lock);
	p = find_phone(r, signalling);
	symmetric = p && p->symmetric;
	lock_give(&r->lock);
	return symmetric;
}
