/* SPDX-License-Identifier: BSD-3-Clause */
/* Zone files: RFC 8536. */
#include "base/zone.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

enum { FILE_MAX = 64 * 1024, HEADER = 44 };

/* ---- a fixed offset ---- */

static unsigned take_number(struct str *s)
{
	unsigned n = 0;

	while (s->n && s->p[0] >= '0' && s->p[0] <= '9' && n < 10000) {
		n = n * 10 + (unsigned)(s->p[0] - '0');
		*s = str_from(*s, 1);
	}
	return n;
}

static bool fixed(struct str zone, int32_t *offset_s)
{
	unsigned hours, minutes = 0;
	bool west, utc;

	if (str_starts(zone, STR("(")))
		zone = str_from(zone, 1);
	utc = str_istarts(zone, STR("UTC")) || str_istarts(zone, STR("GMT"));
	if (utc)
		zone = str_trim(str_from(zone, 3));
	if (!zone.n || (zone.p[0] != '+' && zone.p[0] != '-'))
		return utc && (!zone.n || zone.p[0] == ')');
	west = zone.p[0] == '-';
	zone = str_from(zone, 1);
	hours = take_number(&zone);
	if (str_starts(zone, STR(":"))) {
		zone = str_from(zone, 1);
		minutes = take_number(&zone);
	}
	if (hours > 14 || minutes > 59)
		return false;
	*offset_s = (int32_t)(hours * 3600 + minutes * 60) * (west ? -1 : 1);
	return true;
}

/* ---- a zone file ---- */

static uint32_t u32_at(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t i64_at(const uint8_t *p)
{
	return (int64_t)((uint64_t)u32_at(p) << 32 | u32_at(p + 4));
}

struct block { /* counts of a header, in its order */
	size_t ut, standard, leaps, times, types, chars;
};

static bool read_header(const uint8_t *p, size_t n, struct block *b)
{
	if (n < HEADER || memcmp(p, "TZif", 4) != 0)
		return false;
	*b = (struct block){ u32_at(p + 20), u32_at(p + 24), u32_at(p + 28), u32_at(p + 32),
		u32_at(p + 36), u32_at(p + 40) };
	return b->ut <= FILE_MAX && b->standard <= FILE_MAX && b->leaps <= FILE_MAX &&
		b->times <= FILE_MAX && b->types <= FILE_MAX && b->chars <= FILE_MAX;
}

/* The second block has times of 64 bits. */
static bool find_offset(const uint8_t *p, size_t n, int64_t at_s, int32_t *offset_s)
{
	struct block b;
	const uint8_t *types;
	size_t skip, i = 0, type = 0;

	if (!read_header(p, n, &b) || p[4] < '2')
		return false;
	skip = HEADER + b.times * 5 + b.types * 6 + b.chars + b.leaps * 8 + b.standard + b.ut;
	if (skip > n || !read_header(p + skip, n - skip, &b))
		return false;
	p += skip + HEADER;
	n -= skip + HEADER;
	if (b.times * 9 + b.types * 6 > n || !b.types)
		return false;
	while (i < b.times && i64_at(p + 8 * i) <= at_s)
		i++;
	if (i)
		type = p[8 * b.times + i - 1];
	types = p + 9 * b.times;
	if (type >= b.types)
		return false;
	*offset_s = (int32_t)u32_at(types + 6 * type);
	return true;
}

static bool is_file_name(struct str zone)
{
	for (size_t i = 0; i < zone.n; i++) {
		char c = zone.p[i];

		if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') &&
			c != '/' && c != '_' && c != '-' && c != '+')
			return false;
	}
	return zone.n && zone.n < 64 && zone.p[0] != '/';
}

static bool of_file(struct str zone, int64_t at_s, int32_t *offset_s)
{
	uint8_t bytes[FILE_MAX];
	char path[128];
	ssize_t n;
	int fd;

	if (!is_file_name(zone))
		return false;
	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%.*s", STR_ARG(zone));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	return n > 0 && find_offset(bytes, (size_t)n, at_s, offset_s);
}

bool zone_offset(struct str zone, int64_t at_s, int32_t *offset_s)
{
	*offset_s = 0;
	return fixed(str_trim(zone), offset_s) || of_file(str_trim(zone), at_s, offset_s);
}
