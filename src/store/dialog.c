/* SPDX-License-Identifier: BSD-3-Clause */
#include "store/repo.h"
#include "store/table.h"

static const struct column columns[] = {
	KEY_COLUMN(I64, store_dialog, id),
	COLUMN(TEXT, store_dialog, call),
	COLUMN(U32, store_dialog, side),
	COLUMN(TEXT, store_dialog, call_id),
	COLUMN(TEXT, store_dialog, local_tag),
	COLUMN(TEXT, store_dialog, remote_tag),
	COLUMN(TEXT, store_dialog, local),
	COLUMN(TEXT, store_dialog, remote),
	COLUMN(TEXT, store_dialog, remote_target),
	COLUMN(TEXT, store_dialog, local_contact),
	COLUMN(TEXT, store_dialog, routes),
	COLUMN(U32, store_dialog, local_cseq),
	COLUMN(U32, store_dialog, remote_cseq),
	COLUMN(BOOL, store_dialog, uas),
	COLUMN(BOOL, store_dialog, secure),
	COLUMN(TEXT, store_dialog, flow_remote),
	COLUMN(TEXT, store_dialog, flow_local),
	COLUMN(U32, store_dialog, listener),
	COLUMN(TEXT, store_dialog, customer),
	COLUMN(TEXT, store_dialog, account),
	COLUMN_NAMED(TIME, store_dialog, answered_ms, "answered"),
	COLUMN_NAMED(TIME, store_dialog, limit_ms, "limit_at"),
	COLUMN(TEXT, store_dialog, session),
	COLUMN(TEXT, store_dialog, extra),
};
static const struct table dialogs = TABLE("dialogs", store_dialog, columns, "ORDER BY id");

enum err store_dialog_put(struct store_db *db, const struct store_dialog *d)
{
	return table_put(db, &dialogs, d);
}

enum err store_dialog_remove(struct store_db *db, int64_t id)
{
	return table_run_key(db, "DELETE FROM dialogs WHERE id=?", id);
}

LIST_OF(store_dialog_list, store_dialog, dialogs)
