/* SPDX-License-Identifier: BSD-3-Clause */
#include "loop/loop.h"
#include "loop/inbox.h"

void loop_tick(struct worker *w)
{
	clock_read(&w->clock);
	if (w->loop && !w->loop->turn_began_us)
		w->loop->turn_began_us = w->clock.wall_us;
	worker_begin_turn(w);
}

int64_t loop_arrival_us(const struct worker *w)
{
	const struct loop *l = w->loop;

	return l->turn_began_us - l->busy_us / 2;
}

/* Only ends the sleep: on_check fires what is due. */
static void on_wake(uv_timer_t *handle)
{
	(void)handle;
}

/* Before polling: everything of this turn is done, then sleep until the next timer. */
static void on_prepare(uv_prepare_t *handle)
{
	struct loop *l = handle->data;
	struct worker *w = l->worker;
	uint64_t next;

	worker_end_turn(w);
	clock_read(&w->clock);
	l->busy_us = l->turn_began_us ? w->clock.wall_us - l->turn_began_us : 0;
	l->turn_began_us = 0;
	next = wheel_wake_ms(&w->wheel);
	if (next == UINT64_MAX) {
		uv_timer_stop(&l->wake);
		return;
	}
	uv_update_time(&l->uv);
	uv_timer_start(&l->wake, on_wake, next > w->clock.mono_ms ? next - w->clock.mono_ms : 0, 0);
}

/* After polling: sockets have been served. */
static void on_check(uv_check_t *handle)
{
	struct loop *l = handle->data;

	loop_tick(l->worker);
	worker_run_inbox(l->worker);
	worker_end_turn(l->worker);
}

static void on_posted(uv_async_t *handle)
{
	struct loop *l = handle->data;

	if (__atomic_load_n(&l->stopping, __ATOMIC_ACQUIRE))
		uv_stop(&l->uv);
}

static void wake_up(void *arg)
{
	struct loop *l = arg;

	uv_async_send(&l->inbox);
}

enum err loop_init(struct loop *l, struct worker *w)
{
	*l = (struct loop){ .worker = w };
	if (uv_loop_init(&l->uv))
		return ERR_IO;
	if (uv_timer_init(&l->uv, &l->wake) || uv_async_init(&l->uv, &l->inbox, on_posted) ||
		uv_prepare_init(&l->uv, &l->prepare) || uv_check_init(&l->uv, &l->check)) {
		uv_loop_close(&l->uv);
		return ERR_IO;
	}
	l->wake.data = l->inbox.data = l->prepare.data = l->check.data = l;
	uv_prepare_start(&l->prepare, on_prepare);
	uv_check_start(&l->check, on_check);
	w->loop = l;
	inbox_on_filled(w->inbox, wake_up, l);
	return ERR_OK;
}

void loop_run(struct loop *l)
{
	loop_tick(l->worker);
	while (!__atomic_load_n(&l->stopping, __ATOMIC_ACQUIRE))
		uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	__atomic_store_n(&l->stopping, true, __ATOMIC_RELEASE);
	uv_async_send(&l->inbox);
}

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

void loop_fini(struct loop *l)
{
	inbox_on_filled(l->worker->inbox, NULL, NULL);
	l->worker->loop = NULL;
	uv_walk(&l->uv, close_handle, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	BUG_ON(uv_loop_close(&l->uv) != 0);
}
