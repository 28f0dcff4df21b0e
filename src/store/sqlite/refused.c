/* Refused requests: rows for the look of them, counters for the number, both bounded.
 *
 * What is kept is counted in memory, by source, so that keeping to the bounds is a comparison. The tallies are read from
 * the tables when they are first needed, and again after a batch that did not commit. */
#include "store/sqlite/private.h"

#include <stdlib.h>

/* --- tallies ---------------------------------------------------------------------------------------- */

void
refused_forget(struct sqlite_store *store)
{
	free(store->refused.items);
	arena_free(&store->refused.arena);
	store->refused = (struct refused_tallies){.arena = ARENA_EMPTY};
}

static struct refused_tally *
tally_of(struct refused_tallies *all, struct slice source)
{
	for (size_t i = 0; i < all->count; i++)
		if (slice_equal(all->items[i].source, source))
			return &all->items[i];
	if (all->count == all->capacity) {
		all->capacity = all->capacity == 0 ? 16 : all->capacity * 2;
		all->items = mem_resize(all->items, all->capacity, sizeof all->items[0]);
	}
	all->items[all->count] = (struct refused_tally){.source = arena_copy(&all->arena, source)};
	return &all->items[all->count++];
}

static void
load_tallies(struct sqlite_store *store)
{
	struct refused_tallies *all = &store->refused;
	if (all->loaded)
		return;
	all->loaded = true;
	sqlite3_stmt *row = sql_get(store, SQL_REFUSED_TALLY);
	while (sql_step(store, row)) {
		struct refused_tally *tally = tally_of(all, sql_slice(row, 0));
		for (size_t i = 0; i < REFUSED_KEPT_COUNT; i++) {
			int64_t kept = sqlite3_column_int64(row, (int)i + 1);
			tally->kept[i] += kept;
			all->kept[i] += kept;
		}
	}
}

/* --- writing ---------------------------------------------------------------------------------------- */

static const struct {
	int64_t max, max_of_source;
	enum sql drop, drop_of_source;
} bounds[REFUSED_KEPT_COUNT] = {
    [REFUSED_ROWS] = {LIMIT_REFUSED, LIMIT_REFUSED_OF_SOURCE, SQL_REFUSED_DROP, SQL_REFUSED_DROP_OF},
    [REFUSED_CLAIMS] = {LIMIT_REFUSED_CLAIMS, LIMIT_REFUSED_CLAIMS_OF_SOURCE, SQL_REFUSED_CLAIM_DROP,
	SQL_REFUSED_CLAIM_DROP_OF},
};

/* Counts a row that was added, and drops the oldest where there are too many: of its source, else of all. */
static void
count_kept(struct sqlite_store *store, enum refused_kept which, struct slice source)
{
	struct refused_tallies *all = &store->refused;
	struct refused_tally *tally = tally_of(all, source);
	all->kept[which]++;
	tally->kept[which]++;
	sqlite3_stmt *row;
	if (tally->kept[which] > bounds[which].max_of_source)
		row = sql_bind(store, bounds[which].drop_of_source, "t", source);
	else if (all->kept[which] > bounds[which].max)
		row = sql_get(store, bounds[which].drop);
	else
		return;
	while (sql_step(store, row)) {
		tally_of(all, sql_slice(row, 0))->kept[which]--;
		all->kept[which]--;
	}
}

static void
count_claim(struct sqlite_store *store, struct slice source, struct slice claimed, struct wall_time now, int64_t count)
{
	sql_run(store, SQL_REFUSED_CLAIM, "ttii", source, claimed, now.us, count);
	if (sqlite3_changes(store->db) > 0)
		return;
	sql_run(store, SQL_REFUSED_CLAIM_PUT, "ttii", source, claimed, now.us, count);
	count_kept(store, REFUSED_CLAIMS, source);
}

static struct slice
or_empty(struct slice text)
{
	return slice_present(text) ? text : SLICE("");
}

void
op_refused(struct sqlite_store *store, struct store_request *request)
{
	const struct store_refused *refused = &request->admin->refused;
	struct slice source = or_empty(refused->source), reason = or_empty(refused->reason);
	int64_t count = refused->count > 0 ? refused->count : 1;
	load_tallies(store);
	sql_run(store, SQL_REFUSED_PUT, "ttttibi", source, reason, refused->claimed, refused->detail, request->now.us,
	    (struct slice){(const char *)refused->body_sha256, SHA256_BYTES}, count);
	count_kept(store, REFUSED_ROWS, source);
	sql_run(store, SQL_REFUSED_COUNT, "ttii", source, reason, request->now.us, count);
	if (refused->forged)
		count_claim(store, source, or_empty(refused->claimed), request->now, count);
}

/* --- reading ---------------------------------------------------------------------------------------- */

void
op_refused_list(struct sqlite_store *store, struct store_request *request)
{
	static const enum sql lists[] = {
	    [STORE_REFUSED_ROWS] = SQL_REFUSED_ROWS,
	    [STORE_REFUSED_CLAIMS] = SQL_REFUSED_CLAIMS,
	    [STORE_REFUSED_TOTALS] = SQL_REFUSED_TOTALS,
	};
	const struct store_page *page = &request->page;
	struct arena *arena = &request->arena;
	request->admin->refused_rows = arena_alloc(arena, page->limit * sizeof request->admin->refused_rows[0]);
	sqlite3_stmt *row =
	    sql_bind(store, lists[request->admin->refused_kind], "ii", page->after, (int64_t)page->limit + 1);
	while (sql_step(store, row)) {
		request->more = request->count == page->limit;
		if (request->more)
			break;
		struct store_refused_row *out = &request->admin->refused_rows[request->count++];
		*out = (struct store_refused_row){
		    .id = sqlite3_column_int64(row, 0),
		    .source = arena_copy(arena, sql_slice(row, 1)),
		    .reason = arena_copy(arena, sql_slice(row, 2)),
		    .claimed = arena_copy(arena, sql_slice(row, 3)),
		    .detail = arena_copy(arena, sql_slice(row, 4)),
		    .first = {sqlite3_column_int64(row, 5)},
		    .last = {sqlite3_column_int64(row, 6)},
		    .count = sqlite3_column_int64(row, 7),
		};
		if (request->admin->refused_kind == STORE_REFUSED_ROWS) {
			struct slice sha = sql_slice(row, 8);
			memcpy(out->body_sha256, sha.ptr, sha.len < SHA256_BYTES ? sha.len : SHA256_BYTES);
		}
	}
	sql_end(row);
}
