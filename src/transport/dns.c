/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/dns.h"

#include <stdlib.h>
#include <sys/time.h>

#include "base/arena.h"

struct dns_socket { /* a socket of c-ares that we watch */
	struct list link;
	struct dns *dns;
	uv_poll_t poll;
	ares_socket_t fd;
};

struct dns {
	struct worker *worker;
	ares_channel channel;
	struct list sockets;
	struct timer timer; /* for its retransmissions and time-outs */
};

static void on_poll(uv_poll_t *p, int status, int events)
{
	struct dns_socket *s = p->data;
	struct dns *d = s->dns;
	ares_socket_t r = ARES_SOCKET_BAD, w = ARES_SOCKET_BAD;

	loop_tick(d->worker);
	if (status < 0 || (events & UV_READABLE))
		r = s->fd;
	if (status < 0 || (events & UV_WRITABLE))
		w = s->fd;
	ares_process_fd(d->channel, r, w); /* may close s */
	dns_asked(d);
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

static struct dns_socket *find_socket(struct dns *d, ares_socket_t fd)
{
	list_each (it, &d->sockets) {
		struct dns_socket *s = container_of(it, struct dns_socket, link);

		if (s->fd == fd)
			return s;
	}
	return NULL;
}

static struct dns_socket *add_socket(struct dns *d, ares_socket_t fd)
{
	struct dns_socket *s = mem_new(struct dns_socket);

	s->dns = d;
	s->fd = fd;
	s->poll.data = s;
	BUG_ON(uv_poll_init(&d->worker->loop->uv, &s->poll, fd) != 0);
	list_append(&d->sockets, &s->link);
	return s;
}

/* c-ares wants to hear about fd, or is about to close it. */
static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct dns *d = arg;
	struct dns_socket *s = find_socket(d, fd);
	int events = (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0);

	if (events) {
		if (!s)
			s = add_socket(d, fd);
		uv_poll_start(&s->poll, events, on_poll);
	} else if (s) {
		list_del(&s->link);
		uv_close((uv_handle_t *)&s->poll, on_closed);
	}
}

static void on_timer(struct timer *t)
{
	struct dns *d = container_of(t, struct dns, timer);

	ares_process_fd(d->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	dns_asked(d);
}

void dns_asked(struct dns *d)
{
	struct timeval max = { .tv_sec = 60 }, tv, *next = ares_timeout(d->channel, &max, &tv);

	if (list_empty(&d->sockets)) {
		timer_stop(&d->worker->wheel, &d->timer);
		return;
	}
	timer_start(&d->worker->wheel, &d->timer,
		(uint64_t)next->tv_sec * 1000 + (uint64_t)next->tv_usec / 1000 + 1);
}

ares_channel dns_channel(struct dns *d)
{
	return d->channel;
}

struct dns *dns_new(struct worker *w, struct str servers, unsigned timeout_ms, unsigned tries)
{
	struct ares_options o = { .sock_state_cb = on_socket,
		.timeout = (int)(timeout_ms / (tries ? tries : 1)),
		.tries = (int)tries };
	struct dns *d = mem_new(struct dns);
	char *list = str_dup(servers);
	bool ok;

	d->worker = w;
	list_init(&d->sockets);
	timer_init(&d->timer, on_timer);
	o.sock_state_cb_data = d;
	ok = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS &&
		ares_init_options(&d->channel, &o,
			ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES) ==
			ARES_SUCCESS;
	if (ok && servers.n && ares_set_servers_ports_csv(d->channel, list) != ARES_SUCCESS) {
		ares_destroy(d->channel);
		ok = false;
	}
	free(list);
	if (ok)
		return d;
	free(d);
	return NULL;
}

void dns_free(struct dns *d)
{
	ares_destroy(d->channel);
	timer_stop(&d->worker->wheel, &d->timer);
	free(d);
}
