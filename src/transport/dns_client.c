/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/dns_client.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/hash.h"
#include "event/event.h"
#include "transport/dns.h"

enum {
	SERVERS_MAX = 8,
	QUESTIONS_MAX = 20000,
	FAILURES_MAX = 3, /* in a row: then a server is asked last */
	PATIENCE_MS = 200,
	LOOK_MS = 5000, /* between looks at such a server */
	TRUST_MS = 30000, /* how long a probe counts */
	ATTEMPT_MIN_MS = 250,
	REREAD_MS = 5000, /* of /etc/resolv.conf, when nobody answers */
	SERVER_TEXT_MAX = 80,
};

struct server {
	struct dns *dns;
	char name[SERVER_TEXT_MAX]; /* "192.0.2.53:53" */
	unsigned failures; /* in a row */
	uint64_t look_ms; /* when it may be looked at behind the back of others */
	uint64_t trusted_ms, distrusted_ms; /* its "no" is believed, or not, until then */
};

struct dns_client {
	struct worker *worker;
	struct dns_client_config cfg;
	char *servers_text, *probe;
	struct server *servers[SERVERS_MAX];
	unsigned count;
	struct hash questions;
	uint64_t reread_ms;
	int64_t read_at; /* of /etc/resolv.conf: when it was changed */
	bool freeing;
};

struct question {
	struct hash_node node;
	struct deferred start; /* c-ares may answer within the call that asks */
	struct dns_client *client;
	struct list waits;
	enum dns_type type;
	unsigned order[SERVERS_MAX], count; /* of servers to ask */
	unsigned next, round; /* in it */
	struct timer patience; /* how long those wait who could have an old answer */
	bool late; /* longer than that */
	struct dns_answer *no; /* a "no" whose server is being probed */
	char name[DNS_NAME_MAX];
};

static void ask_next(struct question *q);

static uint64_t now_ms(const struct dns_client *c)
{
	return c->worker->clock.mono_ms;
}

/* ---- servers ---- */

static bool is_down(const struct server *s)
{
	return s->failures >= FAILURES_MAX;
}

static void answered(struct dns_client *c, struct server *s)
{
	if (s->failures)
		dns_cache_forget_failures(c->cfg.cache);
	if (!is_down(s)) {
		s->failures = 0;
		return;
	}
	s->failures = 0;
	event_note(c->worker->events, EV_DNS_RECOVERED, STR_NONE, STR_NONE,
		"name server %s answers again", s->name);
	c->cfg.recovered(c->cfg.arg);
}

static void failed(struct dns_client *c, struct server *s, const char *how)
{
	s->trusted_ms = 0;
	if (++s->failures != FAILURES_MAX)
		return;
	s->look_ms = now_ms(c) + LOOK_MS;
	event_note(c->worker->events, EV_DNS_FAILED, STR_NONE, STR_NONE,
		"name server %s: %s; it is asked last from now on", s->name, how);
}

static unsigned attempt_ms(const struct dns_client *c, unsigned servers)
{
	unsigned ms = c->cfg.timeout_ms / ((servers ? servers : 1) * c->cfg.tries);

	return ms < ATTEMPT_MIN_MS ? ATTEMPT_MIN_MS : ms;
}

static bool add_server(struct dns_client *c, struct str text, unsigned of)
{
	struct server *s = mem_new(struct server);

	s->dns = str_copy(text, s->name, sizeof(s->name))
		? NULL
		: dns_new(c->worker, text, attempt_ms(c, of), 1);
	if (!s->dns) {
		free(s);
		return false;
	}
	c->servers[c->count++] = s;
	return true;
}

static void drop_servers(struct dns_client *c)
{
	while (c->count) {
		struct server *s = c->servers[--c->count];

		dns_free(s->dns);
		free(s);
	}
}

static unsigned count_items(struct str list)
{
	struct str item;
	unsigned n = 0;

	while (str_cut(&list, ',', &item))
		n += str_trim(item).n > 0;
	return n < SERVERS_MAX ? n : SERVERS_MAX;
}

static bool add_servers(struct dns_client *c, struct str list)
{
	unsigned of = count_items(list);
	struct str item;

	while (str_cut(&list, ',', &item) && c->count < SERVERS_MAX)
		if (str_trim(item).n && !add_server(c, str_trim(item), of))
			return false;
	return c->count > 0;
}

/* What /etc/resolv.conf says, in c-ares' reading of it. */
static bool add_system_servers(struct dns_client *c)
{
	struct dns *d = dns_new(c->worker, STR_NONE, 1000, 1);
	struct ares_addr_port_node *list = NULL;
	char text[SERVERS_MAX * SERVER_TEXT_MAX];
	struct buf b = BUF_OF(text);

	if (!d)
		return false;
	if (ares_get_servers_ports(dns_channel(d), &list) == ARES_SUCCESS)
		for (const struct ares_addr_port_node *n = list; n; n = n->next) {
			struct addr a = { 0 };

			a.sa.sa_family = (sa_family_t)n->family;
			if (n->family == AF_INET)
				memcpy(&a.in4.sin_addr, &n->addr, sizeof(a.in4.sin_addr));
			else
				memcpy(&a.in6.sin6_addr, &n->addr, sizeof(a.in6.sin6_addr));
			addr_set_port(&a, n->udp_port ? (uint16_t)n->udp_port : 53);
			buf_add(&b, b.n ? STR(",") : STR(""));
			addr_print(&b, &a);
		}
	ares_free_data(list);
	dns_free(d);
	return add_servers(c, buf_str(&b));
}

static int64_t changed_at(void)
{
	struct stat st;

	return stat("/etc/resolv.conf", &st) == 0 ? st.st_mtim.tv_sec : 0;
}

/* Another network has other servers; looked at when nobody answers. */
static void reread(struct dns_client *c)
{
	int64_t at;

	if (c->cfg.servers.n || now_ms(c) < c->reread_ms || c->questions.count)
		return;
	c->reread_ms = now_ms(c) + REREAD_MS;
	at = changed_at();
	if (at == c->read_at)
		return;
	c->read_at = at;
	drop_servers(c);
	(void)!add_system_servers(c);
}

static bool all_down(const struct dns_client *c)
{
	for (unsigned i = 0; i < c->count; i++)
		if (!is_down(c->servers[i]))
			return false;
	return true;
}

/* ---- the end of a question ---- */

/* Told without the question itself ending. */
static void tell_waits(struct question *q, struct dns_answer *a, enum dns_source from)
{
	struct list waits;

	list_init(&waits);
	for (struct list *it; (it = list_pop(&q->waits));)
		list_append(&waits, it);
	for (struct list *it; (it = list_pop(&waits));) {
		struct dns_wait *w = container_of(it, struct dns_wait, link);

		list_init(&w->link);
		w->done(w, a, from);
	}
}

static void on_impatience(struct timer *t)
{
	struct question *q = container_of(t, struct question, patience);
	enum dns_source from;
	struct dns_answer *a = dns_known(q->client, q->type, str_of(q->name), &from);

	q->late = true;
	if (a->status != DNS_FAILED)
		tell_waits(q, a, from);
	dns_answer_unref(a);
}

static void question_free(struct question *q)
{
	timer_stop(&q->client->worker->wheel, &q->patience);
	list_del(&q->start.link);
	list_each_safe (it, &q->waits)
		list_del(it);
	hash_del(&q->client->questions, &q->node);
	dns_answer_unref(q->no);
	free(q);
}

static void tell(struct question *q, struct dns_answer *a, enum dns_source from)
{
	timer_stop(&q->client->worker->wheel, &q->patience);
	hash_del(&q->client->questions, &q->node); /* whoever asks again begins anew */
	tell_waits(q, a, from);
	dns_answer_unref(q->no);
	free(q);
}

static void finish(struct question *q, struct dns_answer *a)
{
	struct dns_client *c = q->client;
	struct dns_answer *known;
	enum dns_source from = DNS_FROM_SERVER;
	uint32_t left;

	dns_cache_put(c->cfg.cache, q->type, str_of(q->name), now_ms(c), a);
	if (a->status == DNS_FAILED &&
		dns_cache_get(c->cfg.cache, q->type, str_of(q->name), now_ms(c), &known, &left) !=
			DNS_NOTHING) {
		dns_answer_unref(a);
		a = known;
		from = DNS_FROM_STALE;
	}
	tell(q, a, from);
	dns_answer_unref(a);
}

/* ---- asking ---- */

struct asked { /* what c-ares hands back */
	struct question *question; /* NULL: only whether the server is alive is wanted */
	struct dns_client *client;
	struct server *server;
	enum dns_type type;
};

static const char *in_words(int status)
{
	switch (status) {
	case ARES_ESERVFAIL:
		return "it says that it failed (SERVFAIL)";
	case ARES_EREFUSED:
		return "it refuses to answer (REFUSED)";
	case ARES_ECONNREFUSED:
		return "nobody is there";
	case ARES_ETIMEOUT:
		return "it does not answer";
	default:
		return ares_strerror(status);
	}
}

/* NULL: that was no answer. */
static struct dns_answer *read_answer(
	const struct asked *k, int status, const unsigned char *bytes, int n)
{
	struct dns_answer *a = NULL;

	if ((status != ARES_SUCCESS && status != ARES_ENODATA && status != ARES_ENOTFOUND) ||
		!bytes || dns_answer_parse(k->type, bytes, (size_t)n, &a))
		return NULL;
	if (a->status != DNS_FAILED)
		return a;
	dns_answer_unref(a);
	return NULL;
}

/* It answers, but not the truth. That is no reason to ask it last: it may know what we ask for. */
static void distrust(struct dns_client *c, struct server *s)
{
	if (!s->distrusted_ms)
		event_note(c->worker->events, EV_DNS_FAILED, STR_NONE, STR_NONE,
			"name server %s does not know %s: it is not believed when it says that a "
			"name does not exist",
			s->name, c->probe);
	s->distrusted_ms = now_ms(c) + TRUST_MS;
}

static void on_probe(void *arg, int status, int timeouts, unsigned char *bytes, int n)
{
	struct asked *k = arg;
	struct dns_client *c = k->client;
	struct question *q = k->question;
	struct server *s = k->server;

	free(k);
	if (c->freeing || status == ARES_EDESTRUCTION)
		return;
	if (status == ARES_SUCCESS || status == ARES_ENODATA) {
		struct dns_answer *no = q->no;

		s->trusted_ms = now_ms(c) + TRUST_MS;
		s->distrusted_ms = 0;
		q->no = NULL;
		finish(q, no);
		return;
	}
	dns_answer_unref(q->no);
	q->no = NULL;
	distrust(c, s);
	ask_next(q);
}

static void probe(struct question *q, struct server *s)
{
	struct asked *k = mem_new(struct asked);

	*k = (struct asked){ q, q->client, s, DNS_SOA };
	ares_query(dns_channel(s->dns), q->client->probe, ns_c_in, DNS_SOA, on_probe, k);
	dns_asked(s->dns);
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *bytes, int n)
{
	struct asked *k = arg;
	struct dns_client *c = k->client;
	struct question *q = k->question;
	struct server *s = k->server;
	struct dns_answer *a;

	if (c->freeing || status == ARES_EDESTRUCTION) {
		free(k);
		return;
	}
	a = read_answer(k, status, bytes, n);
	free(k);
	if (a)
		answered(c, s);
	else
		failed(c, s, in_words(status));
	if (!q) {
		dns_answer_unref(a);
	} else if (!a) {
		ask_next(q);
	} else if (a->unknown && now_ms(c) < s->distrusted_ms) {
		dns_answer_unref(a);
		ask_next(q);
	} else if (a->unknown && *c->probe && now_ms(c) >= s->trusted_ms) {
		q->no = a;
		probe(q, s);
	} else {
		finish(q, a);
	}
}

static void ask(struct dns_client *c, struct question *q, struct server *s, enum dns_type type,
	const char *name)
{
	struct asked *k = mem_new(struct asked);

	*k = (struct asked){ q, c, s, type };
	ares_query(dns_channel(s->dns), name, ns_c_in, (int)type, on_answer, k);
	dns_asked(s->dns);
}

static void ask_next(struct question *q)
{
	struct dns_client *c = q->client;

	if (q->next == q->count) {
		q->next = 0;
		q->round++;
	}
	if (q->count == 0 || q->round == c->cfg.tries)
		finish(q, dns_answer_failed(q->type));
	else
		ask(c, q, c->servers[q->order[q->next++]], q->type, q->name);
}

/* Those that answer first; the others are looked at now and then, and nobody waits for it. */
static void choose_order(struct question *q)
{
	struct dns_client *c = q->client;
	bool some = !all_down(c);

	for (unsigned i = 0; i < c->count; i++)
		if (!is_down(c->servers[i]) || !some)
			q->order[q->count++] = i;
	for (unsigned i = 0; i < c->count && some; i++) {
		struct server *s = c->servers[i];

		if (!is_down(s))
			continue;
		q->order[q->count++] = i;
		if (now_ms(c) < s->look_ms)
			continue;
		s->look_ms = now_ms(c) + LOOK_MS;
		ask(c, NULL, s, q->type, q->name);
	}
}

/* ---- what is known without asking ---- */

static struct dns_answer *from_hosts(struct dns_client *c, enum dns_type type, struct str host)
{
	struct hostent *h = NULL;
	char name[DNS_NAME_MAX];
	struct addr list[DNS_RECORDS_MAX];
	unsigned n = 0;
	int family = type == DNS_A ? AF_INET : AF_INET6;

	if ((type != DNS_A && type != DNS_AAAA) || c->count == 0 ||
		str_copy(host, name, sizeof(name)) ||
		ares_gethostbyname_file(dns_channel(c->servers[0]->dns), name, family, &h) !=
			ARES_SUCCESS)
		return NULL;
	for (; h->h_addr_list[n] && n < DNS_RECORDS_MAX; n++) {
		list[n] = (struct addr){ 0 };
		list[n].sa.sa_family = (sa_family_t)family;
		if (type == DNS_A)
			memcpy(&list[n].in4.sin_addr, h->h_addr_list[n], 4);
		else
			memcpy(&list[n].in6.sin6_addr, h->h_addr_list[n], 16);
	}
	ares_free_hostent(h);
	return n ? dns_answer_of_addrs(type, list, n) : NULL;
}

static struct question *find_question(struct dns_client *c, enum dns_type type, struct str name)
{
	struct hash_node *n = hash_find(&c->questions, hash_mix(hash_istr(name), type));

	for (; n; n = hash_next(n)) {
		struct question *q = container_of(n, struct question, node);

		if (q->type == type && str_ieq(str_of(q->name), name))
			return q;
	}
	return NULL;
}

static void on_start(struct deferred *d)
{
	ask_next(container_of(d, struct question, start));
}

/* w: NULL when nobody waits. */
static enum err begin(struct dns_client *c, enum dns_type type, struct str name, struct dns_wait *w)
{
	struct question *q;

	if (c->questions.count >= QUESTIONS_MAX || name.n >= DNS_NAME_MAX)
		return ERR_FULL;
	if (all_down(c))
		reread(c);
	q = mem_new(struct question);
	(void)!str_copy(name, q->name, sizeof(q->name));
	q->client = c;
	q->type = type;
	list_init(&q->waits);
	list_init(&q->start.link);
	timer_init(&q->patience, on_impatience);
	timer_start(&c->worker->wheel, &q->patience, PATIENCE_MS);
	if (w)
		list_append(&q->waits, &w->link);
	hash_add(&c->questions, &q->node, hash_mix(hash_istr(name), type));
	choose_order(q);
	worker_defer(c->worker, &q->start, on_start);
	return ERR_OK;
}

enum err dns_ask(struct dns_client *c, enum dns_type type, struct str name, struct dns_wait *w,
	struct dns_answer **out, enum dns_source *from, uint32_t *left_s)
{
	enum dns_freshness f = dns_cache_get(c->cfg.cache, type, name, now_ms(c), out, left_s);
	struct question *q;

	*from = f == DNS_FRESH ? DNS_FROM_CACHE : DNS_FROM_STALE;
	if (f == DNS_FRESH)
		return ERR_OK;
	if (dns_cache_failed(c->cfg.cache, type, name, now_ms(c))) {
		if (!*out)
			*out = dns_answer_failed(type);
		return ERR_OK;
	}
	q = find_question(c, type, name);
	if (*out &&
		(all_down(c) || (q && q->late))) /* nobody need wait: it is asked all the same */
		return q ? ERR_OK : begin(c, type, name, NULL);
	dns_answer_unref(*out);
	*out = NULL;
	if (q) {
		list_append(&q->waits, &w->link);
		return ERR_OK;
	}
	*out = from_hosts(c, type, name);
	*from = DNS_FROM_HOSTS;
	return *out ? ERR_OK : begin(c, type, name, w);
}

struct dns_answer *dns_known(
	struct dns_client *c, enum dns_type type, struct str name, enum dns_source *from)
{
	struct dns_answer *a;
	uint32_t left;

	if (dns_cache_get(c->cfg.cache, type, name, now_ms(c), &a, &left) == DNS_NOTHING)
		a = dns_answer_failed(type);
	*from = DNS_FROM_STALE;
	return a;
}

void dns_stop_waiting(struct dns_wait *w)
{
	list_del(&w->link);
	list_init(&w->link);
}

/* ---- life ---- */

struct dns_client *dns_client_new(struct worker *w, const struct dns_client_config *cfg)
{
	struct dns_client *c = mem_new(struct dns_client);
	bool ok;

	c->worker = w;
	c->cfg = *cfg;
	c->cfg.tries = cfg->tries ? cfg->tries : 1;
	c->servers_text = str_dup(cfg->servers);
	c->probe = str_dup(cfg->probe);
	c->cfg.servers = str_of(c->servers_text);
	hash_init(&c->questions, 64);
	c->read_at = changed_at();
	ok = cfg->servers.n ? add_servers(c, c->cfg.servers) : add_system_servers(c);
	if (ok || !cfg->servers.n)
		return c;
	dns_client_free(c);
	return NULL;
}

static void free_one(struct hash_node *n, void *arg)
{
	(void)arg;
	question_free(container_of(n, struct question, node));
}

void dns_client_free(struct dns_client *c)
{
	c->freeing = true; /* c-ares tells of all that is open */
	drop_servers(c);
	hash_each(&c->questions, free_one, NULL);
	hash_fini(&c->questions);
	free(c->servers_text);
	free(c->probe);
	free(c);
}

void dns_client_print(const struct dns_client *c, struct buf *b)
{
	for (unsigned i = 0; i < c->count; i++)
		buf_printf(b, "%s%s: %s", i ? "; " : "", c->servers[i]->name,
			is_down(c->servers[i])            ? "does not answer"
				: c->servers[i]->failures ? "failed a moment ago"
							  : "fine");
	if (!c->count)
		buf_lit(b, "none is known: /etc/resolv.conf names none");
}
