/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which provider a request comes from. Its token says so for sure, as only the provider was told
 * it; an address that its owner named says so for users of that owner; a dotted user name
 * ("provider.owner", facts 2.6) says so as anybody may, unless addresses are named.
 */
#include "call/model.h"

#include "sip/field.h"

/* Many customers may have the same provider: for so many of them an account of a name is looked for
 * in all domains. Those that have that name there are found however many there are. */
enum { ASKED_MAX = 64 };

/* ---- by token ---- */

static struct provider *by_uri(struct call_layer *l, const struct sip_uri *uri)
{
	struct str token = sip_uri_param(uri, STR("tandem"));

	return token.n ? directory_provider_by_token(l->env.directory, token) : NULL;
}

/* In the Request-URI, or where a proxy left it. */
struct provider *origin_by_token(struct call_layer *l, struct sip_msg *req)
{
	struct provider *p = by_uri(l, &req->uri);
	struct sip_hdr_iter it = { 0 };
	struct sip_addr route;
	struct str value;

	if (!p)
		p = by_uri(l, &req->to.uri);
	while (!p && sip_msg_next(req, SIP_HDR_ROUTE, &it, &value))
		if (sip_addr_parse(value, &route) == ERR_OK)
			p = by_uri(l, &route.uri);
	return p;
}

/* Where ";tandem=…" begins. */
static size_t find_token(struct str uri)
{
	for (size_t i = 0; i < uri.n; i++)
		if (str_istarts(str_from(uri, i), STR(";tandem=")))
			return i;
	return uri.n;
}

/* A token is between the provider and us: records and events are without. */
void origin_print(struct buf *b, struct str uri)
{
	size_t at = find_token(uri), end = at + (at < uri.n);

	while (end < uri.n && uri.p[end] != ';' && uri.p[end] != '?' && uri.p[end] != '>')
		end++;
	buf_add(b, str_first(uri, at));
	buf_add(b, str_from(uri, end));
}

/* ---- by name ---- */

/* Whom the Request-URI names here; NULL: nobody. */
static struct account *named(struct call_layer *l, const struct sip_uri *uri)
{
	char domain[256];

	if (!directory_domain_of(l->env.directory, uri, true, domain, sizeof(domain)))
		return NULL;
	return directory_account_dotted(l->env.directory, uri->user, str_of(domain));
}

/* "acme.joe": joe's provider acme, if that is not the name of an account. */
struct provider *origin_by_name(struct call_layer *l, const struct sip_uri *uri)
{
	size_t dot = str_rfind(uri->user, '.');
	struct account *acc;
	struct provider *p = NULL;

	if (dot == uri->user.n)
		return NULL;
	acc = named(l, uri);
	if (!acc)
		p = directory_provider(
			l->env.directory, str_from(uri->user, dot + 1), str_first(uri->user, dot));
	else if (!str_ieq(acc->username, uri->user))
		p = directory_provider(l->env.directory, acc->customer, str_first(uri->user, dot));
	account_unref(acc);
	return p;
}

/* ---- by address ---- */

static bool contact_of(const struct provider *p, struct sip_uri *uri, char mem[512])
{
	struct buf b = { .p = mem, .max = 512 };

	if (!str_istarts(p->register_contact, STR("sip:")) &&
		!str_istarts(p->register_contact, STR("sips:")))
		buf_lit(&b, "sip:");
	buf_add(&b, p->register_contact);
	return p->register_contact.n && buf_ok(&b) && sip_uri_parse(buf_str(&b), uri) == ERR_OK;
}

struct search {
	struct call_layer *l;
	const struct sip_uri *uri;
	struct account *named; /* whom the Request-URI names here; somebody else's stays theirs */
	unsigned asked; /* providers whose owner's accounts were looked for */
	struct provider *best; /* a reference */
	unsigned fit;
};

static bool has_account(struct search *s, const struct provider *p)
{
	struct account *acc;

	if (s->named || s->asked++ >= ASKED_MAX)
		return s->named;
	acc = directory_account_of(s->l->env.directory, p->customer, s->uri->user);
	account_unref(acc);
	return acc;
}

/* How well the called user fits: as our number or name there, or as one of the owner's accounts. */
static unsigned fit_of(struct search *s, const struct provider *p)
{
	char mem[512];
	struct sip_uri contact;

	if (s->named && !str_ieq(s->named->customer, p->customer))
		return 0;
	if (str_ieq(s->uri->user, p->username) ||
		(contact_of(p, &contact, mem) && str_ieq(s->uri->user, contact.user)))
		return 2;
	return has_account(s, p);
}

static void consider(struct provider *p, void *arg)
{
	struct search *s = arg;
	unsigned fit = fit_of(s, p);

	if (fit < s->fit || !fit || (fit == s->fit && s->best->id <= p->id))
		return;
	provider_unref(s->best);
	s->best = provider_ref(p);
	s->fit = fit;
}

struct provider *origin_by_address(
	struct call_layer *l, const struct sip_uri *uri, const struct addr *from)
{
	struct search s = { .l = l, .uri = uri, .named = named(l, uri) };

	directory_each_at(l->env.directory, from, consider, &s);
	account_unref(s.named);
	return s.best;
}

/* ---- for whom ---- */

static struct account *own(
	struct call_layer *l, const struct provider *p, const struct sip_uri *uri)
{
	struct account *acc = named(l, uri);

	if (acc && str_ieq(acc->customer, p->customer))
		return acc;
	account_unref(acc);
	return directory_account_of(l->env.directory, p->customer, uri->user);
}

/* The owner's account that the call is for: as called, as registered, as the owner is called. */
struct account *origin_account(
	struct call_layer *l, const struct provider *p, const struct sip_uri *called)
{
	struct account *acc = own(l, p, called);
	struct sip_uri contact;
	char mem[512];

	if (!acc && contact_of(p, &contact, mem))
		acc = own(l, p, &contact);
	if (!acc)
		acc = directory_account_of(l->env.directory, p->customer, p->customer);
	return acc;
}
