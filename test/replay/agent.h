/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A simulated phone or provider. It builds correct messages by itself and remembers its dialog;
 * everything can be overridden by the scenario.
 */
#ifndef REPLAY_AGENT_H
#define REPLAY_AGENT_H

#include "world.h"

enum { OVERRIDES_MAX = 32 };

struct override {
	struct str name; /* of a header field; "-Name" removes it */
	struct str value;
};

struct wish_list { /* the indented lines below a step, and words behind it */
	struct override list[OVERRIDES_MAX];
	unsigned count;
	struct str body; /* p == NULL: none */
	struct str type;
	struct str auth_user, auth_password; /* answers the last challenge */
	bool tamper; /* a wrong digest */
};

/* A request outside of a dialog (uri given) or within it (empty). False: it cannot, see *why. */
bool agent_request(struct world *w, struct agent *a, struct str method, struct str uri,
	const struct wish_list *wishes, const char **why);
/* A response to the last request received with that method (empty: to the last one). */
bool agent_respond(struct world *w, struct agent *a, unsigned status, struct str reason,
	struct str method, const struct wish_list *wishes, const char **why);
/* Sends its last message once more. */
void agent_repeat(struct world *w, struct agent *a);
/* Bytes as they are, with LF turned into CRLF. */
void agent_raw(struct world *w, struct agent *a, struct str text);
/* The agent has looked at a message: it remembers what matters. */
void agent_saw(struct agent *a, struct sip_msg *m);
/* A session description of its own; each call with `fresh` makes a new version. */
struct str agent_sdp(struct agent *a, bool fresh);
void agent_forget(struct agent *a); /* its dialog */

#endif
