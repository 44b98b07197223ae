/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct world *the; /* of the test that runs: the fakes below have no other way to it */

/* ---- directory ---- */

bool directory_domain(struct directory *d, struct str host, bool wildcard, char *out, size_t max)
{
	if (str_ieq(host, STR("tandem.test")) || str_ieq(host, STR("local")) ||
		(wildcard && str_ieq(host, STR("10.0.0.1"))))
		return str_copy(STR("tandem.test"), out, max) == ERR_OK;
	return false;
}

bool directory_domain_of(
	struct directory *d, const struct sip_uri *uri, bool wildcard, char *out, size_t max)
{
	return directory_domain(d, uri->host, wildcard, out, max);
}

struct account *directory_account(struct directory *d, struct str user, struct str domain)
{
	for (unsigned i = 0; i < WORLD_ACCOUNTS; i++) {
		const struct world_account *w = &the->accounts[i];
		struct account *a;

		if (!w->user || !str_ieq(user, str_of(w->user)))
			continue;
		a = mem_new(struct account);
		a->refs = 1;
		a->username = str_of(w->user);
		a->domain = STR("tandem.test");
		a->aor = str_of(arena_printf(&the->arena, "%s@tandem.test", w->user));
		a->customer = str_of(w->customer ? w->customer : "ann");
		a->out_dialplan = str_of(w->out);
		a->in_dialplan = str_of(w->in);
		a->disabled = w->disabled;
		a->incoming_only = w->incoming_only;
		return a;
	}
	return NULL;
}

struct account *directory_account_dotted(struct directory *d, struct str user, struct str domain)
{
	struct account *a = directory_account(d, user, domain);
	size_t dot = str_rfind(user, '.');

	return a || dot == user.n ? a : directory_account(d, str_from(user, dot + 1), domain);
}

struct customer *directory_customer(struct directory *d, struct str name)
{
	struct customer *c = mem_new(struct customer);

	c->refs = 1;
	c->name = arena_str(&the->arena, name);
	c->calls_max = the->calls_max;
	c->suspended = str_eq(name, STR("suspended"));
	return c;
}

struct dialplan *directory_dialplan(struct directory *d, struct str customer, struct str name)
{
	for (unsigned i = 0; i < 4; i++) {
		const struct world_plan *p = &the->plans[i];
		struct dialplan *plan;

		if (!p->name || !str_eq(name, str_of(p->name)) ||
			!str_eq(customer, str_of(p->customer)))
			continue;
		plan = mem_new(struct dialplan);
		plan->refs = 1;
		plan->customer = str_of(p->customer);
		plan->name = str_of(p->name);
		return plan;
	}
	return NULL;
}

struct provider *directory_provider(struct directory *d, struct str customer, struct str name)
{
	const struct world_provider *w = &the->provider;
	struct provider *p;

	if (!w->name || !str_ieq(name, str_of(w->name)) || !str_eq(customer, str_of(w->customer)))
		return NULL;
	p = mem_new(struct provider);
	p->refs = 1;
	p->customer = str_of(w->customer);
	p->name = str_of(w->name);
	p->username = str_of(w->user);
	p->password = str_of(w->password);
	p->server = str_of(w->server);
	p->register_realm = str_of(w->realm);
	return p;
}

#define UNREF(type)                                                                                \
	void type##_unref(struct type *x)                                                          \
	{                                                                                          \
		if (x && --x->refs == 0)                                                           \
			free(x);                                                                   \
	}
UNREF(account)
UNREF(customer)
UNREF(dialplan)
UNREF(provider)

struct account *account_ref(struct account *a)
{
	a->refs++;
	return a;
}

struct provider *provider_ref(struct provider *p)
{
	p->refs++;
	return p;
}

/* No provider calls in here: that is played in test/replay. */
struct provider *directory_provider_by_token(struct directory *d, struct str token)
{
	(void)d;
	(void)token;
	return NULL;
}

bool directory_provider_has(const struct provider *p, const struct addr *a)
{
	(void)a;
	return !p->addresses.n;
}

void directory_each_at(struct directory *d, const struct addr *a,
	void (*visit)(struct provider *p, void *arg), void *arg)
{
	(void)d;
	(void)a;
	(void)visit;
	(void)arg;
}

struct account *directory_account_of(struct directory *d, struct str customer, struct str username)
{
	(void)d;
	(void)customer;
	(void)username;
	return NULL;
}

struct dialplan *dialplan_ref(struct dialplan *p)
{
	p->refs++;
	return p;
}

/* ---- location ---- */

static void address(struct addr *a, uint16_t port)
{
	assert_int_equal(addr_parse_ip(STR("127.0.0.1"), port, a), ERR_OK);
}

static struct flow flow_to(uint16_t port)
{
	struct flow f = { .proto = TP_UDP };

	address(&f.local, 5060);
	address(&f.remote, port);
	return f;
}

bool location_lost(struct location *l, struct str aor, int64_t now_ms)
{
	return false;
}

bool location_flow(
	struct location *l, struct str aor, struct str contact, int64_t now_ms, struct flow *out)
{
	return false;
}

unsigned location_each(struct location *l, struct str aor, int64_t now_ms,
	void (*visit)(const struct binding *b, void *arg), void *arg)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WORLD_ACCOUNTS; i++) {
		const struct world_account *a = &the->accounts[i];
		struct str contacts = str_of(a->contact), one;
		unsigned k = 0;

		if (!a->user || !str_eq(str_first(aor, str_find(aor, '@')), str_of(a->user)))
			continue;
		while (str_cut(&contacts, ' ', &one)) {
			struct binding b = { .contact = one,
				.q1000 = 1000,
				.flow = flow_to((uint16_t)(a->port + k++)) };

			visit(&b, arg);
			n++;
		}
	}
	return n;
}

/* ---- auth ---- */

bool auth_request(struct auth *a, const struct sip_msg *req, const struct flow *flow,
	const struct account *account, struct str realm)
{
	struct sip_reply reply = { .status = 401 };

	if (account && !the->refuse_auth)
		return true;
	tx_reply_stateless(the->tx, req, flow, &reply);
	return false;
}

/* ---- store ---- */

enum err store_post(struct store *s, struct store_job *job)
{
	if (the->store_error != ERR_OK || the->job_count == WORLD_JOBS)
		return ERR_FULL;
	the->jobs[the->job_count++] = job;
	return ERR_OK;
}

static void copy_texts(void *row, const void *from, size_t n)
{
	struct str *texts = row;

	memcpy(row, from, n);
	for (size_t i = 0; i < 14; i++)
		texts[i] = arena_str(&the->arena, texts[i]);
}

enum err store_cdr_put(struct store_db *db, const struct store_cdr *c)
{
	copy_texts(&the->cdr, c, sizeof(*c));
	the->cdr.reason = arena_str(&the->arena, c->reason);
	the->cdr.ended_by = arena_str(&the->arena, c->ended_by);
	the->cdr.end_reason = arena_str(&the->arena, c->end_reason);
	the->cdr_puts++;
	return ERR_OK;
}

enum err store_cdr_finish(struct store_db *db, const struct store_cdr *c)
{
	return store_cdr_put(db, c);
}

enum err store_dialog_put(struct store_db *db, const struct store_dialog *d)
{
	struct store_dialog *row = &the->rows[d->side];

	*row = *d;
	for (struct str **s = (struct str *[]){ &row->call, &row->call_id, &row->local_tag,
		     &row->remote_tag, &row->local, &row->remote, &row->remote_target,
		     &row->local_contact, &row->routes, &row->flow_remote, &row->flow_local,
		     &row->customer, &row->account, &row->session, &row->extra, NULL };
		*s; s++)
		**s = arena_str(&the->arena, **s);
	the->dialog_puts++;
	return ERR_OK;
}

enum err store_dialog_remove(struct store_db *db, int64_t id)
{
	the->dialog_removes++;
	return ERR_OK;
}

enum err store_dialog_list(struct store_db *db, store_dialog_fn *row, void *arg)
{
	return ERR_OK;
}

enum err store_cdr_list(
	struct store_db *db, struct str customer, unsigned limit, store_cdr_fn *row, void *arg)
{
	row(&the->cdr, arg);
	return ERR_OK;
}

static struct str kv_value;

enum err store_kv_put(struct store_db *db, struct str customer, struct str key, struct str value)
{
	kv_value = arena_str(&the->arena, value);
	return ERR_OK;
}

enum err store_kv_get(struct store_db *db, struct str customer, struct str key, struct arena *a,
	struct str *value)
{
	*value = arena_str(a, kv_value);
	return kv_value.p ? ERR_OK : ERR_NOT_FOUND;
}

enum err store_kv_remove(struct store_db *db, struct str customer, struct str key)
{
	kv_value = STR_NONE;
	return ERR_OK;
}

enum err store_kv_list(struct store_db *db, struct str customer, store_kv_fn *row, void *arg)
{
	row(STR("key"), kv_value, arg);
	return ERR_OK;
}

static void run_jobs(struct world *w)
{
	for (unsigned i = 0; i < w->job_count; i++) {
		struct store_job *job = w->jobs[i];

		job->result = job->run(job, NULL);
		job->done(job);
	}
	w->job_count = 0;
}

/* ---- dialplan engine ---- */

static enum err engine_start(struct dialplan_engine *e, const struct dialplan_start *s,
	const struct dialplan_handlers *h, void *arg, uint64_t *run)
{
	json_decref(s->input);
	if (the->start_error != ERR_OK)
		return the->start_error;
	the->runs[the->run_count].h = h;
	the->runs[the->run_count].arg = arg;
	the->runs[the->run_count].running = true;
	*run = the->run_count++;
	return ERR_OK;
}

static void engine_answer(struct dialplan_engine *e, uint64_t run, uint32_t command, json_t *result)
{
	json_decref(the->runs[run].answer);
	the->runs[run].answer = result;
}

static void engine_extend(struct dialplan_engine *e, uint64_t run, unsigned seconds)
{
}

static void engine_stop(struct dialplan_engine *e, uint64_t run)
{
	the->runs[run].stopped = true;
}

static void engine_detach(struct dialplan_engine *e, uint64_t run)
{
	the->runs[run].detached = true;
	the->runs[run].running = false;
}

static const struct dialplan_engine_ops engine_ops = { engine_start, engine_answer, engine_extend,
	engine_stop, engine_detach };

void world_command(struct world *w, unsigned run, const char *name, const char *args)
{
	json_t *j = json_loads(args, 0, NULL);

	assert_non_null(j);
	assert_true(w->runs[run].running);
	w->runs[run].h->on_command(w->runs[run].arg, run, 7, name, j);
	json_decref(j);
	world_advance(w, 2);
}

void world_end_script(struct world *w, unsigned run, enum dialplan_end end, const char *message)
{
	assert_true(w->runs[run].running);
	w->runs[run].running = false;
	w->runs[run].h->on_end(w->runs[run].arg, run, end, str_of(message), 3);
	world_advance(w, 2);
}

/* ---- transport and resolver ---- */

static enum err route(struct transport *t, enum tp_proto proto, const struct addr *remote,
	struct str name, struct flow *out)
{
	*out = (struct flow){ .proto = proto, .remote = *remote };
	address(&out->local, 5060);
	return ERR_OK;
}

static enum err send_bytes(
	struct transport *t, const struct flow *flow, struct str bytes, uint64_t id)
{
	struct sip_fault fault;
	struct sent *s;

	assert_true(the->sent_count < WORLD_SENT_MAX);
	s = &the->sent[the->sent_count++];
	s->seen = false;
	s->flow = *flow;
	if (getenv("WORLD_TRACE"))
		fprintf(stderr, "--> %u\n%.*s\n", addr_port(&flow->remote), STR_ARG(bytes));
	assert_int_equal(sip_msg_parse(bytes, &s->m, &fault), ERR_OK);
	return ERR_OK;
}

static const struct transport_ops transport_ops = { route, send_bytes };

struct look_up {
	struct timer timer;
	struct targets targets;
	resolver_done *done;
	void *arg;
	uint64_t id;
};

static struct look_up *look_ups[64];

static void resolved(struct timer *t)
{
	struct look_up *l = container_of(t, struct look_up, timer);
	struct look_up copy = *l;

	look_ups[l->id] = NULL;
	free(l);
	copy.done(copy.arg, copy.id, &copy.targets);
}

static uint64_t lookup(struct resolver *r, const struct sip_uri *uri, struct buf *steps,
	resolver_done *done, void *arg)
{
	struct look_up *l = mem_new(struct look_up);

	for (l->id = 1; look_ups[l->id]; l->id++)
		assert_true(l->id < 63);
	look_ups[l->id] = l;
	l->done = done;
	l->arg = arg;
	if (addr_parse_ip(uri->host, sip_uri_port(uri), &l->targets.list[0].addr) == ERR_OK)
		l->targets.count = 1;
	else
		l->targets.err = ERR_DNS;
	timer_init(&l->timer, resolved);
	timer_start(&the->worker.wheel, &l->timer, 0);
	return l->id;
}

static void lookup_cancel(struct resolver *r, uint64_t id)
{
	timer_stop(&the->worker.wheel, &look_ups[id]->timer);
	free(look_ups[id]);
	look_ups[id] = NULL;
}

static void report(struct resolver *r, const struct target *t, bool answered)
{
	(void)r;
	(void)t;
	(void)answered;
}

static const struct resolver_ops resolver_ops = {
	.lookup = lookup, .cancel = lookup_cancel, .report = report
};

/* ---- the router, as main has it ---- */

static void on_request(void *arg, struct sip_msg *req, const struct flow *flow)
{
	struct world *w = arg;
	struct sip_reply reply = { .status = 481 };

	if (!req->to.tag.p)
		call_on_request(w->calls, req, flow);
	else if (!call_on_dialog_request(w->calls, req, flow))
		tx_reply_stateless(w->tx, req, flow, &reply);
}

static void on_ack(void *arg, struct sip_msg *ack, const struct flow *flow)
{
	call_on_ack(((struct world *)arg)->calls, ack, flow);
}

static void on_stray_2xx(void *arg, struct sip_msg *rsp, const struct flow *flow)
{
	call_on_stray_2xx(((struct world *)arg)->calls, rsp, flow);
}

static const struct tx_layer_handlers handlers = { on_request, on_ack, on_stray_2xx };

/* ---- the world ---- */

static void on_event(struct event_sink *s, const struct event_record *r)
{
	struct str text = r->event.text;

	if (getenv("WORLD_TRACE"))
		fprintf(stderr, "    %s: %.*s\n", event_kind_name(r->event.kind), STR_ARG(text));
	if (r->event.kind == EV_CALL_ENDED || r->event.kind == EV_CALL_REFUSED)
		snprintf(the->last_event, sizeof(the->last_event), "%.*s", STR_ARG(text));
}

struct world *world_new(void)
{
	struct world *w = mem_new(struct world);

	the = w;
	kv_value = STR_NONE;
	arena_init(&w->arena, 4096);
	w->bus = event_bus_new(false, 16);
	w->sink.take = on_event;
	event_bus_add(w->bus, &w->sink);
	worker_init(&w->worker, 0, 1, w->bus);
	rng_init_seed(&w->worker.rng, 1);
	w->worker.clock = (struct clock){ .mono_ms = 1000, .wall_ms = 1700000000000 };
	wheel_init(&w->worker.wheel, 1000);
	w->transport = (struct transport){ .ops = &transport_ops, .worker = &w->worker };
	w->resolver = (struct resolver){ .ops = &resolver_ops, .worker = &w->worker };
	w->engine = (struct dialplan_engine){ .ops = &engine_ops, .worker = &w->worker };
	w->tx = tx_layer_new(
		&w->worker, &w->transport, &(struct tx_timing){ 500, 4000, 5000 }, &handlers, w);
	w->limits = call_limits_new();
	w->config = (struct call_config){
		.ring_s = 60, .calls_max = 10, .session_min_s = 90, .user_agent = STR("Tandem")
	};
	return w;
}

void world_start(struct world *w)
{
	static const uint8_t key[CRYPTO_KEY_BYTES] = { 7 };
	struct call_env env = {
		.key = key,
		.uac = { &w->worker, w->tx, &w->transport, &w->resolver },
		.dialplan = &w->engine,
		.limits = w->limits,
	};

	w->calls = call_layer_new(&env, &w->config);
}

void world_restart(struct world *w)
{
	world_settle(w);
	call_layer_free(w->calls);
	world_settle(w);
	world_start(w);
	assert_int_equal(call_restore(w->calls, &w->rows[0], &w->rows[1]), ERR_OK);
}

void world_free(struct world *w)
{
	call_layer_free(w->calls);
	world_settle(w);
	tx_layer_free(w->tx);
	worker_fini(&w->worker);
	call_limits_free(w->limits);
	for (unsigned i = 0; i < w->sent_count; i++)
		sip_msg_unref(w->sent[i].m);
	for (unsigned i = 0; i < w->run_count; i++)
		json_decref(w->runs[i].answer);
	event_bus_remove(w->bus, &w->sink);
	event_bus_free(w->bus);
	arena_fini(&w->arena);
	free(w);
	the = NULL;
}

void world_settle(struct world *w)
{
	do {
		run_jobs(w);
		worker_run_inbox(&w->worker);
		wheel_advance(&w->worker.wheel, w->worker.clock.mono_ms);
		worker_end_turn(&w->worker);
	} while (w->job_count || wheel_next_ms(&w->worker.wheel) <= w->worker.clock.mono_ms);
}

void world_advance(struct world *w, uint64_t ms)
{
	uint64_t end = w->worker.clock.mono_ms + ms;

	for (;;) {
		uint64_t next = wheel_next_ms(&w->worker.wheel);

		if (next > end)
			next = end;
		w->worker.clock.wall_ms += (int64_t)(next - w->worker.clock.mono_ms);
		w->worker.clock.mono_ms = next;
		world_settle(w);
		if (next == end)
			return;
	}
}

static void deliver(struct world *w, uint16_t port, const char *head, const char *body)
{
	char bytes[16384];
	struct buf b = BUF_OF(bytes);
	struct flow flow = flow_to(port);
	struct sip_fault fault;
	struct sip_msg *m;

	for (const char *p = head; *p; p++) {
		if (*p == '\n')
			buf_char(&b, '\r');
		buf_char(&b, *p);
	}
	buf_printf(&b, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	if (getenv("WORLD_TRACE"))
		fprintf(stderr, "<-- %u\n%.*s\n", port, STR_ARG(buf_str(&b)));
	assert_int_equal(sip_msg_parse(buf_str(&b), &m, &fault), ERR_OK);
	tx_layer_on_message(w->tx, m, &flow);
	sip_msg_unref(m);
	world_advance(w, 2);
}

/* The text after an empty line is the body. */
void world_receive(struct world *w, uint16_t port, const char *fmt, ...)
{
	char text[8192];
	char *body;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	body = strstr(text, "\n\n");
	if (body) {
		body[1] = '\0';
		body += 2;
	}
	deliver(w, port, text, body ? body : "");
}

struct sip_msg *world_expect(struct world *w, uint16_t port, const char *start)
{
	for (unsigned i = 0; i < w->sent_count; i++) {
		struct sent *s = &w->sent[i];

		if (s->seen || addr_port(&s->flow.remote) != port)
			continue;
		s->seen = true;
		if (str_starts(s->m->raw, str_of(start)))
			return s->m;
	}
	fail_msg("nothing like \"%s\" was sent to %u", start, port);
	return NULL;
}

void world_expect_nothing(struct world *w, uint16_t port)
{
	for (unsigned i = 0; i < w->sent_count; i++)
		if (!w->sent[i].seen && addr_port(&w->sent[i].flow.remote) == port)
			fail_msg("unexpected: %.*s", STR_ARG(str_first(w->sent[i].m->raw, 60)));
}

static void add(struct buf *b, const char *name, struct str value)
{
	buf_printf(b, "%s: %.*s\n", name, STR_ARG(value));
}

void world_reply(struct world *w, uint16_t port, struct sip_msg *req, const char *status,
	const char *tag, const char *head, const char *body)
{
	char text[8192];
	struct buf b = BUF_OF(text);

	buf_printf(&b, "SIP/2.0 %s\n", status);
	add(&b, "Via", req->via.text);
	add(&b, "From", req->from.text);
	buf_printf(&b, "To: %.*s%s%s\n", STR_ARG(req->to.text), tag ? ";tag=" : "", tag ? tag : "");
	add(&b, "Call-ID", req->call_id);
	add(&b, "CSeq", sip_msg_hdr(req, SIP_HDR_CSEQ));
	if (!head || !strstr(head, "Contact:"))
		buf_printf(&b, "Contact: <sip:phone@127.0.0.1:%u>\n", port);
	buf_printf(&b, "%s%c", head ? head : "", '\0');
	deliver(w, port, text, body ? body : "");
}

struct call *world_call(struct world *w)
{
	struct list *first = list_first(&w->calls->calls);

	assert_non_null(first);
	return container_of(first, struct call, link);
}
