/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses in SDP: whatever comes, the result is bounded, reads as the same media lines, and has
 * no private address left where there was one to be replaced; what is not rewritten is not written.
 * The first byte chooses who is where; the rest is the body, multipart when it begins with "--".
 */
#include <stdlib.h>

#include "base/arena.h"
#include "nat/body.h"
#include "nat/media.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool find(
	void *arg, const struct addr *signalling, const struct addr *own, struct addr *seen)
{
	(void)arg;
	*seen = *signalling;
	addr_set_port(seen, addr_port(own) ^ 1);
	return addr_port(own) % 4 == 1;
}

static void place(struct addr *a, unsigned where)
{
	static const char *const places[] = { "203.0.113.9:5060", "198.51.100.7:5060",
		"10.0.0.5:5060", "[2001:db8:7::5]:5060" };

	BUG_ON(addr_parse(str_of(places[where % 4]), a) != ERR_OK);
}

static void check_lines(struct str before, struct str after, const struct nat_media *m)
{
	static struct sdp old, new;

	BUG_ON(sdp_parse(before, &old) != ERR_OK || sdp_parse(after, &new) != ERR_OK);
	BUG_ON(old.media_count != new.media_count || old.ice || new.ice);
	BUG_ON(!str_eq(old.origin, new.origin));
	for (unsigned i = 0; i < new.media_count; i++) {
		const struct sdp_media *line = &new.media[i];
		struct addr a;

		BUG_ON(!str_eq(line->type, old.media[i].type));
		BUG_ON((line->port == 0) != (old.media[i].port == 0));
		if (!line->port || addr_parse_ip(line->connection, 0, &a) != ERR_OK)
			continue;
		BUG_ON(addr_is_private(&a) && !addr_is_private(&m->from.observed) &&
			line->connection.p[0] != '[');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct nat_rendezvous rendezvous = { .find = find };
	struct nat_media m = { .from.policy = NAT_AUTO };
	struct str body, sdp;
	static struct nat_rewrite rewrite;
	struct buf b;

	if (n < 2 || n > 8192)
		return 0;
	place(&m.from.observed, data[0]);
	place(&m.to.observed, data[0] >> 2);
	m.from.policy = (data[0] >> 4) % 2 ? NAT_ALWAYS : NAT_AUTO;
	m.rendezvous = data[0] >> 5 & 1 ? &rendezvous : NULL;
	place(&m.public_address, 1);
	body = str_make((const char *)data + 1, n - 1);
	sdp = nat_body_sdp(
		body.p[0] == '-' ? STR("multipart/mixed;boundary=b") : STR("application/sdp"),
		body);
	BUG_ON(sdp.p && (sdp.p < body.p || sdp.p + sdp.n > body.p + body.n));
	b = (struct buf){ .p = mem_alloc(sdp.n + NAT_MEDIA_ROOM), .max = sdp.n + NAT_MEDIA_ROOM };
	if (nat_media_plan(&rewrite, sdp, &m)) {
		sdp_print_edited(&b, &rewrite.edits);
		BUG_ON(!buf_ok(&b));
		check_lines(sdp, buf_str(&b), &m);
	}
	free(b.p);
	return 0;
}
