/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/router.h"
#include "event/event.h"

enum { LIST_MAX = 512, VIAS_OF_OURS_MAX = 1 };

/* What we do. REFER and Replaces are answered, with a refusal, and so not promised. */
#define ALLOW "INVITE, ACK, BYE, CANCEL, REGISTER, OPTIONS, PRACK, UPDATE, INFO, MESSAGE, NOTIFY"
#define SUPPORTED "100rel, timer, path"

typedef void route_fn(struct roles *r, struct sip_msg *req, const struct flow *flow);

static void answer(struct roles *r, const struct sip_msg *req, const struct flow *flow,
	const struct sip_reply *reply)
{
	if (reply->status >= 300)
		event_note(r->env.worker->events, EV_REQUEST_REFUSED, STR_NONE, STR_NONE,
			"%.*s %.*s: %u %.*s", STR_ARG(req->method_name), STR_ARG(req->request_uri),
			reply->status, STR_ARG(reply->reason));
	tx_reply_stateless(r->tx, req, flow, reply);
}

static void refuse(struct roles *r, const struct sip_msg *req, const struct flow *flow,
	unsigned status, struct str reason)
{
	const struct sip_extra allow = { .id = SIP_HDR_ALLOW, .value = STR(ALLOW) };
	const struct sip_reply no = { .status = status,
		.reason = reason,
		.extra = &allow,
		.extra_count = status == 405 || status == 501 };

	answer(r, req, flow, &no);
}

/* ---- what holds for every request (RFC 3261 8.2) ---- */

static bool branch_is_ours(const struct roles *r, const struct sip_via *via)
{
	unsigned owner;

	return str_starts(via->branch, SIP_BRANCH_COOKIE) &&
		worker_of_token(
			str_from(via->branch, SIP_BRANCH_COOKIE.n), r->env.worker->count, &owner);
}

/* Requests that passed through us before carry our branches in their Via fields. */
static bool loops(const struct roles *r, const struct sip_msg *req)
{
	struct sip_hdr_iter it = { 0 };
	struct sip_via via;
	struct str value;
	unsigned ours = branch_is_ours(r, &req->via);

	if (!sip_msg_next(req, SIP_HDR_VIA, &it, &value)) /* the top one is parsed already */
		return false;
	while (sip_msg_next(req, SIP_HDR_VIA, &it, &value))
		if (!sip_via_parse(value, &via) && branch_is_ours(r, &via))
			ours++;
	return ours > VIAS_OF_OURS_MAX;
}

/* Option tags in Require that we do not know (8.2.2.3). */
static bool unknown_requirements(const struct sip_msg *req, struct buf *list)
{
	struct sip_hdr_iter it = { 0 };
	struct str tag;

	if (req->to.tag.p) /* within a dialog they are the far end's business */
		return false;
	while (sip_msg_next(req, SIP_HDR_REQUIRE, &it, &tag)) {
		if (!tag.n || sip_list_has(STR(SUPPORTED), tag))
			continue;
		if (list->n)
			buf_lit(list, ", ");
		buf_add(list, tag);
	}
	return list->n > 0;
}

/* Only what would go further: REGISTER and OPTIONS end here (16.3). */
static bool spent(const struct sip_msg *req)
{
	return req->has_max_forwards && req->max_forwards == 0 && req->method != SIP_OPTIONS &&
		req->method != SIP_REGISTER;
}

static bool acceptable(struct roles *r, struct sip_msg *req, const struct flow *flow)
{
	char text[LIST_MAX];
	struct buf list = BUF_OF(text);

	if (req->uri.scheme != SIP_SCHEME_SIP && req->uri.scheme != SIP_SCHEME_SIPS) {
		refuse(r, req, flow, 416, STR("Unsupported URI Scheme"));
	} else if (spent(req)) {
		refuse(r, req, flow, 483, STR("Too Many Hops"));
	} else if (loops(r, req)) {
		refuse(r, req, flow, 482, STR("Loop Detected"));
	} else if (unknown_requirements(req, &list)) {
		const struct sip_extra no = { .id = SIP_HDR_UNSUPPORTED, .value = buf_str(&list) };
		const struct sip_reply bad = { .status = 420, .extra = &no, .extra_count = 1 };

		answer(r, req, flow, &bad);
	} else {
		return true;
	}
	return false;
}

/* ---- roles ---- */

static void to_registrar(struct roles *r, struct sip_msg *req, const struct flow *flow)
{
	registrar_on_request(r->registrar, req, flow);
}

static void to_calls(struct roles *r, struct sip_msg *req, const struct flow *flow)
{
	call_on_request(r->calls, req, flow);
}

/* "Are you there, and what can you do?" (RFC 3261 11.2) */
static void to_options(struct roles *r, struct sip_msg *req, const struct flow *flow)
{
	const struct sip_extra about[] = {
		{ .id = SIP_HDR_ALLOW, .value = STR(ALLOW) },
		{ .id = SIP_HDR_ACCEPT, .value = STR("application/sdp") },
		{ .id = SIP_HDR_SUPPORTED, .value = STR(SUPPORTED) },
		{ .id = SIP_HDR_SERVER, .value = r->server },
	};
	const struct sip_reply ok = {
		.status = 200, .extra = about, .extra_count = r->server.n ? 4 : 3
	};

	if (call_check_source(r->calls, req, flow))
		answer(r, req, flow, &ok);
}

static void no_dialog(struct roles *r, struct sip_msg *req, const struct flow *flow)
{
	refuse(r, req, flow, 481, STR("Call/Transaction Does Not Exist"));
}

static void bad_event(struct roles *r, struct sip_msg *req, const struct flow *flow)
{
	refuse(r, req, flow, 489, STR("Bad Event"));
}

/* Of messages that wait at a provider: we subscribe to nothing else. */
static void to_providers(struct roles *r, struct sip_msg *req, const struct flow *flow)
{
	if (!provider_agent_on_notify(r->providers, req, flow))
		bad_event(r, req, flow);
}

static void not_allowed(struct roles *r, struct sip_msg *req, const struct flow *flow)
{
	refuse(r, req, flow, 405, STR("Method Not Allowed"));
}

static void not_known(struct roles *r, struct sip_msg *req, const struct flow *flow)
{
	refuse(r, req, flow, 501, STR("Not Implemented"));
}

/* Requests outside of a dialog. CANCEL and ACK are the transaction layer's. */
static route_fn *const outside[SIP_METHOD_COUNT] = {
	[SIP_UNKNOWN] = not_known,
	[SIP_REGISTER] = to_registrar,
	[SIP_INVITE] = to_calls,
	[SIP_MESSAGE] = to_calls,
	[SIP_OPTIONS] = to_options,
	[SIP_BYE] = no_dialog,
	[SIP_PRACK] = no_dialog,
	[SIP_UPDATE] = no_dialog,
	[SIP_REFER] = no_dialog,
	[SIP_INFO] = no_dialog,
	[SIP_SUBSCRIBE] = bad_event,
	[SIP_NOTIFY] = to_providers,
	[SIP_PUBLISH] = not_allowed,
};

void router_on_request(struct roles *r, struct sip_msg *req, const struct flow *flow)
{
	route_fn *to = outside[req->method];

	if (!acceptable(r, req, flow))
		return;
	if (req->to.tag.n && req->method != SIP_REGISTER) {
		bool mwi = req->method == SIP_NOTIFY;

		if (!(mwi && provider_agent_on_notify(r->providers, req, flow)) &&
			!call_on_dialog_request(r->calls, req, flow))
			no_dialog(r, req, flow);
		return;
	}
	(to ? to : not_allowed)(r, req, flow);
}
