/* SPDX-License-Identifier: BSD-3-Clause */
/* Slices, buffers, arenas, lists, hashes, time, random numbers, addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <time.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/random.h"
#include "base/zone.h"

static void test_str(void **state)
{
	struct str rest = STR("a,,b"), head;
	uint32_t v;
	uint64_t w;

	assert_true(str_ieq(STR("HeLLo"), STR("hEllO")));
	assert_false(str_ieq(STR("@"), STR("`"))); /* differ by 0x20, but are no letters */
	assert_true(str_cut(&rest, ',', &head) && str_eq(head, STR("a")));
	assert_true(str_cut(&rest, ',', &head) && head.n == 0);
	assert_true(str_cut(&rest, ',', &head) && str_eq(head, STR("b")));
	assert_false(str_cut(&rest, ',', &head));
	assert_int_equal(str_u32(STR("4294967295"), &v), ERR_OK);
	assert_int_equal(v, UINT32_MAX);
	assert_int_equal(str_u32(STR("4294967296"), &v), ERR_RANGE);
	assert_int_equal(str_u64(STR("18446744073709551616"), &w), ERR_RANGE);
	assert_int_equal(str_u32(STR(""), &v), ERR_SYNTAX);
	assert_int_equal(str_u32(STR("+1"), &v), ERR_SYNTAX);
	assert_int_equal(str_find_str(STR("abcabd"), STR("abd")), 3);
	assert_int_equal(str_find_str(STR("ab"), STR("abd")), 2);
	assert_true(str_eq(str_trim(STR(" \r\n\tx y\t")), STR("x y")));
	assert_true(str_cmp(STR("a"), STR("ab")) < 0 && str_cmp(STR("b"), STR("ab")) > 0);
}

static void test_hex(void **state)
{
	char text[8];
	uint8_t bytes[3];
	size_t n;

	str_hex("\x00\xab\x7f", 3, text);
	assert_string_equal(text, "00ab7f");
	assert_int_equal(str_unhex(STR("00AB7f"), bytes, sizeof(bytes), &n), ERR_OK);
	assert_int_equal(n, 3);
	assert_memory_equal(bytes, "\x00\xab\x7f", 3);
	assert_int_equal(str_unhex(STR("0"), bytes, sizeof(bytes), &n), ERR_SYNTAX);
	assert_int_equal(str_unhex(STR("zz"), bytes, sizeof(bytes), &n), ERR_SYNTAX);
	assert_int_equal(str_unhex(STR("00000000"), bytes, sizeof(bytes), &n), ERR_FULL);
}

static void test_buf_keeps_nothing_of_what_does_not_fit(void **state)
{
	char mem[8];
	struct buf b = BUF_OF(mem);

	buf_lit(&b, "1234567");
	buf_lit(&b, "89");
	assert_false(buf_ok(&b));
	buf_char(&b, 'x'); /* it would fit, but the text has a hole */
	assert_true(str_eq(buf_str(&b), STR("1234567")));
	b = BUF_OF(mem);
	buf_printf(&b, "%s", "12345678");
	assert_true(buf_ok(&b) && b.n == 8);
	b = BUF_OF(mem);
	buf_u64(&b, UINT64_MAX);
	assert_false(buf_ok(&b));
}

static void test_printf(void **state)
{
	static const char raw[] = { 'r', 'a', 'w' }; /* no NUL behind it */
	char mem[64], want[64];
	struct buf b = BUF_OF(mem);
	struct arena a;

	buf_printf(&b, "<%.*s>%s;%u%c%.*s.", 3, raw, "", UINT32_MAX, '!', 9, "short");
	assert_true(str_eq(buf_str(&b), STR("<raw>;4294967295!short.")));
	b = BUF_OF(mem);
	buf_printf(&b, "%u%%: %03u %d %-4s|", 50u, 7u, -1, "x");
	assert_true(str_eq(buf_str(&b), STR("50%: 007 -1 x   |")));
	b = (struct buf){ .p = mem, .max = 5 };
	buf_lit(&b, "1");
	buf_printf(&b, "%s-%s", "23", "45"); /* all or nothing */
	assert_true(!buf_ok(&b) && str_eq(buf_str(&b), STR("1")));

	arena_init(&a, 64);
	memset(want, 'w', sizeof(want));
	for (int n = 0; n < 64; n++)
		assert_true(str_eq(
			str_of(arena_printf(&a, "%.*s", n, want)), str_make(want, (size_t)n)));
	assert_int_equal(strlen(arena_printf(&a, "%0*d", 1000, 1)), 1000);
	assert_int_equal(strlen(arena_printf(&a, "%s%s", arena_printf(&a, "%0*d", 400, 1),
				 arena_printf(&a, "%0*d", 400, 1))),
		800);
	arena_fini(&a);
}

static void test_long_printf(void **state)
{
	static char mem[1001];
	struct buf b = BUF_OF(mem);

	buf_printf(&b, "%0*d", 1000, 7);
	assert_true(buf_ok(&b));
	assert_int_equal(b.n, 1000);
	assert_int_equal(mem[999], '7');
}

static void test_arena(void **state)
{
	struct arena a;
	char *big;

	arena_init(&a, 64);
	for (int i = 0; i < 100; i++) {
		char *p = arena_alloc(&a, (size_t)i);

		assert_int_equal((uintptr_t)p % 16, 0);
		memset(p, 0xff, (size_t)i);
	}
	big = arena_alloc(&a, 10000);
	assert_int_equal(big[9999], 0);
	arena_reset(&a);
	assert_int_equal(*(char *)arena_alloc(&a, 8), 0); /* zeroed again */
	assert_null(arena_str(&a, STR_NONE).p);
	assert_string_equal(arena_str(&a, STR("text")).p, "text");
	arena_fini(&a);
}

struct item {
	struct list link;
	struct hash_node node;
	int value;
};

static void test_list(void **state)
{
	struct item items[4] = { { .value = 0 }, { .value = 1 }, { .value = 2 }, { .value = 3 } };
	struct list head, other;
	int expect = 0;

	list_init(&head);
	list_init(&other);
	for (int i = 0; i < 4; i++)
		list_append(i < 2 ? &head : &other, &items[i].link);
	list_splice(&head, &other);
	assert_true(list_empty(&other));
	list_each_safe (it, &head) {
		assert_int_equal(container_of(it, struct item, link)->value, expect++);
		list_del(it);
		list_del(it); /* harmless */
	}
	assert_int_equal(expect, 4);
	assert_true(list_empty(&head));
}

static void drop(struct hash_node *n, void *arg)
{
	hash_del(arg, n);
}

static void test_hash(void **state)
{
	enum { N = 5000 };
	struct item *items = mem_zero(N * sizeof(*items));
	struct hash h;

	hash_init(&h, 1);
	for (int i = 0; i < N; i++) {
		items[i].value = i;
		hash_add(&h, &items[i].node, (uint64_t)i / 2); /* pairs collide */
	}
	for (int i = 0; i < N; i++) {
		unsigned found = 0, same = 0;

		for (struct hash_node *n = hash_find(&h, (uint64_t)i / 2); n; n = hash_next(n)) {
			same += container_of(n, struct item, node)->value == i;
			found++;
		}
		assert_int_equal(found, 2);
		assert_int_equal(same, 1);
	}
	assert_null(hash_find(&h, N));
	hash_each(&h, drop, &h);
	assert_int_equal(h.count, 0);
	hash_fini(&h);
	free(items);
}

static void test_hash_of_text(void **state)
{
	char a[40], b[40];

	for (size_t n = 0; n < sizeof(a); n++) {
		for (size_t i = 0; i < n; i++) {
			a[i] = "aB@[`{zZ09.\x80\xc3"[i % 13];
			b[i] = a[i] >= 'a' && a[i] <= 'z'    ? (char)(a[i] - 32)
				: a[i] >= 'A' && a[i] <= 'Z' ? (char)(a[i] + 32)
							     : a[i];
		}
		assert_int_equal(hash_istr(str_make(a, n)), hash_istr(str_make(b, n)));
		if (n)
			assert_int_not_equal(
				hash_str(str_make(a, n)), hash_str(str_make(a, n - 1)));
	}
	assert_int_not_equal(hash_istr(STR("@")), hash_istr(STR("`")));
}

static void test_time(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = { { "2009-11-08T12:12:21.000Z", 1257682341000 },
		{ "1970-01-01T00:00:00.000Z", 0 }, { "2038-01-19T03:14:08.123Z", 2147483648123 },
		{ "1969-12-31T23:59:59.999Z", -1 } };
	char text[64];
	int64_t ms;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf b = BUF_OF(text);

		clock_print_iso(&b, cases[i].ms);
		assert_true(str_eq(buf_str(&b), str_of(cases[i].text)));
		assert_int_equal(clock_parse_iso(buf_str(&b), &ms), ERR_OK);
		assert_true(ms == cases[i].ms);
	}
	assert_int_equal(clock_parse_iso(STR("2010-02-09T13:01:21.3540000+00:00"), &ms), ERR_OK);
	assert_true(ms == 1265720481354);
	assert_int_equal(clock_parse_iso(STR("2010-02-09 13:01:21"), &ms), ERR_SYNTAX);
	assert_int_equal(clock_parse_iso(STR("2010-13-09T13:01:21Z"), &ms), ERR_RANGE);
}

/* Every day of the years 1600 to 2399 against the C library. */
static void test_dates(void **state)
{
	for (int64_t day = -135140; day < 157054; day++) {
		time_t s = (time_t)(day * 86400 + (day * 7919 & 65535));
		char text[64], want[64];
		struct buf b = BUF_OF(text);
		struct tm tm;

		clock_print_rfc1123(&b, s * 1000 + 999);
		clock_print_iso(&b, s * 1000 + 999);
		gmtime_r(&s, &tm);
		strftime(
			want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT%Y-%m-%dT%H:%M:%S.999Z", &tm);
		if (!str_eq(buf_str(&b), str_of(want)))
			fail_msg("%.*s is not %s", STR_ARG(buf_str(&b)), want);
	}
}

static void test_random(void **state)
{
	struct rng a, b;
	unsigned seen[10] = { 0 };
	char text[64];
	struct buf tb = BUF_OF(text);

	rng_init_seed(&a, 7);
	rng_init_seed(&b, 7);
	for (int i = 0; i < 100; i++)
		assert_true(rng_u64(&a) == rng_u64(&b));
	for (int i = 0; i < 10000; i++)
		seen[rng_below(&a, 10)]++;
	for (int i = 0; i < 10; i++)
		assert_in_range(seen[i], 800, 1200);
	rng_token(&a, &tb, 64);
	for (size_t i = 0; i < 64; i++)
		assert_true(
			(text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'z'));
}

static void round_trip(const char *text, bool private)
{
	char out[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(out);
	struct addr a;

	assert_int_equal(addr_parse(str_of(text), &a), ERR_OK);
	addr_print(&b, &a);
	assert_true(str_eq(buf_str(&b), str_of(text)));
	assert_int_equal(addr_is_private(&a), private);
}

static void check_range(const char *range, const char *ip, bool in)
{
	struct addr_range r;
	struct addr a;

	assert_int_equal(addr_range_parse(str_of(range), &r), ERR_OK);
	assert_int_equal(addr_parse_ip(str_of(ip), 5060, &a), ERR_OK);
	if (addr_in_range(&a, &r) != in)
		fail_msg("%s in %s: not %d", ip, range, in);
}

static void test_addr_range(void **state)
{
	static const char *const bad[] = { "", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/8/8", "10.0.0/8", "2001:db8::/129", "host/8", "10.0.0.0/4294967304" };
	const struct addr none = { 0 };
	struct addr_range r;

	(void)state;
	check_range("10.1.0.0/16", "10.1.255.255", true);
	check_range("10.1.0.0/16", "10.2.0.0", false);
	check_range("10.1.2.3/12", "10.15.0.1", true);
	check_range("10.1.2.3/12", "10.16.0.1", false);
	check_range("192.0.2.1", "192.0.2.1", true);
	check_range("192.0.2.1", "192.0.2.0", false);
	check_range("192.0.2.1/31", "192.0.2.0", true);
	check_range("192.0.2.0/24", "::ffff:192.0.2.9", true);
	check_range("0.0.0.0/0", "203.0.113.9", true);
	check_range("0.0.0.0/0", "2001:db8::1", false);
	check_range("2001:db8::/33", "2001:db8:7fff::1", true);
	check_range("2001:db8::/33", "2001:db8:8000::1", false);
	check_range("::/0", "2001:db8::1", true);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_not_equal(addr_range_parse(str_of(bad[i]), &r), ERR_OK);
	assert_int_equal(addr_range_parse(STR("::/0"), &r), ERR_OK);
	assert_false(addr_in_range(&none, &r));
}

static void test_addr(void **state)
{
	static const char *const bad[] = { "", "1.2.3.4", "1.2.3:5", "1.2.3.4:70000", "::1:5060",
		"[1.2.3.4]:5", "[::1]", "host:5060", "1.2.3.4:" };
	struct addr a, b;

	round_trip("192.0.2.1:5060", false);
	round_trip("0.9.99.100:1", false);
	round_trip("255.10.200.249:65535", false);
	round_trip("[2001:db8::1]:5061", false);
	round_trip("10.1.2.3:1", true);
	round_trip("172.31.0.1:1", true);
	round_trip("172.32.0.1:1", false);
	round_trip("100.64.0.1:1", true);
	round_trip("[fe80::1]:1", true);
	round_trip("[fd00::1]:1", true);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_not_equal(addr_parse(str_of(bad[i]), &a), ERR_OK);
	assert_int_equal(addr_parse(STR("[::ffff:192.0.2.1]:5"), &a), ERR_OK);
	assert_int_equal(addr_parse(STR("192.0.2.1:5"), &b), ERR_OK);
	assert_true(addr_eq(&a, &b));
	assert_true(addr_hash(&a) == addr_hash(&b));
}

/* A chunk is as large as what it was made for, after still larger ones, too. */
static void arena_pieces_larger_than_chunks(void **state)
{
	struct arena a;
	char *p;

	arena_init(&a, 4096);
	(void)arena_alloc(&a, 100 << 10);
	p = arena_alloc(&a, 80 << 10);
	memset(p, 'x', 80 << 10);
	arena_fini(&a);
}

static void zones(void **state)
{
	static const struct {
		const char *zone;
		int64_t at_s;
		int32_t offset_s;
		bool known;
	} rows[] = {
		{ "Europe/Berlin", 1257681600, 3600, true },
		{ "Europe/Berlin", 1247659200, 7200, true },
		{ "America/New_York", 1257681600, -18000, true },
		{ "(UTC+01:00) Amsterdam, Berlin", 0, 3600, true },
		{ "(GMT-05:00) Eastern Time", 0, -18000, true },
		{ "+05:30", 0, 19800, true },
		{ "UTC-3", 0, -10800, true },
		{ "UTC", 0, 0, true },
		{ "(UTC) Dublin", 0, 0, true },
		{ "", 0, 0, false },
		{ "+15:00", 0, 0, false },
		{ "../../../etc/passwd", 0, 0, false },
		{ "/etc/passwd", 0, 0, false },
		{ "Europe", 0, 0, false },
		{ "Nowhere/Here", 0, 0, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int32_t offset;

		assert_int_equal(
			rows[i].known, zone_offset(str_of(rows[i].zone), rows[i].at_s, &offset));
		assert_int_equal(rows[i].offset_s, offset);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_pieces_larger_than_chunks),
		cmocka_unit_test(zones),
		cmocka_unit_test(test_str),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_buf_keeps_nothing_of_what_does_not_fit),
		cmocka_unit_test(test_printf),
		cmocka_unit_test(test_long_printf),
		cmocka_unit_test(test_arena),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_hash_of_text),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_addr),
		cmocka_unit_test(test_addr_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
