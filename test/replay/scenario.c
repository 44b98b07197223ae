/* SPDX-License-Identifier: BSD-3-Clause */
#include "scenario.h"

#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent.h"
#include "event/event.h"
#include "store/repo.h"

enum {
	FILE_MAX = 1 << 20,
	WORDS_MAX = 16,
	BLOCK_MAX = 40,
	CROWD = 20,
	AWAIT_STEP_MS = 100,
	INTERVALS_MS = 200
};

struct play {
	struct world world;
	const char *path;
	unsigned line; /* of the present step */
	bool failed;
	struct arena arena;
	struct str rest; /* of the file */
	struct str block[BLOCK_MAX]; /* the indented lines below the step */
	unsigned block_count;
	bool started, calls_may_stay, enough;
	int64_t changes; /* so many times was a provider set */
};

static void fail(struct play *p, const char *fmt, ...) PRINTF(2, 3);

static void fail(struct play *p, const char *fmt, ...)
{
	va_list args;

	if (p->failed)
		return;
	p->failed = true;
	printf("%s:%u: ", p->path, p->line);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

/* ---- text ---- */

static struct str word(struct str *rest)
{
	struct str s = str_trim(*rest), w;
	size_t n = 0;

	while (n < s.n && s.p[n] != ' ' && s.p[n] != '\t')
		n++;
	w = str_first(s, n);
	*rest = str_trim(str_from(s, n));
	return w;
}

/* "key=value" words: the value of one, p == NULL when it is not there. */
static struct str option(struct str words, const char *key)
{
	struct str w;

	while ((w = word(&words)).n) {
		size_t eq = str_find(w, '=');

		if (eq < w.n && str_eq(str_first(w, eq), str_of(key)))
			return str_from(w, eq + 1);
	}
	return STR_NONE;
}

static uint32_t number(struct str s, uint32_t otherwise)
{
	uint32_t v;

	return s.n && !str_u32(s, &v) ? v : otherwise;
}

static bool matches(struct play *p, struct str pattern, struct str text)
{
	char *zp = str_dup(pattern), *zt = str_dup(text);
	regex_t re;
	bool ok;

	if (regcomp(&re, zp, REG_EXTENDED | REG_NOSUB)) {
		fail(p, "bad regular expression: %s", zp);
		free(zp);
		free(zt);
		return false;
	}
	ok = regexec(&re, zt, 0, NULL, 0) == 0;
	regfree(&re);
	free(zp);
	free(zt);
	return ok;
}

/* ---- provisioning ---- */

static void refresh(struct play *p)
{
	unsigned changed;

	if (!p->started || !p->world.running)
		return;
	if (directory_refresh(p->world.directory, p->world.db, &changed))
		fail(p, "the directory could not be refreshed");
	world_settle(&p->world);
	world_lease(&p->world);
	world_settle(&p->world);
}

static void check(struct play *p, enum err e)
{
	if (e)
		fail(p, "not possible: %s", err_text(e));
	refresh(p);
}

static void do_customer(struct play *p, struct str rest)
{
	struct store_customer c = { .name = word(&rest), .time_zone = option(rest, "zone") };

	c.calls_max = number(option(rest, "calls_max"), 0);
	c.scripts_max = number(option(rest, "scripts_max"), 0);
	c.suspended = option(rest, "suspended").n > 0;
	check(p, store_customer_add(p->world.db, &c, &c.id));
}

static void do_domain(struct play *p, struct str rest)
{
	struct store_domain d = { .name = word(&rest) };
	char aliases[512];
	struct buf b = BUF_OF(aliases);
	struct str w;

	while ((w = word(&rest)).n)
		if (str_starts(w, STR("alias="))) {
			buf_add(&b, str_from(w, 6));
			buf_char(&b, '\n');
		}
	d.aliases = buf_str(&b);
	check(p, store_domain_add(p->world.db, &d, &d.id));
}

static void do_account(struct play *p, struct str rest)
{
	struct str aor = word(&rest), password = option(rest, "password");
	size_t at = str_find(aor, '@');
	struct store_account a = { .username = str_first(aor, at),
		.domain = str_from(aor, at + 1),
		.customer = option(rest, "customer"),
		.out_dialplan = option(rest, "out"),
		.in_dialplan = option(rest, "in"),
		.network_id = option(rest, "network"),
		.media = option(rest, "media") };
	char ha1[3][DIGEST_HEX_MAX];

	for (int d = 0; d < 3; d++)
		digest_ha1(d, a.username, a.domain, password.n ? password : STR("secret"), ha1[d]);
	a.ha1_md5 = str_of(ha1[CRYPTO_MD5]);
	a.ha1_sha256 = str_of(ha1[CRYPTO_SHA256]);
	a.ha1_sha512_256 = str_of(ha1[CRYPTO_SHA512_256]);
	a.incoming_only = option(rest, "incoming_only").n > 0;
	a.disabled = option(rest, "disabled").n > 0;
	a.bindings_max = number(option(rest, "bindings_max"), 0);
	a.nat_keepalive = option(rest, "keepalive").n > 0;
	check(p, store_account_add(p->world.db, &a, &a.id));
}

static void do_dialplan(struct play *p, struct str rest)
{
	struct str key = word(&rest);
	size_t slash = str_find(key, '/');
	struct store_dialplan d = { .customer = str_first(key, slash),
		.name = str_from(key, slash + 1),
		.type = STR("ruby") };
	struct str type = option(rest, "type");
	char text[4096];
	struct buf b = BUF_OF(text);
	int64_t id;

	d.accept_non_invite = option(rest, "messages").n > 0;
	if (type.n)
		d.type = type;
	for (unsigned i = 0; i < p->block_count; i++) {
		buf_add(&b, p->block[i]);
		buf_char(&b, '\n');
	}
	d.script = buf_str(&b);
	check(p, store_dialplan_put(p->world.db, &d, &id));
}

static void seal(struct store_provider *pr, struct str password, char hex[600])
{
	static const uint8_t key[32] = { 'r', 'e', 'p', 'l', 'a', 'y' };
	uint8_t sealed[256];
	char context[256];
	struct buf b = BUF_OF(context);

	buf_printf(&b, "provider:%.*s:%.*s:password", STR_ARG(pr->customer), STR_ARG(pr->name));
	crypto_seal(key, buf_str(&b), password, sealed);
	str_hex(sealed, password.n + CRYPTO_SEAL_EXTRA, hex);
	pr->password_sealed = str_of(hex);
}

static void do_provider(struct play *p, struct str rest)
{
	struct str key = word(&rest);
	size_t slash = str_find(key, '/');
	struct store_provider pr = { .customer = str_first(key, slash),
		.name = str_from(key, slash + 1),
		.username = option(rest, "username"),
		.auth_username = option(rest, "auth"),
		.server = option(rest, "server"),
		.outbound_proxy = option(rest, "proxy"),
		.from = option(rest, "from"),
		.register_realm = option(rest, "realm"),
		.register_contact = option(rest, "contact"),
		.register_server = option(rest, "registrar"),
		.transport = option(rest, "transport"),
		.addresses = option(rest, "addresses"),
		.media = option(rest, "media"),
		.rate_per_minute = number(option(rest, "rate"), 0),
		.register_expiry_s = number(option(rest, "expires"), 3600) };
	struct store_provider before;
	char hex[600];
	enum err e;

	pr.disabled = option(rest, "disabled").n > 0;
	if (pr.disabled)
		pr.disabled_reason = str_eq(option(rest, "disabled"), STR("yes"))
			? STR_NONE
			: option(rest, "disabled");
	pr.mwi = option(rest, "mwi").n > 0;
	pr.register_enabled = option(rest, "register").n > 0;
	if (p->block_count)
		pr.custom_headers = p->block[0];
	seal(&pr, option(rest, "password"), hex);
	e = store_provider_get(p->world.db, pr.customer, pr.name, &p->arena, &before);
	pr.id = before.id;
	pr.updated_ms = p->world.worker.clock.wall_ms + ++p->changes;
	check(p,
		e == ERR_NOT_FOUND ? store_provider_add(p->world.db, &pr, &pr.id)
			: e        ? e
				   : store_provider_set(p->world.db, &pr));
}

static void do_remove(struct play *p, struct str rest)
{
	struct str what = word(&rest), key = word(&rest);
	size_t at = str_find(key, '@');

	if (str_eq(what, STR("account")))
		check(p,
			store_account_remove(
				p->world.db, str_first(key, at), str_from(key, at + 1)));
	else if (str_eq(what, STR("customer")))
		check(p, store_customer_remove(p->world.db, key));
	else if (str_eq(what, STR("provider")))
		check(p,
			store_provider_remove(p->world.db, str_first(key, str_find(key, '/')),
				str_from(key, str_find(key, '/') + 1)));
	else
		fail(p, "cannot remove a %.*s", STR_ARG(what));
}

/* "set ring_s 20" and the like: of the configuration, before the first message. */
static void do_set(struct play *p, struct str rest)
{
	struct roles_config *c = &p->world.config;
	const struct {
		const char *name;
		unsigned *at;
	} numbers[] = {
		{ "expires_min_s", &c->registrar.expires_min_s },
		{ "expires_max_s", &c->registrar.expires_max_s },
		{ "bindings_max", &c->registrar.bindings_max },
		{ "keepalive_s", &c->registrar.keepalive_s },
		{ "nonce_s", &c->auth.nonce_s },
		{ "nonces_max", &c->auth.nonces_max },
		{ "ring_s", &c->call.ring_s },
		{ "calls_max", &c->call.calls_max },
		{ "calls_total_max", &c->call.calls_total_max },
		{ "duration_max_s", &c->call.duration_max_s },
		{ "session_expires_s", &c->call.session_expires_s },
		{ "session_min_s", &c->call.session_min_s },
		{ "registers_per_second", &c->provider.per_second },
		{ "lease_ms", &p->world.lease_ms },
		{ "registers_per_host", &c->provider.per_host },
	};
	struct str name = word(&rest);

	if (p->started)
		fail(p, "set comes before the first message");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (str_eq(name, str_of(numbers[i].name))) {
			*numbers[i].at = number(rest, 0);
			return;
		}
	if (str_eq(name, STR("media_relay_when"))) {
		c->call.relay_doubtful = str_eq(rest, STR("doubtful"));
		return;
	}
	if (str_eq(name, STR("public_address"))) {
		if (addr_parse_ip(rest, 0, &c->call.public_address) != ERR_OK)
			fail(p, "%.*s is no address", STR_ARG(rest));
		c->provider.public_address = c->call.public_address;
		return;
	}
	if (str_eq(name, STR("ua_rule"))) { /* set ua_rule SECONDS all|first PATTERN */
		struct registrar_ua_rule *r = &c->registrar.ua[c->registrar.ua_count++];

		r->expires_max_s = number(word(&rest), 3600);
		r->contact_lists = str_eq(word(&rest), STR("all"));
		r->pattern = arena_str(&p->arena, rest);
		return;
	}
	fail(p, "nothing to set is called %.*s", STR_ARG(name));
}

/* ---- agents ---- */

/* media NAME OWN SEEN|symmetric: what rendezvous knows of a media socket, or the NAT, of NAME */
static void do_media(struct play *p, struct str rest)
{
	struct agent *a = world_agent(&p->world, word(&rest));
	unsigned i = p->world.seen_count++;

	if (i >= SEEN_MAX)
		fail(p, "so many media sockets are too many");
	p->world.seen[i].agent = a;
	if (str_eq(rest, STR("symmetric")))
		return;
	if (addr_parse(word(&rest), &p->world.seen[i].own) ||
		addr_parse(word(&rest), &p->world.seen[i].seen))
		fail(p, "media NAME OWN SEEN, both as ADDRESS:PORT");
}

/* relay answers [late MS]|silent|refuses|full: the media relay; without it there is none */
static void do_relay(struct play *p, struct str rest)
{
	static const char *const modes[] = { [RELAY_ANSWERS] = "answers",
		[RELAY_SILENT] = "silent",
		[RELAY_REFUSES] = "refuses",
		[RELAY_FULL] = "full" };
	struct str mode = word(&rest);

	if (p->started && !p->world.relay.mode)
		fail(p, "relay comes before the first message");
	for (unsigned i = RELAY_ANSWERS; i <= RELAY_FULL; i++)
		if (str_eq(mode, str_of(modes[i])))
			p->world.relay.mode = (enum relay_mode)i;
	if (!p->world.relay.mode)
		fail(p, "relay answers, silent, refuses or full");
	p->world.relay.late_ms = str_eq(word(&rest), STR("late")) ? number(rest, 0) : 0;
}

/* agent NAME ADDRESS [udp|tcp] [domain=HOST] [own=ADDRESS] */
static void do_agent(struct play *p, struct str rest)
{
	struct agent *a = world_agent(&p->world, word(&rest));
	struct str where = word(&rest), domain = option(rest, "domain");
	struct str own = option(rest, "own");

	if (addr_parse(where, &a->addr))
		fail(p, "%.*s is no ADDRESS:PORT", STR_ARG(where));
	a->proto = str_starts(rest, STR("tcp")) ? TP_TCP : TP_UDP;
	if (own.n && addr_parse(own, &a->own))
		fail(p, "%.*s is no ADDRESS:PORT", STR_ARG(own));
	if (domain.n)
		a->domain = arena_str(&a->arena, domain);
}

/* "a|b": the lines a and b. Of "media", behind the first lines of an SDP. */
static struct str lines_of(struct arena *a, struct str text)
{
	size_t max = 2 * text.n + 128;
	struct buf b = { .p = arena_alloc(a, max), .max = max };
	struct str line;

	if (str_starts(text, STR("c=")) || str_starts(text, STR("t=")))
		buf_lit(&b, "v=0\r\no=- 1 1 IN IP4 192.168.255.1\r\ns=-\r\n");
	while (str_cut(&text, '|', &line)) {
		buf_add(&b, line);
		buf_lit(&b, "\r\n");
	}
	return buf_str(&b);
}

static void read_block(struct play *p, struct agent *a, struct wish_list *w)
{
	for (unsigned i = 0; i < p->block_count; i++) {
		struct str line = p->block[i], first = line;
		size_t colon = str_find(line, ':');

		if (str_starts(line, STR("auth "))) { /* auth USER PASSWORD [wrong] */
			word(&first);
			w->auth_user = word(&first);
			w->auth_password = word(&first);
			w->tamper = first.n > 0;
		} else if (str_starts(line, STR("body "))) {
			w->body = str_of(arena_printf(&a->arena, "%.*s%s%.*s", STR_ARG(w->body),
				w->body.n ? "\r\n" : "", STR_ARG(str_from(line, 5))));
			w->type = STR("text/plain");
		} else if (str_starts(line, STR("media "))) {
			w->body = lines_of(&a->arena, str_from(line, 6));
			w->type = STR("application/sdp");
		} else if (str_starts(line, STR("lines "))) {
			w->body = lines_of(&a->arena, str_from(line, 6));
			w->type = STR_NONE;
		} else if (line.p[0] == '-') {
			w->list[w->count++] = (struct override){ .name = line };
		} else if (colon < line.n) {
			w->list[w->count++] = (struct override){ str_trim(str_first(line, colon)),
				str_trim(str_from(line, colon + 1)) };
		} else {
			fail(p, "neither a header field nor auth nor body: %.*s", STR_ARG(line));
		}
	}
}

/* Words behind a request or response: sdp, sdp2 (a new version), method names. */
static void read_words(
	struct play *p, struct agent *a, struct str rest, struct wish_list *w, struct str *method)
{
	struct str one;

	while ((one = word(&rest)).n) {
		if (str_eq(one, STR("sdp")))
			w->body = agent_sdp(a, false);
		else if (str_eq(one, STR("newsdp")))
			w->body = agent_sdp(a, true);
		else if (method)
			*method = one;
		else
			fail(p, "unknown word: %.*s", STR_ARG(one));
	}
}

static void start_world(struct play *p)
{
	if (p->started)
		return;
	p->started = true;
	world_start(&p->world);
	world_settle(&p->world);
}

/* NAME -> METHOD [URI] [sdp] | NAME -> STATUS [METHOD] [sdp] */
static void do_say(struct play *p, struct agent *a, struct str rest)
{
	struct wish_list w = { .count = 0 };
	struct str what = word(&rest), uri = STR_NONE, method = STR_NONE, peek = rest;
	const char *why = NULL;
	uint32_t status;
	bool ok;

	start_world(p);
	read_block(p, a, &w);
	if (!str_u32(what, &status)) {
		read_words(p, a, rest, &w, &method);
		ok = agent_respond(&p->world, a, status, STR_NONE, method, &w, &why);
	} else {
		if (str_find(word(&peek), ':') < rest.n && rest.n)
			uri = word(&rest);
		if (str_find(uri, ':') == uri.n && uri.n)
			fail(p, "%.*s is no URI", STR_ARG(uri));
		read_words(p, a, rest, &w, NULL);
		ok = agent_request(&p->world, a, what, uri, &w, &why);
	}
	if (!ok)
		fail(p, "%s cannot send that: %s", a->name, why);
}

/* ---- expectations ---- */

static void describe(const struct sip_msg *m, char *out, size_t max)
{
	if (m->is_request)
		snprintf(out, max, "%.*s %.*s", STR_ARG(m->method_name), STR_ARG(m->request_uri));
	else
		snprintf(out, max, "%u %.*s (%.*s)", m->status, STR_ARG(m->reason),
			STR_ARG(m->method_name));
}

static struct sip_msg *take(struct agent *a)
{
	struct sip_msg *m;

	if (!a->count)
		return NULL;
	m = a->received[a->first];
	a->first = (a->first + 1) % RECEIVED_MAX;
	a->count--;
	return m;
}

/* One value of a field, or all of its lines joined by ", ". */
static struct str joined(const struct sip_msg *m, struct str name, struct buf *b)
{
	for (unsigned i = 0; i < m->hdr_count; i++) {
		bool same = str_ieq(m->hdrs[i].name, name) ||
			(m->hdrs[i].id && m->hdrs[i].id == sip_hdr_id(name));

		if (!same)
			continue;
		if (b->n)
			buf_lit(b, ", ");
		buf_add(b, m->hdrs[i].value);
	}
	return buf_str(b);
}

/* body = AGENT: byte for byte what that agent sent last; body ~ REGEX; body none */
static void check_body(struct play *p, const struct sip_msg *m, struct str rule)
{
	struct str op = word(&rule);

	if (str_eq(op, STR("none"))) {
		if (m->body.n)
			fail(p, "there is a body:\n%.*s", STR_ARG(m->body));
	} else if (str_eq(op, STR("="))) {
		if (!str_eq(m->body, world_agent(&p->world, rule)->body))
			fail(p, "the body is not what %.*s sent:\n%.*s", STR_ARG(rule),
				STR_ARG(m->body));
	} else if (str_eq(op, STR("media")) || str_eq(op, STR("lines"))) {
		if (!str_eq(m->body, lines_of(&p->arena, rule)))
			fail(p, "the body is another one:\n%.*s", STR_ARG(m->body));
	} else if (!str_eq(op, STR("~")) || !matches(p, rule, m->body)) {
		fail(p, "the body does not match %.*s:\n%.*s", STR_ARG(rule), STR_ARG(m->body));
	}
}

static void check_field(struct play *p, const struct sip_msg *m, struct str name, struct str want)
{
	char text[8192];
	struct buf b = BUF_OF(text);
	struct str have = joined(m, name, &b);
	bool pattern = str_starts(want, STR("~"));

	if (pattern ? !matches(p, str_trim(str_from(want, 1)), have) : !str_eq(have, want))
		fail(p, "%.*s is \"%.*s\", expected %.*s", STR_ARG(name), STR_ARG(have),
			STR_ARG(want));
}

static void check_condition(struct play *p, const struct sip_msg *m, struct str line)
{
	size_t colon = str_find(line, ':');
	char text[8192];
	struct buf b = BUF_OF(text);

	if (line.p[0] == '!') {
		if (joined(m, str_from(line, 1), &b).n)
			fail(p, "there is a %.*s field", STR_ARG(str_from(line, 1)));
	} else if (str_starts(line, STR("body "))) {
		check_body(p, m, str_from(line, 5));
	} else if (str_starts(line, STR("uri "))) {
		struct str want = str_from(line, 4);

		if (!matches(p, want, m->request_uri))
			fail(p, "the request URI is %.*s", STR_ARG(m->request_uri));
	} else if (str_starts(line, STR("reason "))) {
		if (!matches(p, str_from(line, 7), m->reason))
			fail(p, "the reason phrase is \"%.*s\"", STR_ARG(m->reason));
	} else if (colon < line.n) {
		check_field(p, m, str_trim(str_first(line, colon)),
			str_trim(str_from(line, colon + 1)));
	} else {
		fail(p, "no condition: %.*s", STR_ARG(line));
	}
}

static bool is_what(const struct sip_msg *m, struct str what, struct str method)
{
	uint32_t status;

	if (str_u32(what, &status))
		return m->is_request && str_eq(m->method_name, what);
	return !m->is_request && m->status == status &&
		(!method.n || str_eq(m->method_name, method));
}

/* expect NAME <- METHOD | STATUS [METHOD] */
static void expect_message(struct play *p, struct agent *a, struct str rest)
{
	struct str what = word(&rest), method = word(&rest);
	struct sip_msg *m = take(a);
	char have[300];

	if (!m) {
		fail(p, "%s received nothing, expected %.*s", a->name, STR_ARG(what));
		return;
	}
	describe(m, have, sizeof(have));
	if (!is_what(m, what, method))
		fail(p, "%s received %s, expected %.*s", a->name, have, STR_ARG(what));
	for (unsigned i = 0; i < p->block_count && !p->failed; i++)
		check_condition(p, m, p->block[i]);
	agent_saw(a, m);
	sip_msg_unref(m);
}

static void expect_nothing(struct play *p)
{
	char have[300];

	for (unsigned i = 0; i < p->world.agent_count; i++) {
		struct agent *a = &p->world.agents[i];

		if (!a->count)
			continue;
		describe(a->received[a->first], have, sizeof(have));
		fail(p, "nothing was expected, but %s received %s", a->name, have);
	}
}

/* expect event NAME ~ REGEX: it has happened; looks at all of them. */
static void expect_event(struct play *p, struct str rest, bool wanted)
{
	struct str name = word(&rest), op = word(&rest);
	bool found = false;

	for (unsigned i = 0; i < p->world.event_count && !found; i++) {
		struct str line = str_of(p->world.event_lines[i]);

		found = str_find_str(line, name) < line.n && (!op.n || matches(p, rest, line));
	}
	if (found != wanted)
		fail(p, "%s event %.*s %.*s", wanted ? "there was no" : "there was an",
			STR_ARG(name), STR_ARG(rest));
}

struct cdr_check {
	struct play *p;
	struct str words;
	unsigned rows;
};

static void cdr_text(const struct store_cdr *c, struct buf *b)
{
	int64_t ring = c->answered_ms ? (c->answered_ms - c->started_ms) / 1000 : 0;
	int64_t talk = c->answered_ms ? (c->ended_ms - c->answered_ms) / 1000 : 0;

	buf_printf(b,
		"status=%u ended_by=%.*s direction=%.*s customer=%.*s account=%.*s legs=%u "
		"ring=%lld talk=%lld answered=%s ended=%s provider=%.*s dialplan=%.*s "
		"destination=%.*s",
		c->status, STR_ARG(c->ended_by), STR_ARG(c->direction), STR_ARG(c->customer),
		STR_ARG(c->account), c->legs, (long long)ring, (long long)talk,
		c->answered_ms ? "yes" : "no", c->ended_ms ? "yes" : "no", STR_ARG(c->provider),
		STR_ARG(c->dialplan), STR_ARG(c->destination));
	buf_printf(b, " reason=\"%.*s\" end_reason=\"%.*s\"", STR_ARG(c->reason),
		STR_ARG(c->end_reason));
}

static void check_cdr(const struct store_cdr *c, void *arg)
{
	struct cdr_check *k = arg;
	struct str words = k->words, w;
	char text[4096];
	struct buf b = BUF_OF(text);

	cdr_text(c, &b);
	if (k->rows++)
		return; /* the newest is looked at */
	if (str_starts(words, STR("~"))) {
		if (!matches(k->p, str_trim(str_from(words, 1)), buf_str(&b)))
			fail(k->p, "the CDR is %.*s", STR_ARG(buf_str(&b)));
		return;
	}
	while ((w = word(&words)).n)
		if (!str_starts(w, STR("rows=")) && str_find_str(buf_str(&b), w) == b.n)
			fail(k->p, "the CDR has no %.*s: %.*s", STR_ARG(w), STR_ARG(buf_str(&b)));
}

/* expect cdr WORD=VALUE … [rows=N] | expect cdr ~ REGEX */
static void expect_cdr(struct play *p, struct str rest)
{
	struct cdr_check k = { .p = p, .words = rest };

	world_settle(&p->world);
	if (store_cdr_list(p->world.db, STR_NONE, 0, check_cdr, &k))
		fail(p, "CDRs could not be read");
	if (k.rows != number(option(rest, "rows"), k.rows ? k.rows : 1))
		fail(p, "there are %u CDRs", k.rows);
}

struct counted {
	unsigned n;
};

static void count_binding(const struct binding *b, void *arg)
{
	struct counted *c = arg;

	(void)b;
	c->n++;
}

/* expect bindings AOR N; expect stored N (of all) */
static void expect_bindings(struct play *p, struct str rest)
{
	struct str aor = word(&rest);
	struct counted c = { 0 };

	location_each(p->world.location, aor, p->world.worker.clock.wall_ms, count_binding, &c);
	if (c.n != number(rest, 0))
		fail(p, "%.*s has %u bindings", STR_ARG(aor), c.n);
}

/* expect relay asked=N held=N: questions so far, and calls that have ports of it */
static void expect_relay(struct play *p, struct str rest)
{
	if (p->world.relay.asked != number(option(rest, "asked"), 0) ||
		p->world.relay.held != number(option(rest, "held"), 0))
		fail(p, "the relay was asked %u times and has %u calls", p->world.relay.asked,
			p->world.relay.held);
}

/* expect keepalives NAME N: since the last time */
static void expect_keepalives(struct play *p, struct str rest)
{
	struct agent *a = world_agent(&p->world, word(&rest));

	if (a->keepalives != number(rest, 0))
		fail(p, "%s received %u keep-alives", a->name, a->keepalives);
	a->keepalives = 0;
}

/* What a restart would find. */
static void expect_stored(struct play *p, struct str rest)
{
	struct location *found;
	size_t n = 0;

	BUG_ON(location_new(NULL, p->world.events, 1, &found) != ERR_OK);
	if (location_load(found, p->world.db, p->world.worker.clock.wall_ms, &n))
		fail(p, "bindings could not be read");
	location_free(found);
	if (n != number(rest, 0))
		fail(p, "%zu bindings are stored", n);
}

/* The words that must stand in a text, or a regular expression that it must match. */
static void expect_words(struct play *p, struct str rest, struct str text)
{
	struct str w;

	if (str_starts(rest, STR("~"))) {
		if (!matches(p, str_trim(str_from(rest, 1)), text))
			fail(p, "it is %.*s", STR_ARG(text));
		return;
	}
	while ((w = word(&rest)).n)
		if (str_find_str(text, w) == text.n)
			fail(p, "there is no %.*s: %.*s", STR_ARG(w), STR_ARG(text));
}

/* expect messages C/NAME WORD=VALUE … | ~ REGEX | none: what waits at a provider */
static void expect_messages(struct play *p, struct str rest)
{
	struct str key = word(&rest);
	size_t slash = str_find(key, '/');
	struct store_provider_messages m = { 0 };
	char text[1024];
	struct buf b = BUF_OF(text);
	enum err e;

	world_settle(&p->world);
	e = store_provider_messages_get(
		p->world.db, str_first(key, slash), str_from(key, slash + 1), &p->arena, &m);
	if (e == ERR_NOT_FOUND && str_eq(rest, STR("none")))
		return;
	if (e)
		fail(p, "messages: %s", err_text(e));
	buf_printf(&b, "waiting=%s voice=%u/%u urgent=%u/%u account=%.*s ",
		m.waiting ? "yes" : "no", m.voice_new, m.voice_old, m.urgent_new, m.urgent_old,
		STR_ARG(m.account));
	expect_words(p, rest, buf_str(&b));
}

/* expect provider C/NAME WORD=VALUE … | ~ REGEX: its row, as a person would be shown it */
static void expect_provider(struct play *p, struct str rest)
{
	struct str key = word(&rest);
	size_t slash = str_find(key, '/');
	struct store_provider_binding row = { 0 };
	int64_t now = p->world.worker.clock.wall_ms;
	char text[4096];
	struct buf b = BUF_OF(text);
	enum err e = store_provider_binding_get(
		p->world.db, str_first(key, slash), str_from(key, slash + 1), &p->arena, &row);

	if (e == ERR_NOT_FOUND && str_eq(rest, STR("none")))
		return;
	if (e)
		fail(p, "provider binding: %s", err_text(e));
	buf_printf(&b, "state=%.*s expires=%lld next=%lld cseq=%u reason=\"%.*s\" contact=%.*s",
		STR_ARG(row.state), row.expires_ms ? (long long)(row.expires_ms - now) / 1000 : 0,
		(long long)(row.next_ms - now) / 1000, row.cseq, STR_ARG(row.reason),
		STR_ARG(row.contact));
	expect_words(p, rest, buf_str(&b));
}

static void do_expect(struct play *p, struct str rest)
{
	struct str what = word(&rest), peek = rest;

	start_world(p);
	if (str_eq(word(&peek), STR("<-")))
		expect_message(p, world_agent(&p->world, what), peek);
	else if (str_eq(what, STR("nothing")))
		expect_nothing(p);
	else if (str_eq(what, STR("event")))
		expect_event(p, rest, true);
	else if (str_eq(what, STR("noevent")))
		expect_event(p, rest, false);
	else if (str_eq(what, STR("cdr")))
		expect_cdr(p, rest);
	else if (str_eq(what, STR("bindings")))
		expect_bindings(p, rest);
	else if (str_eq(what, STR("stored")))
		expect_stored(p, rest);
	else if (str_eq(what, STR("keepalives")))
		expect_keepalives(p, rest);
	else if (str_eq(what, STR("relay")))
		expect_relay(p, rest);
	else if (str_eq(what, STR("provider")))
		expect_provider(p, rest);
	else if (str_eq(what, STR("messages")))
		expect_messages(p, rest);
	else if (str_eq(what, STR("calls")))
		(call_count(p->world.roles.calls) == number(rest, 0))
			? (void)0
			: fail(p, "there are %zu calls", call_count(p->world.roles.calls));
	else
		fail(p, "nothing to expect is called %.*s", STR_ARG(what));
}

/* ---- the world ---- */

/* "32s", "500ms", "10m", "2h", in ms */
static uint64_t duration(struct play *p, struct str text)
{
	bool ms = str_ends(text, STR("ms"));
	uint64_t unit = ms                 ? 1
		: str_ends(text, STR("s")) ? 1000
		: str_ends(text, STR("m")) ? 60000
		: str_ends(text, STR("h")) ? 3600000
					   : 0;
	uint32_t v = text.n > 1 ? number(str_first(text, text.n - (ms ? 2 : 1)), 0) : 0;

	if (!v || !unit)
		fail(p, "a time is written 500ms, 32s, 10m or 2h");
	return v * unit;
}

static void do_advance(struct play *p, struct str rest)
{
	start_world(p);
	world_advance(&p->world, duration(p, rest));
}

/* A crowd waits before anybody of the scenario does: what the worker sees of it. */
static void do_waiting(struct play *p, struct str rest)
{
	struct worker *w = &p->world.worker;

	start_world(p);
	if (!str_ends(rest, STR("ms")))
		fail(p, "waiting 50ms, or 0ms");
	p->world.waited_us = 1000 * number(str_first(rest, rest.n - 2), 0);
	if (!p->world.waited_us)
		return;
	world_advance(&p->world, INTERVALS_MS);
	for (unsigned i = 0; i < CROWD; i++)
		overload_arrived(&w->overload, p->world.waited_us);
	worker_end_turn(w);
	world_advance(&p->world, INTERVALS_MS);
}

static void do_store(struct play *p, struct str rest)
{
	start_world(p);
	store_inject_failure(p->world.store, str_eq(rest, STR("fails")) ? ERR_DB_FULL : ERR_OK);
	world_settle(&p->world);
}

static enum err take_over(struct play *p)
{
	return world_restore(&p->world);
}

static void do_stop(struct play *p)
{
	start_world(p);
	world_stop(&p->world);
	world_reopen(&p->world);
}

static void do_start(struct play *p)
{
	world_start(&p->world);
	if (take_over(p))
		fail(p, "calls could not be restored");
	world_settle(&p->world);
}

static void do_drop(struct play *p, struct str rest)
{
	struct agent *a = world_agent(&p->world, word(&rest));

	if (str_eq(rest, STR("all")))
		a->deaf = true;
	else if (str_eq(rest, STR("none")))
		a->deaf = false;
	else
		a->drop += number(rest, 1);
}

static void do_discard(struct play *p, struct str rest)
{
	struct agent *a = world_agent(&p->world, word(&rest));
	struct sip_msg *m;

	while ((m = take(a))) {
		agent_saw(a, m);
		sip_msg_unref(m);
	}
}

static void do_raw(struct play *p, struct str rest)
{
	char text[60000];
	struct buf b = BUF_OF(text);

	start_world(p);
	for (unsigned i = 0; i < p->block_count; i++) {
		if (!str_eq(p->block[i], STR(".")))
			buf_add(&b, p->block[i]);
		buf_char(&b, '\n');
	}
	agent_raw(&p->world, world_agent(&p->world, rest), buf_str(&b));
}

/* ---- shorthands ---- */

/* register NAME PASSWORD [Contact parameters]: REGISTER, 401, REGISTER, 200 at the agent's domain
 */
static void do_register(struct play *p, struct str rest)
{
	struct agent *a = world_agent(&p->world, word(&rest));
	struct str password = word(&rest), domain = a->domain;
	struct wish_list w = { .count = 0 };
	const char *why = NULL;
	struct str uri;
	struct sip_msg *m;

	start_world(p);
	uri = str_of(arena_printf(&p->arena, "sip:%.*s", STR_ARG(domain)));
	w.list[w.count++] = (struct override){ STR("To"),
		str_of(arena_printf(&p->arena, "<sip:%s@%.*s>", a->name, STR_ARG(domain))) };
	if (rest.n)
		w.list[w.count++] = (struct override){ STR("Expires"), rest };
	for (int round = 0; round < 2 && !p->failed; round++) {
		if (!agent_request(&p->world, a, STR("REGISTER"), uri, &w, &why))
			fail(p, "%s", why);
		m = take(a);
		if (!m || m->status != (round ? 200 : 401))
			fail(p, "%s could not register: %u", a->name, m ? m->status : 0);
		if (m)
			agent_saw(a, m);
		sip_msg_unref(m);
		w.auth_user = str_of(a->name);
		w.auth_password = password;
	}
	agent_forget(a);
}

/* invite NAME URI PASSWORD [sdp]: INVITE, 401, ACK, INVITE, 100 */
static void do_invite(struct play *p, struct str rest)
{
	struct agent *a = world_agent(&p->world, word(&rest));
	struct str uri = word(&rest), password = word(&rest);
	struct wish_list w = { .count = 0 }, none = { .count = 0 };
	const char *why = NULL;
	struct sip_msg *m;

	start_world(p);
	read_block(p, a, &w);
	read_words(p, a, rest, &w, NULL);
	for (int round = 0; round < 2 && !p->failed; round++) {
		agent_request(&p->world, a, STR("INVITE"), uri, &w, &why);
		m = take(a);
		if (!m || m->status != (round ? 100 : 401))
			fail(p, "%s could not invite: %u %.*s", a->name, m ? m->status : 0,
				STR_ARG(m ? m->reason : STR("nothing came")));
		if (m)
			agent_saw(a, m);
		sip_msg_unref(m);
		if (!round)
			agent_request(&p->world, a, STR("ACK"), STR_NONE, &none, &why);
		w.auth_user = str_of(a->name);
		w.auth_password = password;
	}
}

/* lease renew: our node counts in the database; lease taken: another node takes us for dead */
static void do_lease(struct play *p, struct str rest)
{
	start_world(p);
	if (str_eq(rest, STR("renew")))
		world_lease(&p->world);
	else if (str_eq(rest, STR("taken")))
		world_lease_taken(&p->world);
	else
		fail(p, "lease renew, lease taken");
	world_settle(&p->world);
}

/* clock TIME: somebody sets the clock forward; clock back TIME */
static void do_clock(struct play *p, struct str rest)
{
	struct str peek = rest;
	bool back = str_eq(word(&peek), STR("back"));
	int64_t ms = (int64_t)duration(p, back ? peek : rest);

	if (!p->started)
		start_world(p);
	p->world.worker.clock.wall_ms += back ? -ms : ms;
}

/* name HOST [after TIME] ADDRESS… | timeout | (nothing: it does not exist) */
static void do_name(struct play *p, struct str rest)
{
	struct str name = word(&rest), peek = rest;
	uint64_t after_ms = 0;

	if (str_eq(word(&peek), STR("after"))) {
		after_ms = duration(p, word(&peek));
		rest = peek;
	}
	world_name(&p->world, name, rest, after_ms);
}

/* naptr NAME ORDER PREFERENCE FLAGS SERVICES REGEXP REPLACEMENT */
static void do_naptr(struct play *p, struct str rest)
{
	struct str name = word(&rest);

	world_naptr(&p->world, name, rest);
}

/* await NAME TIME: time passes until NAME has received something, at most so much */
static void do_await(struct play *p, struct str rest)
{
	struct agent *a = world_agent(&p->world, word(&rest));
	uint64_t until = p->world.worker.clock.mono_ms + duration(p, rest);

	start_world(p);
	while (!a->count && p->world.worker.clock.mono_ms < until && !p->failed)
		world_advance(&p->world, AWAIT_STEP_MS);
	if (!a->count)
		fail(p, "%s received nothing in that time", a->name);
}

static struct sip_msg *take_register(struct play *p, struct agent *a)
{
	struct sip_msg *m;

	start_world(p);
	m = take(a);
	if (!m || m->method != SIP_REGISTER) {
		fail(p, "%s received no REGISTER", a->name);
		sip_msg_unref(m);
		return NULL;
	}
	for (unsigned i = 0; i < p->block_count && !p->failed; i++)
		check_condition(p, m, p->block[i]);
	agent_saw(a, m);
	return m;
}

/* challenge NAME NONCE [stale]: REGISTER, 401; the indented lines are conditions */
static void do_challenge(struct play *p, struct str rest)
{
	struct agent *a = world_agent(&p->world, word(&rest));
	struct str nonce = word(&rest);
	struct wish_list w = { .count = 1 };
	struct sip_msg *m = take_register(p, a);
	const char *why = NULL;

	w.list[0] = (struct override){ STR("WWW-Authenticate"),
		str_of(arena_printf(&p->arena,
			"Digest realm=\"example\", nonce=\"%.*s\", qop=\"auth\"%s", STR_ARG(nonce),
			rest.n ? ", stale=true" : "")) };
	if (m && !agent_respond(&p->world, a, 401, STR_NONE, STR_NONE, &w, &why))
		fail(p, "%s", why);
	sip_msg_unref(m);
}

/* accept NAME SECONDS: REGISTER, 200 for its contact; the indented lines are conditions */
static void do_accept(struct play *p, struct str rest)
{
	struct agent *a = world_agent(&p->world, word(&rest));
	struct wish_list w = { .count = 1 };
	struct sip_msg *m = take_register(p, a);
	const char *why = NULL;

	if (!m)
		return;
	w.list[0] = (struct override){ STR("Contact"),
		str_of(arena_printf(&p->arena, "%.*s;expires=%u",
			STR_ARG(sip_msg_hdr(m, SIP_HDR_CONTACT)), number(rest, 0))) };
	if (!number(rest, 0))
		w.list[0].name = STR("-Contact");
	if (!agent_respond(&p->world, a, 200, STR_NONE, STR_NONE, &w, &why))
		fail(p, "%s", why);
	sip_msg_unref(m);
}

/* ---- the file ---- */

static void step(struct play *p, struct str line)
{
	struct str rest = line, verb = word(&rest), peek = rest;
	const struct {
		const char *verb;
		void (*run)(struct play *p, struct str rest);
	} verbs[] = {
		{ "customer", do_customer },
		{ "domain", do_domain },
		{ "account", do_account },
		{ "dialplan", do_dialplan },
		{ "provider", do_provider },
		{ "remove", do_remove },
		{ "set", do_set },
		{ "agent", do_agent },
		{ "expect", do_expect },
		{ "advance", do_advance },
		{ "waiting", do_waiting },
		{ "store", do_store },
		{ "drop", do_drop },
		{ "discard", do_discard },
		{ "raw", do_raw },
		{ "register", do_register },
		{ "invite", do_invite },
		{ "media", do_media },
		{ "relay", do_relay },
		{ "name", do_name },
		{ "naptr", do_naptr },
		{ "lease", do_lease },
		{ "clock", do_clock },
		{ "await", do_await },
		{ "challenge", do_challenge },
		{ "accept", do_accept },
	};

	world_say(&p->world, "%s:%u: %.*s\n", p->path, p->line, STR_ARG(line));
	if (str_eq(word(&peek), STR("->"))) {
		do_say(p, world_agent(&p->world, verb), peek);
		return;
	}
	if (str_eq(verb, STR("repeat")))
		agent_repeat(&p->world, world_agent(&p->world, rest));
	else if (str_eq(verb, STR("close")))
		world_close(&p->world, world_agent(&p->world, rest));
	else if (str_eq(verb, STR("connect")))
		world_agent(&p->world, rest)->conn = ++p->world.next_id + 1000;
	else if (str_eq(verb, STR("forget")))
		agent_forget(world_agent(&p->world, rest));
	else if (str_eq(verb, STR("restart"))) {
		do_stop(p);
		do_start(p);
	} else if (str_eq(verb, STR("stop")))
		do_stop(p);
	else if (str_eq(verb, STR("start")))
		do_start(p);
	else if (str_eq(verb, STR("enough")))
		p->enough = true;
	else if (str_eq(verb, STR("calls")))
		p->calls_may_stay = true; /* "calls stay" */
	else {
		for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
			if (str_eq(verb, str_of(verbs[i].verb))) {
				verbs[i].run(p, rest);
				return;
			}
		fail(p, "no such step: %.*s", STR_ARG(verb));
	}
}

static bool blank_or_comment(struct str line)
{
	struct str t = str_trim(line);

	return t.n == 0 || t.p[0] == '#';
}

static bool indented(struct str line)
{
	return line.n && (line.p[0] == ' ' || line.p[0] == '\t');
}

/* At the end: no message that nobody looked at, and after a while nothing left in memory. */
static void check_end(struct play *p)
{
	struct tx_counts c;

	start_world(p);
	expect_nothing(p);
	if (p->enough)
		return;
	if (!p->failed && !p->calls_may_stay && call_count(p->world.roles.calls))
		fail(p, "at the end %zu calls are still up", call_count(p->world.roles.calls));
	if (p->failed || p->calls_may_stay)
		return;
	world_advance(&p->world, 70000);
	expect_nothing(p);
	c = tx_layer_counts(p->world.roles.tx);
	if (c.servers || c.clients)
		fail(p, "transactions are left over: %zu server, %zu client", c.servers, c.clients);
}

static void play_file(struct play *p)
{
	struct str line;
	unsigned at = 0;
	struct str next = STR_NONE;
	bool have_next = str_cut(&p->rest, '\n', &next);

	while (have_next && !p->failed) {
		line = next;
		p->line = ++at;
		p->block_count = 0;
		while ((have_next = str_cut(&p->rest, '\n', &next)) && indented(next)) {
			at++;
			if (!blank_or_comment(next) && p->block_count < BLOCK_MAX)
				p->block[p->block_count++] = str_trim(next);
		}
		if (!blank_or_comment(line))
			step(p, str_trim(line));
	}
	if (!p->failed)
		check_end(p);
}

static char *read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	char *text = mem_alloc(FILE_MAX);

	*n = f ? fread(text, 1, FILE_MAX, f) : 0;
	if (f)
		fclose(f);
	return text;
}

bool scenario_play(const char *path, bool verbose)
{
	struct play *p = mem_new(struct play);
	size_t n;
	char *file = read_file(path, &n);
	char *text = scenario_with_tokens(str_make(file, n), &n);
	bool ok;

	free(file);
	p->path = path;
	p->rest = str_make(text, n);
	arena_init(&p->arena, 4096);
	world_init(&p->world);
	play_file(p);
	if (p->failed || verbose)
		printf("---- what was said ----\n%.*s-----------------------\n",
			STR_ARG(buf_str(&p->world.trace_buf)));
	ok = !p->failed && n > 0;
	world_fini(&p->world);
	arena_fini(&p->arena);
	free(text);
	free(p);
	return ok;
}
