/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regular expressions: compiled to steps, all states of which are followed at once, so that no
 * pattern takes longer than its length times the text's.
 */
#include <string.h>

#include "dialplan/pattern_int.h"

enum { COUNT_MAX = 255, WORK_MAX = 20000 };

struct compiler {
	struct pattern *p;
	struct str text;
	size_t at;
	unsigned depth;
	unsigned work; /* atoms read: counts within counts read them again and again */
	bool any_case;
	struct buf *why;
	enum err err;
};

static bool fail(struct compiler *c, enum err e, const char *why)
{
	if (c->err == ERR_OK) {
		c->err = e;
		buf_printf(c->why, "%s, at character %zu", why, c->at + 1);
	}
	return false;
}

static bool more(const struct compiler *c)
{
	return c->at < c->text.n;
}

static char peek(const struct compiler *c)
{
	return c->text.p[c->at];
}

static struct pattern_step *emit(struct compiler *c, uint8_t op)
{
	static const char *const full = "the pattern is too long: use fewer or smaller counts";
	struct pattern_step *s = &c->p->steps[c->p->count];

	if (c->p->count + 1 >= PATTERN_STEPS_MAX) {
		fail(c, ERR_LIMIT, full);
		s = &c->p->steps[PATTERN_STEPS_MAX - 1];
	} else {
		c->p->count++;
	}
	memset(s, 0, sizeof(*s));
	s->op = op;
	return s;
}

/* ---- sets of bytes ---- */

static void put(uint8_t *set, unsigned char ch)
{
	set[ch / 8] |= (uint8_t)(1u << (ch % 8));
}

static void put_range(uint8_t *set, unsigned from, unsigned to)
{
	for (unsigned ch = from; ch <= to; ch++)
		put(set, (unsigned char)ch);
}

static void invert(uint8_t *set)
{
	for (unsigned i = 0; i < 32; i++)
		set[i] = (uint8_t)~set[i];
}

static void fold(uint8_t *set)
{
	for (unsigned ch = 'a'; ch <= 'z'; ch++) {
		if (pattern_has(set, (unsigned char)ch))
			put(set, (unsigned char)(ch - 32));
		else if (pattern_has(set, (unsigned char)(ch - 32)))
			put(set, (unsigned char)ch);
	}
}

static bool is_letter_or_digit(char ch)
{
	return pattern_is_word((unsigned char)ch) && ch != '_';
}

/* \d \w \s and their opposites; false: it is none of them. */
static bool put_named(uint8_t *set, char name)
{
	uint8_t part[32] = { 0 };

	switch (name | 0x20) {
	case 'd':
		put_range(part, '0', '9');
		break;
	case 'w':
		for (unsigned ch = 0; ch < 256; ch++)
			if (pattern_is_word((unsigned char)ch))
				put(part, (unsigned char)ch);
		break;
	case 's':
		put_range(part, '\t', '\r');
		put(part, ' ');
		break;
	default:
		return false;
	}
	if (!(name & 0x20))
		invert(part);
	for (unsigned i = 0; i < 32; i++)
		set[i] |= part[i];
	return true;
}

/* What follows a backslash, when it is one character. */
static bool escaped(struct compiler *c, char name, unsigned char *out)
{
	static const char from[] = "tnrfv0", to[] = "\t\n\r\f\v";
	const char *at = strchr(from, name);

	*out = (unsigned char)name;
	if (name && at)
		*out = (unsigned char)to[at - from];
	else if (is_letter_or_digit(name))
		return fail(c, ERR_SYNTAX,
			"this escape is not known; \\d, \\w, \\s, \\b and escaped marks are");
	return true;
}

/* One end of a range, or a named class (then *named). */
static bool class_item(struct compiler *c, uint8_t *set, unsigned char *ch, bool *named)
{
	*named = false;
	*ch = (unsigned char)c->text.p[c->at++];
	if (*ch != '\\')
		return true;
	if (!more(c))
		return fail(c, ERR_SYNTAX, "nothing follows the backslash");
	*named = put_named(set, peek(c));
	return escaped(c, *named ? '-' : peek(c), ch) && ++c->at;
}

/* Behind the "[". */
static bool class(struct compiler *c, uint8_t *set)
{
	bool not = more(c) && peek(c) == '^', named, first = true;
	unsigned char from, to;

	c->at += not ;
	for (; more(c) && (first || peek(c) != ']'); first = false) {
		if (!class_item(c, set, &from, &named))
			return false;
		to = from;
		if (!named && c->at + 1 < c->text.n && peek(c) == '-' &&
			c->text.p[c->at + 1] != ']') {
			c->at++;
			if (!class_item(c, set, &to, &named))
				return false;
		}
		if (to < from)
			return fail(c, ERR_SYNTAX, "the range in [ ] runs backwards");
		if (!named)
			put_range(set, from, to);
	}
	if (!more(c))
		return fail(c, ERR_SYNTAX, "no ] closes the [");
	c->at++;
	if (not )
		invert(set);
	return true;
}

/* ---- the grammar ---- */

static bool alternatives(struct compiler *c);

static bool group(struct compiler *c)
{
	if (c->depth >= PATTERN_DEPTH_MAX)
		return fail(c, ERR_LIMIT, "there are too many ( within each other");
	c->depth++;
	if (more(c) && peek(c) == '?') {
		if (c->at + 1 >= c->text.n || c->text.p[c->at + 1] != ':')
			return fail(c, ERR_SYNTAX,
				"of groups with (? only (?:...) is known; look-around is not");
		c->at += 2;
	}
	if (!alternatives(c))
		return false;
	if (!more(c))
		return fail(c, ERR_SYNTAX, "no ) closes the (");
	c->at++;
	c->depth--;
	return true;
}

static bool escape(struct compiler *c)
{
	struct pattern_step *s;
	unsigned char ch;
	char name;

	if (!more(c))
		return fail(c, ERR_SYNTAX, "nothing follows the backslash");
	name = c->text.p[c->at++];
	if (name == 'b' || name == 'B') {
		emit(c, name == 'b' ? OP_WORD : OP_NOT_WORD);
		return true;
	}
	if (name == 'A' || name == 'z' || name == 'Z') {
		emit(c, name == 'A' ? OP_BEGIN : OP_END);
		return true;
	}
	s = emit(c, OP_SET);
	if (put_named(s->set, name))
		return true;
	if (!escaped(c, name, &ch))
		return false;
	put(s->set, ch);
	if (c->any_case)
		fold(s->set);
	return true;
}

static bool atom(struct compiler *c)
{
	char ch = c->text.p[c->at++];
	struct pattern_step *s;

	if (++c->work > WORK_MAX)
		return fail(c, ERR_LIMIT, "there are too many counts within each other");
	switch (ch) {
	case '(':
		return group(c);
	case '\\':
		return escape(c);
	case '^':
	case '$':
		emit(c, ch == '^' ? OP_BEGIN : OP_END);
		return true;
	case '*':
	case '+':
	case '?':
		c->at--;
		return fail(c, ERR_SYNTAX,
			"nothing stands in front that could be repeated; the character itself is "
			"written \\* \\+ \\?");
	default:
		break;
	}
	s = emit(c, OP_SET);
	if (ch == '[' && !class(c, s->set))
		return false;
	if (ch == '.')
		invert(s->set);
	else if (ch != '[')
		put(s->set, (unsigned char)ch);
	if (c->any_case)
		fold(s->set);
	return true;
}

/* "n}", "n,}", "n,m}" behind the "{"; false when it is none: then the brace is a character. */
static bool counts(struct compiler *c, unsigned *least, unsigned *most)
{
	struct str rest = str_from(c->text, c->at);
	struct str inside = str_first(rest, str_find(rest, '}')), low;
	uint32_t a, b;

	if (inside.n == rest.n)
		return false;
	low = str_first(inside, str_find(inside, ','));
	if (str_u32(low, &a) != ERR_OK)
		return false;
	b = a;
	if (low.n + 1 == inside.n)
		b = UINT32_MAX;
	else if (low.n < inside.n && str_u32(str_from(inside, low.n + 1), &b) != ERR_OK)
		return false;
	c->at += inside.n + 1;
	*least = a;
	*most = b;
	return true;
}

static bool quantifier(struct compiler *c, unsigned *least, unsigned *most)
{
	char ch = more(c) ? peek(c) : 0;

	*least = *most = 1;
	if (ch != '*' && ch != '+' && ch != '?' && ch != '{')
		return true;
	c->at++;
	if (ch == '{' && !counts(c, least, most)) {
		c->at--;
		return true;
	}
	if (ch != '{') {
		*least = ch == '+';
		*most = ch == '?' ? 1 : UINT32_MAX;
	}
	if (*least > *most || *least > COUNT_MAX || (*most != UINT32_MAX && *most > COUNT_MAX))
		return fail(c, ERR_LIMIT, "a count is {n} or {n,m} with n <= m <= 255");
	if (more(c) && peek(c) == '?') /* lazy: the same where nothing is captured */
		c->at++;
	return true;
}

static bool again(struct compiler *c, size_t from)
{
	c->at = from;
	return c->err == ERR_OK && atom(c);
}

/* Steps of what may be there or not: skipped, or taken once, or taken for ever. */
static bool optional(struct compiler *c, size_t from, bool for_ever)
{
	unsigned split = c->p->count;

	emit(c, OP_SPLIT)->x = (uint16_t)(split + 1);
	if (!again(c, from))
		return false;
	if (for_ever)
		emit(c, OP_JUMP)->x = (uint16_t)split;
	c->p->steps[split].y = (uint16_t)c->p->count;
	return true;
}

static bool repeated(struct compiler *c)
{
	size_t from = c->at, end;
	unsigned begin = c->p->count, least, most;

	if (!atom(c) || !quantifier(c, &least, &most))
		return false;
	end = c->at;
	if (least == 1 && most == 1)
		return true;
	c->p->count = begin;
	for (unsigned i = 0; i < least; i++)
		if (!again(c, from))
			return false;
	if (most == UINT32_MAX && !optional(c, from, true))
		return false;
	for (unsigned i = least; most != UINT32_MAX && i < most; i++)
		if (!optional(c, from, false))
			return false;
	c->at = end;
	return c->err == ERR_OK;
}

static bool sequence(struct compiler *c)
{
	while (more(c) && peek(c) != '|' && peek(c) != ')')
		if (!repeated(c))
			return false;
	return true;
}

/* Each: a split to the next one, its steps, a jump behind all of them. */
static bool alternatives(struct compiler *c)
{
	struct pattern_step *steps = c->p->steps;
	unsigned jumps = 0, next; /* a chain, each names the one before; none is at 0 */

	for (;;) {
		unsigned split = c->p->count;

		emit(c, OP_SPLIT);
		steps[split].x = steps[split].y = (uint16_t)(split + 1);
		if (!sequence(c))
			return false;
		if (!more(c) || peek(c) != '|')
			break;
		c->at++;
		emit(c, OP_JUMP)->x = (uint16_t)jumps;
		if (c->err != ERR_OK)
			return false;
		jumps = c->p->count - 1;
		steps[split].y = (uint16_t)c->p->count;
	}
	for (; jumps; jumps = next) {
		next = steps[jumps].x;
		steps[jumps].x = (uint16_t)c->p->count;
	}
	return c->err == ERR_OK;
}

enum err pattern_compile(struct pattern *p, struct str text, struct buf *why)
{
	struct compiler c = { .p = p, .text = text, .why = why };

	p->count = 0;
	if (text.n > PATTERN_TEXT_MAX) {
		buf_printf(why, "the pattern is longer than %d characters", PATTERN_TEXT_MAX);
		return ERR_LIMIT;
	}
	if (str_starts(text, STR("(?i)"))) {
		c.any_case = true;
		c.at = 4;
	}
	if (alternatives(&c) && more(&c))
		fail(&c, ERR_SYNTAX, "this ) closes nothing");
	emit(&c, OP_MATCH);
	return c.err;
}
