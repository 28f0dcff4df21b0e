/* The reference model of store.h: life cycle, finding, and the steps that several requests share.
 * Configuration is in config.c, events in events.c, reading in lists.c. */
#include "store/audit.h"
#include "store/emit.h"
#include "store/memory/private.h"

#include <stdlib.h>

void *
memory_grow(void *rows, size_t *count, size_t *capacity, size_t bytes)
{
	if (*count == *capacity) {
		*capacity = *capacity == 0 ? 16 : *capacity * 2;
		rows = mem_resize(rows, *capacity, bytes);
	}
	memset((char *)rows + *count * bytes, 0, bytes);
	++*count;
	return rows;
}

/* --- finding ----------------------------------------------------------------------------------------- */

enum error_code
memory_fail(struct store_request *request, enum error_code code, enum store_detail detail)
{
	request->detail = detail;
	return error_set(&request->error, code, "%s: %s", store_kind_name(request->kind), error_code_name(code));
}

static bool
same_name(struct slice name, struct slice ref)
{
	return slice_present(name) && slice_present(ref) && slice_equal(name, ref);
}

struct memory_organisation *
memory_find_organisation(struct memory *memory, struct slice ref)
{
	int64_t id = 0;
	bool by_id = id_parse(ID_ORGANISATION, ref, &id);
	for (size_t i = 0; i < memory->organisations.count; i++) {
		struct memory_organisation *row = &memory->organisations.rows[i];
		const struct organisation *organisation = &row->organisation;
		if (row->deleted)
			continue;
		if (by_id ? organisation->id.value == id : same_name(organisation->uid, ref))
			return row;
	}
	return NULL;
}

struct memory_endpoint *
memory_find_endpoint(struct memory *memory, struct organisation_id organisation, struct slice ref)
{
	int64_t id = 0;
	bool by_id = id_parse(ID_ENDPOINT, ref, &id);
	for (size_t i = 0; i < memory->endpoints.count; i++) {
		struct memory_endpoint *row = &memory->endpoints.rows[i];
		const struct endpoint *endpoint = &row->endpoint;
		if (endpoint->organisation.value != organisation.value || endpoint->state == ENDPOINT_DELETED)
			continue;
		if (by_id ? endpoint->id.value == id : same_name(endpoint->uid, ref))
			return row;
	}
	return NULL;
}

struct memory_endpoint *
memory_endpoint_by_id(struct memory *memory, struct endpoint_id id)
{
	for (size_t i = 0; i < memory->endpoints.count; i++)
		if (memory->endpoints.rows[i].endpoint.id.value == id.value)
			return &memory->endpoints.rows[i];
	return NULL;
}

struct message *
memory_find_message(struct memory *memory, struct organisation_id organisation, struct slice ref)
{
	int64_t id = 0;
	bool by_id = id_parse(ID_MESSAGE, ref, &id);
	for (size_t i = 0; i < memory->messages.count; i++) {
		struct message *message = memory->messages.rows[i];
		if (message->organisation.value != organisation.value)
			continue;
		if (by_id ? message->id.value == id : same_name(message->event_id, ref))
			return message;
	}
	return NULL;
}

struct message *
memory_find_message_by_id(struct memory *memory, struct message_id id)
{
	for (size_t i = 0; i < memory->messages.count; i++)
		if (memory->messages.rows[i]->id.value == id.value)
			return memory->messages.rows[i];
	return NULL;
}

struct memory_delivery *
memory_find_delivery(struct memory *memory, struct message_id message, struct endpoint_id endpoint)
{
	for (size_t i = 0; i < memory->deliveries.count; i++) {
		struct memory_delivery *row = &memory->deliveries.rows[i];
		if (row->message->id.value == message.value && row->endpoint.value == endpoint.value)
			return row;
	}
	return NULL;
}

struct memory_organisation *
memory_organisation_of(struct memory *memory, struct store_request *request)
{
	struct memory_organisation *row = memory_find_organisation(memory, request->ref);
	if (row == NULL)
		request->status = memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_ORGANISATION);
	return row;
}

struct memory_endpoint *
memory_endpoint_of(struct memory *memory, struct store_request *request)
{
	struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (organisation == NULL)
		return NULL;
	struct memory_endpoint *row =
	    memory_find_endpoint(memory, organisation->organisation.id, request->endpoint_ref);
	if (row == NULL)
		request->status = memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT);
	return row;
}

struct message *
memory_message_of(struct memory *memory, struct store_request *request)
{
	struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (organisation == NULL)
		return NULL;
	struct message *message = memory_find_message(memory, organisation->organisation.id, request->message_ref);
	if (message == NULL)
		request->status = memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_MESSAGE);
	return message;
}

/* --- shared steps ------------------------------------------------------------------------------------ */

struct memory_organisation *
memory_new_organisation(struct memory *memory, struct store_request *request, const struct organisation *from)
{
	struct memory_organisation *row = MEMORY_ADD(&memory->organisations);
	row->organisation = organisation_copy(&row->arena, from);
	row->organisation.id.value = id_next(&memory->ids, request->now);
	row->organisation.created = request->now;
	row->organisation.updated = request->now;
	audit_organisation(request, NULL, &row->organisation);
	return row;
}

void
memory_new_delivery(struct memory *memory, struct message *message, struct memory_endpoint *endpoint,
    struct wall_time now, struct store_note_target *target)
{
	struct memory_delivery *row = MEMORY_ADD(&memory->deliveries);
	*row = (struct memory_delivery){
	    .message = message,
	    .endpoint = endpoint->endpoint.id,
	    .state = DELIVERY_PENDING,
	    .due = delivery_due(&endpoint->endpoint, now),
	    .sequence = ++endpoint->sequence,
	    .trigger = TRIGGER_SCHEDULED,
	};
	*target = (struct store_note_target){
	    .endpoint = row->endpoint,
	    .sequence = row->sequence,
	    .due = row->due,
	    .trigger = row->trigger,
	};
}

void
memory_note_endpoint(const struct memory_endpoint *endpoint, struct mail_list *notes)
{
	struct store_note *note = store_note_new(STORE_NOTE_ENDPOINT, 0);
	note->endpoint = arena_alloc(&note->arena, sizeof *note->endpoint);
	*note->endpoint = endpoint_copy(&note->arena, &endpoint->endpoint);
	note->endpoint->sequence = endpoint->sequence;
	mail_list_add(notes, &note->mail);
}

void
memory_endpoint_gone(struct memory *memory, struct memory_endpoint *endpoint, struct mail_list *notes)
{
	endpoint->endpoint.state = ENDPOINT_DELETED;
	for (size_t i = 0; i < memory->deliveries.count; i++) {
		struct memory_delivery *row = &memory->deliveries.rows[i];
		if (row->endpoint.value == endpoint->endpoint.id.value && row->state == DELIVERY_PENDING)
			row->state = DELIVERY_CANCELLED;
	}
	memory_note_endpoint(endpoint, notes);
}

struct store_delivery
memory_show_delivery(const struct memory_delivery *row)
{
	return (struct store_delivery){
	    .state = row->state,
	    .attempts = row->attempts,
	    .due = row->due,
	    .sequence = row->sequence,
	    .trigger = row->trigger,
	};
}

bool
memory_entitled(const struct memory *memory, const struct message *message)
{
	for (size_t i = 0; i < memory->organisations.count; i++) {
		const struct organisation *organisation = &memory->organisations.rows[i].organisation;
		if (organisation->id.value == message->organisation.value)
			return store_has_service(&memory->options, organisation, message->event_type);
	}
	return true;
}

bool
memory_in_page(const struct store_page *page, int64_t id)
{
	if (page->floor != 0 && id < page->floor)
		return false;
	if (page->ceiling != 0 && id >= page->ceiling)
		return false;
	if (page->after == 0)
		return true;
	return page->descending ? id < page->after : id > page->after;
}

size_t
memory_at(const struct store_page *page, size_t i, size_t count)
{
	return page->descending ? count - 1 - i : i;
}

/* --- executing --------------------------------------------------------------------------------------- */

static memory_execute *const executors[STORE_KIND_COUNT] = {
    [STORE_ORGANISATION_CREATE] = memory_organisation_create,
    [STORE_ORGANISATION_EDIT] = memory_organisation_edit,
    [STORE_ORGANISATION_DELETE] = memory_organisation_delete,
    [STORE_ORGANISATION_GET] = memory_organisation_get,
    [STORE_ORGANISATION_LIST] = memory_organisation_list,
    [STORE_ENDPOINT_CREATE] = memory_endpoint_create,
    [STORE_ENDPOINT_EDIT] = memory_endpoint_edit,
    [STORE_ENDPOINT_DELETE] = memory_endpoint_delete,
    [STORE_ENDPOINT_GET] = memory_endpoint_get,
    [STORE_ENDPOINT_LIST] = memory_endpoint_list,
    [STORE_EVENT_TYPE_CREATE] = memory_event_type_create,
    [STORE_EVENT_TYPE_EDIT] = memory_event_type_edit,
    [STORE_EVENT_TYPE_DELETE] = memory_event_type_delete,
    [STORE_EVENT_TYPE_GET] = memory_event_type_get,
    [STORE_EVENT_TYPE_LIST] = memory_event_type_list,
    [STORE_TOKEN_CREATE] = memory_token_create,
    [STORE_TOKEN_GET] = memory_token_get,
    [STORE_TOKEN_REVOKE] = memory_token_revoke,
    [STORE_TOKEN_LIST] = memory_token_list,
    [STORE_TOKEN_USED] = memory_token_used,
    [STORE_AUDIT_NOTE] = memory_audit_note,
    [STORE_AUDIT_LIST] = memory_audit_list,
    [STORE_TOKEN_EXPIRE] = memory_token_expire,
    [STORE_CHANGE_DECIDE] = memory_change_decide,
    [STORE_CHANGE_STEP] = memory_change_step,
    [STORE_CHANGE_GET] = memory_change_get,
    [STORE_CHANGE_LIST] = memory_change_list,
    [STORE_ENDPOINT_VERIFIED] = memory_endpoint_verified,
    [STORE_ACCEPT] = memory_accept,
    [STORE_JOURNAL] = memory_journal,
    [STORE_REFUSED] = memory_refused,
    [STORE_ALERT_RAISE] = memory_alert_raise,
    [STORE_ALERT_MOVE] = memory_alert_move,
    [STORE_ALERT_TOLD] = memory_alert_told,
    [STORE_ALERT_LIST] = memory_alert_list,
    [STORE_ALERT_DUE] = memory_alert_due,
    [STORE_RECORD] = memory_record,
    [STORE_REFILL] = memory_refill,
    [STORE_RESEND] = memory_resend,
    [STORE_EXPUNGE] = memory_expunge,
    [STORE_ATTEMPT_EXPUNGE] = memory_attempt_expunge,
    [STORE_TASK_CREATE] = memory_task_create,
    [STORE_TASK_STEP] = memory_task_step,
    [STORE_TASK_CANCEL] = memory_task_cancel,
    [STORE_PRECHECK] = memory_precheck,
    [STORE_ENDPOINT_STATS] = memory_endpoint_stats,
    [STORE_TASK_GET] = memory_task_get,
    [STORE_TASK_LIST] = memory_task_list,
    [STORE_ENDPOINT_TOTALS] = memory_endpoint_totals,
    [STORE_DEAD_LETTERS] = memory_dead_letters,
    [STORE_MEASURE] = memory_measure,
    [STORE_ENDPOINTS_ALL] = memory_endpoints_all,
    [STORE_MESSAGE_GET] = memory_message_get,
    [STORE_MESSAGE_EVIDENCE] = memory_message_evidence,
    [STORE_MESSAGE_LIST] = memory_message_list,
    [STORE_ATTEMPT_GET] = memory_attempt_get,
    [STORE_ATTEMPT_LIST] = memory_attempt_list,
    [STORE_MESSAGE_ENDPOINTS] = memory_message_endpoints,
    [STORE_ENDPOINT_MESSAGES] = memory_endpoint_messages,
    [STORE_BREAK_SEEN] = memory_break_seen,
    [STORE_BREAK_END] = memory_break_end,
    [STORE_BREAK_MOVE] = memory_break_move,
    [STORE_BREAK_GET] = memory_break_get,
    [STORE_BREAK_LIST] = memory_break_list,
    [STORE_BREAK_RUN_LIST] = memory_break_run_list,
    [STORE_BREAK_COUNTS] = memory_break_counts,
    [STORE_FEED] = memory_feed,
    [STORE_STREAM_EDIT] = memory_stream_edit,
    [STORE_DIGEST] = memory_digest,
    [STORE_STREAM_LIST] = memory_stream_list,
    [STORE_TRACK_PUT] = memory_track_put,
    [STORE_TRACK_GET] = memory_track_get,
    [STORE_TRACK_LIST] = memory_track_list,
    [STORE_JOURNAL_LIST] = memory_journal_list,
    [STORE_JOURNAL_GET] = memory_journal_get,
    [STORE_REFUSED_LIST] = memory_refused_list,
    [STORE_RESEAL] = memory_reseal,
    [STORE_COUNTS] = memory_counts,
};

/* --- idempotency ------------------------------------------------------------------------------------- */

static struct memory_key *
find_key(struct memory *memory, const struct store_idempotency *idempotency)
{
	for (size_t i = 0; i < memory->keys.count; i++)
		if (memcmp(memory->keys.rows[i].key, idempotency->key, SHA256_BYTES) == 0)
			return &memory->keys.rows[i];
	return NULL;
}

static int64_t
object_made(const struct store_request *request)
{
	if (store_request_change(request) != 0)
		return -store_request_change(request);
	switch ((int)request->kind) {
	case STORE_ACCEPT: return request->message->id.value;
	case STORE_ORGANISATION_CREATE: return request->admin->organisation.id.value;
	case STORE_ENDPOINT_CREATE: return request->admin->endpoint.id.value;
	case STORE_TASK_CREATE: return request->admin->task.id.value;
	case STORE_TOKEN_CREATE: return request->admin->token.id.value;
	default: return 0;
	}
}

/* A repeat is answered with the object that the first request made, as it is now. */
static enum error_code
answer_repeat(struct memory *memory, struct store_request *request, int64_t object, struct mail_list *notes)
{
	char text[ID_TEXT_BYTES];
	if (object < 0) {
		request->admin->change.id.value = -object;
		return memory_change_get(memory, request, notes);
	}
	switch ((int)request->kind) {
	case STORE_ACCEPT:
		request->existed = true;
		request->message_ref = arena_copy(&request->arena, slice_of(id_format(ID_MESSAGE, object, text)));
		return memory_message_get(memory, request, notes);
	case STORE_ORGANISATION_CREATE:
		request->ref = arena_copy(&request->arena, slice_of(id_format(ID_ORGANISATION, object, text)));
		return memory_organisation_get(memory, request, notes);
	case STORE_ENDPOINT_CREATE:
		request->endpoint_ref = arena_copy(&request->arena, slice_of(id_format(ID_ENDPOINT, object, text)));
		return memory_endpoint_get(memory, request, notes);
	case STORE_EVENT_TYPE_CREATE:
		request->ref = request->admin->event_type.name;
		return memory_event_type_get(memory, request, notes);
	case STORE_ENDPOINT_EDIT: return memory_endpoint_get(memory, request, notes);
	case STORE_TOKEN_CREATE: return memory_token_by_id(memory, request, object);
	case STORE_EXPUNGE: return memory_expunge_find(memory, request);
	case STORE_TASK_CREATE:
		if (task_counts(request->admin->task.kind))
			memory_name_organisations(memory, request);
		request->admin->task.id.value = object;
		return memory_task_get(memory, request, notes);
	default: return OK;
	}
}

enum error_code
memory_execute_request(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	emit_begin(request);
	enum error_code code = executors[request->kind](memory, request, notes);
	if (code != OK)
		return code;
	memory_audit_append(memory, request);
	memory_emit(memory, request, notes);
	return OK;
}

static enum error_code
execute(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	if (!request->idempotency.present)
		return memory_execute_request(memory, request, notes);
	struct memory_key *key = find_key(memory, &request->idempotency);
	if (key != NULL && memcmp(key->body, request->idempotency.body, SHA256_BYTES) != 0)
		return memory_fail(request, ERR_CONFLICT, STORE_DETAIL_KEY_REUSED);
	if (key != NULL)
		return answer_repeat(memory, request, key->object, notes);
	enum error_code code = memory_execute_request(memory, request, notes);
	if (code != OK)
		return code;
	key = MEMORY_ADD(&memory->keys);
	memcpy(key->key, request->idempotency.key, SHA256_BYTES);
	memcpy(key->body, request->idempotency.body, SHA256_BYTES);
	key->used = request->now;
	key->object = object_made(request);
	return OK;
}

/* --- life cycle -------------------------------------------------------------------------------------- */

static enum error_code
batch(struct store *store, struct store_request *const *requests, size_t count, struct mail_list *notes,
    struct error *error UNUSED)
{
	struct memory *memory = CONTAINER_OF(store, struct memory, base);
	for (size_t i = 0; i < count; i++) {
		struct store_request *request = requests[i];
		request->detail = STORE_DETAIL_NONE;
		request->existed = false;
		request->audit = NULL;
		struct mail **made = notes->last;
		request->status = execute(memory, request, notes);
		store_notes_of(*made, i);
	}
	return OK;
}

/* Keys that are older than they have to be are forgotten; nothing else is to be done. */
static bool
idle(struct store *store, struct wall_time now)
{
	struct memory *memory = CONTAINER_OF(store, struct memory, base);
	int64_t oldest = now.us - (int64_t)LIMIT_IDEMPOTENCY_HOURS * 3600 * 1000000;
	size_t kept = 0;
	for (size_t i = 0; i < memory->keys.count; i++) {
		if (memory->keys.rows[i].used.us >= oldest)
			memory->keys.rows[kept++] = memory->keys.rows[i];
	}
	memory->keys.count = kept;
	return false;
}

static void
close_memory(struct store *store)
{
	struct memory *memory = CONTAINER_OF(store, struct memory, base);
	for (size_t i = 0; i < memory->organisations.count; i++)
		arena_free(&memory->organisations.rows[i].arena);
	for (size_t i = 0; i < memory->endpoints.count; i++)
		arena_free(&memory->endpoints.rows[i].arena);
	for (size_t i = 0; i < memory->types.count; i++)
		arena_free(&memory->types.rows[i].arena);
	for (size_t i = 0; i < memory->messages.count; i++)
		message_unref(memory->messages.rows[i]);
	for (size_t i = 0; i < memory->attempts.count; i++)
		arena_free(&memory->attempts.rows[i].arena);
	for (size_t i = 0; i < memory->tasks.count; i++)
		arena_free(&memory->tasks.rows[i].arena);
	memory_alerts_free(memory);
	for (size_t i = 0; i < memory->changes.count; i++)
		arena_free(&memory->changes.rows[i].arena);
	free(memory->changes.rows);
	for (size_t i = 0; i < memory->journal.count; i++)
		arena_free(&memory->journal.rows[i].arena);
	for (size_t kind = 0; kind < COUNT_OF(memory->refused); kind++) {
		for (size_t i = 0; i < memory->refused[kind].count; i++)
			arena_free(&memory->refused[kind].rows[i].arena);
		free(memory->refused[kind].rows);
	}
	free(memory->organisations.rows);
	free(memory->endpoints.rows);
	free(memory->types.rows);
	free(memory->tokens.rows);
	free(memory->messages.rows);
	free(memory->deliveries.rows);
	free(memory->attempts.rows);
	free(memory->journal.rows);
	for (size_t i = 0; i < memory->audit.count; i++)
		arena_free(&memory->audit.rows[i].arena);
	free(memory->audit.rows);
	for (size_t i = 0; i < memory->breaks.count; i++)
		arena_free(&memory->breaks.rows[i].arena);
	for (size_t i = 0; i < memory->break_moves.count; i++)
		arena_free(&memory->break_moves.rows[i].arena);
	free(memory->breaks.rows);
	free(memory->break_moves.rows);
	free(memory->break_runs.rows);
	for (size_t i = 0; i < memory->track_items.count; i++)
		arena_free(&memory->track_items.rows[i].arena);
	free(memory->track_items.rows);
	free(memory->track_events.rows);
	streams_free(&memory->streams);
	free(memory->purged.rows);
	free(memory->keys.rows);
	free(memory->tasks.rows);
	free(memory);
}

struct store *
store_memory_new(const struct store_options *options)
{
	static const struct store_vtable vtable = {
	    .name = "memory",
	    .batch = batch,
	    .idle = idle,
	    .journal_end = memory_journal_end,
	    .journal_resume = memory_journal_resume,
	    .audit_end = memory_audit_end,
	    .audit_resume = memory_audit_resume,
	    .close = close_memory,
	};
	struct memory *memory = mem_zero(1, sizeof *memory);
	memory->base.vtable = &vtable;
	memory->options = *options;
	memory->journal_end = chain_start();
	memory->audit_end = audit_start();
	return &memory->base;
}
