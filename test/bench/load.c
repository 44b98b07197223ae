/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "bench.h"

struct plan {
	struct agents_config agents;
	const char *host;
	unsigned at_once; /* closed loop: operations under way at a time */
	double rate; /* open loop: operations begun a second; 0: closed */
	double seconds;
	bool prepare; /* register everybody first, not measured */
};

static const char usage[] =
	"load -m options|register|refresh|call [-h ADDRESS] [-p PORT] [-t] [-d DOMAIN]\n"
	"     [-u USERS] [-s SOCKETS] [-c AT-ONCE | -r RATE] [-n SECONDS]\n"
	"Users are u0 … with the passwords secret-u0 …. -t: TCP. -r: so many a second, open loop;\n"
	"-c: so many at a time, closed loop. Prints one line of JSON.\n";

static double cpu_seconds(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
		(double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static uint64_t quantile(const struct result *r, double q)
{
	uint64_t want = (uint64_t)((double)r->done * q), seen = 0;

	for (unsigned i = 0; i < 64 * 16; i++) {
		seen += r->histogram[i];
		if (seen > want)
			return (uint64_t)(16 + i % 16) << (i / 16 - 4);
	}
	return r->worst_us;
}

static void turn(struct agents *a, uint64_t *ticked)
{
	net_turn(agents_net(a), 1);
	if (now_us() - *ticked > 50000) {
		agents_tick(a);
		*ticked = now_us();
	}
}

/* Everybody once. */
static void prepare(struct agents *a, const struct plan *p)
{
	uint64_t ticked = now_us();
	struct result *r = agents_result(a);
	unsigned begun = 0;

	agents_set_mode(a, MODE_REGISTER);
	while (r->done + r->failed < p->agents.users) {
		while (begun < p->agents.users && agents_busy(a) < p->at_once && agents_begin(a))
			begun++;
		turn(a, &ticked);
	}
	if (r->failed) {
		fprintf(stderr, "load: %llu of %u registrations failed\n",
			(unsigned long long)r->failed, p->agents.users);
		exit(1);
	}
	agents_set_mode(a, p->agents.mode);
}

/* Returns how many were to begin and could not, as every user was busy. */
static uint64_t run(struct agents *a, const struct plan *p)
{
	uint64_t begin = now_us(), ticked = begin, end = begin + (uint64_t)(p->seconds * 1e6);
	uint64_t begun = 0, late = 0, now = begin;

	while (now < end || (agents_busy(a) && now < end + 12000000)) {
		uint64_t due = p->rate > 0 ? (uint64_t)((double)(now - begin) * p->rate / 1e6) : 0;

		while (now < end &&
			(p->rate > 0 ? begun + late < due : agents_busy(a) < p->at_once)) {
			if (agents_begin(a))
				begun++;
			else if (p->rate > 0)
				late++;
			else
				break;
		}
		turn(a, &ticked);
		now = now_us();
	}
	return late;
}

static void report(const struct agents_config *cfg, const struct result *r, double wall, double cpu,
	uint64_t late)
{
	static const char *const names[] = { "options", "register", "refresh", "call" };

	printf("{\"mode\":\"%s\",\"transport\":\"%s\",\"users\":%u,\"done\":%llu,\"failed\":%llu,"
	       "\"resent\":%llu,\"unexpected\":%llu,\"late\":%llu,\"seconds\":%.3f,"
	       "\"per_second\":%.1f,\"p50_us\":%llu,\"p95_us\":%llu,\"p99_us\":%llu,"
	       "\"worst_us\":%llu,\"load_cpu\":%.3f}\n",
		names[cfg->mode], cfg->tcp ? "tcp" : "udp", cfg->users, (unsigned long long)r->done,
		(unsigned long long)r->failed, (unsigned long long)r->resent,
		(unsigned long long)r->unexpected, (unsigned long long)late, wall,
		(double)r->done / wall, (unsigned long long)quantile(r, 0.5),
		(unsigned long long)quantile(r, 0.95), (unsigned long long)quantile(r, 0.99),
		(unsigned long long)r->worst_us, cpu / wall);
	if (cpu / wall > 0.85)
		fprintf(stderr, "load: the load generator itself used %.0f %% of its core\n",
			100 * cpu / wall);
}

static void bad(const char *what)
{
	fprintf(stderr, "load: %s\n%s", what, usage);
	exit(2);
}

static enum mode mode_of(const char *s)
{
	static const char *const names[] = { "options", "register", "refresh", "call" };

	for (unsigned i = 0; i < 4; i++)
		if (strcmp(s, names[i]) == 0)
			return (enum mode)i;
	bad("unknown mode");
	return MODE_OPTIONS;
}

static void take_options(struct plan *p, int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "m:h:p:td:u:s:c:r:n:")) != -1) {
		switch (o) {
		case 'm':
			p->agents.mode = mode_of(optarg);
			break;
		case 'h':
			p->host = optarg;
			break;
		case 'p':
			p->agents.port = (uint16_t)atoi(optarg);
			break;
		case 't':
			p->agents.tcp = true;
			break;
		case 'd':
			p->agents.domain = optarg;
			break;
		case 'u':
			p->agents.users = (unsigned)atoi(optarg);
			break;
		case 's':
			p->agents.sockets = (unsigned)atoi(optarg);
			break;
		case 'c':
			p->at_once = (unsigned)atoi(optarg);
			break;
		case 'r':
			p->rate = atof(optarg);
			break;
		case 'n':
			p->seconds = atof(optarg);
			break;
		default:
			bad("bad option");
		}
	}
	if (p->agents.users < 2 || p->agents.sockets < 1 || p->agents.sockets > SOCKETS_MAX)
		bad("users or sockets out of range");
	p->prepare = p->agents.mode == MODE_CALL || p->agents.mode == MODE_REFRESH;
}

int main(int argc, char **argv)
{
	struct plan p = { .agents = { .users = 1000,
				  .sockets = 16,
				  .domain = "bench.test",
				  .port = 5060,
				  .expires_s = 3600 },
		.host = "127.0.0.1",
		.at_once = 100,
		.seconds = 5 };
	struct sockaddr_in server = { .sin_family = AF_INET };
	struct agents *a;
	double cpu, wall;
	uint64_t late;

	take_options(&p, argc, argv);
	server.sin_port = htons(p.agents.port);
	if (inet_pton(AF_INET, p.host, &server.sin_addr) != 1)
		bad("the address must be IPv4");
	a = agents_new(&p.agents, &server);
	if (p.prepare)
		prepare(a, &p);
	fprintf(stderr, "ready\n"); /* whoever measures the server starts here */
	cpu = cpu_seconds();
	wall = (double)now_us() / 1e6;
	late = run(a, &p);
	report(&p.agents, agents_result(a), (double)now_us() / 1e6 - wall, cpu_seconds() - cpu,
		late);
	agents_free(a);
	return 0;
}
