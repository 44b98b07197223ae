/* SPDX-License-Identifier: BSD-3-Clause */
/* The REGISTER that goes out (facts 6.2). */
#include <stdlib.h>

#include "base/arena.h"
#include "nat/own.h"
#include "provider/registration.h"
#include "sip/print.h"

enum { URI_MAX = PROVIDER_URI_MAX };

struct str provider_registrar(const struct provider *p)
{
	return p->register_server.n ? p->register_server : p->server;
}

/* As people write it, with or without "sip:". */
static struct str with_scheme(struct str uri, char mem[URI_MAX])
{
	struct buf b = { .p = mem, .max = URI_MAX };

	if (!str_istarts(uri, STR("sip:")) && !str_istarts(uri, STR("sips:")))
		buf_lit(&b, "sip:");
	buf_add(&b, uri);
	return buf_ok(&b) ? buf_str(&b) : STR_NONE;
}

static struct str domain_of(const struct provider *p, const struct sip_uri *registrar)
{
	return p->register_realm.n ? p->register_realm : registrar->host;
}

/* ---- header fields ---- */

/* Where calls come back to: by default "provider.customer" here (facts 2.6). */
void provider_print_contact(const struct provider_agent *a, struct buf *b, const struct provider *p,
	const char *token, const struct flow *flow)
{
	char mem[URI_MAX];

	if (p->register_contact.n) {
		buf_add(b, with_scheme(p->register_contact, mem));
	} else {
		buf_lit(b, "sip:");
		buf_add(b, p->name);
		buf_char(b, '.');
		buf_add(b, p->customer);
		buf_char(b, '@');
		nat_print_own(b, flow, &a->cfg.public_address);
	}
	if (flow->proto != TP_UDP && !p->register_contact.n) {
		buf_lit(b, ";transport=");
		buf_add(b, tp_proto_name(flow->proto));
	}
	buf_lit(b, ";tandem=");
	buf_add(b, str_of(token));
}

/* Fields that are ours to write, however the record calls them (facts 6.2). */
static bool is_ours(struct str name)
{
	static const char *const ours[] = { "Via", "From", "To", "Contact", "CSeq", "Call-ID",
		"Max-Forwards", "Expires", "Route", "Authorization", "Proxy-Authorization",
		"User-Agent", "v", "f", "t", "m", "i", "l", "c" };

	for (unsigned i = 0; i < sizeof(ours) / sizeof(*ours); i++)
		if (str_ieq(name, str_of(ours[i])))
			return true;
	return str_istarts(name, STR("Content-"));
}

static void print_custom(struct buf *b, struct str lines)
{
	struct str line;

	while (str_line(&lines, &line)) {
		size_t colon = str_find(line, ':');

		if (colon < line.n && !is_ours(str_trim(str_first(line, colon))))
			sip_print_hdr_named(b, str_trim(str_first(line, colon)),
				str_trim(str_from(line, colon + 1)));
	}
}

static bool own_agent(struct str lines, struct str *value)
{
	struct str line;

	while (str_line(&lines, &line)) {
		size_t colon = str_find(line, ':');

		if (colon == line.n ||
			!str_ieq(str_trim(str_first(line, colon)), STR("User-Agent")))
			continue;
		*value = str_trim(str_from(line, colon + 1));
		return true;
	}
	return false;
}

void provider_print_head(struct buf *b, const struct provider *p, const struct provider_ids *ids,
	uint32_t cseq, enum sip_method method)
{
	char mem[URI_MAX];
	struct sip_uri registrar;
	struct str domain = STR_NONE;

	if (!sip_uri_parse(with_scheme(provider_registrar(p), mem), &registrar))
		domain = domain_of(p, &registrar);
	sip_print_hdr_u32(b, SIP_HDR_MAX_FORWARDS, 70);
	sip_print_hdr_fmt(b, SIP_HDR_FROM, "<sip:%.*s@%.*s>;tag=%s", STR_ARG(p->username),
		STR_ARG(domain), ids->tag);
	sip_print_hdr_fmt(b, SIP_HDR_TO, "<sip:%.*s@%.*s>", STR_ARG(p->username), STR_ARG(domain));
	sip_print_hdr(b, SIP_HDR_CALL_ID, str_of(ids->call_id));
	sip_print_hdr_fmt(b, SIP_HDR_CSEQ, "%u %s", cseq, sip_method_name(method).p);
}

void provider_print_tail(struct buf *b, const struct provider *p, struct str user_agent)
{
	own_agent(p->custom_headers, &user_agent);
	sip_print_hdr(b, SIP_HDR_USER_AGENT, user_agent);
	print_custom(b, p->custom_headers);
	sip_print_body(b, STR_NONE, STR_NONE);
}

void registration_print(
	void *arg, struct uac *u, struct buf *b, uint32_t cseq, const struct flow *flow)
{
	struct registration *r = arg;
	char contact[URI_MAX];
	struct buf cb = BUF_OF(contact);

	(void)u;
	r->cseq = cseq;
	provider_print_head(b, r->provider, &r->ids, cseq, SIP_REGISTER);
	/* what was registered is what is taken back, although our address may be another one now */
	if (r->state != PROVIDER_LEAVING || !r->contact) {
		provider_print_contact(r->agent, &cb, r->provider, r->token, flow);
		free(r->contact);
		r->contact = str_dup(buf_str(&cb));
	}
	sip_print_hdr_fmt(b, SIP_HDR_CONTACT, "<%s>", r->contact);
	sip_print_hdr_u32(b, SIP_HDR_EXPIRES, r->state == PROVIDER_LEAVING ? 0 : r->asked_s);
	provider_print_tail(b, r->provider, r->agent->cfg.user_agent);
}

/* ---- sending ---- */

/*
 * Whom a provider sends us to gets an answer to the challenge of that provider's own realm, and to
 * no other: else a password could be had by sending us elsewhere.
 */
static struct str known_realm(const struct registration *r, struct str domain)
{
	struct digest_challenge c;

	if (r->challenge && !digest_challenge_parse(str_of(r->challenge), &c))
		return c.realm;
	return domain;
}

enum err provider_where(const struct provider *p, struct provider_where *w)
{
	char mem[URI_MAX], hop[URI_MAX];
	struct buf uri = BUF_OF(w->uri), next = BUF_OF(w->next_hop);
	struct sip_uri registrar, parsed;

	if (sip_uri_parse(with_scheme(provider_registrar(p), mem), &registrar))
		return ERR_SYNTAX;
	buf_lit(&uri, "sip:");
	buf_add(&uri, domain_of(p, &registrar));
	if (registrar.port && !p->register_realm.n) {
		buf_char(&uri, ':');
		buf_u64(&uri, registrar.port);
	}
	buf_add(&next, p->outbound_proxy.n ? with_scheme(p->outbound_proxy, hop) : registrar.text);
	if (p->transport.n && !sip_uri_parse(buf_str(&next), &parsed) && !parsed.headers.n &&
		!sip_uri_param(&parsed, STR("transport")).n) {
		buf_lit(&next, ";transport=");
		buf_add(&next, p->transport);
	}
	w->uri_n = uri.n;
	w->next_hop_n = next.n;
	w->domain = domain_of(p, &registrar);
	if (w->domain.p == registrar.host.p)
		w->domain = str_make(w->uri + 4, registrar.host.n);
	return !buf_ok(&uri) || !buf_ok(&next) || sip_uri_parse(buf_str(&next), &parsed)
		? ERR_SYNTAX
		: ERR_OK;
}

void provider_credentials(const struct provider *p, struct digest_credentials *out)
{
	*out = (struct digest_credentials){
		.username = p->auth_username.n ? p->auth_username : p->username,
		.password = p->password,
	};
}

enum err registration_send(struct registration *r, const struct uac_handlers *h)
{
	const struct provider *p = r->provider;
	struct provider_where where;
	struct digest_credentials cred;
	struct uac_request req = { .method = SIP_REGISTER,
		.cseq = r->cseq + 1,
		.credentials = p->password.n ? &cred : NULL,
		.challenge = r->challenge ? str_of(r->challenge) : STR_NONE,
		.challenge_status = r->challenge_status,
		.nc = r->nc };

	if (provider_where(p, &where))
		return ERR_SYNTAX;
	provider_credentials(p, &cred);
	req.uri = str_make(where.uri, where.uri_n);
	req.next_hop =
		r->redirect ? str_of(r->redirect) : str_make(where.next_hop, where.next_hop_n);
	if (r->redirect)
		req.realm = known_realm(r, where.domain);
	provider_new_tag(&r->agent->env, &r->ids);
	r->agent->requests++;
	r->uac = uac_new(&r->agent->env.uac, &req, h, r);
	return ERR_OK;
}

/* ---- names of requests ---- */

static void random_token(const struct provider_env *env, char *out, size_t chars)
{
	struct buf b = { .p = out, .max = chars };

	rng_token(&env->uac.worker->rng, &b, chars);
	out[b.n] = '\0';
}

void provider_new_tag(const struct provider_env *env, struct provider_ids *ids)
{
	random_token(env, ids->tag, sizeof(ids->tag) - 1);
}

void provider_new_call_id(const struct provider_env *env, struct provider_ids *ids)
{
	random_token(env, ids->call_id, sizeof(ids->call_id) - 1);
}
