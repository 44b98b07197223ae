/* SPDX-License-Identifier: BSD-3-Clause */
/* The commands that a dialplan gives (dialplan/commands.h). One row a command. */
#include "call/model.h"

#include "sip/print.h"

static struct str arg_str(json_t *args, const char *key)
{
	json_t *v = json_object_get(args, key);

	return json_is_string(v) ? str_make(json_string_value(v), json_string_length(v)) : STR_NONE;
}

static unsigned arg_uint(json_t *args, const char *key)
{
	json_t *v = json_object_get(args, key);
	json_int_t n = json_is_integer(v) ? json_integer_value(v) : 0;

	return n > 0 && n <= 1000000 ? (unsigned)n : 0;
}

void script_answer(struct run *r, uint32_t command, json_t *result)
{
	dialplan_answer(r->call->layer->env.dialplan, r->script, command,
		json_pack("{s:o}", "result", result));
}

void script_stop_command(struct run *r, uint32_t command)
{
	dialplan_answer(
		r->call->layer->env.dialplan, r->script, command, json_pack("{s:b}", "stop", 1));
}

/* ---- dial ---- */

static void answer_error(struct run *r, uint32_t command, const char *result, struct str why)
{
	if (!str_empty(why))
		call_event(r->call, EV_CALL_NOTE, "Dial: %.*s", STR_ARG(why));
	script_answer(r, command, json_pack("{s:s,s:[]}", "result", result, "dialled"));
}

static void take_from(struct dial *d, json_t *from, struct arena *a)
{
	if (!json_is_object(from))
		return;
	d->custom.from_name = arena_str(a, arg_str(from, "name"));
	d->custom.from_user = arena_str(a, arg_str(from, "user"));
	d->custom.from_host = arena_str(a, arg_str(from, "host"));
}

static void take_headers(struct dial *d, json_t *list, struct arena *a)
{
	size_t n = json_array_size(list);

	if (n > 64)
		n = 64;
	if (!n)
		return;
	d->custom.headers = arena_alloc(a, n * sizeof(struct str));
	for (size_t i = 0; i < n; i++) {
		json_t *v = json_array_get(list, i);

		if (json_is_string(v) && json_string_length(v) < 2048)
			d->custom.headers[d->custom.header_count++] =
				arena_str(a, str_make(json_string_value(v), json_string_length(v)));
	}
}

static void take_content(struct dial *d, json_t *content, struct arena *a)
{
	struct str body = arg_str(content, "body");

	if (!json_is_object(content) || body.n > 16384)
		return;
	d->custom.content = true;
	d->custom.type = arena_str(a, arg_str(content, "type"));
	d->custom.body = arena_str(a, body);
}

static void command_dial(struct run *r, uint32_t command, json_t *args)
{
	struct arena *a = &r->call->setup->arena;
	struct dial_plan *plan;
	struct dial_substitutions sub;
	char why[256];
	struct buf wb = BUF_OF(why);
	struct dial *d;
	unsigned ring = arg_uint(args, "ring");

	if (r->command_open)
		return; /* one at a time: a command blocks its script */
	plan = arena_new(a, struct dial_plan);
	caller_substitutions(&r->caller, &sub, a);
	if (dial_parse(arg_str(args, "string"), &sub, a, plan, &wb) != ERR_OK || !plan->count) {
		answer_error(r, command, "Error", buf_str(&wb));
		return;
	}
	r->legs += plan->count;
	if (r->legs > DIAL_LEGS_MAX) {
		answer_error(r, command, "Error", STR("more than 20 legs in one execution"));
		return;
	}
	d = dial_new(r);
	d->ring_s = ring && ring <= CALL_RING_MAX_S ? ring : r->call->layer->cfg.ring_s;
	d->limit_s = arg_uint(args, "limit");
	take_from(d, json_object_get(args, "from"), a);
	take_headers(d, json_object_get(args, "headers"), a);
	take_content(d, json_object_get(args, "content"), a);
	dialplan_extend(r->call->layer->env.dialplan, r->script, d->ring_s + 60);
	r->command = command;
	r->command_open = true;
	dial_start(d, plan);
}

static void command_media_path(struct run *r, uint32_t command, json_t *args)
{
	struct arena *a = &r->call->setup->arena;
	struct dial_plan *plan;
	struct dial_substitutions sub;
	char why[256];
	struct buf wb = BUF_OF(why);

	if (r->forecasts++ >= CALL_FORECASTS_MAX) {
		script_answer(r, command, json_null());
		return;
	}
	plan = arena_new(a, struct dial_plan);
	caller_substitutions(&r->caller, &sub, a);
	if (dial_parse(arg_str(args, "destination"), &sub, a, plan, &wb) != ERR_OK)
		script_answer(r, command,
			json_pack("{s:s,s:o}", "path", "none", "reason", call_json(buf_str(&wb))));
	else
		script_answer(r, command, forecast_media(r, plan));
}

/* ---- respond ---- */

static unsigned take_extra(json_t *args, struct sip_extra *extra, unsigned max)
{
	struct str uri = arg_str(args, "redirect_uri");
	json_t *list = json_object_get(args, "headers");
	unsigned n = 0;

	if (!str_empty(uri))
		extra[n++] = (struct sip_extra){ .id = SIP_HDR_CONTACT, .value = uri };
	for (size_t i = 0; i < json_array_size(list) && n < max; i++) {
		json_t *v = json_array_get(list, i);
		struct str line = json_is_string(v)
			? str_make(json_string_value(v), json_string_length(v))
			: STR_NONE;
		struct str name, value;

		if (from_split(line, &name, &value) && !from_is_fixed(name))
			extra[n++] = (struct sip_extra){ .name = name, .value = value };
	}
	return n;
}

static void respond_final(struct run *r, uint32_t command, json_t *args, unsigned status)
{
	struct sip_extra extra[16];
	unsigned n = take_extra(args, extra, 16);
	struct str reason = arena_str(&r->call->setup->arena, arg_str(args, "reason"));

	r->command = command;
	r->command_open = true; /* so that the end of the run stops the script in it */
	r->over = true;
	if (r->parent) {
		if (status >= 300 && status < 400 && n && extra[0].id == SIP_HDR_CONTACT)
			r->redirect_uri = arena_str(&r->call->setup->arena, extra[0].value);
		run_abort(r, true);
		r->over = false;
		run_failed(r, status, reason);
	} else {
		call_reject(r->call, status, reason, extra, n);
	}
}

static void command_respond(struct run *r, uint32_t command, json_t *args)
{
	unsigned status = arg_uint(args, "status");
	bool invite = r->call->method == SIP_INVITE;

	if (status >= 300 && status < 700) {
		respond_final(r, command, args, status);
		return;
	}
	if (status > 100 && status < 200)
		progress_from_script(r->call, status, arg_str(args, "reason"));
	else if (status >= 200 && status < 300 && !invite && !r->parent)
		call_accept_message(r->call);
	else
		call_event(r->call, EV_CALL_NOTE, "Respond: %u cannot answer a call", status);
	script_answer(r, command, json_null());
}

/* ---- accounts and domains ---- */

/* The account that user and domain name, NULL when unknown; domain may be an alias. */
static struct account *find_account(struct run *r, struct str user, struct str domain)
{
	struct directory *dir = r->call->layer->env.directory;
	char canonical[256];

	if (str_empty(user))
		user = r->customer;
	if (str_empty(domain))
		domain = STR("local");
	if (!directory_domain(dir, domain, false, canonical, sizeof(canonical)))
		return NULL;
	return directory_account(dir, user, str_of(canonical));
}

static struct account *find_own(struct run *r, json_t *args)
{
	struct account *acc = find_account(r, arg_str(args, "user"), arg_str(args, "domain"));

	if (acc && !str_ieq(acc->customer, r->customer)) {
		account_unref(acc);
		return NULL;
	}
	return acc;
}

static void command_account_exists(struct run *r, uint32_t command, json_t *args)
{
	struct account *acc = find_account(r, arg_str(args, "user"), arg_str(args, "domain"));

	script_answer(r, command, json_boolean(acc != NULL));
	account_unref(acc);
}

static void command_is_mine(struct run *r, uint32_t command, json_t *args)
{
	struct account *acc = find_own(r, args);

	script_answer(r, command, json_boolean(acc != NULL));
	account_unref(acc);
}

struct listing {
	json_t *list;
	struct str aor;
	int64_t now_ms;
};

static void list_binding(const struct binding *b, void *arg)
{
	struct listing *l = arg;
	char remote[2 * ADDR_TEXT_MAX], at[40];
	struct buf rb = BUF_OF(remote), tb = BUF_OF(at);

	flow_print_remote(&rb, &b->flow);
	clock_print_iso(&tb, b->expires_ms);
	json_array_append_new(l->list,
		json_pack("{s:o,s:o,s:o,s:I,s:o,s:o,s:o}", "contact", call_json(b->contact),
			"mangled", call_json(b->contact), "user_agent", call_json(b->user_agent),
			"expiry", (json_int_t)((b->expires_ms - l->now_ms) / 1000), "expires_at",
			call_json(buf_str(&tb)), "account", call_json(l->aor), "remote",
			call_json(buf_str(&rb))));
}

static json_t *bindings_json(struct run *r, struct account *acc)
{
	struct listing l = {
		.list = json_array(), .aor = acc->aor, .now_ms = call_worker(r->call)->clock.wall_ms
	};

	location_each(r->call->layer->env.location, acc->aor, l.now_ms, list_binding, &l);
	return l.list;
}

/* Without a user: those of the account that the call belongs to. */
static void command_get_bindings(struct run *r, uint32_t command, json_t *args)
{
	struct account *acc;

	if (str_empty(arg_str(args, "user")) && r->account)
		acc = account_ref(r->account);
	else
		acc = find_own(r, args);
	script_answer(r, command, acc ? bindings_json(r, acc) : json_null());
	account_unref(acc);
}

static void command_is_available(struct run *r, uint32_t command, json_t *args)
{
	struct account *acc = find_own(r, args);
	json_t *list = acc ? bindings_json(r, acc) : json_array();

	script_answer(r, command, json_boolean(json_array_size(list) > 0));
	json_decref(list);
	account_unref(acc);
}

static void command_canonical_domain(struct run *r, uint32_t command, json_t *args)
{
	char domain[256];
	bool known = directory_domain(r->call->layer->env.directory, arg_str(args, "domain"), false,
		domain, sizeof(domain));

	script_answer(r, command, known ? call_json(str_of(domain)) : json_null());
}

static void command_enum_lookup(struct run *r, uint32_t command, json_t *args)
{
	number_command(r, command, arg_str(args, "number"));
}

/* Legs, not calls: two for each that was answered (facts 12.1.22). */
static void command_call_count(struct run *r, uint32_t command, json_t *args)
{
	json_int_t legs = 0;

	list_each (it, &r->call->layer->calls) {
		struct call *c = container_of(it, struct call, link);

		if (c->state == CALL_ANSWERED && str_ieq(c->customer, r->customer))
			legs += 2;
	}
	script_answer(r, command, json_integer(legs));
}

static void command_last_failure(struct run *r, uint32_t command, json_t *args)
{
	unsigned status = arg_uint(args, "status");

	if (status >= 300 && status < 700)
		r->status = status;
	else if (!status)
		r->status = 0;
	r->reason = arena_str(&r->call->setup->arena, str_first(arg_str(args, "reason"), 200));
	script_answer(r, command, json_null());
}

static const struct {
	const char *name;
	void (*run)(struct run *r, uint32_t command, json_t *args);
	bool setting_up; /* changes the call: only before it is answered */
} commands[] = {
	{ "dial", command_dial, true },
	{ "respond", command_respond, true },
	{ "is_available", command_is_available, false },
	{ "is_mine", command_is_mine, false },
	{ "account_exists", command_account_exists, false },
	{ "get_bindings", command_get_bindings, false },
	{ "canonical_domain", command_canonical_domain, false },
	{ "enum_lookup", command_enum_lookup, false },
	{ "call_count", command_call_count, false },
	{ "last_failure", command_last_failure, false },
	{ "media_path", command_media_path, true },
};

void script_on_command(void *arg, uint64_t id, uint32_t command, const char *name, json_t *args)
{
	struct run *r = arg;

	if (storage_command(r, command, name, args))
		return;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!str_eq(str_of(commands[i].name), str_of(name)))
			continue;
		if (commands[i].setting_up && (r->over || r->call->state >= CALL_ANSWERED))
			script_stop_command(r, command);
		else
			commands[i].run(r, command, args);
		return;
	}
	script_answer(r, command, json_null());
}
