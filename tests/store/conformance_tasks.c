/* What store.h promises of tasks, tokens that end and content that goes, kept by every store alike. */
#include "conformance.h"

#include <stdlib.h>

static struct store_request *
ask_task(struct subject *subject, enum task_kind kind, const char *organisation, const char *endpoint)
{
	struct store_request *request = ask(subject, STORE_TASK_CREATE);
	request->ref = slice_of(organisation);
	request->endpoint_ref = slice_of(endpoint);
	request->admin->task.kind = kind;
	return request;
}

static int64_t
make_task(struct subject *subject, enum task_kind kind, const char *endpoint)
{
	struct store_request *request = ask_task(subject, kind, "bank", endpoint);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->task.state, TASK_RUNNING);
	int64_t id = request->admin->task.id.value;
	store_request_free(request);
	return id;
}

/* Runs steps until none is left; what the last one of them left behind. */
static struct store_request *
run_tasks(struct subject *subject, size_t *notes)
{
	for (int i = 0; i < 100; i++) {
		struct store_request *request = ask(subject, STORE_TASK_STEP);
		assert_int_equal(run(subject, request), OK);
		assert_true(request->existed);
		*notes += subject->notes.count;
		if (!request->more)
			return request;
		store_request_free(request);
	}
	fail_msg("a task does not end");
	return NULL;
}

static struct task
expect_task(struct subject *subject, int64_t done, int64_t examined, size_t wanted_notes)
{
	size_t notes = 0;
	struct store_request *request = run_tasks(subject, &notes);
	struct task task = request->admin->task;
	assert_int_equal(task.state, TASK_FINISHED);
	assert_int_equal(task.done, done);
	assert_int_equal(task.examined, examined);
	assert_int_equal(notes, wanted_notes);
	store_request_free(request);
	request = ask(subject, STORE_TASK_STEP);
	assert_int_equal(run(subject, request), OK);
	assert_false(request->existed || request->more);
	store_request_free(request);
	return task;
}

static enum delivery_state
state_of(struct subject *subject, struct message_id message)
{
	struct store_request *request = ask(subject, STORE_MESSAGE_ENDPOINTS);
	request->ref = SLICE("bank");
	request->message_ref = id_text(&request->arena, ID_MESSAGE, message.value);
	request->page.limit = 1;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 1);
	enum delivery_state state = request->deliveries[0].state;
	store_request_free(request);
	return state;
}

static void
recovering(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	struct message_id failed = accept_message(subject, "bank", "a", 1),
			  good = accept_message(subject, "bank", "a", 2);
	struct message_id waiting = accept_message(subject, "bank", "a", 3);
	accept_message(subject, "bank", "a", 4);
	record_attempt(subject, failed, one, DELIVERY_EXHAUSTED, 500);
	record_attempt(subject, good, one, DELIVERY_DELIVERED, 200);
	struct store_request *record = ask_record(subject, waiting, one, DELIVERY_PENDING);
	record->record.due.us = record->now.us + (int64_t)3600 * 1000000;
	expect(subject, record, OK, STORE_DETAIL_NONE);
	make_task(subject, TASK_RECOVER, "one");
	expect_task(subject, 2, 4, 2);
	assert_int_equal(state_of(subject, failed), DELIVERY_PENDING);
	assert_int_equal(state_of(subject, good), DELIVERY_DELIVERED);
	expect(subject, ask_task(subject, TASK_RECOVER, "bank", "none"), ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT);
	expect(subject, ask_task(subject, TASK_RECOVER, "none", "one"), ERR_NOT_FOUND, STORE_DETAIL_NO_ORGANISATION);
}

/* What a task would send is counted and not sent; of one resource, wherever its payloads name it. */
static void
previewing_one_resource(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	static const char *const payloads[] = {"{\"resource\":{\"type\":\"transaction\",\"id\":\"tx_1\"}}",
	    "{\"data\":{\"transaction_id\":\"tx_1\"}}", "{\"resource\":{\"id\":\"tx_2\"}}", "{\"transaction_id\":1}"};
	for (int i = 0; i < 4; i++) {
		struct store_request *request = ask_accept(subject, "bank", "a", i);
		request->message->payload = slice_of(payloads[i]);
		assert_int_equal(run(subject, request), OK);
		record_attempt(subject, request->message->id, one, DELIVERY_EXHAUSTED, 500);
		store_request_free(request);
	}
	for (int preview = 1; preview >= 0; preview--) {
		struct store_request *request = ask_task(subject, TASK_BULK_REPLAY, "bank", "one");
		request->admin->task.resource = SLICE("tx_1");
		request->admin->task.preview = preview == 1;
		expect(subject, request, OK, STORE_DETAIL_NONE);
		struct task task = expect_task(subject, 2, 4, preview == 1 ? 0 : 2);
		assert_int_equal(task.preview, preview);
	}
}

static void
recovering_in_steps(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	for (int i = 0; i < 600; i++)
		record_attempt(subject, accept_message(subject, "bank", "a", i), one, DELIVERY_EXHAUSTED, 500);
	int64_t id = make_task(subject, TASK_RECOVER, "one");
	struct store_request *request = ask(subject, STORE_TASK_STEP);
	assert_int_equal(run(subject, request), OK);
	assert_true(request->existed && request->more);
	assert_int_equal(request->admin->task.done, TASK_STEP_ROWS);
	store_request_free(request);
	if (subject->vfs != NULL)
		subject_reopen(subject);
	request = ask(subject, STORE_TASK_GET);
	request->admin->task.id.value = id;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->task.done, TASK_STEP_ROWS);
	assert_int_equal(request->admin->task.state, TASK_RUNNING);
	store_request_free(request);
	expect_task(subject, 600, 600, 600 - TASK_STEP_ROWS);
	request = ask(subject, STORE_MEASURE);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->counts.deliveries_pending, 600);
	store_request_free(request);
}

static void
replaying_what_is_missing(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct message_id before = accept_message(subject, "bank", "builtin.a", 1);
	accept_message(subject, "bank", "builtin.b", 2);
	struct slice types[] = {SLICE("builtin.a")};
	struct store_request *request = ask_endpoint(subject, "bank", "one");
	request->admin->endpoint.event_types = (struct slice_list){types, 1};
	expect(subject, request, OK, STORE_DETAIL_NONE);
	accept_message(subject, "bank", "builtin.a", 3);
	make_task(subject, TASK_REPLAY_MISSING, "one");
	expect_task(subject, 1, 3, 1);
	assert_int_equal(state_of(subject, before), DELIVERY_PENDING);
	make_task(subject, TASK_REPLAY_MISSING, "one");
	expect_task(subject, 0, 3, 0);
}

static void
replaying_in_bulk(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	for (int i = 0; i < 4; i++)
		record_attempt(subject, accept_message(subject, "bank", i % 2 ? "a" : "b", i), one,
		    i < 2 ? DELIVERY_DELIVERED : DELIVERY_EXHAUSTED, i < 2 ? 200 : 503);
	struct slice types[] = {SLICE("a")};
	struct store_request *request = ask_task(subject, TASK_BULK_REPLAY, "bank", "one");
	request->admin->task.event_types = (struct slice_list){types, 1};
	request->admin->task.status = 2;
	request->admin->task.status_code_class = 500;
	expect(subject, request, OK, STORE_DETAIL_NONE);
	expect_task(subject, 1, 4, 1);
	make_task(subject, TASK_BULK_REPLAY, "one");
	expect_task(subject, 4, 4, 4);
}

static void
cancelling_and_losing(void **state)
{
	struct subject *subject = *state;
	struct organisation_id bank = make_organisation(subject, "bank");
	struct organisation_id other = make_organisation(subject, "other");
	make_endpoint(subject, "bank", "one");
	int64_t id = make_task(subject, TASK_RECOVER, "one");
	struct store_request *request = ask(subject, STORE_TASK_CANCEL);
	request->admin->task.id.value = id;
	request->admin->task.organisation = other;
	expect(subject, request, ERR_NOT_FOUND, STORE_DETAIL_NONE);
	request = ask(subject, STORE_TASK_CANCEL);
	request->admin->task.id.value = id;
	request->admin->task.organisation = bank;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->task.state, TASK_FAILED);
	assert_true(slice_is(request->admin->task.reason, "cancelled"));
	store_request_free(request);
	make_task(subject, TASK_RECOVER, "one");
	request = ask(subject, STORE_ENDPOINT_DELETE);
	request->ref = SLICE("bank");
	request->endpoint_ref = SLICE("one");
	expect(subject, request, OK, STORE_DETAIL_NONE);
	request = ask(subject, STORE_TASK_STEP);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->task.state, TASK_FAILED);
	store_request_free(request);
	request = ask(subject, STORE_TASK_LIST);
	request->page.limit = 1;
	request->admin->task_filter.state = TASK_FAILED;
	request->admin->task_filter.organisation = bank;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 1);
	assert_true(request->more);
	assert_int_equal(request->admin->tasks[0].id.value, id);
	store_request_free(request);
}

static void
task_created_again(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	make_endpoint(subject, "bank", "one");
	int64_t first = 0;
	for (int i = 0; i < 2; i++) {
		struct store_request *request = ask_task(subject, TASK_RECOVER, "bank", "one");
		test_key(request, 1, 1);
		assert_int_equal(run(subject, request), OK);
		first = i == 0 ? request->admin->task.id.value : first;
		assert_int_equal(request->admin->task.id.value, first);
		store_request_free(request);
	}
}

static void
expunging(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	struct message_id first = accept_message(subject, "bank", "a", 1),
			  second = accept_message(subject, "bank", "a", 2);
	record_attempt(subject, second, one, DELIVERY_DELIVERED, 200);
	struct store_request *request = ask(subject, STORE_EXPUNGE);
	request->ref = SLICE("bank");
	struct slice refs[] = {SLICE("event-1"), SLICE("event-9")};
	request->message_refs = (struct slice_list){refs, 2};
	assert_int_equal(run(subject, request), OK);
	assert_true(request->found[0]);
	assert_false(request->found[1]);
	store_request_free(request);
	assert_int_equal(state_of(subject, first), DELIVERY_CANCELLED);
	assert_int_equal(state_of(subject, second), DELIVERY_DELIVERED);
	request = ask(subject, STORE_MESSAGE_GET);
	request->ref = SLICE("bank");
	request->message_ref = SLICE("event-1");
	assert_int_equal(run(subject, request), OK);
	assert_false(slice_present(request->message->payload));
	store_request_free(request);
	make_task(subject, TASK_PURGE, NULL);
	expect_task(subject, 1, 2, 0);
	make_task(subject, TASK_BULK_REPLAY, "one");
	struct task task = expect_task(subject, 0, 2, 0);
	assert_int_equal(task.skipped, 2);
	request = ask(subject, STORE_MEASURE);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->admin->counts.deliveries_pending, 0);
	store_request_free(request);
}

static void
counting(void **state)
{
	struct subject *subject = *state;
	struct organisation_id bank = make_organisation(subject, "bank");
	make_organisation(subject, "other");
	make_endpoint(subject, "bank", "one");
	for (int i = 0; i < 3; i++)
		accept_message(subject, i == 2 ? "other" : "bank", "a", i);
	struct store_request *request = ask(subject, STORE_TASK_CREATE);
	request->admin->task.kind = TASK_USAGE;
	struct slice refs[] = {SLICE("bank"), SLICE("nobody")};
	request->message_refs = (struct slice_list){refs, 2};
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->missing.count, 1);
	assert_true(slice_is(request->missing.items[0], "nobody"));
	store_request_free(request);
	size_t notes = 0;
	request = run_tasks(subject, &notes);
	assert_int_equal(request->admin->task.usage_count, 1);
	assert_int_equal(request->admin->task.usage[0].messages, 2);
	assert_int_equal(request->admin->task.usage[0].deliveries, 2);
	assert_true(
	    slice_equal(request->admin->task.usage[0].name, id_text(&request->arena, ID_ORGANISATION, bank.value)));
	store_request_free(request);
	request = ask(subject, STORE_TASK_CREATE);
	request->admin->task.kind = TASK_TYPES;
	expect(subject, request, OK, STORE_DETAIL_NONE);
	request = run_tasks(subject, &notes);
	assert_int_equal(request->admin->task.usage_count, 1);
	assert_int_equal(request->admin->task.usage[0].messages, 3);
	store_request_free(request);
}

static void
statistics(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	for (int i = 0; i < 5; i++) {
		struct message_id message = accept_message(subject, "bank", "a", i);
		if (i < 4)
			record_attempt(subject, message, one, i < 3 ? DELIVERY_DELIVERED : DELIVERY_EXHAUSTED, 200);
	}
	struct store_stats sum = {0};
	int64_t after = 0;
	for (bool more = true; more;) {
		struct store_request *request = ask(subject, STORE_ENDPOINT_STATS);
		request->ref = SLICE("bank");
		request->endpoint_ref = SLICE("one");
		request->page = (struct store_page){.limit = 3, .after = after};
		assert_int_equal(run(subject, request), OK);
		sum.succeeded += request->admin->stats.succeeded;
		sum.failed += request->admin->stats.failed;
		sum.pending += request->admin->stats.pending;
		more = request->more;
		after = request->next;
		store_request_free(request);
	}
	assert_int_equal(sum.succeeded, 3);
	assert_int_equal(sum.failed, 1);
	assert_int_equal(sum.pending, 1);
	struct store_request *request = ask(subject, STORE_PRECHECK);
	request->ref = SLICE("bank");
	request->admin->event_type.name = SLICE("a");
	assert_int_equal(run(subject, request), OK);
	assert_true(request->existed);
	store_request_free(request);
}

static void
tokens_end(void **state)
{
	struct subject *subject = *state;
	struct organisation_id bank = make_organisation(subject, "bank");
	for (unsigned char i = 1; i <= 3; i++) {
		struct store_request *request = ask(subject, STORE_TOKEN_CREATE);
		memset(request->admin->token.hash, i, SHA256_BYTES);
		request->admin->token.role = ROLE_ADMIN;
		request->admin->token.organisation = bank;
		request->admin->token.session = i == 2 ? token_session(SLICE("session")) : 0;
		expect(subject, request, OK, STORE_DETAIL_NONE);
	}
	struct slice sessions[] = {SLICE("session")};
	for (int round = 0; round < 2; round++) {
		struct store_request *request = ask(subject, STORE_TOKEN_EXPIRE);
		request->ref = SLICE("bank");
		request->admin->sessions = (struct slice_list){sessions, round == 0 ? 1 : 0};
		expect(subject, request, OK, STORE_DETAIL_NONE);
		for (unsigned char i = 1; i <= 3; i++) {
			request = ask(subject, STORE_TOKEN_GET);
			memset(request->admin->token.hash, i, SHA256_BYTES);
			assert_int_equal(run(subject, request), OK);
			assert_int_equal(request->admin->token.expires.us != 0, round == 1 || i == 2);
			store_request_free(request);
		}
	}
	struct store_request *request = ask(subject, STORE_TOKEN_REVOKE);
	memset(request->admin->token.hash, 1, SHA256_BYTES);
	expect(subject, request, OK, STORE_DETAIL_NONE);
	request = ask(subject, STORE_TOKEN_GET);
	memset(request->admin->token.hash, 1, SHA256_BYTES);
	expect(subject, request, ERR_NOT_FOUND, STORE_DETAIL_NONE);
}

static void
one_endpoint_alone(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	make_endpoint(subject, "bank", "one");
	make_endpoint(subject, "bank", "two");
	struct store_request *request = ask_accept(subject, "bank", "a", 1);
	request->endpoint_ref = SLICE("two");
	request->only_endpoint = true;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(subject->notes.count, 1);
	assert_int_equal(CONTAINER_OF(subject->notes.first, struct store_note, mail)->target_count, 1);
	store_request_free(request);
	request = ask_accept(subject, "bank", "a", 2);
	request->endpoint_ref = SLICE("none");
	request->only_endpoint = true;
	expect(subject, request, ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT);
}

static void
attempt_content_goes(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	struct message_id message = accept_message(subject, "bank", "a", 1);
	struct store_request *request = ask_record(subject, message, one, DELIVERY_DELIVERED);
	assert_int_equal(run(subject, request), OK);
	int64_t attempt = request->record.attempt.id.value;
	store_request_free(request);
	request = ask(subject, STORE_ATTEMPT_EXPUNGE);
	request->ref = SLICE("bank");
	request->message_ref = SLICE("event-1");
	request->attempt_id = attempt;
	expect(subject, request, OK, STORE_DETAIL_NONE);
	request = ask(subject, STORE_ATTEMPT_GET);
	request->ref = SLICE("bank");
	request->message_ref = SLICE("event-1");
	request->attempt_id = attempt;
	assert_int_equal(run(subject, request), OK);
	assert_true(slice_is(request->admin->attempt.response, "EXPUNGED"));
	store_request_free(request);
	request = ask(subject, STORE_ATTEMPT_EXPUNGE);
	request->ref = SLICE("bank");
	request->message_ref = SLICE("event-1");
	request->attempt_id = 1;
	expect(subject, request, ERR_NOT_FOUND, STORE_DETAIL_NONE);
}

static void
management_is_hidden(void **state)
{
	struct subject *subject = *state;
	struct store_request *request = ask(subject, STORE_ORGANISATION_CREATE);
	request->admin->organisation =
	    (struct organisation){.name = SLICE("x"), .uid = STORE_MANAGEMENT_UID, .metadata = SLICE("{}")};
	expect(subject, request, OK, STORE_DETAIL_NONE);
	request = ask(subject, STORE_ORGANISATION_LIST);
	request->page.limit = 10;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 0);
	store_request_free(request);
	request = ask_endpoint(subject, "$management", "one");
	struct slice types[] = {SLICE("endpoint.disabled")};
	request->admin->endpoint.event_types = (struct slice_list){types, 1};
	expect(subject, request, OK, STORE_DETAIL_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(recovering),
	    BOTH(previewing_one_resource),
	    BOTH(recovering_in_steps),
	    BOTH(replaying_what_is_missing),
	    BOTH(replaying_in_bulk),
	    BOTH(cancelling_and_losing),
	    BOTH(task_created_again),
	    BOTH(expunging),
	    BOTH(counting),
	    BOTH(statistics),
	    BOTH(tokens_end),
	    BOTH(one_endpoint_alone),
	    BOTH(attempt_content_goes),
	    BOTH(management_is_hidden),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
