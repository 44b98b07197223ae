/* SPDX-License-Identifier: BSD-3-Clause */
/* A router that rewrote a message, and phones that only look like it; Contacts that nobody reaches.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nat/signs.h"

static struct addr at(const char *text)
{
	struct addr a = { 0 };

	if (text)
		assert_int_equal(addr_parse_ip(str_of(text), 0, &a), ERR_OK);
	return a;
}

#define OUT "203.0.113.9"
#define IN "192.168.1.5"

static void test_alg(void **state)
{
	static const struct {
		const char *observed, *via, *contact, *media, *origin;
		size_t surplus;
		bool alg;
	} rows[] = {
		{ OUT, IN, IN, IN, IN, 0, false }, /* a phone behind a NAT */
		{ OUT, OUT, OUT, OUT, OUT, 0, false }, /* one with a public address, or STUN */
		{ OUT, IN, OUT, IN, IN, 0, false }, /* one that learned its address */
		{ OUT, OUT, OUT, IN, IN, 0, false },
		{ OUT, IN, OUT, OUT, IN, 0, true },
		{ OUT, IN, IN, OUT, IN, 0, true },
		{ OUT, OUT, IN, OUT, OUT, 0, true },
		{ OUT, IN, IN, OUT, OUT, 0, false }, /* STUN for media only */
		{ OUT, IN, IN, IN, IN, 3, true },
		{ OUT, NULL, NULL, NULL, NULL, 3, true },
		{ OUT, NULL, NULL, "192.0.2.7", "10.0.0.1", 0, false }, /* a media server */
		{ "10.0.0.5", IN, "10.0.0.5", "10.0.0.5", IN, 3, false }, /* our own network */
		{ NULL, IN, OUT, OUT, IN, 0, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct nat_claims c = { .observed = at(rows[i].observed),
			.via = at(rows[i].via),
			.contact = at(rows[i].contact),
			.media = at(rows[i].media),
			.origin = at(rows[i].origin),
			.surplus = rows[i].surplus,
			.sdp = true };
		char text[300];
		struct buf why = BUF_OF(text);
		bool alg = nat_alg_signs(&c, &why);

		if (alg != rows[i].alg)
			print_error("row %zu: %.*s\n", i, STR_ARG(buf_str(&why)));
		assert_int_equal(alg, rows[i].alg);
		assert_true(!alg || why.n);
	}
}

static void test_contacts(void **state)
{
	static const struct {
		const char *host, *observed;
		bool fault;
	} rows[] = {
		{ IN, OUT, true },
		{ OUT, OUT, false },
		{ "198.51.100.3", OUT, false },
		{ IN, "10.0.0.7", false },
		{ "127.0.0.1", "127.0.0.1", false },
		{ "127.0.0.1", "10.0.0.7", true },
		{ "::1", "2001:db8::1", true },
		{ "0.0.0.0", "10.0.0.7", true },
		{ "localhost", OUT, true },
		{ "phone", OUT, true },
		{ "phone.example.com", OUT, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct addr own = { 0 }, observed = at(rows[i].observed);

		if (addr_parse_ip(str_of(rows[i].host), 0, &own) != ERR_OK)
			own = (struct addr){ 0 };
		assert_int_equal(nat_contact_fault(str_of(rows[i].host), &own, &observed) != NULL,
			rows[i].fault);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alg),
		cmocka_unit_test(test_contacts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
