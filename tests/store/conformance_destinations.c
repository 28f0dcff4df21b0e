/* What store.h promises of an event that is journalled for several destinations: one commit for all of them, how each
 * stands, what was given up, and how that is sent again. */
#include "conformance.h"

#include <stdlib.h>

static struct store_request *
ask_journal(struct subject *subject, const char *event, int body, const struct endpoint_id *to, size_t count)
{
	struct store_request *request = ask(subject, STORE_JOURNAL);
	struct endpoint_id *forwards = arena_alloc(&request->arena, (count + 1) * sizeof *forwards);
	memcpy(forwards, to, count * sizeof *to);
	request->journal = (struct store_journal){
	    .source = SLICE("custodian"),
	    .event_id = slice_of(event),
	    .type = SLICE("a"),
	    .message = test_message("a", body),
	    .forwards = forwards,
	    .forward_count = count,
	};
	memset(request->journal.body_sha256, body, SHA256_BYTES);
	request->journal.message->webhook_id = arena_copy(&request->journal.message->arena, slice_of(event));
	return request;
}

static struct message_id
journal(struct subject *subject, const char *event, int body, const struct endpoint_id *to, size_t count)
{
	struct store_request *request = ask_journal(subject, event, body, to, count);
	assert_int_equal(run(subject, request), OK);
	struct message_id id = request->journal.message->id;
	store_request_free(request);
	return id;
}

static struct store_request *
totals(struct subject *subject, const char *endpoint)
{
	struct store_request *request = ask(subject, STORE_ENDPOINT_TOTALS);
	request->ref = SLICE("receiver");
	request->endpoint_ref = slice_of(endpoint);
	assert_int_equal(run(subject, request), OK);
	return request;
}

static void
expect_totals(struct subject *subject, const char *endpoint, int64_t accepted, int64_t pending, int64_t exhausted)
{
	struct store_request *request = totals(subject, endpoint);
	assert_int_equal(request->admin->totals.accepted, accepted);
	assert_int_equal(request->admin->totals.pending, pending);
	assert_int_equal(request->admin->totals.exhausted, exhausted);
	assert_int_equal(request->admin->totals.oldest.us != 0, pending > 0);
	store_request_free(request);
}

static void
one_commit_for_all_destinations(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "receiver");
	struct endpoint_id to[3] = {make_endpoint(subject, "receiver", "one"),
	    make_endpoint(subject, "receiver", "two"), make_endpoint(subject, "receiver", "three")};
	set_endpoint_state(subject, "receiver", "three", ENDPOINT_DISABLED);
	struct store_request *request = ask_journal(subject, "first", 1, to, 3);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(subject->notes.count, 1);
	const struct store_note *note = CONTAINER_OF(subject->notes.first, struct store_note, mail);
	assert_int_equal(note->target_count, 2);
	assert_int_equal(note->targets[0].endpoint.value, to[0].value);
	assert_int_equal(note->targets[1].endpoint.value, to[1].value);
	assert_int_equal(note->message->channels.count, 1);
	assert_true(slice_is(note->message->channels.items[0], "custodian"));
	store_request_free(request);
	/* Neither a repeat nor another body under the id goes anywhere. */
	journal(subject, "first", 1, to, 3);
	assert_int_equal(subject->notes.count, 0);
	journal(subject, "first", 2, to, 3);
	assert_int_equal(subject->notes.count, 0);
	expect_totals(subject, "one", 1, 1, 0);
	expect_totals(subject, "two", 1, 1, 0);
	expect_totals(subject, "three", 0, 0, 0);
	if (subject->vfs != NULL)
		subject_reopen(subject);
	expect_totals(subject, "two", 1, 1, 0);
	request = ask(subject, STORE_JOURNAL_LIST);
	request->page.limit = 10;
	request->with_bodies = true;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 2);
	for (size_t i = 0; i < request->count; i++)
		assert_false(request->journal_rows[i].damaged);
	store_request_free(request);
}

static void
dead_letters_are_listed_and_sent_again(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "receiver");
	struct endpoint_id one = make_endpoint(subject, "receiver", "one");
	struct message_id good = journal(subject, "good", 1, &one, 1), bad = journal(subject, "bad", 2, &one, 1);
	struct message_id worse = journal(subject, "worse", 3, &one, 1);
	record_attempt(subject, bad, one, DELIVERY_PENDING, 503);
	record_attempt(subject, bad, one, DELIVERY_EXHAUSTED, 500);
	record_attempt(subject, worse, one, DELIVERY_EXHAUSTED, 400);
	record_attempt(subject, good, one, DELIVERY_DELIVERED, 200);
	expect_totals(subject, "one", 3, 0, 2);
	struct store_request *request = totals(subject, "one");
	assert_int_equal(request->admin->attempt.message.value, worse.value);
	assert_int_equal(request->admin->attempt.status_code, 400);
	store_request_free(request);

	request = ask(subject, STORE_DEAD_LETTERS);
	request->ref = SLICE("receiver");
	request->endpoint_ref = SLICE("one");
	request->page.limit = 1;
	assert_int_equal(run(subject, request), OK);
	assert_true(request->count == 1 && request->more);
	assert_int_equal(request->deliveries[0].message->id.value, bad.value);
	assert_int_equal(request->deliveries[0].attempts, 2);
	assert_int_equal(request->attempts[0].status_code, 500);
	assert_true(slice_is(request->deliveries[0].message->webhook_id, "bad"));
	store_request_free(request);

	request = ask(subject, STORE_TASK_CREATE);
	request->ref = SLICE("receiver");
	request->endpoint_ref = SLICE("one");
	request->admin->task =
	    (struct task){.kind = TASK_RECOVER, .journalled = true, .status = -1, .status_code_class = -1};
	expect(subject, request, OK, STORE_DETAIL_NONE);
	if (subject->vfs != NULL)
		subject_reopen(subject);
	request = ask(subject, STORE_TASK_STEP);
	assert_int_equal(run(subject, request), OK);
	assert_true(request->existed && !request->more);
	assert_int_equal(request->admin->task.done, 2);
	assert_int_equal(subject->notes.count, 2);
	store_request_free(request);
	expect_totals(subject, "one", 3, 2, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(one_commit_for_all_destinations),
	    BOTH(dead_letters_are_listed_and_sent_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
