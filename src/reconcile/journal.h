/* The journal's side: each transaction's state, built from the events that the receiver has journalled.
 *
 * The events of one transaction (its own, and those of the cases that name it) apply in the order of `stream_seq`,
 * whatever the order of their arrival; where they have no such numbers of one source, by `occurred_at`, then by rank. An
 * event of a lower rank that comes later in this order moves nothing; one that may lower (reorged, replaced, dropped, an
 * exit) does. What the events say of the other members stands as the last one that says it.
 *
 * Invariant: only verified events count; a second body under a known id is a conflict and nothing else. */
#ifndef RECONCILE_JOURNAL_H
#define RECONCILE_JOURNAL_H

#include "reconcile/records.h"
#include "store/store.h"

/* A run of numbers of one stream that are missing although a later one has come. */
struct journal_gap {
	struct text source, organisation;
	bool by_header; /* numbers of the vaultbell-sequence header, where the envelopes have none */
	int64_t first, last;
	struct wall_time before, after; /* when the events on either side of it occurred; TIME_UNKNOWN */
};

/* An event id under which two different bodies came, both verified. */
struct journal_conflict {
	struct text source, event_id, transaction;
	int64_t seq; /* of the journal's row that is the second body */
	uint32_t bodies;
	struct wall_time occurred; /* as the second body says, else when it was received */
};

/* A request that the receiver refused because its signature does not fit. */
struct journal_refused {
	struct text source, event_id; /* as it claimed */
	uint64_t count;		      /* of all that came, whatever is kept of them */
	struct wall_time last;
};

struct journal {
	struct records records; /* one for each transaction, in the order of first arrival */
	struct journal_gap *gaps;
	size_t gap_count, gap_capacity;
	struct journal_conflict *conflicts;
	size_t conflict_count, conflict_capacity;
	struct journal_refused *refused;
	size_t refused_count;
	size_t event_count; /* all that were read */
};

void journal_init(struct journal *journal);
void journal_fini(struct journal *journal);
MUST_CHECK enum error_code journal_read(
    struct record_context *context, struct store *store, struct journal *journal, struct error *error);

/* The same from rows that come from elsewhere, one after another. The end frees the reader, whatever it returns. */
struct journal_reader;
struct journal_reader *journal_reader_new(struct record_context *context, struct journal *journal);
void journal_reader_take(struct journal_reader *reader, const struct store_journal_row *row);
MUST_CHECK enum error_code journal_reader_end(struct journal_reader *reader, struct error *error);

/* --- parts ------------------------------------------------------------------------------------------ */

/* What one event says of a transaction. */
struct journal_event {
	struct record values;
	const struct catalogue_type *type; /* NULL: not in the catalogue */
	int64_t stream_seq;		   /* -1: it has none */
	struct text source;
	uint32_t transaction; /* index into the records */
	bool own;	      /* of the transaction itself, not of a case that names it */
	bool sign_only;	      /* of a request to sign and not to send */
	bool moved;	      /* out: it moved the state */
};

/* A number that came, and when what it numbers occurred. */
struct journal_number {
	int64_t number;
	int64_t envelope; /* of a header's number: the stream_seq beside it; -1: none */
	struct wall_time occurred;
};

/* The numbers of the envelopes of one source and organisation, or of one source's vaultbell-sequence headers. */
struct journal_stream {
	struct text source, organisation;
	bool by_header;
	bool alone; /* of headers: one stood beside an envelope without a number, so they have to be looked at */
	struct journal_number *numbers;
	size_t count, capacity;
	struct journal_number newest; /* the highest that a heartbeat carries; -1: none */
};

/* What one body says, with its slices in the arena of the context. */
struct journal_body {
	const struct catalogue_type *type;
	struct record_draft draft;
	struct slice key; /* what names the transaction; absent: the event concerns none */
	struct slice organisation;
	int64_t stream_seq, newest; /* -1: none */
	int64_t newest_header;	    /* of a heartbeat: the newest number of the header; -1: none */
	struct wall_time occurred;
	bool own;
	bool sign_only;
};

/* Reads an envelope, or a body of the platform's first generation. False: it is neither. */
bool journal_body_read(struct record_context *context, struct slice body, struct slice type, struct journal_body *out);

/* Applies all events to the records of their transactions. */
void journal_fold(
    const struct states *states, struct journal_event *events, size_t count, struct records *transactions);
/* The same for one transaction, or for the other resource whose words `states` has. `order` holds the indices of its
 * events in the order of arrival, and afterwards in that in which they applied. */
void journal_fold_one(
    const struct states *states, struct journal_event *events, uint32_t *order, size_t count, struct record *record);
/* Finds the runs of missing numbers of a stream. Sorts its numbers. */
void journal_find_gaps(struct journal *journal, struct journal_stream *stream);
/* Reads what the receiver refused because of its signature. */
MUST_CHECK enum error_code journal_read_refused(
    struct record_context *context, struct store *store, struct journal *journal, struct error *error);

#endif
