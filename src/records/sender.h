/* A Vaultbell sender asked for what did not come: its feed says which events an endpoint has had under which numbers, and a
 * replay sends them again, as genuine webhooks. */
#ifndef RECORDS_SENDER_H
#define RECORDS_SENDER_H

#include "records/source.h"

/* What the sender is asked about each event of its feed: true when the journal has it. */
typedef bool sender_known(void *context, struct slice event_id);

struct sender_events {
	struct slice_list ids; /* of events that are not known, in the order of their numbers */
	uint64_t looked_at;    /* events of the feed */
	uint64_t gone;	       /* not known, and no longer kept by the sender */
	struct arena arena;
};

void sender_events_free(struct sender_events *events);
/* Walks the numbers from `first` to `last` (0: to the newest). The source is a VAULTBELL one with an endpoint. */
MUST_CHECK enum error_code sender_find_unknown(struct records_source *source, int64_t first, int64_t last,
    sender_known *known, void *context, struct sender_events *out, struct error *error);
/* Has the events delivered to the endpoint again. */
MUST_CHECK enum error_code sender_replay(
    struct records_source *source, const struct slice_list *ids, struct error *error);

#endif
