/* Applying a change: the ordinary operation, on what is there now. */
#include "store/audit.h"
#include "store/change.h"
#include "store/change_documents.h"
#include "store/emit.h"

struct slice
change_document(struct arena *arena, const struct endpoint *endpoint, bool shown)
{
	if (endpoint == NULL)
		return SLICE_NONE;
	struct buf text;
	buf_init(&text, CHANGE_DOCUMENT_BYTES_MAX);
	if (shown)
		endpoint_describe(endpoint, &text);
	else
		endpoint_encode(endpoint, &text);
	ENSURE(!text.overflow);
	struct slice copy = arena_copy(arena, buf_slice(&text));
	buf_free(&text);
	return copy;
}

struct slice
change_governance_document(struct arena *arena, const struct governance *governance)
{
	struct buf text;
	struct json_writer writer;
	buf_init(&text, CHANGE_DOCUMENT_BYTES_MAX);
	json_writer_init(&writer, &text);
	governance_write(&writer, governance);
	struct slice copy = arena_copy(arena, buf_slice(&text));
	buf_free(&text);
	return copy;
}

struct slice
change_keys_document(struct arena *arena, const struct organisation *organisation, bool shown)
{
	struct buf text;
	buf_init(&text, CHANGE_DOCUMENT_BYTES_MAX);
	organisation_keys_write(organisation, shown, &text);
	struct slice copy = arena_copy(arena, buf_slice(&text));
	buf_free(&text);
	return copy;
}

bool
change_bookkeeping(struct slice name)
{
	static const char *const names[] = {"created", "updated", "state", "verification", "warned"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (slice_is(name, names[i]))
			return true;
	return false;
}

struct json
change_parse(struct slice document)
{
	struct json object = JSON_ABSENT;
	if (slice_present(document))
		ENSURE(json_parse(document, LIMIT_JSON_DEPTH, &object, NULL) == OK && object.type == JSON_OBJECT);
	return object;
}

struct json
change_member(struct json object, const char *name)
{
	return json_present(object) ? json_member(object, name) : JSON_ABSENT;
}

/* --- merging ------------------------------------------------------------------------------------------ */

struct merge {
	struct arena *arena;
	struct json before, after, current;
	struct json_writer writer;
	const char *unfit; /* the first member that is not as it was */
};

/* What the member is to be: as the change wants it, where it changes it, else as it is. */
static struct json
merged(struct merge *merge, const char *name)
{
	struct json before = change_member(merge->before, name), after = change_member(merge->after, name);
	struct json current = change_member(merge->current, name);
	if (change_bookkeeping(slice_of(name)) || slice_equal(before.raw, after.raw))
		return current;
	if (!slice_equal(before.raw, current.raw) && merge->unfit == NULL)
		merge->unfit = name;
	return after;
}

static void
merge_members(struct merge *merge, struct json of, struct json *done, size_t done_count)
{
	if (!json_present(of))
		return;
	struct json_iterator iterator = json_iterate(of);
	struct json key, value;
	while (json_next(&iterator, &key, &value)) {
		const char *name = arena_string(merge->arena, json_text(merge->arena, key));
		bool there = false;
		for (size_t i = 0; i < done_count; i++)
			there = there || json_present(change_member(done[i], name));
		struct json member = merged(merge, name);
		if (there || !json_present(member))
			continue;
		json_key(&merge->writer, name);
		json_raw(&merge->writer, member.raw);
	}
}

/* The change made on `current`; the first member that does not fit is named, or NULL. */
static const char *
merge_documents(struct arena *arena, const struct change_request *change, struct slice current, struct slice *out)
{
	struct buf text;
	buf_init(&text, CHANGE_DOCUMENT_BYTES_MAX);
	struct merge merge = {.arena = arena,
	    .before = change_parse(change->before),
	    .after = change_parse(change->after),
	    .current = change_parse(current)};
	json_writer_init(&merge.writer, &text);
	json_open(&merge.writer, '{');
	merge_members(&merge, merge.current, NULL, 0);
	merge_members(&merge, merge.after, (struct json[]){merge.current}, 1);
	/* What it takes away and is not there now was taken away by somebody else. */
	if (json_present(merge.before)) {
		struct json_iterator iterator = json_iterate(merge.before);
		struct json key, value;
		while (json_next(&iterator, &key, &value))
			(void)merged(&merge, arena_string(arena, json_text(arena, key)));
	}
	json_close(&merge.writer);
	ENSURE(!text.overflow);
	*out = arena_copy(arena, buf_slice(&text));
	buf_free(&text);
	return merge.unfit;
}

/* --- endpoints ---------------------------------------------------------------------------------------- */

struct application {
	const struct change_request *change;
	struct wall_time now;
};

static enum error_code
unfit(struct error *error, const char *what)
{
	return error_set(error, ERR_CONFLICT, "%s was changed since the change was asked for", what);
}

/* An old key has its time to go on from when it becomes an old one. */
static void
shift_grace(const struct application *application, const struct endpoint *current, struct endpoint *edited)
{
	bool rotated = current->key_count > 0 && edited->key_count > 1 &&
		       !slice_equal(current->keys[0].sealed, edited->keys[0].sealed);
	if (rotated)
		edited->keys[1].expires.us += application->now.us - application->change->requested.at.us;
}

static enum error_code
edit_endpoint(void *context, struct arena *arena, struct endpoint *endpoint, bool existed, struct error *error)
{
	const struct application *application = context;
	const struct change_request *change = application->change;
	ENSURE(existed);
	struct slice merged_doc;
	const char *name = merge_documents(arena, change, change_document(arena, endpoint, false), &merged_doc);
	if (name != NULL)
		return unfit(error, name);
	struct endpoint edited;
	enum error_code code = endpoint_decode(merged_doc, arena, &edited, error);
	if (code != OK)
		return code;
	edited.id = endpoint->id;
	edited.organisation = endpoint->organisation;
	edited.state = endpoint->state;
	edited.failing_since = endpoint->failing_since;
	shift_grace(application, endpoint, &edited);
	if (change->state_before != change->state_after && endpoint->state != change->state_after) {
		if (!endpoint_may_move(endpoint->state, change->state_after))
			return unfit(error, "the endpoint's state");
		edited.state = change->state_after;
		if (edited.state == ENDPOINT_ACTIVE)
			edited.failing_since = WALL_NONE;
	} else if (change->state_before != change->state_after) {
		return unfit(error, "the endpoint's state");
	}
	*endpoint = edited;
	return OK;
}

static enum error_code
prepare_endpoint(
    struct change_request *change, const struct endpoint *current, struct store_request *out, struct error *error)
{
	char id[ID_TEXT_BYTES];
	if (change->operation == CHANGE_ENDPOINT_CREATE) {
		out->kind = STORE_ENDPOINT_CREATE;
		enum error_code code = endpoint_decode(change->after, &out->arena, &out->admin->endpoint, error);
		out->admin->endpoint.state = change->state_after;
		return code;
	}
	if (current == NULL)
		return error_set(error, ERR_CONFLICT, "the endpoint is no longer there");
	out->endpoint_ref = arena_copy(&out->arena, slice_of(id_format(ID_ENDPOINT, change->object, id)));
	if (change->operation == CHANGE_ENDPOINT_UPDATE) {
		struct application *application = arena_alloc(&out->arena, sizeof *application);
		*application = (struct application){change, out->now};
		out->kind = STORE_ENDPOINT_EDIT;
		out->admin->edit_endpoint = edit_endpoint;
		out->admin->edit_context = application;
		out->audit_action = change->action.ptr;
		return OK;
	}
	/* Whoever approved that it goes saw it as it was. */
	struct slice ignored;
	const char *name = merge_documents(&out->arena, change, change_document(&out->arena, current, false), &ignored);
	out->kind = STORE_ENDPOINT_DELETE;
	return name == NULL ? OK : unfit(error, name);
}

/* --- ownership --------------------------------------------------------------------------------------- */

bool
store_verify(struct store_request *request, const struct endpoint *endpoint, struct endpoint *edited)
{
	const struct store_verified *verified = &request->admin->verified;
	struct slice asked = endpoint->verification.challenge;
	if (endpoint->state == ENDPOINT_DELETED || !slice_present(asked) || !slice_equal(asked, verified->challenge))
		return false;
	*edited = endpoint_copy(&request->arena, endpoint);
	struct verification *verification = &edited->verification;
	if (!verified->succeeded) {
		verification->attempts++;
		verification->problem = verified->problem;
		verification->due = verified->due;
		return true;
	}
	if (slice_present(verification->url))
		edited->url = verification->url;
	*verification = (struct verification){.attempts = 0};
	if (edited->state == ENDPOINT_PENDING_VERIFICATION)
		edited->state = ENDPOINT_ACTIVE;
	edited->updated = request->now;
	audit_by_server(request, "endpoint.verified");
	audit_endpoint(request, endpoint, edited);
	return true;
}

void
store_tell_verified(struct store_request *request, const struct organisation *of, const struct endpoint *before,
    const struct endpoint *after)
{
	if (of == NULL)
		return;
	/* It begins to get events, which is no return from suspension. */
	struct endpoint same = *before;
	same.state = after->state;
	emit_endpoint(request, of, &same, after, 0);
}

/* --- the organisation --------------------------------------------------------------------------------- */

static enum error_code
edit_governance(
    void *context, struct arena *arena, struct organisation *organisation, bool existed, struct error *error)
{
	const struct change_request *change = ((const struct application *)context)->change;
	ENSURE(existed);
	if (!slice_equal(change_governance_document(arena, &organisation->governance), change->before))
		return unfit(error, "what is governed");
	if (!governance_read(change_parse(change->after), arena, &organisation->governance))
		return error_set(error, ERR_CORRUPT, "the stored settings are not as we write them");
	return OK;
}

static enum error_code
edit_keys(void *context, struct arena *arena, struct organisation *organisation, bool existed, struct error *error)
{
	const struct application *application = context;
	const struct change_request *change = application->change;
	ENSURE(existed);
	if (!slice_equal(change_keys_document(arena, organisation, false), change->before))
		return unfit(error, "the organisation's signing key");
	if (!organisation_keys_read(change->after, arena, organisation))
		return error_set(error, ERR_CORRUPT, "the stored keys are not as we write them");
	/* As of an endpoint's keys (shift_grace). */
	if (organisation->key_count > 1)
		organisation->keys[1].expires.us += application->now.us - change->requested.at.us;
	return OK;
}

enum error_code
change_prepare(struct change_request *change, const struct endpoint *current, struct wall_time now,
    struct store_request *out, struct error *error)
{
	char id[ID_TEXT_BYTES];
	out->actor = STORE_ACTOR_SERVER;
	out->admin->challenge = change->challenge;
	out->ref = arena_copy(&out->arena, slice_of(id_format(ID_ORGANISATION, change->organisation.value, id)));
	switch (change->operation) {
	case CHANGE_ENDPOINT_CREATE:
	case CHANGE_ENDPOINT_UPDATE:
	case CHANGE_ENDPOINT_DELETE: return prepare_endpoint(change, current, out, error);
	case CHANGE_TOKEN_CREATE:
		out->kind = STORE_TOKEN_CREATE;
		out->admin->token = change->token;
		if (change->token.expires.us != 0 && change->token.expires.us <= now.us)
			return error_set(error, ERR_CONFLICT, "the token has expired meanwhile");
		return OK;
	case CHANGE_TOKEN_REVOKE:
		out->kind = STORE_TOKEN_REVOKE;
		out->admin->token.id.value = change->object;
		return OK;
	case CHANGE_TOKEN_EXPIRE:
		out->kind = STORE_TOKEN_EXPIRE;
		out->admin->token.expires = change->token.expires;
		if (out->admin->token.expires.us < now.us)
			out->admin->token.expires = now;
		return OK;
	case CHANGE_GOVERNANCE_UPDATE: {
		struct application *application = arena_alloc(&out->arena, sizeof *application);
		*application = (struct application){change, now};
		out->kind = STORE_ORGANISATION_EDIT;
		out->admin->edit_organisation = edit_governance;
		out->admin->edit_context = application;
		out->audit_action = "organisation.governance.update";
		return OK;
	}
	case CHANGE_ORGANISATION_DELETE: out->kind = STORE_ORGANISATION_DELETE; return OK;
	case CHANGE_ORGANISATION_KEY: {
		struct application *application = arena_alloc(&out->arena, sizeof *application);
		*application = (struct application){change, now};
		out->kind = STORE_ORGANISATION_EDIT;
		out->admin->edit_organisation = edit_keys;
		out->admin->edit_context = application;
		out->audit_action = "organisation.key.rotate";
		return OK;
	}
	case CHANGE_OPERATION_COUNT: break;
	}
	UNREACHABLE();
}

/* The same words whichever store refused: they stand in the audit log. */
static const char *
problem_of(const struct store_request *done)
{
	switch ((int)done->detail) {
	case STORE_DETAIL_NO_ORGANISATION: return "the organisation is no longer there";
	case STORE_DETAIL_NO_ENDPOINT: return "the endpoint is no longer there";
	case STORE_DETAIL_NO_TOKEN: return "the token is no longer there";
	case STORE_DETAIL_UID_TAKEN: return "the uid is in use";
	case STORE_DETAIL_TYPE_UNKNOWN: return "an event type is no longer there";
	case STORE_DETAIL_TOO_MANY: return "the organisation has as many endpoints as it may";
	default: return done->error.text[0] != '\0' ? done->error.text : "it cannot be done now";
	}
}

void
change_settle(
    struct change_request *change, const struct store_request *done, struct wall_time now, struct arena *arena)
{
	enum change_state to = done->status == OK ? CHANGE_APPLIED : CHANGE_STALE;
	ENSURE(change_may_move(change->state, to));
	change->state = to;
	change->ended = now;
	if (to == CHANGE_STALE) {
		change->problem = arena_copy(arena, slice_of(problem_of(done)));
	} else if (change->operation == CHANGE_ENDPOINT_CREATE) {
		change->object = done->admin->endpoint.id.value;
	} else if (change->operation == CHANGE_TOKEN_CREATE) {
		change->object = done->admin->token.id.value;
	}
}
