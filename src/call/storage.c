/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The scripts' key-value pairs: db_* commands become store jobs. The call may be gone when the
 * answer comes, so a job remembers ids, not pointers.
 */
#include "call/model.h"

#include <stdlib.h>

struct storage_job {
	struct store_job job;
	struct arena arena;
	struct call_layer *layer;
	struct str call, customer, key, value;
	uint64_t script;
	uint32_t command;
	json_t *result;
};

enum { STORAGE_KEY_MAX = 255, STORAGE_VALUE_MAX = 65536 };

static enum err run_write(struct store_job *job, struct store_db *db)
{
	struct storage_job *s = container_of(job, struct storage_job, job);

	return store_kv_put(db, s->customer, s->key, s->value);
}

static enum err run_delete(struct store_job *job, struct store_db *db)
{
	struct storage_job *s = container_of(job, struct storage_job, job);

	return store_kv_remove(db, s->customer, s->key);
}

static enum err run_read(struct store_job *job, struct store_db *db)
{
	struct storage_job *s = container_of(job, struct storage_job, job);
	struct str value;
	enum err e = store_kv_get(db, s->customer, s->key, &s->arena, &value);

	if (e == ERR_OK)
		s->result = call_json(value);
	return e;
}

static void add_key(struct str key, struct str value, void *arg)
{
	json_array_append_new(arg, call_json(key));
}

static enum err run_keys(struct store_job *job, struct store_db *db)
{
	struct storage_job *s = container_of(job, struct storage_job, job);

	s->result = json_array();
	return store_kv_list(db, s->customer, add_key, s->result);
}

static void job_free(struct storage_job *s)
{
	json_decref(s->result);
	arena_fini(&s->arena);
	free(s);
}

static void done(struct store_job *job)
{
	struct storage_job *s = container_of(job, struct storage_job, job);
	struct run *r = run_find(s->layer, s->call, s->script);

	if (r && job->result != ERR_OK && job->result != ERR_NOT_FOUND)
		call_event(r->call, EV_SCRIPT_ERROR, "the database did not do it: %s",
			err_text(job->result));
	if (r)
		script_answer(r, s->command, s->result ? json_incref(s->result) : json_null());
	job_free(s);
}

static struct str text_of(json_t *args, const char *key, struct arena *a)
{
	json_t *v = json_object_get(args, key);

	return json_is_string(v)
		? arena_str(a, str_make(json_string_value(v), json_string_length(v)))
		: STR("");
}

static bool fits(const struct storage_job *s)
{
	return s->key.n <= STORAGE_KEY_MAX && s->value.n <= STORAGE_VALUE_MAX;
}

static void post(struct run *r, uint32_t command, json_t *args, enum store_job_kind kind,
	enum err (*run)(struct store_job *job, struct store_db *db))
{
	struct storage_job *s = mem_new(struct storage_job);

	arena_init(&s->arena, 512);
	s->job.kind = kind;
	s->job.worker = call_worker(r->call);
	s->job.run = run;
	s->job.done = done;
	s->layer = r->call->layer;
	s->call = arena_str(&s->arena, r->call->id);
	s->customer = arena_str(&s->arena, r->customer);
	s->key = text_of(args, "key", &s->arena);
	s->value = text_of(args, "value", &s->arena);
	s->script = r->script;
	s->command = command;
	if (!fits(s) || store_post(r->call->layer->env.store, &s->job) != ERR_OK) {
		call_event(r->call, EV_SCRIPT_ERROR, "a value could not be stored: %s",
			fits(s) ? "too much waits for the database" : "it is too long");
		job_free(s);
		script_answer(r, command, json_null());
	}
}

/* False: not a command of storage. */
bool storage_command(struct run *r, uint32_t command, const char *name, json_t *args)
{
	struct str n = str_of(name);

	if (str_eq(n, STR("db_write")))
		post(r, command, args, STORE_WRITE, run_write);
	else if (str_eq(n, STR("db_delete")))
		post(r, command, args, STORE_WRITE, run_delete);
	else if (str_eq(n, STR("db_read")))
		post(r, command, args, STORE_READ, run_read);
	else if (str_eq(n, STR("db_keys")))
		post(r, command, args, STORE_READ, run_keys);
	else
		return false;
	return true;
}
