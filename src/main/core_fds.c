/* SPDX-License-Identifier: BSD-3-Clause */
/* What core's main loop watches besides: the supervisor's channel and the signal to stop. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "main/core.h"
#include "main/launch.h"

struct core_fds {
	struct core *core;
	uv_poll_t channel;
	uv_signal_t term;
	unsigned closing;
};

static void reload(struct core *c, int fd)
{
	char text[CONF_ERRORS_MAX], *conf_text;
	struct buf why = BUF_OF(text);
	struct conf *new;
	size_t n;

	if (launch_read_text(fd, CONF_BYTES_MAX, &conf_text, &n) != ERR_OK)
		return;
	if (conf_parse(str_make(conf_text, n), c->conf->file, &new, &why) == ERR_OK) {
		event_bus_set_levels(c->events, &c->log.sink, new->log_levels);
		conf_free(new);
	}
	free(conf_text);
}

static void on_channel(uv_poll_t *p, int status, int events)
{
	struct core_fds *f = p->data;
	enum launch_message m;
	int fd;

	errno = 0;
	while (launch_receive(LAUNCH_CHANNEL, &m, &fd)) {
		if (m == LAUNCH_DIALPLAN && fd >= 0)
			dialplan_host_attach(f->core->dialplan, fd);
		else if (m == LAUNCH_RELOAD && fd >= 0)
			reload(f->core, fd);
		else if (fd >= 0)
			close(fd);
	}
	if (errno != EAGAIN && errno != EINTR) {
		/* The supervisor is gone, and with it the reason to be here. */
		uv_poll_stop(p);
		loop_stop(&f->core->loop);
	}
}

static void on_term(uv_signal_t *s, int signo)
{
	struct core_fds *f = s->data;

	loop_stop(&f->core->loop);
}

struct core_fds *core_fds_new(struct core *c)
{
	struct core_fds *f = mem_new(struct core_fds);
	uv_loop_t *uv = &c->loop.uv;

	f->core = c;
	f->channel.data = f->term.data = f;
	BUG_ON(uv_poll_init(uv, &f->channel, LAUNCH_CHANNEL) != 0);
	BUG_ON(uv_poll_start(&f->channel, UV_READABLE | UV_DISCONNECT, on_channel) != 0);
	BUG_ON(uv_signal_init(uv, &f->term) != 0);
	BUG_ON(uv_signal_start(&f->term, on_term, SIGTERM) != 0);
	return f;
}

static void on_closed(uv_handle_t *h)
{
	struct core_fds *f = h->data;

	if (++f->closing == 2)
		free(f);
}

void core_fds_free(struct core_fds *f)
{
	uv_close((uv_handle_t *)&f->channel, on_closed);
	uv_close((uv_handle_t *)&f->term, on_closed);
}

void core_ready(struct core *c)
{
	launch_send(LAUNCH_CHANNEL, LAUNCH_READY, -1);
}
