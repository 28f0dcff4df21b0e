/* The tail: its parts in memory, what is saved of it, and how it settles. What it is for stands in tail.h. */
#include "store/sqlite/tail.h"

#include "store/sqlite/private.h"

#include <stdlib.h>

enum {
	ROWS_MAX = 8192,     /* where the options say nothing else */
	STEPS = 4,	     /* a part settles in so many steps */
	BYTES_MAX = 8 << 20, /* what was answered, of the attempts of a part */
	SAVED_BYTES_MAX = 512 << 20,
};

/* --- parts ------------------------------------------------------------------------------------------- */

static void
part_clear(struct tail_part *part)
{
	part->count = part->attempt_count = 0;
	part->last = 0;
	map_fini(&part->index);
	map_init(&part->index);
	arena_free(&part->arena);
}

static void
part_free(struct tail_part *part)
{
	part_clear(part);
	map_fini(&part->index);
	free(part->deliveries);
	free(part->attempts);
	*part = (struct tail_part){0};
}

static struct tail_delivery *
part_find(const struct tail_part *part, int64_t message, int64_t endpoint)
{
	if (part->count == 0)
		return NULL;
	uint32_t at = map_get(&part->index, message, endpoint);
	return at == MAP_ABSENT ? NULL : &part->deliveries[at];
}

static void
part_put(struct tail_part *part, const struct tail_delivery *delivery)
{
	struct tail_delivery *known = part_find(part, delivery->message, delivery->endpoint);
	if (known != NULL) {
		*known = *delivery;
		return;
	}
	if (part->count == part->capacity) {
		part->capacity = part->capacity == 0 ? 256 : 2 * part->capacity;
		part->deliveries = mem_resize(part->deliveries, part->capacity, sizeof part->deliveries[0]);
	}
	map_put(&part->index, delivery->message, delivery->endpoint, (uint32_t)part->count);
	part->deliveries[part->count++] = *delivery;
}

static void
part_add_attempt(struct tail_part *part, const struct attempt *attempt)
{
	if (part->attempt_count == part->attempt_capacity) {
		part->attempt_capacity = part->attempt_capacity == 0 ? 256 : 2 * part->attempt_capacity;
		part->attempts = mem_resize(part->attempts, part->attempt_capacity, sizeof part->attempts[0]);
	}
	struct attempt *kept = &part->attempts[part->attempt_count++];
	*kept = *attempt;
	kept->response = arena_copy(&part->arena, attempt->response);
	kept->url = kept->event_type = SLICE_NONE;
}

static void
settling_clear(struct tail *tail)
{
	part_clear(&tail->settling);
	free(tail->order);
	free(tail->attempt_order);
	tail->order = tail->attempt_order = NULL;
	tail->settled = tail->attempts_settled = 0;
}

static bool
is_settling(const struct tail *tail)
{
	return tail->order != NULL;
}

void
tail_free(struct tail *tail)
{
	settling_clear(tail);
	part_free(&tail->settling);
	part_free(&tail->fresh);
	buf_free(&tail->unsaved);
}

/* --- records ----------------------------------------------------------------------------------------- */

/* In the table `tail`: numbers little-endian, one record behind the other.
 *   'D' made state trigger attempts(4) message(8) endpoint(8) due(8) sequence(8)
 *   'A' succeeded trigger 0 number(4) status(4) duration(4) id(8) message(8) endpoint(8) length(4) response
 * A length of ABSENT: there is no response. */
enum { HEAD_BYTES = 4, DELIVERY_BYTES = 40, ATTEMPT_BYTES = 44 };
#define ABSENT UINT32_MAX

static void
write_number(unsigned char **at, uint64_t value, int bytes)
{
	for (int i = 0; i < bytes; i++)
		*(*at)++ = (unsigned char)(value >> (8 * i));
}

static uint64_t
read_number(const unsigned char **at, int bytes)
{
	uint64_t value = 0;
	for (int i = 0; i < bytes; i++)
		value |= (uint64_t) * (*at)++ << (8 * i);
	return value;
}

static unsigned char *
begin_record(struct tail *tail, char kind, int one, int two, int three, size_t bytes)
{
	unsigned char *at = (unsigned char *)buf_reserve(&tail->unsaved, bytes);
	ENSURE(at != NULL);
	tail->unsaved.len += bytes;
	*at++ = (unsigned char)kind;
	*at++ = (unsigned char)one;
	*at++ = (unsigned char)two;
	*at++ = (unsigned char)three;
	return at;
}

static void
save_delivery(struct tail *tail, const struct tail_delivery *delivery)
{
	unsigned char *at =
	    begin_record(tail, 'D', delivery->made, (int)delivery->state, (int)delivery->trigger, DELIVERY_BYTES);
	write_number(&at, (uint32_t)delivery->attempts, 4);
	write_number(&at, (uint64_t)delivery->message, 8);
	write_number(&at, (uint64_t)delivery->endpoint, 8);
	write_number(&at, (uint64_t)delivery->due, 8);
	write_number(&at, (uint64_t)delivery->sequence, 8);
}

static void
save_attempt(struct tail *tail, const struct attempt *attempt)
{
	bool answered = slice_present(attempt->response);
	unsigned char *at = begin_record(tail, 'A', attempt->succeeded, (int)attempt->trigger, 0, ATTEMPT_BYTES);
	write_number(&at, (uint32_t)attempt->number, 4);
	write_number(&at, (uint32_t)attempt->status_code, 4);
	write_number(&at, (uint32_t)attempt->duration_ms, 4);
	write_number(&at, (uint64_t)attempt->id.value, 8);
	write_number(&at, (uint64_t)attempt->message.value, 8);
	write_number(&at, (uint64_t)attempt->endpoint.value, 8);
	write_number(&at, answered ? attempt->response.len : ABSENT, 4);
	if (answered)
		buf_append(&tail->unsaved, attempt->response);
}

/* What a record of the part takes up; 0: it has not its form. */
static size_t
load_record(struct tail_part *part, const unsigned char *record, size_t left)
{
	const unsigned char *at = record + HEAD_BYTES;
	if (left >= DELIVERY_BYTES && record[0] == 'D' && record[2] < DELIVERY_STATE_COUNT &&
	    record[3] <= TRIGGER_MANUAL) {
		struct tail_delivery delivery = {.made = record[1] != 0,
		    .state = (enum delivery_state)record[2],
		    .trigger = (enum attempt_trigger)record[3]};
		delivery.attempts = (int32_t)read_number(&at, 4);
		delivery.message = (int64_t)read_number(&at, 8);
		delivery.endpoint = (int64_t)read_number(&at, 8);
		delivery.due = (int64_t)read_number(&at, 8);
		delivery.sequence = (int64_t)read_number(&at, 8);
		part_put(part, &delivery);
		return DELIVERY_BYTES;
	}
	if (left < ATTEMPT_BYTES || record[0] != 'A' || record[2] > TRIGGER_MANUAL)
		return 0;
	struct attempt attempt = {.succeeded = record[1] != 0, .trigger = (enum attempt_trigger)record[2]};
	attempt.number = (int32_t)read_number(&at, 4);
	attempt.status_code = (int32_t)read_number(&at, 4);
	attempt.duration_ms = (int32_t)read_number(&at, 4);
	attempt.id.value = (int64_t)read_number(&at, 8);
	attempt.message.value = (int64_t)read_number(&at, 8);
	attempt.endpoint.value = (int64_t)read_number(&at, 8);
	uint64_t length = read_number(&at, 4);
	size_t bytes = length == ABSENT ? 0 : (size_t)length;
	if (bytes > left - ATTEMPT_BYTES)
		return 0;
	if (length != ABSENT)
		attempt.response = (struct slice){(const char *)at, bytes};
	part_add_attempt(part, &attempt);
	return ATTEMPT_BYTES + bytes;
}

static void
load_rows(struct sqlite_store *store, int64_t after)
{
	struct tail *tail = &store->tail;
	sqlite3_stmt *row = sql_bind(store, SQL_TAIL_LIST, "i", after);
	while (sql_step(store, row)) {
		tail->last = tail->fresh.last = sqlite3_column_int64(row, 0);
		tail->saved = tail->last > tail->saved ? tail->last : tail->saved;
		tail->first = tail->first == 0 ? tail->last : tail->first;
		struct slice doc = sql_slice(row, 1);
		for (size_t at = 0, bytes = 1; at < doc.len; at += bytes) {
			bytes = doc.len - at < HEAD_BYTES
				    ? 0
				    : load_record(&tail->fresh, (const unsigned char *)doc.ptr + at, doc.len - at);
			if (bytes == 0) {
				store->failed = SQLITE_CORRUPT;
				break;
			}
		}
	}
	sql_end(row);
	/* Ids and numbers go on behind these. */
	for (size_t i = 0; i < tail->fresh.count; i++) {
		const struct tail_delivery *delivery = &tail->fresh.deliveries[i];
		struct directory_endpoint *entry =
		    directory_endpoint_by_id(&store->directory, (struct endpoint_id){delivery->endpoint});
		if (entry != NULL)
			directory_numbered(&store->directory, entry, delivery->sequence);
	}
	if (tail->fresh.attempt_count > 0) {
		int64_t last = tail->fresh.attempts[tail->fresh.attempt_count - 1].id.value;
		store->ids.last = last > store->ids.last ? last : store->ids.last;
	}
}

void
tail_load(struct sqlite_store *store)
{
	struct tail *tail = &store->tail;
	size_t rows_max = tail->rows_max;
	int64_t saved = tail->saved;
	tail_free(tail);
	*tail = (struct tail){.rows_max = rows_max == 0 ? ROWS_MAX : rows_max, .saved = saved};
	map_init(&tail->fresh.index);
	map_init(&tail->settling.index);
	buf_init(&tail->unsaved, SAVED_BYTES_MAX);
	load_rows(store, 0);
}

void
tail_refresh(struct sqlite_store *store)
{
	struct tail *tail = &store->tail;
	sqlite3_stmt *row = sql_get(store, SQL_TAIL_ENDS);
	int64_t first = 0, last = 0;
	if (sql_step(store, row)) {
		first = sqlite3_column_int64(row, 0);
		last = sqlite3_column_int64(row, 1);
	}
	sql_end(row);
	if (first == tail->first && last >= tail->last && tail->last > 0)
		load_rows(store, tail->last);
	else if (first != tail->first || last != tail->last)
		tail_load(store);
}

/* --- settling ---------------------------------------------------------------------------------------- */

static int
by_message(const void *left, const void *right, void *context)
{
	const struct tail_delivery *rows = context;
	const struct tail_delivery *a = &rows[*(const uint32_t *)left], *b = &rows[*(const uint32_t *)right];
	int order = (a->message > b->message) - (a->message < b->message);
	return order != 0 ? order : (a->endpoint > b->endpoint) - (a->endpoint < b->endpoint);
}

static int
attempts_by_message(const void *left, const void *right, void *context)
{
	const struct attempt *rows = context;
	const struct attempt *a = &rows[*(const uint32_t *)left], *b = &rows[*(const uint32_t *)right];
	int order = (a->message.value > b->message.value) - (a->message.value < b->message.value);
	return order != 0 ? order : (a->id.value > b->id.value) - (a->id.value < b->id.value);
}

static int
attempts_by_endpoint(const void *left, const void *right, void *context)
{
	const struct attempt *rows = context;
	const struct attempt *a = &rows[*(const uint32_t *)left], *b = &rows[*(const uint32_t *)right];
	int order = (a->endpoint.value > b->endpoint.value) - (a->endpoint.value < b->endpoint.value);
	return order != 0 ? order : (a->id.value > b->id.value) - (a->id.value < b->id.value);
}

static uint32_t *
make_order(size_t count)
{
	uint32_t *order = mem_alloc((count + 1) * sizeof *order);
	for (size_t i = 0; i < count; i++)
		order[i] = (uint32_t)i;
	return order;
}

/* What has come becomes what is settled. Attempts of new messages lie together in their table in any order, so they are
 * written by endpoint, as their index is; of old ones, by message. */
static void
begin_settling(struct tail *tail)
{
	struct tail_part emptied = tail->settling;
	tail->settling = tail->fresh;
	tail->fresh = emptied;
	struct tail_part *part = &tail->settling;
	size_t made = 0;
	for (size_t i = 0; i < part->count; i++)
		made += part->deliveries[i].made;
	tail->order = make_order(part->count);
	tail->attempt_order = make_order(part->attempt_count);
	qsort_r(tail->order, part->count, sizeof *tail->order, by_message, part->deliveries);
	qsort_r(tail->attempt_order, part->attempt_count, sizeof *tail->attempt_order,
	    2 * made > part->count ? attempts_by_endpoint : attempts_by_message, part->attempts);
}

static void
save_sequences(struct sqlite_store *store)
{
	for (size_t i = 0; i < store->directory.numbered_count; i++) {
		struct directory_endpoint *entry = store->directory.numbered[i];
		entry->sequence_changed = false;
		sql_run(store, SQL_ENDPOINT_SEQUENCE, "ii", entry->endpoint.id.value, entry->sequence);
	}
	store->directory.numbered_count = 0;
}

static void
write_delivery(struct sqlite_store *store, const struct tail_delivery *delivery)
{
	/* A later state of it is in `fresh`, and is written with that. */
	if (part_find(&store->tail.fresh, delivery->message, delivery->endpoint) == NULL)
		sql_run(store, SQL_DELIVERY_WRITE, "iiiiiii", delivery->message, delivery->endpoint,
		    (int64_t)delivery->state, (int64_t)delivery->attempts, delivery->due, delivery->sequence,
		    (int64_t)delivery->trigger);
}

static void
write_attempt(struct sqlite_store *store, const struct attempt *attempt)
{
	sql_run(store, SQL_ATTEMPT_WRITE, "iiiiiiiib", attempt->id.value, attempt->message.value,
	    attempt->endpoint.value, (int64_t)attempt->number, (int64_t)attempt->status_code,
	    (int64_t)attempt->duration_ms, (int64_t)attempt->trigger, (int64_t)attempt->succeeded, attempt->response);
}

/* Writes so many rows of what settles; at its end it leaves the tail. */
static void
settle_rows(struct sqlite_store *store, size_t rows)
{
	struct tail *tail = &store->tail;
	struct tail_part *part = &tail->settling;
	for (; rows > 0 && tail->settled < part->count; rows--)
		write_delivery(store, &part->deliveries[tail->order[tail->settled++]]);
	for (; rows > 0 && tail->attempts_settled < part->attempt_count; rows--)
		write_attempt(store, &part->attempts[tail->attempt_order[tail->attempts_settled++]]);
	if (tail->settled < part->count || tail->attempts_settled < part->attempt_count)
		return;
	save_sequences(store);
	if (part->last > 0) {
		sql_run(store, SQL_TAIL_DROP, "i", part->last);
		tail->first = tail->last > part->last ? part->last + 1 : 0;
		tail->last = tail->first == 0 ? 0 : tail->last;
	}
	settling_clear(tail);
}

static bool
is_full(const struct tail *tail)
{
	return tail->fresh.count >= tail->rows_max || tail->fresh.attempt_count >= tail->rows_max ||
	       tail->fresh.arena.used >= BYTES_MAX;
}

static size_t
step_rows(const struct tail *tail)
{
	return 1 + (tail->settling.count + tail->settling.attempt_count) / STEPS;
}

/* A command beside the server may have told of something: its rows are taken over, so that they do not leave the table
 * `tail` unsettled. */
static void
take_over(struct sqlite_store *store)
{
	struct tail *tail = &store->tail;
	sqlite3_stmt *row = sql_get(store, SQL_TAIL_ENDS);
	bool foreign = sql_step(store, row) && sqlite3_column_int64(row, 1) != tail->last;
	sql_end(row);
	if (foreign)
		load_rows(store, tail->last);
}

void
tail_save(struct sqlite_store *store)
{
	struct tail *tail = &store->tail;
	if (tail->unsaved.len > 0) {
		take_over(store);
		tail->fresh.last = ++tail->saved;
		tail->last = tail->saved;
		tail->first = tail->first == 0 ? tail->last : tail->first;
		sql_run(store, SQL_TAIL_PUT, "ib", tail->last, buf_slice(&tail->unsaved));
		buf_clear(&tail->unsaved);
	}
	if (!is_settling(tail) && is_full(tail)) {
		begin_settling(tail);
		tail->credit = 0;
	}
	/* Twice as fast as it comes; at once where it comes faster than that. */
	while (is_settling(tail) && (tail->credit >= step_rows(tail) || is_full(tail))) {
		tail->credit -= tail->credit < step_rows(tail) ? tail->credit : step_rows(tail);
		settle_rows(store, step_rows(tail));
	}
}

bool
tail_step(struct sqlite_store *store)
{
	struct tail *tail = &store->tail;
	if (store->read_only || !is_settling(tail))
		return false;
	sql_run(store, SQL_BEGIN, "");
	settle_rows(store, step_rows(tail));
	sql_run(store, SQL_COMMIT, "");
	if (store->failed == SQLITE_OK)
		return is_settling(tail);
	if (!sqlite3_get_autocommit(store->db))
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	store->failed = SQLITE_OK;
	if (!store->store.dead)
		tail_load(store);
	store->failed = SQLITE_OK;
	return false; /* not at once again: a disk that is full would be asked for ever */
}

void
tail_settle(struct sqlite_store *store)
{
	struct tail *tail = &store->tail;
	ENSURE(!store->read_only);
	take_over(store);
	if (is_settling(tail))
		settle_rows(store, SIZE_MAX);
	if (tail->fresh.count == 0 && tail->fresh.attempt_count == 0)
		return;
	/* What this batch has made of it goes to the tables with the rest. */
	buf_clear(&tail->unsaved);
	begin_settling(tail);
	settle_rows(store, SIZE_MAX);
}

/* --- deliveries and attempts --------------------------------------------------------------------------- */

const struct tail_delivery *
tail_find(const struct tail *tail, int64_t message, int64_t endpoint)
{
	const struct tail_delivery *found = part_find(&tail->fresh, message, endpoint);
	return found != NULL ? found : part_find(&tail->settling, message, endpoint);
}

bool
tail_get(struct sqlite_store *store, int64_t message, int64_t endpoint, struct tail_delivery *out)
{
	const struct tail_delivery *found = tail_find(&store->tail, message, endpoint);
	if (found != NULL) {
		*out = *found;
		return true;
	}
	sqlite3_stmt *row = sql_bind(store, SQL_DELIVERY_GET, "ii", message, endpoint);
	bool there = sql_step(store, row);
	if (there)
		*out = (struct tail_delivery){
		    .message = message,
		    .endpoint = endpoint,
		    .state = (enum delivery_state)sqlite3_column_int(row, 0),
		    .attempts = sqlite3_column_int(row, 1),
		    .due = sqlite3_column_int64(row, 2),
		    .sequence = sqlite3_column_int64(row, 3),
		    .trigger = (enum attempt_trigger)sqlite3_column_int(row, 4),
		};
	sql_end(row);
	return there;
}

void
tail_put(struct sqlite_store *store, const struct tail_delivery *delivery)
{
	part_put(&store->tail.fresh, delivery);
	save_delivery(&store->tail, delivery);
	store->tail.credit += 2;
}

void
tail_attempted(struct sqlite_store *store, const struct attempt *attempt)
{
	part_add_attempt(&store->tail.fresh, attempt);
	save_attempt(&store->tail, attempt);
	store->tail.credit += 2;
}
