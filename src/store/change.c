#include "store/change.h"

#include "base/encode.h"
#include "store/change_documents.h"
#include "store/emit.h"

enum { CHANGE_BYTES_MAX = 16 << 20 };

static const char *const state_names[CHANGE_STATE_COUNT] = {
    [CHANGE_REQUESTED] = "requested",
    [CHANGE_APPROVED] = "approved",
    [CHANGE_APPLIED] = "applied",
    [CHANGE_STALE] = "stale",
    [CHANGE_REFUSED] = "refused",
    [CHANGE_WITHDRAWN] = "withdrawn",
    [CHANGE_EXPIRED] = "expired",
};

static const struct {
	const char *name;
	enum id_kind object;
} operations[CHANGE_OPERATION_COUNT] = {
    [CHANGE_ENDPOINT_CREATE] = {"endpoint.create", ID_ENDPOINT},
    [CHANGE_ENDPOINT_UPDATE] = {"endpoint.update", ID_ENDPOINT},
    [CHANGE_ENDPOINT_DELETE] = {"endpoint.delete", ID_ENDPOINT},
    [CHANGE_TOKEN_CREATE] = {"token.create", ID_TOKEN},
    [CHANGE_TOKEN_REVOKE] = {"token.revoke", ID_TOKEN},
    [CHANGE_TOKEN_EXPIRE] = {"token.expire-all", ID_ORGANISATION},
    [CHANGE_GOVERNANCE_UPDATE] = {"governance.update", ID_ORGANISATION},
    [CHANGE_ORGANISATION_DELETE] = {"organisation.delete", ID_ORGANISATION},
    [CHANGE_ORGANISATION_KEY] = {"organisation.key.rotate", ID_ORGANISATION},
};

const char *
change_state_name(enum change_state state)
{
	return state_names[state];
}

bool
change_state_parse(struct slice name, enum change_state *out)
{
	for (size_t i = 0; i < CHANGE_STATE_COUNT; i++)
		if (slice_is(name, state_names[i])) {
			*out = (enum change_state)i;
			return true;
		}
	return false;
}

bool
change_may_move(enum change_state from, enum change_state to)
{
	static const bool moves[CHANGE_STATE_COUNT][CHANGE_STATE_COUNT] = {
	    [CHANGE_REQUESTED] =
		{[CHANGE_APPROVED] = true, [CHANGE_REFUSED] = true, [CHANGE_WITHDRAWN] = true, [CHANGE_EXPIRED] = true},
	    [CHANGE_APPROVED] =
		{[CHANGE_APPLIED] = true, [CHANGE_STALE] = true, [CHANGE_REFUSED] = true, [CHANGE_WITHDRAWN] = true},
	};
	return moves[from][to];
}

const char *
change_operation_name(enum change_operation operation)
{
	return operations[operation].name;
}

enum id_kind
change_object_kind(enum change_operation operation)
{
	return operations[operation].object;
}

/* --- documents --------------------------------------------------------------------------------------- */

/* One table of the texts in the document. */
static const struct {
	const char *name;
	size_t offset;
} texts[] = {
    {"reason", offsetof(struct change_request, reason)},
    {"problem", offsetof(struct change_request, problem)},
    {"notice", offsetof(struct change_request, notice)},
    {"diff", offsetof(struct change_request, diff)},
    {"before", offsetof(struct change_request, before)},
    {"after", offsetof(struct change_request, after)},
    {"challenge", offsetof(struct change_request, challenge)},
    {"action", offsetof(struct change_request, action)},
    {"mark", offsetof(struct change_request, mark)},
};

struct change_request
change_copy(struct arena *arena, const struct change_request *from)
{
	struct change_request copy = *from;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct slice *text = (struct slice *)(void *)((char *)&copy + texts[i].offset);
		*text = arena_copy(arena, *text);
	}
	return copy;
}

static void
write_hand(struct json_writer *writer, const char *name, const struct change_hand *hand)
{
	json_key(writer, name);
	json_open(writer, '[');
	json_integer(writer, hand->token.value);
	json_integer(writer, (int64_t)hand->role);
	json_integer(writer, hand->at.us);
	json_close(writer);
}

static void
write_kept_token(struct json_writer *writer, const struct token *token)
{
	char hex_bytes[SHA256_BYTES * 2];
	struct buf hex = {.data = hex_bytes, .capacity = sizeof hex_bytes, .max = sizeof hex_bytes};
	hex_append(&hex, (struct slice){(const char *)token->hash, SHA256_BYTES});
	json_key(writer, "token");
	json_open(writer, '{');
	json_put_string(writer, "hash", buf_slice(&hex));
	json_put_cstring(writer, "name", token->name);
	json_put_integer(writer, "role", (int64_t)token->role);
	json_put_integer(writer, "expires", token->expires.us);
	json_put_integer(writer, "session", token->session);
	json_close(writer);
}

void
change_encode(const struct change_request *change, struct buf *out)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_open(&writer, '{');
	json_put_integer(&writer, "operation", (int64_t)change->operation);
	json_put_integer(&writer, "aspects", (int64_t)change->aspects);
	json_put_integer(&writer, "object", change->object);
	json_put_integer(&writer, "ended", change->ended.us);
	json_put_integer(&writer, "state_before", (int64_t)change->state_before);
	json_put_integer(&writer, "state_after", (int64_t)change->state_after);
	write_hand(&writer, "requested", &change->requested);
	write_hand(&writer, "decided", &change->decided);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		json_put_string(&writer, texts[i].name,
		    *(const struct slice *)(const void *)((const char *)change + texts[i].offset));
	if (change->operation == CHANGE_TOKEN_CREATE || change->operation == CHANGE_TOKEN_EXPIRE)
		write_kept_token(&writer, &change->token);
	json_close(&writer);
}

static int64_t
read_number(struct json value)
{
	int64_t number = 0;
	return json_present(value) && value.type == JSON_NUMBER && json_int64(value, &number) ? number : 0;
}

static void
read_hand(struct json value, struct change_hand *out)
{
	int64_t numbers[3] = {0};
	if (!json_present(value) || value.type != JSON_ARRAY)
		return;
	struct json_iterator iterator = json_iterate(value);
	struct json key, item;
	for (size_t i = 0; i < COUNT_OF(numbers) && json_next(&iterator, &key, &item); i++)
		numbers[i] = read_number(item);
	*out = (struct change_hand){{numbers[0]}, (enum role)numbers[1], {numbers[2]}};
}

static struct slice
read_text(struct arena *arena, struct json value)
{
	return json_present(value) && value.type == JSON_STRING ? json_text(arena, value) : SLICE_NONE;
}

static bool
read_kept_token(struct json value, struct arena *arena, struct token *out)
{
	if (!json_present(value) || value.type != JSON_OBJECT)
		return false;
	struct slice hash = hex_decode(arena, read_text(arena, json_member(value, "hash")));
	struct slice name = read_text(arena, json_member(value, "name"));
	if (hash.len != SHA256_BYTES || name.len > LIMIT_TOKEN_NAME_BYTES)
		return false;
	memcpy(out->hash, hash.ptr, SHA256_BYTES);
	if (name.len > 0)
		memcpy(out->name, name.ptr, name.len);
	out->role = (enum role)read_number(json_member(value, "role"));
	out->expires.us = read_number(json_member(value, "expires"));
	out->session = read_number(json_member(value, "session"));
	return out->role < ROLE_COUNT;
}

enum error_code
change_decode(struct slice doc, struct arena *arena, struct change_request *out, struct error *error)
{
	struct json object;
	if (json_parse(doc, LIMIT_JSON_DEPTH, &object, error) != OK || object.type != JSON_OBJECT)
		return error_set(error, ERR_CORRUPT, "a stored change request is not a JSON object");
	int64_t operation = read_number(json_member(object, "operation"));
	int64_t before = read_number(json_member(object, "state_before"));
	int64_t after = read_number(json_member(object, "state_after"));
	if (operation < 0 || operation >= CHANGE_OPERATION_COUNT || before < 0 || before >= ENDPOINT_STATE_COUNT ||
	    after < 0 || after >= ENDPOINT_STATE_COUNT)
		return error_set(
		    error, ERR_CORRUPT, "a stored change request asks for what this program does not know");
	*out = (struct change_request){
	    .operation = (enum change_operation)operation,
	    .aspects = (unsigned)read_number(json_member(object, "aspects")),
	    .object = read_number(json_member(object, "object")),
	    .ended = {read_number(json_member(object, "ended"))},
	    .state_before = (enum endpoint_state)before,
	    .state_after = (enum endpoint_state)after,
	};
	read_hand(json_member(object, "requested"), &out->requested);
	read_hand(json_member(object, "decided"), &out->decided);
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		*(struct slice *)(void *)((char *)out + texts[i].offset) =
		    read_text(arena, json_member(object, texts[i].name));
	bool token = operation == CHANGE_TOKEN_CREATE || operation == CHANGE_TOKEN_EXPIRE;
	if (token && !read_kept_token(json_member(object, "token"), arena, &out->token))
		return error_set(error, ERR_CORRUPT, "a stored change request does not say which token");
	return OK;
}

/* --- for people -------------------------------------------------------------------------------------- */

static void
write_id(struct json_writer *writer, const char *name, enum id_kind kind, int64_t id)
{
	char text[ID_TEXT_BYTES];
	json_put_cstring(writer, name, id == 0 ? NULL : id_format(kind, id, text));
}

static void
write_time(struct json_writer *writer, const char *name, struct wall_time time)
{
	char text[TIME_TEXT_BYTES];
	json_put_cstring(writer, name, time.us == 0 ? NULL : time_format(time, 6, text));
}

/* Who approved, refused or withdrew, under the name of what was done. */
static void
write_decision(struct json_writer *writer, const struct change_request *change)
{
	const struct change_hand *hand = &change->decided;
	write_id(writer, "decidedBy", ID_TOKEN, hand->token.value);
	json_put_cstring(writer, "decidedByRole", hand->at.us == 0 ? NULL : role_name(hand->role));
	write_time(writer, "decidedAt", hand->at);
	json_put_string(writer, "reason", change->reason);
}

void
change_members(struct json_writer *writer, const struct change_request *change)
{
	json_open(writer, '{');
	write_id(writer, "id", ID_CHANGE, change->id.value);
	json_put_cstring(writer, "state", change_state_name(change->state));
	json_put_cstring(writer, "operation", change_operation_name(change->operation));
	json_key(writer, "governed");
	json_open(writer, '[');
	for (int aspect = 0; aspect < GOVERN_COUNT; aspect++)
		if ((change->aspects & GOVERN_BIT(aspect)) != 0)
			json_string(writer, slice_of(governance_aspect_name((enum governance_aspect)aspect)));
	json_close(writer);
	write_id(writer, "object", change_object_kind(change->operation), change->object);
	write_id(writer, "requestedBy", ID_TOKEN, change->requested.token.value);
	json_put_cstring(writer, "requestedByRole", role_name(change->requested.role));
	write_time(writer, "requestedAt", change->requested.at);
	write_time(writer, "expiresAt", change->state == CHANGE_REQUESTED ? change->due : WALL_NONE);
	write_decision(writer, change);
	write_time(writer, "appliesAt", change->state == CHANGE_APPROVED ? change->due : WALL_NONE);
	write_time(writer, "endedAt", change->ended);
	json_put_string(writer, "problem", change->problem);
	json_put_string(writer, "notice", change->notice);
	json_key(writer, "diff");
	json_raw(writer, slice_present(change->diff) ? change->diff : SLICE("[]"));
}

void
change_write(struct json_writer *writer, const struct change_request *change)
{
	change_members(writer, change);
	json_close(writer);
}

/* --- the audit log ----------------------------------------------------------------------------------- */

static const char *const actions[CHANGE_STATE_COUNT] = {
    [CHANGE_REQUESTED] = "change.request",
    [CHANGE_APPROVED] = "change.approve",
    [CHANGE_APPLIED] = "change.apply",
    [CHANGE_STALE] = "change.stale",
    [CHANGE_REFUSED] = "change.refuse",
    [CHANGE_WITHDRAWN] = "change.withdraw",
    [CHANGE_EXPIRED] = "change.expire",
};

void
change_audit(struct store_request *out, const struct change_request *change, enum change_state from)
{
	struct buf text;
	struct json_writer writer;
	char id[ID_TEXT_BYTES];
	buf_init(&text, CHANGE_BYTES_MAX);
	json_writer_init(&writer, &text);
	change_write(&writer, change);
	ENSURE(!text.overflow);
	out->audit = arena_alloc(&out->arena, sizeof *out->audit);
	*out->audit = (struct store_audit_row){
	    .organisation = change->organisation,
	    .action = slice_of(actions[change->state]),
	    .object = arena_copy(&out->arena, slice_of(id_format(ID_CHANGE, change->id.value, id))),
	    .before = from == change->state ? SLICE_NONE
					    : arena_printf(&out->arena, "{\"state\":\"%s\"}", change_state_name(from)),
	    .after = arena_copy(&out->arena, buf_slice(&text)),
	};
	buf_free(&text);
}

/* --- events ------------------------------------------------------------------------------------------ */

static const char *
told_type(enum change_state state)
{
	switch (state) {
	case CHANGE_REQUESTED: return "webhook.endpoint.change_requested";
	case CHANGE_APPROVED: return "webhook.endpoint.change_approved";
	case CHANGE_REFUSED:
	case CHANGE_WITHDRAWN:
	case CHANGE_EXPIRED:
	case CHANGE_STALE: return "webhook.endpoint.change_rejected";
	case CHANGE_APPLIED:
	case CHANGE_STATE_COUNT: break;
	}
	return NULL;
}

/* Events spell names with underscores. */
static void
write_snake(struct json_writer *writer, struct json name)
{
	char text[64] = "";
	size_t length = 0;
	for (size_t i = 1; i + 1 < name.raw.len && length + 2 < sizeof text; i++) {
		char c = name.raw.ptr[i];
		bool upper = c >= 'A' && c <= 'Z';
		if (upper)
			text[length++] = '_';
		text[length++] = upper ? (char)(c | 0x20) : c;
	}
	json_string(writer, (struct slice){text, length});
}

static void
write_members_named(struct json_writer *writer, struct slice diff)
{
	json_key(writer, "changed");
	json_open(writer, '[');
	struct json rows, key, row;
	if (slice_present(diff) && json_parse(diff, LIMIT_JSON_DEPTH, &rows, NULL) == OK && rows.type == JSON_ARRAY) {
		struct json_iterator iterator = json_iterate(rows);
		while (json_next(&iterator, &key, &row))
			write_snake(writer, json_member(row, "member"));
	}
	json_close(writer);
}

void
change_tell(struct store_request *request, const struct change_request *change, const struct endpoint *endpoint)
{
	const char *type = told_type(change->state);
	if (type == NULL || endpoint == NULL || change_object_kind(change->operation) != ID_ENDPOINT)
		return;
	struct buf data;
	struct json_writer writer;
	char id[ID_TEXT_BYTES], change_id[ID_TEXT_BYTES];
	buf_init(&data, CHANGE_BYTES_MAX);
	json_writer_init(&writer, &data);
	json_open(&writer, '{');
	json_put_cstring(&writer, "endpoint_id", id_format(ID_ENDPOINT, endpoint->id.value, id));
	json_put_cstring(&writer, "status", endpoint_state_name(endpoint->state));
	json_put_cstring(&writer, "change_id", id_format(ID_CHANGE, change->id.value, change_id));
	write_members_named(&writer, change->diff);
	json_close(&writer);
	emit_add(request, &(struct store_event){
			      .to = EVENT_OWN,
			      .type = slice_of(type),
			      .organisation = change->organisation,
			      .resource_type = SLICE("endpoint"),
			      .resource_id = slice_of(id),
			      .data = buf_slice(&data),
			  });
	buf_free(&data);
}

/* --- asked for twice -------------------------------------------------------------------------------- */

/* What is sealed, or says when it was set, differs each time: the mark says whether it is the same. */
static bool
is_marked(struct slice name)
{
	static const char *const names[] = {"keys", "authentication", "authentication_sealed"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (slice_is(name, names[i]))
			return true;
	return false;
}

/* Of the live key, as the document has it. */
static struct slice
key_type_of(struct json keys)
{
	struct json none, key = JSON_ABSENT;
	if (json_present(keys) && keys.type == JSON_ARRAY) {
		struct json_iterator iterator = json_iterate(keys);
		if (!json_next(&iterator, &none, &key))
			key = JSON_ABSENT;
	}
	return json_present(key) && key.type == JSON_OBJECT ? json_member(key, "type").raw : SLICE_NONE;
}

/* Whether the member becomes the same, as far as can be seen of it. */
static bool
same_member(struct slice name, struct json to, struct json other)
{
	if (slice_is(name, "keys"))
		return slice_equal(key_type_of(to), key_type_of(other));
	return is_marked(name) ? json_present(to) == json_present(other) : slice_equal(to.raw, other.raw);
}

/* Whether `other` changes the members that `change` changes, each to the same. */
static bool
changes_cover(const struct change_request *change, const struct change_request *other, struct slice document)
{
	struct json of = change_parse(document);
	if (!json_present(of))
		return true;
	struct json before = change_parse(change->before), after = change_parse(change->after);
	struct json other_before = change_parse(other->before), other_after = change_parse(other->after);
	struct arena arena = ARENA_EMPTY;
	struct json_iterator iterator = json_iterate(of);
	struct json key, value;
	bool same = true;
	while (same && json_next(&iterator, &key, &value)) {
		const char *name = arena_string(&arena, json_text(&arena, key));
		struct json to = change_member(after, name), other_to = change_member(other_after, name);
		bool changed = !slice_equal(change_member(before, name).raw, to.raw);
		bool other_changed = !slice_equal(change_member(other_before, name).raw, other_to.raw);
		if (change_bookkeeping(slice_of(name)))
			continue;
		same = changed == other_changed && (!changed || same_member(slice_of(name), to, other_to));
	}
	arena_free(&arena);
	return same;
}

bool
change_same(const struct change_request *open, const struct change_request *asked)
{
	bool waits = open->state == CHANGE_REQUESTED || open->state == CHANGE_APPROVED;
	bool late = open->state == CHANGE_REQUESTED && open->due.us <= asked->requested.at.us;
	if (!waits || late || open->organisation.value != asked->organisation.value ||
	    open->operation != asked->operation || open->aspects != asked->aspects ||
	    !slice_equal(open->mark, asked->mark) || open->state_before != asked->state_before ||
	    open->state_after != asked->state_after)
		return false;
	switch (asked->operation) {
	case CHANGE_ENDPOINT_CREATE:
		return changes_cover(asked, open, asked->after) && changes_cover(open, asked, open->after);
	case CHANGE_ENDPOINT_UPDATE:
		return open->object == asked->object && changes_cover(asked, open, asked->before) &&
		       changes_cover(asked, open, asked->after) && changes_cover(open, asked, open->before) &&
		       changes_cover(open, asked, open->after);
	case CHANGE_GOVERNANCE_UPDATE: return slice_equal(open->after, asked->after);
	case CHANGE_ENDPOINT_DELETE:
	case CHANGE_TOKEN_REVOKE:
	case CHANGE_ORGANISATION_DELETE: return open->object == asked->object;
	case CHANGE_ORGANISATION_KEY:
		return slice_equal(open->before, asked->before) &&
		       same_member(SLICE("keys"), change_member(change_parse(open->after), "keys"),
			   change_member(change_parse(asked->after), "keys"));
	case CHANGE_TOKEN_CREATE:
	case CHANGE_TOKEN_EXPIRE:
	case CHANGE_OPERATION_COUNT: break;
	}
	return false;
}

/* --- deciding ---------------------------------------------------------------------------------------- */

enum error_code
change_decide(struct change_request *change, struct store_request *request, const struct organisation *of)
{
	enum change_state to = request->admin->change.state;
	bool maker = request->actor.token.value == change->requested.token.value;
	ENSURE(to == CHANGE_APPROVED || to == CHANGE_REFUSED || to == CHANGE_WITHDRAWN);
	if (to == CHANGE_WITHDRAWN && !maker)
		return error_set(&request->error, ERR_FORBIDDEN, "Only who asked for the change can withdraw it.");
	if (to != CHANGE_WITHDRAWN && maker)
		return error_set(&request->error, ERR_FORBIDDEN,
		    "Whoever asked for the change cannot decide it: another person must.");
	bool late = change->state == CHANGE_REQUESTED && change->due.us <= request->now.us;
	if (late || !change_may_move(change->state, to))
		return error_set(&request->error, ERR_CONFLICT, "The change is %s and cannot be %s.",
		    change_state_name(late ? CHANGE_EXPIRED : change->state), change_state_name(to));
	change->state = to;
	change->decided = (struct change_hand){request->actor.token, request->actor.role, request->now};
	change->reason = request->admin->change.reason;
	if (to == CHANGE_APPROVED)
		change->due.us = request->now.us + of->governance.cool_off_s * 1000000;
	else
		change->ended = request->now;
	return OK;
}
