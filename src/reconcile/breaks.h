/* Breaks: where the sources disagree, each of one class of a closed set.
 *
 * One fault gives one break, of the first class in the order of `enum break_class` that explains it:
 *
 *   state     REORGED, else COMPLIANCE_HOLD, else STATUS_REGRESSION, else STATUS_MISMATCH, else STUCK
 *   hash      REPLACED, which also explains another fee and another state at the two that carry different hashes
 *   members   one break for each of asset, amount, fee and address that differs
 *   presence  one of the MISSING_ classes for each source that lacks it; STUCK adds nothing to them
 *   gap       explains the MISSING_EVENT, and the STATUS_MISMATCH of a journal that is behind, of what it held: those
 *             whose time lies between the events on either side, where they are no more than the missing numbers
 *   rest      TIMING, where nothing else is wrong with the transaction
 *
 * What is younger than the tolerance is not yet missing, mismatched or late. What says that money was taken back or is
 * held (REORGED, COMPLIANCE_HOLD) does not wait, nor does what is no matter of time (duplicates, conflicts, gaps). */
#ifndef RECONCILE_BREAKS_H
#define RECONCILE_BREAKS_H

#include "reconcile/amount.h"
#include "reconcile/journal.h"
#include "reconcile/match.h"

enum break_class {
	BREAK_UNVERIFIED_SIGNATURE,
	BREAK_CONTENT_CONFLICT,
	BREAK_SEQUENCE_GAP,
	BREAK_DUPLICATE,
	BREAK_MISSING_EVENT,
	BREAK_MISSING_AT_CUSTODIAN,
	BREAK_MISSING_INSTRUCTION,
	BREAK_MISSING_IN_LEDGER,
	BREAK_REORGED,
	BREAK_REPLACED,
	BREAK_COMPLIANCE_HOLD,
	BREAK_ASSET_MISMATCH,
	BREAK_AMOUNT_MISMATCH,
	BREAK_FEE_MISMATCH,
	BREAK_ADDRESS_MISMATCH,
	BREAK_STATUS_REGRESSION,
	BREAK_STATUS_MISMATCH,
	BREAK_STUCK,
	BREAK_TIMING,
	BREAK_BALANCE_BREAK,
	BREAK_CLASS_COUNT,
};

const char *break_class_name(enum break_class class);

enum break_severity { SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH, SEVERITY_CRITICAL };
const char *break_severity_name(enum break_severity severity);
/* Of a class, and one step more (to high at most) once it is older than three days. */
enum break_severity break_severity(enum break_class class, int64_t age_seconds);

struct break_row {
	enum break_class class;
	uint32_t group; /* RECORD_NONE: it is of no transaction that was matched */
	uint32_t item;	/* index into the gaps, conflicts, refused, duplicates, balances */
	struct wall_time since;
};

/* A balance that C states, and what L's entries add up to. */
struct balance_check {
	struct balance balance;
	struct amount ledger, custodian; /* sums */
	bool ledger_unknown, custodian_unknown;
};

struct breaks {
	struct break_row *rows; /* by class */
	size_t count, capacity;
	size_t counts[BREAK_CLASS_COUNT];
	size_t matched;	       /* transactions that are found on every side without a break */
	unsigned char *broken; /* by group */
	struct balance_check *balances;
	size_t balance_count;
};

struct break_rules {
	struct wall_time as_of;
	struct wall_time from,
	    to; /* TIME_UNKNOWN: unbounded; a transaction is in when one side's time is in [from, to) */
	int64_t tolerance_us, stuck_after_us;
};

struct break_input {
	struct break_rules rules;
	const struct texts *texts;
	struct text native; /* the network's own asset, as it stands in `texts` */
	const struct states *states;
	const struct journal *journal;
	struct records *const *sides;
	const struct match *match;
};

void breaks_init(struct breaks *breaks);
void breaks_fini(struct breaks *breaks);
void breaks_find(struct breaks *breaks, const struct break_input *input);
/* Whole seconds from `since` to the time of the rules; 0 when it is unknown or later. */
int64_t break_age(const struct break_rules *rules, struct wall_time since);

/* --- parts ------------------------------------------------------------------------------------------ */

void break_add(struct breaks *breaks, enum break_class class, uint32_t group, uint32_t item, struct wall_time since);
bool break_is_young(const struct break_rules *rules, struct wall_time time);
/* The times of two records, the later one; what is known where one is not. */
struct wall_time later_of(const struct record *a, const struct record *b);
/* Finds the breaks of one transaction. True: the journal is behind or lacks it, which a gap may explain; the break is
 * then the last one added. */
bool compare_group(struct breaks *breaks, const struct break_input *input, uint32_t group);
/* Removes from the rows at `candidates` those that a gap explains. */
void explain_gaps(struct breaks *breaks, const struct break_input *input, uint32_t *candidates, size_t count);
void check_balances(struct breaks *breaks, const struct break_input *input);

#endif
