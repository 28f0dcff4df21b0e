/* A server's state, read through its API, and the requests that change it. */
#include "cli/api_client.h"
#include "cli/apply.h"

enum { PAGE = 250, PAGE_WITH_SCHEMAS = 50, BODY_BYTES_MAX = 64 << 20 };

struct reading {
	struct api_client *client;
	struct apply_state *state;
	struct error *error;
	bool prune;
};

/* --- lists ------------------------------------------------------------------------------------------ */

static enum error_code
not_expected(struct error *error, struct slice path)
{
	return error_set(error, ERR_UNAVAILABLE,
	    "GET /api/v1%.*s: the answer is not the management API's; expected a Vaultbell server", SLICE_ARG(path));
}

static struct slice_list
texts_of(struct arena *arena, struct json array)
{
	struct slice_list names = {arena_alloc(arena, (json_count(array) + 1) * sizeof(struct slice)), 0};
	struct json_iterator iterator = json_iterate(array);
	struct json key, item;
	while (json_next(&iterator, &key, &item))
		if (item.type == JSON_STRING)
			names.items[names.count++] = json_text(arena, item);
	return names;
}

/* Without members that are null or empty lists, and with lists as sets. */
static void
write_tidy(struct arena *arena, struct json value, struct buf *out)
{
	if (value.type == JSON_ARRAY) {
		buf_append(out, apply_set(arena, texts_of(arena, value)));
		return;
	}
	if (value.type != JSON_OBJECT) {
		buf_append(out, value.raw);
		return;
	}
	struct json_iterator iterator = json_iterate(value);
	struct json key, member;
	bool any = false;
	buf_byte(out, '{');
	while (json_next(&iterator, &key, &member)) {
		if (member.type == JSON_NULL || (member.type == JSON_ARRAY && json_count(member) == 0))
			continue;
		if (any)
			buf_byte(out, ',');
		any = true;
		buf_append(out, key.raw);
		buf_byte(out, ':');
		write_tidy(arena, member, out);
	}
	buf_byte(out, '}');
}

static struct slice
tidy_copy(struct arena *arena, struct json value)
{
	struct buf out;
	buf_init(&out, BODY_BYTES_MAX);
	write_tidy(arena, value, &out);
	ENSURE(!out.overflow);
	struct slice copy = apply_canonical_copy(arena, apply_json(buf_slice(&out)));
	buf_free(&out);
	return copy;
}

/* The value in canonical JSON as the table has it; absent where the server does not say. */
static struct slice
value_of(struct arena *arena, const struct apply_member *member, struct json value)
{
	if (!json_present(value))
		return SLICE_NONE;
	if (value.type == JSON_NULL)
		return slice_of(member->fallback);
	if ((member->form == FORM_OWNERS || member->form == FORM_PATHS) && value.type == JSON_OBJECT)
		return tidy_copy(arena, value);
	bool set = member->form == FORM_NAMES || member->form == FORM_SET;
	if (!set || value.type != JSON_ARRAY)
		return apply_canonical_copy(arena, value);
	struct slice_list names = texts_of(arena, value);
	return member->form == FORM_SET ? apply_set(arena, names) : apply_names(arena, names);
}

static void
item_from_json(struct arena *arena, enum apply_kind kind, struct json object, struct apply_item *out)
{
	const struct apply_members *members = apply_members(kind);
	*out = (struct apply_item){.kind = kind};
	for (size_t row = 0; row < members->count; row++) {
		const struct apply_member *member = &members->items[row];
		if (member->form != FORM_HEADERS && member->form != FORM_SECRET && !member->apart)
			out->values[row] = value_of(arena, member, json_member(object, member->name));
	}
	struct json name = json_member(object, members->items[ROW_NAME].name), id = json_member(object, "id");
	if (json_present(name) && name.type == JSON_STRING)
		out->name = json_text(arena, name);
	if (json_present(id) && id.type == JSON_STRING)
		out->id = json_text(arena, id);
	if (kind == APPLY_ENDPOINT)
		out->key_shared =
		    slice_is(out->values[apply_row_of(APPLY_ENDPOINT, SLICE("keyScope"))], "\"organisation\"");
}

/* How many items there is room for when there are `count`: the array doubles, as an arena gives nothing back. */
static size_t
room_for(size_t count)
{
	size_t room = count == 0 ? 0 : PAGE;
	while (room < count)
		room *= 2;
	return room;
}

static void
make_room(struct arena *arena, struct apply_item **items, size_t count, size_t more)
{
	if (count + more <= room_for(count))
		return;
	struct apply_item *grown = arena_alloc(arena, room_for(count + more) * sizeof *grown);
	if (count > 0)
		memcpy(grown, *items, count * sizeof *grown);
	*items = grown;
}

static void
add_items(struct arena *arena, enum apply_kind kind, struct json data, struct apply_item **items, size_t *count)
{
	struct json_iterator iterator = json_iterate(data);
	struct json key, object;
	while (json_next(&iterator, &key, &object)) {
		if (object.type != JSON_OBJECT)
			continue;
		make_room(arena, items, *count, 1);
		item_from_json(arena, kind, object, &(*items)[(*count)++]);
	}
}

/* All pages of a list. `path` ends with its query. */
static enum error_code
read_list(struct reading *reading, enum apply_kind kind, struct slice path, struct apply_item **items, size_t *count)
{
	struct arena *arena = &reading->state->arena;
	struct slice iterator = SLICE_NONE;
	for (;;) {
		struct api_request request = {.method = "GET", .path = path};
		if (slice_present(iterator))
			request.path = arena_printf(arena, "%.*s&iterator=%.*s", SLICE_ARG(path), SLICE_ARG(iterator));
		struct api_answer answer;
		enum error_code code = api_client_call(reading->client, &request, &answer, reading->error);
		if (code != OK)
			return code;
		bool object = json_present(answer.body) && answer.body.type == JSON_OBJECT;
		struct json data = object ? json_member(answer.body, "data") : JSON_ABSENT;
		if (!json_present(data) || data.type != JSON_ARRAY)
			return not_expected(reading->error, path);
		size_t before = *count;
		add_items(arena, kind, data, items, count);
		struct json done = json_member(answer.body, "done"), next = json_member(answer.body, "iterator");
		bool more = json_present(done) && done.type == JSON_FALSE && json_present(next) &&
			    next.type == JSON_STRING && *count > before;
		if (!more)
			break;
		iterator = json_text(arena, next);
	}
	apply_items_sort(*items, *count);
	return OK;
}

/* --- organisations and their endpoints -------------------------------------------------------------- */

static struct slice
organisation_ref(const struct apply_item *organisation)
{
	return slice_present(organisation->id) ? organisation->id : organisation->name;
}

static enum error_code
read_headers(struct reading *reading, const struct apply_item *organisation, struct apply_item *endpoint)
{
	struct arena *arena = &reading->state->arena;
	struct api_request request = {.method = "GET"};
	request.path = arena_printf(arena, "/app/%.*s/endpoint/%.*s/headers", SLICE_ARG(organisation_ref(organisation)),
	    SLICE_ARG(endpoint->id));
	struct api_answer answer;
	enum error_code code = api_client_call(reading->client, &request, &answer, reading->error);
	if (code != OK)
		return code;
	bool object = json_present(answer.body) && answer.body.type == JSON_OBJECT;
	struct json headers = object ? json_member(answer.body, "headers") : JSON_ABSENT;
	struct json sensitive = object ? json_member(answer.body, "sensitive") : JSON_ABSENT;
	if (!json_present(headers) || headers.type != JSON_OBJECT)
		return not_expected(reading->error, request.path);
	endpoint->values[apply_row_of(APPLY_ENDPOINT, SLICE("headers"))] = apply_canonical_copy(arena, headers);
	if (!json_present(sensitive) || sensitive.type != JSON_ARRAY)
		return OK;
	endpoint->sensitive.items = arena_alloc(arena, (json_count(sensitive) + 1) * sizeof(struct slice));
	struct json_iterator iterator = json_iterate(sensitive);
	struct json key, name;
	while (json_next(&iterator, &key, &name))
		if (name.type == JSON_STRING)
			endpoint->sensitive.items[endpoint->sensitive.count++] = json_text(arena, name);
	return OK;
}

/* --- what has a request of its own -------------------------------------------------------------------- */

/* The object at `path`. JSON_ABSENT and OK: there is none, or it is not for this token. */
static enum error_code
read_part(struct reading *reading, struct slice path, struct json *out, bool *hidden)
{
	struct api_request request = {.method = "GET", .path = path};
	struct api_answer answer;
	struct error error = ERROR_NONE;
	enum error_code code = api_client_call(reading->client, &request, &answer, &error);
	*out = JSON_ABSENT;
	*hidden = code == ERR_FORBIDDEN;
	if (code == ERR_NOT_FOUND || code == ERR_FORBIDDEN)
		return OK;
	if (code != OK) {
		*reading->error = error;
		return code;
	}
	if (!json_present(answer.body) || answer.body.type != JSON_OBJECT)
		return not_expected(reading->error, path);
	*out = answer.body;
	return OK;
}

static enum error_code
read_authentication(struct reading *reading, const struct apply_item *organisation, struct apply_item *endpoint)
{
	struct arena *arena = &reading->state->arena;
	size_t row = apply_row_of(APPLY_ENDPOINT, SLICE("authentication"));
	struct json shown;
	bool hidden;
	enum error_code code = read_part(reading,
	    arena_printf(arena, "/app/%.*s/endpoint/%.*s/authentication", SLICE_ARG(organisation_ref(organisation)),
		SLICE_ARG(endpoint->id)),
	    &shown, &hidden);
	endpoint->unseen |= hidden ? UINT32_C(1) << row : 0;
	if (code == OK && json_present(shown))
		endpoint->values[row] = apply_canonical_copy(arena, shown);
	return code;
}

/* Those that are decided later: requested, or approved and cooling off. */
static enum error_code
read_waiting(struct reading *reading, struct apply_item *organisation)
{
	static const char *const states[] = {"requested", "approved"};
	struct arena *arena = &reading->state->arena;
	enum error_code code = OK;
	for (size_t i = 0; code == OK && i < COUNT_OF(states); i++) {
		struct json page;
		struct slice iterator = SLICE("");
		bool hidden, more = true;
		while (code == OK && more) {
			code = read_part(reading,
			    arena_printf(arena, "/app/%.*s/change?limit=%d&state=%s%.*s",
				SLICE_ARG(organisation_ref(organisation)), PAGE, states[i], SLICE_ARG(iterator)),
			    &page, &hidden);
			struct json data = json_present(page) ? json_member(page, "data") : JSON_ABSENT;
			more = code == OK && json_present(data) && data.type == JSON_ARRAY && json_count(data) > 0;
			if (!more)
				break;
			apply_waiting_read(arena, data, organisation);
			struct json next = json_member(page, "iterator");
			more = json_member(page, "done").type == JSON_FALSE && next.type == JSON_STRING;
			iterator =
			    more ? arena_printf(arena, "&iterator=%.*s", SLICE_ARG(json_text(arena, next))) : iterator;
		}
	}
	return code;
}

/* What is governed, and what waits because it is. */
static enum error_code
read_governance(struct reading *reading, struct apply_item *organisation)
{
	struct arena *arena = &reading->state->arena;
	size_t governance = apply_row_of(APPLY_ORGANISATION, SLICE("governance"));
	struct json part;
	bool hidden;
	enum error_code code = read_part(reading,
	    arena_printf(arena, "/app/%.*s/governance", SLICE_ARG(organisation_ref(organisation))), &part, &hidden);
	if (code == OK && json_present(part))
		organisation->values[governance] = apply_governance_canonical(arena, part);
	organisation->unseen |= hidden ? UINT32_C(1) << governance : 0;
	return code == OK && apply_governance_governs(organisation->values[governance])
		   ? read_waiting(reading, organisation)
		   : code;
}

/* `file`: the organisation as a file has it; NULL: all is wanted. */
static enum error_code
read_protection(struct reading *reading, const struct apply_item *file, struct apply_item *organisation)
{
	struct arena *arena = &reading->state->arena;
	size_t key = apply_row_of(APPLY_ORGANISATION, SLICE("signingKey"));
	struct slice ref = organisation_ref(organisation);
	struct json part;
	bool hidden;
	enum error_code code = read_governance(reading, organisation);
	if (code != OK || (file != NULL && !slice_present(file->values[key])))
		return code;
	code = read_part(reading, arena_printf(arena, "/app/%.*s/signing-key", SLICE_ARG(ref)), &part, &hidden);
	organisation->unseen |= hidden ? UINT32_C(1) << key : 0;
	if (code == OK && !hidden)
		organisation->values[key] =
		    json_present(part) ? apply_canonical_copy(arena, json_member(part, "keyType")) : SLICE("null");
	return code;
}

/* The one of the file with this name; NULL: none, or nothing is said of it. */
static const struct apply_item *
named_in(const struct apply_item *items, size_t count, const struct apply_item *item)
{
	return slice_present(item->name) ? apply_item_find((struct apply_item *)(uintptr_t)items, count, item->name)
					 : NULL;
}

/* --- endpoints --------------------------------------------------------------------------------------- */

static enum error_code
read_endpoint_parts(struct reading *reading, const struct apply_item *file, const struct apply_item *organisation,
    struct apply_item *endpoint)
{
	size_t row = apply_row_of(APPLY_ENDPOINT, SLICE("authentication"));
	const struct apply_item *said = file == NULL ? NULL : named_in(file->endpoints, file->endpoint_count, endpoint);
	bool wanted = file == NULL || (said != NULL && slice_present(said->values[row]));
	enum error_code code = read_headers(reading, organisation, endpoint);
	return code == OK && wanted ? read_authentication(reading, organisation, endpoint) : code;
}

static enum error_code
read_endpoints(struct reading *reading, const struct apply_item *file, struct apply_item *organisation)
{
	struct slice path = arena_printf(
	    &reading->state->arena, "/app/%.*s/endpoint?limit=%d", SLICE_ARG(organisation_ref(organisation)), PAGE);
	enum error_code code =
	    read_list(reading, APPLY_ENDPOINT, path, &organisation->endpoints, &organisation->endpoint_count);
	for (size_t i = 0; code == OK && i < organisation->endpoint_count; i++)
		code = read_endpoint_parts(reading, file, organisation, &organisation->endpoints[i]);
	organisation->endpoints_given = true;
	return code;
}

/* Adds it to the state; nothing where there is none. */
static enum error_code
read_organisation(struct reading *reading, struct slice ref)
{
	struct apply_state *state = reading->state;
	struct api_request request = {.method = "GET"};
	request.path = arena_printf(&state->arena, "/app/%.*s", SLICE_ARG(ref));
	struct api_answer answer;
	enum error_code code = api_client_call(reading->client, &request, &answer, reading->error);
	if (code != OK)
		return code;
	if (!json_present(answer.body) || answer.body.type != JSON_OBJECT)
		return not_expected(reading->error, request.path);
	make_room(&state->arena, &state->organisations, state->organisation_count, 1);
	item_from_json(
	    &state->arena, APPLY_ORGANISATION, answer.body, &state->organisations[state->organisation_count++]);
	return OK;
}

/* A token of one organisation may not list them all: then those of the file are read one by one. */
static enum error_code
read_organisations(struct reading *reading, const struct apply_state *file)
{
	struct apply_state *state = reading->state;
	struct slice path = arena_printf(&state->arena, "/app?limit=%d", PAGE);
	enum error_code code =
	    read_list(reading, APPLY_ORGANISATION, path, &state->organisations, &state->organisation_count);
	if (code != ERR_FORBIDDEN || file == NULL)
		return code;
	code = OK;
	for (size_t i = 0; code == OK && i < file->organisation_count; i++) {
		code = read_organisation(reading, file->organisations[i].name);
		if (code == ERR_NOT_FOUND)
			code = OK;
	}
	apply_items_sort(state->organisations, state->organisation_count);
	return code;
}

/* What belongs to an organisation; `file` NULL: any. Of one that a file does not name only what waits: it may be to be
 * deleted. */
static enum error_code
read_below(struct reading *reading, const struct apply_state *file, struct apply_item *organisation)
{
	const struct apply_item *said =
	    file == NULL ? NULL : named_in(file->organisations, file->organisation_count, organisation);
	bool deletes = reading->prune && file != NULL && !file->listed_only && slice_present(organisation->name);
	if (file != NULL && said == NULL)
		return deletes ? read_governance(reading, organisation) : OK;
	enum error_code code = read_protection(reading, said, organisation);
	return code == OK && (file == NULL || said->endpoints_given) ? read_endpoints(reading, said, organisation)
								     : code;
}

enum error_code
apply_server_read(struct api_client *client, const struct apply_state *file, const char *organisation, bool prune,
    struct apply_state *out, struct error *error)
{
	*out = (struct apply_state){0};
	struct reading reading = {client, out, error, prune};
	out->types_given = file == NULL ? organisation == NULL : file->types_given;
	out->organisations_given = file == NULL || file->organisations_given;
	enum error_code code = OK;
	if (out->types_given) {
		struct slice path = arena_printf(
		    &out->arena, "/event-type?include_archived=true&with_content=true&limit=%d", PAGE_WITH_SCHEMAS);
		code = read_list(&reading, APPLY_TYPE, path, &out->types, &out->type_count);
	}
	if (code == OK && out->organisations_given)
		code = organisation != NULL ? read_organisation(&reading, slice_of(organisation))
					    : read_organisations(&reading, file);
	for (size_t i = 0; code == OK && i < out->organisation_count; i++)
		code = read_below(&reading, file, &out->organisations[i]);
	if (code != OK)
		apply_state_free(out);
	return code;
}
