/* Where a transaction, an approval, a case or an endpoint stands: one of them with its timeline, or all of a kind. */
#include "server/reader_call.h"

#include "reconcile/track.h"

enum { ITEMS_LOOKED_AT = 1000 };

static bool
wants(void *context, const struct store_journal_row *row)
{
	const struct reader_call *call = context;
	return scope_has_source(&call->scope, row->source) && scope_has_type(&call->scope, row->type);
}

/* False: answered. */
static bool
fold(struct reader_call *call, struct track *track)
{
	const struct reader_options *options = reader_options(call->reader);
	struct error error = ERROR_NONE;
	enum error_code code = track_read(track, options->store, LIMIT_TRACK_TAIL, wants, call, &error);
	if (code != OK) {
		reader_unavailable(call, code, &error);
		return false;
	}
	track_run(track, call->now, options->stuck_after_us);
	return true;
}

static void
put_state(struct json_writer *writer, const struct track *track)
{
	char time[TIME_TEXT_BYTES];
	json_put_string(writer, "id", track->id);
	json_put_string(writer, "state", track->state);
	json_put_cstring(writer, "since", time_known(track->since) ? time_format(track->since, 6, time) : NULL);
	json_put_bool(writer, "stuck", track->stuck);
}

static void
put_event(struct json_writer *writer, const struct track_event *event)
{
	char time[TIME_TEXT_BYTES];
	json_open(writer, '{');
	json_put_cstring(writer, "at", time_format(event->at, 6, time));
	json_put_string(writer, "type", event->type);
	json_put_string(writer, "event_id", event->event_id);
	json_put_bool(writer, "moved", event->moved);
	json_close(writer);
}

/* What a resource is called and where it stands is read from members that a token with fields of its own may not see. */
static bool
read_kind(struct reader_call *call, enum track_kind *kind)
{
	if (call->scope.fields.count > 0) {
		reader_problem(
		    call, 403, "insufficient access", "A token that does not see whole bodies tracks nothing.");
		return false;
	}
	if (track_kind_parse(call->params[0], kind))
		return true;
	reader_problem(call, 404, "not_found",
	    "There is nothing at this path: expected track/ and one of tx, workflow, case and endpoint.");
	return false;
}

void
reader_track(struct reader_call *call)
{
	enum track_kind kind;
	if (!read_kind(call, &kind))
		return;
	struct track track;
	track_init(&track, kind, call->params[1]);
	if (fold(call, &track)) {
		struct json_writer *writer = reader_write(call, 200);
		put_state(writer, &track);
		json_key(writer, "timeline");
		json_open(writer, '[');
		for (size_t i = 0; i < track.count; i++)
			put_event(writer, &track.events[i]);
		json_close(writer);
		if (track.count == 0)
			reader_problem(call, 404, "not_found", "No event in the journal is of it.");
	}
	track_fini(&track);
}

/* --- all of a kind ------------------------------------------------------------------------------------ */

struct wish {
	struct slice state; /* absent: any */
	bool stuck;	    /* only those that are */
	int64_t limit;
};

/* False: answered. `*count` grows where it is shown. */
static bool
put_item(struct reader_call *call, enum track_kind kind, struct slice id, const struct wish *wish, int64_t *count)
{
	struct track track;
	track_init(&track, kind, id);
	bool good = fold(call, &track);
	bool shown = good && track.count > 0 && (!wish->stuck || track.stuck) &&
		     (!slice_present(wish->state) || slice_equal(wish->state, track.state));
	if (shown) {
		json_open(&call->writer, '{');
		put_state(&call->writer, &track);
		json_close(&call->writer);
		++*count;
	}
	track_fini(&track);
	return good;
}

/* Where a filter fits few, a page ends after so many that were looked at, and the iterator leads on. */
static bool
put_items(struct reader_call *call, enum track_kind kind, const struct wish *wish, int64_t *after, bool *done)
{
	int64_t count = 0, looked = 0;
	*done = false;
	while (!*done && count < wish->limit && looked < ITEMS_LOOKED_AT) {
		struct store_request *request = store_request_new(STORE_TRACK_LIST, call->now);
		request->admin->track.kind = (int)kind;
		request->page = (struct store_page){.limit = LIMIT_PAGE, .after = *after};
		bool good = reader_ask(call, request), whole = true;
		for (size_t i = 0; good && i < request->admin->track.item_count; i++) {
			const struct store_track_item *item = &request->admin->track.items[i];
			whole = count < wish->limit;
			if (!whole)
				break;
			good = put_item(call, kind, item->name, wish, &count);
			*after = item->id;
			looked++;
		}
		*done = whole && !request->more;
		store_request_free(request);
		if (!good)
			return false;
	}
	return true;
}

void
reader_track_list(struct reader_call *call)
{
	enum track_kind kind;
	struct wish wish = {.state = query_get(&call->query, "state"), .limit = LIMIT_PAGE_DEFAULT};
	struct error error = ERROR_NONE;
	int64_t after = 0;
	bool done;
	if (!read_kind(call, &kind) || !reader_number(call, "limit", 1, LIMIT_PAGE, &wish.limit) ||
	    !reader_number(call, "after", 0, INT64_MAX, &after))
		return;
	if (query_bool(&call->query, "stuck", &wish.stuck, &error) != OK) {
		reader_problem(call, 422, "validation", "%s", error.text);
		return;
	}
	struct json_writer *writer = reader_write(call, 200);
	json_key(writer, "data");
	json_open(writer, '[');
	if (!put_items(call, kind, &wish, &after, &done))
		return;
	json_close(writer);
	json_put_integer(writer, "iterator", after);
	json_put_bool(writer, "done", done);
}
