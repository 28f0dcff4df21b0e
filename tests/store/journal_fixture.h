/* What the tests of the journal share: rows that hold together, and a check of the whole. */
#ifndef STORE_TESTS_JOURNAL_FIXTURE_H
#define STORE_TESTS_JOURNAL_FIXTURE_H

#include "store/store.h"

/* A journal request as the receiver makes it; everything follows from the numbers. */
struct store_request *journal_request(struct wall_time now, int event, int body);
/* Executes one request, which must commit; returns its status. */
enum error_code journal_run(struct store *store, struct store_request *request);
/* Journals events 1 to `count`, each with a body of its own. */
void journal_fill(struct store *store, int count);

#endif
