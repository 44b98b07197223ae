/* SPDX-License-Identifier: BSD-3-Clause */
/* Many threads at once over the same addresses: what is stored is what memory has. */
#include "world.h"

#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

enum { THREADS = 4, AORS = 40, ROUNDS = 500 };

struct runner {
	pthread_t thread;
	struct worker worker;
	struct world *w;
	unsigned id, ordered, answered, failed;
};

struct order {
	struct runner *r;
	char contact[16];
	bool remove;
};

static enum err change(
	void *arg, const struct binding *present, unsigned count, struct location_change *out)
{
	const struct order *o = arg;

	(void)present;
	(void)count;
	if (o->remove) {
		out->remove[out->remove_count++] =
			(struct binding_key){ .contact = str_of(o->contact) };
		return ERR_OK;
	}
	out->put[out->put_count] = (struct binding){ .contact = str_of(o->contact),
		.user_agent = STR("phone"),
		.cseq = o->r->ordered,
		.expires_ms = NOW + 100000,
		.updated_ms = NOW,
		.flow = { .proto = TP_TCP, .conn = 1 + o->r->ordered % 5 } };
	if (addr_parse(STR("192.0.2.1:1"), &out->put[0].flow.remote) ||
		addr_parse(STR("192.0.2.2:1"), &out->put[0].flow.local))
		return ERR_SYNTAX;
	out->put_count++;
	return ERR_OK;
}

static void done(void *arg, enum err e)
{
	struct runner *r = arg;

	r->answered++;
	r->failed += e != ERR_OK;
}

static void count(const struct binding *b, void *arg)
{
	*(unsigned *)arg += b->contact.n > 0;
}

static void *run(void *arg)
{
	struct runner *r = arg;
	unsigned seen = 0;
	char aor[32];

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t x = rng_u64(&r->worker.rng);
		struct order o = { .r = r, .remove = x % 5 == 0 };

		snprintf(aor, sizeof(aor), "a%u@x", (unsigned)(x >> 8) % AORS);
		snprintf(o.contact, sizeof(o.contact), "c%u", (unsigned)(x >> 32) % 8);
		r->ordered +=
			!location_update(r->w->l, &r->worker, str_of(aor), change, &o, done, r);
		location_each(r->w->l, str_of(aor), NOW, count, &seen);
		if (i % 50 == 0)
			location_conn_closed(r->w->l, 1 + x % 5);
		if (i % 100 == 0)
			location_sweep(r->w->l, NOW);
		worker_run_inbox(&r->worker);
		worker_end_turn(&r->worker);
	}
	while (r->answered < r->ordered) {
		usleep(1000);
		worker_run_inbox(&r->worker);
		worker_end_turn(&r->worker);
	}
	return NULL;
}

struct wanted {
	struct str aor, contact;
	bool found;
};

static void look(struct str aor, const struct binding *b, void *arg)
{
	struct wanted *w = arg;

	w->found = w->found || (str_ieq(aor, w->aor) && str_eq(b->contact, w->contact));
}

static void is_stored(struct str aor, const struct binding *b, void *stored)
{
	struct wanted w = { .aor = aor, .contact = b->contact };

	if (b->lost)
		return;
	location_list(stored, NOW, look, &w); /* lost ones too: their connections ended with us */
	assert_true(w.found);
}

static void test_at_once(void **state)
{
	struct world *w = *state;
	static struct runner runners[THREADS];
	struct location *stored;

	for (unsigned i = 0; i < THREADS; i++) {
		struct runner *r = &runners[i];

		*r = (struct runner){ .w = w, .id = i };
		worker_init(&r->worker, i, THREADS, w->bus);
		r->worker.clock.wall_ms = NOW;
		assert_int_equal(pthread_create(&r->thread, NULL, run, r), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(runners[i].thread, NULL);
		assert_int_equal(runners[i].ordered, ROUNDS);
		assert_int_equal(runners[i].failed, 0);
		worker_fini(&runners[i].worker);
	}
	stored = world_reload(w, NOW);
	assert_true(location_count(stored) > 0);
	assert_int_equal(location_count(stored), location_count(w->l));
	location_list(w->l, NOW, is_stored, stored);
	location_free(stored);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_at_once, world_setup_threads, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
