/* SPDX-License-Identifier: BSD-3-Clause */
/* Providers by what their calls are known by: a token in our Contact, or where they come from. */
#include "base/crypto.h"
#include "directory/directory_int.h"

struct token { /* a record: which provider a token is for */
	unsigned refs;
	struct str provider; /* its key */
};

static const struct record_field token_fields[] = {
	{ 0, offsetof(struct token, provider) },
};
static const struct record_kind token_kind = {
	.bytes = sizeof(struct token), .fields = token_fields, .count = 1
};

void directory_provider_token(const uint8_t *key, struct str customer, struct str name, char *out)
{
	char mem[RECORD_KEY_MAX];
	struct str text = directory_join(customer, '/', name, mem);
	uint8_t mac[32];

	for (size_t i = 0; i < text.n; i++)
		if (mem[i] >= 'A' && mem[i] <= 'Z')
			mem[i] = (char)(mem[i] | 0x20);
	crypto_hmac_sha256(key, text, mac);
	str_hex(mac, DIRECTORY_TOKEN_CHARS / 2, out);
	out[DIRECTORY_TOKEN_CHARS] = '\0';
}

static void put_token(struct directory *d, struct provider *p)
{
	char token[DIRECTORY_TOKEN_CHARS + 1];
	struct str key = record_key(p);

	if (!d->has_tokens)
		return;
	directory_provider_token(d->token_key, p->customer, p->name, token);
	record_put(&d->tokens, record_new(&token_kind, str_of(token), &key));
}

static void put_token_of(void *record, void *directory)
{
	put_token(directory, record);
}

void directory_use_tokens(struct directory *d, const uint8_t *key)
{
	memcpy(d->token_key, key, sizeof(d->token_key));
	d->has_tokens = true;
	record_each(&d->providers, put_token_of, d);
}

struct provider *directory_provider_by_token(struct directory *d, struct str token)
{
	struct token *t = token.n == DIRECTORY_TOKEN_CHARS ? record_get(&d->tokens, token) : NULL;
	struct provider *p = t ? record_get(&d->providers, t->provider) : NULL;

	record_unref(t);
	return p;
}

/* old: what it was before; NULL: nothing; p: nothing changed. */
void directory_index_provider(struct directory *d, struct provider *p, struct provider *old)
{
	put_token(d, p); /* unchanged ones, too: they are of the present load */
	if (p == old)
		return;
	pinned_add(&d->pinned, p); /* first: no call meets a moment without any */
	if (old)
		pinned_remove(&d->pinned, old);
}

void directory_unindex_provider(struct directory *d, struct provider *p)
{
	char token[DIRECTORY_TOKEN_CHARS + 1];

	pinned_remove(&d->pinned, p);
	if (!d->has_tokens)
		return;
	directory_provider_token(d->token_key, p->customer, p->name, token);
	record_remove(&d->tokens, str_of(token));
}

bool directory_provider_has(const struct provider *p, const struct addr *a)
{
	struct str rest = p->addresses, one;
	struct addr_range range;

	while (str_cut(&rest, ',', &one))
		if (!addr_range_parse(str_trim(one), &range) && addr_in_range(a, &range))
			return true;
	return !p->addresses.n;
}

void directory_each_at(struct directory *d, const struct addr *a,
	void (*visit)(struct provider *p, void *arg), void *arg)
{
	pinned_each(&d->pinned, a, visit, arg);
}
