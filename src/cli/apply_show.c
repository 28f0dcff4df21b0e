/* A plan as text and as JSON. */
#include "cli/apply.h"

enum { VALUE_SHOWN_BYTES = 160 };

static const struct {
	const char *verb;
	char sign;
} actions[APPLY_ACTION_COUNT] = {
    [APPLY_CREATE] = {"create", '+'},
    [APPLY_CHANGE] = {"change", '~'},
    [APPLY_DELETE] = {"delete", '-'},
};

/* "endpoint acme/settlement"; what has no uid is told by its id. */
static struct slice
thing_text(struct arena *arena, const struct apply_item *item, const struct apply_item *organisation)
{
	struct slice name = slice_present(item->name) ? item->name : item->id;
	if (organisation == NULL)
		return arena_printf(arena, "%s %.*s", apply_members(item->kind)->noun, SLICE_ARG(name));
	return arena_printf(
	    arena, "%s %.*s/%.*s", apply_members(item->kind)->noun, SLICE_ARG(organisation->name), SLICE_ARG(name));
}

struct slice
apply_step_text(struct arena *arena, const struct apply_step *step)
{
	struct slice thing = thing_text(arena, step->item, step->organisation);
	return arena_printf(arena, "%s %.*s", actions[step->action].verb, SLICE_ARG(thing));
}

/* Long values are cut between two characters. */
static void
show_value(struct buf *out, struct slice value)
{
	if (!slice_present(value)) {
		buf_text(out, "none");
		return;
	}
	size_t length = value.len;
	if (length > VALUE_SHOWN_BYTES) {
		length = VALUE_SHOWN_BYTES;
		while (length > 0 && ((unsigned char)value.ptr[length] & 0xc0) == 0x80)
			length--;
	}
	buf_append(out, (struct slice){value.ptr, length});
	if (length < value.len)
		buf_printf(out, "… (%zu bytes)", value.len);
}

static void
show_step(const struct apply_step *step, struct arena *arena, struct buf *out)
{
	buf_printf(
	    out, "%c %.*s\n", actions[step->action].sign, SLICE_ARG(thing_text(arena, step->item, step->organisation)));
	for (size_t i = 0; i < step->change_count; i++) {
		const struct apply_change *change = &step->changes[i];
		buf_printf(out, "    %.*s: ", SLICE_ARG(change->member));
		if (step->action == APPLY_CHANGE) {
			show_value(out, change->from);
			buf_text(out, " → ");
		}
		show_value(out, change->to);
		buf_byte(out, '\n');
	}
	for (size_t i = 0; i < step->waiting_count; i++) {
		const struct apply_waiting *waiting = step->waiting[i];
		buf_printf(out, "    waits: %.*s (%.*s), %.*s since %.*s\n", SLICE_ARG(waiting->id),
		    SLICE_ARG(waiting->operation), SLICE_ARG(waiting->state), SLICE_ARG(waiting->at));
	}
}

void
apply_show_waiting(const struct apply_plan *plan, const struct apply_outcome *outcome, struct buf *out)
{
	struct arena arena = ARENA_EMPTY;
	for (size_t i = 0; i < outcome->done; i++) {
		const struct apply_result *result = &outcome->results[i];
		for (size_t n = 0; n < result->held_count; n++)
			buf_printf(out, "  waits for a second person: %.*s, %s (%s)\n",
			    SLICE_ARG(apply_step_text(&arena, &plan->steps[i])), result->held[n].id,
			    result->held[n].known ? "asked for before" : "asked for now");
	}
	arena_free(&arena);
}

size_t
apply_count_held(const struct apply_outcome *outcome, bool known)
{
	size_t count = 0;
	for (size_t i = 0; i < outcome->done; i++)
		for (size_t n = 0; n < outcome->results[i].held_count; n++)
			count += outcome->results[i].held[n].known == known;
	return count;
}

void
apply_show(const struct apply_plan *plan, struct buf *out)
{
	struct arena arena = ARENA_EMPTY;
	for (size_t i = 0; i < plan->count; i++)
		show_step(&plan->steps[i], &arena, out);
	for (size_t i = 0; i < plan->unmanaged_count; i++) {
		const struct apply_unmanaged *extra = &plan->unmanaged[i];
		buf_printf(out, "? %.*s: not managed, it is not in the file%s\n",
		    SLICE_ARG(thing_text(&arena, extra->item, extra->organisation)),
		    slice_present(extra->item->name) ? "" : " and has no uid");
	}
	if (plan->count == 0)
		buf_text(out, "no changes\n");
	else
		buf_printf(out, "plan: %zu to create, %zu to change, %zu to delete\n", plan->by_action[APPLY_CREATE],
		    plan->by_action[APPLY_CHANGE], plan->by_action[APPLY_DELETE]);
	arena_free(&arena);
}

/* --- JSON ------------------------------------------------------------------------------------------- */

static void
put_thing(struct json_writer *writer, const struct apply_item *item, const struct apply_item *organisation)
{
	json_put_cstring(writer, "kind", apply_members(item->kind)->noun);
	json_put_string(writer, "organisation", organisation == NULL ? SLICE_NONE : organisation->name);
	json_put_string(writer, "name", item->name);
}

static void
put_value(struct json_writer *writer, const char *name, struct slice value)
{
	json_key(writer, name);
	json_raw(writer, slice_present(value) ? value : SLICE("null"));
}

static void
put_waiting(struct json_writer *writer, const struct apply_step *step, const struct apply_result *result)
{
	json_key(writer, "waiting");
	json_open(writer, '[');
	for (size_t i = 0; result == NULL && i < step->waiting_count; i++)
		json_string(writer, step->waiting[i]->id);
	for (size_t i = 0; result != NULL && i < result->held_count; i++)
		json_string(writer, slice_of(result->held[i].id));
	json_close(writer);
}

/* `result` NULL: it was not come to. */
static void
put_step(struct json_writer *writer, const struct apply_step *step, const struct apply_result *result)
{
	json_open(writer, '{');
	json_put_cstring(writer, "action", actions[step->action].verb);
	put_thing(writer, step->item, step->organisation);
	json_key(writer, "changes");
	json_open(writer, '[');
	for (size_t i = 0; i < step->change_count; i++) {
		json_open(writer, '{');
		json_put_string(writer, "member", step->changes[i].member);
		put_value(writer, "from", step->changes[i].from);
		put_value(writer, "to", step->changes[i].to);
		json_close(writer);
	}
	json_close(writer);
	enum apply_ending ending = result == NULL ? APPLY_ENDED_NOT : apply_ending_of(result);
	json_put_bool(writer, "done", result != NULL);
	json_put_cstring(writer, "outcome", apply_ending_name(ending));
	put_waiting(writer, step, result);
	json_close(writer);
}

void
apply_show_json(const struct apply_plan *plan, const struct apply_outcome *outcome, struct buf *out)
{
	struct json_writer writer;
	json_writer_init(&writer, out);
	json_open(&writer, '{');
	json_put_bool(&writer, "dry_run", outcome->dry_run);
	for (size_t i = 0; i < APPLY_ACTION_COUNT; i++)
		json_put_integer(&writer, actions[i].verb, (int64_t)plan->by_action[i]);
	json_put_integer(&writer, "done", (int64_t)outcome->done);
	json_put_integer(&writer, "requested", (int64_t)apply_count_held(outcome, false));
	json_put_integer(&writer, "waiting", (int64_t)apply_count_held(outcome, true));
	json_put_cstring(&writer, "problem", outcome->problem);
	json_key(&writer, "steps");
	json_open(&writer, '[');
	for (size_t i = 0; i < plan->count; i++)
		put_step(&writer, &plan->steps[i], i < outcome->done ? &outcome->results[i] : NULL);
	json_close(&writer);
	json_key(&writer, "not_managed");
	json_open(&writer, '[');
	for (size_t i = 0; i < plan->unmanaged_count; i++) {
		json_open(&writer, '{');
		put_thing(&writer, plan->unmanaged[i].item, plan->unmanaged[i].organisation);
		json_put_string(&writer, "id", plan->unmanaged[i].item->id);
		json_close(&writer);
	}
	json_close(&writer);
	json_close(&writer);
	buf_byte(out, '\n');
}
