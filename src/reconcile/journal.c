/* Reading the journal, row by row. */
#include "reconcile/journal.h"

#include "reconcile/journal_pages.h"

#include <stdlib.h>

enum { STREAMS_MAX = 1024 };

struct journal_reader {
	struct record_context *context;
	struct journal *journal;
	/* Transactions by the text that names them, in open addressing: index + 1, 0 free. */
	uint32_t *slots;
	size_t slot_count;
	struct text *names; /* by transaction */
	struct journal_event *events;
	size_t event_count, event_capacity;
	struct journal_stream *streams;
	size_t stream_count;
	struct journal_body body;
	struct text source, organisation; /* of the row before */
};

void
journal_init(struct journal *journal)
{
	*journal = (struct journal){0};
	records_init(&journal->records);
}

void
journal_fini(struct journal *journal)
{
	records_fini(&journal->records);
	free(journal->gaps);
	free(journal->conflicts);
	free(journal->refused);
	journal_init(journal);
}

static struct journal_stream *
stream_of(struct journal_reader *reading, struct text source, struct text organisation, bool by_header)
{
	for (size_t i = reading->stream_count; i > 0; i--) {
		struct journal_stream *stream = &reading->streams[i - 1];
		if (text_equal(stream->source, source) && text_equal(stream->organisation, organisation) &&
		    stream->by_header == by_header)
			return stream;
	}
	if (reading->stream_count == STREAMS_MAX)
		return NULL;
	if (reading->streams == NULL)
		reading->streams = mem_zero(STREAMS_MAX, sizeof reading->streams[0]);
	struct journal_stream *stream = &reading->streams[reading->stream_count++];
	*stream = (struct journal_stream){
	    .source = source, .organisation = organisation, .by_header = by_header, .newest = {.number = -1}};
	return stream;
}

static void
add_number(struct journal_stream *stream, struct journal_number number)
{
	if (stream->count == stream->capacity) {
		stream->capacity = stream->capacity == 0 ? 64 : stream->capacity * 2;
		stream->numbers = mem_resize(stream->numbers, stream->capacity, sizeof stream->numbers[0]);
	}
	stream->numbers[stream->count++] = number;
}

static void
note_number(struct journal_reader *reading, struct text source, struct wall_time occurred)
{
	const struct journal_body *body = &reading->body;
	if (body->stream_seq < 0 && body->newest < 0)
		return;
	texts_put_again(reading->context->texts, body->organisation, &reading->organisation);
	struct journal_stream *stream = stream_of(reading, source, reading->organisation, false);
	if (stream == NULL)
		return;
	if (body->newest > stream->newest.number)
		stream->newest = (struct journal_number){body->newest, -1, occurred};
	if (body->stream_seq >= 0)
		add_number(stream, (struct journal_number){body->stream_seq, -1, occurred});
}

/* Every delivery of an endpoint takes the next number of its header. They are looked at where an envelope has none of
 * its own; what the service itself sends never has one. */
static void
note_header(struct journal_reader *reading, const struct store_journal_row *row, struct text source,
    struct wall_time occurred, bool readable)
{
	int64_t number = -1, newest = readable ? reading->body.newest_header : -1;
	bool numbered = slice_to_int64(row->headers.sequence, &number) && number >= 1;
	if (!numbered && newest < 0)
		return;
	struct journal_stream *stream = stream_of(reading, source, TEXT_NONE, true);
	if (stream == NULL)
		return;
	if (newest > stream->newest.number)
		stream->newest = (struct journal_number){newest, -1, occurred};
	if (!numbered)
		return;
	int64_t envelope = readable ? reading->body.stream_seq : -1;
	stream->alone |= envelope < 0 && !slice_starts(row->type, SLICE("webhook."));
	add_number(stream, (struct journal_number){number, envelope, occurred});
}

static void
note_conflict(struct journal_reader *reading, const struct store_journal_row *row, struct text source)
{
	struct journal *journal = reading->journal;
	struct text id = texts_put(reading->context->texts, row->event_id);
	for (size_t i = 0; i < journal->conflict_count; i++) {
		struct journal_conflict *known = &journal->conflicts[i];
		if (text_equal(known->event_id, id) && text_equal(known->source, source)) {
			known->bodies++;
			return;
		}
	}
	if (journal->conflict_count == journal->conflict_capacity) {
		journal->conflict_capacity = journal->conflict_capacity == 0 ? 16 : journal->conflict_capacity * 2;
		journal->conflicts =
		    mem_resize(journal->conflicts, journal->conflict_capacity, sizeof journal->conflicts[0]);
	}
	journal->conflicts[journal->conflict_count++] = (struct journal_conflict){
	    .source = source,
	    .event_id = id,
	    .transaction = texts_put(reading->context->texts, reading->body.key),
	    .seq = row->seq,
	    .bodies = 2,
	    .occurred = time_known(reading->body.occurred) ? reading->body.occurred : row->received,
	};
}

static uint32_t *
find_slot(const struct journal_reader *reading, struct text name)
{
	size_t mask = reading->slot_count - 1;
	size_t at = (size_t)(name.at * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;
	while (reading->slots[at] != 0 && !text_equal(reading->names[reading->slots[at] - 1], name))
		at = (at + 1) & mask;
	return &reading->slots[at];
}

static void
grow_slots(struct journal_reader *reading)
{
	reading->slot_count = reading->slot_count == 0 ? 256 : reading->slot_count * 2;
	free(reading->slots);
	reading->slots = mem_zero(reading->slot_count, sizeof reading->slots[0]);
	reading->names = mem_resize(reading->names, reading->slot_count, sizeof reading->names[0]);
	for (uint32_t i = 0; i < reading->journal->records.count; i++)
		*find_slot(reading, reading->names[i]) = i + 1;
}

static uint32_t
transaction_of(struct journal_reader *reading, const struct record *values, int64_t seq)
{
	struct records *records = &reading->journal->records;
	bool by_id = slice_equal(reading->body.key, reading->body.draft.values[MEMBER_ID]);
	struct text name = by_id ? values->members[MEMBER_ID] : texts_put(reading->context->texts, reading->body.key);
	if (records->count >= reading->slot_count / 4 * 3)
		grow_slots(reading);
	uint32_t *slot = find_slot(reading, name);
	if (*slot == 0) {
		reading->names[records->count] = name;
		*slot = (uint32_t)records->count + 1;
		records_add(records)->line = (uint32_t)seq;
	}
	return *slot - 1;
}

/* A member that is not what the catalogue says is unknown; the event counts for the rest. */
static void
add_event(
    struct journal_reader *reading, const struct store_journal_row *row, struct text source, struct wall_time occurred)
{
	struct record_draft *draft = &reading->body.draft;
	struct record values;
	if (record_make(reading->context, draft, &values, NULL) != OK) {
		record_draft_drop_unfit(reading->context, draft);
		/* What is left is fit; only that there is no room for it is an error, which the reader's end tells. */
		if (record_make(reading->context, draft, &values, NULL) != OK)
			return;
	}
	values.occurred = occurred;
	if (reading->event_count == reading->event_capacity) {
		reading->event_capacity = reading->event_capacity == 0 ? 256 : reading->event_capacity * 2;
		reading->events = mem_resize(reading->events, reading->event_capacity, sizeof reading->events[0]);
	}
	reading->events[reading->event_count++] = (struct journal_event){
	    .values = values,
	    .type = reading->body.type,
	    .stream_seq = reading->body.stream_seq,
	    .source = source,
	    .transaction = transaction_of(reading, &values, row->seq),
	    .own = reading->body.own,
	    .sign_only = reading->body.sign_only,
	};
	struct journal_event *event = &reading->events[reading->event_count - 1];
	if (event->sign_only)
		reading->journal->records.items[event->transaction].sign_only = true;
}

static void
read_row(struct journal_reader *reading, const struct store_journal_row *row)
{
	struct journal_body *body = &reading->body;
	texts_put_again(reading->context->texts, row->source, &reading->source);
	struct text source = reading->source;
	bool readable = journal_body_read(reading->context, row->body, row->type, body);
	reading->journal->event_count++;
	if (row->verdict == JOURNAL_CONFLICT) {
		note_conflict(reading, row, source);
	} else {
		/* Without a time of its own, what a source sends is as old as its arrival. */
		bool timed = readable && time_known(body->occurred);
		struct wall_time occurred = timed ? body->occurred : row->received;
		note_header(reading, row, source, occurred, readable);
		if (readable)
			note_number(reading, source, occurred);
		if (readable && body->key.len > 0)
			add_event(reading, row, source, occurred);
	}
	arena_reset(&reading->context->arena);
}

struct journal_reader *
journal_reader_new(struct record_context *context, struct journal *journal)
{
	struct journal_reader *reading = mem_zero(1, sizeof *reading);
	reading->context = context;
	reading->journal = journal;
	record_draft_init(&reading->body.draft);
	return reading;
}

void
journal_reader_take(struct journal_reader *reader, const struct store_journal_row *row)
{
	read_row(reader, row);
}

enum error_code
journal_reader_end(struct journal_reader *reader, struct error *error)
{
	struct journal *journal = reader->journal;
	bool full = reader->context->texts->full;
	free(reader->slots);
	free(reader->names);
	if (!full)
		journal_fold(reader->context->states, reader->events, reader->event_count, &journal->records);
	for (size_t i = 0; i < reader->stream_count; i++) {
		if (!full)
			journal_find_gaps(journal, &reader->streams[i]);
		free(reader->streams[i].numbers);
	}
	free(reader->streams);
	free(reader->events);
	record_draft_fini(&reader->body.draft);
	free(reader);
	return full ? error_set(error, ERR_LIMIT, "expected at most 4 GiB of different values in all sources together")
		    : OK;
}

enum error_code
journal_read(struct record_context *context, struct store *store, struct journal *journal, struct error *error)
{
	struct journal_reader *reading = journal_reader_new(context, journal);
	struct journal_pages *pages = journal_pages_start(store);
	const struct store_journal_row *rows;
	size_t count;
	enum error_code code = journal_pages_next(pages, &rows, &count, error);
	/* What is too much is told by journal_reader_end. */
	while (code == OK && count > 0 && !context->texts->full) {
		for (size_t i = 0; i < count; i++)
			read_row(reading, &rows[i]);
		code = journal_pages_next(pages, &rows, &count, error);
	}
	journal_pages_end(pages);
	enum error_code ended = journal_reader_end(reading, code == OK ? error : NULL);
	code = code == OK ? ended : code;
	return code == OK ? journal_read_refused(context, store, journal, error) : code;
}
