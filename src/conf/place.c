/* SPDX-License-Identifier: BSD-3-Clause */
#include "conf/place.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err look_up(
	struct str name, const char *option, uid_t *uid, gid_t *gid, struct buf *why)
{
	char text[64], mem[4096];
	struct passwd pw, *found = NULL;

	if (str_copy(name, text, sizeof(text)) == ERR_OK)
		(void)!getpwnam_r(text, &pw, mem, sizeof(mem), &found);
	if (!found) {
		buf_printf(why,
			"there is no user \"%.*s\" ([service] %s); make it with: useradd --system "
			"--no-create-home --shell /usr/sbin/nologin %.*s",
			STR_ARG(name), option, STR_ARG(name));
		return ERR_NOT_FOUND;
	}
	*uid = found->pw_uid;
	*gid = found->pw_gid;
	return ERR_OK;
}

/* Parents as they come, the directory itself for nobody else. */
static enum err make_dir(char *path, const struct place *p, struct buf *why)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		(void)!mkdir(path, 0755);
		*slash = '/';
	}
	if (mkdir(path, 0750) == 0) {
		if (p->root && chown(path, p->uid, p->gid) != 0) {
			buf_printf(why, "%s cannot be given to the service user: %s", path,
				strerror(errno));
			return ERR_IO;
		}
		return ERR_OK;
	}
	if (errno == EEXIST)
		return ERR_OK;
	buf_printf(why, "the data directory %s cannot be made: %s", path, strerror(errno));
	return ERR_IO;
}

enum err place_make(const struct conf *c, struct place *out, struct buf *why)
{
	char dir[PATH_MAX];
	enum err e;

	*out = (struct place){ .root = geteuid() == 0 };
	if (out->root) {
		e = look_up(c->user, "user", &out->uid, &out->gid, why);
		if (e == ERR_OK)
			e = look_up(c->dialplan_user, "dialplan_user", &out->sandbox_uid,
				&out->sandbox_gid, why);
		if (e != ERR_OK)
			return e;
	}
	e = str_copy(c->data_dir, dir, sizeof(dir));
	return e == ERR_OK ? make_dir(dir, out, why) : e;
}

bool program_find(const char *name, char *out, size_t max)
{
	static const char *const places[] = { "%s%s", "%s../libexec/tandem/%s",
		"%s../lib/tandem/%s", "%ssrc/dialplan/%s" };
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return false;
	self[str_rfind(str_make(self, (size_t)n), '/') + 1] = 0;
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if ((size_t)snprintf(out, max, places[i], self, name) < max &&
			access(out, X_OK) == 0)
			return true;
	return false;
}
