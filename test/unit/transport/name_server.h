/* SPDX-License-Identifier: BSD-3-Clause */
/* A name server for tests, on a loopback port of its own, in the loop of who tests. */
#ifndef TEST_NAME_SERVER_H
#define TEST_NAME_SERVER_H

#include "loop/loop.h"

enum { SERVER_RECORDS_MAX = 300, CONNECTIONS_MAX = 64 };

enum server_mode { FINE, SILENT, SERVFAIL = 2 + 100, REFUSED = 5 + 100, GARBAGE = 1, CUT };

struct name_server {
	uv_udp_t udp;
	uv_tcp_t tcp, connections[CONNECTIONS_MAX];
	char buffer[2000];
	unsigned port;
	enum server_mode mode; /* CUT: UDP answers are truncated, TCP has them whole */
	unsigned questions, over_tcp, accepted;
	struct {
		char name[256];
		unsigned type, ttl, n;
		uint8_t data[300];
	} records[SERVER_RECORDS_MAX];
	unsigned count;
	unsigned negative_ttl; /* 0: no SOA with "no" */
};

void name_server_start(struct name_server *s, struct loop *l);
/* Names end in a dot. */
void name_server_a(struct name_server *s, const char *name, unsigned ttl, const char *ip);
void name_server_srv(struct name_server *s, const char *name, unsigned ttl, unsigned priority,
	unsigned weight, unsigned port, const char *host);
void name_server_naptr(struct name_server *s, const char *name, unsigned ttl, unsigned order,
	unsigned preference, const char *flags, const char *services, const char *replacement);
void name_server_soa(struct name_server *s, const char *name);

#endif
