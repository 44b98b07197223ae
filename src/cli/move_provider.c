/* SPDX-License-Identifier: BSD-3-Clause */
/* Providers of the original. Their fields go through the same checks as those that people type. */
#include <string.h>

#include "cli/move.h"
#include "cli/names.h"
#include "cli/password.h"
#include "cli/provider.h"
#include "cli/provider_fields.h"

/* Their field, another name of it, ours. What is not fit is left empty, but for the first two. */
static const struct {
	const char *theirs, *other, *ours;
} fields[] = {
	{ "providerserver", NULL, "server" },
	{ "providerusername", NULL, "username" },
	{ "providerauthusername", NULL, "auth_username" },
	{ "providerfrom", NULL, "from" },
	{ "customheaders", "providercustomheader", "headers" },
	{ "registercontact", NULL, "contact" },
	{ "registerserver", NULL, "register_server" },
	{ "registerrealm", NULL, "realm" },
};
enum { NEEDED = 2 };

static struct str lines_of(struct arena *a, struct str v)
{
	char *mem = arena_alloc(a, v.n + 1);

	for (size_t i = 0; i < v.n; i++)
		mem[i] = v.p[i] == '|' ? '\n' : v.p[i];
	return str_make(mem, v.n);
}

static bool take_fields(struct move *m, const struct move_record *r, struct store_provider *row)
{
	for (unsigned i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct str value = move_text(r, fields[i].theirs, fields[i].other);
		char text[512];
		struct buf why = BUF_OF(text);

		if (!value.n)
			continue;
		if (strcmp(fields[i].ours, "headers") == 0)
			value = lines_of(&m->rows, value);
		if (provider_field_take(provider_field_find(str_of(fields[i].ours)), &m->rows,
			    value, row, &why))
			continue;
		move_flaw(m, "%s%s: %.*s", fields[i].theirs, i < NEEDED ? "" : " is left out",
			STR_ARG(buf_str(&why)));
		if (i < NEEDED)
			return false;
	}
	return true;
}

static void take_switches(struct move *m, const struct move_record *r, struct store_provider *row)
{
	bool admin = move_flag(r, "registeradminenabled", "registerenabledadmin", true);
	bool wanted = move_flag(r, "registerenabled", NULL, false);
	struct str reason = move_text(r, "registerdisabledreason", NULL);

	row->register_enabled = wanted && admin;
	row->register_expiry_s = move_number(r, "registerexpiry", 3600);
	if (row->register_expiry_s < 60 || row->register_expiry_s > 86400)
		row->register_expiry_s = 3600;
	row->mwi = move_flag(r, "sendmwisubscribe", NULL, false);
	if (wanted && !admin)
		move_flaw(m, "does not register: its administrator had switched that off");
	else if (!wanted && reason.n)
		move_flaw(m, "does not register: %.*s", STR_ARG(str_first(reason, 200)));
	if (move_flag(r, "isreadonly", NULL, false)) {
		row->disabled = true;
		row->disabled_reason = STR("it was read-only");
	}
	if (move_text(r, "provideroutboundproxy", NULL).n)
		move_flaw(
			m, "provideroutboundproxy is left out: it names a socket of the original");
}

static bool field_same(struct move *m, struct str there, struct str ours, const char *what)
{
	if (str_eq(there, ours))
		return true;
	move_flaw(m, "%s is another one here", what);
	return false;
}

/* Sealed ones are never twice the same: the password is looked at. */
static bool password_same(struct move *m, const struct store_provider *old, struct str password)
{
	uint8_t secret[KEYRING_SECRET_MAX];
	char text[160];
	struct buf context = BUF_OF(text);
	size_t n = 0;
	bool ok;

	store_provider_context(old, &context);
	ok = old->password_sealed.n ? keyring_open(&m->keys, buf_str(&context),
					      old->password_sealed, secret, &n) == ERR_OK &&
			str_eq(str_make((const char *)secret, n), password)
				    : password.n == 0;
	crypto_wipe(secret, sizeof(secret));
	if (!ok)
		move_flaw(m, "the password is another one here");
	return ok;
}

static bool provider_same(struct move *m, const struct store_provider *old,
	const struct store_provider *row, struct str password)
{
	bool ok = password_same(m, old, password);

	ok = field_same(m, old->server, row->server, "the server") && ok;
	ok = field_same(m, old->username, row->username, "the user name") && ok;
	ok = field_same(m, old->auth_username, row->auth_username, "the digest user") && ok;
	ok = field_same(m, old->from, row->from, "From") && ok;
	ok = field_same(m, old->custom_headers, row->custom_headers, "the list of headers") && ok;
	ok = field_same(m, old->register_contact, row->register_contact, "the contact") && ok;
	ok = field_same(m, old->register_server, row->register_server, "the registrar") && ok;
	ok = field_same(m, old->register_realm, row->register_realm, "the realm") && ok;
	if (old->register_enabled == row->register_enabled &&
		old->register_expiry_s == row->register_expiry_s && old->mwi == row->mwi &&
		old->disabled == row->disabled)
		return ok;
	move_flaw(m, "a switch is other here");
	return false;
}

static enum move_result provider_over(struct move *m, const struct store_provider *old,
	struct store_provider *row, struct str password)
{
	bool equal;

	m->flaws.n = 0; /* what was changed on the way is no news */
	equal = provider_same(m, old, row, password);
	if (equal || !m->update)
		return equal ? MOVE_UNCHANGED : MOVE_KEPT;
	row->id = old->id;
	row->outbound_proxy = old->outbound_proxy;
	row->transport = old->transport;
	row->rate_per_minute = old->rate_per_minute;
	row->addresses = old->addresses;
	row->media = old->media;
	return move_wrote(m, store_provider_set(m->cli->db, row), MOVE_UPDATED);
}

enum move_result move_provider(struct move *m, const struct move_record *r, struct str *name)
{
	struct str password = move_verbatim(r, "providerpassword");
	struct store_provider row, old;
	char text[512];
	struct buf why = BUF_OF(text);

	provider_init(&row);
	row.customer = r->owner;
	row.name = *name = move_text(r, "providername", NULL);
	row.created_ms = move_time(r, "inserted");
	if (!row.created_ms)
		row.created_ms = m->now_ms;
	row.updated_ms = m->now_ms;
	if (str_ieq(move_text(r, "providertype", NULL), STR("GoogleVoice"))) {
		move_flaw(m, "Google Voice as it called back is no more");
		return MOVE_LEFT;
	}
	if (name_provider_fault(row.name)) {
		move_flaw(m, "%s", name_provider_fault(row.name));
		return MOVE_REFUSED;
	}
	if (!take_fields(m, r, &row))
		return MOVE_REFUSED;
	take_switches(m, r, &row);
	if (!provider_check(&row, &why) || (password.n && password_fault(password, 1))) {
		move_flaw(m, "%.*s", STR_ARG(buf_str(&why)));
		if (password.n && password_fault(password, 1))
			move_flaw(m, "%s", password_fault(password, 1));
		return MOVE_REFUSED;
	}
	if (password.n)
		provider_seal_with(&m->keys, &m->rows, password, &row);
	if (store_provider_get(m->cli->db, row.customer, row.name, &m->rows, &old) == ERR_OK)
		return provider_over(m, &old, &row, password);
	return move_wrote(m, store_provider_add(m->cli->db, &row, &row.id), MOVE_TAKEN);
}
