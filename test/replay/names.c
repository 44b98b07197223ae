/* SPDX-License-Identifier: BSD-3-Clause */
/* A resolver over the table of the scenario; numeric hosts resolve to themselves. */
#include <stdlib.h>

#include "world.h"

struct name {
	struct list link;
	char *name;
	struct addr addrs[TARGETS_MAX];
	unsigned count;
};

struct lookup {
	struct list link;
	uint64_t id;
	resolver_done *done;
	void *arg;
	struct targets targets;
};

void world_name(struct world *w, struct str name, struct str addresses)
{
	struct name *n = mem_new(struct name);
	struct str word;

	n->name = str_dup(name);
	while (str_cut(&addresses, ' ', &word))
		if (word.n && n->count < TARGETS_MAX &&
			!addr_parse_ip(word, 5060, &n->addrs[n->count]))
			n->count++;
	list_append(&w->names, &n->link);
}

static const struct name *find_name(struct world *w, struct str name)
{
	list_each (it, &w->names) {
		struct name *n = container_of(it, struct name, link);

		if (str_ieq(str_of(n->name), name))
			return n;
	}
	return NULL;
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
		t->err = ERR_DNS;
}

static uint64_t op_lookup(
	struct resolver *r, const struct sip_uri *uri, resolver_done *done, void *arg)
{
	struct world *w = container_of(r, struct world, resolver);
	struct lookup *l = mem_new(struct lookup);

	l->id = ++w->next_id;
	l->done = done;
	l->arg = arg;
	resolve(w, uri, &l->targets);
	list_append(&w->lookups, &l->link);
	return l->id;
}

static void op_cancel(struct resolver *r, uint64_t id)
{
	struct world *w = container_of(r, struct world, resolver);

	list_each_safe (it, &w->lookups) {
		struct lookup *l = container_of(it, struct lookup, link);

		if (l->id != id)
			continue;
		list_del(&l->link);
		free(l);
		return;
	}
}

void names_init(struct world *w)
{
	static const struct resolver_ops ops = { .lookup = op_lookup, .cancel = op_cancel };

	w->resolver = (struct resolver){ .ops = &ops, .worker = &w->worker };
	list_init(&w->names);
	list_init(&w->lookups);
}

unsigned names_step(struct world *w)
{
	unsigned n = 0;

	for (struct list *it; (it = list_pop(&w->lookups)); n++) {
		struct lookup *l = container_of(it, struct lookup, link);

		l->done(l->arg, l->id, &l->targets);
		free(l);
	}
	return n;
}

void names_fini(struct world *w)
{
	for (struct list *it; (it = list_pop(&w->lookups));)
		free(container_of(it, struct lookup, link));
	for (struct list *it; (it = list_pop(&w->names));) {
		struct name *n = container_of(it, struct name, link);

		free(n->name);
		free(n);
	}
}
