/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answered calls outlive the process: both dialogs are rows in the store, put when the call is
 * answered and when a target changes, removed when it ends. The stored CSeq is not kept up with
 * every request: a restart goes on CALL_CSEQ_HEADROOM further, and the row is put again before
 * that is used up.
 */
#include "call/model.h"

#include <stdio.h>
#include <stdlib.h>

struct dialog_job {
	struct store_job job;
	struct arena arena;
	struct store_dialog rows[2]; /* put */
	unsigned count;
	int64_t remove[2];
	unsigned remove_count;
};

static enum err run(struct store_job *job, struct store_db *db)
{
	struct dialog_job *j = container_of(job, struct dialog_job, job);

	enum err e = ERR_OK;

	for (unsigned i = 0; i < j->count && e == ERR_OK; i++)
		e = store_dialog_put(db, &j->rows[i]);
	for (unsigned i = 0; i < j->remove_count && e == ERR_OK; i++)
		e = store_dialog_remove(db, j->remove[i]);
	return e;
}

static void done(struct store_job *job)
{
	struct dialog_job *j = container_of(job, struct dialog_job, job);

	arena_fini(&j->arena);
	free(j);
}

static struct dialog_job *job_new(void)
{
	struct dialog_job *j = mem_new(struct dialog_job);

	arena_init(&j->arena, 2048);
	j->job.kind = STORE_WRITE;
	j->job.run = run;
	j->job.done = done;
	return j;
}

static void post(struct call *c, struct dialog_job *j)
{
	if (store_post(c->layer->env.store, &j->job) == ERR_OK)
		return;
	call_event(c, EV_STORE_TROUBLE,
		"a dialog could not be stored: too much waits for the database");
	done(&j->job);
}

/* ---- the record, as JSON, with the first row ---- */

static const struct {
	const char *key;
	size_t at;
} record_texts[] = {
#define ROW(field)                                                                                 \
	{                                                                                          \
#field, offsetof(struct call_record, field)                                        \
	}
	ROW(direction),
	ROW(a_call_id),
	ROW(b_call_id),
	ROW(from),
	ROW(to),
	ROW(request_uri),
	ROW(destination),
	ROW(provider),
	ROW(dialplan),
	ROW(a_remote),
	ROW(b_remote),
	ROW(reason),
#undef ROW
};

enum { RECORD_TEXTS = sizeof(record_texts) / sizeof(record_texts[0]) };

static struct str dump(json_t *j, struct arena *a)
{
	char *text = json_dumps(j, JSON_COMPACT);
	struct str out = arena_str(a, str_of(text));

	free(text);
	json_decref(j);
	return out;
}

static void print_leg(const struct leg *l, json_t *row)
{
	credentials_print(l, row);
	media_print(l, row);
	if (l->outside)
		json_object_set_new(row, "outside", json_true());
	if (l->transfer)
		json_object_set_new(row, "transfer", json_stringn(&l->transfer, 1));
	if (l->aor.n)
		json_object_set_new(row, "aor", call_json(l->aor));
}

/* The other row's. */
static struct str callee_json(const struct leg *l, struct arena *a)
{
	json_t *j = json_object();

	print_leg(l, j);
	return dump(j, a);
}

static struct str record_json(const struct call *c, struct arena *a)
{
	const struct call_record *r = &c->record;
	json_t *j = json_pack("{s:I,s:I,s:i,s:i}", "started", (json_int_t)r->started_ms, "ringing",
		(json_int_t)r->ringing_ms, "status", (int)r->status, "legs", (int)r->legs);

	for (size_t i = 0; i < RECORD_TEXTS; i++) {
		const struct str *s = (const struct str *)((const char *)r + record_texts[i].at);

		if (s->n)
			json_object_set_new(j, record_texts[i].key, call_json(*s));
	}
	print_leg(c->a, j);
	return dump(j, a);
}

static void record_parse(struct call *c, struct str text)
{
	struct call_record *r = &c->record;
	json_t *j = json_loadb(text.p ? text.p : "", text.n, 0, NULL);

	for (size_t i = 0; i < RECORD_TEXTS; i++) {
		const char *s = json_string_value(json_object_get(j, record_texts[i].key));

		if (s)
			*(struct str *)((char *)r + record_texts[i].at) =
				arena_str(&c->arena, str_of(s));
	}
	r->started_ms = json_integer_value(json_object_get(j, "started"));
	r->ringing_ms = json_integer_value(json_object_get(j, "ringing"));
	r->status = (uint32_t)json_integer_value(json_object_get(j, "status"));
	r->legs = (uint32_t)json_integer_value(json_object_get(j, "legs"));
	json_decref(j);
}

/* ---- rows ---- */

static uint64_t target_hash(const struct leg *l)
{
	return hash_mix(hash_str(l->d.remote_target), addr_hash(&l->d.flow.remote));
}

static void fill(struct dialog_job *j, struct leg *l)
{
	struct store_dialog *row = &j->rows[j->count++];
	struct arena *a = &j->arena;
	struct call *c = l->call;
	const struct dialog *d = &l->d;

	if (!l->stored_row)
		l->stored_row = worker_row_id(call_worker(c));
	l->stored_cseq = d->local_cseq;
	l->stored_target = target_hash(l);
	*row = (struct store_dialog){
		.id = l->stored_row,
		.call = arena_str(a, c->id),
		.side = l->b_side,
		.call_id = arena_str(a, d->call_id),
		.local_tag = arena_str(a, d->local_tag),
		.remote_tag = arena_str(a, d->remote_tag),
		.local = arena_str(a, d->local),
		.remote = arena_str(a, d->remote),
		.remote_target = arena_str(a, d->remote_target),
		.local_contact = arena_str(a, d->local_contact),
		.routes = arena_str(a, d->routes),
		.local_cseq = d->local_cseq,
		.remote_cseq = d->remote_cseq_known ? d->remote_cseq : 0,
		.uas = d->uas,
		.secure = d->secure,
		.flow_remote = call_flow_text(a, &d->flow, true),
		.flow_local = call_flow_text(a, &d->flow, false),
		.listener = d->flow.listener,
		.customer = arena_str(a, c->customer),
		.account = arena_str(a, c->account),
		.answered_ms = c->record.answered_ms,
		.limit_ms = c->limit_ms,
		.session = str_of(arena_printf(a, "%u;%c%c%c", l->session.interval_s,
			l->session.negotiated ? 'n' : '-', l->session.ours ? 'o' : '-',
			l->allows_update ? 'u' : '-')),
		.extra = l->b_side ? callee_json(l, a) : record_json(c, a),
	};
}

void restore_put(struct call *c)
{
	struct dialog_job *j = job_new();

	fill(j, c->a);
	fill(j, c->b);
	post(c, j);
}

/* After a request or answer that may have changed the target, or used up the CSeq's headroom. */
void restore_put_if_changed(struct call *c, struct leg *l)
{
	struct dialog_job *j;
	bool spent = l->d.local_cseq > l->stored_cseq + CALL_CSEQ_HEADROOM / 2;

	if (!l->stored_row || c->state != CALL_ANSWERED ||
		(target_hash(l) == l->stored_target && !spent))
		return;
	j = job_new();
	fill(j, l);
	post(c, j);
}

void restore_remove(struct call *c)
{
	struct dialog_job *j;

	if (!c->b || !c->b->stored_row) /* the last of the two that is put */
		return;
	j = job_new();
	j->remove[j->remove_count++] = c->a->stored_row;
	j->remove[j->remove_count++] = c->b->stored_row;
	post(c, j);
}

/* ---- back from the store ---- */

/* "udp:192.0.2.1:5060" */
static enum err parse_flow(struct str text, enum tp_proto *proto, struct addr *addr)
{
	size_t colon = str_find(text, ':');
	enum err e = tp_proto_parse(str_first(text, colon), proto);

	return e == ERR_OK ? addr_parse(str_from(text, colon + 1), addr) : e;
}

static enum err restore_dialog(struct leg *l, const struct store_dialog *row)
{
	struct dialog *d = &l->d;
	struct arena *a = &d->arena;
	enum err e;

	arena_init(a, 352);
	d->state = DIALOG_CONFIRMED;
	d->uas = row->uas;
	d->secure = row->secure;
	d->call_id = arena_str(a, row->call_id);
	d->local_tag = arena_str(a, row->local_tag);
	d->remote_tag = arena_str(a, row->remote_tag);
	d->local = arena_str(a, row->local);
	d->remote = arena_str(a, row->remote);
	d->remote_target = arena_str(a, row->remote_target);
	d->local_contact = arena_str(a, row->local_contact);
	d->routes = arena_str(a, row->routes);
	d->local_cseq = row->local_cseq + CALL_CSEQ_HEADROOM;
	d->remote_cseq = row->remote_cseq;
	d->remote_cseq_known = row->remote_cseq > 0;
	d->flow.listener = (uint16_t)row->listener;
	e = parse_flow(row->flow_remote, &d->flow.proto, &d->flow.remote);
	if (e == ERR_OK)
		e = parse_flow(row->flow_local, &d->flow.proto, &d->flow.local);
	return e;
}

static void restore_session(struct leg *l, struct str text)
{
	size_t semi = str_find(text, ';');
	uint32_t interval;

	if (semi + 4 != text.n || str_u32(str_first(text, semi), &interval) != ERR_OK)
		interval = l->call->layer->cfg.session_expires_s;
	else {
		l->session.negotiated = text.p[semi + 1] == 'n';
		l->session.ours = text.p[semi + 2] == 'o';
		l->allows_update = text.p[semi + 3] == 'u';
	}
	l->session.interval_s = interval;
	session_start(l);
}

static enum err restore_leg(struct leg *l, const struct store_dialog *row)
{
	enum err e = restore_dialog(l, row);
	json_t *extra;

	if (e != ERR_OK)
		return e;
	l->d.owner = l;
	l->stored_row = row->id;
	l->stored_cseq = row->local_cseq;
	l->stored_target = target_hash(l);
	dialog_table_add(&l->call->layer->dialogs, &l->d);
	extra = json_loadb(row->extra.p ? row->extra.p : "", row->extra.n, 0, NULL);
	credentials_restore(l, extra);
	media_restore(l, extra);
	l->outside = json_is_true(json_object_get(extra, "outside"));
	if (json_string_length(json_object_get(extra, "transfer")) == 1)
		l->transfer = json_string_value(json_object_get(extra, "transfer"))[0];
	if (json_object_get(extra, "aor"))
		l->aor = arena_str(
			&l->call->arena, str_of(json_string_value(json_object_get(extra, "aor"))));
	json_decref(extra);
	restore_session(l, row->session);
	return ERR_OK;
}

enum err call_restore(
	struct call_layer *l, const struct store_dialog *a, const struct store_dialog *b)
{
	struct call *c = call_new(l, a->call, a->customer, a->account);
	enum err e;

	record_parse(c, a->extra);
	c->record.answered_ms = a->answered_ms;
	c->limit_ms = a->limit_ms;
	c->state = CALL_ANSWERED;
	c->a = leg_new(c, false);
	c->b = leg_new(c, true);
	e = restore_leg(c->a, a);
	if (e == ERR_OK)
		e = restore_leg(c->b, b);
	if (e != ERR_OK) {
		call_abandon(c);
		return e;
	}
	c->counted = call_limits_take(l->env.limits, c->customer, 0);
	restore_put_if_changed(c, c->a); /* the CSeq that was skipped */
	restore_put_if_changed(c, c->b);
	call_arm_limit(c, call_worker(c)->clock.wall_ms);
	call_event(c, EV_CALL_NOTE, "call between %.*s and %.*s taken over after a restart",
		STR_ARG(c->record.from), STR_ARG(c->record.destination));
	return ERR_OK;
}
