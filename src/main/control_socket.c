/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/control_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 32 };

static bool somebody_answers(const struct sockaddr_un *sun)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0;

	if (fd >= 0)
		close(fd);
	return yes;
}

static bool give_to(const char *path, const struct place *p)
{
	if (chmod(path, 0660) != 0)
		return false;
	return !p->root || chown(path, p->uid, p->gid) == 0;
}

int control_socket_open(const struct conf *c, const struct place *p, struct buf *why)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	mode_t old;
	int fd;

	if (str_copy(c->control, sun.sun_path, sizeof(sun.sun_path)) != ERR_OK)
		return -1;
	if (somebody_answers(&sun)) {
		buf_printf(why, "a service is running already on %s", sun.sun_path);
		return -1;
	}
	unlink(sun.sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	old = umask(0177);
	if (fd < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) != 0 ||
		!give_to(sun.sun_path, p) || listen(fd, BACKLOG) != 0) {
		buf_printf(why, "the control socket %s cannot be opened: %s", sun.sun_path,
			strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -1;
	}
	umask(old);
	return fd;
}

void control_socket_close(const struct conf *c, int fd)
{
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];

	close(fd);
	if (str_copy(c->control, path, sizeof(path)) == ERR_OK)
		unlink(path);
}
