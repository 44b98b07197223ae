/* SPDX-License-Identifier: BSD-3-Clause */
/* NOTIFYs of messages waiting: whose they are, what they say, and where that is kept. */
#include <stdlib.h>

#include "base/arena.h"
#include "provider/mwi.h"

enum {
	UNSOLICITED_MS = 20, /* one in so long, and as many at once as fit into a second */
	SOON_MS = 30000, /* a subscription that ended is begun anew no earlier */
};

#define TYPE "application/simple-message-summary"

/* ---- kept ---- */

struct messages_job {
	struct store_job job;
	struct arena arena;
	struct store_provider_messages row;
};

static enum err run(struct store_job *job, struct store_db *db)
{
	struct messages_job *j = container_of(job, struct messages_job, job);

	return store_provider_messages_put(db, &j->row);
}

static void done(struct store_job *job)
{
	struct messages_job *j = container_of(job, struct messages_job, job);

	arena_fini(&j->arena);
	free(j);
}

static void keep(struct provider_agent *a, const struct provider *p, const struct summary *s)
{
	struct messages_job *j = mem_new(struct messages_job);

	arena_init(&j->arena, 512);
	j->row = (struct store_provider_messages){ .customer = arena_str(&j->arena, p->customer),
		.name = arena_str(&j->arena, p->name),
		.waiting = s->waiting,
		.voice_new = s->voice_new,
		.voice_old = s->voice_old,
		.urgent_new = s->urgent_new,
		.urgent_old = s->urgent_old,
		.account = arena_str(&j->arena, s->account),
		.heard_ms = a->env.uac.worker->clock.wall_ms };
	j->job = (struct store_job){
		.kind = STORE_WRITE, .worker = a->env.uac.worker, .run = run, .done = done
	};
	/* when the queue is full, which the store says itself, the next NOTIFY tells it again */
	if (store_post(a->env.store, &j->job))
		done(&j->job);
}

static void tell(struct provider_agent *a, const struct provider *p, const struct summary *s)
{
	struct event e = { .kind = EV_PROVIDER_MESSAGES, .customer = p->customer };
	char text[128];
	struct buf b = BUF_OF(text);

	buf_printf(&b, "%s: %u new and %u old voice messages",
		s->waiting ? "messages wait" : "no messages wait", s->voice_new, s->voice_old);
	e.text = buf_str(&b);
	event_field(&e, "provider", p->name);
	if (s->account.n)
		event_field(&e, "mailbox", s->account);
	event_emit(a->env.uac.worker->events, &e);
	keep(a, p, s);
}

static bool same(const struct summary *a, const struct summary *b)
{
	return a->waiting == b->waiting && a->voice_new == b->voice_new &&
		a->voice_old == b->voice_old && a->urgent_new == b->urgent_new &&
		a->urgent_old == b->urgent_old;
}

/* ---- answers ---- */

static void answer(struct provider_agent *a, const struct sip_msg *req, const struct flow *flow,
	unsigned status)
{
	const struct sip_extra events = { .name = STR("Allow-Events"),
		.value = STR("message-summary") };
	const struct sip_extra accept = { .id = SIP_HDR_ACCEPT, .value = STR(TYPE) };
	const struct sip_reply reply = { .status = status,
		.extra = status == 489 ? &events : &accept,
		.extra_count = status == 489 || status == 415 };

	tx_reply_stateless(a->env.uac.tx, req, flow, &reply);
}

/* True: `out` is what it says. False: nothing new in it, or it was refused. */
static bool read_summary(const struct sip_msg *req, struct summary *out, unsigned *status)
{
	struct str event = sip_msg_hdr(req, SIP_HDR_EVENT),
		   type = sip_msg_hdr(req, SIP_HDR_CONTENT_TYPE);

	*status = 200;
	if (!str_ieq(str_trim(str_first(event, str_find(event, ';'))), STR("message-summary")))
		*status = 489;
	else if (req->body.n && !str_ieq(str_trim(str_first(type, str_find(type, ';'))), STR(TYPE)))
		*status = 415;
	return *status == 200 && req->body.n && summary_parse(req->body, out) == ERR_OK;
}

/* ---- within a subscription ---- */

static struct mwi *find(const struct provider_agent *a, const struct sip_msg *req)
{
	struct hash_node *n = hash_find(&a->mwis, hash_str(req->call_id));

	for (; n; n = hash_next(n)) {
		struct mwi *m = container_of(n, struct mwi, node);

		if (str_eq(m->d.call_id, req->call_id) && str_eq(m->d.local_tag, req->to.tag))
			return m;
	}
	return NULL;
}

/* The first may come before the answer to SUBSCRIBE; then its sender is who subscribes us. */
static bool from_peer(struct mwi *m, const struct sip_msg *req)
{
	if (m->confirmed || m->d.state == DIALOG_CONFIRMED)
		return str_eq(m->d.remote_tag, req->from.tag);
	if (m->state != MWI_TRYING && m->state != MWI_LEAVING)
		return false;
	if (!m->heard)
		m->d.remote_tag = arena_str(&m->d.arena, req->from.tag);
	return str_eq(m->d.remote_tag, req->from.tag);
}

static uint64_t retry_after_ms(struct str params, uint64_t usual)
{
	struct str value = sip_param(params, STR("retry-after"));
	uint32_t s;

	if (!value.n || str_u32(value, &s) || s == 0)
		return usual;
	return s < MWI_DAY_MS / 1000 ? s * 1000ULL : MWI_DAY_MS;
}

/* RFC 6665 4.1.3 */
static void ended(struct mwi *m, struct str params)
{
	struct str why = sip_param(params, STR("reason"));
	bool for_good = str_ieq(why, STR("rejected")) || str_ieq(why, STR("noresource")) ||
		str_ieq(why, STR("invariant"));
	bool at_once = str_ieq(why, STR("deactivated")) || str_ieq(why, STR("timeout"));
	uint64_t ms = for_good ? MWI_DAY_MS
		: at_once      ? SOON_MS
			       : retry_after_ms(params, MWI_RETRY_MS);

	mwi_say(m, "the provider ended the subscription to messages waiting%s%.*s",
		why.n ? ": " : "", STR_ARG(str_first(why, 64)));
	if (m->uac)
		uac_abandon(m->uac);
	m->uac = NULL;
	mwi_begin_anew(m, ms);
	if (for_good)
		m->state = MWI_REFUSED;
}

static void follow_state(struct mwi *m, struct str value)
{
	size_t semi = str_find(value, ';');
	struct str params = str_from(value, semi < value.n ? semi + 1 : value.n);
	struct str left = sip_param(params, STR("expires"));
	uint32_t s;

	if (str_ieq(str_trim(str_first(value, semi)), STR("terminated")))
		ended(m, params);
	else if (m->state == MWI_SUBSCRIBED && left.n && !str_u32(left, &s) && s < m->asked_s)
		mwi_refresh_in(m, s);
}

static void on_subscribed(struct mwi *m, struct sip_msg *req, const struct flow *flow)
{
	struct provider_agent *a = m->agent;
	struct summary s;
	unsigned status;
	bool news;

	if (!from_peer(m, req)) {
		answer(a, req, flow, 481);
		return;
	}
	if (m->heard && req->cseq.number < m->notify_cseq) {
		answer(a, req, flow, 500);
		return;
	}
	news = read_summary(req, &s, &status);
	answer(a, req, flow, status);
	if (status != 200)
		return;
	m->heard = true;
	m->notify_cseq = req->cseq.number;
	if (m->confirmed)
		dialog_refresh_target(&m->d, req);
	if (news && !(m->has_last && same(&m->last, &s))) {
		m->last = s;
		m->last.account = STR_NONE;
		m->has_last = true;
		tell(a, m->provider, &s);
	}
	if (m->state != MWI_LEAVING)
		follow_state(m, sip_msg_hdr(req, SIP_HDR_SUBSCRIPTION_STATE));
}

/* ---- unsolicited ---- */

/* Each is a write: a provider that floods us is slowed down. */
static bool too_many(struct provider_agent *a)
{
	uint64_t now = a->env.uac.worker->clock.mono_ms;

	if (a->notify_free_ms > now + 1000)
		return true;
	a->notify_free_ms = (a->notify_free_ms > now ? a->notify_free_ms : now) + UNSOLICITED_MS;
	return false;
}

static bool unsolicited(struct provider_agent *a, struct sip_msg *req, const struct flow *flow)
{
	struct str token = sip_uri_param(&req->uri, STR("tandem"));
	struct provider *p = token.n ? directory_provider_by_token(a->env.directory, token) : NULL;
	struct summary s;
	unsigned status;

	if (!p)
		return false;
	if (!directory_provider_has(p, &flow->remote)) {
		answer(a, req, flow, 403);
	} else if (too_many(a)) {
		answer(a, req, flow, 503);
	} else {
		bool news = read_summary(req, &s, &status);

		answer(a, req, flow, status);
		if (news)
			tell(a, p, &s);
	}
	provider_unref(p);
	return true;
}

bool provider_agent_on_notify(
	struct provider_agent *a, struct sip_msg *req, const struct flow *flow)
{
	struct mwi *m;

	if (!req->to.tag.n)
		return unsolicited(a, req, flow);
	m = find(a, req);
	if (m)
		on_subscribed(m, req, flow);
	return m != NULL;
}
