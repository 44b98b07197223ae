/* SPDX-License-Identifier: BSD-3-Clause */
/* A resolver over the table of the scenario; numeric hosts resolve to themselves. */
#include <stdlib.h>

#include "transport/breaker.h"
#include "world.h"

struct name { /* as the scenario says last */
	struct list link;
	char *name;
	struct addr addrs[TARGETS_MAX];
	unsigned count;
	enum err err; /* count == 0 */
	uint64_t after_ms; /* it answers so late */
};

struct lookup {
	struct list link;
	struct world *world;
	struct timer timer;
	bool due;
	uint64_t id;
	resolver_done *done;
	void *arg;
	struct targets targets;
	resolver_naptr_done *naptr_done; /* instead */
	struct dns_answer *naptrs;
};

static struct name *find_name(struct world *w, struct str name)
{
	list_each (it, &w->names) {
		struct name *n = container_of(it, struct name, link);

		if (str_ieq(str_of(n->name), name))
			return n;
	}
	return NULL;
}

static struct name *make_name(struct world *w, struct str name)
{
	struct name *n = find_name(w, name);

	if (!n) {
		n = mem_new(struct name);
		n->name = str_dup(name);
		list_append(&w->names, &n->link);
	}
	return n;
}

void world_name(struct world *w, struct str name, struct str words, uint64_t after_ms)
{
	struct name *n = make_name(w, name);
	struct str word;
	bool back;

	back = n->count == 0 && n->err == ERR_TIMEOUT;
	n->count = 0;
	n->err = ERR_DNS;
	n->after_ms = after_ms;
	while (str_cut(&words, ' ', &word))
		if (str_eq(word, STR("timeout")))
			n->err = ERR_TIMEOUT;
		else if (word.n && n->count < TARGETS_MAX &&
			!addr_parse_ip(word, 5060, &n->addrs[n->count]))
			n->count++;
	if (back && n->err != ERR_TIMEOUT && w->resolver.recovered)
		w->resolver.recovered(w->resolver.recovered_arg);
}

static void resolve(struct world *w, const struct sip_uri *uri, struct targets *t)
{
	const struct name *n = find_name(w, uri->host);
	bool tcp = str_ieq(sip_uri_param(uri, STR("transport")), STR("tcp"));
	struct addr a;

	if (!addr_parse_ip(uri->host, 0, &a))
		t->list[t->count++].addr = a;
	for (unsigned i = 0; n && i < n->count; i++)
		t->list[t->count++].addr = n->addrs[i];
	for (unsigned i = 0; i < t->count; i++) {
		t->list[i].proto = tcp ? TP_TCP : TP_UDP;
		addr_set_port(&t->list[i].addr, sip_uri_port(uri));
	}
	if (!t->count)
		t->err = n ? n->err : ERR_DNS;
}

static void on_due(struct timer *t)
{
	container_of(t, struct lookup, timer)->due = true;
}

static uint64_t op_lookup(struct resolver *r, const struct sip_uri *uri, struct buf *steps,
	resolver_done *done, void *arg)
{
	struct world *w = container_of(r, struct world, resolver);
	struct lookup *l = mem_new(struct lookup);
	const struct name *n = find_name(w, uri->host);

	(void)steps;
	l->world = w;
	l->id = ++w->next_id;
	l->done = done;
	l->arg = arg;
	resolve(w, uri, &l->targets);
	timer_init(&l->timer, on_due);
	l->due = !n || !n->after_ms;
	if (!l->due)
		timer_start(&w->worker.wheel, &l->timer, n->after_ms);
	list_append(&w->lookups, &l->link);
	return l->id;
}

static void free_lookup(struct lookup *l)
{
	timer_stop(&l->world->worker.wheel, &l->timer);
	list_del(&l->link);
	dns_answer_unref(l->naptrs);
	free(l);
}

static void op_cancel(struct resolver *r, uint64_t id)
{
	struct world *w = container_of(r, struct world, resolver);

	list_each_safe (it, &w->lookups) {
		struct lookup *l = container_of(it, struct lookup, link);

		if (l->id == id) {
			free_lookup(l);
			return;
		}
	}
}

/* ---- NAPTR ---- */

struct naptr { /* a record of the scenario */
	struct list link;
	char *name, *texts;
	struct dns_naptr record;
};

void world_naptr(struct world *w, struct str name, struct str words)
{
	struct naptr *n = mem_new(struct naptr);
	struct str *const texts[] = { &n->record.flags, &n->record.services, &n->record.regexp,
		&n->record.replacement };
	struct str rest, word;
	uint32_t v;

	n->name = str_dup(name);
	n->texts = str_dup(words);
	rest = str_of(n->texts);
	for (unsigned i = 0; i < 6 && str_cut(&rest, ' ', &word); i++)
		if (i < 2 && !str_u32(word, &v))
			*(i ? &n->record.preference : &n->record.order) = (uint16_t)v;
		else if (i >= 2 && !str_eq(word, STR("-")))
			*texts[i - 2] = word;
	list_append(&w->naptrs, &n->link);
}

static struct dns_answer *find_naptrs(struct world *w, struct str name)
{
	struct dns_naptr list[16];
	unsigned n = 0;

	list_each (it, &w->naptrs) {
		struct naptr *one = container_of(it, struct naptr, link);

		if (str_ieq(str_of(one->name), name) && n < 16)
			list[n++] = one->record;
	}
	return dns_answer_of_naptrs(list, n);
}

static uint64_t op_naptr(struct resolver *r, struct str name, resolver_naptr_done *done, void *arg)
{
	struct world *w = container_of(r, struct world, resolver);
	struct lookup *l = mem_new(struct lookup);

	l->world = w;
	l->id = ++w->next_id;
	l->naptr_done = done;
	l->arg = arg;
	l->naptrs = find_naptrs(w, name);
	l->due = true;
	timer_init(&l->timer, on_due);
	list_append(&w->lookups, &l->link);
	return l->id;
}

static void op_report(struct resolver *r, const struct target *t, bool answered)
{
	struct world *w = container_of(r, struct world, resolver);

	resolver_report_to(w->breaker, &w->worker, t, answered);
}

void names_init(struct world *w)
{
	static const struct resolver_ops ops = {
		.lookup = op_lookup, .naptr = op_naptr, .cancel = op_cancel, .report = op_report
	};

	w->resolver = (struct resolver){ .ops = &ops, .worker = &w->worker };
	list_init(&w->names);
	list_init(&w->lookups);
	list_init(&w->naptrs);
	w->breaker = breaker_new();
}

static struct lookup *next_due(struct world *w)
{
	list_each (it, &w->lookups) {
		struct lookup *l = container_of(it, struct lookup, link);

		if (l->due)
			return l;
	}
	return NULL;
}

unsigned names_step(struct world *w)
{
	unsigned n = 0;

	for (struct lookup *l; (l = next_due(w)); n++) {
		struct lookup copy = *l;

		l->naptrs = NULL;
		free_lookup(l);
		if (copy.naptr_done) {
			copy.naptr_done(copy.arg, copy.id, copy.naptrs);
			dns_answer_unref(copy.naptrs);
			continue;
		}
		breaker_sort(w->breaker, &copy.targets, w->worker.clock.mono_ms);
		copy.done(copy.arg, copy.id, &copy.targets);
	}
	return n;
}

void names_fini(struct world *w)
{
	breaker_free(w->breaker);
	for (struct list *it; (it = list_pop(&w->naptrs));) {
		struct naptr *n = container_of(it, struct naptr, link);

		free(n->name);
		free(n->texts);
		free(n);
	}
	for (struct list *it; (it = list_first(&w->lookups));)
		free_lookup(container_of(it, struct lookup, link));
	for (struct list *it; (it = list_pop(&w->names));) {
		struct name *n = container_of(it, struct name, link);

		free(n->name);
		free(n);
	}
}
