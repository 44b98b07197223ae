/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/provider_fields.h"

#include "base/addr.h"
#include "cli/output.h"
#include "sip/chars.h"
#include "sip/field.h"
#include "sip/header.h"

enum {
	EXPIRES_MIN_S = 60,
	EXPIRES_MAX_S = 86400,
	EXPIRES_S = 3600,
	RATE_MAX = 60000,
	ADDRESSES_MAX = 16
};

struct taking {
	const struct provider_field *field;
	struct arena *arena;
	struct str value; /* trimmed, no control characters, not too long */
	void *to;
	struct buf *why;
};

/* ---- texts ---- */

static bool set_text(struct taking *t, struct str value)
{
	*(struct str *)t->to = value;
	return true;
}

static bool take_text(struct taking *t)
{
	return set_text(t, t->value);
}

/* What may stand in the user part of our address there, without escapes. */
static bool take_username(struct taking *t)
{
	struct str v = t->value;

	if (str_find(v, '@') < v.n) {
		buf_printf(t->why,
			"\"%.*s\" is more than the name: server and realm have options of their "
			"own; if the provider wants all of it for authentication, that is the "
			"auth_username",
			STR_ARG(v));
		return false;
	}
	for (size_t i = 0; i < v.n; i++) {
		if ((unsigned char)v.p[i] > 0x7e || str_find(STR(" \"<>:\\"), v.p[i]) < 6) {
			buf_printf(t->why,
				"\"%.*s\" cannot stand in an address: no blanks, quotes, <, >, : "
				"and \\",
				STR_ARG(v));
			return false;
		}
	}
	return set_text(t, v);
}

static bool take_auth_username(struct taking *t)
{
	if (str_find(t->value, '"') == t->value.n)
		return set_text(t, t->value);
	buf_lit(t->why, "a name for authentication has no quotes");
	return false;
}

static bool take_transport(struct taking *t)
{
	static const char *const names[] = { "", "udp", "tcp", "tls" };

	if (str_ieq(t->value, STR("auto")))
		t->value = STR("");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_ieq(t->value, str_of(names[i])))
			return set_text(t, str_of(names[i]));
	buf_printf(t->why,
		"\"%.*s\" is no transport: udp, tcp, tls, or auto for what the server's "
		"name says",
		STR_ARG(t->value));
	return false;
}

static bool take_media(struct taking *t)
{
	static const char *const names[] = { "", "never", "always" };

	if (str_ieq(t->value, STR("auto")))
		t->value = STR("");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_ieq(t->value, str_of(names[i])))
			return set_text(t, str_of(names[i]));
	buf_printf(t->why, "\"%.*s\" will not do; auto, never or always", STR_ARG(t->value));
	return false;
}

/* ---- URIs ---- */

static bool bad_uri(struct taking *t, const char *why)
{
	buf_printf(t->why, "\"%.*s\" %s", STR_ARG(str_first(t->value, 100)), why);
	return false;
}

static bool parse_uri(struct taking *t, struct str *text, struct sip_uri *uri)
{
	*text = t->value;
	if (!str_istarts(*text, STR("sip:")) && !str_istarts(*text, STR("sips:")))
		*text = str_of(arena_printf(t->arena, "sip:%.*s", STR_ARG(*text)));
	if (sip_uri_parse(*text, uri) != ERR_OK || uri->host.n == 0)
		return bad_uri(t, "is not a SIP URI; write it as sip:sip.example.com:5060");
	if (uri->password.p) {
		buf_lit(t->why,
			"a password in a URI can be read by everybody; give it with "
			"--password-stdin");
		return false;
	}
	if (uri->headers.n)
		return bad_uri(t, "has headers behind a \"?\"; leave them out");
	return true;
}

/* Where requests go: a host, and nobody there. */
static bool take_server(struct taking *t)
{
	struct str text;
	struct sip_uri uri;

	if (!t->value.n)
		return set_text(t, t->value);
	if (!parse_uri(t, &text, &uri))
		return false;
	if (uri.user.p)
		return bad_uri(t, "has a user part; a server is sip:HOST or sip:HOST:PORT");
	if (str_find(uri.host, '.') == uri.host.n && uri.host.p[0] != '[')
		return bad_uri(t,
			"has no dot in its host; write the whole name, as "
			"sip:sip.example.com");
	return set_text(t, text);
}

static bool take_contact(struct taking *t)
{
	struct str text;
	struct sip_uri uri;

	if (!t->value.n)
		return set_text(t, t->value);
	if (!parse_uri(t, &text, &uri))
		return false;
	if (!uri.user.n)
		return bad_uri(t, "has no user part; a contact is sip:USER@HOST");
	return set_text(t, text);
}

static bool take_realm(struct taking *t)
{
	struct str text = str_of(arena_printf(t->arena, "sip:%.*s", STR_ARG(t->value)));
	struct sip_uri uri;

	if (!t->value.n)
		return set_text(t, t->value);
	if (str_istarts(t->value, STR("sip:")) || str_find(t->value, '@') < t->value.n ||
		sip_uri_parse(text, &uri) != ERR_OK || uri.params.n || uri.headers.n)
		return bad_uri(t, "is no domain; write it as example.com");
	return set_text(t, t->value);
}

/* "192.0.2.0/24, 198.51.100.7": kept with commas alone between them. */
static bool take_addresses(struct taking *t)
{
	struct str rest = t->value, one, all = STR("");
	struct addr_range range;
	unsigned count = 0;

	while (str_cut(&rest, ',', &one)) {
		one = str_trim(one);
		if (!one.n)
			continue;
		if (addr_range_parse(one, &range) != ERR_OK) {
			buf_printf(t->why,
				"\"%.*s\" is no address; write 192.0.2.1, 192.0.2.0/24 or "
				"2001:db8::/32, with commas between several",
				STR_ARG(str_first(one, 60)));
			return false;
		}
		if (++count > ADDRESSES_MAX) {
			buf_printf(
				t->why, "there are more than %d; name wider ranges", ADDRESSES_MAX);
			return false;
		}
		all = str_of(arena_printf(
			t->arena, "%.*s%s%.*s", STR_ARG(all), all.n ? "," : "", STR_ARG(one)));
	}
	return set_text(t, all);
}

/* Of "${fromname}" what is between the braces, "dst:2" by its name. */
static bool is_template(struct str name)
{
	static const char *const names[] = { "dst", "exten", "fromname", "fromuriuser", "fromaor" };

	name = str_first(name, str_find(name, ':'));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_ieq(name, str_of(names[i])))
			return true;
	return false;
}

/* With "x" for each ${…}: those are filled in call by call. STR_NONE: there is no such one. */
static struct str without_templates(struct arena *a, struct str v)
{
	char *mem = arena_alloc(a, v.n + 1);
	size_t n = 0;

	while (v.n) {
		bool begins = str_starts(v, STR("${"));
		size_t end = begins ? str_find(v, '}') : v.n;

		if (begins && (end == v.n || !is_template(str_first(str_from(v, 2), end - 2))))
			return STR_NONE;

		mem[n++] = end < v.n ? 'x' : v.p[0];
		v = str_from(v, end < v.n ? end + 1 : 1);
	}
	return str_make(mem, n);
}

static bool take_from(struct taking *t)
{
	struct str plain = without_templates(t->arena, t->value);
	struct sip_addr addr;

	if (!t->value.n ||
		(sip_addr_parse(plain, &addr) == ERR_OK && !addr.star &&
			addr.uri.scheme != SIP_SCHEME_OTHER))
		return set_text(t, t->value);
	return bad_uri(t,
		"is no From header; write it as \"Name\" <sip:user@host> or "
		"sip:user@host; ${fromname}, ${fromuriuser}, ${dst} may stand in it");
}

/* ---- headers ---- */

/* Those that we write, or that would change how a request travels. */
static bool is_ours(struct str name)
{
	static const enum sip_hdr_id ours[] = { SIP_HDR_VIA, SIP_HDR_FROM, SIP_HDR_CONTACT,
		SIP_HDR_CSEQ, SIP_HDR_CALL_ID, SIP_HDR_MAX_FORWARDS, SIP_HDR_CONTENT_LENGTH,
		SIP_HDR_CONTENT_TYPE, SIP_HDR_CONTENT_ENCODING, SIP_HDR_CONTENT_DISPOSITION,
		SIP_HDR_CONTENT_LANGUAGE, SIP_HDR_ROUTE, SIP_HDR_RECORD_ROUTE,
		SIP_HDR_AUTHORIZATION, SIP_HDR_PROXY_AUTHORIZATION, SIP_HDR_EXPIRES,
		SIP_HDR_REQUIRE, SIP_HDR_PROXY_REQUIRE, SIP_HDR_SESSION_EXPIRES, SIP_HDR_MIN_SE };
	enum sip_hdr_id id = sip_hdr_id(name);

	for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (id == ours[i])
			return true;
	return false;
}

static bool check_header(struct taking *t, struct str line)
{
	size_t colon = str_find(line, ':');
	struct str name = str_trim(str_first(line, colon));

	if (colon == line.n || !name.n || sip_span(name, SIP_TOKEN) < name.n) {
		buf_printf(t->why, "\"%.*s\" is no header; write it as \"Name: value\"",
			STR_ARG(str_first(line, 100)));
		return false;
	}
	if (is_ours(name)) {
		buf_printf(t->why, "%.*s is a header that we write ourselves; leave it out",
			STR_ARG(sip_hdr_name(sip_hdr_id(name))));
		return false;
	}
	return true;
}

static bool take_headers(struct taking *t)
{
	struct str rest = t->value, line, all = STR("");

	while (str_line(&rest, &line)) {
		line = str_trim(line);
		if (!line.n)
			continue;
		if (!check_header(t, line))
			return false;
		all = str_of(arena_printf(
			t->arena, "%.*s%s%.*s", STR_ARG(all), all.n ? "\n" : "", STR_ARG(line)));
	}
	return set_text(t, all);
}

/* ---- numbers and switches ---- */

static bool take_number(struct taking *t, unsigned min, unsigned max, const char *unit)
{
	uint32_t n;

	if (str_u32(t->value, &n) == ERR_OK && n >= min && n <= max) {
		*(uint32_t *)t->to = n;
		return true;
	}
	buf_printf(t->why, "\"%.*s\" will not do; %u to %u %s", STR_ARG(str_first(t->value, 40)),
		min, max, unit);
	return false;
}

static bool take_expires(struct taking *t)
{
	return take_number(t, EXPIRES_MIN_S, EXPIRES_MAX_S, "seconds");
}

static bool take_rate(struct taking *t)
{
	return take_number(t, 0, RATE_MAX, "registrations a minute, 0 for as many as usual");
}

static bool take_switch(struct taking *t)
{
	bool yes = str_ieq(t->value, STR("yes"));

	if (!yes && !str_ieq(t->value, STR("no"))) {
		buf_printf(t->why, "\"%.*s\" will not do; yes or no",
			STR_ARG(str_first(t->value, 40)));
		return false;
	}
	*(bool *)t->to = yes;
	return true;
}

/* ---- the table ---- */

static void put_text(json_t *o, const char *key, const void *from)
{
	cli_put(o, key, *(const struct str *)from);
}

static void put_media(json_t *o, const char *key, const void *from)
{
	const struct str *s = from;

	cli_put(o, key, s->n ? *s : STR("auto"));
}

static void put_lines(json_t *o, const char *key, const void *from)
{
	cli_put_lines(o, key, *(const struct str *)from);
}

static void put_number(json_t *o, const char *key, const void *from)
{
	cli_put_number(o, key, *(const uint32_t *)from);
}

static void put_switch(json_t *o, const char *key, const void *from)
{
	cli_put_bool(o, key, *(const bool *)from);
}

#define AT(field) offsetof(struct store_provider, field)

const struct provider_field provider_fields[] = {
	{ "server", "SERVER", AT(server), 256, take_server, put_text },
	{ "username", "USERNAME", AT(username), 64, take_username, put_text },
	{ "auth_username", "AUTH USERNAME", AT(auth_username), 64, take_auth_username, put_text },
	{ "proxy", "PROXY", AT(outbound_proxy), 256, take_server, put_text },
	{ "transport", "TRANSPORT", AT(transport), 8, take_transport, put_text },
	{ "from", "FROM", AT(from), 256, take_from, put_text },
	{ "headers", "HEADERS", AT(custom_headers), 1024, take_headers, put_lines },
	{ "register", "REGISTER", AT(register_enabled), 8, take_switch, put_switch },
	{ "register_server", "REGISTER SERVER", AT(register_server), 256, take_server, put_text },
	{ "realm", "REALM", AT(register_realm), 256, take_realm, put_text },
	{ "contact", "CONTACT", AT(register_contact), 256, take_contact, put_text },
	{ "expires", "EXPIRES", AT(register_expiry_s), 8, take_expires, put_number },
	{ "rate", "RATE", AT(rate_per_minute), 8, take_rate, put_number },
	{ "mwi", "MWI", AT(mwi), 8, take_switch, put_switch },
	{ "addresses", "ADDRESSES", AT(addresses), 1024, take_addresses, put_text },
	{ "media", "MEDIA", AT(media), 8, take_media, put_media },
	{ "disabled", "DISABLED", AT(disabled), 8, take_switch, put_switch },
	{ "disabled_reason", "REASON", AT(disabled_reason), 256, take_text, put_text },
};
const unsigned provider_field_count = sizeof(provider_fields) / sizeof(*provider_fields);

const struct provider_field *provider_field_find(struct str key)
{
	for (unsigned i = 0; i < provider_field_count; i++)
		if (str_ieq(key, str_of(provider_fields[i].key)))
			return &provider_fields[i];
	return NULL;
}

void provider_field_put(json_t *o, const struct provider_field *f, const struct store_provider *row)
{
	f->put(o, f->key, (const char *)row + f->offset);
}

static bool is_clean(const struct provider_field *f, struct str v, struct buf *why)
{
	if (v.n > f->max) {
		buf_printf(why, "it has %zu characters; at most %zu", v.n, f->max);
		return false;
	}
	for (size_t i = 0; i < v.n; i++) {
		bool line_end = v.p[i] == '\n' && f->take == take_headers;

		if (((unsigned char)v.p[i] < ' ' && !line_end) || v.p[i] == 0x7f) {
			buf_lit(why, "there is a control character in it; leave it out");
			return false;
		}
	}
	return true;
}

bool provider_field_take(const struct provider_field *f, struct arena *a, struct str value,
	struct store_provider *row, struct buf *why)
{
	struct taking t = { .field = f,
		.arena = a,
		.value = str_trim(value),
		.to = (char *)row + f->offset,
		.why = why };

	return is_clean(f, t.value, why) && f->take(&t);
}

/* ---- the whole row ---- */

void provider_init(struct store_provider *row)
{
	*row = (struct store_provider){ .register_expiry_s = EXPIRES_S };
}

/* What the URI asks for, against what the transport field says. */
static bool transport_fits(const struct store_provider *row, struct str uri_text, struct buf *why)
{
	struct sip_uri uri;
	struct str param;

	if (!row->transport.n || !uri_text.n || sip_uri_parse(uri_text, &uri) != ERR_OK)
		return true;
	if (uri.scheme == SIP_SCHEME_SIPS && !str_eq(row->transport, STR("tls"))) {
		buf_printf(why, "%.*s goes over TLS, but the transport is %.*s; make it tls",
			STR_ARG(uri_text), STR_ARG(row->transport));
		return false;
	}
	param = sip_uri_param(&uri, STR("transport"));
	if (!param.n || str_ieq(param, row->transport))
		return true;
	buf_printf(why, "%.*s names another transport than %.*s; leave one of them out",
		STR_ARG(uri_text), STR_ARG(row->transport));
	return false;
}

bool provider_check(const struct store_provider *row, struct buf *why)
{
	if (!row->server.n || !row->username.n) {
		buf_lit(why, "a provider needs --server URI and --username NAME");
		return false;
	}
	return transport_fits(row, row->server, why) &&
		transport_fits(row, row->outbound_proxy, why) &&
		transport_fits(row, row->register_server, why);
}
