/* The audit log's rows. The end of its chain is read within the transaction, since another process may append too; it
 * never moves back, so that an end that somebody cut off leaves a gap. */
#include "store/audit.h"
#include "store/sqlite/private.h"

static bool
read_digest(struct slice bytes, unsigned char out[static SHA256_BYTES])
{
	if (bytes.len != SHA256_BYTES)
		return false;
	memcpy(out, bytes.ptr, SHA256_BYTES);
	return true;
}

static void
read_end(struct sqlite_store *store)
{
	struct store_journal_end stored = audit_start();
	sqlite3_stmt *row = sql_get(store, SQL_AUDIT_END);
	if (sql_step(store, row)) {
		stored.seq = sqlite3_column_int64(row, 0);
		(void)read_digest(sql_slice(row, 1), stored.chain);
		sql_end(row);
	}
	if (store->failed == SQLITE_OK && stored.seq > store->audit_end.seq)
		store->audit_end = stored;
}

void
audit_load(struct sqlite_store *store)
{
	if (store->audit_end.seq == 0)
		store->audit_end = audit_start();
	read_end(store);
	store->audit_committed = store->audit_end;
}

void
audit_append(struct sqlite_store *store, struct store_request *request)
{
	read_end(store);
	if (!audit_complete(request, &store->audit_end))
		return;
	const struct store_audit_row *row = request->audit;
	sql_run(store, SQL_AUDIT_PUT, "iittittttb", row->seq, row->at.us, row->actor, row->role,
	    row->organisation.value, row->action, row->object, row->before, row->after,
	    (struct slice){(const char *)row->chain, SHA256_BYTES});
}

struct store_journal_end
audit_end(struct store *base)
{
	return CONTAINER_OF(base, struct sqlite_store, store)->audit_committed;
}

void
audit_resume(struct store *base, const struct store_journal_end *end)
{
	struct sqlite_store *store = CONTAINER_OF(base, struct sqlite_store, store);
	if (end->seq <= store->audit_committed.seq)
		return;
	store->audit_end = *end;
	store->audit_committed = *end;
}

void
op_audit_list(struct sqlite_store *store, struct store_request *request)
{
	int64_t organisation = -1;
	if (slice_present(request->ref)) {
		struct directory_organisation *owner = need_organisation(store, request);
		if (owner == NULL)
			return;
		organisation = owner->organisation.id.value;
	}
	const struct store_page *page = &request->page;
	int64_t above, below;
	page_range(page, &above, &below);
	struct arena *arena = &request->arena;
	size_t bytes = 0;
	request->admin->audit_rows = arena_alloc(arena, page->limit * sizeof request->admin->audit_rows[0]);
	sqlite3_stmt *row = organisation < 0
				? sql_bind(store, page->descending ? SQL_AUDIT_DOWN : SQL_AUDIT_UP, "ii", above, below)
				: sql_bind(store, page->descending ? SQL_AUDIT_OF_DOWN : SQL_AUDIT_OF_UP, "iii", above,
				      below, organisation);
	while (!request->more && sql_step(store, row)) {
		request->more = request->count == page->limit || bytes >= LIMIT_REFILL_BYTES;
		if (request->more)
			break;
		struct store_audit_row *out = &request->admin->audit_rows[request->count++];
		*out = (struct store_audit_row){
		    .seq = sqlite3_column_int64(row, 0),
		    .at = {sqlite3_column_int64(row, 1)},
		    .actor = arena_copy(arena, sql_slice(row, 2)),
		    .role = arena_copy(arena, sql_slice(row, 3)),
		    .organisation = {sqlite3_column_int64(row, 4)},
		    .action = arena_copy(arena, sql_slice(row, 5)),
		    .object = arena_copy(arena, sql_slice(row, 6)),
		    .before = arena_copy(arena, sql_slice(row, 7)),
		    .after = arena_copy(arena, sql_slice(row, 8)),
		};
		out->damaged = !read_digest(sql_slice(row, 9), out->chain);
		bytes += out->before.len + out->after.len;
	}
	sql_end(row);
}

void
op_audit_note(struct sqlite_store *store UNUSED, struct store_request *request)
{
	audit_other(
	    request, (struct organisation_id){0}, request->audit_action, request->audit_object, request->audit_after);
	if (request->audit != NULL)
		request->audit->before = request->audit_before;
}
