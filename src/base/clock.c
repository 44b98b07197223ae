/* SPDX-License-Identifier: BSD-3-Clause */
#include <time.h>

#include "base/clock.h"

void clock_read(struct clock *c)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	c->mono_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	clock_gettime(CLOCK_REALTIME, &t);
	c->wall_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	c->wall_ms = c->wall_us / 1000;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static void broken_down(int64_t wall_ms, struct tm *tm)
{
	time_t seconds = (time_t)floor_div(wall_ms, 1000);

	BUG_ON(!gmtime_r(&seconds, tm));
}

void clock_print_rfc1123(struct buf *b, int64_t wall_ms)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;

	broken_down(wall_ms, &tm);
	buf_printf(b, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * tm.tm_wday, tm.tm_mday,
		months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void put_digits(char *last, unsigned v)
{
	for (; v; v /= 10)
		*last-- = (char)('0' + v % 10);
}

/* By hand, as every stored row and every event has some. Years have four digits. */
void clock_print_iso(struct buf *b, int64_t wall_ms)
{
	char text[] = "0000-00-00T00:00:00.000Z";
	struct tm tm;

	broken_down(wall_ms, &tm);
	put_digits(text + 3, (unsigned)(tm.tm_year + 1900) % 10000);
	put_digits(text + 6, (unsigned)tm.tm_mon + 1);
	put_digits(text + 9, (unsigned)tm.tm_mday);
	put_digits(text + 12, (unsigned)tm.tm_hour);
	put_digits(text + 15, (unsigned)tm.tm_min);
	put_digits(text + 18, (unsigned)tm.tm_sec);
	put_digits(text + 22, (unsigned)(wall_ms - floor_div(wall_ms, 1000) * 1000));
	buf_add(b, str_of(text));
}

/* n digits at *s, cut off it. */
static bool digits(struct str *s, size_t n, int *out)
{
	uint32_t v;

	if (s->n < n || str_u32(str_first(*s, n), &v))
		return false;
	*out = (int)v;
	*s = str_from(*s, n);
	return true;
}

static bool literal(struct str *s, char c)
{
	if (s->n == 0 || s->p[0] != c)
		return false;
	*s = str_from(*s, 1);
	return true;
}

/* ".354" or ".3540000": the first three digits count. */
static bool fraction(struct str *s, int *ms)
{
	int scale = 100;

	*ms = 0;
	if (!literal(s, '.'))
		return true;
	if (s->n == 0 || s->p[0] < '0' || s->p[0] > '9')
		return false;
	for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; *s = str_from(*s, 1)) {
		*ms += scale * (s->p[0] - '0');
		scale /= 10;
	}
	return true;
}

enum err clock_parse_iso(struct str s, int64_t *wall_ms)
{
	struct tm tm = { 0 };
	int ms;

	s = str_trim(s);
	if (!digits(&s, 4, &tm.tm_year) || !literal(&s, '-') || !digits(&s, 2, &tm.tm_mon) ||
		!literal(&s, '-') || !digits(&s, 2, &tm.tm_mday) || !literal(&s, 'T') ||
		!digits(&s, 2, &tm.tm_hour) || !literal(&s, ':') || !digits(&s, 2, &tm.tm_min) ||
		!literal(&s, ':') || !digits(&s, 2, &tm.tm_sec) || !fraction(&s, &ms))
		return ERR_SYNTAX;
	if (!str_eq(s, STR("Z")) && !str_eq(s, STR("+00:00")))
		return ERR_SYNTAX;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
		tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 60)
		return ERR_RANGE;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*wall_ms = (int64_t)timegm(&tm) * 1000 + ms;
	return ERR_OK;
}
