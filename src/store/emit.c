#include "store/emit.h"

enum { DATA_BYTES_MAX = 256 << 10, BODY_BYTES_MAX = 512 << 10, RETENTION_DAYS = 90 };

/* Svix tells of a failing message with its fourth failure, and of its recovery behind that. */
enum { FAILING_ATTEMPT = 4 };

/* --- lists ------------------------------------------------------------------------------------------- */

static void
append(struct store_request *request, struct store_event **first, const struct store_event *event)
{
	struct arena *arena = &request->arena;
	size_t count = 0;
	struct store_event **end = first;
	for (; *end != NULL; end = &(*end)->next)
		count++;
	ENSURE(count < STORE_EVENTS_MAX);
	struct store_event *copy = arena_alloc(arena, sizeof *copy);
	*copy = *event;
	copy->type = arena_copy(arena, event->type);
	copy->resource_type = arena_copy(arena, event->resource_type);
	copy->resource_id = arena_copy(arena, event->resource_id);
	copy->previous_status = arena_copy(arena, event->previous_status);
	copy->data = arena_copy(arena, event->data);
	copy->next = NULL;
	*end = copy;
}

void
store_tell(struct store_request *request, const struct store_event *event)
{
	append(request, &request->events, event);
}

void
emit_begin(struct store_request *request)
{
	request->told = NULL;
}

void
emit_add(struct store_request *request, const struct store_event *event)
{
	append(request, &request->told, event);
}

/* --- writing data ------------------------------------------------------------------------------------ */

/* An event whose data is being written. */
struct draft {
	struct store_event event;
	struct store_request *request;
	struct buf data;
	struct json_writer writer;
};

static void
put_id(struct json_writer *writer, const char *name, enum id_kind kind, int64_t id)
{
	char text[ID_TEXT_BYTES];
	json_put_cstring(writer, name, id_format(kind, id, text));
}

static void
put_time(struct json_writer *writer, const char *name, struct wall_time time)
{
	char text[TIME_TEXT_BYTES];
	json_put_cstring(writer, name, time_format(time, 3, text));
}

static void
put_optional(struct json_writer *writer, const char *name, struct slice text)
{
	if (slice_present(text))
		json_put_string(writer, name, text);
}

static struct json_writer *
draft_begin(struct draft *draft, struct store_request *request, enum store_event_to to, const char *type,
    const struct organisation *of)
{
	*draft = (struct draft){
	    .event = {.to = to, .type = slice_of(type), .organisation = of->id},
	    .request = request,
	};
	buf_init(&draft->data, DATA_BYTES_MAX);
	json_writer_init(&draft->writer, &draft->data);
	json_open(&draft->writer, '{');
	return &draft->writer;
}

static void
draft_resource(struct draft *draft, const char *type, enum id_kind kind, int64_t id)
{
	char text[ID_TEXT_BYTES];
	draft->event.resource_type = slice_of(type);
	draft->event.resource_id = arena_copy(&draft->request->arena, slice_of(id_format(kind, id, text)));
}

static void
draft_end(struct draft *draft)
{
	json_close(&draft->writer);
	ENSURE(!draft->data.overflow);
	draft->event.data = buf_slice(&draft->data);
	emit_add(draft->request, &draft->event);
	buf_free(&draft->data);
}

/* --- about endpoints --------------------------------------------------------------------------------- */

static struct json_writer *
operational_begin(struct draft *draft, struct store_request *request, const char *type, const struct organisation *of,
    const struct endpoint *endpoint)
{
	struct json_writer *writer = draft_begin(draft, request, EVENT_OPERATIONAL, type, of);
	draft->event.except = endpoint->id;
	put_id(writer, "appId", ID_ORGANISATION, of->id.value);
	put_optional(writer, "appUid", of->uid);
	put_id(writer, "endpointId", ID_ENDPOINT, endpoint->id.value);
	put_optional(writer, "endpointUid", endpoint->uid);
	return writer;
}

/* The host alone: paths and queries of webhook URLs carry secrets. */
static struct slice
host_of(struct slice url)
{
	size_t at = 0;
	while (at + 2 < url.len && memcmp(url.ptr + at, "://", 3) != 0)
		at++;
	struct slice rest = at + 2 < url.len ? slice_skip(url, at + 3) : url;
	size_t end = 0;
	while (end < rest.len && strchr("/?#", rest.ptr[end]) == NULL)
		end++;
	rest.len = end;
	for (size_t i = 0; i < rest.len; i++)
		if (rest.ptr[i] == '@')
			return slice_skip(rest, i + 1);
	return rest;
}

static const char *
status_of(const struct endpoint *endpoint)
{
	if (endpoint->state == ENDPOINT_ACTIVE && endpoint->warned > 0)
		return "failing";
	return endpoint_state_name(endpoint->state);
}

static struct json_writer *
own_begin(struct draft *draft, struct store_request *request, const char *type, const struct organisation *of,
    const struct endpoint *endpoint)
{
	struct json_writer *writer = draft_begin(draft, request, EVENT_OWN, type, of);
	draft_resource(draft, "endpoint", ID_ENDPOINT, endpoint->id.value);
	put_id(writer, "endpoint_id", ID_ENDPOINT, endpoint->id.value);
	json_put_string(writer, "host", host_of(endpoint->url));
	json_put_cstring(writer, "status", status_of(endpoint));
	return writer;
}

/* Calls for each member of the endpoints' documents that differs; returns how many. Documents rather than structs, so
 * that a member that is added to endpoints is told of without a line here. */
static size_t
write_changed(struct json_writer *writer, const struct endpoint *before, const struct endpoint *after)
{
	struct buf old, new;
	buf_init(&old, BODY_BYTES_MAX * 8);
	buf_init(&new, BODY_BYTES_MAX * 8);
	endpoint_encode(before, &old);
	endpoint_encode(after, &new);
	size_t count = 0;
	const struct buf *sides[] = {&new, &old};
	for (size_t side = 0; side < COUNT_OF(sides); side++) {
		struct json mine = {JSON_OBJECT, buf_slice(sides[side])};
		struct json other = {JSON_OBJECT, buf_slice(sides[1 - side])};
		struct json_iterator iterator = json_iterate(mine);
		struct json key, value;
		while (json_next(&iterator, &key, &value)) {
			char name[64] = "";
			if (key.raw.len < 2 || key.raw.len - 2 >= sizeof name)
				continue;
			memcpy(name, key.raw.ptr + 1, key.raw.len - 2);
			struct json with = json_member(other, name);
			bool own = strcmp(name, "updated") == 0 || strcmp(name, "keys") == 0 ||
				   strcmp(name, "created") == 0 || strcmp(name, "warned") == 0;
			/* What both have was compared from the first side. */
			bool differs = json_present(with) ? side == 0 && !slice_equal(with.raw, value.raw) : true;
			if (own || !differs)
				continue;
			count++;
			if (writer != NULL)
				json_string(writer, slice_of(name));
		}
	}
	buf_free(&old);
	buf_free(&new);
	return count;
}

static bool
key_replaced(const struct endpoint *before, const struct endpoint *after)
{
	if (before->key_count == 0 || after->key_count == 0)
		return before->key_count != after->key_count;
	return !slice_equal(before->keys[0].sealed, after->keys[0].sealed);
}

static bool
only_headers(const struct endpoint *before, const struct endpoint *after)
{
	struct endpoint same = *after;
	same.headers = before->headers;
	return !slice_equal(before->headers, after->headers) && write_changed(NULL, before, &same) == 0 &&
	       before->state == after->state && !key_replaced(before, after);
}

static void
tell_key(struct store_request *request, const struct organisation *of, const struct endpoint *after)
{
	struct draft draft;
	struct json_writer *writer = draft_begin(&draft, request, EVENT_OWN, "webhook.key.rotated", of);
	draft_resource(&draft, "endpoint", ID_ENDPOINT, after->id.value);
	put_id(writer, "endpoint_id", ID_ENDPOINT, after->id.value);
	if (after->key_count > 0)
		json_put_cstring(writer, "key_type", key_type_name(after->keys[0].type));
	if (after->key_count > 1 && after->keys[1].expires.us != 0)
		put_time(writer, "old_key_expires_at", after->keys[1].expires);
	draft_end(&draft);
}

static void
tell_updated(struct store_request *request, const struct organisation *of, const struct endpoint *before,
    const struct endpoint *after, bool state_too)
{
	struct draft draft;
	struct json_writer *writer = own_begin(&draft, request, "webhook.endpoint.updated", of, after);
	json_key(writer, "changed");
	json_open(writer, '[');
	(void)write_changed(writer, before, after);
	if (state_too)
		json_string(writer, SLICE("state"));
	json_close(writer);
	draft.event.previous_status = slice_of(status_of(before));
	draft_end(&draft);
}

static void
tell_resumed(struct store_request *request, const struct organisation *of, const struct endpoint *before,
    const struct endpoint *after, int64_t held)
{
	struct draft draft;
	struct json_writer *writer = own_begin(&draft, request, "webhook.endpoint.resumed", of, after);
	json_put_integer(writer, "held", held);
	draft.event.previous_status = slice_of(status_of(before));
	draft.event.except = after->id;
	draft_end(&draft);
}

static void
tell_disabled(struct store_request *request, const struct organisation *of, const struct endpoint *before,
    const struct endpoint *after, const char *trigger)
{
	struct draft draft;
	struct json_writer *writer = operational_begin(&draft, request, "endpoint.disabled", of, after);
	if (before->failing_since.us != 0)
		put_time(writer, "failSince", before->failing_since);
	json_put_cstring(writer, "trigger", trigger);
	draft_end(&draft);
}

static void
tell_plainly(
    struct store_request *request, const char *type, const struct organisation *of, const struct endpoint *endpoint)
{
	struct draft draft;
	(void)operational_begin(&draft, request, type, of, endpoint);
	draft_end(&draft);
}

static void
tell_edit(struct store_request *request, const struct organisation *of, const struct endpoint *before,
    const struct endpoint *after, int64_t held)
{
	bool moved = before->state != after->state, resumed = moved && after->state == ENDPOINT_ACTIVE;
	if (!only_headers(before, after))
		tell_plainly(request, "endpoint.updated", of, after);
	if (resumed)
		tell_plainly(request, "endpoint.enabled", of, after);
	else if (moved && after->state == ENDPOINT_DISABLED)
		tell_disabled(request, of, before, after, "manual");
	if (write_changed(NULL, before, after) > 0 || (moved && !resumed))
		tell_updated(request, of, before, after, moved && !resumed);
	if (resumed)
		tell_resumed(request, of, before, after, held);
	if (key_replaced(before, after))
		tell_key(request, of, after);
}

void
emit_endpoint(struct store_request *request, const struct organisation *of, const struct endpoint *before,
    const struct endpoint *after, int64_t held)
{
	if (before == NULL)
		tell_plainly(request, "endpoint.created", of, after);
	else if (after == NULL)
		tell_plainly(request, "endpoint.deleted", of, before);
	else
		tell_edit(request, of, before, after, held);
}

/* --- about records ----------------------------------------------------------------------------------- */

static struct slice
reason_of(struct store_request *request)
{
	int32_t code = request->record.attempt.status_code;
	return code == 0 ? SLICE("no_answer") : arena_printf(&request->arena, "http_%d", code);
}

static void
tell_failing(struct store_request *request, const struct organisation *of, const struct endpoint *after)
{
	struct draft draft;
	struct json_writer *writer = own_begin(&draft, request, "webhook.endpoint.failing", of, after);
	put_time(writer, "failing_since", after->failing_since);
	json_put_string(writer, "reason", reason_of(request));
	if (request->record.suspends_at.us != 0)
		put_time(writer, "suspends_at", request->record.suspends_at);
	draft.event.previous_status = after->warned > 1 ? SLICE("failing") : SLICE("active");
	draft.event.except = after->id;
	draft_end(&draft);
}

static void
tell_suspended(struct store_request *request, const struct emit_record *did)
{
	struct draft draft;
	struct json_writer *writer = own_begin(&draft, request, "webhook.endpoint.suspended", did->of, did->after);
	if (did->after->failing_since.us != 0)
		put_time(writer, "failing_since", did->after->failing_since);
	json_put_string(writer, "reason", reason_of(request));
	json_put_integer(writer, "held", did->held);
	draft.event.previous_status = slice_of(status_of(did->before));
	draft.event.except = did->after->id;
	draft_end(&draft);
	tell_disabled(request, did->of, did->after, did->after, "automatic");
}

static void
tell_exhausted(struct store_request *request, const struct emit_record *did)
{
	const struct attempt *attempt = &request->record.attempt;
	struct draft draft;
	struct json_writer *writer = draft_begin(&draft, request, EVENT_OWN, "webhook.delivery.exhausted", did->of);
	draft_resource(&draft, "delivery", ID_MESSAGE, did->message->id.value);
	put_id(writer, "endpoint_id", ID_ENDPOINT, did->after->id.value);
	put_id(writer, "event_id", ID_MESSAGE, did->message->id.value);
	json_put_string(writer, "event_type", did->message->event_type);
	json_put_integer(writer, "attempts", attempt->number);
	json_put_integer(writer, "last_response_code", attempt->status_code);
	put_time(writer, "last_attempt_at", request->now);
	json_put_cstring(writer, "status", "exhausted");
	draft.event.previous_status = attempt->number > 1 ? SLICE("retrying") : SLICE("in_flight");
	draft_end(&draft);
}

static void
tell_attempt(struct store_request *request, const struct emit_record *did, const char *type)
{
	const struct attempt *attempt = &request->record.attempt;
	struct draft draft;
	struct json_writer *writer = operational_begin(&draft, request, type, did->of, did->after);
	draft.event.except.value = 0;
	put_id(writer, "msgId", ID_MESSAGE, did->message->id.value);
	put_optional(writer, "msgEventId", did->message->event_id);
	json_key(writer, "lastAttempt");
	json_open(writer, '{');
	put_id(writer, "id", ID_ATTEMPT, attempt->id.value);
	json_put_integer(writer, "responseStatusCode", attempt->status_code);
	put_time(writer, "timestamp", request->now);
	json_close(writer);
	draft_end(&draft);
}

static bool
is_failing(const struct store_record *record)
{
	return !record->attempt.succeeded && record->attempt.number == FAILING_ATTEMPT &&
	       record->state == DELIVERY_PENDING;
}

static bool
is_recovered(const struct store_record *record)
{
	return record->attempt.succeeded && record->attempt.number > FAILING_ATTEMPT;
}

bool
emit_of_delivery(const struct store_record *record)
{
	return record->state == DELIVERY_EXHAUSTED || is_failing(record) || is_recovered(record);
}

void
emit_record(struct store_request *request, const struct emit_record *did)
{
	const struct store_record *record = &request->record;
	const struct endpoint *before = did->before, *after = did->after;
	if (did->message != NULL && !emit_is_told(did->message, did->of)) {
		if (record->state == DELIVERY_EXHAUSTED) {
			tell_exhausted(request, did);
			tell_attempt(request, did, "message.attempt.exhausted");
		} else if (is_failing(record)) {
			tell_attempt(request, did, "message.attempt.failing");
		} else if (is_recovered(record)) {
			tell_attempt(request, did, "message.attempt.recovered");
		}
	}
	if (after->state == ENDPOINT_SUSPENDED && before->state != ENDPOINT_SUSPENDED)
		tell_suspended(request, did);
	else if (after->warned > before->warned)
		tell_failing(request, did->of, after);
	else if (before->warned > 0 && after->warned == 0 && after->state == ENDPOINT_ACTIVE)
		tell_resumed(request, did->of, before, after, 0);
}

/* --- about tasks ------------------------------------------------------------------------------------- */

void
emit_task_ended(struct store_request *request, const struct organisation *of, const struct task *task)
{
	static const struct organisation nobody = {.id = {0}};
	struct draft draft;
	struct json_writer *writer =
	    draft_begin(&draft, request, EVENT_OPERATIONAL, "background_task.finished", of == NULL ? &nobody : of);
	put_id(writer, "taskId", ID_TASK, task->id.value);
	json_put_cstring(writer, "task", task_kind_name(task->kind));
	json_put_cstring(writer, "status", task_state_name(task->state));
	json_key(writer, "data");
	json_open(writer, '{');
	if (of != NULL) {
		put_id(writer, "appId", ID_ORGANISATION, of->id.value);
		put_optional(writer, "appUid", of->uid);
	}
	if (task->endpoint.value != 0)
		put_id(writer, "endpointId", ID_ENDPOINT, task->endpoint.value);
	json_put_integer(writer, "done", task->done);
	json_put_integer(writer, "skipped", task->skipped);
	if (task->preview)
		json_put_bool(writer, "dryRun", true);
	json_close(writer);
	draft_end(&draft);
	if (of == NULL || !task_of_endpoint(task->kind) || task->state != TASK_FINISHED || task->preview)
		return;
	writer = draft_begin(&draft, request, EVENT_OWN, "webhook.replay.completed", of);
	draft_resource(&draft, "replay", ID_TASK, task->id.value);
	put_id(writer, "replay_id", ID_TASK, task->id.value);
	put_id(writer, "endpoint_id", ID_ENDPOINT, task->endpoint.value);
	if (task->floor > 0)
		put_time(writer, "since", id_time(task->floor));
	put_time(writer, "until", id_time(task->ceiling));
	json_put_integer(writer, "events", task->done);
	draft_end(&draft);
}

/* --- who gets it, and what --------------------------------------------------------------------------- */

bool
emit_is_told(const struct message *message, const struct organisation *of)
{
	return event_type_by_name_only(message->event_type) || organisation_hidden(of);
}

bool
emit_takes(const struct store_event *event, const struct endpoint *endpoint)
{
	if (endpoint->id.value == event->except.value || endpoint->state == ENDPOINT_DISABLED ||
	    endpoint->state == ENDPOINT_DELETED)
		return false;
	bool named = slice_list_has(endpoint->event_types, event->type);
	return named || (event->to == EVENT_OPERATIONAL && endpoint->event_types.count == 0);
}

bool
emit_allowed(const struct store_event *event, struct organisation_id management)
{
	return event->to != EVENT_OPERATIONAL || event->organisation.value != management.value ||
	       slice_is(event->type, "endpoint.disabled");
}

static void
write_actor(struct json_writer *writer, const struct store_actor *actor)
{
	char id[ID_TEXT_BYTES];
	bool token = actor->present && !actor->server && actor->token.value != 0;
	json_key(writer, "actor");
	json_open(writer, '{');
	json_put_cstring(writer, "type", token ? "api_key" : "system");
	json_put_cstring(writer, "id", token ? id_format(ID_TOKEN, actor->token.value, id) : "vaultbell");
	json_close(writer);
}

static void
write_envelope(struct json_writer *writer, const struct store_event *event, const struct organisation *of,
    const struct store_request *request, int64_t id)
{
	put_id(writer, "id", ID_MESSAGE, id);
	json_put_string(writer, "type", event->type);
	json_put_cstring(writer, "version", "1");
	json_put_cstring(writer, "environment", environment_name(of->environment));
	put_id(writer, "organisation", ID_ORGANISATION, of->id.value);
	json_put_cstring(writer, "service", "system");
	json_key(writer, "resource");
	json_open(writer, '{');
	json_put_string(writer, "type", event->resource_type);
	json_put_string(writer, "id", event->resource_id);
	json_close(writer);
	put_time(writer, "occurred_at", request->now);
	put_time(writer, "created_at", id_time(id));
	json_put_string(writer, "previous_status", event->previous_status);
	write_actor(writer, &request->actor);
	json_put_cstring(writer, "correlation_id", NULL);
	json_put_cstring(writer, "client_reference", NULL);
}

struct message *
emit_message(
    const struct store_event *event, const struct organisation *of, const struct store_request *request, int64_t id)
{
	struct buf body;
	struct json_writer writer;
	buf_init(&body, BODY_BYTES_MAX);
	json_writer_init(&writer, &body);
	json_open(&writer, '{');
	if (event->to == EVENT_OPERATIONAL)
		json_put_string(&writer, "type", event->type);
	else
		write_envelope(&writer, event, of, request, id);
	json_key(&writer, "data");
	json_raw(&writer, event->data);
	json_close(&writer);
	ENSURE(!body.overflow);
	struct message *message = message_new();
	message->id.value = id;
	message->created = id_time(id);
	message->organisation = of->id;
	message->event_type = arena_copy(&message->arena, event->type);
	message->retention_days = RETENTION_DAYS;
	message->payload = arena_copy(&message->arena, buf_slice(&body));
	buf_free(&body);
	return message;
}
