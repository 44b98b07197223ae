/* SPDX-License-Identifier: BSD-3-Clause */
/* The sandbox's end of the channel: JSON texts in pieces. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dialplan/wire.h"
#include "dialplan/zygote/sandbox.h"

static bool send_packet(struct sandbox *s, size_t n)
{
	ssize_t sent;

	do
		sent = send(s->fd, s->packet, n, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	return sent == (ssize_t)n;
}

static bool send_text(struct sandbox *s, const char *text, size_t n)
{
	size_t room = WIRE_PACKET_MAX - 1;

	for (;;) {
		size_t piece = n < room ? n : room;

		s->packet[0] = n == piece ? WIRE_LAST : WIRE_MORE;
		memcpy(s->packet + 1, text, piece);
		if (!send_packet(s, piece + 1))
			return false;
		if (n == piece)
			return true;
		text += piece;
		n -= piece;
	}
}

bool channel_send(struct sandbox *s, json_t *message)
{
	char *text = json_dumps(message, JSON_COMPACT);
	bool ok = text && send_text(s, text, strlen(text));

	free(text);
	json_decref(message);
	return ok;
}

/* n == 0: the other end is gone. */
static ssize_t receive_packet(struct sandbox *s, bool wait)
{
	return recv(s->fd, s->packet, WIRE_PACKET_MAX, wait ? 0 : MSG_DONTWAIT);
}

/* The rest of a text of several packets: they follow at once, signals can wait. */
static bool receive_rest(struct sandbox *s, char **text, size_t *n)
{
	while (s->packet[0] == WIRE_MORE) {
		ssize_t got = receive_packet(s, true);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 1 || *n + (size_t)got > WIRE_TO_SANDBOX_MAX)
			return false;
		*text = realloc(*text, *n + (size_t)got);
		if (!*text)
			return false;
		memcpy(*text + *n, s->packet + 1, (size_t)got - 1);
		*n += (size_t)got - 1;
	}
	return s->packet[0] == WIRE_LAST;
}

bool channel_receive(struct sandbox *s, bool wait, bool *interrupted, json_t **out)
{
	ssize_t got = receive_packet(s, wait);
	size_t n;
	char *text;
	bool whole;

	*out = NULL;
	*interrupted = got < 0 && errno == EINTR;
	if (got < 0)
		return *interrupted || errno == EAGAIN;
	if (got == 0)
		return false;
	n = (size_t)got - 1;
	text = malloc(n + 1);
	if (!text)
		return false;
	memcpy(text, s->packet + 1, n);
	whole = receive_rest(s, &text, &n);
	if (whole)
		*out = json_loadb(text, n, JSON_ALLOW_NUL, NULL);
	free(text);
	return whole && *out;
}
