#include "reconcile/keep.h"

#include "reconcile/report.h"

enum { STEP_BREAKS = 128 };

static struct store_break
kept_form(const struct reconcile *reconcile, const struct break_row *row, struct arena *arena)
{
	struct break_view view;
	break_view(reconcile, row, arena, &view);
	struct store_break out = {
	    .id = arena_copy(arena, slice_of(view.id)),
	    .class = slice_of(view.class),
	    .severity = slice_of(view.severity),
	    .match_key = view.match_key,
	    .detail = view.detail,
	    .since = time_known(row->since) ? row->since : (struct wall_time){0},
	};
	for (enum side side = 0; side < SIDE_COUNT; side++)
		out.sides[side] = view.side[side];
	return out;
}

static enum error_code
keep_step(const struct reconcile *reconcile, struct store *store, struct wall_time now, size_t from, size_t count,
    struct store_break_run *out, struct error *error)
{
	struct store_request *request = store_request_new(STORE_BREAK_SEEN, now);
	request->breaks = arena_alloc(&request->arena, count * sizeof request->breaks[0]);
	for (size_t i = 0; i < count; i++)
		request->breaks[i] = kept_form(reconcile, &reconcile->breaks.rows[from + i], &request->arena);
	request->count = count;
	request->break_run = *out;
	enum error_code code = store_ask(store, request, error);
	if (code == OK) {
		out->opened += request->break_run.opened;
		out->reopened += request->break_run.reopened;
	}
	store_request_free(request);
	return code;
}

static enum error_code
end_step(struct store *store, struct wall_time now, struct store_break_run *out, bool *more, struct error *error)
{
	struct store_request *request = store_request_new(STORE_BREAK_END, now);
	request->page.limit = STEP_BREAKS;
	request->break_run = *out;
	enum error_code code = store_ask(store, request, error);
	if (code == OK)
		*out = request->break_run;
	*more = code == OK && request->more;
	store_request_free(request);
	return code;
}

enum error_code
reconcile_keep(const struct reconcile *reconcile, struct store *store, struct wall_time now,
    struct store_break_run *out, struct error *error)
{
	const struct breaks *breaks = &reconcile->breaks;
	const struct break_rules *rules = &reconcile->input.rules;
	*out = (struct store_break_run){
	    .run = now.us,
	    .as_of = rules->as_of,
	    .matched = (int64_t)breaks->matched,
	    .found = (int64_t)breaks->count,
	};
	enum error_code code = OK;
	for (size_t at = 0; code == OK && at < breaks->count; at += STEP_BREAKS) {
		size_t left = breaks->count - at;
		code = keep_step(reconcile, store, now, at, left < STEP_BREAKS ? left : STEP_BREAKS, out, error);
	}
	/* A window leaves things out that may well be there. */
	bool whole = !time_known(rules->from) && !time_known(rules->to);
	for (bool more = whole; code == OK && more;)
		code = end_step(store, now, out, &more, error);
	return code;
}
