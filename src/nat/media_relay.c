/* SPDX-License-Identifier: BSD-3-Clause */
#include "nat/media_relay.h"

#include <stdlib.h>

#include "base/arena.h"
#include "nat/bencode.h"

enum {
	ASKED_MAX = 1000,
	RETRY_MS = 500,
	TRIES = 4,
	MESSAGE_MAX = 60000,
	COOKIE_CHARS = 16,
};

struct real {
	struct media_relay relay; /* first */
	struct worker *worker;
	uv_udp_t udp;
	struct list asked;
	unsigned count;
	bool silent; /* it left the last question without an answer */
	char bytes[MESSAGE_MAX]; /* of what is read */
};

/* Two questions, one after the other: the offer, and its mirror as the answer. */
struct question {
	struct list link;
	struct timer retry;
	struct real *r;
	struct arena arena;
	struct str call, sdp;
	struct str to_callee; /* p == NULL: the offer is not answered yet */
	char cookie[COOKIE_CHARS + 1];
	unsigned tries;
	relay_done *done; /* NULL: cancelled */
	void *arg;
};

/* ---- ports ---- */

static bool line_address(const struct sdp_media *m, struct addr *out)
{
	*out = (struct addr){ 0 };
	return !m->port || addr_parse_ip(m->connection, m->port, out) == ERR_OK;
}

enum err relay_ports_read(struct str to_callee, struct str to_caller, struct relay_ports *out)
{
	struct sdp a, b;

	if (sdp_parse(to_callee, &b) || sdp_parse(to_caller, &a) || a.media_count != b.media_count)
		return ERR_SYNTAX;
	out->count = a.media_count;
	for (unsigned i = 0; i < out->count; i++)
		if (!line_address(&b.media[i], &out->to_callee[i]) ||
			!line_address(&a.media[i], &out->to_caller[i]))
			return ERR_SYNTAX;
	return ERR_OK;
}

/* ---- asking ---- */

static void send_text(struct real *r, struct str text)
{
	uv_buf_t buf = uv_buf_init((char *)text.p, (unsigned)text.n);

	(void)uv_udp_try_send(&r->udp, &buf, 1, NULL); /* what is lost is sent again */
}

static void pair(struct buf *b, struct str key, struct str value)
{
	bencode_text(b, key);
	bencode_text(b, value);
}

static void send_question(struct question *q)
{
	char *mem = mem_alloc(MESSAGE_MAX);
	struct buf b = { .p = mem, .max = MESSAGE_MAX };
	bool offer = !q->to_callee.p;

	buf_printf(&b, "%s d", q->cookie);
	pair(&b, STR("ICE"), STR("remove"));
	pair(&b, STR("call-id"), q->call);
	pair(&b, STR("command"), offer ? STR("offer") : STR("answer"));
	pair(&b, STR("from-tag"), STR("caller"));
	pair(&b, STR("sdp"), q->sdp);
	if (!offer)
		pair(&b, STR("to-tag"), STR("callee"));
	buf_char(&b, 'e');
	if (buf_ok(&b))
		send_text(q->r, buf_str(&b));
	free(mem);
	q->tries++;
	timer_start(&q->r->worker->wheel, &q->retry, RETRY_MS);
}

static void new_cookie(struct question *q)
{
	struct buf b = BUF_OF(q->cookie);

	rng_token(&q->r->worker->rng, &b, COOKIE_CHARS);
	q->cookie[COOKIE_CHARS] = '\0';
	q->tries = 0;
}

/* If it is lost, the relay finds out for itself that nothing comes any more. */
static void release(struct media_relay *relay, struct str call)
{
	char mem[512];
	struct buf b = BUF_OF(mem);
	struct real *r = (struct real *)relay;

	rng_token(&r->worker->rng, &b, COOKIE_CHARS);
	buf_lit(&b, " d");
	pair(&b, STR("call-id"), call);
	pair(&b, STR("command"), STR("delete"));
	buf_char(&b, 'e');
	if (buf_ok(&b))
		send_text(r, buf_str(&b));
}

static void finish(struct question *q, const struct relay_ports *ports, struct str why)
{
	relay_done *done = q->done;
	void *arg = q->arg;

	list_del(&q->link);
	timer_stop(&q->r->worker->wheel, &q->retry);
	q->r->count--;
	if (done)
		done(arg, ports, why);
	else
		release(&q->r->relay, q->call);
	arena_fini(&q->arena);
	free(q);
}

static void on_retry(struct timer *t)
{
	struct question *q = container_of(t, struct question, retry);

	if (q->done && !q->r->silent && q->tries < TRIES) {
		send_question(q);
		return;
	}
	if (q->done)
		q->r->silent = true; /* calls do not wait long for one that is gone */
	finish(q, NULL, STR("the media relay does not answer"));
}

static bool ask(
	struct media_relay *relay, struct str call, struct str sdp, relay_done *done, void *arg)
{
	struct real *r = (struct real *)relay;
	struct question *q;

	if (r->count == ASKED_MAX)
		return false;
	q = mem_new(struct question);
	arena_init(&q->arena, 2048);
	q->r = r;
	q->call = arena_str(&q->arena, call);
	q->sdp = arena_str(&q->arena, sdp);
	q->done = done;
	q->arg = arg;
	timer_init(&q->retry, on_retry);
	list_append(&r->asked, &q->link);
	r->count++;
	new_cookie(q);
	send_question(q);
	return true;
}

static void cancel(struct media_relay *relay, void *arg)
{
	struct real *r = (struct real *)relay;

	list_each (it, &r->asked) {
		struct question *q = container_of(it, struct question, link);

		if (q->arg == arg)
			q->done = NULL; /* what is answered yet is given back */
	}
}

/* ---- answers ---- */

static void take_answer(struct question *q, struct str answer)
{
	struct str result = bencode_find(answer, STR("result"));
	struct str sdp = bencode_find(answer, STR("sdp"));
	struct str why = bencode_find(answer, STR("error-reason"));
	struct relay_ports ports;

	q->r->silent = false;
	if (!str_eq(result, STR("ok")) || !sdp.p) {
		finish(q, NULL, why.p ? why : STR("the media relay gives no address"));
	} else if (!q->to_callee.p) {
		q->to_callee = arena_str(&q->arena, sdp);
		new_cookie(q);
		send_question(q);
	} else if (relay_ports_read(q->to_callee, sdp, &ports)) {
		finish(q, NULL, STR("the media relay's answer is unsound"));
	} else {
		finish(q, &ports, STR_NONE);
	}
}

static void on_datagram(struct real *r, struct str text)
{
	struct str cookie = str_first(text, str_find(text, ' '));

	list_each (it, &r->asked) {
		struct question *q = container_of(it, struct question, link);

		if (!str_eq(cookie, str_of(q->cookie)))
			continue;
		take_answer(q, str_from(text, cookie.n + 1));
		return;
	}
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *out)
{
	struct real *r = h->data;

	*out = uv_buf_init(r->bytes, sizeof(r->bytes));
}

static void on_read(
	uv_udp_t *u, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags)
{
	struct real *r = u->data;

	loop_tick(r->worker);
	if (n == UV_ECONNREFUSED)
		r->silent = true;
	if (n > 0 && !(flags & UV_UDP_PARTIAL))
		on_datagram(r, str_make(buf->base, (size_t)n));
}

/* ---- life ---- */

struct media_relay *media_relay_new(struct worker *w, const struct addr *where)
{
	struct real *r = mem_new(struct real);

	r->relay = (struct media_relay){ .ask = ask, .cancel = cancel, .release = release };
	r->worker = w;
	r->udp.data = r;
	list_init(&r->asked);
	BUG_ON(uv_udp_init(&w->loop->uv, &r->udp) != 0);
	if (uv_udp_connect(&r->udp, &where->sa) == 0 &&
		uv_udp_recv_start(&r->udp, on_alloc, on_read) == 0)
		return &r->relay;
	media_relay_free(&r->relay);
	return NULL;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void media_relay_free(struct media_relay *relay)
{
	struct real *r = (struct real *)relay;

	if (!r)
		return;
	for (struct list *it; (it = list_first(&r->asked));) {
		struct question *q = container_of(it, struct question, link);

		q->done = NULL;
		finish(q, NULL, STR_NONE);
	}
	uv_close((uv_handle_t *)&r->udp, on_closed);
}
