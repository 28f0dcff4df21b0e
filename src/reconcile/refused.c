/* What the receiver refused because its signature does not fit.
 *
 * The receiver keeps no such list yet; once it does, this is the one place that reads it. */
#include "reconcile/journal.h"

enum error_code
journal_read_refused(struct record_context *context, struct store *store, struct journal *journal, struct error *error)
{
	(void)context;
	(void)store;
	(void)error;
	journal->refused = NULL;
	journal->refused_count = 0;
	return OK;
}
