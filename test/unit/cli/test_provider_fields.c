/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/provider_fields.h"

static struct arena arena;
static char said[512];

static bool take(struct store_provider *row, const char *key, const char *value)
{
	struct buf why = { .p = said, .max = sizeof(said) - 1 };
	bool ok = provider_field_take(
		provider_field_find(str_of(key)), &arena, str_of(value), row, &why);

	said[why.n] = 0;
	assert_int_equal(ok, why.n == 0);
	return ok;
}

/* What is stored, or NULL: it is refused. */
static void check(const char *key, const char *value, const char *want)
{
	struct store_provider row;
	const struct provider_field *f = provider_field_find(str_of(key));
	json_t *o = json_object(), *v;
	char got[1100];

	provider_init(&row);
	if (take(&row, key, value) != (want != NULL))
		fail_msg("%s = \"%s\": %s", key, value, said);
	provider_field_put(o, f, &row);
	v = json_object_get(o, key);
	if (json_is_string(v))
		snprintf(got, sizeof(got), "%s", json_string_value(v));
	else if (json_is_integer(v))
		snprintf(got, sizeof(got), "%d", (int)json_integer_value(v));
	else if (json_is_array(v))
		snprintf(got, sizeof(got), "%d", (int)json_array_size(v));
	else
		snprintf(got, sizeof(got), "%s", json_is_true(v) ? "yes" : "no");
	if (want)
		assert_string_equal(got, want);
	json_decref(o);
}

static void servers(void **state)
{
	static const char *const keys[] = { "server", "proxy", "register_server" };

	for (unsigned i = 0; i < 3; i++) {
		check(keys[i], "sip.example.com", "sip:sip.example.com");
		check(keys[i], " sip:sip.example.com:5080 ", "sip:sip.example.com:5080");
		check(keys[i], "SIPS:sip.example.com", "SIPS:sip.example.com");
		check(keys[i], "sip:[2001:db8::1]:5060", "sip:[2001:db8::1]:5060");
		check(keys[i], "sip:192.0.2.1;transport=tcp;lr", "sip:192.0.2.1;transport=tcp;lr");
		check(keys[i], "", "");
		check(keys[i], "sip:", NULL);
		check(keys[i], "host", NULL);
		check(keys[i], "sip:me@sip.example.com", NULL);
		check(keys[i], "sip:me:secret@sip.example.com", NULL);
		assert_null(strstr(said, "secret"));
		check(keys[i], "http://sip.example.com", NULL);
		check(keys[i], "tel:+441234", NULL);
		check(keys[i], "sip:sip.example.com:99999", NULL);
		check(keys[i], "sip:sip.example.com?a=b", NULL);
		check(keys[i], "sip:sip.exa mple.com", NULL);
		check(keys[i], "sip:sip.example.com\r\nVia: x", NULL);
	}
}

static void names(void **state)
{
	check("username", "alice", "alice");
	check("username", "+441234;x=1", "+441234;x=1");
	check("username", "alice@example.com", NULL);
	check("username", "al ice", NULL);
	check("username", "<alice>", NULL);
	check("username", "al\"ice", NULL);
	check("username", "ali:ce", NULL);
	check("auth_username", "alice@example.com", "alice@example.com");
	check("auth_username", "al\"ice", NULL);
	check("realm", "example.com", "example.com");
	check("realm", "sip:example.com", NULL);
	check("realm", "me@example.com", NULL);
	check("realm", "exa mple", NULL);
	check("realm", "", "");
	check("contact", "me@tandem.example", "sip:me@tandem.example");
	check("contact", "sip:tandem.example", NULL);
	check("transport", "TCP", "tcp");
	check("transport", "auto", "");
	check("transport", "sctp", NULL);
}

static void from(void **state)
{
	check("from", "sip:me@example.com", "sip:me@example.com");
	check("from", "\"Me\" <sip:me@example.com>;x=1", "\"Me\" <sip:me@example.com>;x=1");
	check("from", "${fromname} <sip:${fromuriuser}@example.com>",
		"${fromname} <sip:${fromuriuser}@example.com>");
	check("from", "<sip:${dst:2}@example.com>", "<sip:${dst:2}@example.com>");
	check("from", "", "");
	check("from", "me", NULL);
	check("from", "<sip:me@example.com", NULL);
	check("from", "<sip:${dst@example.com>", NULL);
	check("from", "<sip:${nobody}@example.com>", NULL);
	check("from", "*", NULL);
}

static void headers(void **state)
{
	static const char *const ours[] = { "Via", "v", "From", "f", "Contact", "m", "CSeq",
		"Call-ID", "i", "Max-Forwards", "Content-Length", "l", "Content-Type", "c",
		"Content-Encoding", "Route", "Record-Route", "Authorization", "proxy-authorization",
		"EXPIRES", "Require" };

	check("headers", "X-One: 1", "1");
	check("headers", "X-One: 1\n\n User-Agent: mine: 2 \n", "2");
	check("headers", "", "0");
	check("headers", "X-One", NULL);
	check("headers", ": x", NULL);
	check("headers", "X One: 1", NULL);
	check("headers", "X-One: 1\rVia: x", NULL);
	check("headers", "X-One: 1\nVia: x", NULL);
	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
		char line[64];

		snprintf(line, sizeof(line), "%s : x", ours[i]);
		check("headers", line, NULL);
		assert_non_null(strstr(said, "that we write ourselves"));
	}
}

static void numbers_and_switches(void **state)
{
	check("expires", "60", "60");
	check("expires", "86400", "86400");
	check("expires", "59", NULL);
	assert_string_equal(said, "\"59\" will not do; 60 to 86400 seconds");
	check("expires", "86401", NULL);
	check("expires", "99999999", NULL);
	check("expires", "-1", NULL);
	check("expires", "1h", NULL);
	check("rate", "0", "0");
	check("rate", "60000", "60000");
	check("rate", "60001", NULL);
	check("register", "yes", "yes");
	check("register", "No", "no");
	check("register", "1", NULL);
	check("mwi", "yes", "yes");
	check("disabled", "yes", "yes");
}

static void addresses(void **state)
{
	check("addresses", "192.0.2.1", "192.0.2.1");
	check("addresses", " 192.0.2.0/24 , 2001:db8::/32,", "192.0.2.0/24,2001:db8::/32");
	check("addresses", "", "");
	check("addresses", "192.0.2.0/33", NULL);
	check("addresses", "sip.example.com", NULL);
	assert_non_null(strstr(said, "\"sip.example.com\" is no address"));
	check("addresses", "10.0.0.1:5060", NULL);
	check("addresses", "::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1",
		"::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1");
	check("addresses", "::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1,::1",
		NULL);
}

static void media(void **state)
{
	check("media", "never", "never");
	check("media", "Always", "always");
	check("media", "auto", "auto");
	check("media", "", "auto");
	check("media", "sometimes", NULL);
}

/* At its length, and one beyond. */
static void lengths(void **state)
{
	static const struct {
		const char *key, *head;
		size_t max;
	} fields[] = { { "server", "sip:", 256 }, { "username", "", 64 },
		{ "auth_username", "", 64 }, { "from", "sip:me@", 256 }, { "headers", "X: ", 1024 },
		{ "realm", "", 256 }, { "contact", "sip:me@", 256 },
		{ "disabled_reason", "", 256 } };

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct store_provider row;
		char text[1100] = "";
		size_t n = strlen(fields[i].head);

		memcpy(text, fields[i].head, n);
		for (; n < fields[i].max; n++)
			text[n] = n % 8 == 4 ? '.' : 'a';
		if (strcmp(fields[i].key, "username") == 0)
			assert_true(take(&row, fields[i].key, text));
		text[n] = 'a';
		assert_false(take(&row, fields[i].key, text));
		assert_non_null(strstr(said, "at most"));
	}
}

static void whole_rows(void **state)
{
	struct store_provider row;
	struct buf why = BUF_OF(said);

	provider_init(&row);
	assert_int_equal(row.register_expiry_s, 3600);
	assert_false(row.register_enabled);
	assert_false(provider_check(&row, &why));
	assert_true(take(&row, "server", "sips:sip.example.com"));
	assert_true(take(&row, "username", "me"));
	assert_true(provider_check(&row, &why));
	assert_true(take(&row, "transport", "tls"));
	assert_true(provider_check(&row, &why));
	assert_true(take(&row, "transport", "udp"));
	assert_false(provider_check(&row, &why));
	assert_true(take(&row, "server", "sip:sip.example.com;transport=UDP"));
	assert_true(provider_check(&row, &why));
	assert_true(take(&row, "proxy", "sip:sip.example.com;transport=tcp"));
	assert_false(provider_check(&row, &why));
}

static void every_field_is_settable_and_shown_by_one_name(void **state)
{
	for (unsigned i = 0; i < provider_field_count; i++) {
		const struct provider_field *f = &provider_fields[i];

		assert_ptr_equal(provider_field_find(str_of(f->key)), f);
		assert_non_null(f->title);
		assert_non_null(f->put);
	}
	assert_null(provider_field_find(STR("password")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers),
		cmocka_unit_test(names),
		cmocka_unit_test(from),
		cmocka_unit_test(headers),
		cmocka_unit_test(numbers_and_switches),
		cmocka_unit_test(addresses),
		cmocka_unit_test(media),
		cmocka_unit_test(lengths),
		cmocka_unit_test(whole_rows),
		cmocka_unit_test(every_field_is_settable_and_shown_by_one_name),
	};
	int failed;

	arena_init(&arena, 4096);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	arena_fini(&arena);
	return failed;
}
