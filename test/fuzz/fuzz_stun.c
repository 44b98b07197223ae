/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams that may be STUN: what is understood is answered, and the answer is understood. */
#include "base/crypto.h"
#include "stun/rendezvous.h"
#include "stun/stun.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Nobody can guess a token: what is told with one that was not made here is not known then. */
static void fuzz_token(struct str token, const struct addr *own)
{
	static const uint8_t key[CRYPTO_KEY_BYTES];
	struct rendezvous *r = rendezvous_new(key);
	struct addr found;

	rendezvous_saw(r, token, own, own, own);
	BUG_ON(rendezvous_find(r, own, own, &found));
	rendezvous_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct addr seen;
	struct stun_msg m, back;
	char mem[256];
	struct buf b = BUF_OF(mem);

	if (stun_parse(str_make((const char *)data, n), &m))
		return 0;
	if (m.token.p)
		fuzz_token(m.token, &m.own);
	BUG_ON(addr_parse(STR("[2001:db8::1]:61000"), &seen) != ERR_OK);
	if (m.unknown_count)
		stun_print_error(&b, &m, 420);
	else
		stun_print_success(&b, &m, &seen);
	BUG_ON(!buf_ok(&b) || stun_parse(buf_str(&b), &back) || back.class < STUN_SUCCESS);
	BUG_ON(!m.unknown_count && !addr_eq(&back.mapped, &seen));
	return 0;
}
