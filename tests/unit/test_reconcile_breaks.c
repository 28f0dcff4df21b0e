/* Each class of break from the least that makes it, and nothing else beside it; what explains what; ages and times. */
#include "test_reconcile_fixture.h"

#include <stdio.h>

#define USDC "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
#define OUT_DATA "\"direction\":\"out\",\"network\":\"eip155:1\",\"asset\":\"native\",\"amount_base_units\":\"100\""
#define IN_DATA "\"direction\":\"in\",\"network\":\"eip155:1\",\"asset\":\"native\",\"amount_base_units\":\"100\""
/* A record with the hash, status and time to be given. */
#define OUT(id, hash, status, time) id ",ref-" id ",out,eip155:1,native,100,7,0xabcd," hash ",0," status "," time "\n"
#define IN(id, hash, status, time) id ",,in,eip155:1,native,100,,0xabcd," hash ",0," status "," time "\n"

static const char out_1[] = COLUMNS OUT("tx_1", "0xaa", "completed", THEN);
static const char in_1[] = COLUMNS IN("tx_1", "0xaa", "completed", THEN);

static void
journal_out(struct fixture *fixture)
{
	journal_event(fixture, 1, "transaction.request.completed", "tx_1", THEN, OUT_DATA ",\"tx_hash\":\"0xaa\"");
}

static void
journal_in(struct fixture *fixture)
{
	journal_event(fixture, 1, "transaction.deposit.completed", "tx_1", THEN, IN_DATA ",\"tx_hash\":\"0xaa\"");
}

static void
test_agreement(void **state)
{
	struct fixture *fixture = *state;
	journal_out(fixture);
	expect_breaks(fixture, out_1, out_1, "");
	assert_int_equal(fixture->reconcile.breaks.matched, 1);
	expect_breaks(fixture, out_1, COLUMNS "tx_1,,,,,,,,,,,\n", "");
	assert_int_equal(fixture->reconcile.breaks.matched, 1);
}

/* A member that is not what it should be is unknown by itself: what is beside it still counts. */
static void
test_one_bad_member(void **state)
{
	struct fixture *fixture = *state;
	static const char *const bad[] = {"\"fee_base_units\":\"0.0001\"", "\"status\":\"SOMETHING_NEW\"",
	    "\"output_index\":\"first\"", "\"fee_base_units\":1e3"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		char time[32], data[256];
		snprintf(time, sizeof time, "2025-01-09T12:00:0%zuZ", i);
		snprintf(data, sizeof data,
		    "\"direction\":\"out\",\"network\":\"eip155:1\",\"asset\":\"native\",\"amount_base_units\":\"999\","
		    "%s,"
		    "\"tx_hash\":\"0xaa\"",
		    bad[i]);
		journal_event(fixture, 1 + (int)i, "transaction.request.completed", "tx_1", time, data);
		expect_breaks(fixture, out_1, out_1, "AMOUNT_MISMATCH");
	}
}

static void
refuse(struct fixture *fixture, const char *claimed, bool forged, int64_t count)
{
	struct store_request *request = store_request_new(STORE_REFUSED, time_at(THEN));
	request->admin->refused = (struct store_refused){
	    .source = SLICE("acme"),
	    .reason = slice_of(verdict_name(forged ? VERDICT_WRONG : VERDICT_STALE)),
	    .claimed = slice_of(claimed),
	    .detail = SLICE("no key fits"),
	    .forged = forged,
	    .count = count,
	};
	struct mail_list notes;
	mail_list_init(&notes);
	assert_int_equal(store_batch(fixture->store, &request, 1, &notes, &fixture->error), OK);
	assert_int_equal(request->status, OK);
	store_request_free(request);
}

/* One break for each claimed id, with its count, also beside the genuine event; stale authentication is none. */
static void
test_unverified_signature(void **state)
{
	struct fixture *fixture = *state;
	journal_out(fixture);
	refuse(fixture, "evt_1", true, 2);
	refuse(fixture, "evt_1", true, 1);
	refuse(fixture, "evt_2", true, 1);
	refuse(fixture, "evt_3", false, 1);
	expect_breaks(fixture, out_1, out_1, "UNVERIFIED_SIGNATURE UNVERIFIED_SIGNATURE");
	assert_string_equal(view_at(fixture, 0).match_key.ptr, "evt_1 (event id)");
	assert_non_null(strstr(view_at(fixture, 0).side[SIDE_JOURNAL].ptr, "\"count\":3"));
	assert_int_equal(fixture->reconcile.breaks.matched, 1);
}

static void
test_conflict(void **state)
{
	struct fixture *fixture = *state;
	journal_out(fixture);
	journal_body(fixture, "acme", "evt_x", "transaction.request.completed",
	    "{\"stream_seq\":2,\"organisation\":\"org\",\"data\":{\"transaction_id\":\"tx_1\"}}");
	journal_body(fixture, "acme", "evt_x", "transaction.request.completed",
	    "{\"stream_seq\":9,\"organisation\":\"org\",\"data\":{\"transaction_id\":\"tx_1\",\"amount_base_units\":"
	    "\"9\"}}");
	journal_body(fixture, "acme", "evt_x", "transaction.request.completed",
	    "{\"stream_seq\":9,\"organisation\":\"org\",\"data\":{\"transaction_id\":\"tx_1\",\"amount_base_units\":"
	    "\"8\"}}");
	expect_breaks(fixture, out_1, out_1, "CONTENT_CONFLICT");
	struct break_view view = view_at(fixture, 0);
	assert_string_equal(view.match_key.ptr, "tx_1 (event id evt_x)");
	assert_non_null(strstr(view.side[SIDE_JOURNAL].ptr, "\"bodies\":3"));
	assert_int_equal(fixture->reconcile.breaks.matched, 0);
}

static void
test_sequence_gap(void **state)
{
	struct fixture *fixture = *state;
	journal_out(fixture);
	journal_event(fixture, 4, "wallet.created", "none", THEN, "");
	journal_event(fixture, 7, "wallet.created", "none", THEN, "");
	journal_event(fixture, 6, "wallet.created", "none", THEN, "");
	expect_breaks(fixture, out_1, out_1, "SEQUENCE_GAP SEQUENCE_GAP");
	assert_string_equal(view_at(fixture, 0).match_key.ptr, "acme/org 2-3 (stream_seq)");
	assert_string_equal(view_at(fixture, 1).match_key.ptr, "acme/org 5-5 (stream_seq)");
	assert_int_equal(fixture->reconcile.breaks.matched, 1);
}

/* A heartbeat takes no number itself; what it carries is the newest there is. */
static void
test_heartbeat(void **state)
{
	struct fixture *fixture = *state;
	journal_out(fixture);
	journal_event(fixture, 99, "webhook.heartbeat", "none", THEN, "\"newest_stream_seq\":1");
	expect_breaks(fixture, out_1, out_1, "");
	journal_event(fixture, 99, "webhook.heartbeat", "none", "2025-01-09T13:00:00Z", "\"newest_stream_seq\":3");
	expect_breaks(fixture, out_1, out_1, "SEQUENCE_GAP");
	assert_non_null(strstr(view_at(fixture, 0).side[SIDE_JOURNAL].ptr, "\"first\":2,\"last\":3,\"count\":2"));
}

static void
test_streams_are_apart(void **state)
{
	struct fixture *fixture = *state;
	journal_body(fixture, "one", "e1", "a.b", "{\"organisation\":\"x\",\"stream_seq\":1}");
	journal_body(fixture, "two", "e1", "a.b", "{\"organisation\":\"x\",\"stream_seq\":5}");
	journal_body(fixture, "two", "e2", "a.b", "{\"organisation\":\"y\",\"stream_seq\":9}");
	expect_breaks(fixture, COLUMNS, COLUMNS, "");
}

static void
test_duplicate(void **state)
{
	struct fixture *fixture = *state;
	journal_out(fixture);
	expect_breaks(fixture, out_1, COLUMNS OUT("tx_1", "0xaa", "completed", THEN) OUT("tx_1", "", "completed", THEN),
	    "DUPLICATE");
	struct break_view view = view_at(fixture, 0);
	assert_non_null(strstr(view.detail.ptr, "lines 2 and 3"));
	assert_null(view.side[SIDE_CUSTODIAN].ptr);
	assert_int_equal(fixture->reconcile.breaks.matched, 0);
	/* The same hash key under other ids, in both files. */
	expect_breaks(fixture, COLUMNS OUT("tx_1", "0xaa", "completed", THEN) OUT("tx_2", "0xAA", "completed", THEN),
	    out_1, "DUPLICATE");
	/* Three of them are two breaks, with an id each. */
	expect_breaks(fixture, out_1,
	    COLUMNS OUT("tx_1", "0xaa", "completed", THEN) OUT("tx_1", "", "failed", THEN)
		OUT("tx_1", "", "failed", THEN),
	    "DUPLICATE DUPLICATE");
	assert_string_not_equal(view_at(fixture, 0).id, view_at(fixture, 1).id);
}

static void
test_missing_event(void **state)
{
	struct fixture *fixture = *state;
	expect_breaks(fixture, out_1, out_1, "MISSING_EVENT");
	struct break_view view = view_at(fixture, 0);
	assert_int_equal(view.age_seconds, 12 * 3600);
	assert_null(view.side[SIDE_JOURNAL].ptr);
	assert_non_null(view.side[SIDE_LEDGER].ptr);
	assert_int_equal(fixture->reconcile.breaks.matched, 0);
	/* An approval that names it is not an event of it. */
	journal_body(fixture, "acme", "w", "workflow.approval.approved",
	    "{\"resource\":{\"type\":\"workflow\",\"id\":\"w\"},\"data\":{\"transaction_id\":\"tx_1\"}}");
	expect_breaks(fixture, out_1, out_1, "MISSING_EVENT");
	/* The screening of it is. */
	journal_event(fixture, 0, "compliance.kyt.screening_started", "tx_1", THEN, "");
	expect_breaks(fixture, out_1, out_1, "");
}

/* What lies between the neighbours of a gap, and is no more than the numbers that are missing, is explained by it. */
static void
test_gap_explains(void **state)
{
	struct fixture *fixture = *state;
	journal_event(fixture, 1, "wallet.created", "none", "2025-01-09T11:00:00Z", "");
	journal_event(fixture, 3, "wallet.created", "none", "2025-01-09T13:00:00Z", "");
	expect_breaks(fixture, out_1, out_1, "SEQUENCE_GAP");
	const char *two = COLUMNS OUT("tx_1", "0xaa", "completed", THEN) OUT("tx_2", "0xbb", "completed", THEN);
	expect_breaks(fixture, two, two, "SEQUENCE_GAP MISSING_EVENT MISSING_EVENT");
	const char *late = COLUMNS OUT("tx_1", "0xaa", "completed", "2025-01-09T20:00:00Z");
	expect_breaks(fixture, late, late, "SEQUENCE_GAP MISSING_EVENT");
}

static void
test_gap_explains_journal_behind(void **state)
{
	struct fixture *fixture = *state;
	journal_event(fixture, 1, "transaction.request.confirmed", "tx_1", "2025-01-09T11:00:00Z", OUT_DATA);
	journal_event(fixture, 3, "wallet.created", "none", "2025-01-09T13:00:00Z", "");
	expect_breaks(fixture, out_1, out_1, "SEQUENCE_GAP");
}

static void
test_missing_at_custodian(void **state)
{
	struct fixture *fixture = *state;
	expect_breaks(fixture, COLUMNS, out_1, "MISSING_AT_CUSTODIAN");
	journal_out(fixture);
	expect_breaks(fixture, COLUMNS, out_1, "MISSING_AT_CUSTODIAN");
	expect_breaks(fixture, COLUMNS, COLUMNS, "MISSING_AT_CUSTODIAN");
	/* Long without an end, but that is not what is wrong with it. */
	expect_breaks(fixture, COLUMNS, COLUMNS OUT("tx_1", "0xaa", "confirming", "2025-01-01T00:00:00Z"),
	    "MISSING_AT_CUSTODIAN");
}

static void
test_missing_in_books(void **state)
{
	struct fixture *fixture = *state;
	journal_out(fixture);
	expect_breaks(fixture, out_1, COLUMNS, "MISSING_INSTRUCTION");
	expect_breaks(
	    fixture, COLUMNS OUT("tx_1", "0xaa", "SUBMITTED", THEN), COLUMNS, "MISSING_INSTRUCTION STATUS_REGRESSION");
}

/* Only what moved money needs an instruction, and only what is completed a booking. */
static void
test_not_yet_in_books(void **state)
{
	struct fixture *fixture = *state;
	journal_event(fixture, 1, "transaction.request.created", "tx_1", THEN, OUT_DATA);
	journal_event(fixture, 2, "transaction.deposit.detected", "tx_2", THEN, IN_DATA);
	journal_event(fixture, 3, "transaction.request.failed", "tx_3", THEN, OUT_DATA);
	expect_breaks(fixture,
	    COLUMNS OUT("tx_1", "", "SIGNED", THEN) IN("tx_2", "0xbb", "confirmed", THEN)
		OUT("tx_3", "", "ERROR", THEN),
	    COLUMNS, "");
}

static void
test_missing_in_ledger(void **state)
{
	struct fixture *fixture = *state;
	journal_in(fixture);
	expect_breaks(fixture, in_1, COLUMNS, "MISSING_IN_LEDGER");
	expect_breaks(fixture, COLUMNS "tx_1,,internal,,,,,,,,completed," THEN "\n", COLUMNS, "MISSING_IN_LEDGER");
}

static void
test_reorged(void **state)
{
	struct fixture *fixture = *state;
	journal_in(fixture);
	journal_event(fixture, 2, "transaction.deposit.reorged", "tx_1", "2025-01-09T12:01:00Z", IN_DATA);
	expect_breaks(fixture, COLUMNS IN("tx_1", "0xaa", "detected", THEN), in_1, "REORGED");
	/* The ledger took it back. */
	expect_breaks(
	    fixture, COLUMNS IN("tx_1", "0xaa", "detected", THEN), COLUMNS IN("tx_1", "0xaa", "detected", THEN), "");
	/* Seen again after it is not yet confirmed again. */
	journal_event(fixture, 3, "transaction.deposit.detected", "tx_1", "2025-01-09T12:02:00Z", IN_DATA);
	expect_breaks(fixture, COLUMNS IN("tx_1", "0xaa", "detected", THEN), in_1, "REORGED");
	journal_event(fixture, 4, "transaction.deposit.confirmed", "tx_1", "2025-01-09T12:03:00Z", IN_DATA);
	journal_event(fixture, 5, "transaction.deposit.completed", "tx_1", "2025-01-09T12:04:00Z", IN_DATA);
	expect_breaks(fixture, in_1, in_1, "");
}

static void
test_reorged_at_custodian(void **state)
{
	struct fixture *fixture = *state;
	journal_out(fixture);
	expect_breaks(fixture, COLUMNS OUT("tx_1", "0xaa", "reorged", THEN), out_1, "REORGED");
	expect_breaks(fixture, COLUMNS OUT("tx_1", "0xaa", "dropped", THEN), out_1, "REORGED");
}

static void
test_replaced(void **state)
{
	struct fixture *fixture = *state;
	journal_out(fixture);
	/* The fee is what a replacement is made for. */
	expect_breaks(fixture, out_1, COLUMNS "tx_1,,out,,,100,9,,0xbb,,completed," THEN "\n", "REPLACED");
	journal_event(fixture, 2, "transaction.request.replaced", "tx_2", THEN, OUT_DATA ",\"tx_hash\":\"0xdd\"");
	journal_event(fixture, 3, "transaction.request.completed", "tx_2", THEN, OUT_DATA ",\"tx_hash\":\"0xdd\"");
	expect_breaks(fixture, COLUMNS OUT("tx_1", "0xaa", "completed", THEN) OUT("tx_2", "0xdd", "completed", THEN),
	    COLUMNS OUT("tx_1", "0xaa", "completed", THEN) OUT("tx_2", "0xcc", "confirming", THEN), "REPLACED");
}

static void
test_compliance_hold(void **state)
{
	struct fixture *fixture = *state;
	journal_event(fixture, 1, "transaction.deposit.confirmed", "tx_1", THEN, IN_DATA);
	journal_event(fixture, 2, "compliance.kyt.screening_completed", "tx_1", THEN, IN_DATA);
	journal_event(fixture, 3, "compliance.decision.quarantined", "tx_1", THEN, IN_DATA);
	expect_breaks(fixture, COLUMNS IN("tx_1", "0xaa", "quarantined", THEN), in_1, "COMPLIANCE_HOLD");
	expect_breaks(fixture, COLUMNS IN("tx_1", "0xaa", "", THEN), in_1, "COMPLIANCE_HOLD");
	expect_breaks(fixture, COLUMNS IN("tx_1", "0xaa", "quarantined", THEN),
	    COLUMNS IN("tx_1", "0xaa", "quarantined", THEN), "");
	journal_event(fixture, 4, "compliance.decision.released", "tx_1", THEN, IN_DATA);
	journal_event(fixture, 5, "transaction.deposit.completed", "tx_1", THEN, IN_DATA);
	expect_breaks(fixture, in_1, in_1, "");
	expect_breaks(fixture, COLUMNS IN("tx_1", "0xaa", "rejected", THEN), in_1, "COMPLIANCE_HOLD");
}

static void
test_members(void **state)
{
	struct fixture *fixture = *state;
	journal_out(fixture);
#define LEDGER(network, asset, amount, fee, address)                                                                   \
	COLUMNS "tx_1,,out," network "," asset "," amount "," fee "," address ",,,completed," THEN "\n"
	expect_breaks(fixture, out_1, LEDGER("", USDC, "100", "7", "0xabcd"), "ASSET_MISMATCH");
	expect_breaks(fixture, out_1, LEDGER("eip155:137", "native", "100", "7", "0xabcd"), "ASSET_MISMATCH");
	expect_breaks(fixture, out_1, LEDGER("", "", "101", "7", ""), "AMOUNT_MISMATCH");
	expect_breaks(fixture, out_1, LEDGER("", "", "100", "8", ""), "FEE_MISMATCH");
	expect_breaks(fixture, out_1, LEDGER("", "", "100", "7", "0xabce"), "ADDRESS_MISMATCH");
	expect_breaks(fixture, out_1, LEDGER("", USDC, "1", "8", "0x1"),
	    "ASSET_MISMATCH AMOUNT_MISMATCH FEE_MISMATCH ADDRESS_MISMATCH");
	assert_string_equal(view_at(fixture, 1).detail.ptr, "amount_base_units: journal 100, custodian 100, ledger 1");
	/* The journal against the custodian. */
	expect_breaks(fixture, COLUMNS "tx_1,,,,,200,,,,,completed," THEN "\n",
	    COLUMNS "tx_1,,,,,200,,,,,completed," THEN "\n", "AMOUNT_MISMATCH");
#undef LEDGER
}

static void
test_exact_amounts(void **state)
{
	struct fixture *fixture = *state;
	journal_event(fixture, 1, "transaction.request.completed", "tx_1", THEN, "\"direction\":\"out\"");
	const char *custodian = COLUMNS "tx_1,,out,,,123456789012345678901234567890,,,,,completed," THEN "\n";
	expect_breaks(fixture, custodian,
	    "{\"id\":\"tx_1\",\"amount_base_units\":123456789012345678901234567890,\"status\":\"completed\"}\n", "");
	expect_breaks(
	    fixture, custodian, "{\"id\":\"tx_1\",\"amount_base_units\":\"00123456789012345678901234567890\"}", "");
	expect_breaks(fixture, custodian, "{\"id\":\"tx_1\",\"amount_base_units\":123456789012345678901234567891}",
	    "AMOUNT_MISMATCH");
}

static void
test_status(void **state)
{
	struct fixture *fixture = *state;
	journal_out(fixture);
	expect_breaks(fixture, COLUMNS OUT("tx_1", "0xaa", "confirming", THEN),
	    COLUMNS OUT("tx_1", "0xaa", "confirming", THEN), "STATUS_REGRESSION");
	expect_breaks(fixture, out_1, COLUMNS OUT("tx_1", "0xaa", "confirmed", THEN), "STATUS_MISMATCH");
	expect_breaks(fixture, out_1, COLUMNS OUT("tx_1", "0xaa", "failed", THEN), "STATUS_MISMATCH");
	expect_breaks(fixture, COLUMNS OUT("tx_1", "0xaa", "failed", THEN), COLUMNS OUT("tx_1", "0xaa", "ERROR", THEN),
	    "STATUS_MISMATCH");
}

/* Behind is only what is not final once the other one is. */
static void
test_behind(void **state)
{
	struct fixture *fixture = *state;
	journal_event(fixture, 1, "transaction.request.submitted", "tx_1", THEN, OUT_DATA);
	expect_breaks(fixture, COLUMNS OUT("tx_1", "0xaa", "confirmed", THEN),
	    COLUMNS OUT("tx_1", "0xaa", "confirming", THEN), "");
	expect_breaks(fixture, out_1, out_1, "STATUS_MISMATCH");
}

static void
test_platform_statuses(void **state)
{
	static const char *const pairs[][3] = {{"PENDING", "pending_approval", "pending_approval"},
	    {"QUEUED", "queued", "queued"}, {"SIGNED", "signed", "signed"}, {"SUBMITTED", "submitted", "submitted"},
	    {"USER_CANCELLED", "cancelled", "cancelled"}, {"BLOCKED", "blocked", "blocked"},
	    {"ERROR", "failed", "failed"}};
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		void *own;
		fixture_set_up(&own);
		struct fixture *fixture = own;
		struct slice type = arena_printf(&fixture->arena, "transaction.request.%s", pairs[i][2]);
		journal_event(fixture, 1, type.ptr, "tx_1", THEN, OUT_DATA);
		struct slice custodian =
		    arena_printf(&fixture->arena, COLUMNS OUT("tx_1", "0xaa", "%s", THEN), pairs[i][0]);
		struct slice ledger =
		    arena_printf(&fixture->arena, COLUMNS OUT("tx_1", "0xaa", "%s", THEN), pairs[i][1]);
		expect_breaks(fixture, custodian.ptr, ledger.ptr, "");
		assert_int_equal(fixture->reconcile.breaks.matched, 1);
		fixture_tear_down(&own);
	}
	(void)state;
}

static void
test_stuck(void **state)
{
	struct fixture *fixture = *state;
	journal_event(fixture, 1, "transaction.request.confirmed", "tx_1", "2025-01-08T12:00:00Z", OUT_DATA);
	const char *old = COLUMNS OUT("tx_1", "0xaa", "confirmed", "2025-01-08T12:00:00Z");
	expect_breaks(fixture, old, old, "STUCK");
	fixture->rules.stuck_after_us *= 2;
	expect_breaks(fixture, old, old, "");
	/* Of an unknown status at the custodian, the journal's counts. */
	fixture->rules.stuck_after_us /= 2;
	const char *unknown = COLUMNS OUT("tx_1", "0xaa", "", "");
	expect_breaks(fixture, unknown, unknown, "STUCK");
}

static void
test_timing(void **state)
{
	struct fixture *fixture = *state;
	journal_out(fixture);
	expect_breaks(fixture, out_1, COLUMNS OUT("tx_1", "0xaa", "completed", "2025-01-09T12:10:01Z"), "TIMING");
	expect_breaks(fixture, out_1, COLUMNS OUT("tx_1", "0xaa", "completed", "2025-01-09T12:10:00Z"), "");
	/* Nothing else may be wrong with it. */
	expect_breaks(
	    fixture, out_1, COLUMNS "tx_1,,out,,,101,,,,,completed,2025-01-09T15:00:00Z\n", "AMOUNT_MISMATCH");
	fixture->rules.tolerance_us = INT64_C(5) * 3600 * 1000000;
	expect_breaks(fixture, out_1, COLUMNS OUT("tx_1", "0xaa", "completed", "2025-01-09T15:00:00Z"), "");
}

#define STATED(account, units)                                                                                         \
	"{\"network\":\"eip155:1\",\"asset\":\"native\",\"account\":\"" account "\",\"balance_base_units\":\"" units   \
	"\",\"occurred_at\":\"2025-01-09T23:00:00Z\"}\n"
#define BOOKED(id, direction, amount)                                                                                  \
	"{\"id\":\"" id "\",\"direction\":\"" direction                                                                \
	"\",\"network\":\"eip155:1\",\"asset\":\"native\",\"account\":\"a\","                                          \
	"\"amount_base_units\":\"" amount "\",\"status\":\"completed\",\"occurred_at\":\"" THEN "\"}\n"

static void
test_balance(void **state)
{
	struct fixture *fixture = *state;
	journal_event(fixture, 1, "transaction.deposit.completed", "tx_1", THEN, "");
	journal_event(fixture, 2, "transaction.request.completed", "tx_2", THEN, "");
	const char *ledger = BOOKED("tx_1", "in", "100000000000000000000000000000") BOOKED("tx_2", "out", "1");
#define CUSTODIAN(units)                                                                                               \
	BOOKED("tx_1", "in", "100000000000000000000000000000") BOOKED("tx_2", "out", "1") STATED("a", units)
	expect_breaks(fixture, CUSTODIAN("99999999999999999999999999999"), ledger, "");
	assert_int_equal(fixture->reconcile.breaks.matched, 2);
	expect_breaks(fixture, CUSTODIAN("NaN"), ledger, "");
	expect_breaks(fixture, CUSTODIAN("99999999999999999999999999998"), ledger, "BALANCE_BREAK");
	assert_string_equal(view_at(fixture, 0).match_key.ptr, "eip155:1/native/a (balance)");
	assert_non_null(strstr(view_at(fixture, 0).side[SIDE_LEDGER].ptr, "99999999999999999999999999999"));
	/* What is missing in the ledger explains its sum. */
	expect_breaks(
	    fixture, CUSTODIAN("99999999999999999999999999999"), BOOKED("tx_2", "out", "1"), "MISSING_IN_LEDGER");
	expect_breaks(fixture, CUSTODIAN("99999999999999999999999999999"),
	    BOOKED("tx_1", "in", "5") BOOKED("tx_2", "out", "1"), "AMOUNT_MISMATCH");
	/* An amount that is unknown makes the sum unknown. */
	expect_breaks(fixture, CUSTODIAN("5"), BOOKED("tx_1", "in", "") BOOKED("tx_2", "out", "1"), "");
#undef CUSTODIAN
}

/* --- times ------------------------------------------------------------------------------------------ */

static void
test_young(void **state)
{
	struct fixture *fixture = *state;
	fixture->rules.as_of = time_at("2025-01-09T12:10:00Z");
	expect_breaks(fixture, out_1, COLUMNS, "");
	expect_breaks(fixture, COLUMNS, out_1, "");
	expect_breaks(fixture, out_1, COLUMNS "tx_1,,out,,,101,8,,0xbb,,failed," THEN "\n", "");
	fixture->rules.as_of = time_at("2025-01-09T12:10:01Z");
	expect_breaks(fixture, out_1, COLUMNS, "MISSING_EVENT MISSING_INSTRUCTION");
	expect_breaks(fixture, COLUMNS, out_1, "MISSING_AT_CUSTODIAN");
	/* Later than the now of the run: not left out, and not late. */
	fixture->rules.as_of = time_at("2025-01-01T00:00:00Z");
	journal_out(fixture);
	expect_breaks(fixture, out_1, out_1, "");
	assert_int_equal(fixture->reconcile.breaks.matched, 1);
}

static void
test_ages(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *as_of, *age, *severity;
	} cases[] = {{"2025-01-09T12:59:59Z", "under 1 h", "low"}, {"2025-01-09T13:00:00Z", "1-24 h", "low"},
	    {"2025-01-10T12:00:00Z", "1-3 d", "low"}, {"2025-01-12T12:00:01Z", "3-7 d", "medium"},
	    {"2025-01-16T12:00:00Z", "over 7 d", "medium"}};
	journal_out(fixture);
	const char *ledger = COLUMNS OUT("tx_1", "0xaa", "completed", "2025-01-09T11:00:00Z");
	char id[40] = "";
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		fixture->rules.as_of = time_at(cases[i].as_of);
		expect_breaks(fixture, out_1, ledger, "TIMING");
		struct break_view view = view_at(fixture, 0);
		assert_string_equal(age_name(view.age_seconds), cases[i].age);
		assert_string_equal(view.severity, cases[i].severity);
		/* The same break found again is the same. */
		if (i > 0)
			assert_string_equal(view.id, id);
		memcpy(id, view.id, sizeof id);
	}
}

/* The closed set, in its order: each class with its severity, and what becomes of it behind three days. */
static void
test_severities(void **state)
{
	(void)state;
	static const struct {
		const char *name, *fresh, *old;
	} table[] = {
	    {"UNVERIFIED_SIGNATURE", "high", "high"},
	    {"CONTENT_CONFLICT", "critical", "critical"},
	    {"SEQUENCE_GAP", "high", "high"},
	    {"DUPLICATE", "high", "high"},
	    {"MISSING_EVENT", "medium", "high"},
	    {"MISSING_AT_CUSTODIAN", "high", "high"},
	    {"MISSING_INSTRUCTION", "critical", "critical"},
	    {"MISSING_IN_LEDGER", "high", "high"},
	    {"REORGED", "critical", "critical"},
	    {"REPLACED", "medium", "high"},
	    {"COMPLIANCE_HOLD", "critical", "critical"},
	    {"ASSET_MISMATCH", "critical", "critical"},
	    {"AMOUNT_MISMATCH", "critical", "critical"},
	    {"FEE_MISMATCH", "low", "medium"},
	    {"ADDRESS_MISMATCH", "critical", "critical"},
	    {"STATUS_REGRESSION", "high", "high"},
	    {"STATUS_MISMATCH", "medium", "high"},
	    {"STUCK", "medium", "high"},
	    {"TIMING", "low", "medium"},
	    {"BALANCE_BREAK", "high", "high"},
	};
	static const int64_t three_days = INT64_C(3) * 86400;
	assert_int_equal(COUNT_OF(table), BREAK_CLASS_COUNT);
	for (enum break_class class = 0; class < BREAK_CLASS_COUNT; class ++) {
		assert_string_equal(break_class_name(class), table[class].name);
		assert_string_equal(break_severity_name(break_severity(class, 0)), table[class].fresh);
		assert_string_equal(break_severity_name(break_severity(class, three_days)), table[class].fresh);
		assert_string_equal(break_severity_name(break_severity(class, three_days + 1)), table[class].old);
	}
	static const int64_t bounds[] = {3600, 86400, three_days, INT64_C(7) * 86400};
	for (size_t i = 0; i < COUNT_OF(bounds); i++)
		assert_string_not_equal(age_name(bounds[i] - 1), age_name(bounds[i]));
}

static void
test_window(void **state)
{
	struct fixture *fixture = *state;
	fixture->rules.from = time_at("2025-01-09T12:00:01Z");
	expect_breaks(fixture, out_1, COLUMNS, "");
	/* One side in the window brings the transaction in. */
	expect_breaks(
	    fixture, out_1, COLUMNS OUT("tx_1", "0xaa", "completed", "2025-01-09T12:00:02Z"), "MISSING_EVENT");
	fixture->rules.from = TIME_UNKNOWN;
	fixture->rules.to = time_at(THEN);
	expect_breaks(fixture, out_1, COLUMNS, "");
	fixture->rules.to = time_at("2025-01-09T12:00:01Z");
	expect_breaks(fixture, out_1, COLUMNS, "MISSING_EVENT MISSING_INSTRUCTION");
}

/* --- the journal's state ---------------------------------------------------------------------------- */

struct step {
	int number;
	const char *type, *time;
};

/* Every order of arrival gives the same state. */
static void
test_orders_of_arrival(void **state)
{
	static const struct step steps[] = {{1, "transaction.deposit.detected", "2025-01-09T10:00:00Z"},
	    {2, "transaction.deposit.confirmed", "2025-01-09T10:01:00Z"},
	    {3, "compliance.kyt.screening_completed", "2025-01-09T10:02:00Z"},
	    {4, "transaction.deposit.completed", "2025-01-09T10:03:00Z"},
	    {5, "transaction.deposit.reorged", "2025-01-09T10:04:00Z"}};
	enum { STEPS = COUNT_OF(steps), ORDERS = 120 };
	(void)state;
	for (size_t numbered = 0; numbered < 2; numbered++) {
		for (size_t order = 0; order < ORDERS; order++) {
			void *own;
			fixture_set_up(&own);
			struct fixture *fixture = own;
			bool used[STEPS] = {false};
			size_t rest = order;
			for (size_t left = STEPS; left > 0; left--) {
				size_t pick = rest % left, at = 0;
				rest /= left;
				for (;; at++)
					if (!used[at] && pick-- == 0)
						break;
				used[at] = true;
				/* Times that say otherwise do not matter where there are numbers. */
				journal_event(fixture, numbered != 0 ? steps[at].number : 0, steps[at].type, "tx_1",
				    numbered != 0 ? THEN : steps[at].time, IN_DATA);
			}
			assert_int_equal(reconcile_texts(fixture, COLUMNS, COLUMNS), OK);
			const struct record *record = &fixture->reconcile.journal.records.items[0];
			assert_true(slice_is(fixture->reconcile.states.words[record->status].name, "detected"));
			assert_true(record->reorged);
			fixture_tear_down(&own);
		}
	}
}

static void
test_late_lower_rank(void **state)
{
	struct fixture *fixture = *state;
	journal_out(fixture);
	journal_event(fixture, 2, "transaction.request.submitted", "tx_1", "2025-01-09T13:00:00Z", OUT_DATA);
	expect_breaks(fixture, out_1, out_1, "");
	journal_event(fixture, 3, "transaction.request.failed", "tx_1", "2025-01-09T13:00:00Z", OUT_DATA);
	expect_breaks(fixture, out_1, out_1, "STATUS_MISMATCH");
}

/* A screened payment goes its own way; the screening moves deposits. */
static void
test_screened_payment(void **state)
{
	struct fixture *fixture = *state;
	journal_event(fixture, 1, "transaction.request.confirmed", "tx_1", THEN, OUT_DATA);
	journal_event(fixture, 2, "compliance.decision.rejected", "tx_1", THEN, OUT_DATA);
	const char *confirmed = COLUMNS OUT("tx_1", "0xaa", "confirmed", THEN);
	expect_breaks(fixture, confirmed, confirmed, "");
}

static void
test_first_generation(void **state)
{
	struct fixture *fixture = *state;
	journal_body(fixture, "old", "m1", "BITCOIN_TRANSACTION_RECEIVED",
	    "{\"messageId\":\"m1\",\"version\":\"1.0.0\",\"type\":\"BITCOIN_TRANSACTION_RECEIVED\",\"isoTimestamp\":"
	    "\"" THEN "\",\"payload\":{\"trustId\":\"t\",\"transactionAmount\":\"100\",\"bitcoinAddress\":"
	    "\"1BoatSLRHtKNngkdXEeobR76b53L"
	    "ETtpyT\",\"complianceInfo\":{\"transferReference\":\"AB12:1BoatSLRHtKNngkdXEeobR76b53LETtpyT\"}}}");
	const char *custodian = COLUMNS "tx_1,,in,bip122:000000000019d6689c085ae165831e93,native,100,,"
					"1BoatSLRHtKNngkdXEeobR76b53LETtpyT,ab12,,confirmed," THEN "\n";
	expect_breaks(fixture, custodian, custodian, "");
	assert_int_equal(fixture->reconcile.breaks.matched, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_agreement),
	    TEST(test_one_bad_member),
	    TEST(test_unverified_signature),
	    TEST(test_conflict),
	    TEST(test_sequence_gap),
	    TEST(test_heartbeat),
	    TEST(test_streams_are_apart),
	    TEST(test_duplicate),
	    TEST(test_missing_event),
	    TEST(test_gap_explains),
	    TEST(test_gap_explains_journal_behind),
	    TEST(test_missing_at_custodian),
	    TEST(test_missing_in_books),
	    TEST(test_not_yet_in_books),
	    TEST(test_missing_in_ledger),
	    TEST(test_reorged),
	    TEST(test_reorged_at_custodian),
	    TEST(test_replaced),
	    TEST(test_compliance_hold),
	    TEST(test_members),
	    TEST(test_exact_amounts),
	    TEST(test_status),
	    TEST(test_behind),
	    TEST(test_platform_statuses),
	    TEST(test_stuck),
	    TEST(test_timing),
	    TEST(test_balance),
	    TEST(test_young),
	    TEST(test_ages),
	    TEST(test_severities),
	    TEST(test_window),
	    TEST(test_orders_of_arrival),
	    TEST(test_late_lower_rank),
	    TEST(test_screened_payment),
	    TEST(test_first_generation),
	};
	return cmocka_run_group_tests_name("reconcile breaks", tests, NULL, NULL);
}
