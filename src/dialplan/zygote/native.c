/* SPDX-License-Identifier: BSD-3-Clause */
/* TandemSandbox: what the prelude can ask of the process around it. */
#include <string.h>
#include <unistd.h>

#include <ruby.h>
#include <ruby/debug.h>

#include "dialplan/wire.h"
#include "dialplan/zygote/sandbox.h"

enum { ABORTS_MAX = 20 }; /* so often is the abort raised again in one run */

static void mark(void *p)
{
	struct sandbox *s = p;

	rb_gc_mark(s->sys);
	rb_gc_mark(s->req);
}

static const rb_data_type_t sandbox_type = {
	.wrap_struct_name = "TandemSandbox",
	.function = { .dmark = mark },
};

static struct sandbox *sandbox_of(VALUE self)
{
	return rb_check_typeddata(self, &sandbox_type);
}

/* Ensure blocks still run, handlers no longer see it. */
_Noreturn static void unwind(void)
{
	VALUE runner = rb_const_get(rb_cObject, rb_intern("TandemRun"));

	rb_throw_obj(rb_const_get(runner, rb_intern("STOP")), Qnil);
	_exit(3);
}

void native_raise_stop(struct sandbox *s)
{
	if (++s->aborts > ABORTS_MAX)
		unwind();
	rb_exc_raise(rb_exc_new_cstr(s->aborted, "Thread was being aborted."));
}

static void begin_stop(struct sandbox *s)
{
	if (!s->stopping) {
		s->stopping = true;
		rb_tracepoint_enable(s->tracer);
	}
}

static bool ask(const char *what, int line, int other)
{
	VALUE runner = rb_const_get(rb_cObject, rb_intern("TandemRun"));

	return RTEST(rb_funcall(runner, rb_intern(what), 2, INT2FIX(line), INT2FIX(other)));
}

/*
 * A handler of the abort may finish, and ensure blocks; the line after them does not run (facts
 * 3.5: the abort is raised again when the handler ends). $! is nil outside of every handler.
 */
static void on_line(VALUE point, void *data)
{
	struct sandbox *s = data;
	rb_trace_arg_t *arg = rb_tracearg_from_tracepoint(point);
	VALUE path = rb_tracearg_path(arg);
	int line;

	if (!s->stopping || !s->running || !RB_TYPE_P(path, T_STRING))
		return;
	if (RSTRING_LEN(path) > 8 && memcmp(RSTRING_PTR(path), "prelude/", 8) == 0)
		return;
	line = NUM2INT(rb_tracearg_lineno(arg));
	if (!NIL_P(rb_gv_get("$!")))
		s->handler_line = line;
	else if (ask("within_ensure?", line, 0))
		return;
	else if (ask("handled_again?", line, s->handler_line))
		unwind(); /* a loop around the handler: the same one would take it again */
	else
		native_raise_stop(s);
}

/* The channel is unusable: nothing that a script could do now would be heard. */
_Noreturn static void leave(void)
{
	_exit(3);
}

static VALUE native_log(VALUE self, VALUE text)
{
	struct sandbox *s = sandbox_of(self);
	size_t n;
	json_t *line;

	StringValue(text);
	n = (size_t)RSTRING_LEN(text);
	line = json_from_bytes(RSTRING_PTR(text), n < WIRE_LOG_MAX ? n : WIRE_LOG_MAX);
	if (!channel_send(s, json_pack("{s:o}", "log", line)))
		leave();
	return Qnil;
}

static json_t *wait_for_answer(struct sandbox *s)
{
	for (;;) {
		bool interrupted;
		json_t *m;

		if (!channel_receive(s, true, &interrupted, &m))
			leave();
		if (interrupted) {
			rb_thread_check_ints();
			continue;
		}
		if (m &&
			(json_is_true(json_object_get(m, "stop")) ||
				json_integer_value(json_object_get(m, "answer")) == s->command))
			return m;
		json_decref(m);
	}
}

/* A stop that came right behind an answer or a start; its signal was spent on nothing. */
void native_look_for_stop(struct sandbox *s)
{
	bool interrupted;
	json_t *m;

	if (!channel_receive(s, false, &interrupted, &m))
		leave();
	if (m && json_is_true(json_object_get(m, "stop")))
		begin_stop(s);
	json_decref(m);
}

static VALUE take_answer(struct sandbox *s, json_t *m)
{
	VALUE result = Qnil;

	if (json_is_true(json_object_get(m, "stop")))
		begin_stop(s);
	else if (json_object_get(m, "result"))
		result = json_to_ruby(json_object_get(m, "result"));
	json_decref(m);
	native_look_for_stop(s);
	if (s->stopping)
		native_raise_stop(s);
	return result;
}

static VALUE native_command(VALUE self, VALUE name, VALUE args)
{
	struct sandbox *s = sandbox_of(self);
	const char *why;
	json_t *message, *plain, *answer;

	if (s->stopping)
		native_raise_stop(s);
	StringValueCStr(name);
	plain = json_from_ruby(args, &why);
	if (!plain)
		rb_raise(rb_eArgError, "%s cannot be given to %s", why, RSTRING_PTR(name));
	message = json_pack("{s:I,s:s,s:o}", "command", (json_int_t)++s->command, "name",
		RSTRING_PTR(name), "args", plain);
	if (json_dumpb(message, NULL, 0, JSON_COMPACT) > WIRE_FROM_SANDBOX_MAX) {
		json_decref(message);
		rb_raise(rb_eArgError, "what is given to %s is too long", RSTRING_PTR(name));
	}
	if (!channel_send(s, message))
		leave();
	s->waiting = true;
	answer = wait_for_answer(s);
	s->waiting = false;
	return take_answer(s, answer);
}

/* A signal came from the zygote while the script was busy: there is a stop in the channel. */
static VALUE native_interrupt(VALUE self)
{
	struct sandbox *s = sandbox_of(self);

	if (!s->running || s->waiting || s->stopping)
		return Qnil;
	native_look_for_stop(s);
	if (s->stopping)
		native_raise_stop(s);
	return Qnil;
}

static VALUE native_enter(VALUE self, VALUE sys, VALUE req)
{
	struct sandbox *s = sandbox_of(self);

	s->sys = sys;
	s->req = req;
	return Qnil;
}

static VALUE native_sys(VALUE self)
{
	return sandbox_of(self)->sys;
}

static VALUE native_req(VALUE self)
{
	return sandbox_of(self)->req;
}

static VALUE native_stopping(VALUE self)
{
	return sandbox_of(self)->stopping ? Qtrue : Qfalse;
}

static VALUE native_check_stop(VALUE self)
{
	struct sandbox *s = sandbox_of(self);

	if (s->stopping)
		native_raise_stop(s);
	return Qnil;
}

static VALUE native_memory_mb(VALUE self)
{
	return UINT2NUM(sandbox_of(self)->memory_mb);
}

static VALUE native_spent(VALUE self)
{
	struct sandbox *s = sandbox_of(self);

	if (!s->spent)
		s->spent = "a script changed the interpreter";
	return Qnil;
}

static VALUE native_method_changed(VALUE self, VALUE where, VALUE name, VALUE added)
{
	fresh_on_method(sandbox_of(self), where, name, RTEST(added));
	return Qnil;
}

/* "text" + $! works in the scripts' Ruby; anything else is String#+ as ever. */
static VALUE string_plus(VALUE self, VALUE other)
{
	if (RTEST(rb_obj_is_kind_of(other, rb_eException)))
		other = rb_obj_as_string(other);
	return rb_str_plus(self, other);
}

void native_define(struct sandbox *s)
{
	VALUE self = TypedData_Wrap_Struct(rb_cObject, &sandbox_type, s);

	s->self = self;
	s->sys = s->req = Qnil;
	rb_define_global_const("TandemSandbox", self);
	s->fork = rb_obj_method(rb_mProcess, ID2SYM(rb_intern("fork")));
	rb_gc_register_mark_object(s->fork);
	s->aborted = rb_define_class("ThreadAbortException", rb_eStandardError);
	s->tracer = rb_tracepoint_new(Qnil, RUBY_EVENT_LINE, on_line, s);
	rb_gc_register_mark_object(s->tracer);
	rb_define_singleton_method(self, "log", native_log, 1);
	rb_define_singleton_method(self, "command", native_command, 2);
	rb_define_singleton_method(self, "interrupt", native_interrupt, 0);
	rb_define_singleton_method(self, "enter", native_enter, 2);
	rb_define_singleton_method(self, "sys", native_sys, 0);
	rb_define_singleton_method(self, "req", native_req, 0);
	rb_define_singleton_method(self, "stopping?", native_stopping, 0);
	rb_define_singleton_method(self, "check_stop", native_check_stop, 0);
	rb_define_singleton_method(self, "memory_mb", native_memory_mb, 0);
	rb_define_singleton_method(self, "spent", native_spent, 0);
	rb_define_singleton_method(self, "method_changed", native_method_changed, 3);
	rb_define_method(rb_cString, "+", string_plus, 1);
}
