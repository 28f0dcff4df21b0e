/* Organisations, endpoints, event types: read from the directory, written to both. */
#include "store/audit.h"
#include "store/emit.h"
#include "store/sqlite/private.h"

enum { DOCUMENT_BYTES_MAX = 4 << 20 };

/* --- shared ----------------------------------------------------------------------------------------- */

struct directory_organisation *
need_organisation(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *entry = directory_organisation(&store->directory, request->ref);
	if (entry == NULL)
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_ORGANISATION, "there is no such organisation");
	return entry;
}

struct directory_endpoint *
need_endpoint(struct sqlite_store *store, struct directory_organisation *owner, struct store_request *request)
{
	(void)store;
	if (owner == NULL)
		return NULL;
	struct directory_endpoint *entry = directory_endpoint(owner, request->endpoint_ref);
	if (entry == NULL)
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT, "the organisation has no such endpoint");
	return entry;
}

/* Rows of a list whose ids rise with the index: calls `take` for each wanted index until the page is full. */
static bool
in_page(const struct store_page *page, int64_t id)
{
	if (page->after != 0 && (page->descending ? id >= page->after : id <= page->after))
		return false;
	return id >= page->floor && (page->ceiling == 0 || id < page->ceiling);
}

void
endpoint_facts(struct sqlite_store *store, struct endpoint *endpoint)
{
	const struct directory_endpoint *entry = directory_endpoint_by_id(&store->directory, endpoint->id);
	const struct directory_organisation *owner =
	    directory_organisation_by_id(&store->directory, endpoint->organisation);
	endpoint->sequence = entry == NULL ? 0 : entry->sequence;
	endpoint->environment = owner == NULL ? ENVIRONMENT_PRODUCTION : owner->organisation.environment;
}

static void
note_endpoint(struct sqlite_store *store, const struct endpoint *endpoint)
{
	store->configuring = true;
	struct store_note *changed = store_note_new(STORE_NOTE_ENDPOINT, 0);
	changed->endpoint = arena_alloc(&changed->arena, sizeof *changed->endpoint);
	*changed->endpoint = endpoint_copy(&changed->arena, endpoint);
	endpoint_facts(store, changed->endpoint);
	mail_list_add(store->notes, &changed->mail);
}

/* --- organisations ---------------------------------------------------------------------------------- */

void
save_organisation(struct sqlite_store *store, const struct organisation *organisation, bool deleted)
{
	store->configuring = true;
	struct buf doc;
	buf_init(&doc, DOCUMENT_BYTES_MAX);
	organisation_encode(organisation, &doc);
	sql_run(store, SQL_ORGANISATION_PUT, "iit", organisation->id.value, (int64_t)deleted, buf_slice(&doc));
	buf_free(&doc);
	directory_put_organisation(&store->directory, organisation, deleted);
}

static bool
uid_free(struct sqlite_store *store, struct store_request *request, const struct organisation *organisation)
{
	if (!slice_present(organisation->uid))
		return true;
	struct directory_organisation *holder = directory_organisation(&store->directory, organisation->uid);
	if (holder == NULL || holder->organisation.id.value == organisation->id.value)
		return true;
	request_fail(request, ERR_CONFLICT, STORE_DETAIL_UID_TAKEN, "another organisation has this uid");
	return false;
}

struct directory_organisation *
create_organisation(struct sqlite_store *store, struct store_request *request, const struct organisation *draft)
{
	struct organisation organisation = *draft;
	organisation.id.value = 0; /* nobody's: whoever holds the uid is another one */
	if (!uid_free(store, request, &organisation))
		return NULL;
	organisation.id.value = id_next(&store->ids, request->now);
	organisation.created = organisation.updated = request->now;
	audit_organisation(request, NULL, &organisation);
	save_organisation(store, &organisation, false);
	return directory_organisation_by_id(&store->directory, organisation.id);
}

/* Of a production its live sandbox, of a sandbox its production; NULL: there is none. */
static struct directory_organisation *
twin_of(struct sqlite_store *store, const struct organisation *organisation)
{
	struct directory_organisation *twin =
	    organisation->twin.value == 0 ? NULL : directory_organisation_by_id(&store->directory, organisation->twin);
	return twin == NULL || twin->deleted ? NULL : twin;
}

static void
link_twin(struct sqlite_store *store, struct store_request *request, struct directory_organisation *entry,
    struct organisation_id twin)
{
	struct organisation linked = organisation_copy(&request->arena, &entry->organisation);
	linked.twin = twin;
	save_organisation(store, &linked, false);
}

static void
create_sandbox(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *of = need_organisation(store, request);
	if (of == NULL)
		return;
	if (of->organisation.environment != ENVIRONMENT_PRODUCTION || organisation_hidden(&of->organisation)) {
		request_fail(request, ERR_CONFLICT, STORE_DETAIL_NONE, STORE_NO_SANDBOX_OF_IT);
		return;
	}
	struct organisation_id production = of->organisation.id;
	struct directory_organisation *entry = twin_of(store, &of->organisation);
	request->existed = entry != NULL;
	if (entry == NULL) {
		struct organisation draft = store_sandbox_draft(request, &of->organisation);
		draft = organisation_copy(&request->arena, &draft);
		entry = create_organisation(store, request, &draft);
		if (entry == NULL)
			return;
		struct organisation_id sandbox = entry->organisation.id;
		link_twin(store, request, directory_organisation_by_id(&store->directory, production), sandbox);
		entry = directory_organisation_by_id(&store->directory, sandbox);
	}
	request->admin->organisation = organisation_copy(&request->arena, &entry->organisation);
}

void
op_organisation_create(struct sqlite_store *store, struct store_request *request)
{
	if (request->sandbox) {
		create_sandbox(store, request);
		return;
	}
	struct directory_organisation *entry = NULL;
	if (request->get_if_exists && slice_present(request->admin->organisation.uid))
		entry = directory_organisation(&store->directory, request->admin->organisation.uid);
	request->existed = entry != NULL;
	if (entry == NULL)
		entry = create_organisation(store, request, &request->admin->organisation);
	if (entry != NULL)
		request->admin->organisation = organisation_copy(&request->arena, &entry->organisation);
}

/* What waits of a service that went is held, and what was held of one that came is sent: the sender reads all that
 * waits for these endpoints anew, as for any that was held and is active again. */
static void
services_changed(struct sqlite_store *store, struct directory_organisation *entry)
{
	for (size_t i = 0; i < entry->endpoint_count; i++) {
		const struct endpoint *endpoint = &entry->endpoints[i]->endpoint;
		if (endpoint->state != ENDPOINT_ACTIVE)
			continue;
		struct endpoint held = *endpoint;
		held.state = ENDPOINT_DISABLED;
		note_endpoint(store, &held);
		note_endpoint(store, endpoint);
	}
}

/* Its endpoints that sign with its keys: whether they can with those that it is to have; `save`: they get them. */
static bool
hand_keys_on(
    struct sqlite_store *store, struct store_request *request, const struct organisation *of, size_t count, bool save)
{
	for (size_t i = 0; i < count; i++) {
		const struct directory_organisation *entry = directory_organisation_by_id(&store->directory, of->id);
		const struct endpoint *from = &entry->endpoints[i]->endpoint;
		if (from->state == ENDPOINT_DELETED || from->key_scope != KEY_SCOPE_ORGANISATION)
			continue;
		struct endpoint endpoint = save ? endpoint_copy(&request->arena, from) : *from;
		request->status = endpoint_take_keys(&endpoint, of, request->now, &request->error);
		if (request->status != OK)
			return false;
		if (save)
			save_endpoint(store, &endpoint, true);
	}
	return true;
}

void
op_organisation_edit(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *entry = directory_organisation(&store->directory, request->ref);
	request->existed = entry != NULL;
	if (entry == NULL && !request->create_missing) {
		need_organisation(store, request);
		return;
	}
	struct organisation edited = {.created = request->now};
	if (entry != NULL)
		edited = organisation_copy(&request->arena, &entry->organisation);
	edited.updated = request->now;
	enum error_code code = request->admin->edit_organisation(
	    request->admin->edit_context, &request->arena, &edited, request->existed, &request->error);
	if (code != OK) {
		request->status = code;
		return;
	}
	if (entry != NULL && edited.environment != entry->organisation.environment) {
		request_fail(request, ERR_INVALID, STORE_DETAIL_ENVIRONMENT, STORE_ENVIRONMENT_STAYS);
		return;
	}
	if (!uid_free(store, request, &edited))
		return;
	bool rekeyed = entry != NULL && !organisation_same_keys(&entry->organisation, &edited);
	size_t endpoints = entry == NULL ? 0 : entry->endpoint_count;
	if (rekeyed && !hand_keys_on(store, request, &edited, endpoints, false))
		return;
	if (entry != NULL && change_hold_organisation(request, &entry->organisation, &edited)) {
		change_hold(store, request);
		return;
	}
	if (entry == NULL)
		edited.id.value = id_next(&store->ids, request->now);
	audit_organisation(request, entry == NULL ? NULL : &entry->organisation, &edited);
	bool changed = entry != NULL && !organisation_same_services(&entry->organisation, &edited);
	save_organisation(store, &edited, false);
	if (changed)
		services_changed(store, directory_organisation_by_id(&store->directory, edited.id));
	if (rekeyed)
		ENSURE(hand_keys_on(store, request, &edited, endpoints, true));
	request->admin->organisation = edited;
}

static void
cancel_pending(struct sqlite_store *store, struct endpoint_id endpoint)
{
	tail_settle(store);
	sql_run(store, SQL_ENDPOINT_CANCEL, "i", endpoint.value);
	store->pending -= sqlite3_changes(store->db);
}

void
op_organisation_delete(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *entry = need_organisation(store, request);
	if (entry == NULL)
		return;
	if (change_hold_organisation(request, &entry->organisation, NULL)) {
		change_hold(store, request);
		return;
	}
	for (size_t i = 0; i < entry->endpoint_count; i++) {
		struct endpoint endpoint = endpoint_copy(&request->arena, &entry->endpoints[i]->endpoint);
		if (endpoint.state == ENDPOINT_DELETED)
			continue;
		endpoint.state = ENDPOINT_DELETED;
		cancel_pending(store, endpoint.id);
		save_endpoint(store, &endpoint, true);
	}
	struct organisation copy = organisation_copy(&request->arena, &entry->organisation);
	struct directory_organisation *twin = twin_of(store, &copy);
	if (twin != NULL)
		link_twin(store, request, twin, (struct organisation_id){0});
	audit_organisation(request, &copy, NULL);
	sql_run(store, SQL_TOKEN_REMOVE_OF, "i", copy.id.value);
	save_organisation(store, &copy, true);
}

void
op_organisation_get(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *entry = need_organisation(store, request);
	if (entry != NULL)
		request->admin->organisation = organisation_copy(&request->arena, &entry->organisation);
}

void
op_organisation_list(struct sqlite_store *store, struct store_request *request)
{
	const struct store_page *page = &request->page;
	size_t total = store->directory.organisation_count;
	request->organisations = arena_alloc(&request->arena, page->limit * sizeof request->organisations[0]);
	for (size_t n = 0; n < total; n++) {
		size_t index = page->descending ? total - 1 - n : n;
		struct directory_organisation *entry = store->directory.organisations[index];
		if (entry->deleted || organisation_hidden(&entry->organisation) ||
		    !in_page(page, entry->organisation.id.value))
			continue;
		request->more = request->count == page->limit;
		if (request->more)
			return;
		request->organisations[request->count++] = organisation_copy(&request->arena, &entry->organisation);
	}
}

/* --- endpoints -------------------------------------------------------------------------------------- */

void
save_endpoint(struct sqlite_store *store, const struct endpoint *endpoint, bool note)
{
	struct buf doc;
	buf_init(&doc, DOCUMENT_BYTES_MAX);
	endpoint_encode(endpoint, &doc);
	sql_run(store, SQL_ENDPOINT_PUT, "iiiit", endpoint->id.value, endpoint->organisation.value,
	    (int64_t)endpoint->state, endpoint->failing_since.us, buf_slice(&doc));
	buf_free(&doc);
	directory_put_endpoint(&store->directory, endpoint);
	if (note)
		note_endpoint(store, endpoint);
}

/* Types that it has had before (`before` may be NULL) stay, whatever became of them: an endpoint can be disabled or
 * described anew although one of its types is archived. */
static bool
endpoint_acceptable(struct sqlite_store *store, struct directory_organisation *owner, struct store_request *request,
    const struct endpoint *endpoint, const struct endpoint *before)
{
	if (slice_present(endpoint->uid)) {
		struct directory_endpoint *holder = directory_endpoint(owner, endpoint->uid);
		if (holder != NULL && holder->endpoint.id.value != endpoint->id.value) {
			request_fail(request, ERR_CONFLICT, STORE_DETAIL_UID_TAKEN,
			    "another endpoint of the organisation has this uid");
			return false;
		}
	}
	bool moved = before == NULL || !slice_equal(before->url, endpoint->url);
	if (request->https_unless_sandbox && moved && slice_starts(endpoint->url, SLICE("http:")) &&
	    owner->organisation.environment != ENVIRONMENT_SANDBOX) {
		request_fail(request, ERR_INVALID, STORE_DETAIL_PLAIN_URL, STORE_PLAIN_URL);
		return false;
	}
	/* What the platform tells of itself has types of its own. */
	if (organisation_hidden(&owner->organisation))
		return true;
	for (size_t i = 0; i < endpoint->event_types.count; i++) {
		struct slice name = endpoint->event_types.items[i];
		if (before != NULL && slice_list_has(before->event_types, name))
			continue;
		struct directory_event_type *type = directory_type(&store->directory, name);
		bool known = type != NULL ? !type->type.archived
					  : store->options.builtin_type != NULL &&
						store->options.builtin_type(store->options.builtin_context, name);
		if (!known) {
			request_fail(request, ERR_INVALID, STORE_DETAIL_TYPE_UNKNOWN,
			    "there is no event type \"%.*s\": create it first", SLICE_ARG(name));
			return false;
		}
		if (!store_entitled(&store->options, &owner->organisation, name, request))
			return false;
	}
	return true;
}

static size_t
live_endpoints(const struct directory_organisation *owner)
{
	size_t count = 0;
	for (size_t i = 0; i < owner->endpoint_count; i++)
		count += owner->endpoints[i]->endpoint.state != ENDPOINT_DELETED;
	return count;
}

static void
show_endpoint(struct sqlite_store *store, struct store_request *request, const struct endpoint *endpoint)
{
	request->admin->endpoint = endpoint_copy(&request->arena, endpoint);
	if (endpoint->state != ENDPOINT_ACTIVE)
		request->admin->endpoint.held = endpoint_held(store, endpoint->id);
}

static void
add_endpoint(struct sqlite_store *store, struct directory_organisation *owner, struct store_request *request,
    struct endpoint *endpoint)
{
	if (live_endpoints(owner) >= LIMIT_ENDPOINTS) {
		request_fail(request, ERR_LIMIT, STORE_DETAIL_TOO_MANY, "an organisation has at most %d endpoints",
		    LIMIT_ENDPOINTS);
		return;
	}
	if (!endpoint_acceptable(store, owner, request, endpoint, NULL))
		return;
	request->status = endpoint_take_keys(endpoint, &owner->organisation, request->now, &request->error);
	if (request->status != OK)
		return;
	if (change_hold_endpoint(request, &owner->organisation, NULL, endpoint)) {
		change_hold(store, request);
		return;
	}
	endpoint_verification_begin(&request->arena, NULL, endpoint, request->admin->challenge, request->now);
	endpoint->id.value = id_next(&store->ids, request->now);
	endpoint->organisation = owner->organisation.id;
	endpoint->environment = owner->organisation.environment;
	endpoint->created = endpoint->updated = request->now;
	audit_endpoint(request, NULL, endpoint);
	emit_endpoint(request, &owner->organisation, NULL, endpoint, 0);
	save_endpoint(store, endpoint, true);
	show_endpoint(store, request, endpoint);
}

void
op_endpoint_create(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	if (owner != NULL)
		add_endpoint(store, owner, request, &request->admin->endpoint);
}

void
op_endpoint_edit(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	if (owner == NULL)
		return;
	struct directory_endpoint *entry = directory_endpoint(owner, request->endpoint_ref);
	request->existed = entry != NULL;
	if (entry == NULL && !request->create_missing) {
		need_endpoint(store, owner, request);
		return;
	}
	struct endpoint edited = {.state = ENDPOINT_ACTIVE};
	if (entry != NULL)
		edited = endpoint_copy(&request->arena, &entry->endpoint);
	enum endpoint_state before = edited.state;
	enum error_code code = request->admin->edit_endpoint(
	    request->admin->edit_context, &request->arena, &edited, request->existed, &request->error);
	if (code != OK) {
		request->status = code;
		return;
	}
	if (entry == NULL) {
		add_endpoint(store, owner, request, &edited);
		return;
	}
	ENSURE(edited.state == before || endpoint_may_move(before, edited.state));
	if (!endpoint_acceptable(store, owner, request, &edited, &entry->endpoint))
		return;
	request->status = endpoint_take_keys(&edited, &owner->organisation, request->now, &request->error);
	if (request->status != OK)
		return;
	if (change_hold_endpoint(request, &owner->organisation, &entry->endpoint, &edited)) {
		change_hold(store, request);
		return;
	}
	endpoint_verification_begin(
	    &request->arena, &entry->endpoint, &edited, request->admin->challenge, request->now);
	edited.updated = request->now;
	if (edited.failing_since.us == 0)
		edited.warned = 0;
	audit_endpoint(request, &entry->endpoint, &edited);
	bool resumed = edited.state == ENDPOINT_ACTIVE && before != ENDPOINT_ACTIVE;
	emit_endpoint(
	    request, &owner->organisation, &entry->endpoint, &edited, resumed ? endpoint_held(store, edited.id) : 0);
	save_endpoint(store, &edited, true);
	show_endpoint(store, request, &edited);
}

void
op_endpoint_delete(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	struct directory_endpoint *entry = need_endpoint(store, owner, request);
	if (entry == NULL)
		return;
	if (change_hold_endpoint(request, &owner->organisation, &entry->endpoint, NULL)) {
		change_hold(store, request);
		return;
	}
	struct endpoint endpoint = endpoint_copy(&request->arena, &entry->endpoint);
	audit_endpoint(request, &endpoint, NULL);
	emit_endpoint(request, organisation_of(store, endpoint.organisation), &endpoint, NULL, 0);
	endpoint.state = ENDPOINT_DELETED;
	endpoint.updated = request->now;
	cancel_pending(store, endpoint.id);
	save_endpoint(store, &endpoint, true);
}

void
op_endpoint_get(struct sqlite_store *store, struct store_request *request)
{
	struct directory_endpoint *entry = need_endpoint(store, need_organisation(store, request), request);
	if (entry != NULL)
		show_endpoint(store, request, &entry->endpoint);
}

void
op_endpoint_list(struct sqlite_store *store, struct store_request *request)
{
	struct directory_organisation *owner = need_organisation(store, request);
	if (owner == NULL)
		return;
	const struct store_page *page = &request->page;
	request->endpoints = arena_alloc(&request->arena, page->limit * sizeof request->endpoints[0]);
	/* What many hold is counted for the first of them: a list must not read a million rows. */
	int64_t left = STORE_HELD_COUNTED;
	for (size_t n = 0; n < owner->endpoint_count; n++) {
		size_t index = page->descending ? owner->endpoint_count - 1 - n : n;
		const struct endpoint *endpoint = &owner->endpoints[index]->endpoint;
		if (endpoint->state == ENDPOINT_DELETED || !in_page(page, endpoint->id.value))
			continue;
		if (request->filter.unowned && endpoint_owned(endpoint))
			continue;
		request->more = request->count == page->limit;
		if (request->more)
			return;
		struct endpoint *shown = &request->endpoints[request->count++];
		*shown = endpoint_copy(&request->arena, endpoint);
		if (endpoint->state == ENDPOINT_ACTIVE)
			continue;
		shown->held = left > 0 ? endpoint_held(store, endpoint->id) : -1;
		left -= shown->held;
	}
}

void
op_endpoints_all(struct sqlite_store *store, struct store_request *request)
{
	request->endpoints = arena_alloc(&request->arena, store->directory.all_count * sizeof request->endpoints[0]);
	for (size_t i = 0; i < store->directory.all_count; i++) {
		const struct endpoint *endpoint = &store->directory.all[i]->endpoint;
		if (endpoint->state == ENDPOINT_DELETED)
			continue;
		request->endpoints[request->count] = endpoint_copy(&request->arena, endpoint);
		endpoint_facts(store, &request->endpoints[request->count++]);
	}
	size_t most = store->directory.organisation_count;
	request->admin->signers = arena_alloc(&request->arena, most * sizeof request->admin->signers[0]);
	for (size_t i = 0; i < most; i++) {
		const struct directory_organisation *entry = store->directory.organisations[i];
		if (!entry->deleted && entry->organisation.key_count > 0)
			request->admin->signers[request->admin->signer_count++] =
			    organisation_copy(&request->arena, &entry->organisation);
	}
}

/* --- event types ------------------------------------------------------------------------------------ */

static void
save_type(struct sqlite_store *store, const struct event_type *type)
{
	struct buf doc;
	buf_init(&doc, DOCUMENT_BYTES_MAX);
	event_type_encode(type, &doc);
	sql_run(store, SQL_TYPE_PUT, "tt", type->name, buf_slice(&doc));
	buf_free(&doc);
	directory_put_type(&store->directory, type);
}

static struct directory_event_type *
need_type(struct sqlite_store *store, struct store_request *request)
{
	struct directory_event_type *entry = directory_type(&store->directory, request->ref);
	if (entry == NULL)
		request_fail(request, ERR_NOT_FOUND, STORE_DETAIL_NONE, "there is no such event type");
	return entry;
}

void
op_event_type_create(struct sqlite_store *store, struct store_request *request)
{
	struct directory_event_type *entry = directory_type(&store->directory, request->admin->event_type.name);
	if (entry != NULL && !entry->type.archived) {
		request_fail(
		    request, ERR_CONFLICT, STORE_DETAIL_TYPE_EXISTS, "an event type of this name exists already");
		return;
	}
	request->admin->event_type.created = entry == NULL ? request->now : entry->type.created;
	request->admin->event_type.updated = request->now;
	audit_event_type(request, entry == NULL ? NULL : &entry->type, &request->admin->event_type);
	save_type(store, &request->admin->event_type);
}

void
op_event_type_edit(struct sqlite_store *store, struct store_request *request)
{
	struct directory_event_type *entry = directory_type(&store->directory, request->ref);
	request->existed = entry != NULL;
	if (entry == NULL && !request->create_missing) {
		need_type(store, request);
		return;
	}
	struct event_type edited = {.name = request->ref, .description = SLICE(""), .created = request->now};
	if (entry != NULL)
		edited = event_type_copy(&request->arena, &entry->type);
	edited.updated = request->now;
	enum error_code code = request->admin->edit_event_type(
	    request->admin->edit_context, &request->arena, &edited, request->existed, &request->error);
	if (code != OK) {
		request->status = code;
		return;
	}
	audit_event_type(request, entry == NULL ? NULL : &entry->type, &edited);
	save_type(store, &edited);
	request->admin->event_type = edited;
}

void
op_event_type_delete(struct sqlite_store *store, struct store_request *request)
{
	struct directory_event_type *entry = need_type(store, request);
	if (entry == NULL)
		return;
	if (request->expunge) {
		audit_event_type(request, &entry->type, NULL);
		sql_run(store, SQL_TYPE_REMOVE, "t", request->ref);
		directory_remove_type(&store->directory, request->ref);
		return;
	}
	struct event_type archived = event_type_copy(&request->arena, &entry->type);
	archived.archived = true;
	archived.updated = request->now;
	audit_event_type(request, &entry->type, &archived);
	save_type(store, &archived);
}

void
op_event_type_get(struct sqlite_store *store, struct store_request *request)
{
	struct directory_event_type *entry = need_type(store, request);
	if (entry != NULL)
		request->admin->event_type = event_type_copy(&request->arena, &entry->type);
}

void
op_event_type_list(struct sqlite_store *store, struct store_request *request)
{
	const struct store_page *page = &request->page;
	size_t total = store->directory.type_count;
	request->event_types = arena_alloc(&request->arena, page->limit * sizeof request->event_types[0]);
	for (size_t n = 0; n < total; n++) {
		const struct event_type *type = &store->directory.types[page->descending ? total - 1 - n : n]->type;
		int order = slice_present(page->after_name) ? slice_compare(type->name, page->after_name) : 0;
		bool beyond = !slice_present(page->after_name) || (page->descending ? order < 0 : order > 0);
		if (!beyond || (type->archived && !request->include_archived))
			continue;
		request->more = request->count == page->limit;
		if (request->more)
			return;
		request->event_types[request->count++] = event_type_copy(&request->arena, type);
	}
}
