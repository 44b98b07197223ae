/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"
#include "../temp_dir.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void hear(struct event_sink *sink, const struct event_record *r)
{
	struct fixture *f = container_of(sink, struct fixture, sink);
	size_t room = sizeof(f->said) - f->said_n - 1;
	int n = snprintf(f->said + f->said_n, room, "%.*s\n", STR_ARG(r->event.text));

	f->said_n += (size_t)n < room ? (size_t)n : 0;
}

int fixture_setup(void **state)
{
	struct fixture *f = mem_new(struct fixture);
	const struct store_customer joe = { .name = STR("joe") };
	struct store_db *db;
	int64_t id;

	if (!temp_dir_make(f->dir, sizeof(f->dir), "store"))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/x.db", f->dir);
	snprintf(f->url, sizeof(f->url), "sqlite:%s", f->path);
	f->bus = event_bus_new(false, 16);
	f->sink.take = hear;
	event_bus_add(f->bus, &f->sink);
	db = fixture_open(f);
	assert_int_equal(store_customer_add(db, &joe, &id), ERR_OK);
	store_close(db);
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	temp_dir_remove(f->dir);
	event_bus_free(f->bus);
	free(f);
	return 0;
}

struct store_db *fixture_open(struct fixture *f)
{
	char text[512];
	struct buf why = BUF_OF(text);
	struct store_db *db = NULL;
	enum err e = store_open(str_of(f->url), f->bus, &db, &why);

	if (e)
		fail_msg("%s: %.*s", err_text(e), STR_ARG(buf_str(&why)));
	return db;
}

struct store *fixture_start(struct fixture *f, bool stepped)
{
	const struct store_config cfg = { .url = str_of(f->url), .queue_max = 100, .retry_ms = 20 };
	char text[512];
	struct buf why = BUF_OF(text);
	struct store *s = NULL;
	enum err e = stepped ? store_start_stepped(&cfg, f->bus, &s, &why)
			     : store_start(&cfg, f->bus, &s, &why);

	if (e)
		fail_msg("%s: %.*s", err_text(e), STR_ARG(buf_str(&why)));
	return s;
}

/* ---- jobs ---- */

struct put {
	struct store_job job;
	char key[16];
	struct str customer;
	enum err *result;
	bool *delayed;
};

static enum err run_put(struct store_job *job, struct store_db *db)
{
	struct put *p = container_of(job, struct put, job);

	return store_kv_put(db, p->customer, str_of(p->key), STR("value"));
}

static void put_done(struct store_job *job)
{
	struct put *p = container_of(job, struct put, job);

	*p->result = job->result;
	free(p);
}

static void put_delayed(struct store_job *job)
{
	*container_of(job, struct put, job)->delayed = true;
}

void fixture_put(struct store *s, struct str customer, int n, enum err *result, bool *delayed)
{
	struct put *p = mem_new(struct put);

	p->job = (struct store_job){ .kind = STORE_WRITE,
		.run = run_put,
		.done = put_done,
		.delayed = delayed ? put_delayed : NULL };
	snprintf(p->key, sizeof(p->key), "key%d", n);
	p->customer = customer;
	p->result = result;
	p->delayed = delayed;
	*result = ERR_COUNT;
	assert_int_equal(store_post(s, &p->job), ERR_OK);
}

bool fixture_has_key(struct fixture *f, int n)
{
	struct store_db *db = fixture_open(f);
	struct arena a;
	struct str value;
	char key[16];
	enum err e;

	arena_init(&a, 256);
	snprintf(key, sizeof(key), "key%d", n);
	e = store_kv_get(db, STR("joe"), str_of(key), &a, &value);
	arena_fini(&a);
	store_close(db);
	return e == ERR_OK;
}

/* ---- what happens to files ---- */

bool fixture_said(const struct fixture *f, const char *part)
{
	return strstr(f->said, part) != NULL;
}

void fixture_sql(struct fixture *f, const char *sql)
{
	sqlite3 *c;

	assert_int_equal(sqlite3_open(f->path, &c), SQLITE_OK);
	assert_int_equal(sqlite3_exec(c, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(c);
}

void fixture_damage(struct fixture *f, long at, size_t bytes)
{
	int fd = open(f->path, O_WRONLY);
	char *junk = mem_alloc(bytes);

	memset(junk, 0xa5, bytes);
	assert_int_equal(pwrite(fd, junk, bytes, at), bytes);
	free(junk);
	close(fd);
}

bool fixture_find(struct fixture *f, const char *part, char out[512])
{
	DIR *d = opendir(f->dir);
	bool found = false;

	for (const struct dirent *e; !found && (e = readdir(d));) {
		found = strstr(e->d_name, part) != NULL;
		snprintf(out, 512, "%s/%s", f->dir, e->d_name);
	}
	closedir(d);
	return found;
}
