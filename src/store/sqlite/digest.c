/* The tree of digests (store/digest.h), kept in tables and built behind what happens: in idle moments, and when somebody
 * asks. Accepting and journalling know nothing of it.
 *
 * A stream is an endpoint's deliveries, or a source's journalled events; it is kept from the first time that somebody asks
 * for its digests. Building goes in bounded steps, each of which commits what it did:
 *   1. what is new in the feed or in the journal marks its minutes as dirty; of the journal, whose rows do not lie in the
 *      order of their events' times, each gets an entry (stream, time, seq);
 *   2. a dirty minute that is over is made anew from its events, and with it its hour and day. A long minute takes several
 *      steps: how far it has come is kept in memory, and begun again after a restart.
 *
 * Two processes may build at once: cursors are read within the transaction that moves them. */
#include "model/versions.h"
#include "store/digest.h"
#include "store/sqlite/private.h"

#include <stdio.h>

enum {
	STEP_ROWS = 4096,
	STEPS_FOR_READER = 16, /* in one request; who asks comes again until all is built */
	PASS_EVERY_US = 20000000,
	EVENTS_MAX = 1 << 20, /* in one answer */
};

struct source {
	int64_t stream, cursor;
	struct slice name;			/* of the receiver's source; absent: an endpoint */
	const struct directory_endpoint *entry; /* of the endpoint */
};

/* --- streams ----------------------------------------------------------------------------------------- */

void
digest_load(struct sqlite_store *store)
{
	store->digest = (struct digest_state){0};
	sqlite3_stmt *row = sql_get(store, SQL_DIGEST_STREAMS);
	store->digest.kept = sql_step(store, row);
	sql_end(row);
}

static struct slice
key_of(struct arena *arena, const struct source *source)
{
	if (source->entry == NULL)
		return arena_printf(arena, "in/%.*s", SLICE_ARG(source->name));
	return arena_printf(arena, "endpoint/%lld", (long long)source->entry->endpoint.id.value);
}

static void
find_stream(struct sqlite_store *store, struct source *source, struct arena *arena)
{
	struct slice key = key_of(arena, source);
	sqlite3_stmt *row = sql_bind(store, SQL_DIGEST_STREAM, "t", key);
	if (!sql_step(store, row)) {
		sql_run(store, SQL_DIGEST_STREAM_PUT, "t", key);
		store->digest.kept = true;
		row = sql_bind(store, SQL_DIGEST_STREAM, "t", key);
		if (!sql_step(store, row))
			return;
	}
	source->stream = sqlite3_column_int64(row, 0);
	source->cursor = sqlite3_column_int64(row, 1);
	sql_end(row);
}

/* --- what is new ------------------------------------------------------------------------------------- */

static void
mark_dirty(struct sqlite_store *store, const struct source *source, int64_t at, int64_t *last)
{
	int64_t minute = digest_start(DIGEST_MINUTE, at);
	if (minute != *last)
		sql_run(store, SQL_DIGEST_DIRTY_PUT, "ii", source->stream, minute);
	*last = minute;
	if (store->digest.node.start == minute && store->digest.stream == source->stream)
		store->digest.building = false; /* it is not what it was when it was begun */
}

/* True when there was less than a step holds. */
static bool
take_journal(struct sqlite_store *store, const struct source *source)
{
	int64_t cursor = source->cursor, minute = -1;
	size_t count = 0;
	sqlite3_stmt *row = sql_bind(store, SQL_DIGEST_JOURNAL, "ii", cursor, (int64_t)STEP_ROWS);
	for (; sql_step(store, row); count++) {
		int64_t at;
		cursor = sqlite3_column_int64(row, 0);
		if (!slice_equal(sql_slice(row, 1), source->name) ||
		    !journal_counts((enum journal_verdict)sqlite3_column_int(row, 3)) ||
		    !id_parse(ID_MESSAGE, sql_slice(row, 2), &at))
			continue;
		sql_run(store, SQL_DIGEST_ENTRY_PUT, "iii", source->stream, at, cursor);
		mark_dirty(store, source, at, &minute);
	}
	sql_run(store, SQL_DIGEST_CURSOR, "ii", source->stream, cursor);
	return count < STEP_ROWS;
}

static bool
take_feed(struct sqlite_store *store, const struct source *source)
{
	int64_t cursor = source->cursor, minute = -1;
	size_t count = 0;
	feed_catch_up(store);
	sqlite3_stmt *row =
	    sql_bind(store, SQL_DIGEST_FEED, "iii", source->entry->endpoint.id.value, cursor, (int64_t)STEP_ROWS);
	for (; sql_step(store, row); count++) {
		cursor = sqlite3_column_int64(row, 0);
		mark_dirty(store, source, sqlite3_column_int64(row, 1), &minute);
	}
	sql_run(store, SQL_DIGEST_CURSOR, "ii", source->stream, cursor);
	return count < STEP_ROWS && cursor >= source->entry->sequence;
}

/* --- the events of a stretch of time ------------------------------------------------------------------ */

static int64_t
id_at(int64_t second)
{
	return id_floor((struct wall_time){second * 1000000});
}

typedef void take_event(void *context, const struct digest_event *event);

/* Events after `at` and before `below`, at most `limit`; returns how many there were. */
static size_t
walk_received(struct sqlite_store *store, const struct source *source, int64_t at, int64_t below, size_t limit,
    take_event *take, void *context)
{
	size_t count = 0;
	sqlite3_stmt *row = sql_bind(store, SQL_DIGEST_RECEIVED, "iiii", source->stream, at, below, (int64_t)limit);
	for (; sql_step(store, row); count++) {
		struct digest_event event = {.at = sqlite3_column_int64(row, 0), .id = sql_slice(row, 1)};
		struct slice sha = sql_slice(row, 2);
		if (sha.len == SHA256_BYTES)
			memcpy(event.sha256, sha.ptr, SHA256_BYTES);
		event.type = sql_slice(row, 3);
		take(context, &event);
	}
	return count;
}

static size_t
walk_sent(struct sqlite_store *store, const struct source *source, int64_t at, int64_t below, size_t limit,
    take_event *take, void *context)
{
	size_t count = 0;
	struct endpoint endpoint = source->entry->endpoint;
	endpoint_facts(store, &endpoint);
	sqlite3_stmt *row = sql_bind(store, SQL_DIGEST_SENT, "iiii", endpoint.id.value, at, below, (int64_t)limit);
	for (; sql_step(store, row); count++) {
		char id[ID_TEXT_BYTES];
		struct message *message = message_from_row(row, 1);
		struct digest_event event = {.at = message->id.value, .type = message->event_type};
		event.id = slice_of(id_format(ID_MESSAGE, message->id.value, id));
		struct slice left = versions_digest(sql_slice(row, 0), endpoint.version);
		if (slice_present(message->payload))
			store_body_digest(&store->options, &endpoint, message, event.sha256);
		else if (left.len == SHA256_BYTES)
			memcpy(event.sha256, left.ptr, SHA256_BYTES);
		take(context, &event);
		message_unref(message);
	}
	return count;
}

static size_t
walk(struct sqlite_store *store, const struct source *source, int64_t at, int64_t below, size_t limit, take_event *take,
    void *context)
{
	return (source->entry == NULL ? walk_received : walk_sent)(store, source, at, below, limit, take, context);
}

/* --- nodes ------------------------------------------------------------------------------------------- */

static void
put_node(
    struct sqlite_store *store, const struct source *source, enum digest_level level, const struct digest_node *node)
{
	sql_run(store, SQL_DIGEST_NODE_PUT, "iiiib", source->stream, (int64_t)level, node->start, node->count,
	    (struct slice){(const char *)node->hash, SHA256_BYTES});
}

static struct digest_node
node_from(sqlite3_stmt *row)
{
	struct digest_node node = {sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1), {0}};
	struct slice hash = sql_slice(row, 2);
	if (hash.len == SHA256_BYTES)
		memcpy(node.hash, hash.ptr, SHA256_BYTES);
	return node;
}

static void
join_above(struct sqlite_store *store, const struct source *source, enum digest_level level, int64_t second)
{
	struct digest_node parent;
	int64_t length = digest_seconds(level), start = second / length * length;
	digest_begin(&parent, start);
	sqlite3_stmt *row =
	    sql_bind(store, SQL_DIGEST_NODES, "iiii", source->stream, (int64_t)level + 1, start, start + length);
	while (sql_step(store, row)) {
		struct digest_node child = node_from(row);
		digest_join(&parent, &child);
	}
	put_node(store, source, level, &parent);
}

static void
add_to_node(void *context, const struct digest_event *event)
{
	struct digest_state *state = context;
	digest_add(&state->node, event->id, event->sha256);
	state->at = event->at;
}

/* A part of a minute, or several short ones of one hour. True: no minute that is over is dirty. */
static bool
build(struct sqlite_store *store, const struct source *source, int64_t through)
{
	struct digest_state *state = &store->digest;
	size_t room = STEP_ROWS;
	int64_t hour = -1;
	bool clean = false;
	while (room > 0) {
		int64_t minute = state->node.start;
		if (!state->building || state->stream != source->stream) {
			sqlite3_stmt *row = sql_bind(store, SQL_DIGEST_DIRTY, "ii", source->stream, through);
			clean = !sql_step(store, row);
			minute = clean ? 0 : sqlite3_column_int64(row, 0);
			sql_end(row);
			if (clean || (hour >= 0 && minute / 3600 != hour))
				break;
			digest_begin(&state->node, minute);
			state->stream = source->stream;
			state->at = id_at(minute) - 1;
			state->building = true;
		}
		hour = minute / 3600;
		size_t count = walk(store, source, state->at, id_at(minute + 60), room, add_to_node, state);
		bool whole = count < room;
		room -= count;
		if (!whole)
			break;
		room -= room > 0; /* an empty minute costs something, too */
		put_node(store, source, DIGEST_MINUTE, &state->node);
		sql_run(store, SQL_DIGEST_DIRTY_DROP, "ii", source->stream, minute);
		state->building = false;
	}
	if (hour >= 0 && !state->building) {
		join_above(store, source, DIGEST_HOUR, hour * 3600);
		join_above(store, source, DIGEST_DAY, hour * 3600);
	}
	return clean;
}

/* One step; true when all is built that is over. */
static bool
step(struct sqlite_store *store, struct source *source, int64_t through)
{
	bool taken = source->entry == NULL ? take_journal(store, source) : take_feed(store, source);
	return taken && build(store, source, through);
}

/* --- in idle moments ---------------------------------------------------------------------------------- */

static bool
source_from(struct sqlite_store *store, sqlite3_stmt *row, struct arena *arena, struct source *out)
{
	struct slice key = arena_copy(arena, sql_slice(row, 2));
	*out = (struct source){sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1), SLICE_NONE, NULL};
	int64_t id;
	if (slice_starts(key, SLICE("in/"))) {
		out->name = slice_skip(key, 3);
		return true;
	}
	if (!slice_starts(key, SLICE("endpoint/")) || !slice_to_int64(slice_skip(key, 9), &id))
		return false;
	out->entry = directory_endpoint_by_id(&store->directory, (struct endpoint_id){id});
	return out->entry != NULL && out->entry->endpoint.state != ENDPOINT_DELETED;
}

bool
digest_step(struct sqlite_store *store, struct wall_time now)
{
	struct digest_state *state = &store->digest;
	if (store->read_only || now.us < state->next.us)
		return false;
	if (!state->kept) {
		/* Another process may have asked for the first one. */
		digest_load(store);
		store->digest.next.us = now.us + PASS_EVERY_US;
		return state->kept;
	}
	struct arena arena = ARENA_EMPTY;
	struct source source;
	sql_run(store, SQL_BEGIN, "");
	sqlite3_stmt *row = sql_bind(store, SQL_DIGEST_STREAM_NEXT, "i", state->turn);
	bool found = sql_step(store, row);
	bool known = found && source_from(store, row, &arena, &source);
	state->turn = found ? sqlite3_column_int64(row, 0) : 0;
	sql_end(row);
	if (known && !step(store, &source, now.us / 60000000 * 60))
		state->turn--; /* more of this one */
	sql_run(store, SQL_COMMIT, "");
	arena_free(&arena);
	bool failed = store->failed != SQLITE_OK;
	if (failed && !sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	store->failed = SQLITE_OK;
	if (failed && !store->store.dead) {
		/* What settled with it has not, and the feed has come less far. */
		tail_load(store);
		feed_load(store);
		store->failed = SQLITE_OK;
	}
	if (failed)
		state->building = false;
	if (!found || failed)
		state->next.us = now.us + PASS_EVERY_US;
	return found && !failed;
}

/* --- answering --------------------------------------------------------------------------------------- */

struct answer {
	struct store_request *request;
	size_t capacity;
};

static void
add_event(void *context, const struct digest_event *event)
{
	struct answer *answer = context;
	struct store_digest *digest = &answer->request->admin->digest;
	struct arena *arena = &answer->request->arena;
	if (digest->level == DIGEST_EVENT) {
		struct digest_event *out = &digest->events[digest->count++];
		*out = *event;
		out->id = arena_copy(arena, event->id);
		out->type = arena_copy(arena, event->type);
		return;
	}
	int64_t start = digest_start(DIGEST_SECOND, event->at);
	if (digest->count == 0 || digest->nodes[digest->count - 1].start != start)
		digest_begin(&digest->nodes[digest->count++], start);
	digest_add(&digest->nodes[digest->count - 1], event->id, event->sha256);
}

static void
answer_from_events(struct sqlite_store *store, struct store_request *request, const struct source *source)
{
	struct store_digest *digest = &request->admin->digest;
	struct answer answer = {.request = request};
	bool events = digest->level == DIGEST_EVENT;
	size_t room = events ? STORE_DIGEST_EVENTS : (size_t)(digest->to - digest->from);
	if (events)
		digest->events = arena_alloc(&request->arena, room * sizeof digest->events[0]);
	else
		digest->nodes = arena_alloc(&request->arena, room * sizeof digest->nodes[0]);
	size_t count = walk(
	    store, source, id_at(digest->from) - 1, id_at(digest->to), events ? room : EVENTS_MAX, add_event, &answer);
	request->more = count == (events ? room : EVENTS_MAX);
}

static void
answer_from_nodes(struct sqlite_store *store, struct store_request *request, const struct source *source)
{
	struct store_digest *digest = &request->admin->digest;
	digest->nodes = arena_alloc(&request->arena, STORE_DIGEST_NODES * sizeof digest->nodes[0]);
	sqlite3_stmt *row =
	    sql_bind(store, SQL_DIGEST_NODES, "iiii", source->stream, (int64_t)digest->level, digest->from, digest->to);
	while (digest->count < STORE_DIGEST_NODES && sql_step(store, row)) {
		struct digest_node node = node_from(row);
		if (node.count > 0)
			digest->nodes[digest->count++] = node;
	}
	request->more = digest->count == STORE_DIGEST_NODES;
	sql_end(row);
}

void
op_digest(struct sqlite_store *store, struct store_request *request)
{
	struct store_digest *digest = &request->admin->digest;
	struct source source = {.name = digest->source};
	if (!slice_present(digest->source)) {
		struct directory_organisation *owner = need_organisation(store, request);
		source.entry = need_endpoint(store, owner, request);
		if (source.entry == NULL)
			return;
	}
	digest->through = request->now.us / 60000000 * 60;
	digest->to = digest->to > digest->through ? digest->through : digest->to;
	find_stream(store, &source, &request->arena);
	bool built = false;
	for (int i = 0; i < STEPS_FOR_READER && !built && store->failed == SQLITE_OK; i++) {
		built = step(store, &source, digest->through);
		find_stream(store, &source, &request->arena);
	}
	digest->building = !built;
	if (!built || digest->from >= digest->to)
		return;
	if (digest->level >= DIGEST_SECOND)
		answer_from_events(store, request, &source);
	else
		answer_from_nodes(store, request, &source);
}
