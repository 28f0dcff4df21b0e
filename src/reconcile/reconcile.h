/* Reconciliation: the receiver's journal, the custodian's records and the organisation's ledger, held against each other.
 *
 * Was everything notified (journal and custodian), are the books right (custodian and ledger), was it acted on (journal
 * and ledger)? Reads the three, matches what speaks of the same transaction, finds the breaks, and reports them. It
 * changes nothing.
 *
 *   records ─┐
 *   journal ─┼─▶ match ─▶ breaks ─▶ report (table, JSON, CSV, HTML)
 *   records ─┘
 *
 * Memory: a record is 64 bytes and each different text is held once (texts.h); a million transactions on every side
 * stay below 500 MiB. Breaks are put into words only when they are written. */
#ifndef RECONCILE_RECONCILE_H
#define RECONCILE_RECONCILE_H

#include "reconcile/breaks.h"

struct reconcile_source {
	enum record_format format;
	const char *path; /* borrowed */
};

struct reconcile {
	struct texts texts;
	struct states states;
	struct record_context context;
	struct journal journal;
	struct records custodian, ledger;
	struct records *sides[SIDE_COUNT];
	struct match match;
	struct breaks breaks;
	struct break_input input;
};

/* Stays where it is: its parts point at each other. */
void reconcile_init(struct reconcile *reconcile, const struct break_rules *rules);
void reconcile_fini(struct reconcile *reconcile);
/* `csv:FILE` or `jsonl:FILE`; ERR_INVALID names the two forms for anything else. */
MUST_CHECK enum error_code reconcile_source_parse(const char *text, struct reconcile_source *out, struct error *error);
/* Each once, in any order; then the run. */
MUST_CHECK enum error_code reconcile_read_journal(
    struct reconcile *reconcile, struct store *store, struct error *error);
MUST_CHECK enum error_code reconcile_read_records(
    struct reconcile *reconcile, enum side side, const struct reconcile_source *source, struct error *error);
void reconcile_run(struct reconcile *reconcile);

/* When the next run of a schedule is due, after one at `last` (0: there was none): `every_ms` after it, or, where `at_ms` is
 * not negative, at the next of the times that are counted from that time of the day (UTC). Pure. */
struct wall_time reconcile_due(int64_t every_ms, int64_t at_ms, struct wall_time last, struct wall_time now);

#endif
