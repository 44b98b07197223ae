/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "phone.h"

enum { RESEND_US = 500000, AGAIN_US = 20000 };

uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void on_text(void *arg, struct str message)
{
	struct agents *a = arg;
	struct text t;

	if (!text_read(message, &t))
		a->result.unexpected++;
	else if (t.status)
		caller_on_response(a, &t);
	else
		callee_on_request(a, &t);
}

struct agents *agents_new(const struct agents_config *cfg)
{
	struct agents *a = mem_new(struct agents);

	a->cfg = *cfg;
	snprintf(a->host, sizeof(a->host), "@bench%d", (int)getpid());
	a->random = now_us() | 1;
	list_init(&a->works);
	list_init(&a->held);
	list_init(&a->spare);
	a->net = net_new(&cfg->net, on_text, a);
	a->phones = mem_zero(cfg->users * sizeof(*a->phones));
	a->idle = mem_alloc(cfg->users * sizeof(*a->idle));
	for (unsigned i = 0; i < cfg->users; i++) {
		struct phone *p = &a->phones[i];

		p->id = cfg->first + i;
		p->socket = (uint16_t)(p->id % cfg->net.sockets);
		snprintf(p->name, sizeof(p->name), "u%u", p->id);
	}
	agents_set_mode(a, cfg->mode, cfg->persist);
	return a;
}

static void free_works(struct list *works)
{
	struct list *l;

	while ((l = list_pop(works)))
		free(container_of(l, struct work, link));
}

void agents_free(struct agents *a)
{
	net_free(a->net);
	for (unsigned i = 0; i < a->cfg.users; i++)
		free(a->phones[i].challenge);
	free_works(&a->works);
	free_works(&a->held);
	free_works(&a->spare);
	free(a->phones);
	free(a->idle);
	free(a);
}

/* In calls every second phone calls its neighbour. The order is mixed, another way each time: real
 * phones do not come in the order in which they were made, nor always the same few of many. */
void agents_set_mode(struct agents *a, enum mode mode, bool persist)
{
	unsigned step = mode == MODE_CALL ? 2 : 1;

	a->cfg.mode = mode;
	a->cfg.persist = persist;
	a->idle_first = 0;
	a->idle_count = a->idle_max = a->cfg.users / step;
	for (unsigned i = 0; i < a->idle_max; i++) {
		unsigned j = (unsigned)(random_next(&a->random) % (i + 1));

		a->idle[i] = a->idle[j];
		a->idle[j] = i * step;
	}
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

/* ---- phones ---- */

struct phone *phone_find(struct agents *a, unsigned long id)
{
	return id >= a->cfg.first && id - a->cfg.first < a->cfg.users
		? &a->phones[id - a->cfg.first]
		: NULL;
}

void phone_work(struct agents *a, struct phone *p)
{
	struct list *l;

	if (p->work)
		return;
	l = list_pop(&a->spare);
	p->work = l ? container_of(l, struct work, link) : mem_new(struct work);
	memset(p->work, 0, offsetof(struct work, last));
	p->work->phone = p;
	list_append(&a->works, &p->work->link);
}

void phone_rest(struct agents *a, struct phone *p)
{
	list_del(&p->work->link);
	list_push(&a->spare, &p->work->link);
	p->work = NULL;
}

void phone_forget_challenge(struct phone *p)
{
	free(p->challenge);
	p->challenge = NULL;
	p->nc = 0;
}

void phone_end(struct agents *a, struct phone *p, bool good)
{
	struct result *r = &a->result;
	bool bye = *p->work->method == 'B';

	r->byes += bye;
	r->byes_failed += bye && !good;
	if (good) {
		r->done++;
		histogram_add(&r->whole, now_us() - p->work->begun_us);
	} else {
		r->failed++;
	}
	if (a->cfg.mode != MODE_REFRESH)
		phone_forget_challenge(p);
	phone_rest(a, p);
	a->busy--;
	a->idle[(a->idle_first + a->idle_count++) % a->idle_max] = p->id - a->cfg.first;
}

void phone_hold(struct agents *a, struct phone *p)
{
	list_del(&p->work->link);
	list_append(&a->held, &p->work->link);
	a->busy--;
}

bool agents_hang_up(struct agents *a)
{
	struct list *l = list_pop(&a->held);
	struct work *w = l ? container_of(l, struct work, link) : NULL;
	struct buf b;

	if (!w)
		return false;
	list_append(&a->works, l);
	a->busy++;
	w->begun_us = now_us();
	b = (struct buf){ .p = w->last, .n = w->last_n, .max = sizeof(w->last) };
	phone_transmit_request(a, w->phone, &b);
	return true;
}

static void begin(struct agents *a, struct phone *p)
{
	/* The refreshes of one binding are numbered on; everything else is a new Call-ID. */
	if (a->cfg.mode != MODE_REGISTER && a->cfg.mode != MODE_REFRESH)
		p->op++;
	p->work->again = false;
	p->work->challenged = 0;
	caller_send(a, p);
}

bool agents_begin(struct agents *a, uint64_t due_us)
{
	struct phone *p;

	if (!a->idle_count)
		return false;
	p = &a->phones[a->idle[a->idle_first]];
	a->idle_first = (a->idle_first + 1) % a->idle_max;
	a->idle_count--;
	a->busy++;
	a->result.begun++;
	if (p->work) /* was called, and nobody acknowledged */
		phone_rest(a, p);
	phone_work(a, p);
	p->work->begun_us = due_us;
	begin(a, p);
	return true;
}

/* Waits for a server that is about to come. */
static bool impatient(const struct agents *a)
{
	return a->cfg.persist && a->cfg.mode == MODE_CALL;
}

void phone_transmit(struct agents *a, struct phone *p, struct buf *b)
{
	if (!buf_ok(b)) {
		fprintf(stderr, "load: a message is too long\n");
		exit(1);
	}
	net_send(a->net, p->socket, buf_str(b));
}

void phone_transmit_request(struct agents *a, struct phone *p, struct buf *b)
{
	struct work *w = p->work;

	phone_transmit(a, p, b);
	w->last_n = b->n;
	w->sent_us = now_us();
	w->resend_us = impatient(a) ? AGAIN_US : RESEND_US;
	w->provisional = false;
}

/* ---- time ---- */

static void resend(struct agents *a, struct work *w, uint64_t now)
{
	if (now - w->sent_us < w->resend_us)
		return;
	net_send(a->net, w->phone->socket, str_make(w->last, w->last_n));
	if (!impatient(a))
		w->resend_us *= 2;
	w->sent_us = now;
	a->result.resent++;
}

static void give_up(struct agents *a, struct work *w)
{
	if (w->callee) {
		phone_rest(a, w->phone);
		return;
	}
	a->result.timed_out++;
	phone_end(a, w->phone, false);
}

void agents_tick(struct agents *a)
{
	uint64_t now = now_us();

	list_each_safe (l, &a->works) {
		struct work *w = container_of(l, struct work, link);

		if (w->again && now - w->sent_us >= w->resend_us)
			begin(a, w->phone);
		else if (now - (w->callee ? w->sent_us : w->begun_us) > a->cfg.give_up_us)
			give_up(a, w);
		else if (!a->cfg.net.tcp && !w->provisional && !w->again)
			resend(a, w, now);
	}
}
