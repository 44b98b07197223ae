/* SPDX-License-Identifier: BSD-3-Clause */
/* What a media relay answers: an unsound answer is no answer, and names nothing outside of it. */
#include "nat/bencode.h"
#include "nat/media_relay.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_within(struct str whole, struct str part)
{
	BUG_ON(part.p && (part.p < whole.p || part.p + part.n > whole.p + whole.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_make((const char *)data, n);
	struct str sdp = bencode_find(text, STR("sdp"));
	struct relay_ports ports;

	check_within(text, sdp);
	check_within(text, bencode_find(text, STR("result")));
	check_within(text, bencode_find(text, STR("error-reason")));
	if (!sdp.p || relay_ports_read(sdp, sdp, &ports) != ERR_OK)
		return 0;
	BUG_ON(ports.count > SDP_MEDIA_MAX);
	for (unsigned i = 0; i < ports.count; i++)
		BUG_ON(!addr_eq(&ports.to_caller[i], &ports.to_callee[i]));
	return 0;
}
