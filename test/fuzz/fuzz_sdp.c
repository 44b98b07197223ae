/* SPDX-License-Identifier: BSD-3-Clause */
/* SDP: rewriting nothing changes nothing; rewriting everything leaves the structure as it was. */
#include "base/arena.h"
#include "sip/sdp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct str leave(struct str address, const struct sdp_media *media, void *arg)
{
	(void)address;
	(void)media;
	(void)arg;
	return STR_NONE;
}

static struct str same(struct str address, const struct sdp_media *media, void *arg)
{
	(void)address;
	(void)media;
	(void)arg;
	return STR("192.0.2.1");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static char out[1 << 18];
	struct buf b = BUF_OF(out);
	static struct sdp sdp, back;

	if (n > 4096 || sdp_parse(str_make((const char *)data, n), &sdp))
		return 0;
	sdp_rewrite(&b, &sdp, leave, NULL);
	BUG_ON(!str_eq(buf_str(&b), sdp.text));
	b = BUF_OF(out);
	sdp_rewrite(&b, &sdp, same, NULL);
	BUG_ON(!buf_ok(&b) || sdp_parse(buf_str(&b), &back) != ERR_OK);
	BUG_ON(back.media_count != sdp.media_count || back.ice != sdp.ice);
	return 0;
}
