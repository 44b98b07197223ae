/* SPDX-License-Identifier: BSD-3-Clause */
/* Records back to rows, in the order in which they refer to each other. */
#include "directory/directory_int.h"
#include "event/event.h"

struct refill {
	struct directory *d;
	struct store_db *db;
	unsigned left_out; /* the database refused them */
	enum err err;
};

/* What the database refuses is left out; when it is away, all is tried again later. */
static void wrote(struct refill *r, enum err e)
{
	if (store_is_away(e))
		r->err = e;
	else if (e && e != ERR_EXISTS)
		r->left_out++;
}

static void write_customer(void *record, void *arg)
{
	const struct customer *c = record;
	const struct store_customer row = { .name = c->name,
		.password_hash = c->password_hash,
		.suspended = c->suspended,
		.suspended_reason = c->suspended_reason,
		.calls_max = c->calls_max,
		.scripts_max = c->scripts_max,
		.time_zone = c->time_zone,
		.created_ms = c->created_ms };
	struct refill *r = arg;

	if (!r->err)
		wrote(r, store_customer_add(r->db, &row, NULL));
}

static enum err write_domain(const struct store_domain *row, void *arg)
{
	struct refill *r = arg;

	wrote(r, store_domain_add(r->db, row, NULL));
	return r->err;
}

static void write_account(void *record, void *arg)
{
	const struct account *a = record;
	const struct store_account row = { .username = a->username,
		.domain = a->domain,
		.customer = a->customer,
		.ha1_md5 = a->ha1[CRYPTO_MD5],
		.ha1_sha256 = a->ha1[CRYPTO_SHA256],
		.ha1_sha512_256 = a->ha1[CRYPTO_SHA512_256],
		.out_dialplan = a->out_dialplan,
		.in_dialplan = a->in_dialplan,
		.incoming_only = a->incoming_only,
		.disabled = a->disabled,
		.disabled_reason = a->disabled_reason,
		.network_id = a->network_id,
		.ip_acl = a->ip_acl,
		.nat_keepalive = a->nat_keepalive,
		.dont_mangle = a->dont_mangle,
		.media = a->media,
		.bindings_max = a->bindings_max,
		.description = a->description,
		.created_ms = a->created_ms };
	struct refill *r = arg;

	if (!r->err)
		wrote(r, store_account_add(r->db, &row, NULL));
}

static void write_dialplan(void *record, void *arg)
{
	const struct dialplan *p = record;
	const struct store_dialplan row = { .customer = p->customer,
		.name = p->name,
		.type = p->type,
		.script = p->script,
		.accept_non_invite = p->accept_non_invite,
		.created_ms = p->created_ms,
		.updated_ms = p->updated_ms };
	struct refill *r = arg;

	if (!r->err)
		wrote(r, store_dialplan_put(r->db, &row, NULL));
}

static void write_provider(void *record, void *arg)
{
	const struct provider *p = record;
	char sealed_text[KEYRING_SEALED_MAX];
	struct buf sealed = BUF_OF(sealed_text);
	struct store_provider row = { .customer = p->customer,
		.name = p->name,
		.username = p->username,
		.auth_username = p->auth_username,
		.password_sealed = p->password_sealed,
		.server = p->server,
		.outbound_proxy = p->outbound_proxy,
		.from = p->from,
		.custom_headers = p->custom_headers,
		.register_contact = p->register_contact,
		.register_server = p->register_server,
		.register_realm = p->register_realm,
		.register_expiry_s = p->register_expiry_s,
		.register_enabled = p->register_enabled,
		.disabled = p->disabled,
		.disabled_reason = p->disabled_reason,
		.transport = p->transport,
		.rate_per_minute = p->rate_per_minute,
		.mwi = p->mwi,
		.addresses = p->addresses,
		.media = p->media,
		.created_ms = p->created_ms,
		.updated_ms = p->updated_ms };
	struct refill *r = arg;

	if (p->password.n)
		directory_seal(r->d, p->password, &row, &sealed);
	if (!r->err)
		wrote(r, store_provider_add(r->db, &row, NULL));
}

enum err directory_refill(void *directory, struct store_db *db)
{
	struct directory *d = directory;
	struct refill r = { .d = d, .db = db };
	uint64_t latest;
	enum err e = store_change_latest(db, &latest);

	__atomic_store_n(&d->look_found, ERR_OK, __ATOMIC_RELEASE); /* it was about the old one */
	if (e || latest) /* somebody wrote into it already: a backup, which counts more than we */
		return e;
	record_each(&d->customers, write_customer, &r);
	if (!r.err)
		r.err = domains_each(&d->domains, write_domain, &r);
	record_each(&d->accounts, write_account, &r);
	record_each(&d->dialplans, write_dialplan, &r);
	record_each(&d->providers, write_provider, &r);
	if (!r.err && r.left_out)
		event_note(d->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
			"%u customers, domains, accounts, dialplans and providers could not be "
			"written into the new database",
			r.left_out);
	return r.err;
}
