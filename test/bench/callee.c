/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include "base/hash.h"
#include "phone.h"

/* 180 and 200 back to back. */
static void answer_invite(struct agents *a, struct phone *p, const struct text *t)
{
	uint64_t dialog = hash_stable(t->call_id);
	char text[LAST_MAX];
	struct buf ring = BUF_OF(text), ok;

	if (dialog == p->dialog) { /* resent */
		if (p->work)
			net_send(a->net, p->socket, str_make(p->work->last, p->work->last_n));
		return;
	}
	p->dialog = dialog;
	p->op++;
	phone_work(a, p);
	p->work->callee = true;
	buf_init(&ok, p->work->last, sizeof(p->work->last));
	print_answer(a, p, t, &ring, "180 Ringing", STR_NONE);
	phone_transmit(a, p, &ring);
	print_answer(a, p, t, &ok, "200 OK", STR(SDP));
	phone_transmit_request(a, p, &ok);
}

void callee_on_request(struct agents *a, const struct text *t)
{
	size_t colon = str_find(t->uri, ':');
	struct phone *p = colon + 2 < t->uri.n
		? phone_find(a, strtoul(t->uri.p + colon + 2, NULL, 10))
		: NULL;
	char text[LAST_MAX];
	struct buf b = BUF_OF(text);

	if (!p || a->cfg.mode != MODE_CALL || (p->work && !p->work->callee)) {
		a->result.unexpected++;
		return;
	}
	if (str_eq(t->method, STR("INVITE"))) {
		answer_invite(a, p, t);
		return;
	}
	if (p->work && hash_stable(t->call_id) == p->dialog)
		phone_rest(a, p);
	if (str_eq(t->method, STR("ACK")))
		return;
	print_answer(a, p, t, &b, "200 OK", STR_NONE);
	phone_transmit(a, p, &b);
}
