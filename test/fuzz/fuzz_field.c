/* SPDX-License-Identifier: BSD-3-Clause */
/* Header values: the first byte chooses the parser. */
#include "base/arena.h"
#include "sip/field.h"
#include "sip/header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char out[1 << 17];

static void inside(struct str all, struct str s)
{
	BUG_ON(s.p && s.n && (s.p < all.p || s.p + s.n > all.p + all.n));
}

static void fuzz_addr(struct str s)
{
	struct buf b = BUF_OF(out);
	struct sip_addr a, back;
	uint32_t seconds;
	unsigned q;
	bool given;

	if (sip_addr_parse(s, &a))
		return;
	inside(s, a.display);
	inside(s, a.uri.host);
	inside(s, a.params);
	inside(s, a.tag);
	sip_addr_print(&b, &a);
	BUG_ON(!buf_ok(&b) || sip_addr_parse(buf_str(&b), &back) != ERR_OK);
	BUG_ON(a.star != back.star || (!a.star && !sip_uri_equal(&a.uri, &back.uri)));
	if (!sip_contact_expires(&a, &given, &seconds) && !sip_contact_q(&a, &q))
		BUG_ON(q > 1000);
	b = BUF_OF(out);
	sip_addr_display(&a, &b);
}

static void fuzz_via(struct str s)
{
	struct sip_via v;

	if (sip_via_parse(s, &v))
		return;
	inside(s, v.host);
	inside(s, v.branch);
	inside(s, v.params);
	BUG_ON(!v.host.n);
}

static void fuzz_list(struct str s)
{
	struct str rest = s, v;
	size_t count = 0;

	while (sip_list_next(&rest, &v)) {
		inside(s, v);
		BUG_ON(++count > s.n + 1);
	}
}

static void fuzz_small(struct str s)
{
	struct sip_cseq cseq;
	struct sip_rack rack;
	struct sip_replaces replaces;
	struct sip_session_expires expires;
	struct sip_token_params token;
	uint32_t seconds;
	int good = !sip_cseq_parse(s, &cseq) + !sip_rack_parse(s, &rack) +
		!sip_replaces_parse(s, &replaces) + !sip_session_expires_parse(s, &expires) +
		!sip_token_params_parse(s, &token) + !sip_seconds_parse(s, &seconds);

	BUG_ON(good > 6);
}

static void fuzz_display(struct str s)
{
	struct buf b = BUF_OF(out);

	sip_print_display(&b, s);
	BUG_ON(!buf_ok(&b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static void (*const parsers[])(
		struct str) = { fuzz_addr, fuzz_via, fuzz_list, fuzz_small, fuzz_display };

	if (n < 1 || n > sizeof(out) / 3)
		return 0;
	parsers[data[0] % (sizeof(parsers) / sizeof(*parsers))](
		str_make((const char *)data + 1, n - 1));
	return 0;
}
