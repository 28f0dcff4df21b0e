/* What store.h promises of the index of the journal by resource, by both stores alike. */
#include "harness.h"
#include "journal_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

enum { KIND_ONE = 0, KIND_OTHER = 3 };

/* Puts the entries; returns where the index ends afterwards. */
static int64_t
put(struct subject *subject, int64_t from, int64_t through, const struct store_track_entry *entries, size_t count)
{
	struct store_request *request = ask(subject, STORE_TRACK_PUT);
	request->admin->track =
	    (struct store_track){.entries = entries, .entry_count = count, .from = from, .through = through};
	assert_int_equal(run(subject, request), OK);
	int64_t end = request->admin->track.through;
	store_request_free(request);
	return end;
}

/* The rows that the index knows of the name, page after page, as text. */
static const char *
rows(struct subject *subject, int kind, struct slice name, size_t limit)
{
	static char text[256];
	size_t used = 0;
	int64_t after = 0;
	text[0] = '\0';
	for (bool more = true; more;) {
		struct store_request *request = ask(subject, STORE_TRACK_GET);
		request->admin->track.kind = kind;
		request->admin->track.name = name;
		request->page = (struct store_page){.limit = limit, .after = after};
		assert_int_equal(run(subject, request), OK);
		assert_true(request->count <= limit);
		for (size_t i = 0; i < request->count; i++) {
			const struct store_journal_row *row = &request->journal_rows[i];
			assert_true(row->body.len > 0 && !row->damaged && row->event_id.len > 0);
			after = row->seq;
			used += (size_t)snprintf(text + used, sizeof text - used, "%lld ", (long long)after);
		}
		if (request->more)
			used += (size_t)snprintf(text + used, sizeof text - used, "| ");
		more = request->more;
		store_request_free(request);
	}
	return text;
}

static const char *
items(struct subject *subject, int kind, bool descending, int64_t after, size_t limit)
{
	static char text[256];
	struct store_request *request = ask(subject, STORE_TRACK_LIST);
	request->admin->track.kind = kind;
	request->page = (struct store_page){.limit = limit, .after = after, .descending = descending};
	assert_int_equal(run(subject, request), OK);
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < request->admin->track.item_count; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%lld:%.*s ",
		    (long long)request->admin->track.items[i].id, SLICE_ARG(request->admin->track.items[i].name));
	if (request->more)
		snprintf(text + used, sizeof text - used, "more");
	store_request_free(request);
	return text;
}

static void
rows_are_found_by_what_they_speak_of(void **state)
{
	struct subject *subject = *state;
	journal_fill(subject->store, 6);
	const struct store_track_entry first[] = {
	    {KIND_ONE, {"a", 1}, 1}, {KIND_OTHER, {"a", 1}, 1}, {KIND_ONE, {"b", 1}, 2}, {KIND_ONE, {"a", 1}, 3}};
	const struct store_track_entry second[] = {
	    {KIND_ONE, {"a", 1}, 4}, {KIND_OTHER, {"c", 1}, 5}, {KIND_ONE, {"a", 1}, 4}};
	assert_string_equal(rows(subject, KIND_ONE, SLICE("a"), 10), "");
	assert_int_equal(put(subject, 0, 3, first, COUNT_OF(first)), 3);
	assert_int_equal(put(subject, 3, 6, second, COUNT_OF(second)), 6);
	assert_string_equal(rows(subject, KIND_ONE, SLICE("a"), 10), "1 3 4 ");
	assert_string_equal(rows(subject, KIND_ONE, SLICE("a"), 1), "1 | 3 | 4 ");
	assert_string_equal(rows(subject, KIND_OTHER, SLICE("a"), 10), "1 ");
	assert_string_equal(rows(subject, KIND_ONE, SLICE("c"), 10), "");
	assert_string_equal(items(subject, KIND_ONE, false, 0, 10), "1:a 3:b ");
	assert_string_equal(items(subject, KIND_ONE, false, 0, 1), "1:a more");
	assert_string_equal(items(subject, KIND_ONE, false, 1, 1), "3:b ");
	assert_string_equal(items(subject, KIND_ONE, true, 0, 1), "3:b more");
	assert_string_equal(items(subject, KIND_OTHER, true, 0, 10), "4:c 2:a ");
	assert_string_equal(items(subject, 1, false, 0, 10), "");
}

static void
a_repeat_does_no_harm(void **state)
{
	struct subject *subject = *state;
	journal_fill(subject->store, 4);
	const struct store_track_entry entries[] = {{KIND_ONE, {"a", 1}, 1}, {KIND_ONE, {"a", 1}, 2}};
	assert_int_equal(put(subject, -1, -1, NULL, 0), 0);
	assert_int_equal(put(subject, 0, 2, entries, 2), 2);
	assert_int_equal(put(subject, 0, 2, entries, 2), 2);
	const struct store_track_entry ahead[] = {{KIND_ONE, {"a", 1}, 4}};
	assert_int_equal(put(subject, 3, 4, ahead, 1), 2); /* row 3 was not looked at */
	assert_int_equal(put(subject, -1, -1, NULL, 0), 2);
	assert_string_equal(rows(subject, KIND_ONE, SLICE("a"), 10), "1 2 ");
}

static void
long_names_are_cut(void **state)
{
	struct subject *subject = *state;
	char name[LIMIT_TRACK_NAME_BYTES + 2];
	memset(name, 'x', sizeof name);
	journal_fill(subject->store, 3);
	const struct store_track_entry entries[] = {{KIND_ONE, {name, LIMIT_TRACK_NAME_BYTES}, 1},
	    {KIND_ONE, {name, LIMIT_TRACK_NAME_BYTES + 1}, 2}, {KIND_ONE, {name, LIMIT_TRACK_NAME_BYTES - 1}, 3}};
	assert_int_equal(put(subject, 0, 3, entries, 3), 3);
	assert_string_equal(rows(subject, KIND_ONE, (struct slice){name, LIMIT_TRACK_NAME_BYTES + 2}, 10), "1 2 ");
	assert_string_equal(rows(subject, KIND_ONE, (struct slice){name, LIMIT_TRACK_NAME_BYTES - 1}, 10), "3 ");
}

static void
a_row_that_is_gone_is_not_there(void **state)
{
	struct subject *subject = *state;
	journal_fill(subject->store, 1);
	const struct store_track_entry entries[] = {{KIND_ONE, {"a", 1}, 1}, {KIND_ONE, {"a", 1}, 2}};
	assert_int_equal(put(subject, 0, 2, entries, 2), 2);
	assert_string_equal(rows(subject, KIND_ONE, SLICE("a"), 10), "1 ");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(rows_are_found_by_what_they_speak_of),
	    BOTH(a_repeat_does_no_harm),
	    BOTH(long_names_are_cut),
	    BOTH(a_row_that_is_gone_is_not_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
