/* Tasks, and what takes content away. A step reads a page of messages without their payloads, and what it does is
 * committed with the task's position. */
#include "model/versions.h"
#include "store/audit.h"
#include "store/emit.h"
#include "store/sqlite/private.h"

enum { DOCUMENT_BYTES_MAX = 16 << 20 };

/* --- content that goes ------------------------------------------------------------------------------- */

/* Tells the sender which deliveries of the message are no longer to be made. */
static void
note_cancelled(struct sqlite_store *store, int64_t message)
{
	size_t count = 0;
	sqlite3_stmt *row = sql_bind(store, SQL_DELIVERY_OF_MESSAGE, "i", message);
	while (sql_step(store, row))
		count += sqlite3_column_int(row, 1) == DELIVERY_PENDING;
	if (count == 0)
		return;
	struct store_note *note = store_note_new(STORE_NOTE_CANCELLED, count);
	note->cancelled.value = message;
	note->target_count = 0;
	row = sql_bind(store, SQL_DELIVERY_OF_MESSAGE, "i", message);
	while (note->target_count < count && sql_step(store, row))
		if (sqlite3_column_int(row, 1) == DELIVERY_PENDING)
			note->targets[note->target_count++].endpoint.value = sqlite3_column_int64(row, 0);
	sql_end(row);
	mail_list_add(store->notes, &note->mail);
}

static void
expunge(struct sqlite_store *store, int64_t message, struct wall_time now)
{
	tail_settle(store);
	note_cancelled(store, message);
	message_purge(store, message, now);
	sql_run(store, SQL_MESSAGE_CANCEL, "i", message);
	store->pending -= sqlite3_changes(store->db);
}

void
expunge_find(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	request->found = arena_alloc(&request->arena, request->message_refs.count * sizeof request->found[0]);
	for (size_t i = 0; owner != NULL && i < request->message_refs.count; i++)
		request->found[i] = message_resolve(store, owner->organisation.id, request->message_refs.items[i]) != 0;
}

void
op_expunge(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	if (owner == NULL)
		return;
	request->found = arena_alloc(&request->arena, request->message_refs.count * sizeof request->found[0]);
	for (size_t i = 0; i < request->message_refs.count; i++) {
		int64_t id = message_resolve(store, owner->organisation.id, request->message_refs.items[i]);
		request->found[i] = id != 0;
		if (id != 0)
			expunge(store, id, request->now);
	}
	audit_expunge(request, owner->organisation.id);
}

void
op_attempt_expunge(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	if (owner == NULL)
		return;
	int64_t message = message_resolve(store, owner->organisation.id, request->message_ref);
	if (message == 0) {
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_MESSAGE, "the organisation has no such message");
		return;
	}
	audit_attempt_expunge(request, owner->organisation.id);
	tail_settle(store);
	sql_run(store, SQL_ATTEMPT_EXPUNGE, "ii", message, request->attempt_id);
	if (sqlite3_changes(store->db) == 0)
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE, "the message has no such attempt");
}

/* --- looking ----------------------------------------------------------------------------------------- */

void
op_precheck(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	request->existed = false;
	if (owner != NULL && !store_has_service(&store->options, &owner->organisation, request->admin->event_type.name))
		return;
	for (size_t i = 0; owner != NULL && i < owner->endpoint_count && !request->existed; i++)
		request->existed =
		    endpoint_wants(&owner->endpoints[i]->endpoint, request->admin->event_type.name, request->channels);
}

/* False: the page is full. */
static bool
count_outcome(struct store_request *request, size_t *looked, int64_t id, bool succeeded)
{
	request->more = (*looked)++ == request->page.limit;
	if (request->more)
		return false;
	request->next = id;
	*(succeeded ? &request->admin->stats.succeeded : &request->admin->stats.failed) += 1;
	return true;
}

/* Of attempts with ids between both; the tail's are the last ones. */
static void
count_outcomes(
    struct sqlite_store *store, struct store_request *request, int64_t endpoint, int64_t above, int64_t below)
{
	const struct tail *tail = &store->tail;
	int64_t from = tail_attempts_from(tail);
	size_t looked = 0;
	sqlite3_stmt *row = sql_bind(store, SQL_ATTEMPT_OUTCOMES, "iii", endpoint, above, below < from ? below : from);
	while (!request->more && sql_step(store, row))
		if (!count_outcome(request, &looked, sqlite3_column_int64(row, 0), sqlite3_column_int(row, 1) != 0))
			break;
	sql_end(row);
	for (size_t i = 0; !request->more && i < tail_attempt_count(tail); i++) {
		const struct attempt *attempt = tail_attempt(tail, i);
		if (attempt->endpoint.value == endpoint && attempt->id.value > above && attempt->id.value < below)
			(void)count_outcome(request, &looked, attempt->id.value, attempt->succeeded);
	}
}

void
op_endpoint_stats(struct sqlite_store *store, struct store_request *request)
{
	struct directory_endpoint *entry = need_endpoint(store, need_organisation(store, request), request);
	if (entry == NULL)
		return;
	const struct store_page *page = &request->page;
	int64_t ceiling = page->ceiling == 0 ? INT64_MAX : page->ceiling;
	int64_t above = page->after != 0 && page->after >= page->floor ? page->after : page->floor - 1;
	count_outcomes(store, request, entry->endpoint.id.value, above, ceiling);
	if (page->after != 0)
		return;
	if (entry->endpoint.state != ENDPOINT_ACTIVE)
		request->admin->stats.held = endpoint_held(store, entry->endpoint.id);
	sqlite3_stmt *row =
	    sql_bind(store, SQL_DELIVERY_PENDING, "iii", entry->endpoint.id.value, page->floor, ceiling);
	if (sql_step(store, row))
		request->admin->stats.pending = sqlite3_column_int64(row, 0);
	sql_end(row);
	request->admin->stats.pending +=
	    tail_more(store, DELIVERY_PENDING, entry->endpoint.id.value, page->floor, ceiling);
}

void
op_measure(struct sqlite_store *store, struct store_request *request)
{
	request->admin->counts.deliveries_pending = store->pending;
	for (size_t i = 0; i < store->directory.organisation_count; i++) {
		const struct directory_organisation *owner = store->directory.organisations[i];
		bool counts = !owner->deleted && !organisation_hidden(&owner->organisation);
		for (size_t at = 0; counts && at < owner->endpoint_count; at++) {
			const struct endpoint *endpoint = &owner->endpoints[at]->endpoint;
			request->admin->counts.endpoints_unowned +=
			    endpoint->state != ENDPOINT_DELETED && !endpoint_owned(endpoint);
		}
	}
}

/* --- tasks ------------------------------------------------------------------------------------------- */

static void
task_from_row(struct sqlite_store *store, sqlite3_stmt *row, struct arena *arena, struct task *out)
{
	struct error error = ERROR_NONE;
	*out = (struct task){
	    .id = {sqlite3_column_int64(row, 0)},
	    .organisation = {sqlite3_column_int64(row, 1)},
	    .endpoint = {sqlite3_column_int64(row, 2)},
	    .kind = (enum task_kind)sqlite3_column_int(row, 3),
	    .state = (enum task_state)sqlite3_column_int(row, 4),
	    .updated = {sqlite3_column_int64(row, 5)},
	};
	if (out->kind >= TASK_KIND_COUNT || out->state >= TASK_STATE_COUNT ||
	    task_decode(sql_slice(row, 6), arena, out, &error) != OK)
		store->failed = SQLITE_CORRUPT;
}

static void
save_task(struct sqlite_store *store, const struct task *task)
{
	struct buf doc;
	buf_init(&doc, DOCUMENT_BYTES_MAX);
	task_encode(task, &doc);
	sql_run(store, SQL_TASK_PUT, "iiiiiit", task->id.value, task->organisation.value, task->endpoint.value,
	    (int64_t)task->kind, (int64_t)task->state, task->updated.us, buf_slice(&doc));
	buf_free(&doc);
}

void
task_name_organisations(struct sqlite_store *store, struct store_request *request)
{
	size_t count = request->message_refs.count;
	request->missing.items = arena_alloc(&request->arena, count * sizeof(struct slice));
	request->admin->task.only.items = arena_alloc(&request->arena, count * sizeof(struct slice));
	for (size_t i = 0; i < count; i++) {
		struct slice ref = request->message_refs.items[i];
		struct directory_organisation *entry = directory_organisation(&store->directory, ref);
		char text[ID_TEXT_BYTES];
		if (entry == NULL) {
			request->missing.items[request->missing.count++] = ref;
			continue;
		}
		id_format(ID_ORGANISATION, entry->organisation.id.value, text);
		request->admin->task.only.items[request->admin->task.only.count++] =
		    arena_copy(&request->arena, slice_of(text));
	}
}

static void
task_ended(struct sqlite_store *store, struct store_request *request)
{
	if (request->admin->task.state != TASK_RUNNING)
		emit_task_ended(
		    request, organisation_of(store, request->admin->task.organisation), &request->admin->task);
}

void
op_task_create(struct sqlite_store *store, struct store_request *request)
{
	struct task *task = &request->admin->task;
	if (task_counts(task->kind)) {
		task_name_organisations(store, request);
	} else {
		struct directory_organisation *owner = need_organisation(store, request);
		if (owner == NULL)
			return;
		task->organisation = owner->organisation.id;
	}
	if (task_of_endpoint(task->kind)) {
		struct directory_endpoint *entry = need_endpoint(store, need_organisation(store, request), request);
		if (entry == NULL)
			return;
		task->endpoint = entry->endpoint.id;
	}
	sql_run(store, SQL_TASK_PURGE, "i", task_oldest(request->now));
	task->id.value = id_next(&store->ids, request->now);
	task->state = request->message_refs.count > 0 && task->only.count == 0 ? TASK_FINISHED : TASK_RUNNING;
	task->updated = request->now;
	task->position = task->floor - 1;
	if (task->ceiling == 0)
		task->ceiling = task->id.value;
	audit_task(request, "task.create", task);
	task_ended(store, request);
	save_task(store, task);
}

static bool
read_task(struct sqlite_store *store, struct store_request *request)
{
	struct organisation_id only = request->admin->task.organisation;
	sqlite3_stmt *row = sql_bind(store, SQL_TASK_GET, "i", request->admin->task.id.value);
	bool found = sql_step(store, row);
	if (found)
		task_from_row(store, row, &request->arena, &request->admin->task);
	sql_end(row);
	if (found && (only.value == 0 || request->admin->task.organisation.value == only.value))
		return true;
	request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE, "there is no such task");
	return false;
}

void
op_task_get(struct sqlite_store *store, struct store_request *request)
{
	(void)read_task(store, request);
}

void
op_task_cancel(struct sqlite_store *store, struct store_request *request)
{
	if (!read_task(store, request) || request->admin->task.state != TASK_RUNNING)
		return;
	task_fail(&request->admin->task, &request->arena, "cancelled");
	audit_task(request, "task.cancel", &request->admin->task);
	request->admin->task.updated = request->now;
	task_ended(store, request);
	save_task(store, &request->admin->task);
}

void
op_task_list(struct sqlite_store *store, struct store_request *request)
{
	const struct store_page *page = &request->page;
	const struct store_task_filter *filter = &request->admin->task_filter;
	int64_t above = page->floor - 1, below = page->ceiling == 0 ? INT64_MAX : page->ceiling;
	if (page->after != 0)
		*(page->descending ? &below : &above) = page->after;
	request->admin->tasks = arena_alloc(&request->arena, page->limit * sizeof request->admin->tasks[0]);
	sqlite3_stmt *row = sql_bind(store, page->descending ? SQL_TASK_LIST_DOWN : SQL_TASK_LIST_UP, "iiiii", above,
	    below, (int64_t)filter->kind, (int64_t)filter->state, filter->organisation.value);
	while (!request->more && sql_step(store, row)) {
		request->more = request->count == page->limit;
		if (!request->more)
			task_from_row(store, row, &request->arena, &request->admin->tasks[request->count++]);
	}
	sql_end(row);
}

/* --- a step ------------------------------------------------------------------------------------------ */

struct row {
	int64_t id, organisation;
	struct slice event_type;
	struct slice_list channels;
	bool kept; /* its payload */
};

static size_t
read_rows(struct sqlite_store *store, struct store_request *request, struct row *rows)
{
	const struct task *task = &request->admin->task;
	size_t count = 0;
	bool all = task->organisation.value == 0 && !task->journalled;
	int64_t organisation = task->journalled ? 0 : task->organisation.value;
	sqlite3_stmt *row =
	    all ? sql_bind(store, SQL_TASK_ROWS_ALL, "iii", task->position, task->ceiling, (int64_t)TASK_STEP_ROWS)
		: sql_bind(store, SQL_TASK_ROWS, "iiii", organisation, task->position, task->ceiling,
		      (int64_t)TASK_STEP_ROWS);
	while (count < TASK_STEP_ROWS && sql_step(store, row))
		rows[count++] = (struct row){
		    .id = sqlite3_column_int64(row, 0),
		    .organisation = sqlite3_column_int64(row, 1),
		    .event_type = arena_copy(&request->arena, sql_slice(row, 2)),
		    .channels = list_split(&request->arena, sql_slice(row, 3)),
		    .kept = sqlite3_column_int(row, 4) != 0,
		};
	sql_end(row);
	return count;
}

static void
look_at_count(struct sqlite_store *store, struct store_request *request, const struct row *row)
{
	struct task *task = &request->admin->task;
	char text[ID_TEXT_BYTES];
	struct slice organisation = slice_of(id_format(ID_ORGANISATION, row->organisation, text));
	if (row->organisation == 0 || (task->only.count > 0 && !slice_list_has(task->only, organisation)))
		return;
	tail_settle(store);
	sqlite3_stmt *counted = sql_bind(store, SQL_DELIVERY_COUNT, "i", row->id);
	int64_t deliveries = sql_step(store, counted) ? sqlite3_column_int64(counted, 0) : 0;
	sql_end(counted);
	task_count(task, &request->arena, task->kind == TASK_USAGE ? organisation : row->event_type, deliveries);
	task->done++;
}

static bool
read_candidate(struct sqlite_store *store, const struct task *task, const struct row *row,
    struct task_candidate *candidate, struct tail_delivery *delivery, struct store_note_target *target)
{
	*candidate = (struct task_candidate){.event_type = row->event_type, .channels = row->channels};
	candidate->sent = tail_get(store, row->id, task->endpoint.value, delivery);
	if (!candidate->sent)
		return false;
	candidate->state = delivery->state;
	candidate->attempts = delivery->attempts;
	candidate->due.us = delivery->due;
	target->sequence = delivery->sequence;
	target->trigger = candidate->state == DELIVERY_PENDING ? delivery->trigger : TRIGGER_MANUAL;
	target->attempts = candidate->attempts;
	if (task->status_code_class < 0)
		return true;
	const struct attempt *last = tail_attempt_last(&store->tail, row->id, task->endpoint.value);
	if (last != NULL) {
		candidate->status_code = last->status_code;
	} else {
		sqlite3_stmt *found = sql_bind(store, SQL_ATTEMPT_LAST, "ii", row->id, task->endpoint.value);
		candidate->status_code = sql_step(store, found) ? sqlite3_column_int(found, 0) : 0;
		sql_end(found);
	}
	return true;
}

/* Returns the bytes of payload that were read, and that now are on their way to the sender. */
static size_t
look_at_delivery(
    struct sqlite_store *store, struct store_request *request, struct directory_endpoint *entry, const struct row *row)
{
	struct task *task = &request->admin->task;
	struct task_candidate candidate;
	struct store_note_target target = {.endpoint = entry->endpoint.id};
	struct tail_delivery delivery;
	bool sent = read_candidate(store, task, row, &candidate, &delivery, &target);
	if (task_choose(task, &entry->endpoint, &candidate, request->now) == TASK_PASS)
		return 0;
	struct directory_organisation *owner =
	    directory_organisation_by_id(&store->directory, entry->endpoint.organisation);
	bool entitled = task->journalled ||
			(owner != NULL && store_has_service(&store->options, &owner->organisation, row->event_type));
	if (!row->kept || !entitled) {
		/* What is no longer kept may be of any resource. */
		task->skipped += !slice_present(task->resource) || row->kept;
		return 0;
	}
	sqlite3_stmt *whole = sql_bind(store, SQL_MESSAGE_GET, "ii", row->id, row->organisation);
	struct message *message = sql_step(store, whole) ? message_from_row(whole, 0) : NULL;
	sql_end(whole);
	if (message == NULL)
		return 0;
	bool fits = task_fits_resource(task, message->payload);
	if (!fits || task->preview) {
		size_t read = versions_bytes(message);
		task->done += fits;
		message_unref(message);
		return read;
	}
	struct store_note *note = store_note_new(STORE_NOTE_DELIVERIES, 1);
	note->message = message;
	note->target_count = 0;
	if (sent) {
		target.due = delivery_due(&entry->endpoint, request->now);
		send_again(store, &delivery, &target);
		note->targets[note->target_count++] = target;
	} else {
		insert_delivery(store, note, entry, message, request->now);
	}
	mail_list_add(store->notes, &note->mail);
	task->done++;
	return versions_bytes(message);
}

static void
step(struct sqlite_store *store, struct store_request *request)
{
	struct task *task = &request->admin->task;
	struct directory_endpoint *entry = NULL;
	task->updated = request->now;
	if (task_of_endpoint(task->kind)) {
		entry = directory_endpoint_by_id(&store->directory, task->endpoint);
		if (entry == NULL || entry->endpoint.state == ENDPOINT_DELETED) {
			task_fail(task, &request->arena, "the endpoint was deleted");
			return;
		}
	}
	struct row *rows = arena_alloc(&request->arena, TASK_STEP_ROWS * sizeof *rows);
	size_t count = read_rows(store, request, rows), bytes = 0, at = 0;
	for (; at < count && bytes < LIMIT_REFILL_BYTES; at++) {
		task->position = rows[at].id;
		task->examined++;
		if (entry != NULL) {
			bytes += look_at_delivery(store, request, entry, &rows[at]);
		} else if (task->kind != TASK_PURGE) {
			look_at_count(store, request, &rows[at]);
		} else if (rows[at].kept) {
			expunge(store, rows[at].id, request->now);
			task->done++;
		}
	}
	if (at == count && count < TASK_STEP_ROWS && bytes < LIMIT_REFILL_BYTES)
		task->state = TASK_FINISHED;
}

void
op_task_step(struct sqlite_store *store, struct store_request *request)
{
	sqlite3_stmt *row = sql_get(store, SQL_TASK_NEXT);
	request->existed = sql_step(store, row);
	if (request->existed)
		task_from_row(store, row, &request->arena, &request->admin->task);
	sql_end(row);
	if (!request->existed || store->failed != SQLITE_OK)
		return;
	step(store, request);
	audit_task_end(request, &request->admin->task);
	task_ended(store, request);
	save_task(store, &request->admin->task);
	row = sql_get(store, SQL_TASK_NEXT);
	request->more = sql_step(store, row);
	sql_end(row);
}
