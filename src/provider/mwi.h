/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A subscription to message-summary at a provider (RFC 3842, RFC 6665), as long as we are
 * registered there and its record asks for it: the inside of mwi.c and mwi_notify.c.
 *
 *   waiting     for its turn, or because the last try failed
 *   trying      a SUBSCRIBE is out
 *   subscribed  refreshed before it expires
 *   refused     the provider does not offer it: asked again in a day
 *   leaving     being taken back; nobody owns it any more
 */
#ifndef PROVIDER_MWI_H
#define PROVIDER_MWI_H

#include "dialog/dialog.h"
#include "provider/registration.h"
#include "provider/summary.h"

enum mwi_state { MWI_WAITING, MWI_TRYING, MWI_SUBSCRIBED, MWI_REFUSED, MWI_LEAVING };

enum { MWI_DAY_MS = 86400000, MWI_RETRY_MS = 300000, MWI_RETRY_MAX_MS = 3600000 };

struct mwi {
	struct hash_node node; /* in agent->mwis, by Call-ID */
	struct provider_agent *agent;
	struct registration *registration; /* NULL: leaving */
	struct provider *provider; /* the settings in use; a reference */
	enum mwi_state state;
	struct timer timer;
	struct uac *uac;
	struct dialog d;
	bool confirmed; /* by a 2xx: the next SUBSCRIBE is within the dialog */
	bool heard; /* a NOTIFY came */
	uint32_t notify_cseq;
	struct flow home; /* where the provider answered */
	uint32_t asked_s;
	bool asked_more; /* because of 423 */
	unsigned failures;
	char *challenge; /* answered last */
	unsigned challenge_status;
	uint32_t nc;
	char *realm; /* that it asked for first */
	struct summary last; /* account is not kept */
	bool has_last;
};

void mwi_wait(struct mwi *m, enum mwi_state s, uint64_t ms);
/* A new subscription, after so long. */
void mwi_begin_anew(struct mwi *m, uint64_t ms);
void mwi_free(struct mwi *m);
/* Its subscription, by the seconds that are left of it. */
void mwi_refresh_in(struct mwi *m, uint32_t seconds);
void mwi_say(const struct mwi *m, const char *fmt, ...) PRINTF(2, 3);

#endif
