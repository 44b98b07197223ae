/* SPDX-License-Identifier: BSD-3-Clause */
#include "transport/dispatch.h"
#include "base/hash.h"
#include "loop/worker.h"

unsigned dispatch_owner_of_call(struct str call_id, unsigned workers)
{
	return (unsigned)(hash_stable(call_id) % workers);
}

unsigned dispatch_owner(const struct sip_msg *m, unsigned workers)
{
	struct str token = m->to.tag;
	unsigned owner;

	if (workers == 1)
		return 0;
	if (!m->is_request)
		token = str_starts(m->via.branch, SIP_BRANCH_COOKIE)
			? str_from(m->via.branch, SIP_BRANCH_COOKIE.n)
			: STR_NONE;
	if (worker_of_token(token, workers, &owner))
		return owner;
	return dispatch_owner_of_call(m->call_id, workers);
}
