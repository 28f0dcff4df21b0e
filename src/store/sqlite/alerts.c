/* Alerts (alert.h): few rows, so that a list is a walk over the table. */
#include "store/sqlite/private.h"

/* From ALERT_COLUMNS. A kind that is not known is another version's: it is shown as what is most general. */
static struct alert
row_from(sqlite3_stmt *row, struct arena *arena)
{
	struct alert alert = {
	    .id = sqlite3_column_int64(row, 0),
	    .key = arena_copy(arena, sql_slice(row, 2)),
	    .severity = (enum alert_severity)sqlite3_column_int64(row, 3),
	    .state = (enum alert_state)sqlite3_column_int64(row, 4),
	    .first = {sqlite3_column_int64(row, 5)},
	    .last = {sqlite3_column_int64(row, 6)},
	    .changed = {sqlite3_column_int64(row, 7)},
	    .count = sqlite3_column_int64(row, 8),
	    .revision = sqlite3_column_int64(row, 9),
	    .by = arena_copy(arena, sql_slice(row, 10)),
	    .summary = arena_copy(arena, sql_slice(row, 11)),
	};
	if (!alert_kind_parse(sql_slice(row, 1), &alert.kind))
		alert.kind = ALERT_JOURNAL;
	alert.severity = alert.severity < ALERT_SEVERITY_COUNT ? alert.severity : ALERT_WARNING;
	alert.state = alert.state < ALERT_STATE_COUNT ? alert.state : ALERT_OPEN;
	return alert;
}

static bool
find(struct sqlite_store *store, const struct alert *wanted, struct arena *arena, struct alert *out)
{
	sqlite3_stmt *row = wanted->id != 0 ? sql_bind(store, SQL_ALERT_GET, "i", wanted->id)
					    : sql_bind(store, SQL_ALERT_FIND, "tt",
						  slice_of(alert_kind_name(wanted->kind)), wanted->key);
	if (!sql_step(store, row))
		return false;
	*out = row_from(row, arena);
	sql_end(row);
	return true;
}

static void
save(struct sqlite_store *store, const struct alert *alert)
{
	sql_run(store, SQL_ALERT_UPDATE, "iiiiiiiitt", alert->id, (int64_t)alert->severity, (int64_t)alert->state,
	    alert->first.us, alert->last.us, alert->changed.us, alert->count, alert->revision, alert->by,
	    alert->summary);
}

static void
insert(struct sqlite_store *store, struct alert *alert)
{
	sqlite3_stmt *row = sql_get(store, SQL_ALERT_COUNT);
	bool full = sql_step(store, row) && sqlite3_column_int64(row, 0) >= LIMIT_ALERTS;
	sql_end(row);
	if (full) {
		row = sql_get(store, SQL_ALERT_DROP);
		int64_t dropped = sql_step(store, row) ? sqlite3_column_int64(row, 0) : 0;
		sql_end(row);
		sql_run(store, SQL_ALERT_FORGET, "i", dropped);
	}
	sql_run(store, SQL_ALERT_PUT, "ttiiiiiiitt", slice_of(alert_kind_name(alert->kind)), alert->key,
	    (int64_t)alert->severity, (int64_t)alert->state, alert->first.us, alert->last.us, alert->changed.us,
	    alert->count, alert->revision, alert->by, alert->summary);
	alert->id = sqlite3_last_insert_rowid(store->db);
}

struct alert
alert_put(
    struct sqlite_store *store, const struct alert *raised, struct wall_time now, struct arena *arena, bool *existed)
{
	struct alert row, wanted = *raised;
	wanted.id = 0;
	*existed = false;
	if (find(store, &wanted, arena, &row)) {
		*existed = row.state != ALERT_RESOLVED;
		(void)alert_row_raise(&row, raised, now);
		save(store, &row);
	} else {
		row = alert_row_new(raised, 0, now);
		insert(store, &row);
	}
	return row;
}

void
op_alert_raise(struct sqlite_store *store, struct store_request *request)
{
	request->admin->alert =
	    alert_put(store, &request->admin->alert, request->now, &request->arena, &request->existed);
}

void
alert_resolve_row(
    struct sqlite_store *store, enum alert_kind kind, struct slice key, struct wall_time now, struct arena *arena)
{
	struct alert row;
	if (find(store, &(struct alert){.kind = kind, .key = key}, arena, &row) &&
	    alert_row_move(&row, ALERT_RESOLVED, SLICE_NONE, now))
		save(store, &row);
}

void
op_alert_move(struct sqlite_store *store, struct store_request *request)
{
	const struct alert *asked = &request->admin->alert;
	struct alert row;
	request->existed = find(store, asked, &request->arena, &row);
	if (!request->existed) {
		if (asked->id != 0)
			request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_ALERT, "there is no such alert");
		return;
	}
	if (alert_row_move(&row, asked->state, asked->by, request->now))
		save(store, &row);
	request->admin->alert = row;
}

static void
take_rows(struct sqlite_store *store, sqlite3_stmt *row, struct store_request *request)
{
	request->admin->alerts =
	    arena_alloc(&request->arena, (request->page.limit + 1) * sizeof request->admin->alerts[0]);
	while (sql_step(store, row)) {
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		request->admin->alerts[request->count++] = row_from(row, &request->arena);
	}
	sql_end(row);
}

void
op_alert_list(struct sqlite_store *store, struct store_request *request)
{
	int64_t above, below;
	page_range(&request->page, &above, &below);
	take_rows(store,
	    sql_bind(store, request->page.descending ? SQL_ALERT_LIST_DOWN : SQL_ALERT_LIST_UP, "iii", above, below,
		(int64_t)request->admin->alert_state),
	    request);
}

void
op_alert_due(struct sqlite_store *store, struct store_request *request)
{
	take_rows(store, sql_bind(store, SQL_ALERT_DUE, "t", request->ref), request);
}

void
op_alert_told(struct sqlite_store *store, struct store_request *request)
{
	sql_run(store, SQL_ALERT_TOLD, "tii", request->ref, request->admin->alert.id, request->admin->alert.revision);
}
