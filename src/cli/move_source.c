/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of the original, and what they say. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/move.h"
#include "cli/names.h"

/* Names of the XML files and of the tables, which differ here and there. */
static const struct {
	const char *table;
	enum move_kind kind;
} tables[] = {
	{ "customers", MOVE_CUSTOMER },
	{ "sipdomains", MOVE_DOMAIN },
	{ "sipdialplans", MOVE_DIALPLAN },
	{ "sipproviders", MOVE_PROVIDER },
	{ "sipaccounts", MOVE_ACCOUNT },
	{ "dialplandata", MOVE_PAIR },
	{ "cdr", MOVE_CDR },
	{ "sipcdrs", MOVE_CDR },
	{ "sipdialplanlookups", MOVE_OTHER },
	{ "sipdialplanproviders", MOVE_OTHER },
	{ "sipdialplanroutes", MOVE_OTHER },
	{ "sipdialplanoptions", MOVE_OTHER },
	{ "simplewizardrule", MOVE_RULE },
	{ "simplewizardrules", MOVE_RULE },
	{ "webcallback", MOVE_OTHER },
	{ "customeraccount", MOVE_OTHER },
	{ "rate", MOVE_OTHER },
};

enum move_kind move_kind_of(struct str table)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		if (str_ieq(table, str_of(tables[i].table)))
			return tables[i].kind;
	return MOVE_KINDS;
}

void move_source_init(struct move_source *s)
{
	*s = (struct move_source){ .records = NULL };
	arena_init(&s->arena, 65536);
}

void move_source_fini(struct move_source *s)
{
	arena_fini(&s->arena);
	free(s->records);
	free(s->text);
}

bool move_source_read(struct move_source *s, const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	size_t room = 1 << 16, got;

	*n = 0;
	if (!f) {
		snprintf(s->why, sizeof(s->why), "%s cannot be read: %s", path, strerror(errno));
		return false;
	}
	free(s->text);
	s->text = mem_alloc(room + 1);
	while ((got = fread(s->text + *n, 1, room - *n, f)) > 0 && *n <= MOVE_FILE_MAX) {
		*n += got;
		if (*n == room) {
			room *= 2;
			s->text = mem_grow(s->text, room + 1);
		}
	}
	s->text[*n] = 0;
	if (ferror(f))
		snprintf(s->why, sizeof(s->why), "%s cannot be read: %s", path, strerror(errno));
	else if (*n > MOVE_FILE_MAX)
		snprintf(s->why, sizeof(s->why), "%s is too long: at most %d MB", path,
			MOVE_FILE_MAX >> 20);
	fclose(f);
	return !s->why[0];
}

static struct str find(const struct move_record *r, const char *name)
{
	for (unsigned i = 0; name && i < r->count; i++)
		if (str_eq(r->fields[i].name, str_of(name)))
			return r->fields[i].value;
	return STR_NONE;
}

struct str move_verbatim(const struct move_record *r, const char *name)
{
	return find(r, name);
}

struct str move_text(const struct move_record *r, const char *name, const char *other)
{
	struct str v = str_trim(find(r, name));

	return v.n ? v : str_trim(find(r, other));
}

/* MySQL dumps bits as b'1', '\1' or 1; PostgreSQL as t; the XML as True. */
bool move_flag(const struct move_record *r, const char *name, const char *other, bool usual)
{
	struct str v = find(r, name);

	if (!v.p)
		v = find(r, other);
	if (!v.n)
		return usual;
	if (v.n == 1 && v.p[0] <= 1)
		return v.p[0] == 1;
	v = str_trim(v);
	return str_ieq(v, STR("true")) || str_ieq(v, STR("t")) || str_eq(v, STR("1"));
}

uint32_t move_number(const struct move_record *r, const char *name, uint32_t usual)
{
	uint32_t n;

	return str_u32(str_trim(find(r, name)), &n) == ERR_OK ? n : usual;
}

/* "2010-02-09T13:01:21.3540000+00:00", "…Z", "2010-02-09 13:01:21.354": all of it UTC. */
int64_t move_time(const struct move_record *r, const char *name)
{
	struct str v = str_trim(find(r, name));
	char text[32] = "0000-00-00T00:00:00.000Z";
	int64_t ms;

	if (v.n < 19)
		return 0;
	memcpy(text, v.p, 19);
	text[10] = 'T';
	for (size_t i = 0; v.n > 20 && v.p[19] == '.' && i < 3 && 20 + i < v.n; i++) {
		if (v.p[20 + i] < '0' || v.p[20 + i] > '9')
			break;
		text[20 + i] = v.p[20 + i];
	}
	return clock_parse_iso(str_of(text), &ms) == ERR_OK ? ms : 0;
}

bool move_source_add(struct move_source *s, const char *file, unsigned line, enum move_kind kind,
	const struct move_field *fields, unsigned count)
{
	struct move_record r = {
		.kind = kind, .file = file, .line = line, .number = s->count, .count = count
	};

	if (s->count >= MOVE_RECORDS_MAX) {
		snprintf(s->why, sizeof(s->why), "%s:%u: there are more than %d records", file,
			line, MOVE_RECORDS_MAX);
		return false;
	}
	if (s->count == s->room) {
		s->room = s->room ? s->room * 2 : 256;
		s->records = mem_grow(s->records, s->room * sizeof(*s->records));
	}
	r.fields = arena_alloc(&s->arena, (count + 1) * sizeof(*fields));
	for (unsigned i = 0; i < count; i++)
		r.fields[i] = (struct move_field){ name_lower(&s->arena, fields[i].name),
			arena_str(&s->arena, fields[i].value) };
	r.owner = kind == MOVE_CUSTOMER
		? move_text(&r, "customerusername", NULL)
		: move_text(&r, kind == MOVE_PAIR ? "dataowner" : "owner", "owner");
	r.owner = name_lower(&s->arena, r.owner);
	s->records[s->count++] = r;
	return true;
}
