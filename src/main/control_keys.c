/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command keys: the ids of the keys that the service has, and which of them seals. With
 * "reload" the supervisor reads them again first. Keys themselves never come this way.
 */
#include <stdlib.h>

#include "main/control_int.h"

static void tell(struct client *c)
{
	const struct keyring *r = &c->control->core->keys;
	struct answer a = { NULL };

	for (unsigned i = 0; i < r->count; i++) {
		json_t *o = json_object();

		json_object_set_new(o, "id", control_text(str_of(r->keys[i].id)));
		json_object_set_new(o, "current", json_boolean(i == r->current));
		answer_row(&a, o);
	}
	client_send(c, &a, false);
	client_done(c);
}

void control_keys_told(struct control *ctl, bool read)
{
	struct client *c = ctl->want_keys;

	ctl->want_keys = NULL;
	while (c) {
		struct client *next = c->next_for_keys;

		if (read)
			tell(c);
		else
			client_error(c, "the key file could not be read; the log says why");
		client_release(c);
		c = next;
	}
}

void control_keys(struct client *c, const json_t *request)
{
	if (!json_is_true(json_object_get(request, "reload"))) {
		tell(c);
		return;
	}
	c->busy++;
	c->next_for_keys = c->control->want_keys;
	c->control->want_keys = c;
	core_want_keys(c->control->core);
}
