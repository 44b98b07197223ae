/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tandem-dialplan --control FD [--uid N] [--gid N]     the zygote, started by the supervisor
 * tandem-dialplan --check NAME < script                says what is wrong with a script's syntax
 * tandem-dialplan --report NAME < script               all that is found in it, as JSON
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dialplan/zygote/sandbox.h"

enum { SCRIPT_MAX = 256 << 10 };

struct options {
	int control;
	unsigned uid, gid;
	const char *check; /* name of the script */
	bool report;
};

static bool parse_options(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{ "control", required_argument, NULL, 'c' },
		{ "uid", required_argument, NULL, 'u' },
		{ "gid", required_argument, NULL, 'g' },
		{ "check", required_argument, NULL, 'k' },
		{ "report", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*o = (struct options){ .control = -1 };
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'c')
			o->control = atoi(optarg);
		else if (c == 'u')
			o->uid = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'g')
			o->gid = (unsigned)strtoul(optarg, NULL, 10);
		else if (c == 'k' || c == 'r')
			o->check = optarg, o->report = c == 'r';
		else
			return false;
	}
	return optind == argc && (o->control >= 0) != (o->check != NULL);
}

/* "--disable-all" keeps gems out; Ruby's built-in prelude still comes with ruby_options. */
static void start_ruby(char *name)
{
	static char all[] = "--disable-all", encoding[] = "-EUTF-8:UTF-8", quiet[] = "-W0";
	static char e[] = "-e", nothing[] = "";
	char *args[] = { name, all, encoding, quiet, e, nothing, NULL };
	int count = 6;
	char **argv = args;

	ruby_sysinit(&count, &argv);
	ruby_init();
	ruby_options(count, argv);
}

/* What the child wrote, to our standard output: it may not write files itself. */
static void relay(int from)
{
	char piece[1024];
	ssize_t n;

	while ((n = read(from, piece, sizeof(piece))) > 0)
		fwrite(piece, 1, (size_t)n, stdout);
	fflush(stdout);
}

static int check_text(struct sandbox *s, const struct options *o, const char *text, size_t n)
{
	int ends[2], status = 0;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return 2;
	pid = fork();
	if (pid == 0)
		_exit(o->report ? sandbox_report(s, ends[1], o->check, text, n)
				: sandbox_check(s, ends[1], o->check, text, n));
	close(ends[1]);
	if (pid > 0)
		relay(ends[0]);
	close(ends[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 2;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	printf("%s:1: too much for the checker\n", o->check);
	return 1;
}

static int check(struct sandbox *s, const struct options *o)
{
	char *text = malloc(SCRIPT_MAX + 1);
	size_t n = text ? fread(text, 1, SCRIPT_MAX + 1, stdin) : 0;
	int result = 2;

	if (n > SCRIPT_MAX) {
		printf("%s:1: longer than %d bytes\n", o->check, SCRIPT_MAX);
		result = 1;
	} else if (text) {
		result = check_text(s, o, text, n);
	}
	free(text);
	return result;
}

int main(int argc, char **argv)
{
	struct sandbox s = { .fd = -1 };
	struct options o;
	int result = 0;
	RUBY_INIT_STACK;

	if (!parse_options(argc, argv, &o)) {
		fprintf(stderr,
			"tandem-dialplan is started by \"tandem serve\"; by hand: "
			"tandem-dialplan --check NAME < script\n");
		return 2;
	}
	if (!jail_drop(o.uid, o.gid)) {
		perror("tandem-dialplan: cannot drop privileges");
		return 2;
	}
	clearenv();
	setenv("TZ", ":/etc/localtime", 1); /* read now, or never */
	start_ruby(argv[0]);
	if (!sandbox_prepare(&s))
		return 2;
	if (o.check)
		result = check(&s, &o);
	else
		serve(&s, o.control);
	fflush(stdout);
	_exit(result);
}
