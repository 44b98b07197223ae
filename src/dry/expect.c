/* SPDX-License-Identifier: BSD-3-Clause */
#include "dry/expect.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dry/world.h"

enum { FILE_MAX = 1 << 20, LINES_MAX = 200, WHY_MAX = 1024 };

struct line {
	struct str text;
	unsigned number;
};

struct test {
	const char *file;
	struct str title;
	unsigned line;
	struct line lines[LINES_MAX];
	unsigned count;
};

/* ---- what happened, one after the other ---- */

struct happening {
	const char *kind; /* log, dial, leg, respond, stored, end */
	const json_t *o;
};

struct watching {
	struct happening *all;
	size_t count, at;
	const json_t *leg; /* the last one that was expected */
	bool legs, dials; /* all of them are told */
	struct buf *why;
};

static struct str text_of(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? str_make(json_string_value(v), json_string_length(v)) : STR("");
}

static void add(struct watching *w, const char *kind, const json_t *o)
{
	w->all = mem_grow(w->all, (w->count + 1) * sizeof(*w->all));
	w->all[w->count++] = (struct happening){ kind, o };
}

static void flatten(struct watching *w, const json_t *steps)
{
	const json_t *o, *leg;
	size_t i, k;

	json_array_foreach(steps, i, o)
	{
		struct str kind = text_of(o, "step");

		if (str_eq(kind, STR("value")))
			add(w, "stored", o);
		else if (str_eq(kind, STR("log")))
			add(w, "log", o);
		else if (str_eq(kind, STR("respond")))
			add(w, "respond", o);
		else if (str_eq(kind, STR("end")))
			add(w, "end", o);
		else if (str_eq(kind, STR("dial")))
			add(w, "dial", o);
		json_array_foreach(json_object_get(o, "legs"), k, leg)
		{
			if (json_is_true(json_object_get(leg, "tried")))
				add(w, "leg", leg);
		}
	}
}

static const struct happening *next_of(struct watching *w, const char *kind)
{
	while (w->at < w->count) {
		const struct happening *h = &w->all[w->at++];

		if (strcmp(h->kind, kind) == 0)
			return h;
	}
	buf_printf(w->why, "there is no %s any more", kind);
	return NULL;
}

static bool equal(struct watching *w, const char *what, struct str is, struct str wanted)
{
	if (str_eq(is, wanted))
		return true;
	buf_printf(w->why, "the %s is \"%.*s\"", what, STR_ARG(is));
	return false;
}

/* ---- expectations ---- */

static bool see_log(struct watching *w, struct str text)
{
	size_t back = w->at;

	for (; w->at < w->count; w->at++) {
		struct str line = text_of(w->all[w->at].o, "text");

		if (strcmp(w->all[w->at].kind, "log") == 0 && str_find_str(line, text) < line.n) {
			w->at++;
			return true;
		}
	}
	w->at = back;
	buf_lit(w->why, "no such line is logged (any more)");
	return false;
}

static bool see_dial(struct watching *w, struct str text)
{
	const struct happening *h = next_of(w, "dial");

	w->dials = true;
	return h && equal(w, "dial string", text_of(h->o, "string"), text);
}

static bool see_leg(struct watching *w, struct str text)
{
	const struct happening *h = next_of(w, "leg");

	w->legs = true;
	if (!h)
		return false;
	w->leg = h->o;
	return str_eq(text_of(h->o, "uri"), text) || equal(w, "leg", text_of(h->o, "to"), text);
}

static bool see_header(struct watching *w, struct str text)
{
	const json_t *line;
	size_t i;

	json_array_foreach(json_object_get(w->leg, "headers"), i, line)
	{
		if (str_eq(str_of(json_string_value(line)), text))
			return true;
	}
	buf_lit(w->why, "the leg has no such header");
	return false;
}

static bool see_respond(struct watching *w, struct str text)
{
	const struct happening *h = next_of(w, "respond");
	struct str code = str_first(text, str_find(text, ' '));
	struct str reason = str_trim(str_from(text, code.n));
	char status[16];

	if (!h)
		return false;
	snprintf(status, sizeof(status), "%lld",
		(long long)json_integer_value(json_object_get(h->o, "status")));
	return equal(w, "status", str_of(status), code) &&
		(!reason.n || equal(w, "reason", text_of(h->o, "reason"), reason));
}

static bool see_stored(struct watching *w, struct str text)
{
	const struct happening *h = next_of(w, "stored");
	struct str key = str_first(text, str_find(text, ' '));

	return h && equal(w, "key", text_of(h->o, "key"), key) &&
		equal(w, "value", text_of(h->o, "value"), str_trim(str_from(text, key.n)));
}

static const json_t *the_end(const struct watching *w)
{
	return w->count ? w->all[w->count - 1].o : NULL;
}

static bool see_answered(struct watching *w, struct str text)
{
	if (!equal(w, "end", text_of(the_end(w), "how"), STR("answered")))
		return false;
	for (size_t i = w->count; text.n && i-- > 0;)
		if (strcmp(w->all[i].kind, "dial") == 0)
			return equal(
				w, "leg that answered", text_of(w->all[i].o, "answered_by"), text);
	return true;
}

static bool see_failed(struct watching *w, struct str text)
{
	char status[16];

	if (!equal(w, "end", text_of(the_end(w), "how"), STR("failed")))
		return false;
	snprintf(status, sizeof(status), "%lld",
		(long long)json_integer_value(json_object_get(the_end(w), "status")));
	return !text.n || equal(w, "status", str_of(status), text);
}

static bool see_error(struct watching *w, struct str text)
{
	struct str message = text_of(the_end(w), "message");

	if (!equal(w, "end", text_of(the_end(w), "how"), STR("error")))
		return false;
	if (str_find_str(message, text) < message.n || !text.n)
		return true;
	return equal(w, "error", message, text);
}

/* "no dial", "no leg TEXT", "no log TEXT": anywhere. */
static bool see_none(struct watching *w, struct str text)
{
	struct str kind = str_first(text, str_find(text, ' '));
	struct str rest = str_trim(str_from(text, kind.n));

	for (size_t i = 0; i < w->count; i++) {
		const json_t *o = w->all[i].o;
		struct str is = str_eq(kind, STR("log")) ? text_of(o, "text")
			: str_eq(kind, STR("leg"))       ? text_of(o, "to")
							 : text_of(o, "string");

		if (!str_eq(kind, str_of(w->all[i].kind)) ||
			(rest.n && str_find_str(is, rest) == is.n))
			continue;
		buf_printf(w->why, "there is one: %.*s", STR_ARG(is));
		return false;
	}
	return true;
}

static const struct {
	const char *word;
	bool (*see)(struct watching *w, struct str text);
} expectations[] = {
	{ "log", see_log },
	{ "dial", see_dial },
	{ "leg", see_leg },
	{ "header", see_header },
	{ "respond", see_respond },
	{ "stored", see_stored },
	{ "answered", see_answered },
	{ "failed", see_failed },
	{ "error", see_error },
	{ "no", see_none },
};

static bool no_more(struct watching *w, const char *kind)
{
	for (; w->at < w->count; w->at++) {
		if (strcmp(w->all[w->at].kind, kind) != 0)
			continue;
		buf_printf(w->why, "there is another %s: %.*s", kind,
			STR_ARG(text_of(w->all[w->at].o, kind[0] == 'l' ? "to" : "string")));
		return false;
	}
	return true;
}

/* ---- settings ---- */

/* "alice to 4412345678" */
static bool take_way(struct dry_call *c, struct str text, bool incoming, struct buf *why)
{
	size_t to = str_find_str(text, STR(" to "));

	if (to == text.n) {
		buf_printf(why, "write: %s WHO to NUMBER", incoming ? "in" : "out");
		return false;
	}
	c->incoming = incoming;
	c->from = str_trim(str_first(text, to));
	c->to = str_trim(str_from(text, to + 4));
	return true;
}

/* false with *known: it is wrong. */
static bool take_setting(
	struct dry_call *c, struct str word, struct str text, bool *known, struct buf *why)
{
	*known = true;
	if (str_eq(word, STR("out")) || str_eq(word, STR("in")))
		return take_way(c, text, word.n == 2, why);
	if (str_eq(word, STR("at")))
		c->at = text;
	else if (str_eq(word, STR("answer")))
		return dry_call_take_answers(c, arena_str(c->arena, text), why);
	else if (str_eq(word, STR("unregistered")))
		c->unregistered = text;
	else if (str_eq(word, STR("enum")))
		c->enum_found = text;
	else
		*known = false;
	return true;
}

/* ---- one test ---- */

static void cut(struct str line, struct str *word, struct str *text)
{
	*word = str_first(line, str_find(line, ' '));
	*text = str_trim(str_from(line, word->n));
}

static bool see(struct watching *w, const struct line *l)
{
	struct str word, text;

	cut(l->text, &word, &text);
	for (size_t i = 0; i < sizeof(expectations) / sizeof(*expectations); i++)
		if (str_eq(word, str_of(expectations[i].word)))
			return expectations[i].see(w, text);
	buf_printf(w->why, "\"%.*s\" is no word of a test", STR_ARG(word));
	return false;
}

static bool see_all(struct watching *w, const struct line *lines, unsigned count, unsigned *line)
{
	for (unsigned i = 0; i < count; i++) {
		*line = lines[i].number;
		if (!see(w, &lines[i]))
			return false;
	}
	if (w->legs && !no_more(w, "leg"))
		return false;
	return !w->dials || no_more(w, "dial");
}

/* An error nobody expected is told whatever else is wrong. */
static void tell_error(const struct watching *w, struct buf *why)
{
	const json_t *end = the_end(w);

	if (str_eq(text_of(end, "how"), STR("error")))
		buf_printf(why, " (the script failed in line %lld: %.*s)",
			(long long)json_integer_value(json_object_get(end, "line")),
			STR_ARG(text_of(end, "message")));
}

static bool prepare(struct dry_call *c, const struct test *t, struct line *left, unsigned *count,
	unsigned *line, struct buf *why)
{
	*count = 0;
	for (unsigned i = 0; i < t->count; i++) {
		struct str word, text;
		bool known;

		*line = t->lines[i].number;
		cut(t->lines[i].text, &word, &text);
		if (!take_setting(c, word, text, &known, why))
			return false;
		if (!known)
			left[(*count)++] = t->lines[i];
	}
	if (c->from.p)
		return true;
	*line = t->line;
	buf_lit(why, "it does not say who calls: out WHO to NUMBER, or in WHO to NUMBER");
	return false;
}

static void run_test(
	struct dry_box *b, struct dry_call *c, const struct test *t, struct dry_tests *tests)
{
	char mem[WHY_MAX];
	struct buf why = BUF_OF(mem);
	struct watching w = { .why = &why };
	struct line *left = mem_alloc(sizeof(t->lines));
	unsigned count, line = t->line;
	bool ok = prepare(c, t, left, &count, &line, &why);

	if (ok && store_begin(c->db) == ERR_OK) {
		dry_call_run(c, b);
		store_rollback(c->db); /* what it stored is not there for the next test */
		flatten(&w, c->steps);
		ok = see_all(&w, left, count, &line);
		if (!ok)
			tell_error(&w, &why);
	}
	tests->passed += ok;
	tests->failed += !ok;
	tests->on_test(tests->arg, t->file, line, t->title, ok ? STR("") : buf_str(&why), c->steps);
	json_decref(c->steps);
	c->steps = NULL;
	free(w.all);
	free(left);
}

/* ---- a file ---- */

struct file {
	struct dry_box *box;
	struct dry_tests *tests;
	const char *path;
	struct dry_world world;
	bool ready;
	struct str script, name, type;
	struct test *test; /* title empty: none yet */
};

static void wrong(struct file *f, unsigned line, struct str what)
{
	f->tests->failed++;
	f->tests->on_test(f->tests->arg, f->path, line, STR("the file itself"), what, NULL);
}

static bool read_text(struct arena *a, const char *path, struct str *out, struct buf *why)
{
	FILE *in = fopen(path, "re");
	char *mem = in ? arena_alloc(a, FILE_MAX + 1) : NULL;
	size_t n = in ? fread(mem, 1, FILE_MAX + 1, in) : 0;

	if (!in)
		buf_printf(why, "%s cannot be read: %s", path, strerror(errno));
	else if (n > FILE_MAX)
		buf_printf(why, "%s is too long", path);
	if (in)
		fclose(in);
	*out = str_make(mem, n);
	return in && n <= FILE_MAX;
}

static void finish_test(struct file *f)
{
	struct dry_call c = { .directory = f->world.directory,
		.db = f->world.db,
		.customer = f->world.customer,
		.name = f->name,
		.type = f->type,
		.script = f->script };
	struct arena a;

	if (!f->test->title.n)
		return;
	arena_init(&a, 16384);
	c.arena = &a;
	run_test(f->box, &c, f->test, f->tests);
	arena_fini(&a);
	f->test->title = STR_NONE;
}

static bool begin_test(struct file *f, struct str title, unsigned number, struct buf *why)
{
	finish_test(f);
	if (!f->ready && !dry_world_ready(&f->world, why))
		return false;
	f->ready = true;
	*f->test = (struct test){
		.file = f->path, .title = title.n ? title : STR("a test"), .line = number
	};
	return true;
}

static bool take_line(struct file *f, struct str line, unsigned number, struct buf *why)
{
	struct str word, text;
	bool known;

	cut(line, &word, &text);
	if (str_eq(word, STR("test")))
		return begin_test(f, text, number, why);
	if (!f->test->title.n) {
		if (!dry_world_line(&f->world, line, &known, why))
			return false;
		if (!known)
			buf_printf(why,
				"\"%.*s\" stands before the first test; there are customer, "
				"domain, account, provider, value and test",
				STR_ARG(word));
		return known;
	}
	if (f->test->count == LINES_MAX) {
		buf_lit(why, "a test has too many lines");
		return false;
	}
	f->test->lines[f->test->count++] = (struct line){ line, number };
	return true;
}

static void take_lines(struct file *f, struct str text)
{
	struct str line;

	for (unsigned number = 1; str_cut(&text, '\n', &line); number++) {
		char mem[WHY_MAX];
		struct buf why = BUF_OF(mem);

		line = str_trim(line);
		if (!line.n || line.p[0] == '#')
			continue;
		if (take_line(f, line, number, &why))
			continue;
		wrong(f, number, buf_str(&why));
		f->test->title = STR_NONE;
		return;
	}
	finish_test(f);
}

/* The plan's path: with .rb, .line or .wizard for .test; its name is that of the dialplan. */
static const char *script_path(struct file *f, struct arena *a)
{
	static const char *const types[] = { "line", "wizard" };
	const char *path;

	size_t n = strlen(f->path);
	struct str stem = str_make(f->path, n - strlen(".test"));
	size_t slash = str_rfind(stem, '/');

	f->name = slash == stem.n ? stem : str_from(stem, slash + 1);
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		path = arena_printf(a, "%.*s.%s", STR_ARG(stem), types[i]);
		if (access(path, R_OK) != 0)
			continue;
		f->type = str_of(types[i]);
		return path;
	}
	return arena_printf(a, "%.*s.rb", STR_ARG(stem));
}

void dry_test_file(struct dry_box *b, const char *path, struct dry_tests *t)
{
	struct file f = { .box = b, .tests = t, .path = path, .test = mem_new(struct test) };
	char mem[WHY_MAX];
	struct buf why = BUF_OF(mem);
	struct arena a;
	struct str text;

	arena_init(&a, 65536);
	if (read_text(&a, path, &text, &why) &&
		read_text(&a, script_path(&f, &a), &f.script, &why) &&
		dry_world_new(&f.world, &why)) {
		take_lines(&f, text);
		if (!f.ready)
			store_rollback(f.world.db);
		dry_world_free(&f.world);
	} else {
		wrong(&f, 1, buf_str(&why));
	}
	arena_fini(&a);
	free(f.test);
}
