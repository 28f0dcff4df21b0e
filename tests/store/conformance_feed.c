/* What store.h promises of the feed: every sequence of an endpoint, once, by rising number, whatever came between. */
#include "conformance.h"

static struct store_request *
read_feed(struct subject *subject, const char *endpoint, int64_t after, size_t limit)
{
	struct store_request *request = ask(subject, STORE_FEED);
	request->ref = SLICE("bank");
	request->endpoint_ref = slice_of(endpoint);
	request->page = (struct store_page){.limit = limit, .after = after};
	assert_int_equal(run(subject, request), OK);
	return request;
}

void
the_feed_is_what_an_endpoint_gets(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	make_organisation(subject, "other");
	make_endpoint(subject, "bank", "one");
	make_endpoint(subject, "other", "foreign");
	struct message_id messages[5];
	for (int i = 0; i < 5; i++) {
		messages[i] = accept_message(subject, "bank", "a", i);
		accept_message(subject, "other", "a", i);
	}
	struct store_request *feed = read_feed(subject, "one", 1, 3);
	assert_true(feed->count == 3 && feed->more && feed->newest == 5);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(feed->deliveries[i].sequence, 2 + i);
		assert_int_equal(feed->deliveries[i].message->id.value, messages[1 + i].value);
		assert_true(slice_present(feed->deliveries[i].message->payload));
	}
	store_request_free(feed);
	feed = read_feed(subject, "one", 5, 3);
	assert_true(feed->count == 0 && !feed->more && feed->newest == 5);
	store_request_free(feed);
	struct store_request *expunge = ask(subject, STORE_EXPUNGE);
	struct slice refs[] = {id_text(&expunge->arena, ID_MESSAGE, messages[4].value)};
	expunge->ref = SLICE("bank");
	expunge->message_refs = (struct slice_list){refs, 1};
	expect(subject, expunge, OK, STORE_DETAIL_NONE);
	feed = read_feed(subject, "one", 4, 3);
	assert_true(feed->count == 1 && !feed->more);
	assert_false(slice_present(feed->deliveries[0].message->payload));
	unsigned char digest[SHA256_BYTES];
	sha256(SLICE("{\"number\": 4}"), digest);
	assert_true(slice_equal(feed->deliveries[0].payload_sha256, (struct slice){(char *)digest, SHA256_BYTES}));
	store_request_free(feed);
	feed = ask(subject, STORE_FEED);
	feed->ref = SLICE("bank");
	feed->endpoint_ref = SLICE("foreign");
	expect(subject, feed, ERR_NOT_FOUND, STORE_DETAIL_NO_ENDPOINT);
}

/* An old message that an endpoint gets only later has a later number, although others of later messages are there. */
void
the_feed_has_what_was_missing_before(void **state)
{
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct message_id before = accept_message(subject, "bank", "a", 1);
	make_endpoint(subject, "bank", "one");
	struct message_id after = accept_message(subject, "bank", "a", 2);
	store_request_free(read_feed(subject, "one", 0, 9));
	struct store_request *task = ask(subject, STORE_TASK_CREATE);
	task->ref = SLICE("bank");
	task->endpoint_ref = SLICE("one");
	task->task = (struct task){.kind = TASK_REPLAY_MISSING, .status = -1, .status_code_class = -1};
	expect(subject, task, OK, STORE_DETAIL_NONE);
	struct store_request *step = ask(subject, STORE_TASK_STEP);
	assert_int_equal(run(subject, step), OK);
	store_request_free(step);
	struct store_request *feed = read_feed(subject, "one", 0, 9);
	assert_int_equal(feed->count, 2);
	assert_int_equal(feed->deliveries[0].message->id.value, after.value);
	assert_int_equal(feed->deliveries[1].message->id.value, before.value);
	assert_int_equal(feed->deliveries[1].sequence, 2);
	store_request_free(feed);
}

/* More at once than is taken at a time, and some that come between readings. */
void
the_feed_is_written_behind(void **state)
{
	enum { EVENTS = 9000, BATCH = 250, PAGE = 1000 };
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	make_endpoint(subject, "bank", "one");
	for (int done = 0; done < EVENTS; done += BATCH) {
		struct store_request *batch[BATCH];
		for (int i = 0; i < BATCH; i++)
			batch[i] = ask_accept(subject, "bank", "a", done + i);
		subject_batch(subject, batch, BATCH);
		for (int i = 0; i < BATCH; i++)
			store_request_free(batch[i]);
	}
	int64_t after = 0;
	for (bool more = true; more;) {
		struct store_request *feed = read_feed(subject, "one", after, PAGE);
		for (size_t i = 0; i < feed->count; i++)
			assert_int_equal(feed->deliveries[i].sequence, ++after);
		more = feed->more;
		store_request_free(feed);
		if (subject->vfs != NULL && after % (3 * PAGE) == 0)
			subject_reopen(subject);
	}
	assert_int_equal(after, EVENTS);
}
