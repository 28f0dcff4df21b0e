/* From two states to the steps that make the second like the first. Pure: no clock, no I/O. */
#include "cli/apply.h"

#include <stdlib.h>

/* Steps are made phase by phase, in the order in which one may need another: an endpoint needs its organisation and
 * its types; a type is archived once everything that is to subscribe to it has done so; what is deleted goes last. */
struct planning {
	const struct apply_state *file, *server;
	const struct apply_options *options;
	struct apply_plan *plan;
	struct error *error;
	size_t room, unmanaged_room;
};

static struct apply_step *
add_step(struct planning *planning, enum apply_action action, const struct apply_item *item)
{
	struct apply_plan *plan = planning->plan;
	if (plan->count == planning->room) {
		planning->room = planning->room == 0 ? 64 : planning->room * 2;
		plan->steps = mem_resize(plan->steps, planning->room, sizeof *plan->steps);
	}
	struct apply_step *step = &plan->steps[plan->count++];
	*step = (struct apply_step){.action = action, .item = item};
	plan->by_action[action]++;
	return step;
}

static void
add_unmanaged(struct planning *planning, const struct apply_item *item, const struct apply_item *organisation)
{
	struct apply_plan *plan = planning->plan;
	if (plan->unmanaged_count == planning->unmanaged_room) {
		planning->unmanaged_room = planning->unmanaged_room == 0 ? 64 : planning->unmanaged_room * 2;
		plan->unmanaged = mem_resize(plan->unmanaged, planning->unmanaged_room, sizeof *plan->unmanaged);
	}
	plan->unmanaged[plan->unmanaged_count++] = (struct apply_unmanaged){item, organisation};
}

/* --- differences ------------------------------------------------------------------------------------ */

static struct json
member_nocase(struct arena *arena, struct json object, struct slice name)
{
	struct json_iterator iterator = json_iterate(object);
	struct json key, value;
	while (json_next(&iterator, &key, &value))
		if (slice_equal_nocase(json_text(arena, key), name))
			return value;
	return JSON_ABSENT;
}

static struct json
member_exact(struct json object, struct slice name)
{
	struct json_iterator iterator = json_iterate(object);
	struct json key, value;
	while (json_next(&iterator, &key, &value))
		if (json_text_is(key, name))
			return value;
	return JSON_ABSENT;
}

static size_t
members_of(struct slice canonical)
{
	return slice_present(canonical) && canonical.len > 0 && canonical.ptr[0] == '{'
		   ? json_count(apply_json(canonical))
		   : 0;
}

/* A change for each name of two objects that differs. */
static void
add_object_changes(struct arena *arena, struct apply_step *step, const char *member, struct slice from, struct slice to)
{
	struct json old = apply_json(from), new = apply_json(to), key, value;
	struct json_iterator iterator;
	if (old.type == JSON_OBJECT) {
		iterator = json_iterate(old);
		while (json_next(&iterator, &key, &value)) {
			struct slice name = json_text(arena, key);
			struct json other = new.type == JSON_OBJECT ? member_exact(new, name) : JSON_ABSENT;
			if (!slice_equal(other.raw, value.raw))
				apply_step_add_change(step, arena_printf(arena, "%s.%.*s", member, SLICE_ARG(name)),
				    value.raw, other.raw);
		}
	}
	if (new.type == JSON_OBJECT) {
		iterator = json_iterate(new);
		while (json_next(&iterator, &key, &value)) {
			struct slice name = json_text(arena, key);
			if (old.type != JSON_OBJECT || !json_present(member_exact(old, name)))
				apply_step_add_change(step, arena_printf(arena, "%s.%.*s", member, SLICE_ARG(name)),
				    SLICE_NONE, value.raw);
		}
	}
}

static bool
is_listed(struct slice_list names, struct slice name)
{
	for (size_t i = 0; i < names.count; i++)
		if (slice_equal_nocase(names.items[i], name))
			return true;
	return false;
}

struct header_changes {
	struct arena *arena;
	struct apply_step *step;
	struct json_writer writer;
	bool any;
};

static void
send_header(struct header_changes *changes, struct slice name, struct slice from, struct slice to, struct slice sent)
{
	changes->any = true;
	apply_step_add_change(changes->step, arena_printf(changes->arena, "headers.%.*s", SLICE_ARG(name)), from, to);
	json_key_slice(&changes->writer, name);
	json_raw(&changes->writer, sent);
}

static const struct slice not_shown = {"\"(not shown)\"", sizeof "\"(not shown)\"" - 1};

/* One header that the file names. */
static void
compare_header(struct header_changes *changes, const struct apply_item *server, bool rewrite, struct json has,
    struct slice name, struct json wanted)
{
	struct json old = member_nocase(changes->arena, has, name);
	bool hidden = is_listed(server->sensitive, name), there = hidden || json_present(old);
	struct slice from = hidden ? not_shown : old.raw;
	struct json fetched = apply_is_reference(wanted) ? json_member(wanted, "value") : wanted;
	if (wanted.type == JSON_NULL) {
		if (there)
			send_header(changes, name, from, SLICE_NONE, SLICE("null"));
	} else if (hidden || !json_present(fetched)) {
		if (!there || rewrite)
			send_header(changes, name, from, apply_reference_shown(changes->arena, wanted), wanted.raw);
	} else if (!slice_equal(old.raw, fetched.raw)) {
		bool reference = apply_is_reference(wanted);
		send_header(changes, name, reference && json_present(old) ? not_shown : from,
		    apply_reference_shown(changes->arena, wanted), wanted.raw);
	}
}

/* Headers that the server does not show, and that the file does not name, are left alone. */
static void
compare_headers(struct arena *arena, struct apply_step *step, size_t row, bool rewrite)
{
	const struct apply_item *server = step->server;
	struct json wanted = apply_json(step->item->values[row]), has = apply_json(server->values[row]), key, value;
	struct buf out;
	buf_init(&out, APPLY_VALUE_BYTES_MAX);
	struct header_changes changes = {.arena = arena, .step = step};
	json_writer_init(&changes.writer, &out);
	json_open(&changes.writer, '{');
	struct json_iterator iterator = json_iterate(has);
	while (json_next(&iterator, &key, &value)) {
		struct slice name = json_text(arena, key);
		if (!json_present(member_nocase(arena, wanted, name)))
			send_header(&changes, name, value.raw, SLICE_NONE, SLICE("null"));
	}
	iterator = json_iterate(wanted);
	while (json_next(&iterator, &key, &value))
		compare_header(&changes, server, rewrite, has, json_text(arena, key), value);
	json_close(&changes.writer);
	if (changes.any)
		step->headers = arena_copy(arena, buf_slice(&out));
	buf_free(&out);
}

/* --- one thing -------------------------------------------------------------------------------------- */

/* Whether the endpoint gets a key of its own in the place of its organisation's. */
static bool
gets_own_key(const struct apply_step *step)
{
	size_t row = apply_row_of(APPLY_ENDPOINT, SLICE("keyScope"));
	return slice_is(step->item->values[row], "\"endpoint\"") && step->server->key_shared;
}

struct slice
apply_wanted(const struct apply_step *step, size_t row)
{
	const struct apply_item *item = step->item, *server = step->server;
	struct slice value = item->values[row];
	if (slice_present(value) || item->kind != APPLY_ENDPOINT ||
	    row != apply_row_of(APPLY_ENDPOINT, SLICE("signatureScheme")))
		return value;
	size_t type = apply_row_of(APPLY_ENDPOINT, SLICE("keyType"));
	struct slice key_type = server->values[type];
	if (gets_own_key(step))
		key_type = slice_present(item->values[type]) ? item->values[type] : SLICE("\"hmac\"");
	return slice_of(
	    apply_scheme_default(item->values[apply_row_of(APPLY_ENDPOINT, SLICE("payloadStyle"))], key_type));
}

static enum error_code
refuse_change(struct planning *planning, const struct apply_step *step, size_t row, const char *expected)
{
	const struct apply_item *item = step->item;
	struct slice has = step->server->values[row];
	return apply_refuse(planning->file->file, item->places[row], planning->error, "%s: found %.*s; expected %s%.*s",
	    apply_members(item->kind)->items[row].name, SLICE_ARG(item->values[row]), expected, SLICE_ARG(has));
}

static enum error_code
compare_member(struct planning *planning, struct apply_step *step, size_t row)
{
	struct arena *arena = &planning->plan->arena;
	const struct apply_member *member = &apply_members(step->item->kind)->items[row];
	struct slice has = step->server->values[row], wanted = apply_wanted(step, row);
	if (member->form == FORM_SECRET || !slice_present(wanted))
		return OK;
	if (member->form == FORM_HEADERS) {
		compare_headers(arena, step, row, planning->options->rewrite);
		return OK;
	}
	/* It comes last, with a step of its own (plan_governance). */
	if (member->form == FORM_GOVERNANCE)
		return OK;
	if (member->form == FORM_AUTHENTICATION && slice_present(has)) {
		apply_plan_authentication(arena, step, row, planning->options->rewrite);
		return OK;
	}
	bool key_type = step->item->kind == APPLY_ENDPOINT && slice_is(slice_of(member->name), "keyType");
	if (slice_equal(has, wanted) && !(key_type && gets_own_key(step)))
		return OK;
	if (!slice_present(has)) {
		bool said = slice_present(step->item->values[row]);
		if (!said || (member->fallback != NULL && slice_is(wanted, member->fallback)))
			return OK;
		return refuse_change(planning, step, row,
		    member->apart ? "no such line, as this server does not have it, or not for this token"
				  : "no such line, as this server does not have it");
	}
	if (member->apart && slice_is(has, "null")) {
		step->signing_key = true;
		apply_step_add_change(step, slice_of(member->name), has, wanted);
		return OK;
	}
	if (member->fixed && !(key_type && gets_own_key(step)))
		return refuse_change(planning, step, row,
		    step->item->kind == APPLY_ENDPOINT || member->apart
			? "what it was created with, as it changes only by rotating in another key: "
			: "what it was created with, as that stays: ");
	step->rows |= UINT32_C(1) << row;
	if (member->form == FORM_TEXTS || member->form == FORM_SCHEMAS)
		add_object_changes(arena, step, member->name, has, wanted);
	else
		apply_step_add_change(step, slice_of(member->name), has, wanted);
	return OK;
}

static size_t
changes_max(const struct apply_item *item, const struct apply_item *server)
{
	/* Of authentication each side may have this many members. */
	enum { LEAVES_MAX = 32 };
	size_t most = apply_members(item->kind)->count + LEAVES_MAX;
	for (size_t row = 0; row < apply_members(item->kind)->count; row++)
		most += members_of(item->values[row]) + (server == NULL ? 0 : members_of(server->values[row]));
	return most;
}

/* Adds a step unless there is nothing to do. */
static enum error_code
plan_change(struct planning *planning, const struct apply_item *item, const struct apply_item *server,
    const struct apply_item *organisation)
{
	struct apply_step step = {.action = APPLY_CHANGE, .item = item, .server = server, .organisation = organisation};
	step.change_room = changes_max(item, server);
	step.changes = arena_alloc(&planning->plan->arena, step.change_room * sizeof *step.changes);
	for (size_t row = ROW_NAME + 1; row < apply_members(item->kind)->count; row++) {
		enum error_code code = compare_member(planning, &step, row);
		if (code != OK)
			return code;
	}
	if (step.change_count > 0)
		*add_step(planning, APPLY_CHANGE, item) = step;
	return OK;
}

/* Shows of a new thing what is said of it, but not what it would be anyway. */
static void
plan_creation(struct planning *planning, const struct apply_item *item, const struct apply_item *organisation)
{
	struct arena *arena = &planning->plan->arena;
	const struct apply_members *members = apply_members(item->kind);
	struct apply_step *step = add_step(planning, APPLY_CREATE, item);
	step->organisation = organisation;
	step->change_room = changes_max(item, NULL);
	step->changes = arena_alloc(arena, step->change_room * sizeof *step->changes);
	for (size_t row = ROW_NAME + 1; row < members->count; row++) {
		const struct apply_member *member = &members->items[row];
		struct slice value = item->values[row];
		bool later = item->kind == APPLY_TYPE && row == apply_row_of(APPLY_TYPE, SLICE("archived"));
		later = later || member->form == FORM_GOVERNANCE;
		if (later || !slice_present(value) || (member->fallback != NULL && slice_is(value, member->fallback)))
			continue;
		step->signing_key = step->signing_key || (member->apart && member->form == FORM_CHOICE);
		if (member->form == FORM_AUTHENTICATION) {
			apply_plan_authentication(arena, step, row, false);
		} else if (member->form == FORM_SECRET) {
			apply_step_add_change(
			    step, slice_of(member->name), SLICE_NONE, apply_reference_shown(arena, apply_json(value)));
		} else if (member->form == FORM_HEADERS) {
			struct json_iterator iterator = json_iterate(apply_json(value));
			struct json key, header;
			while (json_next(&iterator, &key, &header))
				if (header.type != JSON_NULL)
					apply_step_add_change(step,
					    arena_printf(arena, "headers.%.*s", SLICE_ARG(json_text(arena, key))),
					    SLICE_NONE, apply_reference_shown(arena, header));
		} else if (member->form == FORM_TEXTS || member->form == FORM_SCHEMAS) {
			add_object_changes(arena, step, member->name, SLICE("null"), value);
		} else {
			apply_step_add_change(step, slice_of(member->name), SLICE_NONE, value);
		}
	}
}

/* --- phases ----------------------------------------------------------------------------------------- */

static bool
is_archived(const struct apply_item *type)
{
	return slice_is(type->values[apply_row_of(APPLY_TYPE, SLICE("archived"))], "true");
}

/* `archiving`: those that become archived, and only those. A new one is made first and archived then. */
static enum error_code
plan_types(struct planning *planning, bool archiving)
{
	const struct apply_state *file = planning->file, *server = planning->server;
	for (size_t i = 0; i < file->type_count; i++) {
		const struct apply_item *type = &file->types[i];
		const struct apply_item *there = apply_item_find(server->types, server->type_count, type->name);
		bool archives = is_archived(type) && (there == NULL || !is_archived(there));
		enum error_code code = OK;
		if (there == NULL && !archiving)
			plan_creation(planning, type, NULL);
		else if (there != NULL && archives == archiving)
			code = plan_change(planning, type, there, NULL);
		else if (there == NULL && archives) {
			struct apply_step *step = add_step(planning, APPLY_CHANGE, type);
			size_t row = apply_row_of(APPLY_TYPE, SLICE("archived"));
			step->server = type;
			step->rows = UINT32_C(1) << row;
			step->change_room = 1;
			step->changes = arena_alloc(&planning->plan->arena, sizeof *step->changes);
			apply_step_add_change(step, SLICE("archived"), SLICE("false"), SLICE("true"));
		}
		if (code != OK)
			return code;
	}
	return OK;
}

static enum error_code
plan_organisations(struct planning *planning)
{
	const struct apply_state *file = planning->file, *server = planning->server;
	for (size_t i = 0; i < file->organisation_count; i++) {
		const struct apply_item *item = &file->organisations[i];
		const struct apply_item *there =
		    apply_item_find(server->organisations, server->organisation_count, item->name);
		enum error_code code = OK;
		if (there == NULL)
			plan_creation(planning, item, NULL);
		else
			code = plan_change(planning, item, there, NULL);
		if (code != OK)
			return code;
	}
	return OK;
}

static enum error_code
plan_endpoints(struct planning *planning)
{
	const struct apply_state *file = planning->file, *server = planning->server;
	for (size_t o = 0; o < file->organisation_count; o++) {
		const struct apply_item *organisation = &file->organisations[o];
		const struct apply_item *there =
		    apply_item_find(server->organisations, server->organisation_count, organisation->name);
		for (size_t e = 0; e < organisation->endpoint_count; e++) {
			const struct apply_item *item = &organisation->endpoints[e], *old = NULL;
			if (there != NULL)
				old = apply_item_find(there->endpoints, there->endpoint_count, item->name);
			enum error_code code = OK;
			if (old == NULL)
				plan_creation(planning, item, organisation);
			else
				code = plan_change(planning, item, old, organisation);
			if (code != OK)
				return code;
		}
	}
	return OK;
}

/* What is there and not in the file. Without a uid a thing cannot be in a file, so it is not deleted either. */
static void
plan_extra(struct planning *planning, const struct apply_item *item, const struct apply_item *organisation)
{
	if (!planning->options->prune || !slice_present(item->name)) {
		add_unmanaged(planning, item, organisation);
		return;
	}
	struct apply_step *step = add_step(planning, APPLY_DELETE, item);
	step->server = item;
	step->organisation = organisation;
}

static void
plan_extra_endpoints(struct planning *planning)
{
	const struct apply_state *file = planning->file, *server = planning->server;
	for (size_t o = 0; o < file->organisation_count; o++) {
		struct apply_item *organisation = &file->organisations[o];
		const struct apply_item *there =
		    apply_item_find(server->organisations, server->organisation_count, organisation->name);
		if (there == NULL || !organisation->endpoints_given)
			continue;
		for (size_t e = 0; e < there->endpoint_count; e++) {
			const struct apply_item *item = &there->endpoints[e];
			bool listed = slice_present(item->name) && apply_item_find(organisation->endpoints,
								       organisation->endpoint_count, item->name);
			if (!listed)
				plan_extra(planning, item, organisation);
		}
	}
}

/* A type that is archived is as good as deleted: deleting archives it. */
static void
plan_extras(struct planning *planning)
{
	const struct apply_state *file = planning->file, *server = planning->server;
	plan_extra_endpoints(planning);
	for (size_t i = 0; file->organisations_given && !file->listed_only && i < server->organisation_count; i++) {
		const struct apply_item *item = &server->organisations[i];
		if (!slice_present(item->name) ||
		    apply_item_find(file->organisations, file->organisation_count, item->name) == NULL)
			plan_extra(planning, item, NULL);
	}
	for (size_t i = 0; file->types_given && i < server->type_count; i++) {
		const struct apply_item *item = &server->types[i];
		if (!is_archived(item) && apply_item_find(file->types, file->type_count, item->name) == NULL)
			plan_extra(planning, item, NULL);
	}
}

/* Last of all: what it asks a second person for begins when the rest is there. */
static enum error_code
plan_governance(struct planning *planning)
{
	const struct apply_state *file = planning->file, *server = planning->server;
	size_t row = apply_row_of(APPLY_ORGANISATION, SLICE("governance"));
	for (size_t i = 0; i < file->organisation_count; i++) {
		const struct apply_item *item = &file->organisations[i];
		const struct apply_item *there =
		    apply_item_find(server->organisations, server->organisation_count, item->name);
		struct slice wanted = item->values[row], has = there == NULL ? SLICE("{}") : there->values[row];
		if (!slice_present(wanted) || slice_equal(wanted, has))
			continue;
		struct apply_step step = {.action = APPLY_CHANGE, .item = item, .change_room = 8};
		step.server = there == NULL ? item : there;
		if (!slice_present(has))
			return refuse_change(planning, &step, row,
			    "no such line, as this server does not have it, or not for this token");
		step.changes = arena_alloc(&planning->plan->arena, step.change_room * sizeof *step.changes);
		apply_plan_governance(&planning->plan->arena, &step, has, wanted);
		*add_step(planning, APPLY_CHANGE, item) = step;
	}
	return OK;
}

enum error_code
apply_plan_make(const struct apply_state *file, const struct apply_state *server, const struct apply_options *options,
    struct apply_plan *out, struct error *error)
{
	*out = (struct apply_plan){0};
	struct planning planning = {.file = file, .server = server, .options = options, .plan = out, .error = error};
	enum error_code code = plan_types(&planning, false);
	if (code == OK)
		code = plan_organisations(&planning);
	if (code == OK)
		code = plan_endpoints(&planning);
	if (code == OK)
		code = plan_types(&planning, true);
	if (code == OK) {
		plan_extras(&planning);
		code = plan_governance(&planning);
	}
	if (code == OK)
		apply_waiting_find(server, out);
	else
		apply_plan_free(out);
	return code;
}

void
apply_plan_free(struct apply_plan *plan)
{
	free(plan->steps);
	free(plan->unmanaged);
	arena_free(&plan->arena);
	*plan = (struct apply_plan){0};
}
