/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is sealed by what. */
#include "cli/keys.h"

bool keys_open(const struct keyring *keys, const struct store_provider *p,
	uint8_t secret[KEYRING_SECRET_MAX], size_t *n)
{
	char text[256];
	struct buf context = BUF_OF(text);

	store_provider_context(p, &context);
	return buf_ok(&context) &&
		keyring_open(keys, buf_str(&context), p->password_sealed, secret, n) == ERR_OK;
}

static void count_unknown(struct keys_census *s, struct str id)
{
	unsigned i = 0;

	s->unknown_all++;
	while (i < s->unknown_kinds && !str_eq(id, str_of(s->unknown[i])))
		i++;
	if (i == KEYS_UNKNOWN_MAX || str_copy(id, s->unknown[i], sizeof(s->unknown[i])) != ERR_OK)
		return;
	if (i == s->unknown_kinds)
		s->unknown_kinds++;
	s->unknown_count[i]++;
}

static void count_row(const struct store_provider *p, void *arg)
{
	struct keys_census *s = arg;
	struct str id = keyring_id_of(s->keys, p->password_sealed);
	const struct keyring_key *k = keyring_find(s->keys, id);
	uint8_t secret[KEYRING_SECRET_MAX];
	size_t n;

	if (!k) {
		count_unknown(s, id);
		return;
	}
	s->under[k - s->keys->keys]++;
	if (!keys_open(s->keys, p, secret, &n))
		s->broken++;
	else if (k != keyring_current(s->keys))
		s->waiting++;
	crypto_wipe(secret, sizeof(secret));
}

int keys_census(struct cli *c, const struct keyring *keys, struct keys_census *out)
{
	enum err e;

	*out = (struct keys_census){ .keys = keys };
	e = store_sealed_list(c->db, count_row, out);
	return e ? cli_store_failed(e, "the list of", STR("providers")) : CLI_OK;
}
