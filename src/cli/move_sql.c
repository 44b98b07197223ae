/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Dumps of the original's tables: INSERT INTO … VALUES and CREATE TABLE (for the names of columns
 * that an INSERT leaves out) of MySQL and PostgreSQL, COPY … FROM stdin of PostgreSQL. Nothing is
 * run; all other statements are passed over.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/move.h"

enum { TABLES_MAX = 64 };

struct columns {
	struct str table;
	struct str names[MOVE_FIELDS_MAX];
	unsigned count;
};

struct dump {
	struct move_source *s;
	const char *file;
	const char *p, *end;
	const char *counted; /* lines up to here are in `line` */
	unsigned line;
	bool backslashes; /* escape in 'text': MySQL */
	struct columns known[TABLES_MAX]; /* of CREATE TABLE */
	unsigned known_count;
	struct columns now; /* of this statement */
};

static unsigned line_of(struct dump *d)
{
	while (d->counted < d->p)
		d->line += *d->counted++ == '\n';
	return d->line;
}

static bool fail(struct dump *d, const char *what)
{
	if (!d->s->why[0])
		snprintf(d->s->why, sizeof(d->s->why), "%s:%u: %s", d->file, line_of(d), what);
	return false;
}

/* ---- words ---- */

static void skip_line(struct dump *d)
{
	const char *nl = memchr(d->p, '\n', (size_t)(d->end - d->p));

	d->p = nl ? nl + 1 : d->end;
}

static void skip_blanks(struct dump *d)
{
	while (d->p < d->end) {
		if (str_is_blank(*d->p))
			d->p++;
		else if (d->end - d->p > 1 && d->p[0] == '-' && d->p[1] == '-')
			skip_line(d);
		else
			return;
	}
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		c == '_' || c == '$';
}

static bool take_char(struct dump *d, char c)
{
	skip_blanks(d);
	if (d->p == d->end || *d->p != c)
		return false;
	d->p++;
	return true;
}

/* A name or keyword, in quotes of any kind or none. */
static bool take_name(struct dump *d, struct str *out)
{
	const char *from;
	char quote;

	skip_blanks(d);
	if (d->p == d->end)
		return false;
	quote = *d->p;
	if (quote == '`' || quote == '"' || quote == '[') {
		char last = quote == '[' ? ']' : quote;

		from = ++d->p;
		while (d->p < d->end && *d->p != last)
			d->p++;
		*out = str_make(from, (size_t)(d->p - from));
		d->p += d->p < d->end;
		return out->n > 0;
	}
	from = d->p;
	while (d->p < d->end && is_word(*d->p))
		d->p++;
	*out = str_make(from, (size_t)(d->p - from));
	return out->n > 0;
}

static bool take_word(struct dump *d, const char *word)
{
	const char *back = d->p;
	struct str w;

	if (take_name(d, &w) && str_ieq(w, str_of(word)))
		return true;
	d->p = back;
	return false;
}

/* "schema.table": the last part. */
static bool take_table(struct dump *d, struct str *out)
{
	if (!take_name(d, out))
		return false;
	while (take_char(d, '.'))
		if (!take_name(d, out))
			return false;
	return true;
}

/* ---- values ---- */

static char unescaped(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'v':
		return '\v';
	case '0':
		return 0;
	case 'Z':
		return 26;
	default:
		return c;
	}
}

/* Behind the first quote. Written over the text of the file itself: never longer than it. */
static bool take_text(struct dump *d, bool escapes, struct str *out)
{
	char *from = (char *)(uintptr_t)d->p, *to = from;

	line_of(d); /* while the line ends are still there */
	for (; d->p < d->end; d->p++) {
		char c = *d->p;

		d->line += c == '\n';
		if (escapes && c == '\\' && d->p + 1 < d->end) {
			*to++ = unescaped(*++d->p);
		} else if (c == '\'' && d->p + 1 < d->end && d->p[1] == '\'') {
			*to++ = '\'';
			d->p++;
		} else if (c == '\'') {
			*out = str_make(from, (size_t)(to - from));
			d->counted = ++d->p;
			return true;
		} else {
			*to++ = c;
		}
	}
	return fail(d, "a text does not end");
}

/* NULL gives STR_NONE: as if the column were not there. */
static bool take_value(struct dump *d, struct str *out)
{
	bool escapes = d->backslashes;
	struct str word = STR_NONE;
	const char *from;

	skip_blanks(d);
	from = d->p;
	while (d->p < d->end && (is_word(*d->p) || *d->p == '.' || *d->p == '-' || *d->p == '+'))
		d->p++;
	word = str_make(from, (size_t)(d->p - from));
	if (str_eq(word, STR("_binary")))
		skip_blanks(d);
	if (d->p < d->end && *d->p == '\'') {
		d->p++;
		escapes = escapes || str_ieq(word, STR("E"));
		if (!take_text(d, escapes, out))
			return false;
		while (take_char(d, ':')) /* 'x'::bit */
			(void)take_name(d, &word);
		return true;
	}
	*out = str_ieq(word, STR("NULL")) ? STR_NONE : word;
	return word.n > 0 || fail(d, "this value is not understood");
}

/* ---- statements ---- */

static bool take_columns(struct dump *d, struct columns *c)
{
	c->count = 0;
	do {
		if (c->count == MOVE_FIELDS_MAX)
			return fail(d, "a table has too many columns");
		if (!take_name(d, &c->names[c->count++]))
			return fail(d, "the names of columns are not understood");
	} while (take_char(d, ','));
	return take_char(d, ')') || fail(d, "the names of columns do not end");
}

/* To the next comma or the bracket's end at this level. */
static void skip_definition(struct dump *d)
{
	struct str unused;
	unsigned depth = 0;

	while (d->p < d->end) {
		char c = *d->p;

		if (c == '\'') {
			d->p++;
			if (!take_text(d, d->backslashes, &unused))
				return;
			continue;
		}
		if (depth == 0 && (c == ',' || c == ')'))
			return;
		depth += c == '(';
		depth -= c == ')';
		d->p++;
	}
}

static bool is_constraint(struct str name)
{
	static const char *const words[] = { "PRIMARY", "UNIQUE", "KEY", "CONSTRAINT", "FOREIGN",
		"INDEX", "CHECK", "FULLTEXT" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_ieq(name, str_of(words[i])))
			return true;
	return false;
}

static bool on_create(struct dump *d)
{
	struct columns *c = &d->known[d->known_count];
	struct str name;

	if (!take_word(d, "TABLE") || d->known_count == TABLES_MAX)
		return true;
	if (take_word(d, "IF") && (!take_word(d, "NOT") || !take_word(d, "EXISTS")))
		return true;
	if (!take_table(d, &c->table) || !take_char(d, '('))
		return true;
	c->count = 0;
	do {
		skip_blanks(d);
		if (!take_name(d, &name))
			return true;
		if (!is_constraint(name) && c->count < MOVE_FIELDS_MAX)
			c->names[c->count++] = name;
		skip_definition(d);
	} while (take_char(d, ','));
	d->known_count++;
	return true;
}

static bool known_columns(struct dump *d, struct str table)
{
	for (unsigned i = 0; i < d->known_count; i++) {
		if (!str_ieq(d->known[i].table, table))
			continue;
		d->now = d->known[i];
		return true;
	}
	return fail(d,
		"this INSERT does not name its columns, and no CREATE TABLE did before; "
		"make the dump with `mysqldump --complete-insert`");
}

static bool add(struct dump *d, enum move_kind kind, const struct str *values, unsigned count,
	unsigned line)
{
	struct move_field fields[MOVE_FIELDS_MAX];
	unsigned n = 0;

	if (count != d->now.count)
		return fail(d, "a row has another number of values than there are columns");
	for (unsigned i = 0; i < count; i++)
		if (values[i].p)
			fields[n++] = (struct move_field){ d->now.names[i], values[i] };
	return move_source_add(d->s, d->file, line, kind, fields, n);
}

static bool take_row(struct dump *d, enum move_kind kind)
{
	struct str values[MOVE_FIELDS_MAX];
	unsigned n = 0, line = line_of(d);

	do {
		if (n == MOVE_FIELDS_MAX)
			return fail(d, "a row has too many values");
		if (!take_value(d, &values[n]))
			return false;
		if (values[n++].n > MOVE_VALUE_MAX)
			return fail(d, "a value is too long");
	} while (take_char(d, ','));
	if (!take_char(d, ')'))
		return fail(d, "a row does not end");
	return kind == MOVE_KINDS || add(d, kind, values, n, line);
}

static bool on_insert(struct dump *d)
{
	enum move_kind kind;
	struct str table;

	(void)take_word(d, "IGNORE");
	if (!take_word(d, "INTO") || !take_table(d, &table))
		return fail(d, "this INSERT is not understood");
	kind = move_kind_of(table);
	if (kind == MOVE_KINDS)
		return true; /* a table that is not the original's: passed over as any statement */
	if (take_char(d, '(') ? !take_columns(d, &d->now) : !known_columns(d, table))
		return false;
	if (!take_word(d, "VALUES"))
		return fail(d, "VALUES is missing");
	do {
		if (!take_char(d, '('))
			return fail(d, "a row is missing");
		if (!take_row(d, kind))
			return false;
	} while (take_char(d, ','));
	return true;
}

/* A field of COPY, unescaped in place; "\N" is NULL. */
static struct str copy_value(struct str field)
{
	char *from = (char *)(uintptr_t)field.p, *to = from;

	if (str_eq(field, STR("\\N")))
		return STR_NONE;
	for (size_t i = 0; i < field.n; i++)
		*to++ = field.p[i] == '\\' && i + 1 < field.n ? unescaped(field.p[++i])
							      : field.p[i];
	return str_make(from, (size_t)(to - from));
}

static bool copy_row(struct dump *d, enum move_kind kind, struct str line, unsigned number)
{
	struct str values[MOVE_FIELDS_MAX], field;
	unsigned n = 0;

	while (n < MOVE_FIELDS_MAX && str_cut(&line, '\t', &field))
		values[n++] = copy_value(field);
	return kind == MOVE_KINDS || add(d, kind, values, n, number);
}

static bool on_copy(struct dump *d)
{
	struct str table, line;
	enum move_kind kind;

	if (!take_table(d, &table) || !take_char(d, '(') || !take_columns(d, &d->now) ||
		!take_word(d, "FROM") || !take_word(d, "stdin"))
		return fail(d, "this COPY is not understood");
	kind = move_kind_of(table);
	skip_line(d);
	for (;;) {
		unsigned number = line_of(d);
		const char *from = d->p;

		if (d->p == d->end)
			return fail(d, "COPY does not end");
		skip_line(d);
		line_of(d);
		line = str_make(from, (size_t)(d->p - from));
		if (line.n && line.p[line.n - 1] == '\n')
			line.n--;
		if (str_eq(str_trim(line), STR("\\.")))
			return true;
		if (!copy_row(d, kind, line, number))
			return false;
	}
}

/* Past the semicolon; texts may have one in them. */
static bool skip_statement(struct dump *d)
{
	struct str unused;

	while (d->p < d->end && *d->p != ';') {
		if (*d->p++ != '\'')
			continue;
		if (!take_text(d, d->backslashes, &unused))
			return false;
	}
	d->p += d->p < d->end;
	return true;
}

static bool statement(struct dump *d)
{
	bool ok = true, copied = false;

	if (take_word(d, "INSERT"))
		ok = on_insert(d);
	else if (take_word(d, "CREATE"))
		ok = on_create(d);
	else if ((copied = take_word(d, "COPY")))
		ok = on_copy(d);
	return ok && (copied || skip_statement(d));
}

bool move_sql(struct move_source *s, const char *path)
{
	struct dump *d = mem_new(struct dump);
	bool ok;
	size_t n;

	d->s = s;
	d->file = arena_printf(&s->arena, "%s", path);
	d->line = 1;
	ok = move_source_read(s, path, &n);
	if (ok) {
		struct str all = str_make(s->text, n);

		d->p = d->counted = all.p;
		d->end = all.p + n;
		d->backslashes = str_find_str(all, STR("standard_conforming_strings")) == n &&
			str_find_str(all, STR("PostgreSQL")) == n;
	}
	for (skip_blanks(d); ok && d->p < d->end; skip_blanks(d))
		ok = statement(d);
	free(d);
	return ok;
}
