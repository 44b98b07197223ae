/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of a sandbox: one run after the other, each ending in one "end" message. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <ruby.h>
#include <ruby/debug.h>

#include "dialplan/wire.h"
#include "dialplan/zygote/prelude.h"
#include "dialplan/zygote/sandbox.h"

enum {
	CHECK_MEMORY_MB = 256,
	CHECK_CPU_S = 10,
	AGE_OF_OLD = 3, /* collections that make an object old, so that later ones pass it by */
};

static VALUE evaluate(VALUE arg)
{
	const struct prelude_file *f = (const struct prelude_file *)arg;
	VALUE vm = rb_const_get(rb_cObject, rb_intern("RubyVM"));
	VALUE sequence = rb_const_get(vm, rb_intern("InstructionSequence"));
	VALUE path = rb_sprintf("prelude/%s", f->name);
	VALUE code = rb_funcall(sequence, rb_intern("compile"), 4,
		rb_utf8_str_new(f->text, (long)f->n), path, path, INT2FIX(1));

	return rb_funcall(code, rb_intern("eval"), 0);
}

static VALUE describe(VALUE error)
{
	return rb_funcall(error, rb_intern("full_message"), 0);
}

static void print_error(const char *what)
{
	int failed;
	VALUE text = rb_protect(describe, rb_errinfo(), &failed);

	rb_set_errinfo(Qnil);
	fprintf(stderr, "tandem-dialplan: %s: %s\n", what, failed ? "?" : StringValueCStr(text));
}

static VALUE forget_runs(VALUE unused)
{
	rb_funcall(rb_const_get(rb_cObject, rb_intern("TandemRun")), rb_intern("forget"), 0);
	for (int i = 0; i < AGE_OF_OLD; i++)
		rb_gc_start();
	return Qnil;
}

bool sandbox_prepare(struct sandbox *s)
{
	int failed = 0;

	s->packet = malloc(WIRE_PACKET_MAX);
	if (!s->packet || !jail_prepare(s))
		return false;
	native_define(s);
	for (const struct prelude_file *f = prelude_files; f->name; f++) {
		rb_protect(evaluate, (VALUE)f, &failed);
		if (failed) {
			print_error(f->name);
			return false;
		}
	}
	fresh_snapshot(s);
	if (!rehearse(s) || s->spent) {
		fprintf(stderr, "tandem-dialplan: rehearsal: %s\n", s->spent ? s->spent : "failed");
		return false;
	}
	rb_protect(forget_runs, Qnil, &failed);
	shared_arrange();
	s->address_space = jail_address_space();
	return !failed;
}

struct run {
	struct sandbox *s;
	const json_t *order;
};

/* TandemRun.start(script, name, input, common) -> [end, message, line] */
static VALUE start(VALUE arg)
{
	struct run *r = (struct run *)arg;
	VALUE runner = rb_const_get(rb_cObject, rb_intern("TandemRun"));
	VALUE script = json_to_ruby(json_object_get(r->order, "script"));
	VALUE name = json_to_ruby(json_object_get(r->order, "name"));
	VALUE input = json_to_ruby(json_object_get(r->order, "input"));
	const json_t *front = json_object_get(r->order, "common");
	VALUE common = front ? json_to_ruby(front) : Qnil;

	return rb_funcall(runner, rb_intern("start"), 4, script, name, input, common);
}

static long memory_kb(void)
{
	struct rusage use;

	return getrusage(RUSAGE_SELF, &use) ? 0 : use.ru_maxrss;
}

static json_t *text_at(VALUE list, long i)
{
	VALUE v = rb_ary_entry(list, i);

	return RB_TYPE_P(v, T_STRING) ? json_from_bytes(RSTRING_PTR(v), (size_t)RSTRING_LEN(v))
				      : json_null();
}

static json_t *end_message(struct sandbox *s, VALUE result)
{
	json_t *m = json_object();
	VALUE line;

	if (!RB_TYPE_P(result, T_ARRAY)) {
		json_object_set_new(m, "end", json_string(s->stopping ? "done" : "error"));
		json_object_set_new(m, "message", json_string("the script ended abnormally"));
		s->spent = "a script ended abnormally";
	} else {
		line = rb_ary_entry(result, 2);
		json_object_set_new(m, "end", text_at(result, 0));
		json_object_set_new(m, "message", text_at(result, 1));
		if (FIXNUM_P(line))
			json_object_set_new(m, "line", json_integer(FIX2LONG(line)));
	}
	json_object_set_new(m, "memory_kb", json_integer(memory_kb()));
	if (s->spent)
		json_object_set_new(m, "spent", json_string(s->spent));
	return m;
}

bool sandbox_run(struct sandbox *s, const json_t *order)
{
	struct run r = { s, order };
	int failed = 0;
	VALUE result = rb_ary_new_from_args(1, rb_utf8_str_new_lit("done"));
	bool sent;

	s->stopping = false;
	s->aborts = 0;
	s->handler_line = 0;
	fresh_begin(s);
	s->running = true;
	native_look_for_stop(s);
	if (!s->stopping)
		result = rb_protect(start, (VALUE)&r, &failed);
	s->running = false;
	if (failed) {
		rb_set_errinfo(Qnil);
		result = Qnil;
		s->spent = "a script ended abnormally";
	}
	if (s->stopping)
		rb_tracepoint_disable(s->tracer);
	s->sys = s->req = Qnil;
	fresh_clean(s);
	sent = channel_send(s, end_message(s, result));
	return sent && !s->spent;
}

void sandbox_main(struct sandbox *s, int fd, unsigned memory_mb, unsigned cpu_s)
{
	s->fd = fd;
	s->memory_mb = memory_mb;
	fresh_forked(s);
	if (!jail_enter(s, fd, memory_mb, cpu_s))
		_exit(70);
	for (;;) {
		bool interrupted;
		json_t *m, *order;

		if (!channel_receive(s, true, &interrupted, &m))
			_exit(0);
		order = json_object_get(m, "run");
		if (order && !sandbox_run(s, order))
			_exit(0);
		json_decref(m);
	}
}

struct text {
	const char *reader, *method; /* Ruby's names of who reads it */
	const char *name, *p;
	size_t n;
};

static VALUE read_text(VALUE arg)
{
	struct text *t = (struct text *)arg;

	return rb_funcall(rb_const_get(rb_cObject, rb_intern(t->reader)), rb_intern(t->method), 2,
		rb_utf8_str_new(t->p, (long)t->n), rb_utf8_str_new_cstr(t->name));
}

/* 0: nothing to say, 1: said, 2: failed */
static int read_jailed(struct sandbox *s, int out, struct text *t)
{
	int failed = 0;
	VALUE said;

	if (!jail_enter(s, out, CHECK_MEMORY_MB, CHECK_CPU_S))
		return 2;
	said = rb_protect(read_text, (VALUE)t, &failed);
	if (failed || !RB_TYPE_P(said, T_STRING))
		return failed ? 2 : 0;
	for (long at = 0; at < RSTRING_LEN(said);) {
		ssize_t n = write(out, RSTRING_PTR(said) + at, (size_t)(RSTRING_LEN(said) - at));

		if (n <= 0)
			return 2;
		at += n;
	}
	return 1;
}

int sandbox_check(struct sandbox *s, int out, const char *name, const char *text, size_t n)
{
	struct text t = { "TandemRun", "check", name, text, n };

	return read_jailed(s, out, &t);
}

int sandbox_report(struct sandbox *s, int out, const char *name, const char *text, size_t n)
{
	struct text t = { "TandemCheck", "report", name, text, n };

	return read_jailed(s, out, &t) == 1 ? 0 : 2;
}
