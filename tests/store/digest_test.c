/* Trees of digests: the reference model and SQLite have the same, whatever order events came in and however often it was
 * built meanwhile; and two sides that differ in a few events find just these. */
#include "conformance.h"

#include "model/versions.h"
#include "records/compare.h"

#include <stdlib.h>

enum { EVENTS = 3000 };

#define MINUTE_US INT64_C(60000000)

struct sent {
	struct message_id id;
	int number;
};

/* Spread over days, with many in one minute. */
static void
send_all(struct subject *sender, struct sent *sent)
{
	make_organisation(sender, "bank");
	make_endpoint(sender, "bank", "one");
	make_endpoint(sender, "bank", "two");
	for (int i = 0; i < EVENTS; i++) {
		sender->now.us += i % 1000 < 600 ? 1000 : 7 * MINUTE_US;
		sent[i] = (struct sent){accept_message(sender, "bank", "a", i), i};
	}
}

static void
receive(struct subject *receiver, const struct sent *sent, int body)
{
	struct store_request *request = ask(receiver, STORE_JOURNAL);
	struct message *message = test_message("a", body);
	message->webhook_id = id_text(&message->arena, ID_MESSAGE, sent->id.value);
	request->journal = (struct store_journal){
	    .source = SLICE("bank"), .event_id = message->webhook_id, .type = SLICE("a"), .message = message};
	sha256(message->payload, request->journal.body_sha256);
	assert_int_equal(run(receiver, request), OK);
	store_request_free(request);
}

static void
shuffle(struct random *random, struct sent *sent)
{
	for (size_t i = EVENTS - 1; i > 0; i--) {
		size_t j = random_below(random, i + 1);
		struct sent other = sent[i];
		sent[i] = sent[j];
		sent[j] = other;
	}
}

static struct comparison
compared(struct compare_store *here, struct compare_store *there)
{
	struct comparison comparison;
	struct error error = ERROR_NONE;
	struct compare_side one = compare_side_of_store(here), other = compare_side_of_store(there);
	assert_int_equal(compare_sides(&one, &other, 0, INT64_C(4000000000), &comparison, &error), OK);
	assert_int_equal(comparison.unexplained, 0);
	return comparison;
}

static void
expect_found(const struct comparison *comparison, enum compare_kind kind, struct message_id id)
{
	char text[ID_TEXT_BYTES];
	id_format(ID_MESSAGE, id.value, text);
	for (size_t i = 0; i < comparison->count; i++)
		if (slice_is(comparison->found[i].id, text) && comparison->found[i].kind == kind)
			return;
	fail_msg("%s %s is not found", compare_kind_name(kind), text);
}

static void
few_differences_are_found(void **state UNUSED)
{
	struct subject sender, receiver, model;
	subject_open_sqlite(&sender, 1);
	subject_open_sqlite(&receiver, 2);
	subject_open_memory(&model);
	struct sent *sent = mem_zero(EVENTS, sizeof *sent);
	struct random random;
	random_seed(&random, 3);
	send_all(&sender, sent);
	shuffle(&random, sent);
	struct compare_store there = {.store = sender.store, .ref = SLICE("bank"), .endpoint = SLICE("one")};
	struct compare_store here = {.store = receiver.store, .source = SLICE("bank")};
	struct compare_store also = {.store = model.store, .source = SLICE("bank")};
	/* The first three are lost, the next two altered; half-way the receiver's tree is built once. */
	for (int i = 3; i < EVENTS; i++) {
		receive(&receiver, &sent[i], i < 5 ? 7777 : sent[i].number);
		receive(&model, &sent[i], i < 5 ? 7777 : sent[i].number);
		if (i == EVENTS / 2) {
			struct comparison half = compared(&here, &there);
			comparison_free(&half);
		}
	}
	receive(&receiver, &sent[8], 5555); /* a conflict counts for nothing */
	struct sent extra = {{sent[10].id.value + 1}, 9999};
	receive(&receiver, &extra, 9999);
	receive(&model, &extra, 9999);
	struct comparison same = compared(&here, &also);
	assert_int_equal(same.count, 0);
	assert_int_equal(same.here, EVENTS - 2);
	comparison_free(&same);
	struct comparison found = compared(&here, &there);
	assert_int_equal(found.count, 6);
	for (int i = 0; i < 5; i++)
		expect_found(&found, i < 3 ? COMPARE_MISSING_HERE : COMPARE_OTHER_BODY, sent[i].id);
	expect_found(&found, COMPARE_MISSING_THERE, extra.id);
	comparison_free(&found);
	receive(&receiver, &sent[0], sent[0].number);
	found = compared(&here, &there);
	assert_int_equal(found.count, 5);
	comparison_free(&found);
	subject_reopen(&receiver);
	here.store = receiver.store;
	found = compared(&here, &there);
	assert_int_equal(found.count, 5);
	comparison_free(&found);
	free(sent);
	subject_close(&sender);
	subject_close(&receiver);
	subject_close(&model);
}

/* What is expunged keeps its place by the digest of its payload. */
static void
what_is_expunged_does_not_differ(void **state UNUSED)
{
	struct subject sender, receiver;
	subject_open_sqlite(&sender, 1);
	subject_open_sqlite(&receiver, 2);
	make_organisation(&sender, "bank");
	make_endpoint(&sender, "bank", "one");
	struct sent sent = {accept_message(&sender, "bank", "a", 1), 1};
	receive(&receiver, &sent, 1);
	struct store_request *expunge = ask(&sender, STORE_EXPUNGE);
	struct slice refs[] = {id_text(&expunge->arena, ID_MESSAGE, sent.id.value)};
	expunge->ref = SLICE("bank");
	expunge->message_refs = (struct slice_list){refs, 1};
	expect(&sender, expunge, OK, STORE_DETAIL_NONE);
	struct compare_store there = {.store = sender.store, .ref = SLICE("bank"), .endpoint = SLICE("one")};
	struct compare_store here = {.store = receiver.store, .source = SLICE("bank")};
	struct comparison found = compared(&here, &there);
	assert_int_equal(found.count, 0);
	assert_int_equal(found.there, 1);
	comparison_free(&found);
	subject_close(&sender);
	subject_close(&receiver);
}

/* The digest is of the version that the endpoint was sent (M2), also when the payload is gone. */
static void
expect_no_difference(bool expunged)
{
	struct subject sender, receiver;
	subject_open_sqlite(&sender, 1);
	subject_open_sqlite(&receiver, 2);
	make_organisation(&sender, "bank");
	struct store_request *endpoint = ask_endpoint(&sender, "bank", "one");
	endpoint->admin->endpoint.version = 3;
	expect(&sender, endpoint, OK, STORE_DETAIL_NONE);
	struct store_request *accept = ask_accept(&sender, "bank", "a", 1);
	versions_set(accept->message, SLICE("{\"number\": 1}"), SLICE("{\"2\":{\"number\": 7}, \"4\":{}}"));
	assert_int_equal(run(&sender, accept), OK);
	struct sent sent = {accept->message->id, 7};
	store_request_free(accept);
	receive(&receiver, &sent, 7);
	struct compare_store there = {.store = sender.store, .ref = SLICE("bank"), .endpoint = SLICE("one")};
	struct compare_store here = {.store = receiver.store, .source = SLICE("bank")};
	if (expunged) {
		struct store_request *expunge = ask(&sender, STORE_EXPUNGE);
		struct slice refs[] = {id_text(&expunge->arena, ID_MESSAGE, sent.id.value)};
		expunge->ref = SLICE("bank");
		expunge->message_refs = (struct slice_list){refs, 1};
		expect(&sender, expunge, OK, STORE_DETAIL_NONE);
	}
	struct comparison found = compared(&here, &there);
	assert_int_equal(found.count, 0);
	assert_int_equal(found.there, 1);
	comparison_free(&found);
	subject_close(&sender);
	subject_close(&receiver);
}

static void
a_version_does_not_differ(void **state UNUSED)
{
	expect_no_difference(false);
	expect_no_difference(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(few_differences_are_found),
	    cmocka_unit_test(what_is_expunged_does_not_differ),
	    cmocka_unit_test(a_version_does_not_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
