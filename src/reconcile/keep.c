#include "reconcile/keep.h"

#include "reconcile/report.h"

#include <inttypes.h>

enum { STEP_BREAKS = 128 };

struct keeping {
	const struct reconcile *reconcile;
	struct store *store;
	struct wall_time now;
	struct store_break_run *tally;
	/* New ones that are told of, each by itself. */
	struct store_break fresh[KEEP_ALERTS];
	size_t fresh_count;
	struct arena arena;
};

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
keep_step(struct keeping *keeping, size_t from, size_t count, struct error *error)
{
	struct store_request *request = store_request_new(STORE_BREAK_SEEN, keeping->now);
	const struct reconcile *reconcile = keeping->reconcile;
	request->admin->breaks = arena_alloc(&request->arena, count * sizeof request->admin->breaks[0]);
	for (size_t i = 0; i < count; i++)
		request->admin->breaks[i] = kept_form(reconcile, &reconcile->breaks.rows[from + i], &request->arena);
	request->count = count;
	request->admin->break_run = *keeping->tally;
	enum error_code code = store_ask(keeping->store, request, error);
	if (code == OK) {
		keeping->tally->opened += request->admin->break_run.opened;
		keeping->tally->reopened += request->admin->break_run.reopened;
	}
	for (size_t i = 0; code == OK && i < count && keeping->fresh_count < KEEP_ALERTS; i++)
		if (request->admin->breaks[i].fresh)
			keeping->fresh[keeping->fresh_count++] =
			    break_copy(&keeping->arena, &request->admin->breaks[i]);
	store_request_free(request);
	return code;
}

/* Several in one commit; the requests go. */
static enum error_code
ask_all(struct store *store, struct store_request **requests, size_t count, struct error *error)
{
	struct mail_list notes;
	mail_list_init(&notes);
	enum error_code code = count == 0 ? OK : store_batch(store, requests, count, &notes, error);
	for (struct mail *mail = mail_list_pop(&notes); mail != NULL; mail = mail_list_pop(&notes))
		store_note_free(CONTAINER_OF(mail, struct store_note, mail));
	for (size_t i = 0; i < count; i++)
		store_request_free(requests[i]);
	return code;
}

static enum error_code
end_step(struct keeping *keeping, bool *more, struct error *error)
{
	struct store_request *request = store_request_new(STORE_BREAK_END, keeping->now);
	struct store_request *resolved[STEP_BREAKS];
	size_t count = 0;
	request->page.limit = STEP_BREAKS;
	request->admin->break_run = *keeping->tally;
	enum error_code code = store_ask(keeping->store, request, error);
	if (code == OK)
		*keeping->tally = request->admin->break_run;
	for (; code == OK && count < request->count; count++)
		resolved[count] = alert_resolve(ALERT_BREAK, keeping->now, request->admin->breaks[count].id);
	*more = code == OK && request->more;
	store_request_free(request);
	enum error_code told = ask_all(keeping->store, resolved, count, error);
	return code == OK ? told : code;
}

static enum alert_severity
alert_severity_of(struct slice severity)
{
	if (slice_equal(severity, SLICE("critical")))
		return ALERT_CRITICAL;
	return slice_equal(severity, SLICE("low")) ? ALERT_INFO : ALERT_WARNING;
}

static enum error_code
raise_alerts(struct keeping *keeping, struct error *error)
{
	struct store_request *requests[KEEP_ALERTS + 1];
	int64_t fresh = keeping->tally->opened + keeping->tally->reopened;
	size_t count = 0;
	if (fresh > KEEP_ALERTS)
		requests[count++] = alert_raise(ALERT_BREAK, ALERT_CRITICAL, keeping->now, KEEP_ALERT_RUN,
		    "%" PRId64 " new breaks at once; see vaultbell breaks list", fresh);
	for (size_t i = 0; fresh <= KEEP_ALERTS && i < keeping->fresh_count; i++) {
		const struct store_break *row = &keeping->fresh[i];
		requests[count++] = alert_raise(ALERT_BREAK, alert_severity_of(row->severity), keeping->now, row->id,
		    "%.*s: %.*s", SLICE_ARG(row->class), SLICE_ARG(row->match_key));
	}
	return ask_all(keeping->store, requests, count, error);
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
	struct keeping keeping = {.reconcile = reconcile, .store = store, .now = now, .tally = out};
	enum error_code code = OK;
	for (size_t at = 0; code == OK && at < breaks->count; at += STEP_BREAKS) {
		size_t left = breaks->count - at;
		code = keep_step(&keeping, at, left < STEP_BREAKS ? left : STEP_BREAKS, error);
	}
	if (code == OK)
		code = raise_alerts(&keeping, error);
	/* A window leaves things out that may well be there. */
	bool whole = !time_known(rules->from) && !time_known(rules->to);
	for (bool more = whole; code == OK && more;)
		code = end_step(&keeping, &more, error);
	arena_free(&keeping.arena);
	return code;
}
