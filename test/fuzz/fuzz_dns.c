/* SPDX-License-Identifier: BSD-3-Clause */
/* A name server's answers; the first byte chooses the type, or an ENUM rule and its subject. */
#include "transport/dns_answer.h"
#include "transport/enum.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_rule(struct str s)
{
	char out[ENUM_URI_MAX];
	struct buf b = BUF_OF(out);
	struct str subject = str_first(s, str_find(s, '\n'));

	(void)!enum_rewrite(str_from(s, subject.n < s.n ? subject.n + 1 : s.n), subject, &b);
	BUG_ON(b.n > sizeof(out));
}

static void fuzz_answer(enum dns_type type, const uint8_t *data, size_t n)
{
	static char text[1 << 17];
	struct buf b = BUF_OF(text);
	struct dns_answer *a;

	if (dns_answer_parse(type, data, n, &a))
		return;
	BUG_ON(a->count > DNS_RECORDS_MAX || (a->status == DNS_FOUND) != (a->count > 0));
	dns_answer_print(&b, a);
	BUG_ON(!buf_ok(&b));
	dns_answer_unref(dns_answer_ref(a));
	dns_answer_unref(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum dns_type types[] = { DNS_A, DNS_AAAA, DNS_SRV, DNS_NAPTR, DNS_SOA };
	uint8_t *copy;

	if (n < 1)
		return 0;
	copy = malloc(n); /* of its own size, so that reading past it is seen */
	memcpy(copy, data + 1, n - 1);
	if (data[0] == 'e')
		fuzz_rule(str_make((char *)copy, n - 1));
	else
		fuzz_answer(types[data[0] % 5], copy, n - 1);
	free(copy);
	return 0;
}
