/* SPDX-License-Identifier: BSD-3-Clause */
/* Following the steps of a pattern through a text, and patterns that are written as digits. */
#include <string.h>

#include "dialplan/pattern_int.h"

struct matcher {
	const struct pattern *p;
	struct str text;
	size_t at;
	unsigned seen[PATTERN_STEPS_MAX]; /* in which round, so that nothing is cleared */
	unsigned round;
	uint16_t now[PATTERN_STEPS_MAX], then[PATTERN_STEPS_MAX];
	unsigned count;
	bool found;
};

static bool at_word_edge(const struct matcher *m)
{
	bool before = m->at > 0 && pattern_is_word((unsigned char)m->text.p[m->at - 1]);
	bool after = m->at < m->text.n && pattern_is_word((unsigned char)m->text.p[m->at]);

	return before != after;
}

static bool passes(const struct matcher *m, uint8_t op)
{
	switch (op) {
	case OP_BEGIN:
		return m->at == 0;
	case OP_END:
		return m->at == m->text.n;
	case OP_WORD:
		return at_word_edge(m);
	case OP_NOT_WORD:
		return !at_word_edge(m);
	default:
		return false;
	}
}

/* All steps that wait for a character, from this one on without taking any. */
static void enter(struct matcher *m, unsigned start)
{
	uint16_t open[2 * PATTERN_STEPS_MAX];
	unsigned n = 0;

	open[n++] = (uint16_t)start;
	while (n) {
		uint16_t i = open[--n];
		const struct pattern_step *s = &m->p->steps[i];

		if (m->seen[i] == m->round)
			continue;
		m->seen[i] = m->round;
		if (s->op == OP_SPLIT)
			open[n++] = s->y;
		if (s->op == OP_SPLIT || s->op == OP_JUMP)
			open[n++] = s->x;
		else if (s->op == OP_SET)
			m->now[m->count++] = i;
		else if (s->op == OP_MATCH)
			m->found = true;
		else if (passes(m, s->op))
			open[n++] = (uint16_t)(i + 1);
	}
}

bool pattern_found(const struct pattern *p, struct str text)
{
	struct matcher m = { .p = p, .text = text };
	unsigned count;

	for (;; m.at++) {
		m.round++;
		count = m.count;
		memcpy(m.then, m.now, count * sizeof(m.now[0]));
		m.count = 0;
		for (unsigned i = 0; i < count; i++)
			if (pattern_has(p->steps[m.then[i]].set, (unsigned char)text.p[m.at - 1]))
				enter(&m, m.then[i] + 1u);
		enter(&m, 0);
		if (m.found || m.at == text.n)
			return m.found;
	}
}

/* ---- digits with classes ---- */

static void print_char(struct buf *b, char ch)
{
	if (!pattern_is_word((unsigned char)ch))
		buf_char(b, '\\');
	buf_char(b, ch);
}

static const char *digits_of(char ch)
{
	return ch == 'X' ? "[0-9]" : ch == 'Z' ? "[1-9]" : ch == 'N' ? "[2-9]" : NULL;
}

void pattern_of_line(struct buf *b, struct str text)
{
	buf_char(b, '^');
	for (size_t i = 0; i < text.n; i++) {
		const char *digits = digits_of((char)(text.p[i] & ~0x20));
		size_t close = i + str_find(str_from(text, i), ']');

		if (text.p[i] == '.') {
			buf_lit(b, ".+");
			break;
		}
		if (digits) {
			buf_add(b, str_of(digits));
		} else if (text.p[i] == '[' && close < text.n) {
			buf_add(b, str_make(text.p + i, close + 1 - i));
			i = close;
		} else {
			print_char(b, text.p[i]);
		}
	}
	buf_char(b, '$');
}

void pattern_of_prefix(struct buf *b, struct str text)
{
	if (text.n && text.p[0] == '_')
		text = str_from(text, 1);
	buf_char(b, '^');
	for (size_t i = 0; i < text.n; i++) {
		const char *digits = digits_of(text.p[i]);

		if (digits)
			buf_add(b, str_of(digits));
		else if (text.p[i] == '*' || text.p[i] == '+')
			print_char(b, text.p[i]);
		else
			buf_char(b, text.p[i]);
	}
}
