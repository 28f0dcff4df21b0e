/* The three records of one transaction, held against each other. */
#include "reconcile/breaks.h"

struct comparison {
	struct breaks *breaks;
	const struct break_input *input;
	uint32_t group;
	const struct record *side[SIDE_COUNT]; /* NULL: that source has none */
	const struct catalogue_state *state[SIDE_COUNT];
	enum direction direction; /* as the custodian says, else the journal, else the ledger */
	bool sign_only;		  /* a request that is signed and never sent: nothing of it is booked */
};

static void
report(struct comparison *of, enum break_class class, struct wall_time since)
{
	of->breaks->broken[of->group] = 1;
	break_add(of->breaks, class, of->group, 0, since);
}

struct wall_time
later_of(const struct record *a, const struct record *b)
{
	return a->occurred.us > b->occurred.us ? a->occurred : b->occurred;
}

static bool
is_young(const struct comparison *of, struct wall_time time)
{
	return break_is_young(&of->input->rules, time);
}

/* Credited or settled for good: final, and not by an exit. */
static bool
is_completed(const struct catalogue_state *state)
{
	return state != NULL && state->final && !state->exit;
}

static bool
is_reorged(const struct comparison *of, enum side side)
{
	const struct record *record = of->side[side];
	return record != NULL && (record->reorged || of->input->states->words[record->status].reorged);
}

/* --- presence --------------------------------------------------------------------------------------- */

static bool
moved_money(const struct comparison *of)
{
	const struct catalogue_state *state =
	    of->state[SIDE_CUSTODIAN] != NULL ? of->state[SIDE_CUSTODIAN] : of->state[SIDE_JOURNAL];
	return state != NULL && state->moved_money && !is_reorged(of, SIDE_CUSTODIAN) && !is_reorged(of, SIDE_JOURNAL);
}

/* True: the journal has nothing of what the custodian has. */
static bool
check_presence(struct comparison *of)
{
	const struct record *journal = of->side[SIDE_JOURNAL], *custodian = of->side[SIDE_CUSTODIAN];
	const struct record *ledger = of->side[SIDE_LEDGER];
	if (custodian == NULL) {
		struct wall_time since = journal == NULL ? TIME_UNKNOWN : journal->occurred;
		if (ledger != NULL && ledger->occurred.us > since.us)
			since = ledger->occurred;
		if (!is_young(of, since))
			report(of, BREAK_MISSING_AT_CUSTODIAN, since);
		return false;
	}
	struct wall_time since = custodian->occurred;
	if (is_young(of, since))
		return false;
	if (ledger == NULL && of->direction == DIRECTION_OUT) {
		if (moved_money(of))
			report(of, BREAK_MISSING_INSTRUCTION, since);
	} else if (ledger == NULL && !of->sign_only && is_completed(of->state[SIDE_CUSTODIAN])) {
		report(of, BREAK_MISSING_IN_LEDGER, since);
	}
	return journal == NULL;
}

/* --- hash and members ------------------------------------------------------------------------------- */

/* The pairs in the order of their weight. */
static const enum side pairs[][2] = {
    {SIDE_CUSTODIAN, SIDE_LEDGER}, {SIDE_JOURNAL, SIDE_CUSTODIAN}, {SIDE_JOURNAL, SIDE_LEDGER}};

/* Two sides that both know the member and differ, since when; false: none, or it is too young to matter. */
static bool
member_differs(const struct comparison *of, enum member member, struct wall_time *since)
{
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		const struct record *a = of->side[pairs[i][0]], *b = of->side[pairs[i][1]];
		if (a == NULL || b == NULL || !text_differs(a->members[member], b->members[member]))
			continue;
		*since = later_of(a, b);
		if (!is_young(of, *since))
			return true;
	}
	return false;
}

static void
check_members(struct comparison *of, bool replaced)
{
	struct wall_time since;
	if (member_differs(of, MEMBER_NETWORK, &since) || member_differs(of, MEMBER_ASSET, &since))
		report(of, BREAK_ASSET_MISMATCH, since);
	if (member_differs(of, MEMBER_AMOUNT, &since))
		report(of, BREAK_AMOUNT_MISMATCH, since);
	/* Who replaces a transaction does it to pay another fee. */
	if (!replaced && member_differs(of, MEMBER_FEE, &since))
		report(of, BREAK_FEE_MISMATCH, since);
	if (member_differs(of, MEMBER_ADDRESS, &since))
		report(of, BREAK_ADDRESS_MISMATCH, since);
}

/* --- state ------------------------------------------------------------------------------------------ */

static bool
is_held(const struct comparison *of, enum side side)
{
	const struct catalogue_state *state = of->state[side];
	if (state == NULL || of->direction == DIRECTION_OUT || of->direction == DIRECTION_INTERNAL)
		return false;
	return slice_is(state->name, "quarantined") || slice_is(state->name, "rejected");
}

/* What undoes a credit that the ledger has booked. */
static bool
check_undone(struct comparison *of)
{
	if (!is_completed(of->state[SIDE_LEDGER]))
		return false;
	bool journal = is_reorged(of, SIDE_JOURNAL), custodian = is_reorged(of, SIDE_CUSTODIAN);
	enum break_class class = BREAK_REORGED;
	if (!journal && !custodian) {
		journal = is_held(of, SIDE_JOURNAL);
		custodian = is_held(of, SIDE_CUSTODIAN);
		class = BREAK_COMPLIANCE_HOLD;
	}
	if (!journal && !custodian)
		return false;
	report(of, class, of->side[custodian ? SIDE_CUSTODIAN : SIDE_JOURNAL]->occurred);
	return true;
}

/* The custodian ranks below what the journal has proved, and nothing took it back. An exit is no later stage of what was
 * completed: the two differ, and neither is behind. */
static bool
is_regression(const struct comparison *of)
{
	const struct catalogue_state *custodian = of->state[SIDE_CUSTODIAN], *journal = of->state[SIDE_JOURNAL];
	return custodian != NULL && journal != NULL && !custodian->final && custodian->rank < journal->rank &&
	       !is_reorged(of, SIDE_CUSTODIAN) && !is_reorged(of, SIDE_JOURNAL) &&
	       !is_young(of, of->side[SIDE_JOURNAL]->occurred);
}

/* Final on one side and not, or differently, on the other, for longer than the tolerance. */
static bool
finality_differs(const struct comparison *of, enum side a, enum side b, struct wall_time *since)
{
	const struct record *one = of->side[a], *other = of->side[b];
	const struct catalogue_state *left = of->state[a], *right = of->state[b];
	if (one == NULL || other == NULL || left == NULL || right == NULL || slice_equal(left->name, right->name))
		return false;
	if (!left->final && !right->final)
		return false;
	if (left->final && right->final)
		*since = later_of(one, other);
	else
		*since = left->final ? one->occurred : other->occurred;
	return !is_young(of, *since);
}

/* True: only the journal is behind. */
static bool
check_status(struct comparison *of, bool replaced)
{
	struct wall_time since;
	if (is_regression(of)) {
		report(of, BREAK_STATUS_REGRESSION, of->side[SIDE_JOURNAL]->occurred);
		return false;
	}
	/* One of two that carry different hashes still looks at the transaction that was replaced. */
	const struct record *custodian = of->side[SIDE_CUSTODIAN], *ledger = of->side[SIDE_LEDGER];
	bool two_hashes = replaced && ledger != NULL &&
			  text_differs(custodian->members[MEMBER_TX_HASH], ledger->members[MEMBER_TX_HASH]);
	bool found = !two_hashes && finality_differs(of, SIDE_CUSTODIAN, SIDE_LEDGER, &since);
	if (!found && of->state[SIDE_CUSTODIAN] == NULL)
		found = finality_differs(of, SIDE_JOURNAL, SIDE_LEDGER, &since);
	bool behind = !found && finality_differs(of, SIDE_CUSTODIAN, SIDE_JOURNAL, &since);
	if (found || behind)
		report(of, BREAK_STATUS_MISMATCH, since);
	return behind && !of->state[SIDE_JOURNAL]->final;
}

static void
check_stuck(struct comparison *of)
{
	enum side side = of->state[SIDE_CUSTODIAN] != NULL ? SIDE_CUSTODIAN : SIDE_JOURNAL;
	const struct catalogue_state *state = of->state[side];
	if (state == NULL || state->final || !time_known(of->side[side]->occurred))
		return;
	const struct break_rules *rules = &of->input->rules;
	if (rules->as_of.us - of->side[side]->occurred.us > rules->stuck_after_us)
		report(of, BREAK_STUCK, of->side[side]->occurred);
}

static void
check_timing(struct comparison *of)
{
	const struct record *custodian = of->side[SIDE_CUSTODIAN], *ledger = of->side[SIDE_LEDGER];
	const struct catalogue_state *left = of->state[SIDE_CUSTODIAN], *right = of->state[SIDE_LEDGER];
	if (custodian == NULL || ledger == NULL || !time_known(custodian->occurred) || !time_known(ledger->occurred) ||
	    left == NULL || right == NULL || !slice_equal(left->name, right->name))
		return;
	int64_t apart = custodian->occurred.us - ledger->occurred.us;
	if ((apart < 0 ? -apart : apart) > of->input->rules.tolerance_us)
		report(of, BREAK_TIMING, later_of(custodian, ledger));
}

/* --- all of it -------------------------------------------------------------------------------------- */

static bool
in_window(const struct comparison *of)
{
	const struct break_rules *rules = &of->input->rules;
	bool any = false;
	for (enum side side = 0; side < SIDE_COUNT; side++) {
		if (of->side[side] == NULL || !time_known(of->side[side]->occurred))
			continue;
		int64_t us = of->side[side]->occurred.us;
		any = true;
		if ((!time_known(rules->from) || us >= rules->from.us) && (!time_known(rules->to) || us < rules->to.us))
			return true;
	}
	return !any;
}

/* Of a request that is signed and never sent, signed is the end. */
static void
end_at_signed(struct comparison *of)
{
	const struct catalogue_lifecycle *lifecycle = catalogue_lifecycle_find(SLICE("message_sign"));
	for (enum side side = 0; side < SIDE_COUNT; side++)
		of->sign_only |= of->side[side] != NULL && of->side[side]->sign_only;
	for (enum side side = 0; of->sign_only && side < SIDE_COUNT; side++)
		if (of->state[side] != NULL && slice_is(of->state[side]->name, "signed"))
			of->state[side] = catalogue_state_find(lifecycle, of->state[side]->name);
}

static void
look_up(struct comparison *of)
{
	static const enum side by_weight[] = {SIDE_CUSTODIAN, SIDE_JOURNAL, SIDE_LEDGER};
	const struct match_group *group = &of->input->match->groups[of->group];
	for (enum side side = 0; side < SIDE_COUNT; side++)
		if (group->side[side] != RECORD_NONE)
			of->side[side] = &of->input->sides[side]->items[group->side[side]];
	for (size_t i = 0; i < COUNT_OF(by_weight) && of->direction == DIRECTION_UNKNOWN; i++)
		if (of->side[by_weight[i]] != NULL)
			of->direction = (enum direction)of->side[by_weight[i]]->direction;
	for (enum side side = 0; side < SIDE_COUNT; side++)
		if (of->side[side] != NULL)
			of->state[side] = states_of(of->input->states, of->side[side]->status, of->direction);
	end_at_signed(of);
}

bool
compare_group(struct breaks *breaks, const struct break_input *input, uint32_t group)
{
	struct comparison of = {.breaks = breaks, .input = input, .group = group};
	look_up(&of);
	if (!in_window(&of))
		return false;
	bool had_break = breaks->broken[group] != 0;
	bool lacks_journal = check_presence(&of);
	bool missing = lacks_journal || (breaks->broken[group] != 0 && !had_break);
	bool undone = check_undone(&of), behind = false;
	struct wall_time since;
	bool replaced = !undone && member_differs(&of, MEMBER_TX_HASH, &since);
	if (replaced)
		report(&of, BREAK_REPLACED, since);
	check_members(&of, replaced);
	if (!undone && of.side[SIDE_CUSTODIAN] != NULL) {
		size_t before = breaks->count;
		behind = check_status(&of, replaced);
		if (breaks->count == before && !missing)
			check_stuck(&of);
	}
	if (lacks_journal)
		report(&of, BREAK_MISSING_EVENT, of.side[SIDE_CUSTODIAN]->occurred);
	if (breaks->broken[group] == 0)
		check_timing(&of);
	if (breaks->broken[group] == 0 && of.side[SIDE_JOURNAL] != NULL && of.side[SIDE_CUSTODIAN] != NULL &&
	    of.side[SIDE_LEDGER] != NULL)
		breaks->matched++;
	return behind || lacks_journal;
}
