/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of the addresses in an SDP. "|" stands for a line end in the tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nat/media.h"

struct seen { /* what rendezvous knows */
	const char *own, *outside;
};

struct row {
	const char *from, *to; /* where the signalling comes from; NULL: not known */
	const char *before;
	const char *after; /* NULL: as before, byte for byte */
	enum nat_reason reason;
	enum nat_policy from_policy, to_policy;
	const char *from_network, *to_network;
	bool leave, to_provider;
	const char *public_address;
	const struct seen *seen; /* ends with a NULL */
};

static const char *const inside = "10.0.0.5:5060", *const inside2 = "10.0.0.6:5060";
static const char *const out1 = "203.0.113.9:33445", *const out2 = "198.51.100.7:5060";
static const char *const out6 = "[2001:db8:7::5]:5060";

#define HEAD "v=0|o=- 1 1 IN IP4 192.168.1.5|s=-|"
#define AUDIO "t=0 0|m=audio 4000 RTP/AVP 0 8|a=rtpmap:0 PCMU/8000|"

static bool find(
	void *arg, const struct addr *signalling, const struct addr *own, struct addr *seen)
{
	const struct row *row = arg;
	struct addr a;

	assert_int_equal(addr_parse(str_of(row->from), &a), ERR_OK);
	assert_true(addr_eq(signalling, &a));
	for (const struct seen *s = row->seen; s->own; s++) {
		assert_int_equal(addr_parse(str_of(s->own), &a), ERR_OK);
		if (addr_eq(&a, own))
			return addr_parse(str_of(s->outside), seen) == ERR_OK;
	}
	return false;
}

static void set_addr(struct addr *a, const char *text)
{
	if (text)
		assert_int_equal(addr_parse(str_of(text), a), ERR_OK);
}

static void lines(struct buf *b, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			buf_lit(b, "\r\n");
		else
			buf_char(b, *text);
	}
}

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		static char before[4096], after[4096], got[8192];
		struct buf bb = BUF_OF(before), ab = BUF_OF(after), gb = BUF_OF(got);
		struct nat_rendezvous rendezvous = { .find = find, .arg = (void *)row };
		struct nat_media m = { .from.policy = row->from_policy,
			.from.network = str_of(row->from_network),
			.to.policy = row->to_policy,
			.to.network = str_of(row->to_network),
			.to.provider = row->to_provider,
			.leave = row->leave,
			.rendezvous = row->seen ? &rendezvous : NULL };
		static struct nat_rewrite rewrite;
		struct nat_outcome o;
		bool changed;

		set_addr(&m.from.observed, row->from);
		set_addr(&m.to.observed, row->to);
		set_addr(&m.public_address, row->public_address);
		lines(&bb, row->before);
		lines(&ab, row->after ? row->after : row->before);
		changed = nat_media_plan(&rewrite, buf_str(&bb), &m);
		o = rewrite.out;
		if (changed)
			sdp_print_edited(&gb, &rewrite.edits);
		assert_int_equal(changed, row->after != NULL);
		buf_char(&gb, 0);
		buf_char(&ab, 0);
		if (changed)
			assert_string_equal(got, after);
		if (o.reason != row->reason)
			print_error("row %zu\n", i);
		assert_int_equal(o.reason, row->reason);
	}
}

#define CHECK(rows) check(rows, sizeof(rows) / sizeof(*(rows)))

/* Who is where decides. */
static void test_addresses(void **state)
{
	static const char *const home = HEAD "c=IN IP4 192.168.1.5|" AUDIO;
	static const char *const lan = HEAD "c=IN IP4 10.0.0.5|" AUDIO;
	const struct row rows[] = {
		{ out1, out2, home, HEAD "c=IN IP4 203.0.113.9|" AUDIO, NAT_BY_SIGNALLING },
		{ out1, inside, home, HEAD "c=IN IP4 203.0.113.9|" AUDIO, NAT_BY_SIGNALLING },
		/* others that are private: CGNAT, link-local, loopback, 172.16/12 and not 172.32 */
		{ out1, out2, HEAD "c=IN IP4 100.64.0.1|" AUDIO, HEAD "c=IN IP4 203.0.113.9|" AUDIO,
			NAT_BY_SIGNALLING },
		{ out1, out2, HEAD "c=IN IP4 169.254.3.1|" AUDIO,
			HEAD "c=IN IP4 203.0.113.9|" AUDIO, NAT_BY_SIGNALLING },
		{ out1, out2, HEAD "c=IN IP4 127.0.0.1|" AUDIO, HEAD "c=IN IP4 203.0.113.9|" AUDIO,
			NAT_BY_SIGNALLING },
		{ out1, out2, HEAD "c=IN IP4 172.31.3.1|" AUDIO, HEAD "c=IN IP4 203.0.113.9|" AUDIO,
			NAT_BY_SIGNALLING },
		{ out1, out2, HEAD "c=IN IP4 172.32.3.1|" AUDIO, NULL, NAT_KEPT_REACHABLE },
		/* a media server on a public address of its own */
		{ out1, out2, HEAD "c=IN IP4 192.0.2.77|" AUDIO, NULL, NAT_KEPT_REACHABLE },
		/* behind the same router */
		{ out1, "203.0.113.9:1", home, NULL, NAT_KEPT_ADDRESS },
		/* both with us */
		{ inside, inside2, lan, NULL, NAT_KEPT_REACHABLE },
		/* a second router within our network */
		{ inside, inside2, home, HEAD "c=IN IP4 10.0.0.5|" AUDIO, NAT_BY_SIGNALLING },
		/* from our network to the outside */
		{ inside, out1, lan, NULL, NAT_KEPT_NO_WAY },
		{ .from = inside,
			.to = out1,
			.before = lan,
			.public_address = "192.0.2.1:0",
			.after = HEAD "c=IN IP4 192.0.2.1|" AUDIO,
			.reason = NAT_BY_PUBLIC_ADDRESS },
		{ .from = inside,
			.to = inside2,
			.before = lan,
			.public_address = "192.0.2.1:0",
			.reason = NAT_KEPT_REACHABLE },
		{ .from = out2,
			.to = out1,
			.before = home,
			.public_address = "192.0.2.1:0",
			.after = HEAD "c=IN IP4 198.51.100.7|" AUDIO,
			.reason = NAT_BY_SIGNALLING },
		{ NULL, out1, lan, NULL, NAT_KEPT_NO_WAY },
		/* which stands for its own family, and for phones that are seen in it */
		{ .from = inside,
			.to = out1,
			.before = HEAD "c=IN IP6 fd00::5|" AUDIO,
			.public_address = "192.0.2.1:0",
			.reason = NAT_KEPT_NO_WAY },
		{ .to = out1,
			.before = lan,
			.public_address = "192.0.2.1:0",
			.reason = NAT_KEPT_NO_WAY },
		/* on hold, multicast, a name */
		{ out1, out2, HEAD "c=IN IP4 0.0.0.0|" AUDIO, NULL, NAT_NO_MEDIA },
		{ out1, out2, HEAD "c=IN IP6 ::|" AUDIO, NULL, NAT_NO_MEDIA },
		{ out1, out2, HEAD "c=IN IP4 239.1.1.1/127|" AUDIO, NULL, NAT_NO_MEDIA },
		{ out1, out2, HEAD "c=IN IP4 media.example.com|" AUDIO, NULL, NAT_NO_MEDIA },
		/* what is no SDP */
		{ out1, out2, "hello|c=IN IP4 192.168.1.5|", NULL, NAT_UNREADABLE },
		{ out1, out2, "", NULL, NAT_UNREADABLE },
	};

	CHECK(rows);
}

static void test_ipv6(void **state)
{
	static const char *const ula = HEAD "c=IN IP6 fd00::5|" AUDIO;
	const struct row rows[] = {
		{ out6, out2, ula, HEAD "c=IN IP6 2001:db8:7::5|" AUDIO, NAT_BY_SIGNALLING },
		{ out6, out2, HEAD "c=IN IP6 fe80::1|" AUDIO, HEAD "c=IN IP6 2001:db8:7::5|" AUDIO,
			NAT_BY_SIGNALLING },
		{ out6, out2, HEAD "c=IN IP6 2001:db8:9::5|" AUDIO, NULL, NAT_KEPT_REACHABLE },
		{ out6, "[2001:db8:7::5]:9", ula, NULL, NAT_KEPT_ADDRESS },
		{ "[fd00::5]:5060", "[fd00::6]:5060", ula, NULL, NAT_KEPT_REACHABLE },
		/* the family follows */
		{ out6, out2, HEAD "c=IN IP4 192.168.1.5|" AUDIO,
			HEAD "c=IN IP6 2001:db8:7::5|" AUDIO, NAT_BY_SIGNALLING },
		{ out1, out6, ula, HEAD "c=IN IP4 203.0.113.9|" AUDIO, NAT_BY_SIGNALLING },
		/* IPv4 as IPv6 sockets show it */
		{ "[::ffff:203.0.113.9]:1", "203.0.113.9:2", HEAD "c=IN IP4 192.168.1.5|" AUDIO,
			NULL, NAT_KEPT_ADDRESS },
	};

	CHECK(rows);
}

/* Each media line by itself, with a=rtcp, refused ones, fax. */
static void test_media_lines(void **state)
{
	const struct row rows[] = {
		{ out1, out2,
			HEAD "t=0 0|m=audio 4000 RTP/AVP 0|c=IN IP4 192.168.1.5|a=rtcp:4001 IN IP4 "
			     "192.168.1.5|a=sendrecv|m=video 4002 RTP/AVP 34|c=IN IP4 "
			     "192.168.1.6|b=AS:256|",
			HEAD "t=0 0|m=audio 4000 RTP/AVP 0|c=IN IP4 203.0.113.9|a=rtcp:4001 IN IP4 "
			     "203.0.113.9|a=sendrecv|m=video 4002 RTP/AVP 34|c=IN IP4 "
			     "203.0.113.9|b=AS:256|",
			NAT_BY_SIGNALLING },
		/* one is on a server of its own, one refused, one held */
		{ out1, out2,
			HEAD "c=IN IP4 192.168.1.5|m=audio 4000 RTP/AVP 0|m=video 4002 RTP/AVP "
			     "34|c=IN IP4 192.0.2.7|m=video 0 RTP/AVP 34|c=IN IP4 10.1.1.1|m=audio "
			     "5 RTP/AVP 0|c=IN IP4 0.0.0.0|",
			HEAD "c=IN IP4 203.0.113.9|m=audio 4000 RTP/AVP 0|m=video 4002 RTP/AVP "
			     "34|c=IN IP4 192.0.2.7|m=video 0 RTP/AVP 34|c=IN IP4 10.1.1.1|m=audio "
			     "5 RTP/AVP 0|c=IN IP4 0.0.0.0|",
			NAT_BY_SIGNALLING },
		/* nothing in use */
		{ out1, out2, HEAD "c=IN IP4 192.168.1.5|m=audio 0 RTP/AVP 0|", NULL,
			NAT_NO_MEDIA },
		{ out1, out2, HEAD "c=IN IP4 192.168.1.5|", NULL, NAT_NO_MEDIA },
		/* each has its own line: the session's is nobody's, but phones read it */
		{ out1, out2, HEAD "c=IN IP4 192.168.1.5|m=audio 1 RTP/AVP 0|c=IN IP4 192.168.1.5|",
			HEAD "c=IN IP4 203.0.113.9|m=audio 1 RTP/AVP 0|c=IN IP4 203.0.113.9|",
			NAT_BY_SIGNALLING },
		{ out1, out2, HEAD "c=IN IP4 192.168.1.5|m=image 4000 udptl t38|a=T38FaxVersion:0|",
			HEAD "c=IN IP4 203.0.113.9|m=image 4000 udptl t38|a=T38FaxVersion:0|",
			NAT_BY_SIGNALLING },
		/* only RTCP is private; without an address it goes where the media goes */
		{ out1, out2,
			HEAD "c=IN IP4 192.0.2.7|m=audio 1 RTP/AVP 0|a=rtcp:9 IN IP4 192.168.1.5|",
			HEAD "c=IN IP4 192.0.2.7|m=audio 1 RTP/AVP 0|a=rtcp:9 IN IP4 203.0.113.9|",
			NAT_KEPT_REACHABLE },
		{ out1, out2, HEAD "c=IN IP4 192.168.1.5|m=audio 1 RTP/AVP 0|a=rtcp:9|",
			HEAD "c=IN IP4 203.0.113.9|m=audio 1 RTP/AVP 0|a=rtcp:9|",
			NAT_BY_SIGNALLING },
	};

	CHECK(rows);
}

static void test_ice_stays(void **state)
{
	const struct row rows[] = {
		{ out1, out2,
			HEAD "c=IN IP4 192.168.1.5|" AUDIO
			     "a=candidate:1 1 UDP 1 192.168.1.5 4000 typ host|",
			NULL, NAT_KEPT_ICE },
		{ out1, out2, HEAD "c=IN IP4 192.168.1.5|a=ice-ufrag:abcd|" AUDIO, NULL,
			NAT_KEPT_ICE },
		{ .from = out1,
			.to = out2,
			.from_policy = NAT_ALWAYS,
			.before = HEAD "c=IN IP4 192.168.1.5|a=ice-ufrag:abcd|" AUDIO,
			.reason = NAT_KEPT_ICE },
	};

	CHECK(rows);
}

static void test_policies(void **state)
{
	static const char *const home = HEAD "c=IN IP4 192.168.1.5|" AUDIO;
	static const char *const mended = HEAD "c=IN IP4 203.0.113.9|" AUDIO;
	static const char *const public = HEAD "c=IN IP4 192.0.2.77|" AUDIO;
	const struct row rows[] = {
		{ out1, out2, home, NULL, NAT_KEPT_OPTION, .leave = true },
		{ out1, out2, home, NULL, NAT_KEPT_POLICY, .from_policy = NAT_NEVER },
		/* a phone's says what it sends, a provider's what is sent there, too */
		{ out1, out2, home, mended, NAT_BY_SIGNALLING, .to_policy = NAT_NEVER },
		{ out1, out2, home, NULL, NAT_KEPT_POLICY, .to_policy = NAT_NEVER,
			.to_provider = true },
		{ out1, out2, public, mended, NAT_BY_SIGNALLING, .from_policy = NAT_ALWAYS },
		{ out1, out2, public, NULL, NAT_KEPT_REACHABLE, .to_policy = NAT_ALWAYS,
			.to_provider = true },
		{ out1, "203.0.113.9:1", home, mended, NAT_BY_SIGNALLING,
			.from_policy = NAT_ALWAYS },
		{ out1, out2, HEAD "c=IN IP4 0.0.0.0|" AUDIO, NULL, NAT_NO_MEDIA,
			.from_policy = NAT_ALWAYS },
		{ out1, out2, home, NULL, NAT_KEPT_NETWORK, .from_network = "office",
			.to_network = "Office" },
		{ out1, out2, home, mended, NAT_BY_SIGNALLING, .from_network = "office",
			.to_network = "home" },
		{ out1, out2, home, mended, NAT_BY_SIGNALLING },
		{ out1, out2, home, NULL, NAT_KEPT_NETWORK, .from_policy = NAT_ALWAYS,
			.from_network = "office", .to_network = "office" },
	};

	CHECK(rows);
}

/* Address and port together; RTCP is said where it is not the next port. */
static void test_rendezvous(void **state)
{
	static const struct seen audio[] = { { "192.168.1.5:4000", "203.0.113.9:61000" }, { 0 } };
	static const struct seen both[] = { { "192.168.1.5:4000", "203.0.113.9:61000" },
		{ "192.168.1.5:4001", "203.0.113.9:61055" }, { 0 } };
	static const struct seen next[] = { { "192.168.1.5:4000", "203.0.113.9:61000" },
		{ "192.168.1.5:4001", "203.0.113.9:61001" }, { 0 } };
	static const struct seen apart[] = { { "192.168.1.5:4000", "203.0.113.9:61000" },
		{ "192.168.1.5:4002", "203.0.113.10:62000" }, { 0 } };
	static const struct seen within[] = { { "192.168.1.5:4000", "10.0.0.5:61000" }, { 0 } };
	static const char *const home = HEAD "c=IN IP4 192.168.1.5|m=audio 4000 RTP/AVP 0|a=x|";
	const struct row rows[] = {
		{ out1, out2, home, HEAD "c=IN IP4 203.0.113.9|m=audio 61000 RTP/AVP 0|a=x|",
			NAT_BY_RENDEZVOUS, .seen = audio },
		{ out1, out2, home,
			HEAD "c=IN IP4 203.0.113.9|m=audio 61000 RTP/AVP 0|a=x|a=rtcp:61055 IN IP4 "
			     "203.0.113.9|",
			NAT_BY_RENDEZVOUS, .seen = both },
		{ out1, out2, home, HEAD "c=IN IP4 203.0.113.9|m=audio 61000 RTP/AVP 0|a=x|",
			NAT_BY_RENDEZVOUS, .seen = next },
		{ out1, out2,
			HEAD "c=IN IP4 192.168.1.5|m=audio 4000 RTP/AVP 0|a=rtcp:4001|m=video 4002 "
			     "RTP/AVP 34|a=y|",
			HEAD "c=IN IP4 203.0.113.9|m=audio 61000 RTP/AVP 0|a=rtcp:61055|m=video "
			     "4002 RTP/AVP 34|a=y|",
			NAT_BY_RENDEZVOUS, .seen = both },
		{ out1, out2,
			HEAD "c=IN IP4 192.168.1.5|m=audio 4000 RTP/AVP 0|a=rtcp:4001 IN IP4 "
			     "192.168.1.5|",
			HEAD "c=IN IP4 203.0.113.9|m=audio 61000 RTP/AVP 0|a=rtcp:61055 IN IP4 "
			     "203.0.113.9|",
			NAT_BY_RENDEZVOUS, .seen = both },
		/* two media lines on different outer addresses under one session line */
		{ out1, out2,
			HEAD "c=IN IP4 192.168.1.5|m=audio 4000 RTP/AVP 0|m=video 4002 RTP/AVP "
			     "34|i=camera|a=y|",
			HEAD "c=IN IP4 203.0.113.9|m=audio 61000 RTP/AVP 0|m=video 62000 RTP/AVP "
			     "34|i=camera|c=IN IP4 203.0.113.10|a=y|",
			NAT_BY_RENDEZVOUS, .seen = apart },
		/* another socket is not known */
		{ out1, out2, HEAD "c=IN IP4 192.168.1.5|m=audio 7000 RTP/AVP 0|",
			HEAD "c=IN IP4 203.0.113.9|m=audio 7000 RTP/AVP 0|", NAT_BY_SIGNALLING,
			.seen = audio },
		{ out1, "203.0.113.9:1", home, NULL, NAT_KEPT_ADDRESS, .seen = audio },
		/* seen from within our network: nothing that helps somebody outside */
		{ .from = inside,
			.to = out1,
			.before = home,
			.seen = within,
			.public_address = "192.0.2.1:0",
			.after = HEAD "c=IN IP4 192.0.2.1|m=audio 4000 RTP/AVP 0|a=x|",
			.reason = NAT_BY_PUBLIC_ADDRESS },
		{ .from = inside,
			.to = inside2,
			.before = home,
			.seen = within,
			.after = HEAD "c=IN IP4 10.0.0.5|m=audio 61000 RTP/AVP 0|a=x|",
			.reason = NAT_BY_RENDEZVOUS },
	};

	CHECK(rows);
}

/* As many media lines as are read, with all there is to change in each; one more, and nothing is.
 */
static void test_limits(void **state)
{
	static struct seen seen[2 * SDP_MEDIA_MAX + 1];
	static char own[2 * SDP_MEDIA_MAX][32], before[16384], after[16384], got[65536];
	struct buf bb = BUF_OF(before), ab = BUF_OF(after), gb = BUF_OF(got);
	struct row row = { .from = out1, .seen = seen };
	struct nat_rendezvous rendezvous = { .find = find, .arg = &row };
	struct nat_media m = { .rendezvous = &rendezvous };
	static struct nat_rewrite r;

	set_addr(&m.from.observed, out1);
	set_addr(&m.to.observed, out2);
	buf_lit(&bb, "v=0\r\nc=IN IP4 192.168.1.5\r\n");
	buf_lit(&ab, "v=0\r\nc=IN IP4 203.0.113.9\r\n");
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++) {
		for (unsigned k = 0; k < 2; k++) {
			struct buf ob = BUF_OF(own[2 * i + k]);

			buf_printf(&ob, "192.168.1.5:%u", 4000 + 2 * i + k);
			buf_char(&ob, 0);
			seen[2 * i + k] = (struct seen){ own[2 * i + k],
				k ? "203.0.113.9:61001" : "203.0.113.9:61000" };
		}
		buf_printf(&bb, "m=audio %u RTP/AVP 0\r\nc=IN IP4 192.168.1.5\r\n", 4000 + 2 * i);
		buf_printf(&bb, "a=rtcp:%u IN IP4 192.168.1.5\r\n", 4001 + 2 * i);
		buf_lit(&ab, "m=audio 61000 RTP/AVP 0\r\nc=IN IP4 203.0.113.9\r\n");
		buf_lit(&ab, "a=rtcp:61001 IN IP4 203.0.113.9\r\n");
	}
	assert_true(nat_media_plan(&r, buf_str(&bb), &m));
	assert_int_equal(r.edits.count, SDP_EDITS_MAX);
	sdp_print_edited(&gb, &r.edits);
	assert_true(buf_ok(&gb) && gb.n <= bb.n + NAT_MEDIA_ROOM);
	assert_true(str_eq(buf_str(&gb), buf_str(&ab)));
	buf_lit(&bb, "m=audio 1 RTP/AVP 0\r\n");
	assert_false(nat_media_plan(&r, buf_str(&bb), &m));
	assert_int_equal(r.out.reason, NAT_UNREADABLE);
}

static void test_words(void **state)
{
	struct nat_outcome o = { .reason = NAT_BY_SIGNALLING };
	char text[200];
	struct buf b = BUF_OF(text);

	set_addr(&o.stated, "192.168.1.5:4000");
	set_addr(&o.given, "203.0.113.9:4000");
	nat_outcome_print(&b, &o);
	buf_char(&b, 0);
	assert_string_equal(
		text, "192.168.1.5:4000 became 203.0.113.9:4000, where its signalling comes from");
	assert_int_equal(nat_policy_of(STR("never")), NAT_NEVER);
	assert_int_equal(nat_policy_of(STR("always")), NAT_ALWAYS);
	assert_int_equal(nat_policy_of(STR("")), NAT_AUTO);
	assert_int_equal(nat_policy_of(STR("what")), NAT_AUTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_media_lines),
		cmocka_unit_test(test_ice_stays),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_rendezvous),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
