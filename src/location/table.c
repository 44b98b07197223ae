/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "location/table.h"

enum { SWEEP_STEPS = 1024 }; /* entries that a sweep moves in the heap */

void shard_init(struct shard *s)
{
	*s = (struct shard){ .bindings = 0 };
	lock_init(&s->lock);
	hash_init(&s->aors, 16);
	hash_init(&s->agents, 8);
	hash_init(&s->ends, 8);
	hash_init(&s->conns, 8);
	for (int i = 0; i <= KEEPALIVE_MAX_S; i++)
		list_init(&s->keep[i]);
}

struct str aor_text(const struct aor *a)
{
	return str_make(a->text, a->n);
}

/* ---- user agents ---- */

static struct agent *agent_get(struct shard *s, struct str text)
{
	uint64_t h = hash_str(text);
	struct agent *a;

	if (!text.n)
		return NULL;
	for (struct hash_node *n = hash_find(&s->agents, h); n; n = hash_next(n)) {
		a = container_of(n, struct agent, node);
		if (str_eq(str_make(a->text, a->n), text)) {
			a->refs++;
			return a;
		}
	}
	a = mem_alloc(sizeof(*a) + text.n);
	a->refs = 1;
	a->n = (uint16_t)text.n;
	memcpy(a->text, text.p, text.n);
	hash_add(&s->agents, &a->node, h);
	return a;
}

static void agent_put(struct shard *s, struct agent *a)
{
	if (!a || --a->refs)
		return;
	hash_del(&s->agents, &a->node);
	free(a);
}

/* ---- our ends of flows ---- */

static bool is_end(const struct end *e, const struct flow *f)
{
	return e->proto == f->proto && e->listener == f->listener && addr_eq(&e->local, &f->local);
}

static struct end *end_get(struct shard *s, const struct flow *f)
{
	uint64_t h = hash_mix(addr_hash(&f->local), (uint64_t)f->listener << 8 | f->proto);
	struct end *e;

	for (struct hash_node *n = hash_find(&s->ends, h); n; n = hash_next(n)) {
		e = container_of(n, struct end, node);
		if (is_end(e, f)) {
			e->refs++;
			return e;
		}
	}
	e = mem_alloc(sizeof(*e));
	*e = (struct end){
		.refs = 1, .proto = f->proto, .listener = f->listener, .local = f->local
	};
	hash_add(&s->ends, &e->node, h);
	return e;
}

static void end_put(struct shard *s, struct end *e)
{
	if (--e->refs)
		return;
	hash_del(&s->ends, &e->node);
	free(e);
}

/* ---- bindings ---- */

static struct conn_link *link_of(const struct entry *e)
{
	return (struct conn_link *)(void *)e - 1;
}

static struct keep_link *keep_of(const struct entry *e)
{
	return (struct keep_link *)(void *)e - 1;
}

static struct entry *entry_of(struct conn_link *l)
{
	return (struct entry *)(void *)(l + 1);
}

void entry_view(const struct entry *e, struct binding *out)
{
	const char *p = e->text;

	*out = (struct binding){ .reg_id = e->reg_id,
		.cseq = e->cseq,
		.q1000 = e->q1000,
		.expires_ms = e->expires_ms,
		.updated_ms = e->updated_ms,
		.flow = { .proto = e->end->proto,
			.listener = e->end->listener,
			.conn = e->connected ? link_of(e)->conn : 0,
			.local = e->end->local },
		.row = e->row,
		.keepalive_s = e->keepalive_s,
		.lost = e->lost };
	out->contact = str_make(p, e->contact_n);
	p += e->contact_n;
	out->instance = str_make(p, e->instance_n);
	p += e->instance_n;
	out->call_id = str_make(p, e->call_id_n);
	p += e->call_id_n;
	out->path = str_make(p, e->path_n);
	p += e->path_n;
	memcpy(&out->flow.remote, p, e->remote_n);
	if (e->agent)
		out->user_agent = str_make(e->agent->text, e->agent->n);
}

static char *add_text(char *p, struct str s)
{
	if (s.n)
		memcpy(p, s.p, s.n);
	return p + s.n;
}

/* An IPv4 address ends before sockaddr_in's padding. */
static struct str remote_bytes(const struct flow *f)
{
	const size_t v4 = offsetof(struct sockaddr_in, sin_zero);

	return str_make((const char *)&f->remote,
		f->remote.sa.sa_family == AF_INET6 ? sizeof(f->remote) : v4);
}

/* All but what is in a list, heap or hash; the texts have room. */
static void entry_fill(struct entry *e, const struct binding *b)
{
	struct str remote = remote_bytes(&b->flow);

	e->expires_ms = b->expires_ms;
	e->updated_ms = b->updated_ms;
	e->row = b->row;
	e->cseq = b->cseq;
	e->reg_id = b->reg_id;
	e->keepalive_s = b->keepalive_s;
	e->q1000 = (uint16_t)b->q1000;
	e->contact_n = (uint16_t)b->contact.n;
	e->instance_n = (uint16_t)b->instance.n;
	e->call_id_n = (uint16_t)b->call_id.n;
	e->path_n = (uint16_t)b->path.n;
	e->remote_n = (uint8_t)remote.n;
	add_text(
		add_text(add_text(add_text(add_text(e->text, b->contact), b->instance), b->call_id),
			b->path),
		remote);
}

static size_t text_bytes(const struct binding *b)
{
	return b->contact.n + b->instance.n + b->call_id.n + b->path.n + remote_bytes(&b->flow).n;
}

static struct entry *entry_new(struct shard *s, const struct binding *b)
{
	size_t front = b->flow.conn ? sizeof(struct conn_link)
		: b->keepalive_s    ? sizeof(struct keep_link)
				    : 0;
	char *mem = mem_alloc(front + sizeof(struct entry) + text_bytes(b));
	struct entry *e = (struct entry *)(void *)(mem + front);

	*e = (struct entry){ .agent = agent_get(s, b->user_agent),
		.end = end_get(s, &b->flow),
		.connected = b->flow.conn != 0,
		.kept = b->keepalive_s && !b->flow.conn,
		.lost = tp_proto_reliable(b->flow.proto) && !b->flow.conn };
	entry_fill(e, b);
	return e;
}

static uint64_t conn_hash(uint64_t conn)
{
	return hash_mix(conn, 0);
}

static void keep_in(struct shard *s, struct entry *e, unsigned seconds)
{
	list_append(&s->keep[(s->keep_at + seconds) % (KEEPALIVE_MAX_S + 1)], &keep_of(e)->link);
}

/* Into the shard and its indexes; newest first in its AOR. */
static void entry_add(struct shard *s, struct aor *a, struct entry *e, uint64_t conn)
{
	e->aor = a;
	e->next = a->entries;
	a->entries = e;
	if (e->connected) {
		link_of(e)->conn = conn;
		hash_add(&s->conns, &link_of(e)->node, conn_hash(conn));
	}
	if (e->kept) { /* those that come together are not kept together */
		keep_in(s, e, 1 + s->kept % e->keepalive_s);
		s->kept++;
	}
	expiry_add(&s->expiry, e);
	s->bindings++;
}

/* `at` is what points to it. */
static void entry_drop(struct shard *s, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	if (e->connected && !e->lost)
		hash_del(&s->conns, &link_of(e)->node);
	if (e->kept) {
		list_del(&keep_of(e)->link);
		s->kept--;
	}
	expiry_remove(&s->expiry, e);
	agent_put(s, e->agent);
	end_put(s, e->end);
	s->bindings--;
	free(e->connected ? (void *)link_of(e) : e->kept ? (void *)keep_of(e) : e);
}

/* The usual refresh: the same phone on the same flow, only later. False: it is not that. */
static bool entry_refresh(struct shard *s, struct entry *e, const struct binding *b)
{
	struct str agent = e->agent ? str_make(e->agent->text, e->agent->n) : STR_NONE;
	size_t room = (size_t)e->contact_n + e->instance_n + e->call_id_n + e->path_n + e->remote_n;

	if (e->connected || b->flow.conn || e->kept != (b->keepalive_s != 0) ||
		text_bytes(b) > room || !is_end(e->end, &b->flow) || !str_eq(agent, b->user_agent))
		return false;
	entry_fill(e, b);
	expiry_changed(&s->expiry, e);
	return true;
}

/* ---- addresses of record ---- */

struct aor *shard_find(struct shard *s, struct str aor, uint64_t h)
{
	for (struct hash_node *n = hash_find(&s->aors, h); n; n = hash_next(n)) {
		struct aor *a = container_of(n, struct aor, node);

		if (str_ieq(aor_text(a), aor))
			return a;
	}
	return NULL;
}

struct aor *shard_get(struct shard *s, struct str aor, uint64_t h)
{
	struct aor *a = shard_find(s, aor, h);

	if (a)
		return a;
	a = mem_alloc(sizeof(*a) + aor.n);
	a->entries = NULL;
	a->n = (uint16_t)aor.n;
	memcpy(a->text, aor.p, aor.n);
	hash_add(&s->aors, &a->node, h);
	return a;
}

void shard_tidy(struct shard *s, struct aor *a)
{
	if (a->entries)
		return;
	hash_del(&s->aors, &a->node);
	free(a);
}

static struct binding_key key_of(const struct entry *e)
{
	return (struct binding_key){ str_make(e->text, e->contact_n),
		str_make(e->text + e->contact_n, e->instance_n), e->instance_n ? e->reg_id : 0 };
}

static struct entry **find(struct aor *a, const struct binding_key *key)
{
	struct entry **at = &a->entries;

	for (; *at; at = &(*at)->next) {
		struct binding_key k = key_of(*at);

		if (binding_key_eq(&k, key))
			break;
	}
	return at;
}

int64_t aor_row_of(const struct aor *a, const struct binding_key *key)
{
	const struct entry *e = *find((struct aor *)a, key);

	return e ? e->row : 0;
}

void aor_remove(struct shard *s, struct aor *a, const struct binding_key *key)
{
	struct entry **at = find(a, key);

	if (*at)
		entry_drop(s, at);
}

void aor_put(struct shard *s, struct aor *a, const struct binding *b)
{
	struct binding_key key = binding_key(b);
	struct entry **at = find(a, &key);
	struct entry *e;

	if (*at && entry_refresh(s, *at, b))
		return;
	e = entry_new(s, b);
	if (*at)
		entry_drop(s, at);
	entry_add(s, a, e, b->flow.conn);
}

void shard_conn_closed(struct shard *s, uint64_t conn)
{
	struct hash_node *n = hash_find(&s->conns, conn_hash(conn)), *next;

	for (; n; n = next) {
		struct conn_link *l = container_of(n, struct conn_link, node);

		next = hash_next(n);
		if (l->conn != conn)
			continue;
		entry_of(l)->lost = true;
		hash_del(&s->conns, n);
	}
}

/* ---- keep-alives ---- */

static unsigned keep_slot(
	struct shard *s, struct list *slot, struct flow *out, unsigned count, unsigned max)
{
	for (struct list *it; count < max && (it = list_first(slot)); count++) {
		struct entry *e =
			(struct entry *)(void *)(container_of(it, struct keep_link, link) + 1);
		struct binding b;

		entry_view(e, &b);
		out[count] = b.flow;
		list_del(it);
		keep_in(s, e, e->keepalive_s);
	}
	return count;
}

unsigned shard_keep(struct shard *s, uint64_t second, struct flow *out, unsigned max)
{
	unsigned count = 0;

	/* the first time, and after a long sleep */
	if (second - s->keep_offset - s->keep_at > KEEPALIVE_MAX_S)
		s->keep_offset = second - s->keep_at;
	second -= s->keep_offset;
	for (;;) {
		count = keep_slot(s, &s->keep[s->keep_at % (KEEPALIVE_MAX_S + 1)], out, count, max);
		if (count == max || s->keep_at >= second)
			return count;
		s->keep_at++;
	}
}

/* ---- all of them ---- */

static struct entry **place_of(const struct entry *e)
{
	struct entry **at = &e->aor->entries;

	while (*at != e)
		at = &(*at)->next;
	return at;
}

unsigned shard_sweep(struct shard *s, int64_t now_ms, unsigned max,
	void (*gone)(struct str aor, const struct binding *b, void *arg), void *arg)
{
	unsigned removed = 0, steps = SWEEP_STEPS;
	struct entry *e;

	for (; removed < max && (e = expiry_first(&s->expiry, now_ms, &steps)); removed++) {
		struct aor *a = e->aor;
		struct binding b;

		entry_view(e, &b);
		gone(aor_text(a), &b, arg);
		entry_drop(s, place_of(e));
		shard_tidy(s, a);
	}
	return removed;
}

struct visiting {
	void (*visit)(struct aor *a, void *arg);
	void *arg;
};

static void visit_node(struct hash_node *n, void *arg)
{
	struct visiting *v = arg;

	v->visit(container_of(n, struct aor, node), v->arg);
}

void shard_each(struct shard *s, void (*visit)(struct aor *a, void *arg), void *arg)
{
	struct visiting v = { visit, arg };

	hash_each(&s->aors, visit_node, &v);
}

static void free_aor(struct hash_node *n, void *arg)
{
	struct shard *s = arg;
	struct aor *a = container_of(n, struct aor, node);

	while (a->entries)
		entry_drop(s, &a->entries);
	shard_tidy(s, a);
}

void shard_fini(struct shard *s)
{
	hash_each(&s->aors, free_aor, s);
	hash_fini(&s->aors);
	hash_fini(&s->agents);
	hash_fini(&s->ends);
	hash_fini(&s->conns);
	expiry_fini(&s->expiry);
	lock_fini(&s->lock);
}
