/* SPDX-License-Identifier: BSD-3-Clause */
#include "dry/call_int.h"

#include <stdlib.h>
#include <string.h>

#include "sip/field.h"

struct str dry_arg(json_t *args, const char *key)
{
	const json_t *v = json_object_get(args, key);

	return json_is_string(v) ? str_make(json_string_value(v), json_string_length(v)) : STR_NONE;
}

json_t *dry_json(struct str s)
{
	json_t *j = json_stringn(s.p ? s.p : "", s.n);

	return j ? j : json_string("?");
}

void dry_step(struct dry_call *c, json_t *step)
{
	json_array_append_new(c->steps, step);
}

bool dry_call_take_answers(struct dry_call *c, struct str text, struct buf *why)
{
	struct str rest = text, word;

	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] == ' ' || text.p[i] == '\t')
			((char *)(uintptr_t)text.p)[i] = ',';
	while (str_cut(&rest, ',', &word)) {
		size_t eq = str_find(word, '=');

		if (!word.n)
			continue;
		if (eq == 0 || eq + 1 >= word.n) {
			buf_printf(why,
				"\"%.*s\" is no answer; write WHO=ok, busy, noanswer, "
				"unavailable or a status",
				STR_ARG(str_first(word, 60)));
			return false;
		}
		if (c->answer_count == DRY_ANSWERS_MAX) {
			buf_printf(why, "there are more than %d answers", DRY_ANSWERS_MAX);
			return false;
		}
		c->answers[c->answer_count].who = str_first(word, eq);
		c->answers[c->answer_count++].what = str_from(word, eq + 1);
	}
	return true;
}

/* ---- who calls ---- */

void dry_caller_of(struct dry_call *c, struct dry_caller *out)
{
	struct sip_addr addr;
	char name[256];
	struct buf b = BUF_OF(name);

	*out = (struct dry_caller){ .user = c->from, .host = STR("localhost") };
	if (str_find_str(c->from, STR("sip:")) == c->from.n) {
		size_t at = str_find(c->from, '@');
		char domain[256];

		if (at < c->from.n) {
			out->user = str_first(c->from, at);
			out->host = str_from(c->from, at + 1);
		} else if (!c->incoming &&
			directory_domain(
				c->directory, STR("local"), false, domain, sizeof(domain))) {
			out->host = arena_str(c->arena, str_of(domain));
		}
		return;
	}
	if (sip_addr_parse(c->from, &addr) != ERR_OK)
		return;
	sip_addr_display(&addr, &b);
	out->display = arena_str(c->arena, buf_str(&b));
	out->user = addr.uri.user;
	out->host = addr.uri.host;
}

static struct str number_of(const struct dry_call *c)
{
	struct sip_uri uri;

	if (sip_uri_parse(c->to, &uri) == ERR_OK)
		return uri.user;
	return str_first(c->to, str_find(c->to, '@'));
}

void dry_substitutions(struct dry_call *c, struct dial_substitutions *out)
{
	struct dry_caller from;

	dry_caller_of(c, &from);
	*out = (struct dial_substitutions){ .dst = number_of(c),
		.from_name = from.display,
		.from_user = from.user,
		.from_aor = str_of(arena_printf(
			c->arena, "%.*s@%.*s", STR_ARG(from.user), STR_ARG(from.host))) };
}

static struct str home_domain(struct dry_call *c)
{
	char domain[256];

	if (directory_domain(c->directory, STR("local"), false, domain, sizeof(domain)))
		return arena_str(c->arena, str_of(domain));
	return STR("localhost");
}

static json_t *header(const char *name, const char *value)
{
	return json_pack("[s,s]", name, value);
}

static json_t *request(struct dry_call *c, const struct dry_caller *from)
{
	struct arena *a = c->arena;
	struct str home = home_domain(c);
	struct sip_uri uri;
	const char *to = sip_uri_parse(c->to, &uri) == ERR_OK
		? arena_printf(a, "%.*s", STR_ARG(c->to))
		: str_find(c->to, '@') < c->to.n
		? arena_printf(a, "sip:%.*s", STR_ARG(c->to))
		: arena_printf(a, "sip:%.*s@%.*s", STR_ARG(c->to), STR_ARG(home));
	const char *display =
		from->display.n ? arena_printf(a, "\"%.*s\" ", STR_ARG(from->display)) : "";
	json_t *headers = json_array();

	json_array_append_new(
		headers, header("Via", "SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKdry;rport"));
	json_array_append_new(headers,
		header("From",
			arena_printf(a, "%s<sip:%.*s@%.*s>;tag=dry", display, STR_ARG(from->user),
				STR_ARG(from->host))));
	json_array_append_new(headers, header("To", arena_printf(a, "<%s>", to)));
	json_array_append_new(headers,
		header("Contact",
			arena_printf(a, "<sip:%.*s@192.0.2.10:5060>", STR_ARG(from->user))));
	json_array_append_new(headers, header("Call-ID", "dry@192.0.2.10"));
	json_array_append_new(headers, header("CSeq", "1 INVITE"));
	json_array_append_new(headers, header("Max-Forwards", "70"));
	json_array_append_new(headers, header("User-Agent", "tandem dialplan run"));
	return json_pack("{s:s,s:s,s:o,s:s,s:s,s:s}", "method", "INVITE", "uri", to, "headers",
		headers, "body", "", "remote", "udp:192.0.2.10:5060", "local",
		"udp:192.0.2.1:5060");
}

static json_t *input(struct dry_call *c)
{
	struct dry_caller from;
	struct account *acc;
	json_t *in, *account = json_null();

	dry_caller_of(c, &from);
	acc = c->incoming ? dry_account(c, number_of(c), STR("local"))
			  : dry_account(c, from.user, from.host);
	if (acc)
		account = json_pack("{s:o,s:o}", "username", dry_json(acc->username), "domain",
			dry_json(acc->domain));
	else if (!c->incoming)
		account = json_pack("{s:o,s:o}", "username", dry_json(from.user), "domain",
			dry_json(home_domain(c)));
	account_unref(acc);
	in = json_pack("{s:s,s:o,s:o,s:o,s:o}", "direction", c->incoming ? "in" : "out", "username",
		dry_json(c->customer), "dialplan", dry_json(c->name), "account", account, "request",
		request(c, &from));
	if (c->at.n)
		json_object_set_new(in, "at", dry_json(c->at));
	return in;
}

/* ---- accounts ---- */

struct account *dry_account(struct dry_call *c, struct str user, struct str domain)
{
	char canonical[256];

	if (!user.n)
		user = c->customer;
	if (!domain.n)
		domain = STR("local");
	if (!directory_domain(c->directory, domain, false, canonical, sizeof(canonical)))
		return NULL;
	return directory_account_dotted(c->directory, user, str_of(canonical));
}

bool dry_registered(const struct dry_call *c, const struct account *acc)
{
	struct str rest = c->unregistered, word;

	while (str_cut(&rest, ' ', &word))
		if (word.n && (str_ieq(word, acc->username) || str_ieq(word, acc->aor)))
			return false;
	return true;
}

/* ---- commands ---- */

static json_t *result(json_t *value)
{
	return json_pack("{s:o}", "result", value);
}

static json_t *respond(struct dry_call *c, json_t *args)
{
	unsigned status = (unsigned)json_integer_value(json_object_get(args, "status"));
	struct str uri = dry_arg(args, "redirect_uri");
	json_t *step = json_pack("{s:s,s:i,s:o}", "step", "respond", "status", (int)status,
		"reason", dry_json(dry_arg(args, "reason")));

	json_object_set(step, "headers", json_object_get(args, "headers"));
	if (uri.n)
		json_object_set_new(step, "redirect_uri", dry_json(uri));
	dry_step(c, step);
	if (status < 300 || status > 699)
		return result(json_null());
	c->over = true;
	c->status = status;
	c->reason = arena_str(c->arena, dry_arg(args, "reason"));
	return json_pack("{s:b}", "stop", 1);
}

static json_t *last_failure(struct dry_call *c, json_t *args)
{
	unsigned status = (unsigned)json_integer_value(json_object_get(args, "status"));

	if ((status >= 300 && status < 700) || !status)
		c->status = status;
	c->reason = arena_str(c->arena, str_first(dry_arg(args, "reason"), 200));
	return result(json_null());
}

static json_t *ask_account(struct dry_call *c, const char *what, json_t *args)
{
	struct account *acc = dry_account(c, dry_arg(args, "user"), dry_arg(args, "domain"));
	bool own = acc && str_ieq(acc->customer, c->customer);
	bool yes = strcmp(what, "account_exists") == 0 ? acc != NULL
		: strcmp(what, "is_mine") == 0         ? own
						       : own && dry_registered(c, acc);

	account_unref(acc);
	return result(json_boolean(yes));
}

static json_t *bindings(struct dry_call *c, json_t *args)
{
	struct account *acc = dry_account(c, dry_arg(args, "user"), dry_arg(args, "domain"));
	json_t *list = NULL;

	if (acc && str_ieq(acc->customer, c->customer)) {
		const char *contact =
			arena_printf(c->arena, "sip:%.*s@192.0.2.20:5060", STR_ARG(acc->username));

		list = json_array();
		if (dry_registered(c, acc))
			json_array_append_new(list,
				json_pack("{s:s,s:s,s:s,s:i,s:s,s:o,s:s}", "contact", contact,
					"mangled", contact, "user_agent", "dry", "expiry", 3600,
					"expires_at", "2099-01-01T00:00:00.000Z", "account",
					dry_json(acc->aor), "remote", "udp:192.0.2.20:5060"));
	}
	account_unref(acc);
	return result(list ? list : json_null());
}

static json_t *canonical(struct dry_call *c, json_t *args)
{
	char domain[256];

	if (!directory_domain(c->directory, dry_arg(args, "domain"), false, domain, sizeof(domain)))
		return result(json_null());
	return result(json_string(domain));
}

/* Nobody asks the DNS in a dry run: it is told. */
static json_t *enum_lookup(struct dry_call *c, json_t *args)
{
	struct str number = dry_arg(args, "number"), rest = c->enum_found, word;
	json_t *found = NULL;

	if (str_starts(number, STR("+")))
		number = str_from(number, 1);
	while (!found && str_cut(&rest, ' ', &word)) {
		size_t eq = str_find(word, '=');

		if (eq < word.n && str_eq(str_first(word, eq), number))
			found = dry_json(str_from(word, eq + 1));
	}
	dry_step(c,
		json_pack("{s:s,s:o,s:o}", "step", "enum", "number", dry_json(number), "found",
			found ? json_incref(found) : json_null()));
	return result(found ? found : json_null());
}

static void add_key(struct str key, struct str value, void *arg)
{
	(void)value;
	json_array_append_new(arg, dry_json(key));
}

static json_t *values(struct dry_call *c, const char *name, json_t *args)
{
	struct str key = dry_arg(args, "key"), value = dry_arg(args, "value");
	json_t *list;

	if (strcmp(name, "db_read") == 0)
		return result(store_kv_get(c->db, c->customer, key, c->arena, &value) == ERR_OK
				? dry_json(value)
				: json_null());
	if (strcmp(name, "db_keys") == 0) {
		list = json_array();
		if (store_kv_list(c->db, c->customer, add_key, list) != ERR_OK)
			json_array_clear(list);
		return result(list);
	}
	dry_step(c,
		json_pack("{s:s,s:s,s:o,s:o}", "step", "value", "what",
			strcmp(name, "db_write") == 0 ? "write" : "delete", "key", dry_json(key),
			"value", dry_json(value)));
	if (strcmp(name, "db_write") == 0 ? store_kv_put(c->db, c->customer, key, value)
					  : store_kv_remove(c->db, c->customer, key))
		return result(json_null());
	return result(json_null());
}

/* What a dry run has no answer for is noted; the script gets none. */
static json_t *unanswered(struct dry_call *c, const char *name, json_t *args)
{
	dry_step(c, json_pack("{s:s,s:s,s:O}", "step", "command", "name", name, "args", args));
	return result(json_null());
}

static json_t *on_command(void *arg, const char *name, json_t *args)
{
	struct dry_call *c = arg;

	if (c->over && (strcmp(name, "dial") == 0 || strcmp(name, "respond") == 0))
		return json_pack("{s:b}", "stop", 1);
	if (strcmp(name, "dial") == 0)
		return dry_dial(c, args);
	if (strcmp(name, "respond") == 0)
		return respond(c, args);
	if (strcmp(name, "last_failure") == 0)
		return last_failure(c, args);
	if (strcmp(name, "is_available") == 0 || strcmp(name, "is_mine") == 0 ||
		strcmp(name, "account_exists") == 0)
		return ask_account(c, name, args);
	if (strcmp(name, "get_bindings") == 0)
		return bindings(c, args);
	if (strcmp(name, "canonical_domain") == 0)
		return canonical(c, args);
	if (strcmp(name, "enum_lookup") == 0)
		return enum_lookup(c, args);
	if (strncmp(name, "db_", 3) == 0)
		return values(c, name, args);
	if (strcmp(name, "call_count") == 0)
		return result(json_integer(0));
	if (strcmp(name, "extend") == 0)
		return json_object();
	return unanswered(c, name, args);
}

void dry_log(struct dry_call *c, struct str text)
{
	dry_step(c, json_pack("{s:s,s:o}", "step", "log", "text", dry_json(text)));
}

static void on_log(void *arg, struct str text)
{
	dry_log(arg, text);
}

/* As a call that was not answered ends (facts 3.5). */
void dry_end(struct dry_call *c, const char *how, struct str message, unsigned line)
{
	bool failed = strcmp(how, "done") != 0 && !c->over;
	unsigned status = failed ? 500 : c->status ? c->status : 480;
	json_t *step = json_pack("{s:s,s:s}", "step", "end", "how",
		failed                ? "error"
			: c->answered ? "answered"
				      : "failed");

	if (failed) {
		json_object_set_new(step, "message", dry_json(message));
		json_object_set_new(step, "line", json_integer(line));
	}
	if (!c->answered) {
		json_object_set_new(step, "status", json_integer(status));
		json_object_set_new(step, "reason", dry_json(failed ? STR("") : c->reason));
	}
	dry_step(c, step);
}

static void on_end(void *arg, const char *how, struct str message, unsigned line)
{
	dry_end(arg, how, message, line);
}

void dry_call_run(struct dry_call *c, struct dry_box *b)
{
	static const struct dry_box_handlers handlers = { on_log, on_command, on_end };

	c->steps = json_array();
	c->over = c->answered = false;
	c->status = c->legs = 0;
	c->reason = STR_NONE;
	if (dry_native(c))
		return;
	dry_box_run(b, arena_printf(c->arena, "%.*s", STR_ARG(c->name)), c->script, input(c),
		&handlers, c);
}
