/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/provider.h"

void provider_seal_with(const struct keyring *keys, struct arena *a, struct str password,
	struct store_provider *row)
{
	char text[256], *sealed = arena_alloc(a, KEYRING_SEALED_MAX);
	struct buf context = BUF_OF(text), out;

	buf_init(&out, sealed, KEYRING_SEALED_MAX);
	store_provider_context(row, &context);
	keyring_seal(keys, buf_str(&context), password, &out);
	row->password_sealed = buf_str(&out);
}

bool provider_seal(struct cli *c, struct str password, struct store_provider *row)
{
	struct keyring keys;

	if (!cli_keys(c, &keys))
		return false;
	provider_seal_with(&keys, &c->arena, password, row);
	keyring_wipe(&keys);
	return true;
}

bool provider_password_fault(struct cli *c, const struct store_provider *row, struct buf *why)
{
	char context_text[256];
	uint8_t secret[KEYRING_SECRET_MAX];
	struct buf context = BUF_OF(context_text);
	struct keyring keys;
	struct str id;
	size_t n;
	enum err e;

	if (!cli_keys(c, &keys))
		return false;
	store_provider_context(row, &context);
	e = keyring_open(&keys, buf_str(&context), row->password_sealed, secret, &n);
	id = keyring_id_of(&keys, row->password_sealed);
	if (e == ERR_NOT_FOUND)
		buf_printf(why, "its password was sealed with key %.*s, which is not here",
			STR_ARG(str_first(id, 2 * KEYRING_ID)));
	else if (e != ERR_OK)
		buf_lit(why, "its password was altered in the database; set it anew");
	crypto_wipe(secret, sizeof(secret));
	keyring_wipe(&keys);
	return e != ERR_OK;
}
