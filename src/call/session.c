/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Session timers (RFC 4028), on each leg by itself, so that no call lives for ever. Where a peer
 * knows them, one side refreshes: we with UPDATE, or with a re-INVITE that repeats the last session
 * description; who fails to is hung up on. A peer that does not know them is asked by OPTIONS
 * whether the dialog still lives.
 */
#include "call/model.h"

#include <stdio.h>
#include <stdlib.h>

#include "sip/field.h"
#include "sip/print.h"

enum { RETRY_S = 10 };

/* False: answered 422, the interval asked for is too small. */
bool session_accepts(struct call_layer *l, struct sip_msg *req, const struct flow *flow)
{
	struct str v = sip_msg_hdr(req, SIP_HDR_SESSION_EXPIRES);
	struct sip_session_expires se;
	char text[16];
	struct sip_extra extra = { .id = SIP_HDR_MIN_SE };
	struct sip_reply reply = { .status = 422, .extra = &extra, .extra_count = 1 };

	if (!v.p || !sip_msg_list_has(req, SIP_HDR_SUPPORTED, STR("timer")))
		return true;
	if (sip_session_expires_parse(v, &se) != ERR_OK || se.seconds >= l->cfg.session_min_s)
		return true;
	snprintf(text, sizeof(text), "%u", l->cfg.session_min_s);
	extra.value = str_of(text);
	tx_reply_stateless(l->env.uac.tx, req, flow, &reply);
	return false;
}

static void learn_allow(struct leg *l, const struct sip_msg *m)
{
	if (sip_msg_hdr(m, SIP_HDR_ALLOW).p)
		l->allows_update = sip_msg_list_has(m, SIP_HDR_ALLOW, STR("UPDATE"));
}

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* extra needs room for two. Returns how many were used; `text` holds what they borrow. */
unsigned session_answer(
	struct leg *l, const struct sip_msg *req, struct sip_extra *out, char *text, size_t max)
{
	const struct call_config *cfg = &l->call->layer->cfg;
	struct str v = sip_msg_hdr(req, SIP_HDR_SESSION_EXPIRES);
	struct sip_session_expires se = { 0 };
	unsigned n = 0;

	learn_allow(l, req);
	l->session.interval_s = cfg->session_expires_s;
	l->session.negotiated =
		cfg->session_expires_s && sip_msg_list_has(req, SIP_HDR_SUPPORTED, STR("timer"));
	if (v.p && sip_session_expires_parse(v, &se) == ERR_OK && l->session.negotiated)
		l->session.interval_s = smaller(se.seconds, cfg->session_expires_s);
	l->session.ours = se.refresher.p ? str_ieq(se.refresher, STR("uas")) : l->allows_update;
	session_start(l);
	if (!l->session.negotiated)
		return 0;
	snprintf(text, max, "%u;refresher=%s", l->session.interval_s,
		l->session.ours ? "uas" : "uac");
	out[n++] = (struct sip_extra){ .id = SIP_HDR_SESSION_EXPIRES, .value = str_of(text) };
	if (!l->session.ours)
		out[n++] = (struct sip_extra){ .id = SIP_HDR_REQUIRE, .value = STR("timer") };
	return n;
}

/* In our INVITE or UPDATE within the dialog. */
void session_print_offer(struct buf *b, const struct leg *l)
{
	if (l->session.negotiated)
		sip_print_hdr_fmt(b, SIP_HDR_SESSION_EXPIRES, "%u;refresher=%s",
			l->session.interval_s, l->session.ours ? "uac" : "uas");
}

/* What the peer answered to our INVITE or UPDATE. */
void session_on_answer(struct leg *l, const struct sip_msg *rsp)
{
	struct str v = sip_msg_hdr(rsp, SIP_HDR_SESSION_EXPIRES);
	struct sip_session_expires se;

	learn_allow(l, rsp);
	l->session.interval_s = l->call->layer->cfg.session_expires_s;
	l->session.negotiated = v.p && sip_session_expires_parse(v, &se) == ERR_OK && se.seconds;
	l->session.ours = true;
	if (l->session.negotiated) {
		l->session.interval_s = se.seconds;
		l->session.ours = !str_ieq(se.refresher, STR("uas"));
	}
	session_start(l);
}

/* The session description that a refreshing re-INVITE repeats, where one will be needed. */
void session_keep_sdp(struct leg *l, struct str type, struct str body)
{
	bool refreshes = l->session.negotiated && l->session.ours && !l->allows_update;

	if (!(refreshes || l->call->again_s) || !body.n || !str_ieq(type, STR("application/sdp")))
		return;
	free(l->sdp);
	l->sdp = str_dup(body);
	l->sdp_n = body.n;
}

void session_start(struct leg *l)
{
	unsigned s = l->session.interval_s;

	if (!s || !l->call->layer->cfg.session_expires_s)
		return;
	if (l->session.negotiated && l->session.ours)
		s /= 2;
	else if (l->session.negotiated)
		s -= smaller(32, s / 3);
	timer_start(&call_worker(l->call)->wheel, &l->session.timer, s * 1000ul);
}

void session_stop(struct leg *l)
{
	timer_stop(&call_worker(l->call)->wheel, &l->session.timer);
}

static const char *side(const struct leg *l)
{
	return l->b_side ? "callee" : "caller";
}

static void end_session(struct leg *l, const char *what)
{
	char text[160];
	struct buf b = BUF_OF(text);

	buf_printf(&b, "the %s %s", side(l), what);
	call_end(l->call, "timer", buf_str(&b), STR("SIP;cause=408;text=\"Session timed out\""));
}

static void on_refreshed(struct relay *r, unsigned status, struct sip_msg *rsp)
{
	struct leg *l = r->to;

	if (l->call->state != CALL_ANSWERED || l->ended)
		return;
	if (status == 408 || status == 481 || !rsp) {
		l->ended = status == 481;
		end_session(l, "is gone: it did not answer a refresh of the session");
		return;
	}
	if (status == 405 || status == 501)
		l->allows_update = false;
	if (status < 300)
		session_start(l);
	else if (status == 491 || status == 500 || status == 503)
		timer_start(&call_worker(l->call)->wheel, &l->session.timer, RETRY_S * 1000ul);
	else
		session_start(l); /* refused, but alive */
}

static void refresh(struct leg *l)
{
	if (l->session.negotiated && l->allows_update)
		relay_own(l, SIP_UPDATE, STR_NONE, false, on_refreshed);
	else if (l->session.negotiated && l->sdp && !l->invite)
		relay_own(l, SIP_INVITE, STR_NONE, true, on_refreshed);
	else
		relay_own(l, SIP_OPTIONS, STR_NONE, false, on_refreshed);
}

void session_fire(struct timer *t)
{
	struct leg *l = container_of(t, struct leg, session.timer);

	if (l->call->state != CALL_ANSWERED || l->ended)
		return;
	if (l->session.negotiated && !l->session.ours)
		end_session(l, "did not refresh the session in time");
	else
		refresh(l);
}
