/* The index of the journal by resource (store.h, store_track): which rows speak of which transaction, approval, case or
 * endpoint. Written behind the journal in steps, each a commit with the place that it came to, so that it never says that it
 * knows a row which it does not. */
#include "store/chain.h"
#include "store/sqlite/private.h"

#define PROGRESS_NAME SLICE("track")

static int64_t
read_through(struct sqlite_store *store)
{
	int64_t through = 0;
	sqlite3_stmt *row = sql_bind(store, SQL_PROGRESS_GET, "t", PROGRESS_NAME);
	if (sql_step(store, row)) {
		through = sqlite3_column_int64(row, 0);
		sql_end(row);
	}
	return through;
}

/* 0: there is none. Names are found by the first bits of their hash. */
static int64_t
find_item(struct sqlite_store *store, int kind, struct slice name)
{
	int64_t found = 0;
	sqlite3_stmt *row = sql_bind(store, SQL_TRACK_FIND, "i", chain_lookup(name));
	while (found == 0 && sql_step(store, row))
		if (sqlite3_column_int(row, 1) == kind && slice_equal(sql_slice(row, 2), name))
			found = sqlite3_column_int64(row, 0);
	sql_end(row);
	return found;
}

void
op_track_put(struct sqlite_store *store, struct store_request *request)
{
	struct store_track *track = &request->admin->track;
	int64_t through = read_through(store);
	if (track->from != through) {
		track->through = through;
		return;
	}
	for (size_t i = 0; i < track->entry_count; i++) {
		const struct store_track_entry *entry = &track->entries[i];
		struct slice name = store_track_name(entry->name);
		int64_t item = find_item(store, entry->kind, name);
		if (item == 0) {
			sql_run(store, SQL_TRACK_ITEM_PUT, "iit", (int64_t)entry->kind, chain_lookup(name), name);
			item = sqlite3_last_insert_rowid(store->db);
		}
		sql_run(store, SQL_TRACK_EVENT_PUT, "ii", item, entry->seq);
	}
	sql_run(store, SQL_PROGRESS_PUT, "ti", PROGRESS_NAME, track->through);
}

void
op_track_get(struct sqlite_store *store, struct store_request *request)
{
	struct store_track *track = &request->admin->track;
	const struct store_page *page = &request->page;
	size_t bytes = 0;
	track->through = read_through(store);
	int64_t item = find_item(store, track->kind, store_track_name(track->name));
	request->journal_rows = arena_alloc(&request->arena, page->limit * sizeof request->journal_rows[0]);
	sqlite3_stmt *row = sql_bind(store, SQL_TRACK_ROWS, "iii", item, page->after, (int64_t)page->limit + 1);
	while (sql_step(store, row)) {
		request->more = request->count == page->limit || bytes >= LIMIT_REFILL_BYTES;
		if (request->more)
			break;
		struct store_journal_row *out = &request->journal_rows[request->count++];
		*out = journal_row_with_body(row, &request->arena);
		bytes += out->body.len;
	}
	sql_end(row);
}

void
op_track_list(struct sqlite_store *store, struct store_request *request)
{
	struct store_track *track = &request->admin->track;
	const struct store_page *page = &request->page;
	int64_t above, below;
	page_range(page, &above, &below);
	track->through = read_through(store);
	track->items = arena_alloc(&request->arena, page->limit * sizeof track->items[0]);
	sqlite3_stmt *row = sql_bind(store, page->descending ? SQL_TRACK_ITEMS_DOWN : SQL_TRACK_ITEMS_UP, "iiii",
	    (int64_t)track->kind, above, below, (int64_t)page->limit + 1);
	while (!request->more && sql_step(store, row)) {
		request->more = track->item_count == page->limit;
		if (!request->more)
			track->items[track->item_count++] = (struct store_track_item){
			    sqlite3_column_int64(row, 0), arena_copy(&request->arena, sql_slice(row, 1))};
	}
	sql_end(row);
}
