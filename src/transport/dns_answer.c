/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/dns_answer.h"

#include <arpa/nameser.h>
#include <stdlib.h>

#include "base/arena.h"

enum { TEXT_MAX = 8192, TTL_MAX_S = 86400 };

struct reading {
	struct dns_answer *answer;
	ns_msg msg;
	struct buf text;
};

static struct dns_answer *answer_new(enum dns_type type, enum dns_status status, unsigned room)
{
	struct dns_answer *a = mem_zero(sizeof(*a) + room * sizeof(struct dns_record));

	a->refs = 1;
	a->type = type;
	a->status = status;
	return a;
}

/* ---- names and strings of a record ---- */

static struct str keep(struct reading *r, const char *s, size_t n)
{
	size_t at = r->text.n;

	buf_add(&r->text, str_make(s, n));
	return buf_ok(&r->text) ? str_make(r->text.p + at, n) : STR_NONE;
}

/* A name, which may be compressed; *p goes behind it. */
static bool take_name(struct reading *r, const uint8_t **p, const uint8_t *end, struct str *out)
{
	char name[NS_MAXDNAME];
	int n = ns_name_uncompress(ns_msg_base(r->msg), ns_msg_end(r->msg), *p, name, sizeof(name));

	if (n < 0 || *p + n > end)
		return false;
	*p += n;
	*out = keep(r, *name ? name : ".", *name ? strlen(name) : 1);
	return out->n > 0;
}

static bool take_string(struct reading *r, const uint8_t **p, const uint8_t *end, struct str *out)
{
	size_t n;

	if (*p >= end)
		return false;
	n = **p;
	if (*p + 1 + n > end)
		return false;
	*out = keep(r, (const char *)*p + 1, n);
	*p += 1 + n;
	return buf_ok(&r->text);
}

static bool take_u16(const uint8_t **p, const uint8_t *end, uint16_t *out)
{
	if (*p + 2 > end)
		return false;
	*out = (uint16_t)ns_get16(*p);
	*p += 2;
	return true;
}

/* ---- records ---- */

static bool read_addr(const ns_rr *rr, struct addr *out)
{
	*out = (struct addr){ 0 };
	if (ns_rr_type(*rr) == ns_t_a && ns_rr_rdlen(*rr) == 4) {
		out->in4.sin_family = AF_INET;
		memcpy(&out->in4.sin_addr, ns_rr_rdata(*rr), 4);
		return true;
	}
	if (ns_rr_type(*rr) == ns_t_aaaa && ns_rr_rdlen(*rr) == 16) {
		out->in6.sin6_family = AF_INET6;
		memcpy(&out->in6.sin6_addr, ns_rr_rdata(*rr), 16);
		return true;
	}
	return false;
}

static bool read_srv(struct reading *r, const ns_rr *rr, struct dns_srv *out)
{
	const uint8_t *p = ns_rr_rdata(*rr), *end = p + ns_rr_rdlen(*rr);

	return take_u16(&p, end, &out->priority) && take_u16(&p, end, &out->weight) &&
		take_u16(&p, end, &out->port) && take_name(r, &p, end, &out->host);
}

static bool read_naptr(struct reading *r, const ns_rr *rr, struct dns_naptr *out)
{
	const uint8_t *p = ns_rr_rdata(*rr), *end = p + ns_rr_rdlen(*rr);

	return take_u16(&p, end, &out->order) && take_u16(&p, end, &out->preference) &&
		take_string(r, &p, end, &out->flags) && take_string(r, &p, end, &out->services) &&
		take_string(r, &p, end, &out->regexp) && take_name(r, &p, end, &out->replacement);
}

static void shorten_ttl(struct dns_answer *a, uint32_t ttl_s)
{
	if (ttl_s < a->ttl_s)
		a->ttl_s = ttl_s;
}

static void read_record(struct reading *r, const ns_rr *rr)
{
	struct dns_answer *a = r->answer;
	struct dns_record *to = &a->list[a->count];
	bool fine;

	shorten_ttl(a, ns_rr_ttl(*rr)); /* of aliases, too */
	if ((unsigned)ns_rr_type(*rr) != a->type || a->count == DNS_RECORDS_MAX)
		return;
	switch (a->type) {
	case DNS_SRV:
		fine = read_srv(r, rr, &to->srv);
		break;
	case DNS_NAPTR:
		fine = read_naptr(r, rr, &to->naptr);
		break;
	case DNS_SOA:
		fine = true;
		break;
	default:
		fine = read_addr(rr, &to->addr);
	}
	a->count += fine;
}

/* How long "no" holds: the lesser of the SOA's own time and its last field (RFC 2308 5). */
static uint32_t negative_ttl(ns_msg *m)
{
	ns_rr rr;

	for (int i = 0; i < ns_msg_count(*m, ns_s_ns); i++) {
		uint32_t minimum;

		if (ns_parserr(m, ns_s_ns, i, &rr) != 0)
			break;
		if (ns_rr_type(rr) != ns_t_soa || ns_rr_rdlen(rr) < 20)
			continue;
		minimum = (uint32_t)ns_get32(ns_rr_rdata(rr) + ns_rr_rdlen(rr) - 4);
		return minimum < ns_rr_ttl(rr) ? minimum : ns_rr_ttl(rr);
	}
	return 0;
}

static void read_all(struct reading *r)
{
	struct dns_answer *a = r->answer;
	int rcode = ns_msg_getflag(r->msg, ns_f_rcode);
	ns_rr rr;

	a->ttl_s = TTL_MAX_S;
	for (int i = 0; rcode == ns_r_noerror && i < ns_msg_count(r->msg, ns_s_an); i++) {
		if (ns_parserr(&r->msg, ns_s_an, i, &rr) != 0)
			break;
		read_record(r, &rr);
	}
	if (rcode != ns_r_noerror && rcode != ns_r_nxdomain) {
		a->status = DNS_FAILED;
	} else if (!a->count) {
		a->status = DNS_NONE;
		a->unknown = rcode == ns_r_nxdomain;
		a->ttl_s = negative_ttl(&r->msg);
	}
}

static void move(struct str *s, const char *from, const char *to)
{
	if (s->p)
		s->p = to + (s->p - from);
}

/* A copy as large as it must be: answers are kept by the thousand. */
static struct dns_answer *compact(const struct reading *r)
{
	const struct dns_answer *from = r->answer;
	struct dns_answer *a = answer_new(from->type, from->status, from->count);

	a->unknown = from->unknown;
	a->ttl_s = from->ttl_s;
	a->count = from->count;
	a->text = r->text.n ? memcpy(mem_alloc(r->text.n), r->text.p, r->text.n) : NULL;
	memcpy(a->list, from->list, a->count * sizeof(struct dns_record));
	for (unsigned i = 0; i < a->count; i++) {
		struct dns_naptr *n = &a->list[i].naptr;

		if (a->type == DNS_SRV) {
			move(&a->list[i].srv.host, r->text.p, a->text);
		} else if (a->type == DNS_NAPTR) {
			move(&n->flags, r->text.p, a->text);
			move(&n->services, r->text.p, a->text);
			move(&n->regexp, r->text.p, a->text);
			move(&n->replacement, r->text.p, a->text);
		}
	}
	return a;
}

enum err dns_answer_parse(
	enum dns_type type, const uint8_t *bytes, size_t n, struct dns_answer **out)
{
	char text[TEXT_MAX];
	struct reading r = { .text = BUF_OF(text) };

	*out = NULL;
	if (n > UINT16_MAX || ns_initparse(bytes, (int)n, &r.msg) != 0)
		return ERR_SYNTAX;
	r.answer = answer_new(type, DNS_FOUND, DNS_RECORDS_MAX + 1);
	read_all(&r);
	*out = compact(&r);
	free(r.answer);
	return ERR_OK;
}

/* ---- others ---- */

struct dns_answer *dns_answer_failed(enum dns_type type)
{
	return answer_new(type, DNS_FAILED, 0);
}

struct dns_answer *dns_answer_of_addrs(enum dns_type type, const struct addr *list, unsigned n)
{
	struct dns_answer *a = answer_new(type, n ? DNS_FOUND : DNS_NONE, n);

	a->count = n;
	for (unsigned i = 0; i < n; i++)
		a->list[i].addr = list[i];
	return a;
}

struct dns_answer *dns_answer_of_naptrs(const struct dns_naptr *list, unsigned n)
{
	struct dns_answer *a = answer_new(DNS_NAPTR, n ? DNS_FOUND : DNS_NONE, n);
	struct buf text;

	a->count = n;
	a->text = mem_alloc(TEXT_MAX);
	buf_init(&text, a->text, TEXT_MAX);
	for (unsigned i = 0; i < n; i++) {
		struct dns_naptr *to = &a->list[i].naptr;
		struct str *const all[] = { &to->flags, &to->services, &to->regexp,
			&to->replacement };

		*to = list[i];
		for (unsigned k = 0; k < 4; k++) {
			size_t at = text.n;

			buf_add(&text, *all[k]);
			all[k]->p = a->text + at;
		}
	}
	BUG_ON(!buf_ok(&text));
	return a;
}

struct dns_answer *dns_answer_ref(struct dns_answer *a)
{
	__atomic_add_fetch(&a->refs, 1, __ATOMIC_RELAXED);
	return a;
}

void dns_answer_unref(struct dns_answer *a)
{
	if (!a || __atomic_sub_fetch(&a->refs, 1, __ATOMIC_ACQ_REL))
		return;
	free(a->text);
	free(a);
}

/* ---- for people ---- */

struct str dns_type_name(enum dns_type t)
{
	switch (t) {
	case DNS_A:
		return STR("A");
	case DNS_AAAA:
		return STR("AAAA");
	case DNS_SRV:
		return STR("SRV");
	case DNS_NAPTR:
		return STR("NAPTR");
	default:
		return STR("SOA");
	}
}

static void print_record(struct buf *b, enum dns_type type, const struct dns_record *r)
{
	if (type == DNS_SRV)
		buf_printf(b, "%u %u %u %.*s", r->srv.priority, r->srv.weight, r->srv.port,
			STR_ARG(r->srv.host));
	else if (type == DNS_NAPTR)
		buf_printf(b, "%u %u \"%.*s\" \"%.*s\" \"%.*s\" %.*s", r->naptr.order,
			r->naptr.preference, STR_ARG(r->naptr.flags), STR_ARG(r->naptr.services),
			STR_ARG(r->naptr.regexp), STR_ARG(r->naptr.replacement));
	else
		addr_print_ip(b, &r->addr);
}

void dns_answer_print(struct buf *b, const struct dns_answer *a)
{
	if (a->status == DNS_FAILED)
		buf_lit(b, "no name server could tell");
	else if (a->status == DNS_NONE)
		buf_add(b, a->unknown ? STR("there is no such name") : STR("none"));
	for (unsigned i = 0; i < a->count; i++) {
		buf_add(b, i ? STR("; ") : STR(""));
		print_record(b, a->type, &a->list[i]);
	}
}
