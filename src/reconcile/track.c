#include "reconcile/track.h"

#include "base/limits.h"

#include <stdlib.h>

static const char *const kind_names[TRACK_KIND_COUNT] = {
    [TRACK_TRANSACTION] = "tx",
    [TRACK_WORKFLOW] = "workflow",
    [TRACK_CASE] = "case",
    [TRACK_ENDPOINT] = "endpoint",
};

const char *
track_kind_name(enum track_kind kind)
{
	ENSURE(kind < TRACK_KIND_COUNT);
	return kind_names[kind];
}

bool
track_kind_parse(struct slice name, enum track_kind *out)
{
	for (int i = 0; i < TRACK_KIND_COUNT; i++)
		if (slice_is(name, kind_names[i])) {
			*out = (enum track_kind)i;
			return true;
		}
	return false;
}

void
track_init(struct track *track, enum track_kind kind, struct slice id)
{
	ENSURE(id.len > 0);
	*track = (struct track){.kind = kind, .id = id, .since = TIME_UNKNOWN};
	texts_init(&track->texts);
	states_init(&track->states);
	track->context = (struct record_context){.texts = &track->texts, .states = &track->states};
	record_draft_init(&track->body.draft);
}

void
track_fini(struct track *track)
{
	record_draft_fini(&track->body.draft);
	arena_free(&track->context.arena);
	texts_fini(&track->texts);
	arena_free(&track->arena);
	free(track->events);
	track->events = NULL;
}

/* --- which rows are of the resource ----------------------------------------------------------------- */

/* Most rows are of something else, which shows without parsing them: a body has the id as it is, or escapes. */
static bool
may_name(const struct track *track, struct slice body)
{
	return body.len > 0 && (memmem(body.ptr, body.len, track->id.ptr, track->id.len) != NULL ||
				   memchr(body.ptr, '\\', body.len) != NULL);
}

/* A string, or a number as it is written. */
static struct slice
text_of(struct record_context *context, struct json object, const char *name)
{
	if (object.type != JSON_OBJECT)
		return SLICE_NONE;
	struct json value = json_member(object, name);
	if (value.type == JSON_STRING)
		return json_text(&context->arena, value);
	return value.type == JSON_NUMBER ? value.raw : SLICE_NONE;
}

static bool
is_of_kind(struct record_context *context, const struct catalogue_type *type, struct json resource, const char *kind)
{
	return slice_is(text_of(context, resource, "type"), kind) ||
	       (type != NULL && slice_is(type->resource_kind, kind));
}

/* What names a resource other than a transaction, and says its state. That of a case is beside the transaction's. */
static const struct {
	const char *resource, *id, *status;
} members[TRACK_KIND_COUNT] = {
    [TRACK_WORKFLOW] = {"workflow", "workflow_id", "status"},
    [TRACK_CASE] = {"case", "case_id", "case_status"},
    [TRACK_ENDPOINT] = {"endpoint", "endpoint_id", "status"},
};

/* Of which resource of this kind a body speaks; absent or empty: of none. A transaction has its own events, and those of
 * cases that name it: only the screening of the latter can move it, but what else a case says (the travel rule, sanctions)
 * belongs to the story too. */
static struct slice
name_of(struct record_context *context, const struct journal_body *body, enum track_kind kind, struct json resource,
    struct json data)
{
	if (kind == TRACK_TRANSACTION) {
		if (body->key.len > 0)
			return body->key;
		bool of_case = is_of_kind(context, body->type, resource, "case");
		return of_case ? text_of(context, data, "transaction_id") : SLICE_NONE;
	}
	if (!is_of_kind(context, body->type, resource, members[kind].resource))
		return SLICE_NONE;
	struct slice id = text_of(context, resource, "id");
	return id.len > 0 ? id : text_of(context, data, members[kind].id);
}

static void
read_transaction(struct track *track, struct track_event *out)
{
	struct journal_body *body = &track->body;
	out->own = body->own;
	out->status = body->draft.values[MEMBER_STATUS];
	if (!direction_parse(body->draft.values[MEMBER_DIRECTION], &out->direction))
		out->direction = DIRECTION_UNKNOWN;
}

/* Of an approval, a case or an endpoint. */
static void
read_resource(struct track *track, struct json data, struct track_event *out)
{
	out->own = true;
	out->status = text_of(&track->context, data, members[track->kind].status);
	/* This type tells of a move, but not of which. */
	if (out->catalogue != NULL && slice_is(out->catalogue->name, "workflow.status_changed"))
		out->catalogue = NULL;
}

static void
add_event(struct track *track, const struct track_event *event)
{
	if (track->count == track->capacity) {
		track->capacity = track->capacity == 0 ? 16 : track->capacity * 2;
		track->events = mem_resize(track->events, track->capacity, sizeof track->events[0]);
	}
	struct track_event *kept = &track->events[track->count++];
	*kept = *event;
	kept->event_id = arena_copy(&track->arena, event->event_id);
	kept->type = arena_copy(&track->arena, event->type);
	kept->source = arena_copy(&track->arena, event->source);
	kept->status = arena_copy(&track->arena, event->status);
}

static void
read_row(struct track *track, const struct store_journal_row *row)
{
	struct journal_body *body = &track->body;
	struct json object;
	if (!journal_body_read(&track->context, row->body, row->type, body) ||
	    json_parse(row->body, LIMIT_JSON_DEPTH, &object, NULL) != OK)
		return;
	struct track_event event = {
	    .event_id = row->event_id,
	    .type = row->type,
	    .source = row->source,
	    .at = time_known(body->occurred) ? body->occurred : row->received,
	    .catalogue = body->type,
	    .stream_seq = body->stream_seq,
	};
	struct json resource = json_member(object, "resource"), data = json_member(object, "data");
	if (!slice_equal(name_of(&track->context, body, track->kind, resource, data), track->id))
		return;
	if (track->kind == TRACK_TRANSACTION)
		read_transaction(track, &event);
	else
		read_resource(track, data, &event);
	add_event(track, &event);
}

void
track_take(struct track *track, const struct store_journal_row *row)
{
	if (row->damaged)
		track->damaged++;
	else if (journal_counts(row->verdict) && may_name(track, row->body))
		read_row(track, row);
	arena_reset(&track->context.arena);
}

/* --- the index ---------------------------------------------------------------------------------------- */

void
track_names_init(struct track_names *names)
{
	*names = (struct track_names){.context = {.texts = &names->texts, .states = &names->states}};
	texts_init(&names->texts);
	states_init(&names->states);
	record_draft_init(&names->body.draft);
}

void
track_names_fini(struct track_names *names)
{
	record_draft_fini(&names->body.draft);
	arena_free(&names->context.arena);
	texts_fini(&names->texts);
}

void
track_names_read(struct track_names *names, const struct store_journal_row *row)
{
	struct json object;
	arena_reset(&names->context.arena);
	for (int kind = 0; kind < TRACK_KIND_COUNT; kind++)
		names->of[kind] = SLICE_NONE;
	if (row->damaged || !journal_counts(row->verdict) ||
	    !journal_body_read(&names->context, row->body, row->type, &names->body) ||
	    json_parse(row->body, LIMIT_JSON_DEPTH, &object, NULL) != OK)
		return;
	struct json resource = json_member(object, "resource"), data = json_member(object, "data");
	for (int kind = 0; kind < TRACK_KIND_COUNT; kind++)
		names->of[kind] = name_of(&names->context, &names->body, (enum track_kind)kind, resource, data);
}

/* --- what they come to ------------------------------------------------------------------------------ */

/* An order that knows nothing of arrival, so that what the fold finds equal stays in one that is always the same. */
static int
compare_events(const void *left, const void *right)
{
	const struct track_event *a = left, *b = right;
	int order = slice_compare(a->event_id, b->event_id);
	if (order == 0)
		order = slice_compare(a->source, b->source);
	return order != 0 ? order : (a->at.us > b->at.us) - (a->at.us < b->at.us);
}

static void
sort_once(struct track *track)
{
	if (track->count == 0)
		return;
	qsort(track->events, track->count, sizeof track->events[0], compare_events);
	size_t kept = 0;
	for (size_t i = 0; i < track->count; i++) {
		const struct track_event *event = &track->events[i], *last = &track->events[kept > 0 ? kept - 1 : 0];
		if (kept > 0 && slice_equal(event->event_id, last->event_id) &&
		    slice_equal(event->source, last->source))
			continue;
		track->events[kept++] = *event;
	}
	track->count = kept;
}

/* A case is a screening or an exchange under the travel rule; where events of both have one id, it is the screening. */
static const struct catalogue_lifecycle *
lifecycle_of(const struct track *track)
{
	if (track->kind == TRACK_WORKFLOW)
		return catalogue_lifecycle_find(SLICE("approval"));
	if (track->kind == TRACK_ENDPOINT)
		return catalogue_lifecycle_find(SLICE("endpoint"));
	bool travel_rule = false, screening = false;
	for (size_t i = 0; i < track->count; i++) {
		const struct catalogue_type *type = track->events[i].catalogue;
		bool known = type != NULL && slice_is(type->lifecycle, "travel_rule");
		travel_rule |= known;
		screening |= type != NULL && !known && slice_present(type->lifecycle);
	}
	return catalogue_lifecycle_find(travel_rule && !screening ? SLICE("travel_rule") : SLICE("kyt"));
}

/* Whether nothing has to follow: a final state, an endpoint that works or was switched off, a completed screening (whose rating may change, but need not), and a
 * state that its lifecycle does not go on from. */
static bool
is_end(const struct catalogue_lifecycle *lifecycle, const struct catalogue_state *state)
{
	bool resting = lifecycle != NULL && slice_is(lifecycle->name, "endpoint") &&
		       (slice_is(state->name, "active") || slice_is(state->name, "disabled"));
	if (state->final || resting || slice_is(state->name, "completed"))
		return true;
	if (lifecycle == NULL)
		return false;
	for (size_t i = 0; i < lifecycle->move_count; i++)
		if (&lifecycle->states[lifecycle->moves[i].from] == state)
			return false;
	return true;
}

static struct journal_event
fold_event(struct track *track, const struct track_event *event)
{
	return (struct journal_event){
	    .values = {.occurred = event->at,
		.direction = (unsigned char)event->direction,
		.status = states_find(&track->states, event->status)},
	    .type = event->catalogue,
	    .stream_seq = event->stream_seq,
	    .source = texts_put(&track->texts, event->source),
	    .own = event->own,
	};
}

void
track_run(struct track *track, struct wall_time as_of, int64_t stuck_after_us)
{
	sort_once(track);
	size_t count = track->count;
	if (count == 0)
		return;
	if (track->kind != TRACK_TRANSACTION)
		states_init_resource(&track->states, lifecycle_of(track));
	struct journal_event *events = mem_zero(count, sizeof events[0]);
	uint32_t *order = mem_zero(count, sizeof order[0]);
	for (size_t i = 0; i < count; i++) {
		events[i] = fold_event(track, &track->events[i]);
		order[i] = (uint32_t)i;
	}
	struct record record = {.occurred = TIME_UNKNOWN};
	journal_fold_one(&track->states, events, order, count, &record);
	struct track_event *timeline = mem_zero(count, sizeof timeline[0]);
	for (size_t i = 0; i < count; i++) {
		timeline[i] = track->events[order[i]];
		timeline[i].moved = events[order[i]].moved;
	}
	free(track->events);
	track->events = timeline;
	track->capacity = count;
	free(events);
	free(order);

	const struct catalogue_state *state =
	    states_of(&track->states, record.status, (enum direction)record.direction);
	if (state == NULL)
		return;
	track->state = state->name;
	track->since = record.occurred;
	track->stuck = !is_end(track->states.resource, state) && as_of.us - record.occurred.us > stuck_after_us;
}
