/* The store's thread: takes requests from its mailbox, executes what is queued as one batch, and after the
 * commit posts each reply to the mailbox that its request names, and notes to the sender's.
 *
 * Group commit without a timer: while one batch commits, the next one gathers. Owns the store. */
#ifndef STORE_RUNNER_H
#define STORE_RUNNER_H

#include "store/anchor.h"

struct store_runner;

enum { STORE_SIZE_BUCKETS = 5, STORE_TIME_BUCKETS = 8 };

/* Since the start; a bucket counts what is not more than its bound, the last bound being infinity. */
struct store_runner_counts {
	uint64_t batches, requests, failed_batches, commit_us;
	uint64_t noted_bytes;			/* store_note_bytes of all notes that went out */
	uint64_t sizes[STORE_SIZE_BUCKETS + 1]; /* up to 1, 4, 16, 64, 256 requests */
	uint64_t times[STORE_TIME_BUCKETS + 1]; /* up to 0.5, 1, 2.5, 5, 10, 25, 50, 100 ms */
};

struct store_runner_options {
	struct store *store;   /* taken */
	struct anchor *anchor; /* taken; NULL: the journal's end is not anchored */
	struct mailbox *notes; /* where notes go (mail.kind = note_kind); NULL: nobody wants them */
	int note_kind;
	const struct log *log;
};

struct store_runner *store_runner_start(const struct store_runner_options *options);
/* Submits one request or several; owned by the runner until replied. Any thread. */
void store_runner_submit(struct store_runner *runner, struct store_request *request);
void store_runner_submit_list(struct store_runner *runner, struct mail_list *requests);
/* From any thread. */
struct store_runner_counts store_runner_counts(const struct store_runner *runner);
uint64_t store_runner_noted_bytes(const struct store_runner *runner);
/* The generation of the key that the anchor is sealed with, from any thread; UINT64_MAX: there is no anchor. */
uint64_t store_runner_anchor_sealed_by(const struct store_runner *runner);
/* Executes what is queued, then ends the thread and closes the store. Replies may still come until it returns. */
void store_runner_stop(struct store_runner *runner);

#endif
