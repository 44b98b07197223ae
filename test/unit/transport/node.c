/* SPDX-License-Identifier: BSD-3-Clause */
#include "node.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "sip/print.h"

static struct on_worker args[WORKERS];

/* ---- the workers ---- */

static void reply_to(struct transport *t, struct sip_msg *m, const struct flow *flow)
{
	char text[REPLY_MAX], ip[ADDR_TEXT_MAX];
	struct buf b = BUF_OF(text), ipb = BUF_OF(ip);
	const struct sip_reply ok = { .status = 200, .to_tag = STR("t") };

	addr_print_ip(&ipb, &flow->remote);
	sip_print_reply(&b, m, buf_str(&ipb), addr_port(&flow->remote), &ok);
	BUG_ON(transport_send(t, flow, buf_str(&b), 0) != ERR_OK);
}

static void on_message(void *arg, struct sip_msg *m, const struct flow *flow)
{
	struct on_worker *w = arg;
	struct node *n = w->node;

	pthread_mutex_lock(&n->lock);
	BUG_ON(n->seen_count == SEEN_MAX);
	n->seen[n->seen_count].worker = w->id;
	n->seen[n->seen_count].cseq = m->cseq.number;
	BUG_ON(str_copy(m->call_id, n->seen[n->seen_count].call_id, 64) != ERR_OK);
	n->seen_count++;
	n->last_flow = *flow;
	pthread_cond_broadcast(&n->changed);
	pthread_mutex_unlock(&n->lock);
	if (m->is_request && m->method == SIP_OPTIONS)
		reply_to(n->transports[w->id], m, flow);
}

static void on_send_failed(void *arg, uint64_t id, enum err why)
{
	struct node *n = ((struct on_worker *)arg)->node;

	pthread_mutex_lock(&n->lock);
	n->failed_id = id;
	n->failed_why = why;
	pthread_cond_broadcast(&n->changed);
	pthread_mutex_unlock(&n->lock);
}

static bool on_unreachable(
	void *arg, const struct addr *remote, struct str method, struct str branch)
{
	struct on_worker *w = arg;

	BUG_ON(!str_eq(method, STR("OPTIONS")));
	pthread_mutex_lock(&w->node->lock);
	BUG_ON(str_copy(branch, w->node->unreachable_branch, 64) != ERR_OK);
	w->node->unreachable_addr = *remote;
	w->node->unreachable[w->id]++;
	pthread_cond_broadcast(&w->node->changed);
	pthread_mutex_unlock(&w->node->lock);
	return true;
}

static void on_closed(void *arg, uint64_t conn)
{
	struct on_worker *w = arg;

	(void)conn;
	pthread_mutex_lock(&w->node->lock);
	w->node->closed[w->id]++;
	pthread_cond_broadcast(&w->node->changed);
	pthread_mutex_unlock(&w->node->lock);
}

const struct transport_handlers node_handlers = {
	.on_message = on_message,
	.on_send_failed = on_send_failed,
	.on_unreachable = on_unreachable,
	.on_closed = on_closed,
};

static void *run(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void listen_on(struct node *n, const char *line)
{
	assert_int_equal(
		net_listen_parse(str_of(line), &n->cfg.listen[n->cfg.listen_count++]), ERR_OK);
}

struct node *node_with(const char *const *lines, void (*tweak)(struct net_limits *l))
{
	struct node *n = mem_new(struct node);
	struct worker *workers[WORKERS];
	char why_text[256];
	struct buf why = BUF_OF(why_text);

	n->cfg.workers = WORKERS;
	n->cfg.limits = (struct net_limits){ .connections_max = 100,
		.connections_per_ip_max = 50,
		.message_bytes_max = SIP_MSG_MAX,
		.idle_s = 60,
		.message_s = 60,
		.connect_s = 5,
		.queue_bytes_max = 1 << 20 };
	if (tweak)
		tweak(&n->cfg.limits);
	for (; *lines; lines++)
		listen_on(n, *lines);
	assert_int_equal(net_bind(&n->cfg, n->fds, &why), ERR_OK);
	pthread_mutex_init(&n->lock, NULL);
	pthread_cond_init(&n->changed, NULL);
	for (unsigned i = 0; i < WORKERS; i++) {
		worker_init(&n->workers[i], i, WORKERS, NULL);
		workers[i] = &n->workers[i];
		assert_int_equal(loop_init(&n->loops[i], &n->workers[i]), ERR_OK);
	}
	n->net = net_new(&n->cfg, n->fds, workers);
	for (unsigned i = 0; i < WORKERS; i++) {
		args[i] = (struct on_worker){ n, i };
		n->transports[i] = net_worker_new(n->net, &n->workers[i], &node_handlers, &args[i]);
	}
	return n;
}

struct node *node_new(const char *const *lines)
{
	return node_with(lines, NULL);
}

void node_start_one(struct node *n, unsigned worker)
{
	pthread_create(&n->threads[worker], NULL, run, &n->loops[worker]);
}

void node_start(struct node *n)
{
	for (unsigned i = 0; i < WORKERS; i++)
		node_start_one(n, i);
}

void node_stop(struct node *n)
{
	for (unsigned i = 0; i < WORKERS; i++)
		loop_stop(&n->loops[i]);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(n->threads[i], NULL);
}

void node_end(struct node *n)
{
	for (unsigned i = 0; i < WORKERS; i++)
		net_worker_free(n->transports[i]);
	for (unsigned i = 0; i < WORKERS; i++) {
		loop_fini(&n->loops[i]);
		worker_fini(&n->workers[i]);
	}
	net_free(n->net);
	pthread_cond_destroy(&n->changed);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

void node_free(struct node *n)
{
	node_stop(n);
	node_end(n);
}

void wait_for(struct node *n, const unsigned *at, unsigned value)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&n->lock);
	while (*at < value && pthread_cond_timedwait(&n->changed, &n->lock, &until) == 0)
		;
	assert_true(*at >= value);
	pthread_mutex_unlock(&n->lock);
}

/* ---- sending ---- */

struct order { /* something to do on a worker's thread */
	struct inbox_item item;
	struct transport *t;
	struct flow flow;
	uint64_t id;
	size_t length;
	char text[2048];
};

static void run_order(struct inbox_item *item)
{
	struct order *o = container_of(item, struct order, item);

	enum err e = transport_send(o->t, &o->flow, str_make(o->text, o->length), o->id);

	if (e)
		o->t->handlers.on_send_failed(o->t->arg, o->id, e);
	free(o);
}

void send_text_on(struct node *n, unsigned worker, const struct flow *flow, uint64_t id,
	const char *text, size_t length)
{
	struct order *o = mem_new(struct order);

	o->item.run = run_order;
	o->t = n->transports[worker];
	o->flow = *flow;
	o->id = id;
	o->length = length;
	assert_true(length <= sizeof(o->text));
	memcpy(o->text, text, length);
	assert_int_equal(worker_post(&n->workers[worker], &o->item), ERR_OK);
}

void send_on(struct node *n, unsigned worker, const struct flow *flow, uint64_t id)
{
	char text[512];

	send_text_on(n, worker, flow, id, text, options(text, sizeof(text), "sent", 1));
}

void expect_failure(struct node *n, uint64_t id, enum err why)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	pthread_mutex_lock(&n->lock);
	while (n->failed_id != id && pthread_cond_timedwait(&n->changed, &n->lock, &until) == 0)
		;
	assert_int_equal(n->failed_id, id);
	assert_int_equal(n->failed_why, why);
	pthread_mutex_unlock(&n->lock);
}

/* ---- the phones ---- */

int phone(const struct node *n, int type, unsigned line, const char *to_ip)
{
	struct addr to = n->cfg.listen[line].addr;
	struct timeval limit = { .tv_sec = WAIT_S };
	int fd;

	if (to_ip)
		assert_int_equal(addr_parse_ip(str_of(to_ip), addr_port(&to), &to), ERR_OK);
	fd = socket(to.sa.sa_family, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, &to.sa, addr_len(&to)), 0);
	return fd;
}

size_t options(char *out, size_t max, const char *call_id, unsigned cseq)
{
	return (size_t)snprintf(out, max,
		"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK%s%u;rport\r\n"
		"From: <sip:c@d>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: %s\r\nCSeq: %u OPTIONS\r\n"
		"Content-Length: 0\r\n\r\n",
		call_id, cseq, call_id, cseq);
}

void say(int fd, const char *text, size_t n)
{
	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

void ask(int fd, const char *call_id, unsigned cseq)
{
	char text[512];

	say(fd, text, options(text, sizeof(text), call_id, cseq));
}

struct str hear(int fd, char out[REPLY_MAX])
{
	size_t used = 0;
	ssize_t n;

	while ((n = recv(fd, out + used, REPLY_MAX - used, 0)) > 0) {
		used += (size_t)n;
		if (str_ends(str_make(out, used), STR("\r\n\r\n")))
			break;
	}
	return str_make(out, used);
}

void expect_ok(int fd)
{
	char text[REPLY_MAX];

	assert_true(str_starts(hear(fd, text), STR("SIP/2.0 200 OK")));
}

void expect_closed(int fd)
{
	char c;

	assert_int_equal(recv(fd, &c, 1, 0), 0);
}
