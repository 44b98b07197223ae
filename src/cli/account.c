/* SPDX-License-Identifier: BSD-3-Clause */
/* tandem account add|set|show|list|remove */
#include "cli/account.h"
#include "cli/commands.h"
#include "cli/find.h"
#include "cli/names.h"
#include "cli/output.h"
#include "cli/password.h"
#include "sip/digest.h"

const struct cli_option account_options[] = {
	{ "--customer", "NAME", "whose it is; needless when there is only one customer" },
	{ "--password-stdin", NULL, "read the password from standard input" },
	{ "--password", NULL, "ask for a new password" },
	{ "--out-dialplan", "NAME", "runs for calls from it; \"\": none" },
	{ "--in-dialplan", "NAME", "runs for calls to it; \"\": none" },
	{ "--disable", "REASON", "refuse it until enabled" },
	{ "--enable", NULL, "ends --disable" },
	{ "--incoming-only", "yes|no", "no calls from it" },
	{ "--bindings-max", "N", "phones that may register; 0: as configured" },
	{ "--network-id", "TEXT", "phones in one network have the same one" },
	{ "--nat-keepalive", "yes|no", "keep its phones' NAT bindings open" },
	{ "--dont-mangle", "yes|no", "leave its registered contacts as they are" },
	{ "--media", "auto|never|always",
		"replace addresses in its SDP: the private ones, none, all" },
	{ "--description", "TEXT", "for people" },
	{ NULL },
};

static const struct cli_column columns[] = {
	{ "aor", "ACCOUNT" },
	{ "customer", "CUSTOMER" },
	{ "out_dialplan", "OUT DIALPLAN" },
	{ "in_dialplan", "IN DIALPLAN" },
	{ "disabled", "DISABLED" },
	{ "description", "DESCRIPTION" },
	{ "disabled_reason", "REASON" },
	{ "incoming_only", "INCOMING ONLY" },
	{ "bindings_max", "BINDINGS MAX" },
	{ "network_id", "NETWORK ID" },
	{ "nat_keepalive", "NAT KEEP-ALIVE" },
	{ "dont_mangle", "DON'T MANGLE" },
	{ "media", "MEDIA" },
	{ "created", "CREATED" },
};

static struct str account_aor(struct arena *a, const struct store_account *row)
{
	return str_of(arena_printf(a, "%.*s@%.*s", STR_ARG(row->username), STR_ARG(row->domain)));
}

static json_t *account_json(struct arena *a, const struct store_account *row)
{
	json_t *o = json_object();

	cli_put(o, "aor", account_aor(a, row));
	cli_put(o, "username", row->username);
	cli_put(o, "domain", row->domain);
	cli_put(o, "customer", row->customer);
	cli_put(o, "out_dialplan", row->out_dialplan);
	cli_put(o, "in_dialplan", row->in_dialplan);
	cli_put_bool(o, "disabled", row->disabled);
	cli_put(o, "disabled_reason", row->disabled_reason);
	cli_put_bool(o, "incoming_only", row->incoming_only);
	cli_put_number(o, "bindings_max", row->bindings_max);
	cli_put(o, "network_id", row->network_id);
	cli_put_bool(o, "nat_keepalive", row->nat_keepalive);
	cli_put_bool(o, "dont_mangle", row->dont_mangle);
	cli_put(o, "media", row->media.n ? row->media : STR("auto"));
	cli_put(o, "description", row->description);
	cli_put_time(o, "created", row->created_ms);
	return o;
}

void account_set_password(
	struct store_account *row, struct str password, struct account_secrets *secrets)
{
	struct str *to[] = { [CRYPTO_MD5] = &row->ha1_md5,
		[CRYPTO_SHA256] = &row->ha1_sha256,
		[CRYPTO_SHA512_256] = &row->ha1_sha512_256 };

	for (unsigned d = 0; d < 3; d++) {
		digest_ha1((enum crypto_digest)d, row->username, row->domain, password,
			secrets->ha1[d]);
		*to[d] = str_of(secrets->ha1[d]);
	}
}

static bool take_password(struct cli *c, struct store_account *row)
{
	struct account_secrets *secrets = arena_new(&c->arena, struct account_secrets);
	struct password password;

	if (!password_read(c, account_aor(&c->arena, row).p, PASSWORD_MIN, &password))
		return false;
	account_set_password(row, password.value, secrets);
	password_wipe(&password);
	return true;
}

static int take_dialplan(struct cli *c, const char *option, struct str customer, struct str *out)
{
	struct str name = cli_value(c, option);
	struct store_dialplan plan;
	int code;

	if (!cli_has(c, option))
		return CLI_OK;
	if (name.n) {
		code = find_dialplan(c, customer, name, &plan);
		if (code != CLI_OK)
			return code;
		name = plan.name;
	}
	*out = name;
	return CLI_OK;
}

bool account_take_media(struct str value, struct store_account *row)
{
	static const char *const names[] = { "", "never", "always" };

	if (str_ieq(value, STR("auto")))
		value = STR("");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (str_ieq(value, str_of(names[i]))) {
			row->media = str_of(names[i]);
			return true;
		}
	}
	return false;
}

static bool take_media(struct cli *c, struct store_account *row)
{
	if (!cli_has(c, "--media") || account_take_media(cli_value(c, "--media"), row))
		return true;
	(void)cli_fail(CLI_USAGE, "--media is auto, never or always");
	return false;
}

static int take_options(struct cli *c, struct store_account *row)
{
	int code = take_dialplan(c, "--out-dialplan", row->customer, &row->out_dialplan);

	if (code == CLI_OK)
		code = take_dialplan(c, "--in-dialplan", row->customer, &row->in_dialplan);
	if (code != CLI_OK)
		return code;
	if (!cli_yes_no(c, "--incoming-only", &row->incoming_only) ||
		!cli_yes_no(c, "--nat-keepalive", &row->nat_keepalive) ||
		!cli_yes_no(c, "--dont-mangle", &row->dont_mangle) ||
		!cli_number(c, "--bindings-max", 0, 64, &row->bindings_max) || !take_media(c, row))
		return CLI_USAGE;
	if (cli_has(c, "--network-id"))
		row->network_id = cli_value(c, "--network-id");
	if (cli_has(c, "--description"))
		row->description = cli_value(c, "--description");
	if (cli_has(c, "--disable")) {
		row->disabled = true;
		row->disabled_reason = cli_value(c, "--disable");
	}
	if (cli_has(c, "--enable")) {
		row->disabled = false;
		row->disabled_reason = STR("");
	}
	return CLI_OK;
}

static int check_new(struct cli *c, struct store_account *row)
{
	struct store_customer customer;
	struct store_domain domain;
	const char *fault;
	int code;

	code = find_customer_option(c, &customer);
	if (code == CLI_OK)
		code = find_domain(c, row->domain, &domain);
	if (code != CLI_OK)
		return code;
	if (domain.owner.n && !str_ieq(domain.owner, customer.name))
		return cli_fail(CLI_FAILED, "domain %.*s belongs to customer %.*s",
			STR_ARG(domain.name), STR_ARG(domain.owner));
	row->customer = customer.name;
	row->domain = domain.name;
	fault = name_account_fault(row->username, row->customer);
	return fault ? cli_fail(CLI_USAGE, "%s", fault) : CLI_OK;
}

int account_add(struct cli *c)
{
	struct store_account row = { .nat_keepalive = true };
	struct clock now;
	enum err e;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	if (!name_split_aor(&c->arena, cli_arg(c, 0), &row.username, &row.domain))
		return cli_fail(CLI_USAGE, "\"%s\" is not of the form USER@DOMAIN", c->args[0]);
	code = check_new(c, &row);
	if (code == CLI_OK)
		code = take_options(c, &row);
	if (code != CLI_OK)
		return code;
	if (!take_password(c, &row))
		return CLI_USAGE;
	clock_read(&now);
	row.created_ms = now.wall_ms;
	e = store_account_add(c->db, &row, &row.id);
	if (e != ERR_OK)
		return cli_store_failed(e, "account", cli_arg(c, 0));
	c->changed = true;
	cli_say(c, "Account %.*s of customer %.*s was added.",
		STR_ARG(account_aor(&c->arena, &row)), STR_ARG(row.customer));
	return CLI_OK;
}

int account_set(struct cli *c)
{
	struct store_account row;
	enum err e;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	code = find_account(c, cli_arg(c, 0), &row);
	if (code == CLI_OK && cli_has(c, "--customer"))
		code = cli_fail(CLI_USAGE, "an account stays with its customer");
	if (code == CLI_OK)
		code = take_options(c, &row);
	if (code != CLI_OK)
		return code;
	if ((cli_has(c, "--password") || cli_has(c, "--password-stdin")) && !take_password(c, &row))
		return CLI_USAGE;
	e = store_account_set(c->db, &row);
	if (e != ERR_OK)
		return cli_store_failed(e, "account", cli_arg(c, 0));
	c->changed = true;
	cli_say(c, "Account %.*s was changed.", STR_ARG(account_aor(&c->arena, &row)));
	return CLI_OK;
}

int account_show(struct cli *c)
{
	struct store_account row;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	code = find_account(c, cli_arg(c, 0), &row);
	if (code != CLI_OK)
		return code;
	return cli_print_object(
		c, account_json(&c->arena, &row), columns, sizeof(columns) / sizeof(*columns));
}

struct listing {
	struct cli *cli;
	json_t *rows;
};

static void add_row(const struct store_account *row, void *arg)
{
	struct listing *l = arg;
	struct str customer = cli_value(l->cli, "--customer");

	if (customer.n == 0 || str_ieq(customer, row->customer))
		json_array_append_new(l->rows, account_json(&l->cli->arena, row));
}

int account_list(struct cli *c)
{
	struct listing l = { c, json_array() };

	if (!cli_store(c) || store_account_list(c->db, add_row, &l) != ERR_OK) {
		json_decref(l.rows);
		return c->db ? cli_store_failed(ERR_DB, "the list of", STR("accounts"))
			     : CLI_FAILED;
	}
	return cli_print_rows(c, l.rows, columns, 6,
		"There is no account yet; make one with `tandem account add USER@DOMAIN`.");
}

int account_remove(struct cli *c)
{
	struct store_account row;
	enum err e;
	int code;

	if (!cli_store(c))
		return CLI_FAILED;
	code = find_account(c, cli_arg(c, 0), &row);
	if (code != CLI_OK)
		return code;
	e = store_account_remove(c->db, row.username, row.domain);
	if (e != ERR_OK)
		return cli_store_failed(e, "account", cli_arg(c, 0));
	c->changed = true;
	cli_say(c, "Account %.*s was removed.", STR_ARG(account_aor(&c->arena, &row)));
	return CLI_OK;
}
