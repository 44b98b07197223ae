/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem bindings|calls|hangup|status: what the running service says. */
#include <stdio.h>

#include "cli/commands.h"
#include "cli/control.h"
#include "cli/output.h"

const struct cli_option hangup_options[] = {
	{ "--reason", "TEXT", "why, for the two ends" },
	{ NULL },
};

const struct cli_option status_options[] = {
	{ "--contention", NULL, "instead: the locks that threads share, and who waited for them" },
	{ NULL },
};

static void keep(json_t *row, void *arg)
{
	json_array_append(arg, row);
}

static int list(struct cli *c, const char *command, const struct cli_column *columns,
	unsigned count, const char *nothing)
{
	json_t *rows = json_array();
	int code = control_ask(c, json_pack("{s:s}", "command", command), keep, rows, false);

	if (code == CLI_OK)
		return cli_print_rows(c, rows, columns, count, nothing);
	json_decref(rows);
	return code;
}

int live_bindings(struct cli *c)
{
	static const struct cli_column columns[] = { { "aor", "ACCOUNT" }, { "contact", "CONTACT" },
		{ "remote", "FROM" }, { "expires_s", "EXPIRES IN" }, { "user_agent", "USER AGENT" },
		{ "nat", "NAT" } };

	return list(c, "bindings", columns, 6, "No phone is registered.");
}

int live_calls(struct cli *c)
{
	static const struct cli_column columns[] = { { "call", "CALL" }, { "customer", "CUSTOMER" },
		{ "from", "FROM" }, { "to", "TO" }, { "destination", "ANSWERED BY" },
		{ "state", "STATE" }, { "seconds", "SECONDS" }, { "legs", "LEGS" } };

	return list(c, "calls", columns, 8, "There is no call.");
}

int live_hangup(struct cli *c)
{
	struct str reason = cli_value(c, "--reason");
	json_t *request = json_pack("{s:s, s:s, s:s}", "command", "hangup", "call", c->args[0],
		"reason", reason.n ? reason.p : "Ended by the operator");
	int code;

	if (!request)
		return cli_fail(CLI_USAGE, "that is not a call's id");
	code = control_ask(c, request, NULL, NULL, false);
	if (code == CLI_OK)
		cli_say(c, "Call %s was ended.", c->args[0]);
	return code;
}

int live_resolve(struct cli *c)
{
	static const struct cli_column columns[] = { { "step", "STEP" }, { "text", "" } };
	json_t *rows = json_array(), *request = json_object();
	int code;

	json_object_set_new(request, "command", json_string("resolve"));
	cli_put(request, "uri", str_of(c->args[0]));
	code = control_ask(c, request, keep, rows, false);
	if (code == CLI_OK)
		return cli_print_rows(c, rows, columns, 2, "Nowhere.");
	json_decref(rows);
	return code;
}

static void keep_one(json_t *row, void *arg)
{
	json_t **out = arg;

	json_decref(*out);
	*out = json_incref(row);
}

static int contention(struct cli *c)
{
	static const struct cli_column columns[] = { { "what", "SHARED" }, { "locks", "LOCKS" },
		{ "taken", "TAKEN" }, { "busiest", "THE BUSIEST" }, { "contended", "WAITED FOR" },
		{ "contended_percent", "PERCENT" }, { "waited_ms", "MILLISECONDS" } };

	return list(c, "contention", columns, 7, "Nothing is shared.");
}

int live_status(struct cli *c)
{
	static const struct cli_column columns[] = { { "version", "Version" },
		{ "started", "Running since" }, { "uptime_s", "Seconds" },
		{ "listen", "Listening on" }, { "workers", "Workers" }, { "dialplan", "Dialplans" },
		{ "store", "Database" }, { "store_waiting", "Waiting writes" },
		{ "customers", "Customers" }, { "domains", "Domains" }, { "accounts", "Accounts" },
		{ "dialplans", "Dialplans" }, { "providers", "Providers" },
		{ "providers_registered", "Registered with" },
		{ "providers_failing", "Registering fails with" },
		{ "bindings", "Registered phones" }, { "kept_alive", "NATs kept open for" },
		{ "calls", "Calls" }, { "received", "Messages received" },
		{ "sent", "Messages sent" }, { "stun", "STUN requests" },
		{ "malformed", "Malformed" }, { "dropped", "Dropped" },
		{ "overloaded_workers", "Overloaded workers" }, { "delay_ms", "Queue delay (ms)" },
		{ "overload_refused", "Refused in overload" },
		{ "flood_dropped", "Dropped of floods" }, { "lost", "Lost: queue full" },
		{ "events_lost", "Events lost" } };
	json_t *status;
	int code;

	if (cli_has(c, "--contention"))
		return contention(c);
	status = json_object();
	code = control_ask(c, json_pack("{s:s}", "command", "status"), keep_one, &status, false);

	if (code == CLI_OK)
		return cli_print_object(c, status, columns, sizeof(columns) / sizeof(columns[0]));
	json_decref(status);
	return code;
}
