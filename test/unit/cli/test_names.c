/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "cli/names.h"

static void customers(void **state)
{
	assert_null(name_customer_fault(STR("a")));
	assert_null(name_customer_fault(STR("joe_blow-7")));
	assert_null(name_customer_fault(STR("12345678901234567890123456789012")));
	assert_non_null(name_customer_fault(STR("123456789012345678901234567890123")));
	assert_non_null(name_customer_fault(STR("")));
	assert_non_null(name_customer_fault(STR("joe.blow")));
	assert_non_null(name_customer_fault(STR("joe blow")));
	assert_non_null(name_customer_fault(STR("jo\xc3\xab")));
}

static void accounts(void **state)
{
	char long_name[65];

	memset(long_name, 'x', sizeof(long_name));
	assert_null(name_account_fault(STR("bob"), STR("demo")));
	assert_null(name_account_fault(STR("1"), STR("demo")));
	assert_null(name_account_fault(str_make(long_name, 64), STR("demo")));
	assert_non_null(name_account_fault(str_make(long_name, 65), STR("demo")));
	assert_non_null(name_account_fault(STR(""), STR("demo")));
	assert_non_null(name_account_fault(STR("a@b"), STR("demo")));
	assert_non_null(name_account_fault(STR("a\nb"), STR("demo")));
	assert_non_null(name_account_fault(STR("Dispatcher"), STR("demo")));
	assert_null(name_account_fault(STR("my-dispatcher"), STR("demo")));
}

/* Facts 2.5: what follows the last dot, if it is long enough to be a customer, must be the owner.
 */
static void dotted_accounts_belong_to_their_customer(void **state)
{
	assert_null(name_account_fault(STR("1234.joeblow"), STR("joeblow")));
	assert_null(name_account_fault(STR("1234.JoeBlow"), STR("joeblow")));
	assert_non_null(name_account_fault(STR("1234.joeblow"), STR("demo")));
	assert_null(name_account_fault(STR("1234.joe"), STR("demo")));
	assert_non_null(name_account_fault(STR("a.joeblow.other"), STR("joeblow")));
	assert_non_null(name_account_fault(STR(".a"), STR("demo")));
	assert_non_null(name_account_fault(STR("a."), STR("demo")));
}

static void domains(void **state)
{
	static const char *const good[] = { "example.com", "localhost", "192.0.2.1", "host:5060",
		"[2001:db8::1]", "[::1]:5060", "a-b.c" };
	static const char *const bad[] = { "", "exa mple.com", "a_b", "-a", ".a", "host:", "host:0",
		"host:99999", "host:x", "[", "[]", "[x]", "a/b" };

	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_null(name_domain_fault(str_of(good[i])));
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!name_domain_fault(str_of(bad[i])))
			fail_msg("\"%s\" was taken for a domain", bad[i]);
	assert_null(name_alias_fault(STR("*")));
	assert_null(name_alias_fault(STR("local")));
	assert_non_null(name_domain_fault(STR("*")));
}

static void dialplans_and_providers(void **state)
{
	assert_null(name_dialplan_fault(STR("default")));
	assert_null(name_dialplan_fault(STR("default Copy 2")));
	assert_non_null(name_dialplan_fault(STR("")));
	assert_non_null(name_dialplan_fault(STR(" a")));
	assert_non_null(name_dialplan_fault(STR("a/b")));
	assert_null(name_provider_fault(STR("my-trunk_1")));
	assert_non_null(name_provider_fault(STR("my.trunk")));
	assert_non_null(name_provider_fault(STR("")));
}

static void addresses_of_record(void **state)
{
	struct str user, domain;
	struct arena a;

	arena_init(&a, 256);
	assert_true(name_split_aor(&a, STR("sip:Alice@Example.COM"), &user, &domain));
	assert_true(str_eq(user, STR("Alice")));
	assert_true(str_eq(domain, STR("example.com")));
	assert_false(name_split_aor(&a, STR("alice"), &user, &domain));
	assert_false(name_split_aor(&a, STR("@x"), &user, &domain));
	assert_false(name_split_aor(&a, STR("x@"), &user, &domain));
	assert_false(name_split_aor(&a, STR(""), &user, &domain));
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(customers),
		cmocka_unit_test(accounts),
		cmocka_unit_test(dotted_accounts_belong_to_their_customer),
		cmocka_unit_test(domains),
		cmocka_unit_test(dialplans_and_providers),
		cmocka_unit_test(addresses_of_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
