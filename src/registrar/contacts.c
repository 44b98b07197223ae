/* SPDX-License-Identifier: BSD-3-Clause */
#include "registrar/contacts.h"

static void refuse(struct refusal *no, unsigned status, struct str reason)
{
	if (!no->status)
		*no = (struct refusal){ status, reason };
}

/* "<urn:uuid:…>" with its quotes taken off (RFC 5626 4.1). */
static struct str instance_of(const struct sip_addr *a)
{
	struct str v = sip_param(a->params, STR("+sip.instance"));

	if (v.n >= 2 && v.p[0] == '"' && v.p[v.n - 1] == '"')
		v = str_make(v.p + 1, v.n - 2);
	return v;
}

/* Its own parameter, else the Expires field. False: not asked for, or malformed, which is the same
 * (RFC 3261 20.10). */
static bool read_expires(const struct sip_addr *a, const struct sip_msg *req, uint32_t *seconds)
{
	struct str header = sip_msg_hdr(req, SIP_HDR_EXPIRES);
	bool given;
	enum err e = sip_contact_expires(a, &given, seconds);

	if (given)
		return !e;
	return header.p && !sip_seconds_parse(header, seconds);
}

static void read_one(struct str value, const struct sip_msg *req,
	const struct expiry_limits *limits, struct wish *w, struct refusal *no)
{
	uint32_t asked;

	if (sip_addr_parse(value, &w->addr)) {
		refuse(no, 400, STR("Malformed Contact header"));
		return;
	}
	if (w->addr.star)
		return;
	if (sip_contact_q(&w->addr, &w->q1000))
		refuse(no, 400, STR("Malformed q parameter in Contact"));
	if (!read_expires(&w->addr, req, &asked))
		asked = limits->max_s;
	else if (asked && asked < limits->min_s)
		refuse(no, 423, STR("Interval Too Brief"));
	w->expires_s = asked > limits->max_s ? limits->max_s : asked;
	if (w->expires_s && w->expires_s < limits->min_s)
		w->expires_s = limits->min_s;
	w->instance = instance_of(&w->addr);
	if (!w->instance.n || str_u32(sip_param(w->addr.params, STR("reg-id")), &w->reg_id))
		w->reg_id = 0; /* of nobody: RFC 5626 section 6 */
}

static bool zero_expires(const struct sip_msg *req)
{
	uint32_t seconds;
	struct str v = sip_msg_hdr(req, SIP_HDR_EXPIRES);

	return v.p && !sip_seconds_parse(v, &seconds) && seconds == 0;
}

void wishes_read(const struct sip_msg *req, const struct expiry_limits *limits, struct wishes *out,
	struct refusal *no)
{
	struct sip_hdr_iter it = { 0 };
	struct str value;

	out->count = 0;
	out->star = false;
	while (sip_msg_next(req, SIP_HDR_CONTACT, &it, &value)) {
		struct wish *w = &out->list[out->count];

		if (out->count == LOCATION_BINDINGS_MAX) {
			refuse(no, 403, STR("Too many contacts in one request"));
			return;
		}
		*w = (struct wish){ 0 };
		read_one(value, req, limits, w, no);
		out->star = out->star || w->addr.star;
		out->count++;
	}
	if (out->star && (out->count != 1 || !zero_expires(req)))
		refuse(no, 400, STR("Contact * must stand alone and with Expires: 0"));
}
