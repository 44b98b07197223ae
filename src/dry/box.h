/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A sandbox for dry runs: the same tandem-dialplan that the service has, started here, its scripts
 * jailed the same way. It blocks; the sandbox is one for each run. What it says is bounded and
 * checked as the host does (dialplan/host.h).
 */
#ifndef DRY_BOX_H
#define DRY_BOX_H

#include <jansson.h>
#include <sys/types.h>

#include "base/buf.h"

enum { DRY_RUN_S = 20, DRY_LOGS_MAX = 1000, DRY_COMMANDS_MAX = 500 };

struct dry_box {
	pid_t pid; /* of tandem-dialplan */
	int control;
	uint64_t last;
};

/* program: its path. false: it could not be started. */
bool dry_box_start(struct dry_box *b, const char *program);
void dry_box_stop(struct dry_box *b);

struct dry_box_handlers {
	void (*on_log)(void *arg, struct str text);
	/* The answer, stolen: {"result": …} or {"stop": true}. */
	json_t *(*on_command)(void *arg, const char *name, json_t *args);
	void (*on_end)(void *arg, const char *how, struct str message, unsigned line);
};

/* One run of a script; on_end is called once. input is stolen. */
void dry_box_run(struct dry_box *b, const char *name, struct str script, json_t *input,
	const struct dry_box_handlers *h, void *arg);

#endif
