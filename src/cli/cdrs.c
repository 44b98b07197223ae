/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem cdrs: the calls that were, newest first. */
#include "cli/commands.h"
#include "cli/find.h"
#include "cli/output.h"

const struct cli_option cdrs_options[] = {
	{ "--customer", "NAME", "of this customer only" },
	{ "-n", "N", "how many; default 50" },
	{ NULL },
};

static const struct cli_column columns[] = {
	{ "started", "STARTED" },
	{ "customer", "CUSTOMER" },
	{ "direction", "DIR" },
	{ "from", "FROM" },
	{ "request_uri", "TO" },
	{ "destination", "ANSWERED BY" },
	{ "status", "STATUS" },
	{ "reason", "REASON" },
	{ "talked_s", "SECONDS" },
	{ "ended_by", "ENDED BY" },
};

static int64_t seconds(int64_t from_ms, int64_t to_ms)
{
	return from_ms && to_ms > from_ms ? (to_ms - from_ms + 500) / 1000 : 0;
}

static json_t *cdr_json(const struct store_cdr *r)
{
	json_t *o = json_object();

	cli_put(o, "call", r->call);
	cli_put(o, "customer", r->customer);
	cli_put(o, "account", r->account);
	cli_put(o, "direction", r->direction);
	cli_put(o, "a_call_id", r->a_call_id);
	cli_put(o, "b_call_id", r->b_call_id);
	cli_put(o, "from", r->from);
	cli_put(o, "to", r->to);
	cli_put(o, "request_uri", r->request_uri);
	cli_put(o, "destination", r->destination);
	cli_put(o, "provider", r->provider);
	cli_put(o, "dialplan", r->dialplan);
	cli_put(o, "a_remote", r->a_remote);
	cli_put(o, "b_remote", r->b_remote);
	cli_put_time(o, "started", r->started_ms);
	cli_put_time(o, "ringing", r->ringing_ms);
	cli_put_time(o, "answered", r->answered_ms);
	cli_put_time(o, "ended", r->ended_ms);
	cli_put_number(o, "talked_s", seconds(r->answered_ms, r->ended_ms));
	cli_put_number(o, "status", r->status);
	cli_put(o, "reason", r->reason);
	cli_put(o, "ended_by", r->ended_by);
	cli_put(o, "end_reason", r->end_reason);
	cli_put_number(o, "legs", r->legs);
	return o;
}

static void add_row(const struct store_cdr *row, void *arg)
{
	json_array_append_new(arg, cdr_json(row));
}

int cdrs_list(struct cli *c)
{
	struct str name = cli_value(c, "--customer");
	struct store_customer customer = { .name = STR("") };
	uint32_t limit = 50;
	json_t *rows;
	enum err e;
	int code;

	if (!cli_number(c, "-n", 1, 10000000, &limit))
		return CLI_USAGE;
	if (!cli_store(c))
		return CLI_FAILED;
	code = name.n ? find_customer(c, name, &customer) : CLI_OK;
	if (code != CLI_OK)
		return code;
	rows = json_array();
	e = store_cdr_list(c->db, customer.name, limit, add_row, rows);
	if (e == ERR_OK)
		return cli_print_rows(c, rows, columns, 10, "There was no call yet.");
	json_decref(rows);
	return cli_store_failed(e, "the list of", STR("calls"));
}
