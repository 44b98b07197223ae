/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real resolver. A look-up keeps the answers that it has; whenever one comes, the procedure of
 * RFC 3263 is gone through again from the top, until it finds all it needs or knows that there is
 * nothing. So the procedure reads as in the RFC, whatever comes when.
 */
#include "transport/resolver.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/hash.h"
#include "event/event.h"
#include "transport/breaker.h"
#include "transport/dns_client.h"

enum { LOOKUPS_MAX = 10000, NEEDS_MAX = 32, SERVICES_MAX = 4 };

struct real {
	struct resolver resolver; /* first member */
	struct resolver_config cfg;
	struct dns_client *dns;
	struct hash lookups;
	struct list all, naptrs; /* every struct lookup, every struct naptr_lookup */
	uint64_t next_id;
};

struct need { /* a question of a look-up, and its answer */
	struct list link;
	struct dns_wait wait;
	struct lookup *lookup;
	enum dns_type type;
	struct dns_answer *answer; /* NULL: not yet */
	enum dns_source from;
	size_t n;
	char name[];
};

struct service { /* a protocol, and where its SRV records are */
	enum tp_proto proto;
	char name[DNS_NAME_MAX];
};

struct naptr_lookup { /* a question and no procedure */
	struct list link; /* in real.naptrs */
	struct dns_wait wait;
	struct timer deadline;
	struct deferred deferred;
	struct real *r;
	uint64_t id;
	resolver_naptr_done *done;
	void *arg;
	struct dns_answer *answer;
	size_t n;
	char name[];
};

struct lookup {
	struct list link;
	struct hash_node node; /* by id, while somebody waits */
	struct deferred deferred;
	struct timer deadline;
	struct real *r;
	uint64_t id;
	resolver_done *done; /* NULL: nobody waits any more */
	void *arg;
	struct buf *steps;
	enum tp_proto proto;
	bool proto_given, answered, hurried;
	bool secure; /* sips: over TLS, or not at all */
	uint16_t port; /* 0: none was given */
	uint64_t seed; /* of the draws by weight */
	char host[DNS_NAME_MAX];
	struct list needs;
	unsigned need_count;
	bool waiting; /* for an answer that the procedure needs */
	enum err err;
	struct targets result;
};

static void advance(struct lookup *l);

/* ---- the end of a look-up ---- */

static void lookup_free(struct lookup *l)
{
	for (struct list *it; (it = list_pop(&l->needs));) {
		struct need *n = container_of(it, struct need, link);

		dns_stop_waiting(&n->wait);
		dns_answer_unref(n->answer);
		free(n);
	}
	list_del(&l->link);
	free(l);
}

static void forget(struct lookup *l)
{
	if (l->done)
		hash_del(&l->r->lookups, &l->node);
	l->done = NULL;
	timer_stop(&l->r->resolver.worker->wheel, &l->deadline);
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

	forget(l);
	breaker_sort(l->r->cfg.breaker, &l->result, l->r->resolver.worker->clock.mono_ms);
	if (done)
		done(l->arg, l->id, &l->result);
	lookup_free(l);
}

/* The result stands: it is told at the end of the turn. */
static void finish(struct lookup *l)
{
	if (l->answered)
		return;
	l->answered = true;
	timer_stop(&l->r->resolver.worker->wheel, &l->deadline);
	list_each (it, &l->needs)
		dns_stop_waiting(&container_of(it, struct need, link)->wait);
	if (!l->result.count && l->done &&
		(l->result.err == ERR_DNS || l->result.err == ERR_TIMEOUT))
		note_failure(l);
	worker_defer(l->r->resolver.worker, &l->deferred, answer);
}

static void fail(struct lookup *l, enum err e)
{
	l->result = (struct targets){ .err = e };
	finish(l);
}

/* ---- questions ---- */

static void explain(const struct need *n, uint32_t left_s)
{
	static const char *const from[] = { "", " (known)", " (old: no server answers)",
		" (/etc/hosts)" };
	struct buf *b = n->lookup->steps;

	if (!b || b->max - b->n < 1024)
		return;
	buf_printf(b, "%.*s %s: ", STR_ARG(dns_type_name(n->type)), n->name);
	dns_answer_print(b, n->answer);
	buf_add(b, str_of(from[n->from]));
	if (left_s && n->answer->status != DNS_FAILED)
		buf_printf(b, ", for another %u s", left_s);
	buf_char(b, '\n');
}

static void on_answer(struct dns_wait *w, struct dns_answer *a, enum dns_source from)
{
	struct need *n = container_of(w, struct need, wait);

	n->answer = dns_answer_ref(a);
	n->from = from;
	explain(n, from == DNS_FROM_SERVER ? dns_cache_keeps_s(a) : 0);
	advance(n->lookup);
}

static struct need *add_need(struct lookup *l, enum dns_type type, struct str name)
{
	struct need *n;
	uint32_t left = 0;

	if (l->need_count == NEEDS_MAX || name.n >= DNS_NAME_MAX)
		return NULL;
	n = mem_zero(sizeof(*n) + name.n + 1);
	n->lookup = l;
	n->type = type;
	n->wait.done = on_answer;
	n->n = name.n;
	memcpy(n->name, name.p, name.n);
	list_init(&n->wait.link);
	list_append(&l->needs, &n->link);
	l->need_count++;
	if (l->hurried)
		n->answer = dns_known(l->r->dns, type, name, &n->from);
	else if (dns_ask(l->r->dns, type, name, &n->wait, &n->answer, &n->from, &left))
		n->answer = dns_answer_failed(type);
	if (n->answer)
		explain(n, left);
	return n;
}

static struct need *find_need(struct lookup *l, enum dns_type type, struct str name)
{
	list_each (it, &l->needs) {
		struct need *n = container_of(it, struct need, link);

		if (n->type == type && str_ieq(str_make(n->name, n->n), name))
			return n;
	}
	return NULL;
}

/* The answer when there is one; NULL: not yet, and then the procedure waits. */
static const struct dns_answer *need(struct lookup *l, enum dns_type type, struct str name)
{
	struct need *n = find_need(l, type, name);

	if (!n)
		n = add_need(l, type, name);
	if (n && n->answer)
		return n->answer;
	l->waiting = l->waiting || n;
	return NULL;
}

/* Time is up: from now on what is known has to do. */
static void on_deadline(struct timer *t)
{
	struct lookup *l = container_of(t, struct lookup, deadline);

	l->hurried = true;
	list_each (it, &l->needs) {
		struct need *n = container_of(it, struct need, link);

		if (n->answer)
			continue;
		dns_stop_waiting(&n->wait);
		n->answer = dns_known(l->r->dns, n->type, str_make(n->name, n->n), &n->from);
		explain(n, 0);
	}
	advance(l);
}

/* ---- addresses ---- */

static void note_trouble(struct lookup *l, const struct dns_answer *a)
{
	if (a->status == DNS_FAILED)
		l->err = ERR_TIMEOUT;
}

static void add_target(struct lookup *l, enum tp_proto proto, const struct addr *a, uint16_t port)
{
	struct targets *t = &l->result;

	if (t->count == TARGETS_MAX)
		return;
	t->list[t->count] = (struct target){ .proto = proto, .addr = *a };
	addr_set_port(&t->list[t->count++].addr, port);
}

static void add_addrs(
	struct lookup *l, enum dns_type type, enum tp_proto proto, struct str host, uint16_t port)
{
	const struct dns_answer *a = need(l, type, host);

	if (!a)
		return;
	note_trouble(l, a);
	for (unsigned i = 0; i < a->count; i++)
		add_target(l, proto, &a->list[i].addr, port);
}

static void add_host(struct lookup *l, enum tp_proto proto, struct str host, uint16_t port)
{
	if (l->r->cfg.ipv4)
		add_addrs(l, DNS_A, proto, host, port);
	if (l->r->cfg.ipv6)
		add_addrs(l, DNS_AAAA, proto, host, port);
}

/* ---- SRV (RFC 2782) ---- */

/* Less than `sum`, the same whenever the procedure comes here. */
static uint32_t draw(const struct lookup *l, unsigned which, uint32_t sum)
{
	return (uint32_t)(hash_mix(l->seed, which) % sum);
}

/* The next of those with the lowest priority that is left: likelier with more weight. */
static int choose(const struct lookup *l, const struct dns_answer *a, const bool *taken, unsigned k)
{
	int first = -1;
	uint32_t sum = 0, mark, seen = 0;

	for (unsigned i = 0; i < a->count; i++)
		if (!taken[i] &&
			(first < 0 || a->list[i].srv.priority < a->list[first].srv.priority))
			first = (int)i;
	for (unsigned i = 0; first >= 0 && i < a->count; i++)
		if (!taken[i] && a->list[i].srv.priority == a->list[first].srv.priority)
			sum += a->list[i].srv.weight;
	if (first < 0 || sum == 0)
		return first;
	mark = draw(l, k, sum + 1);
	for (unsigned i = 0; i < a->count; i++) {
		if (taken[i] || a->list[i].srv.priority != a->list[first].srv.priority)
			continue;
		seen += a->list[i].srv.weight;
		if (seen >= mark)
			return (int)i;
	}
	return first;
}

/* True: there are records, or there were: the host itself does not count. */
static bool add_service(struct lookup *l, const struct service *s)
{
	const struct dns_answer *a = need(l, DNS_SRV, str_of(s->name));
	bool taken[DNS_RECORDS_MAX] = { 0 };
	int i;

	if (!a)
		return false;
	note_trouble(l, a);
	for (unsigned k = 0; (i = choose(l, a, taken, k)) >= 0; k++) {
		const struct dns_srv *srv = &a->list[i].srv;

		taken[i] = true;
		if (!str_eq(srv->host, STR(".")))
			add_host(l, s->proto, srv->host, srv->port);
	}
	return a->count > 0;
}

static void add_service_name(const struct lookup *l, enum tp_proto proto, struct service *s)
{
	struct buf b = { .p = s->name, .max = sizeof(s->name) - 1 };

	s->proto = proto;
	if (proto == TP_TLS)
		buf_printf(&b, "_sips._tcp.%s", l->host);
	else
		buf_printf(&b, "_sip._%.*s.%s", STR_ARG(tp_proto_name(proto)), l->host);
	s->name[buf_ok(&b) ? b.n : 0] = '\0';
}

/* ---- NAPTR (RFC 3263 4.1) ---- */

static bool speaks(const struct real *r, enum tp_proto proto)
{
	return (proto == TP_UDP && r->cfg.udp) || (proto == TP_TCP && r->cfg.tcp) ||
		(proto == TP_TLS && r->cfg.tls);
}

static bool proto_of_service(struct str services, enum tp_proto *out)
{
	if (str_ieq(services, STR("SIP+D2U")))
		*out = TP_UDP;
	else if (str_ieq(services, STR("SIP+D2T")))
		*out = TP_TCP;
	else if (str_ieq(services, STR("SIPS+D2T")))
		*out = TP_TLS;
	else
		return false;
	return true;
}

static bool before(const struct dns_naptr *a, const struct dns_naptr *b)
{
	return a->order != b->order ? a->order < b->order : a->preference < b->preference;
}

static const struct dns_naptr *next_naptr(
	const struct lookup *l, const struct dns_answer *a, bool *taken)
{
	const struct dns_naptr *best = NULL;
	unsigned at = 0;

	for (unsigned i = 0; i < a->count; i++) {
		const struct dns_naptr *n = &a->list[i].naptr;
		enum tp_proto proto;

		if (taken[i] || !proto_of_service(n->services, &proto) || !speaks(l->r, proto) ||
			(l->secure && proto != TP_TLS) || !str_ieq(n->flags, STR("s")) ||
			(best && !before(n, best)))
			continue;
		best = n;
		at = i;
	}
	if (best)
		taken[at] = true;
	return best;
}

static unsigned services_by_naptr(
	const struct lookup *l, const struct dns_answer *a, struct service *out)
{
	bool taken[DNS_RECORDS_MAX] = { 0 };
	const struct dns_naptr *n;
	unsigned count = 0;

	while (count < SERVICES_MAX && (n = next_naptr(l, a, taken)))
		if (proto_of_service(n->services, &out[count].proto) &&
			!str_copy(n->replacement, out[count].name, sizeof(out[count].name)))
			count++;
	return count;
}

/* ---- the procedure ---- */

/* Which SRV records to look at, in order. */
static unsigned services(struct lookup *l, struct service *out)
{
	const struct dns_answer *naptr;
	unsigned count = 0;

	if (l->proto_given && !l->secure) {
		add_service_name(l, l->proto, &out[0]);
		return 1;
	}
	naptr = need(l, DNS_NAPTR, str_of(l->host));
	if (!naptr)
		return 0;
	count = services_by_naptr(l, naptr, out);
	if (count)
		return count;
	if (l->secure) {
		add_service_name(l, TP_TLS, &out[0]);
		return 1;
	}
	if (l->r->cfg.udp)
		add_service_name(l, TP_UDP, &out[count++]);
	if (l->r->cfg.tcp)
		add_service_name(l, TP_TCP, &out[count++]);
	return count;
}

static void find_targets(struct lookup *l)
{
	struct service list[SERVICES_MAX];
	bool any = false;
	unsigned count;

	if (l->port) {
		add_host(l, l->proto, str_of(l->host), l->port);
		return;
	}
	count = services(l, list);
	for (unsigned i = 0; i < count; i++)
		any = add_service(l, &list[i]) || any;
	if (!any && !l->waiting)
		add_host(l, l->proto, str_of(l->host), l->proto == TP_TLS ? 5061 : 5060);
}

static void advance(struct lookup *l)
{
	if (l->answered)
		return;
	l->waiting = false;
	l->err = ERR_OK;
	l->result.count = 0;
	find_targets(l);
	if (l->waiting)
		return;
	if (!l->result.count)
		l->result.err = l->err ? l->err : ERR_DNS;
	finish(l);
}

/* ---- a look-up ---- */

/* ERR_UNSUPPORTED: a protocol that we do not listen on. */
static enum err choose_proto(const struct real *r, const struct sip_uri *uri, struct lookup *l)
{
	struct str transport = sip_uri_param(uri, STR("transport"));

	l->proto_given = transport.n > 0;
	l->secure = uri->scheme == SIP_SCHEME_SIPS;
	l->proto = l->secure ? TP_TLS : r->cfg.udp ? TP_UDP : r->cfg.tcp ? TP_TCP : TP_TLS;
	if (uri->scheme != SIP_SCHEME_SIP && !l->secure)
		return ERR_UNSUPPORTED;
	/* "sips:…;transport=tcp" is TLS over TCP (RFC 3261 26.2.2) */
	if (l->secure)
		return (l->proto_given && !str_ieq(transport, STR("tcp")) &&
			       !str_ieq(transport, STR("tls"))) ||
				!speaks(r, TP_TLS)
			? ERR_UNSUPPORTED
			: ERR_OK;
	if (l->proto_given && tp_proto_parse(transport, &l->proto) != ERR_OK)
		return ERR_UNSUPPORTED;
	return speaks(r, l->proto) ? ERR_OK : ERR_UNSUPPORTED;
}

static void start(struct lookup *l, const struct sip_uri *uri)
{
	struct real *r = l->r;
	enum err e = choose_proto(r, uri, l);
	struct addr a;

	if (e == ERR_OK && (uri->host.n == 0 || str_copy(uri->host, l->host, sizeof(l->host))))
		e = ERR_SYNTAX;
	l->port = uri->port;
	if (e != ERR_OK) {
		fail(l, e);
	} else if (addr_parse_ip(uri->host, sip_uri_port(uri), &a) == ERR_OK) {
		add_target(l, l->proto, &a, sip_uri_port(uri));
		finish(l);
	} else {
		timer_start(&r->resolver.worker->wheel, &l->deadline, r->cfg.timeout_ms);
		advance(l);
	}
}

static uint64_t lookup(struct resolver *resolver, const struct sip_uri *uri, struct buf *steps,
	resolver_done *done, void *arg)
{
	struct real *r = (struct real *)resolver;
	struct lookup *l = mem_new(struct lookup);

	l->r = r;
	l->id = ++r->next_id;
	l->done = done;
	l->arg = arg;
	l->steps = steps;
	l->seed = rng_u64(&resolver->worker->rng);
	list_append(&r->all, &l->link);
	list_init(&l->needs);
	list_init(&l->deferred.link);
	timer_init(&l->deadline, on_deadline);
	hash_add(&r->lookups, &l->node, hash_mix(l->id, 0));
	if (r->lookups.count > LOOKUPS_MAX)
		fail(l, ERR_TIMEOUT);
	else
		start(l, uri);
	return l->id;
}

/* ---- NAPTR records alone ---- */

static void naptr_free(struct naptr_lookup *l)
{
	timer_stop(&l->r->resolver.worker->wheel, &l->deadline);
	dns_stop_waiting(&l->wait);
	list_del(&l->deferred.link);
	list_del(&l->link);
	dns_answer_unref(l->answer);
	free(l);
}

static void naptr_tell(struct deferred *d)
{
	struct naptr_lookup *l = container_of(d, struct naptr_lookup, deferred);
	struct dns_answer *a = dns_answer_ref(l->answer);
	resolver_naptr_done *done = l->done;
	void *arg = l->arg;
	uint64_t id = l->id;

	list_init(&l->deferred.link);
	naptr_free(l);
	done(arg, id, a);
	dns_answer_unref(a);
}

static void naptr_finish(struct naptr_lookup *l, struct dns_answer *a)
{
	l->answer = a;
	timer_stop(&l->r->resolver.worker->wheel, &l->deadline);
	worker_defer(l->r->resolver.worker, &l->deferred, naptr_tell);
}

static void naptr_answered(struct dns_wait *w, struct dns_answer *a, enum dns_source from)
{
	naptr_finish(container_of(w, struct naptr_lookup, wait), dns_answer_ref(a));
}

static void naptr_late(struct timer *t)
{
	struct naptr_lookup *l = container_of(t, struct naptr_lookup, deadline);
	enum dns_source from;

	dns_stop_waiting(&l->wait);
	naptr_finish(l, dns_known(l->r->dns, DNS_NAPTR, str_make(l->name, l->n), &from));
}

static uint64_t naptr(
	struct resolver *resolver, struct str name, resolver_naptr_done *done, void *arg)
{
	struct real *r = (struct real *)resolver;
	struct naptr_lookup *l = mem_zero(sizeof(*l) + name.n + 1);
	struct dns_answer *a;
	enum dns_source from;
	uint32_t left;

	l->r = r;
	l->id = ++r->next_id;
	l->done = done;
	l->arg = arg;
	l->n = name.n;
	memcpy(l->name, name.p, name.n);
	l->wait.done = naptr_answered;
	list_init(&l->wait.link);
	list_init(&l->deferred.link);
	list_append(&r->naptrs, &l->link);
	timer_init(&l->deadline, naptr_late);
	timer_start(&resolver->worker->wheel, &l->deadline, r->cfg.timeout_ms);
	if (dns_ask(r->dns, DNS_NAPTR, name, &l->wait, &a, &from, &left))
		a = dns_answer_failed(DNS_NAPTR);
	if (a)
		naptr_finish(l, a);
	return l->id;
}

static void cancel(struct resolver *resolver, uint64_t id)
{
	struct real *r = (struct real *)resolver;

	list_each_safe (it, &r->naptrs) {
		struct naptr_lookup *l = container_of(it, struct naptr_lookup, link);

		if (l->id == id) {
			naptr_free(l);
			return;
		}
	}
	for (struct hash_node *n = hash_find(&r->lookups, hash_mix(id, 0)); n; n = hash_next(n)) {
		struct lookup *l = container_of(n, struct lookup, node);

		if (l->id != id)
			continue;
		forget(l);
		finish(l); /* freed at the end of the turn */
		return;
	}
}

void resolver_report_to(struct breaker *b, struct worker *w, const struct target *t, bool answered)
{
	char text[ADDR_TEXT_MAX];
	struct buf to = BUF_OF(text);
	uint32_t for_s = 0;

	addr_print(&to, &t->addr);
	if (answered ? !breaker_answered(b, t) : !breaker_failed(b, t, w->clock.mono_ms, &for_s))
		return;
	if (answered)
		event_note(w->events, EV_TARGET_UP, STR_NONE, STR_NONE, "%.*s:%.*s answers again",
			STR_ARG(tp_proto_name(t->proto)), STR_ARG(buf_str(&to)));
	else
		event_note(w->events, EV_TARGET_DOWN, STR_NONE, STR_NONE,
			"%.*s:%.*s does not answer: where there are others, it is tried last for "
			"%u s",
			STR_ARG(tp_proto_name(t->proto)), STR_ARG(buf_str(&to)), for_s);
}

static void report(struct resolver *resolver, const struct target *t, bool answered)
{
	struct real *r = (struct real *)resolver;

	resolver_report_to(r->cfg.breaker, resolver->worker, t, answered);
}

static void on_recovered(void *arg)
{
	struct real *r = arg;

	if (r->resolver.recovered)
		r->resolver.recovered(r->resolver.recovered_arg);
}

struct resolver *resolver_new(struct worker *w, const struct resolver_config *cfg)
{
	static const struct resolver_ops ops = {
		.lookup = lookup, .naptr = naptr, .cancel = cancel, .report = report
	};
	struct real *r = mem_new(struct real);

	r->resolver = (struct resolver){ .ops = &ops, .worker = w };
	r->cfg = *cfg;
	hash_init(&r->lookups, 64);
	list_init(&r->all);
	list_init(&r->naptrs);
	r->dns = dns_client_new(w,
		&(struct dns_client_config){ .servers = cfg->servers,
			.probe = cfg->probe,
			.timeout_ms = cfg->timeout_ms,
			.tries = cfg->tries,
			.cache = cfg->cache,
			.recovered = on_recovered,
			.arg = r });
	if (r->dns)
		return &r->resolver;
	hash_fini(&r->lookups);
	free(r);
	return NULL;
}

void resolver_free(struct resolver *resolver)
{
	struct real *r = (struct real *)resolver;

	list_each_safe (it, &r->naptrs)
		naptr_free(container_of(it, struct naptr_lookup, link));
	list_each_safe (it, &r->all) {
		struct lookup *l = container_of(it, struct lookup, link);

		forget(l);
		list_del(&l->deferred.link);
		lookup_free(l);
	}
	dns_client_free(r->dns);
	hash_fini(&r->lookups);
	free(r);
}
