/* SPDX-License-Identifier: BSD-3-Clause */
#include "bed.h"
#include "paths.h"

enum { CLEAN_UP_S = 40 }; /* no transaction lives longer */

/* One operation, the i-th; done a few times before it is counted. */
typedef void operation(struct bed *b, unsigned i);

static void repeat(struct bed *b, operation *work, unsigned n)
{
	for (unsigned i = 0; i < 2 * PHONES; i++)
		work(b, i);
	bed_advance(b, CLEAN_UP_S);
	count_choose(PART_SERVICE);
	for (unsigned i = 0; i < n; i++)
		work(b, i);
	bed_advance(b, CLEAN_UP_S); /* what an operation leaves behind belongs to it */
	count_choose(PART_NONE);
}

static void with_bed(operation *prepare, operation *work, unsigned n)
{
	struct bed *b = bed_new();

	for (unsigned i = 0; prepare && i < PHONES; i++)
		prepare(b, i);
	repeat(b, work, n);
	bed_free(b);
}

/* ---- OPTIONS ---- */

static void options(struct bed *b, unsigned i)
{
	bed_request(b, i % PHONES, "OPTIONS", "sip:example.com", false);
	bed_expect(b, i % PHONES, "200");
}

void path_options(unsigned n)
{
	with_bed(NULL, options, n);
}

/* ---- REGISTER ---- */

static void challenge(struct bed *b, unsigned i)
{
	bed_request(b, i % PHONES, "REGISTER", "sip:example.com", false);
	bed_expect(b, i % PHONES, "401");
}

static void refresh(struct bed *b, unsigned i)
{
	bed_request(b, i % PHONES, "REGISTER", "sip:example.com", true);
	bed_expect(b, i % PHONES, "200");
}

static void registration(struct bed *b, unsigned i)
{
	challenge(b, i);
	refresh(b, i);
}

void path_register_challenge(unsigned n)
{
	with_bed(NULL, challenge, n);
}

void path_register_refresh(unsigned n)
{
	with_bed(challenge, refresh, n);
}

/* ---- calls: the even phones call the odd ones ---- */

static void call(struct bed *b, unsigned i)
{
	unsigned caller = 2 * i % PHONES, callee = caller + 1;
	const char *const uris[] = { "sip:phone1@example.com", "sip:phone3@example.com",
		"sip:phone5@example.com", "sip:phone7@example.com", "sip:phone9@example.com" };

	agent_forget(b->phones[caller]);
	bed_request(b, caller, "INVITE", uris[caller / 2], true);
	bed_expect(b, caller, "100");
	bed_expect(b, callee, "INVITE");
	bed_respond(b, callee, 180, "INVITE");
	bed_expect(b, caller, "180");
	bed_respond(b, callee, 200, "INVITE");
	bed_expect(b, caller, "200");
	bed_expect(b, callee, "ACK");
	bed_request(b, caller, "ACK", NULL, false);
	bed_request(b, caller, "BYE", NULL, false);
	bed_expect(b, callee, "BYE");
	bed_expect(b, caller, "200");
	bed_respond(b, callee, 200, "BYE");
}

void path_call(unsigned n)
{
	with_bed(registration, call, n);
}
