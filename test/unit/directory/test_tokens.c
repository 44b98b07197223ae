/* SPDX-License-Identifier: BSD-3-Clause */
/* Providers by token and by address, as rows come, change and go. */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store/repo.h"

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

static const uint8_t key[32] = { 9, 8, 7 };

static struct str token_of(const char *customer, const char *name, char *out)
{
	directory_provider_token(key, str_of(customer), str_of(name), out);
	return str_of(out);
}

static void test_token(void **state)
{
	char a[17], b[17];

	(void)state;
	assert_int_equal(token_of("joe", "gate", a).n, 16);
	assert_true(str_eq(token_of("JOE", "Gate", b), str_of(a)));
	assert_false(str_eq(token_of("joe", "gates", b), str_of(a)));
	assert_false(str_eq(token_of("joeg", "ate", b), str_of(a)));
}

static void check_token(struct world *w, const char *name, bool there)
{
	char text[17];
	struct provider *p = directory_provider_by_token(w->d, token_of("joe", name, text));

	assert_int_equal(p != NULL, there);
	if (p)
		assert_true(str_ieq(p->name, str_of(name)));
	provider_unref(p);
}

static void add(struct world *w, const char *name, const char *addresses)
{
	struct store_provider row = {
		.customer = STR("joe"), .name = str_of(name), .addresses = str_of(addresses)
	};

	assert_int_equal(store_provider_add(w->other, &row, NULL), ERR_OK);
}

static void test_by_token(void **state)
{
	struct world *w = *state;

	check_token(w, "gate", false); /* there is no key yet */
	directory_use_tokens(w->d, key);
	check_token(w, "gate", true);
	check_token(w, "late", false);
	add(w, "late", "");
	world_refresh(w);
	check_token(w, "late", true);
	assert_int_equal(store_provider_remove(w->other, STR("joe"), STR("late")), ERR_OK);
	world_refresh(w);
	check_token(w, "late", false);
	check_token(w, "gate", true);
	assert_null(directory_provider_by_token(w->d, STR("")));
	assert_null(directory_provider_by_token(w->d, STR("0123456789abcdef")));
}

struct found {
	char names[64];
	struct buf b;
};

static void note(struct provider *p, void *arg)
{
	struct found *f = arg;

	buf_printf(&f->b, "%.*s ", STR_ARG(p->name));
}

static void check_at(struct world *w, const char *ip, const char *names)
{
	struct found f;
	struct addr a;

	f.b = (struct buf)BUF_OF(f.names);
	assert_int_equal(addr_parse_ip(str_of(ip), 5099, &a), ERR_OK);
	directory_each_at(w->d, &a, note, &f);
	if (!str_eq(buf_str(&f.b), str_of(names)))
		fail_msg("at %s: %.*s", ip, STR_ARG(buf_str(&f.b)));
}

static void set_addresses(struct world *w, const char *name, const char *addresses)
{
	struct store_provider row;
	struct arena a;

	arena_init(&a, 1024);
	assert_int_equal(store_provider_get(w->other, STR("joe"), str_of(name), &a, &row), ERR_OK);
	row.addresses = str_of(addresses);
	assert_int_equal(store_provider_set(w->other, &row), ERR_OK);
	arena_fini(&a);
	world_refresh(w);
}

static void test_by_address(void **state)
{
	struct world *w = *state;

	add(w, "one", "192.0.2.7,192.0.2.7,2001:db8::1");
	add(w, "wide", "198.51.100.0/24, 192.0.2.9");
	world_refresh(w);
	check_at(w, "192.0.2.7", "one one ");
	check_at(w, "2001:db8::1", "one ");
	check_at(w, "192.0.2.8", "");
	check_at(w, "198.51.100.200", "wide ");
	check_at(w, "192.0.2.9", "wide ");
	set_addresses(w, "wide", "198.51.100.0/25");
	check_at(w, "198.51.100.200", "");
	check_at(w, "198.51.100.100", "wide ");
	check_at(w, "192.0.2.9", "");
	set_addresses(w, "one", "");
	check_at(w, "192.0.2.7", "");
	assert_int_equal(store_customer_remove(w->other, STR("joe")), ERR_OK);
	world_refresh(w);
	check_at(w, "198.51.100.100", "");
}

static void test_has(void **state)
{
	struct provider p = { .addresses = STR("192.0.2.7, 10.0.0.0/8,") };
	struct addr a;

	(void)state;
	assert_int_equal(addr_parse(STR("192.0.2.7:9"), &a), ERR_OK);
	assert_true(directory_provider_has(&p, &a));
	assert_int_equal(addr_parse(STR("[::ffff:10.1.2.3]:9"), &a), ERR_OK);
	assert_true(directory_provider_has(&p, &a));
	assert_int_equal(addr_parse(STR("192.0.2.8:9"), &a), ERR_OK);
	assert_false(directory_provider_has(&p, &a));
	p.addresses = STR("");
	assert_true(directory_provider_has(&p, &a));
	p.addresses = STR("nonsense"); /* what cannot be read admits nobody */
	assert_false(directory_provider_has(&p, &a));
}

static void test_account_of(void **state)
{
	struct world *w = *state;
	struct account *a = directory_account_of(w->d, STR("JOE"), STR("gate.alice"));

	assert_non_null(a);
	assert_true(str_ieq(a->username, STR("alice")));
	account_unref(a);
	assert_null(directory_account_of(w->d, STR("ann"), STR("alice")));
	assert_null(directory_account_of(w->d, STR("joe"), STR("bob")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token),
		cmocka_unit_test(test_has),
		TEST(test_by_token),
		TEST(test_by_address),
		TEST(test_account_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
