/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "count.h"
#include "paths.h"
#include "sip/digest.h"
#include "sip/print.h"
#include "sip/sdp.h"

#define SDP                                                                                        \
	"v=0\r\n"                                                                                  \
	"o=- 3735928559 3735928559 IN IP4 192.168.1.23\r\n"                                        \
	"s=-\r\n"                                                                                  \
	"c=IN IP4 192.168.1.23\r\n"                                                                \
	"t=0 0\r\n"                                                                                \
	"m=audio 11780 RTP/AVP 9 8 0 18 101\r\n"                                                   \
	"a=rtpmap:9 G722/8000\r\n"                                                                 \
	"a=rtpmap:8 PCMA/8000\r\n"                                                                 \
	"a=rtpmap:0 PCMU/8000\r\n"                                                                 \
	"a=rtpmap:18 G729/8000\r\n"                                                                \
	"a=fmtp:18 annexb=no\r\n"                                                                  \
	"a=rtpmap:101 telephone-event/8000\r\n"                                                    \
	"a=fmtp:101 0-15\r\n"                                                                      \
	"a=ptime:20\r\n"                                                                           \
	"a=sendrecv\r\n"

#define NONCE "52f9a9c0000000006f1e2d3c4b5a69788796a5b4c3d2e1f0"
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST(uri)                                                                                \
	"Digest username=\"alice\", realm=\"example.com\", nonce=\"" NONCE "\", uri=\"" uri        \
	"\", response=\"" HEX64 "\", algorithm=SHA-256, qop=auth, nc=0000002a, cnonce=\"9b1d77\""

const struct str sample_sdp = STR(SDP);

static const struct str invite = STR(
	"INVITE sip:bob@example.com SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 192.168.1.23:5060;branch=z9hG4bK-524287-1---b6dd1b9f2f3d1c5a;rport\r\n"
	"Max-Forwards: 70\r\n"
	"Contact: <sip:alice@192.168.1.23:5060;transport=UDP>\r\n"
	"To: \"Bob\" <sip:bob@example.com>\r\n"
	"From: \"Alice\" <sip:alice@example.com>;tag=9d1e7b3f\r\n"
	"Call-ID: 84b1c5d2a6f04e0c9c1f3b7a5d9e2f10@192.168.1.23\r\n"
	"CSeq: 2 INVITE\r\n"
	"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, NOTIFY, UPDATE, REFER, MESSAGE\r\n"
	"Supported: replaces, timer, path, norefersub\r\n"
	"Session-Expires: 1800;refresher=uac\r\n"
	"Min-SE: 90\r\n"
	"User-Agent: DeskPhone T46 66.86.0.15\r\n"
	"Authorization: " DIGEST("sip:bob@example.com") "\r\n"
							"Content-Type: application/sdp\r\n"
							"Content-Length: 309\r\n"
							"\r\n" SDP);

static const struct str registration = STR(
	"REGISTER sip:example.com SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 192.168.1.23:5060;branch=z9hG4bK-524287-2---0c4f7d2e9a8b6315;rport\r\n"
	"Max-Forwards: 70\r\n"
	"Contact: <sip:alice@192.168.1.23:5060;transport=UDP;rinstance=7ac1d0e59b3f2684>"
	";expires=3600;q=0.8;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-001565a1b2c3>\"\r\n"
	"To: \"Alice\" <sip:alice@example.com>\r\n"
	"From: \"Alice\" <sip:alice@example.com>;tag=5c3e9f0a\r\n"
	"Call-ID: 3f9c2a7be1d84d16b0a5c8e7f4d3b2a1@192.168.1.23\r\n"
	"CSeq: 42 REGISTER\r\n"
	"Expires: 3600\r\n"
	"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, NOTIFY, UPDATE, REFER, MESSAGE\r\n"
	"Supported: path, outbound, gruu\r\n"
	"User-Agent: DeskPhone T46 66.86.0.15\r\n"
	"Authorization: " DIGEST("sip:example.com") "\r\n"
						    "Content-Length: 0\r\n"
						    "\r\n");

static struct sip_msg *parse(struct str text)
{
	struct sip_fault fault;
	struct sip_msg *m;

	BUG_ON(sip_msg_parse(text, &m, &fault) != ERR_OK);
	return m;
}

/* ---- parse ---- */

static void read_contacts(const struct sip_msg *m)
{
	struct sip_hdr_iter it = { 0 };
	struct str value;

	while (sip_msg_next(m, SIP_HDR_CONTACT, &it, &value)) {
		struct sip_addr a;
		uint32_t seconds;
		unsigned q;
		bool given;

		BUG_ON(sip_addr_parse(value, &a) != ERR_OK);
		BUG_ON(sip_contact_expires(&a, &given, &seconds) != ERR_OK);
		BUG_ON(sip_contact_q(&a, &q) != ERR_OK);
		BUG_ON(!sip_uri_param(&a.uri, STR("transport")).p);
	}
}

static void read_credentials(const struct sip_msg *m)
{
	struct digest_response r;

	BUG_ON(digest_response_parse(sip_msg_hdr(m, SIP_HDR_AUTHORIZATION), &r) != ERR_OK);
	BUG_ON(r.nc != 0x2a);
}

static void parse_invite(void)
{
	struct sip_msg *m = parse(invite);
	struct sip_session_expires session;
	struct sdp sdp;

	read_credentials(m);
	read_contacts(m);
	BUG_ON(!sip_msg_list_has(m, SIP_HDR_SUPPORTED, STR("timer")));
	BUG_ON(!sip_msg_list_has(m, SIP_HDR_ALLOW, STR("UPDATE")));
	BUG_ON(sip_session_expires_parse(sip_msg_hdr(m, SIP_HDR_SESSION_EXPIRES), &session));
	BUG_ON(sip_msg_hdr(m, SIP_HDR_REQUIRE).p || sip_msg_hdr(m, SIP_HDR_ROUTE).p);
	BUG_ON(sdp_parse(m->body, &sdp) != ERR_OK || sdp.media_count != 1);
	sip_msg_unref(m);
}

static void parse_register(void)
{
	struct sip_msg *m = parse(registration);
	uint32_t seconds;

	read_credentials(m);
	read_contacts(m);
	BUG_ON(sip_seconds_parse(sip_msg_hdr(m, SIP_HDR_EXPIRES), &seconds) != ERR_OK);
	BUG_ON(!sip_msg_list_has(m, SIP_HDR_SUPPORTED, STR("path")));
	BUG_ON(!sip_msg_hdr(m, SIP_HDR_USER_AGENT).n || sip_msg_hdr(m, SIP_HDR_PATH).p);
	sip_msg_unref(m);
}

/* The first time loads code and grows the heap: not counted. */
static void repeat(void (*work)(void), unsigned n)
{
	enum part before;

	work();
	count_choose(PART_SERVICE);
	before = count_enter(PART_SERVICE);
	for (unsigned i = 0; i < n; i++)
		work();
	count_leave(before);
	count_choose(PART_NONE);
}

static void parse_both(void)
{
	parse_invite();
	parse_register();
}

void path_parse(unsigned n)
{
	repeat(parse_both, n);
}

/* ---- print ---- */

static void print_ok(struct buf *b, const struct sip_msg *req)
{
	const struct sip_extra extra[] = {
		{ .id = SIP_HDR_DATE, .value = STR("Sun, 08 Nov 2009 12:00:00 GMT") },
		{ .id = SIP_HDR_SERVER, .value = STR("Tandem") },
	};
	const struct sip_reply ok = { .status = 200,
		.to_tag = STR("00c0ffee00c0ffee00"),
		.contact = STR("<sip:alice@192.168.1.23:5060;transport=UDP>;expires=3600"),
		.extra = extra,
		.extra_count = 2 };

	sip_print_reply(b, req, STR("203.0.113.7"), 40112, &ok);
}

static void print_forwarded(struct buf *b, const struct sip_msg *req)
{
	sip_print_request_line(b, req->method_name, STR("sip:bob@192.168.1.42:5060;transport=UDP"));
	sip_print_hdr_fmt(b, SIP_HDR_VIA, "SIP/2.0/%s %s;branch=z9hG4bK%.*s;rport", "UDP",
		"203.0.113.1:5060", STR_ARG(STR("00abcdefghijklmnop")));
	sip_print_hdr_u32(b, SIP_HDR_MAX_FORWARDS, req->max_forwards - 1);
	sip_print_hdr_fmt(b, SIP_HDR_FROM, "%.*s;tag=%.*s",
		STR_ARG(STR("\"Alice\" <sip:alice@example.com>")),
		STR_ARG(STR("00abcdefghijklmnop")));
	sip_print_hdr(b, SIP_HDR_TO, req->to.text);
	sip_print_hdr(b, SIP_HDR_CALL_ID, req->call_id);
	sip_print_hdr_fmt(b, SIP_HDR_CSEQ, "%u %.*s", 1u, STR_ARG(req->method_name));
	sip_print_hdr(b, SIP_HDR_CONTACT, STR("<sip:00abcdefghijklmnop@203.0.113.1:5060>"));
	sip_print_copy(b, req, SIP_HDR_ALLOW);
	sip_print_copy(b, req, SIP_HDR_SUPPORTED);
	sip_print_hdr_u32(b, SIP_HDR_SESSION_EXPIRES, 1800);
	sip_print_hdr(b, SIP_HDR_USER_AGENT, STR("Tandem"));
	sip_print_body(b, STR("application/sdp"), req->body);
}

void path_print(unsigned n)
{
	struct sip_msg *call = parse(invite), *reg = parse(registration);
	char mem[4096];

	for (unsigned i = 0; i <= n; i++) {
		struct buf ok = BUF_OF(mem);
		enum part before = count_enter(PART_SERVICE);

		print_ok(&ok, reg);
		BUG_ON(!buf_ok(&ok));
		ok.n = 0;
		print_forwarded(&ok, call);
		BUG_ON(!buf_ok(&ok));
		count_leave(before);
		if (i == 0) /* the first was not counted */
			count_choose(PART_SERVICE);
	}
	count_choose(PART_NONE);
	sip_msg_unref(call);
	sip_msg_unref(reg);
}
