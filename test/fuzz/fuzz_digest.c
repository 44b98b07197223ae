/* SPDX-License-Identifier: BSD-3-Clause */
/* Challenges and credentials: what answers a challenge is itself well-formed. */
#include "base/arena.h"
#include "sip/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char out[1 << 17];
	const struct digest_credentials cred = { .username = STR("alice"), .password = STR("x") };
	struct str s = str_make((const char *)data, n);
	struct digest_challenge c;
	struct digest_response r;
	struct buf b = BUF_OF(out);

	if (n > sizeof(out) / 4)
		return 0;
	if (!digest_response_parse(s, &r))
		BUG_ON(r.qop != DIGEST_QOP_NONE && !r.cnonce.p);
	if (digest_challenge_parse(s, &c) ||
		digest_answer(&b, &c, &cred, STR("INVITE"), STR("sip:bob@example.com"), STR(""),
			STR("cnonce"), 1))
		return 0;
	BUG_ON(digest_response_parse(buf_str(&b), &r) != ERR_OK);
	BUG_ON(!str_eq(r.nonce, c.nonce) || !str_eq(r.realm, c.realm));
	return 0;
}
