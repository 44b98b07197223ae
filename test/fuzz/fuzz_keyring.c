/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Key rings: what is read is printed and read alike; what is refused is refused with words that
 * hold nothing of it. Sealed values: whatever they hold, they are not opened.
 */
#include "base/keyring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void open_anything(struct str sealed)
{
	uint8_t secret[KEYRING_SECRET_MAX];
	struct keyring r;
	size_t got;

	keyring_init_with(&r, (const uint8_t[CRYPTO_KEY_BYTES]){ 1 });
	BUG_ON(keyring_open(&r, STR("x"), sealed, secret, &got) == ERR_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char said[256], printed[KEYRING_TEXT_MAX];
	struct buf why = BUF_OF(said), out = BUF_OF(printed);
	struct str text = str_make((const char *)data, n);
	struct keyring a, b;

	open_anything(text);
	if (n > KEYRING_TEXT_MAX)
		return 0;
	if (keyring_parse(text, &a, &why) != ERR_OK) {
		BUG_ON(why.n == 0 || a.count != 0);
		return 0;
	}
	BUG_ON(why.n || a.count == 0 || a.count > KEYRING_MAX || a.current >= a.count);
	keyring_print(&out, &a);
	BUG_ON(!buf_ok(&out) || keyring_parse(buf_str(&out), &b, &why) != ERR_OK);
	BUG_ON(memcmp(&a, &b, sizeof(a)) != 0);
	return 0;
}
