/* SPDX-License-Identifier: BSD-3-Clause */
/* SDP: rewriting nothing changes nothing; rewriting everything leaves the structure as it was. */
#include "base/arena.h"
#include "sip/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char out[1 << 18];
	struct buf b = BUF_OF(out);
	static struct sdp sdp, back;
	static struct sdp_edits e;
	struct addr to;

	if (n > 4096 || sdp_parse(str_make((const char *)data, n), &sdp))
		return 0;
	BUG_ON(addr_parse_ip(n % 2 ? STR("192.0.2.1") : STR("2001:db8::1"), 4711, &to) != ERR_OK);
	sdp_edits_init(&e, &sdp);
	sdp_print_edited(&b, &e);
	BUG_ON(!str_eq(buf_str(&b), sdp.text));
	b = BUF_OF(out);
	if (sdp.session_connection.n)
		sdp_set_address(&e, sdp.session_connection, &to);
	for (unsigned i = 0; i < sdp.media_count; i++) {
		struct sdp_media *m = &sdp.media[i];

		if (m->own_connection.n)
			sdp_set_address(&e, m->own_connection, &to);
		else if (!m->own_connection.p)
			sdp_add_connection(&e, m, &to);
		if (m->rtcp_address.n)
			sdp_set_address(&e, m->rtcp_address, &to);
		else if (!m->rtcp_address.p)
			sdp_set_rtcp(&e, m, &to);
		sdp_set_port(&e, m->port_text, 4710);
	}
	sdp_print_edited(&b, &e);
	BUG_ON(!buf_ok(&b) || sdp_parse(buf_str(&b), &back) != ERR_OK);
	BUG_ON(back.media_count != sdp.media_count || back.ice != sdp.ice);
	for (unsigned i = 0; i < back.media_count; i++)
		BUG_ON(back.media[i].port != 4710 || !back.media[i].own_connection.p);
	return 0;
}
