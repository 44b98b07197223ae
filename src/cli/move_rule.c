/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of the original's simple wizard: text in their dialplan (dialplan/wizard.h). */
#include <string.h>

#include "cli/move.h"

enum { TEXT_MAX = 256 << 10 };

/* In the order in which people read them. Numbers and names are as they stand in the table. */
static const char *const keys[] = { "direction", "priority", "tomatchtype", "tomatchparameter",
	"patterntype", "pattern", "timepattern", "command", "commandparameter1",
	"commandparameter2", "commandparameter3", "commandparameter4" };

static bool is_of(const struct move_record *rule, const struct move_record *plan)
{
	struct str id = move_text(rule, "dialplanid", NULL);

	return rule->kind == MOVE_RULE && id.n && str_ieq(id, move_text(plan, "id", NULL));
}

/* One line each: what would be a line more is none of ours. */
static bool is_line(struct str v)
{
	return str_find(v, '\n') == v.n && str_find(v, '\r') == v.n && str_find(v, 0) == v.n;
}

static void put(struct buf *b, const char *key, struct str value)
{
	if (value.n && is_line(value))
		buf_printf(b, "%s = %.*s\n", key, STR_ARG(value));
}

/* Before there was a type, there were two columns. */
static void put_old_match(struct buf *b, const struct move_record *r)
{
	struct str account = move_text(r, "tosipaccount", NULL);
	struct str provider = move_text(r, "toprovider", NULL);

	if (move_text(r, "tomatchtype", NULL).n || (!account.n && !provider.n))
		return;
	buf_printf(b, "tomatchtype = %s\n", account.n ? "ToSIPAccount" : "ToSIPProvider");
	put(b, "tomatchparameter", account.n ? account : provider);
}

static void put_rule(struct buf *b, const struct move_record *r)
{
	struct str description = move_text(r, "description", NULL);

	if (b->n)
		buf_char(b, '\n');
	buf_printf(b, "[rule%s%.*s]\n", description.n && is_line(description) ? " " : "",
		STR_ARG(is_line(description) ? description : STR_NONE));
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		put(b, keys[i], move_text(r, keys[i], NULL));
		if (strcmp(keys[i], "priority") == 0)
			put_old_match(b, r);
	}
	if (move_flag(r, "isdisabled", NULL, false))
		put(b, "isdisabled", STR("true"));
}

struct str move_rules_text(struct move *m, const struct move_record *plan)
{
	struct buf b;

	buf_init(&b, arena_alloc(&m->rows, TEXT_MAX + 1), TEXT_MAX + 1);
	for (size_t i = 0; i < m->sibling_count; i++)
		if (is_of(&m->siblings[i], plan))
			put_rule(&b, &m->siblings[i]);
	if (!buf_ok(&b))
		move_flaw(m, "there are more rules than fit: the last ones are left out");
	return buf_str(&b);
}

/* They were taken with their dialplan, which came before: here it is only said of which not. */
enum move_result move_rule(struct move *m, const struct move_record *r, struct str *name)
{
	*name = move_text(r, "description", "id");
	for (size_t i = 0; i < r->count; i++)
		if (!is_line(str_trim(r->fields[i].value))) {
			move_flaw(m, "%.*s has more than one line", STR_ARG(r->fields[i].name));
			return MOVE_REFUSED;
		}
	for (size_t i = 0; i < m->sibling_count; i++) {
		const struct move_record *plan = &m->siblings[i];
		struct str type = move_text(plan, "scripttype", "scripttypedescription");

		if (plan->kind == MOVE_DIALPLAN && is_of(r, plan) &&
			str_ieq(type, STR("SimpleWizard")))
			return MOVE_TAKEN;
	}
	move_flaw(m, "it belongs to no dialplan of the simple wizard");
	return MOVE_LEFT;
}
