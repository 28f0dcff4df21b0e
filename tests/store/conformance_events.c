/* What store.h promises of events: accepted, journalled, recorded, refilled, sent again. */
#include "conformance.h"

#include <stdio.h>

static struct store_request *
refill(struct subject *subject, struct endpoint_id endpoint, struct store_due from, size_t limit)
{
	struct store_request *request = ask(subject, STORE_REFILL);
	request->refill = (struct store_refill){
	    .endpoint = endpoint,
	    .from = from,
	    .until = {INT64_MAX - 1},
	    .limit = limit,
	    .bytes_limit = 1 << 20,
	};
	assert_int_equal(run(subject, request), OK);
	return request;
}

static size_t
pending(struct subject *subject, struct endpoint_id endpoint)
{
	struct store_request *request = refill(subject, endpoint, (struct store_due){WALL_NONE, 0}, 100);
	size_t count = request->refill.count;
	store_request_free(request);
	return count;
}

static const struct store_note *
only_note(struct subject *subject)
{
	assert_int_equal(subject->notes.count, 1);
	return CONTAINER_OF(subject->notes.first, struct store_note, mail);
}

/* --- accepting --------------------------------------------------------------------------------------- */

void
accepting(void **state)
{
	struct subject *subject = *state;
	struct organisation_id bank = make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one"), two = make_endpoint(subject, "bank", "two");
	struct store_request *request = ask_accept(subject, "bank", "a", 1);
	assert_int_equal(run(subject, request), OK);
	assert_false(request->existed);
	assert_int_equal(request->message->organisation.value, bank.value);
	assert_true(request->message->id.value > two.value);
	const struct store_note *note = only_note(subject);
	assert_int_equal(note->kind, STORE_NOTE_DELIVERIES);
	assert_int_equal(note->message->id.value, request->message->id.value);
	assert_int_equal(note->target_count, 2);
	assert_int_equal(note->targets[0].endpoint.value, one.value);
	assert_int_equal(note->targets[1].endpoint.value, two.value);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(note->targets[i].sequence, 1);
		assert_int_equal(note->targets[i].due.us, request->now.us);
		assert_int_equal(note->targets[i].attempts, 0);
	}
	store_request_free(request);
	expect(subject, ask_accept(subject, "bank", "a", 1), ERR_CONFLICT, STORE_DETAIL_EVENT_ID_TAKEN);
	assert_int_equal(subject->notes.count, 0);
	expect(subject, ask_accept(subject, "nobody", "a", 2), ERR_NOT_FOUND, STORE_DETAIL_NO_ORGANISATION);
	accept_message(subject, "bank", "a", 2);
	assert_int_equal(only_note(subject)->targets[0].sequence, 2);
}

void
accepting_makes_the_organisation(void **state)
{
	struct subject *subject = *state;
	for (int i = 0; i < 2; i++) {
		struct store_request *request = ask_accept(subject, "bank", "a", i);
		struct organisation fresh = {.name = SLICE("New"), .uid = SLICE("bank"), .metadata = SLICE("{}")};
		request->new_organisation = &fresh;
		expect(subject, request, OK, STORE_DETAIL_NONE);
		assert_int_equal(subject->notes.count, 0);
	}
	struct store_request *list = ask(subject, STORE_ORGANISATION_LIST);
	assert_int_equal(run(subject, list), OK);
	assert_int_equal(list->count, 1);
	assert_true(slice_is(list->organisations[0].uid, "bank"));
	store_request_free(list);
}

void
accepting_again(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	make_endpoint(subject, "bank", "one");
	struct message_id first = {0};
	for (int i = 0; i < 3; i++) {
		struct store_request *request = ask_accept(subject, "bank", "a", 1);
		test_key(request, 1, 1);
		assert_int_equal(run(subject, request), OK);
		assert_int_equal(request->existed, i > 0);
		assert_int_equal(subject->notes.count, i == 0);
		first = i == 0 ? request->message->id : first;
		assert_int_equal(request->message->id.value, first.value);
		assert_true(slice_is(request->message->payload, "{\"number\": 1}"));
		store_request_free(request);
	}
	struct store_request *request = ask_accept(subject, "bank", "a", 2);
	test_key(request, 1, 2);
	expect(subject, request, ERR_CONFLICT, STORE_DETAIL_KEY_REUSED);
}

void
fan_out_follows_filters(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct slice types[] = {SLICE("builtin.a")}, channels[] = {SLICE("east"), SLICE("west")};
	struct store_request *request = ask_endpoint(subject, "bank", "typed");
	request->admin->endpoint.event_types = (struct slice_list){types, 1};
	expect(subject, request, OK, STORE_DETAIL_NONE);
	request = ask_endpoint(subject, "bank", "channelled");
	request->admin->endpoint.channels = (struct slice_list){channels, 2};
	expect(subject, request, OK, STORE_DETAIL_NONE);
	make_endpoint(subject, "bank", "held");
	set_endpoint_state(subject, "bank", "held", ENDPOINT_SUSPENDED);
	make_endpoint(subject, "bank", "off");
	set_endpoint_state(subject, "bank", "off", ENDPOINT_DISABLED);

	accept_message(subject, "bank", "b", 1);
	assert_int_equal(only_note(subject)->target_count, 1);
	accept_message(subject, "bank", "builtin.a", 2);
	assert_int_equal(only_note(subject)->target_count, 2);
	request = ask_accept(subject, "bank", "b", 3);
	request->message->channels = (struct slice_list){channels + 1, 1};
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(only_note(subject)->target_count, 2);
	store_request_free(request);
}

void
requests_of_a_batch_see_each_other(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct store_request *batch[] = {
	    ask_accept(subject, "bank", "a", 1),
	    ask_endpoint(subject, "bank", "one"),
	    ask_endpoint(subject, "bank", "one"),
	    ask_accept(subject, "bank", "a", 2),
	    ask_accept(subject, "bank", "a", 2),
	    ask(subject, STORE_COUNTS),
	};
	subject_batch(subject, batch, COUNT_OF(batch));
	static const enum error_code expected[] = {OK, OK, ERR_CONFLICT, OK, ERR_CONFLICT, OK};
	for (size_t i = 0; i < COUNT_OF(batch); i++)
		assert_int_equal(batch[i]->status, expected[i]);
	assert_int_equal(batch[5]->admin->counts.messages, 2);
	assert_int_equal(batch[5]->admin->counts.deliveries_pending, 1);
	/* Each note names its request, so that notes and replies can leave in the order of execution. */
	assert_int_equal(subject->notes.count, 2);
	assert_int_equal(CONTAINER_OF(subject->notes.first, struct store_note, mail)->request, 1);
	assert_int_equal(CONTAINER_OF(subject->notes.first->next, struct store_note, mail)->request, 3);
	for (size_t i = 0; i < COUNT_OF(batch); i++)
		store_request_free(batch[i]);
}

/* --- journalling ------------------------------------------------------------------------------------- */

static struct store_request *
journal(struct subject *subject, const char *event, int body, struct endpoint_id forward)
{
	struct store_request *request = ask(subject, STORE_JOURNAL);
	request->journal = (struct store_journal){
	    .source = SLICE("custodian"),
	    .event_id = slice_of(event),
	    .type = SLICE("a"),
	    .message = test_message("a", body),
	};
	struct endpoint_id *forwards = arena_alloc(&request->arena, sizeof *forwards);
	*forwards = forward;
	request->journal.forwards = forwards;
	request->journal.forward_count = 1;
	memset(request->journal.body_sha256, body, SHA256_BYTES);
	request->journal.message->webhook_id = arena_copy(&request->journal.message->arena, slice_of(event));
	assert_int_equal(run(subject, request), OK);
	return request;
}

static void
expect_journal(struct subject *subject, const char *event, int body, enum journal_verdict verdict, int64_t seq)
{
	struct store_request *request = journal(subject, event, body, (struct endpoint_id){0});
	assert_int_equal(request->journal.verdict, verdict);
	assert_int_equal(request->journal.seq, seq);
	store_request_free(request);
}

void
journalling(void **state)
{
	struct subject *subject = *state;
	expect_journal(subject, "one", 1, JOURNAL_VERIFIED, 1);
	expect_journal(subject, "two", 1, JOURNAL_VERIFIED, 2);
	expect_journal(subject, "one", 1, JOURNAL_DUPLICATE, 1);
	expect_journal(subject, "one", 2, JOURNAL_CONFLICT, 3);
	expect_journal(subject, "one", 2, JOURNAL_CONFLICT, 3);
	expect_journal(subject, "one", 3, JOURNAL_CONFLICT, 4);
	expect_journal(subject, "one", 1, JOURNAL_DUPLICATE, 1);
	struct store_request *list = ask(subject, STORE_JOURNAL_LIST);
	list->page = (struct store_page){.limit = 2, .after = 1};
	assert_int_equal(run(subject, list), OK);
	assert_true(list->count == 2 && list->more);
	assert_int_equal(list->journal_rows[1].seq, 3);
	assert_int_equal(list->journal_rows[1].verdict, JOURNAL_CONFLICT);
	assert_true(slice_is(list->journal_rows[1].event_id, "one"));
	store_request_free(list);
}

void
journalling_forwards(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "operator");
	struct endpoint_id forward = make_endpoint(subject, "operator", "forward");
	struct store_request *request = journal(subject, "one", 1, forward);
	const struct store_note *note = only_note(subject);
	assert_int_equal(note->target_count, 1);
	assert_int_equal(note->targets[0].endpoint.value, forward.value);
	assert_int_equal(note->message->id.value, request->journal.message->id.value);
	assert_true(slice_is(note->message->webhook_id, "one"));
	store_request_free(request);
	store_request_free(journal(subject, "one", 1, forward));
	assert_int_equal(subject->notes.count, 0);
	store_request_free(journal(subject, "one", 2, forward));
	assert_int_equal(subject->notes.count, 0);
	assert_int_equal(pending(subject, forward), 1);
}

/* --- recording --------------------------------------------------------------------------------------- */

void
recording(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	struct message_id message = accept_message(subject, "bank", "a", 1);
	struct store_request *request = ask_record(subject, message, one, DELIVERY_PENDING);
	int64_t due = request->record.due.us;
	request->record.set_failing = true;
	request->record.failing_since = request->now;
	assert_int_equal(run(subject, request), OK);
	assert_true(request->record.attempt.id.value > message.value);
	assert_int_equal(subject->notes.count, 0);
	store_request_free(request);
	request = refill(subject, one, (struct store_due){WALL_NONE, 0}, 10);
	assert_int_equal(request->refill.count, 1);
	assert_int_equal(request->refill.rows[0].due.us, due);
	assert_int_equal(request->refill.rows[0].attempts, 1);
	store_request_free(request);
	record_attempt(subject, message, one, DELIVERY_DELIVERED, 200);
	assert_int_equal(pending(subject, one), 0);
	/* What is no longer pending keeps its state; the attempt is kept all the same. */
	record_attempt(subject, message, one, DELIVERY_PENDING, 500);
	assert_int_equal(pending(subject, one), 0);
	request = ask(subject, STORE_COUNTS);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->counts.attempts, 3);
	assert_int_equal(request->admin->counts.deliveries_delivered, 1);
	store_request_free(request);
	request = ask_record(subject, (struct message_id){1}, one, DELIVERY_DELIVERED);
	expect(subject, request, ERR_NOT_FOUND, STORE_DETAIL_NO_MESSAGE);
}

void
recording_suspends(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	struct message_id message = accept_message(subject, "bank", "a", 1);
	for (int i = 0; i < 2; i++) {
		struct store_request *request = ask_record(subject, message, one, DELIVERY_PENDING);
		request->record.suspend = true;
		assert_int_equal(run(subject, request), OK);
		assert_int_equal(subject->notes.count, i == 0);
		if (i == 0)
			assert_int_equal(only_note(subject)->endpoint->state, ENDPOINT_SUSPENDED);
		store_request_free(request);
	}
	accept_message(subject, "bank", "a", 2);
	assert_int_equal(pending(subject, one), 2);
	set_endpoint_state(subject, "bank", "one", ENDPOINT_ACTIVE);
	assert_int_equal(pending(subject, one), 2);
}

/* --- refilling --------------------------------------------------------------------------------------- */

void
refilling(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one"), two = make_endpoint(subject, "bank", "two");
	struct message_id messages[5];
	for (int i = 0; i < 5; i++)
		messages[i] = accept_message(subject, "bank", "a", i);
	record_attempt(subject, messages[1], one, DELIVERY_DELIVERED, 200);
	/* The first one comes back behind all others. */
	struct store_request *later = ask_record(subject, messages[0], one, DELIVERY_PENDING);
	later->record.due.us = subject->now.us + 1000000;
	struct store_due last = {later->record.due, messages[0].value};
	expect(subject, later, OK, STORE_DETAIL_NONE);

	struct store_request *request = refill(subject, one, (struct store_due){WALL_NONE, 0}, 2);
	assert_int_equal(request->refill.count, 2);
	assert_int_equal(request->refill.rows[0].message->id.value, messages[2].value);
	assert_true(slice_is(request->refill.rows[0].message->payload, "{\"number\": 2}"));
	assert_int_equal(request->refill.rows[0].sequence, 3);
	assert_int_equal(request->refill.next.message, messages[4].value);
	struct store_due next = request->refill.next;
	store_request_free(request);
	request = refill(subject, one, next, 2);
	assert_int_equal(request->refill.count, 2);
	assert_int_equal(request->refill.rows[1].message->id.value, messages[0].value);
	assert_int_equal(request->refill.next.due.us, WALL_NEVER.us);
	store_request_free(request);

	request = ask(subject, STORE_REFILL);
	request->refill =
	    (struct store_refill){.endpoint = one, .until = subject->now, .limit = 100, .bytes_limit = 1 << 20};
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->refill.count, 3);
	assert_int_equal(request->refill.next.due.us, last.due.us);
	assert_int_equal(request->refill.next.message, last.message);
	store_request_free(request);
	request = ask(subject, STORE_REFILL);
	request->refill = (struct store_refill){.endpoint = two, .until = subject->now, .limit = 100, .bytes_limit = 1};
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->refill.count, 1);
	assert_int_equal(request->refill.next.message, messages[1].value);
	store_request_free(request);
}

/* --- resending and cancelling ------------------------------------------------------------------------ */

static struct store_request *
ask_resend(struct subject *subject, const char *endpoint, const char *message)
{
	struct store_request *request = ask(subject, STORE_RESEND);
	request->ref = SLICE("bank");
	request->endpoint_ref = slice_of(endpoint);
	request->message_ref = slice_of(message);
	return request;
}

void
resending(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	struct message_id message = accept_message(subject, "bank", "a", 1);
	for (int i = 0; i < 3; i++) {
		/* Pending, delivered, exhausted: all become pending and due now. */
		if (i > 0)
			record_attempt(subject, message, one, i == 1 ? DELIVERY_DELIVERED : DELIVERY_EXHAUSTED, 200);
		struct store_request *request = ask_resend(subject, "one", "event-1");
		assert_int_equal(run(subject, request), OK);
		const struct store_note *note = only_note(subject);
		assert_int_equal(note->targets[0].due.us, request->now.us);
		assert_int_equal(note->targets[0].trigger, i == 0 ? TRIGGER_SCHEDULED : TRIGGER_MANUAL);
		assert_int_equal(note->targets[0].attempts, i);
		assert_true(slice_is(note->message->payload, "{\"number\": 1}"));
		store_request_free(request);
		assert_int_equal(pending(subject, one), 1);
	}
	expect(subject, ask_resend(subject, "two", "event-1"), ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT);
	expect(subject, ask_resend(subject, "one", "event-2"), ERR_NOT_FOUND, STORE_DETAIL_NO_MESSAGE);
	make_endpoint(subject, "bank", "two");
	expect(subject, ask_resend(subject, "two", "event-1"), ERR_NOT_FOUND, STORE_DETAIL_NO_MESSAGE);
}

void
deleting_an_endpoint_cancels(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	struct message_id message = accept_message(subject, "bank", "a", 1);
	struct store_request *request = ask(subject, STORE_ENDPOINT_DELETE);
	request->ref = SLICE("bank");
	request->endpoint_ref = SLICE("one");
	expect(subject, request, OK, STORE_DETAIL_NONE);
	assert_int_equal(pending(subject, one), 0);
	/* An attempt that was under way is kept and changes nothing else. */
	record_attempt(subject, message, one, DELIVERY_DELIVERED, 200);
	request = ask(subject, STORE_MESSAGE_ENDPOINTS);
	request->ref = SLICE("bank");
	request->message_ref = SLICE("event-1");
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 1);
	assert_int_equal(request->deliveries[0].state, DELIVERY_CANCELLED);
	assert_int_equal(request->deliveries[0].endpoint->state, ENDPOINT_DELETED);
	store_request_free(request);
}
