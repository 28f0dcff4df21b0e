#include "app/stuck.h"

#include "base/map.h"
#include "reconcile/track.h"

#include <stdio.h>
#include <stdlib.h>

enum { PAGE_ROWS = 250, PAGES_PER_RUN = 200, CHECK_MIN_MS = 200, CHECK_MAX_MS = 60000 };

/* A resource that has not ended, as far as its latest event says. */
struct open {
	char *key;		 /* "tx/ID"; NULL: the slot is free */
	struct wall_time heard;	 /* when its latest event occurred */
	struct wall_time judged; /* `heard` when it was last folded; 0: never */
	bool raised;
};

struct stuck {
	struct stuck_options options;
	char *database;
	struct store *store;
	int64_t after; /* the journal's row that was read last */
	struct open *items;
	size_t count, capacity, used;
	struct map by_key;
	bool full;
	/* For reading bodies. */
	struct texts texts;
	struct states states;
	struct record_context context;
	struct journal_body body;
};

/* --- the table ---------------------------------------------------------------------------------------- */

struct pair {
	int64_t a, b;
};

static struct pair
pair_of(struct slice key)
{
	unsigned char digest[SHA256_BYTES];
	struct pair pair;
	sha256(key, digest);
	memcpy(&pair, digest, sizeof pair);
	return pair;
}

static void
forget(struct stuck *stuck, struct open *item)
{
	struct pair pair = pair_of(slice_of(item->key));
	map_remove(&stuck->by_key, pair.a, pair.b);
	free(item->key);
	*item = (struct open){.key = NULL};
	stuck->used--;
}

/* A free slot; NULL: there are too many. */
static struct open *
free_slot(struct stuck *stuck)
{
	if (stuck->used == STUCK_OPEN_MAX)
		return NULL;
	if (stuck->used == stuck->capacity) {
		stuck->capacity = stuck->capacity == 0 ? 256 : stuck->capacity * 2;
		stuck->items = mem_resize(stuck->items, stuck->capacity, sizeof stuck->items[0]);
	}
	if (stuck->count < stuck->capacity)
		return &stuck->items[stuck->count++];
	for (size_t i = 0; i < stuck->count; i++)
		if (stuck->items[i].key == NULL)
			return &stuck->items[i];
	UNREACHABLE();
}

static void
hear(struct stuck *stuck, struct slice key, struct wall_time at, bool ended)
{
	struct pair pair = pair_of(key);
	uint32_t found = map_get(&stuck->by_key, pair.a, pair.b);
	struct open *item = found == MAP_ABSENT ? NULL : &stuck->items[found];
	if (item != NULL) {
		/* One of which an alert tells is folded before it is let go. */
		if (at.us >= item->heard.us && ended && !item->raised)
			forget(stuck, item);
		else if (at.us > item->heard.us)
			item->heard = at;
		return;
	}
	if (ended)
		return;
	item = free_slot(stuck);
	if (item == NULL) {
		if (!stuck->full)
			log_write(stuck->options.log, LOG_WARN,
			    "too many transactions and cases are without an end: not all are watched", NULL);
		stuck->full = true;
		return;
	}
	*item = (struct open){.key = mem_string(key), .heard = at};
	map_put(&stuck->by_key, pair.a, pair.b, (uint32_t)(item - stuck->items));
	stuck->used++;
}

/* --- reading ------------------------------------------------------------------------------------------ */

static bool
is_last(const struct catalogue_state *state)
{
	return state != NULL && (state->final || state->exit || slice_is(state->name, "completed"));
}

static void
hear_transaction(struct stuck *stuck, struct wall_time at)
{
	const struct catalogue_type *type = stuck->body.type;
	enum direction direction = DIRECTION_UNKNOWN;
	if (!direction_parse(stuck->body.draft.values[MEMBER_DIRECTION], &direction))
		direction = DIRECTION_UNKNOWN;
	state_word word = type == NULL ? states_find(&stuck->states, stuck->body.draft.values[MEMBER_STATUS])
				       : states_find(&stuck->states, type->transaction_state);
	hear(stuck, arena_printf(&stuck->context.arena, "tx/%.*s", SLICE_ARG(stuck->body.key)), at,
	    is_last(states_of(&stuck->states, word, direction)));
}

static void
hear_resource(struct stuck *stuck, struct json resource, struct wall_time at)
{
	struct json kind_json = json_member(resource, "type"), id = json_member(resource, "id");
	enum track_kind kind;
	if (!json_present(kind_json) || kind_json.type != JSON_STRING || !json_present(id) || id.type != JSON_STRING)
		return;
	if (!track_kind_parse(json_text(&stuck->context.arena, kind_json), &kind) || kind == TRACK_TRANSACTION)
		return;
	const struct catalogue_type *type = stuck->body.type;
	const struct catalogue_lifecycle *lifecycle = type == NULL ? NULL : catalogue_lifecycle_find(type->lifecycle);
	bool ended = lifecycle != NULL && slice_present(type->state) &&
		     (is_last(catalogue_state_find(lifecycle, type->state)) || slice_is(type->state, "active"));
	if (lifecycle != NULL)
		hear(stuck,
		    arena_printf(&stuck->context.arena, "%s/%.*s", track_kind_name(kind),
			SLICE_ARG(json_text(&stuck->context.arena, id))),
		    at, ended);
}

static void
read_row(struct stuck *stuck, const struct store_journal_row *row)
{
	struct json document;
	if (row->damaged || !journal_counts(row->verdict) ||
	    !journal_body_read(&stuck->context, row->body, row->type, &stuck->body))
		return;
	struct wall_time at = time_known(stuck->body.occurred) ? stuck->body.occurred : row->received;
	if (slice_present(stuck->body.key) && stuck->body.key.len > 0)
		hear_transaction(stuck, at);
	if (json_parse(row->body, LIMIT_JSON_DEPTH, &document, NULL) == OK && document.type == JSON_OBJECT) {
		struct json resource = json_member(document, "resource");
		if (json_present(resource) && resource.type == JSON_OBJECT)
			hear_resource(stuck, resource, at);
	}
}

/* The next rows, a page. False: there are no more, or they cannot be read. */
static bool
read_page(struct stuck *stuck)
{
	struct store_request *request = store_request_new(STORE_JOURNAL_LIST, clock_wall());
	request->page = (struct store_page){.limit = PAGE_ROWS, .after = stuck->after};
	request->with_bodies = true;
	struct error error = ERROR_NONE;
	bool good = store_ask(stuck->store, request, &error) == OK;
	if (!good)
		log_write(stuck->options.log, LOG_ERROR, "the journal cannot be read", "error", error.text, NULL);
	for (size_t i = 0; good && i < request->count; i++) {
		stuck->after = request->journal_rows[i].seq;
		read_row(stuck, &request->journal_rows[i]);
		arena_reset(&stuck->context.arena);
	}
	bool more = good && request->more && request->count > 0;
	store_request_free(request);
	return more;
}

/* --- folding what is late ----------------------------------------------------------------------------- */

static void
tell(struct stuck *stuck, struct background *background, struct store_request *request)
{
	struct error error = ERROR_NONE;
	if (background_ask(background, request, &error) != OK)
		log_write(stuck->options.log, LOG_ERROR, "an alert is not recorded", "error", error.text, NULL);
	store_request_free(request);
}

static void
judge(struct stuck *stuck, struct background *background, struct open *item, struct track *track, struct wall_time now)
{
	char since[TIME_TEXT_BYTES];
	track_run(track, now, stuck->options.stuck_after_us);
	item->judged = item->heard;
	if (track->stuck) {
		tell(stuck, background,
		    alert_raise(ALERT_STUCK, ALERT_WARNING, now, slice_of(item->key), "%.*s since %s",
			SLICE_ARG(track->state), time_format(track->since, 0, since)));
		item->raised = true;
		return;
	}
	if (item->raised)
		tell(stuck, background, alert_resolve(ALERT_STUCK, now, slice_of(item->key)));
	item->raised = false;
	/* It ended, or says no state; one that goes on but is young yet is heard of again. */
	if (now.us - item->heard.us > stuck->options.stuck_after_us)
		forget(stuck, item);
}

static bool
is_due(const struct stuck *stuck, const struct open *item, struct wall_time now)
{
	bool late = now.us - item->heard.us > stuck->options.stuck_after_us;
	return item->key != NULL && item->judged.us != item->heard.us && (late || item->raised);
}

/* False: not now, because the journal cannot be read or its index is being made. */
static bool
check_item(struct stuck *stuck, struct background *background, struct open *item, struct wall_time now)
{
	struct slice id = slice_of(item->key), name = slice_cut(&id, '/');
	enum track_kind kind;
	struct track track;
	struct error error = ERROR_NONE;
	ENSURE(track_kind_parse(name, &kind));
	if (id.len == 0)
		return true;
	track_init(&track, kind, id);
	enum error_code code = track_read(&track, stuck->store, LIMIT_TRACK_TAIL, NULL, NULL, &error);
	if (code == OK)
		judge(stuck, background, item, &track, now);
	else if (code != ERR_UNAVAILABLE)
		log_write(stuck->options.log, LOG_ERROR, "the journal cannot be read", "error", error.text, NULL);
	track_fini(&track);
	return code == OK;
}

/* True: there is more to be folded. */
static bool
check_late(struct stuck *stuck, struct background *background)
{
	struct wall_time now = clock_wall();
	size_t checked = 0;
	for (size_t i = 0; i < stuck->count; i++) {
		if (background_stopping(background) || checked == STUCK_CHECKED)
			return true;
		if (!is_due(stuck, &stuck->items[i], now))
			continue;
		if (!check_item(stuck, background, &stuck->items[i], now))
			return false;
		checked++;
	}
	return false;
}

/* --- the job ------------------------------------------------------------------------------------------ */

static bool
open_store(struct stuck *stuck)
{
	const struct store_sqlite_options options = {
	    .common = {.log = stuck->options.log}, .path = stuck->database, .read_only = true};
	struct error error = ERROR_NONE;
	if (stuck->store == NULL && store_sqlite_open(&options, &stuck->store, &error) != OK)
		log_write(stuck->options.log, LOG_ERROR, "the journal cannot be opened to look for what is stuck",
		    "error", error.text, NULL);
	return stuck->store != NULL;
}

static int64_t
run(void *context, struct background *background)
{
	struct stuck *stuck = context;
	int64_t pause_ms = stuck->options.stuck_after_us / 2000;
	pause_ms = pause_ms < CHECK_MIN_MS ? CHECK_MIN_MS : pause_ms > CHECK_MAX_MS ? CHECK_MAX_MS : pause_ms;
	if (!open_store(stuck))
		return CHECK_MAX_MS;
	bool more = true;
	for (int page = 0; more && page < PAGES_PER_RUN && !background_stopping(background); page++)
		more = read_page(stuck);
	if (more)
		return 0; /* the others have their turn in between */
	return check_late(stuck, background) ? 0 : pause_ms;
}

/* --- life --------------------------------------------------------------------------------------------- */

struct stuck *
stuck_new(const struct stuck_options *options, struct background *background)
{
	struct stuck *stuck = mem_zero(1, sizeof *stuck);
	stuck->options = *options;
	stuck->database = mem_string(slice_of(options->database));
	map_init(&stuck->by_key);
	texts_init(&stuck->texts);
	states_init(&stuck->states);
	stuck->context = (struct record_context){.texts = &stuck->texts, .states = &stuck->states};
	record_draft_init(&stuck->body.draft);
	(void)background_add(background, &(struct background_job){.name = "stuck", .run = run, .context = stuck});
	return stuck;
}

void
stuck_free(struct stuck *stuck)
{
	if (stuck == NULL)
		return;
	for (size_t i = 0; i < stuck->count; i++)
		free(stuck->items[i].key);
	free(stuck->items);
	map_fini(&stuck->by_key);
	record_draft_fini(&stuck->body.draft);
	arena_free(&stuck->context.arena);
	texts_fini(&stuck->texts);
	store_close(stuck->store);
	free(stuck->database);
	free(stuck);
}
