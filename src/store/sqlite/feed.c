/* The feed: what an endpoint gets, by the endpoint's gap-free sequence.
 *
 * A delivery's row has its sequence, but no key by which it is found: such an index costs five microseconds for each
 * event, because the rows of every endpoint go to a page of its own. So the table `feed` is written behind: a few
 * thousand deliveries at once, sorted, in idle moments, or within a batch when that many have come; and what is still
 * not there is added when somebody reads.
 *
 * Invariant: the deliveries of all messages up to feed.message are in the table, and none beyond. */
#include "model/versions.h"
#include "store/sqlite/private.h"

#include <stdlib.h>

enum {
	FEED_ROWS = 4096,		/* taken at a time: about three milliseconds */
	FEED_READ_ROWS = 16 * FEED_ROWS /* added for one reader, who then may have to ask again */
};

#define PROGRESS_NAME SLICE("feed")

struct feed_row {
	int64_t endpoint, sequence, message;
};

struct feed_rows {
	struct feed_row *items;
	size_t count, capacity;
};

void
feed_load(struct sqlite_store *store)
{
	store->feed = (struct feed){.behind = FEED_ROWS}; /* it is not known: the next pass sees */
	sqlite3_stmt *row = sql_bind(store, SQL_PROGRESS_GET, "t", PROGRESS_NAME);
	if (sql_step(store, row))
		store->feed.message = sqlite3_column_int64(row, 0);
	sql_end(row);
}

void
feed_note(struct sqlite_store *store, int64_t message, int64_t endpoint, int64_t sequence)
{
	/* An older message that an endpoint gets only now: the pass over messages has gone by. */
	if (message <= store->feed.message)
		sql_run(store, SQL_FEED_PUT, "iii", endpoint, sequence, message);
	else
		store->feed.behind++;
}

static int
compare(const void *left, const void *right)
{
	const struct feed_row *a = left, *b = right;
	int order = (a->endpoint > b->endpoint) - (a->endpoint < b->endpoint);
	return order != 0 ? order : (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

/* At least FEED_ROWS deliveries, and all of the last message; fewer where there are no more. */
static struct feed_rows
next_rows(struct sqlite_store *store)
{
	int64_t below = tail_first_made(&store->tail); /* its deliveries may not be there yet */
	struct feed_rows rows = {.capacity = FEED_ROWS + 64};
	rows.items = mem_alloc(rows.capacity * sizeof rows.items[0]);
	sqlite3_stmt *row = sql_bind(store, SQL_FEED_NEXT, "i", store->feed.message);
	while (sql_step(store, row)) {
		int64_t message = sqlite3_column_int64(row, 0);
		if (message >= below)
			break;
		if (rows.count >= FEED_ROWS && message != rows.items[rows.count - 1].message)
			break;
		if (rows.count == rows.capacity) {
			rows.capacity *= 2;
			rows.items = mem_resize(rows.items, rows.capacity, sizeof rows.items[0]);
		}
		rows.items[rows.count++] =
		    (struct feed_row){sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2), message};
	}
	sql_end(row);
	return rows;
}

/* Within a transaction. Returns how many deliveries were added; fewer than FEED_ROWS: there are no more. */
static size_t
add_rows(struct sqlite_store *store)
{
	struct feed_rows rows = next_rows(store);
	size_t count = rows.count;
	if (count > 0) {
		int64_t last = rows.items[count - 1].message;
		qsort(rows.items, count, sizeof rows.items[0], compare);
		for (size_t i = 0; i < count; i++)
			sql_run(store, SQL_FEED_PUT, "iii", rows.items[i].endpoint, rows.items[i].sequence,
			    rows.items[i].message);
		sql_run(store, SQL_PROGRESS_PUT, "ti", PROGRESS_NAME, last);
		store->feed.message = last;
	}
	store->feed.behind = count < FEED_ROWS || store->feed.behind < count ? 0 : store->feed.behind - count;
	free(rows.items);
	return count;
}

void
feed_keep_up(struct sqlite_store *store)
{
	if (store->options.feed && store->feed.behind >= 2 * FEED_ROWS)
		(void)add_rows(store);
}

/* In a transaction of its own. What is few waits for more of its kind, or for a reader: a commit for each event would
 * cost more than the event. */
bool
feed_step(struct sqlite_store *store)
{
	if (!store->options.feed || store->feed.behind < FEED_ROWS || store->read_only)
		return false;
	sql_run(store, SQL_BEGIN, "");
	bool more = add_rows(store) >= FEED_ROWS;
	sql_run(store, SQL_COMMIT, "");
	if (store->failed == SQLITE_OK)
		return more;
	if (!sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	store->failed = SQLITE_OK;
	feed_load(store);
	store->feed.behind = 0; /* not at once again: a disk that is full would be asked for ever */
	return false;
}

void
feed_catch_up(struct sqlite_store *store)
{
	size_t added = 0, rows = FEED_ROWS;
	tail_settle(store);
	while (rows >= FEED_ROWS && added < FEED_READ_ROWS) {
		rows = add_rows(store);
		added += rows;
	}
}

void
op_feed(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	struct directory_endpoint *entry = need_endpoint(store, owner, request);
	if (entry == NULL)
		return;
	feed_catch_up(store);
	const struct store_page *page = &request->page;
	int64_t last = page->after;
	size_t bytes = 0;
	request->newest = entry->sequence;
	request->admin->endpoint = endpoint_copy(&request->arena, &entry->endpoint);
	endpoint_facts(store, &request->admin->endpoint);
	tell_redactions(request, owner);
	request->deliveries = arena_alloc(&request->arena, page->limit * sizeof request->deliveries[0]);
	sqlite3_stmt *row =
	    sql_bind(store, SQL_FEED_LIST, "iii", entry->endpoint.id.value, page->after, (int64_t)page->limit);
	while (request->count < page->limit && bytes < LIMIT_REFILL_BYTES && sql_step(store, row)) {
		struct message *message = message_from_row(row, 2);
		last = sqlite3_column_int64(row, 0);
		struct slice digest = slice_present(message->payload)
					  ? SLICE_NONE
					  : versions_digest(sql_slice(row, 1), entry->endpoint.version);
		request->deliveries[request->count++] = (struct store_delivery){
		    .message = message,
		    .sequence = last,
		    .payload_sha256 = arena_copy(&request->arena, digest),
		};
		bytes += versions_bytes(message);
	}
	sql_end(row);
	request->more = last < entry->sequence;
}
