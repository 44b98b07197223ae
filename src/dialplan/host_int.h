/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside the host. Files: engine.c (on the workers), host.c (life, orders, the clock), control.c
 * (the zygote), box.c (a sandbox's channel), pool.c (which sandbox for which run), run.c (a run).
 *
 * A sandbox ("box") is in one of the states below; each but FORKING has a channel, DYING's is
 * closed. A run is queued (no box) or runs in exactly one box; it is reported once, by run_end.
 */
#ifndef DIALPLAN_HOST_INT_H
#define DIALPLAN_HOST_INT_H

#include "base/hash.h"
#include "base/list.h"
#include "base/lock.h"
#include "dialplan/host.h"
#include "dialplan/wire.h"

enum box_state {
	BOX_FORKING, /* ordered from the zygote */
	BOX_SPARE, /* never used */
	BOX_WARM, /* a customer's, idle */
	BOX_RUNNING,
	BOX_DYING, /* waits to hear how it ended */
	BOX_STATES,
};

struct packet_text { /* a JSON text on its way to the sandbox */
	struct packet_text *next;
	size_t n, at;
	char text[];
};

struct box {
	struct list link; /* host->boxes, least recently used first */
	struct dialplan_host *host;
	uint64_t id;
	int32_t pid;
	enum box_state state;
	char *customer; /* NULL: spare */
	struct run *run;
	unsigned runs;
	uint64_t since_ms; /* in this state */
	int fd;
	uv_poll_t *poll; /* outlives the box by a turn; NULL with fd -1 */
	bool watching_write;
	struct packet_text *out, **out_end;
	size_t out_bytes;
	char *in;
	size_t in_n;
};

struct run {
	struct list link; /* host->queue or host->running */
	struct hash_node node;
	struct engine *engine;
	uint64_t id;
	char *customer, *call, *name;
	unsigned customer_max;
	char *order; /* {"run": …}, until it is sent */
	struct box *box;
	uint64_t started_ms, deadline_ms, kill_ms;
	bool stopping; /* {"stop"} is sent */
	bool overrun; /* … because a limit was reached: reason says which */
	uint32_t command; /* not answered yet; 0: none */
	unsigned log_lines;
	char reason[160];
};

enum order_kind { ORDER_START, ORDER_ANSWER, ORDER_EXTEND, ORDER_STOP };

struct order { /* from a worker to the host */
	struct order *next;
	enum order_kind kind;
	uint64_t run_id;
	struct run *run; /* ORDER_START: handed over */
	uint32_t command;
	bool stop;
	char *text; /* ORDER_ANSWER: JSON */
	unsigned seconds;
};

struct engine {
	struct dialplan_engine base;
	struct dialplan_host *host;
	struct engine *next;
	/* the worker's side */
	struct hash runs;
	uint64_t last_run;
};

struct dialplan_host {
	uv_loop_t *loop;
	struct event_bus *events;
	struct dialplan_config cfg;
	char *common; /* cfg.common */
	uv_async_t wake;
	uv_timer_t tick;
	struct control *control; /* NULL: no zygote */
	struct engine *engines;
	struct lock lock; /* orders */
	struct order *orders, **orders_end;
	struct list boxes, queue, running;
	unsigned in_state[BOX_STATES]; /* how many boxes */
	struct hash runs;
	unsigned queued;
	uint64_t last_box;
	bool stopping;
	uint64_t runs_total, forks_total, killed_total, refused_total;
};

/* control.c */
struct control *control_open(struct dialplan_host *h, int fd);
void control_close(struct control *c);
/* false: the zygote does not take it; it is given up. */
bool control_send(struct dialplan_host *h, const struct wire_control *m);

/* host.c */
void host_lose_zygote(struct dialplan_host *h);
void host_post(struct dialplan_host *h, struct order *o); /* any thread */

/* box.c */
struct box *box_new(struct dialplan_host *h);
void box_open(struct box *b, int fd, int32_t pid);
void box_free(struct box *b); /* closes the channel, tells nobody */
void box_send(struct box *b, const char *text);
void box_set_state(struct box *b, enum box_state state);
/* Ends the sandbox; its run, if any, ends as KILLED with this reason. */
void box_kill(struct box *b, const char *fmt, ...) PRINTF(2, 3);
/* It ended; status as from wait(), -1: not known. Frees it. */
void box_ended(struct box *b, int status);

/* pool.c */
void pool_pump(struct dialplan_host *h); /* starts what can start, orders what is missing */
void pool_expire(struct dialplan_host *h, uint64_t now_ms);

/* run.c */
void run_submit(struct dialplan_host *h, struct run *r);
void run_begin(struct run *r, struct box *b);
void run_on_message(struct run *r, json_t *m);
void run_stop(struct run *r, const char *overrun); /* overrun NULL: asked by the call */
void run_answer(struct run *r, const struct order *o);
void run_set_deadline(struct run *r, uint64_t after_s);
void run_tick(struct run *r, uint64_t now_ms);
/* Reports the end and frees the run. */
void run_end(struct run *r, enum dialplan_end end, const char *message, unsigned line);
void run_free(struct run *r);

/* engine.c */
struct engine *engine_new(struct dialplan_host *h, struct worker *w);
void engine_free(struct engine *e);
/* Host's thread: posted to the worker. args is stolen, message copied. */
void engine_post_command(
	struct engine *e, uint64_t run, uint32_t command, const char *name, json_t *args);
void engine_post_end(
	struct engine *e, uint64_t run, enum dialplan_end end, const char *message, unsigned line);

#endif
