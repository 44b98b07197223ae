/* SPDX-License-Identifier: BSD-3-Clause */
#include "provider/agent.h"

#include <stdlib.h>

#include "base/arena.h"
#include "provider/registration.h"

/* ---- whose ---- */

struct str provider_key(struct str customer, struct str name, char mem[PROVIDER_KEY_MAX])
{
	struct buf b = { .p = mem, .max = PROVIDER_KEY_MAX };

	buf_add(&b, customer);
	buf_char(&b, '/');
	buf_add(&b, name);
	for (size_t i = 0; i < b.n; i++)
		if (mem[i] >= 'A' && mem[i] <= 'Z')
			mem[i] = (char)(mem[i] | 0x20);
	return buf_str(&b);
}

unsigned provider_owner(struct str customer, struct str name, unsigned workers)
{
	char mem[PROVIDER_KEY_MAX];

	return (unsigned)(hash_stable(provider_key(customer, name, mem)) % workers);
}

static bool is_mine(const struct provider_agent *a, struct str customer, struct str name)
{
	const struct worker *w = a->env.uac.worker;

	return provider_owner(customer, name, w->count) == w->id;
}

struct registration *provider_agent_find(
	const struct provider_agent *a, struct str customer, struct str name)
{
	char mem[PROVIDER_KEY_MAX];
	uint64_t h = hash_istr(provider_key(customer, name, mem));

	for (struct hash_node *n = hash_find(&a->registrations, h); n; n = hash_next(n)) {
		struct registration *r = container_of(n, struct registration, node);

		if (str_ieq(r->provider->customer, customer) && str_ieq(r->provider->name, name))
			return r;
	}
	return NULL;
}

/* ---- the lease ---- */

static void drop(struct hash_node *n, void *arg)
{
	(void)arg;
	registration_free(container_of(n, struct registration, node));
}

/* Whatever is out stays unanswered: it is the business of who has the rows now. */
static void look(struct turn_hook *h)
{
	struct provider_agent *a = container_of(h, struct provider_agent, look);
	uint64_t lease = node_lease(a->env.node, a->env.uac.worker->clock.mono_ms);

	if (lease == a->lease)
		return;
	a->lease = lease;
	hash_each(&a->registrations, drop, NULL);
	mwi_drop_all(a);
}

void provider_agent_take(struct provider_agent *a, const struct store_provider_binding *row)
{
	struct provider *p;
	struct registration *r;

	look(&a->look);
	if (!a->lease || !is_mine(a, row->customer, row->name))
		return; /* when there is a lease again, the row comes again */
	r = provider_agent_find(a, row->customer, row->name);
	if (r) {
		r->fence = row->fence;
		return;
	}
	p = directory_provider(a->env.directory, row->customer, row->name);
	if (p && p->register_enabled)
		registration_go_on(registration_new(a, p), row);
	else
		registration_drop_row(a, row);
	provider_unref(p);
}

/* ---- changes ---- */

struct collected {
	struct provider_agent *agent;
	struct provider **list;
	size_t count, room;
};

static void collect(struct provider *p, void *arg)
{
	struct collected *c = arg;

	if (!is_mine(c->agent, p->customer, p->name))
		return;
	if (c->count == c->room) {
		c->room = c->room ? 2 * c->room : 64;
		c->list = mem_grow(c->list, c->room * sizeof(struct provider *));
	}
	c->list[c->count++] = provider_ref(p);
}

static void look_at(struct provider_agent *a, struct provider *p, struct registration *r)
{
	if (r && (!p || !p->register_enabled))
		registration_configure(r, NULL);
	else if (r && (r->gone || (r->next ? r->next : r->provider) != p))
		registration_configure(r, p);
}

struct gone {
	struct provider_agent *agent;
	struct registration **list;
	size_t count;
};

static void note_if_gone(struct hash_node *n, void *arg)
{
	struct registration *r = container_of(n, struct registration, node);
	struct gone *g = arg;
	struct provider *p = directory_provider(
		g->agent->env.directory, r->provider->customer, r->provider->name);

	if (!p)
		g->list[g->count++] = r;
	provider_unref(p);
}

static void look_at_all(struct provider_agent *a)
{
	struct collected c = { .agent = a };
	struct gone g = { .agent = a };

	directory_each_provider(a->env.directory, collect, &c);
	for (size_t i = 0; i < c.count; i++) {
		look_at(a, c.list[i], provider_agent_find(a, c.list[i]->customer, c.list[i]->name));
		provider_unref(c.list[i]);
	}
	free(c.list);
	g.list = mem_alloc((a->registrations.count + 1) * sizeof(struct registration *));
	hash_each(&a->registrations, note_if_gone, &g);
	for (size_t i = 0; i < g.count; i++)
		registration_configure(g.list[i], NULL);
	free(g.list);
}

void provider_agent_changed(struct provider_agent *a, struct str customer, struct str name)
{
	struct provider *p;

	if (!name.n) {
		look_at_all(a);
		return;
	}
	if (!is_mine(a, customer, name))
		return;
	p = directory_provider(a->env.directory, customer, name);
	look_at(a, p, provider_agent_find(a, customer, name));
	provider_unref(p);
}

/* ---- life ---- */

static void on_names_back(void *arg)
{
	registrations_wake(arg);
}

struct provider_agent *provider_agent_new(
	const struct provider_env *env, const struct provider_config *cfg)
{
	struct provider_agent *a = mem_new(struct provider_agent);

	a->env = *env;
	a->cfg = *cfg;
	a->home = mem_new(struct provider_home);
	*a->home = (struct provider_home){ a, 1 };
	hash_init(&a->registrations, 64);
	hash_init(&a->paces, 16);
	hash_init(&a->mwis, 16);
	list_init(&a->probes);
	env->uac.resolver->recovered = on_names_back;
	env->uac.resolver->recovered_arg = a;
	worker_on_turn_begin(env->uac.worker, &a->look, look);
	return a;
}

void provider_agent_free(struct provider_agent *a)
{
	if (!a)
		return;
	list_del(&a->look.link);
	a->env.uac.resolver->recovered = NULL;
	provider_probes_end(a);
	hash_each(&a->registrations, drop, NULL);
	mwi_drop_all(a);
	hash_fini(&a->mwis);
	hash_fini(&a->registrations);
	hash_fini(&a->paces);
	a->home->agent = NULL;
	provider_home_leave(a->home);
	free(a);
}

void provider_agent_counts(const struct provider_agent *a, struct provider_counts *out)
{
	*out = (struct provider_counts){
		.registered = a->states[PROVIDER_REGISTERED],
		.trying = a->states[PROVIDER_WAITING],
		.failing = a->states[PROVIDER_BACKING_OFF] + a->states[PROVIDER_NEEDS_CREDENTIALS],
		.held = a->states[PROVIDER_HELD] + a->states[PROVIDER_LEAVING],
		.requests = a->requests,
		.successes = a->successes,
	};
}
