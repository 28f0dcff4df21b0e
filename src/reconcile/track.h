/* Tracking: the state and the timeline of one transaction, approval, screening case or endpoint, from the journal's events
 * of it.
 *
 * A transaction's events are its own and those of the cases that name it; an approval's and a case's are their own. They
 * apply as reconciliation applies them (journal.h): in the order of `stream_seq`, else by `occurred_at`, then by rank; a
 * lower rank that comes later in this order stands in the timeline and moves nothing.
 *
 * Invariants
 * 1. The same rows give the same answer, in whatever order and however often they are handed over.
 * 2. Only verified rows count: not what came as another body under a known id.
 *
 * It reads no clock, and no journal but for track_read: who calls it hands over the rows, one after the other, and the time.
 * It keeps the events of its resource and nothing of other rows.
 *
 * The store's index (store_track) says which rows may be of a resource, so that one question costs what the resource has
 * events, and not what the journal has rows. It is written behind by whoever reads names (track_names) and is never the
 * truth: each row that it names is looked at here, and rows behind its end are read as they are. */
#ifndef RECONCILE_TRACK_H
#define RECONCILE_TRACK_H

#include "reconcile/journal.h"

enum track_kind { TRACK_TRANSACTION, TRACK_WORKFLOW, TRACK_CASE, TRACK_ENDPOINT, TRACK_KIND_COUNT };

/* "tx", "workflow", "case", "endpoint". */
const char *track_kind_name(enum track_kind kind);
MUST_CHECK bool track_kind_parse(struct slice name, enum track_kind *out);

struct track_event {
	struct slice event_id, type, source; /* type absent: the journal knows none */
	struct wall_time at;		     /* when it occurred; where it does not say so, when it came */
	bool moved;
	/* for the fold */
	const struct catalogue_type *catalogue; /* NULL: it says its state itself, in `status` */
	struct slice status;
	enum direction direction;
	int64_t stream_seq; /* -1: it has none */
	bool own;
};

struct track {
	enum track_kind kind;
	struct slice id;	    /* borrowed */
	struct track_event *events; /* in the order of arrival; after track_run the timeline, each once */
	size_t count, capacity;
	size_t damaged; /* rows that could not be read, whatever they are of */

	/* after track_run */
	struct slice state;	/* absent: no event says one */
	struct wall_time since; /* when the event occurred that moved it there; TIME_UNKNOWN without a state */
	bool stuck;

	/* private */
	struct arena arena;
	struct texts texts;
	struct states states;
	struct record_context context;
	struct journal_body body;
};

/* Stays where it is: its parts point at each other. The id must not be empty. */
void track_init(struct track *track, enum track_kind kind, struct slice id);
void track_fini(struct track *track);
/* Takes a row with its body, if it is of the resource. */
void track_take(struct track *track, const struct store_journal_row *row);
/* Once, after the last row. Stuck is what has a state that something is still to follow, for longer than
 * `stuck_after_us` at `as_of`. Without events (count 0) nothing is known of the resource. */
void track_run(struct track *track, struct wall_time as_of, int64_t stuck_after_us);

/* Hands over every row of the resource that the store has: those of the index, and those behind it, of which at most
 * `tail_max` are read (ERR_UNAVAILABLE: there are more, the index is being made; 0: however many there are). `wants`
 * leaves rows out; NULL: none. The store may be read-only. */
typedef bool track_filter(void *context, const struct store_journal_row *row);
MUST_CHECK enum error_code track_read(
    struct track *track, struct store *store, size_t tail_max, track_filter *wants, void *context, struct error *error);

/* Which resources a row speaks of: what track_take of any track would take it for. */
struct track_names {
	struct slice of[TRACK_KIND_COUNT]; /* absent or empty: none of this kind; until the next one is read */

	/* private */
	struct texts texts;
	struct states states;
	struct record_context context;
	struct journal_body body;
};

/* Stays where it is. */
void track_names_init(struct track_names *names);
void track_names_fini(struct track_names *names);
void track_names_read(struct track_names *names, const struct store_journal_row *row);

#endif
