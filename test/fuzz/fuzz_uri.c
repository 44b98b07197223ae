/* SPDX-License-Identifier: BSD-3-Clause */
/* URIs: what was parsed and printed parses equal; a URI equals itself. */
#include "base/arena.h"
#include "sip/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char out[1 << 16], plain[1 << 16];
	struct buf b = BUF_OF(out), p = BUF_OF(plain);
	struct sip_uri uri, back;

	if (n > sizeof(out) / 2 || sip_uri_parse(str_make((const char *)data, n), &uri))
		return 0;
	sip_uri_print(&b, &uri);
	BUG_ON(!buf_ok(&b));
	BUG_ON(sip_uri_parse(buf_str(&b), &back) != ERR_OK);
	BUG_ON(!sip_uri_equal(&uri, &uri));
	BUG_ON(!sip_uri_equal(&uri, &back) || !sip_uri_equal(&back, &uri));
	if (!sip_unescape(uri.user, &p)) {
		b = BUF_OF(out);
		sip_escape_user(&b, buf_str(&p));
	}
	return 0;
}
