/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "bench.h"
#include "sip/digest.h"

enum { RESEND_US = 500000, GIVE_UP_US = 10000000, CHALLENGE_MAX = 400, LAST_MAX = 2048 };

struct phone {
	unsigned id, socket;
	bool busy; /* a caller's operation is under way */
	bool provisional; /* the INVITE is known to have arrived */
	bool unacknowledged; /* a callee's 200 */
	bool has_challenge, proxy;
	uint32_t op, cseq, nc, challenged;
	const char *method; /* of the request that waits for an answer */
	uint64_t begun_us, sent_us, resend_us;
	char challenge[CHALLENGE_MAX];
	char name[16], ha1[2][DIGEST_HEX_MAX];
	char last[LAST_MAX]; /* what is sent again */
	size_t last_n;
	char dialog[128]; /* a callee's Call-ID */
};

struct agents {
	struct agents_config cfg;
	struct net *net;
	struct phone *phones;
	unsigned *idle; /* ring of callers */
	unsigned idle_first, idle_count, idle_max, busy;
	struct result result;
};

#define SDP                                                                                        \
	"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"                \
	"m=audio 40000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"

uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void on_text(void *arg, unsigned socket, struct str message);

static void init_phone(struct agents *a, struct phone *p, unsigned id)
{
	char password[32];

	p->id = id;
	p->socket = id % a->cfg.sockets;
	snprintf(p->name, sizeof(p->name), "u%u", id);
	snprintf(password, sizeof(password), "secret-%s", p->name);
	digest_ha1(CRYPTO_MD5, str_of(p->name), str_of(a->cfg.domain), str_of(password), p->ha1[0]);
	digest_ha1(
		CRYPTO_SHA256, str_of(p->name), str_of(a->cfg.domain), str_of(password), p->ha1[1]);
}

struct agents *agents_new(const struct agents_config *cfg, const struct sockaddr_in *server)
{
	struct agents *a = mem_new(struct agents);

	a->cfg = *cfg;
	a->net = net_new(server, cfg->tcp, cfg->sockets, on_text, a);
	a->phones = mem_alloc(cfg->users * sizeof(*a->phones));
	memset(a->phones, 0, cfg->users * sizeof(*a->phones));
	a->idle = mem_alloc(cfg->users * sizeof(*a->idle));
	for (unsigned i = 0; i < cfg->users; i++)
		init_phone(a, &a->phones[i], i);
	agents_set_mode(a, cfg->mode);
	return a;
}

void agents_free(struct agents *a)
{
	net_free(a->net);
	free(a->phones);
	free(a->idle);
	free(a);
}

/* In calls every second phone calls its neighbour. */
void agents_set_mode(struct agents *a, enum mode mode)
{
	unsigned step = mode == MODE_CALL ? 2 : 1;

	a->cfg.mode = mode;
	a->idle_first = a->idle_count = 0;
	a->idle_max = a->cfg.users / step;
	for (unsigned i = 0; i < a->idle_max; i++)
		a->idle[a->idle_count++] = i * step;
	memset(&a->result, 0, sizeof(a->result));
}

struct net *agents_net(struct agents *a)
{
	return a->net;
}

unsigned agents_busy(const struct agents *a)
{
	return a->busy;
}

struct result *agents_result(struct agents *a)
{
	return &a->result;
}

/* ---- writing ---- */

static uint16_t port_of(const struct agents *a, const struct phone *p)
{
	return net_port(a->net, p->socket);
}

static void print_contact(struct agents *a, const struct phone *p, struct buf *b)
{
	buf_printf(b, "Contact: <sip:%s@127.0.0.1:%u%s>", p->name, port_of(a, p),
		a->cfg.tcp ? ";transport=tcp" : "");
}

static void print_start(struct agents *a, struct phone *p, struct buf *b, const char *method,
	struct str uri, uint32_t cseq)
{
	buf_printf(b,
		"%s %.*s SIP/2.0\r\nVia: SIP/2.0/%s 127.0.0.1:%u;rport;branch=z9hG4bKb%u-%u-%u\r\n"
		"Max-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=f%u-%u\r\nCall-ID: %u-%u@bench%d\r\n"
		"CSeq: %u %s\r\n",
		method, STR_ARG(uri), a->cfg.tcp ? "TCP" : "UDP", port_of(a, p), p->id, p->op, cseq,
		p->name, a->cfg.domain, p->id, p->op, p->id, p->op, (int)getpid(), cseq, method);
}

static void print_end(struct buf *b, struct str body)
{
	if (body.n)
		buf_lit(b, "Content-Type: application/sdp\r\n");
	buf_printf(b, "Content-Length: %zu\r\n\r\n", body.n);
	buf_add(b, body);
}

static void print_authorization(
	struct phone *p, struct buf *b, const char *method, struct str uri, struct str body)
{
	struct digest_credentials who = { .username = str_of(p->name),
		.ha1 = { str_of(p->ha1[0]), str_of(p->ha1[1]) } };
	struct digest_challenge c;

	if (!p->has_challenge || digest_challenge_parse(str_of(p->challenge), &c))
		return;
	buf_printf(b, "%sAuthorization: ", p->proxy ? "Proxy-" : "");
	if (digest_answer(b, &c, &who, str_of(method), uri, body, STR("0a4f113b"), ++p->nc))
		fprintf(stderr, "load: cannot answer %s\n", p->challenge);
	buf_lit(b, "\r\n");
}

static void transmit(struct agents *a, struct phone *p, struct buf *b)
{
	if (!buf_ok(b)) {
		fprintf(stderr, "load: a message is too long\n");
		exit(1);
	}
	net_send(a->net, p->socket, buf_str(b));
}

/* Remembered until it is answered. */
static void transmit_request(struct agents *a, struct phone *p, struct buf *b)
{
	transmit(a, p, b);
	p->last_n = b->n;
	p->sent_us = now_us();
	p->resend_us = RESEND_US;
	p->provisional = false;
}

static void send_request(struct agents *a, struct phone *p)
{
	struct buf b = { .p = p->last, .max = sizeof(p->last) };
	struct str body = STR_NONE;
	char text[128];
	struct buf uri = BUF_OF(text);
	bool call = a->cfg.mode == MODE_CALL;

	p->method = call ? "INVITE" : a->cfg.mode == MODE_OPTIONS ? "OPTIONS" : "REGISTER";
	if (call) {
		buf_printf(&uri, "sip:u%u@%s", p->id + 1, a->cfg.domain);
		body = STR(SDP);
	} else {
		buf_printf(&uri, "sip:%s", a->cfg.domain);
	}
	print_start(a, p, &b, p->method, buf_str(&uri), ++p->cseq);
	if (a->cfg.mode == MODE_REGISTER || a->cfg.mode == MODE_REFRESH)
		buf_printf(&b, "To: <sip:%s@%s>\r\nExpires: %u\r\n", p->name, a->cfg.domain,
			a->cfg.expires_s);
	else
		buf_printf(&b, "To: <%.*s>\r\n", (int)uri.n, text);
	if (a->cfg.mode != MODE_OPTIONS) {
		print_contact(a, p, &b);
		buf_lit(&b, "\r\n");
	}
	print_authorization(p, &b, p->method, buf_str(&uri), body);
	print_end(&b, body);
	transmit_request(a, p, &b);
}

/* The URI inside of <>, or the whole. */
static struct str uri_in(struct str contact)
{
	size_t from = str_find(contact, '<'), to = str_find(contact, '>');

	return from < to && to < contact.n ? str_make(contact.p + from + 1, to - from - 1)
					   : contact;
}

static void print_within(
	struct agents *a, struct phone *p, const struct text *t, struct buf *b, const char *method)
{
	print_start(a, p, b, method, uri_in(t->contact), p->cseq);
	buf_printf(b, "To: %.*s\r\n", STR_ARG(t->to));
	for (unsigned i = t->route_count; i > 0; i--)
		buf_printf(b, "Route: %.*s\r\n", STR_ARG(t->routes[i - 1]));
	print_end(b, STR_NONE);
}

static void acknowledge_refusal(struct agents *a, struct phone *p, const struct text *t)
{
	char text[LAST_MAX], uri[128];
	struct buf b = BUF_OF(text);

	snprintf(uri, sizeof(uri), "sip:u%u@%s", p->id + 1, a->cfg.domain);
	print_start(a, p, &b, "ACK", str_of(uri), t->cseq);
	buf_printf(&b, "To: %.*s\r\n", STR_ARG(t->to));
	print_end(&b, STR_NONE);
	transmit(a, p, &b);
}

static void acknowledge_and_hang_up(struct agents *a, struct phone *p, const struct text *t)
{
	char text[LAST_MAX];
	struct buf ack = BUF_OF(text), bye = { .p = p->last, .max = sizeof(p->last) };

	print_within(a, p, t, &ack, "ACK");
	transmit(a, p, &ack);
	p->method = "BYE";
	p->cseq++;
	print_within(a, p, t, &bye, "BYE");
	transmit_request(a, p, &bye);
}

/* ---- an operation ---- */

static void count_time(struct result *r, uint64_t us)
{
	unsigned power = us < 16 ? 4 : 63 - (unsigned)__builtin_clzll(us);

	r->histogram[power * 16 + ((us >> (power - 4)) & 15)]++;
	if (us > r->worst_us)
		r->worst_us = us;
}

static void end(struct agents *a, struct phone *p, bool good)
{
	if (good) {
		a->result.done++;
		count_time(&a->result, now_us() - p->begun_us);
	} else {
		a->result.failed++;
	}
	p->busy = false;
	a->busy--;
	a->idle[(a->idle_first + a->idle_count++) % a->idle_max] = p->id;
}

bool agents_begin(struct agents *a)
{
	struct phone *p;

	if (!a->idle_count)
		return false;
	p = &a->phones[a->idle[a->idle_first]];
	a->idle_first = (a->idle_first + 1) % a->idle_max;
	a->idle_count--;
	a->busy++;
	p->busy = true;
	p->challenged = 0;
	p->has_challenge = p->has_challenge && a->cfg.mode == MODE_REFRESH;
	p->begun_us = now_us();
	if (a->cfg.mode != MODE_REGISTER && a->cfg.mode != MODE_REFRESH)
		p->op++;
	send_request(a, p);
	return true;
}

static bool same_method(const struct phone *p, const struct text *t)
{
	return str_eq(t->method, str_of(p->method));
}

static void on_challenge(struct agents *a, struct phone *p, const struct text *t)
{
	if (p->challenged++ == 2 || t->challenge.n >= CHALLENGE_MAX) {
		end(a, p, false);
		return;
	}
	memcpy(p->challenge, t->challenge.p, t->challenge.n);
	p->challenge[t->challenge.n] = '\0';
	p->proxy = t->proxy;
	p->has_challenge = true;
	p->nc = 0;
	send_request(a, p);
}

static void on_response(struct agents *a, const struct text *t)
{
	char *rest;
	unsigned long id = strtoul(t->call_id.p, &rest, 10);
	struct phone *p = &a->phones[id < a->cfg.users ? id : 0];
	bool invite;

	if (id >= a->cfg.users || !p->busy || strtoul(rest + 1, NULL, 10) != p->op ||
		t->cseq != p->cseq || !same_method(p, t)) {
		a->result.unexpected++;
		return;
	}
	invite = *p->method == 'I';
	if (t->status < 200) {
		p->provisional = true;
		return;
	}
	if (invite && t->status >= 300)
		acknowledge_refusal(a, p, t);
	if ((t->status == 401 || t->status == 407) && t->challenge.n)
		on_challenge(a, p, t);
	else if (invite && t->status < 300)
		acknowledge_and_hang_up(a, p, t);
	else
		end(a, p, t->status < 300);
}

/* ---- the called phone ---- */

static void print_answer(struct buf *b, const struct text *t, const char *status, unsigned tag)
{
	buf_printf(b, "SIP/2.0 %s\r\n", status);
	for (unsigned i = 0; i < t->via_count; i++)
		buf_printf(b, "Via: %.*s\r\n", STR_ARG(t->vias[i]));
	for (unsigned i = 0; i < t->route_count; i++)
		buf_printf(b, "Record-Route: %.*s\r\n", STR_ARG(t->routes[i]));
	buf_printf(b, "From: %.*s\r\nTo: %.*s", STR_ARG(t->from), STR_ARG(t->to));
	if (!memmem(t->to.p, t->to.n, ";tag=", 5))
		buf_printf(b, ";tag=c%u", tag);
	buf_printf(b, "\r\nCall-ID: %.*s\r\nCSeq: %u %.*s\r\n", STR_ARG(t->call_id), t->cseq,
		STR_ARG(t->method));
}

static void answer_invite(struct agents *a, struct phone *p, const struct text *t)
{
	char text[LAST_MAX];
	struct buf ring = BUF_OF(text), ok = { .p = p->last, .max = sizeof(p->last) };

	if (str_eq(t->call_id, str_of(p->dialog))) {
		net_send(a->net, p->socket, str_make(p->last, p->last_n));
		return;
	}
	if (str_copy(t->call_id, p->dialog, sizeof(p->dialog)))
		return;
	p->op++;
	print_answer(&ring, t, "180 Ringing", p->op);
	print_contact(a, p, &ring);
	buf_lit(&ring, "\r\n");
	print_end(&ring, STR_NONE);
	transmit(a, p, &ring);
	print_answer(&ok, t, "200 OK", p->op);
	print_contact(a, p, &ok);
	buf_lit(&ok, "\r\n");
	print_end(&ok, STR(SDP));
	transmit_request(a, p, &ok);
	p->unacknowledged = true;
}

static void answer_other(struct agents *a, struct phone *p, const struct text *t)
{
	char text[LAST_MAX];
	struct buf b = BUF_OF(text);

	print_answer(&b, t, "200 OK", p->op);
	print_end(&b, STR_NONE);
	transmit(a, p, &b);
}

static void on_request(struct agents *a, const struct text *t)
{
	size_t colon = str_find(t->uri, ':');
	unsigned long id = colon + 2 < t->uri.n ? strtoul(t->uri.p + colon + 2, NULL, 10) : ~0UL;
	struct phone *p = &a->phones[id < a->cfg.users ? id : 0];

	if (id >= a->cfg.users) {
		a->result.unexpected++;
	} else if (str_eq(t->method, STR("INVITE"))) {
		answer_invite(a, p, t);
	} else if (str_eq(t->method, STR("ACK"))) {
		p->unacknowledged = false;
	} else {
		p->unacknowledged = false;
		answer_other(a, p, t);
	}
}

static void on_text(void *arg, unsigned socket, struct str message)
{
	struct agents *a = arg;
	struct text t;

	(void)socket;
	if (!text_read(message, &t))
		a->result.unexpected++;
	else if (t.status)
		on_response(a, &t);
	else
		on_request(a, &t);
}

/* ---- time ---- */

static void resend(struct agents *a, struct phone *p, uint64_t now)
{
	if (now - p->sent_us < p->resend_us)
		return;
	net_send(a->net, p->socket, str_make(p->last, p->last_n));
	p->resend_us *= 2;
	p->sent_us = now;
	a->result.resent++;
}

void agents_tick(struct agents *a)
{
	uint64_t now = now_us();

	for (unsigned i = 0; i < a->cfg.users; i++) {
		struct phone *p = &a->phones[i];

		if (p->busy && now - p->begun_us > GIVE_UP_US)
			end(a, p, false);
		else if (!a->cfg.tcp && ((p->busy && !p->provisional) || p->unacknowledged))
			resend(a, p, now);
	}
}
