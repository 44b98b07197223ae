/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/keyring.h"

#include "base/random.h"

enum { KEY_HEX = 2 * CRYPTO_KEY_BYTES, MAC_BYTES = 32 };

/* ---- keys ---- */

/* What is derived from a key tells nothing about it. */
static void derive(const uint8_t key[CRYPTO_KEY_BYTES], const char *what, uint8_t mac[MAC_BYTES])
{
	crypto_hmac_sha256(key, str_of(what), mac);
}

static enum err put(struct keyring *r, const uint8_t key[CRYPTO_KEY_BYTES])
{
	struct keyring_key *k = &r->keys[r->count];
	uint8_t mac[MAC_BYTES];
	char id[KEYRING_ID + 1];

	if (r->count == KEYRING_MAX)
		return ERR_LIMIT;
	derive(key, "tandem key id", mac);
	str_hex(mac, KEYRING_ID / 2, id);
	if (keyring_find(r, str_of(id)))
		return ERR_EXISTS;
	memcpy(k->bytes, key, CRYPTO_KEY_BYTES);
	memcpy(k->id, id, sizeof(id));
	r->count++;
	return ERR_OK;
}

static void derive_cluster(struct keyring *r)
{
	derive(r->keys[0].bytes, "tandem cluster secret", r->cluster);
}

static enum err add_random(struct keyring *r)
{
	uint8_t key[CRYPTO_KEY_BYTES];
	struct rng rng;
	enum err e;

	rng_init(&rng);
	do {
		rng_bytes(&rng, key, sizeof(key));
		e = put(r, key);
	} while (e == ERR_EXISTS); /* an id of four bytes may be taken */
	crypto_wipe(key, sizeof(key));
	crypto_wipe(&rng, sizeof(rng));
	return e;
}

void keyring_init(struct keyring *r)
{
	*r = (struct keyring){ 0 };
	BUG_ON(add_random(r) != ERR_OK);
	derive_cluster(r);
}

void keyring_init_with(struct keyring *r, const uint8_t key[CRYPTO_KEY_BYTES])
{
	*r = (struct keyring){ 0 };
	BUG_ON(put(r, key) != ERR_OK);
	derive_cluster(r);
}

enum err keyring_add(struct keyring *r)
{
	return add_random(r);
}

enum err keyring_remove(struct keyring *r, struct str id)
{
	const struct keyring_key *k = keyring_find(r, id);
	unsigned at;

	if (!k)
		return ERR_NOT_FOUND;
	at = (unsigned)(k - r->keys);
	if (at == r->current)
		return ERR_STATE;
	r->count--;
	memmove(&r->keys[at], &r->keys[at + 1], (r->count - at) * sizeof(*k));
	crypto_wipe(&r->keys[r->count], sizeof(*k));
	r->current -= r->current > at;
	return ERR_OK;
}

const struct keyring_key *keyring_find(const struct keyring *r, struct str id)
{
	for (unsigned i = 0; i < r->count; i++)
		if (str_eq(id, str_of(r->keys[i].id)))
			return &r->keys[i];
	return NULL;
}

void keyring_wipe(struct keyring *r)
{
	crypto_wipe(r, sizeof(*r));
}

/* ---- as text ---- */

struct reading {
	struct keyring *ring;
	bool cluster, current; /* a line said so */
};

/* The next word of a line; empty at its end. */
static struct str next_word(struct str *line)
{
	struct str rest = str_trim(*line);
	size_t n = 0;

	while (n < rest.n && !str_is_blank(rest.p[n]))
		n++;
	*line = str_from(rest, n);
	return str_first(rest, n);
}

static bool take_hex(struct str hex, uint8_t out[CRYPTO_KEY_BYTES])
{
	size_t n;

	return hex.n == KEY_HEX && str_unhex(hex, out, CRYPTO_KEY_BYTES, &n) == ERR_OK;
}

static const char *put_key(struct reading *in, struct str hex, struct str mark)
{
	uint8_t key[CRYPTO_KEY_BYTES];
	enum err e;

	if (!take_hex(hex, key))
		return "a key has 64 hex digits";
	e = put(in->ring, key);
	crypto_wipe(key, sizeof(key));
	if (e == ERR_LIMIT)
		return "there are more than 16 keys";
	if (e == ERR_EXISTS)
		return "this key is there already";
	if (!mark.n)
		return NULL;
	if (!str_eq(mark, STR("current")))
		return "behind a key stands nothing but \"current\"";
	if (in->current)
		return "only one key is the current one";
	in->current = true;
	in->ring->current = in->ring->count - 1;
	return NULL;
}

static const char *take_line(struct reading *in, struct str line)
{
	struct str word = next_word(&line), second = next_word(&line), third = next_word(&line);

	if (!word.n || word.p[0] == '#')
		return NULL;
	if (str_trim(line).n)
		return "there is too much in it";
	if (str_eq(word, STR("key")))
		return put_key(in, second, third);
	if (!str_eq(word, STR("cluster")))
		return second.n ? "a line begins with \"key\" or \"cluster\""
				: put_key(in, word, STR_NONE);
	if (third.n || !take_hex(second, in->ring->cluster))
		return "the cluster secret has 64 hex digits";
	if (in->cluster)
		return "there is only one cluster secret";
	in->cluster = true;
	return NULL;
}

enum err keyring_parse(struct str text, struct keyring *out, struct buf *why)
{
	struct reading in = { .ring = out };
	struct str line;

	*out = (struct keyring){ 0 };
	for (unsigned number = 1; str_line(&text, &line); number++) {
		const char *fault = take_line(&in, line);

		if (fault) {
			buf_printf(why, "line %u: %s", number, fault);
			keyring_wipe(out);
			return ERR_SYNTAX;
		}
	}
	if (!out->count) {
		buf_lit(why, "there is no key in it");
		keyring_wipe(out);
		return ERR_SYNTAX;
	}
	if (!in.current)
		out->current = out->count - 1;
	if (!in.cluster)
		derive_cluster(out);
	return ERR_OK;
}

static void print_hex(struct buf *b, const char *word, const uint8_t key[CRYPTO_KEY_BYTES])
{
	char hex[KEY_HEX + 1];

	str_hex(key, CRYPTO_KEY_BYTES, hex);
	buf_add(b, str_of(word));
	buf_add(b, str_make(hex, KEY_HEX));
	crypto_wipe(hex, sizeof(hex));
}

void keyring_print(struct buf *b, const struct keyring *r)
{
	print_hex(b, "cluster ", r->cluster);
	for (unsigned i = 0; i < r->count; i++) {
		print_hex(b, "\nkey ", r->keys[i].bytes);
		if (i == r->current)
			buf_lit(b, " current");
	}
	buf_char(b, '\n');
}

/* ---- sealing ---- */

struct str keyring_id_of(const struct keyring *r, struct str sealed)
{
	size_t colon = str_find(sealed, ':');

	return colon < sealed.n ? str_first(sealed, colon) : str_of(r->keys[0].id);
}

void keyring_seal(const struct keyring *r, struct str context, struct str secret, struct buf *out)
{
	const struct keyring_key *k = keyring_current(r);
	uint8_t sealed[KEYRING_SECRET_MAX + CRYPTO_SEAL_EXTRA];
	char hex[2 * sizeof(sealed) + 1];
	size_t n = secret.n + CRYPTO_SEAL_EXTRA;

	BUG_ON(secret.n > KEYRING_SECRET_MAX);
	crypto_seal(k->bytes, context, secret, sealed);
	str_hex(sealed, n, hex);
	buf_add(out, str_of(k->id));
	buf_char(out, ':');
	buf_add(out, str_make(hex, 2 * n));
}

enum err keyring_open(const struct keyring *r, struct str context, struct str sealed,
	uint8_t out[KEYRING_SECRET_MAX], size_t *n)
{
	const struct keyring_key *k = keyring_find(r, keyring_id_of(r, sealed));
	size_t colon = str_find(sealed, ':');
	struct str hex = colon < sealed.n ? str_from(sealed, colon + 1) : sealed;
	uint8_t bytes[KEYRING_SECRET_MAX + CRYPTO_SEAL_EXTRA];
	enum err e;

	if (!k)
		return ERR_NOT_FOUND;
	if (str_unhex(hex, bytes, sizeof(bytes), n) != ERR_OK || *n < CRYPTO_SEAL_EXTRA)
		return ERR_SYNTAX;
	e = crypto_open(k->bytes, context, str_make((char *)bytes, *n), out);
	*n -= CRYPTO_SEAL_EXTRA;
	return e;
}
