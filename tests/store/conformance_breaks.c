/* What store.h and break.h promise of kept breaks, by every store alike. */
#include "conformance.h"

#include "store/audit.h"

#include <stdio.h>
#include <stdlib.h>

#define HOUR INT64_C(3600000000)

static struct store_break
found(const char *id, const char *amount)
{
	return (struct store_break){
	    .id = slice_of(id),
	    .class = SLICE("AMOUNT_MISMATCH"),
	    .severity = SLICE("critical"),
	    .match_key = SLICE("tx_1 (id)"),
	    .detail = SLICE("they differ"),
	    .sides = {SLICE_NONE, slice_of(amount), SLICE("{\"amount\":1}")},
	    .since = {1000},
	};
}

/* A run that finds these and looks at everything; its tally. */
static struct store_break_run
reconcile(struct subject *subject, int64_t run_number, struct store_break *breaks, size_t count)
{
	struct store_request *request = ask(subject, STORE_BREAK_SEEN);
	request->admin->breaks = breaks;
	request->count = count;
	request->admin->break_run.run = run_number;
	assert_int_equal(run(subject, request), OK);
	struct store_break_run tally = request->admin->break_run;
	int64_t fresh = 0, closed = 0;
	for (size_t i = 0; i < count; i++)
		fresh += request->admin->breaks[i].fresh;
	assert_int_equal(fresh, tally.opened + tally.reopened);
	store_request_free(request);
	tally.found = (int64_t)count;
	tally.as_of = subject->now;
	tally.closed = 0;
	bool more = true;
	while (more) {
		request = ask(subject, STORE_BREAK_END);
		request->page.limit = 2;
		request->admin->break_run = tally;
		assert_int_equal(run(subject, request), OK);
		tally = request->admin->break_run;
		more = request->more;
		closed += (int64_t)request->count;
		for (size_t i = 0; i < request->count; i++)
			assert_int_equal(request->admin->breaks[i].state, BREAK_STATE_MATCHED);
		store_request_free(request);
	}
	assert_int_equal(closed, tally.closed);
	return tally;
}

static enum error_code
move(struct subject *subject, const char *id, enum break_state to, const char *actor)
{
	struct store_request *request = ask(subject, STORE_BREAK_MOVE);
	request->admin->break_id = slice_of(id);
	request->admin->break_to = to;
	request->admin->break_actor = slice_of(actor);
	request->admin->break_reason = SLICE("because");
	request->actor.present = true;
	enum error_code code = run(subject, request);
	assert_true(code != OK || request->count == 1);
	store_request_free(request);
	return code;
}

static struct store_request *
get(struct subject *subject, const char *id)
{
	struct store_request *request = ask(subject, STORE_BREAK_GET);
	request->admin->break_id = slice_of(id);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 1);
	assert_int_equal(request->admin->break_move_count, request->admin->breaks[0].moves);
	return request;
}

static void
expect_state(struct subject *subject, const char *id, enum break_state state, const char *acts)
{
	struct store_request *request = get(subject, id);
	assert_int_equal(request->admin->breaks[0].state, state);
	struct slice said = SLICE("");
	for (size_t i = 0; i < request->admin->break_move_count; i++) {
		const struct store_break_move *line = &request->admin->break_moves[i];
		assert_int_equal(line->number, (int64_t)i + 1);
		assert_true(line->at.us > 0 && line->actor.len > 0 && line->reason.len > 0);
		said = arena_printf(
		    &request->arena, "%.*s%s%s", SLICE_ARG(said), i > 0 ? " " : "", break_act_name(line->act));
	}
	assert_string_equal(arena_string(&request->arena, said), acts);
	store_request_free(request);
}

/* --- runs ------------------------------------------------------------------------------------------- */

static void
identity_stays(void **state)
{
	struct subject *subject = *state;
	struct store_break breaks[] = {found("brk_1", "{}"), found("brk_2", "{}")};
	struct store_break_run tally = reconcile(subject, 1, breaks, 2);
	assert_int_equal(tally.opened, 2);
	assert_int_equal(tally.reopened, 0);
	assert_int_equal(tally.closed, 0);
	struct store_request *first = get(subject, "brk_2");
	subject->now.us += HOUR;
	breaks[1].since.us = 5000;
	breaks[1].detail = SLICE("they differ more");
	tally = reconcile(subject, 2, breaks, 2);
	assert_int_equal(tally.opened, 0);
	struct store_request *second = get(subject, "brk_2");
	assert_int_equal(second->admin->breaks[0].number, first->admin->breaks[0].number);
	assert_int_equal(second->admin->breaks[0].first_seen.us, first->admin->breaks[0].first_seen.us);
	assert_int_equal(second->admin->breaks[0].since.us, 1000);
	assert_true(second->admin->breaks[0].last_seen.us > first->admin->breaks[0].last_seen.us);
	assert_true(slice_is(second->admin->breaks[0].detail, "they differ more"));
	assert_false(slice_present(second->admin->breaks[0].sides[0]));
	assert_true(slice_is(second->admin->breaks[0].sides[2], "{\"amount\":1}"));
	store_request_free(first);
	store_request_free(second);
	expect_state(subject, "brk_2", BREAK_STATE_OPEN, "found");
}

static void
what_is_gone_is_matched(void **state)
{
	struct subject *subject = *state;
	struct store_break breaks[] = {found("brk_1", "{}"), found("brk_2", "{}"), found("brk_3", "{}"),
	    found("brk_4", "{}"), found("brk_5", "{}"), found("brk_6", "{}")};
	reconcile(subject, 1, breaks, 6);
	assert_int_equal(move(subject, "brk_2", BREAK_STATE_INVESTIGATING, "user:ada"), OK);
	assert_int_equal(move(subject, "brk_3", BREAK_STATE_WRITTEN_OFF, "user:ada"), OK);
	/* More than one step's worth. */
	struct store_break_run tally = reconcile(subject, 2, breaks, 1);
	assert_int_equal(tally.closed, 5);
	expect_state(subject, "brk_1", BREAK_STATE_OPEN, "found");
	expect_state(subject, "brk_2", BREAK_STATE_MATCHED, "found moved gone");
	struct store_request *request = get(subject, "brk_3");
	assert_int_equal(request->admin->breaks[0].proposed, BREAK_STATE_COUNT);
	assert_false(slice_present(request->admin->breaks[0].proposer));
	store_request_free(request);
	tally = reconcile(subject, 3, breaks, 2);
	assert_int_equal(tally.opened, 0);
	assert_int_equal(tally.reopened, 1);
	expect_state(subject, "brk_2", BREAK_STATE_OPEN, "found moved gone found_again");
}

/* Two runs at once: the older one must not close what only the newer one has seen. */
static void
an_older_run_closes_nothing_newer(void **state)
{
	struct subject *subject = *state;
	struct store_break breaks[] = {found("brk_1", "{}"), found("brk_2", "{}")};
	struct store_request *newer = ask(subject, STORE_BREAK_SEEN);
	newer->admin->breaks = breaks;
	newer->count = 2;
	newer->admin->break_run.run = 9;
	assert_int_equal(run(subject, newer), OK);
	store_request_free(newer);
	assert_int_equal(reconcile(subject, 8, breaks, 1).closed, 0);
	expect_state(subject, "brk_2", BREAK_STATE_OPEN, "found");
	assert_int_equal(reconcile(subject, 10, breaks, 1).closed, 1);
}

/* --- people ----------------------------------------------------------------------------------------- */

static void
two_persons(void **state)
{
	struct subject *subject = *state;
	static const enum break_state by_two[] = {BREAK_STATE_ADJUSTED, BREAK_STATE_WRITTEN_OFF};
	for (size_t i = 0; i < COUNT_OF(by_two); i++) {
		struct store_break one = found(i == 0 ? "brk_a" : "brk_b", "{}");
		const char *id = one.id.ptr;
		reconcile(subject, 1 + (int64_t)i, &one, 1);
		assert_int_equal(move(subject, id, by_two[i], "user:ada"), OK);
		expect_state(subject, id, BREAK_STATE_OPEN, "found proposed");
		assert_int_equal(move(subject, id, by_two[i], "user:ada"), ERR_FORBIDDEN);
		expect_state(subject, id, BREAK_STATE_OPEN, "found proposed");
		assert_int_equal(move(subject, id, by_two[i], "user:grace"), OK);
		expect_state(subject, id, by_two[i], "found proposed confirmed");
	}
	/* Another wish takes the place of a proposal, and is its own author's again. */
	struct store_break one = found("brk_c", "{}");
	reconcile(subject, 5, &one, 1);
	assert_int_equal(move(subject, "brk_c", BREAK_STATE_ADJUSTED, "user:ada"), OK);
	assert_int_equal(move(subject, "brk_c", BREAK_STATE_WRITTEN_OFF, "user:grace"), OK);
	assert_int_equal(move(subject, "brk_c", BREAK_STATE_WRITTEN_OFF, "user:grace"), ERR_FORBIDDEN);
	assert_int_equal(move(subject, "brk_c", BREAK_STATE_INVESTIGATING, "user:grace"), OK);
	assert_int_equal(move(subject, "brk_c", BREAK_STATE_WRITTEN_OFF, "user:ada"), OK);
	expect_state(subject, "brk_c", BREAK_STATE_INVESTIGATING, "found proposed proposed moved proposed");
}

/* Nobody confirms for another what that one has not seen. */
static void
a_proposal_is_of_what_was_seen(void **state)
{
	struct subject *subject = *state;
	struct store_break one = found("brk_1", "{\"amount\":1}");
	reconcile(subject, 1, &one, 1);
	assert_int_equal(move(subject, "brk_1", BREAK_STATE_WRITTEN_OFF, "user:ada"), OK);
	reconcile(subject, 2, &one, 1);
	struct store_request *request = get(subject, "brk_1");
	assert_int_equal(request->admin->breaks[0].proposed, BREAK_STATE_WRITTEN_OFF);
	store_request_free(request);
	one.sides[0] = SLICE("{\"amount\":1000000}");
	reconcile(subject, 3, &one, 1);
	request = get(subject, "brk_1");
	assert_int_equal(request->admin->breaks[0].proposed, BREAK_STATE_COUNT);
	assert_false(slice_present(request->admin->breaks[0].proposer));
	store_request_free(request);
	assert_int_equal(move(subject, "brk_1", BREAK_STATE_WRITTEN_OFF, "user:grace"), OK);
	expect_state(subject, "brk_1", BREAK_STATE_OPEN, "found proposed proposed");
	assert_int_equal(move(subject, "brk_1", BREAK_STATE_WRITTEN_OFF, "user:ada"), OK);
	expect_state(subject, "brk_1", BREAK_STATE_WRITTEN_OFF, "found proposed proposed confirmed");
}

static void
moves_of_people(void **state)
{
	struct subject *subject = *state;
	struct store_break one = found("brk_1", "{}");
	assert_int_equal(move(subject, "brk_1", BREAK_STATE_INVESTIGATING, "user:ada"), ERR_NOT_FOUND);
	reconcile(subject, 1, &one, 1);
	assert_int_equal(move(subject, "brk_1", BREAK_STATE_MATCHED, "user:ada"), ERR_CONFLICT);
	assert_int_equal(move(subject, "brk_1", BREAK_STATE_OPEN, "user:ada"), ERR_CONFLICT);
	assert_int_equal(move(subject, "brk_1", BREAK_STATE_FALSE_POSITIVE, "user:ada"), OK);
	assert_int_equal(move(subject, "brk_1", BREAK_STATE_WRITTEN_OFF, "user:ada"), ERR_CONFLICT);
	assert_int_equal(move(subject, "brk_1", BREAK_STATE_OPEN, "user:ada"), OK);
	expect_state(subject, "brk_1", BREAK_STATE_OPEN, "found moved moved");
	/* What failed left no trace; what did not stands in the audit log. */
	struct store_request *request = ask(subject, STORE_AUDIT_LIST);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 2);
	assert_true(slice_is(request->admin->audit_rows[0].action, "break.move"));
	assert_true(slice_is(request->admin->audit_rows[0].object, "brk_1"));
	assert_non_null(strstr(request->admin->audit_rows[0].after.ptr, "\"by\":\"user:ada\""));
	store_request_free(request);
}

/* Every move of a person that the table does not have is refused, and every one that it has is taken. */
static void
the_table_of_moves(void **state)
{
	struct subject *subject = *state;
	int64_t runs = 0;
	for (enum break_state to = 0; to < BREAK_STATE_COUNT; to++) {
		for (enum break_state from = 0; from < BREAK_STATE_COUNT; from++) {
			char id[32];
			snprintf(id, sizeof id, "brk_%d_%d", (int)from, (int)to);
			struct store_break one = found(id, "{}");
			reconcile(subject, ++runs, &one, 1);
			if (from == BREAK_STATE_MATCHED)
				reconcile(subject, ++runs, NULL, 0);
			else if (from != BREAK_STATE_OPEN)
				assert_int_equal(move(subject, id, from, "user:ada"), OK);
			if (break_takes_two(from))
				assert_int_equal(move(subject, id, from, "user:grace"), OK);
			enum error_code code = move(subject, id, to, "user:ada");
			assert_int_equal(code, break_may_move(from, to) ? OK : ERR_CONFLICT);
		}
	}
}

static void
closed_and_found_again(void **state)
{
	struct subject *subject = *state;
	struct store_break breaks[] = {found("brk_a", "{}"), found("brk_w", "{}"), found("brk_f", "{}")};
	reconcile(subject, 1, breaks, 3);
	for (int person = 0; person < 2; person++) {
		const char *actor = person == 0 ? "user:ada" : "user:grace";
		assert_int_equal(move(subject, "brk_a", BREAK_STATE_ADJUSTED, actor), OK);
		assert_int_equal(move(subject, "brk_w", BREAK_STATE_WRITTEN_OFF, actor), OK);
	}
	assert_int_equal(move(subject, "brk_f", BREAK_STATE_FALSE_POSITIVE, "user:ada"), OK);
	/* What was adjusted should be gone; what was accepted stays as it is, while nothing about it changes. */
	struct store_break_run tally = reconcile(subject, 2, breaks, 3);
	assert_int_equal(tally.reopened, 1);
	expect_state(subject, "brk_a", BREAK_STATE_OPEN, "found proposed confirmed found_again");
	expect_state(subject, "brk_w", BREAK_STATE_WRITTEN_OFF, "found proposed confirmed");
	expect_state(subject, "brk_f", BREAK_STATE_FALSE_POSITIVE, "found moved");
	breaks[1].sides[1] = SLICE("{\"amount\":2}");
	reconcile(subject, 3, breaks, 2);
	expect_state(subject, "brk_w", BREAK_STATE_OPEN, "found proposed confirmed found_again");
	/* Away for one run, and back. */
	tally = reconcile(subject, 4, breaks, 3);
	assert_int_equal(tally.reopened, 1);
	expect_state(subject, "brk_f", BREAK_STATE_OPEN, "found moved found_again");
}

/* --- looking ---------------------------------------------------------------------------------------- */

static void
lists_and_counts(void **state)
{
	struct subject *subject = *state;
	struct store_break breaks[] = {found("brk_1", "{}"), found("brk_2", "{}"), found("brk_3", "{}")};
	breaks[2].class = SLICE("FEE_MISMATCH");
	breaks[2].severity = SLICE("low");
	reconcile(subject, 1, breaks, 2);
	subject->now.us += 5 * HOUR;
	reconcile(subject, 2, breaks, 3);
	assert_int_equal(move(subject, "brk_2", BREAK_STATE_FALSE_POSITIVE, "user:ada"), OK);
	struct store_request *request = ask(subject, STORE_BREAK_LIST);
	request->admin->break_states = 1u << BREAK_STATE_OPEN | 1u << BREAK_STATE_INVESTIGATING;
	request->page.limit = 1;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 1);
	assert_true(request->more && slice_is(request->admin->breaks[0].id, "brk_1"));
	int64_t after = request->admin->breaks[0].number;
	store_request_free(request);
	request = ask(subject, STORE_BREAK_LIST);
	request->admin->break_states = 1u << BREAK_STATE_OPEN | 1u << BREAK_STATE_INVESTIGATING;
	request->page.after = after;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 1);
	assert_false(request->more);
	assert_true(slice_is(request->admin->breaks[0].id, "brk_3"));
	store_request_free(request);
	request = ask(subject, STORE_BREAK_LIST);
	request->admin->break_states = ~0u;
	request->page.descending = true;
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 3);
	assert_true(slice_is(request->admin->breaks[0].id, "brk_3"));
	store_request_free(request);
	request = ask(subject, STORE_BREAK_COUNTS);
	assert_int_equal(run(subject, request), OK);
	assert_int_equal(request->count, 2);
	assert_true(slice_is(request->admin->break_counts[0].class, "AMOUNT_MISMATCH"));
	assert_int_equal(request->admin->break_counts[0].count, 1);
	assert_int_equal(request->admin->break_counts[0].age, 1);
	assert_true(slice_is(request->admin->break_counts[1].severity, "low"));
	assert_int_equal(request->admin->break_counts[1].age, 0);
	assert_int_equal(request->admin->break_run.run, 2);
	assert_int_equal(request->admin->break_run.found, 3);
	assert_int_equal(request->admin->break_run.opened, 1);
	store_request_free(request);
}

/* The numbers of the runs in a list, with `+` where there are more. */
static const char *
runs(struct subject *subject, int64_t after, bool descending, size_t limit)
{
	static char text[128];
	struct store_request *request = ask(subject, STORE_BREAK_RUN_LIST);
	request->page = (struct store_page){.limit = limit, .after = after, .descending = descending};
	assert_int_equal(run(subject, request), OK);
	size_t used = 0;
	text[0] = '\0';
	for (size_t i = 0; i < request->count; i++)
		used += (size_t)snprintf(
		    text + used, sizeof text - used, "%lld ", (long long)request->admin->break_runs[i].run);
	if (request->more)
		snprintf(text + used, sizeof text - used, "+");
	for (size_t i = 0; i < request->count; i++)
		assert_int_equal(request->admin->break_runs[i].found, request->admin->break_runs[i].run == 3 ? 1 : 0);
	store_request_free(request);
	return text;
}

static void
runs_are_listed(void **state)
{
	struct subject *subject = *state;
	struct store_break one = found("brk_1", "{}");
	assert_string_equal(runs(subject, 0, false, 5), "");
	reconcile(subject, 2, NULL, 0);
	reconcile(subject, 3, &one, 1);
	reconcile(subject, 7, NULL, 0);
	assert_string_equal(runs(subject, 0, false, 5), "2 3 7 ");
	assert_string_equal(runs(subject, 0, true, 2), "7 3 +");
	assert_string_equal(runs(subject, 3, true, 2), "2 ");
	assert_string_equal(runs(subject, 2, false, 1), "3 +");
}

static void
closing_resolves_the_alert(void **state)
{
	struct subject *subject = *state;
	struct store_break breaks[] = {found("brk_1", "{}"), found("brk_2", "{}")};
	reconcile(subject, 1, breaks, 2);
	for (size_t i = 0; i < 2; i++) {
		struct store_request *raise =
		    alert_raise(ALERT_BREAK, ALERT_WARNING, subject->now, breaks[i].id, "found");
		assert_int_equal(run(subject, raise), OK);
		store_request_free(raise);
	}
	assert_int_equal(move(subject, "brk_1", BREAK_STATE_INVESTIGATING, "user:ada"), OK);
	assert_int_equal(move(subject, "brk_2", BREAK_STATE_FALSE_POSITIVE, "user:ada"), OK);
	struct store_request *list = ask(subject, STORE_ALERT_LIST);
	list->page.limit = 5;
	list->admin->alert_state = -1;
	assert_int_equal(run(subject, list), OK);
	assert_int_equal(list->count, 2);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(list->admin->alerts[i].state,
		    slice_is(list->admin->alerts[i].key, "brk_2") ? ALERT_RESOLVED : ALERT_OPEN);
	store_request_free(list);
}

static void
breaks_survive(void **state)
{
	struct subject *subject = *state;
	struct store_break one = found("brk_1", "{}");
	reconcile(subject, 1, &one, 1);
	assert_int_equal(move(subject, "brk_1", BREAK_STATE_WRITTEN_OFF, "user:ada"), OK);
	subject_reopen(subject);
	assert_int_equal(move(subject, "brk_1", BREAK_STATE_WRITTEN_OFF, "user:ada"), ERR_FORBIDDEN);
	assert_int_equal(move(subject, "brk_1", BREAK_STATE_WRITTEN_OFF, "user:grace"), OK);
	expect_state(subject, "brk_1", BREAK_STATE_WRITTEN_OFF, "found proposed confirmed");
}

/* --- all -------------------------------------------------------------------------------------------- */

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    BOTH(identity_stays),
	    BOTH(what_is_gone_is_matched),
	    BOTH(an_older_run_closes_nothing_newer),
	    BOTH(two_persons),
	    BOTH(a_proposal_is_of_what_was_seen),
	    BOTH(moves_of_people),
	    BOTH(the_table_of_moves),
	    BOTH(closed_and_found_again),
	    BOTH(lists_and_counts),
	    BOTH(runs_are_listed),
	    BOTH(closing_resolves_the_alert),
	    cmocka_unit_test_setup_teardown(breaks_survive, subject_set_up_sqlite, subject_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
