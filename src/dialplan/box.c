/* SPDX-License-Identifier: BSD-3-Clause */
/* One sandbox as core sees it: its state and its channel. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "dialplan/host_int.h"
#include "event/event.h"

enum {
	OUT_MAX = 2 * WIRE_TO_SANDBOX_MAX, /* a run's order, and answers to a sandbox that does not
					      read */
	DRAIN_MAX = 64,
	PACKETS_A_TURN = 32, /* a flooding sandbox gets no more of the loop than others */
};

struct box *box_new(struct dialplan_host *h)
{
	struct box *b = mem_new(struct box);

	b->host = h;
	b->id = ++h->last_box;
	b->fd = -1;
	b->out_end = &b->out;
	b->since_ms = uv_now(h->loop);
	list_append(&h->boxes, &b->link);
	h->in_state[b->state]++;
	return b;
}

void box_set_state(struct box *b, enum box_state state)
{
	b->host->in_state[b->state]--;
	b->host->in_state[state]++;
	b->state = state;
	b->since_ms = uv_now(b->host->loop);
	list_del(&b->link);
	list_append(&b->host->boxes, &b->link);
}

static void note(const struct box *b, const char *what)
{
	event_note(b->host->events, EV_SANDBOX, STR_NONE, STR_NONE, "sandbox %llu (%d): %s",
		(unsigned long long)b->id, b->pid, what);
}

static void on_polled(uv_poll_t *p, int status, int events);

static void watch(struct box *b, bool write)
{
	b->watching_write = write;
	BUG_ON(uv_poll_start(b->poll, UV_READABLE | (write ? UV_WRITABLE : 0), on_polled));
}

void box_open(struct box *b, int fd, int32_t pid)
{
	b->fd = fd;
	b->pid = pid;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	b->poll = mem_new(uv_poll_t);
	BUG_ON(uv_poll_init(b->host->loop, b->poll, fd));
	b->poll->data = b;
	watch(b, false);
	box_set_state(b, BOX_SPARE);
	note(b, "ready");
}

static void drop_out(struct box *b)
{
	while (b->out) {
		struct packet_text *t = b->out;

		b->out = t->next;
		free(t);
	}
	b->out_end = &b->out;
	b->out_bytes = 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

/* libuv forgets the descriptor before another one can get its number. */
static void close_channel(struct box *b)
{
	if (b->fd < 0)
		return;
	uv_close((uv_handle_t *)b->poll, on_closed);
	close(b->fd);
	b->poll = NULL;
	b->fd = -1;
	drop_out(b);
}

void box_free(struct box *b)
{
	b->host->in_state[b->state]--;
	list_del(&b->link);
	close_channel(b);
	free(b->customer);
	free(b->in);
	free(b);
}

/* false: no room in the socket, or the channel was closed by the other end. */
static bool send_piece(struct box *b, struct packet_text *t)
{
	char packet[WIRE_PACKET_MAX];
	size_t piece = t->n - t->at < WIRE_PACKET_MAX - 1 ? t->n - t->at : WIRE_PACKET_MAX - 1;

	packet[0] = t->at + piece == t->n ? WIRE_LAST : WIRE_MORE;
	memcpy(packet + 1, t->text + t->at, piece);
	if (send(b->fd, packet, piece + 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return false;
	t->at += piece;
	return true;
}

/* A send that fails for good is noticed when reading. */
static void flush(struct box *b)
{
	while (b->out && send_piece(b, b->out)) {
		struct packet_text *t = b->out;

		if (t->at < t->n)
			continue;
		b->out = t->next;
		if (!b->out)
			b->out_end = &b->out;
		b->out_bytes -= t->n;
		free(t);
	}
	if (b->watching_write != (b->out != NULL))
		watch(b, b->out != NULL);
}

void box_send(struct box *b, const char *text)
{
	size_t n = strlen(text);
	struct packet_text *t;

	if (b->fd < 0)
		return;
	if (b->out_bytes + n > OUT_MAX) {
		box_kill(b, "it does not read its answers");
		return;
	}
	t = mem_alloc(sizeof(*t) + n);
	t->next = NULL;
	t->n = n;
	t->at = 0;
	memcpy(t->text, text, n);
	*b->out_end = t;
	b->out_end = &t->next;
	b->out_bytes += n;
	flush(b);
}

static void kill_process(struct box *b)
{
	struct wire_control m = { .kind = WIRE_KILL, .sandbox = b->id };

	close_channel(b); /* ends it too, as soon as it listens */
	if (!control_send(b->host, &m))
		event_note(b->host->events, EV_SANDBOX, STR_NONE, STR_NONE,
			"cannot reach the dialplan process to end sandbox %d", b->pid);
}

void box_kill(struct box *b, const char *fmt, ...)
{
	va_list ap;
	char reason[sizeof(b->run->reason)];

	if (b->state == BOX_DYING)
		return;
	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	note(b, reason);
	box_set_state(b, BOX_DYING);
	if (b->run && !b->run->reason[0])
		snprintf(b->run->reason, sizeof(b->run->reason), "%s", reason);
	kill_process(b);
}

static void explain(const struct box *b, int status, char *out, size_t max)
{
	int sig = status != -1 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (status == -1)
		snprintf(out, max, "the dialplan process ended");
	else if (sig == SIGXCPU)
		snprintf(out, max, "used more than %u s of processor time", b->host->cfg.cpu_s);
	else if (sig == SIGKILL)
		snprintf(out, max, "was killed by the system, perhaps for want of memory");
	else if (sig)
		snprintf(out, max, "crashed its interpreter (signal %d)", sig);
	else if (WEXITSTATUS(status) == 70)
		snprintf(out, max, "its sandbox could not be set up");
	else
		snprintf(out, max, "ended its own process, or ran out of memory");
}

static void on_text(struct box *b)
{
	json_t *m = json_loadb(b->in, b->in_n, JSON_REJECT_DUPLICATES, NULL);

	b->in_n = 0;
	if (!m)
		box_kill(b, "it broke the rules of its channel: no JSON");
	else if (!b->run || b->state != BOX_RUNNING)
		box_kill(b, "it spoke without being asked");
	else
		run_on_message(b->run, m);
	json_decref(m);
}

static void on_packet(struct box *b, const char *p, size_t n)
{
	if (p[0] != WIRE_MORE && p[0] != WIRE_LAST) {
		box_kill(b, "it broke the rules of its channel: no packet of ours");
		return;
	}
	if (b->in_n + n - 1 > WIRE_FROM_SANDBOX_MAX) {
		box_kill(b, "it sent more than %d bytes at once", WIRE_FROM_SANDBOX_MAX);
		return;
	}
	b->in = mem_grow(b->in, b->in_n + n);
	memcpy(b->in + b->in_n, p + 1, n - 1);
	b->in_n += n - 1;
	if (p[0] == WIRE_LAST)
		on_text(b);
}

/* The other end is closed: a spent sandbox after its last run, or a dead one. */
static void on_hang_up(struct box *b)
{
	if (!b->run)
		note(b, "left");
	box_set_state(b, BOX_DYING);
	kill_process(
		b); /* a script may have closed the channel and go on; how a dead one died stays */
}

static void on_readable(struct box *b)
{
	char packet[WIRE_PACKET_MAX + 1];

	for (int i = 0; i < PACKETS_A_TURN && b->fd >= 0; i++) {
		ssize_t n = recv(b->fd, packet, sizeof(packet), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0)
			on_hang_up(b);
		else if (n > WIRE_PACKET_MAX)
			box_kill(b, "it broke the rules of its channel: a packet too long");
		else
			on_packet(b, packet, (size_t)n);
	}
}

static void on_polled(uv_poll_t *p, int status, int events)
{
	struct box *b = p->data;

	if (events & UV_WRITABLE)
		flush(b);
	if (b->fd >= 0 && ((events & UV_READABLE) || status < 0))
		on_readable(b);
}

void box_ended(struct box *b, int status)
{
	struct run *r;
	char why[sizeof(r->reason)];

	for (int i = 0; i < DRAIN_MAX && status != -1 && b->fd >= 0; i++)
		on_readable(b); /* its last words may have come later than its death */
	r = b->run;
	if (r) {
		explain(b, status, why, sizeof(why));
		b->run = NULL;
		run_end(r, DIALPLAN_END_KILLED, r->reason[0] ? r->reason : why, 0);
	}
	box_free(b);
}
