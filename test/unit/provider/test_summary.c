/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "provider/summary.h"

static struct summary parse(const char *text)
{
	struct summary s;

	assert_int_equal(summary_parse(str_of(text), &s), ERR_OK);
	return s;
}

static void test_whole(void **state)
{
	struct summary s = parse("Messages-Waiting: yes\r\n"
				 "Message-Account: sip:alice@vm.example.com\r\n"
				 "Voice-Message: 2/8 (1/3)\r\n"
				 "Fax-Message: 7/7\r\n");

	(void)state;
	assert_true(s.waiting);
	assert_int_equal(s.voice_new, 2);
	assert_int_equal(s.voice_old, 8);
	assert_int_equal(s.urgent_new, 1);
	assert_int_equal(s.urgent_old, 3);
	assert_true(str_eq(s.account, STR("sip:alice@vm.example.com")));
}

static void test_as_people_write_it(void **state)
{
	struct summary s = parse("voice-message : 4 / 5( 0 / 1 )\nMESSAGES-WAITING:YES");

	(void)state;
	assert_true(s.waiting);
	assert_int_equal(s.voice_new, 4);
	assert_int_equal(s.voice_old, 5);
	assert_int_equal(s.urgent_old, 1);
	assert_int_equal(s.account.n, 0);
	s = parse("Messages-Waiting: no\r\n\r\nVoice-Message: 9/9\r\n");
	assert_false(s.waiting);
	assert_int_equal(s.voice_new, 0); /* fields of a single message are not ours */
}

static void test_malformed_parts(void **state)
{
	static const char *const counts[] = { "x", "1", "1/", "/1", "-1/2", "1/2/3", "4294967296/1",
		"", "(1/2)", "1/x (1/2)" };
	char text[128];
	struct summary s;

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		snprintf(text, sizeof(text), "Messages-Waiting: yes\r\nVoice-Message: %s\r\n",
			counts[i]);
		s = parse(text);
		assert_true(s.waiting);
		assert_int_equal(s.voice_new + s.voice_old + s.urgent_new + s.urgent_old, 0);
	}
	s = parse("Messages-Waiting: yes\r\nVoice-Message: 3/4 (1/\r\n");
	assert_int_equal(s.voice_new + s.voice_old, 7);
	assert_int_equal(s.urgent_new + s.urgent_old, 0);
}

static void test_says_nothing(void **state)
{
	static const char *const texts[] = { "", "\r\n", "Voice-Message: 1/1\r\n",
		"Messages-Waiting\r\n", "Messages-Waiting: perhaps\r\n",
		"\r\nMessages-Waiting: yes\r\n" };
	struct summary s;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(summary_parse(str_of(texts[i]), &s), ERR_SYNTAX);
}

static void test_long_account(void **state)
{
	char text[600];
	struct summary s;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "Messages-Waiting: yes\r\nMessage-Account: ", 40);
	text[sizeof(text) - 1] = '\0';
	s = parse(text);
	assert_int_equal(s.account.n, 0);
	text[39 + 257] = '\0';
	s = parse(text);
	assert_true(s.account.n <= 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_as_people_write_it),
		cmocka_unit_test(test_malformed_parts),
		cmocka_unit_test(test_says_nothing),
		cmocka_unit_test(test_long_account),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
