/* SPDX-License-Identifier: BSD-3-Clause */
#include "directory/dialled.h"

static bool has_scheme(struct str s)
{
	return str_istarts(s, STR("sip:")) || str_istarts(s, STR("sips:"));
}

struct str dialled_uri(
	const struct provider *p, struct str user, struct str written, struct arena *a)
{
	struct sip_uri server, own;
	struct str text = has_scheme(p->server)
		? p->server
		: str_of(arena_printf(a, "sip:%.*s", STR_ARG(p->server)));
	char mem[1024];
	struct buf b = BUF_OF(mem);
	struct str rest, name, value;

	if (sip_uri_parse(text, &server) != ERR_OK)
		return STR_NONE;
	buf_printf(&b, "%.*s:", STR_ARG(server.scheme_s));
	if (!str_empty(user))
		buf_printf(&b, "%.*s@", STR_ARG(user));
	buf_add(&b, server.host);
	if (server.port)
		buf_printf(&b, ":%u", server.port);
	if (!str_empty(server.params))
		buf_printf(&b, ";%.*s", STR_ARG(server.params));
	rest = sip_uri_parse(written, &own) == ERR_OK ? own.params : STR_NONE;
	while (sip_param_next(&rest, ';', &name, &value))
		if (!sip_param(server.params, name).p)
			buf_printf(&b, ";%.*s%s%.*s", STR_ARG(name), str_empty(value) ? "" : "=",
				STR_ARG(value));
	return buf_ok(&b) ? arena_str(a, buf_str(&b)) : STR_NONE;
}

struct str dialled_route(const struct provider *p, struct arena *a)
{
	if (str_empty(p->outbound_proxy))
		return STR_NONE;
	return str_of(arena_printf(a, "%s%.*s",
		has_scheme(p->outbound_proxy) ? "" : "sip:", STR_ARG(p->outbound_proxy)));
}

struct str dialled_hop(
	const struct provider *p, struct str uri_text, struct str route, struct arena *a)
{
	struct str hop = str_empty(route) ? uri_text : route;
	struct sip_uri uri;

	if (str_empty(p->transport) || sip_uri_parse(hop, &uri) != ERR_OK || uri.headers.n ||
		sip_uri_param(&uri, STR("transport")).p)
		return hop;
	return str_of(arena_printf(a, "%.*s;transport=%.*s", STR_ARG(hop), STR_ARG(p->transport)));
}

bool dialled_is_local(struct directory *dir, struct str host, char *domain, size_t max)
{
	bool usual = str_ends(host, STR(":5060")) || str_ends(host, STR(":5061"));

	if (directory_domain(dir, host, false, domain, max))
		return true;
	return usual && directory_domain(dir, str_first(host, host.n - 5), false, domain, max);
}

const char *dialled_fault(const struct provider *p)
{
	if (p->disabled)
		return "cannot be called: the provider is disabled";
	if (provider_refuses_us(p))
		return "cannot be called: the provider refuses our user name or password";
	return NULL;
}
