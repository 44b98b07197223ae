/* SPDX-License-Identifier: BSD-3-Clause */
/* What a provider's 200 says about us. It lists all contacts of the account (RFC 3261 10.3). */
#include "provider/registration.h"

/* By our token; some registrars drop parameters, then by user, host and port. */
static bool is_ours(const struct registration *r, const struct sip_uri *ours,
	const struct sip_addr *contact, bool by_token)
{
	if (by_token)
		return str_eq(sip_param(contact->uri.params, STR("tandem")), str_of(r->token));
	return str_eq(contact->uri.user, ours->user) && str_ieq(contact->uri.host, ours->host) &&
		contact->uri.port == ours->port &&
		sip_param(contact->uri.params, STR("tandem")).p == NULL;
}

static bool find_ours(const struct registration *r, const struct sip_msg *rsp, bool by_token,
	struct sip_addr *out)
{
	struct sip_hdr_iter it = { 0 };
	struct sip_uri ours;
	struct str value;

	if (!r->contact || sip_uri_parse(str_of(r->contact), &ours))
		return false;
	while (sip_msg_next(rsp, SIP_HDR_CONTACT, &it, &value))
		if (!sip_addr_parse(value, out) && !out->star && is_ours(r, &ours, out, by_token))
			return true;
	return false;
}

static bool any_contact(const struct sip_msg *rsp)
{
	struct sip_hdr_iter it = { 0 };
	struct str value;

	return sip_msg_next(rsp, SIP_HDR_CONTACT, &it, &value);
}

uint32_t registration_granted(
	const struct registration *r, const struct sip_msg *rsp, const char **how)
{
	struct str expires = sip_msg_hdr(rsp, SIP_HDR_EXPIRES);
	struct sip_addr ours;
	uint32_t seconds;
	bool given = false;

	*how = "our contact";
	if (find_ours(r, rsp, true, &ours) || find_ours(r, rsp, false, &ours)) {
		if (!sip_contact_expires(&ours, &given, &seconds) && given)
			return seconds;
	} else if (any_contact(rsp)) {
		*how = "nothing: the answer lists other contacts, not ours";
		return 0;
	}
	*how = "the Expires header";
	if (expires.n && !sip_seconds_parse(expires, &seconds))
		return seconds;
	*how = "what was asked for";
	return r->asked_s;
}
