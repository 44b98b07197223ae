/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A fresh top level for every run. What a run may leave behind is taken away exactly (methods and
 * constants of the top level, global variables, instance variables of main), or, when that cannot
 * be done (a class of Ruby's was changed), the sandbox is spent and ends.
 *
 * That is for the scripts' good and not for safety: a sandbox belongs to one customer.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ruby/encoding.h>

#include "dialplan/zygote/sandbox.h"

struct old_module {
	VALUE module, super;
	st_index_t variables;
};

struct fresh {
	struct old_module *modules;
	long count;
	VALUE old; /* all objects of the start that can be changed: object => true */
	VALUE constants; /* of Object: name => true */
	VALUE globals; /* name => true */
	VALUE methods; /* Object's own: name => true */
	VALUE hooks; /* [module, name, method] */
	VALUE added; /* names of the run's methods on Object */
	VALUE main, argv;
	VALUE stdin_, stdout_, stderr_, fs, output_fs, rs, output_rs, program;
	VALUE load_path, features, vm;
	long load_path_n, features_n;
	rb_encoding *external;
	VALUE constant_state;
	bool begun; /* a run, in this process */
};

static VALUE set_of(VALUE list)
{
	VALUE set = rb_hash_new();

	for (long i = 0; i < RARRAY_LEN(list); i++)
		rb_hash_aset(set, RARRAY_AREF(list, i), Qtrue);
	return set;
}

static bool has(VALUE set, VALUE key)
{
	return RTEST(rb_hash_lookup2(set, key, Qfalse));
}

static void spend(struct sandbox *s, const char *why)
{
	if (!s->spent)
		s->spent = why;
}

static VALUE constant_state(struct fresh *f)
{
	return rb_funcall(f->vm, rb_intern("stat"), 1, ID2SYM(rb_intern("global_constant_state")));
}

static VALUE object_constants(void)
{
	VALUE no_inherited = Qfalse;

	return rb_mod_constants(1, &no_inherited, rb_cObject);
}

static void keep(VALUE v)
{
	if (!SPECIAL_CONST_P(v))
		rb_gc_register_mark_object(v);
}

static void take_modules(struct fresh *f, VALUE all)
{
	long n = RARRAY_LEN(all);

	f->modules = calloc((size_t)n * 2, sizeof(*f->modules));
	for (long i = 0; f->modules && i < n; i++) {
		VALUE m = RARRAY_AREF(all, i);

		f->modules[f->count++].module = m;
		rb_hash_aset(f->old, m, Qtrue);
		if (RB_FL_TEST(m, RUBY_FL_SINGLETON))
			continue;
		m = rb_singleton_class(m);
		f->modules[f->count++].module = m;
		rb_hash_aset(f->old, m, Qtrue);
	}
	for (long i = 0; i < f->count; i++) {
		struct old_module *m = &f->modules[i];

		m->super = RCLASS_SUPER(m->module);
		m->variables = rb_ivar_count(m->module);
	}
}

/* Values of constants that are no modules: ENV, ARGV and the like. */
static void take_objects(struct fresh *f)
{
	VALUE names = object_constants();

	f->constants = set_of(names);
	for (long i = 0; i < RARRAY_LEN(names); i++) {
		ID name = SYM2ID(RARRAY_AREF(names, i));

		if (!RTEST(rb_autoload_p(rb_cObject, name)))
			rb_hash_aset(f->old, rb_const_get(rb_cObject, name), Qtrue);
	}
	rb_hash_aset(f->old, f->main, Qtrue);
	rb_hash_aset(f->old, rb_stdout, Qtrue);
	rb_hash_aset(f->old, rb_stdin, Qtrue);
}

static void take_globals(struct fresh *f)
{
	char name[] = "$0";

	f->globals = set_of(rb_f_global_variables());
	for (char c = '1'; c <= '9'; c++) {
		name[1] = c;
		rb_hash_aset(f->globals, ID2SYM(rb_intern(name)), Qtrue);
	}
	f->stdin_ = rb_stdin;
	f->stdout_ = rb_stdout;
	f->stderr_ = rb_stderr;
	f->fs = rb_fs;
	f->output_fs = rb_output_fs;
	f->rs = rb_rs;
	f->output_rs = rb_output_rs;
	f->program = rb_gv_get("$0");
	f->load_path = rb_gv_get("$LOAD_PATH");
	f->features = rb_gv_get("$LOADED_FEATURES");
	f->load_path_n = RARRAY_LEN(f->load_path);
	f->features_n = RARRAY_LEN(f->features);
	f->external = rb_default_external_encoding();
}

static void take_hooks(struct fresh *f)
{
	static const char *const of_module[] = { "method_added", "method_removed",
		"method_undefined" };
	static const char *const of_object[] = { "singleton_method_added",
		"singleton_method_removed", "singleton_method_undefined" };

	f->hooks = rb_ary_new();
	for (size_t i = 0; i < 6; i++) {
		VALUE where = i < 3 ? rb_cModule : rb_cBasicObject;
		VALUE name = ID2SYM(rb_intern(i < 3 ? of_module[i] : of_object[i - 3]));

		rb_ary_push(f->hooks,
			rb_ary_new_from_args(3, where, name,
				rb_funcall(where, rb_intern("instance_method"), 1, name)));
	}
}

void fresh_snapshot(struct sandbox *s)
{
	struct fresh *f = calloc(1, sizeof(*f));
	VALUE space = rb_const_get(rb_cObject, rb_intern("TandemModules"));
	VALUE none = Qfalse;

	if (!f)
		return;
	rb_const_remove(rb_cObject, rb_intern("TandemModules"));
	f->old = rb_hash_new();
	rb_funcall(f->old, rb_intern("compare_by_identity"), 0);
	keep(f->old);
	keep(space);
	f->main = rb_eval_string("self");
	f->vm = rb_const_get(rb_cObject, rb_intern("RubyVM"));
	f->argv = rb_const_get(rb_cObject, rb_intern("ARGV"));
	rb_obj_freeze(f->argv);
	take_modules(f, space);
	take_objects(f);
	take_globals(f);
	take_hooks(f);
	f->methods = set_of(rb_class_instance_methods(1, &none, rb_cObject));
	rb_funcall(f->methods, rb_intern("update"), 1,
		set_of(rb_class_private_instance_methods(1, &none, rb_cObject)));
	f->added = rb_ary_new();
	VALUE kept[] = { f->constants, f->globals, f->methods, f->hooks, f->added, f->fs,
		f->output_fs, f->rs, f->output_rs, f->program, f->stdin_, f->stdout_, f->stderr_ };
	for (size_t i = 0; i < sizeof(kept) / sizeof(*kept); i++)
		keep(kept[i]);
	f->constant_state = constant_state(f);
	s->fresh = f;
}

void fresh_forked(struct sandbox *s)
{
	s->fresh->begun = false;
}

void fresh_begin(struct sandbox *s)
{
	struct fresh *f = s->fresh;

	if (f->begun)
		rb_funcall(rb_cRandom, rb_intern("srand"), 0);
	f->begun = true; /* the first time Ruby seeds them itself, if the script wants any */
}

void fresh_on_method(struct sandbox *s, VALUE where, VALUE name, bool added)
{
	struct fresh *f = s->fresh;

	if (!f || !s->running)
		return;
	if (where == rb_cObject && added && !has(f->methods, name)) {
		if (!RTEST(rb_ary_includes(f->added, name)))
			rb_ary_push(f->added, name);
	} else if (where == rb_cObject && !added && !has(f->methods, name))
		return;
	else if (SPECIAL_CONST_P(where) || has(f->old, where)) {
		spend(s, "a script changed a class of Ruby's");
	}
}

static void clean_methods(struct sandbox *s)
{
	struct fresh *f = s->fresh;

	while (RARRAY_LEN(f->added)) {
		rb_remove_method_id(rb_cObject, SYM2ID(rb_ary_pop(f->added)));
	}
}

/* How many constants a run's own module holds, those of modules inside it included. */
static long count_constants(struct fresh *f, VALUE module, VALUE seen)
{
	VALUE own = Qfalse, names;
	long n;

	if (has(f->old, module) || has(seen, module))
		return 0;
	rb_hash_aset(seen, module, Qtrue);
	names = rb_mod_constants(1, &own, module);
	n = RARRAY_LEN(names);
	for (long i = 0, top = n; i < top; i++) {
		VALUE v = rb_const_get_at(module, SYM2ID(RARRAY_AREF(names, i)));

		if (RB_TYPE_P(v, T_CLASS) || RB_TYPE_P(v, T_MODULE))
			n += count_constants(f, v, seen);
	}
	return n;
}

/*
 * Ruby counts every change of a constant anywhere. When the new constants that can be found do not
 * explain the count, something else was changed.
 */
static void clean_constants(struct sandbox *s)
{
	struct fresh *f = s->fresh;
	VALUE now = constant_state(f), names, seen;
	long changes, explained = 0;

	if (now == f->constant_state)
		return;
	changes = NUM2LONG(now) - NUM2LONG(f->constant_state);
	names = object_constants();
	seen = rb_hash_new();
	rb_funcall(seen, rb_intern("compare_by_identity"), 0);
	for (long i = 0; i < RARRAY_LEN(names); i++) {
		VALUE name = RARRAY_AREF(names, i), v;

		if (has(f->constants, name))
			continue;
		v = rb_const_remove(rb_cObject, SYM2ID(name));
		explained++;
		if (RB_TYPE_P(v, T_CLASS) || RB_TYPE_P(v, T_MODULE))
			explained += count_constants(f, v, seen);
	}
	if (explained != changes)
		spend(s, "a script changed a constant of Ruby's");
	f->constant_state = constant_state(f);
}

static void clean_globals(struct sandbox *s)
{
	struct fresh *f = s->fresh;
	VALUE names = rb_f_global_variables();

	for (long i = 0; i < RARRAY_LEN(names); i++) {
		VALUE name = RARRAY_AREF(names, i);

		if (!has(f->globals, name))
			rb_define_hooked_variable(rb_id2name(SYM2ID(name)), NULL,
				rb_gvar_undef_getter, rb_gvar_undef_setter);
	}
	rb_stdin = f->stdin_;
	rb_stdout = f->stdout_;
	rb_stderr = f->stderr_;
	rb_fs = f->fs;
	rb_output_fs = f->output_fs;
	rb_rs = f->rs;
	rb_output_rs = f->output_rs;
	*rb_ruby_verbose_ptr() = Qnil;
	*rb_ruby_debug_ptr() = Qfalse;
	if (rb_gv_get("$0") != f->program || RARRAY_LEN(f->load_path) != f->load_path_n ||
		RARRAY_LEN(f->features) != f->features_n)
		spend(s, "a script changed $0, $: or $\"");
}

static int collect_name(ID name, VALUE value, st_data_t list)
{
	rb_ary_push((VALUE)list, ID2SYM(name));
	return ST_CONTINUE;
}

static void clean_main(struct fresh *f)
{
	VALUE names;

	if (!rb_ivar_count(f->main))
		return;
	names = rb_ary_new();
	rb_ivar_foreach(f->main, (int (*)(ID, VALUE, st_data_t))collect_name, (st_data_t)names);
	for (long i = 0; i < RARRAY_LEN(names); i++)
		rb_obj_remove_instance_variable(f->main, RARRAY_AREF(names, i));
}

static void clean_thread(struct sandbox *s)
{
	VALUE thread = rb_thread_current();
	VALUE names = rb_funcall(thread, rb_intern("keys"), 0);

	for (long i = 0; i < RARRAY_LEN(names); i++)
		rb_thread_local_aset(thread, SYM2ID(RARRAY_AREF(names, i)), Qnil);
	if (RARRAY_LEN(rb_funcall(thread, rb_intern("thread_variables"), 0)))
		spend(s, "a script kept something in a thread");
}

static void check_modules(struct sandbox *s)
{
	const struct fresh *f = s->fresh;

	for (long i = 0; i < f->count; i++) {
		const struct old_module *m = &f->modules[i];

		if (RCLASS_SUPER(m->module) != m->super || rb_ivar_count(m->module) != m->variables)
			spend(s, "a script changed a class of Ruby's");
	}
	for (long i = 0; i < RARRAY_LEN(f->hooks); i++) {
		VALUE hook = RARRAY_AREF(f->hooks, i);
		VALUE now = rb_funcall(RARRAY_AREF(hook, 0), rb_intern("instance_method"), 1,
			RARRAY_AREF(hook, 1));

		if (!RTEST(rb_equal(now, RARRAY_AREF(hook, 2))))
			spend(s, "a script changed a hook of Ruby's");
	}
}

static void check_process(struct sandbox *s)
{
	if (!environ || !environ[0] || strncmp(environ[0], "TZ=", 3) != 0 || environ[1])
		spend(s, "a script changed the environment");
	if (rb_default_external_encoding() != s->fresh->external ||
		rb_default_internal_encoding() != rb_utf8_encoding())
		spend(s, "a script changed the default encoding");
	rb_gc_enable();
}

static VALUE clean(VALUE arg)
{
	struct sandbox *s = (struct sandbox *)arg;

	clean_methods(s);
	clean_constants(s);
	clean_globals(s);
	clean_main(s->fresh);
	clean_thread(s);
	check_modules(s);
	check_process(s);
	return Qnil;
}

void fresh_clean(struct sandbox *s)
{
	int failed = 0;

	if (s->spent)
		return;
	rb_protect(clean, (VALUE)s, &failed);
	if (failed) {
		rb_set_errinfo(Qnil);
		spend(s, "what a script left could not be removed");
	}
}
