/* SPDX-License-Identifier: BSD-3-Clause */
/* From the configuration file to what each module wants to know. */
#ifndef MAIN_SETTINGS_H
#define MAIN_SETTINGS_H

#include "conf/conf.h"
#include "dialplan/host.h"
#include "main/roles.h"
#include "transport/net.h"

/* workers: what [sip] workers stands for on this machine. */
unsigned settings_workers(const struct conf *c);
MUST_USE enum err settings_net(
	const struct conf *c, unsigned workers, struct net_config *out, struct buf *why);
void settings_resolver(
	const struct conf *c, const struct net_config *net, struct resolver_config *out);
MUST_USE enum err settings_roles(const struct conf *c, struct roles_config *out, struct buf *why);
void settings_dialplan(const struct conf *c, struct dialplan_config *out);
void settings_store(const struct conf *c, struct store_config *out);

#endif
