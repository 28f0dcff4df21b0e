/* Change requests that wait for a second person: which of them are about what a plan would do, and what a request was
 * answered. The server tells whether the very same is asked for again (it answers the same request then); here they are
 * shown, so that nobody takes for done what waits. */
#include "cli/api_client.h"
#include "cli/apply.h"

#include <stdio.h>

enum { HELD = 202 };

static struct slice
text_of(struct arena *arena, struct json object, const char *name)
{
	struct json value = json_member(object, name);
	return json_present(value) && value.type == JSON_STRING ? json_text(arena, value) : SLICE_NONE;
}

/* The uid that a new endpoint is to have. */
static struct slice
uid_of(struct arena *arena, struct json change)
{
	struct json diff = json_member(change, "diff"), key, row;
	if (!json_present(diff) || diff.type != JSON_ARRAY)
		return SLICE_NONE;
	struct json_iterator iterator = json_iterate(diff);
	while (json_next(&iterator, &key, &row))
		if (row.type == JSON_OBJECT && slice_is(text_of(arena, row, "member"), "uid"))
			return text_of(arena, row, "after");
	return SLICE_NONE;
}

void
apply_waiting_read(struct arena *arena, struct json data, struct apply_item *organisation)
{
	size_t more = json_count(data);
	struct apply_waiting *all = arena_alloc(arena, (organisation->waiting_count + more + 1) * sizeof *all);
	if (organisation->waiting_count > 0)
		memcpy(all, organisation->waiting, organisation->waiting_count * sizeof *all);
	struct json_iterator iterator = json_iterate(data);
	struct json key, change;
	while (json_next(&iterator, &key, &change)) {
		if (change.type != JSON_OBJECT)
			continue;
		all[organisation->waiting_count++] = (struct apply_waiting){
		    .id = text_of(arena, change, "id"),
		    .operation = text_of(arena, change, "operation"),
		    .object = text_of(arena, change, "object"),
		    .uid = uid_of(arena, change),
		    .state = text_of(arena, change, "state"),
		    .at = text_of(arena, change, "requestedAt"),
		};
	}
	organisation->waiting = all;
}

static bool
is_about(const struct apply_waiting *waiting, const struct apply_step *step)
{
	if (step->item->kind == APPLY_ORGANISATION) {
		if (step->action == APPLY_DELETE)
			return slice_is(waiting->operation, "organisation.delete");
		return (slice_present(step->governance) && slice_is(waiting->operation, "governance.update")) ||
		       (step->signing_key && slice_is(waiting->operation, "organisation.key.rotate"));
	}
	if (step->item->kind != APPLY_ENDPOINT)
		return false;
	if (step->action == APPLY_CREATE)
		return slice_is(waiting->operation, "endpoint.create") && slice_present(waiting->uid) &&
		       slice_equal(waiting->uid, step->item->name);
	return slice_is(waiting->operation, step->action == APPLY_DELETE ? "endpoint.delete" : "endpoint.update") &&
	       slice_present(waiting->object) && slice_equal(waiting->object, step->server->id);
}

void
apply_waiting_find(const struct apply_state *server, struct apply_plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		struct apply_step *step = &plan->steps[i];
		const struct apply_item *of = step->organisation != NULL ? step->organisation : step->item;
		const struct apply_item *there =
		    of->kind == APPLY_ORGANISATION && slice_present(of->name)
			? apply_item_find(server->organisations, server->organisation_count, of->name)
			: NULL;
		for (size_t w = 0; there != NULL && w < there->waiting_count; w++) {
			if (!is_about(&there->waiting[w], step))
				continue;
			if (step->waiting == NULL)
				step->waiting = arena_alloc(
				    &plan->arena, there->waiting_count * sizeof(const struct apply_waiting *));
			step->waiting[step->waiting_count++] = &there->waiting[w];
		}
	}
}

void
apply_waiting_take(const struct apply_step *step, const struct api_answer *answer, struct apply_result *result)
{
	result->sent++;
	if (answer->status != HELD || !json_present(answer->body) || answer->body.type != JSON_OBJECT)
		return;
	struct arena arena = ARENA_EMPTY;
	struct json inner = json_member(answer->body, "change");
	bool wrapped = json_present(inner) && inner.type == JSON_OBJECT;
	struct slice id = text_of(&arena, wrapped ? inner : answer->body, "id");
	bool known = false;
	for (size_t i = 0; i < step->waiting_count; i++)
		known = known || slice_equal(step->waiting[i]->id, id);
	if (result->held_count < APPLY_REQUESTS_MAX) {
		struct apply_held *held = &result->held[result->held_count++];
		held->known = known;
		snprintf(held->id, sizeof held->id, "%.*s", SLICE_ARG(id));
	}
	arena_free(&arena);
}

enum apply_ending
apply_ending_of(const struct apply_result *result)
{
	if (result->held_count == 0)
		return APPLY_ENDED_DONE;
	for (size_t i = 0; i < result->held_count; i++)
		if (!result->held[i].known)
			return APPLY_ENDED_ASKED;
	return APPLY_ENDED_WAITING;
}

const char *
apply_ending_name(enum apply_ending ending)
{
	static const char *const names[APPLY_ENDING_COUNT] = {
	    [APPLY_ENDED_NOT] = "not applied",
	    [APPLY_ENDED_DONE] = "applied",
	    [APPLY_ENDED_ASKED] = "requested",
	    [APPLY_ENDED_WAITING] = "waiting",
	};
	return names[ending];
}
