/* What store.h promises of the feed: every sequence of an endpoint, once, by rising number, whatever came between. */
#include "conformance.h"

#include "model/versions.h"

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
	task->admin->task = (struct task){.kind = TASK_REPLAY_MISSING, .status = -1, .status_code_class = -1};
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

/* More at once than is taken at a time, and some that come between readings. One of each batch is tried while the rest
 * of it is written to its table, and so comes there after them. */
void
the_feed_is_written_behind(void **state)
{
	enum { EVENTS = 9000, BATCH = 250, PAGE = 1000 };
	struct subject *subject = *state;
	make_organisation(subject, "bank");
	struct endpoint_id one = make_endpoint(subject, "bank", "one");
	for (int done = 0; done < EVENTS; done += BATCH) {
		struct store_request *batch[BATCH];
		struct message_id tried;
		for (int i = 0; i < BATCH; i++)
			batch[i] = ask_accept(subject, "bank", "a", done + i);
		subject_batch(subject, batch, BATCH);
		tried = batch[0]->message->id;
		for (int i = 0; i < BATCH; i++)
			store_request_free(batch[i]);
		record_attempt(subject, tried, one, DELIVERY_PENDING, 503);
		while (subject->store->vtable->idle(subject->store, subject->now))
			;
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

/* --- versions (M2) ------------------------------------------------------------------------------------ */

#define FIRST "{\"number\": 1}"
#define SECOND "{ \"number\" : 2.0 }"
#define FOURTH "{\"number\":4e0}"
#define VERSIONS "{ \"4\" :" FOURTH ", \"2\": " SECOND " }"

static const struct {
	const char *endpoint;
	int32_t version;
	const char *body;
} versioned[] = {{"one", 1, FIRST}, {"two", 2, SECOND}, {"three", 3, SECOND}, {"five", 5, FOURTH}};

static void
expect_versions(const struct message *message)
{
	for (size_t i = 0; i < COUNT_OF(versioned); i++) {
		struct slice body = versions_pick(message, versioned[i].version, NULL);
		assert_true(slice_is(body, versioned[i].body));
	}
	assert_true(slice_is(message->versions, VERSIONS));
	assert_int_equal(message->retention_days, 90);
}

static void
expect_note(struct subject *subject)
{
	struct mail *mail = subject->notes.first;
	while (mail->next != NULL)
		mail = mail->next;
	expect_versions(CONTAINER_OF(mail, struct store_note, mail)->message);
}

static void
expect_refill(struct subject *subject, struct endpoint_id endpoint)
{
	struct store_request *request = ask(subject, STORE_REFILL);
	request->refill = (struct store_refill){
	    .endpoint = endpoint, .until = {subject->now.us * 2}, .limit = 2, .bytes_limit = 1 << 20};
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->refill.count, 2);
	expect_versions(request->refill.rows[0].message);
	assert_false(slice_present(request->refill.rows[1].message->versions));
	store_request_free(request);
}

static void
expect_digests(struct subject *subject, struct slice message)
{
	unsigned char digest[SHA256_BYTES];
	struct slice expected = {(const char *)digest, sizeof digest};
	for (size_t i = 0; i < COUNT_OF(versioned); i++) {
		struct store_request *feed = read_feed(subject, versioned[i].endpoint, 0, 1);
		assert_false(slice_present(feed->deliveries[0].message->payload));
		assert_false(slice_present(feed->deliveries[0].message->versions));
		sha256(slice_of(versioned[i].body), digest);
		assert_true(slice_equal(feed->deliveries[0].payload_sha256, expected));
		store_request_free(feed);
	}
	struct store_request *evidence = ask(subject, STORE_MESSAGE_EVIDENCE);
	evidence->ref = SLICE("bank");
	evidence->message_ref = message;
	assert_int_equal(run(subject, evidence), OK);
	sha256(SLICE(FIRST), digest);
	assert_true(evidence->admin->evidence.known && !evidence->admin->evidence.kept);
	assert_memory_equal(evidence->admin->evidence.sha256, digest, SHA256_BYTES);
	store_request_free(evidence);
}

/* On the way to the sender, read back, sent again and in the feed they are what was posted; they go with the payload, and
 * the digest of what each endpoint got stays. */
void
versions_are_kept_as_they_were_posted(void **state)
{
	struct subject *subject = *state;
	struct endpoint_id endpoints[COUNT_OF(versioned)];
	make_organisation(subject, "bank");
	for (size_t i = 0; i < COUNT_OF(versioned); i++) {
		struct store_request *request = ask_endpoint(subject, "bank", versioned[i].endpoint);
		request->admin->endpoint.version = versioned[i].version;
		assert_int_equal(run(subject, request), OK);
		endpoints[i] = request->admin->endpoint.id;
		store_request_free(request);
	}
	struct store_request *accept = ask_accept(subject, "bank", "a", 1);
	versions_set(accept->message, SLICE(FIRST), SLICE(VERSIONS));
	assert_int_equal(run(subject, accept), OK);
	char text[ID_TEXT_BYTES];
	struct slice message = slice_of(id_format(ID_MESSAGE, accept->message->id.value, text));
	store_request_free(accept);
	expect_note(subject);
	accept_message(subject, "bank", "a", 2);
	if (subject->vfs != NULL)
		subject_reopen(subject);
	for (size_t i = 0; i < COUNT_OF(versioned); i++) {
		expect_refill(subject, endpoints[i]);
		struct store_request *feed = read_feed(subject, versioned[i].endpoint, 0, 1);
		expect_versions(feed->deliveries[0].message);
		store_request_free(feed);
	}
	struct store_request *resend = ask(subject, STORE_RESEND);
	resend->ref = SLICE("bank");
	resend->endpoint_ref = SLICE("two");
	resend->message_ref = message;
	expect(subject, resend, OK, STORE_DETAIL_NONE);
	expect_note(subject);
	struct store_request *expunge = ask(subject, STORE_EXPUNGE);
	expunge->ref = SLICE("bank");
	expunge->message_refs = (struct slice_list){&message, 1};
	expect(subject, expunge, OK, STORE_DETAIL_NONE);
	expect_digests(subject, message);
}
