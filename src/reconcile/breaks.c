/* All breaks: those of no single transaction, those of each transaction, and what a gap explains of them. */
#include "reconcile/breaks.h"

#include "base/map.h"

#include <stdlib.h>

static const struct {
	const char *name;
	enum break_severity severity;
} classes[BREAK_CLASS_COUNT] = {
    [BREAK_UNVERIFIED_SIGNATURE] = {"UNVERIFIED_SIGNATURE", SEVERITY_HIGH},
    [BREAK_CONTENT_CONFLICT] = {"CONTENT_CONFLICT", SEVERITY_CRITICAL},
    [BREAK_SEQUENCE_GAP] = {"SEQUENCE_GAP", SEVERITY_HIGH},
    [BREAK_DUPLICATE] = {"DUPLICATE", SEVERITY_HIGH},
    [BREAK_MISSING_EVENT] = {"MISSING_EVENT", SEVERITY_MEDIUM},
    [BREAK_MISSING_AT_CUSTODIAN] = {"MISSING_AT_CUSTODIAN", SEVERITY_HIGH},
    [BREAK_MISSING_INSTRUCTION] = {"MISSING_INSTRUCTION", SEVERITY_CRITICAL},
    [BREAK_MISSING_IN_LEDGER] = {"MISSING_IN_LEDGER", SEVERITY_HIGH},
    [BREAK_REORGED] = {"REORGED", SEVERITY_CRITICAL},
    [BREAK_REPLACED] = {"REPLACED", SEVERITY_MEDIUM},
    [BREAK_COMPLIANCE_HOLD] = {"COMPLIANCE_HOLD", SEVERITY_CRITICAL},
    [BREAK_ASSET_MISMATCH] = {"ASSET_MISMATCH", SEVERITY_CRITICAL},
    [BREAK_AMOUNT_MISMATCH] = {"AMOUNT_MISMATCH", SEVERITY_CRITICAL},
    [BREAK_FEE_MISMATCH] = {"FEE_MISMATCH", SEVERITY_LOW},
    [BREAK_ADDRESS_MISMATCH] = {"ADDRESS_MISMATCH", SEVERITY_CRITICAL},
    [BREAK_STATUS_REGRESSION] = {"STATUS_REGRESSION", SEVERITY_HIGH},
    [BREAK_STATUS_MISMATCH] = {"STATUS_MISMATCH", SEVERITY_MEDIUM},
    [BREAK_STUCK] = {"STUCK", SEVERITY_MEDIUM},
    [BREAK_TIMING] = {"TIMING", SEVERITY_LOW},
    [BREAK_BALANCE_BREAK] = {"BALANCE_BREAK", SEVERITY_HIGH},
};

const char *break_class_name(enum break_class class)
{
	ENSURE(class < BREAK_CLASS_COUNT);
	return classes[class].name;
}

const char *
break_severity_name(enum break_severity severity)
{
	switch (severity) {
	case SEVERITY_LOW: return "low";
	case SEVERITY_MEDIUM: return "medium";
	case SEVERITY_HIGH: return "high";
	case SEVERITY_CRITICAL: return "critical";
	}
	UNREACHABLE();
}

enum break_severity
break_severity(enum break_class class, int64_t age_seconds)
{
	enum break_severity severity = classes[class].severity;
	return severity < SEVERITY_HIGH && age_seconds > INT64_C(3) * 86400 ? severity + 1 : severity;
}

void
breaks_init(struct breaks *breaks)
{
	*breaks = (struct breaks){0};
}

void
breaks_fini(struct breaks *breaks)
{
	for (size_t i = 0; i < breaks->balance_count; i++) {
		amount_fini(&breaks->balances[i].ledger);
		amount_fini(&breaks->balances[i].custodian);
	}
	free(breaks->balances);
	free(breaks->broken);
	free(breaks->rows);
	breaks_init(breaks);
}

int64_t
break_age(const struct break_rules *rules, struct wall_time since)
{
	if (!time_known(since) || since.us >= rules->as_of.us)
		return 0;
	return (rules->as_of.us - since.us) / 1000000;
}

bool
break_is_young(const struct break_rules *rules, struct wall_time time)
{
	return time_known(time) && rules->as_of.us - time.us <= rules->tolerance_us;
}

void
break_add(struct breaks *breaks, enum break_class class, uint32_t group, uint32_t item, struct wall_time since)
{
	if (breaks->count == breaks->capacity) {
		breaks->capacity = breaks->capacity == 0 ? 64 : breaks->capacity * 2;
		breaks->rows = mem_resize(breaks->rows, breaks->capacity, sizeof breaks->rows[0]);
	}
	breaks->rows[breaks->count++] = (struct break_row){class, group, item, since};
}

static bool
in_window(const struct break_rules *rules, struct wall_time first, struct wall_time last)
{
	return !time_known(first) || !time_known(last) ||
	       ((!time_known(rules->from) || last.us >= rules->from.us) &&
		   (!time_known(rules->to) || first.us < rules->to.us));
}

/* Those of the journal as a whole, and the duplicates: none of them waits for the tolerance. */
static void
add_of_sources(struct breaks *breaks, const struct break_input *input)
{
	const struct journal *journal = input->journal;
	const struct break_rules *rules = &input->rules;
	for (uint32_t i = 0; i < journal->refused_count; i++)
		if (in_window(rules, journal->refused[i].last, journal->refused[i].last))
			break_add(breaks, BREAK_UNVERIFIED_SIGNATURE, RECORD_NONE, i, journal->refused[i].last);
	for (uint32_t i = 0; i < journal->conflict_count; i++)
		if (in_window(rules, journal->conflicts[i].occurred, journal->conflicts[i].occurred))
			break_add(breaks, BREAK_CONTENT_CONFLICT, RECORD_NONE, i, journal->conflicts[i].occurred);
	for (uint32_t i = 0; i < journal->gap_count; i++)
		if (in_window(rules, journal->gaps[i].before, journal->gaps[i].after))
			break_add(breaks, BREAK_SEQUENCE_GAP, RECORD_NONE, i, journal->gaps[i].after);
	for (uint32_t i = 0; i < input->match->duplicate_count; i++) {
		const struct match_duplicate *duplicate = &input->match->duplicates[i];
		struct wall_time time = input->sides[duplicate->side]->items[duplicate->second].occurred;
		breaks->broken[duplicate->group] = 1;
		if (in_window(rules, time, time))
			break_add(breaks, BREAK_DUPLICATE, RECORD_NONE, i, time);
	}
}

/* A transaction of whose events one is in conflict has a break. */
static void
mark_conflicts(struct breaks *breaks, const struct break_input *input)
{
	const struct journal *journal = input->journal;
	if (journal->conflict_count == 0)
		return;
	struct map transactions;
	map_init(&transactions);
	for (size_t i = 0; i < journal->conflict_count; i++)
		if (text_present(journal->conflicts[i].transaction))
			map_put(&transactions, journal->conflicts[i].transaction.at, 0, 0);
	for (size_t g = 0; g < input->match->group_count; g++) {
		uint32_t index = input->match->groups[g].side[SIDE_JOURNAL];
		if (index != RECORD_NONE &&
		    map_get(&transactions, journal->records.items[index].members[MEMBER_ID].at, 0) != MAP_ABSENT)
			breaks->broken[g] = 1;
	}
	map_fini(&transactions);
}

/* The order of classes; within one, the order in which they were found. Rows of no class were explained by another. */
static void
sort_rows(struct breaks *breaks)
{
	size_t starts[BREAK_CLASS_COUNT + 2] = {0};
	for (size_t i = 0; i < breaks->count; i++)
		starts[breaks->rows[i].class + 1]++;
	for (size_t class = 0; class < BREAK_CLASS_COUNT; class ++)
		breaks->counts[class] = starts[class + 1];
	size_t kept = breaks->count - starts[BREAK_CLASS_COUNT + 1];
	for (size_t class = 1; class < COUNT_OF(starts); class ++)
		starts[class] += starts[class - 1];
	struct break_row *sorted = mem_alloc((breaks->count + 1) * sizeof sorted[0]);
	for (size_t i = 0; i < breaks->count; i++)
		sorted[starts[breaks->rows[i].class]++] = breaks->rows[i];
	free(breaks->rows);
	breaks->rows = sorted;
	breaks->count = kept;
}

void
breaks_find(struct breaks *breaks, const struct break_input *input)
{
	size_t groups = input->match->group_count;
	breaks->broken = mem_zero(groups, 1);
	add_of_sources(breaks, input);
	mark_conflicts(breaks, input);
	uint32_t *candidates = NULL;
	size_t count = 0, capacity = 0;
	for (uint32_t group = 0; group < groups; group++) {
		if (!compare_group(breaks, input, group) || input->journal->gap_count == 0)
			continue;
		if (count == capacity) {
			capacity = capacity == 0 ? 64 : capacity * 2;
			candidates = mem_resize(candidates, capacity, sizeof candidates[0]);
		}
		candidates[count++] = (uint32_t)breaks->count - 1;
	}
	explain_gaps(breaks, input, candidates, count);
	free(candidates);
	check_balances(breaks, input);
	sort_rows(breaks);
}
