/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 256 * 1024, POKE_TIMEOUT_S = 10 };

struct lines { /* of a stream socket */
	int fd;
	size_t n;
	char *mem;
};

static int dial(struct cli *c)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (str_copy(c->conf->control, sun.sun_path, sizeof(sun.sun_path)) != ERR_OK)
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int dial_failed(struct cli *c, bool quiet)
{
	bool absent = errno == ENOENT || errno == ECONNREFUSED;

	if (quiet)
		return absent ? CLI_NOT_RUNNING : CLI_FAILED;
	if (absent)
		return cli_fail(CLI_NOT_RUNNING, "the service is not running (no answer on %.*s)",
			STR_ARG(c->conf->control));
	return cli_fail(CLI_FAILED, "%.*s: %s%s", STR_ARG(c->conf->control), strerror(errno),
		errno == EACCES ? "; run this as root or as the service user" : "");
}

static bool send_request(int fd, json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	size_t n = strlen(text);
	bool ok;

	text[n] = '\n';
	ok = send(fd, text, n + 1, MSG_NOSIGNAL) == (ssize_t)n + 1;
	free(text);
	return ok;
}

/* The next line, parsed; NULL at the end. The caller releases it. */
static json_t *next_line(struct lines *l)
{
	for (;;) {
		size_t end = str_find(str_make(l->mem, l->n), '\n');
		ssize_t got;

		if (end < l->n) {
			json_t *v = json_loadb(l->mem, end, 0, NULL);

			l->n -= end + 1;
			memmove(l->mem, l->mem + end + 1, l->n);
			return v;
		}
		if (l->n == LINE_MAX_BYTES)
			return NULL;
		got = read(l->fd, l->mem + l->n, LINE_MAX_BYTES - l->n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return NULL;
		l->n += (size_t)got;
	}
}

static int read_answer(int fd, void (*row)(json_t *row, void *arg), void *arg, bool quiet)
{
	struct lines l = { .fd = fd, .mem = mem_alloc(LINE_MAX_BYTES) };
	int code = -1;

	while (code < 0) {
		json_t *line = next_line(&l);
		json_t *one = json_object_get(line, "row");
		const char *error = json_string_value(json_object_get(line, "error"));

		if (!line)
			code = quiet ? CLI_FAILED : cli_fail(CLI_FAILED, "the service went away");
		else if (one && row)
			row(one, arg);
		else if (error)
			code = quiet ? CLI_FAILED : cli_fail(CLI_FAILED, "%s", error);
		else if (json_object_get(line, "done"))
			code = CLI_OK;
		json_decref(line);
	}
	free(l.mem);
	return code;
}

int control_ask(
	struct cli *c, json_t *request, void (*row)(json_t *row, void *arg), void *arg, bool quiet)
{
	struct timeval limit = { .tv_sec = quiet ? POKE_TIMEOUT_S : 0 };
	int code = CLI_FAILED, fd;

	if (!cli_conf(c)) {
		json_decref(request);
		return CLI_FAILED;
	}
	fd = dial(c);
	if (fd < 0) {
		json_decref(request);
		return dial_failed(c, quiet);
	}
	if (quiet)
		(void)!setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (send_request(fd, request))
		code = read_answer(fd, row, arg, quiet);
	json_decref(request);
	close(fd);
	return code;
}

void control_poke(struct cli *c)
{
	int code = control_ask(c, json_pack("{s:s}", "command", "refresh"), NULL, NULL, true);

	if (code != CLI_OK && code != CLI_NOT_RUNNING)
		cli_fail(code,
			"the change is stored, but the running service did not say that it has "
			"seen it; it will within a few seconds");
}
