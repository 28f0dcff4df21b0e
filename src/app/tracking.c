#include "app/tracking.h"

#include "reconcile/track.h"

#include <stdlib.h>

enum { PAGE_ROWS = 250, PAGES_PER_RUN = 40, CHECK_MS = 500, AGAIN_MS = 10000 };

struct tracking {
	const struct log *log;
	char *database;
	struct store *store;
	int64_t through; /* where the index ends; -1: not known */
	struct track_names names;
};

/* What one row speaks of. */
static size_t
add_entries(struct tracking *tracking, const struct store_journal_row *row, struct arena *arena,
    struct store_track_entry *entries, size_t count)
{
	track_names_read(&tracking->names, row);
	for (int kind = 0; kind < TRACK_KIND_COUNT; kind++) {
		struct slice name = tracking->names.of[kind];
		if (name.len > 0)
			entries[count++] = (struct store_track_entry){kind, arena_copy(arena, name), row->seq};
	}
	return count;
}

/* Has the entries of these rows put; without rows asks where the index ends. */
static bool
put(struct tracking *tracking, struct background *background, const struct store_request *rows)
{
	struct error error = ERROR_NONE;
	struct store_request *request = store_request_new(STORE_TRACK_PUT, clock_wall());
	struct store_track_entry *entries =
	    arena_alloc(&request->arena, (size_t)PAGE_ROWS * TRACK_KIND_COUNT * sizeof entries[0]);
	size_t count = 0;
	for (size_t i = 0; rows != NULL && i < rows->count; i++)
		count = add_entries(tracking, &rows->journal_rows[i], &request->arena, entries, count);
	request->admin->track = (struct store_track){
	    .entries = entries,
	    .entry_count = count,
	    .from = tracking->through,
	    .through = rows == NULL ? -1 : rows->journal_rows[rows->count - 1].seq,
	};
	bool good = background_ask(background, request, &error) == OK;
	if (good)
		tracking->through = request->admin->track.through;
	else
		log_write(
		    tracking->log, LOG_ERROR, "the index of the journal cannot be written", "error", error.text, NULL);
	store_request_free(request);
	return good;
}

/* One page; `*more` says whether another one follows. */
static bool
step(struct tracking *tracking, struct background *background, bool *more)
{
	struct error error = ERROR_NONE;
	struct store_request *rows = store_request_new(STORE_JOURNAL_LIST, clock_wall());
	rows->page = (struct store_page){.limit = PAGE_ROWS, .after = tracking->through};
	rows->with_bodies = true;
	bool good = store_ask(tracking->store, rows, &error) == OK;
	if (!good)
		log_write(tracking->log, LOG_ERROR, "the journal cannot be read", "error", error.text, NULL);
	*more = good && rows->more;
	if (good && rows->count > 0)
		good = put(tracking, background, rows);
	store_request_free(rows);
	return good;
}

static bool
open_store(struct tracking *tracking)
{
	const struct store_sqlite_options options = {
	    .common = {.log = tracking->log}, .path = tracking->database, .read_only = true};
	struct error error = ERROR_NONE;
	if (tracking->store == NULL && store_sqlite_open(&options, &tracking->store, &error) != OK)
		log_write(
		    tracking->log, LOG_ERROR, "the journal cannot be opened to index it", "error", error.text, NULL);
	return tracking->store != NULL;
}

static int64_t
run(void *context, struct background *background)
{
	struct tracking *tracking = context;
	if (!open_store(tracking) || (tracking->through < 0 && !put(tracking, background, NULL)))
		return AGAIN_MS;
	bool more = true;
	for (int page = 0; more && page < PAGES_PER_RUN && !background_stopping(background); page++)
		if (!step(tracking, background, &more))
			return AGAIN_MS;
	return more ? 0 : CHECK_MS; /* the others have their turn in between */
}

struct tracking *
tracking_new(const char *database, const struct log *log, struct background *background)
{
	struct tracking *tracking = mem_zero(1, sizeof *tracking);
	*tracking = (struct tracking){.log = log, .database = mem_string(slice_of(database)), .through = -1};
	track_names_init(&tracking->names);
	(void)background_add(background, &(struct background_job){.name = "tracking", .run = run, .context = tracking});
	return tracking;
}

void
tracking_free(struct tracking *tracking)
{
	if (tracking == NULL)
		return;
	track_names_fini(&tracking->names);
	store_close(tracking->store);
	free(tracking->database);
	free(tracking);
}
