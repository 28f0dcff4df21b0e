/* The receiver's journal: appending to the chain, reading it, and chaining what is older than the chain.
 *
 * The end of the chain is held in memory, so that appending reads nothing. It only ever moves forward: when another
 * process has written (data_version says so), what the database holds is taken where it is further; where it is less,
 * somebody cut it, and the numbers go on behind the gap. */
#include "store/chain.h"
#include "store/sqlite/private.h"

/* --- rows ------------------------------------------------------------------------------------------- */

static bool
read_digest(struct slice bytes, unsigned char out[static SHA256_BYTES])
{
	if (bytes.len != SHA256_BYTES)
		return false;
	memcpy(out, bytes.ptr, SHA256_BYTES);
	return true;
}

/* From JOURNAL_COLUMNS. */
static struct store_journal_row
row_from(sqlite3_stmt *row, struct arena *arena)
{
	struct store_journal_row out = {
	    .seq = sqlite3_column_int64(row, 0),
	    .lookup = sqlite3_column_int64(row, 1),
	    .source = arena_copy(arena, sql_slice(row, 2)),
	    .event_id = arena_copy(arena, sql_slice(row, 3)),
	    .type = arena_copy(arena, sql_slice(row, 4)),
	    .received = {sqlite3_column_int64(row, 6)},
	    .message = {sqlite3_column_int64(row, 8)},
	    .content_sha256 = arena_copy(arena, sql_slice(row, 15)),
	    .headers =
		{
		    .scheme = arena_copy(arena, sql_slice(row, 9)),
		    .key = arena_copy(arena, sql_slice(row, 10)),
		    .sent = arena_copy(arena, sql_slice(row, 11)),
		    .sequence = arena_copy(arena, sql_slice(row, 12)),
		    .content_type = arena_copy(arena, sql_slice(row, 13)),
		},
	};
	int64_t verdict = sqlite3_column_int64(row, 5);
	bool known = verdict == JOURNAL_VERIFIED || verdict == JOURNAL_CONFLICT || verdict == JOURNAL_RECONCILIATION;
	out.verdict = known ? (enum journal_verdict)verdict : JOURNAL_CONFLICT;
	bool digest = read_digest(sql_slice(row, 7), out.body_sha256);
	bool chain = read_digest(sql_slice(row, 14), out.chain);
	out.damaged = !known || !digest || !chain;
	return out;
}

/* From BODY_COLUMNS, which stand behind JOURNAL_COLUMNS. */
static void
add_body(sqlite3_stmt *row, struct arena *arena, struct store_journal_row *out)
{
	struct message message = {
	    .organisation = {sqlite3_column_int64(row, 17)},
	    .event_type = sql_slice(row, 18),
	    .event_id = sql_slice(row, 19),
	    .channels = list_split(arena, sql_slice(row, 20)),
	    .webhook_id = sql_slice(row, 21),
	};
	out->body = arena_copy(arena, sql_slice(row, 16));
	bool there = slice_present(message.event_type);
	out->damaged = out->damaged || (there && !chain_fits_message(out, &message));
}

struct store_journal_row
journal_row_with_body(sqlite3_stmt *row, struct arena *arena)
{
	struct store_journal_row out = row_from(row, arena);
	add_body(row, arena, &out);
	return out;
}

/* --- the end ---------------------------------------------------------------------------------------- */

static void
read_end(struct sqlite_store *store)
{
	struct store_journal_end stored = chain_start();
	sqlite3_stmt *row = sql_get(store, SQL_JOURNAL_END);
	if (sql_step(store, row)) {
		stored.seq = sqlite3_column_int64(row, 0);
		(void)read_digest(sql_slice(row, 1), stored.chain);
		sql_end(row);
	}
	if (store->failed == SQLITE_OK && stored.seq > store->end.seq)
		store->end = stored;
}

static int64_t
read_data_version(struct sqlite_store *store)
{
	int64_t version = 0;
	sqlite3_stmt *row = sql_get(store, SQL_DATA_VERSION);
	if (sql_step(store, row)) {
		version = sqlite3_column_int64(row, 0);
		sql_end(row);
	}
	return version;
}

void
journal_load(struct sqlite_store *store)
{
	if (store->end.seq == 0)
		store->end = chain_start();
	read_end(store);
	store->data_version = read_data_version(store);
	store->committed_end = store->end;
}

void
journal_commit(struct sqlite_store *store)
{
	store->committed_end = store->end;
	store->end_current = false;
}

void
journal_rollback(struct sqlite_store *store)
{
	store->end = store->committed_end;
	store->end_current = false;
	store->data_version = -1;
}

/* Once a batch, within its transaction. The ids that another process gave are taken too. */
static void
refresh_end(struct sqlite_store *store)
{
	if (store->end_current)
		return;
	store->end_current = true;
	int64_t version = read_data_version(store);
	if (version == store->data_version)
		return;
	store->data_version = version;
	read_end(store);
	sqlite_load_ids(store);
}

struct store_journal_end
journal_end(struct store *base)
{
	return CONTAINER_OF(base, struct sqlite_store, store)->committed_end;
}

void
journal_resume(struct store *base, const struct store_journal_end *end)
{
	struct sqlite_store *store = CONTAINER_OF(base, struct sqlite_store, store);
	if (end->seq <= store->committed_end.seq)
		return;
	store->end = *end;
	store->committed_end = *end;
}

/* --- appending -------------------------------------------------------------------------------------- */

/* Whether this body, or another one, came under this id before; fills verdict and seq. True: nothing to write. */
static bool
is_seen(struct sqlite_store *store, struct store_journal *journal, int64_t lookup)
{
	struct slice sha = {(const char *)journal->body_sha256, SHA256_BYTES};
	sha = slice_present(journal->content_sha256) ? journal->content_sha256 : sha;
	bool seen = false;
	journal->verdict = journal->looked_up ? JOURNAL_RECONCILIATION : JOURNAL_VERIFIED;
	sqlite3_stmt *row = sql_bind(store, SQL_JOURNAL_FIND, "i", lookup);
	while (sql_step(store, row)) {
		if (!slice_equal(sql_slice(row, 1), journal->source) ||
		    !slice_equal(sql_slice(row, 2), journal->event_id))
			continue;
		bool same = slice_equal(sql_slice(row, 4), sha);
		if (journal_counts((enum journal_verdict)sqlite3_column_int(row, 3)))
			journal->verdict = same ? JOURNAL_DUPLICATE : JOURNAL_CONFLICT;
		if (same) {
			journal->seq = sqlite3_column_int64(row, 0);
			seen = true;
		}
	}
	return seen;
}

static void
append(struct sqlite_store *store, struct store_journal *journal, struct wall_time now, int64_t lookup)
{
	const struct store_journal_headers *headers = &journal->headers;
	struct store_journal_row row = {
	    .seq = store->end.seq + 1,
	    .lookup = lookup,
	    .source = journal->source,
	    .event_id = journal->event_id,
	    .type = journal->type,
	    .verdict = journal->verdict,
	    .received = now,
	    .message = journal->message->id,
	    .content_sha256 = journal->content_sha256,
	    .headers = *headers,
	};
	struct slice sha = {(const char *)journal->body_sha256, SHA256_BYTES};
	memcpy(row.body_sha256, sha.ptr, SHA256_BYTES);
	chain_add(&store->end, &row);
	sql_run(store, SQL_JOURNAL_PUT, "iitttiibibtttttb", row.seq, lookup, row.source, row.event_id, row.type,
	    (int64_t)row.verdict, now.us, sha, row.message.value, row.content_sha256, headers->scheme, headers->key,
	    headers->sent, headers->sequence, headers->content_type,
	    (struct slice){(const char *)store->end.chain, SHA256_BYTES});
	journal->seq = row.seq;
}

/* To every endpoint that takes it. */
static void
forward(struct sqlite_store *store, const struct store_request *request)
{
	const struct store_journal *journal = &request->journal;
	struct message *message = journal->message;
	struct store_note *note = NULL;
	for (size_t i = 0; i < journal->forward_count; i++) {
		struct directory_endpoint *entry = directory_endpoint_by_id(&store->directory, journal->forwards[i]);
		if (entry == NULL || !endpoint_wants(&entry->endpoint, message->event_type, message->channels))
			continue;
		if (note == NULL) {
			note = store_note_new(STORE_NOTE_DELIVERIES, journal->forward_count);
			note->target_count = 0;
			note->message = message_ref(message);
			mail_list_add(store->notes, &note->mail);
		}
		insert_delivery(store, note, entry, message, request->now);
	}
}

/* What was looked up may be journalled by a command beside a running receiver, whose ids of one millisecond count up from
 * the lowest: these are of the upper half of the millisecond, so that neither gives an id of the other's. */
static void
stand_apart(struct sqlite_store *store, struct wall_time now)
{
	int64_t upper_half = id_floor(now) + (INT64_C(1) << 19);
	sqlite_load_ids(store);
	store->ids.last = upper_half > store->ids.last ? upper_half : store->ids.last;
}

static void
journal_event(struct sqlite_store *store, struct store_request *request)
{
	struct store_journal *journal = &request->journal;
	int64_t lookup = chain_lookup(journal->event_id);
	if (is_seen(store, journal, lookup))
		return;
	refresh_end(store);
	chain_own_message(journal);
	if (journal->looked_up)
		stand_apart(store, request->now);
	insert_message(store, request, journal->message);
	append(store, journal, request->now, lookup);
	if (journal_counts(journal->verdict)) {
		forward(store, request);
		return;
	}
	struct alert alert = alert_of_conflict(&request->arena, journal->source, journal->event_id, journal->seq);
	bool existed;
	(void)alert_put(store, &alert, request->now, &request->arena, &existed);
}

void
op_journal(struct sqlite_store *store, struct store_request *request)
{
	journal_event(store, request);
	if (store->failed == SQLITE_OK)
		store_stream_journal(&store->streams, &request->journal, request->now);
}

/* --- reading ---------------------------------------------------------------------------------------- */

void
op_journal_list(struct sqlite_store *store, struct store_request *request)
{
	const struct store_page *page = &request->page;
	int64_t first = page->after != 0 ? page->after + 1 : page->floor != 0 ? page->floor : 1;
	size_t bytes = 0;
	request->journal_rows = arena_alloc(&request->arena, page->limit * sizeof request->journal_rows[0]);
	sqlite3_stmt *row = sql_bind(
	    store, request->with_bodies ? SQL_JOURNAL_BODIES : SQL_JOURNAL_LIST, "ii", first, (int64_t)page->limit + 1);
	while (sql_step(store, row)) {
		request->more = request->count == page->limit || bytes >= LIMIT_REFILL_BYTES;
		if (request->more)
			break;
		struct store_journal_row *out = &request->journal_rows[request->count++];
		*out = row_from(row, &request->arena);
		if (request->with_bodies)
			add_body(row, &request->arena, out);
		bytes += out->body.len;
	}
	sql_end(row);
}

void
op_journal_get(struct sqlite_store *store, struct store_request *request)
{
	const struct store_journal_query *query = &request->admin->journal_query;
	size_t bytes = 0;
	request->journal_rows = arena_alloc(&request->arena, request->page.limit * sizeof request->journal_rows[0]);
	sqlite3_stmt *row = sql_bind(store, SQL_JOURNAL_GET, "i", chain_lookup(query->event_id));
	while (sql_step(store, row)) {
		if (!slice_equal(sql_slice(row, 3), query->event_id) ||
		    (slice_present(query->source) && !slice_equal(sql_slice(row, 2), query->source)))
			continue;
		request->more = request->count == request->page.limit || bytes >= LIMIT_REFILL_BYTES;
		if (request->more)
			break;
		struct store_journal_row *out = &request->journal_rows[request->count++];
		*out = row_from(row, &request->arena);
		add_body(row, &request->arena, out);
		out->body = request->with_bodies ? out->body : SLICE_NONE;
		bytes += out->body.len;
	}
	sql_end(row);
}

/* --- chaining what is older ------------------------------------------------------------------------- */

static int
update_row(sqlite3_stmt *update, const struct store_journal_row *row, const struct store_journal_end *end)
{
	sqlite3_bind_int64(update, 1, row->lookup);
	sqlite3_bind_blob(update, 2, end->chain, SHA256_BYTES, SQLITE_STATIC);
	sqlite3_bind_int64(update, 3, row->seq);
	int code = sqlite3_step(update);
	sqlite3_reset(update);
	return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* Within the migration's transaction. A gap that is there already cannot be told from one made by us: none is made. */
enum error_code
journal_chain_all(struct sqlite_store *store, struct error *error)
{
	sqlite3_stmt *rows = NULL, *update = NULL;
	int code =
	    sqlite3_prepare_v2(store->db, "SELECT " JOURNAL_COLUMNS " FROM journal j ORDER BY j.seq", -1, &rows, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_prepare_v2(
		    store->db, "UPDATE journal SET lookup = ?, chain = ? WHERE seq = ?", -1, &update, NULL);
	struct store_journal_end end = chain_start();
	struct arena arena = ARENA_EMPTY;
	while (code == SQLITE_OK) {
		code = sqlite3_step(rows);
		if (code != SQLITE_ROW)
			break;
		arena_reset(&arena);
		struct store_journal_row row = row_from(rows, &arena);
		row.lookup = chain_lookup(row.event_id);
		chain_add(&end, &row);
		code = update_row(update, &row, &end);
	}
	arena_free(&arena);
	sqlite3_finalize(rows);
	sqlite3_finalize(update);
	if (code == SQLITE_DONE)
		code = sqlite3_exec(store->db, "CREATE INDEX journal_lookup ON journal (lookup)", NULL, NULL, NULL);
	store->store.journal_migrated = true;
	return code == SQLITE_OK ? OK : sqlite_error(store, code, error);
}
