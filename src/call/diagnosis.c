/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recognised by what it does to calls, and named in words (event call.trouble): a router that
 * rewrites SIP, a Contact that nobody can send to, an ACK that is lost, a call that ends after half
 * a minute. Nothing here changes what happens to a call.
 */
#include "call/model.h"

#include "nat/body.h"
#include "nat/signs.h"

enum {
	REPEATS_MIN =
		4, /* a 2xx that came so often again was not acknowledged as far as it knows */
	SILENCE_MIN_S = 28, /* how long devices listen to nothing, and repeat a 2xx */
	SILENCE_MAX_S = 36,
};

static const char *who(const struct leg *l)
{
	return l->b_side ? "callee" : "caller";
}

static void parse_host(struct str host, uint16_t port, struct addr *out)
{
	if (!host.n || addr_parse_ip(host, port, out) != ERR_OK)
		*out = (struct addr){ 0 };
}

static bool contact_of(const struct sip_msg *m, struct sip_addr *out)
{
	struct str v = sip_msg_hdr(m, SIP_HDR_CONTACT);

	return v.p && sip_addr_parse(v, out) == ERR_OK && !out->star && out->uri.host.n;
}

/* ---- a router that rewrites ---- */

static void claims_of_sdp(struct nat_claims *claims, const struct sip_msg *m)
{
	struct str text = nat_body_sdp(sip_msg_hdr(m, SIP_HDR_CONTENT_TYPE), m->body);
	struct sdp sdp;

	if (!text.n || sdp_parse(text, &sdp) != ERR_OK)
		return;
	claims->sdp = true;
	parse_host(sdp.media_count ? sdp.media[0].connection : sdp.session_connection, 0,
		&claims->media);
	parse_host(sdp.origin, 0, &claims->origin);
}

static size_t surplus_of(const struct sip_msg *m)
{
	if (!m->body.n)
		return 0;
	return str_trim(str_from(m->raw, (size_t)(m->body.p + m->body.n - m->raw.p))).n;
}

/* ---- a Contact ---- */

static void check_contact(struct leg *l, const struct sip_msg *m, const struct flow *flow)
{
	struct sip_addr contact;
	struct addr own;
	const char *fault;
	char remote[2 * ADDR_TEXT_MAX];
	struct buf b = BUF_OF(remote);

	if (!contact_of(m, &contact))
		return;
	parse_host(contact.uri.host, 0, &own);
	fault = nat_contact_fault(contact.uri.host, &own, &flow->remote);
	if (!fault)
		return;
	flow_print_remote(&b, flow);
	call_event(l->call, EV_CALL_MEDIA,
		"the Contact of the %s, %.*s, %s: nobody can send there; requests go to %.*s, "
		"where its own come from",
		who(l), STR_ARG(str_first(contact.uri.host, 100)), fault, STR_ARG(buf_str(&b)));
}

/* m: the INVITE, or the answer to it, straight from the phone. */
void diagnosis_of_peer(struct leg *l, const struct sip_msg *m, const struct flow *flow)
{
	struct nat_claims claims = { .observed = flow->remote };
	struct sip_addr contact;
	char text[300];
	struct buf why = BUF_OF(text);

	if (addr_set(&l->media.seen) || l->media.provider || l->d.routes.n)
		return;
	check_contact(l, m, flow);
	if (addr_is_private(&flow->remote))
		return; /* of our own network */
	if (m->is_request)
		parse_host(m->via.host, 0, &claims.via);
	if (contact_of(m, &contact))
		parse_host(contact.uri.host, 0, &claims.contact);
	claims_of_sdp(&claims, m);
	if (flow->proto == TP_UDP)
		claims.surplus = surplus_of(m);
	if (nat_alg_signs(&claims, &why))
		call_event(l->call, EV_CALL_TROUBLE,
			"a router of the %s rewrites SIP (ALG): %.*s; switch that off, or use TLS",
			who(l), STR_ARG(buf_str(&why)));
}

/* ---- an ACK ---- */

static bool told_private_contact(const struct leg *l)
{
	struct sip_addr contact;
	struct addr ours;

	if (sip_addr_parse(l->d.local_contact, &contact) != ERR_OK)
		return false;
	parse_host(contact.uri.host, 0, &ours);
	return addr_set(&ours) && addr_is_private(&ours) && !addr_is_private(&l->d.flow.remote);
}

/* Nobody acknowledged our 2xx towards `l`. */
void diagnosis_no_ack(struct leg *l)
{
	char remote[2 * ADDR_TEXT_MAX];
	struct buf b = BUF_OF(remote);

	flow_print_remote(&b, &l->d.flow);
	if (l->d.routes.n)
		call_event(l->call, EV_CALL_TROUBLE,
			"the %s did not acknowledge the answer: its ACK goes by way of %.*s, and "
			"was lost there, or our answer was",
			who(l), STR_ARG(str_first(l->d.routes, 150)));
	else if (told_private_contact(l))
		call_event(l->call, EV_CALL_TROUBLE,
			"the %s did not acknowledge the answer: it sends its ACK to our Contact "
			"%.*s, which is private, and it is outside",
			who(l), STR_ARG(str_first(l->d.local_contact, 150)));
	else
		call_event(l->call, EV_CALL_TROUBLE,
			"the %s did not acknowledge the answer: our answers do not reach it at "
			"%.*s, or a router on the way swallows its ACK",
			who(l), STR_ARG(buf_str(&b)));
}

/* ---- after half a minute ---- */

static void unheard_ack(struct leg *l)
{
	char remote[2 * ADDR_TEXT_MAX];
	struct buf b = BUF_OF(remote);

	flow_print_remote(&b, &l->d.flow);
	call_event(l->call, EV_CALL_TROUBLE,
		"our ACK did not reach the %s: it repeated its answer %u times; the ACK went to "
		"%.*s for %.*s",
		who(l), l->answers_again, STR_ARG(buf_str(&b)),
		STR_ARG(str_first(l->d.remote_target, 120)));
}

/* by: "caller" or "callee" hung up, after so many seconds. */
void diagnosis_of_end(struct call *c, const char *by, int64_t seconds)
{
	bool hung_up = str_eq(str_of(by), STR("caller")) || str_eq(str_of(by), STR("callee"));
	struct nat_end a, b;
	enum nat_path path;
	char text[300];
	struct buf why = BUF_OF(text);

	if (!c->a || !c->b || !hung_up || seconds < SILENCE_MIN_S || seconds > SILENCE_MAX_S)
		return;
	if (c->b->answers_again >= REPEATS_MIN) {
		unheard_ack(c->b);
		return;
	}
	a = media_end_of(c->a);
	b = media_end_of(c->b);
	path = nat_path_between(&a, &b, &why);
	if (path < NAT_PATH_DIRECT)
		call_event(c, EV_CALL_TROUBLE,
			"the %s hung up after %lld s, as devices do that hear nothing; path for "
			"media: %s, %.*s",
			by, (long long)seconds, nat_path_name(path), STR_ARG(buf_str(&why)));
}

/*
 * A request within the dialog could not be delivered, and the call ends of it. gone: its connection
 * was, and the Contact was tried.
 */
void diagnosis_unreachable(struct leg *l, enum err why, bool gone)
{
	struct sip_uri target;
	struct addr own = { 0 };
	const char *fault = NULL;
	char remote[2 * ADDR_TEXT_MAX];
	struct buf b = BUF_OF(remote);

	flow_print_remote(&b, &l->d.flow);
	if (sip_uri_parse(l->d.remote_target, &target) == ERR_OK) {
		parse_host(target.host, 0, &own);
		fault = nat_contact_fault(target.host, &own, &l->d.flow.remote);
	}
	if (gone && fault)
		call_event(l->call, EV_CALL_TROUBLE,
			"the %s cannot be reached any more: its connection from %.*s is gone, and "
			"its Contact %.*s %s",
			who(l), STR_ARG(buf_str(&b)), STR_ARG(str_first(l->d.remote_target, 120)),
			fault);
	else
		call_event(l->call, EV_CALL_TROUBLE,
			"the %s cannot be reached any more at %.*s: %s", who(l),
			STR_ARG(buf_str(&b)),
			why == ERR_TIMEOUT ? "no answer came; its router may have forgotten it"
					   : err_text(why));
}
