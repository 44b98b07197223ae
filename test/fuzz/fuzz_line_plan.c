/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first line is a number, the rest a dialplan: of exten lines, and of wizard rules. Everything
 * that is read lies within the text, checks end, and what a check accepts a call can use.
 */
#include <stdlib.h>

#include "base/err.h"
#include "dialplan/wizard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void tell(unsigned line, bool fault, struct str what, void *arg)
{
	BUG_ON(!line || !what.n);
	*(unsigned *)arg += fault;
}

static void inside(struct str text, struct str part)
{
	BUG_ON(part.n && (part.p < text.p || part.p + part.n > text.p + text.n));
}

static void lines(struct str number, struct str plan)
{
	struct line_reader r = { .rest = plan };
	struct line_rule rule;
	unsigned told = 0, faults = line_plan_check(plan, tell, &told);
	enum line_found found;
	bool matches;

	BUG_ON(told != faults);
	do {
		char text[512];
		struct buf why = BUF_OF(text);

		found = line_next(&r, &rule, &why);
		if (found != LINE_RULE)
			continue;
		inside(plan, rule.pattern);
		inside(plan, rule.name);
		inside(plan, rule.data);
		BUG_ON(line_matches(&rule, number, &matches, &why) != ERR_OK && !faults);
	} while (found != LINE_END);
}

static void rules(struct str number, struct str script)
{
	struct wizard_call call = { .sub = { .dst = number },
		.from_uri = number,
		.to = number,
		.provider = number,
		.second = 43200 };
	struct wizard_plan plan;
	unsigned told = 0;
	struct arena a;
	enum err e;

	arena_init(&a, 4096);
	e = wizard_parse(script, &a, &plan, tell, &told);
	BUG_ON((e == ERR_OK) != !told);
	for (unsigned i = 0; i < plan.count; i++) {
		char text[4096];
		struct buf b = BUF_OF(text);

		call.in = plan.rules[i].in;
		(void)wizard_matches(&plan.rules[i], &call);
		if (wizard_dial_string(&plan.rules[i], &call, &b) == ERR_OK)
			inside(str_make(text, sizeof(text)), buf_str(&b));
	}
	arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_make((const char *)data, n);
	struct str number = str_first(text, str_find(text, '\n'));
	struct str plan = str_from(text, number.n + 1);

	lines(number, plan);
	rules(number, plan);
	return 0;
}
