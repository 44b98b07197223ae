/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The row of a registration. One write is on its way at a time; what changes meanwhile goes with
 * the next, so that a store that is away holds back one job each and no more. A write names the
 * number of our lease: when another node has the row, or nobody, it does nothing.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "event/event.h"
#include "provider/registration.h"

struct row_job {
	struct store_job job;
	struct arena arena;
	struct provider_home *home;
	bool remove;
	struct store_provider_binding row;
};

void registration_settings(const struct provider *p, struct buf *b)
{
	buf_printf(b, "%lld %lld", (long long)p->id, (long long)p->updated_ms);
}

/* ---- jobs ---- */

void provider_home_leave(struct provider_home *h)
{
	if (--h->refs == 0)
		free(h);
}

static struct row_job *new_job(
	struct provider_agent *a, struct str customer, struct str name, int64_t fence)
{
	struct row_job *j = mem_new(struct row_job);

	arena_init(&j->arena, 1024);
	j->home = a->home;
	j->home->refs++;
	j->row.customer = arena_str(&j->arena, customer);
	j->row.name = arena_str(&j->arena, name);
	j->row.fence = fence;
	return j;
}

static void free_job(struct row_job *j)
{
	provider_home_leave(j->home);
	arena_fini(&j->arena);
	free(j);
}

static enum err run(struct store_job *job, struct store_db *db)
{
	struct row_job *j = container_of(job, struct row_job, job);

	return j->remove ? store_provider_binding_remove(db, &j->row)
			 : store_provider_binding_update(db, &j->row);
}

/* The row is another's, or there is none any more: then it may be wanted anew. */
static void lost(struct registration *r)
{
	struct node *n = r->agent->env.node;

	registration_say(r, EV_PROVIDER_LEFT, "kept by another node from now on");
	node_want(n, r->provider->customer, r->provider->name);
	registration_free(r);
}

static void done(struct store_job *job)
{
	struct row_job *j = container_of(job, struct row_job, job);
	struct provider_agent *a = j->home->agent; /* NULL: we are stopping */
	struct registration *r = a ? provider_agent_find(a, j->row.customer, j->row.name) : NULL;
	bool again = r && r->store_again;

	if (a && j->remove) {
		/* its owner may have changed his mind while the row was still there */
		node_want(a->env.node, j->row.customer, j->row.name);
	} else if (r && r->fence == j->row.fence) {
		r->storing = r->store_again = false;
		if (job->result == ERR_NOT_FOUND)
			lost(r);
		else if (again)
			registration_store(r);
	}
	free_job(j);
}

static enum err post(struct provider_agent *a, struct row_job *j)
{
	enum err e;

	j->job = (struct store_job){
		.kind = STORE_WRITE, .worker = a->env.uac.worker, .run = run, .done = done
	};
	e = store_post(a->env.store, &j->job);
	if (e)
		free_job(j);
	return e;
}

/* ---- rows ---- */

static struct str keep(struct row_job *j, const char *text)
{
	return text ? arena_str(&j->arena, str_of(text)) : STR_NONE;
}

static int64_t wall_of(const struct registration *r, uint64_t mono_ms)
{
	return mono_ms
		? registration_worker(r)->clock.wall_ms + (int64_t)(mono_ms - registration_now(r))
		: 0;
}

static void fill(struct row_job *j, const struct registration *r)
{
	char text[64];
	struct buf settings = BUF_OF(text);
	struct store_provider_binding *row = &j->row;

	registration_settings(r->provider, &settings);
	row->state = provider_state_name(r->state);
	row->reason = keep(j, r->reason);
	row->since_ms = r->since_ms;
	row->next_ms = r->next_ms;
	row->expires_ms = wall_of(r, r->expires_ms);
	row->expiry_s = r->asked_s;
	row->settings = arena_str(&j->arena, buf_str(&settings));
	row->registrar = keep(j, r->registrar);
	row->contact = keep(j, r->contact);
	row->call_id = keep(j, r->ids.call_id);
	row->cseq = r->cseq;
	row->challenge = keep(j, r->challenge);
	row->challenge_status = r->challenge_status;
	row->nc = r->nc;
}

void registration_store(struct registration *r)
{
	struct row_job *j;

	r->store_again = r->storing;
	if (r->storing)
		return;
	j = new_job(r->agent, r->provider->customer, r->provider->name, r->fence);
	fill(j, r);
	/* when the queue is full, which the store says itself, the next change tries again */
	r->storing = post(r->agent, j) == ERR_OK;
}

void registration_drop_row(struct provider_agent *a, const struct store_provider_binding *row)
{
	struct row_job *j = new_job(a, row->customer, row->name, row->fence);

	j->remove = true;
	/* or, when the queue is full, at the next start */
	(void)!post(a, j);
}

void registration_forget_row(struct registration *r)
{
	const struct store_provider_binding row = {
		.customer = r->provider->customer, .name = r->provider->name, .fence = r->fence
	};

	registration_drop_row(r->agent, &row);
}

/* ---- from a row of before ---- */

static char *text_or_null(struct str s)
{
	return s.n ? str_dup(s) : NULL;
}

static uint64_t until(const struct registration *r, int64_t wall_ms, uint64_t max)
{
	int64_t left = wall_ms - registration_worker(r)->clock.wall_ms;

	return left < 0 ? 0 : (uint64_t)left < max ? (uint64_t)left : max;
}

static enum provider_state state_of(struct str name)
{
	for (unsigned s = 0; s < PROVIDER_STATE_COUNT; s++)
		if (str_eq(name, provider_state_name(s)))
			return s;
	return PROVIDER_WAITING;
}

/* A try that was due, and that nobody wrote the end of, may have been begun by who died since. */
static uint32_t cseq_after(const struct registration *r, const struct store_provider_binding *row)
{
	bool due = row->next_ms <= registration_worker(r)->clock.wall_ms;

	return row->cseq + (due ? PROVIDER_TURNS_MAX * 2 : 0);
}

void registration_go_on(struct registration *r, const struct store_provider_binding *row)
{
	char text[64];
	struct buf settings = BUF_OF(text);
	enum provider_state s = state_of(row->state);
	uint64_t left = until(r, row->expires_ms, PROVIDER_EXPIRY_MAX_S * 1000ULL);

	r->fence = row->fence;
	if (!row->call_id.n) { /* a row that was only made for it */
		registration_begin(r);
		return;
	}
	if (!str_copy(row->call_id, r->ids.call_id, sizeof(r->ids.call_id)))
		r->cseq = cseq_after(r, row);
	r->contact = text_or_null(row->contact);
	r->registrar = text_or_null(row->registrar);
	r->expires_ms = left ? registration_now(r) + left : 0;
	registration_settings(r->provider, &settings);
	if (!str_eq(buf_str(&settings), row->settings) || s == PROVIDER_HELD ||
		r->provider->disabled || s == PROVIDER_LEAVING) {
		registration_begin(r);
		return;
	}
	r->challenge = text_or_null(row->challenge);
	r->challenge_status = row->challenge_status;
	r->nc = row->nc;
	r->asked_s = row->expiry_s ? row->expiry_s : r->asked_s;
	r->reason = text_or_null(row->reason);
	if (s == PROVIDER_TRYING || (s == PROVIDER_REGISTERED && !left))
		s = PROVIDER_WAITING;
	registration_enter(r, s);
	r->since_ms = row->since_ms;
	registration_arm(r, s == PROVIDER_WAITING ? 0 : until(r, row->next_ms, PROVIDER_PROBE_MS));
	if (s == PROVIDER_REGISTERED)
		registration_arm(r, until(r, row->next_ms, left));
	mwi_look(r);
}
