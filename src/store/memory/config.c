/* The reference model of configuration: organisations, endpoints, event types, tokens. */
#include "store/audit.h"
#include "store/emit.h"
#include "store/memory/private.h"

#include <stdlib.h>

/* --- organisations ----------------------------------------------------------------------------------- */

static bool
organisation_uid_taken(struct memory *memory, struct slice uid, const struct memory_organisation *except)
{
	struct memory_organisation *holder = slice_present(uid) ? memory_find_organisation(memory, uid) : NULL;
	return holder != NULL && holder != except;
}

static enum error_code
show_organisation(struct store_request *request, const struct memory_organisation *row)
{
	request->admin->organisation = organisation_copy(&request->arena, &row->organisation);
	return OK;
}

static struct memory_organisation *
twin_of(struct memory *memory, const struct memory_organisation *of)
{
	for (size_t i = 0; i < memory->organisations.count; i++) {
		struct memory_organisation *row = &memory->organisations.rows[i];
		if (of->organisation.twin.value != 0 && row->organisation.id.value == of->organisation.twin.value &&
		    !row->deleted)
			return row;
	}
	return NULL;
}

static enum error_code
create_sandbox(struct memory *memory, struct store_request *request)
{
	struct memory_organisation *of = memory_organisation_of(memory, request);
	if (of == NULL)
		return request->status;
	if (of->organisation.environment != ENVIRONMENT_PRODUCTION || organisation_hidden(&of->organisation))
		return error_set(&request->error, ERR_CONFLICT, STORE_NO_SANDBOX_OF_IT);
	struct memory_organisation *row = twin_of(memory, of);
	request->existed = row != NULL;
	if (row != NULL)
		return show_organisation(request, row);
	struct organisation draft = store_sandbox_draft(request, &of->organisation);
	if (organisation_uid_taken(memory, draft.uid, NULL))
		return memory_fail(request, ERR_CONFLICT, STORE_DETAIL_UID_TAKEN);
	size_t production = (size_t)(of - memory->organisations.rows);
	row = memory_new_organisation(memory, request, &draft);
	memory->organisations.rows[production].organisation.twin = row->organisation.id;
	return show_organisation(request, row);
}

enum error_code
memory_organisation_create(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	if (request->sandbox)
		return create_sandbox(memory, request);
	struct slice uid = request->admin->organisation.uid;
	if (organisation_uid_taken(memory, uid, NULL)) {
		if (!request->get_if_exists)
			return memory_fail(request, ERR_CONFLICT, STORE_DETAIL_UID_TAKEN);
		request->existed = true;
		return show_organisation(request, memory_find_organisation(memory, uid));
	}
	struct memory_organisation *row = memory_new_organisation(memory, request, &request->admin->organisation);
	return show_organisation(request, row);
}

/* The sender reads anew what waits, since what is held may have changed. */
static void
services_changed(struct memory *memory, struct organisation_id organisation, struct mail_list *notes)
{
	for (size_t i = 0; i < memory->endpoints.count; i++) {
		struct memory_endpoint *row = &memory->endpoints.rows[i];
		if (row->endpoint.organisation.value != organisation.value || row->endpoint.state != ENDPOINT_ACTIVE)
			continue;
		row->endpoint.state = ENDPOINT_DISABLED;
		memory_note_endpoint(row, notes);
		row->endpoint.state = ENDPOINT_ACTIVE;
		memory_note_endpoint(row, notes);
	}
}

/* Its endpoints that sign with its keys: whether they can with those that it is to have; `save`: they get them. */
static enum error_code
hand_keys_on(struct memory *memory, struct store_request *request, const struct organisation *of, bool save,
    struct mail_list *notes)
{
	for (size_t i = 0; i < memory->endpoints.count; i++) {
		struct memory_endpoint *row = &memory->endpoints.rows[i];
		if (row->endpoint.organisation.value != of->id.value || row->endpoint.state == ENDPOINT_DELETED ||
		    row->endpoint.key_scope != KEY_SCOPE_ORGANISATION)
			continue;
		struct endpoint endpoint = save ? endpoint_copy(&request->arena, &row->endpoint) : row->endpoint;
		enum error_code code = endpoint_take_keys(&endpoint, of, request->now, &request->error);
		if (code != OK)
			return code;
		if (!save)
			continue;
		struct arena old = row->arena;
		row->arena = ARENA_EMPTY;
		row->endpoint = endpoint_copy(&row->arena, &endpoint);
		arena_free(&old);
		memory_note_endpoint(row, notes);
	}
	return OK;
}

enum error_code
memory_organisation_edit(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	struct memory_organisation *row = memory_find_organisation(memory, request->ref);
	if (row == NULL && !request->create_missing)
		return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_ORGANISATION);
	request->existed = row != NULL;
	struct organisation edited = {.created = request->now};
	if (row != NULL)
		edited = organisation_copy(&request->arena, &row->organisation);
	enum error_code code = request->admin->edit_organisation(
	    request->admin->edit_context, &request->arena, &edited, row != NULL, &request->error);
	if (code != OK)
		return code;
	if (row != NULL && edited.environment != row->organisation.environment) {
		request->detail = STORE_DETAIL_ENVIRONMENT;
		return error_set(&request->error, ERR_INVALID, STORE_ENVIRONMENT_STAYS);
	}
	if (organisation_uid_taken(memory, edited.uid, row))
		return memory_fail(request, ERR_CONFLICT, STORE_DETAIL_UID_TAKEN);
	if (row == NULL)
		return show_organisation(request, memory_new_organisation(memory, request, &edited));
	bool rekeyed = !organisation_same_keys(&row->organisation, &edited);
	code = rekeyed ? hand_keys_on(memory, request, &edited, false, notes) : OK;
	if (code != OK)
		return code;
	if (change_hold_organisation(request, &row->organisation, &edited))
		return memory_hold(memory, request);
	edited.updated = request->now;
	audit_organisation(request, &row->organisation, &edited);
	if (!organisation_same_services(&row->organisation, &edited))
		services_changed(memory, edited.id, notes);
	if (rekeyed)
		ENSURE(hand_keys_on(memory, request, &edited, true, notes) == OK);
	struct arena old = row->arena;
	row->arena = ARENA_EMPTY;
	row->organisation = organisation_copy(&row->arena, &edited);
	arena_free(&old);
	return show_organisation(request, row);
}

enum error_code
memory_organisation_delete(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	struct memory_organisation *row = memory_organisation_of(memory, request);
	if (row == NULL)
		return request->status;
	if (change_hold_organisation(request, &row->organisation, NULL))
		return memory_hold(memory, request);
	for (size_t i = 0; i < memory->endpoints.count; i++) {
		struct memory_endpoint *endpoint = &memory->endpoints.rows[i];
		if (endpoint->endpoint.organisation.value == row->organisation.id.value &&
		    endpoint->endpoint.state != ENDPOINT_DELETED)
			memory_endpoint_gone(memory, endpoint, notes);
	}
	struct memory_organisation *twin = twin_of(memory, row);
	if (twin != NULL)
		twin->organisation.twin.value = 0;
	row->deleted = true;
	audit_organisation(request, &row->organisation, NULL);
	size_t kept = 0;
	for (size_t i = 0; i < memory->tokens.count; i++)
		if (memory->tokens.rows[i].organisation.value != row->organisation.id.value)
			memory->tokens.rows[kept++] = memory->tokens.rows[i];
	memory->tokens.count = kept;
	return OK;
}

enum error_code
memory_organisation_get(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_organisation *row = memory_organisation_of(memory, request);
	return row == NULL ? request->status : show_organisation(request, row);
}

enum error_code
memory_organisation_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	size_t count = memory->organisations.count;
	request->organisations = arena_alloc(&request->arena, (count + 1) * sizeof request->organisations[0]);
	for (size_t i = 0; i < count; i++) {
		const struct memory_organisation *row =
		    &memory->organisations.rows[memory_at(&request->page, i, count)];
		if (row->deleted || organisation_hidden(&row->organisation) ||
		    !memory_in_page(&request->page, row->organisation.id.value))
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		request->organisations[request->count++] = organisation_copy(&request->arena, &row->organisation);
	}
	return OK;
}

/* --- endpoints --------------------------------------------------------------------------------------- */

static bool
endpoint_uid_taken(struct memory *memory, const struct endpoint *endpoint, const struct memory_endpoint *except)
{
	if (!slice_present(endpoint->uid))
		return false;
	struct memory_endpoint *holder = memory_find_endpoint(memory, endpoint->organisation, endpoint->uid);
	return holder != NULL && holder != except;
}

static struct memory_event_type *
find_type(struct memory *memory, struct slice name)
{
	for (size_t i = 0; i < memory->types.count; i++)
		if (slice_equal(memory->types.rows[i].type.name, name))
			return &memory->types.rows[i];
	return NULL;
}

static bool
type_known(struct memory *memory, struct slice name)
{
	const struct store_options *options = &memory->options;
	const struct memory_event_type *row = find_type(memory, name);
	if (row != NULL)
		return !row->type.archived;
	return options->builtin_type != NULL && options->builtin_type(options->builtin_context, name);
}

static enum error_code
check_endpoint(struct memory *memory, struct store_request *request, const struct organisation *of,
    const struct endpoint *endpoint, const struct memory_endpoint *except)
{
	if (endpoint_uid_taken(memory, endpoint, except))
		return memory_fail(request, ERR_CONFLICT, STORE_DETAIL_UID_TAKEN);
	bool moved = except == NULL || !slice_equal(except->endpoint.url, endpoint->url);
	if (request->https_unless_sandbox && moved && slice_starts(endpoint->url, SLICE("http:")) &&
	    of->environment != ENVIRONMENT_SANDBOX) {
		request->detail = STORE_DETAIL_PLAIN_URL;
		return error_set(&request->error, ERR_INVALID, STORE_PLAIN_URL);
	}
	/* What the platform tells of itself has types of its own. */
	const struct memory_organisation *management = memory_find_organisation(memory, STORE_MANAGEMENT_UID);
	if (management != NULL && management->organisation.id.value == endpoint->organisation.value)
		return OK;
	for (size_t i = 0; i < endpoint->event_types.count; i++) {
		struct slice name = endpoint->event_types.items[i];
		if (except != NULL && slice_list_has(except->endpoint.event_types, name))
			continue;
		if (!type_known(memory, name))
			return memory_fail(request, ERR_INVALID, STORE_DETAIL_TYPE_UNKNOWN);
		if (!store_entitled(&memory->options, of, name, request))
			return request->status;
	}
	return OK;
}

static enum error_code
show_endpoint(struct memory *memory, struct store_request *request, const struct memory_endpoint *row)
{
	request->admin->endpoint = endpoint_copy(&request->arena, &row->endpoint);
	if (row->endpoint.state != ENDPOINT_ACTIVE)
		request->admin->endpoint.held = memory_held(memory, row->endpoint.id);
	return OK;
}

static enum error_code
new_endpoint(struct memory *memory, struct store_request *request, const struct organisation *of, struct endpoint *from,
    struct mail_list *notes)
{
	size_t there = 0;
	for (size_t i = 0; i < memory->endpoints.count; i++)
		if (memory->endpoints.rows[i].endpoint.organisation.value == from->organisation.value &&
		    memory->endpoints.rows[i].endpoint.state != ENDPOINT_DELETED)
			there++;
	enum error_code code = check_endpoint(memory, request, of, from, NULL);
	if (code != OK)
		return code;
	if (there >= LIMIT_ENDPOINTS)
		return memory_fail(request, ERR_LIMIT, STORE_DETAIL_TOO_MANY);
	code = endpoint_take_keys(from, of, request->now, &request->error);
	if (code != OK)
		return code;
	if (change_hold_endpoint(request, of, NULL, from))
		return memory_hold(memory, request);
	endpoint_verification_begin(&request->arena, NULL, from, request->admin->challenge, request->now);
	struct memory_endpoint *row = MEMORY_ADD(&memory->endpoints);
	from->id.value = id_next(&memory->ids, request->now);
	from->created = request->now;
	from->updated = request->now;
	from->environment = of->environment;
	row->endpoint = endpoint_copy(&row->arena, from);
	audit_endpoint(request, NULL, from);
	emit_endpoint(request, of, NULL, from, 0);
	memory_note_endpoint(row, notes);
	return show_endpoint(memory, request, row);
}

enum error_code
memory_endpoint_create(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (organisation == NULL)
		return request->status;
	request->admin->endpoint.organisation = organisation->organisation.id;
	return new_endpoint(memory, request, &organisation->organisation, &request->admin->endpoint, notes);
}

enum error_code
memory_endpoint_edit(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (organisation == NULL)
		return request->status;
	struct memory_endpoint *row =
	    memory_find_endpoint(memory, organisation->organisation.id, request->endpoint_ref);
	if (row == NULL && !request->create_missing)
		return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT);
	request->existed = row != NULL;
	struct endpoint edited = {.organisation = organisation->organisation.id};
	if (row != NULL)
		edited = endpoint_copy(&request->arena, &row->endpoint);
	enum error_code code = request->admin->edit_endpoint(
	    request->admin->edit_context, &request->arena, &edited, row != NULL, &request->error);
	if (code != OK)
		return code;
	if (row == NULL)
		return new_endpoint(memory, request, &organisation->organisation, &edited, notes);
	code = check_endpoint(memory, request, &organisation->organisation, &edited, row);
	if (code == OK)
		code = endpoint_take_keys(&edited, &organisation->organisation, request->now, &request->error);
	if (code != OK)
		return code;
	if (change_hold_endpoint(request, &organisation->organisation, &row->endpoint, &edited))
		return memory_hold(memory, request);
	endpoint_verification_begin(&request->arena, &row->endpoint, &edited, request->admin->challenge, request->now);
	edited.updated = request->now;
	if (edited.failing_since.us == 0)
		edited.warned = 0;
	audit_endpoint(request, &row->endpoint, &edited);
	emit_endpoint(
	    request, &organisation->organisation, &row->endpoint, &edited, memory_held(memory, row->endpoint.id));
	struct arena old = row->arena;
	row->arena = ARENA_EMPTY;
	row->endpoint = endpoint_copy(&row->arena, &edited);
	arena_free(&old);
	memory_note_endpoint(row, notes);
	return show_endpoint(memory, request, row);
}

enum error_code
memory_endpoint_delete(struct memory *memory, struct store_request *request, struct mail_list *notes)
{
	struct memory_endpoint *row = memory_endpoint_of(memory, request);
	if (row == NULL)
		return request->status;
	const struct memory_organisation *of = memory_organisation_of(memory, request);
	if (change_hold_endpoint(request, &of->organisation, &row->endpoint, NULL))
		return memory_hold(memory, request);
	audit_endpoint(request, &row->endpoint, NULL);
	emit_endpoint(request, memory_owner_by_id(memory, row->endpoint.organisation), &row->endpoint, NULL, 0);
	row->endpoint.updated = request->now;
	memory_endpoint_gone(memory, row, notes);
	return OK;
}

enum error_code
memory_endpoint_get(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_endpoint *row = memory_endpoint_of(memory, request);
	return row == NULL ? request->status : show_endpoint(memory, request, row);
}

enum error_code
memory_endpoint_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_organisation *organisation = memory_organisation_of(memory, request);
	if (organisation == NULL)
		return request->status;
	size_t count = memory->endpoints.count;
	request->endpoints = arena_alloc(&request->arena, (count + 1) * sizeof request->endpoints[0]);
	for (size_t i = 0; i < count; i++) {
		const struct endpoint *endpoint = &memory->endpoints.rows[memory_at(&request->page, i, count)].endpoint;
		if (endpoint->organisation.value != organisation->organisation.id.value ||
		    endpoint->state == ENDPOINT_DELETED || !memory_in_page(&request->page, endpoint->id.value))
			continue;
		if (request->filter.unowned && endpoint_owned(endpoint))
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		struct endpoint *shown = &request->endpoints[request->count++];
		*shown = endpoint_copy(&request->arena, endpoint);
		if (endpoint->state != ENDPOINT_ACTIVE)
			shown->held = memory_held(memory, endpoint->id);
	}
	return OK;
}

enum error_code
memory_endpoints_all(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	size_t count = memory->endpoints.count;
	request->endpoints = arena_alloc(&request->arena, (count + 1) * sizeof request->endpoints[0]);
	for (size_t i = 0; i < count; i++)
		if (memory->endpoints.rows[i].endpoint.state != ENDPOINT_DELETED) {
			request->endpoints[request->count] =
			    endpoint_copy(&request->arena, &memory->endpoints.rows[i].endpoint);
			request->endpoints[request->count++].sequence = memory->endpoints.rows[i].sequence;
		}
	size_t most = memory->organisations.count;
	request->admin->signers = arena_alloc(&request->arena, (most + 1) * sizeof request->admin->signers[0]);
	for (size_t i = 0; i < most; i++) {
		const struct memory_organisation *row = &memory->organisations.rows[i];
		if (!row->deleted && row->organisation.key_count > 0)
			request->admin->signers[request->admin->signer_count++] =
			    organisation_copy(&request->arena, &row->organisation);
	}
	return OK;
}

/* --- event types ------------------------------------------------------------------------------------- */

static enum error_code
show_type(struct store_request *request, const struct memory_event_type *row)
{
	request->admin->event_type = event_type_copy(&request->arena, &row->type);
	return OK;
}

/* Adds or replaces, keeping the table in the order of names. */
static struct memory_event_type *
put_type(struct memory *memory, const struct event_type *type)
{
	struct memory_event_type fresh = {.arena = ARENA_EMPTY};
	fresh.type = event_type_copy(&fresh.arena, type);
	struct memory_event_type *row = find_type(memory, type->name);
	if (row != NULL) {
		arena_free(&row->arena);
		*row = fresh;
		return row;
	}
	(void)MEMORY_ADD(&memory->types);
	size_t at = memory->types.count - 1;
	for (; at > 0 && slice_compare(memory->types.rows[at - 1].type.name, fresh.type.name) > 0; at--)
		memory->types.rows[at] = memory->types.rows[at - 1];
	memory->types.rows[at] = fresh;
	return &memory->types.rows[at];
}

enum error_code
memory_event_type_create(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct event_type type = request->admin->event_type;
	struct memory_event_type *row = find_type(memory, type.name);
	if (row != NULL && !row->type.archived)
		return memory_fail(request, ERR_CONFLICT, STORE_DETAIL_TYPE_EXISTS);
	type.created = row == NULL ? request->now : row->type.created;
	type.updated = request->now;
	audit_event_type(request, row == NULL ? NULL : &row->type, &type);
	return show_type(request, put_type(memory, &type));
}

enum error_code
memory_event_type_edit(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_event_type *row = find_type(memory, request->ref);
	if (row == NULL && !request->create_missing)
		return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE);
	request->existed = row != NULL;
	struct event_type edited = {.name = request->ref, .description = SLICE(""), .created = request->now};
	if (row != NULL)
		edited = event_type_copy(&request->arena, &row->type);
	enum error_code code = request->admin->edit_event_type(
	    request->admin->edit_context, &request->arena, &edited, row != NULL, &request->error);
	if (code != OK)
		return code;
	edited.updated = request->now;
	audit_event_type(request, row == NULL ? NULL : &row->type, &edited);
	return show_type(request, put_type(memory, &edited));
}

enum error_code
memory_event_type_delete(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_event_type *row = find_type(memory, request->ref);
	if (row == NULL)
		return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE);
	if (!request->expunge) {
		struct event_type archived = row->type;
		archived.archived = true;
		archived.updated = request->now;
		audit_event_type(request, &row->type, &archived);
		row->type = archived;
		return OK;
	}
	audit_event_type(request, &row->type, NULL);
	arena_free(&row->arena);
	size_t at = (size_t)(row - memory->types.rows);
	for (memory->types.count--; at < memory->types.count; at++)
		memory->types.rows[at] = memory->types.rows[at + 1];
	return OK;
}

enum error_code
memory_event_type_get(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	struct memory_event_type *row = find_type(memory, request->ref);
	return row == NULL ? memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE) : show_type(request, row);
}

static bool
type_in_page(const struct store_page *page, struct slice name)
{
	if (!slice_present(page->after_name) || page->after_name.len == 0)
		return true;
	int order = slice_compare(name, page->after_name);
	return page->descending ? order < 0 : order > 0;
}

enum error_code
memory_event_type_list(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	size_t count = memory->types.count;
	request->event_types = arena_alloc(&request->arena, (count + 1) * sizeof request->event_types[0]);
	for (size_t i = 0; i < count; i++) {
		const struct event_type *type = &memory->types.rows[memory_at(&request->page, i, count)].type;
		if (!type_in_page(&request->page, type->name) || (type->archived && !request->include_archived))
			continue;
		request->more = request->count == request->page.limit;
		if (request->more)
			break;
		request->event_types[request->count++] = event_type_copy(&request->arena, type);
	}
	return OK;
}

/* --- tokens ------------------------------------------------------------------------------------------ */

enum error_code
memory_token_create(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	for (size_t i = 0; i < memory->tokens.count; i++)
		if (memcmp(memory->tokens.rows[i].hash, request->admin->token.hash, SHA256_BYTES) == 0)
			return memory_fail(request, ERR_CONFLICT, STORE_DETAIL_NONE);
	if (slice_present(request->ref)) {
		struct memory_organisation *organisation = memory_organisation_of(memory, request);
		if (organisation == NULL)
			return request->status;
		request->admin->token.organisation = organisation->organisation.id;
		if (change_hold_token(request, &organisation->organisation, NULL, &request->admin->token))
			return memory_hold(memory, request);
	}
	struct token *row = MEMORY_ADD(&memory->tokens);
	*row = request->admin->token;
	row->created = request->now;
	row->id.value = id_next(&memory->ids, request->now);
	request->admin->token = *row;
	audit_token(request, NULL, row);
	return OK;
}

enum error_code
memory_token_by_id(struct memory *memory, struct store_request *request, int64_t id)
{
	for (size_t i = 0; i < memory->tokens.count; i++)
		if (memory->tokens.rows[i].id.value == id) {
			request->admin->token = memory->tokens.rows[i];
			return OK;
		}
	return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_TOKEN);
}

enum error_code
memory_token_get(struct memory *memory, struct store_request *request, struct mail_list *notes UNUSED)
{
	for (size_t i = 0; i < memory->tokens.count; i++)
		if (memcmp(memory->tokens.rows[i].hash, request->admin->token.hash, SHA256_BYTES) == 0) {
			request->admin->token = memory->tokens.rows[i];
			return OK;
		}
	return memory_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE);
}
