/* SPDX-License-Identifier: BSD-3-Clause */
/* Loading, looking up, following what another connection changes. */
#include "world.h"

#include <stdio.h>
#include <string.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

static void test_loaded(void **state)
{
	world_expect_all(*state);
}

static void test_unknown(void **state)
{
	struct world *w = *state;
	char out[64];

	assert_null(directory_account(w->d, STR("bob"), STR("example.com")));
	assert_null(directory_account(w->d, STR("alice"), STR("other.example")));
	assert_null(directory_customer(w->d, STR("ann")));
	assert_null(directory_dialplan(w->d, STR("joe"), STR("other")));
	assert_null(directory_provider(w->d, STR("ann"), STR("gate")));
	assert_false(directory_domain(w->d, STR("other.example"), false, out, sizeof(out)));
	account_unref(NULL);
}

static void test_dotted(void **state)
{
	struct world *w = *state;
	struct account *a = directory_account_dotted(w->d, STR("x.y.alice"), STR("example.com"));

	assert_non_null(a);
	assert_true(str_eq(a->aor, STR("Alice@example.com")));
	account_unref(a);
	assert_null(directory_account_dotted(w->d, STR("x.bob"), STR("example.com")));
}

static void test_host_and_port(void **state)
{
	struct world *w = *state;
	struct sip_uri uri = { .host = STR("10.0.0.1"), .port = 5070 };
	char out[64];

	assert_true(directory_domain_of(w->d, &uri, false, out, sizeof(out)));
	uri.port = 5071;
	assert_false(directory_domain_of(w->d, &uri, false, out, sizeof(out)));
	assert_true(directory_domain(w->d, STR("example.com"), false, out, 12));
	assert_false(directory_domain(w->d, STR("example.com"), false, out, 11)); /* no room */
}

/* A record that somebody holds stays as it was. */
static void test_account_changes(void **state)
{
	struct world *w = *state;
	struct store_account row;
	struct account *before, *after;
	struct arena a;

	arena_init(&a, 1024);
	before = directory_account(w->d, STR("alice"), STR("example.com"));
	assert_int_equal(
		store_account_get(w->other, STR("ALICE"), STR("example.com"), &a, &row), ERR_OK);
	row.disabled = false;
	row.ha1_md5 = STR("new");
	assert_int_equal(store_account_set(w->other, &row), ERR_OK);
	assert_true(before->disabled);
	world_refresh(w);
	assert_true(before->disabled);
	after = directory_account(w->d, STR("alice"), STR("example.com"));
	assert_false(after->disabled);
	assert_true(str_eq(after->ha1[CRYPTO_MD5], STR("new")));
	account_unref(before);
	account_unref(after);
	arena_fini(&a);
}

static void test_domain_alias_changes(void **state)
{
	struct world *w = *state;
	struct store_domain row;
	struct arena a;
	char out[64];

	arena_init(&a, 1024);
	assert_int_equal(store_domain_get(w->other, STR("example.com"), &a, &row), ERR_OK);
	row.aliases = STR("new.example");
	assert_int_equal(store_domain_set(w->other, &row), ERR_OK);
	world_refresh(w);
	assert_true(directory_domain(w->d, STR("New.example"), true, out, sizeof(out)));
	assert_false(directory_domain(w->d, STR("sip.example.com"), true, out, sizeof(out)));
	arena_fini(&a);
}

static void test_dialplan_changes(void **state)
{
	struct world *w = *state;
	struct dialplan *before = directory_dialplan(w->d, STR("joe"), STR("main")), *after;
	const struct store_dialplan row = { .customer = STR("joe"),
		.name = STR("main"),
		.type = STR("ruby"),
		.script = STR("sys.Respond(480)") };

	assert_int_equal(store_dialplan_put(w->other, &row, NULL), ERR_OK);
	world_refresh(w);
	after = directory_dialplan(w->d, STR("joe"), STR("main"));
	assert_true(str_eq(after->script, row.script));
	assert_false(before->version == after->version);
	dialplan_unref(before);
	dialplan_unref(after);
}

static void test_provider_changes(void **state)
{
	struct world *w = *state;
	struct store_provider row;
	struct provider *p;
	struct arena a;

	arena_init(&a, 1024);
	assert_int_equal(store_provider_get(w->other, STR("joe"), STR("GATE"), &a, &row), ERR_OK);
	row.password_sealed = STR("00112233");
	row.server = STR("sip:new");
	assert_int_equal(store_provider_set(w->other, &row), ERR_OK);
	world_refresh(w);
	p = directory_provider(w->d, STR("joe"), STR("gate"));
	assert_true(str_eq(p->server, STR("sip:new")));
	assert_int_equal(p->password.n, 0);
	assert_true(strstr(w->said, "provider Gate of customer joe cannot be used: its password"));
	assert_true(str_eq(
		p->password_fault, STR("its password was altered in the database; set it anew")));
	provider_unref(p);
	arena_fini(&a);
}

static void set_sealed(struct world *w, struct str sealed)
{
	struct store_provider row;
	struct arena a;

	arena_init(&a, 1024);
	assert_int_equal(store_provider_get(w->other, STR("joe"), STR("gate"), &a, &row), ERR_OK);
	row.password_sealed = sealed;
	assert_int_equal(store_provider_set(w->other, &row), ERR_OK);
	arena_fini(&a);
	world_refresh(w);
}

static void expect_password(struct world *w, const char *password, const char *fault)
{
	struct provider *p = directory_provider(w->d, STR("joe"), STR("gate"));

	assert_true(str_eq(p->password, str_of(password)));
	assert_true(str_eq(p->password_fault, str_of(fault)));
	provider_unref(p);
}

/* A key that is not here yet: it is said, and mended when the key comes. */
static void test_missing_key(void **state)
{
	struct world *w = *state;
	struct keyring keys;
	char sealed_text[KEYRING_SEALED_MAX], fault[128];
	struct buf sealed = BUF_OF(sealed_text);

	world_keys(&keys);
	assert_int_equal(keyring_add(&keys), ERR_OK);
	keys.current = 1;
	keyring_seal(&keys, STR("provider:joe:Gate:password"), STR("new secret"), &sealed);
	assert_false(directory_lacks_keys(w->d));
	set_sealed(w, buf_str(&sealed));
	snprintf(fault, sizeof(fault), "its password was sealed with key %s, which is not here",
		keys.keys[1].id);
	expect_password(w, "", fault);
	assert_non_null(strstr(w->said, fault));
	assert_true(directory_lacks_keys(w->d));
	directory_set_keys(w->d, &keys);
	assert_false(directory_lacks_keys(w->d));
	world_refresh(w);
	expect_password(w, "new secret", "");
}

/* Thousands that cannot be opened make a few events. */
static void test_many_missing_keys(void **state)
{
	struct world *w = *state;
	struct store_provider row = { .customer = STR("joe"),
		.server = STR("sip:x.example"),
		.username = STR("u"),
		.password_sealed = STR("deadbeef:00") };
	char name[32];
	unsigned lines = 0;

	w->said_n = 0;
	for (unsigned i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		row.name = str_of(name);
		assert_int_equal(store_provider_add(w->other, &row, &row.id), ERR_OK);
	}
	world_refresh(w);
	for (size_t i = 0; i < w->said_n; i++)
		lines += w->said[i] == '\n';
	assert_int_equal(lines, 21);
	assert_non_null(strstr(w->said, "of 280 more providers"));
}

static void test_removed(void **state)
{
	struct world *w = *state;
	struct directory_counts c;

	assert_int_equal(store_account_remove(w->other, STR("alice"), STR("example.com")), ERR_OK);
	assert_int_equal(store_domain_remove(w->other, STR("example.com")), ERR_OK);
	world_refresh(w);
	directory_counts(w->d, &c);
	assert_int_equal(c.accounts + c.domains, 0);
	assert_int_equal(c.customers + c.dialplans + c.providers, 3);
}

/* Removing a customer removes all that is theirs, and the directory hears of each. */
static void test_removed_with_the_customer(void **state)
{
	struct world *w = *state;
	struct directory_counts c;

	assert_int_equal(store_customer_remove(w->other, STR("joe")), ERR_OK);
	world_refresh(w);
	directory_counts(w->d, &c);
	assert_int_equal(c.customers + c.accounts + c.dialplans + c.providers, 0);
	assert_int_equal(c.domains, 1);
}

static void add_accounts(struct store_db *db, unsigned from, unsigned n)
{
	char name[16];
	struct store_account row = { .domain = STR("example.com"), .customer = STR("joe") };

	assert_int_equal(store_begin(db), ERR_OK);
	for (unsigned i = from; i < from + n; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		row.username = str_of(name);
		assert_int_equal(store_account_add(db, &row, NULL), ERR_OK);
	}
	assert_int_equal(store_commit(db), ERR_OK);
}

static void test_many_changes(void **state)
{
	struct world *w = *state;

	add_accounts(w->other, 0, 4000); /* one by one */
	world_refresh(w);
	assert_int_equal(world_accounts(w), 4001);
	add_accounts(w->other, 4000, 6000); /* too many: all anew */
	world_refresh(w);
	assert_int_equal(world_accounts(w), 10001);
	assert_int_equal(store_account_remove(w->other, STR("n77"), STR("example.com")), ERR_OK);
	world_refresh(w);
	assert_int_equal(world_accounts(w), 10000);
}

static void test_nothing_changed(void **state)
{
	struct world *w = *state;
	unsigned changed = 7;

	assert_int_equal(directory_refresh(w->d, w->own, &changed), ERR_OK);
	assert_int_equal(changed, 0);
}

static void count_told(struct str customer, struct str name, void *arg)
{
	++*(unsigned *)arg;
}

/* Whoever holds the record is not disturbed by a row that says the same as before. */
static void test_sealed_anew(void **state)
{
	struct world *w = *state;
	struct provider *before = directory_provider(w->d, STR("joe"), STR("gate")), *after;
	struct keyring keys;
	char text[KEYRING_SEALED_MAX];
	struct buf sealed = BUF_OF(text);
	unsigned told = 0;

	world_keys(&keys);
	assert_int_equal(keyring_add(&keys), ERR_OK);
	keys.current = 1;
	directory_set_keys(w->d, &keys);
	directory_watch_providers(w->d, count_told, &told);
	keyring_seal(&keys, STR("provider:joe:Gate:password"), STR("very secret"), &sealed);
	set_sealed(w, buf_str(&sealed));
	expect_password(w, "very secret", "");
	assert_int_equal(told, 0);
	add_accounts(w->other, 0, 6000); /* everything is read anew */
	world_refresh(w);
	after = directory_provider(w->d, STR("joe"), STR("gate"));
	assert_ptr_equal(before, after);
	provider_unref(after);
	sealed.n = 0;
	keyring_seal(&keys, STR("provider:joe:Gate:password"), STR("another"), &sealed);
	told = 0;
	set_sealed(w, buf_str(&sealed));
	expect_password(w, "another", "");
	assert_int_equal(told, 1);
	provider_unref(before);
}

static void test_load_time(void **state)
{
	struct world *w = *state;
	struct keyring keys;
	struct directory *d;
	struct clock from, to;
	char text[512];
	struct buf why = BUF_OF(text);

	add_accounts(w->other, 0, 100000);
	clock_read(&from);
	assert_int_equal(store_check(w->own), ERR_OK);
	clock_read(&to);
	print_message("100,000 accounts checked in %llu ms\n",
		(unsigned long long)(to.mono_ms - from.mono_ms));
	world_keys(&keys);
	clock_read(&from);
	assert_int_equal(directory_new(NULL, w->own, &keys, NULL, &d, &why), ERR_OK);
	clock_read(&to);
	print_message("100,000 accounts loaded in %llu ms\n",
		(unsigned long long)(to.mono_ms - from.mono_ms));
	directory_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_loaded),
		TEST(test_unknown),
		TEST(test_dotted),
		TEST(test_host_and_port),
		TEST(test_account_changes),
		TEST(test_domain_alias_changes),
		TEST(test_dialplan_changes),
		TEST(test_provider_changes),
		TEST(test_missing_key),
		TEST(test_sealed_anew),
		TEST(test_many_missing_keys),
		TEST(test_removed),
		TEST(test_removed_with_the_customer),
		TEST(test_many_changes),
		TEST(test_nothing_changed),
		TEST(test_load_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
