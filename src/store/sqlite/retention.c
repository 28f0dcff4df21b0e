/* Retention (M16): a payload goes when its days are over; what stays is the evidence: the message's row with its id and
 * time, its deliveries and attempts, and the digest of what was there (table `purged`).
 *
 * It passes over the messages in order of their ids, some at a time in idle moments, and begins anew an hour after it
 * came to the end. What is still to be delivered is kept, however old: a held event is never dropped. */
#include "model/versions.h"
#include "store/sqlite/private.h"

enum {
	ROWS_A_STEP = 256,
	DAYS_MIN = 1, /* no message has a shorter retention */
};

static const int64_t pass_every_us = INT64_C(3600) * 1000000, day_us = INT64_C(24) * 3600 * 1000000;

void
message_purge(struct sqlite_store *store, int64_t message, struct wall_time now)
{
	sqlite3_stmt *row = sql_bind(store, SQL_PAYLOAD_GET, "i", message);
	unsigned char digests[VERSIONS_DIGESTS_BYTES];
	size_t length = 0;
	if (sql_step(store, row)) {
		struct message left = {.organisation.value = sqlite3_column_int64(row, 2)};
		message_take_payload(&left, sql_slice(row, 0), sqlite3_column_int64(row, 1));
		length = versions_digests(&left, digests);
	}
	sql_end(row);
	if (length == 0)
		return;
	sql_run(store, SQL_PURGED_PUT, "ibi", message, (struct slice){(const char *)digests, length}, now.us);
	sql_run(store, SQL_MESSAGE_EXPUNGE, "i", message);
}

/* Ids on this page whose payload is to go; moves the cursor; returns how many rows were looked at. */
static size_t
next_page(struct sqlite_store *store, struct wall_time now, int64_t *ids, size_t *count)
{
	size_t looked = 0;
	int64_t below = id_floor((struct wall_time){now.us - DAYS_MIN * day_us});
	sqlite3_stmt *row = sql_bind(store, SQL_RETENTION_PAGE, "iiii", store->retention_cursor, below,
	    (int64_t)ROWS_A_STEP, (int64_t)RETENTION_DAYS_MASK);
	while (sql_step(store, row)) {
		looked++;
		store->retention_cursor = sqlite3_column_int64(row, 0);
		int64_t days = sqlite3_column_int64(row, 1);
		bool over = id_time(store->retention_cursor).us + days * day_us <= now.us;
		if (days > 0 && over)
			ids[(*count)++] = store->retention_cursor;
	}
	return looked;
}

bool
retention_step(struct sqlite_store *store, struct wall_time now)
{
	if (now.us < store->retention_next.us)
		return false;
	int64_t ids[ROWS_A_STEP];
	size_t count = 0;
	bool more = next_page(store, now, ids, &count) == ROWS_A_STEP;
	if (count > 0) {
		sql_run(store, SQL_BEGIN, "");
		for (size_t i = 0; i < count; i++)
			if (!tail_has_pending(&store->tail, ids[i]))
				message_purge(store, ids[i], now);
		sql_run(store, SQL_COMMIT, "");
	}
	if (store->failed != SQLITE_OK && !sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	if (!more || store->failed != SQLITE_OK) {
		store->retention_cursor = 0;
		store->retention_next.us = now.us + pass_every_us;
	}
	return more && store->failed == SQLITE_OK;
}
