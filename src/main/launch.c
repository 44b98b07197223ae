/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"

union fd_space {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

bool launch_send(int channel, enum launch_message m, int fd)
{
	char byte = (char)m;
	struct iovec iov = { &byte, 1 };
	union fd_space space = { 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		msg.msg_control = space.bytes;
		msg.msg_controllen = sizeof(space.bytes);
		space.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
			.cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&msg)), &fd, sizeof(fd));
	}
	return sendmsg(channel, &msg, MSG_NOSIGNAL) == 1;
}

bool launch_receive(int channel, enum launch_message *m, int *fd)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union fd_space space;
	struct msghdr msg = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = space.bytes,
		.msg_controllen = sizeof(space.bytes) };
	ssize_t n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	struct cmsghdr *c;

	*fd = -1;
	if (n == 0)
		errno = EPIPE;
	if (n != 1)
		return false;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	*m = (enum launch_message)byte;
	return true;
}

int launch_text_fd(const char *name, struct str text)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -1;
	if (write(fd, text.p, text.n) != (ssize_t)text.n ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

enum err launch_read_text(int fd, size_t max, char **out, size_t *n)
{
	ssize_t got = 0;

	*n = 0;
	*out = mem_alloc(max);
	while (*n < max && (got = pread(fd, *out + *n, max - *n, (off_t)*n)) > 0)
		*n += (size_t)got;
	close(fd);
	if (got == 0)
		return ERR_OK;
	free(*out);
	*out = NULL;
	return ERR_IO;
}

int launch_keys_fd(const struct keyring *r)
{
	char text[KEYRING_TEXT_MAX];
	struct buf b = BUF_OF(text);
	int fd;

	keyring_print(&b, r);
	fd = launch_text_fd("tandem.keys", buf_str(&b));
	crypto_wipe(text, sizeof(text));
	return fd;
}

enum err launch_read_keys(int fd, struct keyring *out)
{
	char fault[128], *text;
	struct buf why = BUF_OF(fault);
	size_t n;
	enum err e = launch_read_text(fd, KEYRING_TEXT_MAX, &text, &n);

	if (e != ERR_OK)
		return e;
	e = keyring_parse(str_make(text, n), out, &why);
	crypto_wipe(text, n);
	free(text);
	return e;
}
