/* SPDX-License-Identifier: BSD-3-Clause */
/* The log sink: lines to a file descriptor, or datagrams to the journal (systemd's native
 * protocol). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "event/sinks.h"

static void write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nowhere left to complain */
		s = str_from(s, (size_t)n);
	}
}

static void take_line(struct event_sink *s, const struct event_record *r)
{
	struct event_log *l = (struct event_log *)s;
	char line[EVENT_PRINT_MAX];
	struct buf b;

	buf_init(&b, line, sizeof(line) - 1);
	event_print_line(&b, r);
	line[b.n++] = '\n';
	write_all(l->fd, buf_str(&b));
}

/* A field whose value may hold line ends: NAME \n 64-bit little-endian length, value, \n. */
static void journal_field(struct buf *b, const char *name, struct str value)
{
	uint8_t len[8];

	if (value.n == 0)
		return;
	for (unsigned i = 0; i < sizeof(len); i++)
		len[i] = (uint8_t)((uint64_t)value.n >> (8 * i));
	buf_printf(b, "%s\n", name);
	buf_add(b, str_make((const char *)len, sizeof(len)));
	buf_add(b, value);
	buf_char(b, '\n');
}

static int syslog_priority(enum event_level l)
{
	static const int of[] = { 7, 6, 5, 4, 3, 3 };

	return of[l];
}

static void take_journal(struct event_sink *s, const struct event_record *r)
{
	struct event_log *l = (struct event_log *)s;
	const struct event *e = &r->event;
	char mem[2 * EVENT_PRINT_MAX], line[EVENT_PRINT_MAX];
	struct buf b = BUF_OF(mem), text = BUF_OF(line);
	size_t stamp = sizeof("2009-11-08T12:12:21.000Z ") - 1;

	event_print_line(&text, r);
	buf_printf(&b, "PRIORITY=%d\nSYSLOG_IDENTIFIER=tandem\nTANDEM_KIND=%s\n",
		syslog_priority(event_kind_level(e->kind)), event_kind_name(e->kind));
	journal_field(&b, "MESSAGE", str_from(buf_str(&text), stamp));
	journal_field(&b, "TANDEM_CALL", e->call);
	journal_field(&b, "TANDEM_ACCOUNT", e->account);
	journal_field(&b, "TANDEM_CUSTOMER", e->customer);
	(void)!send(l->fd, b.p, b.n, MSG_NOSIGNAL);
}

void event_log_init(struct event_log *l, int fd, const enum event_level min[EVENT_CATEGORY_COUNT])
{
	*l = (struct event_log){ .sink.take = take_line, .fd = fd };
	memcpy(l->sink.min, min, sizeof(l->sink.min));
}

enum err event_log_init_journal(
	struct event_log *l, const char *path, const enum event_level min[EVENT_CATEGORY_COUNT])
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (str_copy(str_of(path ? path : "/run/systemd/journal/socket"), sun.sun_path,
		    sizeof(sun.sun_path)) != ERR_OK)
		return ERR_IO;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_IO;
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		close(fd);
		return ERR_IO;
	}
	*l = (struct event_log){ .sink.take = take_journal, .fd = fd, .journal = true };
	memcpy(l->sink.min, min, sizeof(l->sink.min));
	return ERR_OK;
}

void event_log_fini(struct event_log *l)
{
	if (l->journal)
		close(l->fd);
	l->fd = -1;
}
