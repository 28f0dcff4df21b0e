/* Kept breaks: rows, their history, and the runs that looked at everything. */
#include "store/audit.h"
#include "store/sqlite/private.h"

enum { RUNS_KEPT = 1000 };

/* From BREAK_COLUMNS. */
static struct store_break
row_from(sqlite3_stmt *row, struct arena *arena)
{
	struct store_break out = {
	    .number = sqlite3_column_int64(row, 0),
	    .id = sql_slice(row, 1),
	    .class = sql_slice(row, 2),
	    .severity = sql_slice(row, 3),
	    .match_key = sql_slice(row, 4),
	    .detail = sql_slice(row, 5),
	    .sides = {sql_slice(row, 6), sql_slice(row, 7), sql_slice(row, 8)},
	    .since = {sqlite3_column_int64(row, 9)},
	    .first_seen = {sqlite3_column_int64(row, 10)},
	    .last_seen = {sqlite3_column_int64(row, 11)},
	    .changed = {sqlite3_column_int64(row, 12)},
	    .run = sqlite3_column_int64(row, 13),
	    .state = (enum break_state)sqlite3_column_int(row, 14),
	    .proposed = (enum break_state)sqlite3_column_int(row, 15),
	    .proposer = sql_slice(row, 16),
	    .moves = sqlite3_column_int64(row, 17),
	};
	/* What somebody else wrote there is at least looked at. */
	if (out.state >= BREAK_STATE_COUNT)
		out.state = BREAK_STATE_OPEN;
	if (out.proposed > BREAK_STATE_COUNT)
		out.proposed = BREAK_STATE_COUNT;
	return break_copy(arena, &out);
}

static bool
find(struct sqlite_store *store, struct slice id, struct arena *arena, struct store_break *out)
{
	sqlite3_stmt *row = sql_bind(store, SQL_BREAK_GET, "t", id);
	if (!sql_step(store, row))
		return false;
	*out = row_from(row, arena);
	sql_end(row);
	return true;
}

static int64_t
proposal(const struct store_break *row)
{
	return row->proposed == BREAK_STATE_COUNT ? -1 : (int64_t)row->proposed;
}

/* A new row's number is the next one, and given back. */
static int64_t
put(struct sqlite_store *store, const struct store_break *row)
{
	if (row->number == 0) {
		sql_run(store, SQL_BREAK_ADD,
		    "tttttttt"
		    "iiiii"
		    "iiti",
		    row->id, row->class, row->severity, row->match_key, row->detail, row->sides[0], row->sides[1],
		    row->sides[2], row->since.us, row->first_seen.us, row->last_seen.us, row->changed.us, row->run,
		    (int64_t)row->state, proposal(row), row->proposer, row->moves);
		return sqlite3_last_insert_rowid(store->db);
	}
	sql_run(store, SQL_BREAK_PUT,
	    "i"
	    "ttttttt"
	    "iiii"
	    "iiti",
	    row->number, row->class, row->severity, row->match_key, row->detail, row->sides[0], row->sides[1],
	    row->sides[2], row->since.us, row->last_seen.us, row->changed.us, row->run, (int64_t)row->state,
	    proposal(row), row->proposer, row->moves);
	return row->number;
}

static void
put_move(struct sqlite_store *store, int64_t of, const struct store_break_move *move)
{
	sql_run(store, SQL_BREAK_MOVE_ADD, "iiiiiitt", of, move->number, move->at.us, (int64_t)move->act,
	    (int64_t)move->from, (int64_t)move->to, move->actor, move->reason);
}

/* Whether a whole run between the two did not find it. */
static bool
was_absent(struct sqlite_store *store, int64_t last, int64_t run)
{
	sqlite3_stmt *row = sql_bind(store, SQL_BREAK_RUN_BETWEEN, "ii", last, run);
	bool found = sql_step(store, row);
	sql_end(row);
	return found;
}

void
op_break_seen(struct sqlite_store *store, struct store_request *request)
{
	request->admin->break_run.opened = request->admin->break_run.reopened = 0;
	for (size_t i = 0; i < request->count; i++) {
		struct store_break *found = &request->admin->breaks[i];
		struct store_break known, next;
		struct store_break_move move;
		found->run = request->admin->break_run.run;
		bool is_known = find(store, found->id, &request->arena, &known);
		bool closed = is_known && !break_state_open(known.state);
		bool absent = closed && was_absent(store, known.run, found->run);
		bool moved = break_meet(is_known ? &known : NULL, found, absent, request->now, &next, &move);
		if (!is_known)
			next.number = 0;
		int64_t number = put(store, &next);
		if (moved)
			put_move(store, number, &move);
		request->admin->break_run.opened += !is_known;
		request->admin->break_run.reopened += is_known && moved;
		found->fresh = moved;
	}
}

void
op_break_end(struct sqlite_store *store, struct store_request *request)
{
	struct store_break_run *run = &request->admin->break_run;
	struct store_break *left = arena_alloc(&request->arena, (request->page.limit + 1) * sizeof left[0]);
	size_t count = 0;
	sqlite3_stmt *row = sql_bind(store, SQL_BREAK_LEFT, "ii", run->run, (int64_t)request->page.limit + 1);
	while (sql_step(store, row))
		left[count++] = row_from(row, &request->arena);
	request->more = count > request->page.limit;
	request->admin->breaks = left;
	request->count = request->more ? request->page.limit : count;
	for (size_t i = 0; i < request->count; i++) {
		struct store_break_move move;
		break_leave(&left[i], request->now, &move);
		put(store, &left[i]);
		put_move(store, left[i].number, &move);
		run->closed++;
	}
	if (request->more)
		return;
	run->at = request->now;
	sql_run(store, SQL_BREAK_RUN_ADD, "iiiiiiii", run->run, run->as_of.us, run->at.us, run->matched, run->found,
	    run->opened, run->reopened, run->closed);
	sql_run(store, SQL_BREAK_RUN_DROP, "i", (int64_t)RUNS_KEPT);
}

static bool
need(struct sqlite_store *store, struct store_request *request, struct store_break *out)
{
	if (find(store, request->admin->break_id, &request->arena, out))
		return true;
	if (store->failed == SQLITE_OK)
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE, "there is no such break");
	return false;
}

static void
answer(struct store_request *request, const struct store_break *row)
{
	request->admin->breaks = arena_alloc(&request->arena, sizeof request->admin->breaks[0]);
	request->admin->breaks[0] = *row;
	request->count = 1;
}

void
op_break_move(struct sqlite_store *store, struct store_request *request)
{
	struct store_break row;
	struct store_break_move move;
	if (!need(store, request, &row))
		return;
	enum error_code code = break_decide(&row, request->admin->break_to, request->admin->break_actor,
	    request->admin->break_reason, request->now, &move, &request->error);
	if (code != OK) {
		request->status = code;
		return;
	}
	put(store, &row);
	put_move(store, row.number, &move);
	answer(request, &row);
	audit_break(request, &move);
	if (!break_state_open(row.state))
		alert_resolve_row(store, ALERT_BREAK, request->admin->break_id, request->now, &request->arena);
}

void
op_break_get(struct sqlite_store *store, struct store_request *request)
{
	struct store_break row;
	if (!need(store, request, &row))
		return;
	answer(request, &row);
	struct arena *arena = &request->arena;
	request->admin->break_moves = arena_alloc(arena, (size_t)row.moves * sizeof request->admin->break_moves[0]);
	sqlite3_stmt *line = sql_bind(store, SQL_BREAK_MOVES, "ii", row.number, row.moves);
	while (sql_step(store, line)) {
		struct store_break_move move = {
		    .number = sqlite3_column_int64(line, 0),
		    .at = {sqlite3_column_int64(line, 1)},
		    .act = (enum break_act)sqlite3_column_int(line, 2),
		    .from = (enum break_state)sqlite3_column_int(line, 3),
		    .to = (enum break_state)sqlite3_column_int(line, 4),
		    .actor = sql_slice(line, 5),
		    .reason = sql_slice(line, 6),
		};
		if (move.act < BREAK_ACT_COUNT && move.from < BREAK_STATE_COUNT && move.to < BREAK_STATE_COUNT)
			request->admin->break_moves[request->admin->break_move_count++] = break_move_copy(arena, &move);
	}
}

void
op_break_list(struct sqlite_store *store, struct store_request *request)
{
	const struct store_page *page = &request->page;
	int64_t above, below;
	page_range(page, &above, &below);
	request->admin->breaks = arena_alloc(&request->arena, (page->limit + 1) * sizeof request->admin->breaks[0]);
	sqlite3_stmt *row = sql_bind(store, page->descending ? SQL_BREAK_LIST_DOWN : SQL_BREAK_LIST_UP, "iiii", above,
	    below, (int64_t)request->admin->break_states, (int64_t)page->limit + 1);
	while (sql_step(store, row)) {
		request->more = request->count == page->limit;
		if (!request->more)
			request->admin->breaks[request->count++] = row_from(row, &request->arena);
	}
}

static struct store_break_run
run_from(sqlite3_stmt *row)
{
	return (struct store_break_run){
	    .run = sqlite3_column_int64(row, 0),
	    .as_of = {sqlite3_column_int64(row, 1)},
	    .at = {sqlite3_column_int64(row, 2)},
	    .matched = sqlite3_column_int64(row, 3),
	    .found = sqlite3_column_int64(row, 4),
	    .opened = sqlite3_column_int64(row, 5),
	    .reopened = sqlite3_column_int64(row, 6),
	    .closed = sqlite3_column_int64(row, 7),
	};
}

void
op_break_counts(struct sqlite_store *store, struct store_request *request)
{
	size_t capacity = 0;
	sqlite3_stmt *row = sql_bind(store, SQL_BREAK_COUNTS, "iiiii", request->now.us, break_age_bounds[0],
	    break_age_bounds[1], break_age_bounds[2], break_age_bounds[3]);
	while (sql_step(store, row)) {
		if (request->count == capacity) {
			size_t larger = capacity == 0 ? 32 : capacity * 2;
			struct store_break_count *rows = arena_alloc(&request->arena, larger * sizeof rows[0]);
			if (capacity > 0)
				memcpy(rows, request->admin->break_counts, capacity * sizeof rows[0]);
			request->admin->break_counts = rows;
			capacity = larger;
		}
		request->admin->break_counts[request->count++] = (struct store_break_count){
		    .class = arena_copy(&request->arena, sql_slice(row, 0)),
		    .severity = arena_copy(&request->arena, sql_slice(row, 1)),
		    .age = sqlite3_column_int(row, 2),
		    .count = sqlite3_column_int64(row, 3),
		};
	}
	sqlite3_stmt *last = sql_get(store, SQL_BREAK_RUN_LAST);
	if (sql_step(store, last)) {
		request->admin->break_run = run_from(last);
		sql_end(last);
	}
}

void
op_break_run_list(struct sqlite_store *store, struct store_request *request)
{
	const struct store_page *page = &request->page;
	int64_t above, below;
	page_range(page, &above, &below);
	request->admin->break_runs =
	    arena_alloc(&request->arena, (page->limit + 1) * sizeof request->admin->break_runs[0]);
	sqlite3_stmt *row = sql_bind(store, page->descending ? SQL_BREAK_RUNS_DOWN : SQL_BREAK_RUNS_UP, "iii", above,
	    below, (int64_t)page->limit + 1);
	while (sql_step(store, row)) {
		request->more = request->count == page->limit;
		if (!request->more)
			request->admin->break_runs[request->count++] = run_from(row);
	}
}
