/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real resolver. A look-up: a literal address is its own answer; a port asks for addresses of
 * the host; without one, SRV records come first (RFC 3263 4.2; no NAPTR). Answers are kept for
 * their TTL and, when the servers fail later, longer.
 */
#include "transport/resolver.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "event/event.h"
#include "transport/dns.h"

enum {
	CACHE_MAX = 4096,
	TTL_MIN_S = 5,
	TTL_MAX_S = 3600,
	STALE_S = 86400, /* so long an answer is used when the servers fail */
	LOOKUPS_MAX = 10000,
	NAMES_MAX = 8, /* hosts of SRV records that are looked up */
	HOST_MAX = 256,
};

struct cached {
	struct hash_node node;
	struct list link; /* oldest first */
	char *key;
	uint64_t fresh_until_ms, stale_until_ms;
	struct targets targets;
};

struct real {
	struct resolver resolver; /* first member */
	struct resolver_config cfg;
	struct dns *dns;
	struct hash lookups, cache;
	struct list cached, all; /* all: every struct lookup */
	uint64_t next_id;
};

struct srv { /* a host to ask for addresses; its answers go in front of those of later ones */
	struct lookup *lookup;
	enum tp_proto proto;
	uint16_t port, priority;
	uint32_t order; /* by weight, drawn */
	char host[HOST_MAX];
	struct targets found;
};

struct lookup {
	struct list link;
	struct hash_node node; /* by id, while somebody waits */
	struct deferred deferred;
	struct timer timeout;
	struct real *r;
	uint64_t id;
	resolver_done *done; /* NULL: nobody waits any more */
	void *arg;
	unsigned pending; /* questions that c-ares will answer */
	bool answered;
	enum tp_proto proto; /* of the host itself */
	uint16_t port; /* 0: none was given */
	char host[HOST_MAX];
	char key[HOST_MAX + 32];
	struct srv names[NAMES_MAX];
	unsigned name_count;
	unsigned ttl_s;
	enum err err;
	struct targets result;
};

/* ---- cache ---- */

static struct cached *cache_find(struct real *r, struct str key)
{
	for (struct hash_node *n = hash_find(&r->cache, hash_istr(key)); n; n = hash_next(n)) {
		struct cached *c = container_of(n, struct cached, node);

		if (str_ieq(str_of(c->key), key))
			return c;
	}
	return NULL;
}

static void cache_drop(struct real *r, struct cached *c)
{
	hash_del(&r->cache, &c->node);
	list_del(&c->link);
	free(c->key);
	free(c);
}

static void cache_put(struct real *r, const struct lookup *l)
{
	uint64_t now = r->resolver.worker->clock.mono_ms;
	struct cached *c = cache_find(r, str_of(l->key));
	unsigned ttl = l->ttl_s < TTL_MIN_S ? TTL_MIN_S
		: l->ttl_s > TTL_MAX_S      ? TTL_MAX_S
					    : l->ttl_s;

	if (c)
		cache_drop(r, c);
	if (r->cache.count >= CACHE_MAX)
		cache_drop(r, container_of(list_first(&r->cached), struct cached, link));
	c = mem_new(struct cached);
	c->key = str_dup(str_of(l->key));
	c->targets = l->result;
	c->fresh_until_ms = now + ttl * 1000ULL;
	c->stale_until_ms = now + STALE_S * 1000ULL;
	hash_add(&r->cache, &c->node, hash_istr(str_of(c->key)));
	list_append(&r->cached, &c->link);
}

/* ---- the end of a look-up ---- */

static void lookup_free(struct lookup *l)
{
	if (l->pending || !l->answered)
		return;
	list_del(&l->link);
	free(l);
}

static void forget(struct lookup *l)
{
	if (l->done)
		hash_del(&l->r->lookups, &l->node);
	l->done = NULL;
	timer_stop(&l->r->resolver.worker->wheel, &l->timeout);
}

static void note_failure(const struct lookup *l)
{
	struct event_bus *bus = l->r->resolver.worker->events;
	struct event e = { .kind = EV_DNS_FAILED, .text = str_of(err_text(l->result.err)) };

	event_field(&e, "host", str_of(l->host));
	event_emit(bus, &e);
}

static void answer(struct deferred *d)
{
	struct lookup *l = container_of(d, struct lookup, deferred);
	resolver_done *done = l->done;

	l->answered = true;
	forget(l);
	if (done)
		done(l->arg, l->id, &l->result);
	lookup_free(l);
}

/* The result stands: it is told at the end of the turn. */
static void finish(struct lookup *l)
{
	timer_stop(&l->r->resolver.worker->wheel, &l->timeout);
	worker_defer(l->r->resolver.worker, &l->deferred, answer);
}

static void fail(struct lookup *l, enum err e)
{
	struct cached *c = cache_find(l->r, str_of(l->key));

	/* No such name is an answer; only silence is bridged by what was known. */
	if (c && e != ERR_DNS && l->r->resolver.worker->clock.mono_ms < c->stale_until_ms) {
		l->result = c->targets;
	} else {
		l->result = (struct targets){ .err = e };
		if (l->done)
			note_failure(l);
	}
	finish(l);
}

static void on_timeout(struct timer *t)
{
	struct lookup *l = container_of(t, struct lookup, timeout);

	fail(l, ERR_TIMEOUT);
}

static bool over(const struct lookup *l)
{
	return l->answered || !l->done || list_linked(&l->deferred.link);
}

/* ---- addresses ---- */

static void add_target(
	struct targets *t, enum tp_proto proto, const struct sockaddr *sa, uint16_t port)
{
	struct target *one;

	if (t->count == TARGETS_MAX)
		return;
	one = &t->list[t->count];
	*one = (struct target){ .proto = proto };
	memcpy(&one->addr, sa,
		sa->sa_family == AF_INET ? sizeof(struct sockaddr_in)
					 : sizeof(struct sockaddr_in6));
	addr_set_port(&one->addr, port);
	t->count++;
}

static int srv_order(const void *a, const void *b)
{
	const struct srv *x = *(const struct srv *const *)a, *y = *(const struct srv *const *)b;

	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* All hosts have answered: theirs in the order of the SRV records. */
static void collect(struct lookup *l)
{
	const struct srv *order[NAMES_MAX];

	for (unsigned i = 0; i < l->name_count; i++)
		order[i] = &l->names[i];
	qsort(order, l->name_count, sizeof(order[0]), srv_order);
	for (unsigned i = 0; i < l->name_count; i++)
		for (unsigned k = 0; k < order[i]->found.count; k++)
			if (l->result.count < TARGETS_MAX)
				l->result.list[l->result.count++] = order[i]->found.list[k];
	if (l->result.count == 0) {
		fail(l, l->err ? l->err : ERR_DNS);
		return;
	}
	cache_put(l->r, l);
	finish(l);
}

static enum err err_of_ares(int status)
{
	switch (status) {
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
	case ARES_EBADNAME:
		return ERR_DNS;
	default:
		return ERR_TIMEOUT;
	}
}

static void on_addresses(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
	struct srv *s = arg;
	struct lookup *l = s->lookup;

	l->pending--;
	for (struct ares_addrinfo_node *n = info ? info->nodes : NULL; n; n = n->ai_next) {
		bool wanted = n->ai_family == AF_INET ? l->r->cfg.ipv4 : l->r->cfg.ipv6;

		if (!wanted)
			continue;
		add_target(&s->found, s->proto, n->ai_addr, s->port);
		if (n->ai_ttl >= 0 && (unsigned)n->ai_ttl < l->ttl_s)
			l->ttl_s = (unsigned)n->ai_ttl;
	}
	if (info)
		ares_freeaddrinfo(info);
	if (status != ARES_SUCCESS && l->err != ERR_TIMEOUT)
		l->err = err_of_ares(status);
	if (over(l))
		lookup_free(l);
	else if (l->pending == 0)
		collect(l);
}

static struct srv *add_name(struct lookup *l, enum tp_proto proto, const char *host, uint16_t port)
{
	struct srv *s;

	if (l->name_count == NAMES_MAX)
		return NULL;
	s = &l->names[l->name_count];
	*s = (struct srv){ .lookup = l, .proto = proto, .port = port };
	if (str_copy(str_of(host), s->host, sizeof(s->host)) != ERR_OK)
		return NULL;
	l->name_count++;
	return s;
}

/* c-ares looks into /etc/hosts first. */
static void ask_addresses(struct lookup *l)
{
	struct real *r = l->r;
	struct ares_addrinfo_hints hints = { .ai_family = r->cfg.ipv4 && r->cfg.ipv6 ? AF_UNSPEC
			: r->cfg.ipv4                                                ? AF_INET
										     : AF_INET6,
		.ai_socktype = SOCK_DGRAM };
	unsigned count = l->name_count;

	l->pending += count + 1; /* one of our own, so that answers within the loop do not end it */
	for (unsigned i = 0; i < count; i++)
		ares_getaddrinfo(dns_channel(r->dns), l->names[i].host, NULL, &hints, on_addresses,
			&l->names[i]);
	l->pending--;
	if (l->pending == 0 && !over(l))
		collect(l);
	else if (over(l))
		lookup_free(l);
	dns_asked(r->dns);
}

/* ---- SRV ---- */

static void take_srv(
	struct lookup *l, enum tp_proto proto, const unsigned char *answer_bytes, int n)
{
	struct ares_srv_reply *list = NULL;

	if (ares_parse_srv_reply(answer_bytes, n, &list) != ARES_SUCCESS)
		return;
	for (const struct ares_srv_reply *a = list; a; a = a->next) {
		struct srv *s;

		if (strcmp(a->host, ".") == 0 || !*a->host) /* "not available here" */
			continue;
		s = add_name(l, proto, a->host, a->port);
		if (!s)
			continue;
		s->priority = a->priority;
		/* A smaller number wins; weight makes small ones likelier (RFC 2782, near enough).
		 */
		s->order = rng_below(&l->r->resolver.worker->rng, 65536) / (a->weight + 1U);
	}
	ares_free_data(list);
}

static void srv_answered(
	struct lookup *l, enum tp_proto proto, int status, const unsigned char *bytes, int n)
{
	l->pending--;
	if (over(l)) {
		lookup_free(l);
		return;
	}
	if (status == ARES_SUCCESS)
		take_srv(l, proto, bytes, n);
	else if (err_of_ares(status) == ERR_TIMEOUT)
		l->err = ERR_TIMEOUT;
	if (l->pending)
		return;
	if (l->name_count == 0)
		(void)!add_name(l, l->proto, l->host, 5060);
	ask_addresses(l);
}

static void on_srv_udp(void *arg, int status, int timeouts, unsigned char *bytes, int n)
{
	srv_answered(arg, TP_UDP, status, bytes, n);
}

static void on_srv_tcp(void *arg, int status, int timeouts, unsigned char *bytes, int n)
{
	srv_answered(arg, TP_TCP, status, bytes, n);
}

static void ask_srv(struct lookup *l, bool udp, bool tcp)
{
	char name[HOST_MAX + 16];
	struct buf b = BUF_OF(name);
	ares_channel channel = dns_channel(l->r->dns);

	l->pending = (unsigned)udp + (unsigned)tcp;
	if (udp) {
		buf_printf(&b, "_sip._udp.%s%c", l->host, 0);
		ares_query(channel, name, ns_c_in, ns_t_srv, on_srv_udp, l);
	}
	if (tcp) {
		b.n = 0;
		buf_printf(&b, "_sip._tcp.%s%c", l->host, 0);
		ares_query(channel, name, ns_c_in, ns_t_srv, on_srv_tcp, l);
	}
	dns_asked(l->r->dns);
}

/* ---- a look-up ---- */

/* ERR_UNSUPPORTED: a protocol that we do not listen on. *given: the URI says which. */
static enum err choose_proto(
	const struct real *r, const struct sip_uri *uri, enum tp_proto *out, bool *given)
{
	struct str transport = sip_uri_param(uri, STR("transport"));

	*given = transport.n > 0;
	*out = r->cfg.udp ? TP_UDP : TP_TCP;
	if (uri->scheme != SIP_SCHEME_SIP)
		return ERR_UNSUPPORTED;
	if (*given && tp_proto_parse(transport, out) != ERR_OK)
		return ERR_UNSUPPORTED;
	if ((*out == TP_UDP && r->cfg.udp) || (*out == TP_TCP && r->cfg.tcp))
		return ERR_OK;
	return ERR_UNSUPPORTED;
}

static void start(struct lookup *l, const struct sip_uri *uri)
{
	struct real *r = l->r;
	struct str host = str_first(uri->host, HOST_MAX);
	struct cached *c;
	struct addr a;
	bool given;
	enum err e = choose_proto(r, uri, &l->proto, &given);

	l->port = uri->port;
	if (e == ERR_OK)
		e = str_copy(host, l->host, sizeof(l->host));
	if (e != ERR_OK || host.n == 0) {
		l->result.err = e == ERR_UNSUPPORTED ? e : ERR_SYNTAX;
		finish(l);
		return;
	}
	if (addr_parse_ip(host, sip_uri_port(uri), &a) == ERR_OK) {
		add_target(&l->result, l->proto, &a.sa, sip_uri_port(uri));
		finish(l);
		return;
	}
	snprintf(l->key, sizeof(l->key), "%s:%u:%d:%d", l->host, l->port, given, (int)l->proto);
	c = cache_find(r, str_of(l->key));
	if (c && r->resolver.worker->clock.mono_ms < c->fresh_until_ms) {
		l->result = c->targets;
		finish(l);
		return;
	}
	timer_start(&r->resolver.worker->wheel, &l->timeout, r->cfg.timeout_ms);
	if (l->port) {
		(void)!add_name(l, l->proto, l->host, l->port);
		ask_addresses(l);
	} else {
		ask_srv(l, r->cfg.udp && (!given || l->proto == TP_UDP),
			r->cfg.tcp && (!given || l->proto == TP_TCP));
	}
}

static uint64_t lookup(
	struct resolver *resolver, const struct sip_uri *uri, resolver_done *done, void *arg)
{
	struct real *r = (struct real *)resolver;
	struct lookup *l = mem_new(struct lookup);

	l->r = r;
	l->id = ++r->next_id;
	l->done = done;
	l->arg = arg;
	l->ttl_s = TTL_MAX_S;
	list_append(&r->all, &l->link);
	list_init(&l->deferred.link);
	timer_init(&l->timeout, on_timeout);
	hash_add(&r->lookups, &l->node, hash_mix(l->id, 0));
	if (r->lookups.count > LOOKUPS_MAX) {
		l->result.err = ERR_TIMEOUT;
		finish(l);
	} else {
		start(l, uri);
	}
	return l->id;
}

static void cancel(struct resolver *resolver, uint64_t id)
{
	struct real *r = (struct real *)resolver;

	for (struct hash_node *n = hash_find(&r->lookups, hash_mix(id, 0)); n; n = hash_next(n)) {
		struct lookup *l = container_of(n, struct lookup, node);

		if (l->id != id)
			continue;
		forget(l);
		/* Freed at the end of the turn, or when c-ares has answered. */
		if (!list_linked(&l->deferred.link))
			worker_defer(r->resolver.worker, &l->deferred, answer);
		return;
	}
}

struct resolver *resolver_new(struct worker *w, const struct resolver_config *cfg)
{
	static const struct resolver_ops ops = { .lookup = lookup, .cancel = cancel };
	struct real *r = mem_new(struct real);

	r->resolver = (struct resolver){ .ops = &ops, .worker = w };
	r->cfg = *cfg;
	hash_init(&r->lookups, 64);
	hash_init(&r->cache, 64);
	list_init(&r->cached);
	list_init(&r->all);
	r->dns = dns_new(w, cfg->servers, cfg->timeout_ms, cfg->tries);
	if (r->dns)
		return &r->resolver;
	hash_fini(&r->lookups);
	hash_fini(&r->cache);
	free(r);
	return NULL;
}

void resolver_free(struct resolver *resolver)
{
	struct real *r = (struct real *)resolver;

	list_each_safe (it, &r->all) {
		struct lookup *l = container_of(it, struct lookup, link);

		forget(l);
		list_del(&l->deferred.link);
		l->answered = true;
		lookup_free(l);
	}
	/* Gives up what c-ares has not answered; that frees the rest. */
	dns_free(r->dns);
	for (struct list *it; (it = list_first(&r->cached));)
		cache_drop(r, container_of(it, struct cached, link));
	hash_fini(&r->lookups);
	hash_fini(&r->cache);
	free(r);
}
