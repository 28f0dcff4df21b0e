/* The reference model of change requests, and of what a challenge proved. */
#include "store/audit.h"
#include "store/memory/private.h"

static void
keep(struct memory_change *row, const struct change_request *change)
{
	struct arena old = row->arena;
	row->arena = ARENA_EMPTY;
	row->change = change_copy(&row->arena, change);
	arena_free(&old);
}

/* A row of the audit log beside the request's own. */
static void
log_move(struct memory *memory, struct store_request *request, struct store_actor actor,
    const struct change_request *change, enum change_state from)
{
	struct store_request row = {.now = request->now, .actor = actor};
	change_audit(&row, change, from);
	memory_audit_append(memory, &row);
	arena_free(&row.arena);
}

/* That the change is about, while it is there. */
static const struct endpoint *
endpoint_of(struct memory *memory, const struct change_request *change)
{
	if (change_object_kind(change->operation) != ID_ENDPOINT)
		return NULL;
	const struct memory_endpoint *row = memory_endpoint_by_id(memory, (struct endpoint_id){change->object});
	return row == NULL || row->endpoint.state == ENDPOINT_DELETED ? NULL : &row->endpoint;
}

enum error_code
memory_hold(struct memory *memory, struct store_request *request)
{
	size_t open = 0;
	for (size_t i = 0; i < memory->changes.count; i++) {
		const struct change_request *change = &memory->changes.rows[i].change;
		if (change_same(change, &request->admin->change)) {
			request->admin->change = change_copy(&request->arena, change);
			return OK;
		}
		open += change->organisation.value == request->admin->change.organisation.value &&
			(change->state == CHANGE_REQUESTED || change->state == CHANGE_APPROVED);
	}
	if (open >= LIMIT_CHANGES_OPEN)
		return memory_fail(request, ERR_LIMIT, STORE_DETAIL_TOO_MANY);
	request->admin->change.id.value = id_next(&memory->ids, request->now);
	keep(MEMORY_ADD(&memory->changes), &request->admin->change);
	change_audit(request, &request->admin->change, CHANGE_REQUESTED);
	change_tell(request, &request->admin->change, endpoint_of(memory, &request->admin->change));
	return OK;
}

static struct memory_change *
find_change(struct memory *memory, struct store_request *request)
{
	struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (organisation == NULL)
		return NULL;
	for (size_t i = 0; i < memory->changes.count; i++) {
		struct memory_change *row = &memory->changes.rows[i];
		if (row->change.id.value == request->admin->change.id.value &&
		    row->change.organisation.value == organisation->organisation.id.value)
			return row;
	}
	request->status = memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_CHANGE);
	return NULL;
}

static void
apply(struct memory *memory, struct store_request *request, struct memory_change *row, struct mail_list *notes)
{
	struct change_request change = change_copy(&request->arena, &row->change);
	struct store_request *work = store_request_new(STORE_CHANGE_STEP, request->now);
	struct error error = ERROR_NONE;
	enum error_code code = change_prepare(&change, endpoint_of(memory, &change), request->now, work, &error);
	if (code == OK)
		code = memory_execute_request(memory, work, notes);
	else
		work->error = error;
	work->status = code;
	change_settle(&change, work, request->now, &request->arena);
	store_request_free(work);
	log_move(memory, request, STORE_ACTOR_SERVER, &change, CHANGE_APPROVED);
	change_tell(request, &change, endpoint_of(memory, &change));
	keep(row, &change);
	request->admin->change = change;
}

static void
next_due(const struct memory *memory, struct store_request *request, struct memory_change **out)
{
	request->due = WALL_NEVER;
	for (size_t i = 0; i < memory->changes.count; i++) {
		struct memory_change *row = &memory->changes.rows[i];
		bool open = row->change.state == CHANGE_REQUESTED || row->change.state == CHANGE_APPROVED;
		if (!open || row->change.due.us >= request->due.us)
			continue;
		request->due = row->change.due;
		if (out != NULL)
			*out = row;
	}
}

enum error_code
memory_change_decide(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	struct memory_change *row = find_change(memory, request);
	if (row == NULL)
		return request->status;
	const struct memory_organisation *organisation = memory_organisation_of(memory, request);
	struct change_request change = change_copy(&request->arena, &row->change);
	enum change_state from = change.state;
	enum error_code code = change_decide(&change, request, &organisation->organisation);
	if (code != OK)
		return code;
	keep(row, &change);
	log_move(memory, request, request->actor, &change, from);
	change_tell(request, &change, endpoint_of(memory, &change));
	request->admin->change = change;
	if (change.state == CHANGE_APPROVED && change.due.us <= request->now.us)
		apply(memory, request, row, notes);
	next_due(memory, request, NULL);
	return OK;
}

enum error_code
memory_change_step(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	struct memory_change *row = NULL;
	next_due(memory, request, &row);
	if (row == NULL || request->due.us > request->now.us)
		return OK;
	request->existed = true;
	if (row->change.state == CHANGE_APPROVED) {
		apply(memory, request, row, notes);
	} else {
		struct change_request change = change_copy(&request->arena, &row->change);
		change.state = CHANGE_EXPIRED;
		change.ended = request->now;
		log_move(memory, request, STORE_ACTOR_SERVER, &change, CHANGE_REQUESTED);
		change_tell(request, &change, endpoint_of(memory, &change));
		keep(row, &change);
		request->admin->change = change;
	}
	next_due(memory, request, NULL);
	return OK;
}

enum error_code
memory_change_get(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	const struct memory_change *row = find_change(memory, request);
	if (row == NULL)
		return request->status;
	request->admin->change = change_copy(&request->arena, &row->change);
	return OK;
}

enum error_code
memory_change_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (organisation == NULL)
		return request->status;
	size_t count = memory->changes.count;
	request->admin->changes = arena_alloc(&request->arena, (count + 1) * sizeof request->admin->changes[0]);
	for (size_t i = 0; i < count; i++) {
		const struct change_request *change = &memory->changes.rows[memory_at(&request->page, i, count)].change;
		if (change->organisation.value != organisation->organisation.id.value ||
		    !memory_in_page(&request->page, change->id.value) ||
		    (request->admin->change_state >= 0 && (int)change->state != request->admin->change_state))
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		request->admin->changes[request->count++] = change_copy(&request->arena, change);
	}
	return OK;
}

/* --- ownership --------------------------------------------------------------------------------------- */

enum error_code
memory_endpoint_verified(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	const struct store_verified *verified = &request->admin->verified;
	struct memory_endpoint *row = memory_endpoint_by_id(memory, verified->endpoint);
	struct endpoint edited;
	if (row == NULL || !store_verify(request, &row->endpoint, &edited))
		return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT);
	struct endpoint before = endpoint_copy(&request->arena, &row->endpoint);
	struct arena old = row->arena;
	row->arena = ARENA_EMPTY;
	row->endpoint = endpoint_copy(&row->arena, &edited);
	arena_free(&old);
	memory_note_endpoint(row, notes);
	if (verified->succeeded)
		store_tell_verified(request, memory_owner_by_id(memory, edited.organisation), &before, &edited);
	request->admin->endpoint = endpoint_copy(&request->arena, &row->endpoint);
	return OK;
}
