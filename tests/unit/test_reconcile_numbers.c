/* The numbers of the vaultbell-sequence header where envelopes have none of their own, and requests that end when they are
 * signed. */
#include "test_reconcile_fixture.h"

#include <stdio.h>

/* An event whose delivery had the number `header`; `stream` 0: its envelope has none. */
static void
journal_numbered(struct fixture *fixture, int header, int stream, const char *type, const char *time)
{
	struct store_request *request = store_request_new(STORE_JOURNAL, time_at(THEN));
	struct message *message = message_new();
	struct slice number =
	    stream == 0 ? SLICE("")
			: arena_printf(&message->arena, ",\"stream_seq\":%d,\"organisation\":\"org\"", stream);
	message->payload = arena_printf(
	    &message->arena, "{\"type\":\"%s\",\"occurred_at\":\"%s\"%.*s}", type, time, SLICE_ARG(number));
	message->webhook_id = arena_printf(&message->arena, "evt_%d", header);
	message->event_type = arena_copy(&message->arena, slice_of(type));
	request->journal.source = SLICE("acme");
	request->journal.event_id = message->webhook_id;
	request->journal.type = message->event_type;
	request->journal.message = message;
	request->journal.headers.sequence = arena_printf(&request->arena, "%d", header);
	sha256(message->payload, request->journal.body_sha256);
	struct mail_list notes;
	mail_list_init(&notes);
	assert_int_equal(store_batch(fixture->store, &request, 1, &notes, &fixture->error), OK);
	assert_int_equal(request->status, OK);
	store_request_free(request);
}

static void
test_header_numbers(void **state)
{
	struct fixture *fixture = *state;
	journal_numbered(fixture, 5, 0, "wallet.created", THEN);
	journal_numbered(fixture, 6, 0, "wallet.created", THEN);
	expect_breaks(fixture, COLUMNS, COLUMNS, "");
	journal_numbered(fixture, 9, 0, "wallet.created", THEN);
	expect_breaks(fixture, COLUMNS, COLUMNS, "SEQUENCE_GAP");
	struct break_view view = view_at(fixture, 0);
	assert_string_equal(view.match_key.ptr, "acme 7-8 (vaultbell-sequence)");
	assert_non_null(strstr(view.side[SIDE_JOURNAL].ptr, "\"first\":7,\"last\":8,\"count\":2"));
}

/* The endpoint may have left out what it does not subscribe to, and its replays have numbers of their own. */
static void
test_envelopes_come_first(void **state)
{
	struct fixture *fixture = *state;
	journal_numbered(fixture, 1, 10, "wallet.created", THEN);
	journal_numbered(fixture, 3, 11, "wallet.created", THEN);
	expect_breaks(fixture, COLUMNS, COLUMNS, "");
	/* What the service itself sends never has a number, and proves nothing. */
	journal_numbered(fixture, 5, 0, "webhook.ping", THEN);
	expect_breaks(fixture, COLUMNS, COLUMNS, "");
}

/* One loss is told once, whichever of the two shows it. */
static void
test_both_numbers(void **state)
{
	struct fixture *fixture = *state;
	journal_numbered(fixture, 1, 10, "wallet.created", THEN);
	journal_numbered(fixture, 3, 12, "wallet.created", THEN);
	journal_numbered(fixture, 4, 0, "custom.thing", THEN);
	expect_breaks(fixture, COLUMNS, COLUMNS, "SEQUENCE_GAP");
	assert_string_equal(view_at(fixture, 0).match_key.ptr, "acme/org 11-11 (stream_seq)");
	journal_numbered(fixture, 6, 0, "custom.thing", THEN);
	expect_breaks(fixture, COLUMNS, COLUMNS, "SEQUENCE_GAP SEQUENCE_GAP");
}

/* The sender's heartbeat carries the newest number of the header; what is lost at the end shows by nothing else. */
static void
test_heartbeat_of_headers(void **state)
{
	struct fixture *fixture = *state;
	journal_numbered(fixture, 4, 10, "wallet.created", THEN);
	journal_body(fixture, "acme", "hb_1", "webhook.heartbeat",
	    "{\"type\":\"webhook.heartbeat\",\"organisation\":\"org\",\"occurred_at\":\"2025-01-09T12:00:00Z\","
	    "\"data\":{"
	    "\"newest_sequence\":4}}");
	expect_breaks(fixture, COLUMNS, COLUMNS, "");
	journal_body(fixture, "acme", "hb_2", "webhook.heartbeat",
	    "{\"type\":\"webhook.heartbeat\",\"organisation\":\"org\",\"occurred_at\":\"2025-01-09T13:00:00Z\","
	    "\"data\":{"
	    "\"newest_sequence\":6}}");
	expect_breaks(fixture, COLUMNS, COLUMNS, "SEQUENCE_GAP");
	assert_string_equal(view_at(fixture, 0).match_key.ptr, "acme 5-6 (vaultbell-sequence)");
	journal_body(fixture, "acme", "hb_3", "webhook.heartbeat",
	    "{\"messageId\":\"hb_3\",\"type\":\"webhook.heartbeat\",\"isoTimestamp\":\"2025-01-09T14:00:00.000Z\","
	    "\"payload\":{\"newest_sequence\":7}}");
	expect_breaks(fixture, COLUMNS, COLUMNS, "SEQUENCE_GAP");
	assert_string_equal(view_at(fixture, 0).match_key.ptr, "acme 5-7 (vaultbell-sequence)");
}

static void
test_gap_of_headers_explains(void **state)
{
	struct fixture *fixture = *state;
	journal_numbered(fixture, 1, 0, "wallet.created", "2025-01-08T12:00:00Z");
	journal_numbered(fixture, 3, 0, "wallet.created", "2025-01-08T14:00:00Z");
	static const char deposit[] =
	    COLUMNS "tx_1,,in,eip155:1,native,100,,0xabcd,0xaa,0,completed,2025-01-08T13:00:00Z\n";
	expect_breaks(fixture, deposit, deposit, "SEQUENCE_GAP");
}

#define SIGNED "tx_1,,,eip155:1,,,,,,,SIGNED,2025-01-01T00:00:00Z"

static void
test_sign_only(void **state)
{
	struct fixture *fixture = *state;
	expect_breaks(fixture, COLUMNS SIGNED "\n", COLUMNS, "MISSING_EVENT");
	journal_body(fixture, "acme", "evt_1", "transaction.message_sign.signed",
	    "{\"occurred_at\":\"2025-01-01T00:00:00Z\",\"resource\":{\"type\":\"message\",\"id\":\"tx_1\"},\"data\":{}"
	    "}");
	expect_breaks(fixture, COLUMNS SIGNED "\n", COLUMNS, "");
	/* It is final: somebody who cancelled it disagrees. */
	expect_breaks(
	    fixture, COLUMNS "tx_1,,,,,,,,,,USER_CANCELLED,2025-01-01T00:00:00Z\n", COLUMNS, "STATUS_MISMATCH");
}

/* Without it, signed is a station on the way, and this one stays there too long. */
static void
test_signed_is_not_always_the_end(void **state)
{
	struct fixture *fixture = *state;
	journal_event(fixture, 1, "transaction.request.signed", "tx_1", "2025-01-01T00:00:00Z", "");
	expect_breaks(fixture, COLUMNS SIGNED "\n", COLUMNS, "STUCK");
	static const char *const types[] = {
	    "MESSAGE_SIGN", "ethereum_personal_sign", "EthereumSignMessage", "Transfer"};
	static const char *const expected[] = {"", "", "STUCK", "STUCK"};
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		char row[256];
		snprintf(row, sizeof row,
		    "{\"id\":\"tx_1\",\"status\":\"SIGNED\",\"occurred_at\":\"%s\",\"type\":\"%s\"}",
		    "2025-01-01T00:00:00Z", types[i]);
		expect_breaks(fixture, row, COLUMNS, expected[i]);
	}
}

static void
test_sign_only_of_the_first_generation(void **state)
{
	struct fixture *fixture = *state;
	journal_body(fixture, "acme", "evt_1", "ETHEREUM_PERSONAL_SIGN_CREATED",
	    "{\"messageId\":\"evt_1\",\"type\":\"ETHEREUM_PERSONAL_SIGN_CREATED\",\"isoTimestamp\":"
	    "\"2025-01-01T00:00:00.000Z\",\"payload\":{\"trustId\":\"t\",\"requestId\":\"tx_1\"}}");
	/* The journal is behind, and the custodian's word is final. */
	expect_breaks(fixture, COLUMNS SIGNED "\n", COLUMNS, "STATUS_MISMATCH");
}

static void
expect_due(int64_t every_ms, int64_t at_ms, const char *last, const char *now, const char *due)
{
	char text[TIME_TEXT_BYTES];
	struct wall_time before = last == NULL ? (struct wall_time){0} : time_at(last);
	assert_string_equal(time_format(reconcile_due(every_ms, at_ms, before, time_at(now)), 0, text), due);
}

static void
test_when_a_run_is_due(void **state)
{
	(void)state;
	const int64_t hour = 3600000, day = 24 * hour;
	expect_due(hour, -1, NULL, "2025-01-09T12:34:00Z", "2025-01-09T12:34:00Z");
	expect_due(hour, -1, "2025-01-09T12:34:00Z", "2025-01-09T12:40:00Z", "2025-01-09T13:34:00Z");
	/* Late is at once. */
	expect_due(hour, -1, "2025-01-09T12:34:00Z", "2025-01-12T00:00:00Z", "2025-01-09T13:34:00Z");
	expect_due(day, 6 * hour, NULL, "2025-01-09T05:00:00Z", "2025-01-09T06:00:00Z");
	expect_due(day, 6 * hour, NULL, "2025-01-09T06:00:00Z", "2025-01-10T06:00:00Z");
	expect_due(day, 6 * hour, "2025-01-09T06:00:01Z", "2025-01-09T06:00:05Z", "2025-01-10T06:00:00Z");
	expect_due(4 * hour, 6 * hour, "2025-01-09T01:59:00Z", "2025-01-09T01:59:01Z", "2025-01-09T02:00:00Z");
	expect_due(4 * hour, 6 * hour, "2025-01-09T22:00:00Z", "2025-01-09T22:00:01Z", "2025-01-10T02:00:00Z");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_header_numbers),
	    TEST(test_envelopes_come_first),
	    TEST(test_both_numbers),
	    TEST(test_heartbeat_of_headers),
	    TEST(test_gap_of_headers_explains),
	    TEST(test_when_a_run_is_due),
	    TEST(test_sign_only),
	    TEST(test_signed_is_not_always_the_end),
	    TEST(test_sign_only_of_the_first_generation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
