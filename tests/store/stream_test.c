/* Streams of numbers: whatever order numbers come in, what is missing is exactly what has not come. */
#include "base/random.h"
#include "journal_fixture.h"
#include "harness.h"

#include "store/stream.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum { NUMBERS = 200 };

static const struct wall_time now = {INT64_C(1760000000000000)};

/* Each of them is in a gap, or has come; nothing else is missing. */
static void
expect_missing(const struct stream *stream, const bool came[static NUMBERS + 1])
{
	int64_t lowest = 0, highest = 0, missing = 0;
	for (int64_t i = 1; i <= NUMBERS; i++) {
		lowest = lowest == 0 && came[i] ? i : lowest;
		highest = came[i] ? i : highest;
	}
	for (int64_t i = lowest; i <= highest && i > 0; i++)
		missing += !came[i];
	assert_int_equal(stream->first, lowest);
	assert_int_equal(stream->highest, highest);
	assert_int_equal(stream_missing(stream, true), missing);
	for (size_t g = 0; g < stream->gap_count; g++)
		for (int64_t i = stream->gaps[g].first; i <= stream->gaps[g].last; i++)
			assert_false(came[i]);
}

static void
every_order_comes_to_the_same(void **state UNUSED)
{
	struct random random;
	random_seed(&random, 7);
	for (int round = 0; round < 300; round++) {
		struct stream *stream = mem_zero(1, sizeof *stream);
		bool came[NUMBERS + 1] = {false};
		int count = 1 + (int)random_below(&random, NUMBERS);
		for (int i = 0; i < count; i++) {
			int64_t number = 1 + (int64_t)random_below(&random, NUMBERS);
			if (came[number])
				continue; /* a repeat is a duplicate, and takes no number */
			came[number] = true;
			stream_take(stream, number, true, now);
			expect_missing(stream, came);
		}
		struct buf text;
		struct error error;
		buf_init(&text, 1 << 17);
		stream_encode(stream, &text);
		struct stream *read = mem_zero(1, sizeof *read);
		assert_int_equal(stream_decode(buf_slice(&text), read, &error), OK);
		assert_int_equal(read->gap_count, stream->gap_count);
		expect_missing(read, came);
		buf_free(&text);
		free(read);
		free(stream);
	}
}

static void
a_heartbeat_tells_of_the_end(void **state UNUSED)
{
	struct stream *stream = mem_zero(1, sizeof *stream);
	stream_hear(stream, 10, 30, true, now);
	assert_int_equal(stream_missing(stream, true), 0); /* before this receiver's time */
	stream_take(stream, 11, true, now);
	stream_hear(stream, 13, 30, true, now);
	assert_int_equal(stream_missing(stream, false), 2);
	stream_hear(stream, 12, 30, true, now); /* one that was overtaken */
	assert_int_equal(stream->highest, 13);
	stream_settle(stream, 12, 12);
	assert_int_equal(stream->lost, 1);
	stream_take(stream, 13, true, now);
	assert_int_equal(stream_missing(stream, true), 0);
	free(stream);
}

static void
a_hint_is_taken_back_and_what_is_proved_is_not(void **state UNUSED)
{
	struct stream *stream = mem_zero(1, sizeof *stream);
	stream_take(stream, 1, true, now);
	stream_take(stream, 5, true, now);
	stream_take(stream, 1000000, false, now);
	assert_int_equal(stream_missing(stream, false), 3);
	stream_bound(stream, 7);
	assert_int_equal(stream_missing(stream, true), 3 + 2);
	assert_int_equal(stream->highest, 7);
	stream_bound(stream, 3);
	assert_int_equal(stream_missing(stream, true), 3);
	stream_take(stream, 2000000, true, now);
	stream_bound(stream, 3);
	assert_int_equal(stream->highest, 2000000);
	free(stream);
}

static void
a_sender_that_begins_anew_is_followed(void **state UNUSED)
{
	struct stream *stream = mem_zero(1, sizeof *stream);
	for (int64_t i = 1; i <= 50; i++)
		stream_take(stream, i, true, now);
	for (int64_t i = 1; i <= 10; i++)
		stream_take(stream, i, true, now);
	stream_take(stream, 12, true, now);
	assert_int_equal(stream_missing(stream, true), 1);
	free(stream);
}

static void
runs_are_bounded(void **state UNUSED)
{
	struct stream *stream = mem_zero(1, sizeof *stream);
	for (int64_t i = 1; i <= 4 * STREAM_GAPS_MAX; i++)
		stream_take(stream, 2 * i, true, now);
	assert_true(stream->gap_count <= STREAM_GAPS_MAX);
	assert_true(stream_missing(stream, true) >= 4 * STREAM_GAPS_MAX - 1);
	for (int64_t i = 2; i < 8 * STREAM_GAPS_MAX; i++)
		stream_take(stream, i, true, now);
	assert_int_equal(stream_missing(stream, true), 0);
	free(stream);
}

/* --- in a store -------------------------------------------------------------------------------------- */

struct event {
	int event, body;
	int64_t number;
	bool trusted, looked_up;
};

static void
journal_numbered(struct subject *subject, const struct event *event)
{
	struct store_request *request = journal_request(subject->now, event->event, event->body);
	request->journal.stream = SLICE("custodian");
	request->journal.number = event->number;
	request->journal.number_trusted = event->trusted;
	request->journal.looked_up = event->looked_up;
	assert_int_equal(run(subject, request), OK);
	store_request_free(request);
}

static int64_t
missing_in(struct subject *subject)
{
	struct store_request *list = ask(subject, STORE_STREAM_LIST);
	assert_int_equal(run(subject, list), OK);
	int64_t missing = 0;
	for (size_t i = 0; i < list->count; i++)
		missing += stream_missing(list->admin->streams[i], true);
	store_request_free(list);
	return missing;
}

/* The commit that journals an event keeps its number; a repeat with another one says nothing, unless it is proved. */
static void
the_journal_keeps_the_numbers(void **state)
{
	struct subject *subject = *state;
	static const struct event events[] = {
	    {1, 1, 1, false, false}, {2, 2, 4, false, false}, {2, 2, 900, false, false}, {3, 9, 7, true, false}};
	for (size_t i = 0; i < COUNT_OF(events); i++)
		journal_numbered(subject, &events[i]);
	assert_int_equal(missing_in(subject), 2 + 2);
	if (subject->vfs != NULL)
		subject_reopen(subject);
	assert_int_equal(missing_in(subject), 2 + 2);
	journal_numbered(subject, &(struct event){4, 4, 2, true, true});
	journal_numbered(subject, &(struct event){1, 1, 3, true, true});   /* it is there, and was asked for */
	journal_numbered(subject, &(struct event){3, 10, 6, true, false}); /* a conflict counts for nothing */
	assert_int_equal(missing_in(subject), 2);
	struct store_request *edit = ask(subject, STORE_STREAM_EDIT);
	edit->admin->stream_edit =
	    (struct store_stream_edit){.key = SLICE("custodian"), .first = 5, .last = 6, .newest = -1};
	assert_int_equal(run(subject, edit), OK);
	assert_true(edit->existed);
	store_request_free(edit);
	assert_int_equal(missing_in(subject), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_order_comes_to_the_same),
	    cmocka_unit_test(a_heartbeat_tells_of_the_end),
	    cmocka_unit_test(a_hint_is_taken_back_and_what_is_proved_is_not),
	    cmocka_unit_test(a_sender_that_begins_anew_is_followed),
	    cmocka_unit_test(runs_are_bounded),
	    BOTH(the_journal_keeps_the_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
