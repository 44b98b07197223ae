/* SPDX-License-Identifier: BSD-3-Clause */
/* Texts in bencode, and what relays may never make of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nat/bencode.h"

static void test_found(void **state)
{
	static const struct {
		const char *text, *key, *value; /* value NULL: there is none */
	} rows[] = {
		{ "d6:result2:oke", "result", "ok" },
		{ "d6:result2:ok3:sdp4:v=0\ne", "sdp", "v=0\n" },
		{ "d3:sdp0:e", "sdp", "" },
		{ "d1:ai5e6:result2:oke", "result", "ok" },
		{ "d1:ali1el2:xxe1:ye1:bd1:c1:de6:result2:oke", "result", "ok" },
		{ "d1:a1:be", "c", NULL },
		{ "d1:ai5ee", "a", NULL }, /* no text */
		{ "d1:ale", "a", NULL },
		{ "", "a", NULL },
		{ "d", "a", NULL },
		{ "de", "a", NULL },
		{ "l1:a1:be", "a", NULL },
		{ "d1:a9:be", "a", NULL }, /* longer than what there is */
		{ "d1:a99999999999999:be", "a", NULL },
		{ "d:a1:be", "a", NULL },
		{ "d1:a-1:be", "a", NULL },
		{ "d1:b-1:x1:a1:ye", "a", NULL }, /* unsound before it */
		{ "d1:bi51:a1:y", "a", NULL },
		{ "d1:bllllllllllllllllllllllllleeeeeeeeeeeeeeeeeeeeeeeee1:a1:ye", "a", NULL },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str got = bencode_find(str_of(rows[i].text), str_of(rows[i].key));

		assert_int_equal(got.p != NULL, rows[i].value != NULL);
		if (rows[i].value)
			assert_true(str_eq(got, str_of(rows[i].value)));
	}
}

static void test_printed(void **state)
{
	char mem[64];
	struct buf b = BUF_OF(mem);

	buf_char(&b, 'd');
	bencode_text(&b, STR("command"));
	bencode_text(&b, STR("offer"));
	buf_char(&b, 'e');
	assert_true(str_eq(buf_str(&b), STR("d7:command5:offere")));
	assert_true(str_eq(bencode_find(buf_str(&b), STR("command")), STR("offer")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
