/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/csv.h"

#include <errno.h>
#include <string.h>

#include "base/crypto.h"

void csv_fault(struct csv *m, const char *what, struct str value)
{
	if (m->faults++ < CSV_FAULTS_SHOWN)
		cli_fail(CLI_USAGE, "%s:%u: %s%s%.*s%s", m->file, m->line, what,
			value.n ? " (" : "", STR_ARG(value), value.n ? ")" : "");
}

void csv_faults_end(const struct csv *m)
{
	if (m->faults > CSV_FAULTS_SHOWN)
		cli_fail(CLI_USAGE, "… and %u faults more", m->faults - CSV_FAULTS_SHOWN);
}

/*
 * Splits a line in place. Quotes around a field go, doubled ones inside become one. Returns the
 * number of fields, -1 when a quote is not closed or there are too many.
 */
static int split(char *line, struct str *fields)
{
	char *in = line, *out;
	int n = 0;

	for (;;) {
		bool quoted = *in == '"';

		if (n == CSV_COLUMNS_MAX)
			return -1;
		out = in;
		fields[n].p = out;
		in += quoted;
		while (*in && (quoted || *in != ',')) {
			if (quoted && *in == '"' && *++in != '"') {
				quoted = false;
				continue;
			}
			*out++ = *in++;
		}
		if (quoted)
			return -1;
		fields[n].n = (size_t)(out - fields[n].p);
		n++;
		if (!*in++)
			return n;
	}
}

static bool next_line(struct csv *m)
{
	size_t n;

	while (fgets(m->text, CSV_LINE_MAX, m->in)) {
		m->line++;
		n = strlen(m->text);
		if (n + 1 == CSV_LINE_MAX && m->text[n - 1] != '\n') {
			csv_fault(m, "this line is too long", STR_NONE);
			return false;
		}
		while (n && (m->text[n - 1] == '\n' || m->text[n - 1] == '\r'))
			m->text[--n] = 0;
		if (n)
			return true;
	}
	return false;
}

static void name_column(struct csv *m, unsigned field, struct str name)
{
	for (unsigned k = 0; k < m->name_count; k++) {
		if (!str_ieq(str_trim(name), str_of(m->names[k])))
			continue;
		if (m->has[k])
			csv_fault(m, "this column is there twice", name);
		m->column_of[field] = (int)k;
		m->has[k] = true;
		return;
	}
	m->column_of[field] = -1;
	csv_fault(m, "a column that is not known", name);
}

static void read_header(struct csv *m, unsigned required)
{
	struct str fields[CSV_COLUMNS_MAX];
	char *at = m->text;
	int n;

	if (!next_line(m)) {
		csv_fault(m, "the file is empty", STR_NONE);
		return;
	}
	if (str_starts(str_of(m->text), STR("\xef\xbb\xbf")))
		at += 3;
	n = split(at, fields);
	m->fields = n > 0 ? (unsigned)n : 0;
	for (unsigned i = 0; i < m->fields; i++)
		name_column(m, i, fields[i]);
	for (unsigned k = 0; k < required; k++)
		if (!m->has[k])
			csv_fault(m, "the header lacks the column", str_of(m->names[k]));
}

int csv_open(struct csv *m, const char *file, const char *const *names, unsigned count,
	unsigned required)
{
	*m = (struct csv){ .file = file, .names = names, .name_count = count };
	BUG_ON(count > CSV_COLUMNS_MAX);
	m->in = fopen(file, "re");
	if (!m->in)
		return cli_fail(CLI_FAILED, "%s cannot be read: %s", file, strerror(errno));
	read_header(m, required);
	csv_faults_end(m);
	if (!m->faults)
		return CLI_OK;
	csv_close(m);
	return CLI_USAGE;
}

void csv_close(struct csv *m)
{
	fclose(m->in);
	crypto_wipe(m->text, sizeof(m->text));
}

bool csv_next(struct csv *m, struct str *values)
{
	struct str fields[CSV_COLUMNS_MAX];

	while (next_line(m)) {
		int n = split(m->text, fields);

		if (n < 0 || (unsigned)n != m->fields) {
			csv_fault(m,
				"not as many fields as the header has, or a quote is not closed",
				STR_NONE);
			continue;
		}
		memset(values, 0, m->name_count * sizeof(*values));
		for (int i = 0; i < n; i++)
			values[m->column_of[i]] = fields[i];
		return true;
	}
	return false;
}
