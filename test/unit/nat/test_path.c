/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether media has a way, and why not in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nat/path.h"

static struct addr at(const char *text)
{
	struct addr a = { 0 };

	if (text)
		assert_int_equal(addr_parse(str_of(text), &a), ERR_OK);
	return a;
}

static void test_kinds(void **state)
{
	static const struct {
		const char *stated, *observed;
		bool stream;
		enum nat_kind kind;
	} rows[] = {
		{ "192.168.1.5:5060", "203.0.113.9:5060", false, NAT_KEEPS_PORTS },
		{ "192.168.1.5:5060", "203.0.113.9:1024", false, NAT_CHANGES_PORTS },
		{ "192.168.1.5:5060", "203.0.113.9:5060", true, NAT_UNKNOWN },
		{ "203.0.113.9:5060", "203.0.113.9:5060", false, NAT_NONE },
		{ "203.0.113.9:5060", "203.0.113.9:1024", true, NAT_NONE },
		{ NULL, "203.0.113.9:1024", false, NAT_UNKNOWN },
		{ "192.168.1.5:5060", NULL, false, NAT_UNKNOWN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct addr stated = at(rows[i].stated), observed = at(rows[i].observed);

		assert_int_equal(nat_kind_of(&stated, &observed, !rows[i].stream), rows[i].kind);
	}
}

static void test_contacts(void **state)
{
	struct addr observed = at("203.0.113.9:5060");

	assert_int_equal(
		nat_kind_of_contact(STR("sip:a@203.0.113.9:5060"), &observed, true), NAT_NONE);
	assert_int_equal(
		nat_kind_of_contact(STR("sip:a@10.0.0.1"), &observed, true), NAT_KEEPS_PORTS);
	assert_int_equal(nat_kind_of_contact(STR("sip:a@10.0.0.1:5062;ob"), &observed, true),
		NAT_CHANGES_PORTS);
	assert_int_equal(nat_kind_of_contact(STR("sip:a@phone"), &observed, true), NAT_UNKNOWN);
	assert_int_equal(nat_kind_of_contact(STR("what"), &observed, true), NAT_UNKNOWN);
}

struct end { /* of a row: what it said became of it, and what is in front of it */
	enum nat_reason reason;
	enum nat_kind kind;
	const char *given;
	bool provider, ice;
};

static struct nat_end end_of(const struct end *e, const char *who)
{
	return (struct nat_end){ .who = who,
		.kind = e->kind,
		.provider = e->provider,
		.said = { .reason = e->reason,
			.ice = e->ice,
			.given = at(e->given ? e->given : "203.0.113.9:4000") } };
}

static const struct {
	struct end a, b;
	enum nat_path path;
	const char *words; /* that must be in the reason */
} rows[] = {
	{ { NAT_KEPT_REACHABLE, NAT_NONE }, { NAT_KEPT_REACHABLE, NAT_NONE }, NAT_PATH_DIRECT,
		"both can be reached" },
	{ { NAT_KEPT_NETWORK, 0, "10.0.0.1:1" }, { NAT_KEPT_NETWORK, 0, "10.0.0.2:1" },
		NAT_PATH_DIRECT, "one network" },
	{ { NAT_KEPT_ADDRESS, NAT_SYMMETRIC, "10.0.0.1:1" },
		{ NAT_KEPT_ADDRESS, NAT_SYMMETRIC, "10.0.0.2:1" }, NAT_PATH_DIRECT, "one network" },
	{ { NAT_KEPT_REACHABLE, 0, "10.0.0.1:1" }, { NAT_KEPT_REACHABLE, 0, "10.0.0.2:1" },
		NAT_PATH_DIRECT, "one network" },
	{ { NAT_NO_MEDIA }, { NAT_KEPT_NO_WAY, 0, "10.0.0.1:1" }, NAT_PATH_DIRECT, "no media" },
	{ { NAT_UNREADABLE }, { NAT_BY_SIGNALLING, NAT_SYMMETRIC }, NAT_PATH_DIRECT, "no media" },
	/* two families */
	{ { NAT_KEPT_REACHABLE, 0, "[2001:db8::1]:4" }, { NAT_KEPT_REACHABLE, NAT_NONE },
		NAT_PATH_NONE, "the media of A is on IPv6, that of B on IPv4" },
	{ { NAT_KEPT_REACHABLE, 0, "[::ffff:203.0.113.9]:4" }, { NAT_KEPT_REACHABLE, NAT_NONE },
		NAT_PATH_DIRECT, "both can be reached" },
	/* one behind a NAT */
	{ { NAT_BY_SIGNALLING, NAT_KEEPS_PORTS }, { NAT_KEPT_REACHABLE, NAT_NONE }, NAT_PATH_LIKELY,
		"A is behind a NAT that keeps ports: B reaches it if" },
	{ { NAT_BY_SIGNALLING, NAT_CHANGES_PORTS }, { NAT_KEPT_REACHABLE, NAT_NONE },
		NAT_PATH_DOUBTFUL, "it is heard only if B answers to where media comes from" },
	{ { NAT_KEPT_REACHABLE, NAT_NONE }, { NAT_BY_SIGNALLING, NAT_SYMMETRIC }, NAT_PATH_DOUBTFUL,
		"B is behind a symmetric NAT" },
	{ { NAT_BY_SIGNALLING, NAT_SYMMETRIC }, { NAT_KEPT_REACHABLE, 0, .provider = true },
		NAT_PATH_LIKELY, "providers answer to where media comes from" },
	{ { NAT_KEPT_NO_WAY, 0, "10.0.0.1:1" }, { NAT_KEPT_REACHABLE, 0, .provider = true },
		NAT_PATH_LIKELY, "A is told of at a private address" },
	{ { NAT_BY_RENDEZVOUS, NAT_CHANGES_PORTS }, { NAT_KEPT_REACHABLE, NAT_NONE },
		NAT_PATH_DIRECT, "both can be reached" },
	/* both behind NATs */
	{ { NAT_BY_SIGNALLING, NAT_KEEPS_PORTS }, { NAT_BY_SIGNALLING, NAT_KEEPS_PORTS },
		NAT_PATH_LIKELY, "if the routers keep port numbers" },
	{ { NAT_BY_SIGNALLING, NAT_UNKNOWN }, { NAT_BY_SIGNALLING, NAT_KEEPS_PORTS },
		NAT_PATH_DOUBTFUL, "perhaps behind a NAT" },
	{ { NAT_BY_SIGNALLING, NAT_NONE }, { NAT_BY_SIGNALLING, NAT_NONE }, NAT_PATH_DOUBTFUL,
		"perhaps behind a NAT" },
	{ { NAT_BY_SIGNALLING, NAT_CHANGES_PORTS }, { NAT_BY_SIGNALLING, NAT_KEEPS_PORTS },
		NAT_PATH_NONE, "nothing gets through unless a router lets anybody in" },
	{ { NAT_BY_SIGNALLING, NAT_SYMMETRIC }, { NAT_BY_SIGNALLING, NAT_SYMMETRIC }, NAT_PATH_NONE,
		"A is behind a symmetric NAT and B is behind a symmetric NAT: nothing" },
	{ { NAT_BY_RENDEZVOUS, NAT_CHANGES_PORTS }, { NAT_BY_RENDEZVOUS, NAT_KEEPS_PORTS },
		NAT_PATH_LIKELY, "its media socket known" },
	{ { NAT_BY_RENDEZVOUS, NAT_SYMMETRIC }, { NAT_BY_RENDEZVOUS, NAT_CHANGES_PORTS },
		NAT_PATH_NONE, "A is behind a symmetric NAT" },
	{ { NAT_BY_RENDEZVOUS, NAT_CHANGES_PORTS }, { NAT_BY_SIGNALLING, NAT_KEEPS_PORTS },
		NAT_PATH_LIKELY, "if the routers keep port numbers" },
	{ { NAT_KEPT_NO_WAY, 0, "10.0.0.1:1" }, { NAT_BY_SIGNALLING, NAT_KEEPS_PORTS },
		NAT_PATH_NONE, "nothing gets through unless a router lets anybody in" },
	{ { NAT_KEPT_POLICY, 0, "10.0.0.1:1" }, { NAT_BY_SIGNALLING, NAT_KEEPS_PORTS },
		NAT_PATH_NONE, "private address" },
	{ { NAT_BY_PUBLIC_ADDRESS, NAT_NONE }, { NAT_KEPT_REACHABLE, NAT_NONE }, NAT_PATH_DIRECT,
		"both can be reached" },
	{ { NAT_BY_PUBLIC_ADDRESS, NAT_NONE }, { NAT_BY_SIGNALLING, NAT_KEEPS_PORTS },
		NAT_PATH_LIKELY, "A reaches it if its router keeps port numbers" },
	/* ICE of both, of one */
	{ { NAT_KEPT_ICE, 0, "10.0.0.1:1", .ice = true },
		{ NAT_KEPT_ICE, 0, "10.0.9.2:1", .ice = true }, NAT_PATH_LIKELY, "both know ICE" },
	{ { NAT_KEPT_ICE, 0, "10.0.0.1:1", .ice = true }, { NAT_BY_SIGNALLING, NAT_KEEPS_PORTS },
		NAT_PATH_NONE, "private address" },
};

static void test_paths(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct nat_end a = end_of(&rows[i].a, "A"), b = end_of(&rows[i].b, "B");
		char text[400];
		struct buf why = BUF_OF(text);
		enum nat_path path = nat_path_between(&a, &b, &why);
		struct str words = str_of(rows[i].words);

		if (path != rows[i].path || str_find_str(buf_str(&why), words) == why.n)
			print_error("row %zu: %s, %.*s\n", i, nat_path_name(path),
				STR_ARG(buf_str(&why)));
		assert_true(buf_ok(&why));
		assert_int_equal(path, rows[i].path);
		assert_true(str_find_str(buf_str(&why), words) < why.n);
	}
}

/* Who is asked first does not matter. */
static void test_both_ways(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct nat_end a = end_of(&rows[i].a, "A"), b = end_of(&rows[i].b, "B");
		char text[400];
		struct buf why = BUF_OF(text);

		assert_int_equal(nat_path_between(&b, &a, &why), rows[i].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_contacts),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
