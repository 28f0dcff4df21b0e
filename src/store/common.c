/* What all stores share: requests, notes, names. */
#include "model/versions.h"
#include "store/store.h"

#include <stdlib.h>

static const char *const kind_names[STORE_KIND_COUNT] = {
    [STORE_ORGANISATION_CREATE] = "organisation_create",
    [STORE_ORGANISATION_EDIT] = "organisation_edit",
    [STORE_ORGANISATION_DELETE] = "organisation_delete",
    [STORE_ORGANISATION_GET] = "organisation_get",
    [STORE_ORGANISATION_LIST] = "organisation_list",
    [STORE_ENDPOINT_CREATE] = "endpoint_create",
    [STORE_ENDPOINT_EDIT] = "endpoint_edit",
    [STORE_ENDPOINT_DELETE] = "endpoint_delete",
    [STORE_ENDPOINT_GET] = "endpoint_get",
    [STORE_ENDPOINT_LIST] = "endpoint_list",
    [STORE_EVENT_TYPE_CREATE] = "event_type_create",
    [STORE_EVENT_TYPE_EDIT] = "event_type_edit",
    [STORE_EVENT_TYPE_DELETE] = "event_type_delete",
    [STORE_EVENT_TYPE_GET] = "event_type_get",
    [STORE_EVENT_TYPE_LIST] = "event_type_list",
    [STORE_TOKEN_CREATE] = "token_create",
    [STORE_TOKEN_GET] = "token_get",
    [STORE_TOKEN_REVOKE] = "token_revoke",
    [STORE_TOKEN_LIST] = "token_list",
    [STORE_TOKEN_USED] = "token_used",
    [STORE_AUDIT_NOTE] = "audit_note",
    [STORE_AUDIT_LIST] = "audit_list",
    [STORE_TOKEN_EXPIRE] = "token_expire",
    [STORE_CHANGE_DECIDE] = "change_decide",
    [STORE_CHANGE_STEP] = "change_step",
    [STORE_CHANGE_GET] = "change_get",
    [STORE_CHANGE_LIST] = "change_list",
    [STORE_ENDPOINT_VERIFIED] = "endpoint_verified",
    [STORE_ACCEPT] = "accept",
    [STORE_JOURNAL] = "journal",
    [STORE_STREAM_EDIT] = "stream_edit",
    [STORE_REFUSED] = "refused",
    [STORE_ALERT_RAISE] = "alert_raise",
    [STORE_ALERT_MOVE] = "alert_move",
    [STORE_ALERT_TOLD] = "alert_told",
    [STORE_ALERT_LIST] = "alert_list",
    [STORE_ALERT_DUE] = "alert_due",
    [STORE_RECORD] = "record",
    [STORE_REFILL] = "refill",
    [STORE_RESEND] = "resend",
    [STORE_EXPUNGE] = "expunge",
    [STORE_ATTEMPT_EXPUNGE] = "attempt_expunge",
    [STORE_TASK_CREATE] = "task_create",
    [STORE_TASK_STEP] = "task_step",
    [STORE_TASK_CANCEL] = "task_cancel",
    [STORE_PRECHECK] = "precheck",
    [STORE_ENDPOINT_STATS] = "endpoint_stats",
    [STORE_ENDPOINT_TOTALS] = "endpoint_totals",
    [STORE_DEAD_LETTERS] = "dead_letters",
    [STORE_TASK_GET] = "task_get",
    [STORE_TASK_LIST] = "task_list",
    [STORE_MEASURE] = "measure",
    [STORE_ENDPOINTS_ALL] = "endpoints_all",
    [STORE_MESSAGE_GET] = "message_get",
    [STORE_MESSAGE_EVIDENCE] = "message_evidence",
    [STORE_MESSAGE_LIST] = "message_list",
    [STORE_ATTEMPT_GET] = "attempt_get",
    [STORE_ATTEMPT_LIST] = "attempt_list",
    [STORE_MESSAGE_ENDPOINTS] = "message_endpoints",
    [STORE_ENDPOINT_MESSAGES] = "endpoint_messages",
    [STORE_BREAK_SEEN] = "break_seen",
    [STORE_BREAK_END] = "break_end",
    [STORE_BREAK_MOVE] = "break_move",
    [STORE_BREAK_GET] = "break_get",
    [STORE_BREAK_LIST] = "break_list",
    [STORE_BREAK_RUN_LIST] = "break_run_list",
    [STORE_BREAK_COUNTS] = "break_counts",
    [STORE_FEED] = "feed",
    [STORE_DIGEST] = "digest",
    [STORE_STREAM_LIST] = "stream_list",
    [STORE_TRACK_PUT] = "track_put",
    [STORE_TRACK_GET] = "track_get",
    [STORE_TRACK_LIST] = "track_list",
    [STORE_JOURNAL_LIST] = "journal_list",
    [STORE_JOURNAL_GET] = "journal_get",
    [STORE_REFUSED_LIST] = "refused_list",
    [STORE_RESEAL] = "reseal",
    [STORE_COUNTS] = "counts",
};

const char *
store_kind_name(enum store_kind kind)
{
	return kind_names[kind];
}

bool
store_kind_lists(enum store_kind kind)
{
	return kind == STORE_MESSAGE_LIST || kind == STORE_ATTEMPT_LIST || kind == STORE_ENDPOINT_MESSAGES ||
	       kind == STORE_ENDPOINT_STATS || kind == STORE_AUDIT_LIST;
}

bool
store_kind_hot(enum store_kind kind)
{
	return kind == STORE_ACCEPT || kind == STORE_JOURNAL || kind == STORE_RECORD || kind == STORE_REFILL;
}

struct store_request *
store_request_new(enum store_kind kind, struct wall_time now)
{
	struct {
		struct store_request request;
		struct store_admin admin;
	} * both;
	bool hot = store_kind_hot(kind);
	struct store_request *request = mem_alloc(hot ? sizeof *request : sizeof *both);
	memset(request, 0, offsetof(struct store_request, error.text));
	request->error.text[0] = '\0';
	request->kind = kind;
	request->now = now;
	request->filter.status = -1;
	request->filter.status_code_class = -1;
	if (hot)
		return request;
	both = (void *)request;
	request->admin = &both->admin;
	*request->admin = (struct store_admin){
	    .task_filter = {.kind = -1, .state = -1},
	    .task = {.status = -1, .status_code_class = -1},
	    .change_state = -1,
	};
	return request;
}

void
store_request_free(struct store_request *request)
{
	if (request == NULL)
		return;
	message_unref(request->message);
	if (request->kind == STORE_JOURNAL)
		message_unref(request->journal.message);
	for (size_t i = 0; i < request->refill.count && request->kind == STORE_REFILL; i++)
		message_unref(request->refill.rows[i].message);
	for (size_t i = 0; i < request->count && request->messages != NULL; i++)
		message_unref(request->messages[i]);
	for (size_t i = 0; i < request->count && request->deliveries != NULL; i++)
		message_unref(request->deliveries[i].message);
	arena_free(&request->arena);
	free(request);
}

struct store_note *
store_note_new(enum store_note_kind kind, size_t targets)
{
	struct store_note *note = mem_zero(1, sizeof *note + targets * sizeof note->targets[0]);
	note->kind = kind;
	note->target_count = targets;
	return note;
}

void
store_note_free(struct store_note *note)
{
	if (note == NULL)
		return;
	message_unref(note->message);
	arena_free(&note->arena);
	free(note);
}

uint64_t
store_note_bytes(const struct store_note *note)
{
	return sizeof *note + note->target_count * sizeof note->targets[0] +
	       (note->message == NULL ? 0 : versions_bytes(note->message));
}

void
store_notes_of(struct mail *first, size_t request)
{
	for (struct mail *mail = first; mail != NULL; mail = mail->next)
		CONTAINER_OF(mail, struct store_note, mail)->request = request;
}

bool
store_has_service(const struct store_options *options, const struct organisation *organisation, struct slice type)
{
	return options->type_service == NULL || !organisation->services_limited ||
	       organisation_entitled(organisation, options->type_service(options->builtin_context, type));
}

bool
store_entitled(const struct store_options *options, const struct organisation *organisation, struct slice type,
    struct store_request *request)
{
	if (store_has_service(options, organisation, type))
		return true;
	struct slice service = options->type_service(options->builtin_context, type);
	request->status = ERR_INVALID;
	request->detail = STORE_DETAIL_NO_SERVICE;
	error_set(&request->error, ERR_INVALID,
	    "The type %.*s is of the service %.*s, which is not enabled for this organisation.", SLICE_ARG(type),
	    SLICE_ARG(service));
	return false;
}

void
store_record_on_endpoint(struct endpoint *endpoint, const struct store_record *record)
{
	if (record->set_failing)
		endpoint->failing_since = record->failing_since;
	if (record->warn > endpoint->warned)
		endpoint->warned = record->warn;
	if (endpoint->failing_since.us == 0)
		endpoint->warned = 0;
	if (record->suspend && endpoint->state == ENDPOINT_ACTIVE)
		endpoint->state = ENDPOINT_SUSPENDED;
}

struct organisation
store_sandbox_draft(struct store_request *request, const struct organisation *production)
{
	const struct organisation *asked = &request->admin->organisation;
	struct organisation draft = *production;
	draft.environment = ENVIRONMENT_SANDBOX;
	draft.twin = production->id;
	draft.key_count = 0; /* what is for trying signs with keys of its own */
	draft.name = asked->name;
	if (!slice_present(draft.name))
		draft.name = arena_printf(&request->arena, "%.*s (sandbox)", SLICE_ARG(production->name));
	draft.uid = asked->uid;
	bool room = production->uid.len + strlen("-sandbox") <= LIMIT_UID_BYTES;
	if (!slice_present(draft.uid) && slice_present(production->uid) && room)
		draft.uid = arena_printf(&request->arena, "%.*s-sandbox", SLICE_ARG(production->uid));
	return draft;
}

enum error_code
store_ask(struct store *store, struct store_request *request, struct error *error)
{
	struct mail_list notes;
	mail_list_init(&notes);
	enum error_code code = store_batch(store, &request, 1, &notes, error);
	for (struct mail *mail = mail_list_pop(&notes); mail != NULL; mail = mail_list_pop(&notes))
		store_note_free(CONTAINER_OF(mail, struct store_note, mail));
	if (code == OK && request->status != OK) {
		*error = request->error;
		code = request->status;
	}
	return code;
}

/* --- streams ----------------------------------------------------------------------------------------- */

/* A repeat says nothing of its number where anybody could have written it there. */
void
store_stream_journal(struct streams *streams, const struct store_journal *journal, struct wall_time now)
{
	bool known = journal->verdict == JOURNAL_DUPLICATE && (journal->looked_up || journal->number_trusted);
	if (!slice_present(journal->stream) || (!journal_counts(journal->verdict) && !known))
		return;
	struct stream *stream = streams_put(streams, journal->stream);
	if (stream == NULL)
		return;
	if (journal->number > 0)
		stream_take(stream, journal->number, journal->number_trusted, now);
	else
		stream_hear(stream, journal->newest, journal->interval_s, journal->number_trusted, now);
}

void
store_stream_edit(struct streams *streams, struct store_request *request)
{
	const struct store_stream_edit *edit = &request->admin->stream_edit;
	struct stream *stream = streams_find(streams, edit->key);
	request->existed = stream != NULL;
	if (stream == NULL)
		return;
	if (edit->first > 0)
		stream_settle(stream, edit->first, edit->last);
	if (edit->newest >= 0)
		stream_bound(stream, edit->newest);
}

void
store_stream_list(const struct streams *streams, struct store_request *request)
{
	request->admin->streams = arena_alloc(&request->arena, (streams->count + 1) * sizeof(struct stream *));
	for (size_t i = 0; i < streams->count; i++) {
		struct stream *copy = arena_alloc(&request->arena, sizeof *copy);
		*copy = *streams->items[i];
		copy->changed = false;
		request->admin->streams[request->count++] = copy;
	}
}

void
store_body_digest(const struct store_options *options, const struct endpoint *endpoint, const struct message *message,
    unsigned char out[static SHA256_BYTES])
{
	if (options->body_digest != NULL)
		options->body_digest(options->body_context, endpoint, message, out);
	else
		sha256(versions_pick(message, endpoint->version, NULL), out);
}
