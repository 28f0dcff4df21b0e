/* The part of a plan that is about what protects: authentication of endpoints, and governance. Pure, as all of a plan. */
#include "cli/apply.h"

static const struct slice not_shown = {"\"(not shown)\"", sizeof "\"(not shown)\"" - 1};

void
apply_step_add_change(struct apply_step *step, struct slice member, struct slice from, struct slice to)
{
	ENSURE(step->change_count < step->change_room);
	step->changes[step->change_count++] = (struct apply_change){member, from, to};
}

struct slice
apply_reference_shown(struct arena *arena, struct json value)
{
	if (!apply_is_reference(value))
		return value.raw;
	struct json env = json_member(value, "env");
	struct slice name = json_text(arena, json_present(env) ? env : json_member(value, "file"));
	return apply_quote(
	    arena, arena_printf(arena, "(from %s %.*s)", json_present(env) ? "env" : "file", SLICE_ARG(name)));
}

/* --- authentication ---------------------------------------------------------------------------------- */

struct leaf_changes {
	struct arena *arena;
	struct apply_step *step;
	struct slice from, to; /* as they can be compared; `from` absent: nothing is there */
	bool all;	       /* secrets too, as they are sent anew */
	bool any_secret;
};

static struct json
leaf_of(struct slice document, const char *section, const char *name)
{
	struct json object = slice_present(document) ? apply_json(document) : JSON_ABSENT;
	object = json_present(object) ? json_member(object, section) : JSON_ABSENT;
	return json_present(object) && object.type == JSON_OBJECT ? json_member(object, name) : JSON_ABSENT;
}

static void
add_leaf(struct leaf_changes *changes, const char *section, const char *name, struct slice from, struct slice to)
{
	apply_step_add_change(
	    changes->step, arena_printf(changes->arena, "authentication.%s.%s", section, name), from, to);
}

/* A member that the file has. */
static enum error_code
visit_wanted(void *context, const char *section, const char *name, bool secret, struct json value)
{
	struct leaf_changes *changes = context;
	struct json from = leaf_of(changes->from, section, name), to = leaf_of(changes->to, section, name);
	changes->any_secret = changes->any_secret || secret;
	if (secret && changes->all) {
		bool there =
		    slice_present(changes->from) && json_present(json_member(apply_json(changes->from), section));
		add_leaf(changes, section, name, there ? not_shown : SLICE_NONE,
		    apply_reference_shown(changes->arena, value));
	} else if (!secret && !slice_equal(from.raw, to.raw)) {
		add_leaf(changes, section, name, from.raw, to.raw);
	}
	return OK;
}

/* A member that the server has and the file has not. */
static enum error_code
visit_there(void *context, const char *section, const char *name, bool secret UNUSED, struct json value)
{
	struct leaf_changes *changes = context;
	if (!json_present(leaf_of(changes->to, section, name)) &&
	    !json_present(leaf_of(changes->step->item->values[changes->step->authentication_row], section, name)))
		add_leaf(changes, section, name, value.raw, SLICE_NONE);
	return OK;
}

/* `tls: {}` has no member that could be told of. */
static void
add_bare_tls(struct leaf_changes *changes)
{
	struct json from = slice_present(changes->from) ? json_member(apply_json(changes->from), "tls") : JSON_ABSENT;
	struct json to = json_member(apply_json(changes->to), "tls");
	if (changes->step->change_count > 0 || json_present(from) == json_present(to))
		return;
	apply_step_add_change(changes->step, SLICE("authentication.tls"), from.raw, to.raw);
}

static void
add_leaves(struct leaf_changes *changes, struct slice wanted)
{
	ENSURE(apply_authentication_walk(wanted, visit_wanted, changes) == OK);
	if (slice_present(changes->from))
		ENSURE(apply_authentication_walk(changes->from, visit_there, changes) == OK);
	add_bare_tls(changes);
}

static bool
has_secret(struct slice wanted)
{
	static const struct {
		const char *section, *name;
	} secrets[] = {{"basic", "password"}, {"oauth2", "clientSecret"}, {"tls", "clientKey"}};
	for (size_t i = 0; i < COUNT_OF(secrets); i++)
		if (json_present(leaf_of(wanted, secrets[i].section, secrets[i].name)))
			return true;
	return false;
}

void
apply_plan_authentication(struct arena *arena, struct apply_step *step, size_t row, bool rewrite)
{
	struct slice wanted = step->item->values[row];
	bool creation = step->action == APPLY_CREATE;
	struct leaf_changes changes = {.arena = arena, .step = step, .all = true};
	step->authentication_row = row;
	changes.from = creation ? SLICE_NONE : apply_authentication_shown(arena, step->server->values[row]);
	changes.to = apply_authentication_shown(arena, wanted);
	bool differs = creation ? !slice_is(changes.to, "{}") : !slice_equal(changes.from, changes.to);
	if (!differs && !(rewrite && has_secret(wanted)))
		return;
	add_leaves(&changes, wanted);
	if (!creation)
		step->authentication = wanted;
}

/* --- governance -------------------------------------------------------------------------------------- */

void
apply_plan_governance(struct arena *arena, struct apply_step *step, struct slice from, struct slice to)
{
	static const char *const names[] = {"governed", "coolOffSeconds", "securityContact", "notice"};
	step->governance = to;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct json old = json_member(apply_json(from), names[i]), new = json_member(apply_json(to), names[i]);
		if (!slice_equal(old.raw, new.raw))
			apply_step_add_change(step, arena_printf(arena, "governance.%s", names[i]), old.raw, new.raw);
	}
}
