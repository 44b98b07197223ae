/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem providers, tandem provider test: how registering with providers is going, in words. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/control.h"
#include "cli/find.h"
#include "cli/output.h"

const struct cli_option providers_options[] = {
	{ "--customer", "NAME", "of this customer only" },
	{ NULL },
};

/* ---- which nodes there are ---- */

struct listing {
	struct cli *cli;
	json_t *rows, *nodes; /* session: name */
	struct str customer;
	int64_t now_ms;
};

static void add_node(const struct store_node *n, void *arg)
{
	struct listing *l = arg;

	json_object_setn_new(
		l->nodes, n->session.p, n->session.n, json_stringn(n->name.p, n->name.n));
}

/* ---- states ---- */

static void put_in(json_t *o, const char *key, int64_t wall_ms, int64_t now_ms)
{
	if (wall_ms)
		cli_put_number(o, key, wall_ms > now_ms ? (wall_ms - now_ms + 500) / 1000 : 0);
}

static void add_state(const struct store_provider_binding *b, void *arg)
{
	struct listing *l = arg;
	json_t *o, *node = json_object_getn(l->nodes, b->node.p, b->node.n);

	if (l->customer.n && !str_ieq(l->customer, b->customer))
		return;
	o = json_object();
	cli_put(o, "customer", b->customer);
	cli_put(o, "name", b->name);
	cli_put(o, "state", b->state);
	cli_put(o, "reason", b->reason);
	cli_put_time(o, "since", b->since_ms);
	cli_put_time(o, "next_try", b->next_ms);
	put_in(o, "next_try_s", b->next_ms, l->now_ms);
	cli_put_time(o, "expires", b->expires_ms);
	if (b->expires_ms > l->now_ms)
		put_in(o, "expires_s", b->expires_ms, l->now_ms);
	cli_put(o, "registrar", b->registrar);
	/* not what an incoming call is known by */
	cli_put(o, "contact", str_first(b->contact, str_find_str(b->contact, STR(";tandem="))));
	if (node)
		json_object_set(o, "node", node);
	else
		cli_put(o, "node", STR("(none: it is being taken over)"));
	json_array_append_new(l->rows, o);
}

static void add_provider(const struct store_provider *p, void *arg)
{
	struct listing *l = arg;
	json_t *o;

	if (p->register_enabled || (l->customer.n && !str_ieq(l->customer, p->customer)))
		return;
	o = json_object();
	cli_put(o, "customer", p->customer);
	cli_put(o, "name", p->name);
	cli_put(o, "state", STR("not registering"));
	cli_put(o, "reason", STR("calls go out through it; it is not to be registered"));
	json_array_append_new(l->rows, o);
}

int providers_states(struct cli *c)
{
	static const struct cli_column columns[] = { { "customer", "CUSTOMER" },
		{ "name", "PROVIDER" }, { "state", "STATE" }, { "since", "SINCE" },
		{ "expires_s", "EXPIRES IN" }, { "next_try_s", "NEXT TRY IN" }, { "node", "NODE" },
		{ "reason", "REASON" } };
	struct listing l = { .cli = c, .customer = cli_value(c, "--customer") };
	struct store_customer customer;
	struct clock now;
	enum err e;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	code = l.customer.n ? find_customer(c, l.customer, &customer) : CLI_OK;
	if (code != CLI_OK)
		return code;
	clock_read(&now);
	l.now_ms = now.wall_ms;
	l.rows = json_array();
	l.nodes = json_object();
	e = store_node_list(c->db, add_node, &l);
	if (e == ERR_OK)
		e = store_provider_binding_list(c->db, add_state, &l);
	if (e == ERR_OK)
		e = store_provider_list(c->db, add_provider, &l);
	json_decref(l.nodes);
	if (e == ERR_OK)
		return cli_print_rows(c, l.rows, columns, 8, "There is no provider.");
	json_decref(l.rows);
	return cli_store_failed(e, "the list of", STR("providers"));
}

/* ---- a test ---- */

struct test {
	struct cli *cli;
	json_t *rows;
	bool fine;
};

static void on_finding(json_t *row, void *arg)
{
	struct test *t = arg;
	bool fine = json_is_true(json_object_get(row, "fine"));

	t->fine = t->fine && fine;
	json_array_append(t->rows, row);
	cli_say(t->cli, "%-13s %-5s %s", json_string_value(json_object_get(row, "step")),
		fine ? "ok" : "no", json_string_value(json_object_get(row, "text")));
	fflush(stdout);
}

int providers_test(struct cli *c)
{
	struct test t = { .cli = c, .fine = true };
	struct store_customer customer;
	json_t *request;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	code = find_customer_option(c, &customer);
	if (code != CLI_OK)
		return code;
	request = json_object();
	json_object_set_new(request, "command", json_string("provider-test"));
	cli_put(request, "customer", customer.name);
	cli_put(request, "name", str_of(c->args[0]));
	t.rows = json_array();
	code = control_ask(c, request, on_finding, &t, false);
	if (code == CLI_OK && c->json)
		code = cli_print_rows(c, json_incref(t.rows), NULL, 0, "");
	json_decref(t.rows);
	return code == CLI_OK && !t.fine ? CLI_FAILED : code;
}
