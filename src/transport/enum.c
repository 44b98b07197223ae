/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/enum.h"

#include <regex.h>
#include <stdlib.h>

#include "base/arena.h"

enum {
	REVERSED_MIN = 5,
	STEPS_MAX = 3,
	RULE_MAX = 255,
	GROUPS_MAX = 10,
	REPETITIONS_MAX = 8,
	TRIED_MAX = 512
};

struct enum_lookup {
	struct resolver *resolver;
	enum_done *done;
	void *arg;
	uint64_t id; /* of the question that is out */
	char digits[ENUM_DIGITS_MAX + 2]; /* "+431234" */
	char *roots_text;
	struct str roots; /* not asked yet */
	unsigned steps; /* replacements followed */
	struct buf tried;
	char tried_text[TRIED_MAX];
};

/* ---- regular expressions (RFC 3402 3.2) ---- */

struct rule {
	struct str regexp, replacement;
	bool ignore_case;
};

/* Up to the next delimiter that no backslash hides. */
static bool cut(struct str *rest, char delimiter, struct str *out)
{
	for (size_t i = 0; i < rest->n; i++) {
		if (rest->p[i] == '\\') {
			i++;
		} else if (rest->p[i] == delimiter) {
			*out = str_first(*rest, i);
			*rest = str_from(*rest, i + 1);
			return true;
		}
	}
	return false;
}

static bool read_rule(struct str text, struct rule *r)
{
	struct str rest = str_from(text, 1);

	if (text.n < 3 || text.n > RULE_MAX || !cut(&rest, text.p[0], &r->regexp) ||
		!cut(&rest, text.p[0], &r->replacement))
		return false;
	r->ignore_case = str_ieq(rest, STR("i"));
	return r->regexp.n > 0 && (rest.n == 0 || r->ignore_case);
}

/*
 * A stranger's expression may be made to cost gigabytes: a repetition of repetitions doubles it
 * each time, a count repeats it, and references within it are tried in all ways.
 */
static bool is_modest(struct str regexp)
{
	unsigned repetitions = 0;

	for (size_t i = 0; i < regexp.n; i++) {
		char c = regexp.p[i];

		if (c == '\\') {
			i++;
			if (i < regexp.n && regexp.p[i] >= '0' && regexp.p[i] <= '9')
				return false;
		} else if (c == '{') {
			return false;
		} else if (c == '*' || c == '+' || c == '?') {
			repetitions++;
		}
	}
	return repetitions <= REPETITIONS_MAX;
}

static enum err substitute(
	struct str replacement, struct str subject, const regmatch_t *groups, struct buf *out)
{
	for (size_t i = 0; i < replacement.n; i++) {
		char c = replacement.p[i];
		const regmatch_t *g;

		if (c != '\\' || i + 1 == replacement.n) {
			buf_char(out, c);
			continue;
		}
		c = replacement.p[++i];
		if (c < '1' || c > '9') {
			buf_char(out, c);
			continue;
		}
		g = &groups[c - '0'];
		if (g->rm_so >= 0)
			buf_add(out, str_make(subject.p + g->rm_so, (size_t)(g->rm_eo - g->rm_so)));
	}
	return buf_ok(out) ? ERR_OK : ERR_LIMIT;
}

enum err enum_rewrite(struct str rule, struct str subject, struct buf *out)
{
	char pattern[RULE_MAX + 1], text[ENUM_DIGITS_MAX + 2];
	regmatch_t groups[GROUPS_MAX];
	struct rule r;
	regex_t re;
	enum err e = ERR_NOT_FOUND;

	if (!read_rule(rule, &r) || !is_modest(r.regexp) ||
		str_copy(r.regexp, pattern, sizeof(pattern)) ||
		str_copy(subject, text, sizeof(text)))
		return ERR_SYNTAX;
	if (regcomp(&re, pattern, REG_EXTENDED | (r.ignore_case ? REG_ICASE : 0)) != 0)
		return ERR_SYNTAX;
	if (regexec(&re, text, GROUPS_MAX, groups, 0) == 0)
		e = substitute(r.replacement, subject, groups, out);
	regfree(&re);
	return e;
}

/* ---- records ---- */

static bool is_sip(struct str services)
{
	return str_ieq(services, STR("E2U+sip")) || str_ieq(services, STR("sip+E2U"));
}

static bool is_terminal(const struct dns_naptr *n)
{
	return str_ieq(n->flags, STR("u"));
}

static const struct dns_naptr *next_of(const struct dns_answer *a, bool *taken)
{
	const struct dns_naptr *best = NULL;
	unsigned at = 0;

	for (unsigned i = 0; i < a->count; i++) {
		const struct dns_naptr *n = &a->list[i].naptr;

		if (taken[i] || (n->flags.n && !(is_terminal(n) && is_sip(n->services))))
			continue;
		if (best &&
			(best->order != n->order ? best->order < n->order
						 : best->preference <= n->preference))
			continue;
		best = n;
		at = i;
	}
	if (best)
		taken[at] = true;
	return best;
}

static bool make_uri(const struct enum_lookup *l, const struct dns_naptr *n, struct buf *out)
{
	struct str plus = str_of(l->digits);

	for (unsigned skip = 0; skip < 2; skip++) {
		struct sip_uri uri;

		out->n = 0;
		if (!enum_rewrite(n->regexp, str_from(plus, skip), out) &&
			!sip_uri_parse(buf_str(out), &uri))
			return true;
	}
	out->n = 0;
	return false;
}

/* ---- asking ---- */

static void ask_next_root(struct enum_lookup *l);

static void finish(struct enum_lookup *l, struct str uri)
{
	l->done(l->arg, uri, buf_str(&l->tried));
	free(l->roots_text);
	free(l);
}

static void on_answer(void *arg, uint64_t id, const struct dns_answer *a);

static void ask(struct enum_lookup *l, struct str name)
{
	buf_add(&l->tried, l->tried.n ? STR(", ") : STR(""));
	buf_add(&l->tried, name);
	l->id = resolver_naptr(l->resolver, name, on_answer, l);
}

static void on_answer(void *arg, uint64_t id, const struct dns_answer *a)
{
	struct enum_lookup *l = arg;
	bool taken[DNS_RECORDS_MAX] = { 0 };
	const struct dns_naptr *n;
	char text[ENUM_URI_MAX];
	struct buf uri = BUF_OF(text);

	(void)id;
	l->id = 0;
	while ((n = next_of(a, taken))) {
		if (is_terminal(n) && make_uri(l, n, &uri)) {
			finish(l, buf_str(&uri));
			return;
		}
		if (!n->flags.n && l->steps < STEPS_MAX && !str_eq(n->replacement, STR("."))) {
			l->steps++;
			ask(l, n->replacement);
			return;
		}
	}
	ask_next_root(l);
}

/* "4.3.2.1.3.4." and the root. */
static void print_domain(const struct enum_lookup *l, struct str root, struct buf *b)
{
	for (size_t i = strlen(l->digits); i > 1; i--) {
		buf_char(b, l->digits[i - 1]);
		buf_char(b, '.');
	}
	buf_add(b, root);
}

static void ask_next_root(struct enum_lookup *l)
{
	char name[DNS_NAME_MAX];
	struct buf b = BUF_OF(name);
	struct str root = STR_NONE;

	while (!root.n && str_cut(&l->roots, ' ', &root))
		root = str_trim(root);
	l->steps = 0;
	if (root.n)
		print_domain(l, root, &b);
	if (root.n && buf_ok(&b))
		ask(l, buf_str(&b));
	else
		finish(l, STR_NONE);
}

/* ---- what is asked for ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits, each with a dot behind it, from the start of the text. */
static size_t reversed_digits(struct str text)
{
	size_t n = 0;

	while (2 * n + 1 < text.n && is_digit(text.p[2 * n]) && text.p[2 * n + 1] == '.')
		n++;
	return n;
}

static bool take_number(struct enum_lookup *l, struct str number)
{
	struct buf b = { .p = l->digits, .max = sizeof(l->digits) - 1 };

	buf_char(&b, '+');
	for (size_t i = 0; i < number.n; i++)
		if (is_digit(number.p[i]))
			buf_char(&b, number.p[i]);
		else if (!strchr("+-() /", number.p[i]))
			return false;
	l->digits[b.n < b.max ? b.n : b.max] = '\0';
	return buf_ok(&b) && b.n > 1;
}

static bool take_reversed(struct enum_lookup *l, struct str text, size_t count)
{
	struct buf b = { .p = l->digits, .max = sizeof(l->digits) - 1 };

	buf_char(&b, '+');
	for (size_t i = count; i > 0; i--)
		buf_char(&b, text.p[2 * (i - 1)]);
	l->digits[b.n < b.max ? b.n : b.max] = '\0';
	return buf_ok(&b);
}

struct enum_lookup *enum_lookup(
	struct resolver *r, struct str text, struct str roots, enum_done *done, void *arg)
{
	struct enum_lookup *l = mem_new(struct enum_lookup);
	size_t reversed, dot;
	bool fine;

	text = str_trim(text);
	reversed = reversed_digits(text);
	dot = str_find(text, '.');
	if (reversed >= REVERSED_MIN) {
		fine = take_reversed(l, text, reversed);
		roots = str_from(text, 2 * reversed);
	} else {
		fine = take_number(l, str_first(text, dot));
		if (dot < text.n)
			roots = str_from(text, dot + 1);
	}
	if (!fine || str_trim(roots).n == 0) {
		free(l);
		return NULL;
	}
	l->resolver = r;
	l->done = done;
	l->arg = arg;
	l->roots_text = str_dup(roots);
	l->roots = str_of(l->roots_text);
	buf_init(&l->tried, l->tried_text, sizeof(l->tried_text));
	ask_next_root(l);
	return l;
}

void enum_cancel(struct enum_lookup *l)
{
	if (l->id)
		resolver_cancel(l->resolver, l->id);
	free(l->roots_text);
	free(l);
}
