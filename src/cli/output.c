/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/output.h"

enum { CELL_MAX = 512 };

void cli_put(json_t *object, const char *key, struct str value)
{
	json_t *v = json_stringn(value.p ? value.p : "", value.n);

	if (!v) {
		char *mem = mem_alloc(6 * value.n + 1);
		struct buf b;

		buf_init(&b, mem, 6 * value.n + 1);
		event_print_safe(&b, value);
		v = json_stringn(b.p, b.n);
		free(mem);
	}
	json_object_set_new(object, key, v);
}

void cli_put_number(json_t *object, const char *key, int64_t value)
{
	json_object_set_new(object, key, json_integer(value));
}

void cli_put_bool(json_t *object, const char *key, bool value)
{
	json_object_set_new(object, key, json_boolean(value));
}

void cli_put_time(json_t *object, const char *key, int64_t wall_ms)
{
	char text[32];
	struct buf b = BUF_OF(text);

	if (wall_ms == 0)
		return;
	clock_print_iso(&b, wall_ms);
	cli_put(object, key, buf_str(&b));
}

void cli_put_lines(json_t *object, const char *key, struct str value)
{
	json_t *array = json_array();
	struct str line;

	while (str_cut(&value, '\n', &line)) {
		json_t *one = json_object();

		if (line.n) {
			cli_put(one, "v", line);
			json_array_append(array, json_object_get(one, "v"));
		}
		json_decref(one);
	}
	json_object_set_new(object, key, array);
}

static void print_cell(struct buf *b, const json_t *v)
{
	const json_t *item;
	size_t i;

	switch (json_typeof(v)) {
	case JSON_STRING:
		event_print_safe(b, str_make(json_string_value(v), json_string_length(v)));
		break;
	case JSON_INTEGER:
		buf_printf(b, "%lld", (long long)json_integer_value(v));
		break;
	case JSON_REAL:
		buf_printf(b, "%.2f", json_real_value(v));
		break;
	case JSON_TRUE:
		buf_lit(b, "yes");
		break;
	case JSON_FALSE:
		buf_lit(b, "no");
		break;
	case JSON_ARRAY:
		json_array_foreach(v, i, item)
		{
			if (i)
				buf_char(b, ' ');
			print_cell(b, item);
		}
		break;
	default:
		break;
	}
}

/* Columns on a screen, near enough: bytes that begin a character. */
static int width_of(struct str s)
{
	int n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

static struct str cell(char *mem, const json_t *row, const char *key)
{
	const json_t *v = json_object_get(row, key);
	struct buf b;

	buf_init(&b, mem, CELL_MAX);
	if (v)
		print_cell(&b, v);
	if (b.n == 0)
		buf_char(&b, '-');
	return buf_str(&b);
}

static void print_padded(struct str text, int width, bool last)
{
	int pad = width - width_of(text);

	printf("%.*s", STR_ARG(text));
	if (!last)
		printf("%*s", pad + 2, "");
}

static void print_table(const json_t *rows, const struct cli_column *columns, unsigned count)
{
	char mem[CELL_MAX];
	int widths[16] = { 0 };
	const json_t *row;
	size_t i;

	for (unsigned k = 0; k < count; k++)
		widths[k] = (int)strlen(columns[k].title);
	json_array_foreach(rows, i, row)
	{
		for (unsigned k = 0; k < count; k++) {
			int w = width_of(cell(mem, row, columns[k].key));

			widths[k] = w > widths[k] ? w : widths[k];
		}
	}
	for (unsigned k = 0; k < count; k++)
		print_padded(str_of(columns[k].title), widths[k], k + 1 == count);
	printf("\n");
	json_array_foreach(rows, i, row)
	{
		for (unsigned k = 0; k < count; k++)
			print_padded(cell(mem, row, columns[k].key), widths[k], k + 1 == count);
		printf("\n");
	}
}

static int print_json(json_t *v)
{
	int bad = json_dumpf(v, stdout, JSON_INDENT(2));

	printf("\n");
	json_decref(v);
	return bad ? CLI_FAILED : CLI_OK;
}

int cli_print_rows(const struct cli *c, json_t *rows, const struct cli_column *columns,
	unsigned count, const char *nothing)
{
	BUG_ON(count > 16);
	if (c->json)
		return print_json(rows);
	if (json_array_size(rows) == 0)
		fprintf(stderr, "%s\n", nothing);
	else
		print_table(rows, columns, count);
	json_decref(rows);
	return CLI_OK;
}

int cli_print_object(
	const struct cli *c, json_t *object, const struct cli_column *columns, unsigned count)
{
	char mem[CELL_MAX];
	int width = 0;

	if (c->json)
		return print_json(object);
	for (unsigned k = 0; k < count; k++)
		if ((int)strlen(columns[k].title) > width)
			width = (int)strlen(columns[k].title);
	for (unsigned k = 0; k < count; k++) {
		struct str text = cell(mem, object, columns[k].key);

		if (!str_eq(text, STR("-")))
			printf("%-*s  %.*s\n", width, columns[k].title, STR_ARG(text));
	}
	json_decref(object);
	return CLI_OK;
}

void cli_say(const struct cli *c, const char *fmt, ...)
{
	char text[2048], safe[4096];
	struct buf b = BUF_OF(safe);
	va_list ap;

	if (c->json)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	event_print_safe(&b, str_of(text));
	printf("%.*s\n", STR_ARG(buf_str(&b)));
}
