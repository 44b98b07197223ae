/* SPDX-License-Identifier: BSD-3-Clause */
/* Workers look up while the follower refreshes, somebody changes rows, keys are rotated, and the
 * file vanishes. */
#include "world.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { READERS = 3, CHANGES = 60 };

struct shared {
	struct world *w;
	bool stop;
	unsigned looked, missed, half;
	unsigned refreshed;
	struct keyring keys; /* two; the current one changes all the time */
	char token[DIRECTORY_TOKEN_CHARS + 1]; /* of the provider */
};

static bool stopped(struct shared *s)
{
	return __atomic_load_n(&s->stop, __ATOMIC_ACQUIRE);
}

/* Alice is always there, and always one row as it was written: both fields change together. */
static void look(struct shared *s)
{
	struct account *a = directory_account(s->w->d, STR("alice"), STR("example.com"));
	char out[64];

	__atomic_add_fetch(&s->looked, 1, __ATOMIC_RELAXED);
	if (!a || !directory_domain(s->w->d, STR("sip.example.com"), false, out, sizeof(out)))
		__atomic_add_fetch(&s->missed, 1, __ATOMIC_RELAXED);
	else if (!str_eq(a->network_id, a->ip_acl))
		__atomic_add_fetch(&s->half, 1, __ATOMIC_RELAXED);
	account_unref(a);
}

/* Whatever key it is sealed with, the password is there. */
static void look_at_provider(struct shared *s)
{
	struct provider *p = directory_provider(s->w->d, STR("joe"), STR("gate"));

	if (!p || !str_eq(p->password, STR("very secret")))
		__atomic_add_fetch(&s->missed, 1, __ATOMIC_RELAXED);
	provider_unref(p);
}

static void count(struct provider *p, void *n)
{
	*(unsigned *)n += str_eq(p->name, STR("Gate"));
}

/* However its addresses are written, this is one of them; and its token leads to it. */
static void look_for_provider(struct shared *s)
{
	struct provider *p = directory_provider_by_token(s->w->d, str_of(s->token));
	unsigned found = 0;
	struct addr a;

	if (addr_parse_ip(STR("192.0.2.7"), 5060, &a) == ERR_OK)
		directory_each_at(s->w->d, &a, count, &found);
	if (!p || !found)
		__atomic_add_fetch(&s->missed, 1, __ATOMIC_RELAXED);
	provider_unref(p);
}

static void *read_on(void *arg)
{
	while (!stopped(arg)) {
		look(arg);
		look_at_provider(arg);
		look_for_provider(arg);
	}
	return NULL;
}

static void *refresh_on(void *arg)
{
	struct shared *s = arg;
	unsigned changed;

	while (!stopped(s)) {
		enum err e = directory_refresh(s->w->d, s->w->own, &changed);

		__atomic_add_fetch(&s->refreshed, e == ERR_OK, __ATOMIC_RELEASE);
		usleep(200);
	}
	return NULL;
}

static void change(struct world *w, int n)
{
	struct store_account row;
	struct arena a;
	char text[16];

	arena_init(&a, 1024);
	snprintf(text, sizeof(text), "v%d", n);
	assert_int_equal(
		store_account_get(w->other, STR("alice"), STR("example.com"), &a, &row), ERR_OK);
	row.network_id = str_of(text);
	row.ip_acl = str_of(text);
	assert_int_equal(store_account_set(w->other, &row), ERR_OK);
	arena_fini(&a);
}

static void change_addresses(struct world *w, int n)
{
	static const char *const same[] = { "192.0.2.7", "192.0.2.0/24", "10.0.0.1,192.0.2.7" };
	struct store_provider row;
	struct arena a;

	arena_init(&a, 1024);
	assert_int_equal(store_provider_get(w->other, STR("joe"), STR("gate"), &a, &row), ERR_OK);
	row.addresses = str_of(same[n % 3]);
	assert_int_equal(store_provider_set(w->other, &row), ERR_OK);
	arena_fini(&a);
}

static void rotate(struct shared *s)
{
	struct store_provider row;
	struct arena a;
	char text[KEYRING_SEALED_MAX];
	struct buf sealed = BUF_OF(text);

	s->keys.current = !s->keys.current;
	directory_set_keys(s->w->d, &s->keys);
	arena_init(&a, 1024);
	assert_int_equal(
		store_provider_get(s->w->other, STR("joe"), STR("gate"), &a, &row), ERR_OK);
	keyring_seal(&s->keys, STR("provider:joe:Gate:password"), STR("very secret"), &sealed);
	assert_int_equal(store_sealed_set(s->w->other, row.id, buf_str(&sealed)), ERR_OK);
	arena_fini(&a);
}

/* Until the refresh has gone through once more. */
static void wait_for_refresh(struct shared *s)
{
	unsigned before = __atomic_load_n(&s->refreshed, __ATOMIC_ACQUIRE);

	while (__atomic_load_n(&s->refreshed, __ATOMIC_ACQUIRE) < before + 2)
		usleep(500);
}

static void test_all_at_once(void **state)
{
	struct shared s = { .w = *state };
	pthread_t readers[READERS], refresher;
	struct account *a;

	world_keys(&s.keys);
	assert_int_equal(keyring_add(&s.keys), ERR_OK);
	change(s.w, 0);
	change_addresses(s.w, 0);
	directory_use_tokens(s.w->d, world_key);
	directory_provider_token(world_key, STR("joe"), STR("gate"), s.token);
	world_refresh(s.w);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_on, &s), 0);
	assert_int_equal(pthread_create(&refresher, NULL, refresh_on, &s), 0);
	for (int i = 1; i <= CHANGES; i++) {
		change(s.w, i);
		change_addresses(s.w, i);
		rotate(&s);
		if (i == CHANGES / 2) {
			wait_for_refresh(&s);
			assert_int_equal(unlink(s.w->path), 0);
			while (store_reopen(s.w->other)) /* until it is written anew */
				usleep(500);
		}
	}
	wait_for_refresh(&s);
	__atomic_store_n(&s.stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	pthread_join(refresher, NULL);
	assert_true(s.looked > 0);
	assert_int_equal(s.missed, 0);
	assert_int_equal(s.half, 0);
	a = directory_account(s.w->d, STR("alice"), STR("example.com"));
	assert_true(str_eq(a->network_id, STR("v60")));
	account_unref(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_all_at_once, world_setup_threads, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
