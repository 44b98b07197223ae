/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/find.h"

#include "cli/names.h"
#include "conf/nearest.h"

struct search { /* names that a listing shows */
	struct arena *arena;
	struct nearest near;
	struct str customer; /* only what belongs to this one */
	unsigned count;
};

static void offer(struct search *s, struct str name)
{
	s->count++;
	nearest_offer(&s->near, name);
	if (s->near.found && s->near.best.p == name.p)
		s->near.best = arena_str(s->arena, name); /* rows last no longer than the visit */
}

static int not_found(const struct search *s, const char *what, const char *add)
{
	if (s->near.found)
		return cli_fail(CLI_NOT_FOUND, "there is no %s \"%.*s\"; did you mean \"%.*s\"?",
			what, STR_ARG(s->near.wanted), STR_ARG(s->near.best));
	return cli_fail(CLI_NOT_FOUND, "there is no %s \"%.*s\"; make one with `tandem %s`", what,
		STR_ARG(s->near.wanted), add);
}

static void offer_customer(const struct store_customer *row, void *arg)
{
	offer(arg, row->name);
}

int find_customer(struct cli *c, struct str name, struct store_customer *out)
{
	struct search s = { .arena = &c->arena, .near.wanted = name };
	enum err e = store_customer_get(c->db, name_lower(&c->arena, name), &c->arena, out);

	if (e == ERR_OK)
		return CLI_OK;
	if (e != ERR_NOT_FOUND)
		return cli_store_failed(e, "customer", name);
	if (store_customer_list(c->db, offer_customer, &s) != ERR_OK)
		return cli_store_failed(e, "customer", name);
	return not_found(&s, "customer", "customer add NAME");
}

static void note_only_customer(const struct store_customer *row, void *arg)
{
	struct search *s = arg;

	s->customer = arena_str(s->arena, row->name);
	s->count++;
}

int find_customer_option(struct cli *c, struct store_customer *out)
{
	struct search s = { .arena = &c->arena };
	struct str name = cli_value(c, "--customer");

	if (name.n)
		return find_customer(c, name, out);
	if (store_customer_list(c->db, note_only_customer, &s) == ERR_OK && s.count == 1)
		return find_customer(c, s.customer, out);
	if (s.count == 0)
		return cli_fail(CLI_NOT_FOUND,
			"there is no customer yet; make one with `tandem customer add NAME`");
	return cli_fail(
		CLI_USAGE, "there is more than one customer; say which with --customer NAME");
}

static void offer_domain(const struct store_domain *row, void *arg)
{
	offer(arg, row->name);
}

int find_domain(struct cli *c, struct str name, struct store_domain *out)
{
	struct search s = { .arena = &c->arena, .near.wanted = name };
	enum err e = store_domain_get(c->db, name_lower(&c->arena, name), &c->arena, out);

	if (e == ERR_OK)
		return CLI_OK;
	if (e != ERR_NOT_FOUND || store_domain_list(c->db, offer_domain, &s) != ERR_OK)
		return cli_store_failed(e, "domain", name);
	return not_found(&s, "domain", "domain add NAME");
}

static void offer_account(const struct store_account *row, void *arg)
{
	char text[256];
	struct buf b = BUF_OF(text);

	buf_printf(&b, "%.*s@%.*s", STR_ARG(row->username), STR_ARG(row->domain));
	offer(arg, buf_str(&b));
}

int find_account(struct cli *c, struct str aor, struct store_account *out)
{
	struct search s = { .arena = &c->arena, .near.wanted = aor };
	struct str user, domain;
	enum err e;

	if (!name_split_aor(&c->arena, aor, &user, &domain))
		return cli_fail(CLI_USAGE, "\"%.*s\" is not of the form USER@DOMAIN", STR_ARG(aor));
	e = store_account_get(c->db, user, domain, &c->arena, out);
	if (e == ERR_OK)
		return CLI_OK;
	if (e != ERR_NOT_FOUND || store_account_list(c->db, offer_account, &s) != ERR_OK)
		return cli_store_failed(e, "account", aor);
	return not_found(&s, "account", "account add USER@DOMAIN --customer NAME");
}

static void offer_dialplan(const struct store_dialplan *row, void *arg)
{
	struct search *s = arg;

	if (str_ieq(row->customer, s->customer))
		offer(s, row->name);
}

int find_dialplan(struct cli *c, struct str customer, struct str name, struct store_dialplan *out)
{
	struct search s = { .arena = &c->arena, .near.wanted = name, .customer = customer };
	enum err e = store_dialplan_get(c->db, customer, name, &c->arena, out);

	if (e == ERR_OK)
		return CLI_OK;
	if (e != ERR_NOT_FOUND || store_dialplan_list(c->db, offer_dialplan, &s) != ERR_OK)
		return cli_store_failed(e, "dialplan", name);
	return not_found(&s, "dialplan", "dialplan put NAME --customer NAME FILE");
}

static void offer_provider(const struct store_provider *row, void *arg)
{
	struct search *s = arg;

	if (str_ieq(row->customer, s->customer))
		offer(s, row->name);
}

int find_provider(struct cli *c, struct str customer, struct str name, struct store_provider *out)
{
	struct search s = { .arena = &c->arena, .near.wanted = name, .customer = customer };
	enum err e = store_provider_get(c->db, customer, name, &c->arena, out);

	if (e == ERR_OK)
		return CLI_OK;
	if (e != ERR_NOT_FOUND || store_provider_list(c->db, offer_provider, &s) != ERR_OK)
		return cli_store_failed(e, "provider", name);
	return not_found(&s, "provider", "provider add NAME --customer NAME --server URI");
}
