/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A 2xx to an INVITE that nobody wants any more is acknowledged and ended: ACK, then BYE, in the
 * dialog that the 2xx itself describes (RFC 3261 13.2.2.4).
 */
#include "base/arena.h"
#include "dialog/dialog.h"
#include "dialog/uac.h"

enum { LATE_MAX = 8192 };

static void send_in_dialog(const struct uac_env *env, struct dialog *d, const struct flow *flow,
	enum sip_method method, uint32_t cseq)
{
	char mem[LATE_MAX];
	struct buf rest = BUF_OF(mem);
	struct tx_request r = { .flow = *flow, .method = method };
	struct tx_client *tx;
	enum err e;

	dialog_print_request(d, &rest, sip_method_name(method), cseq, &r.uri);
	sip_print_body(&rest, STR_NONE, STR_NONE);
	if (!buf_ok(&rest))
		return;
	r.rest = buf_str(&rest);
	if (method == SIP_ACK) {
		e = tx_send_ack(env->tx, &r);
	} else {
		static const struct tx_client_handlers nobody = { 0 };

		e = tx_client_new(env->tx, &r, &nobody, NULL, &tx);
	}
	(void)e; /* best effort: the peer's own timers end what this cannot reach */
}

void uac_end_late_2xx(const struct uac_env *env, const struct sip_msg *rsp, const struct flow *flow)
{
	char local[1024], remote[1024];
	struct buf lb = BUF_OF(local), rb = BUF_OF(remote);
	struct sip_addr from = rsp->from, to = rsp->to;
	struct dialog d;

	from.params = to.params = STR_NONE;
	sip_addr_print(&lb, &from);
	sip_addr_print(&rb, &to);
	dialog_init_uac(&d, rsp->call_id, rsp->from.tag, buf_str(&lb), buf_str(&rb), STR_NONE,
		rsp->cseq.number);
	if (!dialog_on_response(&d, rsp, flow)) {
		send_in_dialog(env, &d, flow, SIP_ACK, rsp->cseq.number);
		send_in_dialog(env, &d, flow, SIP_BYE, 0);
	}
	dialog_fini(&d);
}
