/* SPDX-License-Identifier: BSD-3-Clause */
/* From, To, Contact and custom header fields of an outgoing leg (facts 4.5). */
#include "call/model.h"

#include <string.h>

#include "sip/chars.h"
#include "sip/field.h"
#include "sip/print.h"

struct from {
	struct str display, uri; /* uri is used while user and host were not changed */
	struct str user, host;
	bool changed;
};

/* "anon" names keep the caller's host (facts 12.1.15). */
static bool is_anonymous(struct str user)
{
	return str_find_str(user, STR("anon")) < user.n;
}

static struct str uri_host(const struct sip_uri *u, struct arena *a)
{
	return u->port ? str_of(arena_printf(a, "%.*s:%u", STR_ARG(u->host), u->port)) : u->host;
}

static void of_caller(struct from *f, const struct caller *c)
{
	*f = (struct from){ c->from_display, c->from_uri, c->from_user, c->from_host, false };
}

/* A From that somebody wrote down, as it is. */
static bool of_text(struct from *f, struct str text, struct arena *a)
{
	struct sip_addr addr;
	char name[256];
	struct buf b = BUF_OF(name);

	if (str_empty(text) || sip_addr_parse(text, &addr) != ERR_OK)
		return false;
	sip_addr_display(&addr, &b);
	*f = (struct from){ arena_str(a, buf_str(&b)), addr.uri.text, addr.uri.user,
		uri_host(&addr.uri, a), false };
	return true;
}

/* The user name at the server that is called. */
static void of_user(struct from *f, const struct attempt *at, struct str username)
{
	struct sip_uri server;

	*f = (struct from){ .user = username, .changed = true };
	if (is_anonymous(username))
		f->host = at->dial->run->caller.from_host;
	else if (sip_uri_parse(at->uri, &server) == ERR_OK)
		f->host = server.host;
}

static void of_provider(struct from *f, const struct attempt *at, struct arena *a)
{
	const struct provider *p = at->provider;
	const struct caller *c = &at->dial->run->caller;

	if (!of_text(f, str_empty(p->from) ? p->from : caller_substitute(c, p->from, a), a))
		of_user(f, at, p->username);
}

/* "user,password,destination,From" (facts 4.8) */
static void of_fields(struct from *f, const struct attempt *at, struct arena *a)
{
	if (!of_text(f, at->leg->from, a))
		of_user(f, at, at->leg->username);
}

/* A loopback's caller is the account whose dialplan dials. */
static void of_loopback(struct from *f, const struct attempt *at)
{
	const struct account *own = at->dial->run->account;

	of_caller(f, &at->dial->run->caller);
	if (own) {
		f->user = own->username;
		f->host = own->domain;
		f->changed = true;
	}
}

static void take(struct str *to, struct str option, struct str custom, bool *changed)
{
	struct str value = !str_empty(option) ? option : custom;

	if (str_empty(value))
		return;
	*to = value;
	if (changed)
		*changed = true;
}

static void override(struct from *f, const struct attempt *at)
{
	const struct dial *d = at->dial;
	/* A provider's own From beats what the script set, not what the leg's options say. */
	bool fixed = at->provider ? !str_empty(at->provider->from) : !str_empty(at->leg->from);

	take(&f->display, at->leg->from_display, fixed ? STR_NONE : d->custom.from_name, NULL);
	take(&f->user, at->leg->from_user, fixed ? STR_NONE : d->custom.from_user, &f->changed);
	take(&f->host, at->leg->from_host, fixed ? STR_NONE : d->custom.from_host, &f->changed);
}

/* What would end the URI, or the line, is written as %XX in a user, and left out of a host. */
static struct str clean(struct str part, bool user, struct arena *a)
{
	char mem[768];
	struct buf b = BUF_OF(mem);

	for (size_t i = 0; i < part.n; i++) {
		unsigned char c = (unsigned char)part.p[i];

		if (c > ' ' && c != 0x7f && !strchr("<>\"@", c))
			buf_char(&b, part.p[i]);
		else if (user)
			buf_printf(&b, "%%%02X", c);
	}
	return arena_str(a, buf_str(&b));
}

static struct str print_from(struct from *f, struct arena *a)
{
	char mem[1024];
	struct buf b = BUF_OF(mem);

	f->user = clean(f->user, true, a);
	f->host = clean(f->host, false, a);

	if (!str_empty(f->display)) {
		sip_print_display(&b, f->display);
		buf_char(&b, ' ');
	}
	if (!f->changed && !str_empty(f->uri))
		buf_printf(&b, "<%.*s>", STR_ARG(f->uri));
	else if (!str_empty(f->user))
		buf_printf(&b, "<sip:%.*s@%.*s>", STR_ARG(f->user), STR_ARG(f->host));
	else
		buf_printf(&b, "<sip:%.*s>", STR_ARG(f->host));
	if (!buf_ok(&b))
		return STR("<sip:anonymous@anonymous.invalid>");
	return arena_str(a, buf_str(&b));
}

static struct str to_of(const struct attempt *at, struct arena *a)
{
	struct str custom = from_custom(at, "To");

	if (!str_empty(custom))
		return custom;
	if (at->kind == ATTEMPT_BINDING && at->account)
		return str_of(arena_printf(a, "<sip:%.*s>", STR_ARG(at->account->aor)));
	return str_of(arena_printf(a, "<%.*s>", STR_ARG(at->uri)));
}

void from_prepare(struct attempt *at)
{
	struct arena *a = &at->call->setup->arena;
	struct from f;

	if (at->kind == ATTEMPT_PROVIDER)
		of_provider(&f, at, a);
	else if (at->leg->fields)
		of_fields(&f, at, a);
	else if (at->kind == ATTEMPT_LOOPBACK)
		of_loopback(&f, at);
	else
		of_caller(&f, &at->dial->run->caller);
	override(&f, at);
	at->from = print_from(&f, a);
	at->to = to_of(at, a);
	if (at->kind == ATTEMPT_PROVIDER)
		at->contact_user = at->provider->username;
	else if (at->leg->fields && at->leg->username.n)
		at->contact_user = clean(at->leg->username, true, a);
	else if (at->kind == ATTEMPT_DIRECT)
		at->contact_user = STR("Anonymous");
}

/* ---- custom headers: the provider's, then the script's ---- */

bool from_is_fixed(struct str name)
{
	static const char *const fixed[] = { "Via", "From", "Contact", "CSeq", "Call-ID",
		"Max-Forwards", "Content-Length", "Content-Type", "Route", "Record-Route", "To",
		"User-Agent", "Authorization", "Proxy-Authorization", "v", "f", "m", "i", "l", "c",
		"t" };

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (str_ieq(name, str_of(fixed[i])))
			return true;
	return false;
}

bool from_split(struct str line, struct str *name, struct str *value)
{
	size_t colon = str_find(line, ':');

	*name = str_trim(str_first(line, colon));
	*value = str_trim(str_from(line, colon + 1));
	return colon < line.n && name->n && name->n < 128 && sip_span(*name, SIP_NAME) == name->n;
}

static void print_line(struct buf *b, const struct attempt *at, struct str line, bool substitute)
{
	struct str name, value;

	if (!from_split(line, &name, &value) || from_is_fixed(name))
		return;
	if (substitute)
		value = caller_substitute(&at->dial->run->caller, value, &at->call->setup->arena);
	sip_print_hdr_named(b, name, value);
}

void from_print_custom(struct buf *b, const struct attempt *at)
{
	const struct dial *d = at->dial;

	if (at->provider) {
		struct str rest = at->provider->custom_headers, line;

		while (str_cut(&rest, '\n', &line))
			print_line(b, at, str_trim(line), true);
	}
	for (unsigned i = 0; i < d->custom.header_count; i++)
		print_line(b, at, d->custom.headers[i], at->kind != ATTEMPT_BINDING);
	if (at->leg->line_name.n)
		sip_print_hdr_named(b, STR("Switchboard-LineName"), at->leg->line_name);
	if (at->leg->line_caller.n)
		sip_print_hdr_named(b, STR("Switchboard-OriginalCallID"), at->leg->line_caller);
}

/* The value of a custom "To" or "User-Agent", which replace instead of being added. */
struct str from_custom(const struct attempt *at, const char *wanted)
{
	const struct dial *d = at->dial;
	struct str found = STR_NONE, name, value, line;

	if (at->provider) {
		struct str rest = at->provider->custom_headers;

		while (str_cut(&rest, '\n', &line))
			if (from_split(str_trim(line), &name, &value) &&
				str_ieq(name, str_of(wanted)))
				found = value;
	}
	for (unsigned i = 0; i < d->custom.header_count; i++)
		if (from_split(d->custom.headers[i], &name, &value) &&
			str_ieq(name, str_of(wanted)))
			found = value;
	if (at->kind == ATTEMPT_BINDING || found.n == 0)
		return found;
	return caller_substitute(&d->run->caller, found, &at->call->setup->arena);
}
