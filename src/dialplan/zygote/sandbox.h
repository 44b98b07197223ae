/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tandem-dialplan process: a zygote that has Ruby and the prelude loaded, and the sandboxes
 * that it forks, in each of which the scripts of one customer run, one at a time.
 *
 * Ruby runs on the main thread only; nothing here has another. A struct sandbox exists from the
 * start (the prelude is bound to it); a fork fills in its channel. The prelude sees it as the
 * constant TandemSandbox.
 */
#ifndef DIALPLAN_ZYGOTE_SANDBOX_H
#define DIALPLAN_ZYGOTE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <ruby.h>

struct fresh;
struct sock_filter;

struct sandbox {
	int fd; /* channel */
	uint32_t command; /* number of the last one */
	unsigned memory_mb;
	size_t address_space; /* of the zygote, and so of a sandbox when it begins */
	bool running; /* a script is */
	bool waiting; /* for the answer of a command */
	bool stopping; /* the run was told to end: what facts 3.5 calls the abort */
	unsigned aborts; /* how often it was raised */
	int handler_line; /* where a handler of it was seen last; 0: nowhere */
	const char *spent; /* why no other run may follow this one; NULL: it may */
	VALUE self; /* TandemSandbox */
	VALUE sys, req; /* of the present run */
	VALUE fork; /* Process.fork, before the prelude takes it from scripts */
	VALUE aborted; /* class of the abort */
	VALUE tracer; /* raises the abort again after a handler of it */
	struct fresh *fresh;
	struct sock_filter *filter; /* of system calls */
	unsigned short filter_n;
	char *packet; /* WIRE_PACKET_MAX */
};

/* run.c */
/* Defines TandemSandbox and loads the prelude; false: reported on stderr. */
bool sandbox_prepare(struct sandbox *s);
/* In the forked child: jail, then runs until the channel closes. */
_Noreturn void sandbox_main(struct sandbox *s, int fd, unsigned memory_mb, unsigned cpu_s);
/* One run; false: no other can follow. */
bool sandbox_run(struct sandbox *s, const json_t *order);
/* The child of --check: writes what is wrong with a script; 0 when nothing is. */
int sandbox_check(struct sandbox *s, int out, const char *name, const char *text, size_t n);
/* The child of --report: writes what was found, as JSON (prelude/check.rb); 0 when it could. */
int sandbox_report(struct sandbox *s, int out, const char *name, const char *text, size_t n);

/* channel.c: false when the other end is gone or speaks another language. */
bool channel_send(struct sandbox *s, json_t *message); /* steals message */
/* wait false: *out is NULL when there is nothing. *interrupted: a signal came instead. */
bool channel_receive(struct sandbox *s, bool wait, bool *interrupted, json_t **out);

/* json.c: no method of a script is called. */
VALUE json_to_ruby(const json_t *j);
/* NULL with a reason in *why: too deep, or something that is not plain data. */
json_t *json_from_ruby(VALUE v, const char **why);
/* Bytes that are not UTF-8 are taken for Latin-1. */
json_t *json_from_bytes(const char *p, size_t n);

/* native.c: the functions of TandemSandbox. */
void native_define(struct sandbox *s);
/* Raises the abort in the script when it was told to end. */
void native_raise_stop(struct sandbox *s);
/* Takes a stop from the channel if there is one. */
void native_look_for_stop(struct sandbox *s);

/* fresh.c: what a run left behind. */
void fresh_snapshot(struct sandbox *s);
void fresh_forked(struct sandbox *s); /* in a new process */
void fresh_begin(struct sandbox *s);
/* Takes away what the run defined; sets s->spent when that cannot be done exactly. */
void fresh_clean(struct sandbox *s);
void fresh_on_method(struct sandbox *s, VALUE where, VALUE name, bool added);

/* jail.c */
/* Before Ruby starts: user, group, no new privileges. uid 0 is never kept. */
bool jail_drop(unsigned uid, unsigned gid);
bool jail_prepare(struct sandbox *s); /* once, in the zygote */
size_t jail_address_space(void); /* bytes that are mapped now */
/* In the sandbox before its first script: descriptors, limits, system calls. */
bool jail_enter(const struct sandbox *s, int fd, unsigned memory_mb, unsigned cpu_s);

/* rehearse.c: runs in the zygote, for what they leave warm. */
bool rehearse(struct sandbox *s);

/* shared.c: memory in order, for forks. */
void shared_arrange(void);

/* serve.c: the zygote's life; returns when core closes the control socket. */
void serve(struct sandbox *s, int control);

#endif
