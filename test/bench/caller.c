/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "phone.h"

enum { CHALLENGES_MAX = 2 };

void caller_send(struct agents *a, struct phone *p)
{
	static const char *const methods[MODES] = { "OPTIONS", "REGISTER", "REGISTER", "INVITE" };
	struct buf b = { .p = p->work->last, .max = sizeof(p->work->last) };

	p->work->method = methods[a->cfg.mode];
	p->cseq++;
	print_request(a, p, &b);
	phone_transmit_request(a, p, &b);
}

static void send_within(
	struct agents *a, struct phone *p, const struct text *t, const char *method, uint32_t cseq)
{
	char text[LAST_MAX];
	struct buf b = BUF_OF(text);

	print_within(a, p, t, &b, method, cseq);
	phone_transmit(a, p, &b);
}

static void on_answer(struct agents *a, struct phone *p, const struct text *t)
{
	struct work *w = p->work;
	struct buf bye = { .p = w->last, .max = sizeof(w->last) };

	a->result.answered_at_us = now_us();
	histogram_add(&a->result.answer, a->result.answered_at_us - w->begun_us);
	a->result.inversions += !w->rang;
	send_within(a, p, t, "ACK", t->cseq);
	w->method = "BYE";
	print_within(a, p, t, &bye, "BYE", ++p->cseq);
	if (a->cfg.hold) {
		w->last_n = bye.n;
		phone_hold(a, p);
	} else {
		phone_transmit_request(a, p, &bye);
	}
}

/* For a call that goes on: its 200 again. For one that was given up: it must not stay. */
static void on_stray(struct agents *a, struct phone *p, const struct text *t, bool current)
{
	if (t->status / 100 != 2 || !str_eq(t->method, STR("INVITE"))) {
		a->result.unexpected++;
		return;
	}
	send_within(a, p, t, "ACK", t->cseq);
	if (current)
		return;
	a->result.late_answers++;
	send_within(a, p, t, "BYE", t->cseq + 1);
}

static void on_challenge(struct agents *a, struct phone *p, const struct text *t)
{
	if (p->work->challenged++ == CHALLENGES_MAX) {
		phone_end(a, p, false);
		return;
	}
	phone_forget_challenge(p);
	p->challenge = str_dup(t->challenge);
	p->proxy = t->proxy;
	caller_send(a, p);
}

static void on_provisional(struct agents *a, struct phone *p, const struct text *t)
{
	struct work *w = p->work;

	w->provisional = true;
	if (t->status == 180 && !w->rang) {
		w->rang = true;
		histogram_add(&a->result.ring, now_us() - w->begun_us);
	}
}

static void on_final(struct agents *a, struct phone *p, const struct text *t)
{
	if (t->status == 503) {
		a->result.refused++;
		a->result.refused_later += t->retry_after;
	}
	if (a->cfg.persist && t->status >= 300)
		p->work->again = true;
	else
		phone_end(a, p, t->status < 300);
}

void caller_on_response(struct agents *a, const struct text *t)
{
	char *rest;
	struct phone *p = phone_find(a, strtoul(t->call_id.p, &rest, 10));
	bool ours = p && p->work && !p->work->callee && strtoul(rest + 1, NULL, 10) == p->op;
	char text[LAST_MAX];
	struct buf ack = BUF_OF(text);

	if (!p || !str_ends(t->call_id, str_of(a->host))) {
		a->result.unexpected++;
	} else if (!ours || t->cseq != p->cseq || !str_eq(t->method, str_of(p->work->method))) {
		on_stray(a, p, t, ours);
	} else if (t->status < 200) {
		on_provisional(a, p, t);
	} else {
		bool invite = *p->work->method == 'I';

		if (invite && t->status >= 300) {
			print_refusal_ack(a, p, t, &ack);
			phone_transmit(a, p, &ack);
		}
		if ((t->status == 401 || t->status == 407) && t->challenge.n)
			on_challenge(a, p, t);
		else if (invite && t->status < 300)
			on_answer(a, p, t);
		else
			on_final(a, p, t);
	}
}
