/* SPDX-License-Identifier: BSD-3-Clause */
#include "dialplan/line_plan.h"

#include <string.h>

#include "base/arena.h"
#include "dialplan/dialstring.h"
#include "dialplan/pattern.h"

enum { FAULTS_MAX = 50 };

#define FORM "a line is: exten = NUMBER,1,Dial(user,password,${dst}@server)"

static enum line_found fault(struct buf *why, const char *what, struct str near)
{
	buf_printf(why, "%s \"%.*s\": %s", what, STR_ARG(str_first(near, 60)), FORM);
	return LINE_FAULT;
}

/* "=", "==", "=>" compare, "=~" searches; rest: what follows. */
static bool take_operator(struct str *rest, bool *regex)
{
	size_t n = rest->n > 1 && strchr("=>~", rest->p[1]) ? 2 : 1;

	if (!rest->n || rest->p[0] != '=')
		return false;
	*regex = n == 2 && rest->p[1] == '~';
	*rest = str_trim(str_from(*rest, n));
	return true;
}

/* To the comma; a regex in slashes may have commas of its own, and ends with "/,". */
static bool take_pattern(struct str *rest, struct line_rule *out)
{
	size_t end = str_find(*rest, ',');

	if (out->regex && rest->n && rest->p[0] == '/') {
		struct str inside = str_from(*rest, 1);

		end = str_find(inside, '/');
		while (end < inside.n &&
			(end == 0 || inside.p[end - 1] == '\\' ||
				!str_starts(str_trim(str_from(inside, end + 1)), STR(","))))
			end += 1 + str_find(str_from(inside, end + 1), '/');
		if (end >= inside.n)
			return false;
		out->pattern = str_first(inside, end);
		*rest = str_trim(str_from(inside, end + 1));
		*rest = str_from(*rest, 1);
		return true;
	}
	out->pattern = str_trim(str_first(*rest, end));
	*rest = str_from(*rest, end + 1);
	return out->pattern.n > 0;
}

static bool take_priority(struct str *rest)
{
	size_t end = str_find(*rest, ',');
	struct str digits = str_trim(str_first(*rest, end));
	uint32_t n;

	if (digits.n && digits.p[0] == '-')
		digits = str_from(digits, 1);
	if (end == rest->n || str_u32(digits, &n) != ERR_OK)
		return false;
	*rest = str_trim(str_from(*rest, end + 1));
	return true;
}

static bool contains(struct str text, struct str word)
{
	for (size_t i = 0; i + word.n <= text.n; i++)
		if (str_ieq(str_make(text.p + i, word.n), word))
			return true;
	return false;
}

static void take_reply(struct line_rule *out)
{
	size_t comma = str_find(out->data, ',');
	uint32_t status;

	out->app = LINE_REPLY;
	out->reason = str_trim(str_from(out->data, comma + 1));
	if (str_u32(str_trim(str_first(out->data, comma)), &status) == ERR_OK && status > 100 &&
		status < 700)
		out->status = status;
}

static void take_app(struct str rest, struct line_rule *out)
{
	size_t open = str_find(rest, '(');
	struct str inside = str_from(rest, open + 1);

	out->name = str_trim(str_first(rest, open));
	out->data = str_trim(str_first(inside, str_find(inside, ')')));
	out->app = LINE_UNKNOWN;
	if (contains(out->name, STR("switch")) || contains(out->name, STR("dial")))
		out->app = LINE_DIAL;
	else if (contains(out->name, STR("sipreply")))
		take_reply(out);
}

static enum line_found read_line(struct str line, struct line_rule *out, struct buf *why)
{
	if (!str_istarts(line, STR("exten"))) {
		buf_printf(why, "\"%.*s\" is ignored, as it does not begin with exten",
			STR_ARG(str_first(line, 60)));
		return LINE_IGNORED;
	}
	line = str_trim(str_from(line, 5));
	if (!take_operator(&line, &out->regex))
		return fault(why, "there is no = => == or =~ behind exten, in", line);
	if (!take_pattern(&line, out))
		return fault(why,
			out->regex ? "no pattern that ends with / and a comma, in"
				   : "no number and comma, in",
			line);
	if (!take_priority(&line))
		return fault(why, "no priority (a number) between two commas, in", line);
	take_app(line, out);
	if (!out->name.n)
		return fault(why, "there is no application behind the priority, in", line);
	return LINE_RULE;
}

enum line_found line_next(struct line_reader *r, struct line_rule *out, struct buf *why)
{
	struct str line;

	while (str_cut(&r->rest, '\n', &line)) {
		r->line++;
		line = str_trim(line);
		if (!line.n || line.p[0] == ';')
			continue;
		memset(out, 0, sizeof(*out));
		out->line = r->line;
		return read_line(line, out, why);
	}
	return LINE_END;
}

enum err line_matches(
	const struct line_rule *rule, struct str number, bool *matches, struct buf *why)
{
	bool classes = !rule->regex && rule->pattern.p[0] == '_';
	char text[2 * PATTERN_TEXT_MAX];
	struct buf b = BUF_OF(text);
	struct pattern p;
	enum err e;

	*matches = false;
	if (!rule->regex && !classes) {
		*matches = str_eq(rule->pattern, number);
		return ERR_OK;
	}
	if (classes)
		pattern_of_line(&b, str_from(rule->pattern, 1));
	else
		buf_add(&b, rule->pattern);
	if (!buf_ok(&b)) {
		buf_lit(why, "the pattern is too long");
		return ERR_LIMIT;
	}
	e = pattern_compile(&p, buf_str(&b), why);
	if (e == ERR_OK)
		*matches = pattern_found(&p, number);
	return e;
}

/* ---- the check ---- */

static void check_dial(const struct line_rule *rule, struct buf *why)
{
	static const struct dial_substitutions sub = { .dst = { "1", 1 } };
	struct dial_plan *plan;
	struct arena a;

	arena_init(&a, 16384);
	plan = arena_new(&a, struct dial_plan);
	if (dial_parse_line(rule->data, &sub, &a, plan, why) != ERR_OK && !why->n)
		buf_lit(why, "this cannot be dialled");
	arena_fini(&a);
}

/* why stays empty when nothing is wrong. */
static void check_rule(const struct line_rule *rule, struct buf *why)
{
	bool matches;

	if (line_matches(rule, STR("1"), &matches, why) != ERR_OK)
		return;
	if (rule->app == LINE_UNKNOWN)
		buf_printf(why,
			"there is no application \"%.*s\"; there are Dial, Switch and SIPReply",
			STR_ARG(str_first(rule->name, 40)));
	else if (rule->app == LINE_DIAL)
		check_dial(rule, why);
	else if (!rule->status)
		buf_lit(why, "SIPReply needs a status and a reason: SIPReply(603,Not now)");
	else if (rule->status >= 200 && rule->status < 300)
		buf_lit(why,
			"SIPReply cannot accept a call; it refuses it with 300 to 699: "
			"SIPReply(603,Not now)");
}

unsigned line_plan_check(struct str script, plan_tell_fn *tell, void *arg)
{
	struct line_reader r = { .rest = script };
	struct line_rule rule;
	enum line_found found;
	unsigned faults = 0;

	for (;;) {
		char text[512];
		struct buf why = BUF_OF(text);

		found = line_next(&r, &rule, &why);
		if (found == LINE_END || faults >= FAULTS_MAX)
			return faults;
		if (found == LINE_RULE)
			check_rule(&rule, &why);
		if (!why.n)
			continue;
		faults += found != LINE_IGNORED;
		tell(rule.line, found != LINE_IGNORED, buf_str(&why), arg);
	}
}
