/* SPDX-License-Identifier: BSD-3-Clause */
/* Bindings: order, limits, expiry, lost connections, what is stored and read again. */
#include "world.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

static const char *const bob = "bob@example.com";

static void put(struct world *w, const char *aor, const struct wish *wish)
{
	enum err result;

	assert_int_equal(world_change(w, aor, wish, &result), ERR_OK);
	assert_int_equal(result, ERR_COUNT); /* never within the call */
	world_settle(w);
	assert_int_equal(result, ERR_OK);
}

static void test_order(void **state)
{
	struct world *w = *state;
	char text[1024];

	put(w, bob, &(struct wish){ "old", 500, NOW + 1000, NOW - 3, 0 });
	put(w, bob, &(struct wish){ "best", 1000, NOW + 1000, NOW - 9, 0 });
	put(w, bob, &(struct wish){ "new", 500, NOW + 1000, NOW - 1, 0 });
	put(w, bob, &(struct wish){ "worst", 0, NOW + 1000, NOW, 0 });
	assert_string_equal(world_contacts(w->l, "BOB@example.com", text), "best new old worst");
	put(w, bob, &(struct wish){ "new", 500, 0, 0, 0 });
	assert_string_equal(world_contacts(w->l, bob, text), "best old worst");
	assert_int_equal(location_count(w->l), 3);
	assert_int_equal(world_stored(w, NOW), 3);
}

static void test_refreshed_in_place(void **state)
{
	struct world *w = *state;
	char text[1024];

	for (int i = 0; i < 3; i++)
		put(w, bob, &(struct wish){ "c", 0, NOW + 1000 + i, 0, 0 });
	assert_string_equal(world_contacts(w->l, bob, text), "c");
	assert_int_equal(world_stored(w, NOW), 1);
}

static enum err refuse(
	void *arg, const struct binding *present, unsigned count, struct location_change *out)
{
	(void)arg;
	(void)present;
	(void)count;
	out->put[out->put_count++] = (struct binding){ .contact = STR("x") };
	return ERR_DENIED;
}

static void never(void *arg, enum err e)
{
	(void)arg;
	(void)e;
	fail();
}

static void test_refused_changes_nothing(void **state)
{
	struct world *w = *state;

	assert_int_equal(location_update(w->l, &w->worker, str_of(bob), refuse, NULL, never, NULL),
		ERR_DENIED);
	world_settle(w);
	assert_int_equal(location_count(w->l), 0);
}

static void test_limit_per_aor(void **state)
{
	struct world *w = *state;
	char contact[32];
	enum err result;

	for (int i = 0; i < LOCATION_BINDINGS_MAX; i++) {
		snprintf(contact, sizeof(contact), "c%d", i);
		put(w, bob, &(struct wish){ contact, 0, NOW + 1000, 0, 0 });
	}
	assert_int_equal(world_change(w, bob, &(struct wish){ "more", 0, NOW + 1, 0, 0 }, &result),
		ERR_LIMIT);
	assert_int_equal(location_count(w->l), LOCATION_BINDINGS_MAX);
	put(w, bob, &(struct wish){ "c7", 0, 0, 0, 0 });
	put(w, bob, &(struct wish){ "more", 0, NOW + 1, 0, 0 });
}

static void test_text_too_long(void **state)
{
	struct world *w = *state;
	char *contact = mem_alloc(70000);
	enum err result;

	memset(contact, 'x', 69999);
	contact[69999] = '\0';
	assert_int_equal(world_change(w, bob, &(struct wish){ contact, 0, NOW + 1, 0, 0 }, &result),
		ERR_LIMIT);
	assert_int_equal(location_count(w->l), 0);
	free(contact);
}

static void test_store_away(void **state)
{
	struct world *w = *state;
	enum err result;
	char text[1024];

	store_inject_failure(w->store, ERR_DB_FULL);
	assert_int_equal(
		world_change(w, bob, &(struct wish){ "c", 0, NOW + 1000, 0, 0 }, &result), ERR_OK);
	world_settle(w);
	assert_true(store_is_away(result));
	assert_string_equal(world_contacts(w->l, bob, text), "c");
	store_inject_failure(w->store, ERR_OK);
	world_settle(w);
	assert_int_equal(world_stored(w, NOW), 1);
}

static void test_expiry(void **state)
{
	struct world *w = *state;
	char text[1024];

	put(w, bob, &(struct wish){ "soon", 0, NOW + 1, 0, 0 });
	put(w, bob, &(struct wish){ "gone", 0, NOW, 0, 0 }); /* this very moment */
	put(w, bob, &(struct wish){ "later", 0, NOW + 100, 0, 0 });
	assert_string_equal(world_contacts(w->l, bob, text), "later soon");
	assert_int_equal(location_sweep(w->l, NOW), 1);
	assert_int_equal(location_sweep(w->l, NOW), 0);
	assert_int_equal(w->expired, 1);
	assert_int_equal(world_stored(w, NOW), 2);
	assert_int_equal(location_sweep(w->l, NOW + 100), 2);
	assert_int_equal(world_stored(w, NOW + 100), 0);
	assert_int_equal(location_count(w->l), 0);
}

/* In any order of expiry, with refreshes and removals between: each goes at its time. */
static void test_sweep_takes_what_expired(void **state)
{
	enum { N = 3000 };
	struct world *w = *state;
	static int64_t expires[N];
	size_t left = 0;
	char aor[32];
	enum err result;

	for (int i = 0; i < 3 * N; i++) {
		int at = (int)(rng_u64(&w->worker.rng) % N);

		expires[at] = i % 7 == 0 ? 0 : NOW + 1 + (int64_t)(rng_u64(&w->worker.rng) % 1000);
		snprintf(aor, sizeof(aor), "a%d@x", at);
		assert_int_equal(
			world_change(w, aor, &(struct wish){ "c", 0, expires[at], 0, 0 }, &result),
			ERR_OK);
	}
	world_settle(w);
	for (int64_t at = NOW; at <= NOW + 1000; at += 50) {
		while (location_sweep(w->l, at) > 0)
			;
		left = 0;
		for (int i = 0; i < N; i++)
			left += expires[i] > at;
		assert_int_equal(location_count(w->l), left);
	}
	assert_int_equal(left, 0);
}

static void test_sweep_is_bounded(void **state)
{
	enum { N = 10000 };
	struct world *w = *state;
	unsigned sum = 0, n, calls = 0;
	char aor[32];
	enum err result;

	for (int i = 0; i < N; i++) {
		snprintf(aor, sizeof(aor), "a%d@x", i);
		assert_int_equal(
			world_change(w, aor, &(struct wish){ "c", 0, NOW + 1, 0, 0 }, &result),
			ERR_OK);
	}
	world_settle(w);
	for (; (n = location_sweep(w->l, NOW + 1)) > 0; sum += n, calls++)
		assert_true(n <= 64 * 32);
	assert_int_equal(sum, N);
	assert_true(calls >= 5);
}

static void count_lost(struct str aor, const struct binding *b, void *arg)
{
	(void)aor;
	*(unsigned *)arg += b->lost;
}

static void test_connection_lost(void **state)
{
	struct world *w = *state;
	char text[1024];
	unsigned lost = 0;

	put(w, bob, &(struct wish){ "tcp7", 0, NOW + 100, NOW - 3, 7 });
	put(w, bob, &(struct wish){ "tcp8", 0, NOW + 100, NOW - 2, 8 });
	put(w, bob, &(struct wish){ "udp", 0, NOW + 100, NOW - 1, 0 });
	put(w, "ann@example.com", &(struct wish){ "tcp7", 0, NOW + 100, 0, 7 });
	location_conn_closed(w->l, 9);
	location_conn_closed(w->l, 0);
	assert_string_equal(world_contacts(w->l, bob, text), "udp tcp8 tcp7");
	location_conn_closed(w->l, 7);
	location_conn_closed(w->l, 7); /* every worker says so */
	assert_string_equal(world_contacts(w->l, bob, text), "udp tcp8");
	assert_string_equal(world_contacts(w->l, "ann@example.com", text), "");
	assert_int_equal(location_count(w->l), 4); /* until they expire */
	location_list(w->l, NOW, count_lost, &lost);
	assert_int_equal(lost, 2);
	put(w, bob, &(struct wish){ "tcp7", 0, NOW + 100, NOW, 17 }); /* it is back */
	assert_string_equal(world_contacts(w->l, bob, text), "tcp7 udp tcp8");
	location_conn_closed(w->l, 7);
	assert_string_equal(world_contacts(w->l, bob, text), "tcp7 udp tcp8");
	assert_int_equal(location_sweep(w->l, NOW + 100), 4);
}

/* What a lost one was may still be removed by its phone, here and in the database. */
static void test_lost_one_is_removed(void **state)
{
	struct world *w = *state;

	put(w, bob, &(struct wish){ "tcp7", 0, NOW + 100, 0, 7 });
	location_conn_closed(w->l, 7);
	put(w, bob, &(struct wish){ "tcp7", 0, 0, 0, 8 });
	assert_int_equal(location_count(w->l), 0);
	assert_int_equal(world_stored(w, NOW), 0);
}

/* ---- reading again ---- */

struct dump {
	char *lines[64];
	unsigned n;
};

static void dump_one(struct str aor, const struct binding *b, void *arg)
{
	struct dump *d = arg;
	char text[1024], remote[ADDR_TEXT_MAX + 8], local[ADDR_TEXT_MAX + 8];
	struct buf r = BUF_OF(remote), l = BUF_OF(local);

	flow_print_remote(&r, &b->flow);
	flow_print_local(&l, &b->flow);
	snprintf(text, sizeof(text), "%.*s %.*s %.*s %u %.*s %u %u %lld %lld %.*s %.*s %.*s %.*s",
		STR_ARG(aor), STR_ARG(b->contact), STR_ARG(b->instance), b->reg_id,
		STR_ARG(b->call_id), b->cseq, b->q1000, (long long)b->expires_ms,
		(long long)b->updated_ms, STR_ARG(b->user_agent), STR_ARG(b->path),
		STR_ARG(buf_str(&r)), STR_ARG(buf_str(&l)));
	assert_true(d->n < 64);
	d->lines[d->n++] = strdup(text);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void dump(struct location *l, struct dump *d)
{
	d->n = 0;
	location_list(l, NOW, dump_one, d);
	qsort(d->lines, d->n, sizeof(*d->lines), by_text);
}

static void expect_same(struct world *w, struct location *other)
{
	struct dump a, b;

	dump(w->l, &a);
	dump(other, &b);
	assert_int_equal(a.n, b.n);
	for (unsigned i = 0; i < a.n; i++) {
		assert_string_equal(a.lines[i], b.lines[i]);
		free(a.lines[i]);
		free(b.lines[i]);
	}
}

static void fill(struct world *w)
{
	char aor[32];

	for (int i = 0; i < 20; i++) {
		snprintf(aor, sizeof(aor), "u%d@example.com", i);
		put(w, aor, &(struct wish){ "one", 1000, NOW + 1000 + i, NOW - i, 0 });
		put(w, aor, &(struct wish){ "two", 300, NOW + 2000 + i, NOW - i, 0 });
		if (i % 2)
			put(w, aor, &(struct wish){ "one", 0, 0, 0, 0 });
	}
}

static void test_reload_is_the_same(void **state)
{
	struct world *w = *state;
	struct location *other;

	fill(w);
	other = world_reload(w, NOW);
	assert_int_equal(location_count(other), 30);
	expect_same(w, other);
	location_free(other);
}

/* Old rows pile up, and go when there are many. */
static void test_old_rows(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 1000; i++)
		put(w, bob, &(struct wish){ "one", 0, NOW + 1000 + i, 0, 0 });
	assert_int_equal(world_rows(w), 1000);
	assert_int_equal(world_stored(w, NOW), 1);
	for (int i = 0; i < 6000; i++) {
		put(w, bob, &(struct wish){ "one", 0, NOW + 1000 + i, 0, 0 });
		if (i % 100 == 0)
			assert_in_range(world_rows(w), 1, 5000);
	}
	assert_in_range(world_rows(w), 1, 4000);
	assert_int_equal(world_stored(w, NOW), 1);
}

/* While its old rows are still there, a binding that was taken back does not return. */
static void test_removed_before_its_old_rows(void **state)
{
	struct world *w = *state;
	struct location *other;
	char text[1024];

	put(w, bob, &(struct wish){ "one", 0, NOW + 1000, 0, 0 });
	put(w, bob, &(struct wish){ "one", 0, NOW + 2000, 0, 0 });
	put(w, bob, &(struct wish){ "one", 0, 0, 0, 0 });
	assert_int_equal(world_rows(w), 2);
	assert_int_equal(world_stored(w, NOW), 0);
	put(w, bob, &(struct wish){ "one", 0, NOW + 3000, 0, 0 });
	assert_int_equal(world_stored(w, NOW), 1);
	put(w, bob, &(struct wish){ "one", 0, NOW + 10, 0, 0 }); /* for a shorter time */
	assert_int_equal(world_stored(w, NOW + 10), 0);
	assert_int_equal(location_sweep(w->l, NOW + 10), 1);
	other = world_reload(w, NOW + 10);
	assert_string_equal(world_contacts(other, bob, text), "");
	location_free(other);
}

/* The clock was ahead once: what is written now counts all the same. */
static void test_clock_set_back(void **state)
{
	struct world *w = *state;

	w->worker.clock.wall_ms += 3600000;
	put(w, bob, &(struct wish){ "one", 0, NOW + 5000, 0, 0 });
	w->worker.clock.wall_ms -= 3600000;
	w->worker.last_row = 0; /* as after a restart */
	put(w, bob, &(struct wish){ "one", 0, NOW + 1, 0, 0 });
	assert_int_equal(world_stored(w, NOW), 1);
	assert_int_equal(world_stored(w, NOW + 1), 0);
}

/* A damaged database: the table writes all of it into the new one. */
static void test_written_back(void **state)
{
	struct world *w = *state;
	struct location *other;
	enum err result;

	fill(w);
	store_inject_failure(w->store, ERR_DB_CORRUPT);
	assert_int_equal(
		world_change(w, "u0@example.com", &(struct wish){ "one", 0, 0, 0, 0 }, &result),
		ERR_OK);
	world_settle(w);
	store_inject_failure(w->store, ERR_OK);
	world_settle(w);
	assert_true(store_healthy(w->store));
	assert_int_equal(store_reopen(w->db), ERR_OK);
	other = world_reload(w, NOW);
	assert_int_equal(location_count(other), 29);
	expect_same(w, other);
	location_free(other);
}

static void test_bytes_per_binding(void **state)
{
	enum { N = 100000 };
	struct world *w = *state;
	size_t before, after;
	struct clock from, to;
	struct location *other;
	char aor[32];
	enum err result;

	for (int i = 0; i < N; i++) {
		snprintf(aor, sizeof(aor), "user%d@example.com", i);
		assert_int_equal(world_change(w, aor,
					 &(struct wish){ "sip:user@192.0.2.1:40112;ob", 0,
						 NOW + 3600000, 0, 0 },
					 &result),
			ERR_OK);
	}
	world_settle(w);
	before = mallinfo2().uordblks;
	clock_read(&from);
	other = world_reload(w, NOW);
	clock_read(&to);
	after = mallinfo2().uordblks;
	print_message("%d bindings: %zu bytes each, loaded in %llu ms\n", N, (after - before) / N,
		(unsigned long long)(to.mono_ms - from.mono_ms));
	location_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_refreshed_in_place),
		TEST(test_refused_changes_nothing),
		TEST(test_limit_per_aor),
		TEST(test_text_too_long),
		TEST(test_store_away),
		TEST(test_expiry),
		TEST(test_sweep_takes_what_expired),
		TEST(test_sweep_is_bounded),
		TEST(test_connection_lost),
		TEST(test_lost_one_is_removed),
		TEST(test_reload_is_the_same),
		TEST(test_written_back),
		TEST(test_old_rows),
		TEST(test_removed_before_its_old_rows),
		TEST(test_clock_set_back),
		TEST(test_bytes_per_binding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
