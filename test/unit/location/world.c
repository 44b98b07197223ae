/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"
#include "../temp_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void hear(struct event_sink *sink, const struct event_record *r)
{
	struct world *w = container_of(sink, struct world, sink);

	w->expired += r->event.kind == EV_EXPIRED;
}

static int setup(void **state, bool stepped)
{
	struct world *w = mem_new(struct world);
	struct store_config cfg = { .queue_max = 1000000, .retry_ms = 20 };
	char text[512];
	struct buf why = BUF_OF(text);

	if (!temp_dir_make(w->dir, sizeof(w->dir), "location"))
		return -1;
	snprintf(w->url, sizeof(w->url), "sqlite:%s/x.db", w->dir);
	cfg.url = str_of(w->url);
	w->bus = event_bus_new(false, 16);
	w->sink.take = hear;
	event_bus_add(w->bus, &w->sink);
	worker_init(&w->worker, 0, 1, w->bus);
	w->worker.clock.wall_ms = NOW;
	assert_int_equal(stepped ? store_start_stepped(&cfg, w->bus, &w->store, &why)
				 : store_start(&cfg, w->bus, &w->store, &why),
		ERR_OK);
	assert_int_equal(store_open(cfg.url, NULL, &w->db, &why), ERR_OK);
	assert_int_equal(location_new(w->store, w->bus, 1, &w->l), ERR_OK);
	*state = w;
	return 0;
}

int world_setup(void **state)
{
	return setup(state, true);
}

int world_setup_threads(void **state)
{
	return setup(state, false);
}

int world_teardown(void **state)
{
	struct world *w = *state;

	store_stop(w->store);
	worker_run_inbox(&w->worker);
	location_free(w->l);
	store_close(w->db);
	worker_fini(&w->worker);
	temp_dir_remove(w->dir);
	event_bus_free(w->bus);
	free(w);
	return 0;
}

struct location *world_reload(struct world *w, int64_t now_ms)
{
	struct location *l;
	size_t n;

	assert_int_equal(location_new(NULL, w->bus, 1, &l), ERR_OK);
	assert_int_equal(location_load(l, w->db, now_ms, &n), ERR_OK);
	assert_int_equal(n, location_count(l));
	return l;
}

static enum err change(
	void *arg, const struct binding *present, unsigned count, struct location_change *out)
{
	const struct wish *wish = arg;
	struct binding b = { .contact = str_of(wish->contact),
		.instance = str_of(wish->contact),
		.reg_id = 2,
		.call_id = STR("call-id"),
		.cseq = 3,
		.q1000 = wish->q1000,
		.expires_ms = wish->expires_ms,
		.updated_ms = wish->updated_ms ? wish->updated_ms : NOW,
		.user_agent = STR("phone 1.0"),
		.path = STR("<sip:edge;lr>"),
		.flow = { .proto = wish->conn ? TP_TCP : TP_UDP, .conn = wish->conn } };

	(void)present;
	(void)count;
	assert_int_equal(addr_parse(STR("192.0.2.1:40112"), &b.flow.remote), ERR_OK);
	assert_int_equal(addr_parse(STR("10.0.0.254:5060"), &b.flow.local), ERR_OK);
	if (wish->expires_ms)
		out->put[out->put_count++] = b;
	else
		out->remove[out->remove_count++] = binding_key(&b);
	return ERR_OK;
}

static void done(void *arg, enum err e)
{
	*(enum err *)arg = e;
}

enum err world_change(struct world *w, const char *aor, const struct wish *wish, enum err *result)
{
	*result = ERR_COUNT;
	return location_update(w->l, &w->worker, str_of(aor), change, (void *)wish, done, result);
}

void world_settle(struct world *w)
{
	store_step(w->store);
	worker_run_inbox(&w->worker);
	worker_end_turn(&w->worker);
}

static void add_contact(const struct binding *b, void *arg)
{
	struct buf *out = arg;

	if (out->n)
		buf_char(out, ' ');
	buf_add(out, b->contact);
}

const char *world_contacts(struct location *l, const char *aor, char out[1024])
{
	struct buf b = { .p = out, .max = 1023 };

	location_each(l, str_of(aor), NOW, add_contact, &b);
	out[b.n] = '\0';
	return out;
}

unsigned world_stored(struct world *w, int64_t now_ms)
{
	struct location *found = world_reload(w, now_ms);
	unsigned n = (unsigned)location_count(found);

	location_free(found);
	return n;
}

static void count(const struct store_binding *row, void *arg)
{
	(void)row;
	(*(unsigned *)arg)++;
}

unsigned world_rows(struct world *w)
{
	unsigned n = 0;

	assert_int_equal(store_binding_list(w->db, count, &n), ERR_OK);
	return n;
}
