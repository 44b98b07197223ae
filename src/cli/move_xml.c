/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The original's XML files: a root, an element a record, an element a field; only the aliases of a
 * domain are one level deeper. Read by expat. A document type is refused, and with it every
 * declaration of entities: the original never wrote one.
 */
#include <expat.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/move.h"

struct reading {
	struct move_source *s;
	XML_Parser parser;
	const char *file;
	enum move_kind kind;
	unsigned depth, line;
	struct move_field fields[MOVE_FIELDS_MAX];
	unsigned count;
	struct arena record; /* texts of the present record */
	char *value;
	size_t n;
};

static void stop(struct reading *r, const char *fmt, ...) PRINTF(2, 3);
static void stop(struct reading *r, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (r->s->why[0])
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(r->s->why, sizeof(r->s->why), "%s:%lu: %s", r->file,
		(unsigned long)XML_GetCurrentLineNumber(r->parser), text);
	XML_StopParser(r->parser, XML_FALSE);
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
	const XML_Char *public, int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	stop(arg,
		"there is a document type (<!DOCTYPE); the original's files have none, and what "
		"it could declare is not read");
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = arg;

	(void)attributes;
	r->depth++;
	r->n = 0;
	if (r->depth == 1 && move_kind_of(str_of(name)) != r->kind)
		stop(r, "it begins with <%.60s>, which does not fit the file's name", name);
	if (r->depth == 2) {
		r->count = 0;
		r->line = (unsigned)XML_GetCurrentLineNumber(r->parser);
		arena_reset(&r->record);
	}
	if (r->depth > 4)
		stop(r, "elements are too deep");
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int n)
{
	struct reading *r = arg;

	if (r->depth < 3)
		return;
	if (r->n + (size_t)n > MOVE_VALUE_MAX) {
		stop(r, "a value is longer than %d bytes", MOVE_VALUE_MAX);
		return;
	}
	memcpy(r->value + r->n, text, (size_t)n);
	r->n += (size_t)n;
}

static void end_field(struct reading *r, const char *name)
{
	if (r->count == MOVE_FIELDS_MAX) {
		stop(r, "a record has more than %d fields", MOVE_FIELDS_MAX);
		return;
	}
	r->fields[r->count++] = (struct move_field){ arena_str(&r->record, str_of(name)),
		arena_str(&r->record, str_make(r->value, r->n)) };
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
	struct reading *r = arg;

	if (r->s->why[0])
		return;
	if (r->depth >= 3)
		end_field(r, name);
	else if (r->depth == 2 &&
		!move_source_add(r->s, r->file, r->line, r->kind, r->fields, r->count))
		XML_StopParser(r->parser, XML_FALSE);
	r->depth--;
	r->n = 0;
}

/*
 * The original ends <providertype> with another <providertype> (facts 2.14). A slash takes the
 * place of nothing: the text grows, and is copied.
 */
static char *mend(const char *text, size_t n, size_t *mended)
{
	static const char tag[] = "<providertype>";
	const size_t len = sizeof(tag) - 1;
	char *out = mem_alloc(2 * n + 1);
	bool open = false;
	size_t to = 0;

	for (size_t i = 0; i < n;) {
		if (n - i >= len && memcmp(text + i, tag, len) == 0) {
			memcpy(out + to, open ? "</providertype>" : tag, len + open);
			to += len + open;
			i += len;
			open = !open;
			continue;
		}
		if (text[i] == '<')
			open = false;
		out[to++] = text[i++];
	}
	*mended = to;
	return out;
}

static bool parse(struct reading *r, const char *text, size_t n)
{
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	if (XML_Parse(r->parser, text, (int)n, 1) == XML_STATUS_OK && !r->s->why[0])
		return true;
	stop(r, "%s", XML_ErrorString(XML_GetErrorCode(r->parser)));
	return false;
}

static struct str table_of(const char *path)
{
	struct str name = str_from(str_of(path),
		str_rfind(str_of(path), '/') == strlen(path) ? 0
							     : str_rfind(str_of(path), '/') + 1);

	return str_first(name, str_find(name, '.'));
}

bool move_xml(struct move_source *s, const char *path)
{
	struct reading *r = mem_new(struct reading);
	char *mended = NULL;
	bool ok = false;
	size_t n;

	r->s = s;
	r->file = arena_printf(&s->arena, "%s", path);
	r->kind = move_kind_of(table_of(path));
	r->parser = XML_ParserCreate(NULL);
	r->value = mem_alloc(MOVE_VALUE_MAX);
	arena_init(&r->record, 4096);
	BUG_ON(!r->parser);
	if (move_source_read(s, path, &n)) {
		if (r->kind == MOVE_PROVIDER)
			mended = mend(s->text, n, &n);
		ok = parse(r, mended ? mended : s->text, n);
	}
	free(mended);
	arena_fini(&r->record);
	XML_ParserFree(r->parser);
	free(r->value);
	free(r);
	return ok;
}
