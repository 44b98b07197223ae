/* SPDX-License-Identifier: BSD-3-Clause */
/* Nodes on one database, each with a clock of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../temp_dir.h"
#include "cluster/node.h"

#define OK(e) assert_int_equal(e, ERR_OK)

enum { PROVIDERS = 3 };

struct one { /* a process */
	struct node *node;
	struct store_db *db;
	uint64_t now_ms;
	unsigned taken;
	int64_t fence; /* of the last row */
	char last[64];
};

struct fixture {
	char dir[64], url[96];
	struct event_bus *bus;
	struct event_sink sink;
	char said[4096];
	struct one a, b;
};

static void hear(struct event_sink *sink, const struct event_record *r)
{
	struct fixture *f = container_of(sink, struct fixture, sink);
	size_t n = strlen(f->said);

	snprintf(f->said + n, sizeof(f->said) - n, "%.*s\n", STR_ARG(r->event.text));
}

static struct store_db *open_db(struct fixture *f)
{
	char text[256];
	struct buf why = BUF_OF(text);
	struct store_db *db = NULL;

	OK(store_open(str_of(f->url), f->bus, &db, &why));
	return db;
}

static void on_taken(const struct store_provider_binding *row, void *arg)
{
	struct one *o = arg;

	o->taken++;
	o->fence = row->fence;
	assert_int_equal(str_copy(row->name, o->last, sizeof(o->last)), ERR_OK);
}

static void begin(struct fixture *f, struct one *o, const char *name, uint64_t now_ms)
{
	*o = (struct one){ .now_ms = now_ms, .db = open_db(f) };
	o->node = node_new(&(struct node_config){
		.name = str_of(name), .taken = on_taken, .arg = o, .events = f->bus });
}

static void end(struct one *o)
{
	node_free(o->node);
	store_close(o->db);
	*o = (struct one){ 0 };
}

static enum err step(struct one *o, uint64_t ms)
{
	o->now_ms += ms;
	return node_step(o->node, o->db, o->now_ms);
}

static void steps(struct one *o, unsigned seconds)
{
	while (seconds--)
		OK(step(o, 1000));
}

static uint64_t lease(const struct one *o)
{
	return node_lease(o->node, o->now_ms);
}

static void add_provider(struct fixture *f, const char *name)
{
	struct store_db *db = open_db(f);
	struct store_provider p = { .customer = STR("joe"),
		.name = str_of(name),
		.server = STR("sip:x"),
		.username = STR("u"),
		.register_enabled = true };

	OK(store_provider_add(db, &p, &p.id));
	store_close(db);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct store_customer joe = { .name = STR("joe") };
	struct store_db *db;

	assert_true(temp_dir_make(f->dir, sizeof(f->dir), "node"));
	snprintf(f->url, sizeof(f->url), "sqlite:%s/x.db", f->dir);
	f->bus = event_bus_new(false, 16);
	f->sink.take = hear;
	event_bus_add(f->bus, &f->sink);
	db = open_db(f);
	OK(store_customer_add(db, &joe, &joe.id));
	store_close(db);
	for (unsigned i = 0; i < PROVIDERS; i++)
		add_provider(f, (const char *[]){ "one", "two", "three" }[i]);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->a.node)
		end(&f->a);
	if (f->b.node)
		end(&f->b);
	temp_dir_remove(f->dir);
	event_bus_free(f->bus);
	free(f);
	return 0;
}

/* ---- */

static void all_is_taken_once(void **state)
{
	struct fixture *f = *state;

	begin(f, &f->a, "a", 5000);
	begin(f, &f->b, "b", 900000);
	assert_int_equal(lease(&f->a), 0);
	OK(step(&f->a, 0));
	assert_int_equal(f->a.taken, PROVIDERS);
	assert_true(lease(&f->a) != 0);
	OK(step(&f->b, 0));
	assert_int_equal(f->b.taken, 0);
	for (unsigned i = 0; i < 60; i++) {
		OK(step(&f->a, 1000));
		OK(step(&f->b, 1000));
	}
	assert_int_equal(f->a.taken, PROVIDERS);
	assert_int_equal(f->b.taken, 0);
}

static void what_is_wanted_is_added_once(void **state)
{
	struct fixture *f = *state;

	begin(f, &f->a, "a", 5000);
	begin(f, &f->b, "b", 5000);
	OK(step(&f->a, 0));
	OK(step(&f->b, 0));
	add_provider(f, "New");
	node_want(f->a.node, STR("joe"), STR("New"));
	node_want(f->b.node, STR("joe"), STR("New"));
	OK(step(&f->b, 10));
	OK(step(&f->a, 10));
	assert_int_equal(f->b.taken, 1);
	assert_string_equal(f->b.last, "New");
	assert_int_equal(f->a.taken, PROVIDERS);
	/* what does not exist, or is taken, is nothing to take */
	node_want(f->a.node, STR("joe"), STR("nothing"));
	node_want(f->a.node, STR_NONE, STR_NONE);
	OK(step(&f->a, 10));
	assert_int_equal(f->a.taken, PROVIDERS);
}

static void many_wants_are_all_looked_at(void **state)
{
	struct fixture *f = *state;
	char name[16];

	begin(f, &f->a, "a", 5000);
	OK(step(&f->a, 0));
	for (unsigned i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "p%u", i);
		if (i % 20 == 0)
			add_provider(f, name);
		node_want(f->a.node, STR("joe"), str_of(name));
	}
	OK(step(&f->a, 10));
	assert_int_equal(f->a.taken, PROVIDERS + 10);
}

static void the_dead_are_taken_over(void **state)
{
	struct fixture *f = *state;
	int64_t fence;

	begin(f, &f->a, "a", 5000);
	begin(f, &f->b, "b", 77777);
	OK(step(&f->a, 0));
	fence = f->a.fence;
	OK(step(&f->b, 0));
	steps(&f->b, 9);
	assert_int_equal(f->b.taken, 0);
	steps(&f->b, 2);
	assert_int_equal(f->b.taken, PROVIDERS);
	assert_true(f->b.fence > fence);
	assert_non_null(strstr(f->said, "has not been heard of for 10 s"));
	/* whoever died stopped before that: a lease is shorter */
	f->a.now_ms += 9000;
	assert_int_equal(lease(&f->a), 0);
}

static void writes_under_an_old_number_do_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_provider_binding row = {
		.customer = STR("joe"), .name = STR("one"), .state = STR("registered")
	};

	begin(f, &f->a, "a", 5000);
	begin(f, &f->b, "b", 5000);
	OK(step(&f->a, 0));
	OK(step(&f->b, 0));
	row.fence = f->a.fence;
	OK(store_provider_binding_update(f->a.db, &row));
	steps(&f->b, 11);
	assert_int_equal(store_provider_binding_update(f->a.db, &row), ERR_NOT_FOUND);
	assert_int_equal(store_provider_binding_remove(f->a.db, &row), ERR_NOT_FOUND);
	row.fence = f->b.fence;
	OK(store_provider_binding_update(f->b.db, &row));
}

static void who_was_buried_comes_back_as_somebody_new(void **state)
{
	struct fixture *f = *state;
	char before[NODE_SESSION_MAX], after[NODE_SESSION_MAX];
	uint64_t old;

	begin(f, &f->a, "a", 5000);
	begin(f, &f->b, "b", 5000);
	OK(step(&f->a, 0));
	old = lease(&f->a);
	node_session(f->a.node, before);
	OK(step(&f->b, 0));
	steps(&f->b, 11);
	f->a.taken = 0;
	OK(step(&f->a, 1000));
	node_session(f->a.node, after);
	assert_string_not_equal(before, after);
	assert_non_null(strstr(f->said, "took this node"));
	assert_int_equal(f->a.taken, 0);
	assert_true(lease(&f->a) != 0 && lease(&f->a) != old);
	/* and it is watched like any other */
	f->b.taken = 0;
	steps(&f->a, 11);
	assert_int_equal(f->a.taken, PROVIDERS);
}

static void a_long_sleep_ends_the_lease(void **state)
{
	struct fixture *f = *state;
	uint64_t old;
	int64_t fence;

	begin(f, &f->a, "a", 5000);
	OK(step(&f->a, 0));
	old = lease(&f->a);
	fence = f->a.fence;
	f->a.now_ms += 60000;
	assert_int_equal(lease(&f->a), 0);
	f->a.taken = 0;
	OK(step(&f->a, 0)); /* nobody took it meanwhile: the same again, under new numbers */
	assert_int_equal(f->a.taken, PROVIDERS);
	assert_true(lease(&f->a) != old);
	assert_true(f->a.fence > fence);
}

static void leaving_in_order_hands_over_at_once(void **state)
{
	struct fixture *f = *state;
	char session[NODE_SESSION_MAX];

	begin(f, &f->a, "a", 5000);
	begin(f, &f->b, "b", 5000);
	OK(step(&f->a, 0));
	OK(step(&f->b, 0));
	node_session(f->a.node, session);
	OK(store_node_leave(f->a.db, str_of(session)));
	OK(step(&f->b, 1000));
	assert_int_equal(f->b.taken, PROVIDERS);
	assert_null(strstr(f->said, "heard"));
}

static void a_known_session_goes_on_at_once(void **state)
{
	struct fixture *f = *state;
	char session[NODE_SESSION_MAX];

	begin(f, &f->a, "a", 5000);
	OK(step(&f->a, 0));
	node_session(f->a.node, session);
	end(&f->a);
	f->a = (struct one){ .now_ms = 100, .db = open_db(f) };
	f->a.node = node_new(&(struct node_config){ .name = STR("a"),
		.session = str_of(session),
		.taken = on_taken,
		.arg = &f->a,
		.events = f->bus });
	OK(step(&f->a, 0));
	assert_int_equal(f->a.taken, PROVIDERS);
}

/* Somebody else holds the database for writing. */
static void without_a_database_only_who_is_alone_goes_on(void **state)
{
	struct fixture *f = *state;
	struct store_db *blocker;

	begin(f, &f->a, "a", 5000);
	OK(step(&f->a, 0));
	blocker = open_db(f);
	OK(store_begin(blocker));
	assert_true(step(&f->a, 5000) != ERR_OK);
	assert_true(step(&f->a, 5000) != ERR_OK);
	assert_true(lease(&f->a) != 0); /* nobody else was ever seen */
	store_rollback(blocker);
	begin(f, &f->b, "b", 5000);
	OK(step(&f->a, 1000));
	OK(step(&f->b, 1000));
	OK(step(&f->a, 1000));
	OK(step(&f->b, 1000));
	OK(step(&f->a, 1000));
	OK(store_begin(blocker));
	assert_true(step(&f->a, 5000) != ERR_OK);
	assert_true(lease(&f->a) != 0);
	assert_true(step(&f->a, 5000) != ERR_OK);
	assert_int_equal(lease(&f->a), 0);
	assert_non_null(strstr(f->said, "rest here"));
	store_rollback(blocker);
	store_close(blocker);
	OK(step(&f->a, 1000));
	assert_true(lease(&f->a) != 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(all_is_taken_once),
		T(what_is_wanted_is_added_once),
		T(many_wants_are_all_looked_at),
		T(the_dead_are_taken_over),
		T(writes_under_an_old_number_do_nothing),
		T(who_was_buried_comes_back_as_somebody_new),
		T(a_long_sleep_ends_the_lease),
		T(leaving_in_order_hands_over_at_once),
		T(a_known_session_goes_on_at_once),
		T(without_a_database_only_who_is_alone_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
