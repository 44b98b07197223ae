/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages: every slice lies inside its input, and an answer printed to a request parses again. */
#include <stdlib.h>

#include "base/arena.h"
#include "sip/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void inside(const struct sip_msg *m, struct str s)
{
	const char *begin = m->raw.p, *end = begin + m->raw.n;

	BUG_ON(s.p && s.n && (s.p < begin || s.p + s.n > end));
}

static void check_slices(const struct sip_msg *m)
{
	inside(m, m->method_name);
	inside(m, m->request_uri);
	inside(m, m->reason);
	inside(m, m->call_id);
	inside(m, m->body);
	inside(m, m->via.host);
	inside(m, m->via.params);
	inside(m, m->from.uri.host);
	inside(m, m->from.tag);
	inside(m, m->to.uri.user);
	for (unsigned i = 0; i < m->hdr_count; i++) {
		inside(m, m->hdrs[i].name);
		inside(m, m->hdrs[i].value);
	}
}

static void walk_lists(const struct sip_msg *m)
{
	static const enum sip_hdr_id ids[] = { SIP_HDR_VIA, SIP_HDR_CONTACT, SIP_HDR_ROUTE,
		SIP_HDR_SUPPORTED, SIP_HDR_RECORD_ROUTE };

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		struct sip_hdr_iter it = { 0 };
		struct str v;
		unsigned count = 0;

		while (sip_msg_next(m, ids[i], &it, &v)) {
			inside(m, v);
			BUG_ON(++count > m->raw.n + 1);
		}
	}
}

static void answer(const struct sip_msg *m)
{
	static char out[2 * SIP_MSG_MAX];
	const struct sip_reply r = { .status = 480, .to_tag = STR("fuzz") };
	struct buf b = BUF_OF(out);
	struct sip_fault fault;
	struct sip_msg *back;

	sip_print_reply(&b, m, STR("192.0.2.1"), 5060, &r);
	if (!buf_ok(&b) || b.n > SIP_MSG_MAX)
		return;
	BUG_ON(sip_msg_parse(buf_str(&b), &back, &fault) != ERR_OK);
	BUG_ON(back->status != 480 || !str_eq(back->call_id, m->call_id));
	sip_msg_unref(back);
}

/* Whether the bytes come at once or one by one does not matter. */
static void frame_bytewise(struct str bytes, enum err at_once, size_t length)
{
	struct sip_framing f = { 0 };
	size_t got = 0;
	enum err e = ERR_OK;

	for (size_t i = 0; i <= bytes.n && !e; i++)
		e = sip_msg_frame_more(&f, str_first(bytes, i), &got);
	BUG_ON(e != at_once || (!e && got != length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str bytes = str_make((const char *)data, n);
	struct sip_fault fault;
	struct sip_msg *m;
	size_t length;
	enum err e = sip_msg_frame(bytes, &length);

	BUG_ON(!e && length > n);
	frame_bytewise(bytes, e, length);
	e = sip_msg_parse(bytes, &m, &fault);
	if (!m)
		return 0;
	check_slices(m);
	walk_lists(m);
	if (!e && m->is_request)
		answer(m);
	sip_msg_unref(m);
	return 0;
}
