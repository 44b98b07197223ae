/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/script.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/place.h"

const char *script_name(const char *file)
{
	return strcmp(file, "-") == 0 ? "standard input" : file;
}

bool script_read(struct cli *c, const char *file, struct str *out)
{
	char *text = arena_alloc(&c->arena, SCRIPT_BYTES_MAX + 1);
	int fd = strcmp(file, "-") == 0 ? dup(STDIN_FILENO) : open(file, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;
	size_t n = 0;

	while (fd >= 0 && (got = read(fd, text + n, SCRIPT_BYTES_MAX + 1 - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		cli_fail(CLI_FAILED, "%s cannot be read: %s", file, strerror(errno));
	else if (n > SCRIPT_BYTES_MAX)
		cli_fail(CLI_FAILED, "%s is too long: a dialplan has at most %d bytes", file,
			SCRIPT_BYTES_MAX);
	if (fd >= 0)
		close(fd);
	*out = str_make(text, n);
	return got == 0 && n <= SCRIPT_BYTES_MAX;
}

static int run(const char *program, const char *mode, const char *name, int script, int out)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		dup2(script, STDIN_FILENO);
		dup2(out, STDOUT_FILENO);
		execl(program, program, mode, name, (char *)NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int script_ask(const char *mode, const char *name, struct str script, int out)
{
	char path[PATH_MAX] = "tandem-dialplan";
	FILE *copy = tmpfile();
	int code = -1;

	if (copy && fwrite(script.p, 1, script.n, copy) == script.n && fflush(copy) == 0) {
		lseek(fileno(copy), 0, SEEK_SET);
		if (program_find("tandem-dialplan", path, sizeof(path)))
			code = run(path, mode, name, fileno(copy), out);
	}
	if (copy)
		fclose(copy);
	if (code < 0 || code == 127)
		cli_fail(CLI_FAILED, "the dialplan could not be checked (%s)", path);
	return code == 127 ? -1 : code;
}
