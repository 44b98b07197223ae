/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the writer does when the database is away, damaged or gone. A damaged database is never
 * deleted: it gets another name. One that was deleted under us is written anew from the connection
 * that still has it. Where that cannot be, a new one begins, and memory writes back what it knows.
 */
#include "event/event.h"
#include "store/store_int.h"
#include "store/table.h"

enum { REPLACE_PAUSE_MS = 10000, WHY_MAX = 512 };

static uint64_t mono_ms(void)
{
	struct clock c;

	clock_read(&c);
	return c.mono_ms;
}

static void set_cause(struct store *s, struct str text)
{
	struct buf b = { .p = s->cause, .max = sizeof(s->cause) - 1 };

	buf_add(&b, str_first(text, b.max));
	s->cause[b.n] = '\0';
}

void store_note_cause(struct store *s, enum err e)
{
	set_cause(s, str_of(s->write_db ? store_error(s->write_db) : err_text(e)));
}

void store_trouble(struct store *s, enum err e)
{
	if (s->away)
		return;
	s->away_since_ms = mono_ms();
	__atomic_store_n(&s->away, true, __ATOMIC_RELEASE);
	event_note(s->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
		"the database is away (%s: %s); the service goes on from memory, writes wait",
		err_text(e), s->cause);
}

void store_recovered(struct store *s, size_t written)
{
	if (!s->away)
		return;
	__atomic_store_n(&s->away, false, __ATOMIC_RELEASE);
	event_note(s->events, EV_STORE_RECOVERED, STR_NONE, STR_NONE,
		"the database is back after %llu s; %zu writes that waited are stored",
		(unsigned long long)((mono_ms() - s->away_since_ms) / 1000), written);
}

/* Not again and again on a disk that damages what is written to it. */
void store_replace_damaged(struct store *s)
{
	char text[STORE_URL_MAX];
	struct buf name = BUF_OF(text);
	struct clock now;

	clock_read(&now);
	if (s->replaced_ms && now.mono_ms - s->replaced_ms < REPLACE_PAUSE_MS)
		return;
	store_close(s->write_db);
	s->write_db = NULL;
	if (store_set_aside(str_of(s->url), now.wall_ms, &name)) {
		event_note(s->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
			"the database is damaged and cannot be renamed; move it away by hand");
		return;
	}
	s->replaced_ms = now.mono_ms;
	s->refill = true;
	event_note(s->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
		"the database was damaged; it is kept as %.*s, and a new one is filled with "
		"what memory knows",
		STR_ARG(buf_str(&name)));
}

/* The file at the path is not the one that is open. */
static void replace_gone(struct store *s)
{
	enum err e = store_rescue(s->write_db);

	if (e == ERR_EXISTS)
		event_note(s->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
			"another file was put in the place of the database; the service goes on "
			"with that one");
	else if (e)
		event_note(s->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
			"the database file was deleted (%s); a new one is filled with what memory "
			"knows",
			err_text(e));
	else
		event_note(s->events, EV_STORE_TROUBLE, STR_NONE, STR_NONE,
			"the database file was deleted; it was written anew, nothing is lost");
	s->refill = e != ERR_OK;
	store_close(s->write_db);
	s->write_db = NULL;
}

static enum err open_again(struct store *s)
{
	char text[WHY_MAX];
	struct buf why = BUF_OF(text);
	enum err e = store_open(str_of(s->url), s->events, &s->write_db, &why);

	if (!e)
		return ERR_OK;
	s->write_db = NULL;
	set_cause(s, buf_str(&why));
	return store_is_away(e) ? e : ERR_DB; /* a newer schema, say: it may be put right */
}

static enum err refill(struct store *s)
{
	enum err e = store_begin(s->write_db);

	for (unsigned i = 0; i < s->refiller_count && !e; i++)
		e = s->refillers[i].fn(s->refillers[i].arg, s->write_db);
	if (!e)
		e = store_commit(s->write_db);
	if (!e) {
		s->refill = false;
		return ERR_OK;
	}
	store_note_cause(s, e);
	store_rollback(s->write_db);
	return store_is_away(e) ? e : ERR_DB;
}

enum err store_make_ready(struct store *s)
{
	enum err e = ERR_OK;

	if (s->write_db && store_moved(s->write_db))
		replace_gone(s);
	if (!s->write_db)
		e = open_again(s);
	return e || !s->refill ? e : refill(s);
}
