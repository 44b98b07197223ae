/* SPDX-License-Identifier: BSD-3-Clause */
/* Customers, domains, dialplans, accounts, pairs and calls of the original: rows of ours. */
#include <stdarg.h>
#include <stdio.h>

#include "base/random.h"
#include "cli/account.h"
#include "cli/move.h"
#include "cli/names.h"
#include "cli/password.h"

void move_flaw(struct move *m, const char *fmt, ...)
{
	va_list ap;

	if (m->flaws.n)
		buf_lit(&m->flaws, "; ");
	va_start(ap, fmt);
	buf_vprintf(&m->flaws, fmt, ap);
	va_end(ap);
}

static enum move_result refused(struct move *m, const char *why)
{
	move_flaw(m, "%s", why);
	return MOVE_REFUSED;
}

enum move_result move_wrote(struct move *m, enum err e, enum move_result done)
{
	if (e == ERR_OK)
		return done == MOVE_TAKEN && m->flaws.n ? MOVE_CHANGED : done;
	return refused(
		m, e == ERR_STATE ? "something that it refers to does not exist" : err_text(e));
}

/* Of texts that are to be the same; says which is not. */
static bool same(struct move *m, const char *what, struct str there, struct str ours)
{
	if (str_eq(there, ours))
		return true;
	move_flaw(m, "%s is another one here", what);
	return false;
}

static bool same_number(struct move *m, const char *what, uint64_t there, uint64_t ours)
{
	if (there == ours)
		return true;
	move_flaw(m, "%s is other here", what);
	return false;
}

/* A row that was there: whether it is left. What was changed on the way is no news then. */
static bool stays(struct move *m, bool equal, enum move_result *result)
{
	*result = equal ? MOVE_UNCHANGED : MOVE_KEPT;
	return equal || !m->update;
}

/* ---- customers ---- */

static void take_login(struct move *m, const struct move_record *r, struct store_customer *row)
{
	struct str password = move_verbatim(r, "customerpassword");
	char hash[CRYPTO_SCRYPT_MAX];

	if (move_text(r, "salt", NULL).n) {
		move_flaw(m,
			"the password is a hash of another kind: set one with `tandem "
			"customer set NAME --password`");
	} else if (password_fault(password, PASSWORD_MIN)) {
		move_flaw(m, "cannot log in: %s", password_fault(password, PASSWORD_MIN));
	} else {
		crypto_scrypt_hash(password, hash);
		row->password_hash = arena_str(&m->rows, str_of(hash));
	}
}

static bool customer_same(
	struct move *m, const struct store_customer *old, const struct store_customer *row)
{
	bool ok = same_number(m, "suspended", old->suspended, row->suspended);

	ok = same(m, "the reason", old->suspended_reason, row->suspended_reason) && ok;
	ok = same_number(m, "the number of scripts", old->scripts_max, row->scripts_max) && ok;
	return same(m, "the time zone", old->time_zone, row->time_zone) && ok;
}

enum move_result move_customer(struct move *m, const struct move_record *r, struct str *name)
{
	struct store_customer row = { .name = r->owner,
		.suspended = move_flag(r, "suspended", NULL, false),
		.suspended_reason = move_text(r, "suspendedreason", NULL),
		.scripts_max = move_number(r, "maxexecutioncount", 5),
		.time_zone = move_text(r, "timezone", NULL),
		.created_ms = move_time(r, "inserted") };
	struct store_customer old;
	enum move_result result;
	enum err e;

	*name = row.name;
	if (name_customer_fault(row.name))
		return refused(m, name_customer_fault(row.name));
	if (row.scripts_max > 10000)
		row.scripts_max = 10000;
	if (!row.created_ms)
		row.created_ms = m->now_ms;
	e = store_customer_get(m->cli->db, row.name, &m->rows, &old);
	if (e == ERR_OK) {
		if (stays(m, customer_same(m, &old, &row), &result))
			return result;
		old.suspended = row.suspended;
		old.suspended_reason = row.suspended_reason;
		old.scripts_max = row.scripts_max;
		old.time_zone = row.time_zone;
		return move_wrote(m, store_customer_set(m->cli->db, &old), MOVE_UPDATED);
	}
	if (e != ERR_NOT_FOUND)
		return move_wrote(m, e, MOVE_TAKEN);
	take_login(m, r, &row);
	return move_wrote(m, store_customer_add(m->cli->db, &row, &row.id), MOVE_TAKEN);
}

/* ---- domains ---- */

static void add_alias(struct move *m, struct str alias, struct buf *to)
{
	alias = name_lower(&m->rows, str_trim(alias));
	if (!alias.n)
		return;
	if (name_alias_fault(alias)) {
		move_flaw(m, "the alias \"%.*s\" is left out: %s", STR_ARG(str_first(alias, 60)),
			name_alias_fault(alias));
		return;
	}
	if (to->n)
		buf_char(to, '\n');
	buf_add(to, alias);
}

/* Tables have "a;b", XML an element each. */
static struct str aliases_of(struct move *m, const struct move_record *r)
{
	char text[8192];
	struct buf b = BUF_OF(text);
	struct str rest, alias;

	for (unsigned i = 0; i < r->count; i++) {
		rest = r->fields[i].value;
		if (!str_eq(r->fields[i].name, STR("aliaslist")) &&
			!str_eq(r->fields[i].name, STR("domainalias")))
			continue;
		while (str_cut(&rest, ';', &alias))
			add_alias(m, alias, &b);
	}
	if (!buf_ok(&b))
		move_flaw(m, "there are too many aliases: the last ones are left out");
	return arena_str(&m->rows, buf_str(&b));
}

enum move_result move_domain(struct move *m, const struct move_record *r, struct str *name)
{
	struct store_domain row = { .owner = r->owner, .created_ms = move_time(r, "inserted") };
	struct store_domain old;
	enum move_result result;
	enum err e;

	row.name = *name = name_lower(&m->rows, move_text(r, "domain", NULL));
	if (name_domain_fault(row.name))
		return refused(m, name_domain_fault(row.name));
	row.aliases = aliases_of(m, r);
	if (!row.created_ms)
		row.created_ms = m->now_ms;
	e = store_domain_get(m->cli->db, row.name, &m->rows, &old);
	if (e == ERR_OK) {
		bool ok = same(m, "the list of aliases", old.aliases, row.aliases);

		if (stays(m, same(m, "the owner", old.owner, row.owner) && ok, &result))
			return result;
		row.id = old.id;
		return move_wrote(m, store_domain_set(m->cli->db, &row), MOVE_UPDATED);
	}
	if (e != ERR_NOT_FOUND)
		return move_wrote(m, e, MOVE_TAKEN);
	return move_wrote(m, store_domain_add(m->cli->db, &row, &row.id), MOVE_TAKEN);
}

/* ---- dialplans ---- */

/* The original's types (facts 2.9, 3.4) and what they are called here; NULL: never ran there. */
static const struct {
	const char *original, *ours;
} types[] = {
	{ "", "ruby" },
	{ "Ruby", "ruby" },
	{ "Asterisk", "line" },
	{ "SimpleWizard", "wizard" },
	{ "TelisWizard", "ruby" },
	{ "Wizard", "ruby" },
	{ "Unknown", "ruby" },
	{ "Python", NULL },
	{ "JScript", NULL },
};

static bool type_of(struct str original, struct str *ours)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		if (str_ieq(original, str_of(types[i].original))) {
			*ours = str_of(types[i].ours);
			return types[i].ours != NULL;
		}
	}
	return false;
}

static bool dialplan_same(
	struct move *m, const struct store_dialplan *old, const struct store_dialplan *row)
{
	bool ok = same(m, "the script", old->script, row->script);

	ok = same(m, "the type", old->type, row->type) && ok;
	return same_number(m, "\"accept non-invite\"", old->accept_non_invite,
		       row->accept_non_invite) &&
		ok;
}

enum move_result move_dialplan(struct move *m, const struct move_record *r, struct str *name)
{
	struct str type = move_text(r, "scripttype", "scripttypedescription");
	struct store_dialplan row = { .customer = r->owner,
		.name = move_text(r, "dialplanname", NULL),
		.script = move_verbatim(r, "dialplanscript"),
		.accept_non_invite = move_flag(r, "acceptnoninvite", NULL, false),
		.created_ms = move_time(r, "inserted"),
		.updated_ms = move_time(r, "lastupdate") };
	struct store_dialplan old;
	enum move_result result;

	*name = row.name;
	if (name_dialplan_fault(row.name))
		return refused(m, name_dialplan_fault(row.name));
	if (!type_of(type, &row.type)) {
		move_flaw(m, "the original did not run dialplans of type %.*s either",
			STR_ARG(str_first(type, 20)));
		return MOVE_LEFT;
	}
	if (str_eq(row.type, STR("wizard")))
		row.script = move_rules_text(m, r); /* its text only calls for the wizard */
	if (row.script.n > 256 << 10)
		return refused(m, "the script is longer than 256 kB");
	if (!row.created_ms)
		row.created_ms = m->now_ms;
	if (!row.updated_ms)
		row.updated_ms = row.created_ms;
	if (store_dialplan_get(m->cli->db, row.customer, row.name, &m->rows, &old) == ERR_OK) {
		if (stays(m, dialplan_same(m, &old, &row), &result))
			return result;
		return move_wrote(m, store_dialplan_put(m->cli->db, &row, &row.id), MOVE_UPDATED);
	}
	if (move_text(r, "traceemailaddress", NULL).n)
		move_flaw(m,
			"the address for traces is not kept: look at `tandem log customer=%.*s`",
			STR_ARG(row.customer));
	return move_wrote(m, store_dialplan_put(m->cli->db, &row, &row.id), MOVE_TAKEN);
}

/* ---- accounts ---- */

static struct str plan_of(struct move *m, const struct move_record *r, const char *field)
{
	struct str name = move_text(r, field, NULL);
	struct store_dialplan plan;

	if (!name.n)
		return STR("");
	if (store_dialplan_get(m->cli->db, r->owner, name, &m->rows, &plan) == ERR_OK)
		return plan.name;
	move_flaw(m, "%s names a dialplan that does not exist (%.*s): none is set", field,
		STR_ARG(str_first(name, 64)));
	return STR("");
}

static void disable_by(const struct move_record *r, struct store_account *row)
{
	bool admin = move_flag(r, "isadmindisabled", NULL, false);

	row->disabled = admin || move_flag(r, "isuserdisabled", NULL, false);
	if (!row->disabled)
		return;
	row->disabled_reason = move_text(r, "disabledreason", "admindisabledreason");
	if (!row->disabled_reason.n)
		row->disabled_reason = admin ? STR("by the administrator") : STR("by its owner");
}

static void take_secret(struct move *m, const struct move_record *r, struct store_account *row)
{
	struct account_secrets *secrets = arena_new(&m->rows, struct account_secrets);
	struct str password = move_verbatim(r, "sippassword");
	char random[33];
	uint8_t bytes[16];
	struct rng rng;

	if (password_fault(password, 1)) {
		rng_init(&rng);
		rng_bytes(&rng, bytes, sizeof(bytes));
		str_hex(bytes, sizeof(bytes), random);
		password = str_of(random);
		move_flaw(m,
			"it has no password that can be used: nobody can register until "
			"`tandem account set` gives it one");
	}
	account_set_password(row, password, secrets);
}

static bool account_same(struct move *m, const struct move_record *r,
	const struct store_account *old, const struct store_account *row)
{
	bool ok = same(m, "the customer", old->customer, row->customer);

	if (!password_fault(move_verbatim(r, "sippassword"), 1))
		ok = same(m, "the password", old->ha1_sha256, row->ha1_sha256) && ok;
	ok = same(m, "the out dialplan", old->out_dialplan, row->out_dialplan) && ok;
	ok = same(m, "the in dialplan", old->in_dialplan, row->in_dialplan) && ok;
	ok = same_number(m, "\"incoming only\"", old->incoming_only, row->incoming_only) && ok;
	ok = same_number(m, "\"disabled\"", old->disabled, row->disabled) && ok;
	ok = same(m, "the network id", old->network_id, row->network_id) && ok;
	ok = same_number(m, "\"NAT keep-alive\"", old->nat_keepalive, row->nat_keepalive) && ok;
	ok = same_number(m, "\"don't mangle\"", old->dont_mangle, row->dont_mangle) && ok;
	return same(m, "the description", old->description, row->description) && ok;
}

static void account_from(struct move *m, const struct move_record *r, struct store_account *row)
{
	*row = (struct store_account){ .username = move_text(r, "sipusername", NULL),
		.domain = name_lower(&m->rows, move_text(r, "sipdomain", NULL)),
		.customer = r->owner,
		.incoming_only = move_flag(r, "isincomingonly", NULL, false),
		.network_id = move_text(r, "networkid", NULL),
		.ip_acl = move_text(r, "ipaddressacl", NULL),
		.nat_keepalive = move_flag(r, "sendnatkeepalives", NULL, true),
		.dont_mangle = move_flag(r, "dontmangleenabled", NULL, false),
		.description = move_text(r, "description", NULL),
		.created_ms = move_time(r, "inserted") };
	if (!row->created_ms)
		row->created_ms = m->now_ms;
	disable_by(r, row);
}

static enum move_result account_over(struct move *m, const struct move_record *r,
	struct store_account *old, struct store_account *row)
{
	enum move_result result;

	if (!str_ieq(old->customer, row->customer))
		return refused(m, "the account is here already, and another customer's");
	if (stays(m, account_same(m, r, old, row), &result))
		return result;
	if (!str_eq(old->username, row->username))
		return refused(m, "it is written in other letters here");
	row->id = old->id;
	row->media = old->media;
	row->bindings_max = old->bindings_max;
	return move_wrote(m, store_account_set(m->cli->db, row), MOVE_UPDATED);
}

enum move_result move_account(struct move *m, const struct move_record *r, struct str *name)
{
	struct store_account row, old;
	const char *fault;

	account_from(m, r, &row);
	*name = str_of(
		arena_printf(&m->rows, "%.*s@%.*s", STR_ARG(row.username), STR_ARG(row.domain)));
	fault = name_account_fault(row.username, row.customer);
	if (fault)
		return refused(m, fault);
	row.out_dialplan = plan_of(m, r, "outdialplanname");
	row.in_dialplan = plan_of(m, r, "indialplanname");
	take_secret(m, r, &row);
	if (store_account_get(m->cli->db, row.username, row.domain, &m->rows, &old) == ERR_OK)
		return account_over(m, r, &old, &row);
	if (row.ip_acl.n)
		move_flaw(m, "ipaddressacl is kept, but opens nothing: phones authenticate");
	return move_wrote(m, store_account_add(m->cli->db, &row, &row.id), MOVE_TAKEN);
}

/* ---- pairs, calls, the rest ---- */

enum move_result move_pair(struct move *m, const struct move_record *r, struct str *name)
{
	struct str value = move_verbatim(r, "datavalue"), old;
	enum move_result result;

	*name = move_text(r, "datakey", NULL);
	if (!name->n || name->n > 64 || value.n > 10000)
		return refused(m, "a key has 1 to 64 bytes, a value at most 10000");
	if (store_kv_get(m->cli->db, r->owner, *name, &m->rows, &old) == ERR_OK) {
		if (stays(m, same(m, "the value", old, value), &result))
			return result;
		return move_wrote(
			m, store_kv_put(m->cli->db, r->owner, *name, value), MOVE_UPDATED);
	}
	return move_wrote(m, store_kv_put(m->cli->db, r->owner, *name, value), MOVE_TAKEN);
}

/* The same call id each time, so that a second run writes the same row. */
enum move_result move_cdr(struct move *m, const struct move_record *r, struct str *name)
{
	uint32_t status = move_number(r, "answeredstatus", 0);
	struct store_cdr row = { .customer = r->owner,
		.direction = name_lower(&m->rows, move_text(r, "direction", NULL)),
		.a_call_id = move_text(r, "callid", NULL),
		.from = move_text(r, "fromheader", NULL),
		.to = move_text(r, "dst", NULL),
		.request_uri = move_text(r, "dsturi", NULL),
		.a_remote = move_text(r, "remotesocket", NULL),
		.started_ms = move_time(r, "created"),
		.ringing_ms = move_time(r, "inprogresstime"),
		.ended_ms = move_time(r, "hunguptime"),
		.status = status,
		.reason = move_text(r, "answeredreason", NULL),
		.end_reason = move_text(r, "hungupreason", NULL) };

	*name = move_text(r, "id", NULL);
	if (!name->n || name->n > 40 || !row.started_ms) {
		move_flaw(m, "a call without an id or a beginning");
		return MOVE_LEFT;
	}
	row.call = str_of(arena_printf(&m->rows, "moved-%.*s", STR_ARG(*name)));
	if (status >= 200 && status < 300)
		row.answered_ms = move_time(r, "answeredtime");
	if (!row.ended_ms)
		row.ended_ms = move_time(r, "answeredtime");
	return move_wrote(m, store_cdr_put(m->cli->db, &row), MOVE_TAKEN);
}

enum move_result move_other(struct move *m, const struct move_record *r, struct str *name)
{
	*name = move_text(r, "description", "id");
	move_flaw(m, "there is no place for records of this table");
	return MOVE_LEFT;
}
