/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket: what core asks of the zygote and what it reports. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "dialplan/host_int.h"
#include "event/event.h"

struct control {
	struct dialplan_host *host;
	int fd;
	uv_poll_t poll;
};

static struct box *find_box(struct dialplan_host *h, uint64_t id)
{
	list_each (it, &h->boxes) {
		struct box *b = container_of(it, struct box, link);

		if (b->id == id)
			return b;
	}
	return NULL;
}

static void on_forked(struct dialplan_host *h, const struct wire_control *m, int fd)
{
	struct box *b = find_box(h, m->sandbox);

	if (!b || b->state != BOX_FORKING || fd < 0) {
		if (fd >= 0)
			close(fd);
		return;
	}
	box_open(b, fd, m->pid);
}

static void on_fork_failed(struct dialplan_host *h, const struct wire_control *m)
{
	struct box *b = find_box(h, m->sandbox);

	event_note(h->events, EV_SANDBOX, STR_NONE, STR_NONE, "cannot fork a sandbox: %s",
		strerror(m->status));
	if (b)
		box_free(b);
}

static void on_exited(struct dialplan_host *h, const struct wire_control *m)
{
	struct box *b = find_box(h, m->sandbox);

	if (b)
		box_ended(b, m->status);
	pool_pump(h);
}

static void on_report(struct dialplan_host *h, const struct wire_control *m, int fd)
{
	if (m->kind == WIRE_FORKED)
		on_forked(h, m, fd);
	else if (fd >= 0)
		close(fd);
	if (m->kind == WIRE_FORK_FAILED)
		on_fork_failed(h, m);
	else if (m->kind == WIRE_EXITED)
		on_exited(h, m);
	else if (m->kind == WIRE_FORKED)
		pool_pump(h);
}

/* Bytes received, 0 at the end, < 0 with errno. */
static ssize_t receive(int from, struct wire_control *m, int *fd)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} space;
	struct iovec io = { .iov_base = m, .iov_len = sizeof(*m) };
	struct msghdr h = { .msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = space.bytes,
		.msg_controllen = sizeof(space.bytes) };
	ssize_t n = recvmsg(from, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&h) : NULL;

	*fd = -1;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(int));
	return n;
}

static void on_readable(uv_poll_t *p, int status, int events)
{
	struct control *c = p->data;
	struct dialplan_host *h = c->host;

	while (h->control == c) {
		struct wire_control m;
		int fd;
		ssize_t n = receive(c->fd, &m, &fd);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n != sizeof(m)) {
			if (fd >= 0)
				close(fd);
			host_lose_zygote(h);
			return;
		}
		on_report(h, &m, fd);
	}
}

struct control *control_open(struct dialplan_host *h, int fd)
{
	struct control *c = mem_new(struct control);

	c->host = h;
	c->fd = fd;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	BUG_ON(uv_poll_init(h->loop, &c->poll, fd));
	c->poll.data = c;
	BUG_ON(uv_poll_start(&c->poll, UV_READABLE, on_readable));
	return c;
}

static void on_closed(uv_handle_t *handle)
{
	struct control *c = handle->data;

	free(c);
}

void control_close(struct control *c)
{
	uv_close((uv_handle_t *)&c->poll, on_closed);
	close(c->fd);
}

bool control_send(struct dialplan_host *h, const struct wire_control *m)
{
	if (!h->control)
		return false;
	if (send(h->control->fd, m, sizeof(*m), MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(*m))
		return true;
	return false;
}
