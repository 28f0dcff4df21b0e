/* Change requests: one row each, decided and applied in the transaction that says so; and what a challenge proved. */
#include "store/audit.h"
#include "store/sqlite/private.h"

enum { DOCUMENT_BYTES_MAX = 32 << 20 };

static void
save_change(struct sqlite_store *store, const struct change_request *change)
{
	struct buf doc;
	buf_init(&doc, DOCUMENT_BYTES_MAX);
	change_encode(change, &doc);
	ENSURE(!doc.overflow);
	sql_run(store, SQL_CHANGE_PUT, "iiiit", change->id.value, change->organisation.value, (int64_t)change->state,
	    change->due.us, buf_slice(&doc));
	buf_free(&doc);
}

/* From CHANGE_COLUMNS. False: the document is not one of ours, which fails the batch. */
static bool
change_from_row(struct sqlite_store *store, sqlite3_stmt *row, struct arena *arena, struct change_request *out)
{
	struct error error;
	if (change_decode(sql_slice(row, 4), arena, out, &error) != OK) {
		store->failed = SQLITE_CORRUPT;
		return false;
	}
	out->id.value = sqlite3_column_int64(row, 0);
	out->organisation.value = sqlite3_column_int64(row, 1);
	out->state = (enum change_state)sqlite3_column_int(row, 2);
	out->due.us = sqlite3_column_int64(row, 3);
	return true;
}

static void
log_move(struct sqlite_store *store, struct store_request *request, struct store_actor actor,
    const struct change_request *change, enum change_state from)
{
	struct store_request row = {.now = request->now, .actor = actor};
	change_audit(&row, change, from);
	audit_append(store, &row);
	arena_free(&row.arena);
}

/* That the change is about, while it is there. */
static const struct endpoint *
endpoint_of(struct sqlite_store *store, const struct change_request *change)
{
	if (change_object_kind(change->operation) != ID_ENDPOINT)
		return NULL;
	const struct directory_endpoint *entry =
	    directory_endpoint_by_id(&store->directory, (struct endpoint_id){change->object});
	return entry == NULL || entry->endpoint.state == ENDPOINT_DELETED ? NULL : &entry->endpoint;
}

/* Whether the same waits already: then it is what the request is answered with. */
static bool
find_same(struct sqlite_store *store, struct store_request *request)
{
	sqlite3_stmt *row = sql_bind(store, SQL_CHANGE_WAITING, "i", request->admin->change.organisation.value);
	bool found = false;
	while (!found && sql_step(store, row)) {
		struct change_request open;
		struct arena arena = ARENA_EMPTY;
		if (!change_from_row(store, row, &arena, &open)) {
			arena_free(&arena);
			break;
		}
		found = change_same(&open, &request->admin->change);
		if (found)
			request->admin->change = change_copy(&request->arena, &open);
		arena_free(&arena);
	}
	sql_end(row);
	return found;
}

void
change_hold(struct sqlite_store *store, struct store_request *request)
{
	struct change_request *change = &request->admin->change;
	if (find_same(store, request))
		return;
	sqlite3_stmt *row = sql_bind(store, SQL_CHANGE_OPEN, "i", change->organisation.value);
	int64_t open = sql_step(store, row) ? sqlite3_column_int64(row, 0) : 0;
	sql_end(row);
	if (open >= LIMIT_CHANGES_OPEN) {
		request_fail(request, ERR_LIMIT, STORE_DETAIL_TOO_MANY,
		    "%d changes of the organisation wait to be decided or applied; decide some of them first",
		    LIMIT_CHANGES_OPEN);
		return;
	}
	change->id.value = id_next(&store->ids, request->now);
	save_change(store, change);
	change_audit(request, change, CHANGE_REQUESTED);
	change_tell(request, change, endpoint_of(store, change));
}

static bool
read_change(struct sqlite_store *store, struct store_request *request, struct directory_organisation **owner,
    struct change_request *out)
{
	*owner = need_organisation(store, request);
	if (*owner == NULL)
		return false;
	sqlite3_stmt *row =
	    sql_bind(store, SQL_CHANGE_GET, "ii", request->admin->change.id.value, (*owner)->organisation.id.value);
	bool there = sql_step(store, row);
	bool read = there && change_from_row(store, row, &request->arena, out);
	sql_end(row);
	if (!there)
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_CHANGE, "there is no such change request");
	return read;
}

/* The ordinary operation is executed within this one; what it refuses makes the change stale. */
static void
apply(struct sqlite_store *store, struct store_request *request, struct change_request *change)
{
	struct store_request *work = store_request_new(STORE_CHANGE_STEP, request->now);
	struct error error = ERROR_NONE;
	enum error_code code = change_prepare(change, endpoint_of(store, change), request->now, work, &error);
	if (code == OK) {
		sqlite_execute(store, work);
	} else {
		work->status = code;
		work->error = error;
	}
	change_settle(change, work, request->now, &request->arena);
	store_request_free(work);
	log_move(store, request, STORE_ACTOR_SERVER, change, CHANGE_APPROVED);
	change_tell(request, change, endpoint_of(store, change));
	save_change(store, change);
}

static bool
next_change(struct sqlite_store *store, struct store_request *request, struct change_request *out)
{
	sqlite3_stmt *row = sql_get(store, SQL_CHANGE_NEXT);
	bool there = sql_step(store, row);
	request->due = WALL_NEVER;
	if (there)
		request->due.us = sqlite3_column_int64(row, 3);
	if (there && out != NULL)
		there = change_from_row(store, row, &request->arena, out);
	sql_end(row);
	return there;
}

void
op_change_decide(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner;
	struct change_request change;
	if (!read_change(store, request, &owner, &change))
		return;
	enum change_state from = change.state;
	request->status = change_decide(&change, request, &owner->organisation);
	if (request->status != OK)
		return;
	log_move(store, request, request->actor, &change, from);
	change_tell(request, &change, endpoint_of(store, &change));
	if (change.state == CHANGE_APPROVED && change.due.us <= request->now.us)
		apply(store, request, &change);
	else
		save_change(store, &change);
	request->admin->change = change;
	(void)next_change(store, request, NULL);
}

void
op_change_step(struct sqlite_store *store, struct store_request *request)
{
	struct change_request change;
	request->existed = false;
	if (!next_change(store, request, &change) || request->due.us > request->now.us)
		return;
	request->existed = true;
	if (change.state == CHANGE_APPROVED) {
		apply(store, request, &change);
	} else {
		change.state = CHANGE_EXPIRED;
		change.ended = request->now;
		log_move(store, request, STORE_ACTOR_SERVER, &change, CHANGE_REQUESTED);
		change_tell(request, &change, endpoint_of(store, &change));
		save_change(store, &change);
	}
	request->admin->change = change;
	(void)next_change(store, request, NULL);
}

void
op_change_get(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner;
	struct change_request change;
	if (read_change(store, request, &owner, &change))
		request->admin->change = change;
}

void
op_change_list(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	if (owner == NULL)
		return;
	const struct store_page *page = &request->page;
	int64_t above, below;
	page_range(page, &above, &below);
	size_t bytes = 0;
	request->admin->changes = arena_alloc(&request->arena, page->limit * sizeof request->admin->changes[0]);
	sqlite3_stmt *row = sql_bind(store, page->descending ? SQL_CHANGE_LIST_DOWN : SQL_CHANGE_LIST_UP, "iiii", above,
	    below, owner->organisation.id.value, (int64_t)request->admin->change_state);
	while (!request->more && sql_step(store, row)) {
		request->more = request->count == page->limit || bytes >= LIMIT_REFILL_BYTES;
		if (request->more ||
		    !change_from_row(store, row, &request->arena, &request->admin->changes[request->count]))
			break;
		bytes += sql_slice(row, 4).len;
		request->count++;
	}
	sql_end(row);
}

/* --- ownership --------------------------------------------------------------------------------------- */

void
op_endpoint_verified(struct sqlite_store *store, struct store_request *request)
{
	struct directory_endpoint *entry =
	    directory_endpoint_by_id(&store->directory, request->admin->verified.endpoint);
	struct endpoint edited;
	if (entry == NULL || !store_verify(request, &entry->endpoint, &edited)) {
		request_fail(
		    request, ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT, "this is no longer asked of an endpoint");
		return;
	}
	if (request->admin->verified.succeeded)
		store_tell_verified(request, organisation_of(store, edited.organisation), &entry->endpoint, &edited);
	save_endpoint(store, &edited, true);
	request->admin->endpoint = edited;
}

bool
reseal_changes(struct sqlite_store *store, struct store_request *request)
{
	struct store_resealing *step = &request->admin->resealing;
	while (step->looked < step->limit) {
		struct change_request change;
		sqlite3_stmt *row = sql_bind(store, SQL_CHANGE_AFTER, "i", step->after);
		bool read = sql_step(store, row) && change_from_row(store, row, &request->arena, &change);
		sql_end(row);
		if (!read)
			return true;
		step->looked++;
		step->after = change.id.value;
		if (!reseal_change(step, &request->arena, &change))
			continue;
		step->changed++;
		save_change(store, &change);
	}
	return false;
}
