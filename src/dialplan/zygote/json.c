/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON values and Ruby's plain data, without calling a method that a script could have changed. */
#include <stdlib.h>
#include <string.h>

#include <ruby/encoding.h>

#include "dialplan/zygote/sandbox.h"

enum { DEPTH_MAX = 8, ITEMS_MAX = 4096 };

static VALUE array_to_ruby(const json_t *j)
{
	VALUE list = rb_ary_new_capa((long)json_array_size(j));
	size_t i;
	json_t *item;

	json_array_foreach((json_t *)j, i, item) rb_ary_push(list, json_to_ruby(item));
	return list;
}

static VALUE object_to_ruby(const json_t *j)
{
	VALUE map = rb_hash_new();
	const char *key;
	json_t *item;

	json_object_foreach((json_t *)j, key, item)
		rb_hash_aset(map, rb_utf8_str_new_cstr(key), json_to_ruby(item));
	return map;
}

VALUE json_to_ruby(const json_t *j)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		return object_to_ruby(j);
	case JSON_ARRAY:
		return array_to_ruby(j);
	case JSON_STRING:
		return rb_utf8_str_new(json_string_value(j), (long)json_string_length(j));
	case JSON_INTEGER:
		return LL2NUM(json_integer_value(j));
	case JSON_REAL:
		return rb_float_new(json_real_value(j));
	case JSON_TRUE:
		return Qtrue;
	case JSON_FALSE:
		return Qfalse;
	default:
		return Qnil;
	}
}

json_t *json_from_bytes(const char *p, size_t n)
{
	json_t *j = json_stringn(p, n);
	char *utf8;
	size_t m = 0;

	if (j)
		return j;
	utf8 = malloc(2 * n + 1);
	if (!utf8)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c >= 0x80) {
			utf8[m++] = (char)(0xc0 | c >> 6);
			c = (unsigned char)(0x80 | (c & 0x3f));
		}
		utf8[m++] = (char)c;
	}
	j = json_stringn(utf8, m);
	free(utf8);
	return j;
}

struct walk {
	json_t *into;
	unsigned depth;
	const char *why;
};

static json_t *from_ruby(VALUE v, struct walk *w);

static const char *key_bytes(VALUE key)
{
	if (SYMBOL_P(key))
		key = rb_sym2str(key);
	return RB_TYPE_P(key, T_STRING) && !memchr(RSTRING_PTR(key), 0, (size_t)RSTRING_LEN(key))
		? StringValueCStr(key)
		: NULL;
}

static int add_pair(VALUE key, VALUE value, VALUE arg)
{
	struct walk *w = (struct walk *)arg;
	json_t *into = w->into;
	const char *name = key_bytes(key);
	json_t *item = name ? from_ruby(value, w) : NULL;

	w->into = into;
	if (item && json_object_set_new(into, name, item) == 0)
		return ST_CONTINUE;
	if (!w->why)
		w->why = "a key that is not text";
	return ST_STOP;
}

static json_t *map_from_ruby(VALUE v, struct walk *w)
{
	json_t *map = json_object();

	w->into = map;
	rb_hash_foreach(v, add_pair, (VALUE)w);
	return map;
}

static json_t *list_from_ruby(VALUE v, struct walk *w)
{
	json_t *list = json_array();

	for (long i = 0; i < RARRAY_LEN(v) && !w->why; i++) {
		json_t *item = from_ruby(RARRAY_AREF(v, i), w);

		if (item)
			json_array_append_new(list, item);
	}
	return list;
}

static json_t *nested_from_ruby(VALUE v, struct walk *w)
{
	json_t *j;

	if (w->depth >= DEPTH_MAX) {
		w->why = "data nested too deeply";
		return NULL;
	}
	w->depth++;
	j = RB_TYPE_P(v, T_HASH) ? map_from_ruby(v, w) : list_from_ruby(v, w);
	w->depth--;
	return j;
}

static json_t *from_ruby(VALUE v, struct walk *w)
{
	switch (rb_type(v)) {
	case T_NIL:
		return json_null();
	case T_TRUE:
		return json_true();
	case T_FALSE:
		return json_false();
	case T_FIXNUM:
		return json_integer(FIX2LONG(v));
	case T_FLOAT:
		return json_real(RFLOAT_VALUE(v));
	case T_SYMBOL:
		v = rb_sym2str(v);
		__attribute__((fallthrough));
	case T_STRING:
		return json_from_bytes(RSTRING_PTR(v), (size_t)RSTRING_LEN(v));
	case T_ARRAY:
	case T_HASH:
		return nested_from_ruby(v, w);
	default:
		w->why = "something that is neither text, number, list nor map";
		return NULL;
	}
}

json_t *json_from_ruby(VALUE v, const char **why)
{
	struct walk w = { 0 };
	json_t *j = from_ruby(v, &w);

	*why = w.why;
	if (!w.why && j)
		return j;
	json_decref(j);
	if (!*why)
		*why = "a number that is not finite";
	return NULL;
}
