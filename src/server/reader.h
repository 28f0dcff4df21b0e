/* The receiver's API: what internal systems read of it, each with a token of its own (M22), and alerts moved by hand.
 *
 * It has a thread and a connection to the database of its own, so that what is read, however long it takes, delays no
 * receipt: SQLite's readers and its writer do not wait for each other. What changes something goes to the store's thread
 * like everything else. The in-loop hands requests over (reader_request) and answers them (reader_reply).
 *
 * Invariants
 * 1. Nothing is shown but to a token that is there at that moment: each request looks it up, so that a revoked one ends at
 *    once.
 * 2. What a token's scope leaves out is not there for it: rows of other sources and types are not listed, found or
 *    counted, and fields are taken out of bodies. Exact bytes and digests are for tokens whose fields are not restricted.
 * 3. A role that may not read a type's payload does not get it here either (redact.c). */
#ifndef SERVER_READER_H
#define SERVER_READER_H

#include "receive/receive.h"
#include "server/http.h"
#include "store/runner.h"

struct reader;

/* Since the start, but what is said to be now. */
struct reader_measures {
	uint64_t accepted, duplicates, conflicts, no_keys, unrecorded;
	uint64_t refused[VERDICT_COUNT];
	uint64_t attempts_succeeded, attempts_failed, exhausted;
	struct store_runner_counts store;
};

struct reader_options {
	struct store *store;	     /* taken; read only */
	struct store_runner *runner; /* for what changes something */
	struct mailbox *mailbox;     /* where answers go, as mail of `kind` */
	int kind;
	const struct log *log;
	void (*measure)(void *context, struct reader_measures *out); /* any thread */
	void *measure_context;
	/* A change left this end of the audit log; the reader's thread. NULL: nobody anchors it. */
	void (*audited)(void *measure_context, const struct store_journal_end *end);
	int64_t stuck_after_us;
};

struct reader *reader_start(const struct reader_options *options);
/* Whether the path is the API's and not the gateway's. */
bool reader_wants(struct slice path);
void reader_request(struct reader *reader, struct http_exchange *exchange);
void reader_gone(struct reader *reader, struct http_exchange *exchange);
/* Answers, and frees what the mail is of. */
void reader_reply(struct reader *reader, struct mail *mail);
/* Ends the thread; answers may still be in the mailbox. The runner must still be there. */
void reader_stop(struct reader *reader);
void reader_free(struct reader *reader); /* NULL is fine */

#endif
