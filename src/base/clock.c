/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include <time.h>

#include "base/clock.h"

void clock_read(struct clock *c)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	c->mono_ms = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
	clock_gettime(CLOCK_REALTIME, &t);
	c->wall_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	c->wall_ms = c->wall_us / 1000;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* A moment in UTC, as people write it. */
struct civil {
	unsigned year, month, day; /* month and day from 1 */
	unsigned weekday; /* from Sunday, 0 */
	unsigned hour, minute, second, ms;
};

static unsigned at_most(unsigned v, unsigned max)
{
	return v < max ? v : max;
}

/*
 * Years begin in March here, so that the day of a leap year is the last one; 400 of them have
 * 146,097 days, a century 36,524, four years 1,461; the last of each is longer by a day.
 */
static void set_date(struct civil *c, int64_t days_since_1970)
{
	int64_t days = days_since_1970 + 719468; /* since 0000-03-01 */
	int64_t era = floor_div(days, 146097);
	unsigned left = (unsigned)(days - era * 146097);
	unsigned century = at_most(left / 36524, 3), four, year, month;

	left -= century * 36524;
	four = left / 1461;
	left -= four * 1461;
	year = at_most(left / 365, 3);
	left -= year * 365;
	month = (5 * left + 2) / 153; /* five months have 153 days */
	c->day = left - (153 * month + 2) / 5 + 1;
	c->month = month < 10 ? month + 3 : month - 9;
	c->year = (unsigned)(era * 400) + century * 100 + four * 4 + year + (month >= 10);
	c->weekday = (unsigned)(days_since_1970 - 7 * floor_div(days_since_1970 + 4, 7) + 4);
}

/* The other way. A day beyond the end of its month is one of the next. */
static int64_t days_since_1970(unsigned year, unsigned month, unsigned day)
{
	unsigned from_march = month > 2 ? month - 3 : month + 9;
	int64_t y = (int64_t)year - (month <= 2);
	int64_t era = floor_div(y, 400), of_era = y - era * 400;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 +
		(153 * from_march + 2) / 5 + day - 1 - 719468;
}

static void set_civil(struct civil *c, int64_t wall_ms)
{
	int64_t days = floor_div(wall_ms, 86400000);
	unsigned ms = (unsigned)(wall_ms - days * 86400000);

	set_date(c, days);
	c->hour = ms / 3600000;
	c->minute = ms / 60000 % 60;
	c->second = ms / 1000 % 60;
	c->ms = ms % 1000;
}

static void put2(char *at, unsigned v)
{
	at[0] = (char)('0' + v / 10 % 10);
	at[1] = (char)('0' + v % 10);
}

/* Both by hand, as every stored row, event and answer has one. Years have four digits. */
void clock_print_rfc1123(struct buf *b, int64_t wall_ms)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char text[] = "Sun, 00 Jan 0000 00:00:00 GMT";
	struct civil c;

	set_civil(&c, wall_ms);
	memcpy(text, days + 3 * (size_t)c.weekday, 3);
	put2(text + 5, c.day);
	memcpy(text + 8, months + 3 * (size_t)(c.month - 1), 3);
	put2(text + 12, c.year / 100);
	put2(text + 14, c.year);
	put2(text + 17, c.hour);
	put2(text + 20, c.minute);
	put2(text + 23, c.second);
	buf_add(b, str_make(text, sizeof(text) - 1));
}

void clock_print_iso(struct buf *b, int64_t wall_ms)
{
	char text[] = "0000-00-00T00:00:00.000Z";
	struct civil c;

	set_civil(&c, wall_ms);
	put2(text, c.year / 100);
	put2(text + 2, c.year);
	put2(text + 5, c.month);
	put2(text + 8, c.day);
	put2(text + 11, c.hour);
	put2(text + 14, c.minute);
	put2(text + 17, c.second);
	put2(text + 20, c.ms / 10);
	text[22] = (char)('0' + c.ms % 10);
	buf_add(b, str_make(text, sizeof(text) - 1));
}

/* n digits at *s, cut off it. */
static bool digits(struct str *s, size_t n, unsigned *out)
{
	unsigned v = 0;

	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(s->p[i] - '0');
	}
	*out = v;
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
	unsigned year, month, day, hour, minute, second;
	int ms;

	s = str_trim(s);
	if (!digits(&s, 4, &year) || !literal(&s, '-') || !digits(&s, 2, &month) ||
		!literal(&s, '-') || !digits(&s, 2, &day) || !literal(&s, 'T') ||
		!digits(&s, 2, &hour) || !literal(&s, ':') || !digits(&s, 2, &minute) ||
		!literal(&s, ':') || !digits(&s, 2, &second) || !fraction(&s, &ms))
		return ERR_SYNTAX;
	if (!str_eq(s, STR("Z")) && !str_eq(s, STR("+00:00")))
		return ERR_SYNTAX;
	if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
		second > 60)
		return ERR_RANGE;
	*wall_ms =
		(days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) *
			1000 +
		ms;
	return ERR_OK;
}
