/* The reference model of tasks, and of what takes content away. */
#include "store/audit.h"
#include "store/emit.h"
#include "store/memory/private.h"

#include <stdlib.h>

/* --- tokens that end --------------------------------------------------------------------------------- */

static bool
session_named(const struct slice_list *sessions, int64_t session)
{
	for (size_t i = 0; i < sessions->count; i++)
		if (session != 0 && token_session(sessions->items[i]) == session)
			return true;
	return sessions->count == 0;
}

enum error_code
memory_token_expire(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (organisation == NULL)
		return request->status;
	if (change_hold_expiry(request, &organisation->organisation))
		return memory_hold(memory, request);
	struct wall_time end = request->admin->token.expires.us == 0 ? request->now : request->admin->token.expires;
	for (size_t i = 0; i < memory->tokens.count; i++) {
		struct token *row = &memory->tokens.rows[i];
		bool its = row->organisation.value == organisation->organisation.id.value &&
			   session_named(&request->admin->sessions, row->session);
		if (its && (row->expires.us == 0 || row->expires.us > end.us))
			row->expires = end;
	}
	audit_expire(request, organisation->organisation.id);
	return OK;
}

/* --- content that goes ------------------------------------------------------------------------------- */

/* A message is immutable and may be on its way: the table gets another one, without the payload. */
static void
expunge(struct memory *memory, struct message *message, struct wall_time now, struct mail_list *notes)
{
	size_t pending = 0, at = 0;
	for (size_t i = 0; i < memory->deliveries.count; i++)
		pending += memory->deliveries.rows[i].message == message &&
			   memory->deliveries.rows[i].state == DELIVERY_PENDING;
	struct store_note *note = pending == 0 ? NULL : store_note_new(STORE_NOTE_CANCELLED, pending);
	for (size_t i = 0; i < memory->endpoints.count && note != NULL; i++) {
		struct endpoint_id id = memory->endpoints.rows[i].endpoint.id;
		const struct memory_delivery *row = memory_find_delivery(memory, message->id, id);
		if (row != NULL && row->state == DELIVERY_PENDING)
			note->targets[at++].endpoint = id;
	}
	if (slice_present(message->payload)) {
		struct memory_purged *left = MEMORY_ADD(&memory->purged);
		left->message = message->id;
		left->at = now;
		left->length = versions_digests(message, left->digests);
	}
	struct message *bare = message_new();
	bare->id = message->id;
	bare->organisation = message->organisation;
	bare->created = message->created;
	bare->event_type = arena_copy(&bare->arena, message->event_type);
	bare->event_id = arena_copy(&bare->arena, message->event_id);
	bare->channels = arena_list(&bare->arena, message->channels);
	bare->retention_days = message->retention_days;
	bare->test = message->test;
	bare->webhook_id = arena_copy(&bare->arena, message->webhook_id);
	for (size_t i = 0; i < memory->deliveries.count; i++) {
		struct memory_delivery *row = &memory->deliveries.rows[i];
		if (row->message != message)
			continue;
		row->message = bare;
		if (row->state == DELIVERY_PENDING)
			row->state = DELIVERY_CANCELLED;
	}
	if (note != NULL) {
		note->cancelled = message->id;
		mail_list_add(notes, &note->mail);
	}
	for (size_t i = 0; i < memory->messages.count; i++)
		if (memory->messages.rows[i] == message)
			memory->messages.rows[i] = bare;
	message_unref(message);
}

enum error_code
memory_expunge_find(struct memory *memory, struct store_request *request)
{
	struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (organisation == NULL)
		return request->status;
	request->found = arena_alloc(&request->arena, request->message_refs.count * sizeof request->found[0]);
	for (size_t i = 0; i < request->message_refs.count; i++)
		request->found[i] =
		    memory_find_message(memory, organisation->organisation.id, request->message_refs.items[i]) != NULL;
	return OK;
}

enum error_code
memory_expunge(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (organisation == NULL)
		return request->status;
	request->found = arena_alloc(&request->arena, request->message_refs.count * sizeof request->found[0]);
	for (size_t i = 0; i < request->message_refs.count; i++) {
		struct message *message =
		    memory_find_message(memory, organisation->organisation.id, request->message_refs.items[i]);
		request->found[i] = message != NULL;
		if (message != NULL)
			expunge(memory, message, request->now, notes);
	}
	audit_expunge(request, organisation->organisation.id);
	return OK;
}

enum error_code
memory_attempt_expunge(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct message *message = memory_message_of(memory, request);
	if (message == NULL)
		return request->status;
	for (size_t i = 0; i < memory->attempts.count; i++) {
		struct attempt *attempt = &memory->attempts.rows[i].attempt;
		if (attempt->id.value != request->attempt_id || attempt->message.value != message->id.value)
			continue;
		attempt->response = SLICE("EXPUNGED");
		audit_attempt_expunge(request, message->organisation);
		return OK;
	}
	return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE);
}

/* --- looking ----------------------------------------------------------------------------------------- */

enum error_code
memory_precheck(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (organisation == NULL)
		return request->status;
	if (!store_has_service(&memory->options, &organisation->organisation, request->admin->event_type.name))
		return OK;
	for (size_t i = 0; i < memory->endpoints.count; i++) {
		const struct endpoint *endpoint = &memory->endpoints.rows[i].endpoint;
		if (endpoint->organisation.value == organisation->organisation.id.value &&
		    endpoint_wants(endpoint, request->admin->event_type.name, request->channels))
			request->existed = true;
	}
	return OK;
}

enum error_code
memory_endpoint_stats(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_endpoint *endpoint = memory_endpoint_of(memory, request);
	if (endpoint == NULL)
		return request->status;
	struct store_page page = request->page;
	page.descending = false;
	size_t looked = 0;
	for (size_t i = 0; i < memory->attempts.count && !request->more; i++) {
		const struct attempt *attempt = &memory->attempts.rows[i].attempt;
		if (attempt->endpoint.value != endpoint->endpoint.id.value || !memory_in_page(&page, attempt->id.value))
			continue;
		request->more = looked++ == request->page.limit;
		if (request->more)
			break;
		*(attempt->succeeded ? &request->admin->stats.succeeded : &request->admin->stats.failed) += 1;
		request->next = attempt->id.value;
	}
	if (request->page.after == 0 && endpoint->endpoint.state != ENDPOINT_ACTIVE)
		request->admin->stats.held = memory_held(memory, endpoint->endpoint.id);
	for (size_t i = 0; i < memory->deliveries.count && request->page.after == 0; i++) {
		const struct memory_delivery *row = &memory->deliveries.rows[i];
		if (row->endpoint.value == endpoint->endpoint.id.value && row->state == DELIVERY_PENDING &&
		    memory_in_page(&page, row->message->id.value))
			request->admin->stats.pending++;
	}
	return OK;
}

enum error_code
memory_measure(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	for (size_t i = 0; i < memory->deliveries.count; i++)
		request->admin->counts.deliveries_pending += memory->deliveries.rows[i].state == DELIVERY_PENDING;
	for (size_t i = 0; i < memory->endpoints.count; i++) {
		const struct endpoint *endpoint = &memory->endpoints.rows[i].endpoint;
		const struct organisation *owner = memory_owner_by_id(memory, endpoint->organisation);
		request->admin->counts.endpoints_unowned += owner != NULL && !organisation_hidden(owner) &&
							    endpoint->state != ENDPOINT_DELETED &&
							    !endpoint_owned(endpoint);
	}
	return OK;
}

/* --- tasks ------------------------------------------------------------------------------------------- */

static enum error_code
show_task(struct store_request *request, const struct memory_task *row)
{
	request->admin->task = task_copy(&request->arena, &row->task);
	return OK;
}

static struct memory_task *
find_task(struct memory *memory, const struct store_request *request)
{
	struct organisation_id only = request->admin->task.organisation;
	for (size_t i = 0; i < memory->tasks.count; i++) {
		struct memory_task *row = &memory->tasks.rows[i];
		if (row->task.id.value == request->admin->task.id.value &&
		    (only.value == 0 || row->task.organisation.value == only.value))
			return row;
	}
	return NULL;
}

void
memory_name_organisations(struct memory *memory, struct store_request *request)
{
	size_t count = request->message_refs.count;
	request->missing.items = arena_alloc(&request->arena, count * sizeof(struct slice));
	request->admin->task.only.items = arena_alloc(&request->arena, count * sizeof(struct slice));
	for (size_t i = 0; i < count; i++) {
		struct slice ref = request->message_refs.items[i];
		const struct memory_organisation *row = memory_find_organisation(memory, ref);
		char text[ID_TEXT_BYTES];
		if (row == NULL) {
			request->missing.items[request->missing.count++] = ref;
			continue;
		}
		id_format(ID_ORGANISATION, row->organisation.id.value, text);
		request->admin->task.only.items[request->admin->task.only.count++] =
		    arena_copy(&request->arena, slice_of(text));
	}
}

static void
forget_old(struct memory *memory, struct wall_time now)
{
	size_t kept = 0;
	for (size_t i = 0; i < memory->tasks.count; i++) {
		struct memory_task *row = &memory->tasks.rows[i];
		if (row->task.id.value >= task_oldest(now) || row->task.state == TASK_RUNNING)
			memory->tasks.rows[kept++] = *row;
		else
			arena_free(&row->arena);
	}
	memory->tasks.count = kept;
}

static void
task_ended(struct memory *memory, struct store_request *request, const struct task *task)
{
	if (task->state != TASK_RUNNING)
		emit_task_ended(request, memory_owner_by_id(memory, task->organisation), task);
}

enum error_code
memory_task_create(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct task *task = &request->admin->task;
	if (task_of_endpoint(task->kind)) {
		struct memory_endpoint *endpoint = memory_endpoint_of(memory, request);
		if (endpoint == NULL)
			return request->status;
		task->endpoint = endpoint->endpoint.id;
		task->organisation = endpoint->endpoint.organisation;
	} else if (!task_counts(task->kind)) {
		struct memory_organisation *organisation = memory_organisation_of(memory, request);
		if (organisation == NULL)
			return request->status;
		task->organisation = organisation->organisation.id;
	} else {
		memory_name_organisations(memory, request);
	}
	forget_old(memory, request->now);
	task->id.value = id_next(&memory->ids, request->now);
	task->state = request->message_refs.count > 0 && task->only.count == 0 ? TASK_FINISHED : TASK_RUNNING;
	task->updated = request->now;
	task->position = task->floor - 1;
	if (task->ceiling == 0)
		task->ceiling = task->id.value;
	struct memory_task *row = MEMORY_ADD(&memory->tasks);
	row->task = task_copy(&row->arena, task);
	audit_task(request, "task.create", task);
	task_ended(memory, request, task);
	return OK;
}

enum error_code
memory_task_get(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	const struct memory_task *row = find_task(memory, request);
	return row == NULL ? memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE) : show_task(request, row);
}

enum error_code
memory_task_cancel(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_task *row = find_task(memory, request);
	if (row == NULL)
		return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE);
	if (row->task.state == TASK_RUNNING) {
		task_fail(&row->task, &row->arena, "cancelled");
		audit_task(request, "task.cancel", &row->task);
		row->task.updated = request->now;
		task_ended(memory, request, &row->task);
	}
	return show_task(request, row);
}

enum error_code
memory_task_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	const struct store_task_filter *filter = &request->admin->task_filter;
	size_t count = memory->tasks.count;
	request->admin->tasks = arena_alloc(&request->arena, (count + 1) * sizeof request->admin->tasks[0]);
	for (size_t i = 0; i < count; i++) {
		const struct task *task = &memory->tasks.rows[memory_at(&request->page, i, count)].task;
		if ((filter->kind >= 0 && (int)task->kind != filter->kind) ||
		    (filter->state >= 0 && (int)task->state != filter->state) ||
		    (filter->organisation.value != 0 && task->organisation.value != filter->organisation.value) ||
		    !memory_in_page(&request->page, task->id.value))
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		request->admin->tasks[request->count++] = task_copy(&request->arena, task);
	}
	return OK;
}

/* --- a step ------------------------------------------------------------------------------------------ */

static int32_t
last_status(struct memory *memory, struct message_id message, struct endpoint_id endpoint)
{
	int32_t status = 0;
	for (size_t i = 0; i < memory->attempts.count; i++) {
		const struct attempt *attempt = &memory->attempts.rows[i].attempt;
		if (attempt->message.value == message.value && attempt->endpoint.value == endpoint.value)
			status = attempt->status_code;
	}
	return status;
}

static void
send(struct memory *memory, struct message *message, struct memory_endpoint *endpoint, struct memory_delivery *row,
    struct wall_time now, struct mail_list *notes)
{
	struct store_note *note = store_note_new(STORE_NOTE_DELIVERIES, 1);
	note->message = message_ref(message);
	mail_list_add(notes, &note->mail);
	if (row == NULL) {
		memory_new_delivery(memory, message, endpoint, now, &note->targets[0]);
		return;
	}
	row->trigger = row->state == DELIVERY_PENDING ? row->trigger : TRIGGER_MANUAL;
	row->state = DELIVERY_PENDING;
	row->due = delivery_due(&endpoint->endpoint, now);
	note->targets[0] = (struct store_note_target){
	    .endpoint = row->endpoint,
	    .sequence = row->sequence,
	    .due = row->due,
	    .attempts = row->attempts,
	    .trigger = row->trigger,
	};
}

/* Returns the bytes of payload that were read. */
static size_t
look_at_delivery(struct memory *memory, struct memory_task *task, struct message *message,
    struct store_request *request, struct mail_list *notes)
{
	struct memory_endpoint *endpoint = memory_endpoint_by_id(memory, task->task.endpoint);
	struct memory_delivery *row = memory_find_delivery(memory, message->id, task->task.endpoint);
	struct task_candidate candidate = {.event_type = message->event_type, .channels = message->channels};
	if (row != NULL) {
		candidate.sent = true;
		candidate.state = row->state;
		candidate.attempts = row->attempts;
		candidate.due = row->due;
		candidate.status_code = last_status(memory, message->id, task->task.endpoint);
	}
	if (task_choose(&task->task, &endpoint->endpoint, &candidate, request->now) == TASK_PASS)
		return 0;
	bool owned =
	    !task->task.journalled; /* else the endpoint's organisation is the receiver's, which has all services */
	if (!slice_present(message->payload) || (owned && !memory_entitled(memory, message))) {
		task->task.skipped += !slice_present(task->task.resource) || slice_present(message->payload);
		return 0;
	}
	bool fits = task_fits_resource(&task->task, message->payload);
	if (fits && !task->task.preview)
		send(memory, message, endpoint, row, request->now, notes);
	task->task.done += fits;
	return versions_bytes(message);
}

static void
look_at_count(struct memory *memory, struct memory_task *task, const struct message *message)
{
	char text[ID_TEXT_BYTES];
	struct slice organisation = slice_of(id_format(ID_ORGANISATION, message->organisation.value, text));
	if (message->organisation.value == 0 ||
	    (task->task.only.count > 0 && !slice_list_has(task->task.only, organisation)))
		return;
	int64_t deliveries = 0;
	for (size_t i = 0; i < memory->deliveries.count; i++)
		deliveries += memory->deliveries.rows[i].message == message;
	task_count(
	    &task->task, &task->arena, task->task.kind == TASK_USAGE ? organisation : message->event_type, deliveries);
	task->task.done++;
}

/* Which message is looked at next; NULL: all were. */
static struct message *
next_message(struct memory *memory, const struct task *task)
{
	for (size_t i = 0; i < memory->messages.count; i++) {
		struct message *message = memory->messages.rows[i];
		if (message->id.value > task->position && message->id.value < task->ceiling &&
		    (task->journalled
			    ? message->organisation.value == 0
			    : task->organisation.value == 0 || message->organisation.value == task->organisation.value))
			return message;
	}
	return NULL;
}

static void
step(struct memory *memory, struct memory_task *row, struct store_request *request, struct mail_list *notes)
{
	struct task *task = &row->task;
	task->updated = request->now;
	if (task_of_endpoint(task->kind)) {
		const struct memory_endpoint *endpoint = memory_endpoint_by_id(memory, task->endpoint);
		if (endpoint->endpoint.state == ENDPOINT_DELETED) {
			task_fail(task, &row->arena, "the endpoint was deleted");
			return;
		}
	}
	size_t bytes = 0;
	for (size_t i = 0; i < TASK_STEP_ROWS && bytes < LIMIT_REFILL_BYTES; i++) {
		struct message *message = next_message(memory, task);
		if (message == NULL) {
			task->state = TASK_FINISHED;
			return;
		}
		task->position = message->id.value;
		task->examined++;
		if (task->kind == TASK_PURGE) {
			task->done += slice_present(message->payload);
			if (slice_present(message->payload))
				expunge(memory, message, request->now, notes);
		} else if (task_of_endpoint(task->kind)) {
			bytes += look_at_delivery(memory, row, message, request, notes);
		} else {
			look_at_count(memory, row, message);
		}
	}
}

static struct memory_task *
next_task(struct memory *memory)
{
	struct memory_task *next = NULL;
	for (size_t i = 0; i < memory->tasks.count; i++) {
		struct memory_task *row = &memory->tasks.rows[i];
		if (row->task.state == TASK_RUNNING && (next == NULL || row->task.updated.us < next->task.updated.us))
			next = row;
	}
	return next;
}

enum error_code
memory_task_step(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	struct memory_task *row = next_task(memory);
	request->existed = row != NULL;
	if (row == NULL)
		return OK;
	step(memory, row, request, notes);
	audit_task_end(request, &row->task);
	task_ended(memory, request, &row->task);
	request->more = next_task(memory) != NULL;
	return show_task(request, row);
}
