/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"
#include "cli/cli.h"
#include "cluster/node.h"
#include "conf/key.h"
#include "conf/place.h"
#include "event/sinks.h"
#include "main/child.h"
#include "main/control_socket.h"
#include "main/launch.h"
#include "main/settings.h"
#include "main/tls_files.h"

enum { STOP_MS = 15000, DIALPLAN_STOP_MS = 3000, NOFILE_WISH = 262144, SESSION_CHARS = 8 };

struct supervisor {
	const char *conf_path;
	struct conf *conf; /* what the sockets and core were started with */
	struct conf *reloaded; /* newer one, of which core takes what it can; NULL: none */
	struct place place;
	struct keyring keys;
	struct net_config net;
	int fds[LAUNCH_LISTEN + NET_LISTEN_MAX * WORKERS_MAX]; /* sockets of net_bind */
	unsigned fd_count;
	int control; /* listening */
	int self, dialplan_program; /* program files, open */
	int signals;
	int channel; /* to core; -1 when it is not running */
	int dialplan_end; /* core's end of the dialplan process, until core has it; or -1 */
	struct child core, dialplan;
	bool ready; /* core has been serving once */
	bool stopping, failed;
	uint64_t stop_by_ms;
	char session[NODE_SESSION_MAX]; /* of core: a new one has the leases of the old one */
	struct event_bus *events;
	struct event_log log;
	struct clock clock;
};

static int complain(const char *what)
{
	fprintf(stderr, "tandem: %s: %s\n", what, strerror(errno));
	return CLI_FAILED;
}

/* ---- starting ---- */

/* "NODE-xxxxxxxx": nobody else's. */
static void make_session(struct supervisor *s)
{
	char host[HOST_NAME_MAX + 1] = "node";
	struct buf b = { .p = s->session, .max = sizeof(s->session) - 1 };
	struct rng rng;

	if (!s->conf->node.n)
		gethostname(host, sizeof(host) - 1);
	buf_add(&b, str_first(s->conf->node.n ? s->conf->node : str_of(host), NODE_NAME_MAX));
	buf_char(&b, '-');
	rng_init(&rng);
	rng_token(&rng, &b, SESSION_CHARS);
}

/* A start with certificates that are not there is none. */
static bool find_certificates(const struct conf *c, struct buf *why)
{
	int fd = tls_files_open(c, why);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool load(struct supervisor *s)
{
	char text[CONF_ERRORS_MAX];
	struct buf why = BUF_OF(text);
	bool fine = conf_load(s->conf_path, &s->conf, &why) == ERR_OK &&
		settings_net(s->conf, settings_workers(s->conf), &s->net, &why) == ERR_OK &&
		place_make(s->conf, &s->place, &why) == ERR_OK &&
		key_load(s->conf, &s->keys, &why) == ERR_OK && find_certificates(s->conf, &why) &&
		net_bind(&s->net, s->fds, &why) == ERR_OK;

	if (fine) {
		s->fd_count = s->net.listen_count * s->net.workers;
		make_session(s);
	} else {
		fprintf(stderr, "tandem: %.*s%s", STR_ARG(buf_str(&why)),
			why.n && why.p[why.n - 1] == '\n' ? "" : "\n");
	}
	return fine;
}

static bool open_programs(struct supervisor *s)
{
	char path[PATH_MAX];

	s->self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (s->self < 0)
		return false;
	if (!program_find("tandem-dialplan", path, sizeof(path))) {
		fprintf(stderr, "tandem: the program tandem-dialplan is missing\n");
		return false;
	}
	s->dialplan_program = open(path, O_RDONLY | O_CLOEXEC);
	return s->dialplan_program >= 0;
}

static bool open_signals(struct supervisor *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals >= 0;
}

/* Sockets for many connections; inherited by core. */
static void raise_file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		return;
	if (geteuid() == 0 && r.rlim_max < NOFILE_WISH)
		r.rlim_max = NOFILE_WISH;
	r.rlim_cur = r.rlim_max < NOFILE_WISH ? r.rlim_max : NOFILE_WISH;
	(void)!setrlimit(RLIMIT_NOFILE, &r);
}

static void start_log(struct supervisor *s)
{
	s->events = event_bus_new(false, 1);
	if (!s->conf->log_journal ||
		event_log_init_journal(&s->log, NULL, s->conf->log_levels) != ERR_OK)
		event_log_init(&s->log, STDERR_FILENO, s->conf->log_levels);
	event_bus_add(s->events, &s->log.sink);
}

/*
 * A thread keeps so many freed blocks of each size at hand. With the usual 7, calls that come and
 * go by the hundred made malloc a twelfth of all work.
 */
#define CORE_TUNABLES "glibc.malloc.tcache_count=500"

/* As they are now; those that cannot be read are told of, and -1. */
static int open_certificates(struct supervisor *s)
{
	char text[512];
	struct buf why = BUF_OF(text);
	int fd = tls_files_open(s->reloaded ? s->reloaded : s->conf, &why);

	if (fd < 0)
		event_note(s->events, EV_SERVICE_CERTIFICATES, STR_NONE, STR_NONE,
			"the certificates cannot be read: %.*s", STR_ARG(buf_str(&why)));
	return fd;
}

static enum err start_core(struct supervisor *s)
{
	char workers[16], lines[16], path[PATH_MAX];
	const char *argv[] = { "tandem", "--core", path, workers, lines, s->session, NULL };
	int fds[LAUNCH_LISTEN + NET_LISTEN_MAX * WORKERS_MAX], pair[2];
	struct child_start start = { .program = s->self,
		.argv = argv,
		.tunables = CORE_TUNABLES,
		.fds = fds,
		.fd_count = LAUNCH_LISTEN - LAUNCH_CHANNEL + s->fd_count,
		.drop = s->place.root,
		.uid = s->place.uid,
		.gid = s->place.gid };
	int text = launch_text_fd("tandem.conf", s->conf->text);
	int keys = launch_keys_fd(&s->keys);
	int tls = open_certificates(s);
	enum err e = ERR_IO;

	snprintf(path, sizeof(path), "%.*s", STR_ARG(s->conf->file));
	snprintf(workers, sizeof(workers), "%u", s->net.workers);
	snprintf(lines, sizeof(lines), "%u", s->net.listen_count);
	if (text >= 0 && keys >= 0 && tls >= 0 &&
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0) {
		fds[LAUNCH_CHANNEL - LAUNCH_CHANNEL] = pair[1];
		fds[LAUNCH_CONF - LAUNCH_CHANNEL] = text;
		fds[LAUNCH_KEY - LAUNCH_CHANNEL] = keys;
		fds[LAUNCH_CONTROL - LAUNCH_CHANNEL] = s->control;
		fds[LAUNCH_TLS - LAUNCH_CHANNEL] = tls;
		memcpy(fds + LAUNCH_LISTEN - LAUNCH_CHANNEL, s->fds, s->fd_count * sizeof(int));
		e = child_start(&s->core, &start, s->clock.mono_ms);
		close(pair[1]);
		s->channel = pair[0];
	}
	close(text);
	close(keys);
	if (tls >= 0)
		close(tls);
	return e;
}

/* What core has to hear as soon as it runs, and again when it was restarted. */
static void tell_core(struct supervisor *s)
{
	int text;

	if (s->channel < 0)
		return;
	if (s->dialplan_end >= 0 && launch_send(s->channel, LAUNCH_DIALPLAN, s->dialplan_end)) {
		close(s->dialplan_end);
		s->dialplan_end = -1;
	}
	if (!s->reloaded)
		return;
	text = launch_text_fd("tandem.conf", s->reloaded->text);
	if (text >= 0) {
		launch_send(s->channel, LAUNCH_RELOAD, text);
		close(text);
	}
}

static enum err start_dialplan(struct supervisor *s)
{
	char uid[32], gid[32];
	const char *as_root[] = { "tandem-dialplan", "--control", "3", "--uid", uid, "--gid", gid,
		NULL };
	const char *as_user[] = { "tandem-dialplan", "--control", "3", NULL };
	struct child_start start = { .program = s->dialplan_program,
		.argv = s->place.root ? as_root : as_user,
		.fd_count = 1 };
	int pair[2];
	enum err e;

	snprintf(uid, sizeof(uid), "%u", (unsigned)s->place.sandbox_uid);
	snprintf(gid, sizeof(gid), "%u", (unsigned)s->place.sandbox_gid);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return ERR_IO;
	start.fds = &pair[1];
	e = child_start(&s->dialplan, &start, s->clock.mono_ms);
	close(pair[1]);
	if (s->dialplan_end >= 0)
		close(s->dialplan_end);
	s->dialplan_end = pair[0];
	return e;
}

/* ---- running ---- */

static void start_due(struct supervisor *s)
{
	uint64_t now = s->clock.mono_ms;

	if (s->stopping)
		return;
	if (!s->dialplan.pid && now >= s->dialplan.restart_ms) {
		if (start_dialplan(s) == ERR_OK)
			event_note(s->events, EV_PROCESS_START, STR_NONE, STR_NONE,
				"dialplan process %d was started", (int)s->dialplan.pid);
		tell_core(s);
	}
	if (!s->core.pid && now >= s->core.restart_ms) {
		if (start_core(s) == ERR_OK)
			event_note(s->events, EV_PROCESS_START, STR_NONE, STR_NONE,
				"core process %d was started", (int)s->core.pid);
		tell_core(s);
	}
}

static void note_death(struct supervisor *s, struct child *c, int status)
{
	/* Code 0: it was told to, or the other end of its channel is gone; that one's death is
	 * told. */
	if (s->stopping || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
		return;
	if (WIFSIGNALED(status))
		event_note(s->events, EV_PROCESS_DIED, STR_NONE, STR_NONE,
			"the %s process was ended by signal %d (%s); it is started again in %u ms",
			c->name, WTERMSIG(status), strsignal(WTERMSIG(status)), c->backoff_ms / 2);
	else
		event_note(s->events, EV_PROCESS_DIED, STR_NONE, STR_NONE,
			"the %s process ended with code %d; it is started again in %u ms", c->name,
			WEXITSTATUS(status), c->backoff_ms / 2);
}

static void core_ended(struct supervisor *s, int status)
{
	close(s->channel);
	s->channel = -1;
	/* Its fault was told: nothing gets better by starting it again. */
	if (!s->ready && WIFEXITED(status) && WEXITSTATUS(status) == CLI_FAILED && !s->stopping) {
		s->core.pid = 0;
		s->stopping = s->failed = true;
		s->stop_by_ms = s->clock.mono_ms + STOP_MS;
		return;
	}
	child_ended(&s->core, s->clock.mono_ms);
	note_death(s, &s->core, status);
	/* It serves one core; the next one gets a fresh one. */
	if (s->dialplan.pid)
		kill(s->dialplan.pid, SIGTERM);
}

static void reap(struct supervisor *s)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->core.pid) {
			core_ended(s, status);
		} else if (pid == s->dialplan.pid) {
			bool with_core = !s->core.pid;

			child_ended(&s->dialplan, s->clock.mono_ms);
			if (with_core)
				s->dialplan.restart_ms = s->core.restart_ms;
			else
				note_death(s, &s->dialplan, status);
		}
	}
}

static void begin_stop(struct supervisor *s, int signo)
{
	if (s->stopping) { /* a second wish: at once */
		s->stop_by_ms = s->clock.mono_ms;
		return;
	}
	s->stopping = true;
	s->stop_by_ms = s->clock.mono_ms + STOP_MS;
	event_note(
		s->events, EV_SERVICE_STOP, STR_NONE, STR_NONE, "stopping (%s)", strsignal(signo));
	if (s->core.pid)
		kill(s->core.pid, SIGTERM);
}

struct difference {
	struct buf taken, restart;
};

static void note_difference(const struct conf_option *o, void *arg)
{
	struct difference *d = arg;

	buf_printf(o->reload ? &d->taken : &d->restart, " [%s] %s", o->section, o->key);
}

/* Reads the key ring again and tells core what it is now, if only that it cannot be read. */
static void reload_keys(struct supervisor *s)
{
	char text[512];
	struct buf why = BUF_OF(text);
	struct keyring keys;
	int fd = -1;

	if (key_load(s->conf, &keys, &why) == ERR_OK) {
		s->keys = keys;
		keyring_wipe(&keys);
		fd = launch_keys_fd(&s->keys);
	} else {
		event_note(s->events, EV_SERVICE_KEYS, STR_NONE, STR_NONE,
			"the keys were not taken over: %.*s", STR_ARG(buf_str(&why)));
	}
	if (s->channel >= 0)
		launch_send(s->channel, LAUNCH_KEYS, fd);
	if (fd >= 0)
		close(fd);
}

static void reload_certificates(struct supervisor *s)
{
	int fd = s->channel >= 0 ? open_certificates(s) : -1;

	if (fd < 0)
		return;
	launch_send(s->channel, LAUNCH_CERTIFICATES, fd);
	close(fd);
}

static void reload(struct supervisor *s)
{
	char text[CONF_ERRORS_MAX], taken[1024], restart[1024];
	struct difference d = { BUF_OF(taken), BUF_OF(restart) };
	struct buf why = BUF_OF(text);
	struct conf *new;

	if (conf_load(s->conf_path, &new, &why) != ERR_OK) {
		event_note(s->events, EV_SERVICE_CONFIG, STR_NONE, STR_NONE,
			"the configuration is wrong and was not taken over: %.*s",
			STR_ARG(str_trim(buf_str(&why))));
		return;
	}
	conf_compare(s->conf, new, note_difference, &d);
	conf_free(s->reloaded);
	s->reloaded = new;
	event_bus_set_levels(s->events, &s->log.sink, new->log_levels);
	tell_core(s);
	event_note(s->events, EV_SERVICE_CONFIG, STR_NONE, STR_NONE,
		"the configuration was read again; taken over:%.*s%s%.*s",
		STR_ARG(d.taken.n ? buf_str(&d.taken) : STR(" nothing")),
		d.restart.n ? "; needs a restart:" : "", STR_ARG(buf_str(&d.restart)));
}

static void on_signals(struct supervisor *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(s);
		else if (info.ssi_signo == SIGHUP) {
			reload(s);
			reload_keys(s);
			reload_certificates(s);
		} else
			begin_stop(s, (int)info.ssi_signo);
	}
}

static void on_core(struct supervisor *s)
{
	enum launch_message m;
	int fd;

	while (launch_receive(s->channel, &m, &fd)) {
		if (fd >= 0)
			close(fd); /* core has none to give */
		if (m == LAUNCH_READY)
			s->ready = true;
		else if (m == LAUNCH_WANT_KEYS)
			reload_keys(s);
	}
}

static int wait_ms(const struct supervisor *s)
{
	uint64_t now = s->clock.mono_ms, until = UINT64_MAX;

	if (s->stopping) {
		until = s->stop_by_ms;
	} else {
		if (!s->core.pid)
			until = s->core.restart_ms;
		if (!s->dialplan.pid && s->dialplan.restart_ms < until)
			until = s->dialplan.restart_ms;
	}
	if (until == UINT64_MAX)
		return -1;
	return until <= now ? 0 : (int)(until - now);
}

/* Core first, so that running calls are noted; then the scripts. False: all is over. */
static bool stop_step(struct supervisor *s)
{
	bool late = s->clock.mono_ms >= s->stop_by_ms;

	if (s->core.pid) {
		if (late)
			kill(s->core.pid, SIGKILL);
	} else if (s->dialplan.pid) {
		if (late)
			kill(s->dialplan.pid, SIGKILL);
		else
			kill(s->dialplan.pid, SIGTERM);
	} else {
		return false;
	}
	if (late)
		s->stop_by_ms = s->clock.mono_ms + DIALPLAN_STOP_MS;
	return true;
}

static void run(struct supervisor *s)
{
	for (;;) {
		struct pollfd p[] = { { .fd = s->signals, .events = POLLIN },
			{ .fd = -1, .events = POLLIN } };

		start_due(s);
		p[1].fd = s->channel; /* of a core that was just started, too */
		if (poll(p, 2, wait_ms(s)) < 0 && errno != EINTR)
			break;
		clock_read(&s->clock);
		if (p[1].revents & POLLIN)
			on_core(s);
		if (p[0].revents)
			on_signals(s);
		else if (p[1].revents & (POLLHUP | POLLERR)) {
			/* Core is ending; its SIGCHLD follows. */
			struct timespec moment = { .tv_nsec = 1000000 };

			nanosleep(&moment, NULL);
		}
		if (s->stopping && !stop_step(s))
			break;
	}
}

static void finish(struct supervisor *s)
{
	control_socket_close(s->conf, s->control);
	for (unsigned i = 0; i < s->fd_count; i++)
		close(s->fds[i]);
	event_note(s->events, EV_SERVICE_STOP, STR_NONE, STR_NONE, "stopped");
	event_bus_remove(s->events, &s->log.sink);
	event_bus_free(s->events);
	event_log_fini(&s->log);
	if (s->dialplan_end >= 0)
		close(s->dialplan_end);
	close(s->signals);
	close(s->self);
	close(s->dialplan_program);
	keyring_wipe(&s->keys);
	conf_free(s->reloaded);
	conf_free(s->conf);
}

int supervisor_serve(const char *conf_path)
{
	struct supervisor *s = mem_new(struct supervisor);
	char text[256];
	struct buf why = BUF_OF(text);
	int code;

	s->conf_path = conf_path;
	s->channel = s->dialplan_end = -1;
	s->core.name = "core";
	s->dialplan.name = "dialplan";
	raise_file_limit();
	if (!load(s) || !open_programs(s))
		return CLI_FAILED;
	if (!open_signals(s))
		return complain("signals");
	s->control = control_socket_open(s->conf, &s->place, &why);
	if (s->control < 0) {
		fprintf(stderr, "tandem: %.*s\n", STR_ARG(buf_str(&why)));
		return CLI_FAILED;
	}
	start_log(s);
	clock_read(&s->clock);
	run(s);
	code = s->failed ? CLI_FAILED : CLI_OK;
	finish(s);
	free(s);
	return code;
}
