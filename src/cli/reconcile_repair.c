/* `reconcile --repair`: what did not come is looked up at the custodian and journalled as what it is, and the sender is asked
 * to send it again. Only missing events; everything else is a person's.
 *
 * The row is committed before the sender is asked; what the sender sends then is a genuine webhook, which the receiver
 * verifies, journals and hands on as any other. */
#include "cli/reconcile.h"

#include "reconcile/repair.h"
#include "reconcile/report.h"
#include "records/sender.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>

enum { WAIT_STEP_MS = 100 };

#define REPAIR_SOURCE SLICE("reconciliation")

struct repairing {
	struct reconcile_run *run;
	struct records_source *sender; /* NULL: there is none to ask */
	struct store *store;	       /* to write */
	uint64_t journalled, asked, arrived, gone;
	bool whole_feed; /* which numbers are missing cannot be told */
};

/* --- the plan --------------------------------------------------------------------------------------- */

static struct records_source *
sender_of(const struct reconcile_run *run)
{
	if (run->sender != NULL)
		return run->sender;
	struct records_source *custodian = run->sides[SIDE_CUSTODIAN].source;
	return custodian != NULL && custodian->endpoint != NULL ? custodian : NULL;
}

static void
print_plan(const struct reconcile_run *run, const struct records_source *sender, const struct break_row *row,
    struct arena *arena)
{
	struct break_view view;
	break_view(&run->reconcile, row, arena, &view);
	enum repair_kind kind = repair_of(&run->reconcile, row);
	bool can = kind == REPAIR_EVENTS ? repair_transaction(&run->reconcile, row, arena).len > 0 : sender != NULL;
	const char *ask = sender == NULL ? "" : sender->name;
	if (kind == REPAIR_NONE || !can)
		printf("for a person: %s %.*s%s\n", view.class, SLICE_ARG(view.match_key),
		    kind == REPAIR_NUMBERS ? " (no --sender to ask)" : "");
	else if (kind == REPAIR_NUMBERS)
		printf("would ask %s for a replay: %s %.*s\n", ask, view.class, SLICE_ARG(view.match_key));
	else
		printf("would look up and journal%s%s: %s %.*s\n",
		    sender == NULL ? "" : ", and ask for a replay: ", ask, view.class, SLICE_ARG(view.match_key));
}

/* --- looking up ------------------------------------------------------------------------------------- */

static enum error_code
journal_record(struct repairing *repairing, struct slice record, struct error *error)
{
	struct store_request *request = store_request_new(STORE_JOURNAL, clock_wall());
	struct message *message = message_new();
	struct store_journal *journal = &request->journal;
	message->payload = repair_body(record, &message->arena, &message->webhook_id);
	message->event_type = REPAIR_TYPE;
	enum error_code code = OK;
	if (slice_present(message->payload)) {
		*journal = (struct store_journal){
		    .source = REPAIR_SOURCE,
		    .event_id = message->webhook_id,
		    .type = message->event_type,
		    .message = message,
		    .headers = {.scheme = REPAIR_SOURCE, .content_type = SLICE("application/json")},
		    .looked_up = true,
		};
		sha256(message->payload, journal->body_sha256);
		code = store_ask(repairing->store, request, error);
		repairing->journalled += code == OK && journal->verdict == JOURNAL_RECONCILIATION;
	} else {
		message_unref(message);
	}
	store_request_free(request);
	return code;
}

/* What the custodian says of the transaction now, where it can be asked for one; else what it said in the comparison. */
static enum error_code
look_up(struct repairing *repairing, const struct break_row *row, struct error *error)
{
	struct reconcile_run *run = repairing->run;
	struct records_source *custodian = run->sides[SIDE_CUSTODIAN].source;
	struct arena arena = ARENA_EMPTY;
	struct slice id = repair_transaction(&run->reconcile, row, &arena), record = SLICE_NONE;
	enum error_code code = OK;
	if (id.len > 0 && custodian != NULL && records_can_look_up(custodian))
		code = records_look_up(custodian, id, &arena, &record, error);
	else if (id.len > 0)
		record = repair_record(&run->reconcile, row, &arena);
	if (code == OK && slice_present(record))
		code = journal_record(repairing, record, error);
	arena_free(&arena);
	return code;
}

/* --- replays ---------------------------------------------------------------------------------------- */

static bool
is_known(void *context, struct slice event_id)
{
	struct repairing *repairing = context;
	struct store_request *request = store_request_new(STORE_JOURNAL_GET, WALL_NONE);
	request->page.limit = 1;
	request->admin->journal_query = (struct store_journal_query){
	    .event_id = arena_copy(&request->arena, event_id),
	    .source = slice_of(repairing->sender->receives),
	};
	struct error error = ERROR_NONE;
	bool known = store_ask(repairing->store, request, &error) == OK && request->count > 0;
	store_request_free(request);
	return known;
}

static enum error_code
ask_for(struct repairing *repairing, int64_t first, int64_t last, struct sender_events *events, struct error *error)
{
	struct sender_events found = {.looked_at = 0};
	size_t before = events->ids.count;
	enum error_code code = sender_find_unknown(repairing->sender, first, last, is_known, repairing, &found, error);
	repairing->gone += found.gone;
	if (code == OK)
		code = sender_replay(repairing->sender, &found.ids, error);
	if (code == OK && found.ids.count > 0) {
		struct slice *items = arena_alloc(&events->arena, (before + found.ids.count) * sizeof items[0]);
		if (before > 0)
			memcpy(items, events->ids.items, before * sizeof items[0]);
		for (size_t i = 0; i < found.ids.count; i++)
			items[before + i] = arena_copy(&events->arena, found.ids.items[i]);
		events->ids = (struct slice_list){items, before + found.ids.count};
	}
	sender_events_free(&found);
	return code;
}

static enum error_code
ask_sender(struct repairing *repairing, struct sender_events *events, struct error *error)
{
	const struct journal *journal = &repairing->run->reconcile.journal;
	if (repairing->whole_feed)
		return ask_for(repairing, 1, 0, events, error);
	enum error_code code = OK;
	for (size_t i = 0; code == OK && i < journal->gap_count; i++)
		code = ask_for(repairing, journal->gaps[i].first, journal->gaps[i].last, events, error);
	return code;
}

/* Until all have come, or the time is over. */
static void
wait_for(struct repairing *repairing, const struct sender_events *events, int64_t wait_ms)
{
	struct mono_time until = {clock_mono().us + wait_ms * 1000};
	size_t at = 0;
	for (;;) {
		while (at < events->ids.count && is_known(repairing, events->ids.items[at]))
			at++;
		if (at == events->ids.count || clock_mono().us >= until.us)
			break;
		poll(NULL, 0, WAIT_STEP_MS);
	}
	for (size_t i = 0; i < events->ids.count; i++)
		repairing->arrived += is_known(repairing, events->ids.items[i]);
}

static enum error_code
replay(struct repairing *repairing, struct error *error)
{
	int64_t wait_ms;
	struct sender_events events = {.looked_at = 0};
	enum error_code code = cli_duration(repairing->run->arguments, "wait", &wait_ms, error);
	if (code == OK)
		code = ask_sender(repairing, &events, error);
	repairing->asked = events.ids.count;
	if (code == OK)
		wait_for(repairing, &events, wait_ms);
	sender_events_free(&events);
	return code;
}

/* --- all of it -------------------------------------------------------------------------------------- */

static enum error_code
look_up_all(struct repairing *repairing, bool *numbers, struct error *error)
{
	const struct reconcile *reconcile = &repairing->run->reconcile;
	enum error_code code = OK;
	for (size_t i = 0; code == OK && i < reconcile->breaks.count; i++) {
		const struct break_row *row = &reconcile->breaks.rows[i];
		enum repair_kind kind = repair_of(reconcile, row);
		/* Numbers of envelopes are not the sender's, and a transaction says nothing of its numbers. */
		repairing->whole_feed |=
		    kind == REPAIR_EVENTS || (kind == REPAIR_NUMBERS && !reconcile->journal.gaps[row->item].by_header);
		*numbers |= kind != REPAIR_NONE;
		if (kind == REPAIR_EVENTS)
			code = look_up(repairing, row, error);
	}
	return code;
}

static void
print_done(const struct repairing *repairing)
{
	fprintf(stderr,
	    "vaultbell reconcile: repair: %" PRIu64 " transactions looked up and journalled, %" PRIu64
	    " events asked for again, %" PRIu64 " of them came",
	    repairing->journalled, repairing->asked, repairing->arrived);
	if (repairing->gone > 0)
		fprintf(stderr, "; %" PRIu64 " are no longer kept by the sender", repairing->gone);
	fputc('\n', stderr);
}

enum error_code
reconcile_run_repair(struct reconcile_run *run, struct error *error)
{
	struct repairing repairing = {.run = run, .sender = sender_of(run)};
	if (cli_given(run->arguments, "dry-run")) {
		for (size_t i = 0; i < run->reconcile.breaks.count; i++) {
			struct arena arena = ARENA_EMPTY;
			print_plan(run, repairing.sender, &run->reconcile.breaks.rows[i], &arena);
			arena_free(&arena);
		}
		return OK;
	}
	const char *data = cli_value(run->arguments, "data");
	bool wanted = false;
	enum error_code code = input_store(data, false, &repairing.store, error);
	if (code != OK)
		return code;
	code = look_up_all(&repairing, &wanted, error);
	if (code == OK && repairing.journalled > 0)
		code = input_journalled(data, repairing.store, error);
	if (code == OK && wanted && repairing.sender != NULL)
		code = replay(&repairing, error);
	store_close(repairing.store);
	if (code == OK && wanted)
		print_done(&repairing);
	return code == OK ? OK : error_wrap(error, "--repair");
}
