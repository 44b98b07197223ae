/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside the control server: clients, and what the commands share. */
#ifndef MAIN_CONTROL_INT_H
#define MAIN_CONTROL_INT_H

#include <jansson.h>
#include <uv.h>

#include "main/control.h"

enum {
	CLIENTS_MAX = 32,
	REQUEST_BYTES_MAX = 16 * 1024,
	ANSWER_BYTES_MAX = 64 * 1024 * 1024, /* of one listing */
	UNREAD_BYTES_MAX = 4 * 1024 * 1024, /* of a followed log, then it is given up */
	TAIL_MAX = 2000, /* events on their way to one follower */
};

struct tail;

struct client {
	struct list link; /* in control.clients */
	struct control *control;
	uv_pipe_t pipe;
	char request[REQUEST_BYTES_MAX];
	size_t request_n;
	unsigned busy; /* orders on their way that will come back to it */
	bool asked; /* one request a connection */
	bool gone; /* the peer is; freed when nothing is on its way any more */
	bool closed; /* the handle is */
	struct tail *tail; /* follows the log */
	struct client *next_for_keys; /* in control.want_keys */
};

struct control {
	struct core *core;
	uv_pipe_t listening;
	struct list clients;
	unsigned client_count;
	struct client *want_keys; /* wait for the supervisor to read the key ring */
	bool stopping;
};

/* Text that grows up to a maximum; what does not fit any more sets `full`. */
struct answer {
	char *p;
	size_t n, max;
	bool full;
};
void answer_add(struct answer *a, struct str s);
/* {"row": …} and a line end; row is released. */
void answer_row(struct answer *a, json_t *row);

/* ---- control.c ---- */
/* Writes and takes over the text, which is empty afterwards; end: the last, the connection is
 * closed behind it. */
void client_send(struct client *c, struct answer *a, bool end);
void client_done(struct client *c); /* {"done": true} */
void client_error(struct client *c, const char *fmt, ...) PRINTF(2, 3);
void client_release(struct client *c); /* an order came back */
/* JSON text of any bytes: what is not UTF-8 is escaped. */
json_t *control_text(struct str s);

/* ---- commands: each answers the client now or later ---- */
void control_status(struct client *c, const json_t *request);
void control_bindings(struct client *c, const json_t *request);
void control_calls(struct client *c, const json_t *request);
void control_hangup(struct client *c, const json_t *request);
void control_refresh(struct client *c, const json_t *request);
void put_number(json_t *o, const char *key, uint64_t v);
void control_keys(struct client *c, const json_t *request);
void control_contention(struct client *c, const json_t *request);
void control_log(struct client *c, const json_t *request);
void control_provider_test(struct client *c, const json_t *request);
void control_resolve(struct client *c, const json_t *request);
void tail_free(struct tail *t);
void tail_wake(struct tail *t); /* the client has read something */

#endif
