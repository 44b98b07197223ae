/* SPDX-License-Identifier: BSD-3-Clause */
#include "provider/probe.h"

#include <stdio.h>
#include <stdlib.h>

#include "provider/registration.h"
#include "sip/print.h"

enum { PROBES_MAX = 16, TEXT_MAX = 1500, EXPIRES_S = 3600 };

struct probe {
	struct list link;
	struct provider_agent *agent;
	struct provider *provider;
	provider_finding_fn *found;
	void *arg;
	struct provider_where where;
	struct provider_ids ids;
	uint64_t lookup; /* 0: none */
	struct uac *uac;
	enum sip_method method; /* of the request that is out */
	struct deferred start;
};

static PRINTF(4, 5) void tell(
	const struct probe *p, const char *step, bool fine, const char *fmt, ...)
{
	char text[TEXT_MAX];
	struct provider_finding f = { .step = step, .fine = fine };
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	f.text = str_of(text);
	p->found(&f, p->arg);
}

static void end(struct probe *p)
{
	if (p->lookup)
		resolver_cancel(p->agent->env.uac.resolver, p->lookup);
	if (p->uac)
		uac_abandon(p->uac);
	list_del(&p->link);
	list_del(&p->start.link);
	p->agent->probe_count--;
	p->found(NULL, p->arg);
	provider_unref(p->provider);
	free(p);
}

void provider_probes_end(struct provider_agent *a)
{
	list_each_safe (it, &a->probes)
		end(container_of(it, struct probe, link));
}

/* ---- the registration that the agent keeps ---- */

static void tell_registration(struct probe *p)
{
	struct registration *r =
		provider_agent_find(p->agent, p->provider->customer, p->provider->name);
	struct str state;

	if (!r) {
		tell(p, "registration", !p->provider->register_enabled,
			p->provider->register_enabled
				? "another node keeps it registered: see `tandem providers`"
				: "it is not to be registered");
		return;
	}
	state = provider_state_name(r->state);
	tell(p, "registration", r->state == PROVIDER_REGISTERED, "%.*s%s%s", STR_ARG(state),
		r->reason ? ": " : "", r->reason ? r->reason : "");
	registration_retry(r);
}

/* ---- requests ---- */

static void send_one(struct probe *p, enum sip_method method);

/* Else it is only asked who is registered: what another node keeps is not to have two contacts. */
static bool registers(const struct probe *p)
{
	return p->provider->register_enabled && !p->provider->disabled &&
		provider_agent_find(p->agent, p->provider->customer, p->provider->name);
}

/* The same binding as the agent's: where there is one, this is one more refresh of it. */
static void print_binding(const struct probe *p, struct buf *b, const struct flow *flow)
{
	char token[DIRECTORY_TOKEN_CHARS + 1], mem[PROVIDER_URI_MAX];
	struct buf contact = BUF_OF(mem);

	directory_provider_token(
		p->agent->env.key, p->provider->customer, p->provider->name, token);
	provider_print_contact(p->agent, &contact, p->provider, token, flow);
	sip_print_hdr_fmt(b, SIP_HDR_CONTACT, "<%.*s>", STR_ARG(buf_str(&contact)));
	sip_print_hdr_u32(b, SIP_HDR_EXPIRES,
		p->provider->register_expiry_s ? p->provider->register_expiry_s : EXPIRES_S);
}

static void print(void *arg, struct uac *u, struct buf *b, uint32_t cseq, const struct flow *flow)
{
	struct probe *p = arg;

	(void)u;
	provider_print_head(b, p->provider, &p->ids, cseq, p->method);
	if (p->method == SIP_REGISTER && registers(p))
		print_binding(p, b, flow);
	provider_print_tail(b, p->provider, p->agent->cfg.user_agent);
}

static unsigned count_contacts(const struct probe *p, const struct sip_msg *rsp, bool *ours)
{
	struct sip_hdr_iter it = { 0 };
	char token[DIRECTORY_TOKEN_CHARS + 1];
	struct sip_addr contact;
	struct str value;
	unsigned n = 0;

	directory_provider_token(
		p->agent->env.key, p->provider->customer, p->provider->name, token);
	*ours = false;
	while (sip_msg_next(rsp, SIP_HDR_CONTACT, &it, &value)) {
		n++;
		*ours = *ours ||
			(!sip_addr_parse(value, &contact) &&
				str_eq(sip_param(contact.uri.params, STR("tandem")),
					str_of(token)));
	}
	return n;
}

static void tell_register(struct probe *p, const struct sip_msg *rsp, struct str from)
{
	bool ours;
	unsigned n = count_contacts(p, rsp, &ours), status;
	uint32_t nc;
	bool asked = uac_challenge(p->uac, &status, &nc).n > 0;

	if (rsp->status < 300)
		tell(p, "register", true, "%.*s says %u %.*s: %s; contacts registered there: %u%s",
			STR_ARG(from), rsp->status, STR_ARG(rsp->reason),
			asked ? "user name and password are accepted"
			      : "it did not ask for a password",
			n,
			ours        ? ", ours among them"
				: n ? ", ours not among them"
				    : "");
	else if (rsp->status == 401 || rsp->status == 407)
		tell(p, "register", false, "%.*s says %u %.*s: %s", STR_ARG(from), rsp->status,
			STR_ARG(rsp->reason),
			asked ? "user name or password are not accepted"
				: p->provider->password.n
				? "it asks in a way that cannot be answered"
				: p->provider->password_fault.n
				? "it asks for a password, and ours cannot be opened: see "
				  "`provider show`"
				: "it asks for a password, and none is configured");
	else
		tell(p, "register", false, "%.*s says %u %.*s", STR_ARG(from), rsp->status,
			STR_ARG(rsp->reason));
}

static void over(struct probe *p)
{
	uac_free(p->uac);
	p->uac = NULL;
	if (p->method == SIP_REGISTER) {
		send_one(p, SIP_OPTIONS);
		return;
	}
	tell_registration(p);
	end(p);
}

static void on_response(void *arg, struct uac *u, struct sip_msg *rsp, const struct flow *flow)
{
	struct probe *p = arg;
	char text[96];
	struct buf from = BUF_OF(text);

	(void)u;
	if (rsp->status < 200)
		return;
	flow_print_remote(&from, flow);
	if (p->method == SIP_REGISTER)
		tell_register(p, rsp, buf_str(&from));
	else /* whatever it says, somebody is there */
		tell(p, "options", rsp->status != 408 && rsp->status != 503, "%.*s says %u %.*s",
			STR_ARG(buf_str(&from)), rsp->status, STR_ARG(rsp->reason));
	over(p);
}

static void on_failed(void *arg, struct uac *u, enum err why)
{
	struct probe *p = arg;

	(void)u;
	tell(p, p->method == SIP_REGISTER ? "register" : "options", false, "no answer: %s",
		err_text(why));
	over(p);
}

static void send_one(struct probe *p, enum sip_method method)
{
	static const struct uac_handlers handlers = {
		.on_response = on_response, .on_failed = on_failed, .print = print
	};
	struct digest_credentials cred;
	const struct uac_request req = { .method = method,
		.uri = str_make(p->where.uri, p->where.uri_n),
		.next_hop = str_make(p->where.next_hop, p->where.next_hop_n),
		.cseq = 1,
		.credentials = p->provider->password.n ? &cred : NULL };

	provider_credentials(p->provider, &cred);
	p->method = method;
	provider_new_tag(&p->agent->env, &p->ids);
	provider_new_call_id(&p->agent->env, &p->ids);
	p->uac = uac_new(&p->agent->env.uac, &req, &handlers, p);
}

/* ---- where ---- */

static void on_resolved(void *arg, uint64_t id, const struct targets *t)
{
	struct probe *p = arg;
	char text[TEXT_MAX];
	struct buf b = BUF_OF(text);

	(void)id;
	p->lookup = 0;
	for (unsigned i = 0; i < t->count; i++) {
		buf_printf(&b, "%s%.*s:", i ? ", " : "", STR_ARG(tp_proto_name(t->list[i].proto)));
		addr_print(&b, &t->list[i].addr);
	}
	tell(p, "resolve", t->count > 0, "%.*s: %.*s", (int)p->where.next_hop_n, p->where.next_hop,
		STR_ARG(t->count ? buf_str(&b) : str_of(err_text(t->err))));
	if (t->count) {
		send_one(p, SIP_REGISTER);
		return;
	}
	tell_registration(p);
	end(p);
}

static void begin(struct deferred *d)
{
	struct probe *p = container_of(d, struct probe, start);
	struct str server = provider_registrar(p->provider);
	struct sip_uri uri;

	if (!provider_where(p->provider, &p->where) &&
		!sip_uri_parse(str_make(p->where.next_hop, p->where.next_hop_n), &uri)) {
		p->lookup = resolver_lookup(p->agent->env.uac.resolver, &uri, on_resolved, p);
		return;
	}
	tell(p, "resolve", false, "%.*s, or the outbound proxy, is no SIP URI", STR_ARG(server));
	end(p);
}

enum err provider_probe(struct provider_agent *a, struct str customer, struct str name,
	provider_finding_fn *found, void *arg)
{
	struct provider *provider;
	struct probe *p;

	if (a->probe_count == PROBES_MAX)
		return ERR_LIMIT;
	provider = directory_provider(a->env.directory, customer, name);
	if (!provider)
		return ERR_NOT_FOUND;
	p = mem_new(struct probe);
	p->agent = a;
	p->provider = provider;
	p->found = found;
	p->arg = arg;
	list_init(&p->start.link);
	list_append(&a->probes, &p->link);
	a->probe_count++;
	worker_defer(a->env.uac.worker, &p->start, begin);
	return ERR_OK;
}
