/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "bench.h"

struct plan {
	struct agents_config agents;
	struct pace pace;
	const char *host, *local;
	uint16_t port;
	bool prepare; /* register everybody first, not measured */
	bool wait;
};

static const char usage[] =
	"load -m options|register|refresh|call|flood-register|flood-invite\n"
	"     [-h ADDRESS] [-p PORT] [-t] [-a ADDRESS] [-b PORT] [-s SOCKETS] [-d DOMAIN]\n"
	"     [-u USERS] [-f FIRST] [-x] [-c AT-ONCE | -r RATE] [-n SECONDS | -N COUNT]\n"
	"     [-e HOST] [-g SECONDS] [-A] [-H] [-P] [-w]\n"
	"Prints one line of JSON; \"ready\" on standard error when measuring begins.\n"
	"  -h, -p  the server      -t  TCP         -a, -b  the phones' address and first port\n"
	"  -u, -f  users u<FIRST> … with the passwords secret-u<FIRST> …\n"
	"  -e  what Contacts say instead of the phones' address, as behind a NAT\n"
	"  -x  calls, refresh: everybody is registered already (else that is done first)\n"
	"  -c  closed loop: so many at a time     -r  open loop: so many due a second\n"
	"  -n, -N  so long, or so many            -g  give an operation up after this\n"
	"  -A  awake: never sleeps, so that the server does not pay for waking us\n"
	"  -H  calls are held until a line (or the end) of input comes, then hung up\n"
	"  -P  who is refused tries again: calls every 20 ms, others every 500 ms\n"
	"  -w  measuring begins when a line (or the end) of input comes\n";

static const char *const names[MODES] = { "options", "register", "refresh", "call",
	"flood-register", "flood-invite" };

static void bad(const char *what)
{
	fprintf(stderr, "load: %s\n%s", what, usage);
	exit(2);
}

static void prepare(struct agents *a, const struct plan *p)
{
	struct result *r = agents_result(a);

	agents_set_mode(a, MODE_REGISTER, true);
	pace_everybody(a, &p->pace, p->agents.users);
	if (r->failed) {
		fprintf(stderr, "load: %llu of %u registrations failed\n",
			(unsigned long long)r->failed, p->agents.users);
		exit(1);
	}
	agents_set_mode(a, p->agents.mode, p->agents.persist);
}

static void tell_and_wait(const char *what, bool wait)
{
	char line[80];

	fprintf(stderr, "%s\n", what);
	if (wait && !fgets(line, sizeof(line), stdin))
		return;
}

static void report(const struct plan *p, const struct result *r, const struct paced *w)
{
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {
		{ "begun", r->begun },
		{ "done", r->done },
		{ "done_in_time", w->done },
		{ "failed", r->failed },
		{ "late", w->late },
		{ "resent", r->resent },
		{ "unexpected", r->unexpected },
		{ "refused", r->refused },
		{ "refused_later", r->refused_later },
		{ "timed_out", r->timed_out },
		{ "byes", r->byes },
		{ "byes_failed", r->byes_failed },
		{ "inversions", r->inversions },
		{ "late_answers", r->late_answers },
		{ "answered_at_us", r->answered_at_us },
	};

	printf("{\"mode\":\"%s\",\"transport\":\"%s\",\"users\":%u,\"seconds\":%.3f,"
	       "\"load_cpu\":%.3f,\"cpu_seconds\":%.3f",
		names[p->agents.mode], p->agents.net.tcp ? "tcp" : "udp", p->agents.users,
		w->seconds, w->busy_seconds / w->seconds, w->cpu_seconds);
	for (unsigned i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		printf(",\"%s\":%llu", counts[i].name, (unsigned long long)counts[i].value);
	printf(",\"whole\":");
	histogram_print(&r->whole, stdout);
	printf(",\"ring\":");
	histogram_print(&r->ring, stdout);
	printf(",\"answer\":");
	histogram_print(&r->answer, stdout);
	printf("}\n");
}

static enum mode mode_of(const char *s)
{
	for (unsigned i = 0; i < MODES; i++)
		if (strcmp(s, names[i]) == 0)
			return (enum mode)i;
	bad("unknown mode");
	return MODE_OPTIONS;
}

static void take_load_option(struct plan *p, int o, const char *arg)
{
	switch (o) {
	case 'c':
		p->pace.at_once = (unsigned)atoi(arg);
		break;
	case 'r':
		p->pace.rate = atof(arg);
		break;
	case 'n':
		p->pace.seconds = atof(arg);
		break;
	case 'N':
		p->pace.count = (uint64_t)atoll(arg);
		break;
	case 'g':
		p->pace.give_up_us = p->agents.give_up_us = (uint64_t)(atof(arg) * 1e6);
		break;
	case 'x':
		p->prepare = false;
		break;
	case 'A':
		p->pace.awake = true;
		break;
	case 'H':
		p->agents.hold = true;
		break;
	case 'P':
		p->agents.persist = true;
		break;
	case 'w':
		p->wait = true;
		break;
	default:
		bad("bad option");
	}
}

static void take_option(struct plan *p, int o, const char *arg)
{
	struct net_config *net = &p->agents.net;

	switch (o) {
	case 'm':
		p->agents.mode = mode_of(arg);
		break;
	case 'h':
		p->host = arg;
		break;
	case 'p':
		p->port = (uint16_t)atoi(arg);
		break;
	case 't':
		net->tcp = true;
		break;
	case 'a':
		p->local = arg;
		break;
	case 'b':
		net->port = (uint16_t)atoi(arg);
		break;
	case 's':
		net->sockets = (unsigned)atoi(arg);
		break;
	case 'd':
		p->agents.domain = arg;
		break;
	case 'e':
		p->agents.elsewhere = arg;
		break;
	case 'u':
		p->agents.users = (unsigned)atoi(arg);
		break;
	case 'f':
		p->agents.first = (unsigned)atoi(arg);
		break;
	default:
		take_load_option(p, o, arg);
	}
}

static void take_options(struct plan *p, int argc, char **argv)
{
	struct net_config *net = &p->agents.net;
	int o;

	while ((o = getopt(argc, argv, "m:h:p:ta:b:s:d:e:u:f:xc:r:n:N:g:AHPw")) != -1)
		take_option(p, o, optarg);
	if (p->agents.users < 2 || net->sockets < 1 || net->sockets > SOCKETS_MAX)
		bad("users or sockets out of range");
	net->server.sin_family = AF_INET;
	net->server.sin_port = htons(p->port);
	if (inet_pton(AF_INET, p->host, &net->server.sin_addr) != 1 ||
		inet_pton(AF_INET, p->local ? p->local : p->host, &net->local) != 1)
		bad("addresses must be IPv4");
	if (p->agents.mode != MODE_CALL && p->agents.mode != MODE_REFRESH)
		p->prepare = false;
}

static void measure(const struct plan *p)
{
	struct agents *a = agents_new(&p->agents);
	struct paced paced;

	if (p->prepare)
		prepare(a, p);
	tell_and_wait("ready", p->wait);
	paced = pace_run(a, &p->pace);
	if (p->agents.hold) {
		tell_and_wait("held", true);
		pace_hang_up(a, &p->pace);
	}
	report(p, agents_result(a), &paced);
	agents_free(a);
}

int main(int argc, char **argv)
{
	struct plan p = { .agents = { .users = 1000,
				  .domain = "bench.test",
				  .expires_s = 3600,
				  .give_up_us = 10000000,
				  .net = { .sockets = 16 } },
		.pace = { .at_once = 100, .seconds = 5, .give_up_us = 10000000 },
		.host = "127.0.0.1",
		.port = 5060,
		.prepare = true };

	take_options(&p, argc, argv);
	prctl(PR_SET_TIMERSLACK, 1000); /* be on time */
	if (p.agents.mode == MODE_FLOOD_REGISTER || p.agents.mode == MODE_FLOOD_INVITE) {
		tell_and_wait("ready", p.wait);
		flood_run(&p.agents, p.pace.rate, p.pace.seconds);
	} else {
		measure(&p);
	}
	return 0;
}
