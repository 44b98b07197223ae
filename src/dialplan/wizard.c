/* SPDX-License-Identifier: BSD-3-Clause */
#include "dialplan/wizard.h"

#include <string.h>

#include "dialplan/pattern.h"

enum { FAULTS_MAX = 50 };

struct reader {
	struct wizard_plan *out;
	struct wizard_rule *rule; /* NULL: in front of the first */
	unsigned line, faults;
	plan_tell_fn *tell;
	void *arg;
};

static void PRINTF(3, 4) fault(struct reader *r, unsigned line, const char *fmt, ...)
{
	char text[400];
	struct buf b = BUF_OF(text);
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&b, fmt, args);
	va_end(args);
	if (++r->faults <= FAULTS_MAX && r->tell)
		r->tell(line, true, buf_str(&b), r->arg);
}

/* "ToMatchType", "to_match_type" and "to match type" are one name. */
static bool same_name(struct str text, const char *name)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '_' || c == ' ' || c == '-')
			continue;
		if (!c || (c >= 'A' && c <= 'Z' ? c | 0x20 : c) != *name++)
			return false;
	}
	return !*name;
}

struct word {
	const char *name;
	int value;
};

static bool word_of(struct str text, const struct word *words, int *out)
{
	for (; words->name; words++)
		if (same_name(text, words->name)) {
			*out = words->value;
			return true;
		}
	return false;
}

static const struct word directions[] = { { "in", 1 }, { "out", 0 }, { NULL, 0 } };
static const struct word truths[] = { { "yes", 1 }, { "no", 0 }, { "true", 1 }, { "false", 0 },
	{ "1", 1 }, { "0", 0 }, { NULL, 0 } };
static const struct word to_types[] = { { "any", WIZARD_TO_ANY }, { "account", WIZARD_TO_ACCOUNT },
	{ "tosipaccount", WIZARD_TO_ACCOUNT }, { "provider", WIZARD_TO_PROVIDER },
	{ "tosipprovider", WIZARD_TO_PROVIDER }, { "regex", WIZARD_TO_REGEX }, { NULL, 0 } };
static const struct word pattern_types[] = { { "exact", WIZARD_EXACT }, { "prefix", WIZARD_PREFIX },
	{ "regex", WIZARD_REGEX }, { NULL, 0 } };
static const struct word commands[] = { { "dial", WIZARD_DIAL },
	{ "dialadvanced", WIZARD_DIAL_ADVANCED }, { "reject", WIZARD_REJECT },
	{ "highriselookup", WIZARD_LOOKUP }, { NULL, 0 } };

static bool take_word(
	struct reader *r, struct str value, const struct word *words, const char *choices, int *out)
{
	if (word_of(value, words, out))
		return true;
	fault(r, r->line, "\"%.*s\" is none of %s", STR_ARG(str_first(value, 60)), choices);
	return false;
}

/* "12", "1.5": thousandths. */
static bool decimal(struct str text, int64_t *out)
{
	size_t dot = str_find(text, '.');
	struct str after = str_from(text, dot + 1);
	uint32_t whole, part = 0;

	if (str_u32(str_first(text, dot), &whole) != ERR_OK || after.n > 3 ||
		(dot < text.n && str_u32(after, &part) != ERR_OK))
		return false;
	for (size_t i = after.n; i < 3; i++)
		part *= 10;
	*out = (int64_t)whole * 1000 + part;
	return true;
}

static void take_priority(struct reader *r, struct str value)
{
	if (!decimal(value, &r->rule->priority))
		fault(r, r->line, "\"%.*s\" is no priority; it is a number, as 10 or 1.5",
			STR_ARG(str_first(value, 40)));
}

/* 1 … 4; 0: it is no parameter. */
static unsigned parameter_of(struct str key)
{
	unsigned n = key.n ? (unsigned)(key.p[key.n - 1] - '0') : 0;
	struct str name = str_first(key, key.n ? key.n - 1 : 0);

	if (n < 1 || n > WIZARD_PARAMETERS ||
		!(same_name(name, "parameter") || same_name(name, "commandparameter")))
		return 0;
	return n;
}

static bool take_choice(struct reader *r, struct str key, struct str value)
{
	struct wizard_rule *rule = r->rule;
	int v;

	if (same_name(key, "direction")) {
		if (take_word(r, value, directions, "in, out", &v))
			rule->in = v;
	} else if (same_name(key, "disabled") || same_name(key, "isdisabled")) {
		if (take_word(r, value, truths, "yes, no", &v))
			rule->disabled = v;
	} else if (same_name(key, "tomatchtype")) {
		if (take_word(r, value, to_types, "any, account, provider, regex", &v))
			rule->to_type = (enum wizard_to)v;
	} else if (same_name(key, "patterntype")) {
		if (take_word(r, value, pattern_types, "exact, prefix, regex", &v))
			rule->pattern_type = (enum wizard_pattern)v;
	} else if (same_name(key, "command")) {
		rule->has_command = take_word(
			r, value, commands, "dial, dial_advanced, reject, highrise_lookup", &v);
		if (rule->has_command)
			rule->command = (enum wizard_command)v;
	} else {
		return false;
	}
	return true;
}

static bool take_text(struct reader *r, struct str key, struct str value)
{
	struct wizard_rule *rule = r->rule;

	if (parameter_of(key))
		rule->parameters[parameter_of(key) - 1] = value;
	else if (same_name(key, "description"))
		rule->description = value;
	else if (same_name(key, "priority"))
		take_priority(r, value);
	else if (same_name(key, "tomatch") || same_name(key, "tomatchparameter"))
		rule->to = value;
	else if (same_name(key, "pattern"))
		rule->pattern = value;
	else if (same_name(key, "time") || same_name(key, "timepattern"))
		rule->time = value;
	else
		return false;
	return true;
}

static void take_setting(struct reader *r, struct str line)
{
	size_t equals = str_find(line, '=');
	struct str key = str_trim(str_first(line, equals));
	struct str value = str_trim(str_from(line, equals + 1));

	if (equals == line.n)
		fault(r, r->line, "\"%.*s\" is no setting; one is: name = value",
			STR_ARG(str_first(line, 60)));
	else if (!r->rule)
		fault(r, r->line, "a line [rule] must stand in front of the first setting");
	else if (!take_choice(r, key, value) && !take_text(r, key, value))
		fault(r, r->line,
			"there is no setting \"%.*s\"; there are direction, priority, description, "
			"to_match_type, to_match, pattern_type, pattern, time, command, "
			"parameter1 to parameter4, disabled",
			STR_ARG(str_first(key, 40)));
}

/* "[rule]", "[rule DESCRIPTION]" */
static bool take_section(struct reader *r, struct str line)
{
	struct str inside = str_trim(str_first(str_from(line, 1), line.n < 2 ? 0 : line.n - 2));

	if (line.p[line.n - 1] != ']' || !str_istarts(inside, STR("rule")) ||
		(inside.n > 4 && !str_is_blank(inside.p[4]))) {
		fault(r, r->line, "\"%.*s\" begins no rule; a rule begins with: [rule DESCRIPTION]",
			STR_ARG(str_first(line, 60)));
		return false;
	}
	if (r->out->count == WIZARD_RULES_MAX) {
		fault(r, r->line, "a dialplan has at most %d rules", WIZARD_RULES_MAX);
		return false;
	}
	r->rule = &r->out->rules[r->out->count];
	*r->rule = (struct wizard_rule){ .line = r->line,
		.description = str_trim(str_from(inside, 4)),
		.priority = INT64_MAX - WIZARD_RULES_MAX + r->out->count };
	r->out->count++;
	return true;
}

/* ---- what would go wrong in a call ---- */

static void check_regex(struct reader *r, const struct wizard_rule *rule, struct str pattern)
{
	struct pattern p;
	char text[256];
	struct buf why = BUF_OF(text);

	if (pattern_compile(&p, pattern, &why) != ERR_OK)
		fault(r, rule->line, "the pattern %.*s cannot be used: %.*s",
			STR_ARG(str_first(pattern, 60)), STR_ARG(buf_str(&why)));
}

static enum err print_pattern(const struct wizard_rule *rule, struct buf *b)
{
	if (rule->pattern_type == WIZARD_PREFIX)
		pattern_of_prefix(b, rule->pattern);
	else
		buf_add(b, rule->pattern);
	return buf_ok(b) ? ERR_OK : ERR_LIMIT;
}

static bool clock_time(struct str text, unsigned *second)
{
	size_t colon = str_find(text, ':');
	uint32_t h, m;

	if (str_u32(str_trim(str_first(text, colon)), &h) != ERR_OK ||
		str_u32(str_trim(str_from(text, colon + 1)), &m) != ERR_OK || h > 24 || m > 59 ||
		h * 60 + m > 24 * 60)
		return false;
	*second = h * 3600 + m * 60;
	return true;
}

static bool time_range(struct str time, unsigned *from, unsigned *to)
{
	struct str range = str_from(time, str_find(time, ';') + 1);
	size_t dash = str_find(range, '-');

	return clock_time(str_first(range, dash), from) &&
		clock_time(str_from(range, dash + 1), to);
}

static bool days_ok(struct str days)
{
	static const char *const names[] = { "tu", "th", "sa", "su", "m", "w", "f" };
	size_t i;

	for (days = str_trim(days); days.n; days = str_trim(days)) {
		for (i = 0; i < 7 && !str_istarts(days, str_of(names[i])); i++)
			;
		if (i == 7)
			return false;
		days = str_from(days, strlen(names[i]));
	}
	return true;
}

static void check_time(struct reader *r, const struct wizard_rule *rule)
{
	size_t end = str_find(rule->time, ';');
	unsigned from, to;

	if (!days_ok(str_first(rule->time, end)) ||
		(str_trim(str_from(rule->time, end)).n > 1 && !time_range(rule->time, &from, &to)))
		fault(r, rule->line,
			"\"%.*s\" is no time; one is: MTuWThFSaSu;09:00-17:30 (days without "
			"others, then from and to)",
			STR_ARG(str_first(rule->time, 60)));
}

static void check_reject(struct reader *r, const struct wizard_rule *rule)
{
	uint32_t status;

	if (str_u32(rule->parameters[0], &status) != ERR_OK || status < 300 || status > 699)
		fault(r, rule->line,
			"reject needs a status from 300 to 699 as parameter1, and may have a "
			"reason as parameter2");
}

static void check_dial(struct reader *r, const struct wizard_rule *rule)
{
	static const struct wizard_call call = { .sub = { .dst = { "1", 1 } } };
	char text[4096], why_text[256];
	struct buf b = BUF_OF(text), why = BUF_OF(why_text);
	struct dial_plan *plan;
	struct arena a;

	if (!rule->parameters[0].n || (rule->command == WIZARD_DIAL && !rule->parameters[1].n)) {
		fault(r, rule->line, "%s",
			rule->command == WIZARD_DIAL
				? "dial needs a number as parameter1 (${dst}: the one that was "
				  "dialled) and a provider or host as parameter2"
				: "dial_advanced needs a dial string as parameter1");
		return;
	}
	if (wizard_dial_string(rule, &call, &b) != ERR_OK) {
		fault(r, rule->line,
			"%.*s is Ruby that rules do not know; there are #{req.URI.User}, "
			"#{req.URI.User[2..-1]}, #{req.Header.From.FromName} and "
			"#{req.Header.From.FromURI.User}",
			STR_ARG(str_first(rule->parameters[0], 60)));
		return;
	}
	arena_init(&a, 16384);
	plan = arena_new(&a, struct dial_plan);
	if (dial_parse(buf_str(&b), &call.sub, &a, plan, &why) != ERR_OK)
		fault(r, rule->line, "%.*s", STR_ARG(buf_str(&why)));
	arena_fini(&a);
}

static void check_rule(struct reader *r, const struct wizard_rule *rule)
{
	char text[4 * PATTERN_TEXT_MAX];
	struct buf b = BUF_OF(text);

	if (!rule->in && !rule->pattern.n)
		fault(r, rule->line,
			"a rule for calls that go out needs a pattern of the numbers that it is "
			"for, as: pattern_type = regex, pattern = .*");
	if (rule->in && rule->pattern.n)
		check_regex(r, rule, rule->pattern);
	else if (!rule->in && rule->pattern_type != WIZARD_EXACT &&
		print_pattern(rule, &b) == ERR_OK)
		check_regex(r, rule, buf_str(&b));
	if (rule->to_type != WIZARD_TO_ANY && !rule->to.n)
		fault(r, rule->line, "to_match_type needs to_match beside it");
	else if (rule->to_type == WIZARD_TO_REGEX)
		check_regex(r, rule, rule->to);
	if (rule->time.n)
		check_time(r, rule);
	if (!rule->has_command)
		fault(r, rule->line,
			"the rule has no command; there are dial, dial_advanced and reject");
	else if (rule->command == WIZARD_REJECT)
		check_reject(r, rule);
	else if (rule->command != WIZARD_LOOKUP)
		check_dial(r, rule);
}

static void sort(struct wizard_plan *plan)
{
	for (unsigned i = 1; i < plan->count; i++) {
		struct wizard_rule rule = plan->rules[i];
		unsigned at = i;

		for (; at && plan->rules[at - 1].priority > rule.priority; at--)
			plan->rules[at] = plan->rules[at - 1];
		plan->rules[at] = rule;
	}
}

static unsigned count_sections(struct str script)
{
	unsigned n = 0;
	struct str line;

	while (str_cut(&script, '\n', &line))
		n += str_starts(str_trim(line), STR("["));
	return n < WIZARD_RULES_MAX ? n : WIZARD_RULES_MAX;
}

/* A call does without the checks: they were made before the text was stored. */
enum err wizard_parse(
	struct str script, struct arena *a, struct wizard_plan *out, plan_tell_fn *tell, void *arg)
{
	struct reader r = { .out = out, .tell = tell, .arg = arg };
	unsigned n = count_sections(script);
	bool going = true;
	struct str line;

	*out = (struct wizard_plan){ 0 };
	out->rules = arena_alloc(a, (n + 1) * sizeof(struct wizard_rule));
	while (going && str_cut(&script, '\n', &line)) {
		r.line++;
		line = str_trim(line);
		if (!line.n || line.p[0] == ';' || line.p[0] == '#')
			continue;
		if (line.p[0] == '[')
			going = take_section(&r, line);
		else
			take_setting(&r, line);
	}
	for (unsigned i = 0; tell && i < out->count; i++)
		check_rule(&r, &out->rules[i]);
	sort(out);
	return r.faults ? ERR_SYNTAX : ERR_OK;
}

/* ---- whether it is for this call ---- */

static bool found(struct str regex, struct str text)
{
	struct pattern p;
	char mem[160];
	struct buf why = BUF_OF(mem);

	return pattern_compile(&p, regex, &why) == ERR_OK && pattern_found(&p, text);
}

static bool number_matches(const struct wizard_rule *rule, struct str number)
{
	char text[4 * PATTERN_TEXT_MAX];
	struct buf b = BUF_OF(text);

	if (rule->pattern_type == WIZARD_EXACT)
		return str_eq(rule->pattern, number);
	return print_pattern(rule, &b) == ERR_OK && found(buf_str(&b), number);
}

/* "x.provider.owner": the label in front of the last one. */
static bool label_matches(struct str to, struct str provider)
{
	struct str user = str_first(to, str_find(to, '@')), label;
	size_t dot = str_rfind(user, '.');

	if (dot >= user.n)
		return false;
	label = str_first(user, dot);
	dot = str_rfind(label, '.');
	return str_ieq(dot < label.n ? str_from(label, dot + 1) : label, provider);
}

static bool to_matches(const struct wizard_rule *rule, const struct wizard_call *call)
{
	switch (rule->to_type) {
	case WIZARD_TO_ACCOUNT:
		return str_ieq(rule->to, call->to);
	case WIZARD_TO_PROVIDER:
		return str_ieq(rule->to, call->provider) || label_matches(call->to, rule->to);
	case WIZARD_TO_REGEX:
		return found(rule->to, call->to);
	default:
		return true;
	}
}

static bool has_day(struct str days, unsigned weekday)
{
	static const char *const names[] = { "su", "m", "tu", "w", "th", "f", "sa" };
	struct str name = str_of(names[weekday % 7]);

	for (size_t i = 0; i + name.n <= days.n; i++)
		if (str_ieq(str_make(days.p + i, name.n), name))
			return true;
	return false;
}

bool wizard_time_matches(struct str time, unsigned weekday, unsigned second)
{
	struct str days = str_first(time, str_find(time, ';'));
	bool today = has_day(days, weekday);
	unsigned from, to;

	if (days.n == time.n || str_trim(str_from(time, days.n + 1)).n == 0)
		return today;
	if (!time_range(time, &from, &to))
		return false;
	if (from <= to)
		return today && second >= from && second < to + 60;
	return (today && second >= from) || (has_day(days, weekday + 6) && second < to + 60);
}

bool wizard_matches(const struct wizard_rule *rule, const struct wizard_call *call)
{
	if (rule->disabled || rule->in != call->in)
		return false;
	if (!rule->in)
		return number_matches(rule, call->sub.dst);
	return to_matches(rule, call) &&
		(!rule->time.n || wizard_time_matches(rule->time, call->weekday, call->second)) &&
		(!rule->pattern.n || found(rule->pattern, call->sub.from_name) ||
			found(rule->pattern, call->from_uri));
}

/* ---- what it dials ---- */

/* "[2..-1]", "[2..5]", "[2,3]", the same within .slice( ), .Substring(2) */
static bool cut_value(struct str how, struct str *value)
{
	struct str first = str_first(how, how.n), rest;
	uint32_t from, last = UINT32_MAX, count;
	size_t n = 0;

	while (n < how.n && how.p[n] >= '0' && how.p[n] <= '9')
		n++;
	first = str_first(how, n);
	rest = str_trim(str_from(how, n));
	if (str_u32(first, &from) != ERR_OK)
		return false;
	if (str_starts(rest, STR(",")) && str_u32(str_trim(str_from(rest, 1)), &count) == ERR_OK)
		last = count;
	else if (str_starts(rest, STR("..")) && str_u32(str_from(rest, 2), &count) == ERR_OK)
		last = count >= from ? count - from + 1 : 0;
	else if (rest.n && !str_eq(rest, STR("..-1")))
		return false;
	*value = str_first(str_from(*value, from), last);
	return true;
}

static bool take_tail(struct str tail, struct str *value)
{
	static const char *const plain[] = { "", ".to_s", ".to_s()", ".ToString()", ".tostring()" };
	static const char *const cuts[] = { "[", ".slice(", ".Substring(", ".substring(" };

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (str_eq(tail, str_of(plain[i])))
			return true;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		size_t n = strlen(cuts[i]);

		if (str_starts(tail, str_of(cuts[i])) && tail.n > n + 1)
			return cut_value(str_trim(str_make(tail.p + n, tail.n - n - 1)), value);
	}
	return false;
}

static enum err evaluate(struct str ruby, const struct dial_substitutions *sub, struct str *value)
{
	const struct {
		const char *name;
		struct str value;
	} names[] = {
		{ "req.uri.user", sub->dst },
		{ "req.header.to.touri.user", sub->dst },
		{ "req.header.from.fromname", sub->from_name },
		{ "req.header.from.fromuri.user", sub->from_user },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		*value = names[i].value;
		if (str_istarts(ruby, str_of(names[i].name)) &&
			take_tail(str_from(ruby, strlen(names[i].name)), value))
			return ERR_OK;
	}
	return ERR_SYNTAX;
}

enum err wizard_dial_string(
	const struct wizard_rule *rule, const struct wizard_call *call, struct buf *out)
{
	struct str first = rule->parameters[0];

	if (str_starts(first, STR("#{")) && str_ends(first, STR("}"))) {
		struct str ruby = str_trim(str_make(first.p + 2, first.n - 3));

		if (evaluate(ruby, &call->sub, &first) != ERR_OK)
			return ERR_SYNTAX;
	}
	buf_add(out, first);
	if (rule->command == WIZARD_DIAL)
		buf_printf(out, "@%.*s", STR_ARG(rule->parameters[1]));
	return buf_ok(out) ? ERR_OK : ERR_LIMIT;
}
