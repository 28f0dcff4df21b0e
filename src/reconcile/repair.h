/* What a machine may mend of what a reconciliation found: events that did not come. All else is for a person.
 *
 *   SEQUENCE_GAP                          the sender has the numbers that are missing
 *   MISSING_EVENT                         the custodian has the transaction, the journal nothing of it
 *   STATUS_MISMATCH, the journal behind   the custodian is final, and the journal alone is not
 *
 * What is taken over from the custodian's records stands in the journal as what it is: a row of the verdict
 * `reconciliation`, with a body that says so. It is no webhook and never looks like one. Pure. */
#ifndef RECONCILE_REPAIR_H
#define RECONCILE_REPAIR_H

#include "reconcile/reconcile.h"

enum repair_kind {
	REPAIR_NONE,	/* for a person */
	REPAIR_NUMBERS, /* ask the sender for the numbers */
	REPAIR_EVENTS,	/* look the transaction up, and ask the sender for its events */
};

enum repair_kind repair_of(const struct reconcile *reconcile, const struct break_row *row);
/* The custodian's record of the break's transaction as a JSON object of its members, in `arena`. */
struct slice repair_record(const struct reconcile *reconcile, const struct break_row *row, struct arena *arena);
/* The custodian's id of it; absent where its record has none. */
struct slice repair_transaction(const struct reconcile *reconcile, const struct break_row *row, struct arena *arena);

#define REPAIR_TYPE SLICE("reconciliation.record")
/* The body of the journal's row, from a record as repair_record gives it. The event's id is of the body alone, so the same
 * look-up twice makes one row. Absent: the record is not such an object, or names no transaction. */
struct slice repair_body(struct slice record, struct arena *arena, struct slice *event_id);

#endif
