/* Where a transaction, an approval, a case or an endpoint stands. */
#include "server/reader_call.h"

#include "reconcile/track.h"

enum { TRACK_PAGE_ROWS = 250 };

static bool
read_journal(struct reader_call *call, struct track *track)
{
	int64_t after = 0;
	for (bool more = true; more;) {
		struct store_request *request = store_request_new(STORE_JOURNAL_LIST, call->now);
		request->page = (struct store_page){.limit = TRACK_PAGE_ROWS, .after = after};
		request->with_bodies = true;
		bool good = reader_ask(call, request);
		for (size_t i = 0; good && i < request->count; i++) {
			const struct store_journal_row *row = &request->journal_rows[i];
			after = row->seq;
			if (scope_has_source(&call->scope, row->source) && scope_has_type(&call->scope, row->type))
				track_take(track, row);
		}
		more = good && request->more && request->count > 0;
		store_request_free(request);
		if (!good)
			return false;
	}
	return true;
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

void
reader_track(struct reader_call *call)
{
	enum track_kind kind;
	if (!track_kind_parse(call->params[0], &kind)) {
		reader_problem(call, 404, "not_found",
		    "There is nothing at this path: expected track/tx, workflow, case or "
		    "endpoint, and an id.");
		return;
	}
	struct track track;
	track_init(&track, kind, call->params[1]);
	if (read_journal(call, &track)) {
		char time[TIME_TEXT_BYTES];
		track_run(&track, call->now, reader_options(call->reader)->stuck_after_us);
		struct json_writer *writer = reader_write(call, 200);
		json_put_string(writer, "id", track.id);
		json_put_string(writer, "state", track.state);
		json_put_cstring(writer, "since", time_known(track.since) ? time_format(track.since, 6, time) : NULL);
		json_put_bool(writer, "stuck", track.stuck);
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
