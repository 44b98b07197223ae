/* SPDX-License-Identifier: BSD-3-Clause */
/* What core's main loop watches besides: the supervisor's channel, the signal to stop, and whether
 * a key is missing. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "main/control.h"
#include "main/launch.h"
#include "main/network.h"
#include "main/tls_files.h"

enum { HANDLES = 3, MISSING_KEYS_MS = 10000 };

struct core_fds {
	struct core *core;
	uv_poll_t channel;
	uv_signal_t term;
	uv_timer_t keys;
	struct network_watch *network;
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

/* fd -1: the supervisor could not read them, and has said why. */
static void take_keys(struct core *c, int fd)
{
	struct keyring keys;
	bool read = fd >= 0 && launch_read_keys(fd, &keys) == ERR_OK;

	if (read && memcmp(&keys, &c->keys, sizeof(keys)) != 0) {
		c->keys = keys;
		directory_set_keys(c->directory, &keys);
		event_note(c->events, EV_SERVICE_KEYS, STR_NONE, STR_NONE,
			"%u keys are here; %s seals", keys.count, keyring_current(&keys)->id);
		if (!crypto_equal(c->key, keys.cluster, sizeof(c->key)))
			event_note(c->events, EV_SERVICE_KEYS, STR_NONE, STR_NONE,
				"the cluster secret is another one; it is taken over by a restart");
	}
	if (read)
		keyring_wipe(&keys);
	control_keys_told(c->control, read);
}

/* Connections that are there go on under what they began with. */
static void take_certificates(struct core *c, int fd)
{
	char text[512];
	struct buf why = BUF_OF(text);
	struct tls_files files;
	enum err e = tls_files_read(fd, &files);

	if (!e)
		e = tls_reload(c->tls, &files.settings, &why);
	if (e)
		event_note(c->events, EV_SERVICE_CERTIFICATES, STR_NONE, STR_NONE,
			"the certificates were not taken over: %.*s", STR_ARG(buf_str(&why)));
	else if (files.settings.count)
		event_note(c->events, EV_SERVICE_CERTIFICATES, STR_NONE, STR_NONE,
			"%u certificates are in use", files.settings.count);
	tls_files_free(&files);
}

/* Somebody sealed with a key that is in the file by now, perhaps. */
static void on_keys_timer(uv_timer_t *t)
{
	struct core_fds *f = t->data;

	if (directory_lacks_keys(f->core->directory))
		core_want_keys(f->core);
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
		else if (m == LAUNCH_CERTIFICATES && fd >= 0)
			take_certificates(f->core, fd);
		else if (m == LAUNCH_KEYS)
			take_keys(f->core, fd);
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

static void on_network(void *arg)
{
	core_workers_network_changed(arg);
}

struct core_fds *core_fds_new(struct core *c)
{
	struct core_fds *f = mem_new(struct core_fds);
	uv_loop_t *uv = &c->loop.uv;

	f->core = c;
	f->channel.data = f->term.data = f->keys.data = f;
	BUG_ON(uv_poll_init(uv, &f->channel, LAUNCH_CHANNEL) != 0);
	BUG_ON(uv_poll_start(&f->channel, UV_READABLE | UV_DISCONNECT, on_channel) != 0);
	BUG_ON(uv_signal_init(uv, &f->term) != 0);
	BUG_ON(uv_signal_start(&f->term, on_term, SIGTERM) != 0);
	BUG_ON(uv_timer_init(uv, &f->keys) != 0);
	BUG_ON(uv_timer_start(&f->keys, on_keys_timer, 0, MISSING_KEYS_MS) != 0);
	f->network = network_watch_new(uv, c->events, on_network, c);
	return f;
}

static void on_closed(uv_handle_t *h)
{
	struct core_fds *f = h->data;

	if (++f->closing == HANDLES)
		free(f);
}

void core_fds_free(struct core_fds *f)
{
	network_watch_free(f->network);
	uv_close((uv_handle_t *)&f->channel, on_closed);
	uv_close((uv_handle_t *)&f->term, on_closed);
	uv_close((uv_handle_t *)&f->keys, on_closed);
}

void core_ready(struct core *c)
{
	launch_send(LAUNCH_CHANNEL, LAUNCH_READY, -1);
}

void core_want_keys(struct core *c)
{
	(void)!launch_send(LAUNCH_CHANNEL, LAUNCH_WANT_KEYS, -1);
}
