/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem dialplan run FILE: what a dialplan would do, without a call. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/dry.h"
#include "cli/find.h"
#include "cli/output.h"
#include "conf/place.h"
#include "dry/call.h"
#include "dry/world.h"

enum { SCRIPT_BYTES_MAX = 256 * 1024, WHY_MAX = 1024 };

const struct cli_option dialplan_run_options[] = {
	{ "--type", "ruby|line|wizard", "what it is; FILE.line and FILE.wizard say so themselves" },
	{ "--from", "WHO", "who calls: alice, alice@example.com, \"Alice <sip:alice@host>\"" },
	{ "--to", "NUMBER", "what was dialled, or a SIP URI" },
	{ "--out", NULL, "a call from one of the customer's accounts (this is usual)" },
	{ "--in", NULL, "a call to one of them" },
	{ "--at", "TIME", "what the clock says: \"2026-03-04 09:30\"" },
	{ "--answer", "WHO=WHAT,…",
		"what becomes of legs: ok, busy, noanswer, unavailable, a status; WHO is a "
		"provider, an account, a URI or *",
		true },
	{ "--customer", "NAME", "whose accounts and providers there are, from the database" },
	{ "--provider", "NAME",
		"without the database: there is this provider; \"NAME SERVER from=… header=…\"",
		true },
	{ "--account", "USER[@DOMAIN]", "without the database: there is this account", true },
	{ "--unregistered", "USER", "this account has no phone; several with blanks between" },
	{ "--enum", "NUMBER=URI", "what ENUM says; several with blanks between" },
	{ NULL },
};

bool dry_box_open(struct dry_box *b)
{
	char program[PATH_MAX] = "tandem-dialplan";

	if (program_find("tandem-dialplan", program, sizeof(program)) && dry_box_start(b, program))
		return true;
	cli_fail(CLI_FAILED, "%s cannot be started", program);
	return false;
}

static bool read_script(struct cli *c, const char *file, struct str *out)
{
	char *text = arena_alloc(&c->arena, SCRIPT_BYTES_MAX + 1);
	FILE *f = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
	size_t n = f ? fread(text, 1, SCRIPT_BYTES_MAX + 1, f) : 0;
	bool ok = f && !ferror(f) && n <= SCRIPT_BYTES_MAX;

	if (!ok)
		cli_fail(CLI_FAILED, "%s cannot be read, or is longer than %d bytes", file,
			SCRIPT_BYTES_MAX);
	if (f && f != stdin)
		fclose(f);
	*out = str_make(text, n);
	return ok;
}

/* ---- for people ---- */

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static long long number(const json_t *o, const char *key)
{
	return (long long)json_integer_value(json_object_get(o, key));
}

static void print_options(struct cli *c, const json_t *options)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)options, key, v)
	{
		if (json_is_integer(v))
			cli_say(c, "        %s %lld", key, (long long)json_integer_value(v));
		else
			cli_say(c, "        %s %s", key,
				json_is_string(v)         ? json_string_value(v)
					: json_is_true(v) ? "yes"
							  : "no");
	}
}

static void print_leg(struct cli *c, const json_t *leg)
{
	const json_t *line;
	size_t i;

	cli_say(c, "    %lld. %s: %s %s%s%s", number(leg, "group"), text(leg, "to"),
		text(leg, "kind"), text(leg, "uri"), *text(leg, "hop") ? " through " : "",
		text(leg, "hop"));
	print_options(c, json_object_get(leg, "options"));
	json_array_foreach(json_object_get(leg, "headers"), i, line)
	{
		cli_say(c, "        header %s", json_string_value(line));
	}
	if (number(leg, "status"))
		cli_say(c, "        -> %s: %lld %s", text(leg, "outcome"), number(leg, "status"),
			text(leg, "reason"));
	else
		cli_say(c, "        -> %s", text(leg, "outcome"));
}

static void print_dial(struct cli *c, const json_t *step)
{
	const json_t *leg;
	size_t i;

	cli_say(c, "dial  %s", text(step, "string"));
	if (number(step, "ring_s"))
		cli_say(c, "    rings for %lld s", number(step, "ring_s"));
	if (number(step, "limit_s"))
		cli_say(c, "    ends %lld s after the answer", number(step, "limit_s"));
	print_options(c, json_object_get(step, "from"));
	json_array_foreach(json_object_get(step, "legs"), i, leg)
	{
		print_leg(c, leg);
	}
	if (*text(step, "answered_by"))
		cli_say(c, "    answered by %s: the dialplan ends here", text(step, "answered_by"));
	else
		cli_say(c,
			"    %s %lld %s: the dialplan goes on; had a leg been answered, it would "
			"end here",
			text(step, "result"), number(step, "status"), text(step, "reason"));
}

static void print_end(struct cli *c, const json_t *step)
{
	if (strcmp(text(step, "how"), "error") == 0)
		cli_say(c, "end   error in line %lld: %s; the caller hears 500",
			number(step, "line"), text(step, "message"));
	else if (strcmp(text(step, "how"), "answered") == 0)
		cli_say(c, "end   answered");
	else
		cli_say(c, "end   the caller hears %lld %s", number(step, "status"),
			text(step, "reason"));
}

static void print_step(struct cli *c, const json_t *step)
{
	const char *kind = text(step, "step");

	if (strcmp(kind, "log") == 0)
		cli_say(c, "log   %s", text(step, "text"));
	else if (strcmp(kind, "dial") == 0)
		print_dial(c, step);
	else if (strcmp(kind, "respond") == 0)
		cli_say(c, "respond %lld %s%s%s", number(step, "status"), text(step, "reason"),
			*text(step, "redirect_uri") ? " to " : "", text(step, "redirect_uri"));
	else if (strcmp(kind, "value") == 0)
		cli_say(c, "value %s %s %s", text(step, "what"), text(step, "key"),
			text(step, "value"));
	else if (strcmp(kind, "enum") == 0)
		cli_say(c, "enum  %s: %s", text(step, "number"),
			*text(step, "found") ? text(step, "found") : "nothing (see --enum)");
	else if (strcmp(kind, "end") == 0)
		print_end(c, step);
	else
		cli_say(c, "%s  (a dry run has no answer for it)", text(step, "name"));
}

/* ---- the world ---- */

static bool told_of(struct cli *c, struct dry_world *w, const char *option, const char *word)
{
	char mem[WHY_MAX];
	struct buf why = BUF_OF(mem);
	struct str value;
	bool known;

	for (unsigned i = 0; cli_value_nth(c, option, i, &value); i++) {
		struct str line = str_of(arena_printf(&c->arena, "%s %.*s", word, STR_ARG(value)));

		if (dry_world_line(w, line, &known, &why))
			continue;
		cli_fail(CLI_USAGE, "%s: %.*s", option, STR_ARG(buf_str(&why)));
		return false;
	}
	return true;
}

/* From the database when a customer is named; else only what the options tell. */
static bool open_world(struct cli *c, struct dry_world *w)
{
	struct store_customer customer;
	char mem[WHY_MAX];
	struct buf why = BUF_OF(mem);
	bool ok;

	if (cli_has(c, "--customer")) {
		if (!cli_store(c) || find_customer_option(c, &customer) != CLI_OK)
			return false;
		ok = dry_world_of(w, c->db, customer.name, &why) && store_begin(w->db) == ERR_OK;
	} else {
		ok = dry_world_new(w, &why);
		if (ok &&
			(!told_of(c, w, "--account", "account") ||
				!told_of(c, w, "--provider", "provider")))
			return false;
		ok = ok && dry_world_ready(w, &why) && store_begin(w->db) == ERR_OK;
	}
	if (!ok)
		cli_fail(CLI_FAILED, "%.*s", STR_ARG(buf_str(&why)));
	return ok;
}

static struct str name_of(const char *file)
{
	struct str s = str_of(file);
	size_t slash = str_rfind(s, '/');

	s = slash == s.n ? s : str_from(s, slash + 1);
	return str_ends(s, STR(".rb")) ? str_first(s, s.n - 3) : s;
}

static struct str type_of(const struct cli *c)
{
	struct str file = str_of(c->args[0]);

	if (cli_has(c, "--type"))
		return cli_value(c, "--type");
	return str_ends(file, STR(".line"))      ? STR("line")
		: str_ends(file, STR(".wizard")) ? STR("wizard")
						 : STR("ruby");
}

static bool take_options(struct cli *c, struct dry_call *call)
{
	char mem[WHY_MAX];
	struct buf why = BUF_OF(mem);
	struct str answers;

	call->incoming = cli_has(c, "--in");
	call->from = cli_has(c, "--from") ? cli_value(c, "--from") : STR("caller");
	call->to = cli_value(c, "--to");
	call->at = cli_value(c, "--at");
	call->unregistered = cli_value(c, "--unregistered");
	call->enum_found = cli_value(c, "--enum");
	for (unsigned i = 0; cli_value_nth(c, "--answer", i, &answers); i++) {
		if (dry_call_take_answers(call, arena_str(&c->arena, answers), &why))
			continue;
		cli_fail(CLI_USAGE, "--answer: %.*s", STR_ARG(buf_str(&why)));
		return false;
	}
	if (!str_eq(call->type, STR("ruby")) && !str_eq(call->type, STR("line")) &&
		!str_eq(call->type, STR("wizard"))) {
		cli_fail(CLI_USAGE, "--type is ruby, line or wizard");
		return false;
	}
	if (!call->to.n || (cli_has(c, "--in") && cli_has(c, "--out"))) {
		cli_fail(CLI_USAGE, "say --to NUMBER, and --out or --in");
		return false;
	}
	return true;
}

static int run(struct cli *c, struct dry_call *call, struct dry_box *b, struct dry_world *w)
{
	const json_t *step, *last;
	bool error;
	size_t i;

	call->directory = w->directory;
	call->db = w->db;
	call->customer = w->customer;
	call->arena = &c->arena;
	dry_call_run(call, b);
	store_rollback(w->db);
	last = json_array_get(call->steps, json_array_size(call->steps) - 1);
	error = strcmp(text(last, "how"), "error") == 0;
	json_array_foreach(call->steps, i, step)
	{
		print_step(c, step);
	}
	if (c->json) {
		json_dumpf(call->steps, stdout, JSON_INDENT(2));
		printf("\n");
	}
	json_decref(call->steps);
	return error ? CLI_FAILED : CLI_OK;
}

int dialplan_run(struct cli *c)
{
	struct dry_call *call = arena_new(&c->arena, struct dry_call);
	struct dry_world w = { .db = NULL };
	struct dry_box b;
	int code = CLI_FAILED;

	call->name = name_of(c->args[0]);
	call->type = type_of(c);
	if (!take_options(c, call))
		return CLI_USAGE;
	/* Before the database is opened: for that, root becomes somebody else. */
	if (!read_script(c, c->args[0], &call->script) || !dry_box_open(&b))
		return CLI_FAILED;
	if (open_world(c, &w))
		code = run(c, call, &b, &w);
	dry_world_free(&w);
	dry_box_stop(&b);
	return code;
}
