/* SPDX-License-Identifier: BSD-3-Clause */
#include "bed.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "paths.h"
#include "sip/digest.h"
#include "store/repo.h"

/* ---- world ---- */

static void take_nothing(struct event_sink *s, const struct event_record *r)
{
	(void)s;
	(void)r;
}

/* What arrives at a phone is its own business. */
static enum err op_send(struct transport *t, const struct flow *flow, struct str bytes, uint64_t id)
{
	struct bed *b = container_of(t, struct bed, world.net);
	enum part before = count_enter(PART_HARNESS);
	enum err e = b->harness->send(t, flow, bytes, id);

	count_leave(before);
	return e;
}

static void add_account(struct world *w, struct str name)
{
	struct store_account a = {
		.username = name, .domain = STR("example.com"), .customer = STR("joe")
	};
	char ha1[3][DIGEST_HEX_MAX];

	for (int d = 0; d < 3; d++)
		digest_ha1(d, name, a.domain, STR("secret"), ha1[d]);
	a.ha1_md5 = str_of(ha1[CRYPTO_MD5]);
	a.ha1_sha256 = str_of(ha1[CRYPTO_SHA256]);
	a.ha1_sha512_256 = str_of(ha1[CRYPTO_SHA512_256]);
	BUG_ON(store_account_add(w->db, &a, &a.id) != ERR_OK);
}

static void provision(struct bed *b)
{
	struct store_customer joe = { .name = STR("joe") };
	struct store_domain domain = { .name = STR("example.com") };
	char name[16];

	BUG_ON(store_customer_add(b->world.db, &joe, &joe.id) != ERR_OK);
	BUG_ON(store_domain_add(b->world.db, &domain, &domain.id) != ERR_OK);
	for (unsigned i = 0; i < PHONES; i++) {
		snprintf(name, sizeof(name), "phone%u", i);
		add_account(&b->world, str_of(name));
		b->phones[i] = world_agent(&b->world, str_of(name));
		b->phones[i]->domain = domain.name;
	}
}

/* As a log sees it that is not set to debug. */
static void hush(struct world *w)
{
	enum event_level min[EVENT_CATEGORY_COUNT];

	for (int c = 0; c < EVENT_CATEGORY_COUNT; c++)
		min[c] = EVENT_INFO;
	event_bus_set_levels(w->events, &w->sink, min);
	w->sink.take = take_nothing;
}

struct bed *bed_new(void)
{
	struct bed *b = mem_new(struct bed);

	json_object_seed(1); /* jansson's own hash secret */
	world_init(&b->world);
	hush(&b->world);
	provision(b);
	b->world.config.call.calls_max = 1000;
	b->harness = b->world.net.ops;
	b->ops = *b->harness;
	b->ops.send = op_send;
	b->world.net.ops = &b->ops;
	world_start(&b->world);
	return b;
}

void bed_free(struct bed *b)
{
	world_fini(&b->world);
	free(b);
}

void bed_advance(struct bed *b, unsigned s)
{
	enum part before = count_enter(PART_SERVICE);

	world_advance(&b->world, s * 1000ULL);
	count_leave(before);
}

/* ---- phones ---- */

static void wish(struct wish_list *w, struct str name, struct str value)
{
	w->list[w->count++] = (struct override){ name, value };
}

static void wish_usual(struct wish_list *w)
{
	wish(w, STR("Allow"),
		STR("INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, NOTIFY, UPDATE, REFER, MESSAGE"));
	wish(w, STR("Supported"), STR("replaces, timer, path"));
	wish(w, STR("User-Agent"), STR("DeskPhone T46 66.86.0.15"));
}

static void must(bool said, const struct agent *a, const char *why)
{
	if (said)
		return;
	fprintf(stderr, "guard-paths: %s cannot say that: %s\n", a->name, why);
	exit(2);
}

void bed_request(struct bed *b, unsigned phone, const char *method, const char *uri, bool auth)
{
	struct agent *a = b->phones[phone];
	struct wish_list w = { .count = 0 };
	char to[64];
	const char *why = "?";

	wish_usual(&w);
	if (str_eq(str_of(method), STR("REGISTER"))) {
		snprintf(to, sizeof(to), "<sip:%s@example.com>", a->name);
		wish(&w, STR("To"), str_of(to));
		wish(&w, STR("Expires"), STR("3600"));
	}
	if (str_eq(str_of(method), STR("INVITE"))) {
		w.body = sample_sdp;
		w.type = STR("application/sdp");
	}
	if (auth) {
		w.auth_user = str_of(a->name);
		w.auth_password = STR("secret");
	}
	must(agent_request(&b->world, a, str_of(method), uri ? str_of(uri) : STR_NONE, &w, &why), a,
		why);
}

void bed_respond(struct bed *b, unsigned phone, unsigned status, const char *method)
{
	struct agent *a = b->phones[phone];
	struct wish_list w = { .count = 0 };
	const char *why = "?";

	wish_usual(&w);
	if (status == 200 && str_eq(str_of(method), STR("INVITE"))) {
		w.body = sample_sdp;
		w.type = STR("application/sdp");
	}
	must(agent_respond(&b->world, a, status, sip_reason(status), str_of(method), &w, &why), a,
		why);
}

void bed_expect(struct bed *b, unsigned phone, const char *what)
{
	struct agent *a = b->phones[phone];
	struct sip_msg *m = a->count ? a->received[a->first] : NULL;
	char came[64] = "nothing";

	if (m && m->is_request)
		snprintf(came, sizeof(came), "%.*s", STR_ARG(m->method_name));
	else if (m)
		snprintf(came, sizeof(came), "%u", m->status);
	if (!m || !str_eq(str_of(came), str_of(what))) {
		fprintf(stderr, "guard-paths: %s shall receive %s, but has %s\n", a->name, what,
			came);
		exit(2);
	}
	a->first = (a->first + 1) % RECEIVED_MAX;
	a->count--;
	agent_saw(a, m);
	sip_msg_unref(m);
}
