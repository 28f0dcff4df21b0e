/* Which operations wait for a second person, and the difference that is shown to that one.
 *
 * Documents are compared member by member, as they are stored (secrets sealed) to see what differs, and as they are
 * shown to people (audit.h) to say it. So a member that an endpoint gets one day is compared too; where nothing here
 * says what it touches, it counts as `keys`: what is not known to be harmless waits. */
#include "base/buf.h"
#include "store/change.h"
#include "store/change_documents.h"
#include "store/store.h"

/* --- the difference of two endpoints ------------------------------------------------------------------ */

static const struct {
	const char *stored, *shown; /* its name in the interface */
	unsigned aspects;
} members[] = {
    {"url", "url", GOVERN_BIT(GOVERN_URL)},
    {"event_types", "eventTypes", GOVERN_BIT(GOVERN_TYPES)},
    {"channels", "channels", GOVERN_BIT(GOVERN_TYPES)},
    {"payload_style", "payloadStyle", GOVERN_BIT(GOVERN_TYPES)},
    {"version", "version", GOVERN_BIT(GOVERN_TYPES)},
    {"keys", "keys", GOVERN_BIT(GOVERN_KEYS)},
    {"key_scope", "keyScope", GOVERN_BIT(GOVERN_KEYS)},
    {"headers", "headers", GOVERN_BIT(GOVERN_KEYS)},
    {"authentication", "authentication", GOVERN_BIT(GOVERN_KEYS)},
    {"authentication_sealed", "authenticationSecrets", GOVERN_BIT(GOVERN_KEYS)},
    {"scheme", "signatureScheme", GOVERN_BIT(GOVERN_KEYS)},
    {"description", "description", 0},
    {"uid", "uid", 0},
    {"metadata", "metadata", 0},
    {"throttle_rate", "throttleRate", 0},
    {"order", "ordering", 0},
    {"schedule", "schedule", 0},
    {"heartbeat_s", "heartbeatSeconds", 0},
    {"owners", "owners", 0},
};

static const char *
shown_name(struct slice stored, struct arena *arena, unsigned *aspects)
{
	for (size_t i = 0; i < COUNT_OF(members); i++)
		if (slice_is(stored, members[i].stored)) {
			*aspects |= members[i].aspects;
			return members[i].shown;
		}
	*aspects |= GOVERN_BIT(GOVERN_KEYS);
	return arena_string(arena, stored);
}

/* Alerts go to these. */
static bool
silences(const struct endpoint *before, const struct endpoint *after)
{
	static const enum duty duties[] = {DUTY_MONITORING, DUTY_INCIDENT_RESPONSE};
	for (size_t i = 0; i < COUNT_OF(duties); i++) {
		const struct owner *from = &before->owners[duties[i]], *to = &after->owners[duties[i]];
		if (slice_present(from->team) &&
		    (!slice_equal(from->team, to->team) || !slice_equal(from->contact, to->contact)))
			return true;
	}
	return false;
}

struct difference {
	struct store_request *request;
	struct json_writer writer;
	struct json shown_before, shown_after;
	unsigned aspects;
	size_t count;
};

static void
put_value(struct json_writer *writer, const char *name, struct json value)
{
	json_key(writer, name);
	if (json_present(value))
		json_raw(writer, value.raw);
	else
		json_null(writer);
}

static void
add_member(struct difference *difference, struct slice name)
{
	struct json_writer *writer = &difference->writer;
	const char *stored = arena_string(&difference->request->arena, name);
	struct json before = change_member(difference->shown_before, stored);
	struct json after = change_member(difference->shown_after, stored);
	json_open(writer, '{');
	json_put_cstring(writer, "member", shown_name(name, &difference->request->arena, &difference->aspects));
	put_value(writer, "before", before);
	put_value(writer, "after", after);
	/* What differs is not shown: a header's value, say. */
	if (slice_equal(before.raw, after.raw))
		json_put_bool(writer, "secretChanged", true);
	json_close(writer);
	difference->count++;
}

/* Members of `from`; those that `other` has too, with the same value, are passed over. `all`: also those that it has
 * with another value. */
static void
walk(struct difference *difference, struct json from, struct json other, bool all)
{
	if (!json_present(from))
		return;
	struct json_iterator iterator = json_iterate(from);
	struct json key, value;
	while (json_next(&iterator, &key, &value)) {
		struct slice name = json_text(&difference->request->arena, key);
		struct json twin = change_member(other, arena_string(&difference->request->arena, name));
		if (change_bookkeeping(name) || (json_present(twin) && (!all || slice_equal(value.raw, twin.raw))))
			continue;
		add_member(difference, name);
	}
}

static void
add_disabled(struct difference *difference, const struct endpoint *before, const struct endpoint *after)
{
	bool was = before != NULL && before->state == ENDPOINT_DISABLED;
	bool is = after != NULL && after->state == ENDPOINT_DISABLED;
	if (before == NULL || after == NULL || was == is)
		return;
	difference->aspects |= is ? GOVERN_BIT(GOVERN_DISABLING) : 0;
	difference->count++;
	json_open(&difference->writer, '{');
	json_put_cstring(&difference->writer, "member", "disabled");
	json_put_bool(&difference->writer, "before", was);
	json_put_bool(&difference->writer, "after", is);
	json_close(&difference->writer);
}

static bool
governed(const struct store_request *request, const struct organisation *of)
{
	/* What the server does by itself, and what is done on its machine, has no second person. */
	return request->actor.present && request->actor.token.value > 0 && of->governance.aspects != 0;
}

/* What all change requests have in common. */
static void
begin(struct store_request *request, const struct organisation *of, enum change_operation operation, unsigned aspects,
    int64_t object)
{
	request->admin->change = (struct change_request){
	    .organisation = of->id,
	    .state = CHANGE_REQUESTED,
	    .operation = operation,
	    .aspects = aspects & of->governance.aspects,
	    .object = object,
	    .requested = {request->actor.token, request->actor.role, request->now},
	    .due = {request->now.us + (int64_t)LIMIT_CHANGE_DAYS * 86400 * 1000000},
	    .notice = of->governance.notice,
	    .challenge = request->admin->challenge,
	    .action = slice_of(request->audit_action),
	    .mark = request->admin->secret_mark,
	};
}

static struct slice
endpoint_difference(struct store_request *request, const struct endpoint *before, const struct endpoint *after,
    struct slice from, struct slice to, unsigned *aspects)
{
	struct buf text;
	buf_init(&text, CHANGE_DOCUMENT_BYTES_MAX);
	struct difference difference = {
	    .request = request,
	    .shown_before = change_parse(change_document(&request->arena, before, true)),
	    .shown_after = change_parse(change_document(&request->arena, after, true)),
	};
	json_writer_init(&difference.writer, &text);
	json_open(&difference.writer, '[');
	walk(&difference, change_parse(from), change_parse(to), true);
	walk(&difference, change_parse(to), change_parse(from), false);
	add_disabled(&difference, before, after);
	json_close(&difference.writer);
	ENSURE(!text.overflow);
	*aspects = difference.aspects;
	struct slice diff = arena_copy(&request->arena, buf_slice(&text));
	buf_free(&text);
	return diff;
}

bool
change_hold_endpoint(struct store_request *request, const struct organisation *of, const struct endpoint *before,
    const struct endpoint *after)
{
	if (!governed(request, of))
		return false;
	struct slice from = change_document(&request->arena, before, false);
	struct slice to = change_document(&request->arena, after, false);
	unsigned aspects;
	struct slice diff = endpoint_difference(request, before, after, from, to, &aspects);
	enum change_operation operation = CHANGE_ENDPOINT_UPDATE;
	if (before == NULL) {
		operation = CHANGE_ENDPOINT_CREATE;
		aspects = GOVERN_BIT(GOVERN_URL) | GOVERN_BIT(GOVERN_TYPES) | GOVERN_BIT(GOVERN_KEYS);
	} else if (after == NULL) {
		operation = CHANGE_ENDPOINT_DELETE;
		aspects = GOVERN_BIT(GOVERN_DISABLING);
	} else if (silences(before, after)) {
		aspects |= GOVERN_BIT(GOVERN_DISABLING);
	}
	if ((aspects & of->governance.aspects) == 0)
		return false;
	begin(request, of, operation, aspects, before == NULL ? 0 : before->id.value);
	request->admin->change.before = from;
	request->admin->change.after = to;
	request->admin->change.state_before = before == NULL ? ENDPOINT_ACTIVE : before->state;
	request->admin->change.state_after = after == NULL ? ENDPOINT_DELETED : after->state;
	request->admin->change.diff = diff;
	return true;
}

/* --- tokens, the organisation ------------------------------------------------------------------------- */

/* The members of two objects, side by side. */
static struct slice
members_difference(struct arena *arena, struct slice before, struct slice after)
{
	struct buf text;
	struct json_writer writer;
	buf_init(&text, CHANGE_DOCUMENT_BYTES_MAX);
	json_writer_init(&writer, &text);
	json_open(&writer, '[');
	struct json from = change_parse(before), to = change_parse(after);
	/* One of them is there. */
	struct json_iterator iterator = json_iterate(json_present(from) ? from : to);
	struct json key, value;
	while (json_next(&iterator, &key, &value)) {
		const char *name = arena_string(arena, json_text(arena, key));
		struct json was = change_member(from, name), is = change_member(to, name);
		if (slice_equal(was.raw, is.raw))
			continue;
		json_open(&writer, '{');
		json_put_cstring(&writer, "member", name);
		put_value(&writer, "before", was);
		put_value(&writer, "after", is);
		json_close(&writer);
	}
	json_close(&writer);
	ENSURE(!text.overflow);
	struct slice diff = arena_copy(arena, buf_slice(&text));
	buf_free(&text);
	return diff;
}

static struct slice
describe_token(struct arena *arena, const struct token *token)
{
	if (token == NULL)
		return SLICE_NONE;
	struct buf text;
	buf_init(&text, CHANGE_DOCUMENT_BYTES_MAX);
	token_describe(token, &text);
	struct slice copy = arena_copy(arena, buf_slice(&text));
	buf_free(&text);
	return copy;
}

bool
change_hold_token(
    struct store_request *request, const struct organisation *of, const struct token *before, const struct token *after)
{
	/* To log out, or in, is no change of who may do what. */
	bool own = before != NULL && before->id.value == request->actor.token.value;
	if (!governed(request, of) || (of->governance.aspects & GOVERN_BIT(GOVERN_ROLES)) == 0 || own || request->login)
		return false;
	begin(request, of, before == NULL ? CHANGE_TOKEN_CREATE : CHANGE_TOKEN_REVOKE, GOVERN_BIT(GOVERN_ROLES),
	    before == NULL ? 0 : before->id.value);
	struct arena *arena = &request->arena;
	request->admin->change.diff =
	    members_difference(arena, describe_token(arena, before), describe_token(arena, after));
	if (after != NULL)
		request->admin->change.token = *after;
	return true;
}

bool
change_hold_expiry(struct store_request *request, const struct organisation *of)
{
	bool all = request->admin->sessions.count == 0;
	if (!governed(request, of) || (of->governance.aspects & GOVERN_BIT(GOVERN_ROLES)) == 0 || !all)
		return false;
	begin(request, of, CHANGE_TOKEN_EXPIRE, GOVERN_BIT(GOVERN_ROLES), of->id.value);
	request->admin->change.token.expires = request->admin->token.expires;
	request->admin->change.diff =
	    SLICE("[{\"member\":\"tokens\",\"before\":\"as they are\",\"after\":\"expired\"}]");
	return true;
}

bool
change_hold_organisation(
    struct store_request *request, const struct organisation *before, const struct organisation *after)
{
	if (!governed(request, before))
		return false;
	struct arena *arena = &request->arena;
	if (after == NULL) {
		if ((before->governance.aspects & GOVERN_BIT(GOVERN_DISABLING)) == 0)
			return false;
		begin(request, before, CHANGE_ORGANISATION_DELETE, GOVERN_BIT(GOVERN_DISABLING), before->id.value);
		request->admin->change.diff =
		    arena_printf(arena, "[{\"member\":\"organisation\",\"before\":\"present\",\"after\":null}]");
		return true;
	}
	if (!organisation_same_keys(before, after)) {
		if ((before->governance.aspects & GOVERN_BIT(GOVERN_KEYS)) == 0)
			return false;
		begin(request, before, CHANGE_ORGANISATION_KEY, GOVERN_BIT(GOVERN_KEYS), before->id.value);
		request->admin->change.before = change_keys_document(arena, before, false);
		request->admin->change.after = change_keys_document(arena, after, false);
		request->admin->change.diff = members_difference(
		    arena, change_keys_document(arena, before, true), change_keys_document(arena, after, true));
		return true;
	}
	if (!governance_loosens(&before->governance, &after->governance))
		return false;
	/* Whatever is governed, so is that it is governed. */
	begin(request, before, CHANGE_GOVERNANCE_UPDATE, GOVERN_ALL, before->id.value);
	request->admin->change.before = change_governance_document(arena, &before->governance);
	request->admin->change.after = change_governance_document(arena, &after->governance);
	request->admin->change.diff =
	    members_difference(arena, request->admin->change.before, request->admin->change.after);
	return true;
}
