/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Phones between whom media has no way: an external relay (nat/media_relay.h) is asked for
 * addresses before such a phone is called, each attempt on its own. With them the relay's
 * addresses stand in every SDP of that leg; without them the call goes on as it would have.
 */
#include "call/model.h"

#include <stdlib.h>

#include "nat/body.h"
#include "nat/media_relay.h"

/* ---- the question ---- */

static void print_line(struct buf *b, const char *type, const char *proto, const struct addr *at)
{
	buf_printf(b, "m=%s %u %s 0\r\nc=IN %s ", type, addr_port(at), proto,
		at->sa.sa_family == AF_INET6 ? "IP6" : "IP4");
	addr_print_ip(b, at);
	buf_lit(b, "\r\n");
}

/* What the relay must know of a line is where it may send to before it has heard anything. */
static void print_media(struct buf *b, const struct nat_media *m, const struct sdp_media *line)
{
	struct addr own, now = m->from.observed;

	if (addr_parse_ip(line->connection, line->port ? line->port : 9, &own) == ERR_OK &&
		!addr_is_any(&own))
		(void)nat_media_address(m, &own, &now);
	else
		addr_set_port(&now, 9);
	if (str_find_str(line->proto, STR("RTP/")) < line->proto.n)
		print_line(b, "audio", "RTP/AVP", &now);
	else if (str_ieq(line->proto, STR("udptl")))
		print_line(b, "image", "udptl", &now);
	else
		buf_lit(b, "m=application 0 TCP 0\r\n"); /* it cannot take that */
}

/*
 * The caller's media lines by their addresses alone: codecs and keys are no business of the
 * relay's. One more than there are, so that a call may grow by a picture.
 */
static bool print_question(struct buf *b, const struct attempt *at, const struct nat_media *m)
{
	struct str sdp_text = nat_body_sdp(at->dial->run->caller.type, at->dial->run->caller.body);
	struct addr spare = m->from.observed;
	struct sdp sdp = { 0 };
	unsigned lines;

	if (sdp_text.n && (sdp_parse(sdp_text, &sdp) != ERR_OK || sdp.ice))
		return false;
	lines = sdp.media_count ? sdp.media_count + 1 : 2;
	if (lines > SDP_MEDIA_MAX)
		lines = SDP_MEDIA_MAX;
	addr_set_port(&spare, 9);
	buf_lit(b, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");
	for (unsigned i = 0; i < sdp.media_count; i++)
		print_media(b, m, &sdp.media[i]);
	for (unsigned i = sdp.media_count; i < lines; i++)
		print_line(b, "audio", "RTP/AVP", &spare);
	return buf_ok(b);
}

/* ---- asking ---- */

static void on_ports(void *arg, const struct relay_ports *ports, struct str why)
{
	struct attempt *at = arg;

	at->asking = false;
	if (ports) {
		at->ports = arena_new(&at->call->setup->arena, struct relay_ports);
		*at->ports = *ports;
		call_event(at->call, EV_CALL_MEDIA, "the media relay takes part");
	} else {
		call_event(at->call, EV_CALL_TROUBLE, "the media relay takes no part: %.*s",
			STR_ARG(str_first(why, 200)));
	}
	attempt_send(at);
}

bool relayed_ask(struct attempt *at)
{
	struct call *c = at->call;
	struct media_relay *relay = c->layer->env.media_relay;
	char text[SDP_MEDIA_MAX * 96], why_text[300];
	struct buf sdp = BUF_OF(text), why = BUF_OF(why_text);
	enum nat_path worst = c->layer->cfg.relay_doubtful ? NAT_PATH_DOUBTFUL : NAT_PATH_NONE;
	struct nat_media m;

	if (!relay || c->method != SIP_INVITE || at->kind != ATTEMPT_BINDING ||
		!forecast_attempt(at, worst, &m, &why) || !print_question(&sdp, at, &m))
		return false;
	call_event(c, EV_CALL_MEDIA, "no sure way for media: %.*s; asking the media relay",
		STR_ARG(buf_str(&why)));
	at->asking = relay->ask(relay, at->call_id, buf_str(&sdp), on_ports, at);
	if (!at->asking)
		call_event(c, EV_CALL_TROUBLE, "too many calls wait for the media relay");
	return at->asking;
}

void relayed_drop(struct attempt *at)
{
	struct media_relay *relay = at->call->layer->env.media_relay;

	if (at->asking)
		relay->cancel(relay, at);
	else if (at->ports && at->state != ATTEMPT_ANSWERED)
		relay->release(relay, at->call_id);
	at->asking = false;
	at->ports = NULL;
}

/* ---- the leg ---- */

void relayed_take_over(struct leg *l, const struct attempt *at)
{
	if (!at->ports)
		return;
	l->media.ports = mem_new(struct relay_ports);
	*l->media.ports = *at->ports;
}

void relayed_end(const struct leg *l)
{
	struct media_relay *relay = l->call->layer->env.media_relay;

	if (l->media.ports && relay)
		relay->release(relay, l->d.call_id);
}

void relayed_between(const struct leg *from, const struct leg *to, struct nat_media *m)
{
	const struct relay_ports *p = from->media.ports ? from->media.ports : to->media.ports;

	if (!p)
		return;
	m->relay = p == from->media.ports ? p->to_caller : p->to_callee;
	m->relay_count = p->count;
}

/* ---- stored ---- */

static json_t *addresses(const struct addr *list, unsigned n)
{
	json_t *out = json_array();
	char text[ADDR_TEXT_MAX];

	for (unsigned i = 0; i < n; i++) {
		struct buf b = BUF_OF(text);

		if (addr_set(&list[i]))
			addr_print(&b, &list[i]);
		json_array_append_new(out, call_json(buf_str(&b)));
	}
	return out;
}

static void read_addresses(const json_t *list, struct addr *out, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (addr_parse(str_of(json_string_value(json_array_get(list, i))), &out[i]) !=
			ERR_OK)
			out[i] = (struct addr){ 0 };
}

void relayed_print(const struct leg *l, json_t *media)
{
	const struct relay_ports *p = l->media.ports;

	if (!p)
		return;
	json_object_set_new(media, "to_caller", addresses(p->to_caller, p->count));
	json_object_set_new(media, "to_callee", addresses(p->to_callee, p->count));
}

void relayed_restore(struct leg *l, const json_t *media)
{
	const json_t *there = json_object_get(media, "to_callee");
	size_t n = json_array_size(there);

	if (!n || n > SDP_MEDIA_MAX)
		return;
	l->media.ports = mem_new(struct relay_ports);
	l->media.ports->count = (unsigned)n;
	read_addresses(there, l->media.ports->to_callee, (unsigned)n);
	read_addresses(json_object_get(media, "to_caller"), l->media.ports->to_caller, (unsigned)n);
}
