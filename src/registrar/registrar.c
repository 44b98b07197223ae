/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/arena.h"
#include "event/event.h"
#include "location/gruu.h"
#include "registrar/registration.h"
#include "stun/rendezvous.h"

enum { ANSWER_MAX = 60000, AOR_MAX = 512, DOMAIN_MAX = 256, TOKEN_SPARE_S = 60 };

/* ---- life ---- */

static enum err compile(struct registrar *r, const struct registrar_ua_rule *from, struct buf *why)
{
	struct rule *to = &r->rules[r->rule_count];
	char *pattern = str_dup(from->pattern);
	int rc = regcomp(&to->pattern, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB);
	char text[128];

	to->expires_max_s = from->expires_max_s;
	to->contact_lists = from->contact_lists;
	if (rc) {
		regerror(rc, &to->pattern, text, sizeof(text));
		buf_printf(why, "user_agent pattern \"%s\": %s", pattern, text);
	} else {
		r->rule_count++;
	}
	free(pattern);
	return rc ? ERR_SYNTAX : ERR_OK;
}

enum err registrar_new(const struct registrar_env *env, const struct registrar_config *cfg,
	struct registrar **out, struct buf *why)
{
	struct registrar *r = mem_new(struct registrar);

	r->env = *env;
	r->cfg = *cfg;
	r->answer = mem_alloc(ANSWER_MAX);
	for (unsigned i = 0; i < cfg->ua_count; i++) {
		enum err e = compile(r, &cfg->ua[i], why);

		if (e) {
			registrar_free(r);
			return e;
		}
	}
	keepalive_start(r);
	*out = r;
	return ERR_OK;
}

void registrar_free(struct registrar *r)
{
	if (!r)
		return;
	keepalive_stop(r);
	for (unsigned i = 0; i < r->rule_count; i++)
		regfree(&r->rules[i].pattern);
	free(r->answer);
	free(r);
}

/* ---- events ---- */

static void emit(struct registration *g, enum event_kind k, struct str contact, const char *text)
{
	struct event_bus *events = g->r->env.worker->events;
	struct event e = { .kind = k,
		.account = g->account->aor,
		.customer = g->account->customer,
		.text = str_of(text) };
	char remote[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(remote);

	if (!event_wanted(events, k))
		return;
	flow_print_remote(&b, &g->flow);
	event_field(&e, "contact", contact);
	event_field(&e, "remote", buf_str(&b));
	event_field(&e, "user_agent", sip_msg_hdr(g->req, SIP_HDR_USER_AGENT));
	event_emit(events, &e);
}

/* ---- answers ---- */

static void on_tx_done(void *arg, struct tx_server *tx)
{
	struct registration *g = arg;

	(void)tx;
	g->tx = NULL;
}

static const struct tx_server_handlers tx_handlers = { .on_done = on_tx_done };

static void finish(struct registration *g)
{
	if (g->tx)
		tx_server_detach(g->tx);
	sip_msg_unref(g->req);
	account_unref(g->account);
	free((char *)g->path.p);
	free(g);
}

static void reply(struct registration *g, const struct sip_reply *r)
{
	if (g->tx && tx_server_reply(g->tx, r))
		emit(g, EV_REGISTER_REFUSED, STR_NONE, "the answer could not be sent");
}

static void answer_refusal(struct registration *g)
{
	char min[16], text[128];
	struct buf mb = BUF_OF(min), tb = BUF_OF(text);
	struct sip_extra extra = { .id = SIP_HDR_MIN_EXPIRES };
	struct sip_reply r = { .status = g->no.status, .reason = g->no.reason, .extra = &extra };

	buf_u64(&mb, g->r->cfg.expires_min_s);
	extra.value = buf_str(&mb);
	r.extra_count = g->no.status == 423;
	buf_printf(&tb, "%u %.*s", g->no.status, STR_ARG(g->no.reason));
	buf_char(&tb, '\0');
	emit(g, EV_REGISTER_REFUSED, STR_NONE, buf_ok(&tb) ? text : "refused");
	reply(g, &r);
}

struct listing {
	struct registration *g;
	struct buf *b;
	unsigned cap_s; /* what is told at most, 0: as it is */
	unsigned listed;
	bool gruu;
};

static bool asked_first(const struct registration *g, struct str contact)
{
	return str_eq(g->first, contact);
}

/* RFC 5627 section 5.3 */
static void list_gruu(struct listing *l, const struct binding *b)
{
	const struct account *acc = l->g->account;

	if (!b->instance.n)
		return;
	buf_lit(l->b, ";pub-gruu=\"");
	gruu_print_public(l->b, acc->username, acc->domain, b);
	buf_lit(l->b, "\";temp-gruu=\"");
	gruu_print_temporary(l->b, l->g->r->env.key, acc->username, acc->domain, b);
	buf_char(l->b, '"');
}

static void list_binding(const struct binding *b, void *arg)
{
	struct listing *l = arg;
	int64_t left = (b->expires_ms - l->g->r->env.worker->clock.wall_ms + 999) / 1000;

	if (!l->g->contact_lists && l->g->first.n && !asked_first(l->g, b->contact))
		return;
	if (l->cap_s && left > l->cap_s)
		left = l->cap_s;
	if (l->listed++)
		buf_lit(l->b, ", ");
	buf_char(l->b, '<');
	buf_add(l->b, b->contact);
	buf_lit(l->b, ">;expires=");
	buf_u64(l->b, left > 0 ? (uint64_t)left : 0);
	if (b->q1000 < 1000)
		buf_printf(l->b, ";q=0.%03u", b->q1000);
	if (b->instance.n) {
		buf_lit(l->b, ";+sip.instance=\"");
		buf_add(l->b, b->instance);
		buf_char(l->b, '"');
	}
	if (b->reg_id) {
		buf_lit(l->b, ";reg-id=");
		buf_u64(l->b, b->reg_id);
	}
	if (l->gruu)
		list_gruu(l, b);
}

/* docs/rendezvous.md: "<stun:192.0.2.1:5060>;token=…;expires=3660;other=3478" */
static bool print_rendezvous(const struct registration *g, struct buf *b)
{
	const struct registrar *r = g->r;
	const struct registrar_config *cfg = &r->cfg;
	unsigned life_s = cfg->expires_max_s + TOKEN_SPARE_S;
	struct addr here = g->flow.local;
	bool asked = cfg->tokens == REGISTRAR_TOKENS_ALWAYS ||
		(cfg->tokens == REGISTRAR_TOKENS_ASKED &&
			sip_msg_list_has(g->req, SIP_HDR_SUPPORTED, STR("rendezvous")));

	if (!r->env.rendezvous || !asked || !cfg->stun_port)
		return false;
	if (addr_set(&cfg->public_address) && addr_is_private(&here) &&
		!addr_is_private(&g->flow.remote))
		here = cfg->public_address;
	addr_set_port(&here, cfg->stun_port);
	buf_lit(b, "<stun:");
	addr_print(b, &here);
	buf_lit(b, ">;token=");
	rendezvous_print_token(r->env.rendezvous, b, &g->flow.remote,
		(uint32_t)(r->env.worker->clock.wall_ms / 1000) + life_s);
	buf_printf(b, ";expires=%u", life_s);
	if (cfg->stun_other_port)
		buf_printf(b, ";other=%u", cfg->stun_other_port);
	return buf_ok(b);
}

/* 200 with the bindings as they are now (10.3 step 8). */
static void answer_ok(struct registration *g, unsigned cap_s)
{
	struct registrar *r = g->r;
	int64_t now = r->env.worker->clock.wall_ms;
	char date[32], token[256];
	struct buf b = { .p = r->answer, .max = ANSWER_MAX }, db = BUF_OF(date), tb = BUF_OF(token);
	struct listing l = { .g = g,
		.b = &b,
		.cap_s = cap_s,
		.gruu = sip_msg_list_has(g->req, SIP_HDR_SUPPORTED, STR("gruu")) };
	struct sip_extra extra[8];
	struct sip_reply ok = { .status = 200, .extra = extra };

	location_each(r->env.location, g->account->aor, now, list_binding, &l);
	ok.contact = buf_str(&b);
	clock_print_rfc1123(&db, now);
	extra[ok.extra_count++] = (struct sip_extra){ .id = SIP_HDR_DATE, .value = buf_str(&db) };
	if (r->cfg.server.n)
		extra[ok.extra_count++] =
			(struct sip_extra){ .id = SIP_HDR_SERVER, .value = r->cfg.server };
	if (g->path.n && sip_msg_list_has(g->req, SIP_HDR_SUPPORTED, STR("path")))
		extra[ok.extra_count++] =
			(struct sip_extra){ .id = SIP_HDR_PATH, .value = g->path };
	if (print_rendezvous(g, &tb))
		extra[ok.extra_count++] =
			(struct sip_extra){ .name = STR("Rendezvous"), .value = buf_str(&tb) };
	if (g->outbound) /* RFC 5626 section 6: so the phone knows that its flows are kept */
		extra[ok.extra_count++] =
			(struct sip_extra){ .id = SIP_HDR_REQUIRE, .value = STR("outbound") };
	reply(g, &ok);
}

static void tell_changes(struct registration *g)
{
	struct str contact = g->first;

	if (g->added)
		emit(g, EV_REGISTERED, contact, "the phone is registered");
	if (g->refreshed)
		emit(g, EV_REFRESHED, contact, "the phone refreshed its registration");
	if (g->nat_forgot_s)
		keepalive_tell(g);
	if (g->removed)
		emit(g, EV_UNREGISTERED, contact, "the phone took back its registration");
}

static void on_stored(void *arg, enum err e)
{
	struct registration *g = arg;

	if (!e) {
		tell_changes(g);
		answer_ok(g, 0);
	} else if (store_is_away(e)) {
		tell_changes(g);
		emit(g, EV_STORE_TROUBLE, STR_NONE,
			"registered in memory only, for a short time: the database is away");
		answer_ok(g, g->r->cfg.expires_min_s);
	} else {
		g->no = (struct refusal){ 500, STR("The registration could not be stored") };
		answer_refusal(g);
	}
	finish(g);
}

/* ---- a request ---- */

static void apply_rules(struct registration *g)
{
	struct str agent = sip_msg_hdr(g->req, SIP_HDR_USER_AGENT);
	char text[256];

	g->expires_max_s = g->r->cfg.expires_max_s;
	g->contact_lists = true;
	if (!agent.n || str_copy(str_first(agent, sizeof(text) - 1), text, sizeof(text)))
		return;
	for (unsigned i = 0; i < g->r->rule_count; i++) {
		const struct rule *rule = &g->r->rules[i];

		if (regexec(&rule->pattern, text, 0, NULL, 0) == 0) {
			g->expires_max_s = rule->expires_max_s;
			g->contact_lists = rule->contact_lists;
			return;
		}
	}
}

static void read_path(struct registration *g)
{
	char text[PATH_MAX_BYTES];
	struct buf b = BUF_OF(text);
	struct sip_hdr_iter it = { 0 };
	struct str value;

	while (sip_msg_next(g->req, SIP_HDR_PATH, &it, &value)) {
		if (b.n)
			buf_lit(&b, ", ");
		buf_add(&b, value);
	}
	if (b.n)
		g->path = str_of(str_dup(buf_str(&b)));
	if (!buf_ok(&b))
		g->no = (struct refusal){ 403, STR("Path is too long") };
}

/* The proxy that the phone reaches first: the first to write a Path, which comes to stand last. */
static bool first_hop_keeps_flows(const struct registration *g)
{
	struct sip_hdr_iter it = { 0 }, via = { 0 };
	struct sip_addr hop = { 0 };
	struct str value;
	unsigned hops = 0;

	while (sip_msg_next(g->req, SIP_HDR_VIA, &via, &value))
		hops++;
	while (sip_msg_next(g->req, SIP_HDR_PATH, &it, &value))
		if (sip_addr_parse(value, &hop))
			return false;
	return hops < 2 || sip_uri_param(&hop.uri, STR("ob")).p;
}

/* RFC 5626 section 6 */
static void read_outbound(struct registration *g)
{
	const struct wishes *w = &g->r->wishes;

	for (unsigned i = 0; i < w->count; i++)
		g->outbound = g->outbound || (w->list[i].reg_id && w->list[i].expires_s);
	g->outbound = g->outbound && sip_msg_list_has(g->req, SIP_HDR_SUPPORTED, STR("outbound"));
	if (g->outbound && !first_hop_keeps_flows(g) && !g->no.status)
		g->no = (struct refusal){ 439, STR("First Hop Lacks Outbound Support") };
}

static void process(struct registration *g)
{
	struct expiry_limits limits;
	enum err e;

	apply_rules(g);
	read_path(g);
	limits = (struct expiry_limits){ g->r->cfg.expires_min_s, g->expires_max_s };
	wishes_read(g->req, &limits, &g->r->wishes, &g->no);
	read_outbound(g);
	if (!g->no.status && g->r->wishes.count)
		g->first = g->r->wishes.list[0].addr.uri.text;
	if (!g->no.status && g->r->wishes.count == 0) { /* a question only */
		answer_ok(g, 0);
		finish(g);
		return;
	}
	e = g->no.status ? ERR_STATE
			 : location_update(g->r->env.location, g->r->env.worker, g->account->aor,
				   registration_change, g, on_stored, g);
	if (!e)
		return;
	if (!g->no.status)
		g->no = e == ERR_LIMIT
			? (struct refusal){ 403, STR("Contact is too long") }
			: (struct refusal){ 503,
				  STR("Registrar overloaded, please try again shortly") };
	answer_refusal(g);
	finish(g);
}

static void refuse(struct registrar *r, const struct sip_msg *req, const struct flow *flow,
	unsigned status, struct str reason)
{
	const struct sip_reply no = { .status = status, .reason = reason };

	event_note(r->env.worker->events, EV_REGISTER_REFUSED, STR_NONE, STR_NONE,
		"%u %.*s, asked for %.*s", status, STR_ARG(reason), STR_ARG(req->to.uri.text));
	tx_reply_stateless(r->env.tx, req, flow, &no);
}

/* The account that the To field names; NULL for unknown ones, which are challenged all the same. */
static struct account *find_account(
	struct registrar *r, const struct sip_msg *req, const char *domain)
{
	char user[AOR_MAX];
	struct buf b = BUF_OF(user);

	if (sip_unescape(req->to.uri.user, &b))
		return NULL;
	return directory_account(r->env.directory, buf_str(&b), str_of(domain));
}

void registrar_on_request(struct registrar *r, struct sip_msg *req, const struct flow *flow)
{
	char domain[DOMAIN_MAX];
	struct registration *g;
	struct account *account;

	if (!req->to.uri.user.n) {
		refuse(r, req, flow, 400, STR("Missing username on To header"));
		return;
	}
	if (!directory_domain_of(r->env.directory, &req->to.uri, true, domain, sizeof(domain))) {
		refuse(r, req, flow, 403, STR("Domain not serviced"));
		return;
	}
	account = find_account(r, req, domain);
	if (!auth_request(r->env.auth, req, flow, account, str_of(domain))) {
		account_unref(account);
		return;
	}
	g = mem_new(struct registration);
	g->r = r;
	g->account = account;
	g->req = sip_msg_ref(req);
	g->flow = *flow;
	if (tx_server_new(r->env.tx, req, flow, &tx_handlers, g, &g->tx)) {
		g->tx = NULL;
		finish(g);
		return;
	}
	process(g);
}
