/* The journal page by page, the next one being read on a thread of its own while one is worked on. Reading a page takes
 * about as long as making sense of it, and a million events are a thousand pages.
 *
 * Invariants
 * 1. At most two pages are in memory: the one that was handed out, and the one that is read.
 * 2. The store is the thread's from journal_pages_start to journal_pages_end, and the caller's before and after. */
#ifndef RECONCILE_JOURNAL_PAGES_H
#define RECONCILE_JOURNAL_PAGES_H

#include "store/store.h"

struct journal_pages;

struct journal_pages *journal_pages_start(struct store *store);
/* The next rows with their bodies, valid until the next call; none at the end. */
MUST_CHECK enum error_code journal_pages_next(
    struct journal_pages *pages, const struct store_journal_row **rows, size_t *count, struct error *error);
void journal_pages_end(struct journal_pages *pages); /* whether or not all was read */

#endif
