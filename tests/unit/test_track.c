/* Tracking: whatever the order of arrival and however often an event comes, the state and the timeline are the same. */
#include "base/limits.h"
#include "base/random.h"
#include "catalogue/history.h"
#include "reconcile/track.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY_US (INT64_C(86400) * 1000000)

enum { EVENTS_MAX = 6, HISTORY_EVENTS = 1500 };

static struct wall_time
time_at(const char *text)
{
	struct wall_time time;
	assert_true(time_parse(slice_of(text), &time));
	return time;
}

/* --- histories that are written out ----------------------------------------------------------------- */

struct told {
	int number; /* stream_seq; 0: none */
	const char *type, *at, *data;
	const char *source; /* NULL: "acme" */
};

struct story {
	const char *name;
	enum track_kind kind;
	struct told events[EVENTS_MAX];
	const char *state, *since;
	const char *timeline; /* the last word of each type, with + where it moved the state */
};

#define AT(minute) "2025-01-09T12:" minute ":00Z"
#define IN "\"direction\":\"in\""
#define OUT "\"direction\":\"out\""

static const struct story stories[] = {
    {"a deposit that a reorganisation takes back", TRACK_TRANSACTION,
	{{1, "transaction.deposit.detected", AT("01"), IN, NULL},
	    {2, "transaction.deposit.confirmed", AT("02"), IN, NULL},
	    {3, "transaction.deposit.completed", AT("03"), IN, NULL},
	    {4, "transaction.deposit.reorged", AT("04"), IN, NULL},
	    {5, "transaction.deposit.confirmed", AT("05"), IN, NULL},
	    {6, "transaction.deposit.detected", AT("06"), IN, NULL}},
	"confirmed", AT("05"), "detected+ confirmed+ completed+ reorged+ confirmed+ detected"},
    {"numbers go before times", TRACK_TRANSACTION,
	{{1, "transaction.deposit.confirmed", AT("09"), IN, NULL},
	    {2, "transaction.deposit.reorged", AT("05"), IN, NULL},
	    {3, "transaction.deposit.detected", AT("07"), IN, NULL}},
	"detected", AT("05"), "confirmed+ reorged+ detected"},
    {"without numbers by time, then by rank", TRACK_TRANSACTION,
	{{0, "transaction.request.created", AT("01"), OUT, NULL},
	    {0, "transaction.request.approved", AT("01"), OUT, NULL},
	    {0, "transaction.request.submitted", AT("01"), OUT, NULL},
	    {0, "transaction.request.queued", AT("02"), OUT, NULL},
	    {0, "transaction.request.confirmed", AT("03"), OUT, NULL},
	    {0, "transaction.request.dropped", AT("04"), OUT, NULL}},
	"dropped", AT("04"), "created+ approved+ submitted+ queued confirmed+ dropped+"},
    {"numbers of two sources do not compare", TRACK_TRANSACTION,
	{{9, "transaction.deposit.detected", AT("01"), IN, NULL},
	    {1, "transaction.deposit.confirmed", AT("02"), IN, "other"},
	    {8, "transaction.deposit.completed", AT("03"), IN, NULL}},
	"completed", AT("03"), "detected+ confirmed+ completed+"},
    {"an event without a number among others", TRACK_TRANSACTION,
	{{3, "transaction.deposit.detected", AT("01"), IN, NULL},
	    {0, "transaction.deposit.confirmed", AT("02"), IN, NULL},
	    {2, "transaction.deposit.unattributed", AT("03"), IN, NULL}},
	"confirmed", AT("02"), "detected+ confirmed+ unattributed"},
    {"screening moves a deposit, also at one moment", TRACK_TRANSACTION,
	{{0, "transaction.deposit.confirmed", AT("01"), IN, NULL},
	    {0, "compliance.kyt.screening_started", AT("02"), IN, NULL},
	    {0, "compliance.kyt.screening_completed", AT("03"), IN, NULL},
	    {0, "compliance.kyt.alert_raised", AT("03"), IN, NULL},
	    {0, "compliance.decision.quarantined", AT("03"), IN, NULL},
	    {0, "compliance.decision.released", AT("04"), IN, NULL}},
	"released", AT("04"), "confirmed+ screening_started alert_raised screening_completed+ quarantined+ released+"},
    {"screening does not move a payment", TRACK_TRANSACTION,
	{{1, "transaction.request.confirming", AT("01"), OUT, NULL},
	    {2, "transaction.request.replaced", AT("02"), OUT, NULL},
	    {3, "compliance.decision.allowed", AT("03"), OUT, NULL},
	    {4, "compliance.sanctions.hit", AT("04"), "", NULL}, {5, "compliance.travel_rule.sent", AT("05"), "", NULL},
	    {6, "transaction.request.failed", AT("06"), OUT, NULL}},
	"failed", AT("06"), "confirming+ replaced allowed hit sent failed+"},
    {"a deposit that does not say its direction", TRACK_TRANSACTION,
	{{1, "transaction.deposit.confirmed", AT("01"), "", NULL},
	    {2, "compliance.kyt.screening_completed", AT("02"), "", NULL},
	    {3, "transaction.deposit.completed", AT("03"), "", NULL}},
	"completed", AT("03"), "confirmed+ screening_completed+ completed+"},
    {"nothing that says a state", TRACK_TRANSACTION,
	{{1, "compliance.kyt.alert_raised", AT("01"), IN, NULL},
	    {2, "transaction.deposit.unattributed", AT("02"), IN, NULL}},
	NULL, NULL, "alert_raised unattributed"},
    {"a type of the source's own", TRACK_TRANSACTION,
	{{1, "transaction.deposit.detected", AT("01"), IN, NULL},
	    {2, "transaction.own", AT("02"), IN ",\"status\":\"completed\"", NULL},
	    {3, "transaction.own", AT("03"), IN ",\"status\":\"confirmed\"", NULL}},
	"completed", AT("02"), "detected+ own+ own"},
    {"an approval", TRACK_WORKFLOW,
	{{1, "workflow.approval.requested", AT("01"), "", NULL},
	    {2, "workflow.approval.vote_recorded", AT("02"), "", NULL},
	    {3, "workflow.approval.delegate_signed", AT("03"), "", NULL},
	    {4, "workflow.approval.quorum_reached", AT("04"), "", NULL},
	    {5, "workflow.approval.vote_recorded", AT("05"), "", NULL},
	    {6, "workflow.approval.cancelled", AT("06"), "", NULL}},
	"cancelled", AT("06"), "requested+ vote_recorded+ delegate_signed quorum_reached+ vote_recorded cancelled+"},
    {"an approval that tells of a move", TRACK_WORKFLOW,
	{{1, "workflow.approval.requested", AT("01"), "", NULL},
	    {2, "workflow.status_changed", AT("02"), "\"status\":\"quorum_reached\"", NULL},
	    {3, "workflow.status_changed", AT("03"), "\"status\":\"votes\"", NULL},
	    {4, "workflow.status_changed", AT("04"), "\"status\":\"submitted\"", NULL}},
	"quorum_reached", AT("02"), "requested+ status_changed+ status_changed status_changed"},
    {"a screening, without numbers", TRACK_CASE,
	{{0, "compliance.kyt.screening_started", AT("01"), "", NULL},
	    {0, "compliance.kyt.screening_failed", AT("02"), "", NULL},
	    {0, "compliance.kyt.screening_completed", AT("03"), "\"status\":\"screened\"", NULL},
	    {0, "compliance.decision.allowed", AT("03"), "\"status\":\"screened\"", NULL},
	    {0, "compliance.kyt.rating_changed", AT("05"), "", NULL}},
	"changed", AT("05"), "screening_started+ screening_failed allowed screening_completed+ rating_changed+"},
    {"the travel rule", TRACK_CASE,
	{{1, "compliance.travel_rule.information_required", AT("01"), "", NULL},
	    {2, "compliance.travel_rule.sent", AT("02"), "", NULL},
	    {3, "compliance.travel_rule.rejected", AT("03"), "", NULL}},
	"rejected", AT("03"), "information_required+ sent+ rejected+"},
    {"an endpoint, to and fro", TRACK_ENDPOINT,
	{{1, "webhook.endpoint.updated", AT("01"), "\"status\":\"active\"", NULL},
	    {2, "webhook.endpoint.failing", AT("02"), "\"status\":\"failing\"", NULL},
	    {3, "webhook.endpoint.suspended", AT("03"), "", NULL}, {4, "webhook.key.rotated", AT("04"), "", NULL},
	    {5, "webhook.endpoint.resumed", AT("05"), "", NULL},
	    {6, "webhook.endpoint.updated", AT("06"), "\"status\":\"disabled\"", NULL}},
	"disabled", AT("06"), "updated+ failing+ suspended+ rotated resumed+ updated+"},
};

static const char *
resource_of(const struct told *told)
{
	return strncmp(told->type, "transaction.", 12) == 0 ? "transaction"
	       : strncmp(told->type, "workflow.", 9) == 0   ? "workflow"
	       : strncmp(told->type, "webhook.", 8) == 0    ? "endpoint"
							    : "case";
}

static size_t
rows_of(const struct story *story, struct arena *arena, struct store_journal_row rows[static EVENTS_MAX])
{
	static const char *const ids[] = {"tx_1", "wf_1", "case_1"};
	size_t count = 0;
	for (; count < EVENTS_MAX && story->events[count].type != NULL; count++) {
		const struct told *told = &story->events[count];
		const char *kind = resource_of(told);
		const char *id = kind[0] == 't' ? ids[0] : kind[0] == 'w' ? ids[1] : kind[0] == 'c' ? ids[2] : "ep_1";
		struct slice number =
		    told->number == 0 ? SLICE("") : arena_printf(arena, "\"stream_seq\":%d,", told->number);
		struct slice body = arena_printf(arena,
		    "{%s\"occurred_at\":\"%s\",\"resource\":{\"type\":\"%s\",\"id\":\"%s\"},\"data\":{"
		    "\"transaction_id\":\"tx_1\"%s%s}}",
		    number.ptr, told->at, kind, id, told->data[0] == '\0' ? "" : ",", told->data);
		/* Ids that rise neither with the numbers nor with the times. */
		rows[count] = (struct store_journal_row){
		    .seq = (int64_t)count + 1,
		    .event_id = arena_printf(arena, "evt_%zu", (count * 5 + 3) % 7),
		    .type = slice_of(told->type),
		    .source = slice_of(told->source == NULL ? "acme" : told->source),
		    .verdict = JOURNAL_VERIFIED,
		    .received = time_at("2025-01-09T13:00:00Z"),
		    .body = body,
		};
	}
	return count;
}

static struct slice
timeline_of(const struct track *track, struct arena *arena)
{
	struct slice text = SLICE("");
	for (size_t i = 0; i < track->count; i++) {
		struct slice rest = track->events[i].type, word = rest;
		while (slice_present(rest))
			word = slice_cut(&rest, '.');
		text = arena_printf(arena, "%.*s%s%.*s%s", SLICE_ARG(text), i > 0 ? " " : "", SLICE_ARG(word),
		    track->events[i].moved ? "+" : "");
	}
	return text;
}

/* Feeds the rows in this order, each followed by one that came before, and looks at what comes out. */
static void
check_order(const struct story *story, const struct store_journal_row *rows, const size_t *order, size_t count,
    size_t turn, struct arena *arena)
{
	static const char *const ids[] = {"tx_1", "wf_1", "case_1", "ep_1"};
	struct track track;
	track_init(&track, story->kind, slice_of(ids[story->kind]));
	for (size_t i = 0; i < count; i++) {
		track_take(&track, &rows[order[i]]);
		track_take(&track, &rows[order[(turn + i) % (i + 1)]]);
	}
	track_run(&track, time_at("2025-01-10T00:00:00Z"), DAY_US);
	struct slice timeline = timeline_of(&track, arena);
	bool right = slice_is(timeline, story->timeline) && slice_equal(track.state, slice_of(story->state)) &&
		     (story->since == NULL ? !time_known(track.since) : track.since.us == time_at(story->since).us);
	if (!right)
		fail_msg("%s: %.*s: %.*s; expected %s: %s", story->name, SLICE_ARG(track.state), SLICE_ARG(timeline),
		    story->state == NULL ? "" : story->state, story->timeline);
	assert_false(track.stuck);
	track_fini(&track);
}

/* Heap's algorithm without recursion: each permutation once, the next by one exchange. */
static void
test_every_order(void **state UNUSED)
{
	for (size_t s = 0; s < COUNT_OF(stories); s++) {
		struct arena keep = ARENA_EMPTY, arena = ARENA_EMPTY;
		struct store_journal_row rows[EVENTS_MAX];
		size_t count = rows_of(&stories[s], &keep, rows);
		size_t order[EVENTS_MAX] = {0, 1, 2, 3, 4, 5}, counters[EVENTS_MAX] = {0}, turn = 1, orders = 1;
		check_order(&stories[s], rows, order, count, 0, &arena);
		for (size_t i = 1; i < count;) {
			if (counters[i] == i) {
				counters[i++] = 0;
				continue;
			}
			size_t other = i % 2 == 0 ? 0 : counters[i], held = order[i];
			order[i] = order[other];
			order[other] = held;
			check_order(&stories[s], rows, order, count, turn++, &arena);
			arena_reset(&arena);
			counters[i]++;
			orders++;
			i = 1;
		}
		size_t expected = 1;
		for (size_t i = 2; i <= count; i++)
			expected *= i;
		assert_int_equal(orders, expected);
		arena_free(&arena);
		arena_free(&keep);
	}
}

/* --- histories of the simulator --------------------------------------------------------------------- */

struct told_history {
	struct arena arena;
	struct store_journal_row rows[HISTORY_EVENTS];
	struct history_event events[HISTORY_EVENTS];
};

static struct slice
member(struct arena *arena, struct slice body, const char *object, const char *name)
{
	struct json document;
	assert_int_equal(json_parse(body, LIMIT_JSON_DEPTH, &document, NULL), OK);
	struct json outer = json_member(document, object);
	struct json value = outer.type == JSON_OBJECT ? json_member(outer, name) : JSON_ABSENT;
	return value.type == JSON_STRING ? json_text(arena, value) : SLICE_NONE;
}

static struct told_history *
told_history_new(void)
{
	struct told_history *told = mem_zero(1, sizeof *told);
	struct history history;
	struct history_options options = {.organisation = SLICE("org_test")};
	history_init(&history, 11, &options);
	for (size_t i = 0; i < HISTORY_EVENTS; i++) {
		struct history_event *event = &told->events[i];
		assert_true(history_next(&history, &told->arena, event));
		told->rows[i] = (struct store_journal_row){
		    .seq = (int64_t)i + 1,
		    .event_id = event->event_id,
		    .type = event->type,
		    .source = SLICE("acme"),
		    .verdict = JOURNAL_VERIFIED,
		    .received = event->occurred_at,
		    .body = event->payload,
		};
	}
	/* Mixed, as hostile networks do. */
	struct random random;
	random_seed(&random, 5);
	for (size_t i = HISTORY_EVENTS - 1; i > 0; i--) {
		size_t other = (size_t)random_below(&random, i + 1);
		struct store_journal_row held = told->rows[i];
		told->rows[i] = told->rows[other];
		told->rows[other] = held;
	}
	return told;
}

static void
expect_state(const struct told_history *told, enum track_kind kind, struct slice id, struct slice expected, bool *ended)
{
	struct track track;
	track_init(&track, kind, id);
	for (size_t i = 0; i < HISTORY_EVENTS; i++)
		track_take(&track, &told->rows[i]);
	for (size_t i = 0; i < HISTORY_EVENTS; i += 3)
		track_take(&track, &told->rows[i]);
	track_run(&track, WALL_NEVER, 0);
	assert_true(track.count > 0);
	for (size_t i = 1; i < track.count; i++)
		assert_true(track.events[i - 1].stream_seq < track.events[i].stream_seq);
	if (!slice_equal(track.state, expected))
		fail_msg(
		    "%.*s: %.*s; the history says %.*s", SLICE_ARG(id), SLICE_ARG(track.state), SLICE_ARG(expected));
	*ended |= !track.stuck;
	track_fini(&track);
}

/* The last event of each resource says its state, in the history's own words. */
static void
test_simulated_histories(void **state UNUSED)
{
	struct told_history *told = told_history_new();
	static const char *const lifecycles[] = {"outbound", "internal", "deposit", "approval", "kyt"};
	bool ended[COUNT_OF(lifecycles)] = {false};
	struct slice_list seen = {mem_zero(HISTORY_EVENTS * 2, sizeof(struct slice)), 0};
	for (size_t i = HISTORY_EVENTS; i > 0; i--) {
		const struct history_event *event = &told->events[i - 1];
		const struct catalogue_type *type = catalogue_find(event->catalogue_type);
		struct slice id = member(&told->arena, event->payload, "resource", "id");
		bool workflow = slice_is(type->resource_kind, "workflow"),
		     screening = slice_is(type->resource_kind, "case");
		for (size_t k = 0; k < COUNT_OF(lifecycles); k++) {
			if (!slice_is(type->lifecycle, lifecycles[k]) || slice_list_has(seen, id))
				continue;
			seen.items[seen.count++] = id;
			/* What a case did to the transaction since counts too, so that is asked of the last event. */
			struct slice expected = screening  ? member(&told->arena, event->payload, "data", "case_status")
						: workflow ? member(&told->arena, event->payload, "data", "status")
							   : SLICE_NONE;
			for (size_t j = HISTORY_EVENTS; j > 0 && !slice_present(expected); j--)
				if (slice_equal(told->events[j - 1].transaction_id, id))
					expected = told->events[j - 1].state;
			expect_state(told,
			    screening  ? TRACK_CASE
			    : workflow ? TRACK_WORKFLOW
				       : TRACK_TRANSACTION,
			    id, expected, &ended[k]);
		}
	}
	for (size_t k = 0; k < COUNT_OF(lifecycles); k++)
		assert_true(ended[k]);
	free(seen.items);
	arena_free(&told->arena);
	free(told);
}

/* --- the index ---------------------------------------------------------------------------------------- */

enum { INDEXED_EVENTS = 400 };

static void
journal_row(struct store *store, const struct store_journal_row *row)
{
	struct store_request *request = store_request_new(STORE_JOURNAL, row->received);
	struct message *message = message_new();
	message->payload = arena_copy(&message->arena, row->body);
	message->webhook_id = arena_copy(&message->arena, row->event_id);
	message->event_type = arena_copy(&message->arena, row->type);
	request->journal = (struct store_journal){
	    .source = row->source, .event_id = message->webhook_id, .type = message->event_type, .message = message};
	sha256(message->payload, request->journal.body_sha256);
	assert_int_equal(store_ask(store, request, NULL), OK);
	store_request_free(request);
}

/* Indexes the rows behind `from` up to `through`, in steps of a few. */
static void
index_rows(struct store *store, int64_t from, int64_t through)
{
	struct track_names names;
	track_names_init(&names);
	while (from < through) {
		struct store_request *rows = store_request_new(STORE_JOURNAL_LIST, WALL_NONE);
		rows->page =
		    (struct store_page){.limit = (size_t)(through - from < 7 ? through - from : 7), .after = from};
		rows->with_bodies = true;
		assert_int_equal(store_ask(store, rows, NULL), OK);
		struct store_request *put = store_request_new(STORE_TRACK_PUT, WALL_NONE);
		struct store_track_entry entries[7 * TRACK_KIND_COUNT];
		size_t count = 0;
		for (size_t i = 0; i < rows->count; i++) {
			track_names_read(&names, &rows->journal_rows[i]);
			for (int kind = 0; kind < TRACK_KIND_COUNT; kind++)
				if (names.of[kind].len > 0)
					entries[count++] = (struct store_track_entry){
					    kind, arena_copy(&put->arena, names.of[kind]), rows->journal_rows[i].seq};
		}
		int64_t last = rows->journal_rows[rows->count - 1].seq;
		put->admin->track =
		    (struct store_track){.entries = entries, .entry_count = count, .from = from, .through = last};
		assert_int_equal(store_ask(store, put, NULL), OK);
		assert_int_equal(put->admin->track.through, last);
		store_request_free(put);
		store_request_free(rows);
		from = last;
	}
	track_names_fini(&names);
}

static void
expect_same(struct store *store, const struct told_history *told, enum track_kind kind, struct slice id)
{
	struct track whole, indexed;
	struct arena arena = ARENA_EMPTY;
	struct error error = ERROR_NONE;
	track_init(&whole, kind, id);
	track_init(&indexed, kind, id);
	for (size_t i = 0; i < INDEXED_EVENTS; i++)
		track_take(&whole, &told->rows[i]);
	assert_int_equal(track_read(&indexed, store, 0, NULL, NULL, &error), OK);
	track_run(&whole, WALL_NEVER, 0);
	track_run(&indexed, WALL_NEVER, 0);
	assert_true(whole.count > 0);
	assert_int_equal(whole.count, indexed.count);
	assert_true(slice_equal(whole.state, indexed.state));
	assert_int_equal(whole.since.us, indexed.since.us);
	assert_true(slice_equal(timeline_of(&whole, &arena), timeline_of(&indexed, &arena)));
	track_fini(&whole);
	track_fini(&indexed);
	arena_free(&arena);
}

/* Every resource, whatever came in which order and how often, and however far the index has come. */
static void
test_the_index_finds_what_reading_all_finds(void **state UNUSED)
{
	struct told_history *told = told_history_new();
	struct store *store = store_memory_new(&(struct store_options){.builtin_type = NULL});
	for (size_t i = 0; i < INDEXED_EVENTS; i++) {
		journal_row(store, &told->rows[i]);
		journal_row(store, &told->rows[i / 2]); /* a repeat, which makes no row */
	}
	const int64_t ends[] = {0, 1, INDEXED_EVENTS / 3, INDEXED_EVENTS};
	struct track_names names;
	track_names_init(&names);
	size_t resources = 0;
	for (size_t end = 0; end < COUNT_OF(ends); end++) {
		if (end > 0)
			index_rows(store, ends[end - 1], ends[end]);
		for (size_t i = 0; i < INDEXED_EVENTS; i += 3) {
			track_names_read(&names, &told->rows[i]);
			for (int kind = 0; kind < TRACK_KIND_COUNT; kind++)
				if (names.of[kind].len > 0 && ++resources > 0)
					expect_same(store, told, (enum track_kind)kind, names.of[kind]);
		}
	}
	assert_true(resources > 200);
	track_names_fini(&names);
	store_close(store);
	arena_free(&told->arena);
	free(told);
}

static void
test_an_index_that_is_behind_is_said(void **state UNUSED)
{
	struct told_history *told = told_history_new();
	struct store *store = store_memory_new(&(struct store_options){.builtin_type = NULL});
	for (size_t i = 0; i < INDEXED_EVENTS; i++)
		journal_row(store, &told->rows[i]);
	struct error error = ERROR_NONE;
	struct track track;
	track_init(&track, TRACK_TRANSACTION, SLICE("tx_1"));
	assert_int_equal(track_read(&track, store, 250, NULL, NULL, &error), ERR_UNAVAILABLE);
	assert_non_null(strstr(error.text, "index of the journal is being made"));
	assert_int_equal(track_read(&track, store, INDEXED_EVENTS, NULL, NULL, &error), OK);
	index_rows(store, 0, INDEXED_EVENTS - 250);
	assert_int_equal(track_read(&track, store, 250, NULL, NULL, &error), OK);
	track_fini(&track);
	store_close(store);
	arena_free(&told->arena);
	free(told);
}

/* --- what is not of it, and what is stuck ----------------------------------------------------------- */

static struct store_journal_row
row_with(const char *event_id, const char *type, const char *body)
{
	return (struct store_journal_row){
	    .event_id = slice_of(event_id),
	    .type = slice_of(type),
	    .source = SLICE("acme"),
	    .verdict = JOURNAL_VERIFIED,
	    .received = time_at(AT("30")),
	    .body = slice_of(body),
	};
}

static void
test_what_does_not_count(void **state UNUSED)
{
	struct track track;
	track_init(&track, TRACK_TRANSACTION, SLICE("tx_1"));
	struct store_journal_row row = row_with("evt_1", "transaction.deposit.detected",
	    "{\"resource\":{\"type\":\"transaction\",\"id\":\"tx_\\u0031\"},\"data\":{\"direction\":\"in\"}}");
	track_take(&track, &row);
	row = row_with("evt_2", "transaction.deposit.completed", "{\"data\":{\"transaction_id\":\"tx_1\"}}");
	row.verdict = JOURNAL_CONFLICT;
	track_take(&track, &row);
	row.verdict = JOURNAL_VERIFIED;
	row.damaged = true;
	track_take(&track, &row);
	static const char *const others[] = {"{\"data\":{\"transaction_id\":\"tx_10\"}}",
	    "{\"data\":{\"client_reference\":\"tx_1\"}}", "{\"data\":\"tx_1\"}", "[\"tx_1\"]", "tx_1", "\\"};
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		row = row_with("evt_3", "transaction.deposit.completed", others[i]);
		track_take(&track, &row);
	}
	row = row_with("evt_4", "workflow.approval.approved", "{\"data\":{\"transaction_id\":\"tx_1\"}}");
	track_take(&track, &row);
	row.body = SLICE_NONE;
	track_take(&track, &row);
	track_run(&track, time_at(AT("31")), 0);
	assert_int_equal(track.count, 1);
	assert_int_equal(track.damaged, 1);
	assert_true(slice_is(track.state, "detected"));
	assert_int_equal(track.since.us, time_at(AT("30")).us);
	assert_true(slice_is(track.events[0].event_id, "evt_1"));
	track_fini(&track);
}

static void
test_nothing_known(void **state UNUSED)
{
	struct track track;
	track_init(&track, TRACK_CASE, SLICE("case_1"));
	track_run(&track, time_at(AT("31")), 0);
	assert_int_equal(track.count, 0);
	assert_false(slice_present(track.state));
	assert_false(track.stuck);
	track_fini(&track);
}

static void
expect_stuck(enum track_kind kind, const char *type, int64_t age_us, bool expected)
{
	struct track track;
	track_init(&track, kind, SLICE("x"));
	struct store_journal_row row = row_with("evt_1", type,
	    "{\"occurred_at\":\"" AT("30") "\",\"resource\":{\"id\":\"x\"},\"data\":{\"case_id\":\"x\"}}");
	track_take(&track, &row);
	track_run(&track, (struct wall_time){time_at(AT("30")).us + age_us}, DAY_US);
	if (track.count != 1 || track.stuck != expected)
		fail_msg("%s: %zu events, stuck: %d", type, track.count, track.stuck);
	track_fini(&track);
}

static void
test_stuck(void **state UNUSED)
{
	expect_stuck(TRACK_TRANSACTION, "transaction.deposit.confirmed", DAY_US, false);
	expect_stuck(TRACK_TRANSACTION, "transaction.deposit.confirmed", DAY_US + 1, true);
	expect_stuck(TRACK_TRANSACTION, "transaction.deposit.completed", DAY_US * 900, false);
	expect_stuck(TRACK_TRANSACTION, "transaction.request.pending_approval", DAY_US * 2, true);
	expect_stuck(TRACK_TRANSACTION, "transaction.request.failed", DAY_US * 2, false);
	expect_stuck(TRACK_WORKFLOW, "workflow.approval.quorum_reached", DAY_US * 2, true);
	expect_stuck(TRACK_WORKFLOW, "workflow.approval.expired", DAY_US * 2, false);
	expect_stuck(TRACK_CASE, "compliance.kyt.screening_started", DAY_US * 2, true);
	expect_stuck(TRACK_CASE, "compliance.kyt.screening_completed", DAY_US * 2, false);
	expect_stuck(TRACK_CASE, "compliance.kyt.rating_changed", DAY_US * 2, false);
	expect_stuck(TRACK_CASE, "compliance.travel_rule.sent", DAY_US * 2, true);
	expect_stuck(TRACK_CASE, "compliance.decision.released", DAY_US * 2, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_every_order),
	    cmocka_unit_test(test_simulated_histories),
	    cmocka_unit_test(test_the_index_finds_what_reading_all_finds),
	    cmocka_unit_test(test_an_index_that_is_behind_is_said),
	    cmocka_unit_test(test_what_does_not_count),
	    cmocka_unit_test(test_nothing_known),
	    cmocka_unit_test(test_stuck),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
