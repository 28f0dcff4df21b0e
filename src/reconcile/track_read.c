/* A resource's rows from the store: by the index, and behind its end. */
#include "reconcile/track.h"

#include "base/limits.h"

enum { PAGE_ROWS = 250 };

struct reading {
	struct track *track;
	struct store *store;
	track_filter *wants;
	void *context;
};

static void
hand_over(const struct reading *reading, const struct store_request *request)
{
	for (size_t i = 0; i < request->count; i++) {
		const struct store_journal_row *row = &request->journal_rows[i];
		if (reading->wants == NULL || reading->wants(reading->context, row))
			track_take(reading->track, row);
	}
}

/* Moves `after` behind the page; `*more` says whether another one follows. */
static enum error_code
ask(const struct reading *reading, struct store_request *request, int64_t *after, bool *more, struct error *error)
{
	enum error_code code = store_ask(reading->store, request, error);
	if (code != OK)
		return code;
	hand_over(reading, request);
	if (request->count > 0)
		*after = request->journal_rows[request->count - 1].seq;
	*more = request->more && request->count > 0;
	return OK;
}

/* Fills where the index ended before its first page was read: what it came to know meanwhile is read twice, and counts
 * once. */
static enum error_code
read_index(const struct reading *reading, int64_t *through, struct error *error)
{
	int64_t after = 0;
	enum error_code code = OK;
	for (bool first = true, more = true; code == OK && more; first = false) {
		struct store_request *request = store_request_new(STORE_TRACK_GET, WALL_NONE);
		request->page = (struct store_page){.limit = PAGE_ROWS, .after = after};
		request->admin->track.kind = (int)reading->track->kind;
		request->admin->track.name = reading->track->id;
		code = ask(reading, request, &after, &more, error);
		if (first)
			*through = request->admin->track.through;
		store_request_free(request);
	}
	return code;
}

enum error_code
track_read(
    struct track *track, struct store *store, size_t tail_max, track_filter *wants, void *context, struct error *error)
{
	const struct reading reading = {track, store, wants, context};
	int64_t after = 0;
	size_t tail = 0;
	enum error_code code = read_index(&reading, &after, error);
	for (bool more = true; code == OK && more;) {
		struct store_request *request = store_request_new(STORE_JOURNAL_LIST, WALL_NONE);
		request->page = (struct store_page){.limit = PAGE_ROWS, .after = after};
		request->with_bodies = true;
		code = ask(&reading, request, &after, &more, error);
		tail += request->count;
		store_request_free(request);
		if (code == OK && more && tail_max != 0 && tail >= tail_max)
			code = error_set(error, ERR_UNAVAILABLE,
			    "the index of the journal is being made: more than %zu rows are not in it yet", tail_max);
	}
	return code;
}
