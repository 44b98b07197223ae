/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a name server says about one name and type (RFC 1035; SRV: RFC 2782; NAPTR: RFC 3403). An
 * answer is immutable and counted; any thread may hold one.
 */
#ifndef TRANSPORT_DNS_ANSWER_H
#define TRANSPORT_DNS_ANSWER_H

#include "base/addr.h"

enum dns_type { DNS_A = 1, DNS_SOA = 6, DNS_AAAA = 28, DNS_SRV = 33, DNS_NAPTR = 35 };

enum { DNS_RECORDS_MAX = 64, DNS_NAME_MAX = 256 };

enum dns_status {
	DNS_FOUND, /* there are records */
	DNS_NONE, /* there is no such name, or it has none of that type */
	DNS_FAILED, /* nobody could be asked, or nobody knew */
};

struct dns_srv {
	uint16_t priority, weight, port;
	struct str host; /* ".": the service is not available there */
};

struct dns_naptr {
	uint16_t order, preference;
	struct str flags, services, regexp, replacement;
};

struct dns_record {
	union {
		struct addr addr; /* port 0 */
		struct dns_srv srv;
		struct dns_naptr naptr;
	};
};

struct dns_answer {
	unsigned refs; /* atomic */
	enum dns_type type;
	enum dns_status status;
	bool unknown; /* DNS_NONE: there is no such name at all */
	uint32_t ttl_s; /* the shortest; of DNS_NONE: what the zone's SOA says, or 0 */
	unsigned count;
	char *text; /* what the records' strings are slices of */
	struct dns_record list[];
};

/* ERR_SYNTAX: not a DNS message. Records of other types are passed over (CNAME is followed by who
 * answers us). SERVFAIL, REFUSED and the like are DNS_FAILED. */
MUST_USE enum err dns_answer_parse(
	enum dns_type type, const uint8_t *bytes, size_t n, struct dns_answer **out);
struct dns_answer *dns_answer_failed(enum dns_type type);
struct dns_answer *dns_answer_of_addrs(enum dns_type type, const struct addr *list, unsigned n);
struct dns_answer *dns_answer_of_naptrs(const struct dns_naptr *list, unsigned n); /* copied */
struct dns_answer *dns_answer_ref(struct dns_answer *a);
void dns_answer_unref(struct dns_answer *a); /* NULL is fine */

struct str dns_type_name(enum dns_type t);
void dns_answer_print(struct buf *b, const struct dns_answer *a); /* its records, for people */

#endif
