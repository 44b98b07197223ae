/* SPDX-License-Identifier: BSD-3-Clause */
#include "main/network.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"

enum { HANDLES = 2, READ_BYTES = 16384 };

struct network_watch {
	int fd;
	uv_poll_t poll;
	uv_timer_t settle;
	struct event_bus *events;
	void (*changed)(void *arg);
	void *arg;
	uint64_t told_ms; /* the loop's clock; 0: never */
	unsigned closing;
};

/* The loopback interface's addresses, and those that end, lead nowhere new. */
static bool address_matters(const struct nlmsghdr *m)
{
	const struct ifaddrmsg *a = NLMSG_DATA(m);

	return m->nlmsg_len >= NLMSG_LENGTH(sizeof(*a)) && a->ifa_scope != RT_SCOPE_HOST;
}

/* A neighbour that was just seen is a route of the cache: these come and go with every packet. */
static bool route_matters(const struct nlmsghdr *m)
{
	const struct rtmsg *r = NLMSG_DATA(m);

	return m->nlmsg_len >= NLMSG_LENGTH(sizeof(*r)) && r->rtm_type == RTN_UNICAST &&
		!(r->rtm_flags & RTM_F_CLONED);
}

static bool link_matters(const struct nlmsghdr *m)
{
	const struct ifinfomsg *i = NLMSG_DATA(m);

	return m->nlmsg_len >= NLMSG_LENGTH(sizeof(*i)) && (i->ifi_flags & IFF_RUNNING) &&
		!(i->ifi_flags & IFF_LOOPBACK);
}

static bool matters(const struct nlmsghdr *m)
{
	switch (m->nlmsg_type) {
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return address_matters(m);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return route_matters(m);
	case RTM_NEWLINK:
		return link_matters(m);
	default:
		return false;
	}
}

static bool any_matters(const char *bytes, ssize_t n)
{
	unsigned left = (unsigned)n;

	for (const struct nlmsghdr *m = (const struct nlmsghdr *)bytes; NLMSG_OK(m, left);
		m = NLMSG_NEXT(m, left))
		if (matters(m))
			return true;
	return false;
}

static void on_settled(uv_timer_t *t)
{
	struct network_watch *n = t->data;

	n->told_ms = uv_now(t->loop);
	event_note(n->events, EV_NETWORK, STR_NONE, STR_NONE,
		"addresses or routes of this machine changed");
	n->changed(n->arg);
}

static uint64_t until_told(struct network_watch *n)
{
	uint64_t now = uv_now(n->poll.loop), next = n->told_ms + NETWORK_PAUSE_MS;

	return n->told_ms && next > now + NETWORK_SETTLE_MS ? next - now : NETWORK_SETTLE_MS;
}

static void on_readable(uv_poll_t *p, int status, int events)
{
	struct network_watch *n = p->data;
	_Alignas(struct nlmsghdr) char bytes[READ_BYTES];
	bool news = false;
	ssize_t got;

	(void)status;
	(void)events;
	while ((got = recv(n->fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
		news |= any_matters(bytes, got);
	if (got < 0 &&
		errno == ENOBUFS) /* more than the kernel keeps for us: surely one mattered */
		news = true;
	if (news && !uv_is_active((uv_handle_t *)&n->settle))
		uv_timer_start(&n->settle, on_settled, until_told(n), 0);
}

static int subscribe(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
			RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

struct network_watch *network_watch_new(
	uv_loop_t *uv, struct event_bus *events, void (*changed)(void *arg), void *arg)
{
	struct network_watch *n;
	int fd = subscribe();

	if (fd < 0) {
		event_note(events, EV_NETWORK, STR_NONE, STR_NONE,
			"the kernel does not tell of this machine's addresses: %s; after an "
			"outage, what waits goes on at its next try",
			strerror(errno));
		return NULL;
	}
	n = mem_new(struct network_watch);
	*n = (struct network_watch){ .fd = fd, .events = events, .changed = changed, .arg = arg };
	n->poll.data = n->settle.data = n;
	BUG_ON(uv_poll_init(uv, &n->poll, fd) != 0);
	BUG_ON(uv_poll_start(&n->poll, UV_READABLE, on_readable) != 0);
	BUG_ON(uv_timer_init(uv, &n->settle) != 0);
	return n;
}

static void on_closed(uv_handle_t *h)
{
	struct network_watch *n = h->data;

	if (++n->closing < HANDLES)
		return;
	close(n->fd);
	free(n);
}

void network_watch_free(struct network_watch *n)
{
	if (!n)
		return;
	uv_close((uv_handle_t *)&n->poll, on_closed);
	uv_close((uv_handle_t *)&n->settle, on_closed);
}
