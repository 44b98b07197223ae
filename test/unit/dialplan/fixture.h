/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The real tandem-dialplan behind a real host, worker and loop in this thread. Scripts are started
 * with dp_start or run with dp_run; commands are answered by the test's function.
 */
#ifndef TEST_DIALPLAN_FIXTURE_H
#define TEST_DIALPLAN_FIXTURE_H

#include <jansson.h>
#include <sys/types.h>

#include "dialplan/host.h"
#include "event/event.h"
#include "loop/loop.h"

enum { DP_LOG_MAX = 4096 };

struct dp_run {
	struct dp *dp;
	uint64_t id;
	bool ended;
	enum dialplan_end end;
	char message[512];
	unsigned line;
	unsigned commands;
	char last_command[32];
	/* json_t to answer with, NULL: not now. Default: {"result": null}. */
	json_t *(*answer)(struct dp_run *r, uint32_t command, const char *name, json_t *args);
	void *arg;
};

struct dp {
	struct loop loop;
	struct worker worker;
	struct event_bus *bus;
	struct event_sink sink;
	struct dialplan_config cfg;
	struct dialplan_host *host;
	struct dialplan_engine *engine;
	pid_t zygote;
	char *log; /* log lines of all scripts, each ended by "\n" */
	size_t log_n;
};

extern const char *dp_executable; /* set by main */

void dp_open(struct dp *d, const struct dialplan_config *cfg); /* NULL: the default */
void dp_close(struct dp *d);
void dp_start_zygote(struct dp *d);
void dp_kill_zygote(struct dp *d);
void dp_start(struct dp *d, struct dp_run *r, const char *customer, const char *script);
/* Turns the loop until the run has ended; fails the test after a minute. */
void dp_wait(struct dp *d, const struct dp_run *r);
void dp_turn(struct dp *d);
/* Both; the run's answer and arg are taken from r. */
void dp_run(struct dp *d, struct dp_run *r, const char *customer, const char *script);
/* A script that must end well; returns what it logged. */
const char *dp_logged(struct dp *d, const char *script);
json_t *dp_result(json_t *value); /* {"result": value} */

#endif
