/* The reader's thread: answers long reads (store_kind_lists) from a connection of its own, so that a list which looks at
 * much holds up no commit. What was answered before a request was submitted is in its reply; its replies are not in the
 * order of the writer's. Owns its store. */
#ifndef STORE_READER_H
#define STORE_READER_H

#include "store/store.h"

struct store_reader;

struct store_reader *store_reader_start(struct store *store, const struct log *log);
/* Any thread; owned by the reader until replied. */
void store_reader_submit_list(struct store_reader *reader, struct mail_list *requests);
void store_reader_stop(struct store_reader *reader); /* answers what is queued first; NULL does nothing */

#endif
